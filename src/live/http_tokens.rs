//! The file of the HTTP tokens, read again, so that a token is replaced without a restart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::config::Secret;
use crate::config::http_tokens::read_again;
use crate::observe::health::{HTTP_TOKEN, Readiness, Severity};
use crate::serve::Tokens;

const READ_EVERY: Duration = Duration::from_secs(5);
/// A file on a file system that doesn't answer.
const READ_MAX: Duration = Duration::from_secs(5);

/// Keeps the tokens those of the file. While the file can't be used, the last ones hold, and `/readyz` says so.
pub struct TokenFile {
    pub path: PathBuf,
    pub tokens: Tokens,
    pub readiness: Readiness,
}

impl TokenFile {
    /// Until `stop`.
    pub async fn watch(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(READ_EVERY);
        let watching = async {
            loop {
                tick.tick().await;
                let found = self.read().await;
                self.take(found);
            }
        };
        stop.run_until_cancelled(watching).await;
    }

    /// A read that hangs is waited for, since another one would hang as well.
    async fn read(&self) -> Result<Vec<Secret>, String> {
        let path = self.path.clone();
        let mut reading = spawn_blocking(move || read_again(&path));
        loop {
            match timeout(READ_MAX, &mut reading).await {
                Ok(read) => return read.unwrap_or_else(|error| Err(format!("cannot be read: {error}"))),
                Err(_) => self.take(Err(format!("has not been read within {} s", READ_MAX.as_secs()))),
            }
        }
    }

    fn take(&self, found: Result<Vec<Secret>, String>) {
        match found {
            Ok(tokens) => {
                let count = tokens.len();
                if self.tokens.replace(tokens) {
                    info!(count, "http.token_file has changed: its tokens hold from now on, and no others");
                }
                self.readiness.clear(HTTP_TOKEN);
            }
            Err(why) => {
                let detail = objection(&self.path, &why);
                self.readiness.raise(HTTP_TOKEN, Severity::Degraded, detail);
            }
        }
    }
}

fn objection(path: &Path, why: &str) -> String {
    format!("http.token_file: the file {} {why}; the tokens that were read before still hold", path.display())
}
