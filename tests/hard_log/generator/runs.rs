//! Everything that is written of one automation run.

use super::{Source, envelope, summaries};
use crate::hard_log::meaning::{Draft, RunEvent};

pub fn records_of_one_run(source: &mut Source) -> Vec<Draft> {
    let first = first_report(source);
    let home = source.partition();
    let mut log = Vec::new();
    let mut revision = first.revision;
    let mut event = first;
    loop {
        log.push(envelope::run_record(source, &event, home));
        while source.chance(0.2) {
            let other = if source.chance(0.5) { home } else { source.partition() };
            log.push(envelope::run_record(source, &event, other));
        }
        if !source.chance(0.5) {
            return log;
        }
        // an equal revision of another event is decided by position
        revision += source.pick(&[0, 1, 1, 1, 2, -1]);
        event = RunEvent { event_id: source.uuid(), run_id: event.run_id, revision, ..report(source) };
        if source.chance(0.3) {
            let other = source.partition();
            log.push(envelope::run_record(source, &event, other));
        }
    }
}

fn first_report(source: &mut Source) -> RunEvent {
    let revision = source.pick(&[1, 1, 1, 1, 1, 1, 0, -1, i64::from(i32::MAX) - 40, i64::from(i32::MIN) + 40]);
    RunEvent { revision, ..report(source) }
}

pub fn report(source: &mut Source) -> RunEvent {
    // few different times, so that run_id has ties to break
    let ran_micros = if source.chance(0.5) { 1_795_500_000_000_000 + source.below(4) as i64 } else { source.time() };
    let sparse = source.chance(0.4);
    RunEvent {
        event_id: source.uuid(),
        run_id: source.uuid(),
        revision: 1,
        run_type: source.pick(&["replay", "alert"]),
        status: source.pick(&["unknown", "success", "partial", "failed"]),
        started_micros: if sparse { None } else { source.maybe(0.7, Source::time) },
        ran_micros,
        summary: summaries::summary(source),
        metadata: if sparse { "{}".to_owned() } else { summaries::metadata(source) },
        backlog_total: source.maybe(0.5, |source| source.pick(&[0, 3, -1, i64::MAX, 12])),
        next_scheduled_micros: if sparse { None } else { source.maybe(0.6, Source::time) },
        alerts_sent: source.maybe(0.5, |source| source.pick(&[0, 2, i64::from(i32::MAX)])),
    }
}
