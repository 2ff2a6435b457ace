//! Secrets that real servers are given, and everything that every verb and a running instance print meanwhile, at the
//! most talkative level of the log. What needs no server is in tests/offline/planted.rs.

use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::verbs::{assert_understood, command_lines};
use crate::support::views::{folded, migrated, readyz_says};
use crate::support::{OwnRedis, PATIENCE, Proxy, Running, Stack, eventually};

const SECRET: &str = "S3CR3T";
/// How `u:S3CR3T` begins in the header of HTTP's basic authentication.
const ENCODED: &str = "dTpTM0NS";
const TOKEN: &str = "S3CR3T-token-0123456789";
const PASSWORD: &str = "S3CR3T-redis";

#[track_caller]
fn assert_silent(what: &str, text: &str) {
    let shown: Vec<&str> = text.lines().filter(|line| line.contains(SECRET) || line.contains(ENCODED)).collect();
    assert!(shown.is_empty(), "{what} shows a secret:\n{}", shown.join("\n"));
}

/// Redis has a password; the others are sent one, which they don't ask for.
fn settings(stack: &Stack, postgres: &Proxy, redis: &OwnRedis) -> Vec<(&'static str, String)> {
    let host = |url: &str| url.split_once("://").unwrap().1.to_owned();
    vec![
        ("FOLDBACK__POSTGRES__URL", format!("{}?password=S3CR3T-1&options=-c%20a.b%3DS3CR3T-2", postgres.url())),
        (
            "FOLDBACK__SCHEMA_REGISTRY__URL",
            format!("http://u:S3CR3T-3@{}?token=S3CR3T-4", host(&stack.servers.registry)),
        ),
        ("FOLDBACK__REDIS__URL", format!("redis://:{PASSWORD}@{}/0?x=S3CR3T-5", host(&redis.url()))),
        ("FOLDBACK__KAFKA__PROPERTIES__SASL_PASSWORD", "S3CR3T-6".to_owned()),
        ("FOLDBACK__KAFKA__PROPERTIES__DEBUG", "all".to_owned()),
        ("FOLDBACK__HTTP__TOKEN", TOKEN.to_owned()),
        ("FOLDBACK__LOG__LEVEL", "trace".to_owned()),
    ]
}

/// All that it answers, to whoever may ask and to others.
async fn answers(running: &Running) -> String {
    let ask = async |path: &str, token: &str| {
        let answer = running.http.get(running.url(path)).bearer_auth(token).send().await.unwrap();
        format!("{:?}\n{}\n", answer.headers().clone(), answer.text().await.unwrap())
    };
    let document = running.http.get(running.url("/openapi.json")).bearer_auth(TOKEN).send().await.unwrap();
    let document: serde_json::Value = document.json().await.unwrap();
    let mut all = document.to_string();
    for path in document["paths"].as_object().unwrap().keys().map(|path| path.replace("{id}", "1")) {
        for query in ["", "?access_token=S3CR3T"] {
            all += &ask(&format!("{path}{query}"), TOKEN).await;
            all += &ask(&format!("{path}{query}"), "S3CR3T-of-another-one").await;
        }
    }
    all
}

async fn with_password(redis: &OwnRedis) -> redis::aio::MultiplexedConnection {
    redis.run(&["CONFIG", "SET", "requirepass", PASSWORD]).await;
    let url = redis.url().replace("redis://", &format!("redis://:{PASSWORD}@"));
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_foldback_prints_holds_a_secret_of_its_servers() {
    let stack = migrated().await;
    let (redis, mut proxy) = (OwnRedis::start().await, Proxy::to(&stack.postgres_url).await);
    let mut admin = with_password(&redis).await;
    let settings = settings(&stack, &proxy, &redis);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let running = stack.run_with(&settings).await;
    running.ready(PATIENCE).await;
    let events = lives(10, 10);
    Log::of(&stack).write(&events, 4).await;
    folded(&stack, events.len()).await;
    // The right password was sent: snapshots are there.
    eventually(PATIENCE, || {
        let mut admin = admin.clone();
        async move {
            let keys: u64 = redis::cmd("DBSIZE").query_async(&mut admin).await.unwrap();
            (keys > 0).then_some(()).ok_or("no snapshot")
        }
    })
    .await;

    for line in command_lines().into_iter().filter(|line| line != &["run"]) {
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        let output = stack.foldback_with(&words, &settings).await;
        let text = output.stdout + &output.stderr;
        assert_understood(&line, &text);
        assert_silent(&line.join(" "), &text);
    }
    assert_silent("HTTP", &answers(&running).await);

    redis::pipe()
        .cmd("CONFIG")
        .arg("SET")
        .arg("requirepass")
        .arg("S3CR3T-new")
        .cmd("CLIENT")
        .arg("KILL")
        .arg("TYPE")
        .arg("normal")
        .query_async::<()>(&mut admin)
        .await
        .unwrap();
    eventually(PATIENCE, || async {
        let degraded = running.get("/readyz").await.unwrap().text().await.unwrap();
        degraded.contains("authentication failed").then_some(()).ok_or(degraded)
    })
    .await;
    proxy.cut().await;
    readyz_says(&running, PATIENCE, 503, "postgres").await;
    assert_silent("HTTP without servers", &answers(&running).await);
    let doctor = stack.foldback_with(&["doctor"], &settings).await.exits(1);
    assert_silent("doctor", &(doctor.stdout + &doctor.stderr));
    proxy.mend().await;
    let log = running.log();
    assert!(
        log.contains("TRACE") && log.contains("authentication failed") && log.contains("rdkafka"),
        "all of them speak"
    );
    assert_silent("the log of run", &log);
    running.terminate().await;
}
