//! The OpenAPI document, and a plain front page that leads to it.

use axum::http::header;
use axum::response::{Html, IntoResponse};

/// Described by hand: the bodies are plain, and a test validates every real answer against it.
const DOCUMENT: &str = include_str!("openapi.json");
const LANDING: &str = include_str!("landing.html");

pub async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

pub async fn landing() -> impl IntoResponse {
    Html(LANDING)
}
