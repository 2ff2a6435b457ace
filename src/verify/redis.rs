//! Compares Redis with the live views.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;

use super::error::VerifyError;
use super::options::NotChecked;
use super::recheck::{FRESH_MICROS, Look, LookError, Recheck, Settled, judged_by_log, settle_down};
use crate::config::Config;
use crate::domain::generations::difference::Difference;
use crate::domain::timestamp::Timestamp;
use crate::domain::views::snapshot::{Snapshot, Stamp};
use crate::publish::{Held, Keys, Link, Publication, PublishError, Text};
use crate::store::publication::expected::{self, Published};

/// A publication is rarely overtaken by the next commit within this time.
const LOOK_EVERY: Duration = Duration::from_millis(25);
const STATUS_REPLAY: &str = "redis:status:replay";
const STATUS_ALERTS: &str = "redis:status:alerts";
const BACKLOG: &str = "redis:backlog";
const BY_PROVIDER: &str = "redis:backlog:by_provider";

/// What Redis held, and where that differs from the live views.
pub struct Observed {
    held: Held,
    keys: Keys,
    pub stamp: Stamp,
    /// The time as of which overdue replays are counted.
    pub as_of: Timestamp,
    found: Vec<Difference>,
}

impl Observed {
    pub fn found(self) -> Vec<Difference> {
        self.found
    }

    /// The same compared with the log: if the live views differ from the log, Redis is right if it holds what the log
    /// gives. Both publications have `stamp` and `as_of`.
    pub fn against_log(self, live: &Publication, log: &Publication) -> Vec<Difference> {
        let wrong = found(&self.keys, &Held::of(live), log);
        judged_by_log(self.found, wrong, found(&self.keys, &self.held, log))
    }
}

/// Checks Redis. An unavailable Redis is not an error: it is reported as not checked, and the result is `None`. Fails
/// if Postgres fails.
pub async fn check(
    config: &Config,
    conn: &mut PgConnection,
    not_checked: &mut Vec<NotChecked>,
) -> Result<Option<Observed>, VerifyError> {
    match watch(config, conn).await {
        Ok(Settled { seen, found, moving }) => {
            not_checked.extend(moving.into_iter().map(|difference| {
                let why = "it kept being republished during the check; run verify again when there is less traffic";
                NotChecked::new(format!("{} {}", difference.view, difference.key), why)
            }));
            Ok(Some(Observed { found, ..seen }))
        }
        Err(LookError::Unavailable(error)) => {
            let why = format!("{error}; check redis.url ({}) and that the server is up", config.redis.url.address());
            not_checked.push(NotChecked::new("redis", why));
            Ok(None)
        }
        Err(LookError::Store(error)) => Err(error.into()),
    }
}

async fn watch(config: &Config, conn: &mut PgConnection) -> Result<Settled<Observed>, LookError> {
    let mut link = Link::new(config.redis.url.expose(), &config.redis.prefix, config.redis.timeout)?;
    settle_down(Recheck::WhileViewsChange, LOOK_EVERY, async || look(&mut link, conn).await).await
}

/// Reads Redis before Postgres, so that Redis can't be newer.
async fn look(link: &mut Link, conn: &mut PgConnection) -> Result<Look<Observed>, LookError> {
    let held = link.held().await?;
    let metas = [&held.replay, &held.alerts, &held.backlog].map(meta);
    let newest = metas.into_iter().flatten().max_by_key(|(stamp, _)| *stamp);
    let published = expected::read(conn, newest.map(|(_, as_of)| as_of), FRESH_MICROS).await?;
    let views_change = published.changed_at.is_some_and(|at| published.now.micros() - at.micros() < FRESH_MICROS);
    let snapshot = expected(published, newest);
    let publication = Publication::new(&snapshot)?;
    let keys = link.keys().clone();
    let found = found(&keys, &held, &publication);
    let seen = Observed { held, keys, stamp: snapshot.stamp, as_of: snapshot.as_of, found: Vec::new() };
    Ok(Look { seen, found, views_change })
}

impl From<PublishError> for LookError {
    fn from(error: PublishError) -> LookError {
        LookError::Unavailable(error.to_string())
    }
}

/// Stamp and time of a value, if foldback may have written it.
fn meta(text: &Text) -> Option<(Stamp, Timestamp)> {
    let Text::Is(text) = text else { return None };
    let value: Value = serde_json::from_str(text).ok()?;
    let meta = value.get("meta")?;
    let stamp = Stamp { epoch: meta.get("epoch")?.as_i64()?, version: meta.get("version")?.as_i64()? };
    Some((stamp, Timestamp::parse(meta.get("asOf")?.as_str()?)?))
}

/// What a publication of the live views would contain, with the stamp of the newest value if that may be one of ours.
fn expected(published: Published, newest: Option<(Stamp, Timestamp)>) -> Snapshot {
    let is_ours = |(stamp, as_of): &(Stamp, Timestamp)| {
        stamp.epoch == published.stamp.epoch && stamp.version <= published.stamp.version && *as_of <= published.now
    };
    let (stamp, as_of) = newest.filter(is_ours).unwrap_or((published.stamp, published.now));
    let mut content = published.content;
    if let Some(providers) = published.providers_then {
        content.providers = providers;
    }
    Snapshot { stamp, as_of, content }
}

fn found(keys: &Keys, held: &Held, publication: &Publication) -> Vec<Difference> {
    let texts = [
        (STATUS_REPLAY, &keys.replay, &held.replay, publication.replay.as_deref()),
        (STATUS_ALERTS, &keys.alerts, &held.alerts, publication.alerts.as_deref()),
        (BACKLOG, &keys.backlog, &held.backlog, Some(publication.backlog.as_str())),
    ];
    let mut found: Vec<Difference> =
        texts.into_iter().filter_map(|(view, key, held, expected)| differing(view, key, held, expected)).collect();
    match &held.by_provider {
        Some(fields) => found.extend(fields_differing(fields, &publication.by_provider)),
        None => {
            let mut difference = Difference::new(BY_PROVIDER, keys.by_provider.clone());
            difference.column("type", Value::from("no hash"), Value::from("hash"));
            found.push(difference);
        }
    }
    found
}

fn fields_differing(held: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) -> Vec<Difference> {
    let labels: BTreeSet<&String> = held.keys().chain(expected.keys()).collect();
    let text = |label: &String| held.get(label).map_or(Text::Absent, |text| Text::Is(text.clone()));
    labels
        .into_iter()
        .filter_map(|label| differing(BY_PROVIDER, label, &text(label), expected.get(label).map(String::as_str)))
        .collect()
}

/// Compares member by member, including those of `meta`; numbers by their text.
fn differing(view: &str, key: &str, held: &Text, expected: Option<&str>) -> Option<Difference> {
    let expected = expected.map(object).unwrap_or_default().unwrap_or_default();
    let mut difference = Difference::new(view, key);
    let stored = match held {
        Text::Absent => Map::new(),
        Text::Foreign => {
            difference.column("type", Value::from("no string"), Value::from("string"));
            Map::new()
        }
        Text::Is(text) => object(text).unwrap_or_else(|| {
            difference.column("text", Value::from(text.as_str()), Value::Null);
            Map::new()
        }),
    };
    let names: BTreeSet<&String> = stored.keys().chain(expected.keys()).collect();
    for name in names {
        let value = |members: &Map<String, Value>| members.get(name).cloned();
        let (here, there) = (value(&stored), value(&expected));
        if here != there {
            difference.column(name.as_str(), here.unwrap_or_default(), there.unwrap_or_default());
        }
    }
    (!difference.columns.is_empty()).then_some(difference)
}

/// The members of a JSON object, with those of `meta` flattened: `meta.epoch`.
fn object(text: &str) -> Option<Map<String, Value>> {
    let Ok(Value::Object(mut members)) = serde_json::from_str(text) else { return None };
    if let Some(Value::Object(meta)) = members.get("meta").cloned() {
        members.remove("meta");
        members.extend(meta.into_iter().map(|(name, value)| (format!("meta.{name}"), value)));
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(held: &Text, expected: Option<&str>) -> Vec<String> {
        let difference = differing("v", "k", held, expected);
        difference.map(|difference| difference.columns.into_keys().collect()).unwrap_or_default()
    }

    #[test]
    fn members_are_compared_and_numbers_by_their_text() {
        let expected = Some(r#"{"a":1,"b":{"c":12345678901234567890123},"meta":{"epoch":1,"version":2}}"#);
        let is = |text: &str| Text::Is(text.to_owned());
        let same = is(r#"{"meta":{"version":2,"epoch":1},"b":{"c":12345678901234567890123},"a":1}"#);
        assert!(columns(&same, expected).is_empty());
        let rounded = is(r#"{"a":1.0,"b":{"c":1.2345678901234568e22},"meta":{"epoch":1,"version":1},"x":0}"#);
        assert_eq!(columns(&rounded, expected), ["a", "b", "meta.version", "x"]);
    }

    #[test]
    fn absent_foreign_and_surplus_values_differ() {
        let expected = Some(r#"{"a":1}"#);
        assert_eq!(columns(&Text::Absent, expected), ["a"]);
        assert_eq!(columns(&Text::Foreign, expected), ["a", "type"]);
        assert_eq!(columns(&Text::Is("no json".into()), expected), ["a", "text"]);
        assert_eq!(columns(&Text::Is(r#"{"a":1}"#.into()), None), ["a"]);
        assert!(columns(&Text::Absent, None).is_empty());
    }

    /// Redis is judged by the log, also where the live views say something else.
    #[test]
    fn what_the_log_gives_is_right() {
        let stamp = Stamp { epoch: 1, version: 1 };
        let publication = |count: i64| Publication {
            stamp,
            replay: None,
            alerts: None,
            backlog: format!(r#"{{"scheduledBacklog":{count}}}"#),
            by_provider: BTreeMap::new(),
        };
        let keys = Keys::new("p:");
        let found_with = |held: i64, live: i64, log: i64| {
            let held = Held::of(&publication(held));
            let found = found(&keys, &held, &publication(live));
            let seen = Observed { held, keys: keys.clone(), stamp, as_of: Timestamp::MIN, found };
            let mut found = seen.against_log(&publication(live), &publication(log));
            found.pop().map(|one| one.columns["scheduledBacklog"].expected.to_string())
        };
        assert_eq!(found_with(3, 3, 3), None);
        assert_eq!(found_with(4, 3, 3).as_deref(), Some("3"));
        assert_eq!(found_with(3, 4, 3), None, "the live views are wrong, Redis is not");
        assert_eq!(found_with(4, 4, 3).as_deref(), Some("3"));
    }
}
