//! librdkafka's own lines. It repeats itself, twice a second and in every client, while something is wrong.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tracing::{debug, warn};

use super::trouble::{Trouble, is_about_token};

/// How often the same line is written, whichever clients say it.
const REPEAT_EVERY: Duration = Duration::from_secs(60);
/// Numbers in a line (times, counts) don't make it another one; nor does what comes after so many characters.
const KEY_CHARS_MAX: usize = 120;
/// More different lines than this are forgotten, and so may be repeated early.
const KEYS_MAX: usize = 500;

/// What librdkafka files a failed connection under.
pub const CONNECTION_FAILED: &str = "FAIL";

static LINES: LazyLock<Mutex<Lines>> = LazyLock::new(Mutex::default);

/// Lines that were written a short while ago, and how often each was held back since.
#[derive(Default)]
struct Lines(HashMap<String, (Instant, u64)>);

impl Lines {
    /// `None`: it was written a short while ago. Otherwise how often it was held back since.
    fn admit(&mut self, line: &str, now: Instant) -> Option<u64> {
        let key: String = line.chars().filter(|char| !char.is_ascii_digit()).take(KEY_CHARS_MAX).collect();
        if let Some((written, held_back)) = self.0.get_mut(&key)
            && now.saturating_duration_since(*written) < REPEAT_EVERY
        {
            *held_back += 1;
            return None;
        }
        if self.0.len() >= KEYS_MAX {
            self.0.clear();
        }
        Some(self.0.insert(key, (now, 0)).map_or(0, |(_, held_back)| held_back))
    }
}

/// Logs a line of librdkafka's.
pub fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    // Group offsets are only for lag tools, and can't be committed during a rebalance.
    let is_harmless = facility == "COMMITFAIL";
    match level {
        RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
            debug!(facility, "librdkafka: {message}");
        }
        _ if is_harmless => debug!(facility, "librdkafka: {message}"),
        _ => warn_sometimes(&format!("librdkafka: {facility}: {message}")),
    }
}

/// Logs an error of a client's.
pub fn log_error(error: &KafkaError, reason: &str) {
    warn_sometimes(&format!("Kafka: {reason} ({error})"));
}

fn warn_sometimes(line: &str) {
    let admitted = LINES.lock().unwrap_or_else(PoisonError::into_inner).admit(line, Instant::now());
    match admitted {
        Some(0) => warn!("{line}"),
        Some(held_back) => warn!(held_back, "{line}"),
        None => debug!("{line}"),
    }
}

/// The context of a client whose errors are told by whoever asks it: its lines are logged, and repeated rarely. Clones
/// share what was heard.
#[derive(Debug, Clone, Default)]
pub struct AskingContext {
    heard: Arc<Mutex<Option<Trouble>>>,
}

/// An error of a client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub what: String,
    /// What to do, where the cause is known.
    pub remedy: Option<&'static str>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl AskingContext {
    /// An error, with what a broker's connection failed with last: the error itself is often a bare time-out.
    pub fn told(&self, error: &KafkaError) -> Told {
        match &*self.heard.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(trouble) => Told { what: format!("{error}: {}", trouble.words), remedy: trouble.remedy },
            None => Told { what: error.to_string(), remedy: None },
        }
    }

    /// That there is no token to log in with: an error for a consumer, a line for an admin client.
    fn hear_of_token(&self, words: &str) {
        if is_about_token(words) {
            self.hear(Trouble::new(words));
        }
    }

    fn hear(&self, trouble: Trouble) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }
}

/// librdkafka begins with the thread, `[thrd:host:port/1]: `, and the broker, `host:port/1: `. Brokers that were not
/// configured have a number, or are the group's coordinator: another one has named them.
fn words_of_broker(message: &str) -> Trouble {
    let words = without_thread(message);
    let trouble = Trouble::new(words);
    if trouble.remedy.is_some() || words.split_once(": ").is_some_and(|(broker, _)| broker.ends_with("/bootstrap")) {
        return trouble;
    }
    Trouble {
        remedy: Some("brokers advertise that address (advertised.listeners): it must be reachable from here"),
        ..trouble
    }
}

/// A line of librdkafka's about a broker, as its errors have it.
pub fn without_thread(message: &str) -> &str {
    let thread = message.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: "));
    thread.map_or(message, |(_, words)| words)
}

impl ClientContext for AskingContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == CONNECTION_FAILED {
            self.hear(words_of_broker(message));
        }
        self.hear_of_token(without_thread(message));
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.hear_of_token(reason);
        log_error(&error, reason);
    }
}

impl ConsumerContext for AskingContext {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_is_told_with_what_the_connection_failed_with() {
        let context = AskingContext::default();
        let error = KafkaError::MetadataFetch(rdkafka::error::RDKafkaErrorCode::OperationTimedOut);
        assert_eq!(context.told(&error).to_string(), error.to_string());
        let log = |line: &str| context.log(RDKafkaLogLevel::Error, "FAIL", line);
        log("[thrd:k:1/bootstrap]: k:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms)");
        let told = context.told(&error).to_string();
        assert!(told.contains(": k:1/bootstrap: Connect to") && !told.contains("advertise"), "{told}");
        log("[thrd:kafka.invalid:9092/1]: kafka.invalid:9092/1: Failed to resolve 'kafka.invalid:9092'");
        let told = context.told(&error).to_string();
        assert!(
            told.contains("resolve 'kafka.invalid:9092'; brokers advertise") && told.contains("advertised.listeners")
        );
        context.log(RDKafkaLogLevel::Warning, "GETSUBSCRIPTIONS", "another line");
        assert_eq!(context.told(&error).to_string(), told, "only connections");
    }

    #[test]
    fn a_line_is_repeated_once_a_minute_whatever_its_numbers() {
        let mut lines = Lines::default();
        let start = Instant::now();
        assert_eq!(lines.admit("1/1 brokers are down after 3 ms", start), Some(0));
        assert_eq!(lines.admit("1/1 brokers are down after 17 ms", start + Duration::from_secs(1)), None);
        assert_eq!(lines.admit("2/2 brokers are down after 4 ms", start + Duration::from_secs(59)), None);
        assert_eq!(lines.admit("another line", start + Duration::from_secs(59)), Some(0));
        assert_eq!(lines.admit("1/1 brokers are down after 5 ms", start + Duration::from_secs(61)), Some(2));
    }
}
