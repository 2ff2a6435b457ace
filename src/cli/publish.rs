//! `foldback publish`

use std::io::Write;

use tokio_util::sync::CancellationToken;

use crate::domain::timestamp::Timestamp;
use crate::samples::publish::{Fed, FeedSettings, feed};

use super::Failure;
use super::context::{Context, check_kafka};
use super::output::print;
use super::signals::stop_on_signals;

const RATE_MAX: f64 = 1e6;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Events per second (0: as fast as they can be written)
    #[arg(long, value_name = "N", default_value = "50", value_parser = rate)]
    rate: f64,
    /// Number of events (0: until SIGTERM or Ctrl-C)
    #[arg(long, value_name = "N", default_value_t = 1000)]
    count: u64,
    /// Random seed; the same seed, base and rate give the same events
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Time of the first event, such as 2026-11-23T10:00:00Z; without it, the events are recent
    #[arg(long, value_name = "TIME", value_parser = time)]
    base: Option<Timestamp>,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![])?;
    check_kafka(&config)?;
    let Args { rate, count, seed, base } = args;
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let fed = feed(&config, FeedSettings { rate, count, seed, base }, stop, progress).await;
    let Fed { events, runs } = fed.map_err(|error| Failure::failed(error.to_string()))?;
    let kafka = &config.kafka;
    print(&format!("published {events} events ({runs} runs) to {} and {}", kafka.orders_topic, kafka.runs_topic))
}

fn progress(fed: Fed) {
    // Progress that nobody reads is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{} events sent ({} runs)", fed.events, fed.runs);
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=RATE_MAX).contains(rate));
    rate.ok_or_else(|| format!("must be a number from 0 to {RATE_MAX}"))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be a time such as 2026-11-23T10:00:00Z".to_owned())
}
