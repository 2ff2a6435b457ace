//! `foldback migrate`

use serde_json::json;

use crate::store::generations::complete_indexes;
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
    // A migration may take hours over a large table.
    let access = access(&config)?.unhurried();
    let mut conn = access.connect().await.map_err(|error| at_database(&config, error))?;
    let migrating = access.while_it_answers(migrate(&mut conn, "foldback migrate"));
    let migrated = migrating.await.map_err(|error| at_database(&config, error))?;
    let completing = access.while_it_answers(complete_indexes(&mut conn, &|line| eprintln!("{line}")));
    completing.await.map_err(|error| at_database(&config, error))?;
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
