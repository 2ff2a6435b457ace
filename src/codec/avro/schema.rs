//! An Avro schema, parsed by apache-avro from a text that was made strict before.

use std::panic::catch_unwind;

use apache_avro::schema::{NamesRef, RecordSchema, ResolvedSchema, Schema as Avro};
use serde_json::{Value as Json, json};

use super::names::use_java_names;
use super::strict::{Rewriter, Side};

/// Characters of apache-avro's own sentences that are kept: some hold the schema.
const PROBLEM_CHARS_MAX: usize = 300;

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

    /// The named types by their full names.
    pub fn named_types(&self) -> NamesRef<'_> {
        // Parsing has resolved the same schemas, or else it would have failed.
        resolved(&self.referenced, &self.root).map(|resolved| resolved.get_names().clone()).unwrap_or_default()
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

/// A full name's last part, by which Avro's resolution matches named types.
pub fn short_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn parse(referenced: &[String], json: &str, side: Side) -> Result<Schema, SchemaError> {
    let mut rewriter = Rewriter::new(side);
    let texts = referenced.iter().map(String::as_str).chain([json]);
    let texts = texts.map(|text| rewrite(&mut rewriter, text)).collect::<Result<Vec<_>, _>>()?;
    let mut referenced = parse_together(texts)?;
    let root = referenced.pop().ok_or_else(|| SchemaError::Avro("it is empty".to_owned()))?;
    // A name that is used and not defined, or defined twice, is found here.
    resolved(&referenced, &root).map_err(avro_error)?;
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

fn resolved<'s>(referenced: &'s [Avro], root: &'s Avro) -> Result<ResolvedSchema<'s>, apache_avro::Error> {
    ResolvedSchema::new_with_schemata(referenced.iter().chain([root]).collect())
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
