//! Errors as RFC 9457 problem+json.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::ViewError;

const RETRY_AFTER_SECONDS: u32 = 1;

/// Becomes a body where the request's path is known: in the middleware around every handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    /// The query parameter or path segment at fault.
    parameter: Option<String>,
}

/// Why a request was not answered, as in RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank`: the problem is what the status says.
    #[schema(value_type = String, examples("about:blank"))]
    r#type: &'static str,
    /// The status in words.
    #[schema(value_type = String, examples("Bad Request"))]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, examples(400))]
    status: u16,
    /// What is wrong with this request, and what to do.
    #[schema(examples("`limit` must be a whole number from 1 to 100."))]
    detail: String,
    /// The path of the request.
    #[schema(examples("/api/v1/fulfillment/replays"))]
    instance: String,
    /// The query parameter or path segment at fault; absent if none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("limit"))]
    parameter: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem { status, detail: detail.into(), parameter: None }
    }

    pub fn parameter(name: &str, detail: impl Into<String>) -> Problem {
        Problem { parameter: Some(name.to_owned()), ..Problem::new(StatusCode::BAD_REQUEST, detail) }
    }

    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// The sentence is the same for a missing and for a wrong token.
    pub fn unauthorized() -> Problem {
        let detail = "This path needs a token of http.token: send the header `Authorization: Bearer TOKEN`.";
        Problem::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    pub fn internal() -> Problem {
        let detail = "foldback could not answer this request; its log says why.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// `instance`: the path of the request.
    pub fn render(&self, instance: &str) -> Response {
        let body = ProblemBody {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            parameter: self.parameter.clone(),
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Problem {
        match error {
            ViewError::Unavailable(detail) => Problem::unavailable(detail),
            ViewError::Failed(detail) => {
                tracing::error!(%detail, "a request failed");
                Problem::internal()
            }
        }
    }
}
