//! The publisher against a real Postgres and a Redis of its own. What workers would commit is written by hand.
//!
//! Needs FOLDBACK_TEST_POSTGRES (./dev/test sets it), the URL of a maintenance database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use foldback::config::publisher::Publisher as Settings;
use foldback::live::publisher::{Publisher, PublisherStatus};
use foldback::observe::Metrics;
use foldback::publish::Link;
use foldback::store::connect::Access;
use foldback::store::migrate::migrate;
use foldback::store::publication;
use foldback::store::read::LatestRuns;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::OwnRedis;

const REPLAY: &str = "provider_automation:status:replay";
const BACKLOG: &str = "provider_automation:backlog";
const BY_PROVIDER: &str = "provider_automation:backlog:by_provider";

/// A JSON text, `null` where there is none.
async fn json(redis: &OwnRedis, key: &str) -> Value {
    let text: Option<String> = redis::cmd("GET").arg(key).query_async(&mut redis.connect().await).await.unwrap();
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// The providers that have a backlog.
async fn fields(redis: &OwnRedis) -> Vec<String> {
    let mut connection = redis.connect().await;
    let mut fields: Vec<String> = redis::cmd("HKEYS").arg(BY_PROVIDER).query_async(&mut connection).await.unwrap();
    fields.sort();
    fields
}

/// A database of its own, migrated.
struct Database {
    maintenance: String,
    name: String,
    url: String,
}

impl Database {
    async fn make() -> Database {
        let maintenance =
            std::env::var("FOLDBACK_TEST_POSTGRES").expect("FOLDBACK_TEST_POSTGRES is set: run ./dev/test");
        let name = format!("publisher_{}", Uuid::now_v7().simple());
        let (server, _) = maintenance.rsplit_once('/').expect("the URL names a database");
        let url = format!("{server}/{name}");
        execute(&maintenance, &format!("create database {name}")).await;
        migrate(&mut PgConnection::connect(&url).await.unwrap(), "test").await.unwrap();
        Database { maintenance, name, url }
    }

    fn access(&self) -> Access {
        Access::new(&self.url, Duration::from_secs(5), Duration::from_secs(30)).unwrap()
    }

    /// As a worker would: in one transaction, with the notification.
    async fn commit(&self, statements: &str) {
        execute(&self.url, &format!("begin; {statements}; select pg_notify('foldback_changed', ''); commit")).await;
    }

    async fn schedule(&self, provider: &str, when: &str) {
        self.commit(&format!(
            "insert into gen_1.replays (provider_order_id, replay_id, provider_id, status, scheduled_for, rule_ids,
                 rule_metadata, attempts, fold_registers, fold_failed)
             values (gen_random_uuid(), gen_random_uuid(), '{provider}', 'scheduled', {when}, '{{}}', '{{}}', 0, '{{}}', 0);
             insert into gen_1.telemetry_counts (slot, kind, provider_id, count) values (0, 'scheduled', '{provider}', 1)
             on conflict on constraint telemetry_counts_key do update set count = telemetry_counts.count + 1"
        ))
        .await;
    }

    async fn report(&self, summary: &str) {
        self.commit(&format!(
            "insert into gen_1.automation_runs values (gen_random_uuid(), 'replay', 'success', null, clock_timestamp(),
                 '{summary}', '{{}}', 5, null, null, 1, '[]', gen_random_uuid(), 't', 0, 0)"
        ))
        .await;
    }

    async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&mut PgConnection::connect(&self.url).await.unwrap()).await.unwrap()
    }

    async fn drop(self) {
        execute(&self.maintenance, &format!("drop database {} with (force)", self.name)).await;
    }
}

async fn execute(url: &str, sql: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
}

struct Running {
    metrics: Arc<Metrics>,
    status: watch::Receiver<PublisherStatus>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(database: &Database, redis: &OwnRedis) -> Running {
        Running::reconciling(database, redis, Duration::from_secs(2))
    }

    fn reconciling(database: &Database, redis: &OwnRedis, reconcile: Duration) -> Running {
        let access = database.access();
        let link = Link::new(&redis.url(), "provider_automation:", Duration::from_secs(1)).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap().0);
        let settings = Settings { reconcile, coalesce: Duration::from_millis(20) };
        let publisher = Publisher::new(access, link, metrics.clone(), settings);
        let (status, stop) = (publisher.status(), CancellationToken::new());
        let task = tokio::spawn(publisher.run(stop.clone()));
        Running { metrics, status, stop, task }
    }

    fn shows(&self, line: &str) -> bool {
        self.metrics.render().lines().any(|shown| shown == line)
    }

    fn leads(&self) -> bool {
        self.status.borrow().leading
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.task).await.expect("it stops in time").unwrap();
        assert!(!self.metrics.render().contains("provider_automation_"), "gauges vanish with the leader");
    }
}

/// How long a busy machine may keep everybody waiting: that it comes is tested, that it comes soon is measured.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds, which is promised within `seconds`.
async fn within(seconds: f64, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?} (promised within {seconds} s): {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_reach_redis_and_gauges_and_nothing_is_published_twice() {
    let (database, redis) = (Database::make().await, OwnRedis::start().await);
    let running = Running::start(&database, &redis);
    within(5.0, "a first publication", async || json(&redis, BACKLOG).await["scheduledBacklog"] == 0).await;
    assert!(json(&redis, REPLAY).await.is_null(), "no run yet");
    database.schedule("p1", "now() + interval '1 hour'").await;
    within(1.0, "the backlog", async || json(&redis, BACKLOG).await["scheduledBacklog"] == 1).await;
    database.report(r#"{"processed": 12345678901234567890123}"#).await;
    within(1.0, "the status", async || json(&redis, REPLAY).await["summary"]["scheduledBacklog"] == 5).await;
    assert_eq!(json(&redis, REPLAY).await["summary"]["processed"].to_string(), "12345678901234567890123");
    assert_eq!(fields(&redis).await, ["p1"]);
    assert!(running.shows(r#"provider_automation_replay_backlog{provider_id="p1"} 1"#), "{}", running.metrics.render());
    assert!(running.shows("foldback_publisher_leader 1"));
    let meta = json(&redis, BACKLOG).await["meta"].clone();
    assert_eq!((&meta["epoch"], &meta["generation"]), (&Value::from(1), &Value::from(1)));
    database.commit("select 1").await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(json(&redis, BACKLOG).await["meta"], meta, "nothing changed: no new version");
    running.stop().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_redis_is_mended_within_5_seconds() {
    let (database, redis) = (Database::make().await, OwnRedis::start().await);
    database.schedule("p1", "null").await;
    let running = Running::start(&database, &redis);
    let is_whole = async || {
        let backlog = json(&redis, BACKLOG).await;
        backlog["scheduledBacklog"] == 1 && backlog["overdue"] == 1 && fields(&redis).await == ["p1"]
    };
    within(5.0, "a first publication", is_whole).await;
    for harm in [
        &["FLUSHALL"][..],
        &["HSET", BY_PROVIDER, "ghost", "{}"],
        &["SET", BACKLOG, "no json"],
        &["SET", BACKLOG, r#"{"meta":{"epoch":1,"version":99999}}"#],
        &["SET", REPLAY, r#"{"meta":{"epoch":77,"version":0}}"#],
        &["SET", BACKLOG, r#"{"meta":{"epoch":77,"version":9007199254740991}}"#],
    ] {
        redis.run(harm).await;
        within(5.0, &format!("mended after {harm:?}"), async || {
            is_whole().await && json(&redis, REPLAY).await.is_null()
        })
        .await;
    }
    assert_eq!(json(&redis, BACKLOG).await["meta"]["epoch"], 78);
    running.stop().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_away_degrades_and_comes_back() {
    let (database, mut redis) = (Database::make().await, OwnRedis::start().await);
    let running = Running::start(&database, &redis);
    within(5.0, "a first publication", async || json(&redis, BACKLOG).await["scheduledBacklog"] == 0).await;
    redis.stop();
    database.schedule("p1", "null").await;
    within(1.0, "gauges go on", async || running.shows(r#"provider_automation_replay_overdue{provider_id="p1"} 1"#))
        .await;
    within(3.0, "health says why", async || {
        running.status.borrow().problems().any(|problem| problem.contains("Redis"))
    })
    .await;
    assert!(running.leads() && running.shows("foldback_redis_up 0"));
    redis.start_again().await;
    within(5.0, "whole again", async || json(&redis, BACKLOG).await["scheduledBacklog"] == 1).await;
    within(1.0, "health is clear", async || running.status.borrow().problems().next().is_none()).await;
    running.stop().await;
    database.drop().await;
}

/// Takes connections to where Redis was, and closes them.
async fn refuse(redis: &OwnRedis, tries: u32) {
    let listener = TcpListener::bind(redis.url().trim_start_matches("redis://")).await.unwrap();
    for _ in 0..tries {
        drop(listener.accept().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_postgres_is_left_alone() {
    let (database, mut redis) = (Database::make().await, OwnRedis::start().await);
    let running = Running::reconciling(&database, &redis, Duration::from_secs(60));
    within(5.0, "a first publication", async || json(&redis, BACKLOG).await["scheduledBacklog"] == 0).await;
    redis.stop();
    database.schedule("p1", "null").await;
    within(3.0, "Redis is missed", async || running.status.borrow().redis.is_some()).await;
    refuse(&redis, 1).await;
    // A look takes a version, and gives it back: that leaves its transaction's number.
    let looked = database.text("select xmax::text from foldback.publication").await;
    refuse(&redis, 3).await;
    assert_eq!(database.text("select xmax::text from foldback.publication").await, looked, "Postgres was read");
    redis.start_again().await;
    within(5.0, "whole again", async || json(&redis, BACKLOG).await["scheduledBacklog"] == 1).await;
    running.stop().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_read_again_only_after_its_row_was_written() {
    let database = Database::make().await;
    database.report(r#"{"processed": 1}"#).await;
    let (pool, mut runs) = (database.access().pool(1), LatestRuns::default());
    let mut look = async || {
        let pending = publication::begin(&pool, &mut runs).await.unwrap();
        let run = pending.snapshot.content.replay.clone().unwrap();
        pending.rollback().await.unwrap();
        run
    };
    let (first, second) = (look().await, look().await);
    assert!(Arc::ptr_eq(&first, &second), "it was parsed again");
    database.commit(r#"update gen_1.automation_runs set summary = '{"processed": 2}'"#).await;
    assert_eq!(look().await.summary["processed"], 2);
    database.report(r#"{"processed": 3}"#).await;
    assert_eq!(look().await.summary["processed"], 3);
    pool.close().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_is_published_as_such() {
    let (database, redis) = (Database::make().await, OwnRedis::start().await);
    let running = Running::start(&database, &redis);
    database.report(&format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200))).await;
    database.schedule("p1", "null").await;
    within(1.0, "the backlog", async || json(&redis, BACKLOG).await["scheduledBacklog"] == 1).await;
    let status = json(&redis, REPLAY).await;
    assert!(status["unreadable"].as_str().unwrap().contains("summary"), "{status}");
    assert!(running.shows(r#"provider_automation_replay_backlog{provider_id="p1"} 1"#), "{}", running.metrics.render());
    running.stop().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_falls_due_is_published() {
    let (database, redis) = (Database::make().await, OwnRedis::start().await);
    let running = Running::start(&database, &redis);
    within(5.0, "the lead", async || running.leads()).await;
    database.schedule("p1", "clock_timestamp() + interval '1500 ms'").await;
    let scheduled = Instant::now();
    within(1.0, "the backlog", async || json(&redis, BACKLOG).await["scheduledBacklog"] == 1).await;
    assert_eq!(json(&redis, BACKLOG).await["overdue"], 0);
    within(2.5, "overdue", async || json(&redis, BACKLOG).await["overdue"] == 1).await;
    assert!(scheduled.elapsed() < Duration::from_millis(2_500), "{:?}", scheduled.elapsed());
    running.stop().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_another_takes_over() {
    let (database, redis) = (Database::make().await, OwnRedis::start().await);
    let first = Running::start(&database, &redis);
    within(5.0, "the first leads", async || first.leads()).await;
    let second = Running::start(&database, &redis);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!second.leads() && !second.metrics.render().contains("provider_automation_"));
    database.schedule("p1", "null").await;
    within(1.0, "gauges", async || first.shows(r#"provider_automation_replay_backlog{provider_id="p1"} 1"#)).await;
    let leaders = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
                    and database = (select oid from pg_database where datname = current_database())";
    execute(&database.url, leaders).await;
    within(5.0, "one leads again", async || first.leads() != second.leads()).await;
    first.stop().await;
    within(5.0, "the second leads", async || second.leads()).await;
    database.schedule("p2", "null").await;
    within(1.0, "the second publishes", async || fields(&redis).await == ["p1", "p2"]).await;
    assert!(second.shows(r#"provider_automation_replay_backlog{provider_id="p2"} 1"#));
    // The notifications' connection may go as well: the publisher looks again by itself.
    let listeners = "select pg_terminate_backend(pid) from pg_stat_activity
                      where datname = current_database() and query like 'LISTEN%'";
    execute(&database.url, listeners).await;
    database.schedule("p3", "null").await;
    within(5.0, "it goes on", async || fields(&redis).await == ["p1", "p2", "p3"]).await;
    second.stop().await;
    database.drop().await;
}
