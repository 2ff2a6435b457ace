//! All runs as CSV or JSON lines, streamed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::domain::runs::run::Run;
use crate::domain::views::rows::RunFilter;

use super::answers::export_row::{self, ExportedRun, Format};
use super::problem::Problem;
use super::queries::ExportQuery;
use super::query::Parameters;
use super::refusals::Refusals;
use super::state::App;
use super::views::RunStream;

/// Rows that wait for a slow client.
const QUEUE_ROWS: usize = 16;

/// All runs, newest first, streamed.
#[utoipa::path(get, path = "/api/v1/fulfillment/providers/automation/runs/export", params(ExportQuery), responses(
    (status = 200, description = "The runs. An export that fails midway ends in an aborted transfer, never in one that \
        looks complete.", content(
        (String = "text/csv"),
        (ExportedRun = "application/x-ndjson"),
    )),
    Refusals,
))]
pub async fn export(State(app): State<App>, parameters: Parameters) -> Result<Response, Problem> {
    let ExportQuery { format, r#type, from, to } = ExportQuery::read(parameters)?;
    let filter = RunFilter { run_type: r#type, from, to };
    let permit = permit(&app.exports)?;
    let runs = app.views.export(filter).await?;
    let (sender, receiver) = mpsc::channel(QUEUE_ROWS);
    let pump = pump(runs, format, sender, app.settings.export_rows_max, permit);
    tokio::spawn(bounded(app.settings.export_timeout, pump));
    let name = format!("attachment; filename=\"automation-runs.{}\"", format.extension());
    let headers = [(header::CONTENT_TYPE, format.content_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(body(receiver))).into_response())
}

fn permit(exports: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    let busy = |_| Problem::unavailable("Too many exports are running; retry when one has finished.");
    Arc::clone(exports).try_acquire_owned().map_err(busy)
}

/// `End` tells a complete export from one that was cut off.
enum Piece {
    Rows(Bytes),
    End,
}

/// A client that reads too slowly must not hold a snapshot of the database for ever.
async fn bounded(limit: Duration, pump: impl Future<Output = ()>) {
    if timeout(limit, pump).await.is_err() {
        tracing::warn!(limit_s = limit.as_secs(), "an export took too long and was cut off");
    }
}

async fn pump(
    mut runs: RunStream,
    format: Format,
    sender: mpsc::Sender<Piece>,
    rows_max: u64,
    _permit: OwnedSemaphorePermit,
) {
    let mut rows = 0;
    if sender.send(Piece::Rows(export_row::head(format))).await.is_err() {
        return;
    }
    while let Some(run) = runs.next().await {
        rows += 1;
        let piece = match run {
            Ok(_) if rows > rows_max => return tracing::warn!(rows_max, "an export has too many rows and was cut off"),
            Ok(run) => row(format, &run),
            Err(error) => return tracing::error!(%error, "an export was cut off"),
        };
        // The client has gone.
        if sender.send(piece).await.is_err() {
            return;
        }
    }
    // Nobody left to tell if this fails.
    let _ = sender.send(Piece::End).await;
}

fn row(format: Format, run: &Run) -> Piece {
    Piece::Rows(export_row::row(format, run))
}

/// Ends with an error, which breaks the transfer off, unless `End` has come.
fn body(receiver: mpsc::Receiver<Piece>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Rows(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Piece::End) => None,
            None => Some((Err(io::Error::other("the export was cut off")), None)),
        }
    })
}
