use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// A TCP proxy between foldback and a server: a test takes the server away in one of six ways, and gives it back with
/// [`Proxy::mend`].
pub struct Proxy {
    url: String,
    listen: SocketAddr,
    target: String,
    wire: watch::Sender<Wire>,
    forwarding: Option<JoinHandle<()>>,
}

/// What the proxy does with bytes and connections.
#[derive(Debug, Clone, Copy, Default)]
struct Wire {
    frozen: bool,
    delay: Duration,
    /// Connections made before this many calls of `stall` hang, once they send the words, unless they all were given back.
    stalled: u64,
    words: &'static str,
    given_back: u64,
    /// Connections made before this many calls of `half_open` have lost their server.
    half_opened: u64,
    /// Connections made before this many calls of `lose_answers` get none any more.
    deafened: u64,
    /// Those that lost the server or its answers before this many calls of either are closed.
    closed: u64,
}

impl Wire {
    /// Whether a connection made at a former state must not pass these bytes on.
    fn stalls(&self, made: &Wire, bytes: &[u8]) -> bool {
        let sent =
            || self.words.is_empty() || bytes.windows(self.words.len()).any(|part| part == self.words.as_bytes());
        self.stalled > made.stalled.max(self.given_back) && sent()
    }
}

impl Proxy {
    /// Forwards to the server of `url` (`scheme://[user@]host:port[/path]`, or a bare `host:port`).
    pub async fn to(url: &str) -> Self {
        let target = authority(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listen = listener.local_addr().unwrap();
        let wire = watch::Sender::new(Wire::default());
        let forwarding = Some(tokio::spawn(forward(listener, target.clone(), wire.subscribe())));
        Self { url: url.replacen(&target, &listen.to_string(), 1), listen, target, wire, forwarding }
    }

    /// The same URL, by way of this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// As a server that stops: every connection is closed, and new ones are refused.
    pub async fn cut(&mut self) {
        if let Some(task) = self.forwarding.take() {
            task.abort();
            task.await.unwrap_err();
        }
    }

    /// As a server under load, or far away: whatever is sent arrives this much later, each way.
    pub fn slow(&self, delay: Duration) {
        self.wire.send_modify(|wire| wire.delay = delay);
    }

    /// As a server that hangs: connections stay and new ones are accepted, but no byte passes, no FIN and no RST. What
    /// was sent meanwhile arrives when it is mended.
    pub fn freeze(&self) {
        self.wire.send_modify(|wire| wire.frozen = true);
    }

    /// As a network that lost its way for the connections that there are: no byte of theirs passes, and new ones work. What
    /// was sent meanwhile arrives when it is mended, after what was sent later on new ones.
    pub fn stall(&self) {
        self.stall_at("");
    }

    /// The same for each of the connections that there are from the moment on in which it sends these words.
    pub fn stall_at(&self, words: &'static str) {
        self.wire.send_modify(|wire| (wire.stalled, wire.words) = (wire.stalled + 1, words));
    }

    /// As a server whose machine failed and came back: it has forgotten its connections, foldback has not been told,
    /// and what it sends there gets no answer. New connections work.
    pub fn half_open(&self) {
        self.wire.send_modify(|wire| wire.half_opened += 1);
    }

    /// As a network that fails one way: what foldback has sent and sends on its connections arrives and is done, and no
    /// answer comes back. New connections work.
    pub fn lose_answers(&self) {
        self.wire.send_modify(|wire| wire.deafened += 1);
    }

    /// Gives the server back, at the same port; connections without a server, or without its answers, are closed.
    pub async fn mend(&mut self) {
        self.wire.send_modify(|wire| {
            let Wire { stalled, half_opened, deafened, .. } = *wire;
            let closed = half_opened + deafened;
            *wire = Wire { stalled, given_back: stalled, half_opened, deafened, closed, ..Wire::default() };
        });
        if self.forwarding.is_none() {
            let listener = bind_again(self.listen).await;
            self.forwarding = Some(tokio::spawn(forward(listener, self.target.clone(), self.wire.subscribe())));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.forwarding.take() {
            task.abort();
        }
    }
}

/// Connections live in the task's own set: aborting the task closes the listener and all of them.
async fn forward(listener: TcpListener, target: String, wire: watch::Receiver<Wire>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => { connections.spawn(carry(client, target.clone(), wire.clone())); }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(mut client: TcpStream, target: String, mut wire: watch::Receiver<Wire>) {
    let made = *wire.borrow();
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    // A proxy that waits for acknowledgements would slow each request of several packets down by 40 ms.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut told = wire.clone();
    {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let there = pipe(from_client, to_server, wire.clone(), made);
        let back = pipe(from_server, to_client, wire.clone(), made);
        tokio::select! {
            _ = async { tokio::try_join!(there, back) } => return,
            _ = told.wait_for(|wire| wire.half_opened > made.half_opened || wire.deafened > made.deafened) => {}
        }
    }
    let mends = |wire: &Wire| wire.closed > made.half_opened + made.deafened;
    let is_half_open = wire.borrow().half_opened > made.half_opened;
    if is_half_open {
        drop(server);
        let mut nowhere = sink();
        tokio::select! {
            _ = copy(&mut client, &mut nowhere) => {}
            _ = wire.wait_for(mends) => {}
        }
    } else {
        let ((mut from_client, _to_client), (mut from_server, mut to_server)) = (client.split(), server.split());
        tokio::select! {
            _ = copy(&mut from_client, &mut to_server) => {}
            _ = async { let _ = copy(&mut from_server, &mut sink()).await; std::future::pending::<()>().await } => {}
            _ = wire.wait_for(mends) => {}
        }
    }
}

/// Either side may close at any time, which an error here says: that is what the proxy is for.
async fn pipe(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut wire: watch::Receiver<Wire>,
    made: Wire,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        let delay = wire.borrow().delay;
        if !delay.is_zero() {
            // Even one of nothing takes a tick.
            sleep(delay).await;
        }
        let _ = wire.wait_for(|wire| !wire.frozen && !wire.stalls(&made, &bytes[..count])).await;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&bytes[..count]).await?;
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
