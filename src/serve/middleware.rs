//! What surrounds every handler: who may ask, limits, headers, and the bodies of problems.

use std::any::Any;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::observe::metrics::http_request;

use super::problem::Problem;
use super::state::App;

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// What orchestrators ask, who hold no token.
const OPEN: [&str; 2] = ["/livez", "/readyz"];

/// Answers those who hold a token, if there is one: all paths are closed that are not listed as open.
pub async fn authorize(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_open = OPEN.contains(&request.uri().path());
    match &app.settings.tokens {
        Some(tokens) if !is_open && !tokens.admit(request.headers()) => Problem::unauthorized().into_response(),
        _ => next.run(request).await,
    }
}

/// Bounds how many requests are handled at a time, and how long each may take.
pub async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let Ok(_permit) = app.requests.try_acquire() else {
        return Problem::unavailable("Too many requests are in progress; retry shortly.").into_response();
    };
    match tokio::time::timeout(app.settings.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("The request took too long; retry shortly.").into_response(),
    }
}

/// Renders problems, sets the headers that every response carries, and counts it.
pub async fn finish(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = problem.render(&path);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    http_request(response.status().as_u16());
    response
}

/// A panic in a handler.
pub fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}
