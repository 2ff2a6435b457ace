//! Writes a publication, and checks whether Redis still holds it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use redis::{RedisResult, Script, Value};

use super::client::Link;
use super::error::PublishError;
use super::publication::Publication;
use crate::domain::views::snapshot::Stamp;

static PUT_IF_NEWER: LazyLock<Script> = LazyLock::new(|| Script::new(script_text()));

pub(super) fn script_text() -> &'static str {
    include_str!("put_if_newer.lua")
}

/// Outcome of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Written,
    /// Redis holds a value that is not older; nothing was written.
    Ahead(Stamp),
}

impl Link {
    /// Writes all keys of the publication if every value there is older.
    pub async fn put(&mut self, publication: &Publication) -> Result<Outcome, PublishError> {
        let script = self.invocation(publication);
        let script = &script;
        let put = self.call(|mut connection, _| async move { script.invoke_async(&mut connection).await }).await;
        let (written, epoch, version): (i64, i64, i64) = match put {
            Err(error) if error.may_be_denied() => return Err(self.explained(error).await),
            put => put?,
        };
        Ok(if written == 1 { Outcome::Written } else { Outcome::Ahead(Stamp { epoch, version }) })
    }

    /// Tells subscribers the version that was written. Not part of the script: a user who may write keys and use no channel
    /// would have the script stopped halfway.
    pub async fn announce(&mut self, stamp: Stamp) -> Result<(), PublishError> {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&self.keys.changed).arg(stamp.version);
        let publish = &publish;
        self.call(|mut connection, _| async move { publish.query_async::<()>(&mut connection).await }).await
    }

    /// A refusal with the rights that the user lacks; a script's refusal names neither command nor key.
    async fn explained(&mut self, error: PublishError) -> PublishError {
        match (error, self.missing_rights().await) {
            (PublishError::Redis(error), Ok(Some(missing))) if !missing.is_empty() => {
                PublishError::Denied { error, missing: missing.into_iter().collect::<Vec<_>>().join(" ") }
            }
            (error, _) => error,
        }
    }

    fn invocation(&self, publication: &Publication) -> redis::ScriptInvocation<'static> {
        let mut script = PUT_IF_NEWER.prepare_invoke();
        script.key(&self.keys.replay).key(&self.keys.alerts).key(&self.keys.backlog).key(&self.keys.by_provider);
        script.arg(publication.stamp.epoch).arg(publication.stamp.version);
        script.arg(publication.replay.as_deref().unwrap_or_default());
        script.arg(publication.alerts.as_deref().unwrap_or_default());
        script.arg(&publication.backlog);
        for (label, backlog) in &publication.by_provider {
            script.arg(label).arg(backlog);
        }
        script
    }

    /// Whether Redis holds exactly this publication.
    pub async fn check(&mut self, publication: &Publication) -> Result<bool, PublishError> {
        let mut reads = redis::pipe();
        // A key of another type answers with an error, which counts as a difference, not as a failure.
        reads.ignore_errors();
        reads.get(&self.keys.replay).get(&self.keys.alerts).get(&self.keys.backlog).hgetall(&self.keys.by_provider);
        let answers = self.read(&reads).await?;
        Ok(holds(answers, publication).unwrap_or(false))
    }
}

/// `None` if an answer is not of the shape that foldback writes.
fn holds(answers: Vec<RedisResult<Value>>, publication: &Publication) -> Option<bool> {
    let [replay, alerts, backlog, by_provider] = <[_; 4]>::try_from(answers).ok()?;
    let text = |answer: RedisResult<Value>| redis::from_redis_value::<Option<Vec<u8>>>(answer.ok()?).ok();
    let fields: BTreeMap<Vec<u8>, Vec<u8>> = redis::from_redis_value(by_provider.ok()?).ok()?;
    let expected = publication.by_provider.iter().map(|(label, text)| (label.as_bytes(), text.as_bytes()));
    Some(
        text(replay)?.as_deref() == publication.replay.as_deref().map(str::as_bytes)
            && text(alerts)?.as_deref() == publication.alerts.as_deref().map(str::as_bytes)
            && text(backlog)?.as_deref() == Some(publication.backlog.as_bytes())
            && fields.iter().map(|(label, text)| (label.as_slice(), text.as_slice())).eq(expected),
    )
}
