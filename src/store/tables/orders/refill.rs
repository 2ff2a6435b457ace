//! A refill's row.

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::columns::timestamp;
use super::order::{encode_money, money};
use crate::domain::orders::refill::Refill;
use crate::store::error::StoreError;
use crate::store::tables::copy::Rows;
use crate::store::tables::upsert::Table;

pub const REFILLS: Table = Table {
    name: "refills",
    columns: &["provider_order_id", "refill_id", "amount", "currency", "performed_at", "response", "fold_sequence"],
    key: &["provider_order_id", "refill_id"],
    arbiter: None,
    // Its order's version was checked in the same transaction.
    guard: "true",
};

pub fn encode(provider_order_id: Uuid, refill: &Refill, rows: &mut Rows) {
    rows.row(REFILLS.columns.len());
    rows.uuid(provider_order_id);
    rows.uuid(refill.refill_id);
    encode_money(Some(&refill.amount), rows);
    rows.timestamptz(refill.performed_at);
    rows.optional(refill.response.as_deref(), Rows::text);
    rows.int8(refill.sequence);
}

pub(super) const SELECT: &str = "
    select provider_order_id, refill_id, (amount * 10000)::bigint as amount, currency, performed_at, response,
           fold_sequence
      from {schema}.refills where provider_order_id = any($1)";

/// The id of its order, and the refill.
pub(super) fn decode(row: &PgRow) -> Result<(Uuid, Refill), StoreError> {
    let refill_id: Uuid = row.try_get("refill_id")?;
    let corrupt =
        |what: &str| StoreError::Corrupt { table: "refills", detail: format!("{what} of refill {refill_id}") };
    let refill = Refill {
        refill_id,
        sequence: row.try_get("fold_sequence")?,
        amount: money(row, "amount", "currency")?.ok_or_else(|| corrupt("amount"))?,
        performed_at: timestamp(row, "performed_at")?.ok_or_else(|| corrupt("performed_at"))?,
        response: row.try_get("response")?,
    };
    Ok((row.try_get("provider_order_id")?, refill))
}
