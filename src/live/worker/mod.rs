//! Workers: one consumer on a thread of its own deals its partitions to them. Each has a queue, and a writing task with one
//! connection.

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

use std::sync::{Arc, mpsc};
use std::time::Duration;

use rdkafka::error::KafkaError;
use tokio_util::sync::CancellationToken;

use crate::codec::Decoder;
use crate::log::{Control, Reader, ReaderEnded};
use crate::registry::Resolver;
use decode::EventDecoder;
use writer::WriterTask;

/// Starts a reader for `count` workers. What is returned writes, one future a worker, and is to be spawned: each ends,
/// everything written or let go, some time after `stop`, or with an error when the reader dies.
pub fn start(
    settings: &WorkerSettings,
    count: usize,
    decoder: Decoder,
    resolver: Resolver,
    stop: &CancellationToken,
) -> Result<Vec<impl Future<Output = Result<(), ReaderEnded>> + Send + 'static>, KafkaError> {
    let (deliveries, queues): (Vec<_>, Vec<_>) = (0..count).map(|_| tokio::sync::mpsc::unbounded_channel()).unzip();
    let decoder = EventDecoder::new(decoder, resolver).refusing(settings.refused.clone());
    let readers = Reader::start_for(settings.reader.clone(), settings.readiness.clone(), decoder, deliveries)?;
    let give_up = CancellationToken::new();
    if let Some(reader) = readers.first() {
        settings.progress.watch(reader.watch.clone());
        let controls = reader.controls.clone();
        tokio::spawn(stopping(controls, settings.drain_timeout, stop.clone(), give_up.clone()));
    }
    let worker = |(reader, queue)| {
        let settings = WorkerSettings { readiness: settings.readiness.source(), ..settings.clone() };
        WriterTask::new(Arc::new(settings), reader, give_up.clone()).run(queue)
    };
    Ok(readers.into_iter().zip(queues).map(worker).collect())
}

/// Stops the reader, and has the writers give up once they have had their time.
async fn stopping(
    controls: mpsc::Sender<Control>,
    drain_timeout: Duration,
    stop: CancellationToken,
    give_up: CancellationToken,
) {
    stop.cancelled().await;
    // A reader that has ended needs to be told nothing.
    let _ = controls.send(Control::Stop);
    tokio::time::sleep(drain_timeout).await;
    give_up.cancel();
}
