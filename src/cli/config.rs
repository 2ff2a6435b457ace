//! `foldback config check|show`

use super::Failure;
use super::context::{Context, check_kafka};
use super::output::{Output, print, print_json};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Check the configuration, without connecting to anything
    Check,
    /// Show every key with its value and source, without secrets
    Show {
        #[command(flatten)]
        output: Output,
    },
}

pub fn run(verb: &Verb, context: &Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    match verb {
        Verb::Check => {
            config.postgres.url()?;
            check_kafka(&config)?;
            print("the configuration is valid")
        }
        Verb::Show { output: Output { json: true } } => print_json(&config.settings()),
        Verb::Show { output: Output { json: false } } => print(&config.to_toml()),
    }
}
