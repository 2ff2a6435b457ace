//! A /metrics that says what a test wants it to say.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub struct FakeMetrics {
    pub url: String,
    serving: JoinHandle<()>,
}

impl FakeMetrics {
    /// Answers every request with this text.
    pub async fn serve(text: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
        );
        let serving = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    // one read holds the whole of so short a request; a client may go away
                    let _ = client.read(&mut [0; 4096]).await;
                    let _ = client.write_all(answer.as_bytes()).await;
                    let _ = client.shutdown().await;
                });
            }
        });
        Self { url, serving }
    }
}

impl Drop for FakeMetrics {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
