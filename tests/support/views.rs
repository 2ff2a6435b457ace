//! What readers see.

use std::time::Duration;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection};

use crate::support::{PATIENCE, Running, Stack, eventually};

/// A stack with tables and without schemas in the registry, which tests side by side would wait for in vain.
pub async fn migrated() -> Stack {
    let stack = Stack::new().await;
    stack.foldback(&["migrate"]).await.exits(0);
    stack
}

/// One number of the stack's database.
pub async fn number(stack: &Stack, sql: &str) -> i64 {
    let mut connection = stack.postgres().await;
    let answer = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
    connection.close().await.unwrap();
    answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

pub async fn history(stack: &Stack) -> i64 {
    number(stack, "select count(*) from foldback.provider_order_events").await
}

pub async fn dead_letters(stack: &Stack) -> i64 {
    number(stack, "select count(*) from foldback.dead_letters").await
}

/// Waits until the checkpoints of the topic of orders add up to `records`, which is when all are folded.
pub async fn folded(stack: &Stack, records: usize) {
    let sql = "select coalesce(sum(next_offset), 0)::bigint from foldback.checkpoints where topic like '%-orders'";
    eventually(PATIENCE, || async {
        let at = number(stack, sql).await;
        if at == i64::try_from(records).unwrap() { Ok(()) } else { Err(format!("{at} of {records} are folded")) }
    })
    .await;
}

/// Views must say what their events say: each order whole, attempts and backlog as the events count them.
pub async fn assert_consistent(stack: &Stack, events: usize) {
    assert_eq!(history(stack).await, i64::try_from(events).unwrap(), "rows of the history");
    assert_eq!(dead_letters(stack).await, 0, "dead letters");
    let same = |what: &'static str, one: &'static str, other: &'static str| async move {
        assert_eq!(number(stack, one).await, number(stack, other).await, "{what}");
    };
    assert_eq!(number(stack, "select coalesce(sum(missing_events), 0)::bigint from foldback.provider_orders").await, 0);
    same(
        "last_sequence",
        "select sum(last_sequence)::bigint from foldback.provider_orders",
        "select count(*) from foldback.provider_order_events",
    )
    .await;
    same(
        "attempts",
        "select coalesce(sum(attempts), 0)::bigint from foldback.replays",
        "select count(*) from foldback.provider_order_events where event_type = 'replay_executed'",
    )
    .await;
    same(
        "replays",
        "select count(*) from foldback.replays",
        "select count(*) from foldback.provider_order_events where event_type = 'replay_scheduled'",
    )
    .await;
    same(
        "backlog",
        "select coalesce(sum(scheduled_backlog), 0)::bigint from foldback.backlog",
        "select count(*) from foldback.replays where status = 'scheduled'",
    )
    .await;
    same(
        "scheduled in the telemetry",
        "select coalesce(sum((telemetry->'replays'->>'scheduled')::bigint), 0)::bigint from foldback.provider_telemetry",
        "select count(*) from foldback.replays where status = 'scheduled'",
    )
    .await;
    same(
        "executed in the telemetry",
        "select coalesce(sum((telemetry->'replays'->>'executed')::bigint), 0)::bigint from foldback.provider_telemetry",
        "select count(*) from foldback.provider_order_events where event_type = 'replay_executed'",
    )
    .await;
    same(
        "orders in the telemetry",
        "select coalesce(sum((telemetry->>'totalOrders')::bigint), 0)::bigint from foldback.provider_telemetry",
        "select count(*) from foldback.provider_order_events where event_type = 'order_placed'",
    )
    .await;
}

/// Status and body of /readyz.
pub async fn readyz(running: &Running) -> (u16, Value) {
    let response = running.get("/readyz").await.unwrap_or_else(|| panic!("no answer:\n{}", running.log()));
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Waits until /readyz has `status` and its body holds `word`.
pub async fn readyz_says(running: &Running, timeout: Duration, status: u16, word: &str) {
    eventually(timeout, || async {
        let (seen, body) = readyz(running).await;
        let text = body.to_string();
        if seen == status && text.contains(word) { Ok(()) } else { Err(format!("{seen}: {text}")) }
    })
    .await;
}

/// The value of the one series that begins with `series`, where it is there.
pub async fn metric(running: &Running, series: &str) -> Option<f64> {
    let text = running.metrics().await;
    let line = text.lines().find(|line| line.starts_with(series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// The sum of a family's series.
pub async fn metric_sum(running: &Running, family: &str) -> f64 {
    let text = running.metrics().await;
    let series = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
    series.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

/// JSON of one key of the stack's Redis, null where there is none.
pub async fn key(stack: &Stack, name: &str) -> Value {
    let text: Option<String> = redis::cmd("GET")
        .arg(format!("{}{name}", stack.redis_prefix))
        .query_async(&mut stack.redis().await)
        .await
        .unwrap();
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Waits until the backlog in Redis has this many replays, this many of them overdue.
pub async fn published(stack: &Stack, timeout: Duration, backlog: i64, overdue: i64) {
    eventually(timeout, || async {
        let seen = key(stack, "backlog").await;
        if seen["scheduledBacklog"] == backlog && seen["overdue"] == overdue { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;
}
