//! Loads the registry's schemas into the decoder's cache, however long the registry is unavailable.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use crate::domain::log::rejection::{Reason, Rejection};

use super::client::{RegistryClient, RegistryError, RegistrySettings, RegistrySetupError};
use crate::codec::{Decoder, Entry, Prepared};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// How long "unknown" is cached, so that a schema that is registered later is found.
const UNKNOWN_FOR: Duration = Duration::from_secs(300);

/// The registry is needed, but unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryOutage {
    pub since: SystemTime,
    pub last_error: String,
}

/// What decoding the record again will give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    Ready,
    Refused(Rejection),
}

/// Cheap to clone; all clones share the health.
#[derive(Debug, Clone)]
pub struct Registry {
    client: RegistryClient,
    decoder: Decoder,
    unknown_after: Duration,
    retry_max: Duration,
    health: Arc<watch::Sender<Option<RegistryOutage>>>,
    waiting: Arc<Mutex<usize>>,
    /// Ids of which the registry has said for long enough, to another fold of this log, that it doesn't know them.
    unknown_before: Arc<Mutex<HashSet<u32>>>,
}

impl Registry {
    pub fn new(settings: &RegistrySettings, decoder: Decoder) -> Result<Registry, RegistrySetupError> {
        Ok(Registry {
            client: RegistryClient::new(settings)?,
            decoder,
            unknown_after: Duration::from_millis(settings.unknown_after_ms),
            retry_max: Duration::from_millis(settings.retry_max_ms),
            health: Arc::new(watch::Sender::new(None)),
            waiting: Arc::default(),
            unknown_before: Arc::default(),
        })
    }

    pub fn client(&self) -> &RegistryClient {
        &self.client
    }

    /// `None` while nothing waits for the registry.
    pub fn health(&self) -> watch::Receiver<Option<RegistryOutage>> {
        self.health.subscribe()
    }

    /// Takes the registry's word at once where it says again that it doesn't know one of these ids.
    pub fn unknown_before(&self, ids: impl IntoIterator<Item = u32>) {
        self.unknown_before.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }

    fn unknown_after(&self, id: u32) -> Duration {
        let is_known_unknown = self.unknown_before.lock().unwrap_or_else(PoisonError::into_inner).contains(&id);
        if is_known_unknown { Duration::ZERO } else { self.unknown_after }
    }

    /// Returns when the decoder knows what to do with records of this schema, waiting forever if need be. Drop the
    /// future to give up.
    pub async fn resolve(&self, id: u32) -> Resolution {
        let _waiting = Waiting::begin(self);
        let mut unknown_since = None;
        let mut backoff = BACKOFF_MIN;
        loop {
            if let Some(entry) = self.decoder.cache().get(id) {
                return resolution(&entry);
            }
            let mut pause = jittered(backoff);
            match self.entry(id).await {
                Ok(entry) => return self.keep(id, entry, None),
                Err(RegistryError::NotFound(_)) => {
                    self.health.send_replace(None);
                    let since = *unknown_since.get_or_insert_with(Instant::now);
                    let left = self.unknown_after(id).saturating_sub(since.elapsed());
                    if left.is_zero() {
                        return self.keep(id, self.unknown(id), Some(Instant::now() + UNKNOWN_FOR));
                    }
                    pause = pause.min(left);
                }
                Err(error) => {
                    // Only an uninterrupted series of the registry's own answers counts.
                    unknown_since = None;
                    self.report(&error);
                }
            }
            tokio::time::sleep(pause).await;
            backoff = (backoff * 2).min(self.retry_max);
        }
    }

    /// What the registry's answer makes of the schema. Its references are fetched before anything is said of it.
    async fn entry(&self, id: u32) -> Result<Entry, RegistryError> {
        let schema = self.client.schema(id).await?;
        let kind = schema.schema_type.as_deref().unwrap_or("AVRO");
        if kind != "AVRO" {
            return Ok(incompatible(format!("schema id {id} of the registry is {kind}, not Avro")));
        }
        let unreadable =
            |problem: String| Ok(incompatible(format!("schema id {id} of the registry cannot be parsed: {problem}")));
        let referenced = match self.client.referenced(&schema).await {
            Err(error @ RegistryError::TooManyReferences(_)) => return unreadable(error.to_string()),
            referenced => referenced?,
        };
        match Prepared::parse(&schema.schema, &referenced, self.decoder.readers()) {
            Ok(prepared) => Ok(Entry::Ready(Arc::new(prepared))),
            Err(error) => unreadable(error.to_string()),
        }
    }

    fn unknown(&self, id: u32) -> Entry {
        let detail = format!("the schema registry {} does not know schema id {id}", self.client.shown_url());
        Entry::Refused(Rejection::new(Reason::SchemaUnknown, detail))
    }

    fn keep(&self, id: u32, entry: Entry, expires: Option<Instant>) -> Resolution {
        self.health.send_replace(None);
        let resolution = resolution(&entry);
        self.decoder.cache().put(id, entry, expires);
        resolution
    }

    fn report(&self, error: &RegistryError) {
        let last_error = error.to_string();
        tracing::warn!(error = %last_error, "waiting for the schema registry");
        self.health.send_modify(|health| {
            let since = health.as_ref().map_or_else(SystemTime::now, |outage| outage.since);
            *health = Some(RegistryOutage { since, last_error });
        });
    }
}

fn resolution(entry: &Entry) -> Resolution {
    match entry {
        Entry::Ready(_) => Resolution::Ready,
        Entry::Refused(rejection) => Resolution::Refused(rejection.clone()),
    }
}

fn incompatible(detail: String) -> Entry {
    Entry::Refused(Rejection::new(Reason::SchemaIncompatible, detail))
}

/// Between half of the backoff and all of it, so that many instances don't retry at the same moment.
fn jittered(backoff: Duration) -> Duration {
    backoff.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

/// The last one to stop waiting clears the outage, since it no longer blocks anything.
struct Waiting<'r>(&'r Registry);

impl<'r> Waiting<'r> {
    fn begin(registry: &'r Registry) -> Waiting<'r> {
        *registry.waiting.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Waiting(registry)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting -= 1;
        if *waiting == 0 {
            self.0.health.send_replace(None);
        }
    }
}
