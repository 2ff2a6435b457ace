//! `foldback doctor`

use crate::doctor::{Finding, Verdict, examine};

use super::Failure;
use super::context::{Context, check_kafka};
use super::output::{Output, plain, print, print_json};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    check_kafka(&config)?;
    let findings = examine(&config).await;
    if args.output.json {
        print_json(&findings)?;
    } else {
        print(&findings.iter().map(line).collect::<String>())?;
    }
    let allowed = if args.strict { Verdict::Ok } else { Verdict::Warn };
    let has_failed = findings.iter().any(|finding| finding.verdict > allowed);
    if has_failed { Err(Failure::Reported) } else { Ok(()) }
}

fn line(finding: &Finding) -> String {
    let remedy = finding.remedy.as_ref().map(|remedy| format!("\n      -> {remedy}")).unwrap_or_default();
    let seen = plain(&finding.seen, 400);
    format!("{:4}  {} {}: {seen}{remedy}\n", finding.verdict.as_str(), finding.part, finding.check)
}
