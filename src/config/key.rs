//! Definition of a configuration key.

use std::fmt;

use super::http_tokens;

/// A setting: `section.name`, its default, its limits, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub preset: Preset,
    /// What it does, in sentences for the documentation.
    pub doc: &'static str,
}

/// Which values a key accepts.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text of 1 to `chars_max` characters.
    Text {
        chars_max: usize,
    },
    /// A topic name that Kafka allows.
    Topic,
    /// `host:port`, or several separated by commas.
    Brokers,
    /// `ip:port` to listen on.
    Listen,
    /// A URL with one of these schemes; it may contain a password.
    Url {
        schemes: &'static [&'static str],
    },
    /// Tokens for HTTP, one per line.
    Tokens,
    /// A whole number; `unit` is a plural such as `milliseconds`.
    Number {
        min: u64,
        max: u64,
        unit: &'static str,
    },
    Choice {
        options: &'static [&'static str],
    },
    /// A table of librdkafka settings.
    Properties,
}

/// The value of a key that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    Text(&'static str),
    Number(u64),
    /// The number of cores, up to `max`.
    Cores {
        max: u64,
    },
    Unset,
}

impl Key {
    /// A duration in milliseconds.
    pub(super) const fn millis(name: &'static str, preset: u64, min: u64, max: u64, doc: &'static str) -> Self {
        Self::number(name, preset, min, max, "milliseconds", doc)
    }

    pub(super) const fn number(
        name: &'static str,
        preset: u64,
        min: u64,
        max: u64,
        unit: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Number { min, max, unit }, preset: Preset::Number(preset), doc }
    }

    pub(super) const fn text(name: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Self {
        Self { name, kind, preset, doc }
    }

    /// Whether its value must not appear in a log, an error or `config show`.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Url { .. } | Kind::Tokens)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("FOLDBACK__{}", self.name.replace('.', "__").to_uppercase())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { chars_max } => write!(f, "text of 1 to {chars_max} characters"),
            Self::Topic => f.write_str("a topic name: 1 to 249 letters, digits, '.', '_' or '-'"),
            Self::Brokers => f.write_str("host:port, or several separated by commas"),
            Self::Listen => f.write_str("an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080"),
            Self::Url { schemes } => write!(f, "a URL that starts with {}", or(schemes)),
            Self::Tokens => f.write_str(&http_tokens::form()),
            Self::Number { min, max, unit } => write!(f, "a whole number of {unit} from {min} to {max}"),
            Self::Choice { options } => write!(f, "one of {}", options.join(", ")),
            Self::Properties => f.write_str("a table of librdkafka settings, each a string, a number or a boolean"),
        }
    }
}

fn or(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(" or ")
}

impl Kind {
    /// Whether the text is a valid value.
    pub(super) fn takes(&self, text: &str) -> bool {
        match self {
            Self::Text { chars_max } => (1..=*chars_max).contains(&text.chars().count()),
            Self::Topic => {
                (1..=249).contains(&text.len()) && text.chars().all(is_of_topic) && !text.trim_matches('.').is_empty()
            }
            Self::Brokers => text.split(',').all(|broker| is_broker(broker.trim())),
            Self::Listen => text.parse::<std::net::SocketAddr>().is_ok(),
            Self::Url { schemes } => schemes.iter().any(|scheme| has_scheme(text, scheme)),
            Self::Tokens => http_tokens::parse(text).is_some(),
            Self::Choice { options } => options.contains(&text),
            Self::Number { .. } | Self::Properties => false,
        }
    }
}

fn is_of_topic(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-')
}

fn is_broker(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((host, port)) => !host.is_empty() && !host.contains(['/', '@']) && port.parse::<u16>().is_ok(),
        None => false,
    }
}

fn has_scheme(text: &str, scheme: &str) -> bool {
    text.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).is_some_and(|rest| !rest.is_empty())
}
