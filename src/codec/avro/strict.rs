//! A schema's text made strict before apache-avro sees it: bounded, each name in full, and nothing in it that
//! reading doesn't need.
//!
//! A registry holds what anyone has registered. apache-avro's parser copies a schema for each of its aliases, takes
//! time exponential in the depth of a default, and doesn't find a type without a namespace by its simple name, as
//! Java writes it. So aliases and defaults of a writer, which resolution has no use for, never reach it.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

/// Bytes of a schema's text, those that it refers to included: as many as a registry's answer may have.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Types, fields and symbols of a schema.
const PARTS_MAX: usize = 10_000;
/// Types within types. A datum that is nested deeper isn't read either.
const DEPTH_MAX: usize = 64;
/// Bytes of a full name.
const NAME_BYTES_MAX: usize = 1_000;
/// An Avro int: no datum has longer parts.
const FIXED_BYTES_MAX: u64 = i32::MAX as u64;

const UUID_BYTES: u64 = 16;
/// Logical types of `long` that apache-avro tells apart.
const TIMES: [&str; 7] = [
    "time-micros",
    "timestamp-millis",
    "timestamp-micros",
    "timestamp-nanos",
    "local-timestamp-millis",
    "local-timestamp-micros",
    "local-timestamp-nanos",
];

/// Whose schema it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Writer,
    /// Its defaults and its fields' aliases count.
    Reader,
}

type Strict<T> = Result<T, String>;

/// Rewrites one text after another: a name that one of them defines is known in those that follow. An error is a
/// sentence about the schema, for a dead letter's detail.
pub struct Rewriter {
    side: Side,
    bytes_left: usize,
    parts_left: usize,
    defined: HashSet<String>,
}

impl Rewriter {
    pub fn new(side: Side) -> Rewriter {
        Rewriter { side, bytes_left: BYTES_MAX, parts_left: PARTS_MAX, defined: HashSet::new() }
    }

    /// Counts a text's bytes; it must be done before the text is parsed as JSON.
    pub fn admit(&mut self, text: &str) -> Strict<()> {
        let left = self.bytes_left.checked_sub(text.len());
        self.bytes_left = left.ok_or_else(|| format!("it is longer than {BYTES_MAX} bytes"))?;
        Ok(())
    }

    pub fn rewrite(&mut self, schema: &Json) -> Strict<Json> {
        self.schema(schema, "", DEPTH_MAX)
    }

    fn count(&mut self) -> Strict<()> {
        let left = self.parts_left.checked_sub(1);
        self.parts_left = left.ok_or_else(|| format!("it has more than {PARTS_MAX} types, fields and symbols"))?;
        Ok(())
    }

    fn schema(&mut self, json: &Json, namespace: &str, depth: usize) -> Strict<Json> {
        self.count()?;
        let depth = depth.checked_sub(1).ok_or_else(|| format!("it is nested deeper than {DEPTH_MAX} types"))?;
        match json {
            Json::String(name) => self.by_name(name, &Map::new(), namespace),
            Json::Array(branches) => branches.iter().map(|branch| self.schema(branch, namespace, depth)).collect(),
            Json::Object(object) => self.object(object, namespace, depth),
            other => Err(format!("`{}` is not a type", shortened(&other.to_string()))),
        }
    }

    fn object(&mut self, object: &Map<String, Json>, namespace: &str, depth: usize) -> Strict<Json> {
        let kind = match object.get("type") {
            Some(Json::String(kind)) => kind.as_str(),
            Some(nested) => return self.schema(nested, namespace, depth),
            None => return Err("a type has no `type`".to_owned()),
        };
        match kind {
            "array" => Ok(json!({"type": "array", "items": self.child(object, "items", namespace, depth)?})),
            "map" => Ok(json!({"type": "map", "values": self.child(object, "values", namespace, depth)?})),
            "record" | "error" => self.record(object, namespace, depth),
            "enum" => self.enumeration(object, namespace),
            "fixed" => self.fixed(object, namespace),
            name => self.by_name(name, object, namespace),
        }
    }

    fn child(&mut self, object: &Map<String, Json>, key: &str, namespace: &str, depth: usize) -> Strict<Json> {
        let json = object.get(key).ok_or_else(|| format!("a type has no `{key}`"))?;
        self.schema(json, namespace, depth)
    }

    fn by_name(&self, name: &str, attributes: &Map<String, Json>, namespace: &str) -> Strict<Json> {
        if let Some(primitive) = primitive(name, attributes) {
            return Ok(primitive);
        }
        // Java's library writes a type without a namespace by its simple name, inside of a namespace too.
        let full = [full_name(name, namespace), name.to_owned()].into_iter().find(|name| self.defined.contains(name));
        let full = full.ok_or_else(|| format!("the type `{}` is not defined in it", shortened(name)))?;
        Ok(Json::String(qualified(&full)))
    }

    /// Enters a definition's name: the full name, and the namespace of what it holds.
    fn define(&mut self, object: &Map<String, Json>, namespace: &str) -> Strict<(String, String)> {
        let own = object.get("namespace").and_then(Json::as_str).unwrap_or(namespace);
        let full = full_name(text(object, "name")?, own);
        if full.len() > NAME_BYTES_MAX {
            return Err(format!("the name `{}` is longer than {NAME_BYTES_MAX} bytes", shortened(&full)));
        }
        if !self.defined.insert(full.clone()) {
            return Err(format!("the type `{full}` is defined twice"));
        }
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        Ok((full, namespace))
    }

    fn record(&mut self, object: &Map<String, Json>, namespace: &str, depth: usize) -> Strict<Json> {
        let (full, namespace) = self.define(object, namespace)?;
        let fields = object.get("fields").and_then(Json::as_array);
        let fields = fields.ok_or_else(|| format!("the record `{full}` has no fields"))?;
        let fields: Vec<_> =
            fields.iter().map(|field| self.field(&full, field, &namespace, depth)).collect::<Strict<_>>()?;
        Ok(json!({"type": "record", "name": qualified(&full), "fields": fields}))
    }

    fn field(&mut self, record: &str, field: &Json, namespace: &str, depth: usize) -> Strict<Json> {
        self.count()?;
        let object = field.as_object().ok_or_else(|| format!("a field of `{record}` is not an object"))?;
        let schema = self.child(object, "type", namespace, depth)?;
        let mut strict = json!({"name": short(text(object, "name")?)?, "type": schema});
        self.keep(object, &mut strict, &["default", "aliases"]);
        Ok(strict)
    }

    fn enumeration(&mut self, object: &Map<String, Json>, namespace: &str) -> Strict<Json> {
        let (full, _) = self.define(object, namespace)?;
        let symbols = object.get("symbols").and_then(Json::as_array).filter(|symbols| !symbols.is_empty());
        let symbols = symbols.ok_or_else(|| format!("the enum `{full}` has no symbols"))?;
        for symbol in symbols {
            self.count()?;
            short(symbol.as_str().ok_or_else(|| format!("a symbol of the enum `{full}` is not a text"))?)?;
        }
        let mut strict = json!({"type": "enum", "name": qualified(&full), "symbols": symbols});
        self.keep(object, &mut strict, &["default"]);
        Ok(strict)
    }

    fn fixed(&mut self, object: &Map<String, Json>, namespace: &str) -> Strict<Json> {
        let (full, _) = self.define(object, namespace)?;
        let size = object.get("size").and_then(Json::as_u64).filter(|size| *size <= FIXED_BYTES_MAX);
        let size = size.ok_or_else(|| format!("`{full}` has no size, or none that can be"))?;
        let mut strict = json!({"type": "fixed", "name": qualified(&full), "size": size});
        if size == UUID_BYTES && object.get("logicalType").and_then(Json::as_str) == Some("uuid") {
            strict["logicalType"] = "uuid".into();
        }
        Ok(strict)
    }

    fn keep(&self, from: &Map<String, Json>, to: &mut Json, keys: &[&str]) {
        if self.side == Side::Reader {
            for (key, value) in keys.iter().filter_map(|key| from.get_key_value(*key)) {
                to[key] = value.clone();
            }
        }
    }
}

/// A primitive type with what its logical type says about an amount or a time; other logical types don't change
/// how it is read.
fn primitive(name: &str, attributes: &Map<String, Json>) -> Option<Json> {
    let logical = attributes.get("logicalType").and_then(Json::as_str).unwrap_or_default();
    Some(match name {
        "null" | "boolean" | "int" | "float" | "double" | "string" => Json::String(name.to_owned()),
        "long" => long(logical),
        "bytes" if logical.contains("decimal") => decimal(logical, attributes),
        "bytes" => json!("bytes"),
        _ => return None,
    })
}

/// A time that apache-avro doesn't know stands as nanoseconds, which foldback refuses too: as the plain long that
/// is left of it otherwise it would count as microseconds.
fn long(logical: &str) -> Json {
    match logical {
        known if TIMES.contains(&known) => json!({"type": "long", "logicalType": known}),
        time if time.contains("timestamp") || time.starts_with("time-") => {
            json!({"type": "long", "logicalType": "timestamp-nanos"})
        }
        _ => json!("long"),
    }
}

/// An invalid decimal stands as big-decimal, which foldback refuses: the specification ignores its logical type, and
/// as the plain bytes that are left of it an amount would get our scale instead of its writer's.
fn decimal(logical: &str, attributes: &Map<String, Json>) -> Json {
    let digits =
        |key: &str| attributes.get(key).map(|digits| digits.as_u64().and_then(|digits| u32::try_from(digits).ok()));
    match (logical, digits("precision"), digits("scale").unwrap_or(Some(0))) {
        ("decimal", Some(Some(precision)), Some(scale)) if precision >= 1 && scale <= precision => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
        }
        _ => json!({"type": "bytes", "logicalType": "big-decimal"}),
    }
}

fn text<'j>(object: &'j Map<String, Json>, key: &str) -> Strict<&'j str> {
    let text = object.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| format!("a type or field has no `{key}`"))
}

fn short(name: &str) -> Strict<&str> {
    if name.len() <= NAME_BYTES_MAX {
        return Ok(name);
    }
    Err(format!("the name `{}` is longer than {NAME_BYTES_MAX} bytes", shortened(name)))
}

/// As much of a name as a sentence should hold.
fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        return name.strip_prefix('.').unwrap_or(name).to_owned();
    }
    format!("{namespace}.{name}")
}

/// A full name as it reads alike in every namespace: a leading dot says that there is none.
fn qualified(full: &str) -> String {
    if full.contains('.') { full.to_owned() } else { format!(".{full}") }
}
