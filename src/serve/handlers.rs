//! The JSON endpoints: parameters in, one answer out.

use axum::Json;
use axum::extract::State;

use crate::domain::orders::replay::ReplayStatus;
use crate::domain::views::rows::{ReplayFilter, ReplayKey};

use super::answers::backlog::BacklogAnswer;
use super::answers::generations::GenerationsAnswer;
use super::answers::order::OrderAnswer;
use super::answers::page::Page;
use super::answers::replay::ReplayAnswer;
use super::answers::runs::{HistoryAnswer, StatusAnswer};
use super::answers::snapshot::SnapshotAnswer;
use super::answers::timeline::EventAnswer;
use super::cursor::{self, ReplaysAt, TimelineAt};
use super::order_id::OrderId;
use super::problem::Problem;
use super::query::Parameters;
use super::state::App;

type Answer<T> = Result<Json<T>, Problem>;

const HISTORY_DEFAULT: u32 = 20;
const HISTORY_MAX: u32 = 100;
const PAGE_DEFAULT: u32 = 50;
const TIMELINE_MAX: u32 = 500;
const REPLAYS_MAX: u32 = 100;
const PROVIDER_ID_CHARS_MAX: usize = 64;

pub async fn status(State(app): State<App>, parameters: Parameters) -> Answer<StatusAnswer> {
    parameters.finish()?;
    Ok(Json(app.views.status().await?.into()))
}

pub async fn history(State(app): State<App>, mut parameters: Parameters) -> Answer<HistoryAnswer> {
    let limit = parameters.limit(HISTORY_DEFAULT, HISTORY_MAX)?;
    parameters.finish()?;
    Ok(Json(app.views.history(limit).await?.into()))
}

pub async fn snapshot(State(app): State<App>, parameters: Parameters) -> Answer<SnapshotAnswer> {
    parameters.finish()?;
    Ok(Json(app.views.providers().await?.into()))
}

pub async fn backlog(State(app): State<App>, parameters: Parameters) -> Answer<BacklogAnswer> {
    parameters.finish()?;
    Ok(Json(app.views.backlog().await?.into()))
}

pub async fn generations(State(app): State<App>, parameters: Parameters) -> Answer<GenerationsAnswer> {
    parameters.finish()?;
    Ok(Json(app.views.generations().await?.into()))
}

pub async fn order(State(app): State<App>, OrderId(id): OrderId, parameters: Parameters) -> Answer<OrderAnswer> {
    parameters.finish()?;
    let order = app.views.order(id).await?.ok_or_else(|| no_order(id))?;
    Ok(Json((&order).into()))
}

pub async fn timeline(
    State(app): State<App>,
    OrderId(id): OrderId,
    mut parameters: Parameters,
) -> Answer<Page<EventAnswer>> {
    let limit = parameters.limit(PAGE_DEFAULT, TIMELINE_MAX)?;
    let cursor = parameters.text("cursor");
    parameters.finish()?;
    let after = cursor.map(|text| timeline_cursor(id, &text)).transpose()?.unwrap_or(0);
    // One more than the page shows whether there is a next one.
    let rows = app.views.timeline(id, after, limit + 1).await?.ok_or_else(|| no_order(id))?;
    let next = |row: &EventAnswer| cursor::encode("timeline", TimelineAt { order: id, sequence: row.sequence });
    Ok(Json(Page::cut(rows.into_iter().map(EventAnswer::from).collect(), limit, next)))
}

fn timeline_cursor(id: uuid::Uuid, text: &str) -> Result<i64, Problem> {
    let at: TimelineAt = cursor::decode("timeline", text)?;
    if at.order != id {
        return Err(Problem::parameter("cursor", "`cursor` belongs to the timeline of another order."));
    }
    Ok(at.sequence)
}

pub async fn replays(State(app): State<App>, mut parameters: Parameters) -> Answer<Page<ReplayAnswer>> {
    let statuses = "scheduled, executed, failed, cancelled";
    let filter = ReplayFilter {
        status: parameters.choice("status", statuses, ReplayStatus::parse)?,
        provider_id: provider_id(&mut parameters)?,
        due_before: parameters.time("dueBefore")?,
    };
    let limit = parameters.limit(PAGE_DEFAULT, REPLAYS_MAX)?;
    let cursor = parameters.text("cursor");
    parameters.finish()?;
    let after = cursor.map(|text| cursor::decode::<ReplaysAt>("replays", &text)).transpose()?;
    let after = after.map(|at| ReplayKey { provider_order_id: at.order, replay_id: at.replay });
    let rows = app.views.replays(filter, after, limit + 1).await?;
    let next = |row: &ReplayAnswer| {
        cursor::encode("replays", ReplaysAt { order: row.provider_order_id, replay: row.replay_id })
    };
    Ok(Json(Page::cut(rows.into_iter().map(ReplayAnswer::from).collect(), limit, next)))
}

fn provider_id(parameters: &mut Parameters) -> Result<Option<String>, Problem> {
    let id = parameters.text("providerId");
    if id.as_ref().is_some_and(|id| id.is_empty() || id.chars().count() > PROVIDER_ID_CHARS_MAX) {
        return Err(Problem::parameter("providerId", "`providerId` must be 1 to 64 characters long."));
    }
    Ok(id)
}

fn no_order(id: uuid::Uuid) -> Problem {
    Problem::not_found(format!("No event of provider order {id} has been received."))
}
