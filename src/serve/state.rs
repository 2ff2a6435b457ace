//! What every request shares.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::observe::health::Readiness;

use super::tokens::Tokens;
use super::views::Views;

/// Bounds of the server.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    pub request_timeout: Duration,
    /// How long one export may stream.
    pub export_timeout: Duration,
    pub export_rows_max: u64,
    /// Requests in work at a time; further ones are answered 503.
    pub requests_max: usize,
    /// Open connections; for a further one, the oldest idle one is closed.
    pub connections_max: usize,
    /// How long a client may take to send the head of its next request.
    pub header_timeout: Duration,
    /// `None`: everybody is answered.
    pub tokens: Option<Tokens>,
}

impl Default for HttpSettings {
    fn default() -> HttpSettings {
        HttpSettings {
            request_timeout: Duration::from_secs(10),
            export_timeout: Duration::from_secs(600),
            export_rows_max: 1_000_000,
            requests_max: 256,
            connections_max: 512,
            header_timeout: Duration::from_secs(10),
            tokens: None,
        }
    }
}

/// An export holds a connection to the database for as long as it streams.
const EXPORTS_MAX: usize = 2;

/// Clones share everything.
#[derive(Clone)]
pub struct App {
    pub(super) views: Arc<dyn Views>,
    pub(super) readiness: Readiness,
    pub(super) render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub(super) settings: Arc<HttpSettings>,
    pub(super) requests: Arc<Semaphore>,
    pub(super) exports: Arc<Semaphore>,
}

impl App {
    /// `render_metrics` gives the text of /metrics.
    pub fn new(
        views: Arc<dyn Views>,
        readiness: Readiness,
        render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
        settings: HttpSettings,
    ) -> App {
        let requests = Arc::new(Semaphore::new(settings.requests_max));
        let exports = Arc::new(Semaphore::new(EXPORTS_MAX));
        App { views, readiness, render_metrics, settings: Arc::new(settings), requests, exports }
    }
}
