//! The history rows that the bare loop lands: the product's own, the one that issue 15 was measured with, a small one.

use foldback::domain::change::HistoryEntry;
use foldback::store::tables::copy::{Rows, copy_encoded};
use foldback::store::tables::history;
use sqlx::postgres::PgConnection;

use crate::Result;

/// Microseconds from 1970-01-01 to 2000-01-01, Postgres's epoch.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// What a row is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// As foldback writes it: its own table, its own encoder.
    Product,
    /// Ten columns with a jsonb payload, whatever foldback has become since.
    Issue15,
    /// Five columns, without a payload.
    Small,
}

impl Row {
    pub const ALL: [Row; 3] = [Row::Product, Row::Issue15, Row::Small];

    pub fn name(self) -> &'static str {
        match self {
            Row::Product => "real row",
            Row::Issue15 => "row of issue 15",
            Row::Small => "small row",
        }
    }

    /// SQL that makes an empty table for it.
    pub fn create(self, table: &str) -> String {
        let columns = match self {
            Row::Product => "like gen_1.provider_order_events including storage including compression",
            Row::Issue15 => {
                "provider_order_id uuid not null, sequence bigint not null, event_id uuid not null,
                 event_type text not null, occurred_at timestamptz not null, payload jsonb not null,
                 topic text not null, partition integer not null, \"offset\" bigint not null, recorded_at timestamptz"
            }
            Row::Small => {
                "provider_order_id uuid not null, sequence bigint not null, event_id uuid not null,
                 event_type text not null, occurred_at timestamptz not null"
            }
        };
        format!("create table {table} ({columns})")
    }

    fn columns(self) -> &'static str {
        match self {
            Row::Product => history::COLUMNS,
            Row::Issue15 => {
                "provider_order_id, sequence, event_id, event_type, occurred_at, payload, topic, partition, \
                 \"offset\", recorded_at"
            }
            Row::Small => "provider_order_id, sequence, event_id, event_type, occurred_at",
        }
    }
}

/// Rows that wait for their COPY.
pub struct Batch {
    row: Row,
    count: u64,
    product: Rows,
    own: Vec<u8>,
}

impl Batch {
    pub fn new(row: Row) -> Batch {
        Batch { row, count: 0, product: Rows::new(), own: Vec::new() }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn push(&mut self, entry: &HistoryEntry, topic: &str) {
        self.count += 1;
        match self.row {
            Row::Product => history::encode(entry.into(), topic, &mut self.product),
            Row::Issue15 => self.push_issue15(entry, topic),
            Row::Small => self.push_common(entry, 5),
        }
    }

    /// The columns that both own rows begin with.
    fn push_common(&mut self, entry: &HistoryEntry, columns: i16) {
        let event = &entry.event;
        self.own.extend_from_slice(&columns.to_be_bytes());
        self.value(event.provider_order_id.as_bytes());
        self.value(&event.sequence.to_be_bytes());
        self.value(event.event_id.as_bytes());
        self.value(event.payload.event_type().as_bytes());
        self.value(&(event.occurred_at.micros() - POSTGRES_EPOCH_MICROS).to_be_bytes());
    }

    fn push_issue15(&mut self, entry: &HistoryEntry, topic: &str) {
        self.push_common(entry, 10);
        let length_at = self.own.len();
        self.own.extend_from_slice(&[0; 4]);
        // Version of jsonb's binary format.
        self.own.push(1);
        entry.event.payload.write_json(&mut self.own);
        let length = (self.own.len() - length_at - 4) as i32;
        self.own[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
        self.value(topic.as_bytes());
        self.value(&entry.position.partition.to_be_bytes());
        self.value(&entry.position.offset.to_be_bytes());
        match entry.recorded_at {
            Some(at) => self.value(&(at.micros() - POSTGRES_EPOCH_MICROS).to_be_bytes()),
            None => self.own.extend_from_slice(&(-1i32).to_be_bytes()),
        }
    }

    fn value(&mut self, bytes: &[u8]) {
        // A record's value is bounded by the broker, far below 2 GiB.
        self.own.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
        self.own.extend_from_slice(bytes);
    }

    /// Writes the rows in one transaction, and returns their number.
    pub async fn copy(&self, conn: &mut PgConnection, table: &str) -> Result<u64> {
        let rows = if self.row == Row::Product { self.product.all() } else { &self.own };
        Ok(copy_encoded(conn, table, self.row.columns(), rows).await?)
    }

    /// Keeps the capacity.
    pub fn clear(&mut self) {
        self.count = 0;
        self.product.clear();
        self.own.clear();
    }
}
