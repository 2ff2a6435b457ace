//! `foldback migrate`

use serde_json::json;

use crate::store::migrate::{Migrated, migrate};

use super::Failure;
use super::context::{Context, access, at_database};
use super::output::{Output, print, print_json};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let mut conn = access(&config)?.unhurried().connect().await.map_err(|error| at_database(&config, error))?;
    let migrated = migrate(&mut conn, "foldback migrate").await.map_err(|error| at_database(&config, error))?;
    if args.output.json {
        let first = migrated.first_generation;
        return print_json(&json!({"from": migrated.from, "to": migrated.to, "firstGeneration": first}));
    }
    print(&sentence(&migrated))
}

fn sentence(migrated: &Migrated) -> String {
    let schema = match migrated.from {
        None => format!("created schema version {}", migrated.to),
        Some(from) if from == migrated.to => format!("schema version {} is already in place", migrated.to),
        Some(from) => format!("migrated from schema version {from} to {}", migrated.to),
    };
    let generation = match (migrated.first_generation, migrated.from) {
        (false, _) => "",
        (true, None) => " and generation 1",
        (true, Some(_)) => ", and created generation 1",
    };
    format!("{schema}{generation}")
}
