//! Schemas that a writer and a reader may have of one type, and data of the writer's.

use apache_avro::types::Value as Theirs;
use apache_avro::{Decimal, Uuid};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A type of a writer, and what has become of it in the reader.
#[derive(Debug, Clone)]
pub enum Kind {
    Null,
    /// A number by its writer's and its reader's type.
    Number(&'static str, &'static str),
    Text {
        from_bytes: bool,
    },
    UuidText,
    /// In microseconds; of a writer with the logical type, or with a plain `long` or `int`.
    Time(Option<&'static str>),
    Amount {
        from_bytes: bool,
    },
    /// The writer has symbols that the reader lacks; its default stands for them.
    Symbol,
    Items(Box<Kind>),
    Entries(Box<Kind>),
    Optional {
        kind: Box<Kind>,
        /// Only the reader's type is optional.
        widened: bool,
        /// The writer's branches come the other way round.
        swapped: bool,
    },
    /// Branches of different types; the reader has them the other way round.
    Either(Vec<Kind>),
    Record {
        fields: Vec<Field>,
        reordered: bool,
    },
    /// A record whose two fields have one named type.
    Twice(Box<Kind>),
}

#[derive(Debug, Clone)]
pub enum Field {
    Kept(Kind),
    /// The writer's alone.
    Removed(Kind),
    /// The reader's alone: its type and its default.
    Added(Json, Json),
}

pub const SCALE: u32 = 4;

fn decimal() -> Json {
    json!({"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": SCALE})
}

impl Kind {
    /// `path` makes the names of named types, alike on both sides.
    pub fn writer(&self, path: &str) -> Json {
        match self {
            Kind::Null => json!("null"),
            Kind::Number(writer, _) => json!(writer),
            Kind::Text { from_bytes } => json!(if *from_bytes { "bytes" } else { "string" }),
            Kind::UuidText => json!({"type": "string", "logicalType": "uuid"}),
            Kind::Time(None) => json!({"type": "long", "logicalType": "timestamp-micros"}),
            Kind::Time(Some(plain)) => json!(plain),
            Kind::Amount { from_bytes: true } => json!("bytes"),
            Kind::Amount { from_bytes: false } => decimal(),
            Kind::Symbol => json!({"type": "enum", "name": format!("E{path}"), "symbols": ["A", "B", "C", "X"]}),
            Kind::Items(kind) => json!({"type": "array", "items": kind.writer(&format!("{path}_i"))}),
            Kind::Entries(kind) => json!({"type": "map", "values": kind.writer(&format!("{path}_v"))}),
            Kind::Optional { kind, widened: true, .. } => kind.writer(&format!("{path}_o")),
            Kind::Optional { kind, swapped: false, .. } => json!(["null", kind.writer(&format!("{path}_o"))]),
            Kind::Optional { kind, swapped: true, .. } => json!([kind.writer(&format!("{path}_o")), "null"]),
            Kind::Either(kinds) => {
                kinds.iter().enumerate().map(|(i, kind)| kind.writer(&format!("{path}_{i}"))).collect()
            }
            Kind::Record { fields, .. } => {
                let fields = fields.iter().enumerate().filter_map(|(i, field)| match field {
                    Field::Kept(kind) | Field::Removed(kind) => {
                        Some(json!({"name": format!("f{path}_{i}"), "type": kind.writer(&format!("{path}_{i}"))}))
                    }
                    Field::Added(..) => None,
                });
                json!({"type": "record", "name": format!("R{path}"), "fields": fields.collect::<Vec<_>>()})
            }
            Kind::Twice(kind) => twice(path, kind.writer(&format!("{path}_t"))),
        }
    }

    pub fn reader(&self, path: &str) -> Json {
        match self {
            Kind::Number(_, reader) => json!(reader),
            Kind::Text { .. } => json!("string"),
            Kind::Time(_) => Kind::Time(None).writer(path),
            Kind::Amount { .. } => decimal(),
            Kind::Symbol => {
                json!({"type": "enum", "name": format!("E{path}"), "symbols": ["C", "A", "B"], "default": "B"})
            }
            Kind::Items(kind) => json!({"type": "array", "items": kind.reader(&format!("{path}_i"))}),
            Kind::Entries(kind) => json!({"type": "map", "values": kind.reader(&format!("{path}_v"))}),
            Kind::Optional { kind, .. } => json!(["null", kind.reader(&format!("{path}_o"))]),
            Kind::Either(kinds) => {
                kinds.iter().enumerate().rev().map(|(i, kind)| kind.reader(&format!("{path}_{i}"))).collect()
            }
            Kind::Record { fields, reordered } => {
                let mut fields: Vec<Json> = fields
                    .iter()
                    .enumerate()
                    .filter_map(|(i, field)| match field {
                        Field::Kept(kind) => {
                            Some(json!({"name": format!("f{path}_{i}"), "type": kind.reader(&format!("{path}_{i}"))}))
                        }
                        Field::Added(kind, default) => {
                            Some(json!({"name": format!("f{path}_{i}"), "type": kind, "default": default}))
                        }
                        Field::Removed(_) => None,
                    })
                    .collect();
                if *reordered {
                    fields.reverse();
                }
                json!({"type": "record", "name": format!("R{path}"), "fields": fields})
            }
            Kind::Twice(kind) => twice(path, kind.reader(&format!("{path}_t"))),
            Kind::Null | Kind::UuidText => self.writer(path),
        }
    }

    /// A datum of the writer.
    pub fn datum(&self, path: &str, dice: &mut Dice) -> Theirs {
        match self {
            Kind::Null => Theirs::Null,
            Kind::Number("int", _) => Theirs::Int(dice.long() as i32),
            Kind::Number("float", _) => Theirs::Float(dice.long() as f32 / 3.0),
            Kind::Number("double", _) => Theirs::Double(dice.long() as f64 / 7.0),
            Kind::Number(..) => Theirs::Long(dice.long()),
            Kind::Text { from_bytes: true } => Theirs::Bytes(dice.text().into_bytes()),
            Kind::Text { from_bytes: false } => Theirs::String(dice.text()),
            Kind::UuidText => Theirs::Uuid(Uuid::from_u64_pair(dice.long() as u64, dice.long() as u64)),
            Kind::Time(None) => Theirs::TimestampMicros(dice.long()),
            Kind::Time(Some("int")) => Theirs::Int(dice.long() as i32),
            Kind::Time(Some(_)) => Theirs::Long(dice.long()),
            // As many bytes as the library demands of the precision.
            Kind::Amount { from_bytes: true } => Theirs::Bytes(dice.long().to_be_bytes().to_vec()),
            Kind::Amount { from_bytes: false } => Theirs::Decimal(Decimal::from(dice.long().to_be_bytes())),
            Kind::Symbol => {
                let index = dice.below(4);
                Theirs::Enum(index as u32, ["A", "B", "C", "X"][index].to_owned())
            }
            Kind::Items(kind) => {
                Theirs::Array((0..dice.below(3)).map(|_| kind.datum(&format!("{path}_i"), dice)).collect())
            }
            Kind::Entries(kind) => {
                let entries = (0..dice.below(3)).map(|i| (format!("k{i}"), kind.datum(&format!("{path}_v"), dice)));
                Theirs::Map(entries.collect())
            }
            Kind::Optional { kind, widened: true, .. } => kind.datum(&format!("{path}_o"), dice),
            Kind::Optional { kind, swapped, .. } => match dice.below(2) {
                0 => Theirs::Union(u32::from(*swapped), Box::new(Theirs::Null)),
                _ => Theirs::Union(u32::from(!*swapped), Box::new(kind.datum(&format!("{path}_o"), dice))),
            },
            Kind::Either(kinds) => {
                let index = dice.below(kinds.len());
                Theirs::Union(index as u32, Box::new(kinds[index].datum(&format!("{path}_{index}"), dice)))
            }
            Kind::Record { fields, .. } => {
                let fields = fields.iter().enumerate().filter_map(|(i, field)| match field {
                    Field::Kept(kind) | Field::Removed(kind) => {
                        Some((format!("f{path}_{i}"), kind.datum(&format!("{path}_{i}"), dice)))
                    }
                    Field::Added(..) => None,
                });
                Theirs::Record(fields.collect())
            }
            Kind::Twice(kind) => Theirs::Record(
                ["one", "two"].map(|name| (name.to_owned(), kind.datum(&format!("{path}_t"), dice))).into(),
            ),
        }
    }

    /// No optional type and no union: a union must not hold another.
    fn is_union(&self) -> bool {
        matches!(self, Kind::Optional { .. } | Kind::Either(_))
    }
}

fn twice(path: &str, kind: Json) -> Json {
    let name = kind["name"].clone();
    let fields = json!([{"name": "one", "type": kind}, {"name": "two", "type": name}]);
    json!({"type": "record", "name": format!("W{path}"), "fields": fields})
}

/// Numbers that look random, and are the same for the same seed.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, count: usize) -> usize {
        self.next() as usize % count
    }

    /// Short ones and long ones.
    fn long(&mut self) -> i64 {
        let bits = (self.next() << 33 | self.next()) as i64;
        bits >> self.below(64)
    }

    fn text(&mut self) -> String {
        ["", "a", "ä€", "long enough to need a second byte of length, which begins at sixty-four bytes"][self.below(4)]
            .to_owned()
    }
}

fn leaf() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Null),
        prop::sample::select(vec![
            ("int", "int"),
            ("int", "long"),
            ("int", "double"),
            ("long", "long"),
            ("long", "double"),
            ("float", "double"),
            ("double", "double"),
        ])
        .prop_map(|(writer, reader)| Kind::Number(writer, reader)),
        any::<bool>().prop_map(|from_bytes| Kind::Text { from_bytes }),
        Just(Kind::UuidText),
        prop::sample::select(vec![None, Some("long"), Some("int")]).prop_map(Kind::Time),
        any::<bool>().prop_map(|from_bytes| Kind::Amount { from_bytes }),
        Just(Kind::Symbol),
    ]
}

fn added() -> impl Strategy<Value = Field> {
    let optional = |kind: &str| json!(["null", kind]);
    prop::sample::select(vec![
        (json!("long"), json!(5)),
        (json!("int"), json!(-1)),
        (json!("double"), json!(1.5)),
        (json!("string"), json!("")),
        (json!("string"), json!("{}")),
        (optional("string"), Json::Null),
        (optional("long"), Json::Null),
        (json!({"type": "array", "items": "string"}), json!([])),
        (json!({"type": "map", "values": "long"}), json!({})),
        (Kind::Time(None).writer(""), json!(7)),
    ])
    .prop_map(|(kind, default)| Field::Added(kind, default))
}

fn record(kind: impl Strategy<Value = Kind> + Clone + 'static) -> impl Strategy<Value = Kind> {
    let field = prop_oneof![
        4 => kind.clone().prop_map(Field::Kept),
        1 => kind.prop_map(Field::Removed),
        1 => added(),
    ];
    (prop::collection::vec(field, 1..5), any::<bool>())
        .prop_map(|(fields, reordered)| Kind::Record { fields, reordered })
}

/// Branches that a union may have together: a type each, and the library's choice among them is no guess.
fn either(kind: impl Strategy<Value = Kind> + Clone + 'static) -> impl Strategy<Value = Kind> {
    let branches = (
        Just(Kind::Null),
        prop::sample::select(vec![("int", "long"), ("long", "long"), ("double", "double")]),
        Just(Kind::Text { from_bytes: false }),
        Just(Kind::Amount { from_bytes: false }),
        kind.clone().prop_map(|kind| Kind::Items(Box::new(kind))),
        // With a field that no other branch has.
        record(kind).prop_map(|record| match record {
            Kind::Record { mut fields, reordered } => {
                fields.push(Field::Kept(Kind::Symbol));
                Kind::Record { fields, reordered }
            }
            other => other,
        }),
    );
    (branches, prop::sample::subsequence(vec![0, 1, 2, 3, 4, 5], 3..=6)).prop_map(|(branches, chosen)| {
        let (null, (writer, reader), text, amount, items, record) = branches;
        let all = [null, Kind::Number(writer, reader), text, amount, items, record];
        Kind::Either(chosen.into_iter().map(|index| all[index].clone()).collect())
    })
}

pub fn kinds() -> impl Strategy<Value = Kind> {
    let inner = leaf().prop_recursive(3, 24, 4, |kind| {
        let kind = kind.boxed();
        prop_oneof![
            kind.clone().prop_map(|kind| Kind::Items(Box::new(kind))),
            kind.clone().prop_map(|kind| Kind::Entries(Box::new(kind))),
            (kind.clone(), any::<bool>(), any::<bool>()).prop_map(|(kind, widened, swapped)| match kind {
                kind if kind.is_union() || matches!(kind, Kind::Null) => kind,
                kind => Kind::Optional { kind: Box::new(kind), widened, swapped },
            }),
            either(kind.clone()),
            record(kind.clone()),
            record(kind).prop_map(|record| Kind::Twice(Box::new(record))),
        ]
    });
    record(inner.boxed())
}
