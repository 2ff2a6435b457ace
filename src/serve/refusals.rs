//! The problems that an endpoint may answer with, as the OpenAPI document lists them.

use utoipa::IntoResponses;

use super::problem::ProblemBody;

/// Of every endpoint that reads the views.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description: handlers answer with Problem")]
pub enum Refusals {
    /// A parameter is unknown or has a bad value; `parameter` names it.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemBody),
    /// The request carries no token that holds.
    #[response(status = 401, content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "Always `Bearer`.")))]
    Unauthorized(ProblemBody),
    /// foldback failed; its log says why.
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(ProblemBody),
    /// Too many requests are in progress, this one took too long, or Postgres is unreachable.
    #[response(status = 503, content_type = "application/problem+json",
        headers(("Retry-After" = i32, description = "Seconds to wait before the next attempt.")))]
    Unavailable(ProblemBody),
}

/// The request carries no token that holds.
#[derive(IntoResponses)]
#[response(status = 401, content_type = "application/problem+json",
    headers(("WWW-Authenticate" = String, description = "Always `Bearer`.")))]
#[expect(dead_code, reason = "a description: handlers answer with Problem")]
pub struct Unauthorized(ProblemBody);

/// No event of this order has been received.
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
#[expect(dead_code, reason = "a description: handlers answer with Problem")]
pub struct NoSuchOrder(ProblemBody);

/// The live generation has no dead letter with this id.
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
#[expect(dead_code, reason = "a description: handlers answer with Problem")]
pub struct NoSuchDeadLetter(ProblemBody);
