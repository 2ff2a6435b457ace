//! Tells /readyz and the log which partitions stand still, and whether this process has any.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::cause::cause;
use super::partitions::{Look, Progress, Standing};
use super::report::Report;
use crate::domain::log::record::Topics;
use crate::observe::Readiness;
use crate::observe::health::{self, Severity};

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A member that the group has given nothing for this long is a spare one; it gets its partitions some rounds after it has
/// joined.
const SPARE_AFTER: Duration = Duration::from_secs(5);
/// So many claims by others within a minute are more than rebalances and lost answers of Postgres make.
const FENCED_MAX: usize = 8;

/// One per process.
pub struct Supervisor {
    progress: Progress,
    topics: Topics,
    group: String,
    stalled_after: Duration,
    readiness: Readiness,
    /// Names of the conditions of partitions that are raised.
    raised: BTreeSet<String>,
    /// Since when this process is without partitions.
    idle_since: Option<Instant>,
}

impl Supervisor {
    pub fn new(
        progress: Progress,
        topics: Topics,
        group: &str,
        stalled_after: Duration,
        readiness: Readiness,
    ) -> Supervisor {
        Supervisor {
            progress,
            topics,
            group: group.to_owned(),
            stalled_after,
            readiness,
            raised: BTreeSet::new(),
            idle_since: None,
        }
    }

    /// Looks until stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let (mut tick, mut report) = (interval(LOOK_EVERY), Report::new(Instant::now()));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let now = Instant::now();
            let looks = self.progress.look(now);
            self.partitions(&looks);
            report.tell(&looks, self.readiness.is_ready(), now);
            self.standing(&self.progress.standing(), now);
        }
    }

    fn partitions(&mut self, looks: &[Look]) {
        let conditions = self.readiness.conditions();
        let mut raised = BTreeSet::new();
        for look in looks {
            let (topic, partition) = (self.topics.name(look.partition.stream), look.partition.index);
            if look.fenced >= FENCED_MAX {
                let name = health::fenced(topic, partition);
                self.readiness.raise(&name, Severity::Unready, self.fenced(look));
                raised.insert(name);
            }
            if look.stalled >= self.stalled_after {
                let name = health::stalled(topic, partition);
                let detail = format!("{}: {}", self.stalled(look), cause(look, topic, &conditions));
                self.readiness.raise(&name, Severity::Unready, detail);
                raised.insert(name);
            }
        }
        for over in self.raised.difference(&raised) {
            self.readiness.clear(over);
        }
        self.raised = raised;
    }

    fn stalled(&self, look: &Look) -> String {
        let at = look.next_offset.map_or_else(|| "an unknown offset".to_owned(), |offset| format!("offset {offset}"));
        let end = look.ends.map_or(0, |ends| ends.high_watermark);
        format!(
            "topic {}, partition {}: records wait from {at} on (the log ends at {end}), and the checkpoint has not moved \
             for {} s",
            self.topics.name(look.partition.stream),
            look.partition.index,
            look.stalled.as_secs()
        )
    }

    fn fenced(&self, look: &Look) -> String {
        format!(
            "topic {}, partition {}: another process claims it again and again ({} times within a minute), though \
             consumer group {} has given it to this one. All processes that share a Postgres database must have the same \
             kafka.brokers and kafka.group: look for one with others",
            self.topics.name(look.partition.stream),
            look.partition.index,
            look.fenced,
            self.group
        )
    }

    /// An instance more than there are partitions is fine. One that is no member of its group is not.
    fn standing(&mut self, standing: &Standing, now: Instant) {
        if standing.partitions > 0 {
            self.idle_since = None;
            self.readiness.clear(health::ASSIGNMENT);
            return self.readiness.clear(health::STANDBY);
        }
        let idle = now.saturating_duration_since(*self.idle_since.get_or_insert(now));
        let member_for = standing
            .memberships
            .iter()
            .filter(|membership| membership.is_member)
            .map(|membership| now.saturating_duration_since(membership.since).min(idle))
            .max();
        match member_for {
            Some(time) if time >= SPARE_AFTER => {
                self.readiness.clear(health::ASSIGNMENT);
                let detail = format!(
                    "consumer group {} has given all partitions to other members; this instance takes over when one of \
                     them ends",
                    self.group
                );
                self.readiness.raise(health::STANDBY, Severity::Degraded, detail);
            }
            Some(_) => {}
            None => {
                self.readiness.clear(health::STANDBY);
                if idle >= self.stalled_after {
                    let detail = self.not_a_member(standing, idle);
                    self.readiness.raise(health::ASSIGNMENT, Severity::Unready, detail);
                }
            }
        }
    }

    fn not_a_member(&self, standing: &Standing, idle: Duration) -> String {
        let state = standing.memberships.first().map_or("unknown", |membership| membership.state.as_str());
        let error = match &standing.last_error {
            Some((at, error)) => format!(", the client's last error, {} s ago: {error}", at.elapsed().as_secs()),
            None => String::new(),
        };
        format!(
            "this instance has had no partition for {} s, and is no member of consumer group {} (state {state}{error}); \
             `kafka-consumer-groups.sh --describe --members --group {}` shows who is",
            idle.as_secs(),
            self.group,
            self.group
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::reader::client_health::Membership;

    fn supervisor() -> Supervisor {
        let topics = Topics { orders: "orders".into(), runs: "runs".into() };
        let readiness = Readiness::default();
        readiness.raise_quietly(health::ASSIGNMENT, "no partitions have been assigned yet");
        Supervisor::new(Progress::default(), topics, "foldback", Duration::from_secs(60), readiness)
    }

    fn standing(partitions: usize, is_member: bool, since: Instant) -> Standing {
        let state = if is_member { "steady" } else { "wait-join" };
        Standing {
            partitions,
            memberships: vec![Membership { is_member, since, state: state.into() }],
            last_error: Some((since, "no coordinator".into())),
        }
    }

    #[test]
    fn an_assignment_that_is_lost_is_told_again() {
        let (mut supervisor, start) = (supervisor(), Instant::now());
        supervisor.standing(&standing(3, true, start), start);
        assert!(supervisor.readiness.conditions().is_empty());
        supervisor.standing(&standing(0, false, start), start);
        assert!(supervisor.readiness.is_ready(), "a rebalance takes its time");
        supervisor.standing(&standing(0, false, start), start + Duration::from_secs(61));
        let detail = supervisor.readiness.conditions()[health::ASSIGNMENT].detail.clone();
        assert!(
            detail.contains("no partition for 61 s") && detail.contains("wait-join, the client's last error"),
            "{detail}"
        );
        supervisor.standing(&standing(1, true, start), start + Duration::from_secs(62));
        assert!(supervisor.readiness.conditions().is_empty());
    }

    #[test]
    fn a_spare_instance_is_ready() {
        let (mut supervisor, start) = (supervisor(), Instant::now());
        supervisor.standing(&standing(0, true, start), start);
        assert!(!supervisor.readiness.is_ready(), "its partitions may be on their way");
        supervisor.standing(&standing(0, true, start), start + SPARE_AFTER);
        assert!(supervisor.readiness.is_ready());
        assert!(supervisor.readiness.conditions()[health::STANDBY].detail.contains("foldback"));
        supervisor.standing(&standing(2, true, start), start + SPARE_AFTER * 2);
        assert!(supervisor.readiness.conditions().is_empty());
    }
}
