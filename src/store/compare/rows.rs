//! The rows of some buckets, streamed in the order of their keys.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::digest::{bucket_sql, sample_sql};
use super::session::Side;
use super::shape::Shape;
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
}

/// Sorted by `Row::key`, by bytes.
pub fn rows<'s>(
    side: &'s mut Side,
    shape: &'static Shape,
    sample: KeySample,
    buckets: &[i64],
) -> BoxStream<'s, Result<Row, StoreError>> {
    let sql = format!(
        "select compared.key, compared.columns::text as columns, compared.may_be_extra
           from (select {key} as key, jsonb_build_array({columns}) as columns, {may_be_extra} as may_be_extra
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
    sqlx::query_as::<_, Row>(sql).bind(buckets.to_vec()).fetch(side.conn()).err_into().boxed()
}
