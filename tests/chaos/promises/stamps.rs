//! A publication in Redis is only replaced by a newer one, as a whole, and each generation has its own epoch.

use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use tokio::time::timeout;

use crate::chaos::class::Class;
use crate::support::Stack;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Stamps {
    url: String,
    names: [String; 3],
    connection: Option<MultiplexedConnection>,
    seen: Option<Stamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    epoch: i64,
    version: i64,
    generation: i64,
}

impl Stamps {
    /// None where others write into these keys, or Redis forgets them.
    pub fn of(class: Class, stack: &Stack) -> Option<Self> {
        let names = ["backlog", "status:replay", "status:alerts"].map(|name| format!("{}{name}", stack.redis_prefix));
        (class != Class::Redis).then(|| Self { url: stack.servers.redis.clone(), names, connection: None, seen: None })
    }

    /// What was broken since the last look.
    pub async fn look(&mut self) -> Vec<String> {
        let Ok(Ok(found)) = timeout(ANSWER_TIMEOUT, self.ask()).await else {
            self.connection = None;
            return Vec::new();
        };
        let Some(now) = found.first().copied() else { return Vec::new() };
        let mut broken = Vec::new();
        if found.iter().any(|stamp| *stamp != now) {
            broken.push(format!("the keys in Redis are of several publications: {found:?}"));
        }
        if let Some(before) = self.seen.replace(now) {
            if (now.epoch, now.version) < (before.epoch, before.version) {
                broken.push(format!("an older publication replaced a newer one in Redis: {before:?}, then {now:?}"));
            }
            if now.generation != before.generation && now.epoch <= before.epoch {
                broken
                    .push(format!("another generation is published without a higher epoch: {before:?}, then {now:?}"));
            }
        }
        broken
    }

    /// Of those keys that are there.
    async fn ask(&mut self) -> Result<Vec<Stamp>, redis::RedisError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let client = redis::Client::open(self.url.as_str())?;
                none.insert(client.get_multiplexed_async_connection().await?)
            }
        };
        let texts: Vec<Option<String>> = connection.mget(&self.names).await?;
        Ok(texts.iter().flatten().filter_map(|text| stamp(text)).collect())
    }
}

fn stamp(text: &str) -> Option<Stamp> {
    let value: Value = serde_json::from_str(text).ok()?;
    let part = |name: &str| value["meta"][name].as_i64();
    Some(Stamp { epoch: part("epoch")?, version: part("version")?, generation: part("generation")? })
}
