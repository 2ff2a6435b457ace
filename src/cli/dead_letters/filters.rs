//! Which dead letters are meant: options that `list` and `redrive` share.

use uuid::Uuid;

use crate::domain::log::rejection::Reason;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::DeadLetterFilter;

/// Ids of the options, for those that exclude them.
pub const FILTERS: [&str; 6] = ["reason", "topic", "partition", "order", "since", "until"];

/// All that are given must match.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Filters {
    /// Only those with this reason, such as malformed or schema_unknown
    #[arg(long, value_parser = reason)]
    reason: Option<Reason>,
    /// Only those of this topic
    #[arg(long)]
    topic: Option<String>,
    /// Only those of this partition
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Only those of this provider order: conflicts, and records that have its id as key
    #[arg(long, value_name = "UUID", value_parser = order)]
    order: Option<Uuid>,
    /// Only those first stored at this time or later, such as 2026-11-23T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only those first stored before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
}

impl Filters {
    /// `open`: only those that are neither redriven nor discarded.
    pub fn filter(&self, open: bool) -> DeadLetterFilter {
        DeadLetterFilter {
            reason: self.reason,
            topic: self.topic.clone(),
            partition: self.partition,
            order: self.order,
            since: self.since,
            until: self.until,
            open,
        }
    }
}

fn reason(text: &str) -> Result<Reason, String> {
    let names = || Reason::ALL.map(Reason::as_str).join(", ");
    Reason::parse(text).ok_or_else(|| format!("must be one of {}", names()))
}

fn order(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text).map_err(|_| "must be a UUID, such as 0190f5a2-3c4d-7e5f-8a9b-0c1d2e3f4a5b".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be a time with an offset, such as 2026-11-23T10:00:00Z".to_owned())
}
