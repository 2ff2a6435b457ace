//! Verbs whose rooms are not joined to this one yet; nothing else stands in for them.

use super::Failure;
use super::context::Context;

#[derive(Debug, clap::Args)]
pub struct Schemas {}

pub async fn schemas(_args: Schemas, _context: Context) -> Result<(), Failure> {
    Err(missing("schemas"))
}

fn missing(verb: &str) -> Failure {
    Failure::failed(format!("`foldback {verb}` is not part of this build"))
}
