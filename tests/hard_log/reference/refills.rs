//! Refills: the last writer wins.

use serde_json::json;

use super::history::History;
use super::orders::number;
use super::{View, time};

pub fn view(history: &History<'_>) -> View {
    let mut view = View::new();
    // in order of sequence within an order: a later one replaces an earlier one
    for standing in history.events() {
        let event = standing.event;
        let Some(refill) = event.payload.get("refill_id").and_then(|id| id.as_str()) else { continue };
        let row = json!({
            "provider_order_id": event.order_id.to_string(),
            "refill_id": refill,
            "amount": number(&event.payload["amount"]["units"]),
            "currency": event.payload["amount"]["currency"],
            "performed_at": time::optional_column(&event.payload["performed_at"]),
            "response": event.payload["response"],
        });
        view.insert(format!("{} {refill}", event.order_id), row);
    }
    view
}
