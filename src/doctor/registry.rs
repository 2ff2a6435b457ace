//! The schema registry: reachable, both subjects exist, and their compatibility level keeps old records readable.

use crate::config::Config;
use crate::registry::resolver::settings;
use crate::registry::schemas::{self, COMPATIBILITY};
use crate::registry::{RegistryClient, RegistrySettings, SubjectFacts};

use super::{Finding, PART_TIMEOUT};

const PART: &str = "schema_registry";

pub async fn examine(config: &Config) -> Vec<Finding> {
    let Some(url) = &config.schema_registry.url else {
        let seen = "schema_registry.url is not set: records in Confluent framing will stop their partition";
        return vec![Finding::warn(
            PART,
            "reachable",
            seen,
            "set it, unless all publishers use single-object encoding",
        )];
    };
    match facts(config).await {
        Ok(facts) => {
            let reachable = Finding::ok(PART, "reachable", url.address());
            std::iter::once(reachable).chain(facts.iter().flat_map(subject)).collect()
        }
        Err(error) => {
            vec![Finding::fail(PART, "reachable", error, "check schema_registry.url and that the registry is up")]
        }
    }
}

/// Of both topics' subjects.
async fn facts(config: &Config) -> Result<Vec<SubjectFacts>, String> {
    let timeout = config.schema_registry.timeout.min(PART_TIMEOUT);
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let client = RegistryClient::new(&RegistrySettings { timeout_ms, ..settings(config) });
    let client = client.map_err(|error| error.to_string())?;
    let mut facts = Vec::new();
    for topic in [&config.kafka.orders_topic, &config.kafka.runs_topic] {
        facts.push(client.facts(&schemas::subject(topic)).await.map_err(|error| error.to_string())?);
    }
    Ok(facts)
}

fn subject(facts: &SubjectFacts) -> Vec<Finding> {
    let name = &facts.subject;
    if facts.versions == 0 {
        let remedy = "run `foldback schemas register`, or let the first publisher register it";
        return vec![Finding::warn(PART, format!("subject {name}"), "does not exist", remedy)];
    }
    vec![Finding::ok(PART, format!("subject {name}"), format!("{} versions", facts.versions)), compatibility(facts)]
}

fn compatibility(facts: &SubjectFacts) -> Finding {
    let check = format!("{} compatibility", facts.subject);
    let seen = facts.compatibility.clone().unwrap_or_else(|| "not set".to_owned());
    if seen == COMPATIBILITY || seen == "FULL_TRANSITIVE" {
        return Finding::ok(PART, check, seen);
    }
    let remedy = format!(
        "run `foldback schemas register`, or PUT {{\"compatibility\":\"{COMPATIBILITY}\"}} to /config/{} of the registry",
        facts.subject
    );
    Finding::fail(PART, check, seen, remedy)
}
