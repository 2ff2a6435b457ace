//! An order with its replays and refills.

use serde::Serialize;
use uuid::Uuid;

use crate::domain::orders::event::{Guardrails, ServiceRule};
use crate::domain::orders::money::{Decimal, Money};
use crate::domain::orders::order::{Order, Placement};
use crate::domain::orders::refill::Refill;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::ReplayRow;

use super::replay::ReplayAnswer;

#[derive(Debug, Serialize)]
pub struct OrderAnswer {
    order: OrderBody,
    replays: Vec<ReplayAnswer>,
    refills: Vec<RefillBody>,
}

/// What only OrderPlaced tells is null while it is missing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderBody {
    provider_order_id: Uuid,
    #[serde(flatten)]
    placement: PlacementBody,
    provider_reference: Option<String>,
    amount: Option<Money>,
    provider_cost: Option<Money>,
    guardrails: Option<GuardrailsBody>,
    guardrail_status: &'static str,
    service_rules: Vec<ServiceRule>,
    last_event_at: Timestamp,
    last_sequence: i64,
    missing_events: i64,
    cancelled_at: Option<Timestamp>,
    cancel_reason: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlacementBody {
    order_id: Option<Uuid>,
    order_item_id: Option<Uuid>,
    provider_id: Option<String>,
    provider_name: Option<String>,
    service_id: Option<String>,
    service_action: Option<String>,
    placed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GuardrailsBody {
    minimum_margin_absolute: Option<Decimal>,
    minimum_margin_percent: Option<f64>,
    warning_margin_percent: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefillBody {
    refill_id: Uuid,
    amount: Money,
    performed_at: Timestamp,
    response: Option<String>,
}

impl From<&Order> for OrderAnswer {
    fn from(order: &Order) -> OrderAnswer {
        OrderAnswer {
            order: OrderBody::from(order),
            replays: order.replays.values().map(|replay| ReplayRow::of(order, replay).into()).collect(),
            refills: order.refills.values().map(|refill| RefillBody::from(refill.as_ref())).collect(),
        }
    }
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> OrderBody {
        let cancellation = order.cancellation.value.as_ref();
        OrderBody {
            provider_order_id: order.provider_order_id,
            placement: order.placement.value.as_ref().map(PlacementBody::from).unwrap_or_default(),
            provider_reference: order.provider_reference.value.clone(),
            amount: order.amount.value,
            provider_cost: order.provider_cost.value,
            guardrails: order.guardrails.value.map(GuardrailsBody::from),
            guardrail_status: order.guardrail_status().as_str(),
            service_rules: order.service_rules.value.clone(),
            last_event_at: order.last_event.value,
            last_sequence: order.seen.last(),
            missing_events: order.seen.missing(),
            cancelled_at: cancellation.map(|cancellation| cancellation.cancelled_at),
            cancel_reason: cancellation.and_then(|cancellation| cancellation.reason.clone()),
        }
    }
}

impl From<&Placement> for PlacementBody {
    fn from(placement: &Placement) -> PlacementBody {
        PlacementBody {
            order_id: Some(placement.order_id),
            order_item_id: Some(placement.order_item_id),
            provider_id: Some(placement.provider_id.clone()),
            provider_name: placement.provider_name.clone(),
            service_id: Some(placement.service_id.clone()),
            service_action: placement.service_action.clone(),
            placed_at: Some(placement.placed_at),
        }
    }
}

impl From<Guardrails> for GuardrailsBody {
    fn from(limits: Guardrails) -> GuardrailsBody {
        GuardrailsBody {
            minimum_margin_absolute: limits.minimum_margin_absolute,
            minimum_margin_percent: limits.minimum_margin_percent,
            warning_margin_percent: limits.warning_margin_percent,
        }
    }
}

impl From<&Refill> for RefillBody {
    fn from(refill: &Refill) -> RefillBody {
        RefillBody {
            refill_id: refill.refill_id,
            amount: refill.amount,
            performed_at: refill.performed_at,
            response: refill.response.clone(),
        }
    }
}
