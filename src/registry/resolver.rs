//! Resolves schemas that records wait for, beside the pipeline.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tracing::error;

use super::client::{RegistrySettings, RegistrySetupError};
use super::fetch::Registry;
use crate::codec::Decoder;
use crate::config::Config;
use crate::observe::health::{self, Readiness, Severity};
use crate::observe::panic_message;

/// How soon a schema is asked for again after a panic.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// Cheap to clone; all workers share one, so that each schema is requested once.
#[derive(Clone)]
pub struct Resolver {
    registry: Registry,
    readiness: Readiness,
    under_way: Arc<Mutex<HashSet<u32>>>,
    runtime: Handle,
}

impl Resolver {
    pub fn new(config: &Config, decoder: Decoder, readiness: Readiness) -> Result<Resolver, RegistrySetupError> {
        let registry = Registry::new(&settings(config), decoder)?;
        watch(&registry, readiness.clone());
        Ok(Resolver { registry, readiness, under_way: Arc::default(), runtime: Handle::current() })
    }

    /// Requests a schema, unless that is in progress. Returns at once; called on readers' threads.
    pub fn need(&self, id: u32) {
        let under_way = || self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if !under_way().insert(id) {
            return;
        }
        let resolver = self.clone();
        self.runtime.spawn(async move {
            // A panic must not leave the records waiting for nobody: whoever still needs the schema asks again.
            if let Err(panic) = AssertUnwindSafe(resolver.registry.resolve(id)).catch_unwind().await {
                resolver.report(id, &panic_message(panic.as_ref()));
                tokio::time::sleep(PANIC_PAUSE).await;
            }
            resolver.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
    }

    /// Ids that the live generation has already given up on: these are asked for once, and not waited for again.
    pub fn unknown_before(&self, ids: impl IntoIterator<Item = u32>) {
        self.registry.unknown_before(ids);
    }

    fn report(&self, id: u32, panic: &str) {
        let detail = format!("records wait for the schema with the registry's id {id}: reading it panicked ({panic})");
        error!("{detail}");
        self.readiness.raise(health::SCHEMA_REGISTRY, Severity::Unready, detail);
    }
}

pub fn settings(config: &Config) -> RegistrySettings {
    let section = &config.schema_registry;
    let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    RegistrySettings {
        url: section.url.clone(),
        timeout_ms: millis(section.timeout),
        unknown_after_ms: millis(section.unknown_after),
        retry_max_ms: millis(section.retry_max),
        ..RegistrySettings::default()
    }
}

/// Raises a condition while records wait for the registry.
fn watch(registry: &Registry, readiness: Readiness) {
    let mut health = registry.health();
    tokio::spawn(async move {
        while health.changed().await.is_ok() {
            match &*health.borrow_and_update() {
                Some(outage) => {
                    let detail = format!(
                        "records wait for the schema registry: {}; their partitions resume when it answers. Check \
                         schema_registry.url and that the registry is up",
                        outage.last_error
                    );
                    readiness.raise(health::SCHEMA_REGISTRY, Severity::Unready, detail);
                }
                None => readiness.clear(health::SCHEMA_REGISTRY),
            }
        }
    });
}
