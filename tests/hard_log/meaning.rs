//! What a record of the log means by the contract, as its maker says: the ground truth of the reference.

use serde_json::Value;
use uuid::Uuid;

/// An event of a provider order.
#[derive(Debug, Clone)]
pub struct OrderEvent {
    pub event_id: Uuid,
    pub order_id: Uuid,
    pub sequence: i64,
    pub occurred_micros: i64,
    /// The payload's name in the schema.
    pub name: &'static str,
    /// Every field of the payload; decimals as text with four digits, times in microseconds.
    pub payload: Value,
}

/// A report of an automation run.
#[derive(Debug, Clone)]
pub struct RunEvent {
    pub event_id: Uuid,
    pub run_id: Uuid,
    pub revision: i64,
    /// `replay` or `alert`.
    pub run_type: &'static str,
    /// In lower case.
    pub status: &'static str,
    pub started_micros: Option<i64>,
    pub ran_micros: i64,
    /// JSON text as it was written.
    pub summary: String,
    pub metadata: String,
    pub backlog_total: Option<i64>,
    pub next_scheduled_micros: Option<i64>,
    pub alerts_sent: Option<i64>,
}

#[derive(Debug, Clone)]
pub enum Meaning {
    Order(OrderEvent),
    Run(RunEvent),
    /// A dead letter with this reason.
    Refused(&'static str),
    /// In an aborted transaction: nobody may ever see what it means.
    Aborted(Box<Meaning>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Orders,
    Runs,
}

pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record before it is written.
#[derive(Debug, Clone)]
pub struct Draft {
    pub topic: Topic,
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Headers,
    pub timestamp_millis: i64,
    pub meaning: Meaning,
}

/// A record as it stands in the log.
#[derive(Debug, Clone)]
pub struct Stored {
    pub draft: Draft,
    pub topic_name: String,
    pub offset: i64,
}

impl Stored {
    /// What decides conflicts.
    pub fn position(&self) -> (i32, i64) {
        (self.draft.partition, self.offset)
    }
}
