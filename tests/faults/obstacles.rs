//! What somebody else added to foldback's tables refuses a write: no record is at fault, so that all of them wait, the
//! reason is told, and everything is folded once it is gone.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::support::events::{Event, placed, scheduled};
use crate::support::log::Log;
use crate::support::views::{dead_letters, folded, migrated, readyz_says};
use crate::support::{PATIENCE, Running, Stack};

const SETTINGS: [(&str, &str); 2] = [("FOLDBACK__RETRY__MAX_MS", "500"), ("FOLDBACK__WORKERS__COUNT", "1")];

/// What is added, what removes it, and a word of what is told.
const OBSTACLES: [(&str, &str, &str); 7] = [
    (
        "alter table gen_1.replays add constraint no_such_text check (response not like 'x%')",
        "alter table gen_1.replays drop constraint no_such_text",
        "no_such_text",
    ),
    ("create index of_responses on gen_1.replays (response)", "drop index gen_1.of_responses", "54000"),
    ("create index of_numbers on gen_1.replays ((response::int))", "drop index gen_1.of_numbers", "22P02"),
    (
        "create function gen_1.refuse() returns trigger language plpgsql as
             $$begin raise exception 'not today' using errcode = '22003'; end$$;
         create trigger refuse before insert on gen_1.provider_order_events for each row execute function gen_1.refuse()",
        "drop function gen_1.refuse() cascade",
        "not today",
    ),
    (
        "create function gen_1.refuse() returns trigger language plpgsql as
             $$begin raise exception 'the queue is full' using errcode = '54000'; end$$;
         create constraint trigger refuse after update on gen_1.checkpoints deferrable initially deferred
             for each row execute function gen_1.refuse()",
        "drop function gen_1.refuse() cascade",
        "the queue is full",
    ),
    (
        "create function gen_1.refuse() returns trigger language plpgsql as $$begin return null; end$$;
         create trigger refuse before insert on gen_1.replays for each row execute function gen_1.refuse()",
        "drop function gen_1.refuse() cascade",
        "0 of 1 rows were written",
    ),
    (
        "create function gen_1.refuse() returns trigger language plpgsql as
             $$begin raise exception 'always in conflict' using errcode = '40001'; end$$;
         create trigger refuse before insert on gen_1.replays for each row execute function gen_1.refuse()",
        "drop function gen_1.refuse() cascade",
        "always in conflict",
    ),
];

async fn execute(stack: &Stack, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut stack.postgres().await).await.unwrap();
}

/// An order with a replay whose response is longer than an index can take, and no number.
fn order() -> Vec<Event> {
    let (order, replay) = (Uuid::now_v7(), Uuid::now_v7());
    // Hardly to be compressed.
    let response: String = (0..600).map(|_| Uuid::new_v4().simple().to_string()).collect();
    let executed = json!({
        "$branch": "ReplayExecuted", "replay_id": replay.to_string(),
        "requested_amount": {"units": "12.5000", "currency": "EUR"},
        "performed_at": 1_700_000_000_000_000_i64, "response": format!("x{response}"),
    });
    let payloads: [Value; 3] = [placed("p1"), scheduled(replay, 3_600_000), executed];
    (1..).zip(payloads).map(|(sequence, payload)| Event::new(order, sequence, payload)).collect()
}

/// Lines at which somebody would be woken.
fn outages(running: &Running) -> usize {
    let begins = |line: &&str| line.contains("condition=\"postgres\"") && line.contains("not ready");
    running.log().lines().filter(begins).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_record_is_refused_for_what_was_added_to_a_table() {
    let stack = migrated().await;
    let running = stack.run_with(&SETTINGS).await;
    running.ready(PATIENCE).await;
    let log = Log::of(&stack);
    let mut written = 0;
    for (number, (add, remove, word)) in (1..).zip(OBSTACLES) {
        execute(&stack, add).await;
        let events = order();
        log.write(&events, 4).await;
        readyz_says(&running, PATIENCE, 503, word).await;
        assert_eq!(dead_letters(&stack).await, 0, "{word}");
        execute(&stack, remove).await;
        written += events.len();
        folded(&stack, written).await;
        running.ready(PATIENCE).await;
        assert_eq!(dead_letters(&stack).await, 0, "{word}");
        assert_eq!(outages(&running), number, "one line each:\n{}", running.log());
        // So that the next one can be added.
        execute(&stack, "truncate gen_1.replays").await;
    }
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_that_was_revoked_is_told_and_waited_for() {
    let stack = Stack::new().await;
    let role = format!("{}_role", stack.name);
    execute(&stack, &format!("create role {role} login; alter database {} owner to {role}", stack.name)).await;
    let url = stack.postgres_url.replacen("foldback@", &format!("{role}@"), 1);
    let settings = [("FOLDBACK__POSTGRES__URL", url.as_str()), SETTINGS[0], SETTINGS[1]];
    stack.foldback_with(&["migrate"], &settings).await.exits(0);
    let running = stack.run_with(&settings).await;
    running.ready(PATIENCE).await;
    execute(&stack, &format!("revoke insert on gen_1.provider_orders from {role}")).await;
    let events = order();
    Log::of(&stack).write(&events, 4).await;
    readyz_says(&running, PATIENCE, 503, "permission denied for table provider_orders").await;
    execute(&stack, &format!("grant insert on gen_1.provider_orders to {role}")).await;
    folded(&stack, events.len()).await;
    running.ready(PATIENCE).await;
    assert_eq!(dead_letters(&stack).await, 0);
    running.terminate().await;
}
