//! `foldback backlog`

use serde_json::{Value, json};

use crate::domain::views::backlog::{Backlog, ProviderBacklog};

use super::Failure;
use super::context::Context;
use super::output::{Output, or_dash, plain, print, print_json, table};
use super::read::from_snapshot;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    let providers = from_snapshot(&config, async |snapshot| {
        let as_of = snapshot.as_of;
        snapshot.view().backlog(as_of).await
    });
    let providers = providers.await?;
    if args.output.json { print_json(&as_json(&providers)) } else { print(&as_text(&providers)) }
}

fn as_json(providers: &[ProviderBacklog]) -> Value {
    let total = Backlog::total(providers);
    let by_provider: Vec<Value> = providers.iter().map(provider_json).collect();
    json!({
        "scheduledBacklog": total.scheduled_backlog,
        "nextScheduledAt": total.next_scheduled_at,
        "overdue": total.overdue,
        "byProvider": by_provider,
    })
}

fn provider_json(provider: &ProviderBacklog) -> Value {
    let backlog = &provider.backlog;
    json!({
        "providerId": provider.provider_id,
        "scheduledBacklog": backlog.scheduled_backlog,
        "nextScheduledAt": backlog.next_scheduled_at,
        "overdue": backlog.overdue,
    })
}

fn as_text(providers: &[ProviderBacklog]) -> String {
    let head = ["PROVIDER", "SCHEDULED", "OVERDUE", "NEXT"].map(str::to_owned).to_vec();
    let rows = providers.iter().map(|provider| row(provider.label(), &provider.backlog));
    let total = row("(all)", &Backlog::total(providers));
    table(&std::iter::once(head).chain(rows).chain([total]).collect::<Vec<_>>())
}

fn row(label: &str, backlog: &Backlog) -> Vec<String> {
    vec![
        plain(label, 64),
        backlog.scheduled_backlog.to_string(),
        backlog.overdue.to_string(),
        or_dash(backlog.next_scheduled_at),
    ]
}
