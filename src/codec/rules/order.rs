//! ProviderOrderEvent, field by field in the order of `schemas/provider-order-event.avsc`.

use crate::domain::orders::event::{
    OrderAmended, OrderCancelled, OrderEvent, OrderPlaced, Payload, RefillRecorded, ReplayCancelled, ReplayExecuted,
    ReplayFailed, ReplayRescheduled, ReplayScheduled,
};

use super::Invalid;
use super::fields::{Fields, bounded, guardrails, money, service_rules, string, time};
use crate::codec::avro::value::Value;

/// 2^53: up to here, every JSON reader represents integers exactly.
const SEQUENCE_MAX: i64 = 1 << 53;

pub fn order_event(value: Value<'_>) -> Result<OrderEvent, Invalid> {
    let mut fields = Fields::of(value, "the event")?;
    Ok(OrderEvent {
        event_id: fields.uuid("event_id")?,
        provider_order_id: fields.uuid("provider_order_id")?,
        sequence: sequence(fields.number("sequence")?)?,
        occurred_at: fields.time("occurred_at")?,
        payload: payload(fields.next())?,
    })
}

fn sequence(sequence: i64) -> Result<i64, Invalid> {
    match sequence {
        1..=SEQUENCE_MAX => Ok(sequence),
        _ => Err(Invalid(format!("sequence {sequence} is not between 1 and 2^53"))),
    }
}

/// Maps the union's branches by index; payloads are in the same order.
fn payload(value: Value<'_>) -> Result<Payload, Invalid> {
    let Value::Branch(branch, value) = value else { return Err(Invalid("payload is not a record".to_owned())) };
    let fields = Fields::of(*value, "payload")?;
    match branch {
        0 => order_placed(fields),
        1 => order_amended(fields),
        2 => replay_scheduled(fields),
        3 => replay_rescheduled(fields),
        4 => replay_executed(fields),
        5 => replay_failed(fields),
        6 => replay_cancelled(fields),
        7 => refill_recorded(fields),
        8 => order_cancelled(fields),
        _ => Err(Invalid("payload has an unknown type".to_owned())),
    }
}

fn order_placed(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::OrderPlaced(OrderPlaced {
        order_id: fields.uuid("order_id")?,
        order_item_id: fields.uuid("order_item_id")?,
        provider_id: fields.bounded("provider_id", 1, 64)?,
        provider_name: fields.optional("provider_name", string)?,
        service_id: fields.bounded("service_id", 1, 64)?,
        service_action: fields.optional("service_action", string)?,
        provider_reference: fields.optional("provider_reference", reference)?,
        amount: fields.money("amount")?,
        provider_cost: fields.optional("provider_cost", money)?,
        guardrails: fields.optional("guardrails", guardrails)?,
        service_rules: service_rules(fields.next(), "service_rules")?,
    }))
}

fn order_amended(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::OrderAmended(OrderAmended {
        amount: fields.optional("amount", money)?,
        provider_cost: fields.optional("provider_cost", money)?,
        guardrails: fields.optional("guardrails", guardrails)?,
        provider_reference: fields.optional("provider_reference", reference)?,
        service_rules: fields.optional("service_rules", service_rules)?,
    }))
}

fn replay_scheduled(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::ReplayScheduled(ReplayScheduled {
        replay_id: fields.uuid("replay_id")?,
        requested_amount: fields.money("requested_amount")?,
        scheduled_for: fields.optional("scheduled_for", time)?,
        rule_ids: fields.rule_ids()?,
        rule_metadata: fields.rule_metadata()?,
    }))
}

fn replay_rescheduled(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::ReplayRescheduled(ReplayRescheduled {
        replay_id: fields.uuid("replay_id")?,
        scheduled_for: fields.optional("scheduled_for", time)?,
    }))
}

fn replay_executed(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::ReplayExecuted(ReplayExecuted {
        replay_id: fields.uuid("replay_id")?,
        requested_amount: fields.money("requested_amount")?,
        performed_at: fields.time("performed_at")?,
        response: fields.optional("response", string)?,
        rule_ids: fields.rule_ids()?,
        rule_metadata: fields.rule_metadata()?,
    }))
}

fn replay_failed(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::ReplayFailed(ReplayFailed {
        replay_id: fields.uuid("replay_id")?,
        requested_amount: fields.money("requested_amount")?,
        performed_at: fields.time("performed_at")?,
        error: fields.string("error")?,
        response: fields.optional("response", string)?,
        rule_ids: fields.rule_ids()?,
        rule_metadata: fields.rule_metadata()?,
    }))
}

fn replay_cancelled(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::ReplayCancelled(ReplayCancelled {
        replay_id: fields.uuid("replay_id")?,
        reason: fields.optional("reason", string)?,
    }))
}

fn refill_recorded(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::RefillRecorded(RefillRecorded {
        refill_id: fields.uuid("refill_id")?,
        amount: fields.money("amount")?,
        performed_at: fields.time("performed_at")?,
        response: fields.optional("response", string)?,
    }))
}

fn order_cancelled(mut fields: Fields<'_>) -> Result<Payload, Invalid> {
    Ok(Payload::OrderCancelled(OrderCancelled { reason: fields.optional("reason", string)? }))
}

fn reference(value: Value<'_>, name: &str) -> Result<String, Invalid> {
    bounded(value, name, 0, 256)
}
