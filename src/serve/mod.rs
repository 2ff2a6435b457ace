//! HTTP: the API, health, metrics and the OpenAPI document.
//!
//! Knows no database: what it shows comes through [`Views`].

mod answers;
mod connections;
mod cursor;
mod dead_letters;
mod export;
mod gaps;
mod handlers;
mod health;
mod middleware;
mod openapi;
mod order_id;
mod problem;
mod queries;
mod query;
mod refusals;
mod router;
mod server;
mod state;
mod tokens;
mod views;

pub use router::router;
pub use server::serve;
pub use state::{App, HttpSettings};
pub use tokens::Tokens;
pub use views::{BacklogView, DeadLetter, DeadLetterList, Providers, RunHistory, RunStream, Status, ViewError, Views};
