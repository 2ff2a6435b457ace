//! The listening server: HTTP/1.1, with limits on connections, on the time a client takes to ask, and on how long it may
//! leave an answer unread.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::connections::{Connections, Slot};
use super::router::router;
use super::state::App;

/// How long requests in work may go on after `shutdown`.
const DRAIN: Duration = Duration::from_secs(5);
/// Before accepting again when the process or the machine has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// Serves until `shutdown`, then lets requests in work end within five seconds.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> io::Result<()> {
    let mut acceptor =
        Acceptor { listener, connections: Connections::new(app.settings.connections_max), failing: false };
    let (header_timeout, unread_timeout) = (app.settings.header_timeout, app.settings.request_timeout);
    let router = router(app);
    let graceful = GracefulShutdown::new();
    while let Some((stream, slot)) = shutdown.run_until_cancelled(acceptor.accept()).await {
        set_limits(&stream, unread_timeout);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Counts from the end of the last response too, so it bounds how long a connection is kept for nothing.
            .header_read_timeout(header_timeout)
            .serve_connection(TokioIo::new(stream), answering(router.clone(), &slot));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended { debug!(%error, "an HTTP connection ended") },
                () = slot.evicted() => debug!("closed an idle HTTP connection to make room for another"),
            }
        });
    }
    drop(acceptor);
    // What is unfinished by then is cut off.
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    Ok(())
}

struct Acceptor {
    listener: TcpListener,
    connections: Connections,
    /// Whether the last attempt failed, so that a lack of descriptors is logged once and not four times a second.
    failing: bool,
}

impl Acceptor {
    /// The next connection that there is room for.
    async fn accept(&mut self) -> (TcpStream, Slot) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if std::mem::take(&mut self.failing) {
                        info!("HTTP connections are accepted again");
                    }
                    match self.connections.enter() {
                        Some(slot) => return (stream, slot),
                        None => debug!("every HTTP connection is busy (http.connections_max): closing a new one"),
                    }
                }
                // The client has gone.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        warn!(%error, "HTTP connections can't be accepted; retrying. Check the limit of open files");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Answers the requests of one connection, which counts as busy until a response has been sent whole.
fn answering(
    router: Router,
    slot: &Slot,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Send + use<> {
    let (router, requests) = (TowerToHyperService::new(router), slot.requests());
    service_fn(move |request| {
        let in_progress = requests.begin();
        let answer = router.call(request);
        async move { Ok(answer.await?.map(|body| in_progress.hold(body))) }
    })
}

/// A client that does not take what it has asked for is closed by the kernel. Fails only on systems without this option,
/// where `connections_max` still bounds the harm.
fn set_limits(stream: &TcpStream, unread_timeout: Duration) {
    let millis = u32::try_from(unread_timeout.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, millis) {
        debug!(%error, "TCP_USER_TIMEOUT can't be set");
    }
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY can't be set");
    }
}
