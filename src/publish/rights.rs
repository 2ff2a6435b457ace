//! Which rights a Redis user lacks for publishing, found out without publishing anything.

use std::collections::BTreeSet;

use redis::{Cmd, Pipeline, RedisResult, Value, cmd};

use super::client::Link;
use super::error::PublishError;
use super::keys::Keys;
use super::put::script_text;

/// A SHA-1 that no script has.
const NO_SCRIPT: &str = "0000000000000000000000000000000000000000";

impl Link {
    /// What the user lacks, as ACL rules: `+hset`, `~prefix:backlog`, `&prefix:changed`. `None`: that can't be found out.
    ///
    /// The commands are queued in a transaction that is discarded: Redis checks the rights as it queues them.
    pub async fn missing_rights(&mut self) -> Result<Option<BTreeSet<String>>, PublishError> {
        let keys = self.keys.clone();
        let used = used(&keys);
        let mut queued = Pipeline::new();
        queued.ignore_errors();
        used.iter().for_each(|(command, ..)| {
            queued.add_command(command.clone());
        });
        let queued = &queued;
        let asked = self.call(|mut connection, _| async move {
            // Alone: without it, the commands would be carried out.
            cmd("MULTI").query_async::<()>(&mut connection).await?;
            let answers: RedisResult<Vec<RedisResult<Value>>> = queued.query_async(&mut connection).await;
            cmd("DISCARD").query_async::<()>(&mut connection).await?;
            answers
        });
        match asked.await {
            Ok(answers) => {
                let lacked = |((_, name, object), answer): (&(Cmd, &str, &str), RedisResult<Value>)| {
                    rule(&answer.err()?, name, object)
                };
                Ok(Some(used.iter().zip(answers).filter_map(lacked).collect()))
            }
            Err(error) if error.is_denied() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Every command that publishing uses, the right to use it, and the key or the channel.
fn used(keys: &Keys) -> Vec<(Cmd, &'static str, &str)> {
    let texts = [&keys.replay, &keys.alerts, &keys.backlog];
    let mut used = vec![
        (cmd("SETRANGE").arg(&keys.backlog).arg(0).arg("").take(), "setrange", keys.backlog.as_str()),
        (cmd("SCRIPT").arg("LOAD").arg(script_text()).take(), "script|load", ""),
        (cmd("HSET").arg(&keys.by_provider).arg("provider").arg("").take(), "hset", &keys.by_provider),
        (cmd("HGETALL").arg(&keys.by_provider).take(), "hgetall", &keys.by_provider),
        (cmd("PUBLISH").arg(&keys.changed).arg(0).take(), "publish", &keys.changed),
    ];
    for key in texts {
        used.push((cmd("TYPE").arg(key).take(), "type", key));
        used.push((cmd("GET").arg(key).take(), "get", key));
        used.push((cmd("SET").arg(key).arg("").take(), "set", key));
    }
    for key in texts.into_iter().chain([&keys.by_provider]) {
        used.push((cmd("EVALSHA").arg(NO_SCRIPT).arg(1).arg(key).take(), "evalsha", key));
        used.push((cmd("DEL").arg(key).take(), "del", key));
    }
    used
}

/// The ACL rule that would allow a refused command. Which of the three it is stands in Redis's sentence alone.
fn rule(error: &redis::RedisError, command: &str, object: &str) -> Option<String> {
    if error.code() != Some("NOPERM") {
        return None;
    }
    let sentence = error.detail().unwrap_or_default();
    Some(match () {
        () if sentence.contains(" command") => format!("+{command}"),
        () if sentence.contains("channel") => format!("&{object}"),
        () => format!("~{object}"),
    })
}
