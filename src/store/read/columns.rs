//! Converts column values to domain values.

use chrono::{DateTime, Utc};

use crate::domain::orders::money::{Currency, Decimal, Money};
use crate::domain::timestamp::Timestamp;
use crate::store::error::StoreError;

pub fn time(value: DateTime<Utc>) -> Timestamp {
    Timestamp::from_datetime(value)
}

pub fn time_opt(value: Option<DateTime<Utc>>) -> Option<Timestamp> {
    value.map(time)
}

pub fn bind_time(value: Option<Timestamp>) -> Option<DateTime<Utc>> {
    value.map(Timestamp::to_datetime)
}

/// `units` is numeric(18,4) as text. Either both columns are set, or neither.
pub fn money(
    table: &'static str,
    units: Option<String>,
    currency: Option<String>,
) -> Result<Option<Money>, StoreError> {
    let (Some(units), Some(currency)) = (units, currency) else { return Ok(None) };
    let parsed_units = Decimal::parse(&units).ok_or_else(|| corrupt(table, "amount", &units))?;
    let parsed_currency = Currency::parse(&currency).ok_or_else(|| corrupt(table, "currency", &currency))?;
    Ok(Some(Money { units: parsed_units, currency: parsed_currency }))
}

/// Reads a column of a closed set of names.
pub fn parsed<T>(
    table: &'static str,
    column: &'static str,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(text).ok_or_else(|| corrupt(table, column, text))
}

fn corrupt(table: &'static str, column: &'static str, value: &str) -> StoreError {
    StoreError::Corrupt { table, detail: format!("{column} `{value}`") }
}
