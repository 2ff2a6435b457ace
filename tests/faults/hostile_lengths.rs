//! Records of some dozens of bytes that claim to hold 2^62 of something, and would fill all memory if they were believed.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::support::events::{Event, SCHEMA, placed};
use crate::support::log::Log;
use crate::support::views::{dead_letters, folded, history, migrated};
use crate::support::{PATIENCE, Stack, eventually, http};

/// Avro's long 2^62.
const HUGE: [u8; 10] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];

/// Orders with a first field of this type: the registry's id. Apicurio refuses one of two at the same moment.
async fn register(stack: &Stack, kind: Value) -> u32 {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema["fields"].as_array_mut().unwrap().insert(0, json!({"name": "skipped", "type": kind}));
    let body = json!({"schema": schema.to_string()});
    let address = format!("{}/subjects/{}/versions", stack.servers.registry, Uuid::now_v7());
    let id = eventually(PATIENCE, || async {
        let answer: Value = http().post(&address).json(&body).send().await.unwrap().json().await.unwrap();
        answer["id"].as_u64().ok_or(answer)
    });
    u32::try_from(id.await).unwrap()
}

/// The value of a record of which one field claims to be so long, and what its sentence must hold.
async fn claims(stack: &Stack) -> Vec<(Vec<u8>, &'static str)> {
    let (cut, many) = ("the datum is truncated", "the datum has more items than foldback accepts");
    let own = Event::new(Uuid::now_v7(), 1, placed("p1")).single_object();
    let mut claims = vec![
        ([&own[..10], &HUGE].concat(), cut),
        // Its provider's id, behind four ids of 37 bytes, a sequence, a time of 8 bytes and the branch.
        ([&own[..10 + 2 * 37 + 1 + 8 + 1 + 2 * 37], &HUGE].concat(), cut),
    ];
    let array = |items: Value| json!({"type": "array", "items": items});
    for (kind, problem) in [
        (json!("bytes"), cut),
        (array(json!("null")), many),
        (array(json!({"type": "record", "name": "E", "fields": []})), many),
        (json!({"type": "map", "values": "null"}), "a number is truncated"),
    ] {
        let id = register(stack, kind).await;
        claims.push(([&[0][..], &id.to_be_bytes(), &HUGE].concat(), problem));
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_no_record_has_is_a_dead_letter_and_the_fold_goes_on() {
    let stack = migrated().await;
    let log = Log::of(&stack);
    let running = stack.run().await;
    let mut problems = Vec::new();
    for (value, problem) in claims(&stack).await {
        let good = Event::new(Uuid::now_v7(), 1, placed("p1"));
        log.write_raw(vec![(0, Uuid::now_v7().to_string(), value), (0, good.order.to_string(), good.single_object())])
            .await;
        problems.push(problem);
    }
    folded(&stack, 2 * problems.len()).await;
    let count = i64::try_from(problems.len()).unwrap();
    assert_eq!((history(&stack).await, dead_letters(&stack).await), (count, count));
    let sql = "select reason || ': ' || detail from foldback.dead_letters order by \"offset\"";
    let mut postgres = stack.postgres().await;
    let told: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut postgres).await.unwrap();
    postgres.close().await.unwrap();
    for (told, problem) in told.iter().zip(problems) {
        assert!(told.starts_with("malformed: the value does not decode with its writer's schema: "), "{told}");
        assert!(told.contains(problem), "{told}");
    }
    running.ready(PATIENCE).await;
    running.terminate().await;
}
