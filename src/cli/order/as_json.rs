//! An order as JSON.

use serde_json::{Value, json};

use crate::domain::orders::money::Money;
use crate::domain::orders::order::Order;
use crate::domain::views::rows::ReplayRow;

pub fn money_text(money: Money) -> String {
    format!("{} {}", money.units, money.currency.as_str())
}

pub fn order(order: &Order) -> Value {
    let replays: Vec<Value> =
        order.replays.values().map(|replay| self::replay(&ReplayRow::of(order, replay))).collect();
    let refills: Vec<Value> = order
        .refills
        .values()
        .map(|refill| {
            json!({
                "refillId": refill.refill_id,
                "amount": refill.amount,
                "performedAt": refill.performed_at,
                "response": refill.response,
            })
        })
        .collect();
    json!({"order": facts(order), "replays": replays, "refills": refills})
}

fn facts(order: &Order) -> Value {
    let placement = order.placement.value.as_ref();
    let cancellation = order.cancellation.value.as_ref();
    json!({
        "providerOrderId": order.provider_order_id,
        "orderId": placement.map(|placement| placement.order_id),
        "orderItemId": placement.map(|placement| placement.order_item_id),
        "providerId": order.provider_id(),
        "providerName": placement.and_then(|placement| placement.provider_name.as_ref()),
        "serviceId": order.service_id(),
        "serviceAction": placement.and_then(|placement| placement.service_action.as_ref()),
        "providerReference": order.provider_reference.value,
        "amount": order.amount.value,
        "providerCost": order.provider_cost.value,
        "guardrails": order.guardrails.value,
        "serviceRules": order.service_rules.value,
        "guardrailStatus": order.guardrail_status().as_str(),
        "placedAt": placement.map(|placement| placement.placed_at),
        "lastEventAt": order.last_event.value,
        "lastSequence": order.seen.last(),
        "missingEvents": order.seen.missing(),
        "cancelledAt": cancellation.map(|cancellation| cancellation.cancelled_at),
        "cancelReason": cancellation.and_then(|cancellation| cancellation.reason.as_ref()),
    })
}

fn replay(row: &ReplayRow) -> Value {
    json!({
        "providerOrderId": row.provider_order_id,
        "replayId": row.replay_id,
        "providerId": row.provider_id,
        "status": row.status.as_str(),
        "requestedAmount": row.requested_amount,
        "scheduledFor": row.scheduled_for,
        "performedAt": row.performed_at,
        "response": row.response,
        "error": row.error,
        "cancelReason": row.cancel_reason,
        "ruleIds": row.rule_ids,
        "ruleMetadata": row.rule_metadata,
        "attempts": row.attempts,
    })
}
