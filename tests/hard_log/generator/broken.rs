//! Records that must become dead letters, several of each kind, each with its reason.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Source, VALUE_BYTES_MAX, envelope, payloads, runs};
use crate::hard_log::meaning::{Draft, Meaning, OrderEvent, Topic};
use crate::hard_log::schemas::Writer;

const EACH: usize = 6;

pub fn records(source: &mut Source) -> Vec<Draft> {
    let mut log = Vec::new();
    for topic in [Topic::Orders, Topic::Runs] {
        for _ in 0..EACH {
            log.extend(bad_bytes(source, topic));
            log.extend(bad_keys(source, topic));
            log.extend(unknown_schemas(source, topic));
        }
    }
    for _ in 0..EACH {
        log.extend(incompatible(source));
        log.extend(breaking(source, Topic::Orders, super::breaks::ORDER_TABLE));
        log.extend(breaking(source, Topic::Runs, super::breaks::RUN_TABLE));
    }
    log.extend(unregistered(source));
    log.extend(too_large(source));
    log
}

/// A sound event as (key, datum).
pub fn sound(source: &mut Source, topic: Topic) -> (Uuid, Value) {
    match topic {
        Topic::Orders => {
            let event = OrderEvent {
                event_id: source.uuid(),
                order_id: source.uuid(),
                sequence: 1,
                occurred_micros: source.time(),
                name: "OrderPlaced",
                payload: payloads::order_placed(source),
            };
            (event.order_id, envelope::order_datum(&event))
        }
        Topic::Runs => {
            let event = runs::report(source);
            (event.run_id, envelope::run_datum(&event))
        }
    }
}

fn refused(source: &mut Source, topic: Topic, key: &str, value: Option<Vec<u8>>, reason: &'static str) -> Draft {
    let partition = source.partition();
    envelope::draft(source, topic, partition, Some(key.as_bytes().to_vec()), value, Meaning::Refused(reason))
}

fn bad_bytes(source: &mut Source, topic: Topic) -> Vec<Draft> {
    let (id, datum) = sound(source, topic);
    let writer = source.pick(&[Writer::Single, Writer::V1]);
    let good = source.writers.write(topic, writer, &datum);
    let cut = source.below(good.len());
    let frame = source.writers.frame(topic, writer).to_vec();
    let mut flipped = good.clone();
    flipped[0] ^= 0x40;
    let values = [
        None,
        Some(Vec::new()),
        Some(vec![0]),
        Some(vec![0xC3]),
        Some(vec![0xC3, 0x01]),
        Some(vec![0xC3, 0x02, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        Some(b"{\"event_id\":\"as JSON\"}".to_vec()),
        Some(vec![0, 0, 0]),
        Some(frame.clone()),
        Some(good[..cut].to_vec()),
        Some(good[..good.len() - 1].to_vec()),
        Some([good.as_slice(), &[0]].concat()),
        Some([good.as_slice(), b"left over"].concat()),
        Some([good.as_slice(), good.as_slice()].concat()),
        Some(flipped),
        // a string of negative length, of a length beyond the value, and one that never ends
        Some([frame.as_slice(), &[0x01]].concat()),
        Some([frame.as_slice(), &[0xFE, 0xFF, 0xFF, 0xFF, 0x0F]].concat()),
        Some([frame.as_slice(), &[0xFF; 12]].concat()),
    ];
    values.into_iter().map(|value| refused(source, topic, &id.to_string(), value, "malformed")).collect()
}

fn bad_keys(source: &mut Source, topic: Topic) -> Vec<Draft> {
    let (id, datum) = sound(source, topic);
    let value = source.writers.write(topic, Writer::V1, &datum);
    let simple = id.simple().to_string();
    let keys: [Option<Vec<u8>>; 6] = [
        None,
        Some(Vec::new()),
        Some(simple.into_bytes()),
        Some(source.uuid().to_string().into_bytes()),
        Some(id.as_bytes().to_vec()),
        Some(vec![0xFF, 0xFE]),
    ];
    let draft = |source: &mut Source, key| {
        let partition = source.partition();
        envelope::draft(source, topic, partition, key, Some(value.clone()), Meaning::Refused("key_mismatch"))
    };
    keys.into_iter().map(|key| draft(source, key)).collect()
}

/// A fingerprint that no bundled schema has.
fn unknown_schemas(source: &mut Source, topic: Topic) -> Vec<Draft> {
    let (id, datum) = sound(source, topic);
    let mut value = source.writers.write(topic, Writer::Single, &datum);
    value[5] ^= 0x10;
    vec![refused(source, topic, &id.to_string(), Some(value), "schema_unknown")]
}

/// Ids that the registry doesn't know. Few: each stops its partition for as long as foldback asks again.
fn unregistered(source: &mut Source) -> Vec<Draft> {
    let mut log = Vec::new();
    for topic in [Topic::Orders, Topic::Runs] {
        let (id, datum) = sound(source, topic);
        let mut value = source.writers.write(topic, Writer::V1, &datum);
        value[1..5].copy_from_slice(&0x7FAB_CDEF_u32.to_be_bytes());
        log.push(refused(source, topic, &id.to_string(), Some(value), "schema_unknown"));
    }
    log
}

/// Decodes under the writer's schema, and can't become ours.
fn incompatible(source: &mut Source) -> Vec<Draft> {
    let (id, mut order) = sound(source, Topic::Orders);
    order["payload"] = json!({"$branch": "OrderAudited", "auditor": "someone"});
    let audited = source.writers.write(Topic::Orders, Writer::Newer, &order);
    let (run_id, mut run) = sound(source, Topic::Runs);
    let foreign = source.writers.write(Topic::Runs, Writer::V1, &run);
    let foreign_single = source.writers.write(Topic::Runs, Writer::Single, &run);
    run["run_type"] = json!("AUDIT");
    let audit = source.writers.write(Topic::Runs, Writer::Newer, &run);
    vec![
        refused(source, Topic::Orders, &id.to_string(), Some(audited), "schema_incompatible"),
        refused(source, Topic::Runs, &run_id.to_string(), Some(audit), "schema_incompatible"),
        refused(source, Topic::Orders, &run_id.to_string(), Some(foreign), "schema_incompatible"),
        refused(source, Topic::Orders, &run_id.to_string(), Some(foreign_single), "schema_incompatible"),
    ]
}

/// One record for every rule that an event can break.
fn breaking(source: &mut Source, topic: Topic, table: &[super::breaks::Break]) -> Vec<Draft> {
    let mut log = Vec::new();
    for broken in table {
        let (id, mut datum) = sound(source, topic);
        (broken.apply)(&mut datum);
        let writer = broken.writer.unwrap_or_else(|| source.pick(&[Writer::Single, Writer::V1, Writer::Newer]));
        let value = source.writers.write(topic, writer, &datum);
        log.push(refused(source, topic, &id.to_string(), Some(value), broken.reason));
    }
    log
}

fn too_large(source: &mut Source) -> Vec<Draft> {
    let mut log = Vec::new();
    for topic in [Topic::Orders, Topic::Runs] {
        let (id, mut datum) = sound(source, topic);
        let filling = "x".repeat(VALUE_BYTES_MAX);
        match topic {
            Topic::Orders => datum["payload"]["service_action"] = json!(filling),
            Topic::Runs => datum["summary"] = json!(format!("{{\"filling\":\"{filling}\"}}")),
        }
        let value = source.writers.write(topic, Writer::V1, &datum);
        log.push(refused(source, topic, &id.to_string(), Some(value), "too_large"));
        // not even Avro, and yet its size comes first
        log.push(refused(source, topic, &id.to_string(), Some(vec![7; VALUE_BYTES_MAX + 1]), "too_large"));
    }
    log
}
