//! One order with its replays and refills.

use tracing::Instrument;
use uuid::Uuid;

use crate::domain::orders::order::Order;
use crate::store::error::StoreError;
use crate::store::tables::orders::{load_order_alone, load_orders};

use super::snapshot::View;

impl View<'_> {
    pub async fn order(&mut self, id: Uuid) -> Result<Option<Order>, StoreError> {
        let span = tracing::debug_span!("db.provider_orders.get");
        Ok(load_orders(&mut *self.conn, self.generation, &[id]).instrument(span).await?.remove(&id))
    }

    /// Without its replays and refills, of which there may be many.
    pub async fn order_alone(&mut self, id: Uuid) -> Result<Option<Order>, StoreError> {
        let span = tracing::debug_span!("db.provider_orders.get_alone");
        load_order_alone(&mut *self.conn, self.generation, id).instrument(span).await
    }

    /// Whether an order exists; cheaper than reading it.
    pub async fn has_order(&mut self, id: Uuid) -> Result<bool, StoreError> {
        let sql = "select exists (select from {schema}.provider_orders where provider_order_id = $1)";
        Ok(sqlx::query_scalar(self.generation.sql(sql))
            .bind(id)
            .fetch_one(&mut *self.conn)
            .instrument(tracing::debug_span!("db.provider_orders.exists"))
            .await?)
    }
}
