//! What the query of each endpoint may hold: read by its handler, described in the OpenAPI document.

use utoipa::IntoParams;

use crate::domain::orders::replay::ReplayStatus;
use crate::domain::runs::run::RunType;
use crate::domain::timestamp::Timestamp;

use super::answers::export_row::Format;
use super::problem::Problem;
use super::query::Parameters;

/// The query of an endpoint that lists the newest runs.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// How many runs of each type to list at most.
    #[param(required = false, default = 20, minimum = 1, maximum = 100)]
    pub limit: u32,
}

impl HistoryQuery {
    pub fn read(mut parameters: Parameters) -> Result<HistoryQuery, Problem> {
        let query = HistoryQuery { limit: parameters.limit(20, 100)? };
        parameters.finish()?;
        Ok(query)
    }
}

/// The query of an order.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// How many replays to list at most, and how many refills.
    #[param(required = false, default = 500, minimum = 1, maximum = 500)]
    pub limit: u32,
    /// The `nextCursor` of the previous page.
    #[param(nullable = false)]
    pub cursor: Option<String>,
}

impl OrderQuery {
    pub fn read(mut parameters: Parameters) -> Result<OrderQuery, Problem> {
        let query = OrderQuery { limit: parameters.limit(500, 500)?, cursor: parameters.text("cursor") };
        parameters.finish()?;
        Ok(query)
    }
}

/// The query of an order's history.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// How many events to list at most.
    #[param(required = false, default = 50, minimum = 1, maximum = 500)]
    pub limit: u32,
    /// The `nextCursor` of the previous page.
    #[param(nullable = false)]
    pub cursor: Option<String>,
}

impl TimelineQuery {
    pub fn read(mut parameters: Parameters) -> Result<TimelineQuery, Problem> {
        let query = TimelineQuery { limit: parameters.limit(50, 500)?, cursor: parameters.text("cursor") };
        parameters.finish()?;
        Ok(query)
    }
}

/// The query of the list of replays. Filters that are given must all hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ReplaysQuery {
    /// Only replays of this status.
    #[param(inline, nullable = false)]
    pub status: Option<ReplayStatus>,
    /// Only replays of this provider's orders.
    #[param(nullable = false, min_length = 1, max_length = 64, example = "alder")]
    pub provider_id: Option<String>,
    /// Only scheduled replays that are due at this time or earlier, or that have no time. ISO 8601 with an offset.
    #[param(nullable = false, example = "2026-11-23T12:00:00Z")]
    pub due_before: Option<Timestamp>,
    /// How many replays to list at most.
    #[param(required = false, default = 50, minimum = 1, maximum = 100)]
    pub limit: u32,
    /// The `nextCursor` of the previous page.
    #[param(nullable = false)]
    pub cursor: Option<String>,
}

impl ReplaysQuery {
    pub fn read(mut parameters: Parameters) -> Result<ReplaysQuery, Problem> {
        let statuses = "scheduled, executed, failed, cancelled";
        let query = ReplaysQuery {
            status: parameters.choice("status", statuses, ReplayStatus::parse)?,
            provider_id: parameters.short_text("providerId", 64)?,
            due_before: parameters.time("dueBefore")?,
            limit: parameters.limit(50, 100)?,
            cursor: parameters.text("cursor"),
        };
        parameters.finish()?;
        Ok(query)
    }
}

/// The query of an export.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `csv` as in RFC 4180 with a header row, or `jsonl`: one JSON object per line.
    #[param(inline)]
    pub format: Format,
    /// Only runs of this type.
    #[param(inline, nullable = false)]
    pub r#type: Option<RunType>,
    /// Only runs that ended at this time or later (`ranAt`). ISO 8601 with an offset.
    #[param(nullable = false, example = "2026-11-23T00:00:00Z")]
    pub from: Option<Timestamp>,
    /// Only runs that ended before this time (`ranAt`). ISO 8601 with an offset.
    #[param(nullable = false, example = "2026-11-24T00:00:00Z")]
    pub to: Option<Timestamp>,
}

impl ExportQuery {
    pub fn read(mut parameters: Parameters) -> Result<ExportQuery, Problem> {
        let format = parameters.choice("format", "csv, jsonl", Format::parse)?;
        let r#type = parameters.choice("type", "replay, alert", RunType::parse)?;
        let (from, to) = (parameters.time("from")?, parameters.time("to")?);
        parameters.finish()?;
        let format = format.ok_or_else(|| Problem::parameter("format", "`format` is required: csv or jsonl."))?;
        Ok(ExportQuery { format, r#type, from, to })
    }
}
