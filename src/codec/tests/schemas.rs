//! Writers' schemas as registries hold them: what Java writes, what refers to others, and what nobody should trust.

use serde_json::{Value as Json, json};

use super::super::avro::schema::Schema;
use super::super::prepared::{Prepared, Readers};
use super::super::rules;
use super::*;

/// What `Schema.toString()` of Avro's Java library 1.11.3 writes where some types have no namespace: it says so where
/// they are defined, and from then on has their simple names.
const OF_JAVA: &str = concat!(
    r#"{"type":"record","name":"ProviderOrderEvent","namespace":"fulfillment.automation","fields":["#,
    r#"{"name":"event_id","type":{"type":"string","avro.java.string":"String","logicalType":"uuid"}},"#,
    r#"{"name":"provider_order_id","type":{"type":"string","avro.java.string":"String","logicalType":"uuid"}},"#,
    r#"{"name":"sequence","type":"long"},"#,
    r#"{"name":"occurred_at","type":{"type":"long","logicalType":"timestamp-micros"}},"#,
    r#"{"name":"payload","type":[{"type":"record","name":"RefillRecorded","fields":["#,
    r#"{"name":"refill_id","type":{"type":"string","avro.java.string":"String","logicalType":"uuid"}},"#,
    r#"{"name":"amount","type":{"type":"record","name":"Money","namespace":"","fields":["#,
    r#"{"name":"units","type":{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}},"#,
    r#"{"name":"currency","type":{"type":"string","avro.java.string":"String"}}]}},"#,
    r#"{"name":"performed_at","type":{"type":"long","logicalType":"timestamp-micros"}},"#,
    r#"{"name":"response","type":["null",{"type":"string","avro.java.string":"String"}],"default":null}]},"#,
    r#"{"type":"record","name":"OrderAmended","fields":["#,
    r#"{"name":"amount","type":["null","Money"],"default":null},"#,
    r#"{"name":"provider_cost","type":["null","Money"],"default":null},"#,
    r#"{"name":"guardrails","type":["null",{"type":"record","name":"Guardrails","namespace":"","fields":["#,
    r#"{"name":"minimum_margin_absolute","type":["null",{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}],"default":null},"#,
    r#"{"name":"minimum_margin_percent","type":["null","double"],"default":null},"#,
    r#"{"name":"warning_margin_percent","type":["null","double"],"default":null}]}],"default":null},"#,
    r#"{"name":"provider_reference","type":["null",{"type":"string","avro.java.string":"String"}],"default":null}]}]}]}"#,
);

/// Our newest schema of orders, changed.
pub fn orders(change: impl FnOnce(&mut Json)) -> String {
    let mut schema = serde_json::from_str(newest(Stream::Orders).unwrap().json).unwrap();
    change(&mut schema);
    schema.to_string()
}

pub fn read_order(schema: &str, referenced: &[String], datum: &[u8]) -> Result<OrderEvent, String> {
    let prepared = Prepared::parse(schema, referenced, &Readers::new()).map_err(|error| error.to_string())?;
    let value = prepared.read(Stream::Orders, datum).map_err(|rejection| rejection.detail)?;
    rules::order_event(value).map_err(|invalid| invalid.0)
}

/// The datum of our newest schema, without its framing.
pub fn datum(event: &OrderEvent) -> Vec<u8> {
    encode_order(event, Framing::Confluent(1)).unwrap().split_off(5)
}

pub fn refused(schema: &str) -> String {
    Schema::parse_writer(schema, &[]).map_or_else(|error| error.to_string(), |_| panic!("{schema} is accepted"))
}

#[test]
fn java_s_null_namespace_is_read() {
    let refill = Payload::RefillRecorded(RefillRecorded {
        refill_id: ID,
        amount: money(123_400),
        performed_at: time(5),
        response: None,
    });
    let amended = Payload::OrderAmended(OrderAmended {
        amount: Some(money(-1)),
        provider_cost: Some(money(2)),
        guardrails: Some(Guardrails {
            minimum_margin_absolute: None,
            minimum_margin_percent: Some(1.5),
            warning_margin_percent: None,
        }),
        provider_reference: None,
        service_rules: None,
    });
    for (branch, payload) in [(0, refill), (1, amended)] {
        let event = event(payload);
        let ours = datum(&event);
        // The same but for the branch's number, and without the field that comes last in ours.
        let head = 2 * 37 + 1 + 1;
        let mut java = ours.clone();
        java[head] = branch << 1;
        java.truncate(ours.len() - usize::from(branch == 1));
        assert_eq!(read_order(OF_JAVA, &[], &java), Ok(event));
    }
    assert!(apache_avro::Schema::parse_str(OF_JAVA).is_err(), "apache-avro reads it too by now: strict.rs can be less");
}

#[test]
fn a_schema_in_parts_is_read_like_the_whole() {
    let schema: Json = serde_json::from_str(newest(Stream::Orders).unwrap().json).unwrap();
    let placed = &schema["fields"][4]["type"][0];
    let field = |name: &str| placed["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap();
    let in_namespace = |part: &Json| {
        let mut part = part.clone();
        part["namespace"] = json!("fulfillment.automation");
        part.to_string()
    };
    let money = in_namespace(&field("amount")["type"]);
    let placed_alone = {
        let mut placed = placed.clone();
        placed["fields"][7]["type"] = json!("Money");
        in_namespace(&placed)
    };
    let whole = orders(|schema| schema["fields"][4]["type"][0] = json!("fulfillment.automation.OrderPlaced"));
    let event = event(Payload::OrderPlaced(super::placed()));
    // OrderPlaced defines Guardrails and ServiceRule within itself, which the whole names too.
    let referenced = [money, placed_alone];
    assert_eq!(read_order(&whole, &referenced, &datum(&event)), Ok(event.clone()));
    assert!(read_order(&whole, &referenced[1..], &datum(&event)).unwrap_err().contains("`Money` is not defined"));
    let twice = [referenced[0].clone(), referenced[0].clone(), referenced[1].clone()];
    assert!(read_order(&whole, &twice, &datum(&event)).unwrap_err().contains("defined twice"));
}

/// Avro 1.12's other encoding of a UUID.
#[test]
fn a_uuid_of_16_bytes_is_the_same_uuid() {
    let schema = orders(|schema| {
        schema["fields"][0]["type"] = json!({"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"});
    });
    let event = event(Payload::RefillRecorded(RefillRecorded {
        refill_id: ID,
        amount: money(1),
        performed_at: time(0),
        response: None,
    }));
    // A length and 36 characters stand where the 16 bytes do.
    let datum = [event.event_id.as_bytes().as_slice(), &datum(&event)[37..]].concat();
    assert_eq!(read_order(&schema, &[], &datum), Ok(event.clone()));
    let plain = schema.replace("\"logicalType\":\"uuid\",", "");
    assert_ne!(plain, schema);
    assert!(read_order(&plain, &[], &datum).is_err(), "16 bytes that nobody calls a UUID are none");
}

/// A refill under our schema with another type for the units of Money.
fn with_units(units: Json) -> Result<OrderEvent, String> {
    let schema = orders(|schema| {
        let placed = schema["fields"][4]["type"][0]["fields"].as_array_mut().unwrap();
        placed[7]["type"]["fields"][0]["type"] = units;
    });
    let refill = RefillRecorded { refill_id: ID, amount: money(123_400), performed_at: time(0), response: None };
    read_order(&schema, &[], &datum(&event(Payload::RefillRecorded(refill))))
}

#[test]
fn a_decimal_that_is_none_does_not_change_an_amount() {
    for fine in [json!("bytes"), json!({"type": "bytes"}), json!({"type": "bytes", "logicalType": "picture"})] {
        assert!(with_units(fine.clone()).is_ok(), "{fine}");
    }
    let decimal = |precision: Json, scale: Json| {
        let mut decimal = json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale});
        decimal.as_object_mut().unwrap().retain(|_, value| *value != "absent");
        decimal
    };
    for invalid in [
        decimal(json!("absent"), json!(4)),
        decimal(json!(0), json!(0)),
        decimal(json!(-18), json!(4)),
        decimal(json!(3), json!(4)),
        decimal(json!("18"), json!(4)),
        decimal(json!(18), json!("4")),
        decimal(json!(18), json!(-1)),
        decimal(json!(18), json!(1.5)),
        decimal(json!(18), Json::Null),
        decimal(json!(4_294_967_296u64), json!(4)),
        json!({"type": "bytes", "logicalType": "big-decimal"}),
    ] {
        let error = with_units(invalid.clone()).unwrap_err();
        let expected = "units: the writer has `bytes` of another logical type, which cannot be read as `bytes`";
        assert!(error.ends_with(expected), "{invalid}: {error}");
    }
    assert!(
        with_units(decimal(json!(18), json!("absent"))).is_ok_and(|event| event != with_units(json!("bytes")).unwrap())
    );
}

#[test]
fn a_time_that_nobody_knows_is_refused() {
    let with = |logical: &str| {
        let schema = orders(|schema| schema["fields"][3]["type"] = json!({"type": "long", "logicalType": logical}));
        read_order(&schema, &[], &datum(&event(Payload::OrderCancelled(OrderCancelled { reason: None }))))
    };
    for fine in ["timestamp-micros", "timestamp-millis", "counter"] {
        assert!(with(fine).is_ok(), "{fine}");
    }
    for other in ["timestamp-nanos", "timestamp-picos", "local-timestamp-micros", "time-micros", "time-hours"] {
        let error = with(other).unwrap_err();
        assert!(error.contains("occurred_at: the writer has `long` of another logical type"), "{other}: {error}");
    }
}

#[test]
fn what_resolution_has_no_use_for_is_overlooked() {
    // A default of the wrong type, an enum's default that is no symbol of it, an alias that is no name.
    let schema = orders(|schema| {
        schema["fields"][2]["default"] = json!({"not": "a long"});
        schema["aliases"] = json!(["no name at all"]);
        let note = json!({"type": "enum", "name": "Größe", "namespace": "com.acme.Outer$", "symbols": ["kurz", "länger"],
            "default": "gone", "aliases": [7]});
        schema["fields"].as_array_mut().unwrap().push(json!({"name": "größe", "type": note, "order": "sideways"}));
    });
    let event = event(Payload::OrderCancelled(OrderCancelled { reason: None }));
    let written = [datum(&event), vec![2]].concat();
    assert_eq!(read_order(&schema, &[], &written), Ok(event));
}

#[test]
fn a_schema_that_is_none_is_refused_in_a_sentence() {
    for (schema, problem) in [
        ("{", "not JSON"),
        ("7", "`7` is not a type"),
        ("{}", "has no `type`"),
        (r#""Money""#, "the type `Money` is not defined in it"),
        (r#"{"type":"record","name":"R"}"#, "the record `R` has no fields"),
        (r#"{"type":"record","fields":[]}"#, "has no `name`"),
        (r#"{"type":"record","name":"R","fields":[7]}"#, "a field of `R` is not an object"),
        (r#"{"type":"record","name":"a b","fields":[]}"#, "Invalid schema name"),
        (r#"{"type":"record","name":"a\".R","fields":[]}"#, "Invalid schema name"),
        (r#"{"type":"enum","name":"E"}"#, "the enum `E` has no symbols"),
        (r#"{"type":"enum","name":"E","symbols":["A","A"]}"#, "Duplicate enum symbol"),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "`F` has no size"),
        (r#"{"type":"fixed","name":"F","size":18446744073709551615}"#, "`F` has no size"),
        (r#"["null",["null","int"]]"#, "Unions may not directly contain a union"),
        (r#"["int","int"]"#, "duplicate types"),
        (r#"[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":2}]"#, "`F` is defined twice"),
    ] {
        let error = refused(schema);
        assert!(error.contains(problem), "{schema}: {error}");
    }
}

#[test]
fn a_schema_is_bounded() {
    let nested = |levels: usize| (0..levels).fold(json!("int"), |inner, _| json!({"type": "array", "items": inner}));
    assert!(Schema::parse_writer(&nested(60).to_string(), &[]).is_ok());
    assert!(refused(&nested(64).to_string()).contains("nested deeper than 64 types"));
    assert!(refused(&"[".repeat(100_000)).contains("recursion limit"));
    // As deep as JSON may be: each record takes three levels of it.
    let records = (0..40).fold(
        json!("int"),
        |inner, i| json!({"type": "record", "name": format!("R{i}"), "fields": [{"name": "inner", "type": inner}]}),
    );
    assert!(Schema::parse_writer(&records.to_string(), &[]).is_ok());
    let fields = |count: usize| (0..count).map(|i| json!({"name": format!("f{i}"), "type": "int"})).collect::<Json>();
    let wide = |count: usize| json!({"type": "record", "name": "R", "fields": fields(count)}).to_string();
    assert!(Schema::parse_writer(&wide(4_000), &[]).is_ok());
    assert!(refused(&wide(10_000)).contains("more than 10000 types"));
    assert!(refused(&format!("\"{}\"", " ".repeat(5_000_000))).contains("longer than 4194304 bytes"));
    let long = "n".repeat(2_000);
    for name in ["name", "namespace"] {
        let mut schema = json!({"type": "fixed", "name": "F", "size": 1});
        schema[name] = json!(long);
        assert!(refused(&schema.to_string()).contains("longer than 1000 bytes"), "{name}");
    }
    let record = |field: &str, symbol: &str| {
        json!({"type": "record", "name": "R", "fields": [
            {"name": field, "type": {"type": "enum", "name": "E", "symbols": [symbol]}}]})
    };
    assert!(refused(&record(&long, "A").to_string()).contains("longer than 1000 bytes"));
    assert!(refused(&record("f", &long).to_string()).contains("longer than 1000 bytes"));
}

/// apache-avro tries such a default twice at each level.
#[test]
fn a_writer_s_deep_default_costs_nothing() {
    let node = json!({"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]});
    let default = (0..55).fold(json!({"next": null}), |inner, _| json!({"next": inner}));
    let schema = json!({"type": "record", "name": "R", "fields": [
        {"name": "first", "type": node}, {"name": "second", "type": "Node", "default": default}]});
    assert!(Schema::parse_writer(&schema.to_string(), &[]).is_ok());
}

/// Each union multiplies the ways in which those within it can be read.
#[test]
fn a_schema_of_unions_has_a_bounded_plan() {
    let union = |name: &str, within: &dyn Fn(usize) -> Json| -> Json {
        (0..85)
            .map(|i| json!({"type": "record", "name": name, "namespace": format!("n{i}"), "fields": within(i)}))
            .collect()
    };
    let money =
        union("Money", &|_| json!([{"name": "units", "type": "bytes"}, {"name": "currency", "type": "string"}]));
    let named: Json = (0..85).map(|i| json!(format!("n{i}.Money"))).collect();
    let schema = orders(|schema| {
        schema["fields"][4]["type"] = union("RefillRecorded", &|i| {
            let amount = if i == 0 { money.clone() } else { named.clone() };
            json!([{"name": "refill_id", "type": "string"}, {"name": "amount", "type": amount},
                {"name": "performed_at", "type": "long"}])
        });
    });
    let found = compatibility(Stream::Orders, &schema, &[]).unwrap();
    assert!(found.broken.iter().any(|detail| detail.contains("in more ways than foldback plans for")), "{found:?}");
}

#[test]
fn a_type_that_holds_itself_is_skipped_and_not_for_ever() {
    let node = json!({"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]});
    let schema = orders(|schema| schema["fields"].as_array_mut().unwrap().push(json!({"name": "node", "type": node})));
    let event = event(Payload::OrderCancelled(OrderCancelled { reason: None }));
    let with_depth = |levels: usize| [datum(&event), vec![2; levels], vec![0]].concat();
    assert_eq!(read_order(&schema, &[], &with_depth(20)), Ok(event.clone()));
    assert!(read_order(&schema, &[], &with_depth(100)).unwrap_err().contains("nested too deeply"));
}
