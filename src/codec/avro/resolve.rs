//! Avro's schema resolution, done once per writer's schema: how each of its parts is read into ours.

use apache_avro::schema::{EnumSchema, RecordField, Schema as Avro, UuidSchema};
use serde_json::Value as Json;

use super::layout::{Layout, LayoutBuilder, PartId};
use super::schema::{NamedTypes, Schema};
use super::value::Value;

/// Types, fields and symbols of a plan. A writer's unions can combine a few thousand types into billions of ways to read
/// them, and a plan has a type's fields in every place where the type is.
const STEPS_MAX: usize = 20_000;

#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    Null,
    Int,
    Long,
    /// A long, times so many microseconds.
    Time {
        unit_micros: i64,
    },
    Double(Number),
    Text,
    TextFromBytes,
    /// A fixed of 16 bytes.
    Uuid,
    Decimal {
        scale: u32,
    },
    /// By the writer's symbol: the reader's.
    Symbol(Vec<Result<usize, Failure>>),
    Items(Box<Plan>),
    Entries(Box<Plan>),
    Fields(RecordPlan),
    /// The writer's union: by its branch.
    Union(Vec<Plan>),
    /// A branch of the reader's union.
    Branch(usize, Box<Plan>),
    /// Whoever gets here has a datum that is good for its writer and not for us.
    Fail(Failure),
}

/// What a double is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    Int,
    Long,
    Float,
    Double,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RecordPlan {
    /// In the writer's order.
    pub steps: Vec<Step>,
    /// What the reader has where the writer gives nothing; in the reader's order.
    pub blank: Vec<Value<'static>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Skip(PartId),
    Read { target: usize, plan: Plan },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A union's branch or an enum's symbol that only a newer writer knows; the others may still decode.
    pub unknown_variant: bool,
    pub detail: String,
}

/// How a writer's data are read by one of our schemas.
#[derive(Debug)]
pub struct Resolved {
    pub plan: Plan,
    /// Of the writer's schema.
    pub layout: Layout,
    pub root: PartId,
}

/// Walks both schemas together; the reader's must not hold itself.
pub fn resolve(writer: &Schema, reader: &Schema) -> Resolved {
    let mut layout = LayoutBuilder::new(writer.named_types());
    // A text after those that it refers to: the builder goes as deep as one text is, and never through all of them.
    for text in writer.texts() {
        layout.add(text);
    }
    let root = layout.add(writer.root());
    let (written, read) = (writer.named_types(), reader.named_types());
    let mut resolver = Resolver { written, read, layout, steps_left: STEPS_MAX };
    let path = reader.root().name().map_or("datum", |name| name.name());
    let plan = resolver.plan(writer.root(), reader.root(), path);
    Resolved { plan, layout: resolver.layout.finish(), root }
}

struct Resolver<'s> {
    /// The writer's named types.
    written: NamedTypes<'s>,
    /// The reader's.
    read: NamedTypes<'s>,
    layout: LayoutBuilder<'s>,
    steps_left: usize,
}

impl<'s> Resolver<'s> {
    fn plan(&mut self, writer: &'s Avro, reader: &'s Avro, path: &str) -> Plan {
        let (writer, reader) = (defined(writer, &self.written), defined(reader, &self.read));
        let Some(left) = self.steps_left.checked_sub(1 + parts(writer)) else {
            return fail(format!("{path}: the writer's schema can be read in more ways than foldback plans for"));
        };
        self.steps_left = left;
        match (writer, reader) {
            (Avro::Union(union), _) => {
                Plan::Union(union.variants().iter().map(|branch| self.plan(branch, reader, path)).collect())
            }
            (_, Avro::Union(union)) => self.branch(writer, union.variants(), path),
            (Avro::Array(from), Avro::Array(to)) => Plan::Items(Box::new(self.plan(&from.items, &to.items, path))),
            (Avro::Map(from), Avro::Map(to)) => Plan::Entries(Box::new(self.plan(&from.types, &to.types, path))),
            (Avro::Record(from), Avro::Record(to)) if same_name(writer, reader) => {
                self.record(&from.fields, &to.fields, path)
            }
            (Avro::Enum(from), Avro::Enum(to)) if same_name(writer, reader) => {
                Plan::Symbol(from.symbols.iter().map(|symbol| match_symbol(symbol, to, path)).collect())
            }
            _ => primitive(writer, reader).unwrap_or_else(|| mismatch(writer, reader, path)),
        }
    }

    /// The first branch of the same type and name; without one, the first that the type can be promoted to.
    fn branch(&mut self, writer: &'s Avro, branches: &'s [Avro], path: &str) -> Plan {
        let same = |branch: &Avro| {
            let reader = defined(branch, &self.read);
            type_name(writer) == type_name(reader) && same_name(writer, reader)
        };
        let promoted = |branch: &Avro| primitive(writer, branch).is_some();
        let found = branches.iter().position(same).or_else(|| branches.iter().position(promoted));
        let Some(index) = found else { return unknown_branch(writer, path) };
        let optional = branches.len() <= 2 && branches.iter().any(|branch| matches!(branch, Avro::Null));
        let path = match writer.name() {
            Some(name) if !optional => name.name(),
            _ => path,
        };
        let plan = self.plan(writer, &branches[index], path);
        if optional { plan } else { Plan::Branch(index, Box::new(plan)) }
    }

    fn record(&mut self, from: &'s [RecordField], to: &'s [RecordField], path: &str) -> Plan {
        let mut blank = vec![Value::Null; to.len()];
        let mut sources = vec![None; to.len()];
        for (target, field) in to.iter().enumerate() {
            let named = |name: &String| from.iter().position(|writer| writer.name == *name);
            sources[target] = named(&field.name).or_else(|| field.aliases.iter().find_map(named));
            if sources[target].is_none() {
                let default = field.default.as_ref();
                match default.and_then(|json| default_value(defined(&field.schema, &self.read), json)) {
                    Some(default) => blank[target] = default,
                    None => return fail(format!("{path}.{} is missing and has no default", field.name)),
                }
            }
        }
        let step =
            |(index, field): (usize, &'s RecordField)| match sources.iter().position(|source| *source == Some(index)) {
                None => Step::Skip(self.layout.add(&field.schema)),
                Some(target) => {
                    let path = format!("{path}.{}", to[target].name);
                    Step::Read { target, plan: self.plan(&field.schema, &to[target].schema, &path) }
                }
            };
        Plan::Fields(RecordPlan { steps: from.iter().enumerate().map(step).collect(), blank })
    }
}

/// What a plan holds for each of, whether we read it or not.
fn parts(writer: &Avro) -> usize {
    match writer {
        Avro::Record(record) => record.fields.len(),
        Avro::Enum(of) => of.symbols.len(),
        _ => 0,
    }
}

/// What a reference stands for.
fn defined<'s>(schema: &'s Avro, named_types: &NamedTypes<'s>) -> &'s Avro {
    match schema {
        Avro::Ref { name } => named_types.get(name).copied().unwrap_or(schema),
        schema => schema,
    }
}

/// Names match without their namespaces.
fn same_name(writer: &Avro, reader: &Avro) -> bool {
    writer.name().map(|name| name.name()) == reader.name().map(|name| name.name())
}

fn primitive(writer: &Avro, reader: &Avro) -> Option<Plan> {
    Some(match (reader, writer) {
        (Avro::Null, Avro::Null) => Plan::Null,
        (Avro::Int, Avro::Int) => Plan::Int,
        (Avro::Long, Avro::Int) => Plan::Long,
        (Avro::Long, writer) if type_name(writer) == "long" => Plan::Long,
        // A long without a logical type is taken as what the reader's says: that is Avro's resolution.
        (Avro::TimestampMicros, Avro::TimestampMicros | Avro::Long | Avro::Int) => Plan::Time { unit_micros: 1 },
        (Avro::TimestampMicros, Avro::TimestampMillis) => Plan::Time { unit_micros: 1000 },
        (Avro::Double, Avro::Int) => Plan::Double(Number::Int),
        (Avro::Double, Avro::Float) => Plan::Double(Number::Float),
        (Avro::Double, Avro::Double) => Plan::Double(Number::Double),
        (Avro::Double, writer) if type_name(writer) == "long" => Plan::Double(Number::Long),
        (Avro::String, Avro::String) => Plan::Text,
        (Avro::String, Avro::Bytes) => Plan::TextFromBytes,
        // Avro 1.12 has both encodings of a UUID; the rules refuse one where a text is not a UUID.
        (Avro::String, Avro::Uuid(UuidSchema::Fixed(_))) => Plan::Uuid,
        (Avro::Decimal(decimal), Avro::Bytes) => Plan::Decimal { scale: scale(decimal.scale)? },
        (Avro::Decimal(_), Avro::Decimal(written)) => Plan::Decimal { scale: scale(written.scale)? },
        _ => return None,
    })
}

fn scale(scale: usize) -> Option<u32> {
    u32::try_from(scale).ok()
}

/// The type as a schema's JSON calls it.
pub(in crate::codec) fn type_name(schema: &Avro) -> &'static str {
    match schema {
        Avro::Null => "null",
        Avro::Boolean => "boolean",
        Avro::Int | Avro::Date | Avro::TimeMillis => "int",
        Avro::Long
        | Avro::TimeMicros
        | Avro::TimestampMillis
        | Avro::TimestampMicros
        | Avro::TimestampNanos
        | Avro::LocalTimestampMillis
        | Avro::LocalTimestampMicros
        | Avro::LocalTimestampNanos => "long",
        Avro::Float => "float",
        Avro::Double => "double",
        Avro::Bytes | Avro::BigDecimal | Avro::Decimal(_) => "bytes",
        Avro::Uuid(UuidSchema::Fixed(_)) => "fixed",
        Avro::String | Avro::Uuid(_) => "string",
        Avro::Fixed(_) | Avro::Duration(_) => "fixed",
        Avro::Enum(_) => "enum",
        Avro::Array(_) => "array",
        Avro::Map(_) => "map",
        Avro::Union(_) => "union",
        Avro::Record(_) => "record",
        Avro::Ref { .. } => "reference",
    }
}

fn match_symbol(symbol: &str, to: &EnumSchema, path: &str) -> Result<usize, Failure> {
    let named = |name: &str| to.symbols.iter().position(|known| known == name);
    named(symbol)
        .or_else(|| to.default.as_deref().and_then(named))
        .ok_or_else(|| Failure { unknown_variant: true, detail: format!("{path}: the symbol `{symbol}` is unknown") })
}

fn default_value(reader: &Avro, json: &Json) -> Option<Value<'static>> {
    match (reader, json) {
        (Avro::Union(union), _) => union.variants().iter().find_map(|branch| default_value(branch, json)),
        (Avro::Null, Json::Null) => Some(Value::Null),
        (Avro::Int | Avro::Long | Avro::TimestampMicros, Json::Number(number)) => number.as_i64().map(Value::Number),
        (Avro::Double, Json::Number(number)) => number.as_f64().map(Value::Double),
        // A value borrows its text from the record; a default has none to borrow from but these.
        (Avro::String, Json::String(text)) if text == "{}" => Some(Value::Text("{}")),
        (Avro::String, Json::String(text)) if text.is_empty() => Some(Value::Text("")),
        (Avro::Enum(to), Json::String(text)) => to.symbols.iter().position(|symbol| symbol == text).map(Value::Symbol),
        (Avro::Array(_), Json::Array(items)) if items.is_empty() => Some(Value::Items(Vec::new())),
        (Avro::Map(_), Json::Object(entries)) if entries.is_empty() => Some(Value::Entries(Vec::new())),
        _ => None,
    }
}

fn describe(schema: &Avro) -> String {
    match schema.name() {
        Some(name) => format!("{} `{}`", type_name(schema), name.name()),
        None => format!("`{}`", type_name(schema)),
    }
}

fn mismatch(writer: &Avro, reader: &Avro, path: &str) -> Plan {
    let note =
        if type_name(writer) == type_name(reader) && writer.name().is_none() { " of another logical type" } else { "" };
    fail(format!("{path}: the writer has {}{note}, which cannot be read as {}", describe(writer), describe(reader)))
}

fn unknown_branch(writer: &Avro, path: &str) -> Plan {
    let detail = format!("{path}: the writer's branch {} is unknown", describe(writer));
    Plan::Fail(Failure { unknown_variant: true, detail })
}

fn fail(detail: String) -> Plan {
    Plan::Fail(Failure { unknown_variant: false, detail })
}

impl Plan {
    /// Every way in which a datum of the writer can fail to be ours.
    pub fn failures(&self) -> Vec<&Failure> {
        match self {
            Plan::Fail(failure) => vec![failure],
            Plan::Items(plan) | Plan::Entries(plan) | Plan::Branch(_, plan) => plan.failures(),
            Plan::Union(branches) => branches.iter().flat_map(Plan::failures).collect(),
            Plan::Symbol(symbols) => symbols.iter().filter_map(|symbol| symbol.as_ref().err()).collect(),
            Plan::Fields(record) => record.steps.iter().flat_map(Step::failures).collect(),
            _ => Vec::new(),
        }
    }
}

impl Step {
    fn failures(&self) -> Vec<&Failure> {
        match self {
            Step::Skip(_) => Vec::new(),
            Step::Read { plan, .. } => plan.failures(),
        }
    }
}
