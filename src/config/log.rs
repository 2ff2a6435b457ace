//! `[log]`: what to log to standard error.

use super::values::Values;
use super::{ConfigError, Key, Kind, Preset};

const FORMAT: Key = Key::text(
    "log.format",
    Kind::Choice { options: &["text", "json"] },
    Preset::Text("text"),
    "text for people, json (one object per line) for machines.",
);
const LEVEL: Key = Key::text(
    "log.level",
    Kind::Choice { options: &["error", "warn", "info", "debug", "trace"] },
    Preset::Text("info"),
    "Minimum level to log.",
);

pub const KEYS: &[Key] = &[FORMAT, LEVEL];

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// Minimum level of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Settings of the log on standard error.
#[derive(Debug, Clone)]
pub struct Log {
    pub format: Format,
    pub level: Level,
}

impl Log {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let format = match values.text(&FORMAT)?.as_str() {
            "json" => Format::Json,
            _ => Format::Text,
        };
        let level = match values.text(&LEVEL)?.as_str() {
            "error" => Level::Error,
            "warn" => Level::Warn,
            "debug" => Level::Debug,
            "trace" => Level::Trace,
            _ => Level::Info,
        };
        Ok(Self { format, level })
    }
}
