//! The endpoint of orders that miss events.

use axum::Json;
use axum::extract::State;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::timestamp::Timestamp;
use crate::domain::views::gaps::GapFilter;

use super::answers::gaps::GapPageAnswer;
use super::cursor::{self, GapsAt};
use super::problem::Problem;
use super::query::Parameters;
use super::refusals::Refusals;
use super::state::App;

const LIST: &str = "gaps";

/// The query of the list of gaps. Filters that are given must all hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct GapsQuery {
    /// Only this provider order.
    #[param(nullable = false, example = "c56a4180-65aa-42ec-a945-5fd21dec0538")]
    order_id: Option<Uuid>,
    /// Only orders of which the log showed before this time that they miss an event. ISO 8601 with an offset.
    #[param(nullable = false, example = "2026-11-23T00:00:00Z")]
    since_before: Option<Timestamp>,
    /// How many orders to list at most.
    #[param(required = false, default = 50, minimum = 1, maximum = 100)]
    limit: u32,
    /// The `nextCursor` of the previous page.
    #[param(nullable = false)]
    cursor: Option<String>,
}

impl GapsQuery {
    fn read(mut parameters: Parameters) -> Result<GapsQuery, Problem> {
        let query = GapsQuery {
            order_id: parameters.uuid("orderId")?,
            since_before: parameters.time("sinceBefore")?,
            limit: parameters.limit(50, 100)?,
            cursor: parameters.text("cursor"),
        };
        parameters.finish()?;
        Ok(query)
    }
}

/// Orders that miss events, by id: which sequences, and since when the log shows it.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/gaps", params(GapsQuery), responses(
    (status = 200, description = "A page of orders that miss events.", body = GapPageAnswer),
    Refusals,
))]
pub async fn gaps(State(app): State<App>, parameters: Parameters) -> Result<Json<GapPageAnswer>, Problem> {
    let query = GapsQuery::read(parameters)?;
    let after = query.cursor.as_deref().map(|text| cursor::decode::<GapsAt>(LIST, text)).transpose()?;
    let filter = GapFilter { order: query.order_id, since_before: query.since_before };
    let page = app.views.gaps(filter, after.map(|at| at.order), query.limit).await?;
    Ok(Json(GapPageAnswer::new(page, |order| cursor::encode(LIST, GapsAt { order }))))
}
