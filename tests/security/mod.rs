//! Who gets in, and what is said to whom doesn't: TLS and passwords of each server, and Postgres's roles. Shares no code
//! with `src/`.

mod kafka;
mod postgres;
mod redis_and_registry;
mod roles;
mod token_server;

use crate::support::views::readyz;
use crate::support::{PATIENCE, Running, Stack, eventually};

/// What no output may contain: every password of these tests begins with it.
const SECRET: &str = "S3CR3T";

/// Variables of foldback's environment.
type Env = Vec<(&'static str, String)>;

fn borrowed(env: &Env) -> Vec<(&str, &str)> {
    env.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// The same with another value of one of them.
fn with(mut env: Env, name: &'static str, value: &str) -> Env {
    env.retain(|(other, _)| *other != name);
    env.push((name, value.to_owned()));
    env
}

/// `doctor`, /readyz and the log each say all these words, in one sentence of /readyz, and no secret.
async fn is_told(stack: &Stack, env: &Env, doctor_code: i32, words: &[&str]) {
    let env = [borrowed(env), vec![("FOLDBACK__WORKERS__COUNT", "1")]].concat();
    let running = stack.run_with(&env).await;
    // It gives each server five seconds, which a broker on a busy machine may need to refuse.
    let doctor = eventually(PATIENCE, || async {
        let doctor = stack.foldback_with(&["doctor"], &env).await.exits(doctor_code);
        if words.iter().all(|word| doctor.stdout.contains(word)) { Ok(doctor) } else { Err(doctor.stdout) }
    })
    .await;
    eventually(PATIENCE, || says(&running, words)).await;
    let log = running.log();
    let line = log.lines().find(|line| words.iter().all(|word| line.contains(word)));
    assert!(line.is_some(), "{words:?} in: {log}");
    let all = format!("{}{}{log}{}", doctor.stdout, doctor.stderr, readyz(&running).await.1);
    assert!(!all.contains(SECRET), "{all}");
    running.kill();
}

async fn says(running: &Running, words: &[&str]) -> Result<(), String> {
    let body = readyz(running).await.1;
    let conditions = ["reasons", "degraded"].map(|kind| body[kind].as_array().cloned().unwrap_or_default()).concat();
    let details = conditions.iter().filter_map(|condition| condition["detail"].as_str());
    let told = details.into_iter().any(|detail| words.iter().all(|word| detail.contains(word)));
    if told { Ok(()) } else { Err(body.to_string()) }
}
