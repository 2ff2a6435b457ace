//! Tells whoever watches a load what it waits for, and ends it where waiting can't help.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::error::LoadError;
use crate::observe::Readiness;
use crate::observe::health::{Condition, is_guard};

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Shorter waits are no news: a schema that is fetched for the first time, a broker that changes its leader.
const NEWS_AFTER: Duration = Duration::from_secs(1);
/// A guard that stands for so long is not about to give way: nobody but an operator can change the log.
const REFUSED_AFTER: Duration = Duration::from_secs(5);
/// How the sentence about a wait that is over begins.
pub const OVER: &str = "no longer waiting for";
/// What the work may take to end once it was refused.
const END_MAX: Duration = Duration::from_secs(10);

/// Does the work, and notes each wait when it begins, changes and ends. A partition that a guard has stopped cancels
/// `stop`, which the work must heed, and is the error.
pub async fn told<T, E: From<LoadError>>(
    readiness: &Readiness,
    note: &(dyn Fn(&str) + Sync),
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut waits = Waits::default();
    // Boxed: whole commands come through here, and the compiler lays out nested futures only so deep.
    let mut work = Box::pin(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = sleep(LOOK_EVERY) => {
                if let Some(refusal) = waits.look(&readiness.conditions(), Instant::now(), note) {
                    stop.cancel();
                    // Its own outcome says no more than that it was stopped.
                    let _ = timeout(END_MAX, &mut work).await;
                    return Err(LoadError::Refused(vec![refusal]).into());
                }
            }
        }
    }
}

/// What is being waited for, by the name of its condition.
#[derive(Default)]
struct Waits(BTreeMap<String, Wait>);

struct Wait {
    since: Instant,
    told: Option<String>,
}

impl Waits {
    /// The sentence of a guard that has stood for too long.
    fn look(
        &mut self,
        conditions: &BTreeMap<String, Condition>,
        now: Instant,
        note: &(dyn Fn(&str) + Sync),
    ) -> Option<String> {
        self.0.retain(|name, wait| {
            let stands = conditions.contains_key(name);
            if !stands && wait.told.is_some() {
                note(&format!("{OVER} {name}"));
            }
            stands
        });
        for (name, condition) in conditions {
            let wait = self.0.entry(name.clone()).or_insert(Wait { since: now, told: None });
            let age = now.saturating_duration_since(wait.since);
            if is_guard(name) && age >= REFUSED_AFTER {
                return Some(condition.detail.clone());
            }
            if age >= NEWS_AFTER && wait.told.as_ref() != Some(&condition.detail) {
                note(&format!("waiting ({name}): {}", condition.detail));
                wait.told = Some(condition.detail.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::observe::health::{self, Severity};

    fn noted(look: impl FnOnce(&(dyn Fn(&str) + Sync))) -> Vec<String> {
        let lines = Mutex::new(Vec::new());
        look(&|line: &str| lines.lock().unwrap().push(line.to_owned()));
        lines.into_inner().unwrap()
    }

    #[test]
    fn a_wait_is_told_once_while_it_lasts_and_once_when_it_ends() {
        let (readiness, mut waits, start) = (Readiness::default(), Waits::default(), Instant::now());
        readiness.raise(health::SCHEMA_REGISTRY, Severity::Unready, "no answer");
        let lines = noted(|note| {
            for seconds in [0, 1, 2, 3] {
                assert_eq!(waits.look(&readiness.conditions(), start + Duration::from_secs(seconds), note), None);
            }
            readiness.clear(health::SCHEMA_REGISTRY);
            waits.look(&readiness.conditions(), start + Duration::from_secs(4), note);
        });
        assert_eq!(lines, ["waiting (schema_registry): no answer", "no longer waiting for schema_registry"]);
    }

    #[test]
    fn a_guard_that_stands_ends_the_work() {
        let (readiness, mut waits, start) = (Readiness::default(), Waits::default(), Instant::now());
        readiness.raise(&health::log_guard("orders", 3), Severity::Unready, "the log has lost records");
        noted(|note| {
            assert_eq!(waits.look(&readiness.conditions(), start, note), None);
            let later = waits.look(&readiness.conditions(), start + REFUSED_AFTER, note);
            assert_eq!(later.as_deref(), Some("the log has lost records"));
        });
    }
}
