//! An Avro schema, parsed by apache-avro from a text that was made strict before.

use std::collections::HashMap;
use std::panic::catch_unwind;

use apache_avro::schema::{Name, RecordSchema, Schema as Avro};
use serde_json::{Value as Json, json};

use super::names::use_java_names;
use super::strict::{Rewriter, Side};

/// Characters of apache-avro's own sentences that are kept: some hold the schema.
const PROBLEM_CHARS_MAX: usize = 300;

/// By their full names.
pub type NamedTypes<'s> = HashMap<&'s Name, &'s Avro>;

/// A schema and those that it refers to.
#[derive(Debug, Clone)]
pub struct Schema {
    /// Each knows the names that those before it define.
    referenced: Vec<Avro>,
    root: Avro,
}

#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the schema is not Avro: {0}")]
    Avro(String),
}

impl Schema {
    /// A schema that records are read into, or that the binary carries.
    pub fn parse(json: &str) -> Result<Schema, SchemaError> {
        parse(&[], json, Side::Reader)
    }

    /// A writer's schema. `referenced` are the texts that it refers to, each after those that it refers to itself.
    pub fn parse_writer(json: &str, referenced: &[String]) -> Result<Schema, SchemaError> {
        parse(referenced, json, Side::Writer)
    }

    pub fn root(&self) -> &Avro {
        &self.root
    }

    /// What its references stand for. apache-avro's `ResolvedSchema` puts a type without a namespace into the one
    /// around it.
    pub fn named_types(&self) -> NamedTypes<'_> {
        let mut named_types = NamedTypes::new();
        self.texts().for_each(|schema| collect(schema, &mut named_types));
        named_types
    }

    /// What it refers to and itself, each after what it refers to.
    pub fn texts(&self) -> impl Iterator<Item = &Avro> {
        self.referenced.iter().chain([&self.root])
    }

    /// Whether the logical types agree too, for two schemas of one canonical form.
    pub fn decodes_like(&self, other: &Schema) -> bool {
        let form = |schema: &Schema| schema.json_without(&["precision", "default", "aliases"]);
        form(self) == form(other)
    }

    /// The schema as JSON without these attributes of its types and fields.
    pub fn json_without(&self, attributes: &[&str]) -> Json {
        // A schema of strict text always serializes.
        let mut json = serde_json::to_value(&self.root).unwrap_or_default();
        remove(&mut json, attributes);
        json
    }
}

fn parse(referenced: &[String], json: &str, side: Side) -> Result<Schema, SchemaError> {
    let mut rewriter = Rewriter::new(side);
    let texts = referenced.iter().map(String::as_str).chain([json]);
    let texts = texts.map(|text| rewrite(&mut rewriter, text)).collect::<Result<Vec<_>, _>>()?;
    let mut referenced = parse_together(texts)?;
    let root = referenced.pop().ok_or_else(|| SchemaError::Avro("it is empty".to_owned()))?;
    Ok(Schema { referenced, root })
}

fn rewrite(rewriter: &mut Rewriter, text: &str) -> Result<Json, SchemaError> {
    rewriter.admit(text).map_err(SchemaError::Avro)?;
    rewriter.rewrite(&serde_json::from_str(text)?).map_err(SchemaError::Avro)
}

/// As the fields of one record: `Schema::parse_list` takes its texts in random order, so that a name which one of
/// them defines within itself is known to another or not.
fn parse_together(texts: Vec<Json>) -> Result<Vec<Avro>, SchemaError> {
    use_java_names();
    let fields = texts.into_iter().enumerate().map(|(index, text)| json!({"name": format!("_{index}"), "type": text}));
    let record = json!({"type": "record", "name": "_", "fields": fields.collect::<Vec<_>>()});
    // The library's parser holds assertions about its input.
    let parsed = catch_unwind(|| Avro::parse(&record));
    match parsed.map_err(|_| SchemaError::Avro("apache-avro panics on it".to_owned()))?.map_err(avro_error)? {
        Avro::Record(RecordSchema { fields, .. }) => Ok(fields.into_iter().map(|field| field.schema).collect()),
        _ => Ok(Vec::new()),
    }
}

fn collect<'s>(schema: &'s Avro, named_types: &mut NamedTypes<'s>) {
    match schema {
        Avro::Array(array) => collect(&array.items, named_types),
        Avro::Map(map) => collect(&map.types, named_types),
        Avro::Union(union) => union.variants().iter().for_each(|branch| collect(branch, named_types)),
        Avro::Record(record) => {
            named_types.insert(&record.name, schema);
            record.fields.iter().for_each(|field| collect(&field.schema, named_types));
        }
        Avro::Ref { .. } => {}
        other => named_types.extend(other.name().map(|name| (name, other))),
    }
}

fn avro_error(error: apache_avro::Error) -> SchemaError {
    SchemaError::Avro(error.to_string().chars().take(PROBLEM_CHARS_MAX).collect())
}

fn remove(json: &mut Json, attributes: &[&str]) {
    match json {
        Json::Object(object) => {
            object.retain(|key, _| !attributes.contains(&key.as_str()));
            object.values_mut().for_each(|value| remove(value, attributes));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| remove(item, attributes)),
        _ => {}
    }
}
