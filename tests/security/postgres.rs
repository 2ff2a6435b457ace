//! Postgres over TLS.

use futures::future::join_all;

use super::{Env, borrowed, is_told};
use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded};
use crate::support::{Authority, PATIENCE, SecuredPostgres, Stack};

const URL: &str = "FOLDBACK__POSTGRES__URL";
const PASSWORD: &str = "S3CR3T-of-postgres";

#[tokio::test(flavor = "multi_thread")]
async fn verify_full_takes_the_right_server_alone_and_says_why_it_takes_no_other() {
    let (authority, other) = (Authority::new(), Authority::new());
    let postgres = SecuredPostgres::start(&authority.issue("localhost")).await;
    let stack = Stack::on(postgres.servers(), 1).await;
    let mut admin = stack.postgres().await;
    for sql in [
        format!("create role folder login password '{PASSWORD}'"),
        format!("grant create on database {} to folder", stack.name),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
    let url = |host: &str, password: &str, parameters: &str| -> Env {
        vec![(URL, postgres.url(host, "folder", password, &stack.name, parameters))]
    };
    let trusting = |mode: &str, authority: &Authority| format!("sslmode={mode}&sslrootcert={}", authority.file());

    let good = url("localhost", PASSWORD, &trusting("verify-full", &authority));
    stack.foldback_with(&["migrate"], &borrowed(&good)).await.exits(0);
    let running = stack.run_with(&borrowed(&good)).await;
    running.ready(PATIENCE).await;
    let events = lives(5, 4);
    Log::of(&stack).write(&events, 1).await;
    folded(&stack, events.len()).await;
    assert_consistent(&stack, events.len()).await;
    stack.foldback_with(&["doctor"], &borrowed(&good)).await.exits(0);
    running.terminate().await;
    // What docs/operations.md says of the other modes.
    for taken in [
        url("127.0.0.1", PASSWORD, &trusting("verify-ca", &authority)),
        url("127.0.0.1", PASSWORD, &trusting("require", &other)),
        url("127.0.0.1", PASSWORD, ""),
    ] {
        stack.foldback_with(&["status"], &borrowed(&taken)).await.exits(0);
    }
    let cases: [(Env, &[&str]); 3] = [
        (url("localhost", PASSWORD, &trusting("verify-full", &other)), &["not trusted", "sslrootcert in postgres.url"]),
        (
            url("127.0.0.1", PASSWORD, &trusting("verify-full", &authority)),
            &["not trusted", "the host in postgres.url must be one that"],
        ),
        (url("localhost", PASSWORD, "sslmode=verify-full"), &["not trusted", "sslrootcert in postgres.url"]),
    ];
    join_all(cases.iter().map(|(env, words)| is_told(&stack, env, 1, words))).await;
    // These are not waited for.
    let refused: [(Env, &str); 2] = [
        (url("localhost", "S3CR3T-wrong", &trusting("verify-full", &authority)), "check user, password"),
        (url("localhost", PASSWORD, "sslmode=disable"), "over TLS alone: set sslmode=verify-full"),
    ];
    for (env, words) in refused {
        for verb in [&["status"][..], &["run"], &["doctor"]] {
            let output = stack.foldback_with(verb, &borrowed(&env)).await.exits(1);
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(said.contains(words) && !said.contains(super::SECRET), "{verb:?}: {said}");
        }
    }
}
