//! Which path is answered by which handler. The same registration makes the OpenAPI document.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::openapi::{Document, close_answers};
use super::problem::Problem;
use super::state::App;
use super::{dead_letters, export, gaps, handlers, health, middleware, openapi};

/// The whole application.
pub fn router(app: App) -> Router {
    let api = api().layer(from_fn_with_state(app.clone(), middleware::limit));
    let (router, document) =
        OpenApiRouter::with_openapi(Document::openapi()).merge(api).merge(health()).split_for_parts();
    router
        .fallback(|| async { Problem::not_found("Nothing is served at this path; /openapi.json lists every path.") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed.")
        })
        .layer(Extension(closed(document)))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(from_fn_with_state(app.clone(), middleware::authorize))
        .layer(from_fn(middleware::finish))
        .with_state(app)
}

fn closed(mut document: utoipa::openapi::OpenApi) -> Arc<utoipa::openapi::OpenApi> {
    close_answers(&mut document);
    Arc::new(document)
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(handlers::status))
        .routes(routes!(handlers::history))
        .routes(routes!(handlers::snapshot))
        .routes(routes!(handlers::backlog))
        .routes(routes!(handlers::generations))
        .routes(routes!(dead_letters::dead_letters))
        .routes(routes!(dead_letters::dead_letter))
        .routes(routes!(gaps::gaps))
        .routes(routes!(export::export))
        .routes(routes!(handlers::order))
        .routes(routes!(handlers::timeline))
        .routes(routes!(handlers::replays))
        .routes(routes!(openapi::document))
        .routes(routes!(openapi::landing))
}

/// Health and metrics are answered however many requests are in progress.
fn health() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health::livez)).routes(routes!(health::readyz)).routes(routes!(health::metrics))
}
