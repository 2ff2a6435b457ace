//! Rows that stand in one generation alone, written by hand: whoever reads sees all of them or none.

use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::rebuild::world::World;
use crate::support::views::key;
use crate::support::{PATIENCE, eventually};

pub const ORDER: &str = "00000000-0000-4000-8000-00000000aaaa";
pub const PROVIDER: &str = "only-in-the-old-generation";
/// Later than every other run.
pub const RUN: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const REPLAY: &str = "00000000-0000-4000-8000-00000000bbbb";
const REFILL: &str = "00000000-0000-4000-8000-00000000cccc";
const OFFSET: i64 = 9_000_000_000;

/// How each view shows it.
const SEEN: [(&str, &str); 8] = [
    ("provider_order_events", "provider_order_id = '{ORDER}'"),
    ("provider_orders", "provider_order_id = '{ORDER}'"),
    ("replays", "provider_order_id = '{ORDER}'"),
    ("refills", "provider_order_id = '{ORDER}'"),
    ("automation_runs", "run_id = '{RUN}'"),
    ("backlog", "provider_id = '{PROVIDER}'"),
    ("provider_telemetry", "provider_id = '{PROVIDER}'"),
    ("dead_letters", "\"offset\" = {OFFSET}"),
];

/// The tables, the row that is copied, and what becomes of it.
const COPIES: [(&str, &str, &str); 8] = [
    ("provider_order_events", "event_type = 'order_placed'", r#"{"provider_order_id": "{ORDER}", "sequence": 1}"#),
    (
        "provider_orders",
        "placed_at is not null",
        r#"{"provider_order_id": "{ORDER}", "provider_id": "{PROVIDER}", "last_sequence": 1, "missing_events": 0,
            "fold_seen": [1, 1]}"#,
    ),
    (
        "replays",
        "status = 'scheduled' and scheduled_for is not null",
        r#"{"provider_order_id": "{ORDER}", "replay_id": "{REPLAY}", "provider_id": "{PROVIDER}"}"#,
    ),
    ("refills", "true", r#"{"provider_order_id": "{ORDER}", "refill_id": "{REFILL}"}"#),
    ("automation_runs", "run_type = 'replay'", r#"{"run_id": "{RUN}", "ran_at": "9999-12-31T23:59:59.999999+00:00"}"#),
    ("telemetry_counts", "kind = 'scheduled'", COUNTED),
    ("telemetry_counts", "kind = 'placed'", COUNTED),
    ("dead_letters", "reason = 'malformed'", r#"{"id": {OFFSET}, "offset": {OFFSET}}"#),
];
const COUNTED: &str =
    r#"{"provider_id": "{PROVIDER}", "service_id": null, "rule_id": null, "label": null, "count": 1}"#;

fn filled(text: &str) -> String {
    let names =
        [("{ORDER}", ORDER), ("{PROVIDER}", PROVIDER), ("{RUN}", RUN), ("{REPLAY}", REPLAY), ("{REFILL}", REFILL)];
    let text = names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    text.replace("{OFFSET}", &OFFSET.to_string())
}

/// Writes it into one generation, as a worker commits: all at once, and the publisher is told.
pub async fn write(world: &World, generation: i64) {
    let copy = |(table, row, changed): &(&str, &str, &str)| {
        let changed = filled(changed);
        format!(
            "insert into gen_{generation}.{table} overriding system value
             select (jsonb_populate_record(r, '{changed}')).* from gen_{generation}.{table} r where {row} limit 1;"
        )
    };
    let copies: String = COPIES.iter().map(copy).collect();
    world.run_sql(&format!("begin; {copies} select pg_notify('foldback_changed', ''); commit")).await;
    let seen = seen(&mut world.stack.postgres().await, &format!("gen_{generation}")).await.unwrap();
    assert!(seen.iter().all(|(_, seen)| *seen), "the marker is not whole: {seen:?}");
}

/// Waits until it has reached Redis.
pub async fn published(world: &World) {
    eventually(PATIENCE, || async {
        let latest = key(&world.stack, "status:replay").await["runId"].clone();
        if latest == RUN { Ok(()) } else { Err(latest) }
    })
    .await;
}

/// Takes it away again.
pub async fn erase(world: &World, generation: i64) {
    let tables = SEEN.iter().filter(|(view, _)| !["backlog", "provider_telemetry"].contains(view));
    let each = tables.chain(&[("telemetry_counts", "provider_id = '{PROVIDER}'")]);
    let deletes = each.map(|(table, row)| format!("delete from gen_{generation}.{table} where {};", filled(row)));
    world.run_sql(&deletes.collect::<String>()).await;
}

/// Whether each view of a schema shows it, one statement after another on the caller's connection.
pub async fn seen(postgres: &mut PgConnection, schema: &str) -> Result<Vec<(&'static str, bool)>, sqlx::Error> {
    let mut seen = Vec::new();
    for (view, row) in SEEN {
        let query = format!("select exists (select from {schema}.{view} where {})", filled(row));
        seen.push((view, sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *postgres).await?));
    }
    Ok(seen)
}

/// The same in one statement over all stable views.
pub async fn seen_at_once(postgres: &mut PgConnection) -> Result<Vec<(&'static str, bool)>, sqlx::Error> {
    let exists = |(view, row): &(&str, &str)| format!("exists (select from foldback.{view} where {})", filled(row));
    let query = format!("select {}", SEEN.iter().map(exists).collect::<Vec<_>>().join(", "));
    let row = sqlx::query(AssertSqlSafe(query)).fetch_one(postgres).await?;
    Ok(SEEN.iter().enumerate().map(|(at, (view, _))| (*view, row.get(at))).collect())
}
