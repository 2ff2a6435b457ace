//! Why a partition stands still, as far as it is known.

use std::collections::BTreeMap;

use super::partitions::Look;
use crate::log::Phase;
use crate::observe::health::{self, Condition};

/// Conditions of the whole process that hold up every partition, the likeliest cause first.
const OF_ALL: [&str; 3] = [health::POSTGRES, health::PROJECTION_VERSION, health::KAFKA];

/// One clause or more. What the partition itself says comes before what is wrong with the process.
pub fn cause(look: &Look, topic: &str, conditions: &BTreeMap<String, Condition>) -> String {
    of_partition(look, topic, conditions)
        .or_else(|| OF_ALL.iter().find_map(|name| told(conditions, name)))
        .unwrap_or_else(|| of_worker(look))
}

fn told(conditions: &BTreeMap<String, Condition>, name: &str) -> Option<String> {
    conditions.get(name).map(|condition| format!("{name}: {}", condition.detail))
}

fn of_partition(look: &Look, topic: &str, conditions: &BTreeMap<String, Condition>) -> Option<String> {
    let partition = look.partition.index;
    let guards = [health::flood_guard, health::log_guard, health::fenced];
    guards
        .iter()
        .find_map(|guard| told(conditions, &guard(topic, partition)))
        .or_else(|| open_transaction(look, topic))
        .or_else(|| missing_schema(look, conditions))
}

/// Only where nothing before the transaction could be folded.
fn open_transaction(look: &Look, topic: &str) -> Option<String> {
    let (ends, partition) = (look.ends?, look.partition.index);
    let held_back = ends.high_watermark - ends.last_stable;
    (held_back > 0 && look.next_offset? >= ends.last_stable).then(|| {
        format!(
            "a transaction is open in the log since offset {}, and holds back {held_back} records; they are folded once \
             its producer, or its time-out, ends it (`kafka-transactions.sh describe-producers --topic {topic} \
             --partition {partition}` shows whose it is)",
            ends.last_stable
        )
    })
}

fn missing_schema(look: &Look, conditions: &BTreeMap<String, Condition>) -> Option<String> {
    let Phase::Waiting { position, token } = look.phase else { return None };
    let registry = match conditions.get(health::SCHEMA_REGISTRY) {
        Some(condition) => format!("; {}", condition.detail),
        None => String::new(),
    };
    Some(format!(
        "the record at offset {} waits for the schema with id {token} of the registry{registry}",
        position.next_offset
    ))
}

fn of_worker(look: &Look) -> String {
    match look.phase {
        Phase::Unclaimed { .. } | Phase::Claiming => "its checkpoint is not claimed yet".to_owned(),
        Phase::Granted { .. } | Phase::Proving { .. } => "it is claimed, and not read yet".to_owned(),
        _ if look.in_flight_bytes > 0 => format!(
            "its worker has read {} bytes, of all its partitions, that are not written yet: it is busy with others of them, \
             or a write takes long",
            look.in_flight_bytes
        ),
        _ => match &look.last_error {
            Some((at, error)) => {
                format!("Kafka delivers none of it; the client's last error, {} s ago: {error}", at.elapsed().as_secs())
            }
            None => "Kafka delivers none of it, and says nothing".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::log::partition::StreamPartition;
    use crate::domain::log::positions::LogPosition;
    use crate::domain::log::record::Stream;
    use crate::log::survey::list_offsets::LogEnds;
    use crate::observe::Readiness;
    use crate::observe::health::Severity;

    fn look(phase: Phase, next_offset: i64, last_stable: i64) -> Look {
        Look {
            partition: StreamPartition { stream: Stream::Orders, index: 3 },
            phase,
            next_offset: Some(next_offset),
            ends: Some(LogEnds { high_watermark: 100, last_stable }),
            stalled: Duration::from_secs(60),
            fenced: 0,
            in_flight_bytes: 0,
            last_error: None,
        }
    }

    #[test]
    fn the_nearest_cause_is_told() {
        let readiness = Readiness::default();
        let position = LogPosition { next_offset: 7, leader_epoch: None, last_record: None };
        let active = Phase::Active { position, stale: None };
        let why = |look: &Look| cause(look, "orders", &readiness.conditions());
        assert!(why(&look(Phase::Claiming, 7, 100)).contains("not claimed yet"));
        assert!(why(&look(active, 7, 100)).contains("Kafka delivers none of it"));
        assert!(why(&Look { in_flight_bytes: 12, ..look(active, 7, 100) }).contains("12 bytes"));

        readiness.raise(health::POSTGRES, Severity::Unready, "Postgres refuses");
        assert_eq!(why(&look(active, 7, 9)), "postgres: Postgres refuses", "records before the transaction wait too");
        let open = why(&look(active, 9, 9));
        assert!(open.contains("since offset 9, and holds back 91 records"), "{open}");
        let waiting = Phase::Waiting { position, token: 42 };
        assert!(why(&look(waiting, 7, 100)).contains("offset 7 waits for the schema with id 42"));

        readiness.raise(&health::log_guard("orders", 3), Severity::Unready, "the log was cut");
        assert_eq!(why(&look(waiting, 7, 100)), "log_guard:orders/3: the log was cut");
    }
}
