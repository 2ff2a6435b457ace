//! What people do meanwhile: they rebuild, promote and roll back, and follow what /readyz asks for.

use std::time::Duration;

use crate::chaos::class::Class;
use crate::chaos::faults::wire::{How, Server};
use crate::chaos::faults::{instances, wire};
use crate::chaos::trial::Trial;
use crate::support::{Background, Output};

const REBUILD_TIMEOUT: Duration = Duration::from_secs(150);

/// With other faults in the middle of it; sometimes it is killed itself, and resumed by the next one.
pub async fn rebuild(trial: &mut Trial) {
    // The first one while records are still published.
    if trial.struck == 0 || trial.chance(0.3) {
        return cut_over_among_commits(trial).await;
    }
    let aside = trial.chance(0.3);
    let args = if aside { &["rebuild", "--no-promote"][..] } else { &["rebuild", "--yes"] };
    let command = Background::start(args, &trial.env);
    for _ in 0..1 + trial.below(2) {
        trial.pause(300, 2_000).await;
        another(trial).await;
    }
    if trial.chance(0.3) {
        command.kill();
        return trial.note("the rebuild is killed");
    }
    let output = command.wait(REBUILD_TIMEOUT).await;
    noted(trial, "rebuild", &output);
    let ready = trial.generation_in_state("ready").await;
    if let (true, Some(ready)) = (aside, ready) {
        let output = trial.foldback(&["generations", "promote", &ready.to_string(), "--yes"]).await;
        noted(trial, "promote", &output);
    }
}

/// Postgres is far away for the instances, and near for whoever rebuilds: whenever the cut-over comes, commits are under
/// way.
async fn cut_over_among_commits(trial: &mut Trial) {
    // The cut-over waits for a commit no longer than `rebuild.lock_timeout_ms`.
    let delay = trial.between(5, 12);
    trial.note("commits take long");
    trial.parts.wire(Server::Postgres).slow(delay);
    if trial.chance(0.5) {
        trial.note("a publication arrives after the cut-over");
        trial.parts.wire(Server::Redis).stall_at("EVALSHA");
    }
    let mut env = trial.env.clone();
    env.push(("FOLDBACK__POSTGRES__URL".to_owned(), trial.stack.postgres_url.clone()));
    let output = Background::start(&["rebuild", "--yes"], &env).wait(REBUILD_TIMEOUT).await;
    trial.parts.wire(Server::Postgres).mend().await;
    // Another publication overtakes it.
    trial.pause(500, 2_000).await;
    trial.parts.wire(Server::Redis).mend().await;
    noted(trial, "rebuild", &output);
}

pub async fn roll_back(trial: &mut Trial) {
    let output = trial.foldback(&["generations", "rollback", "--yes"]).await;
    noted(trial, "rollback", &output);
}

/// A fault that needs no servers of the trial's own.
async fn another(trial: &mut Trial) {
    let hows = [How::Cut, How::Slow, How::Freeze, How::HalfOpen, How::Stall, How::LoseAnswers];
    let how = hows[usize::try_from(trial.below(6)).unwrap()];
    match trial.below(4) {
        0 => instances::kill(trial).await,
        1 => wire::strike(trial, Server::Redis, how).await,
        2 => wire::strike(trial, Server::Registry, how).await,
        _ => wire::strike(trial, Server::Postgres, how).await,
    }
}

/// It may fail where a server is away: then it says so, and the next one goes on.
fn noted(trial: &mut Trial, what: &str, output: &Output) {
    let last = output.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    trial.note(&format!("{what} exits with {:?}: {last}", output.code));
    assert!(!output.stderr.contains("panicked"), "{what}:\n{}", output.stderr);
}

/// Does what the instances' /readyz recommends, as an operator would.
pub async fn follow(trial: &mut Trial) {
    for (topic, partition, offset) in asked_for(trial, "dead-letters allow ").await {
        let output = trial.foldback(&["dead-letters", "allow", &topic, &partition, &offset]).await;
        noted(trial, "dead-letters allow", &output);
    }
    let new_logs: Vec<String> =
        asked_for(trial, "rebuild --new-log ").await.into_iter().map(|(topic, ..)| topic).collect();
    if let Some(topic) = new_logs.first() {
        let args = ["rebuild", "--yes", "--new-log", topic, "--confirm-new-log", topic];
        let output = trial.foldback(&args).await;
        noted(trial, "rebuild --new-log", &output);
    }
}

/// Whether an instance says one of these.
pub async fn is_told(trial: &Trial, words: &[&str]) -> Result<(), String> {
    let mut all = String::new();
    for member in trial.fleet.members() {
        if let Some(response) = member.get("/readyz").await {
            all.push_str(&response.text().await.unwrap_or_default());
        }
    }
    if words.iter().any(|words| all.contains(words)) { Ok(()) } else { Err(all) }
}

/// The three words after this one, of each sentence that holds it.
async fn asked_for(trial: &Trial, words: &str) -> Vec<(String, String, String)> {
    let mut asked = Vec::new();
    for member in trial.fleet.members() {
        let Some(response) = member.get("/readyz").await else { continue };
        let text = response.text().await.unwrap_or_default();
        for (at, _) in text.match_indices(words) {
            let rest = &text[at + words.len()..];
            let mut next = rest.split([' ', '`', '"', ',']).map(str::to_owned);
            let mut word = || next.next().unwrap_or_default();
            let three = (word(), word(), word());
            if !asked.contains(&three) {
                asked.push(three);
            }
        }
    }
    asked
}

/// What is left to do once all is healed: records that were refused for what others did are sent through again.
pub async fn tidy(trial: &mut Trial) {
    if trial.class == Class::Registry {
        let output = trial.foldback(&["dead-letters", "redrive", "--all"]).await;
        noted(trial, "redrive", &output);
    }
}
