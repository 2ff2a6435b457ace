//! Redis and the schema registry over TLS.

use futures::future::join_all;

use super::{Env, SECRET, borrowed, is_told, says};
use crate::support::events::{Event, placed, scheduled};
use crate::support::log::Log;
use crate::support::views::{migrated, published};
use crate::support::{Authority, OwnRedis, PATIENCE, Stack, TlsProxy, eventually};
use uuid::Uuid;

const REDIS: &str = "FOLDBACK__REDIS__URL";
const REGISTRY: &str = "FOLDBACK__SCHEMA_REGISTRY__URL";

fn trusting(authority: &Authority, name: &'static str, url: String) -> Env {
    let [file, directory] = authority.trusted();
    vec![file, directory, (name, url)]
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_published_to_over_tls_and_a_certificate_that_is_not_trusted_is_said_to_be() {
    let (authority, other) = (Authority::new(), Authority::new());
    let redis = OwnRedis::start().await;
    let proxy = TlsProxy::to(redis.url().trim_start_matches("redis://"), &authority.issue("localhost")).await;
    redis.run(&["ACL", "SETUSER", "publisher", "on", ">S3CR3T-of-redis", "~*", "&*", "+@all"]).await;
    let mut stack = migrated().await;
    let url = |host: &str| format!("rediss://publisher:S3CR3T-of-redis@{host}:{}", proxy.port());
    stack.servers.redis = redis.url();
    let good = trusting(&authority, REDIS, url("localhost"));
    let running = stack.run_with(&borrowed(&good)).await;
    let order = Uuid::now_v7();
    let events = [Event::new(order, 1, placed("p1")), Event::new(order, 2, scheduled(Uuid::now_v7(), 3_600_000))];
    Log::of(&stack).write(&events, 4).await;
    published(&stack, PATIENCE, 1, 0).await;
    let doctor = stack.foldback_with(&["doctor", "--json"], &borrowed(&good)).await.json();
    assert!(doctor.to_string().contains(r#""part":"redis","remedy":null,"seen":"accepted""#), "{doctor}");
    running.terminate().await;
    let cases: [(Env, &[&str]); 2] = [
        (trusting(&other, REDIS, url("localhost")), &["invalid peer certificate", "SSL_CERT_FILE"]),
        (
            trusting(&authority, REDIS, url("127.0.0.1")),
            &["invalid peer certificate", "the host in redis.url must be one that"],
        ),
    ];
    join_all(cases.iter().map(|(env, words)| is_told(&stack, env, 0, words))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_is_asked_over_tls_and_a_certificate_that_is_not_trusted_is_said_to_be() {
    let (authority, other) = (Authority::new(), Authority::new());
    let stack = Stack::new().await;
    stack.foldback(&["migrate"]).await.exits(0);
    let (server, path) = stack.servers.registry.trim_start_matches("http://").split_once('/').unwrap();
    let proxy = TlsProxy::to(server, &authority.issue("localhost")).await;
    let url = |host: &str| format!("https://user:S3CR3T-of-registry@{host}:{}/{path}", proxy.port());
    let good = trusting(&authority, REGISTRY, url("localhost"));
    stack.foldback_with(&["schemas", "register"], &borrowed(&good)).await.exits(0);
    stack.foldback_with(&["doctor", "--strict"], &borrowed(&good)).await.exits(0);
    let cases: [(Env, &[&str]); 2] = [
        (trusting(&other, REGISTRY, url("localhost")), &["invalid peer certificate", "SSL_CERT_FILE"]),
        (
            trusting(&authority, REGISTRY, url("127.0.0.1")),
            &["invalid peer certificate", "the host in schema_registry.url must be one that"],
        ),
    ];
    // Asked for once a record needs it.
    let published = stack.foldback_with(&["publish", "--count", "5", "--seed", "1"], &borrowed(&good)).await;
    published.exits(0);
    for (env, words) in &cases {
        let doctor = stack.foldback_with(&["doctor"], &borrowed(env)).await.exits(1);
        let running = stack.run_with(&borrowed(env)).await;
        eventually(PATIENCE, || says(&running, words)).await;
        let all = format!("{}{}", doctor.stdout, running.log());
        assert!(words.iter().all(|word| doctor.stdout.contains(word)) && !all.contains(SECRET), "{all}");
        running.kill();
    }
}
