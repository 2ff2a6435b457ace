//! Values of a row's columns.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::domain::orders::money::{Currency, Decimal};
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;

pub fn timestamp(row: &PgRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    let time: Option<DateTime<Utc>> = row.try_get(column)?;
    Ok(time.map(Timestamp::from_datetime))
}

/// A numeric that was selected as a whole number of ten-thousandths.
pub fn decimal(row: &PgRow, column: &str) -> Result<Option<Decimal>, StoreError> {
    let value: Option<i64> = row.try_get(column)?;
    Ok(value.and_then(Decimal::from_ten_thousandths))
}

pub fn currency(row: &PgRow, column: &str) -> Result<Option<Currency>, StoreError> {
    let value: Option<&str> = row.try_get(column)?;
    Ok(value.and_then(Currency::parse))
}
