//! Where clients get tokens: the token endpoint of an OpenID provider, over TLS.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{Issued, acceptor};

pub(super) const CLIENT: &str = "foldback";
pub(super) const CLIENT_SECRET: &str = "S3CR3T-of-oidc";

/// Gives a token to whom knows the client's secret. Dropping it closes its port.
pub(super) struct TokenServer {
    port: u16,
    serving: JoinHandle<()>,
}

impl TokenServer {
    pub(super) async fn start(issued: &Issued) -> Self {
        let acceptor = acceptor(issued);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut client = acceptor.accept(client).await?;
                    let request = head(&mut client).await?;
                    client.write_all(answer(&request).as_bytes()).await?;
                    client.shutdown().await
                });
            }
        });
        Self { port, serving }
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}/token", self.port)
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What comes before the body, which holds nothing that matters here.
async fn head(client: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut some = [0; 4096];
        match client.read(&mut some).await? {
            0 => break,
            count => bytes.extend_from_slice(&some[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn answer(request: &str) -> String {
    let known = base64::prelude::BASE64_STANDARD.encode(format!("{CLIENT}:{CLIENT_SECRET}"));
    let (status, body) = match request.contains(&format!("Basic {known}")) {
        true => ("200 OK", json!({"access_token": token(), "token_type": "Bearer", "expires_in": 300})),
        false => ("401 Unauthorized", json!({"error": "invalid_client", "error_description": "who are you"})),
    };
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Unsigned: the broker of these tests asks for no signature.
fn token() -> String {
    let now = chrono::Utc::now().timestamp();
    let encode = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"sub": CLIENT, "iat": now, "exp": now + 300, "scope": "kafka"});
    format!("{}.{}.", encode(json!({"alg": "none", "typ": "JWT"})), encode(claims))
}
