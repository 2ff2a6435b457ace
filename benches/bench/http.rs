//! Asks foldback over HTTP, on one connection that is kept, and counts until the last byte is there.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Result;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to `foldback run`.
pub struct Http {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Http {
    pub async fn connect(port: u16) -> Result<Http> {
        let host = format!("127.0.0.1:{port}");
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        Ok(Http { stream: BufReader::new(stream), host })
    }

    /// The body. Fails unless the answer is 200.
    pub async fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        tokio::time::timeout(TIMEOUT, self.ask(path)).await.map_err(|_| format!("no answer to {path}"))?
    }

    async fn ask(&mut self, path: &str) -> Result<Vec<u8>> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes()).await?;
        let status = self.line().await?;
        let (mut length, mut chunked) = (None, false);
        loop {
            let header = self.line().await?.to_lowercase();
            match header.split_once(':').map(|(name, value)| (name, value.trim())) {
                _ if header.is_empty() => break,
                Some(("content-length", value)) => length = Some(value.parse()?),
                Some(("transfer-encoding", value)) => chunked = value == "chunked",
                _ => {}
            }
        }
        let body = match (chunked, length) {
            (true, _) => self.chunks().await?,
            (false, Some(length)) => self.bytes(length).await?,
            (false, None) => return Err(format!("the answer to {path} has no length").into()),
        };
        if status.split(' ').nth(1) == Some("200") {
            return Ok(body);
        }
        Err(format!("{path}: {status}: {}", String::from_utf8_lossy(&body)).into())
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(self.line().await?.trim(), 16)?;
            body.extend(self.bytes(length).await?);
            self.line().await?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err("foldback closed the connection".into());
        }
        Ok(line.trim_end().to_owned())
    }
}
