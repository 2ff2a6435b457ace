use std::sync::Arc;
use std::time::{Duration, Instant};

use foldback::config::{Config, Secret};
use foldback::domain::generations::difference::Differences;
use foldback::domain::log::key_share::KeySample;
use foldback::domain::timestamp::Timestamp;
use foldback::live::publisher::domain_values;
use foldback::observe::Metrics;
use foldback::observe::gauges::EngineValues;
use foldback::publish::{Link, Outcome, Publication};
use foldback::store::publication;
use foldback::store::read::LatestRuns;
use foldback::verify::published::look;
use foldback::verify::{NotChecked, VerifyOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::database::Database;

const ROWS: &str = include_str!("rows.sql");
/// As if nothing had been folded for an hour: no newer version explains a difference.
const QUIET: &str = "update gen_1.checkpoints set updated_at = now() - interval '1 hour';
    update foldback.generations set promoted_at = now() - interval '1 hour'";

struct Shown {
    database: Database,
    prefix: String,
    config: Config,
    redis: redis::aio::MultiplexedConnection,
}

impl Shown {
    async fn new() -> Shown {
        let database = Database::with(ROWS).await;
        database.execute(QUIET).await;
        let url = std::env::var("FOLDBACK_TEST_REDIS").expect("FOLDBACK_TEST_REDIS is set: run ./dev/test");
        let prefix = format!("verify_{}:", Uuid::now_v7().simple());
        let config = Config::from_toml("test", &format!("[redis]\nurl = \"{url}\"\nprefix = \"{prefix}\"")).unwrap();
        let client = redis::Client::open(url).unwrap();
        let redis = client.get_multiplexed_async_connection().await.unwrap();
        let mut shown = Shown { database, prefix, config, redis };
        shown.publish().await;
        shown
    }

    fn link(&self) -> Link {
        let redis = &self.config.redis;
        Link::new(redis.url.expose(), &redis.prefix, redis.timeout).unwrap()
    }

    /// As the publisher does.
    async fn publish(&mut self) {
        let pool = self.database.access().pool(1);
        let snapshot = publication::begin(&pool, &mut LatestRuns::default()).await.unwrap().commit().await.unwrap();
        pool.close().await;
        let outcome = self.link().put(&Publication::new(&snapshot).unwrap()).await.unwrap();
        assert_eq!(outcome, Outcome::Written);
    }

    async fn redis(&mut self, command: &[&str]) {
        let key = format!("{}{}", self.prefix, command[1]);
        let mut redis_command = redis::cmd(command[0]);
        redis_command.arg(key).arg(&command[2..]);
        let _: redis::Value = redis_command.query_async(&mut self.redis).await.unwrap();
    }

    async fn get(&mut self, key: &str) -> String {
        redis::cmd("GET").arg(format!("{}{key}", self.prefix)).query_async(&mut self.redis).await.unwrap()
    }

    async fn check(&self, metrics_url: Option<&str>) -> (Differences, Vec<NotChecked>) {
        let options = VerifyOptions {
            started_by: "test",
            sample: KeySample::ALL,
            records_per_second_max: 0,
            metrics_url: metrics_url.map(Secret::new),
            metrics_token: None,
            differences_max: 100,
        };
        let mut conn = self.database.access().connect().await.unwrap();
        let mut not_checked = Vec::new();
        let seen = look(&self.config, &mut conn, &options, &mut not_checked).await.unwrap();
        let mut differences = Differences::up_to(100);
        seen.found().into_iter().for_each(|difference| differences.add(difference));
        (differences, not_checked)
    }

    /// View, key without the prefix, columns of each difference.
    async fn found(&self) -> Vec<(String, String, Vec<String>)> {
        let named = self.check(None).await.0.named;
        let key = |key: &str| key.strip_prefix(&self.prefix).unwrap_or(key).to_owned();
        named.iter().map(|one| (one.view.clone(), key(&one.key), one.columns.keys().cloned().collect())).collect()
    }
}

fn found(view: &str, key: &str, columns: &[&str]) -> (String, String, Vec<String>) {
    (view.into(), key.into(), columns.iter().map(|column| (*column).to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_done_to_redis_is_named_at_once() {
    let mut shown = Shown::new().await;
    assert_eq!(shown.found().await, []);
    let old = shown.get("status:replay").await;
    let began = Instant::now();

    shown.redis(&["SET", "backlog", r#"{"scheduledBacklog":31}"#]).await;
    let columns = [
        "meta.asOf",
        "meta.epoch",
        "meta.generation",
        "meta.version",
        "nextScheduledAt",
        "overdue",
        "scheduledBacklog",
    ];
    assert_eq!(shown.found().await, [found("redis:backlog", "backlog", &columns)]);
    shown.publish().await;

    shown.redis(&["HSET", "backlog:by_provider", "ghost", r#"{"overdue":1}"#]).await;
    shown.redis(&["HDEL", "backlog:by_provider", "acme"]).await;
    let fields = ["nextScheduledAt", "overdue", "scheduledBacklog"];
    let by_provider = "redis:backlog:by_provider";
    assert_eq!(shown.found().await, [found(by_provider, "acme", &fields), found(by_provider, "ghost", &["overdue"])]);
    shown.publish().await;

    // An old value: right but for its version.
    shown.redis(&["SET", "status:replay", &old]).await;
    assert_eq!(shown.found().await, [found("redis:status:replay", "status:replay", &["meta.asOf", "meta.version"])]);
    shown.publish().await;

    let rounded = shown.get("status:replay").await.replace("12345678901234567890123", "12345678901234567000000");
    shown.redis(&["SET", "status:replay", &rounded]).await;
    assert_eq!(shown.found().await, [found("redis:status:replay", "status:replay", &["summary"])]);
    shown.publish().await;

    shown.redis(&["DEL", "status:alerts"]).await;
    assert_eq!(shown.found().await, []);
    shown.redis(&["SET", "status:alerts", "no json"]).await;
    assert_eq!(shown.found().await, [found("redis:status:alerts", "status:alerts", &["text"])]);
    shown.publish().await;
    assert_eq!(shown.found().await, []);
    assert!(began.elapsed() < Duration::from_secs(30), "nothing was waited for: {:?}", began.elapsed());
    shown.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overdue_is_as_of_the_value_unless_it_is_too_old() {
    let mut shown = Shown::new().await;
    let due = |when: &str| {
        format!(
            "update gen_1.replays set scheduled_for = clock_timestamp() + interval '{when}'
                  where provider_order_id = '00000000-0000-0000-0000-000000000001'"
        )
    };
    shown.database.execute(&due("1 second")).await;
    shown.publish().await;
    assert_eq!(shown.found().await, []);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(shown.found().await, [], "it fell due half a second ago: the value may be that old");
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    let found = shown.found().await;
    let views: Vec<&str> = found.iter().map(|(view, _, _)| view.as_str()).collect();
    assert_eq!(views, ["redis:backlog", "redis:backlog:by_provider"]);
    assert_eq!(found[0].2, ["overdue"]);
    shown.publish().await;
    assert_eq!(shown.found().await, []);
    shown.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_explains_a_difference_while_it_comes() {
    let mut shown = Shown::new().await;
    let change = "update gen_1.replays set scheduled_for = '2998-01-01T00:00:00Z';
                  update gen_1.checkpoints set updated_at = now()";
    shown.database.execute(change).await;
    let came = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        shown.publish().await;
    };
    came.await;
    assert_eq!(shown.found().await, []);
    // It doesn't come: still there after the views have been quiet for two seconds.
    shown.database.execute(&change.replace("2998", "2997")).await;
    let began = Instant::now();
    assert_eq!(shown.found().await.len(), 2);
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
    shown.database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_away_is_not_checked_and_no_error() {
    let mut shown = Shown::new().await;
    shown.config = Config::from_toml("test", "[redis]\nurl = \"redis://127.0.0.1:1\"").unwrap();
    let (differences, not_checked) = shown.check(None).await;
    assert!(differences.is_empty());
    let what: Vec<&str> = not_checked.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(what, ["redis", "gauges"]);
    assert!(not_checked[0].why.contains("127.0.0.1:1"), "{}", not_checked[0].why);
    shown.database.drop().await;
}

/// Serves a text at /metrics; its address.
async fn serve(text: impl Fn() -> String + Clone + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = axum::routing::get(move || std::future::ready(text()));
    let router = axum::Router::new().route("/metrics", answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn gauges_are_compared_where_the_leader_shows_them() {
    let shown = Shown::new().await;
    let pool = shown.database.access().pool(1);
    let pending = publication::begin(&pool, &mut LatestRuns::default()).await.unwrap();
    let metrics = Arc::new(Metrics::new().unwrap().0);
    metrics.domain.show(domain_values(&pending.snapshot.content));
    pending.rollback().await.unwrap();
    let dead_letters = publication::open_dead_letters(&pool, 1).await.unwrap();
    let engine = EngineValues { dead_letters, orders_with_gaps: 0, oldest_gap: None };
    metrics.domain.show_engine(engine.clone());
    let rendered = metrics.clone();
    let address = serve(move || format!("{}foldback_live_generation 1\n", rendered.render())).await;

    let (_, not_checked) = shown.check(Some(&address)).await;
    assert!(not_checked[0].why.contains("lead"), "{not_checked:?}");
    metrics.domain.sure_until(Instant::now() + Duration::from_secs(60));
    assert_eq!(shown.check(Some(&address)).await, (Differences::up_to(100), vec![]));

    // When the oldest gap began is not compared: it is found in steps.
    let oldest_gap = Timestamp::from_micros(0);
    metrics.domain.show_engine(EngineValues { orders_with_gaps: 3, oldest_gap, ..engine });
    shown
        .database
        .execute(
            "insert into gen_1.telemetry_counts (slot, kind, provider_id, count) values (7, 'scheduled', 'acme', 1)",
        )
        .await;
    let named = shown.check(Some(&address)).await.0.named;
    let values: Vec<(&str, &str, &Value, &Value)> = named
        .iter()
        .filter(|one| one.view.starts_with("gauge:"))
        .map(|one| (one.view.as_str(), one.key.as_str(), &one.columns["value"].stored, &one.columns["value"].expected))
        .collect();
    let expected = [
        ("gauge:foldback_orders_with_gaps", "", &json!(3.0), &json!(0.0)),
        ("gauge:provider_automation_replay_backlog", r#"provider_id="acme""#, &json!(30.0), &json!(31.0)),
    ];
    assert_eq!(values, expected);

    let (_, not_checked) = shown.check(Some("http://127.0.0.1:1")).await;
    assert!(not_checked[0].why.contains("serves no metrics"), "{not_checked:?}");
    pool.close().await;
    shown.database.drop().await;
}
