//! The schema registry: reachable, both subjects exist, and their compatibility level keeps old records readable.

use crate::config::Config;
use crate::registry::inspect::{SubjectFacts, inspect};

use super::{Finding, PART_TIMEOUT};

const PART: &str = "schema_registry";
const WANTED: &str = "BACKWARD_TRANSITIVE";

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
    let topics = [&config.kafka.orders_topic, &config.kafka.runs_topic];
    let subjects = topics.map(|topic| format!("{topic}-value"));
    match inspect(url.expose(), &subjects, config.schema_registry.timeout.min(PART_TIMEOUT)).await {
        Ok(facts) => {
            let reachable = Finding::ok(PART, "reachable", url.address());
            std::iter::once(reachable).chain(facts.iter().flat_map(subject)).collect()
        }
        Err(error) => {
            let seen = format!("{}: {error}", url.address());
            vec![Finding::fail(PART, "reachable", seen, "check schema_registry.url and that the registry is up")]
        }
    }
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
    if seen == WANTED || seen == "FULL_TRANSITIVE" {
        return Finding::ok(PART, check, seen);
    }
    let remedy = format!(
        "run `foldback schemas register`, or PUT {{\"compatibility\":\"{WANTED}\"}} to /config/{} of the registry",
        facts.subject
    );
    Finding::fail(PART, check, seen, remedy)
}
