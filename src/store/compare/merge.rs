//! Finds the rows and columns that differ.

use std::cmp::Ordering;

use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;
use serde_json::value::RawValue;

use super::digest::{Digests, differing, digests};
use super::rows::{Row, rows};
use super::session::Side;
use super::shape::Shape;
use crate::domain::generations::difference::{Difference, Differences};
use crate::domain::log::key_share::KeySample;
use crate::store::error::StoreError;

/// Maximum rows of both sides per query, unless a single bucket has more: each query scans the whole table.
const FETCHED_ROWS_MAX: i64 = 400_000;

/// Compares one view of two generations, and adds what differs. Returns the number of rows of `stored`
/// in the sample. Fails if Postgres fails.
pub async fn compare(
    stored: &mut Side,
    expected: &mut Side,
    shape: &'static Shape,
    sample: KeySample,
    differences: &mut Differences,
) -> Result<u64, StoreError> {
    let (here, there) = tokio::try_join!(digests(stored, shape, sample), digests(expected, shape, sample))?;
    let mut buckets = differing(&here, &there).into_iter().peekable();
    while buckets.peek().is_some() {
        if differences.is_full() {
            // A bucket that differs contains a differing row.
            differences.count_at_least(shape.view, buckets.count() as u64);
            break;
        }
        let mut group = Vec::new();
        let mut fetched = 0;
        while let Some((bucket, rows)) =
            buckets.next_if(|(_, rows)| group.is_empty() || fetched + rows <= FETCHED_ROWS_MAX)
        {
            group.push(bucket);
            fetched += rows;
        }
        let stored = Ahead::new(rows(stored, shape, sample, &group));
        let expected = Ahead::new(rows(expected, shape, sample, &group));
        merge(shape, stored, expected, differences).await?;
    }
    Ok(rows_of(&here))
}

fn rows_of(digests: &Digests) -> u64 {
    digests.values().map(|digest| digest.rows.unsigned_abs()).sum()
}

/// A stream with a peekable next row.
struct Ahead<'s> {
    rows: BoxStream<'s, Result<Row, StoreError>>,
    next: Option<Row>,
}

impl<'s> Ahead<'s> {
    fn new(rows: BoxStream<'s, Result<Row, StoreError>>) -> Ahead<'s> {
        Ahead { rows, next: None }
    }

    /// Fetches `next`, unless the stream has ended.
    async fn look(&mut self) -> Result<(), StoreError> {
        if self.next.is_none() {
            self.next = self.rows.next().await.transpose()?;
        }
        Ok(())
    }
}

async fn merge(
    shape: &Shape,
    mut stored: Ahead<'_>,
    mut expected: Ahead<'_>,
    differences: &mut Differences,
) -> Result<(), StoreError> {
    loop {
        tokio::try_join!(stored.look(), expected.look())?;
        let order = match (&stored.next, &expected.next) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(here), Some(there)) => here.key.cmp(&there.key),
        };
        let here = if order == Ordering::Greater { None } else { stored.next.take() };
        let there = if order == Ordering::Less { None } else { expected.next.take() };
        if let Some(difference) = difference(shape, here.as_ref(), there.as_ref())? {
            differences.add(difference);
        }
    }
}

fn difference(shape: &Shape, stored: Option<&Row>, expected: Option<&Row>) -> Result<Option<Difference>, StoreError> {
    let key = match (stored, expected) {
        (Some(here), Some(there)) if here.columns == there.columns => return Ok(None),
        (Some(here), None) if here.may_be_extra => return Ok(None),
        (Some(row), _) | (None, Some(row)) => &row.key,
        (None, None) => return Ok(None),
    };
    let (here, there) = (values(shape, stored)?, values(shape, expected)?);
    let mut difference = Difference::new(shape.view, key.clone());
    for (((name, _), here), there) in shape.columns.iter().zip(here).zip(there) {
        // A row that only one side has lists every column, nulls included.
        if here != there || stored.is_none() || expected.is_none() {
            difference.column(*name, here, there);
        }
    }
    Ok(Some(difference))
}

/// The columns of a row; nulls for a missing row.
fn values(shape: &Shape, row: Option<&Row>) -> Result<Vec<Value>, StoreError> {
    let Some(row) = row else { return Ok(vec![Value::Null; shape.columns.len()]) };
    let columns: Vec<Box<RawValue>> = serde_json::from_str(&row.columns)
        .map_err(|error| StoreError::Corrupt { table: shape.view, detail: format!("row {}: {error}", row.key) })?;
    Ok(columns.iter().map(|column| value(column.get())).collect())
}

/// As its text if it can't be read, such as a summary that is nested too deep: it is compared all the same.
fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_owned()))
}
