//! The planned reader beside apache-avro's resolution: the same values wherever the library resolves, and each
//! place where the library is known to be wrong.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{ResolvedSchema, Schema as Avro};
use apache_avro::types::Value as Theirs;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Decimal, Uuid};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};

use super::super::cursor::Cursor;
use super::super::read::read;
use super::super::resolve::resolve;
use super::super::schema::Schema;
use super::super::value::Value;

/// A type of a writer, and what has become of it in the reader.
#[derive(Debug, Clone)]
enum Kind {
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
enum Field {
    Kept(Kind),
    /// The writer's alone.
    Removed(Kind),
    /// The reader's alone: its type and its default.
    Added(Json, Json),
}

const SCALE: u32 = 4;

fn decimal() -> Json {
    json!({"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": SCALE})
}

impl Kind {
    /// `path` makes the names of named types, alike on both sides.
    fn writer(&self, path: &str) -> Json {
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

    fn reader(&self, path: &str) -> Json {
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
    fn datum(&self, path: &str, dice: &mut Dice) -> Theirs {
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
struct Dice(u64);

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

fn kinds() -> impl Strategy<Value = Kind> {
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

struct Case {
    writer: String,
    reader: String,
    datum: Vec<u8>,
}

impl Case {
    fn new(kind: &Kind, seed: u64) -> Case {
        let (writer, reader) = (kind.writer("").to_string(), kind.reader("").to_string());
        let datum = encode(&writer, kind.datum("", &mut Dice(seed)));
        Case { writer, reader, datum }
    }

    fn of(writer: Json, reader: Json, datum: Theirs) -> Case {
        let writer = writer.to_string();
        let datum = encode(&writer, datum);
        Case { writer, reader: reader.to_string(), datum }
    }

    /// What the planned reader makes of it, as text; or why not.
    fn ours(&self) -> Result<String, String> {
        self.read_ours(|value| format!("{value:?}"))
    }

    fn read_ours<T>(&self, seen: impl FnOnce(&Value<'_>) -> T) -> Result<T, String> {
        let writer = Schema::parse_writer(&self.writer, &[]).map_err(|error| error.to_string())?;
        let reader = Schema::parse(&self.reader).map_err(|error| error.to_string())?;
        let resolved = resolve(&writer, &reader);
        let mut cursor = Cursor::new(&self.datum);
        let value = read(&resolved.layout, &resolved.plan, &mut cursor).map_err(|error| format!("{error:?}"))?;
        cursor.finish().map_err(|error| error.to_string())?;
        Ok(seen(&value))
    }

    fn theirs(&self) -> Option<Theirs> {
        let (writer, reader) = (Avro::parse_str(&self.writer).unwrap(), Avro::parse_str(&self.reader).unwrap());
        let read = GenericDatumReader::builder(&writer).reader_schema(&reader).build().unwrap();
        // Resolution is allowed to panic here; it is not what foldback reads with.
        catch_unwind(AssertUnwindSafe(|| read.read_value(&mut self.datum.as_slice()))).ok()?.ok()
    }
}

fn encode(schema: &str, datum: Theirs) -> Vec<u8> {
    let schema = Avro::parse_str(schema).unwrap_or_else(|error| panic!("{error}: {schema}"));
    GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(datum).unwrap()
}

/// Whether the value is what the library has, by the reader's schema.
fn same(ours: &Value<'_>, theirs: &Theirs, schema: &Avro, names: &ResolvedSchema<'_>) -> bool {
    let schema = match schema {
        Avro::Ref { name } => names.get_names()[name],
        schema => schema,
    };
    match (ours, theirs, schema) {
        (ours, Theirs::Union(index, theirs), Avro::Union(union)) => {
            let branch = &union.variants()[*index as usize];
            let optional = union.variants().len() <= 2 && union.is_nullable();
            match ours {
                _ if optional => same(ours, theirs, branch, names),
                Value::Branch(ours_index, ours) => *ours_index == *index as usize && same(ours, theirs, branch, names),
                _ => false,
            }
        }
        (Value::Fields(ours), Theirs::Record(theirs), Avro::Record(record)) => {
            let pairs = ours.iter().zip(theirs).zip(&record.fields);
            ours.len() == theirs.len()
                && pairs.into_iter().all(|((ours, (name, theirs)), field)| {
                    field.name == *name && same(ours, theirs, &field.schema, names)
                })
        }
        (Value::Items(ours), Theirs::Array(theirs), Avro::Array(array)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs, &array.items, names))
        }
        (Value::Entries(ours), Theirs::Map(theirs), Avro::Map(map)) => {
            let ours: BTreeMap<_, _> = ours.iter().map(|(key, value)| (*key, value)).collect();
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, ours)| theirs.get(*key).is_some_and(|theirs| same(ours, theirs, &map.types, names)))
        }
        (Value::Null, Theirs::Null, _) => true,
        (Value::Number(ours), Theirs::Int(theirs), _) => *ours == i64::from(*theirs),
        (Value::Number(ours), Theirs::Long(theirs) | Theirs::TimestampMicros(theirs), _) => ours == theirs,
        (Value::Double(ours), Theirs::Double(theirs), _) => ours.to_bits() == theirs.to_bits(),
        (Value::Text(ours), Theirs::String(theirs), _) => ours == theirs,
        (Value::Text(ours), Theirs::Uuid(theirs), _) => Uuid::try_parse(ours) == Ok(*theirs),
        (Value::Decimal { unscaled, scale }, Theirs::Decimal(theirs), _) => {
            *scale == SCALE && Vec::<u8>::try_from(theirs).is_ok_and(|theirs| theirs == *unscaled)
        }
        (Value::Symbol(ours), Theirs::Enum(theirs, _), _) => *ours == *theirs as usize,
        _ => false,
    }
}

#[test]
fn what_apache_avro_resolves_reads_the_same() {
    let config = Config { failure_persistence: None, ..Config::default() };
    let (cases, compared) = (config.cases, Cell::new(0));
    let mut runner = TestRunner::new(config);
    let checked = runner.run(&(kinds(), any::<u64>()), |(kind, seed)| {
        let case = Case::new(&kind, seed);
        let theirs = case.theirs();
        let reader = Avro::parse_str(&case.reader).unwrap();
        let names = ResolvedSchema::new(&reader).unwrap();
        let agree = case.read_ours(|ours| theirs.as_ref().is_none_or(|theirs| same(ours, theirs, &reader, &names)));
        compared.set(compared.get() + u32::from(theirs.is_some()));
        prop_assert_eq!(
            agree,
            Ok(true),
            "ours {:?}, theirs {:?}\n{}\n{}",
            case.ours(),
            theirs,
            case.writer,
            case.reader
        );
        Ok(())
    });
    checked.unwrap();
    assert!(compared.get() > cases / 2, "apache-avro resolved {} of {cases} only", compared.get());
}

fn one_field(name: &str, field: &str, kind: Json) -> Json {
    json!({"type": "record", "name": name, "fields": [{"name": field, "type": kind}]})
}

fn one_value(field: &str, value: Theirs) -> Theirs {
    Theirs::Record(vec![(field.to_owned(), value)])
}

#[test]
fn apache_avro_overlooks_a_field_s_aliases() {
    let reader = json!({"type": "record", "name": "R", "fields": [
        {"name": "amount", "aliases": ["sum"], "type": "long", "default": 0}]});
    let case = Case::of(one_field("R", "sum", json!("long")), reader, one_value("sum", Theirs::Long(7)));
    assert_eq!(case.ours().unwrap(), "Fields([Number(7)])");
    assert_eq!(case.theirs(), Some(one_value("amount", Theirs::Long(0))));
}

#[test]
fn apache_avro_overlooks_names() {
    let case = |writer: Json, datum| Case::of(writer, one_field("R", "x", json!("long")), datum);
    let other = case(one_field("Other", "x", json!("long")), one_value("x", Theirs::Long(7)));
    assert!(other.ours().unwrap_err().contains("the writer has record `Other`, which cannot be read as record `R`"));
    assert_eq!(other.theirs(), Some(one_value("x", Theirs::Long(7))));
}

#[test]
fn apache_avro_takes_the_first_record_of_a_union_that_fits() {
    let record = |name: &str| one_field(name, "x", json!("long"));
    let union = json!([record("A"), record("B"), "null"]);
    let datum = Theirs::Union(1, Box::new(one_value("x", Theirs::Long(7))));
    let case = Case::of(union.clone(), union, datum);
    assert_eq!(case.ours().unwrap(), "Branch(1, Fields([Number(7)]))");
    assert_eq!(case.theirs(), Some(Theirs::Union(0, Box::new(one_value("x", Theirs::Long(7))))));
}

#[test]
fn apache_avro_narrows_numbers() {
    let case = Case::of(json!("long"), json!("int"), Theirs::Long(7));
    assert!(case.ours().unwrap_err().contains("the writer has `long`, which cannot be read as `int`"));
    assert_eq!(case.theirs(), Some(Theirs::Int(7)));
}

#[test]
fn apache_avro_refuses_decimals_of_few_bytes_and_overlooks_their_scale() {
    let of = |scale: u32| json!({"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": scale});
    let short = Case::of(of(4), of(4), Theirs::Decimal(Decimal::from([7])));
    assert_eq!(short.ours().unwrap(), "Decimal { unscaled: [7], scale: 4 }");
    assert_eq!(short.theirs(), None);
    let digits = Decimal::from([0, 0, 0, 0, 0, 0, 0, 7]);
    let rescaled = Case::of(of(2), of(4), Theirs::Decimal(digits.clone()));
    assert_eq!(rescaled.ours().unwrap(), "Decimal { unscaled: [0, 0, 0, 0, 0, 0, 0, 7], scale: 2 }");
    assert_eq!(rescaled.theirs(), Some(Theirs::Decimal(digits)));
}

#[test]
fn apache_avro_does_not_convert_milliseconds() {
    let time = |unit: &str| json!({"type": "long", "logicalType": unit});
    let case = Case::of(time("timestamp-millis"), time("timestamp-micros"), Theirs::TimestampMillis(7));
    assert_eq!(case.ours().unwrap(), "Number(7000)");
    assert_eq!(case.theirs(), None);
}

#[test]
fn apache_avro_has_null_for_each_default_of_an_optional_type() {
    let reader = json!({"type": "record", "name": "R", "fields": [
        {"name": "x", "type": "long"}, {"name": "y", "type": ["null", "long"], "default": 5}]});
    let case = Case::of(one_field("R", "x", json!("long")), reader, one_value("x", Theirs::Long(7)));
    assert_eq!(case.ours().unwrap(), "Fields([Number(7), Number(5)])");
    let null = Theirs::Union(0, Box::new(Theirs::Null));
    assert_eq!(case.theirs(), Some(Theirs::Record(vec![("x".into(), Theirs::Long(7)), ("y".into(), null)])));
}

#[test]
fn a_map_s_key_that_comes_twice_is_read_twice() {
    // The library keeps the last, and so do the rules that read a map.
    let map = json!({"type": "map", "values": "long"});
    let case = Case { writer: map.to_string(), reader: map.to_string(), datum: b"\x04\x02a\x02\x02a\x04\x00".to_vec() };
    assert_eq!(case.ours().unwrap(), r#"Entries([("a", Number(1)), ("a", Number(2))])"#);
    assert_eq!(case.theirs(), Some(Theirs::Map(HashMap::from([("a".to_owned(), Theirs::Long(2))]))));
}
