//! `--until`: a time, or offsets.

use std::collections::BTreeMap;

use crate::cli::Failure;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::record::Topics;
use crate::domain::timestamp::Timestamp;
use crate::rebuild::Until;

/// As typed: the topics are not known before the configuration is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Typed {
    Time(Timestamp),
    Offsets(Vec<Place>),
}

/// `topic/partition:offset`, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    topic: String,
    partition: i32,
    offset: i64,
}

/// Parses `2026-11-23T10:00:00Z` or `topic/partition:offset,…`.
pub fn parse(text: &str) -> Result<Typed, String> {
    if text.contains('/') {
        return text.split(',').map(place).collect::<Result<_, _>>().map(Typed::Offsets);
    }
    Timestamp::parse(text).map(Typed::Time).ok_or_else(|| {
        "must be a time such as 2026-11-23T10:00:00Z or offsets such as provider-orders/0:1500,provider-orders/1:0"
            .to_owned()
    })
}

fn place(text: &str) -> Result<Place, String> {
    let parsed = || {
        let (topic, rest) = text.trim().split_once('/')?;
        let (partition, offset) = rest.split_once(':')?;
        let (partition, offset) = (partition.parse().ok()?, offset.parse().ok()?);
        (!topic.is_empty() && partition >= 0 && offset >= 0).then(|| Place {
            topic: topic.to_owned(),
            partition,
            offset,
        })
    };
    parsed().ok_or_else(|| format!("\"{text}\" is not of the form topic/partition:offset"))
}

impl Typed {
    /// Resolves the topic names.
    pub fn resolve(self, topics: &Topics) -> Result<Until, Failure> {
        let places = match self {
            Typed::Time(time) => return Ok(Until::Time(time)),
            Typed::Offsets(places) => places,
        };
        let mut bounds = BTreeMap::new();
        for Place { topic, partition, offset } in places {
            let stream = topics.stream(&topic).ok_or_else(|| {
                let Topics { orders, runs } = topics;
                Failure::Usage(format!("--until names topic {topic}, but foldback folds only {orders} and {runs}"))
            })?;
            if bounds.insert(StreamPartition { stream, index: partition }, offset).is_some() {
                return Err(Failure::Usage(format!("--until names {topic}/{partition} twice")));
            }
        }
        Ok(Until::Offsets(Bounds(bounds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::record::Stream;

    fn check(text: &str, expected: Result<Until, &str>) {
        let topics = Topics { orders: "provider-orders".into(), runs: "automation-runs".into() };
        let got = parse(text).and_then(|typed| {
            typed.resolve(&topics).map_err(|failure| match failure {
                Failure::Usage(sentence) => sentence,
                other => format!("{other:?}"),
            })
        });
        assert_eq!(got, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn a_time() {
        let time = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
        check("2023-11-14T22:13:20Z", Ok(Until::Time(time)));
        check("2023-11-14T23:13:20+01:00", Ok(Until::Time(time)));
    }

    #[test]
    fn offsets() {
        let of = |stream, partition| StreamPartition { stream, index: partition };
        let bounds =
            BTreeMap::from([(of(Stream::Orders, 0), 1500), (of(Stream::Orders, 1), 0), (of(Stream::Runs, 7), 3)]);
        let text = "provider-orders/0:1500,provider-orders/1:0,automation-runs/7:3";
        check(text, Ok(Until::Offsets(Bounds(bounds))));
    }

    #[test]
    fn mistakes_are_named() {
        let neither = "must be a time such as 2026-11-23T10:00:00Z or offsets such as \
                       provider-orders/0:1500,provider-orders/1:0";
        check("yesterday", Err(neither));
        check("2023-11-14", Err(neither));
        check("provider-orders/0", Err("\"provider-orders/0\" is not of the form topic/partition:offset"));
        check("provider-orders/0:1,", Err("\"\" is not of the form topic/partition:offset"));
        check("provider-orders/-1:4", Err("\"provider-orders/-1:4\" is not of the form topic/partition:offset"));
        check("/1:4", Err("\"/1:4\" is not of the form topic/partition:offset"));
        check(
            "other/1:4",
            Err("--until names topic other, but foldback folds only provider-orders and automation-runs"),
        );
        check("provider-orders/1:4,provider-orders/1:5", Err("--until names provider-orders/1 twice"));
    }
}
