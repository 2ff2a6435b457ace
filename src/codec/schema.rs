//! An Avro schema as a table of nodes.

use std::collections::HashMap;

use serde_json::{Map, Value};

pub type NodeId = usize;

#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    nodes: Vec<Node>,
    root: NodeId,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Null,
    Boolean,
    Int,
    Long(TimeUnit),
    Float,
    Double,
    /// With the scale of a decimal.
    Bytes(Option<u32>),
    String,
    Fixed {
        name: String,
        size: usize,
    },
    Enum {
        name: String,
        symbols: Vec<String>,
        default: Option<String>,
    },
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    Record {
        name: String,
        fields: Vec<Field>,
    },
}

/// What a long counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// No logical type, or one that is no moment in time.
    None,
    Millis,
    Micros,
    /// A moment that foldback does not read: nanoseconds, or without a time zone.
    Other,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub aliases: Vec<String>,
    pub node: NodeId,
    pub default: Option<Value>,
}

#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the schema is not Avro: {0}")]
    Avro(String),
}

impl Schema {
    pub fn parse(json: &str) -> Result<Schema, SchemaError> {
        let value: Value = serde_json::from_str(json)?;
        let mut parser = Parser { nodes: Vec::new(), names: HashMap::new() };
        let root = parser.node(&value, "").map_err(SchemaError::Avro)?;
        Ok(Schema { nodes: parser.nodes, root })
    }

    pub fn root(&self) -> NodeId {
        self.root
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// Whether the logical types agree too, for two schemas of one canonical form.
    pub fn decodes_like(&self, other: &Schema) -> bool {
        let logical = |node: &Node| match node {
            Node::Bytes(scale) => (*scale, TimeUnit::None),
            Node::Long(unit) => (None, *unit),
            _ => (None, TimeUnit::None),
        };
        self.nodes.iter().map(logical).eq(other.nodes.iter().map(logical))
    }
}

impl Node {
    /// A named type's full name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Node::Fixed { name, .. } | Node::Enum { name, .. } | Node::Record { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The type as the schema's JSON calls it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Boolean => "boolean",
            Node::Int => "int",
            Node::Long(_) => "long",
            Node::Float => "float",
            Node::Double => "double",
            Node::Bytes(_) => "bytes",
            Node::String => "string",
            Node::Fixed { .. } => "fixed",
            Node::Enum { .. } => "enum",
            Node::Array(_) => "array",
            Node::Map(_) => "map",
            Node::Union(_) => "union",
            Node::Record { .. } => "record",
        }
    }
}

/// A full name's last part, by which Avro's resolution matches named types.
pub fn short_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

struct Parser {
    nodes: Vec<Node>,
    names: HashMap<String, NodeId>,
}

type Parsed<T> = Result<T, String>;

impl Parser {
    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn node(&mut self, json: &Value, namespace: &str) -> Parsed<NodeId> {
        match json {
            Value::String(name) => self.by_name(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.node(branch, namespace));
                let branches = branches.collect::<Parsed<Vec<_>>>()?;
                Ok(self.push(Node::Union(branches)))
            }
            Value::Object(object) => self.object(object, namespace),
            other => Err(format!("`{other}` is not a type")),
        }
    }

    fn by_name(&mut self, name: &str, namespace: &str) -> Parsed<NodeId> {
        if let Some(node) = primitive(name, None) {
            return Ok(self.push(node));
        }
        let known = self.names.get(&full_name(name, namespace)).copied();
        known.ok_or_else(|| format!("the type `{name}` is not defined in it"))
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str) -> Parsed<NodeId> {
        let kind = match object.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(nested) => return self.node(nested, namespace),
            None => return Err("a type has no `type`".to_owned()),
        };
        match kind {
            "array" => {
                let items = self.child(object, "items", namespace)?;
                Ok(self.push(Node::Array(items)))
            }
            "map" => {
                let values = self.child(object, "values", namespace)?;
                Ok(self.push(Node::Map(values)))
            }
            "record" | "error" | "enum" | "fixed" => self.named(kind, object, namespace),
            _ => match primitive(kind, Some(object)) {
                Some(node) => Ok(self.push(node)),
                None => self.by_name(kind, namespace),
            },
        }
    }

    fn child(&mut self, object: &Map<String, Value>, key: &str, namespace: &str) -> Parsed<NodeId> {
        let json = object.get(key).ok_or_else(|| format!("a type has no `{key}`"))?;
        self.node(json, namespace)
    }

    fn named(&mut self, kind: &str, object: &Map<String, Value>, namespace: &str) -> Parsed<NodeId> {
        let name = text(object, "name")?;
        let own = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
        let name = full_name(name, own);
        // In its place at once, since a record's fields may name it.
        let id = self.push(Node::Null);
        if self.names.insert(name.clone(), id).is_some() {
            return Err(format!("the type `{name}` is defined twice"));
        }
        self.nodes[id] = match kind {
            "enum" => enumeration(name, object)?,
            "fixed" => {
                let size = object.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
                Node::Fixed { size: size.ok_or_else(|| format!("`{name}` has no size"))?, name }
            }
            _ => {
                let fields = self.fields(&name, object)?;
                Node::Record { name, fields }
            }
        };
        Ok(id)
    }

    fn fields(&mut self, name: &str, object: &Map<String, Value>) -> Parsed<Vec<Field>> {
        let fields = object.get("fields").and_then(Value::as_array);
        let fields = fields.ok_or_else(|| format!("the record `{name}` has no fields"))?;
        let namespace = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        fields.iter().map(|field| self.field(name, field, namespace)).collect()
    }

    fn field(&mut self, record: &str, field: &Value, namespace: &str) -> Parsed<Field> {
        let object = field.as_object().ok_or_else(|| format!("a field of `{record}` is not an object"))?;
        Ok(Field {
            name: text(object, "name")?.to_owned(),
            aliases: strings(object.get("aliases")),
            node: self.child(object, "type", namespace)?,
            default: object.get("default").cloned(),
        })
    }
}

fn text<'j>(object: &'j Map<String, Value>, key: &str) -> Parsed<&'j str> {
    let text = object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| format!("a type or field has no `{key}`"))
}

fn strings(json: Option<&Value>) -> Vec<String> {
    let texts = json.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn enumeration(name: String, object: &Map<String, Value>) -> Parsed<Node> {
    let symbols = strings(object.get("symbols"));
    if symbols.is_empty() {
        return Err(format!("the enum `{name}` has no symbols"));
    }
    let default = object.get("default").and_then(Value::as_str).map(str::to_owned);
    Ok(Node::Enum { name, symbols, default })
}

fn primitive(kind: &str, object: Option<&Map<String, Value>>) -> Option<Node> {
    let attribute = |key: &str| object.and_then(|object| object.get(key));
    let logical = attribute("logicalType").and_then(Value::as_str).unwrap_or_default();
    Some(match kind {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int,
        "long" => Node::Long(time_unit(logical)),
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" if logical == "decimal" => {
            let number = |key: &str| attribute(key).and_then(Value::as_u64);
            let scale = number("scale").unwrap_or(0);
            // The specification: an invalid logical type is as if it were not there.
            let valid = number("precision").is_some_and(|precision| precision >= 1 && scale <= precision);
            Node::Bytes(u32::try_from(scale).ok().filter(|_| valid))
        }
        "bytes" => Node::Bytes(None),
        "string" => Node::String,
        _ => return None,
    })
}

fn time_unit(logical: &str) -> TimeUnit {
    match logical {
        "timestamp-millis" => TimeUnit::Millis,
        "timestamp-micros" => TimeUnit::Micros,
        other if other.contains("timestamp") || other.starts_with("time-") => TimeUnit::Other,
        _ => TimeUnit::None,
    }
}
