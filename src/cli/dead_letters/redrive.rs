//! `foldback dead-letters redrive`

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::filters::{FILTERS, Filters};
use crate::cli::Failure;
use crate::cli::context::{Context, access, at_database};
use crate::cli::long_running::{Watched, unanswered};
use crate::cli::output::{Output, plain, print};
use crate::cli::signals::overdue;
use crate::config::Config;
use crate::domain::log::redrive::{Fate, Receipt};
use crate::load::LoadError;
use crate::rebuild::Observer;
use crate::redrive::{RedriveError, RedriveOptions, Told, redrive};
use crate::store::redrive::Chosen;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("chosen").required(true).multiple(true).args(FILTERS).args(["ids", "all"]))]
pub struct Args {
    /// Dead letter ids, as shown by `dead-letters list`
    #[arg(value_name = "ID", conflicts_with_all = FILTERS, conflicts_with = "all")]
    ids: Vec<i64>,
    #[command(flatten)]
    filters: Filters,
    /// All open dead letters
    #[arg(long, conflicts_with_all = FILTERS)]
    all: bool,
    /// Say what would become of each; change nothing
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let database = access(&config)?;
    let options = RedriveOptions { chosen: chosen(&args), plan: args.plan };
    let watched = Watched::start(false)?;
    let printed = Printed { json: args.output.json, plan: args.plan, counts: Mutex::default() };
    let told = Told {
        receipts: &|receipts| printed.add(receipts).map_err(|_| RedriveError::ReceiptsUnread),
        note: &|line| watched.reporter.note(line),
    };
    let done = tokio::select! {
        done = redrive(&config, &database, &options, &told, &watched.stop) => done,
        () = overdue(&watched.stop) => return Err(Failure::failed(unanswered())),
    };
    watched.end();
    printed.end(done.is_ok())?;
    done.map_err(|error| failure(&config, error))
}

fn chosen(args: &Args) -> Chosen {
    if !args.ids.is_empty() {
        return Chosen::Ids(args.ids.clone());
    }
    Chosen::Matching(args.filters.filter(true))
}

fn failure(config: &Config, error: RedriveError) -> Failure {
    match error {
        RedriveError::Store(error) | RedriveError::Load(LoadError::Store(error)) => at_database(config, error),
        RedriveError::ReceiptsUnread => Failure::ReaderGone,
        other => Failure::failed(other.to_string()),
    }
}

/// Receipts on standard output, each as soon as it holds.
struct Printed {
    json: bool,
    plan: bool,
    /// By the receipt's word.
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Printed {
    fn add(&self, receipts: &[Receipt]) -> Result<(), Failure> {
        for receipt in receipts {
            let is_first = self.count(word(&receipt.fate));
            if self.json {
                print(&format!("{}{}", if is_first { "[" } else { "," }, as_json(receipt)))?;
            } else {
                print(&as_text(receipt))?;
            }
        }
        Ok(())
    }

    /// Whether it is the first of all.
    fn count(&self, word: &'static str) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = counts.is_empty();
        *counts.entry(word).or_default() += 1;
        is_first
    }

    /// Ends the array, or sums up.
    fn end(self, is_whole: bool) -> Result<(), Failure> {
        let counts = self.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (self.json, counts.is_empty()) {
            (true, true) => print("[]"),
            (true, false) => print("]"),
            (false, true) if is_whole => print("no dead letters"),
            (false, true) => Ok(()),
            (false, false) => {
                let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
                let sentence = if self.plan { "; nothing was changed" } else { "" };
                print(&format!("{}{sentence}", counts.join(", ")))
            }
        }
    }
}

fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Accepted(accepted) => accepted.as_str(),
        Fate::Refused(_) => "refused",
        Fate::RedrivenBefore { .. } => "redriven before",
        Fate::Discarded { .. } => "discarded",
    }
}

fn as_text(receipt: &Receipt) -> String {
    let Receipt { id, topic, position, fate } = receipt;
    let place = format!("{id}  {} partition {} offset {}", plain(topic, 249), position.partition, position.offset);
    let outcome = match fate {
        Fate::Accepted(_) => word(fate).to_owned(),
        Fate::Refused(rejection) => format!("refused again: {}: {}", rejection.reason, plain(&rejection.detail, 1000)),
        Fate::RedrivenBefore { at, accepted: Some(accepted) } => format!("redriven at {at}: {}", accepted.as_str()),
        Fate::RedrivenBefore { at, accepted: None } => format!("redriven at {at}"),
        Fate::Discarded { at } => format!("discarded at {at}, left as it is"),
    };
    format!("{place}  {outcome}")
}

fn as_json(receipt: &Receipt) -> Value {
    let Receipt { id, topic, position, fate } = receipt;
    let mut value = json!({
        "id": id,
        "topic": topic,
        "partition": position.partition,
        "offset": position.offset,
        "receipt": word(fate).replace(' ', "_"),
    });
    match fate {
        Fate::Accepted(_) => {}
        Fate::Refused(rejection) => {
            value["reason"] = json!(rejection.reason.as_str());
            value["detail"] = json!(rejection.detail);
        }
        Fate::RedrivenBefore { at, accepted } => {
            value["redrivenAt"] = json!(at);
            value["redrivenAs"] = json!(accepted.map(|accepted| accepted.as_str()));
        }
        Fate::Discarded { at } => value["discardedAt"] = json!(at),
    }
    value
}
