//! Whether the process lives, whether it is ready, and its metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::domain::timestamp::Timestamp;
use crate::observe::health::{Condition, Severity};

use super::state::App;

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// What keeps it from being ready.
    reasons: Vec<Reason>,
    /// What it goes on without.
    degraded: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    name: String,
    detail: String,
    since: Timestamp,
}

#[derive(Serialize)]
struct Alive {
    alive: bool,
}

pub async fn alive() -> impl IntoResponse {
    Json(Alive { alive: true })
}

pub async fn ready(State(app): State<App>) -> impl IntoResponse {
    let mut ready = Ready { ready: true, reasons: Vec::new(), degraded: Vec::new() };
    for (name, condition) in app.readiness.conditions() {
        match condition.severity {
            Severity::Unready => ready.reasons.push(Reason::new(name, condition)),
            Severity::Degraded => ready.degraded.push(Reason::new(name, condition)),
        }
    }
    ready.ready = ready.reasons.is_empty();
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready))
}

pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (app.render_metrics)())
}

impl Reason {
    fn new(name: String, condition: Condition) -> Reason {
        Reason { name, detail: condition.detail, since: Timestamp::from_datetime(condition.since) }
    }
}
