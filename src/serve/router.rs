//! Which address is answered by whom.

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

use super::problem::Problem;
use super::state::App;
use super::{export, handlers, health, middleware, openapi};

const AUTOMATION: &str = "/api/v1/fulfillment/providers/automation";

/// Every address that the OpenAPI document describes.
pub const ROUTES: [&str; 14] = [
    "/",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/api/v1/fulfillment/providers/automation/status",
    "/api/v1/fulfillment/providers/automation/status/history",
    "/api/v1/fulfillment/providers/automation/snapshot",
    "/api/v1/fulfillment/providers/automation/backlog",
    "/api/v1/fulfillment/providers/automation/generations",
    "/api/v1/fulfillment/providers/automation/runs/export",
    "/api/v1/fulfillment/provider-orders/{id}",
    "/api/v1/fulfillment/provider-orders/{id}/timeline",
    "/api/v1/fulfillment/replays",
];

/// The whole application.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .nest(AUTOMATION, automation())
        .route("/api/v1/fulfillment/provider-orders/{id}", get(handlers::order))
        .route("/api/v1/fulfillment/provider-orders/{id}/timeline", get(handlers::timeline))
        .route("/api/v1/fulfillment/replays", get(handlers::replays))
        .route("/openapi.json", get(openapi::document))
        .route("/", get(openapi::landing))
        .layer(from_fn_with_state(app.clone(), middleware::limit));
    // Health and metrics are answered however many requests are in work.
    let health = Router::new()
        .route("/livez", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics));
    api.merge(health)
        .fallback(|| async { Problem::not_found("Nothing is served at this path; /openapi.json lists every path.") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed.")
        })
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(from_fn(middleware::finish))
        .with_state(app)
}

fn automation() -> Router<App> {
    Router::new()
        .route("/status", get(handlers::status))
        .route("/status/history", get(handlers::history))
        .route("/snapshot", get(handlers::snapshot))
        .route("/backlog", get(handlers::backlog))
        .route("/generations", get(handlers::generations))
        .route("/runs/export", get(export::export))
}
