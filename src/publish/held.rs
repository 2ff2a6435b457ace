//! What stands in Redis, whoever wrote it.

use std::collections::BTreeMap;

use redis::{RedisResult, Value};

use super::error::PublishError;
use super::link::Link;
use super::publication::Publication;

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    Absent,
    /// Bytes that are no UTF-8 are replaced.
    Is(String),
    /// A value of another type than foldback writes.
    Foreign,
}

/// Every key of a publication as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub replay: Text,
    pub alerts: Text,
    pub backlog: Text,
    /// Label of the provider -> its backlog; `None` where another type stands there.
    pub by_provider: Option<BTreeMap<String, String>>,
}

impl Held {
    /// Where nothing but this publication stands.
    pub fn of(publication: &Publication) -> Held {
        let text = |text: &Option<String>| text.clone().map_or(Text::Absent, Text::Is);
        Held {
            replay: text(&publication.replay),
            alerts: text(&publication.alerts),
            backlog: Text::Is(publication.backlog.clone()),
            by_provider: Some(publication.by_provider.clone()),
        }
    }
}

impl Link {
    /// Reads every key. An error if Redis doesn't answer.
    pub async fn held(&mut self) -> Result<Held, PublishError> {
        let mut reads = redis::pipe();
        // A key of a foreign type answers with an error, which is a difference and not a failure.
        reads.ignore_errors();
        reads.get(&self.keys.replay).get(&self.keys.alerts).get(&self.keys.backlog).hgetall(&self.keys.by_provider);
        let answers: Vec<RedisResult<Value>> =
            self.call(async |connection| reads.query_async(connection).await).await?;
        let mut answers = answers.into_iter();
        Ok(Held {
            replay: text(answers.next()),
            alerts: text(answers.next()),
            backlog: text(answers.next()),
            by_provider: answers.next().and_then(Result::ok).and_then(fields),
        })
    }
}

fn text(answer: Option<RedisResult<Value>>) -> Text {
    let Some(Ok(value)) = answer else { return Text::Foreign };
    match redis::from_redis_value::<Option<Vec<u8>>>(value) {
        Ok(Some(bytes)) => Text::Is(lossy(&bytes)),
        Ok(None) => Text::Absent,
        Err(_) => Text::Foreign,
    }
}

fn fields(value: Value) -> Option<BTreeMap<String, String>> {
    let fields: BTreeMap<Vec<u8>, Vec<u8>> = redis::from_redis_value(value).ok()?;
    Some(fields.iter().map(|(label, text)| (lossy(label), lossy(text))).collect())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
