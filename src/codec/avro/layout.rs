//! What a writer's schema says about the bytes on the wire.

use std::collections::HashMap;
use std::ptr;

use apache_avro::schema::{DecimalSchema, InnerDecimalSchema, Schema as Avro, UuidSchema};

use super::schema::NamedTypes;

pub type PartId = usize;

/// The parts of a schema as a table: a type that holds itself is an id in it.
#[derive(Debug, Default)]
pub struct Layout {
    parts: Vec<Part>,
}

impl Layout {
    pub fn part(&self, id: PartId) -> &Part {
        &self.parts[id]
    }
}

#[derive(Debug)]
pub enum Part {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    /// One of so many symbols.
    Symbol(usize),
    Items(PartId),
    Entries(PartId),
    OneOf(Vec<PartId>),
    Fields(Vec<PartId>),
}

/// Lays out the parts of one schema that are asked for, each once.
pub struct LayoutBuilder<'s> {
    named_types: NamedTypes<'s>,
    /// By where a type lies in its schema.
    known: HashMap<*const Avro, PartId>,
    layout: Layout,
}

impl<'s> LayoutBuilder<'s> {
    pub fn new(named_types: NamedTypes<'s>) -> LayoutBuilder<'s> {
        LayoutBuilder { named_types, known: HashMap::new(), layout: Layout::default() }
    }

    pub fn finish(self) -> Layout {
        self.layout
    }

    pub fn add(&mut self, schema: &'s Avro) -> PartId {
        if let Avro::Ref { name } = schema
            && let Some(named) = self.named_types.get(name).copied()
        {
            return self.add(named);
        }
        if let Some(id) = self.known.get(&ptr::from_ref(schema)) {
            return *id;
        }
        // In its place at once, since a record's fields may hold it.
        let id = self.layout.parts.len();
        self.layout.parts.push(Part::Null);
        self.known.insert(ptr::from_ref(schema), id);
        self.layout.parts[id] = self.part(schema);
        id
    }

    fn part(&mut self, schema: &'s Avro) -> Part {
        match schema {
            Avro::Null => Part::Null,
            Avro::Boolean => Part::Boolean,
            Avro::Int | Avro::Date | Avro::TimeMillis => Part::Int,
            Avro::Long
            | Avro::TimeMicros
            | Avro::TimestampMillis
            | Avro::TimestampMicros
            | Avro::TimestampNanos
            | Avro::LocalTimestampMillis
            | Avro::LocalTimestampMicros
            | Avro::LocalTimestampNanos => Part::Long,
            Avro::Float => Part::Float,
            Avro::Double => Part::Double,
            Avro::Fixed(fixed)
            | Avro::Duration(fixed)
            | Avro::Uuid(UuidSchema::Fixed(fixed))
            | Avro::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => Part::Fixed(fixed.size),
            Avro::Bytes | Avro::BigDecimal | Avro::Decimal(_) | Avro::Uuid(UuidSchema::Bytes) => Part::Bytes,
            Avro::String | Avro::Uuid(UuidSchema::String) => Part::Text,
            Avro::Enum(symbols) => Part::Symbol(symbols.symbols.len()),
            Avro::Array(array) => Part::Items(self.add(&array.items)),
            Avro::Map(map) => Part::Entries(self.add(&map.types)),
            Avro::Union(union) => Part::OneOf(union.variants().iter().map(|branch| self.add(branch)).collect()),
            Avro::Record(record) => Part::Fields(record.fields.iter().map(|field| self.add(&field.schema)).collect()),
            // A schema whose names don't resolve was refused before; nothing decodes as no branch at all.
            Avro::Ref { .. } => Part::OneOf(Vec::new()),
        }
    }
}
