//! `schemas check` and `schemas register`: compares the bundled schemas with each other and with the registry.

use super::client::{RegistryClient, RegistryError, RegistrySetupError};
use crate::codec::{bundled_problems, compatibility, newest};
use crate::config::Config;
use crate::domain::log::record::Stream;

use super::resolver::settings;

/// A reader meets every version ever written, since a rebuild reads the log from its start.
pub const COMPATIBILITY: &str = "BACKWARD_TRANSITIVE";

/// What a check found: `problems` fail it, `notes` do not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub problems: Vec<String>,
    pub notes: Vec<String>,
}

/// A bundled schema, and its id in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub subject: String,
    pub id: u32,
}

/// Why `schemas check` or `schemas register` failed.
#[derive(Debug, thiserror::Error)]
pub enum SchemasError {
    #[error("{0}; check schema_registry.url and that the registry is up")]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Setup(#[from] RegistrySetupError),
}

/// Checks the bundled schemas, and both topics' registered ones if a registry is configured.
pub async fn check(config: &Config) -> Result<Findings, SchemasError> {
    let mut findings = Findings { problems: bundled_problems(), notes: Vec::new() };
    let client = RegistryClient::new(&settings(config))?;
    if !client.is_configured() {
        let note = "schema_registry.url is not set: only the bundled schemas were checked";
        findings.notes.push(note.to_owned());
        return Ok(findings);
    }
    for (stream, topic) in topics(config) {
        let found = check_registered(&client, stream, topic).await?;
        findings.problems.extend(found.problems);
        findings.notes.extend(found.notes);
    }
    Ok(findings)
}

/// Registers the newest schema of both topics.
pub async fn register_all(config: &Config) -> Result<Vec<Registered>, SchemasError> {
    let client = RegistryClient::new(&settings(config))?;
    let mut registered = Vec::new();
    for (stream, topic) in topics(config) {
        registered.push(register(&client, stream, topic).await?);
    }
    Ok(registered)
}

fn topics(config: &Config) -> [(Stream, &str); 2] {
    [(Stream::Orders, &config.kafka.orders_topic), (Stream::Runs, &config.kafka.runs_topic)]
}

/// Checks every version that the registry has for the topic.
async fn check_registered(client: &RegistryClient, stream: Stream, topic: &str) -> Result<Findings, RegistryError> {
    let subject = subject(topic);
    let mut findings = Findings::default();
    let versions = client.versions(&subject).await?;
    if versions.is_empty() {
        findings.notes.push(format!("{subject} has no version yet: run `foldback schemas register`"));
        return Ok(findings);
    }
    for version in versions {
        let registered = client.version(&subject, version).await?;
        let name = format!("{subject} version {version}");
        let found = match client.referenced(&registered).await {
            Err(error @ RegistryError::TooManyReferences(_)) => Err(error.to_string()),
            referenced => compatibility(stream, &registered.schema, &referenced?).map_err(|error| error.to_string()),
        };
        match found {
            Err(error) => findings.problems.push(format!("{name}: {error}")),
            Ok(found) => {
                findings.problems.extend(found.broken.iter().map(|detail| format!("{name}: {detail}")));
                findings
                    .notes
                    .extend(found.unknown.iter().map(|detail| format!("{name} is newer than foldback: {detail}")));
            }
        }
    }
    match client.compatibility(&subject).await? {
        Some(level) if level == COMPATIBILITY => {}
        level => findings.notes.push(format!(
            "{subject} has compatibility {}, not {COMPATIBILITY}: run `foldback schemas register`",
            level.as_deref().unwrap_or("by the registry's default"),
        )),
    }
    Ok(findings)
}

/// Registers our newest schema of the topic; harmless if it already is.
async fn register(client: &RegistryClient, stream: Stream, topic: &str) -> Result<Registered, RegistryError> {
    let subject = subject(topic);
    let json = newest(stream).map_or("", |bundled| bundled.json);
    let id = client.register(&subject, json).await?;
    client.set_compatibility(&subject, COMPATIBILITY).await?;
    Ok(Registered { subject, id })
}

/// The subject of a topic's values.
pub fn subject(topic: &str) -> String {
    format!("{topic}-value")
}
