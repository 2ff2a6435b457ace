//! The JSON endpoints: parameters in, one answer out.

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use crate::domain::views::page::{OrderPage, OrderPlace};
use crate::domain::views::rows::{HistoryRow, ReplayFilter, ReplayKey, ReplayRow};

use super::answers::backlog::BacklogAnswer;
use super::answers::generations::GenerationsAnswer;
use super::answers::order::OrderAnswer;
use super::answers::page::{ReplayPage, TimelinePage};
use super::answers::runs::{HistoryAnswer, StatusAnswer};
use super::answers::snapshot::SnapshotAnswer;
use super::cursor::{self, OrderAt, ReplaysAt, TimelineAt};
use super::order_id::OrderId;
use super::problem::Problem;
use super::queries::{HistoryQuery, OrderQuery, ReplaysQuery, TimelineQuery};
use super::query::Parameters;
use super::refusals::{NoSuchOrder, Refusals};
use super::state::App;

type Answer<T> = Result<Json<T>, Problem>;

/// The newest run of each type.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/status", responses(
    (status = 200, description = "The newest runs, read from Postgres: complete even while Redis is down.", body = StatusAnswer),
    Refusals,
))]
pub async fn status(State(app): State<App>, parameters: Parameters) -> Answer<StatusAnswer> {
    parameters.finish()?;
    Ok(Json(app.views.status().await?.into()))
}

/// The newest runs of each type, newest first.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/status/history", params(HistoryQuery), responses(
    (status = 200, description = "The newest runs.", body = HistoryAnswer),
    Refusals,
))]
pub async fn history(State(app): State<App>, parameters: Parameters) -> Answer<HistoryAnswer> {
    let query = HistoryQuery::read(parameters)?;
    Ok(Json(app.views.history(query.limit).await?.into()))
}

/// Telemetry and backlog of all providers, and of each.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/snapshot", responses(
    (status = 200, description = "Telemetry and backlog at one moment.", body = SnapshotAnswer),
    Refusals,
))]
pub async fn snapshot(State(app): State<App>, parameters: Parameters) -> Answer<SnapshotAnswer> {
    parameters.finish()?;
    Ok(Json(app.views.providers().await?.into()))
}

/// The backlog of all providers, and of each.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/backlog", responses(
    (status = 200, description = "The backlog at one moment.", body = BacklogAnswer),
    Refusals,
))]
pub async fn backlog(State(app): State<App>, parameters: Parameters) -> Answer<BacklogAnswer> {
    parameters.finish()?;
    Ok(Json(app.views.backlog().await?.into()))
}

/// The generations of the views, oldest first, with the progress of a running rebuild.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/generations", responses(
    (status = 200, description = "All generations.", body = GenerationsAnswer),
    Refusals,
))]
pub async fn generations(State(app): State<App>, parameters: Parameters) -> Answer<GenerationsAnswer> {
    parameters.finish()?;
    Ok(Json(app.views.generations().await?.into()))
}

/// An order with its replays and refills, in pages.
#[utoipa::path(get, path = "/api/v1/fulfillment/provider-orders/{id}", params(OrderId, OrderQuery), responses(
    (status = 200, description = "The order, and a page of its replays and refills.", body = OrderAnswer),
    NoSuchOrder,
    Refusals,
))]
pub async fn order(State(app): State<App>, OrderId(id): OrderId, parameters: Parameters) -> Answer<OrderAnswer> {
    let query = OrderQuery::read(parameters)?;
    let after = query.cursor.map(|text| order_cursor(id, &text)).transpose()?.unwrap_or_default();
    let page = app.views.order(id, after, query.limit).await?.ok_or_else(|| no_order(id))?;
    let next_cursor = after_order_page(&page, after);
    Ok(Json(OrderAnswer::new(page, next_cursor)))
}

fn order_cursor(id: Uuid, text: &str) -> Result<OrderPlace, Problem> {
    let at: OrderAt = cursor::decode("order", text)?;
    if at.order != id {
        return Err(Problem::parameter("cursor", "`cursor` belongs to another order."));
    }
    Ok(OrderPlace { replay_id: at.replay, refill_id: at.refill })
}

/// Where the page after `page` starts. A list that has ended stays at its end.
fn after_order_page(page: &OrderPage, before: OrderPlace) -> Option<String> {
    let replay = page.replays.rows.last().map(|row| row.replay_id).or(before.replay_id);
    let refill = page.refills.rows.last().map(|row| row.refill_id).or(before.refill_id);
    if !(page.replays.more || page.refills.more) {
        return None;
    }
    cursor::encode("order", OrderAt { order: page.order.provider_order_id, replay, refill })
}

/// The events of an order, by sequence.
#[utoipa::path(get, path = "/api/v1/fulfillment/provider-orders/{id}/timeline", params(OrderId, TimelineQuery), responses(
    (status = 200, description = "A page of events.", body = TimelinePage),
    NoSuchOrder,
    Refusals,
))]
pub async fn timeline(State(app): State<App>, OrderId(id): OrderId, parameters: Parameters) -> Answer<TimelinePage> {
    let query = TimelineQuery::read(parameters)?;
    let after = query.cursor.map(|text| timeline_cursor(id, &text)).transpose()?.unwrap_or(0);
    let page = app.views.timeline(id, after, query.limit).await?.ok_or_else(|| no_order(id))?;
    let next = |row: &HistoryRow| cursor::encode("timeline", TimelineAt { order: id, sequence: row.sequence });
    Ok(Json(TimelinePage::new(page, next)))
}

fn timeline_cursor(id: Uuid, text: &str) -> Result<i64, Problem> {
    let at: TimelineAt = cursor::decode("timeline", text)?;
    if at.order != id {
        return Err(Problem::parameter("cursor", "`cursor` belongs to the timeline of another order."));
    }
    Ok(at.sequence)
}

/// Replays, by order id and replay id. Filters that are given must all hold.
#[utoipa::path(get, path = "/api/v1/fulfillment/replays", params(ReplaysQuery), responses(
    (status = 200, description = "A page of replays.", body = ReplayPage),
    Refusals,
))]
pub async fn replays(State(app): State<App>, parameters: Parameters) -> Answer<ReplayPage> {
    let query = ReplaysQuery::read(parameters)?;
    let after = query.cursor.map(|text| cursor::decode::<ReplaysAt>("replays", &text)).transpose()?;
    let after = after.map(|at| ReplayKey { provider_order_id: at.order, replay_id: at.replay });
    let ReplaysQuery { status, provider_id, due_before, .. } = query;
    let filter = ReplayFilter { provider_order_id: None, status, provider_id, due_before };
    let page = app.views.replays(filter, after, query.limit).await?;
    let next =
        |row: &ReplayRow| cursor::encode("replays", ReplaysAt { order: row.provider_order_id, replay: row.replay_id });
    Ok(Json(ReplayPage::new(page, next)))
}

fn no_order(id: Uuid) -> Problem {
    Problem::not_found(format!("No event of provider order {id} has been received."))
}
