//! `foldback schemas`

use serde_json::json;

use crate::registry::schemas::{Findings, Registered, SchemasError, check, register_all};

use super::Failure;
use super::context::Context;
use super::output::{Output, print, print_json};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Check that foldback can read every version in the registry; exit code 1 if it can't
    Check(Args),
    /// Register the schemas of both topics; safe to run again
    Register(Args),
}

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
}

pub async fn run(verb: Verb, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    match verb {
        Verb::Check(args) => shown_findings(&check(&config).await?, args.output.json),
        Verb::Register(args) => {
            config.schema_registry.url()?;
            shown_registered(&register_all(&config).await?, args.output.json)
        }
    }
}

impl From<SchemasError> for Failure {
    fn from(error: SchemasError) -> Self {
        Self::failed(error.to_string())
    }
}

fn shown_findings(findings: &Findings, as_json: bool) -> Result<(), Failure> {
    let fine = findings.problems.is_empty();
    if as_json {
        print_json(&json!({"compatible": fine, "problems": findings.problems, "notes": findings.notes}))?;
    } else {
        print(&sentences(findings))?;
    }
    if fine { Ok(()) } else { Err(Failure::Reported) }
}

fn sentences(findings: &Findings) -> String {
    let problems = findings.problems.iter().map(|problem| format!("problem: {problem}"));
    let mut lines: Vec<String> = problems.chain(findings.notes.iter().map(|note| format!("note: {note}"))).collect();
    if findings.problems.is_empty() {
        lines.push("foldback can read every schema".to_owned());
    }
    lines.join("\n")
}

fn shown_registered(registered: &[Registered], as_json: bool) -> Result<(), Failure> {
    if as_json {
        let entry = |one: &Registered| json!({"subject": one.subject, "id": one.id});
        return print_json(&registered.iter().map(entry).collect::<Vec<_>>());
    }
    let line = |one: &Registered| format!("{} has the id {}", one.subject, one.id);
    print(&registered.iter().map(line).collect::<Vec<_>>().join("\n"))
}
