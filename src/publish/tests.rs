//! Against a real Redis: every test starts its own, on a socket in a directory of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio_stream::StreamExt;
use uuid::Uuid;

use super::*;
use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::{Backlog, ProviderBacklog};
use crate::domain::views::snapshot::{Content, Snapshot, Stamp};

struct Server {
    process: Child,
    directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    async fn start() -> Server {
        let directory = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "redis.sock"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is on the PATH");
        let server = Server { process, directory };
        for _ in 0..200 {
            if server.link().probe().await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("redis-server does not answer");
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.directory.path().join("redis.sock").display())
    }

    fn link(&self) -> Link {
        Link::new(&self.url(), "t:", Duration::from_secs(1)).unwrap()
    }

    async fn reader(&self) -> MultiplexedConnection {
        redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

fn run(summary: &str) -> Run {
    Run {
        event_id: Uuid::nil(),
        run_id: Uuid::nil(),
        revision: 1,
        run_type: RunType::Replay,
        status: RunStatus::Success,
        started_at: None,
        ran_at: Timestamp::from_micros(0).unwrap(),
        summary: serde_json::from_str(summary).unwrap(),
        metadata: Map::new(),
        backlog_total: None,
        next_scheduled_at: None,
        alerts_sent: None,
        unreadable: None,
    }
}

fn providers(list: &[(Option<&str>, i64)]) -> Vec<ProviderBacklog> {
    let provider = |(id, count): &(Option<&str>, i64)| ProviderBacklog {
        provider_id: id.map(str::to_owned),
        backlog: Backlog { scheduled_backlog: *count, next_scheduled_at: None, overdue: *count },
    };
    list.iter().map(provider).collect()
}

fn publication(epoch: i64, version: i64, list: &[(Option<&str>, i64)]) -> Publication {
    let content = Content {
        generation: 7,
        replay: Some(run(r#"{"processed":1.10}"#).into()),
        alert: None,
        providers: providers(list),
    };
    let as_of = Timestamp::from_micros(1).unwrap();
    Publication::new(&Snapshot { stamp: Stamp { epoch, version }, as_of, content }).unwrap()
}

async fn text(reader: &mut MultiplexedConnection, key: &str) -> Option<String> {
    reader.get(key).await.unwrap()
}

#[tokio::test]
async fn a_publication_stands_as_the_contract_has_it() {
    let server = Server::start().await;
    let (mut link, mut reader) = (server.link(), server.reader().await);
    let list = [(Some("p1"), 2), (Some("unknown"), 3), (None, 4)];
    assert_eq!(link.put(&publication(3, 1234, &list)).await.unwrap(), Outcome::Written);
    let meta = r#""meta":{"asOf":"1970-01-01T00:00:00.000001+00:00","epoch":3,"generation":7,"version":1234}"#;
    assert_eq!(
        text(&mut reader, "t:backlog").await.unwrap(),
        format!(r#"{{{meta},"nextScheduledAt":null,"overdue":9,"scheduledBacklog":9}}"#)
    );
    let replay = text(&mut reader, "t:status:replay").await.unwrap();
    assert!(replay.contains(meta) && replay.contains(r#""summary":{"processed":1.10}"#), "{replay}");
    assert_eq!(text(&mut reader, "t:status:alerts").await, None);
    let hash: std::collections::BTreeMap<String, String> = reader.hgetall("t:backlog:by_provider").await.unwrap();
    let of = |count: i64| format!(r#"{{"scheduledBacklog":{count},"nextScheduledAt":null,"overdue":{count}}}"#);
    assert_eq!(hash, [("p1".to_owned(), of(2)), ("unknown".to_owned(), of(7))].into());
}

#[tokio::test]
async fn only_older_values_are_replaced() {
    let readable = |epoch: &str, version: &str| format!(r#"{{"meta":{{"epoch":{epoch},"version":{version}}}}}"#);
    let older = [
        readable("3", "9"),
        readable("2", "99"),
        readable("0", "0"),
        readable("-1", "99"),
        readable("4.5", "1"),
        readable("\"4\"", "1"),
        readable("9007199254740992", "1"),
        readable("1e400", "1"),
        r#"{"meta":{"epoch":9}}"#.to_owned(),
        r#"{"meta":[9,9]}"#.to_owned(),
        r#"{"meta":null}"#.to_owned(),
        r#"[{"meta":{"epoch":9,"version":9}}]"#.to_owned(),
        "9".to_owned(),
        "null".to_owned(),
        "".to_owned(),
        "{not json".to_owned(),
        "[".repeat(5_000),
        "\u{0}\u{1}".to_owned(),
    ];
    let ahead = [
        (readable("3", "10"), 3, 10),
        (readable("3", "11"), 3, 11),
        (readable("4", "0"), 4, 0),
        (readable("3", "9007199254740991"), 3, Stamp::PART_MAX),
        (readable("9007199254740991", "1"), Stamp::PART_MAX, 1),
    ];
    let server = Server::start().await;
    let (mut link, mut reader) = (server.link(), server.reader().await);
    let ours = publication(3, 10, &[]);
    for key in ["t:status:replay", "t:status:alerts", "t:backlog"] {
        for value in &older {
            let _: () = redis::cmd("FLUSHALL").query_async(&mut reader).await.unwrap();
            let _: () = reader.set(key, value).await.unwrap();
            assert_eq!(link.put(&ours).await.unwrap(), Outcome::Written, "{key} {value:.60}");
            assert!(link.check(&ours).await.unwrap(), "{key} {value:.60}");
        }
        for (value, epoch, version) in &ahead {
            let _: () = redis::cmd("FLUSHALL").query_async(&mut reader).await.unwrap();
            let _: () = reader.set(key, value).await.unwrap();
            let expected = Outcome::Ahead(Stamp { epoch: *epoch, version: *version });
            assert_eq!(link.put(&ours).await.unwrap(), expected, "{key} {value}");
            let keys: Vec<String> = reader.keys("*").await.unwrap();
            assert_eq!(keys, [key], "nothing is written when one value is ahead");
            assert_eq!(text(&mut reader, key).await.as_ref(), Some(value));
        }
    }
}

#[tokio::test]
async fn keys_of_a_foreign_type_are_replaced() {
    let server = Server::start().await;
    let (mut link, mut reader) = (server.link(), server.reader().await);
    let ours = publication(1, 1, &[(Some("p"), 1)]);
    for key in ["t:status:replay", "t:status:alerts", "t:backlog", "t:backlog:by_provider"] {
        let _: () = reader.rpush(key, "x").await.unwrap();
    }
    assert!(!link.check(&ours).await.unwrap());
    assert_eq!(link.put(&ours).await.unwrap(), Outcome::Written);
    assert!(link.check(&ours).await.unwrap());
}

#[tokio::test]
async fn what_is_gone_from_the_views_is_gone_from_redis() {
    let server = Server::start().await;
    let (mut link, mut reader) = (server.link(), server.reader().await);
    link.put(&publication(1, 1, &[(Some("a"), 1), (Some("b"), 1)])).await.unwrap();
    link.put(&publication(1, 2, &[(Some("b"), 2)])).await.unwrap();
    let fields: Vec<String> = reader.hkeys("t:backlog:by_provider").await.unwrap();
    assert_eq!(fields, ["b"]);
    let mut empty = publication(1, 3, &[]);
    empty.replay = None;
    link.put(&empty).await.unwrap();
    let keys: Vec<String> = reader.keys("*").await.unwrap();
    assert_eq!(keys, ["t:backlog"]);
}

#[tokio::test]
async fn thousands_of_providers_fit_one_publication() {
    let server = Server::start().await;
    // Unoptimized, on a busy machine.
    let mut link = Link::new(&server.url(), "t:", Duration::from_secs(60)).unwrap();
    let names: Vec<String> = (0..20_000).map(|n| format!("provider-{n}")).collect();
    let list: Vec<_> = names.iter().map(|name| (Some(name.as_str()), 1)).collect();
    let ours = publication(1, 1, &list);
    assert_eq!(link.put(&ours).await.unwrap(), Outcome::Written);
    assert!(link.check(&ours).await.unwrap());
}

#[tokio::test]
async fn a_flushed_script_cache_is_no_obstacle() {
    let server = Server::start().await;
    let (mut link, mut reader) = (server.link(), server.reader().await);
    link.put(&publication(1, 1, &[])).await.unwrap();
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut reader).await.unwrap();
    assert_eq!(link.put(&publication(1, 2, &[])).await.unwrap(), Outcome::Written);
}

#[tokio::test]
async fn any_change_in_redis_is_noticed() {
    let server = Server::start().await;
    let (mut link, mut reader) = (server.link(), server.reader().await);
    let ours = publication(1, 1, &[(Some("p"), 1)]);
    let harms: [&[&str]; 8] = [
        &["FLUSHALL"],
        &["SET", "t:status:replay", "{}"],
        &["SET", "t:status:alerts", "{}"],
        &["DEL", "t:status:replay"],
        &["DEL", "t:backlog"],
        &["DEL", "t:backlog:by_provider"],
        &["HSET", "t:backlog:by_provider", "q", "{}"],
        &["HSET", "t:backlog:by_provider", "p", "{}"],
    ];
    for harm in harms {
        let _: () = redis::cmd("FLUSHALL").query_async(&mut reader).await.unwrap();
        link.put(&ours).await.unwrap();
        assert!(link.check(&ours).await.unwrap());
        let _: Value =
            redis::cmd(harm[0]).arg(&harm[1..]).query_async::<i64>(&mut reader).await.map_or(Value::Null, Value::from);
        assert!(!link.check(&ours).await.unwrap(), "{harm:?}");
    }
}

#[tokio::test]
async fn the_channel_tells_the_new_version() {
    let server = Server::start().await;
    let mut listener = redis::Client::open(server.url()).unwrap().get_async_pubsub().await.unwrap();
    listener.subscribe("t:changed").await.unwrap();
    let mut link = server.link();
    link.put(&publication(1, 42, &[])).await.unwrap();
    link.announce(Stamp { epoch: 1, version: 42 }).await.unwrap();
    let message = listener.on_message().next().await.unwrap();
    assert_eq!(message.get_payload::<String>().unwrap(), "42");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_side_by_side_never_go_back() {
    let server = Server::start().await;
    let mut reader = server.reader().await;
    let tasks: Vec<_> = (0..4)
        .map(|publisher| {
            let mut link = server.link();
            tokio::spawn(async move {
                // Each in an order of its own, old ones after new ones too.
                for step in 0..150_i64 {
                    let version = (step * 37 + publisher * 11) % 150 + 1;
                    link.put(&publication(1, version, &[(Some("p"), version)])).await.unwrap();
                }
            })
        })
        .collect();
    let (mut last, mut seen) = (0, 0);
    while tasks.iter().any(|task| !task.is_finished()) {
        let (backlog, hash): (Option<String>, Option<String>) = redis::pipe()
            .atomic()
            .get("t:backlog")
            .hget("t:backlog:by_provider", "p")
            .query_async(&mut reader)
            .await
            .unwrap();
        let Some(backlog) = backlog else { continue };
        let backlog: Value = serde_json::from_str(&backlog).unwrap();
        let hash: Value = serde_json::from_str(&hash.unwrap()).unwrap();
        let version = backlog["meta"]["version"].as_i64().unwrap();
        assert!(version >= last, "{version} after {last}");
        assert_eq!(hash["scheduledBacklog"], backlog["scheduledBacklog"], "keys of one publication change together");
        (last, seen) = (version, seen + 1);
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert!(seen > 10, "{seen}");
    assert!(server.link().check(&publication(1, 150, &[(Some("p"), 150)])).await.unwrap());
}

#[tokio::test]
async fn a_redis_that_hangs_or_restarts_costs_a_time_out_and_no_more() {
    let mut server = Server::start().await;
    let mut link = Link::new(&server.url(), "t:", Duration::from_millis(200)).unwrap();
    link.probe().await.unwrap();
    let _: () = redis::cmd("CLIENT").arg("PAUSE").arg(600).query_async(&mut server.reader().await).await.unwrap();
    let began = std::time::Instant::now();
    assert!(matches!(link.put(&publication(1, 1, &[])).await, Err(PublishError::TimedOut(_))));
    assert!(began.elapsed() < Duration::from_millis(500));
    tokio::time::sleep(Duration::from_millis(600)).await;
    link.probe().await.unwrap();
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    assert!(matches!(link.probe().await, Err(PublishError::Redis(_))));
    assert!(matches!(link.probe().await, Err(PublishError::Redis(_))));
}

#[test]
fn an_address_that_is_none_is_refused_without_its_password() {
    let Err(error) = Link::new("redis://user:hunter2@:x", "t:", Duration::from_secs(1)) else { panic!("accepted") };
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(error.to_string().contains("redis.url"), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_an_error_over_rediss_and_no_panic() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://{}", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move { drop(listener.accept().await) });
    let mut link = Link::new(&url, "t:", Duration::from_secs(1)).unwrap();
    assert!(link.probe().await.is_err());
    accepting.abort();
}
