//! A worker: one consumer on a thread of its own, one queue, one writing task with one connection.

pub mod batch;
pub mod bisect;
pub mod decode;
pub mod displaced;
pub mod fold;
mod owned;
pub mod refusals;
mod report;
mod settings;
pub mod state_cache;
mod writer;

pub use settings::WorkerSettings;

use std::sync::Arc;

use rdkafka::error::KafkaError;
use tokio_util::sync::CancellationToken;

use crate::codec::Decoder;
use crate::log::{Control, Reader, ReaderEnded};
use crate::registry::Resolver;
use decode::EventDecoder;
use writer::WriterTask;

/// Starts a worker's reader. What is returned writes, and is to be spawned: it ends, everything written or let go, some
/// time after `stop`, or with an error when its reader dies.
pub fn start(
    settings: Arc<WorkerSettings>,
    decoder: Decoder,
    resolver: Resolver,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<(), ReaderEnded>> + Send + 'static, KafkaError> {
    let (deliveries, queue) = tokio::sync::mpsc::unbounded_channel();
    let decoder = EventDecoder::new(decoder, resolver).refusing(settings.refused.clone());
    let reader = Reader::start(settings.reader.clone(), settings.readiness.clone(), decoder, deliveries)?;
    settings.progress.watch(reader.watch.clone());
    let controls = reader.controls.clone();
    let give_up = CancellationToken::new();
    let drain_timeout = settings.drain_timeout;
    let writer = WriterTask::new(settings, reader, give_up.clone());
    tokio::spawn(async move {
        stop.cancelled().await;
        // A reader that has ended needs to be told nothing.
        let _ = controls.send(Control::Stop);
        tokio::time::sleep(drain_timeout).await;
        give_up.cancel();
    });
    Ok(writer.run(queue))
}
