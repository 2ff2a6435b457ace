//! The listening server.

use std::future::IntoFuture;
use std::io;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::router::router;
use super::state::App;

/// How long requests in work may go on after `shutdown`.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `shutdown`, then lets requests in work end within five seconds.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> io::Result<()> {
    let drained = shutdown.clone().cancelled_owned();
    let server = axum::serve(listener, router(app)).with_graceful_shutdown(drained).into_future();
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = server => served,
        () = deadline => Ok(()),
    }
}
