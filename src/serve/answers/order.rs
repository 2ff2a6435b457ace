//! An order with its replays and refills.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::orders::event::{Guardrails, ServiceRule};
use crate::domain::orders::guardrail::GuardrailStatus;
use crate::domain::orders::money::{Decimal, Money};
use crate::domain::orders::order::Order;
use crate::domain::orders::refill::Refill;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::page::OrderPage;

use super::replay::ReplayAnswer;

/// An order with a page of its replays and refills; most orders have no more than one page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderAnswer {
    order: OrderBody,
    /// By replay id.
    replays: Vec<ReplayAnswer>,
    /// By refill id.
    refills: Vec<RefillBody>,
    /// Pass it as `cursor` to get the next page of the replays and refills; null on the last page.
    next_cursor: Option<String>,
}

/// A provider order: each field as the event with the highest sequence sets it. Fields that only OrderPlaced sets are
/// null while that event is missing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
struct OrderBody {
    /// The order's id.
    #[schema(examples("c56a4180-65aa-42ec-a945-5fd21dec0538"))]
    provider_order_id: Uuid,
    /// The order of the customer that it belongs to. From OrderPlaced.
    #[schema(examples("0d1f6c1e-52b7-4e0d-8b5d-1d2a3c4e5f60"))]
    order_id: Option<Uuid>,
    /// The item of that order that was handed to the provider. From OrderPlaced.
    #[schema(examples("5b8f0c9e-3f3e-4d1b-a1c7-7d6e5f4a3b21"))]
    order_item_id: Option<Uuid>,
    /// The provider that fulfils it. From OrderPlaced.
    #[schema(examples("alder"))]
    provider_id: Option<String>,
    /// The provider's name at that time. From OrderPlaced.
    #[schema(examples("Alder Reach"))]
    provider_name: Option<String>,
    /// The service that was ordered. From OrderPlaced.
    #[schema(examples("ig-followers"))]
    service_id: Option<String>,
    /// What the service does. From OrderPlaced.
    #[schema(examples("followers"))]
    service_action: Option<String>,
    /// When OrderPlaced occurred.
    #[schema(examples("2026-11-23T10:00:00.000000+00:00"))]
    placed_at: Option<Timestamp>,
    /// The provider's own id of the order.
    #[schema(examples("alder-100042"))]
    provider_reference: Option<String>,
    /// The price of the order, from which the margin is computed.
    amount: Option<Money>,
    /// What the provider charges for it.
    provider_cost: Option<Money>,
    /// Limits for the margin between the two.
    guardrails: Option<GuardrailsBody>,
    guardrail_status: GuardrailStatus,
    /// The override rules that applied to the order.
    service_rules: Vec<ServiceRule>,
    /// When the event with the highest sequence occurred.
    #[schema(examples("2026-11-23T10:05:30.250000+00:00"))]
    last_event_at: Timestamp,
    /// The highest sequence among its events.
    #[schema(minimum = 1, examples(9))]
    last_sequence: i64,
    /// How many of the sequences 1 to `lastSequence` have not been received.
    #[schema(minimum = 0, examples(0))]
    missing_events: i64,
    /// When OrderCancelled occurred; null if it did not.
    #[schema(examples("2026-11-23T10:00:00.000000+00:00"))]
    cancelled_at: Option<Timestamp>,
    /// Why it was cancelled, as OrderCancelled says.
    #[schema(examples("refunded"))]
    cancel_reason: Option<String>,
}

/// Limits for an order's margin. A limit that is null does not apply.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Guardrails)]
struct GuardrailsBody {
    /// The least margin in units of the order's currency.
    #[schema(value_type = Option<String>, pattern = r"^-?[0-9]+\.[0-9]{4}$", examples("0.0500"))]
    minimum_margin_absolute: Option<Decimal>,
    /// The least margin in percent of the amount.
    #[schema(examples(10.0))]
    minimum_margin_percent: Option<f64>,
    /// The margin in percent of the amount below which the status is `warn`.
    #[schema(examples(18.0))]
    warning_margin_percent: Option<f64>,
}

/// A refill of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refill)]
struct RefillBody {
    /// Unique within its order.
    #[schema(examples("9a7b6c5d-4e3f-4a2b-8c1d-0e9f8a7b6c5d"))]
    refill_id: Uuid,
    amount: Money,
    /// When it was performed.
    #[schema(examples("2026-11-23T10:05:30.250000+00:00"))]
    performed_at: Timestamp,
    /// The provider's response, as received.
    #[schema(examples("{\"refilled\":true}"))]
    response: Option<String>,
}

impl OrderAnswer {
    /// `next_cursor`: where the next page starts, if another follows.
    pub fn new(page: OrderPage, next_cursor: Option<String>) -> OrderAnswer {
        OrderAnswer {
            order: OrderBody::from(&page.order),
            replays: page.replays.rows.into_iter().map(ReplayAnswer::from).collect(),
            refills: page.refills.rows.into_iter().map(RefillBody::from).collect(),
            next_cursor,
        }
    }
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> OrderBody {
        let placement = order.placement.value.as_ref();
        let cancellation = order.cancellation.value.as_ref();
        OrderBody {
            provider_order_id: order.provider_order_id,
            order_id: placement.map(|placement| placement.order_id),
            order_item_id: placement.map(|placement| placement.order_item_id),
            provider_id: placement.map(|placement| placement.provider_id.clone()),
            provider_name: placement.and_then(|placement| placement.provider_name.clone()),
            service_id: placement.map(|placement| placement.service_id.clone()),
            service_action: placement.and_then(|placement| placement.service_action.clone()),
            placed_at: placement.map(|placement| placement.placed_at),
            provider_reference: order.provider_reference.value.clone(),
            amount: order.amount.value,
            provider_cost: order.provider_cost.value,
            guardrails: order.guardrails.value.map(GuardrailsBody::from),
            guardrail_status: order.guardrail_status(),
            service_rules: order.service_rules.value.clone(),
            last_event_at: order.last_event.value,
            last_sequence: order.seen.last(),
            missing_events: order.seen.missing(),
            cancelled_at: cancellation.map(|cancellation| cancellation.cancelled_at),
            cancel_reason: cancellation.and_then(|cancellation| cancellation.reason.clone()),
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

impl From<Refill> for RefillBody {
    fn from(refill: Refill) -> RefillBody {
        RefillBody {
            refill_id: refill.refill_id,
            amount: refill.amount,
            performed_at: refill.performed_at,
            response: refill.response,
        }
    }
}
