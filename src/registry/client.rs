//! Client of the schema registry's HTTP API (Confluent's), one request at a time.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::config::Secret;
use crate::config::tls::{Distrust, choose_cryptography};
use crate::observe::cause::innermost;

/// The registry's error code for an unknown schema id.
const SCHEMA_NOT_FOUND: i64 = 40403;

/// Of what a response says or is wrong with it.
const PROBLEM_CHARS_MAX: usize = 200;

/// How to reach the registry, and the bounds of asking it.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// The base URL, with user and password if needed; `None` if there is no registry.
    pub url: Option<Secret>,
    pub timeout_ms: u64,
    /// A longer answer is not read.
    pub answer_bytes_max: usize,
    /// How long the registry must keep answering that an id is unknown before we believe it.
    pub unknown_after_ms: u64,
    /// Maximum pause between two attempts.
    pub retry_max_ms: u64,
}

impl Default for RegistrySettings {
    fn default() -> RegistrySettings {
        RegistrySettings {
            url: None,
            timeout_ms: 5_000,
            answer_bytes_max: 4 * 1024 * 1024,
            unknown_after_ms: 30_000,
            retry_max_ms: 10_000,
        }
    }
}

/// The settings are invalid, whatever the registry does.
#[derive(Debug, thiserror::Error)]
pub enum RegistrySetupError {
    /// Without the URL, which may contain a password.
    #[error("schema_registry.url is not an http or https URL: use one such as http://localhost:8081")]
    Url,
    #[error("cannot create the HTTP client for the schema registry: {0}")]
    Client(reqwest::Error),
}

/// Why the registry gave no schema. Only `NotFound` is the registry's own answer about the id.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Error code 40403, nothing else.
    #[error("the schema registry does not know schema id {0}")]
    NotFound(u32),
    #[error("the schema registry {registry} is unusable: {problem}")]
    Outage { registry: String, problem: String },
    #[error("schema_registry.url is not set, but the log holds records with Confluent framing: set it")]
    NotConfigured,
    /// The registry's word, and no outage: the same schema would always be answered.
    #[error("the schema refers to more than {REFERENCES_MAX} others, or to more than {0} bytes of them")]
    TooManyReferences(usize),
}

/// Schemas that one schema may refer to, directly or by way of others.
const REFERENCES_MAX: usize = 100;

/// A schema as the registry holds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredSchema {
    pub schema: String,
    /// Absent: AVRO.
    #[serde(default)]
    pub schema_type: Option<String>,
    #[serde(default)]
    pub references: Vec<Reference>,
}

/// Another schema of the registry, whose types this one names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct Reference {
    pub subject: String,
    pub version: u32,
}

/// What there is of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFacts {
    pub subject: String,
    /// 0: there is no such subject.
    pub versions: usize,
    /// The subject's own level, or else the registry's; `None` if the registry doesn't tell.
    pub compatibility: Option<String>,
}

/// A client of Confluent's schema registry API. Each call is one request, bounded by the settings' timeout; no retries.
#[derive(Clone)]
pub struct RegistryClient {
    client: Client,
    base: Option<Url>,
    /// The base URL, as it may be shown.
    shown: String,
    answer_bytes_max: usize,
}

/// What is left to do for a schema's references, the last first.
enum Step {
    Fetch(Reference),
    /// The text of a reference whose own references stand before it.
    Give(String),
}

/// An error response.
struct Refusal {
    status: StatusCode,
    error_code: i64,
    message: String,
}

/// The base URL holds the password.
impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClient").field("registry", &self.shown).finish_non_exhaustive()
    }
}

impl RegistryClient {
    pub fn new(settings: &RegistrySettings) -> Result<RegistryClient, RegistrySetupError> {
        let base = settings.url.as_ref().map(|url| base_url(url.expose())).transpose()?;
        let shown = settings.url.as_ref().map_or_else(|| "(none)".to_owned(), Secret::address);
        let timeout = Duration::from_millis(settings.timeout_ms);
        choose_cryptography();
        let client = Client::builder().timeout(timeout).connect_timeout(timeout).build();
        let client = client.map_err(|error| RegistrySetupError::Client(error.without_url()))?;
        Ok(RegistryClient { client, base, shown, answer_bytes_max: settings.answer_bytes_max })
    }

    /// Whether a registry is configured at all.
    pub fn is_configured(&self) -> bool {
        self.base.is_some()
    }

    /// The URL's address: user, password and parameters may be secret.
    pub fn shown_url(&self) -> String {
        self.shown.trim_end_matches('/').to_owned()
    }

    pub async fn schema(&self, id: u32) -> Result<RegisteredSchema, RegistryError> {
        let url = self.url(&["schemas", "ids", &id.to_string()])?;
        match self.send(self.client.get(url)).await? {
            Ok(body) => self.parse(&body),
            Err(refusal) if refusal.error_code == SCHEMA_NOT_FOUND => Err(RegistryError::NotFound(id)),
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }

    /// The ids of a subject's versions; empty if the subject does not exist.
    pub async fn versions(&self, subject: &str) -> Result<Vec<u32>, RegistryError> {
        let url = self.url(&["subjects", subject, "versions"])?;
        self.read_or_absent(self.client.get(url)).await.map(Option::unwrap_or_default)
    }

    pub async fn version(&self, subject: &str, version: u32) -> Result<RegisteredSchema, RegistryError> {
        let url = self.url(&["subjects", subject, "versions", &version.to_string()])?;
        self.read(self.client.get(url)).await
    }

    /// The texts of the schemas that this one refers to, each after those that it refers to itself.
    pub async fn referenced(&self, schema: &RegisteredSchema) -> Result<Vec<String>, RegistryError> {
        let (mut texts, mut seen, mut bytes) = (Vec::new(), HashSet::new(), 0);
        let mut waiting: Vec<Step> = schema.references.iter().rev().cloned().map(Step::Fetch).collect();
        while let Some(step) = waiting.pop() {
            match step {
                Step::Give(text) => texts.push(text),
                Step::Fetch(reference) if seen.contains(&reference) => {}
                Step::Fetch(_) if seen.len() == REFERENCES_MAX || bytes > self.answer_bytes_max => {
                    return Err(RegistryError::TooManyReferences(self.answer_bytes_max));
                }
                Step::Fetch(reference) => {
                    let found = self.version(&reference.subject, reference.version).await?;
                    seen.insert(reference);
                    bytes += found.schema.len();
                    waiting.push(Step::Give(found.schema));
                    waiting.extend(found.references.into_iter().rev().map(Step::Fetch));
                }
            }
        }
        Ok(texts)
    }

    /// Registers a schema, unless it already is, and returns its id.
    pub async fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        #[derive(Deserialize)]
        struct Registered {
            id: u32,
        }
        let url = self.url(&["subjects", subject, "versions"])?;
        let request = self.client.post(url).json(&serde_json::json!({ "schema": schema }));
        self.read::<Registered>(request).await.map(|registered| registered.id)
    }

    /// A subject's compatibility level; `None` if it has none of its own.
    pub async fn compatibility(&self, subject: &str) -> Result<Option<String>, RegistryError> {
        self.level(&["config", subject]).await
    }

    /// What there is of a subject, for `doctor`.
    pub async fn facts(&self, subject: &str) -> Result<SubjectFacts, RegistryError> {
        let versions = self.versions(subject).await?.len();
        let compatibility = match self.compatibility(subject).await? {
            Some(level) => Some(level),
            None => self.level(&["config"]).await?,
        };
        Ok(SubjectFacts { subject: subject.to_owned(), versions, compatibility })
    }

    async fn level(&self, path: &[&str]) -> Result<Option<String>, RegistryError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Level {
            // The registry's own level has the second name in some versions.
            #[serde(alias = "compatibility")]
            compatibility_level: Option<String>,
        }
        let level = self.read_or_absent::<Level>(self.client.get(self.url(path)?)).await?;
        Ok(level.and_then(|level| level.compatibility_level))
    }

    pub async fn set_compatibility(&self, subject: &str, compatibility: &str) -> Result<(), RegistryError> {
        let url = self.url(&["config", subject])?;
        let request = self.client.put(url).json(&serde_json::json!({ "compatibility": compatibility }));
        self.read::<Value>(request).await.map(drop)
    }

    fn url(&self, segments: &[&str]) -> Result<Url, RegistryError> {
        let mut url = self.base.clone().ok_or(RegistryError::NotConfigured)?;
        // An http URL always has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Ok(url)
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, RegistryError> {
        match self.send(request).await? {
            Ok(body) => self.parse(&body),
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }

    async fn read_or_absent<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<Option<T>, RegistryError> {
        match self.send(request).await? {
            Ok(body) => self.parse(&body).map(Some),
            Err(refusal) if refusal.status == StatusCode::NOT_FOUND && refusal.error_code != 0 => Ok(None),
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Result<Vec<u8>, Refusal>, RegistryError> {
        let accept = "application/vnd.schemaregistry.v1+json, application/json";
        let request = request.header("accept", accept);
        let mut response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > self.answer_bytes_max {
                return Err(self.outage(format!("its response is longer than {} bytes", self.answer_bytes_max)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(if status.is_success() { Ok(body) } else { Err(Refusal::of(status, &body)) })
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, body: &[u8]) -> Result<T, RegistryError> {
        // serde's sentence holds the value that it didn't expect.
        let problem = |error: serde_json::Error| error.to_string().chars().take(PROBLEM_CHARS_MAX).collect::<String>();
        serde_json::from_slice(body)
            .map_err(|error| self.outage(format!("its response is not that of a schema registry: {}", problem(error))))
    }

    fn outage(&self, problem: String) -> RegistryError {
        RegistryError::Outage { registry: self.shown_url(), problem }
    }

    fn unreachable(&self, error: reqwest::Error) -> RegistryError {
        // reqwest's own message says little, and its URL may hold a password; the innermost cause says why.
        let cause = innermost(&error.without_url());
        match Distrust::of(&cause) {
            Some(distrust) => self.outage(format!("{cause}; {}", distrust.remedy("schema_registry.url"))),
            None => self.outage(cause),
        }
    }

    fn refused(&self, refusal: &Refusal) -> RegistryError {
        let Refusal { status, error_code, message } = refusal;
        if *error_code == 0 {
            return self.outage(format!("it answers {status}; is this the base URL of a registry?"));
        }
        self.outage(format!("it answered {status} (error_code {error_code}) {message}"))
    }
}

impl Refusal {
    fn of(status: StatusCode, body: &[u8]) -> Refusal {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let message = json["message"].as_str().unwrap_or_default();
        Refusal {
            status,
            error_code: json["error_code"].as_i64().unwrap_or_default(),
            message: message.chars().take(PROBLEM_CHARS_MAX).collect(),
        }
    }
}

fn base_url(url: &str) -> Result<Url, RegistrySetupError> {
    let url = Url::parse(url).map_err(|_| RegistrySetupError::Url)?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(RegistrySetupError::Url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn neither_an_error_nor_debug_text_shows_a_secret_of_the_url() {
        for url in [
            "http://u:S3CR3T@127.0.0.1:1/base?token=S3CR3T",
            "http://127.0.0.1:1/base?token=S3CR3T#S3CR3T",
            "http://127.0.0.1:1/S3CR3T@127.0.0.1/base",
        ] {
            let settings = RegistrySettings { url: Some(Secret::new(url)), ..RegistrySettings::default() };
            let client = RegistryClient::new(&settings).unwrap();
            let error = client.schema(1).await.unwrap_err();
            let text = format!("{error} {error:?} {client:?} {settings:?}");
            assert!(!text.contains("S3CR3T") && text.contains(&client.shown_url()), "{text}");
        }
    }

    #[test]
    fn an_answer_that_is_none_is_told_in_a_short_sentence() {
        let settings = RegistrySettings { url: Some(Secret::new("http://localhost:1")), ..RegistrySettings::default() };
        let client = RegistryClient::new(&settings).unwrap();
        let answer = format!(r#"{{"schema":"{{}}","references":"{}"}}"#, "x".repeat(1_000_000));
        let problem = client.parse::<RegisteredSchema>(answer.as_bytes()).unwrap_err().to_string();
        assert!(problem.contains("invalid type: string") && problem.len() < 500, "{} bytes", problem.len());
    }
}
