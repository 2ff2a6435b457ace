//! Registers the writers' schemas over the registry's HTTP API.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::hard_log::schemas::{self, REGISTERED, Writer};
use crate::support::{PATIENCE, eventually, http};

/// The registry's id of each writer's schema.
#[derive(Debug, Clone, Default)]
pub struct SchemaIds {
    pub orders: HashMap<Writer, u32>,
    pub runs: HashMap<Writer, u32>,
}

impl SchemaIds {
    /// Made up: for logs that are never read through a registry.
    pub fn made_up() -> Self {
        let ids = |first: u32| REGISTERED.into_iter().zip(first..).collect();
        Self { orders: ids(1), runs: ids(101) }
    }
}

/// Each version has a subject of its own, since the careless ones would be refused beside the others.
pub async fn register(url: &str, orders_topic: &str, runs_topic: &str) -> SchemaIds {
    let mut ids = SchemaIds::default();
    for writer in REGISTERED {
        let orders_subject = subject(orders_topic, writer);
        ids.orders.insert(writer, register_one(url, &orders_subject, &schemas::orders(writer)).await);
        let runs_subject = subject(runs_topic, writer);
        ids.runs.insert(writer, register_one(url, &runs_subject, &schemas::runs(writer)).await);
    }
    ids
}

fn subject(topic: &str, writer: Writer) -> String {
    match writer {
        Writer::V1 => format!("{topic}-value"),
        other => format!("{topic}-value-{other:?}"),
    }
}

/// The registry refuses a schema that somebody else registers at the same moment, under whatever name.
async fn register_one(url: &str, subject: &str, schema: &Value) -> u32 {
    let body = json!({"schema": schema.to_string(), "schemaType": "AVRO"});
    let address = format!("{url}/subjects/{subject}/versions");
    eventually(PATIENCE, || async {
        let response = http().post(&address).json(&body).send().await.map_err(|error| error.to_string())?;
        let text = response.text().await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))?;
        let id = answer["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| format!("registering {subject}: {text}"))
    })
    .await
}
