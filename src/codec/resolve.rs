//! Avro's schema resolution, done once per writer's schema: how each of its parts is read into ours.

use serde_json::Value as Json;

use super::schema::{Field, Node, NodeId, Schema, TimeUnit, short_name};
use super::value::Value;

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
    Skip(NodeId),
    Read { target: usize, plan: Plan },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A union's branch or an enum's symbol that only a newer writer knows; the others may still decode.
    pub unknown_variant: bool,
    pub detail: String,
}

/// Both schemas are walked together; the reader's must not be recursive.
pub struct Resolver<'s> {
    pub writer: &'s Schema,
    pub reader: &'s Schema,
}

impl Resolver<'_> {
    pub fn plan(&self) -> Plan {
        let root = self.reader.node(self.reader.root());
        self.node(self.writer.root(), self.reader.root(), short_name(root.name().unwrap_or("datum")))
    }

    fn node(&self, writer_id: NodeId, reader_id: NodeId, path: &str) -> Plan {
        let (writer, reader) = (self.writer.node(writer_id), self.reader.node(reader_id));
        match (writer, reader) {
            (Node::Union(branches), _) => {
                Plan::Union(branches.iter().map(|branch| self.node(*branch, reader_id, path)).collect())
            }
            (_, Node::Union(branches)) => self.branch(writer_id, branches, path),
            (Node::Array(from), Node::Array(to)) => Plan::Items(Box::new(self.node(*from, *to, path))),
            (Node::Map(from), Node::Map(to)) => Plan::Entries(Box::new(self.node(*from, *to, path))),
            (Node::Record { fields: from, .. }, Node::Record { fields: to, .. }) if same_name(writer, reader) => {
                self.record(from, to, path)
            }
            (Node::Enum { symbols: from, .. }, Node::Enum { symbols: to, default, .. })
                if same_name(writer, reader) =>
            {
                Plan::Symbol(from.iter().map(|symbol| match_symbol(symbol, to, default.as_deref(), path)).collect())
            }
            _ => primitive(writer, reader).unwrap_or_else(|| mismatch(writer, reader, path)),
        }
    }

    /// The first branch of the same type and name; without one, the first that the type can be promoted to.
    fn branch(&self, writer_id: NodeId, branches: &[NodeId], path: &str) -> Plan {
        let writer = self.writer.node(writer_id);
        let same = |id: &NodeId| {
            let reader = self.reader.node(*id);
            writer.type_name() == reader.type_name() && same_name(writer, reader)
        };
        let promoted = |id: &NodeId| primitive(writer, self.reader.node(*id)).is_some();
        let found = branches.iter().position(same).or_else(|| branches.iter().position(promoted));
        let Some(index) = found else { return unknown_branch(writer, path) };
        let optional = branches.iter().any(|id| *self.reader.node(*id) == Node::Null) && branches.len() <= 2;
        let path = match writer.name() {
            Some(name) if !optional => short_name(name),
            _ => path,
        };
        let plan = self.node(writer_id, branches[index], path);
        if optional { plan } else { Plan::Branch(index, Box::new(plan)) }
    }

    fn record(&self, from: &[Field], to: &[Field], path: &str) -> Plan {
        let mut blank = vec![Value::Null; to.len()];
        let mut sources = vec![None; to.len()];
        for (target, field) in to.iter().enumerate() {
            let named = |name: &String| from.iter().position(|writer| writer.name == *name);
            sources[target] = named(&field.name).or_else(|| field.aliases.iter().find_map(named));
            if sources[target].is_none() {
                match field.default.as_ref().and_then(|json| default_value(self.reader, field.node, json)) {
                    Some(default) => blank[target] = default,
                    None => return fail(format!("{path}.{} is missing and has no default", field.name)),
                }
            }
        }
        let step = |(index, field): (usize, &Field)| {
            let target = sources.iter().position(|source| *source == Some(index));
            target.map_or(Step::Skip(field.node), |target| Step::Read {
                target,
                plan: self.node(field.node, to[target].node, &format!("{path}.{}", to[target].name)),
            })
        };
        Plan::Fields(RecordPlan { steps: from.iter().enumerate().map(step).collect(), blank })
    }
}

fn same_name(writer: &Node, reader: &Node) -> bool {
    writer.name().map(short_name) == reader.name().map(short_name)
}

fn primitive(writer: &Node, reader: &Node) -> Option<Plan> {
    Some(match (writer, reader) {
        (Node::Null, Node::Null) => Plan::Null,
        (Node::Int, Node::Int) => Plan::Int,
        (Node::Long(_), Node::Long(TimeUnit::None)) | (Node::Int, Node::Long(TimeUnit::None)) => Plan::Long,
        // A long without a logical type is taken as what the reader's says: that is Avro's resolution.
        (Node::Long(TimeUnit::Micros | TimeUnit::None) | Node::Int, Node::Long(TimeUnit::Micros)) => {
            Plan::Time { unit_micros: 1 }
        }
        (Node::Long(TimeUnit::Millis), Node::Long(TimeUnit::Micros)) => Plan::Time { unit_micros: 1000 },
        (Node::Int, Node::Double) => Plan::Double(Number::Int),
        (Node::Long(_), Node::Double) => Plan::Double(Number::Long),
        (Node::Float, Node::Double) => Plan::Double(Number::Float),
        (Node::Double, Node::Double) => Plan::Double(Number::Double),
        (Node::String, Node::String) => Plan::Text,
        (Node::Bytes(None), Node::String) => Plan::TextFromBytes,
        (Node::Bytes(written), Node::Bytes(Some(scale))) => Plan::Decimal { scale: written.unwrap_or(*scale) },
        _ => return None,
    })
}

fn match_symbol(symbol: &str, to: &[String], default: Option<&str>, path: &str) -> Result<usize, Failure> {
    let named = |name: &str| to.iter().position(|known| known == name);
    named(symbol)
        .or_else(|| default.and_then(named))
        .ok_or_else(|| Failure { unknown_variant: true, detail: format!("{path}: the symbol `{symbol}` is unknown") })
}

fn default_value(reader: &Schema, id: NodeId, json: &Json) -> Option<Value<'static>> {
    match (reader.node(id), json) {
        (Node::Union(branches), _) => {
            let first = default_value(reader, *branches.first()?, json);
            first.or_else(|| branches.iter().find_map(|branch| default_value(reader, *branch, json)))
        }
        (Node::Null, Json::Null) => Some(Value::Null),
        (Node::Int | Node::Long(_), Json::Number(number)) => number.as_i64().map(Value::Number),
        (Node::Double, Json::Number(number)) => number.as_f64().map(Value::Double),
        // A value borrows its text from the record; a default has none to borrow from but these.
        (Node::String, Json::String(text)) if text == "{}" => Some(Value::Text("{}")),
        (Node::String, Json::String(text)) if text.is_empty() => Some(Value::Text("")),
        (Node::Enum { symbols, .. }, Json::String(text)) => {
            symbols.iter().position(|symbol| symbol == text).map(Value::Symbol)
        }
        (Node::Array(_), Json::Array(items)) if items.is_empty() => Some(Value::Items(Vec::new())),
        (Node::Map(_), Json::Object(entries)) if entries.is_empty() => Some(Value::Entries(Vec::new())),
        _ => None,
    }
}

fn describe(node: &Node) -> String {
    match node.name() {
        Some(name) => format!("{} `{}`", node.type_name(), short_name(name)),
        None => format!("`{}`", node.type_name()),
    }
}

fn mismatch(writer: &Node, reader: &Node, path: &str) -> Plan {
    let times = matches!((writer, reader), (Node::Long(_), Node::Long(_)));
    let note = if times { " of another logical type" } else { "" };
    fail(format!("{path}: the writer has {}{note}, which cannot be read as {}", describe(writer), describe(reader)))
}

fn unknown_branch(writer: &Node, path: &str) -> Plan {
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
