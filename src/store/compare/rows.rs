//! The rows of some buckets, streamed in the order of their keys.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, future};

use super::digest::{bucket_sql, sample_sql};
use super::session::Side;
use super::shape::{Sampled, Shape};
use crate::domain::log::key_share::KeySample;
use crate::store::error::StoreError;

/// One row of a view, as text: its key and the columns that are compared.
#[derive(Debug, sqlx::FromRow)]
pub struct Row {
    pub key: String,
    /// JSON array of the shape's columns.
    pub columns: String,
    /// See `Shape::may_be_extra`.
    pub may_be_extra: bool,
    record_key: Option<Vec<u8>>,
}

/// Sorted by `Row::key`, by bytes.
pub fn rows<'s>(
    side: &'s mut Side,
    shape: &'static Shape,
    sample: KeySample,
    buckets: &[i64],
) -> BoxStream<'s, Result<Row, StoreError>> {
    let record_key = if shape.sampled == Sampled::ByRecordKey { "key" } else { "null::bytea" };
    let sql = format!(
        "select compared.key, compared.columns::text as columns, compared.may_be_extra, compared.record_key
           from (select {key} as key, jsonb_build_array({columns}) as columns, {may_be_extra} as may_be_extra,
                        {record_key} as record_key
                   from {from} where {bucket} = any($1) and {sample}) compared
          order by compared.key collate \"C\", compared.columns",
        key = shape.key_text(),
        columns = shape.column_list(),
        may_be_extra = shape.may_be_extra,
        from = shape.from,
        bucket = bucket_sql(shape),
        sample = sample_sql(shape, sample),
    );
    let sql = side.generation.sql(&sql);
    let is_filtered = shape.sampled == Sampled::ByRecordKey;
    sqlx::query_as::<_, Row>(sql)
        .bind(buckets.to_vec())
        .fetch(side.conn())
        .err_into()
        .try_filter(move |row| future::ready(!is_filtered || sample.takes_key(row.record_key.as_deref())))
        .boxed()
}
