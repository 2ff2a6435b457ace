//! Series that must be able to disappear: kept here and rendered at scrape, since the exporter keeps series forever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::families;
use super::text::write_family;
use crate::domain::generations::verification::Proof;
use crate::domain::log::rejection::Reason;
use crate::domain::runs::run::RunType;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::backlog::{Backlog, ProviderBacklog};
use crate::domain::views::rows::OpenDeadLetters;

type Partition = (String, i32);

/// As the reason for which a partition is stopped.
const LOG_GUARD: &str = "log_guard";

/// Series of the partitions that this instance owns.
#[derive(Debug, Default)]
pub struct PartitionGauges {
    progress: Mutex<Vec<PartitionValues>>,
    stopped: Mutex<BTreeMap<Partition, Reason>>,
    log_guarded: Mutex<BTreeSet<Partition>>,
}

/// How far a partition is folded. `None`: not known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionValues {
    pub topic: String,
    pub partition: i32,
    /// High watermark minus committed offset.
    pub lag_records: Option<i64>,
    /// High watermark minus last stable offset.
    pub open_transaction_records: Option<i64>,
    pub stalled_seconds: f64,
}

impl PartitionGauges {
    /// All partitions that this instance owns: the series of others vanish.
    pub fn show(&self, partitions: Vec<PartitionValues>) {
        *locked(&self.progress) = partitions;
    }

    /// The reason for which the flood guard has stopped the partition, or `None`.
    pub fn stopped(&self, topic: &str, partition: i32, reason: Option<Reason>) {
        let key = (topic.to_owned(), partition);
        match reason {
            Some(reason) => locked(&self.stopped).insert(key, reason),
            None => locked(&self.stopped).remove(&key),
        };
    }

    /// The partitions that the log guard has stopped.
    pub fn log_guarded(&self, partitions: &BTreeSet<Partition>) {
        locked(&self.log_guarded).clone_from(partitions);
    }

    pub(super) fn render(&self, text: &mut String) {
        let progress = locked(&self.progress).clone();
        let each = |value: fn(&PartitionValues) -> Option<f64>| -> Vec<(Vec<String>, f64)> {
            let series = |of: &PartitionValues| Some((vec![of.topic.clone(), of.partition.to_string()], value(of)?));
            progress.iter().filter_map(series).collect()
        };
        write_family(text, &families::LAG_RECORDS, &each(|of| of.lag_records.map(|records| records as f64)));
        let open = each(|of| of.open_transaction_records.map(|records| records as f64));
        write_family(text, &families::OPEN_TRANSACTION_RECORDS, &open);
        write_family(text, &families::PARTITION_STALLED_SECONDS, &each(|of| Some(of.stalled_seconds)));
        let flooded = locked(&self.stopped).clone();
        let flooded = flooded.into_iter().map(|(partition, reason)| (partition, reason.to_string()));
        let guarded = locked(&self.log_guarded).clone().into_iter().map(|partition| (partition, LOG_GUARD.to_owned()));
        let stopped = flooded
            .chain(guarded)
            .map(|((topic, partition), reason)| (vec![topic, partition.to_string(), reason], 1.0));
        write_family(text, &families::PARTITION_STOPPED, &stopped.collect::<Vec<_>>());
    }
}

/// Gauges about all instances' work, exported by the leading publisher alone, so that `max by (…)` over any number of
/// instances is right.
#[derive(Debug, Default)]
pub struct DomainGauges(Mutex<Leading>);

#[derive(Debug, Default)]
struct Leading {
    sure_until: Option<Instant>,
    domain: Option<DomainValues>,
    engine: Option<EngineValues>,
    proof: Option<Proof>,
    redis_up: Option<bool>,
}

/// Values from one snapshot of the views.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DomainValues {
    pub providers: Vec<ProviderBacklog>,
    /// Of the latest run of each type.
    pub last_runs: Vec<(RunType, Timestamp)>,
    /// Of the latest alert run, if it reports this.
    pub alerts_sent: Option<f64>,
}

/// Of the live generation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineValues {
    /// An absent reason counts as 0.
    pub dead_letters: OpenDeadLetters,
    /// Orders that miss at least one event.
    pub orders_with_gaps: i64,
    /// Since when the log shows that an event is missing, of the oldest such gap.
    pub oldest_gap: Option<Timestamp>,
}

impl DomainGauges {
    /// Confirms the lock: the gauges may be exported until then.
    pub fn sure_until(&self, until: Instant) {
        locked(&self.0).sure_until = Some(until);
    }

    pub fn show(&self, values: DomainValues) {
        locked(&self.0).domain = Some(values);
    }

    pub fn show_engine(&self, values: EngineValues) {
        locked(&self.0).engine = Some(values);
    }

    pub fn show_proof(&self, proof: Proof) {
        locked(&self.0).proof = Some(proof);
    }

    pub fn redis_up(&self, up: bool) {
        locked(&self.0).redis_up = Some(up);
    }

    /// Removes what was read of the views, which is too old; the lead goes on.
    pub fn forget_values(&self) {
        let mut leading = locked(&self.0);
        (leading.domain, leading.engine, leading.proof) = (None, None, None);
    }

    /// Ends the lead: removes every series.
    pub fn clear(&self) {
        *locked(&self.0) = Leading::default();
    }

    pub(super) fn render(&self, text: &mut String, now: Instant) {
        let leading = locked(&self.0);
        let is_sure = leading.sure_until.is_some_and(|until| now < until);
        write_family(text, &families::PUBLISHER_LEADER, &[(vec![], f64::from(u8::from(is_sure)))]);
        if !is_sure {
            return;
        }
        leading.domain.iter().for_each(|values| render_domain(text, values));
        leading.engine.iter().for_each(|values| render_engine(text, values));
        leading.proof.iter().for_each(|proof| render_proof(text, proof));
        if let Some(up) = leading.redis_up {
            write_family(text, &families::REDIS_UP, &[(vec![], f64::from(u8::from(up)))]);
        }
    }
}

fn render_domain(text: &mut String, values: &DomainValues) {
    let backlogs = Backlog::by_label(&values.providers);
    let each = |value: fn(&Backlog) -> Option<f64>| -> Vec<(Vec<String>, f64)> {
        backlogs.iter().filter_map(|(label, backlog)| Some((vec![(*label).to_owned()], value(backlog)?))).collect()
    };
    write_family(text, &families::REPLAY_BACKLOG, &each(|backlog| Some(backlog.scheduled_backlog as f64)));
    write_family(text, &families::REPLAY_OVERDUE, &each(|backlog| Some(backlog.overdue as f64)));
    write_family(text, &families::NEXT_REPLAY, &each(|backlog| backlog.next_scheduled_at.map(seconds)));
    let runs: Vec<_> =
        values.last_runs.iter().map(|(kind, ran_at)| (vec![kind.as_str().to_owned()], seconds(*ran_at))).collect();
    write_family(text, &families::LAST_RUN, &runs);
    let alerts_sent: Vec<_> = values.alerts_sent.iter().map(|alerts| (vec![], *alerts)).collect();
    write_family(text, &families::LAST_RUN_ALERTS_SENT, &alerts_sent);
}

fn render_engine(text: &mut String, values: &EngineValues) {
    let count =
        |reason| values.dead_letters.counts.iter().filter(|(of, _)| *of == reason).map(|(_, count)| count).sum::<i64>();
    let letters = Reason::ALL.map(|reason| (vec![reason.to_string()], count(reason) as f64));
    write_family(text, &families::DEAD_LETTERS, &letters);
    let oldest: Vec<_> = values.dead_letters.oldest.iter().map(|oldest| (vec![], seconds(*oldest))).collect();
    write_family(text, &families::DEAD_LETTER_OLDEST, &oldest);
    write_family(text, &families::ORDERS_WITH_GAPS, &[(vec![], values.orders_with_gaps as f64)]);
    let oldest: Vec<_> = values.oldest_gap.iter().map(|oldest| (vec![], seconds(*oldest))).collect();
    write_family(text, &families::GAP_OLDEST, &oldest);
}

fn render_proof(text: &mut String, proof: &Proof) {
    let equal_at: Vec<_> = proof.equal_at.iter().map(|at| (vec![], seconds(*at))).collect();
    write_family(text, &families::VERIFY_LAST_SUCCESS, &equal_at);
    let last_runs: Vec<_> =
        proof.last_runs.iter().map(|(result, at)| (vec![result.as_str().to_owned()], seconds(*at))).collect();
    write_family(text, &families::VERIFY_LAST_RUN, &last_runs);
    let differences: Vec<_> = proof.differences.iter().map(|count| (vec![], *count as f64)).collect();
    write_family(text, &families::VERIFY_DIFFERENCES, &differences);
}

fn seconds(time: Timestamp) -> f64 {
    time.micros() as f64 / 1e6
}

/// Values are only replaced as a whole, so a poisoned one is valid too.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
