//! Rows in the format of `COPY … (FORMAT binary)`, see "COPY" in the PostgreSQL manual.

use sqlx::postgres::{PgConnection, PgCopyIn};
use uuid::Uuid;

use crate::domain::orders::money::Decimal;
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Microseconds from 1970-01-01 to 2000-01-01, Postgres's epoch.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;
const NULL: i32 = -1;
const OID_INT8: i32 = 20;
const OID_TEXT: i32 = 25;

/// Rows are sent in chunks of about this size.
const PIECE_BYTES: usize = 128 * 1024;

/// A COPY in progress: rows are sent in chunks, so that memory does not grow with their number.
pub struct Copy<'c> {
    copy: PgCopyIn<&'c mut PgConnection>,
    pub rows: Rows,
}

impl<'c> Copy<'c> {
    /// `columns` of the table, in the order in which each row's values are written.
    pub async fn begin(conn: &'c mut PgConnection, table: &str, columns: &str) -> Result<Copy<'c>, StoreError> {
        let statement = format!("copy {table} ({columns}) from stdin (format binary)");
        Ok(Copy { copy: conn.copy_in_raw(&statement).await?, rows: Rows::new() })
    }

    /// Sends the chunk if it is large enough. Call it after each row.
    pub async fn flush(&mut self) -> Result<(), StoreError> {
        if self.rows.bytes.len() >= PIECE_BYTES {
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), StoreError> {
        self.copy.send(self.rows.bytes.as_slice()).await?;
        self.rows.bytes.clear();
        Ok(())
    }

    /// Returns the number of rows written.
    pub async fn finish(mut self) -> Result<u64, StoreError> {
        self.rows.bytes.extend_from_slice(&(-1i16).to_be_bytes());
        self.send().await?;
        Ok(self.copy.finish().await?)
    }
}

/// Sends encoded rows (`Rows::part`, `Rows::all`) and returns their number. `columns` of the table, in the order in
/// which the values were encoded. Fails, and writes nothing, if Postgres rejects one of them.
pub async fn copy_encoded(conn: &mut PgConnection, table: &str, columns: &str, rows: &[u8]) -> Result<u64, StoreError> {
    let mut copy = Copy::begin(conn, table, columns).await?;
    copy.send().await?;
    for piece in rows.chunks(PIECE_BYTES) {
        copy.copy.send(piece).await?;
    }
    copy.finish().await
}

/// Encoded rows of one COPY. They stay in memory until they are sent, so a caller with many rows must bound their
/// number.
pub struct Rows {
    bytes: Vec<u8>,
    count: u64,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows::new()
    }
}

impl Rows {
    pub fn new() -> Rows {
        Rows::with_capacity(0)
    }

    /// With room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Rows {
        let mut rows = Rows { bytes: Vec::with_capacity(SIGNATURE.len() + bytes), count: 0 };
        rows.bytes.extend_from_slice(SIGNATURE);
        rows
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Where the next row starts.
    pub fn end(&self) -> usize {
        self.bytes.len()
    }

    /// The rows that start and end there.
    pub fn part(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[from..to]
    }

    pub fn all(&self) -> &[u8] {
        self.part(SIGNATURE.len(), self.end())
    }

    /// Removes the rows, and keeps the capacity.
    pub fn clear(&mut self) {
        self.bytes.truncate(SIGNATURE.len());
        self.count = 0;
    }

    /// Starts a row; exactly `columns` values must follow.
    pub fn row(&mut self, columns: usize) {
        self.count += 1;
        // No table has more than 1,600 columns.
        self.bytes.extend_from_slice(&(columns as i16).to_be_bytes());
    }

    fn value(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn length(&mut self, length: usize) {
        // Values are bounded by limits.value_bytes_max, far below 2 GiB.
        self.bytes.extend_from_slice(&(length as i32).to_be_bytes());
    }

    /// A value whose length is known only after it has been written.
    fn measured(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        self.length(0);
        write(&mut self.bytes);
        let length = (self.bytes.len() - at - 4) as i32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    pub fn null(&mut self) {
        self.bytes.extend_from_slice(&NULL.to_be_bytes());
    }

    pub fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Rows, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.value(value.as_bytes());
    }

    pub fn int8(&mut self, value: i64) {
        self.value(&value.to_be_bytes());
    }

    pub fn int4(&mut self, value: i32) {
        self.value(&value.to_be_bytes());
    }

    pub fn float8(&mut self, value: f64) {
        self.value(&value.to_be_bytes());
    }

    pub fn text(&mut self, value: &str) {
        self.value(value.as_bytes());
    }

    pub fn bytea(&mut self, value: &[u8]) {
        self.value(value);
    }

    pub fn timestamptz(&mut self, value: Timestamp) {
        self.int8(value.micros() - POSTGRES_EPOCH_MICROS);
    }

    /// `write` appends JSON text.
    pub fn json(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.measured(write);
    }

    /// The same for a column of jsonb.
    pub fn jsonb(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.measured(|bytes| {
            // Version of jsonb's binary format.
            bytes.push(1);
            write(bytes);
        });
    }

    /// A numeric with four decimals: groups of four digits, the last group being the fraction.
    pub fn numeric(&mut self, value: Decimal) {
        let mut groups = [0i16; 5];
        let mut rest = value.ten_thousandths().unsigned_abs();
        for group in groups.iter_mut().rev() {
            *group = (rest % 10_000) as i16;
            rest /= 10_000;
        }
        let first = groups.iter().position(|group| *group != 0).unwrap_or(groups.len());
        let digits = &groups[first..];
        let weight = 3 - first as i16;
        let sign: u16 = if value < Decimal::default() { 0x4000 } else { 0 };
        self.measured(|bytes| {
            bytes.extend_from_slice(&(digits.len() as i16).to_be_bytes());
            bytes.extend_from_slice(&(if digits.is_empty() { 0 } else { weight }).to_be_bytes());
            bytes.extend_from_slice(&sign.to_be_bytes());
            bytes.extend_from_slice(&(Decimal::SCALE as i16).to_be_bytes());
            digits.iter().for_each(|digit| bytes.extend_from_slice(&digit.to_be_bytes()));
        });
    }

    pub fn int8_array(&mut self, values: &[i64]) {
        self.array(OID_INT8, values, |bytes, value| {
            bytes.extend_from_slice(&8i32.to_be_bytes());
            bytes.extend_from_slice(&value.to_be_bytes());
        });
    }

    pub fn text_array(&mut self, values: &[String]) {
        self.array(OID_TEXT, values, |bytes, value| {
            bytes.extend_from_slice(&(value.len() as i32).to_be_bytes());
            bytes.extend_from_slice(value.as_bytes());
        });
    }

    fn array<T>(&mut self, element_oid: i32, values: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
        let dimensions = i32::from(!values.is_empty());
        self.measured(|bytes| {
            for part in [dimensions, 0, element_oid] {
                bytes.extend_from_slice(&part.to_be_bytes());
            }
            if dimensions == 1 {
                bytes.extend_from_slice(&(values.len() as i32).to_be_bytes());
                bytes.extend_from_slice(&1i32.to_be_bytes());
            }
            values.iter().for_each(|value| write(bytes, value));
        });
    }

    /// See [`copy_encoded`].
    pub async fn copy_into(self, conn: &mut PgConnection, table: &str, columns: &str) -> Result<u64, StoreError> {
        copy_encoded(conn, table, columns, self.all()).await
    }
}
