//! Kafka over TLS, with passwords and with tokens.

use futures::future::join_all;

use super::token_server::{CLIENT, CLIENT_SECRET, TokenServer};
use super::{Env, borrowed, is_told, with};
use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded};
use crate::support::{Authority, PATIENCE, SecuredKafka, Stack};

const BROKERS: &str = "FOLDBACK__KAFKA__BROKERS";
const PROTOCOL: &str = "FOLDBACK__KAFKA__PROPERTIES__SECURITY_PROTOCOL";
const MECHANISM: &str = "FOLDBACK__KAFKA__PROPERTIES__SASL_MECHANISM";
const USER: &str = "FOLDBACK__KAFKA__PROPERTIES__SASL_USERNAME";
const PASSWORD: &str = "FOLDBACK__KAFKA__PROPERTIES__SASL_PASSWORD";
const CA: &str = "FOLDBACK__KAFKA__PROPERTIES__SSL_CA_LOCATION";
const OIDC_SECRET: &str = "FOLDBACK__KAFKA__PROPERTIES__SASL_OAUTHBEARER_CLIENT_SECRET";
const OIDC_CA: &str = "FOLDBACK__KAFKA__PROPERTIES__HTTPS_CA_LOCATION";

fn password(kafka: &SecuredKafka, authority: &Authority) -> Env {
    vec![
        (BROKERS, kafka.scram.clone()),
        (PROTOCOL, "SASL_SSL".into()),
        (MECHANISM, "SCRAM-SHA-512".into()),
        (USER, SecuredKafka::USER.into()),
        (PASSWORD, SecuredKafka::PASSWORD.into()),
        (CA, authority.file()),
    ]
}

fn token(kafka: &SecuredKafka, authority: &Authority, server: &TokenServer) -> Env {
    vec![
        (BROKERS, kafka.token.clone()),
        (PROTOCOL, "SASL_SSL".into()),
        (MECHANISM, "OAUTHBEARER".into()),
        (CA, authority.file()),
        ("FOLDBACK__KAFKA__PROPERTIES__SASL_OAUTHBEARER_METHOD", "oidc".into()),
        ("FOLDBACK__KAFKA__PROPERTIES__SASL_OAUTHBEARER_CLIENT_ID", CLIENT.into()),
        (OIDC_SECRET, CLIENT_SECRET.into()),
        ("FOLDBACK__KAFKA__PROPERTIES__SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", server.url()),
        (OIDC_CA, authority.file()),
    ]
}

/// The same for each way to log in.
async fn folds_and_rebuilds(stack: &Stack, env: &Env, events_before: usize) {
    let env = borrowed(env);
    let running = stack.run_with(&env).await;
    running.ready(PATIENCE).await;
    let events = lives(5, 4);
    Log::of(stack).write(&events, 1).await;
    folded(stack, events_before + events.len()).await;
    assert_consistent(stack, events_before + events.len()).await;
    stack.foldback_with(&["doctor"], &env).await.exits(0);
    stack.foldback_with(&["rebuild", "--yes"], &env).await.exits(0);
    assert_consistent(stack, events_before + events.len()).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_password_or_a_token_is_all_that_foldback_needs() {
    let authority = Authority::new();
    let issued = authority.issue("localhost");
    let (kafka, server) = tokio::join!(SecuredKafka::start(&issued), TokenServer::start(&issued));
    let stack = Stack::on(kafka.servers(), 1).await;
    stack.foldback(&["migrate"]).await.exits(0);
    let env = password(&kafka, &authority);
    stack.foldback_with(&["schemas", "register"], &borrowed(&env)).await.exits(0);
    folds_and_rebuilds(&stack, &env, 0).await;
    folds_and_rebuilds(&stack, &token(&kafka, &authority, &server), 20).await;
    let published = ["publish", "--count", "10", "--seed", "1"];
    stack.foldback_with(&published, &borrowed(&env)).await.exits(0);
    stack.foldback_with(&published, &borrowed(&token(&kafka, &authority, &server))).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_kafka_does_not_let_in_is_told_in_one_sentence_what_to_do() {
    let (authority, other) = (Authority::new(), Authority::new());
    let issued = authority.issue("localhost");
    let (kafka, server) = tokio::join!(SecuredKafka::start(&issued), TokenServer::start(&issued));
    let stack = Stack::on(kafka.servers(), 1).await;
    stack.foldback(&["migrate"]).await.exits(0);
    let good = password(&kafka, &authority);
    let bearer = token(&kafka, &authority, &server);
    let by_address = kafka.scram.replace("localhost", "127.0.0.1");
    let plain = kafka.servers().kafka;
    let untrusted = ["certificate is not trusted", "ssl.ca.location", "host that is connected to"];
    let wants_tls = ["seems to want TLS", "security.protocol"];
    let no_token = ["Failed to acquire SASL OAUTHBEARER token", "https.ca.location"];
    let cases: [(Env, &[&str]); 10] = [
        (with(good.clone(), PASSWORD, "S3CR3T-wrong"), &["invalid credentials", "sasl.password"]),
        (with(good.clone(), CA, &other.file()), &untrusted),
        (with(good.clone(), BROKERS, &by_address), &untrusted),
        (with(good.clone(), PROTOCOL, "SASL_PLAINTEXT"), &wants_tls),
        (vec![(BROKERS, kafka.scram.clone())], &wants_tls),
        (with(good.clone(), PROTOCOL, "SSL"), &["seems to want a user", "sasl.mechanism"]),
        (with(good.clone(), BROKERS, &plain), &["speaks no TLS", "security.protocol"]),
        (
            with(good.clone(), MECHANISM, "PLAIN"),
            &["Unsupported SASL mechanism", "SCRAM-SHA-512", "set sasl.mechanism"],
        ),
        (with(bearer.clone(), OIDC_SECRET, "S3CR3T-wrong"), &no_token),
        (with(bearer.clone(), OIDC_CA, &other.file()), &no_token),
    ];
    // Two cores: some at a time.
    for some in cases.chunks(4) {
        join_all(some.iter().map(|(env, words)| is_told(&stack, env, 1, words))).await;
    }
}
