//! A value described for people, with the registry's help for as long as they may wait.

use std::time::Duration;

use super::client::RegistrySetupError;
use super::fetch::Registry;
use super::resolver::settings;
use crate::codec::{Decoder, Limits};
use crate::config::Config;
use crate::domain::log::described::Described;

/// As `Decoder::describe`. A schema that the binary doesn't hold is asked for, and waited for at most `wait`; without it
/// the description says why.
pub async fn describe(config: &Config, value: &[u8], wait: Duration) -> Result<Described, RegistrySetupError> {
    let decoder = Decoder::new(Limits::default());
    let described = decoder.describe(value);
    let Some(id) = described.missing_schema else { return Ok(described) };
    let registry = Registry::new(&settings(config), decoder.clone())?;
    if !registry.client().is_configured() {
        let problem =
            format!("schema_registry.url is not set, and the binary has no schema with the registry's id {id}");
        return Ok(Described { problem: Some(problem), ..described });
    }
    // Nothing is decided here: the registry's first word will do.
    registry.unknown_before([id]);
    let mut resolving = Box::pin(registry.resolve(id));
    if tokio::time::timeout(wait, &mut resolving).await.is_ok() {
        return Ok(decoder.describe(value));
    }
    // As long as somebody waits for it.
    let last_error = registry.health().borrow().as_ref().map(|outage| outage.last_error.clone());
    let why = last_error.unwrap_or_else(|| "it has not answered".to_owned());
    let problem = format!("the schema with the registry's id {id} did not come within {} s: {why}", wait.as_secs());
    Ok(Described { problem: Some(problem), ..described })
}
