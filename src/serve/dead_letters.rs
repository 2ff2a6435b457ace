//! The endpoints of dead letters.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::domain::log::rejection::Reason;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::rows::DeadLetterFilter;

use super::answers::dead_letter::{DeadLetterAnswer, DeadLetterDetail};
use super::answers::page::DeadLetterPage;
use super::cursor::{self, DeadLettersAt};
use super::problem::Problem;
use super::query::Parameters;
use super::refusals::{NoSuchDeadLetter, Refusals};
use super::state::App;

/// Kafka's own limit of a topic's name.
const TOPIC_CHARS_MAX: usize = 249;

/// The query of the list of dead letters. Filters that are given must all hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct DeadLettersQuery {
    /// Only those with this reason.
    #[param(inline, nullable = false)]
    reason: Option<Reason>,
    /// Only those of this topic.
    #[param(nullable = false, min_length = 1, max_length = 249, example = "provider-orders")]
    topic: Option<String>,
    /// Only those of this partition.
    #[param(nullable = false, minimum = 0, maximum = 2147483647)]
    partition: Option<i32>,
    /// Only those first stored at this time or later. ISO 8601 with an offset.
    #[param(nullable = false, example = "2026-11-23T00:00:00Z")]
    since: Option<Timestamp>,
    /// Only those first stored before this time. ISO 8601 with an offset.
    #[param(nullable = false, example = "2026-11-24T00:00:00Z")]
    until: Option<Timestamp>,
    /// Only those of this provider order: conflicts, and records that have its id as key.
    #[param(nullable = false, example = "c56a4180-65aa-42ec-a945-5fd21dec0538")]
    order_id: Option<Uuid>,
    /// `open`: only those that are neither redriven nor discarded.
    #[param(inline, required = false, default = "open")]
    state: LetterState,
    /// How many dead letters to list at most.
    #[param(required = false, default = 50, minimum = 1, maximum = 100)]
    limit: u32,
    /// The `nextCursor` of the previous page.
    #[param(nullable = false)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum LetterState {
    Open,
    All,
}

impl LetterState {
    fn parse(text: &str) -> Option<LetterState> {
        match text {
            "open" => Some(LetterState::Open),
            "all" => Some(LetterState::All),
            _ => None,
        }
    }
}

impl DeadLettersQuery {
    fn read(mut parameters: Parameters) -> Result<DeadLettersQuery, Problem> {
        let query = DeadLettersQuery {
            reason: parameters.choice("reason", &Reason::ALL.map(Reason::as_str).join(", "), Reason::parse)?,
            topic: parameters.short_text("topic", TOPIC_CHARS_MAX)?,
            partition: parameters.partition("partition")?,
            since: parameters.time("since")?,
            until: parameters.time("until")?,
            order_id: parameters.uuid("orderId")?,
            state: parameters.choice("state", "open, all", LetterState::parse)?.unwrap_or(LetterState::Open),
            limit: parameters.limit(50, 100)?,
            cursor: parameters.text("cursor"),
        };
        parameters.finish()?;
        Ok(query)
    }

    fn filter(&self) -> DeadLetterFilter {
        DeadLetterFilter {
            reason: self.reason,
            topic: self.topic.clone(),
            partition: self.partition,
            since: self.since,
            until: self.until,
            order: self.order_id,
            open: self.state == LetterState::Open,
        }
    }
}

/// The dead letter's id in a path.
#[derive(IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub struct DeadLetterId(
    /// The dead letter's id, from the list.
    #[param(example = 17)]
    i64,
);

impl<S: Send + Sync> FromRequestParts<S> for DeadLetterId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<DeadLetterId, Problem> {
        let malformed = || Problem::parameter("id", "`id` must be the id of a dead letter, such as 17.");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| malformed())?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(DeadLetterId).ok_or_else(malformed)
    }
}

/// Dead letters of the live generation, newest first, and how many are open.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/dead-letters", params(DeadLettersQuery), responses(
    (status = 200, description = "A page of dead letters.", body = DeadLetterPage),
    Refusals,
))]
pub async fn dead_letters(State(app): State<App>, parameters: Parameters) -> Result<Json<DeadLetterPage>, Problem> {
    let query = DeadLettersQuery::read(parameters)?;
    let before =
        query.cursor.as_deref().map(|text| cursor::decode::<DeadLettersAt>("dead-letters", text)).transpose()?;
    let list = app.views.dead_letters(query.filter(), before.map(|at| at.id), query.limit + 1).await?;
    let next = |row: &DeadLetterAnswer| cursor::encode("dead-letters", DeadLettersAt { id: row.id });
    let rows = list.rows.into_iter().map(DeadLetterAnswer::from).collect();
    Ok(Json(DeadLetterPage::cut(rows, query.limit, next, list.open.into())))
}

/// A dead letter, with its record as far as it can be decoded.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/dead-letters/{id}", params(DeadLetterId), responses(
    (status = 200, description = "The dead letter.", body = DeadLetterDetail),
    NoSuchDeadLetter,
    Refusals,
))]
pub async fn dead_letter(
    State(app): State<App>,
    DeadLetterId(id): DeadLetterId,
    parameters: Parameters,
) -> Result<Json<DeadLetterDetail>, Problem> {
    parameters.finish()?;
    let found = app.views.dead_letter(id).await?;
    let found = found.ok_or_else(|| Problem::not_found(format!("The live generation has no dead letter {id}.")))?;
    Ok(Json(found.into()))
}
