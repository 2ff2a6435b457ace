//! What is written of an event: each struct is a record of the schema, with its fields by their names and in their
//! order.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::domain::orders::event::{Guardrails, OrderAmended, OrderEvent, OrderPlaced, Payload, ServiceRule};
use crate::domain::orders::money::{Decimal, Money};
use crate::domain::runs::run::{Run, RunStatus, RunType};
use crate::domain::timestamp::Timestamp;

#[derive(Serialize)]
pub struct OrderDatum<'e> {
    event_id: IdText,
    provider_order_id: IdText,
    sequence: i64,
    occurred_at: i64,
    payload: PayloadDatum<'e>,
}

/// In the order of the schema's union: a variant's place is its branch.
#[derive(Serialize)]
enum PayloadDatum<'e> {
    OrderPlaced(OrderPlacedDatum<'e>),
    OrderAmended(OrderAmendedDatum<'e>),
    ReplayScheduled {
        replay_id: IdText,
        requested_amount: MoneyDatum,
        scheduled_for: Option<i64>,
        rule_ids: &'e [String],
        rule_metadata: &'e BTreeMap<String, String>,
    },
    ReplayRescheduled {
        replay_id: IdText,
        scheduled_for: Option<i64>,
    },
    ReplayExecuted {
        replay_id: IdText,
        requested_amount: MoneyDatum,
        performed_at: i64,
        response: Option<&'e str>,
        rule_ids: &'e [String],
        rule_metadata: &'e BTreeMap<String, String>,
    },
    ReplayFailed {
        replay_id: IdText,
        requested_amount: MoneyDatum,
        performed_at: i64,
        error: &'e str,
        response: Option<&'e str>,
        rule_ids: &'e [String],
        rule_metadata: &'e BTreeMap<String, String>,
    },
    ReplayCancelled {
        replay_id: IdText,
        reason: Option<&'e str>,
    },
    RefillRecorded {
        refill_id: IdText,
        amount: MoneyDatum,
        performed_at: i64,
        response: Option<&'e str>,
    },
    OrderCancelled {
        reason: Option<&'e str>,
    },
}

#[derive(Serialize)]
struct OrderPlacedDatum<'e> {
    order_id: IdText,
    order_item_id: IdText,
    provider_id: &'e str,
    provider_name: Option<&'e str>,
    service_id: &'e str,
    service_action: Option<&'e str>,
    provider_reference: Option<&'e str>,
    amount: MoneyDatum,
    provider_cost: Option<MoneyDatum>,
    guardrails: Option<GuardrailsDatum>,
    service_rules: &'e [ServiceRule],
}

#[derive(Serialize)]
struct OrderAmendedDatum<'e> {
    amount: Option<MoneyDatum>,
    provider_cost: Option<MoneyDatum>,
    guardrails: Option<GuardrailsDatum>,
    provider_reference: Option<&'e str>,
    service_rules: Option<&'e [ServiceRule]>,
}

#[derive(Serialize)]
struct MoneyDatum {
    units: Units,
    currency: String,
}

#[derive(Serialize)]
struct GuardrailsDatum {
    minimum_margin_absolute: Option<Units>,
    minimum_margin_percent: Option<f64>,
    warning_margin_percent: Option<f64>,
}

#[derive(Serialize)]
pub struct RunDatum {
    event_id: IdText,
    run_id: IdText,
    revision: i32,
    run_type: RunTypeSymbol,
    status: RunStatusSymbol,
    started_at: Option<i64>,
    ran_at: i64,
    summary: String,
    metadata: String,
    backlog_total: Option<i64>,
    next_scheduled_at: Option<i64>,
    alerts_sent: Option<i32>,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum RunTypeSymbol {
    Replay,
    Alert,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum RunStatusSymbol {
    Unknown,
    Success,
    Partial,
    Failed,
}

/// A uuid as hyphenated text.
struct IdText(Uuid);

impl Serialize for IdText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// A decimal's digits: two's complement, big-endian, in the fewest bytes whose first bit still shows the sign.
struct Units(Decimal);

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let units = self.0.ten_thousandths();
        let (bytes, sign) = (units.to_be_bytes(), if units < 0 { 0xff } else { 0x00 });
        let redundant = bytes.windows(2).take_while(|pair| pair[0] == sign && (pair[0] ^ pair[1]) & 0x80 == 0).count();
        serializer.serialize_bytes(&bytes[redundant..])
    }
}

impl<'e> From<&'e OrderEvent> for OrderDatum<'e> {
    fn from(event: &'e OrderEvent) -> OrderDatum<'e> {
        OrderDatum {
            event_id: IdText(event.event_id),
            provider_order_id: IdText(event.provider_order_id),
            sequence: event.sequence,
            occurred_at: event.occurred_at.micros(),
            payload: PayloadDatum::from(&event.payload),
        }
    }
}

impl<'e> From<&'e Payload> for PayloadDatum<'e> {
    fn from(payload: &'e Payload) -> PayloadDatum<'e> {
        match payload {
            Payload::OrderPlaced(placed) => PayloadDatum::OrderPlaced(placed.into()),
            Payload::OrderAmended(amended) => PayloadDatum::OrderAmended(amended.into()),
            Payload::ReplayScheduled(scheduled) => PayloadDatum::ReplayScheduled {
                replay_id: IdText(scheduled.replay_id),
                requested_amount: scheduled.requested_amount.into(),
                scheduled_for: scheduled.scheduled_for.map(Timestamp::micros),
                rule_ids: &scheduled.rule_ids,
                rule_metadata: &scheduled.rule_metadata,
            },
            Payload::ReplayRescheduled(rescheduled) => PayloadDatum::ReplayRescheduled {
                replay_id: IdText(rescheduled.replay_id),
                scheduled_for: rescheduled.scheduled_for.map(Timestamp::micros),
            },
            Payload::ReplayExecuted(executed) => PayloadDatum::ReplayExecuted {
                replay_id: IdText(executed.replay_id),
                requested_amount: executed.requested_amount.into(),
                performed_at: executed.performed_at.micros(),
                response: executed.response.as_deref(),
                rule_ids: &executed.rule_ids,
                rule_metadata: &executed.rule_metadata,
            },
            Payload::ReplayFailed(failed) => PayloadDatum::ReplayFailed {
                replay_id: IdText(failed.replay_id),
                requested_amount: failed.requested_amount.into(),
                performed_at: failed.performed_at.micros(),
                error: &failed.error,
                response: failed.response.as_deref(),
                rule_ids: &failed.rule_ids,
                rule_metadata: &failed.rule_metadata,
            },
            Payload::ReplayCancelled(cancelled) => PayloadDatum::ReplayCancelled {
                replay_id: IdText(cancelled.replay_id),
                reason: cancelled.reason.as_deref(),
            },
            Payload::RefillRecorded(refill) => PayloadDatum::RefillRecorded {
                refill_id: IdText(refill.refill_id),
                amount: refill.amount.into(),
                performed_at: refill.performed_at.micros(),
                response: refill.response.as_deref(),
            },
            Payload::OrderCancelled(cancelled) => PayloadDatum::OrderCancelled { reason: cancelled.reason.as_deref() },
        }
    }
}

impl<'e> From<&'e OrderPlaced> for OrderPlacedDatum<'e> {
    fn from(placed: &'e OrderPlaced) -> OrderPlacedDatum<'e> {
        OrderPlacedDatum {
            order_id: IdText(placed.order_id),
            order_item_id: IdText(placed.order_item_id),
            provider_id: &placed.provider_id,
            provider_name: placed.provider_name.as_deref(),
            service_id: &placed.service_id,
            service_action: placed.service_action.as_deref(),
            provider_reference: placed.provider_reference.as_deref(),
            amount: placed.amount.into(),
            provider_cost: placed.provider_cost.map(MoneyDatum::from),
            guardrails: placed.guardrails.map(GuardrailsDatum::from),
            service_rules: &placed.service_rules,
        }
    }
}

impl<'e> From<&'e OrderAmended> for OrderAmendedDatum<'e> {
    fn from(amended: &'e OrderAmended) -> OrderAmendedDatum<'e> {
        OrderAmendedDatum {
            amount: amended.amount.map(MoneyDatum::from),
            provider_cost: amended.provider_cost.map(MoneyDatum::from),
            guardrails: amended.guardrails.map(GuardrailsDatum::from),
            provider_reference: amended.provider_reference.as_deref(),
            service_rules: amended.service_rules.as_deref(),
        }
    }
}

impl From<Money> for MoneyDatum {
    fn from(money: Money) -> MoneyDatum {
        MoneyDatum { units: Units(money.units), currency: money.currency.as_str().to_owned() }
    }
}

impl From<Guardrails> for GuardrailsDatum {
    fn from(guardrails: Guardrails) -> GuardrailsDatum {
        GuardrailsDatum {
            minimum_margin_absolute: guardrails.minimum_margin_absolute.map(Units),
            minimum_margin_percent: guardrails.minimum_margin_percent,
            warning_margin_percent: guardrails.warning_margin_percent,
        }
    }
}

impl TryFrom<&Run> for RunDatum {
    type Error = serde_json::Error;

    fn try_from(run: &Run) -> Result<RunDatum, serde_json::Error> {
        Ok(RunDatum {
            event_id: IdText(run.event_id),
            run_id: IdText(run.run_id),
            revision: run.revision,
            run_type: run.run_type.into(),
            status: run.status.into(),
            started_at: run.started_at.map(Timestamp::micros),
            ran_at: run.ran_at.micros(),
            summary: serde_json::to_string(&run.summary)?,
            metadata: serde_json::to_string(&run.metadata)?,
            backlog_total: run.backlog_total,
            next_scheduled_at: run.next_scheduled_at.map(Timestamp::micros),
            alerts_sent: run.alerts_sent,
        })
    }
}

impl From<RunType> for RunTypeSymbol {
    fn from(run_type: RunType) -> RunTypeSymbol {
        match run_type {
            RunType::Replay => RunTypeSymbol::Replay,
            RunType::Alert => RunTypeSymbol::Alert,
        }
    }
}

impl From<RunStatus> for RunStatusSymbol {
    fn from(status: RunStatus) -> RunStatusSymbol {
        match status {
            RunStatus::Unknown => RunStatusSymbol::Unknown,
            RunStatus::Success => RunStatusSymbol::Success,
            RunStatus::Partial => RunStatusSymbol::Partial,
            RunStatus::Failed => RunStatusSymbol::Failed,
        }
    }
}
