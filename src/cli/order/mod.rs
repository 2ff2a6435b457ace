//! `foldback order <id>`

mod as_json;

use uuid::Uuid;

use crate::domain::orders::order::Order;
use crate::domain::orders::refill::Refill;
use crate::domain::views::rows::ReplayRow;

use super::Failure;
use super::context::Context;
use super::output::{Output, or_dash, plain, print, print_json, table};
use super::read::from_snapshot;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id of the provider order (UUID)
    id: Uuid,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let order = from_snapshot(&config, async |snapshot| snapshot.view().order(args.id).await).await?;
    let order = order.ok_or_else(|| Failure::failed(format!("there is no provider order {}", args.id)))?;
    if args.output.json { print_json(&as_json::order(&order)) } else { print(&as_text(&order)) }
}

fn as_text(order: &Order) -> String {
    format!("{}{}{}", table(&facts(order)), replays(order), refills(order))
}

fn facts(order: &Order) -> Vec<Vec<String>> {
    let placement = order.placement.value.as_ref();
    let cancelled = order.cancellation.value.as_ref().map(|cancellation| cancellation.cancelled_at);
    let facts = [
        ("provider order", order.provider_order_id.to_string()),
        ("order", or_dash(placement.map(|placement| placement.order_id))),
        ("provider", or_dash(order.provider_id().map(|id| plain(id, 64)))),
        ("service", or_dash(order.service_id().map(|id| plain(id, 64)))),
        ("amount", or_dash(order.amount.value.map(as_json::money_text))),
        ("provider cost", or_dash(order.provider_cost.value.map(as_json::money_text))),
        ("guardrails", order.guardrail_status().as_str().to_owned()),
        ("placed", or_dash(placement.map(|placement| placement.placed_at))),
        ("cancelled", or_dash(cancelled)),
        ("last sequence", order.seen.last().to_string()),
        ("missing events", order.seen.missing().to_string()),
    ];
    facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

fn replays(order: &Order) -> String {
    if order.replays.is_empty() {
        return String::new();
    }
    let head = ["REPLAY", "STATUS", "SCHEDULED FOR", "PERFORMED", "ATTEMPTS", "ERROR"].map(str::to_owned).to_vec();
    let rows = order.replays.values().map(|replay| replay_row(&ReplayRow::of(order, replay)));
    format!("\n{}", table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
}

fn replay_row(row: &ReplayRow) -> Vec<String> {
    vec![
        row.replay_id.to_string(),
        row.status.as_str().to_owned(),
        or_dash(row.scheduled_for),
        or_dash(row.performed_at),
        row.attempts.to_string(),
        or_dash(row.error.as_ref().map(|error| plain(error, 60))),
    ]
}

fn refills(order: &Order) -> String {
    if order.refills.is_empty() {
        return String::new();
    }
    let head = ["REFILL", "AMOUNT", "PERFORMED"].map(str::to_owned).to_vec();
    let rows = order.refills.values().map(|refill| refill_row(refill));
    format!("\n{}", table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
}

fn refill_row(refill: &Refill) -> Vec<String> {
    vec![refill.refill_id.to_string(), as_json::money_text(refill.amount), refill.performed_at.to_string()]
}
