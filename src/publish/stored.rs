//! What Redis holds, whoever wrote it.

use std::collections::BTreeMap;

use redis::{RedisResult, Value};

use super::client::Link;
use super::error::PublishError;
use super::publication::Publication;

/// A key's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    Absent,
    /// Invalid UTF-8 is replaced.
    Is(String),
    /// A value of another type than foldback writes.
    Foreign,
}

/// Every key of a publication, as Redis holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub replay: Text,
    pub alerts: Text,
    pub backlog: Text,
    /// Provider label -> its backlog; `None` if the key has another type.
    pub by_provider: Option<BTreeMap<String, String>>,
}

impl Held {
    /// What Redis holds if nothing but this publication was written.
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
    /// Reads every key. Fails if Redis doesn't answer.
    pub async fn held(&mut self) -> Result<Held, PublishError> {
        let mut reads = redis::pipe();
        // A key of another type answers with an error, which counts as a difference, not as a failure.
        reads.ignore_errors();
        reads.get(&self.keys.replay).get(&self.keys.alerts).get(&self.keys.backlog).hgetall(&self.keys.by_provider);
        let answers = self.read(&reads).await?;
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
