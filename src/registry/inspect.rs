//! What the schema registry says about a subject, for `doctor`.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde_json::Value;

use crate::config::tls::choose_cryptography;

/// A subject as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFacts {
    pub subject: String,
    /// 0: the registry has no such subject.
    pub versions: usize,
    /// The subject's own level, or else the registry's; `None` if it doesn't report one.
    pub compatibility: Option<String>,
}

/// Why the registry could not be asked about its subjects.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("it is not a valid URL")]
    Url,
    #[error("{}", .0)]
    Away(String),
    #[error("it answered {0} instead of a list of versions; is this the base URL of a registry?")]
    Answer(StatusCode),
}

/// Asks about each subject. `url` is the base URL; `timeout` applies to each request.
pub async fn inspect(url: &str, subjects: &[String], timeout: Duration) -> Result<Vec<SubjectFacts>, InspectError> {
    let base = Url::parse(url).map_err(|_| InspectError::Url)?;
    choose_cryptography();
    let client = Client::builder().timeout(timeout).build().map_err(away)?;
    let mut facts = Vec::new();
    for subject in subjects {
        let versions = versions(&client, &base, subject).await?;
        let compatibility = compatibility(&client, &base, subject).await?;
        facts.push(SubjectFacts { subject: subject.clone(), versions, compatibility });
    }
    Ok(facts)
}

async fn versions(client: &Client, base: &Url, subject: &str) -> Result<usize, InspectError> {
    let answer = client.get(below(base, &["subjects", subject, "versions"])?).send().await.map_err(away)?;
    match answer.status() {
        StatusCode::OK => Ok(answer.json::<Vec<Value>>().await.map_err(away)?.len()),
        StatusCode::NOT_FOUND if is_registry(answer.json().await.ok()) => Ok(0),
        status => Err(InspectError::Answer(status)),
    }
}

/// A registry's own 404 says so in JSON; a web server's doesn't.
fn is_registry(body: Option<Value>) -> bool {
    body.is_some_and(|body| body.get("error_code").is_some())
}

async fn compatibility(client: &Client, base: &Url, subject: &str) -> Result<Option<String>, InspectError> {
    for path in [vec!["config", subject], vec!["config"]] {
        let answer = client.get(below(base, &path)?).send().await.map_err(away)?;
        if answer.status() == StatusCode::OK {
            return Ok(level(&answer.json().await.map_err(away)?));
        }
    }
    Ok(None)
}

fn level(body: &Value) -> Option<String> {
    let level = body.get("compatibilityLevel").or_else(|| body.get("compatibility"))?;
    level.as_str().map(str::to_owned)
}

fn below(base: &Url, path: &[&str]) -> Result<Url, InspectError> {
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| InspectError::Url)?.pop_if_empty().extend(path);
    Ok(url)
}

/// Without the URL, which may contain a password. The innermost cause is the most specific.
fn away(error: reqwest::Error) -> InspectError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    InspectError::Away(cause.to_string())
}
