//! `[http]`: API, health, metrics and page.

use std::net::SocketAddr;
use std::time::Duration;

use super::http_tokens::HttpTokens;
use super::values::Values;
use super::{ConfigError, Key, Kind, Preset};

const LISTEN: Key = Key::text(
    "http.listen",
    Kind::Listen,
    Preset::Text("127.0.0.1:8080"),
    "Address to listen on. The default is reachable from this machine only, 0.0.0.0:8080 from everywhere. Without \
     http.token, whoever reaches it reads everything.",
);
const TOKEN: Key = Key::text(
    "http.token",
    Kind::Tokens,
    Preset::Unset,
    "What a client must send as `Authorization: Bearer TOKEN` for every path but /livez and /readyz. Any of several \
     tokens holds, so that they can be rotated: the file named by http.token_file is read again when it changes. Without \
     a token there is no authentication.",
);
const REQUEST_TIMEOUT_MS: Key = Key::millis(
    "http.request_timeout_ms",
    10_000,
    100,
    600_000,
    "Maximum time for a response, and for its statements in Postgres. Exports have http.export_timeout_ms instead.",
);
const EXPORT_TIMEOUT_MS: Key =
    Key::millis("http.export_timeout_ms", 600_000, 1_000, 86_400_000, "Maximum duration of one export.");
const EXPORT_ROWS_MAX: Key =
    Key::number("http.export_rows_max", 1_000_000, 1, 1_000_000_000, "rows", "Maximum rows in one export.");
const REQUESTS_MAX: Key =
    Key::number("http.requests_max", 256, 1, 100_000, "requests", "Maximum concurrent requests. Any more get a 503.");
const CONNECTIONS_MAX: Key = Key::number(
    "http.connections_max",
    512,
    16,
    100_000,
    "connections",
    "Maximum open connections. For a further one, the oldest that has no request in progress is closed. Keep it well \
     below the process's limit of open files: Kafka, Postgres and Redis need some too.",
);
const HEADER_TIMEOUT_MS: Key = Key::millis(
    "http.header_timeout_ms",
    10_000,
    100,
    600_000,
    "Maximum time for a client to send the head of its next request; then its connection is closed.",
);
const RESPONSE_BYTES_MAX: Key = Key::number(
    "http.response_bytes_max",
    16 * 1024 * 1024,
    1024,
    1024 * 1024 * 1024,
    "bytes",
    "How much the lists of one response may hold. A list ends early with the entry that reaches it, and says so. Exports \
     are streamed instead.",
);

pub const KEYS: &[Key] = &[
    LISTEN,
    TOKEN,
    REQUEST_TIMEOUT_MS,
    EXPORT_TIMEOUT_MS,
    EXPORT_ROWS_MAX,
    REQUESTS_MAX,
    CONNECTIONS_MAX,
    HEADER_TIMEOUT_MS,
    RESPONSE_BYTES_MAX,
];

/// Address and limits of the HTTP server.
#[derive(Debug, Clone)]
pub struct Http {
    pub listen: SocketAddr,
    /// `None`: everybody is answered.
    pub tokens: Option<HttpTokens>,
    pub request_timeout: Duration,
    pub export_timeout: Duration,
    pub export_rows_max: u64,
    pub requests_max: usize,
    pub connections_max: usize,
    pub header_timeout: Duration,
    pub response_bytes_max: u64,
}

impl Http {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: values.listen(&LISTEN)?,
            tokens: values.tokens(&TOKEN)?,
            request_timeout: values.millis(&REQUEST_TIMEOUT_MS)?,
            export_timeout: values.millis(&EXPORT_TIMEOUT_MS)?,
            export_rows_max: values.number(&EXPORT_ROWS_MAX)?,
            requests_max: values.size(&REQUESTS_MAX)?,
            connections_max: values.size(&CONNECTIONS_MAX)?,
            header_timeout: values.millis(&HEADER_TIMEOUT_MS)?,
            response_bytes_max: values.number(&RESPONSE_BYTES_MAX)?,
        })
    }
}
