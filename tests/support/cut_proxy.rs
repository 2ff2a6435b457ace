use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// A TCP proxy between foldback and a server, so that a test can take the server away and give it back.
pub struct CutProxy {
    url: String,
    listen: SocketAddr,
    target: String,
    forwarding: Option<JoinHandle<()>>,
}

impl CutProxy {
    /// Forwards to the server of `url` (`scheme://[user@]host:port[/path]`, or a bare `host:port`).
    pub async fn to(url: &str) -> Self {
        let target = authority(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listen = listener.local_addr().unwrap();
        let forwarding = Some(tokio::spawn(forward(listener, target.clone())));
        Self { url: url.replacen(&target, &listen.to_string(), 1), listen, target, forwarding }
    }

    /// The same URL, by way of this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes every connection; from now on new ones are refused.
    pub async fn cut(&mut self) {
        if let Some(task) = self.forwarding.take() {
            task.abort();
            task.await.unwrap_err();
        }
    }

    /// Listens on the same port again.
    pub async fn mend(&mut self) {
        if self.forwarding.is_none() {
            let listener = bind_again(self.listen).await;
            self.forwarding = Some(tokio::spawn(forward(listener, self.target.clone())));
        }
    }
}

impl Drop for CutProxy {
    fn drop(&mut self) {
        if let Some(task) = self.forwarding.take() {
            task.abort();
        }
    }
}

/// Connections live in the task's own set: aborting the task closes the listener and all of them.
async fn forward(listener: TcpListener, target: String) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => { connections.spawn(pipe(client, target.clone())); }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn pipe(mut client: TcpStream, target: String) {
    if let Ok(mut server) = TcpStream::connect(target).await {
        // Either side may close at any time: that is what the proxy is for.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

async fn bind_again(listen: SocketAddr) -> TcpListener {
    for _ in 0..100 {
        if let Ok(listener) = TcpListener::bind(listen).await {
            return listener;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("port {listen} of the proxy was taken by someone else");
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}
