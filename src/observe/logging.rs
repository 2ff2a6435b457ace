//! Logs to standard error, through `tracing`.
//!
//! Field names are the same everywhere: `topic`, `partition`, `offset`, `key` (of a record), `worker`, `generation`,
//! `error`. librdkafka's own lines have the target `librdkafka` or `rdkafka::client`. No field contains a secret or the
//! payload of a record.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::terminal;
use crate::config::log::{Format, Level, Log};

/// Starts logging for this process. A second call changes nothing.
pub fn init(log: &Log) {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match log.format {
        Format::Text => lines.with_ansi(terminal::is_colored()).boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    // Fails only if a logger is already set, which then stays.
    let _ = tracing_subscriber::registry().with(lines).with(targets(log.level)).try_init();
}

/// Unless the level is `debug` or lower, libraries log only problems: their `info` is noise to an operator.
fn targets(level: Level) -> Targets {
    let ours = filter(level);
    let theirs = if ours >= LevelFilter::DEBUG { ours } else { ours.min(LevelFilter::WARN) };
    Targets::new().with_default(theirs).with_target("foldback", ours)
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level as Severity;

    #[test]
    fn libraries_are_quieter_than_we_are() {
        let targets = targets(Level::Info);
        assert!(targets.would_enable("foldback::any", &Severity::INFO));
        assert!(!targets.would_enable("foldback::any", &Severity::DEBUG));
        assert!(targets.would_enable("librdkafka", &Severity::WARN));
        assert!(!targets.would_enable("librdkafka", &Severity::INFO));
    }

    #[test]
    fn debug_opens_the_libraries_too() {
        assert!(super::targets(Level::Debug).would_enable("librdkafka", &Severity::DEBUG));
        assert!(!super::targets(Level::Error).would_enable("librdkafka", &Severity::WARN));
    }
}
