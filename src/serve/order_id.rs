//! The order id in a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa::IntoParams;
use uuid::Uuid;

use super::problem::Problem;

#[derive(IntoParams)]
#[into_params(names("id"), parameter_in = Path)]
pub struct OrderId(
    /// The provider order's id: a hyphenated UUID.
    #[param(example = "c56a4180-65aa-42ec-a945-5fd21dec0538")]
    pub Uuid,
);

impl<S: Send + Sync> FromRequestParts<S> for OrderId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<OrderId, Problem> {
        let malformed = || {
            let example = "0190f5a2-3c4d-7e5f-8a9b-0c1d2e3f4a5b";
            Problem::parameter("id", format!("`id` must be a hyphenated UUID, such as {example}."))
        };
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| malformed())?;
        // The parser knows other spellings of a UUID too; their lengths differ.
        let id = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36);
        id.map(OrderId).ok_or_else(malformed)
    }
}
