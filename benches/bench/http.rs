//! Asks foldback over HTTP, on one connection that is kept, until the last byte is there.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use rustls::crypto::ring;

use crate::Result;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one `foldback run`, to be asked one thing after the other.
pub struct Http {
    client: reqwest::Client,
    server: String,
}

impl Http {
    pub fn new(port: u16) -> Result<Http> {
        // An error says that somebody has chosen before. There is no TLS, so no certificates are read either.
        let _ = ring::default_provider().install_default();
        let client =
            reqwest::Client::builder().tls_certs_only([]).timeout(TIMEOUT).pool_max_idle_per_host(1).build()?;
        Ok(Http { client, server: format!("http://127.0.0.1:{port}") })
    }

    /// The body. Fails unless the answer is 200.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        let response = self.client.get(format!("{}{path}", self.server)).send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        if status == StatusCode::OK {
            return Ok(body);
        }
        Err(format!("{path}: {status}: {}", String::from_utf8_lossy(&body)).into())
    }
}
