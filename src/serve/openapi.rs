//! The OpenAPI document, made of the handlers and of the types of their answers, and a front page that leads to it.

use std::sync::Arc;

use axum::response::{Html, IntoResponse};
use axum::{Extension, Json};
use utoipa::openapi::schema::{AdditionalProperties, Object, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, RefOr};
use utoipa::{Modify, OpenApi};

use super::problem::ProblemBody;
use super::refusals::Unauthorized;

const LANDING: &str = include_str!("landing.html");

/// What the document says about the API as a whole. Paths and schemas come from the router, but for the schema of the
/// problems: utoipa doesn't collect those of `IntoResponses`.
#[derive(OpenApi)]
#[openapi(
    components(schemas(ProblemBody)),
    security(("token" = [])),
    modifiers(&Token),
    info(
        title = "foldback",
        version = "1",
        description = "Views over provider orders and automation runs.\n\n\
        Every path answers GET and HEAD. Errors are RFC 9457 problem+json. \
        Times are ISO 8601 in UTC with six digits and +00:00. \
        A field that may be null is always present. \
        Where the server has tokens (http.token), every path but /livez and /readyz needs one. \
        Lists are paged by an opaque cursor.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    )
)]
pub struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of http.token."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// The OpenAPI document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", responses(
    (status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"),
    Unauthorized,
))]
pub async fn document(Extension(document): Extension<Arc<openapi::OpenApi>>) -> impl IntoResponse {
    Json(document)
}

/// A front page with links.
#[utoipa::path(get, path = "/", responses(
    (status = 200, description = "HTML for people.", body = String, content_type = "text/html"),
    Unauthorized,
))]
pub async fn landing() -> impl IntoResponse {
    Html(LANDING)
}

/// Says of all answers what the derived schemas leave open: they have no other fields than those listed, and a field
/// that may be null is always there.
pub fn close_answers(document: &mut openapi::OpenApi) {
    let schemas = document.components.iter_mut().flat_map(|components| components.schemas.values_mut());
    for schema in schemas {
        if let RefOr::T(Schema::Object(object)) = schema
            && !object.properties.is_empty()
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            let is_present =
                |name: &str, property| object.required.iter().any(|other| other == name) || is_nullable(property);
            object.required = object
                .properties
                .iter()
                .filter(|(name, property)| is_present(name, property))
                .map(|(name, _)| name.clone())
                .collect();
        }
    }
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(Object { schema_type: SchemaType::Type(of), .. })) => *of == Type::Null,
        RefOr::T(Schema::Object(Object { schema_type: SchemaType::Array(of), .. })) => of.contains(&Type::Null),
        RefOr::T(Schema::OneOf(choices)) => choices.items.iter().any(is_nullable),
        _ => false,
    }
}
