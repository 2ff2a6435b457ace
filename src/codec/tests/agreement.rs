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

use super::super::avro::cursor::Cursor;
use super::super::avro::read::read;
use super::super::avro::resolve::resolve;
use super::super::avro::schema::Schema;
use super::super::avro::value::Value;
use super::kinds::{Dice, Kind, SCALE, kinds};

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

/// Gives each field of a reader another name, and its name as an alias.
fn rename(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            for field in object.get_mut("fields").and_then(Json::as_array_mut).into_iter().flatten() {
                field["aliases"] = json!(["no such field", field["name"]]);
                field["name"] = json!(format!("new_{}", field["name"].as_str().unwrap()));
            }
            object.values_mut().for_each(rename);
        }
        Json::Array(items) => items.iter_mut().for_each(rename),
        _ => {}
    }
}

proptest! {
    /// apache-avro overlooks aliases, so that the planned reader is compared with itself.
    #[test]
    fn an_alias_reads_like_the_name(kind in kinds(), seed: u64) {
        let case = Case::new(&kind, seed);
        let mut renamed = serde_json::from_str(&case.reader).unwrap();
        rename(&mut renamed);
        let expected = case.ours().unwrap();
        prop_assert_eq!(Case { reader: renamed.to_string(), ..case }.ours(), Ok(expected));
    }
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
