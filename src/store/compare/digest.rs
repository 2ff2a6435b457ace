//! Narrows down which keys can differ, by one digest for each bucket of keys.

use std::collections::BTreeMap;

use super::sample::{key_predicate, predicate};
use super::session::Side;
use super::shape::{Sampled, Shape};
use crate::domain::log::key_share::KeySample;
use crate::store::error::StoreError;

/// Number of buckets, a power of two, minus one.
const BUCKET_MASK: i64 = 4_095;

/// Row count and hash sum of one bucket of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub rows: i64,
    /// Sum of the rows' hashes, which does not depend on their order.
    sum: String,
}

/// Digests by bucket; a bucket without rows is absent.
pub type Digests = BTreeMap<i64, Digest>;

pub(super) fn bucket_sql(shape: &Shape) -> String {
    format!("({} & {BUCKET_MASK})", shape.hash)
}

pub(super) fn sample_sql(shape: &Shape, sample: KeySample) -> String {
    match shape.sampled {
        Sampled::By(column) => predicate(column, sample),
        Sampled::ByRecordKey(column) => key_predicate(column, sample),
        Sampled::No => "true".to_owned(),
    }
}

/// One digest for each bucket that has rows.
pub async fn digests(side: &mut Side, shape: &Shape, sample: KeySample) -> Result<Digests, StoreError> {
    let sql = format!(
        "select {bucket} as bucket, count(*) as rows, sum(hashtextextended(row({columns})::text, 0))::text as sum
           from {from} where {sample} group by 1",
        bucket = bucket_sql(shape),
        columns = shape.column_list(),
        from = shape.from,
        sample = sample_sql(shape, sample),
    );
    let sql = side.generation.sql(&sql);
    let rows: Vec<(i64, i64, String)> = sqlx::query_as(sql).fetch_all(side.conn()).await?;
    Ok(rows.into_iter().map(|(bucket, rows, sum)| (bucket, Digest { rows, sum })).collect())
}

/// Buckets that differ, each with the number of rows on both sides.
pub fn differing(stored: &Digests, expected: &Digests) -> Vec<(i64, i64)> {
    let rows = |digests: &Digests, bucket| digests.get(&bucket).map_or(0, |digest| digest.rows);
    let buckets: std::collections::BTreeSet<i64> = stored.keys().chain(expected.keys()).copied().collect();
    buckets
        .into_iter()
        .filter(|bucket| stored.get(bucket) != expected.get(bucket))
        .map(|bucket| (bucket, rows(stored, bucket) + rows(expected, bucket)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_differs_by_its_rows_or_by_being_there() {
        let of = |entries: &[(i64, i64, &str)]| -> Digests {
            entries.iter().map(|(bucket, rows, sum)| (*bucket, Digest { rows: *rows, sum: (*sum).into() })).collect()
        };
        let stored = of(&[(1, 2, "7"), (2, 1, "8"), (4, 1, "9")]);
        let expected = of(&[(1, 2, "7"), (2, 1, "-8"), (3, 5, "1")]);
        assert_eq!(differing(&stored, &expected), [(2, 2), (3, 5), (4, 1)]);
    }
}
