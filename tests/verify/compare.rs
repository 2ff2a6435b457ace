use foldback::domain::generations::difference::{Difference, Differences};
use foldback::domain::log::bounds::Bounds;
use foldback::domain::log::key_share::KeySample;
use foldback::domain::log::partition::StreamPartition;
use foldback::domain::log::record::{Stream, Topics};
use foldback::domain::log::rejection::Reason;
use foldback::store::Generation;
use foldback::store::compare::{Moment, SHAPES, Sampled, Side, compare};
use serde_json::{Value, json};
use uuid::Uuid;

use super::database::Database;

const ROWS: &str = include_str!("rows.sql");
const ORDER_7: &str = "00000000-0000-0000-0000-000000000007";

async fn differences(database: &Database, shadow: Generation, sample: KeySample, named_max: usize) -> Differences {
    let mut stored = Moment::open(&database.access()).await.unwrap().side;
    let mut expected = Side::still(&database.access(), shadow).await.unwrap();
    let mut differences = Differences::up_to(named_max);
    for shape in SHAPES.iter().filter(|shape| sample.is_all() || shape.sampled != Sampled::No) {
        compare(&mut stored, &mut expected, shape, sample, &mut differences).await.unwrap();
    }
    differences
}

fn names(difference: &Difference) -> Vec<&str> {
    difference.columns.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_are_equal_whatever_slot_or_place_they_have() {
    let database = Database::with(ROWS).await;
    let shadow = database.shadow().await;
    database
        .execute(&format!(
            "update {0}.telemetry_counts set slot = slot + 5; update {0}.provider_orders set fold_version = 1;
             update {0}.provider_order_events set partition = 9, \"offset\" = 9;
             update {0}.automation_runs set partition = 9, \"offset\" = 9;
             update {0}.dead_letters set detail = 'other words', first_seen_at = now()",
            shadow.schema()
        ))
        .await;
    assert_eq!(differences(&database, shadow, KeySample::ALL, 10).await, Differences::up_to(10));
    database.drop().await;
}

/// View, statement on the live rows, key, columns that differ (none: the whole row), and what one of them says.
type Harm = (&'static str, &'static str, String, &'static [&'static str]);

fn harms() -> Vec<Harm> {
    let of = |rest: &str| format!("{ORDER_7}/{rest}");
    let (replay, refill) = ("00000000-0000-0000-0000-000000000011", "00000000-0000-0000-0000-000000000031");
    let added = "00000000-0000-0000-0000-0000000000ff";
    vec![
        (
            "provider_orders",
            "update gen_1.provider_orders set amount = 7.0001, fold_registers = '{2}' where PROVIDER_ORDER",
            ORDER_7.into(),
            &["amount", "fold_registers"],
        ),
        ("provider_orders", "delete from gen_1.provider_orders where PROVIDER_ORDER", ORDER_7.into(), &[]),
        (
            "provider_orders",
            "insert into gen_1.provider_orders (provider_order_id, service_rules, guardrail_status, last_event_at,
                 last_sequence, missing_events, fold_version, fold_seen, fold_registers)
             values ('ADDED', '[]', 'idle', now(), 1, 0, 1, '{1,1}', '{}')",
            added.into(),
            &[],
        ),
        (
            "provider_order_events",
            r#"update gen_1.provider_order_events set payload = payload::jsonb || '{"reason":null}'
                where PROVIDER_ORDER and sequence = 2"#,
            of("2"),
            &["payload"],
        ),
        (
            "provider_order_events",
            "delete from gen_1.provider_order_events where PROVIDER_ORDER and sequence = 1",
            of("1"),
            &[],
        ),
        (
            "provider_order_events",
            "insert into gen_1.provider_order_events
             select provider_order_id, 3, event_id, event_type, occurred_at, payload, topic, partition, 0, recorded_at
               from gen_1.provider_order_events where PROVIDER_ORDER and sequence = 1",
            of("3"),
            &[],
        ),
        ("replays", "update gen_1.replays set response = null where PROVIDER_ORDER", of(replay), &["response"]),
        ("replays", "delete from gen_1.replays where PROVIDER_ORDER", of(replay), &[]),
        (
            "refills",
            "update gen_1.refills set amount = 2.5001, performed_at = performed_at + interval '1 microsecond'
              where PROVIDER_ORDER",
            of(refill),
            &["amount", "performed_at"],
        ),
        ("refills", "delete from gen_1.refills where PROVIDER_ORDER", of(refill), &[]),
        (
            "automation_runs",
            r#"update gen_1.automation_runs set summary = '{"processed":12345678901234567890124}' where run_id = 'ORDER_7'"#,
            ORDER_7.into(),
            &["summary"],
        ),
        ("automation_runs", "delete from gen_1.automation_runs where run_id = 'ORDER_7'", ORDER_7.into(), &[]),
        ("provider_telemetry", "update gen_1.provider_names set name = 'Other'", "acme".into(), &["provider_name"]),
        (
            "provider_telemetry",
            "update gen_1.telemetry_counts set count = count + 1 where kind = 'placed' and slot = 1",
            "acme".into(),
            &["telemetry"],
        ),
        (
            "provider_telemetry",
            "insert into gen_1.telemetry_counts (slot, kind, provider_id, count) values (0, 'placed', 'ghost', 1)",
            "ghost".into(),
            &[],
        ),
        (
            "telemetry_counts",
            "update gen_1.telemetry_counts set count = 3 where kind = 'failed' and provider_id is null",
            "failed////".into(),
            &["count"],
        ),
        (
            "backlog",
            "insert into gen_1.telemetry_counts (slot, kind, count) values (0, 'scheduled', 1)",
            "unknown".into(),
            &[],
        ),
        (
            "dead_letters",
            "update gen_1.dead_letters set reason = 'invalid', key = null where \"offset\" = 7",
            "provider-orders/1/7".into(),
            &["key", "reason"],
        ),
        ("dead_letters", "delete from gen_1.dead_letters where \"offset\" = 7", "provider-orders/1/7".into(), &[]),
        (
            "dead_letters",
            "insert into gen_1.dead_letters (topic, partition, \"offset\", headers, reason, detail)
             values ('other', 0, 1, '[]', 'invalid', '')",
            "other/0/1".into(),
            &[],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_a_deleted_and_an_added_row_of_each_view_is_named() {
    let database = Database::with(ROWS).await;
    let shadow = database.shadow().await;
    let harms = harms();
    for (view, harm, key, columns) in &harms {
        let sql = harm
            .replace("PROVIDER_ORDER", &format!("provider_order_id = '{ORDER_7}'"))
            .replace("ORDER_7", ORDER_7)
            .replace("ADDED", "00000000-0000-0000-0000-0000000000ff");
        database.execute(&sql).await;
        let found = differences(&database, shadow, KeySample::ALL, 100).await;
        let named = found.named.iter().find(|difference| difference.view == *view && difference.key == *key);
        let named = named.unwrap_or_else(|| panic!("{harm}: not among {:?}", found.named));
        assert!(found.is_exact && found.total() == found.named.len() as u64, "{harm}");
        if columns.is_empty() {
            let all =
                |is: fn(&foldback::domain::generations::difference::Differing) -> bool| named.columns.values().all(is);
            let gone = all(|column| column.stored.is_null());
            assert_eq!(gone, !sql.contains("insert"), "{harm}: {named:?}");
            assert!(gone || all(|column| column.expected.is_null()), "{harm}: {named:?}");
        } else {
            assert_eq!(names(named), *columns, "{harm}");
        }
        mend(&database, shadow).await;
    }
    database.drop().await;
}

/// Makes generation 1 what the shadow is again.
async fn mend(database: &Database, shadow: Generation) {
    let schema = shadow.schema();
    let tables = [
        "provider_order_events",
        "provider_orders",
        "replays",
        "refills",
        "automation_runs",
        "telemetry_counts",
        "provider_names",
    ];
    for table in tables {
        database
            .execute(&format!("truncate gen_1.{table}; insert into gen_1.{table} select * from {schema}.{table}"))
            .await;
    }
    database
        .execute(&format!(
            "truncate gen_1.dead_letters;
             insert into gen_1.dead_letters (topic, partition, \"offset\", key, value, headers, reason, detail)
             select topic, partition, \"offset\", key, value, headers, reason, detail from {schema}.dead_letters"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_keeps_its_text() {
    let database = Database::with(ROWS).await;
    let shadow = database.shadow().await;
    let sql = r#"update gen_1.automation_runs set summary = '{"processed":1.0}' where run_id = 'ID';
                 update SHADOW.automation_runs set summary = '{"processed":1.00}' where run_id = 'ID'"#;
    database.execute(&sql.replace("ID", ORDER_7).replace("SHADOW", &shadow.schema())).await;
    let found = differences(&database, shadow, KeySample::ALL, 10).await;
    let [difference] = found.named.as_slice() else { panic!("{found:?}") };
    let column = &difference.columns["summary"];
    assert_eq!(
        (column.stored.to_string(), column.expected.to_string()),
        (r#"{"processed":1.0}"#.into(), r#"{"processed":1.00}"#.into())
    );
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_bound_rows_are_counted_at_least() {
    let database = Database::with(ROWS).await;
    let shadow = database.shadow().await;
    database
        .execute("update gen_1.provider_orders set amount = amount + 1; update gen_1.provider_order_events set event_type = 'x'")
        .await;
    let found = differences(&database, shadow, KeySample::ALL, 5).await;
    assert_eq!(found.named.len(), 5);
    assert_eq!(found.found["provider_orders"], 3_000, "the first rows were fetched anyway: the count is exact");
    // Of the history no row was fetched: at least one of each bucket that differs.
    let history = found.found["provider_order_events"];
    assert!((1_000..=3_000).contains(&history) && !found.is_exact, "{history}");
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_looks_at_its_orders_alone() {
    let database = Database::with(ROWS).await;
    let shadow = database.shadow().await;
    let sample = KeySample { per_million: 200_000 };
    let order = |n: u128| Uuid::parse_str(&format!("00000000-0000-0000-0000-{n:012}")).unwrap();
    let (inside, outside): (Vec<_>, Vec<_>) = (1..=30).map(order).partition(|id| sample.takes(*id));
    assert!(!inside.is_empty() && !outside.is_empty());
    // The shadow holds the sample alone, as a fold of it would.
    let ids = outside_ids(sample);
    let schema = shadow.schema();
    database
        .execute(&format!(
            "delete from {schema}.provider_orders where provider_order_id = any('{{{ids}}}');
             delete from {schema}.provider_order_events where provider_order_id = any('{{{ids}}}');
             delete from {schema}.replays where provider_order_id = any('{{{ids}}}');
             delete from {schema}.refills where provider_order_id = any('{{{ids}}}');
             delete from {schema}.automation_runs where run_id = any('{{{ids}}}');
             delete from {schema}.dead_letters where convert_from(key, 'UTF8') = any('{{{ids}}}')"
        ))
        .await;
    assert!(differences(&database, shadow, sample, 10).await.is_empty());
    assert_eq!(compared(&database, shadow, "dead_letters", sample).await, inside.len() as u64, "no other is read");
    for (id, found_it) in [(inside[0], true), (outside[0], false)] {
        database
            .execute(&format!(
                "update gen_1.provider_orders set amount = -1 where provider_order_id = '{id}';
                 update gen_1.dead_letters set reason = 'invalid' where key = '{id}'::bytea"
            ))
            .await;
        let found = differences(&database, shadow, sample, 10).await;
        let keys: Vec<&str> = found.named.iter().map(|difference| difference.view.as_str()).collect();
        let expected: &[&str] = &["dead_letters", "provider_orders"];
        assert_eq!(keys, if found_it { expected } else { &[] }, "{id}");
        mend_sample(&database, id).await;
    }
    database.drop().await;
}

/// How many rows of a live view were compared.
async fn compared(database: &Database, shadow: Generation, view: &str, sample: KeySample) -> u64 {
    let mut stored = Moment::open(&database.access()).await.unwrap().side;
    let mut expected = Side::still(&database.access(), shadow).await.unwrap();
    let shape = SHAPES.iter().find(|shape| shape.view == view).unwrap();
    compare(&mut stored, &mut expected, shape, sample, &mut Differences::up_to(10)).await.unwrap()
}

fn outside_ids(sample: KeySample) -> String {
    let order = |n: u128| Uuid::parse_str(&format!("00000000-0000-0000-0000-{n:012}")).unwrap();
    let ids: Vec<String> = (1..=3_000).map(order).filter(|id| !sample.takes(*id)).map(|id| id.to_string()).collect();
    ids.join(",")
}

async fn mend_sample(database: &Database, id: Uuid) {
    database
        .execute(&format!(
            "update gen_1.provider_orders set amount = (right(provider_order_id::text, 4))::int
              where provider_order_id = '{id}';
             update gen_1.dead_letters set reason = 'malformed' where key = '{id}'::bytea"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_dead_letter_may_be_live_alone() {
    let database = Database::with(ROWS).await;
    let shadow = database.shadow().await;
    let schema = shadow.schema();
    database
        .execute(&format!(
            "update gen_1.dead_letters set redriven_at = now() where \"offset\" in (7, 8);
             delete from {schema}.dead_letters where \"offset\" in (7, 9)"
        ))
        .await;
    let found = differences(&database, shadow, KeySample::ALL, 10).await;
    let [difference] = found.named.as_slice() else { panic!("{found:?}") };
    assert_eq!(difference.key, "provider-orders/1/9");
    assert_eq!(difference.columns["value"].stored, json!("AP8="));
    assert_eq!(difference.columns["value"].expected, Value::Null);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_live_refused_is_read_from_where_a_fold_goes_on() {
    let database = Database::with(ROWS).await;
    database
        .execute(
            "update gen_1.dead_letters set reason = 'sequence_conflict' where \"offset\" = 21;
             update gen_1.dead_letters set redriven_at = now() where \"offset\" = 22",
        )
        .await;
    let topics = Topics { orders: "provider-orders".to_owned(), runs: "automation-runs".to_owned() };
    let at = StreamPartition { stream: Stream::Orders, index: 1 };
    let mut moment = Moment::open(&database.access()).await.unwrap();
    let mut refused = async |from: Bounds| {
        let refused = moment.refused(&topics, &from).await.unwrap();
        (0..40).filter(|offset| refused.reason(at, *offset) == Some(Reason::Malformed)).collect::<Vec<i64>>()
    };
    let all: Vec<i64> = (1..=20).chain(23..=30).collect();
    assert_eq!(refused(Bounds::default()).await, all);
    assert_eq!(refused(Bounds([(at, 20)].into())).await, all[19..]);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_side_is_one_moment() {
    let database = Database::with(ROWS).await;
    let shadow = database.shadow().await;
    let mut moment = Moment::open(&database.access()).await.unwrap();
    assert_eq!(moment.checkpoints[&("provider-orders".to_owned(), 1)], 9_000);
    database.execute("update gen_1.replays set status = 'executed'").await;
    let mut expected = Side::still(&database.access(), shadow).await.unwrap();
    let mut differences = Differences::up_to(10);
    for shape in SHAPES {
        compare(&mut moment.side, &mut expected, shape, KeySample::ALL, &mut differences).await.unwrap();
    }
    assert!(differences.is_empty(), "{differences:?}");
    database.drop().await;
}
