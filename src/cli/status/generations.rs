//! What `foldback status` says about the generations.

use serde_json::{Value, json};

use crate::cli::format::thousands;
use crate::cli::output::plain;
use crate::cli::progress::describe;
use crate::domain::generations::catch_up::CatchUp;
use crate::domain::generations::generation::{GenerationInfo, GenerationState};
use crate::domain::generations::verification::VerifyResult;
use crate::domain::log::new_logs::log_counts;
use crate::store::migrate::PROJECTION_VERSION;
use crate::store::read::View;
use crate::store::{Generation, StoreError};

/// The generations as `status` shows them.
pub struct Generations {
    all: Vec<GenerationInfo>,
    live: i32,
    epoch: i64,
    catch_up: Option<CatchUp>,
}

impl Generations {
    pub async fn read(view: &mut View<'_>, live: Generation) -> Result<Generations, StoreError> {
        let (all, epoch) = (view.generations().await?, view.epoch().await?);
        let all_live = all.iter().find(|info| info.generation == live.0);
        let kept = last_kept(&all).filter(|kept| {
            // Positions in another log can't be compared.
            all_live.is_some_and(|live| log_counts(&live.origin) == log_counts(&kept.origin))
        });
        let catch_up = match kept {
            None => None,
            Some(kept) => {
                let here = view.positions_of(live).await?;
                let there = view.positions_of(Generation(kept.generation)).await?;
                CatchUp::of(&here, kept.generation, &there)
            }
        };
        Ok(Generations { all, live: live.0, epoch, catch_up })
    }

    fn live(&self) -> Option<&GenerationInfo> {
        self.all.iter().find(|info| info.generation == self.live)
    }

    fn of(&self, state: GenerationState) -> impl Iterator<Item = &GenerationInfo> {
        self.all.iter().filter(move |info| info.state == state)
    }

    /// Adds its members to those of the status.
    pub fn add_to(&self, status: &mut Value) {
        let live = self.live();
        status["epoch"] = json!(self.epoch);
        status["projectionVersion"] = json!(live.map(|info| info.projection_version));
        status["liveSince"] = json!(live.and_then(|info| info.promoted_at));
        status["verifiedAt"] = json!(live.and_then(|info| info.verified_at));
        status["lastVerification"] = json!(live.and_then(|info| info.last_verification.as_ref()));
        status["rebuilds"] = self.of(GenerationState::Building).map(rebuild_json).collect();
        status["ready"] = self.of(GenerationState::Ready).map(|info| json!(info.generation)).collect();
        status["rollbackTo"] = json!(last_kept(&self.all).map(|info| info.generation));
        status["catchingUp"] = json!(self.catch_up.as_ref().map(catch_up_json));
    }

    /// Names and values, one per line.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("generation", self.live_line()), ("verified", self.verified_line())];
        if let Some(catch_up) = &self.catch_up {
            let (records, generation) = (thousands(catch_up.records().unsigned_abs()), catch_up.generation);
            facts.push(("catching up", format!("{records} records behind where generation {generation} was")));
            facts.extend(catch_up.partitions.iter().map(|((topic, partition), records)| {
                ("", format!("{} partition {partition}: {}", plain(topic, 249), thousands(records.unsigned_abs())))
            }));
        }
        facts.extend(self.of(GenerationState::Building).map(|info| ("rebuild", rebuild_line(info))));
        facts.extend(self.of(GenerationState::Ready).map(|info| ("ready", ready_line(info))));
        let back = last_kept(&self.all).map_or_else(|| "no kept generation".to_owned(), kept_line);
        facts.push(("roll back to", back));
        facts
    }

    /// When the live generation was last found equal to the log, and what came of the last try.
    fn verified_line(&self) -> String {
        let live = self.live();
        let proved = match live.and_then(|info| info.verified_at) {
            Some(at) => format!("equal to the log at {at}"),
            None => "never found equal to the log; run `foldback verify`".to_owned(),
        };
        let Some(last) = live.and_then(|info| info.last_verification.as_ref()) else { return proved };
        match (last.result, last.finished_at, last.differences) {
            (Some(VerifyResult::Equal), Some(_), _) if last.percent >= 100.0 => proved,
            (Some(VerifyResult::Equal), Some(at), _) => format!("{proved}; {} % of it at {at}", last.percent),
            (Some(VerifyResult::Different), Some(at), found) => {
                format!("{} DIFFERENCES at {at}; before, {proved}", found.unwrap_or(0))
            }
            (Some(VerifyResult::Failed), Some(at), _) => {
                let why = plain(last.failure.as_deref().unwrap_or_default(), 200);
                format!("{proved}; the last verification failed at {at}: {why}")
            }
            _ => format!("{proved}; being verified since {} by {}", last.started_at, plain(&last.started_by, 60)),
        }
    }

    fn live_line(&self) -> String {
        let Some(live) = self.live() else { return format!("{} (live)", self.live) };
        let since = live.promoted_at.map_or_else(String::new, |at| format!(" since {at}"));
        let stored = live.projection_version;
        let foreign = if stored == PROJECTION_VERSION {
            String::new()
        } else {
            format!(", this binary has {PROJECTION_VERSION}")
        };
        format!("{} (live{since}; projection version {stored}{foreign}; epoch {})", self.live, self.epoch)
    }
}

/// The generation that was live before the current one, if it still exists.
fn last_kept(all: &[GenerationInfo]) -> Option<&GenerationInfo> {
    all.iter().filter(|info| info.state == GenerationState::Kept).max_by_key(|info| info.promoted_at)
}

fn rebuild_json(info: &GenerationInfo) -> Value {
    json!({"generation": info.generation, "builderAlive": info.builder_alive, "progress": info.progress})
}

fn catch_up_json(catch_up: &CatchUp) -> Value {
    let partition = |((topic, partition), records): (&(String, i32), &i64)| json!({"topic": topic, "partition": partition, "records": records});
    json!({
        "generation": catch_up.generation,
        "records": catch_up.records(),
        "partitions": catch_up.partitions.iter().map(partition).collect::<Vec<_>>(),
    })
}

fn rebuild_line(info: &GenerationInfo) -> String {
    let progress = info.progress.as_ref().map_or_else(|| "started".to_owned(), describe);
    let alive = if info.builder_alive { "" } else { "; interrupted, `foldback rebuild` resumes it" };
    format!("generation {}: {progress}{alive}", info.generation)
}

fn ready_line(info: &GenerationInfo) -> String {
    if info.until.is_some() {
        return format!("generation {}: the views as of an earlier point; query its schema gen_{0}", info.generation);
    }
    format!("generation {}: `foldback generations promote {0}` makes it live", info.generation)
}

fn kept_line(info: &GenerationInfo) -> String {
    format!(
        "generation {} (projection version {}): `foldback generations rollback`",
        info.generation, info.projection_version
    )
}
