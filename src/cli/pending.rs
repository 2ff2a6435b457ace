//! Verbs whose rooms are not joined to this one yet; nothing else stands in for them.

use crate::config::Config;

use super::Failure;
use super::context::Context;

#[derive(Debug, clap::Args)]
pub struct Publish {}

#[derive(Debug, clap::Args)]
pub struct Schemas {}

pub async fn run(_config: Config) -> Result<(), Failure> {
    Err(missing("run"))
}

pub async fn publish(_args: Publish, _context: Context) -> Result<(), Failure> {
    Err(missing("publish"))
}

pub async fn schemas(_args: Schemas, _context: Context) -> Result<(), Failure> {
    Err(missing("schemas"))
}

fn missing(verb: &str) -> Failure {
    Failure::failed(format!("`foldback {verb}` is not part of this build"))
}
