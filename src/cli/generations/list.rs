//! Generations as a table.

use serde_json::Value;

use crate::cli::format::to_the_second;
use crate::cli::output::{or_dash, plain, table};
use crate::cli::progress::describe;
use crate::domain::generations::generation::{GenerationInfo, GenerationState};
use crate::domain::generations::verification::Verification;
use crate::domain::timestamp::Timestamp;

const NAME_CHARS_MAX: usize = 60;
const REASON_CHARS_MAX: usize = 120;

pub fn as_text(generations: &[GenerationInfo]) -> String {
    let head =
        ["GENERATION", "STATE", "PROJECTION", "CREATED", "BY", "PROMOTED", "VERIFIED", "BINARY", "FROM", "PROGRESS"]
            .map(str::to_owned)
            .to_vec();
    table(&std::iter::once(head).chain(generations.iter().map(row)).collect::<Vec<_>>())
}

fn row(info: &GenerationInfo) -> Vec<String> {
    vec![
        info.generation.to_string(),
        info.state.as_str().to_owned(),
        info.projection_version.to_string(),
        to_the_second(info.created_at),
        plain(&info.created_by, NAME_CHARS_MAX),
        or_dash(info.promoted_at.map(to_the_second)),
        or_dash(info.last_verification.as_ref().map(verified)),
        plain(&info.binary_version, NAME_CHARS_MAX),
        from(info),
        progress(info),
    ]
}

/// What the newest verification came to.
fn verified(last: &Verification) -> String {
    let sample = if last.percent < 100.0 { format!(" ({} %)", last.percent) } else { String::new() };
    match (last.result, last.finished_at) {
        (Some(result), Some(at)) => format!("{}{sample} {}", result.as_str(), to_the_second(at)),
        _ => format!("running{sample} since {}", to_the_second(last.started_at)),
    }
}

/// Where its log started, and for an as-of generation where it ended.
fn from(info: &GenerationInfo) -> String {
    let start = info.origin.get("from").and_then(Value::as_array).map_or("-", |from| {
        let at_zero = from.iter().all(|place| place.get("offset").and_then(Value::as_i64) == Some(0));
        if at_zero { "offset 0" } else { "the log's start" }
    });
    info.until.as_ref().map_or_else(|| start.to_owned(), |until| format!("{start} until {}", end(until)))
}

/// A time, or the number of partitions with offsets; `--json` has the offsets.
fn end(until: &Value) -> String {
    match (until["time"].as_str(), until["offsets"].as_array()) {
        (Some(time), _) => Timestamp::parse(time).map_or_else(|| plain(time, NAME_CHARS_MAX), to_the_second),
        (None, Some(offsets)) => format!("offsets of {} partitions", offsets.len()),
        (None, None) => "?".to_owned(),
    }
}

fn progress(info: &GenerationInfo) -> String {
    match (info.state, &info.progress, &info.failure) {
        (GenerationState::Building, Some(progress), _) if info.builder_alive => describe(progress),
        (GenerationState::Building, Some(progress), _) => format!("interrupted while {}", describe(progress)),
        (_, _, Some(failure)) => plain(failure, REASON_CHARS_MAX),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::generations::generation::{Phase, Progress};
    use crate::domain::generations::verification::VerifyResult;
    use serde_json::json;

    fn info(generation: i32, state: GenerationState) -> GenerationInfo {
        GenerationInfo {
            generation,
            state,
            projection_version: 1,
            created_at: Timestamp::from_micros(1_700_000_000_000_000).unwrap(),
            created_by: "ops@host-1".into(),
            promoted_at: None,
            binary_version: "0.1.0".into(),
            origin: json!({"from": [{"topic": "provider-orders", "partition": 0, "offset": 0}]}),
            until: None,
            failure: None,
            progress: None,
            verified_at: None,
            last_verification: None,
            builder_alive: false,
        }
    }

    fn check(info: GenerationInfo, from: &str, progress: &str) {
        assert_eq!(row(&info)[8..], [from.to_owned(), progress.to_owned()]);
    }

    #[test]
    fn generations_stand_in_a_table() {
        let at = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
        let equal = Verification {
            started_at: at,
            finished_at: Some(at),
            result: Some(VerifyResult::Equal),
            percent: 100.0,
            differences: Some(0),
            started_by: "run@host-1".into(),
            projection_version: 1,
            binary_version: "0.1.0".into(),
            checkpoints: None,
            failure: None,
        };
        let sample = Verification { percent: 0.5, result: None, ..equal.clone() };
        assert_eq!(verified(&sample), "running (0.5 %) since 2023-11-14T22:13:20Z");
        let last_verification = Some(equal);
        let first = GenerationInfo { origin: json!({}), last_verification, ..info(1, GenerationState::Live) };
        let expected = "\
GENERATION  STATE  PROJECTION  CREATED               BY          PROMOTED  VERIFIED                    BINARY  FROM      PROGRESS
1           live   1           2023-11-14T22:13:20Z  ops@host-1  -         equal 2023-11-14T22:13:20Z  0.1.0   -         -
2           ready  1           2023-11-14T22:13:20Z  ops@host-1  -         -                           0.1.0   offset 0  -
";
        assert_eq!(as_text(&[first, info(2, GenerationState::Ready)]), expected);
    }

    #[test]
    fn one_that_is_built_says_how_far_it_is() {
        let progress = Progress { phase: Phase::Folding, ratio: 0.25, eta_seconds: Some(61), ..Progress::at_start() };
        let interrupted = GenerationInfo { progress: Some(progress), ..info(2, GenerationState::Building) };
        let alive = GenerationInfo { builder_alive: true, ..interrupted.clone() };
        check(alive, "offset 0", "folding, 25.0 %, ETA 1:01");
        check(interrupted, "offset 0", "interrupted while folding, 25.0 %, ETA 1:01");
    }

    #[test]
    fn one_that_failed_says_why_and_one_as_of_a_time_which() {
        let failed = GenerationInfo { failure: Some("3 rows\ndiffer".into()), ..info(2, GenerationState::Failed) };
        check(failed, "offset 0", "3 rows differ");
        let as_of = |until| GenerationInfo { until: Some(until), ..info(3, GenerationState::Ready) };
        check(as_of(json!({"time": "2026-11-23T10:00:00Z"})), "offset 0 until 2026-11-23T10:00:00Z", "-");
        check(as_of(json!({"offsets": [{}, {}]})), "offset 0 until offsets of 2 partitions", "-");
    }
}
