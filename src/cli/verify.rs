//! `foldback verify`

use serde_json::{Value, json};

use crate::config::{Config, Secret};
use crate::domain::generations::difference::{Difference, part_from};
use crate::domain::log::key_share::KeySample;
use crate::domain::log::positions::positions_json;
use crate::rebuild::Observer;
use crate::verify::{Stage, Verified, VerifyError, VerifyOptions, verify};

use super::Failure;
use super::context::{Context, access, at_database, check_kafka, flag};
use super::long_running::{Watched, unanswered};
use super::output::{Output, plain, print, print_json};
use super::percent::per_million;
use super::progress::ProgressLine;
use super::signals::overdue;

/// Maximum characters of a value that are printed for people.
const SHOWN_CHARS: usize = 200;
const SUBJECT: &str = "verify";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Compare only this percentage of the orders and runs, such as 1 or 0.5
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    sample: Option<KeySample>,
    /// Maximum records read per second (0: unlimited) [verify.records_per_second_max]
    #[arg(long, value_name = "N")]
    rate: Option<String>,
    /// Compare the gauges too: HTTP address of the leading instance, as http://HOST:PORT
    #[arg(long, value_name = "URL")]
    metrics_url: Option<Secret>,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![flag("--rate", "verify.records_per_second_max", args.rate)])?;
    let options = VerifyOptions {
        sample: args.sample.unwrap_or(KeySample::ALL),
        records_per_second_max: config.verify.records_per_second_max,
        metrics_url: args.metrics_url,
        metrics_token: config.http.tokens.as_ref().and_then(|held| held.tokens.first().cloned()),
        differences_max: config.verify.differences_max,
        started_by: "verify",
    };
    check_kafka(&config)?;
    let access = access(&config)?;
    let watched = Watched::start(false)?;
    let tell = |stage| match stage {
        Stage::Note(line) => watched.reporter.note(&line),
        stage => watched.reporter.show(shown_stage(&stage)),
    };
    let verified = tokio::select! {
        verified = verify(&config, &access, &options, &tell, &watched.stop) => verified,
        () = overdue(&watched.stop) => Err(VerifyError::Failed(unanswered())),
    };
    watched.end();
    let verified = verified.map_err(|error| failure(&config, error))?;
    if args.output.json {
        print_json(&as_json(&verified))?
    } else {
        print(&as_text(&verified))?
    }
    if verified.differences.is_empty() { Ok(()) } else { Err(Failure::Differences) }
}

fn share(text: &str) -> Result<KeySample, String> {
    per_million(text).map(|per_million| KeySample { per_million })
}

fn failure(config: &Config, error: VerifyError) -> Failure {
    match error {
        VerifyError::Store(error) => at_database(config, error),
        error @ VerifyError::Busy => Failure::Guard(error.to_string()),
        VerifyError::Refused(why) => Failure::Guard(why),
        other => Failure::failed(other.to_string()),
    }
}

/// Progress to show for a stage.
fn shown_stage(stage: &Stage) -> ProgressLine {
    let step = |ratio, words: String| ProgressLine { subject: SUBJECT.to_owned(), phase: words.clone(), ratio, words };
    match stage {
        Stage::Publications => step(0.0, "reading Redis and gauges".to_owned()),
        Stage::Folding(progress) => ProgressLine::of(SUBJECT.to_owned(), progress),
        Stage::Comparing(view) => step(1.0, format!("comparing {view}")),
        Stage::Note(line) => step(0.0, line.clone()),
    }
}

fn as_json(verified: &Verified) -> Value {
    json!({
        "equal": verified.differences.is_empty(),
        "differences": verified.differences.named,
        "differencesFound": verified.differences.total(),
        "notChecked": verified.not_checked,
        "refusedOnlyLive": verified.refused_only_live,
        "checkpoints": positions_json(&verified.checkpoints),
        "seconds": verified.seconds,
    })
}

fn as_text(verified: &Verified) -> String {
    let mut text: String = verified.differences.named.iter().map(named).collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&verdict(verified));
    for refused in &verified.refused_only_live {
        let place = format!("{} partition {} offset {}", plain(&refused.topic, 249), refused.partition, refused.offset);
        text.push_str(&format!(
            "rejected live ({}), but would be accepted today: the record at {place}\n",
            refused.reason
        ));
    }
    for not_checked in &verified.not_checked {
        text.push_str(&format!("not checked: {}: {}\n", not_checked.what, not_checked.why));
    }
    text
}

fn named(difference: &Difference) -> String {
    let all_null = |values: fn(&crate::domain::generations::difference::Differing) -> &Value| {
        difference.columns.len() > 1 && difference.columns.values().all(|column| values(column).is_null())
    };
    let (missing, surplus) = (all_null(|column| &column.stored), all_null(|column| &column.expected));
    let what = match (missing, surplus) {
        (true, false) => ": missing",
        (false, true) => ": should not be there",
        _ => "",
    };
    let mut text = format!("{} {}{what}\n", plain(&difference.view, SHOWN_CHARS), plain(&difference.key, SHOWN_CHARS));
    for (name, column) in &difference.columns {
        if column.stored == column.expected {
            continue;
        }
        let (stored, expected) = shown(&column.stored, &column.expected);
        text.push_str(&format!("    {name}: stored {stored}, expected {expected}\n"));
    }
    text
}

/// Both as text; long ones are cut to the part where they begin to differ.
fn shown(stored: &Value, expected: &Value) -> (String, String) {
    let (stored, expected) = (stored.to_string(), expected.to_string());
    let skipped = if stored.chars().count().max(expected.chars().count()) > SHOWN_CHARS {
        part_from(&stored, &expected)
    } else {
        0
    };
    let part = |text: &str| {
        let rest: String = text.chars().skip(skipped).collect();
        let before = if skipped > 0 { "…" } else { "" };
        format!("{before}{}", plain(&rest, SHOWN_CHARS))
    };
    (part(&stored), part(&expected))
}

fn verdict(verified: &Verified) -> String {
    let differences = &verified.differences;
    let of = format!("{} rows of generation {}, {:.1} s", verified.rows, verified.generation, verified.seconds);
    if differences.is_empty() {
        return format!("no differences ({of})\n");
    }
    let at_least = if differences.is_exact { "" } else { "at least " };
    let named = if differences.named.len() as u64 == differences.total() && differences.is_exact {
        String::new()
    } else {
        format!(", {} of them listed above", differences.named.len())
    };
    let mut text = format!("{at_least}{} differences{named} ({of})\n", differences.total());
    for (view, count) in &differences.found {
        text.push_str(&format!("    {view}: {at_least}{count}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_row_is_called_missing() {
        let mut difference = Difference::new("replays", "a/b");
        difference.column("status", Value::Null, json!("scheduled"));
        difference.column("error", Value::Null, Value::Null);
        assert_eq!(named(&difference), "replays a/b: missing\n    status: stored null, expected \"scheduled\"\n");
    }

    #[test]
    fn long_values_are_shown_where_they_differ() {
        let (stored, expected) =
            shown(&json!(format!("{}a", "x".repeat(300))), &json!(format!("{}b", "x".repeat(300))));
        assert!(stored.starts_with("…x") && stored.ends_with("xa\"") && expected.ends_with("xb\""), "{stored}");
        assert_eq!(shown(&json!(1), &json!(null)), ("1".to_owned(), "null".to_owned()));
    }
}
