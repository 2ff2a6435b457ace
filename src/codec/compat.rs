//! Checks which schemas ours can read, for `schemas check`.

use crate::domain::log::record::Stream;

use super::avro::fingerprint::fingerprint;
use super::avro::resolve::{Failure, resolve};
use super::avro::schema::{Schema, SchemaError};
use super::bundled::{BUNDLED, Bundled, newest};

/// How our newest schema reads a writer's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compatibility {
    /// Problems with which every datum decodes wrongly, or not at all.
    pub broken: Vec<String>,
    /// Union branches and enum symbols that only a newer writer knows; all others decode.
    pub unknown: Vec<String>,
}

/// Whether our newest schema of the stream reads what the writer wrote. `referenced` are the texts that the writer's
/// schema refers to, each after those that it refers to itself.
pub fn compatibility(stream: Stream, writer: &str, referenced: &[String]) -> Result<Compatibility, SchemaError> {
    let writer = Schema::parse_writer(writer, referenced)?;
    let ours = newest(stream).map_or(Ok(None), |bundled| Schema::parse(bundled.json).map(Some))?;
    let Some(reader) = ours else { return Ok(Compatibility { broken: Vec::new(), unknown: Vec::new() }) };
    let plan = resolve(&writer, &reader).plan;
    let (unknown, broken): (Vec<_>, Vec<_>) = plan.failures().into_iter().partition(|failure| failure.unknown_variant);
    let details = |failures: Vec<&Failure>| failures.into_iter().map(|failure| failure.detail.clone()).collect();
    Ok(Compatibility { broken: details(broken), unknown: details(unknown) })
}

/// Problems among the bundled versions: an older one that the newest can't fully read, or two with the same fingerprint
/// that decode differently.
pub fn bundled_problems() -> Vec<String> {
    problems(BUNDLED)
}

fn problems(bundled: &[Bundled]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, version) in bundled.iter().enumerate() {
        match compatibility(version.stream, version.json, &[]) {
            Err(error) => problems.push(format!("{}: {error}", version.name)),
            Ok(found) => {
                let unread = found.broken.into_iter().chain(found.unknown);
                problems.extend(unread.map(|detail| format!("{}: {detail}", version.name)));
            }
        }
        let clashes = bundled[..index].iter().filter(|other| clash(version, other));
        problems.extend(clashes.map(|other| {
            format!("{} and {} have the same fingerprint but decode differently", other.name, version.name)
        }));
    }
    problems
}

fn clash(one: &Bundled, other: &Bundled) -> bool {
    let (Ok(one), Ok(other)) = (Schema::parse(one.json), Schema::parse(other.json)) else { return false };
    fingerprint(&one) == fingerprint(&other) && !one.decodes_like(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_versions_are_fine() {
        assert_eq!(bundled_problems(), Vec::<String>::new());
    }

    #[test]
    fn a_changed_scale_under_one_fingerprint_is_refused() {
        let ours = BUNDLED[0];
        let json = ours.json.replace("\"scale\": 4", "\"scale\": 2").leak();
        let changed = Bundled { stream: ours.stream, name: "changed.avsc", json };
        assert_eq!(
            problems(&[ours, changed]),
            ["provider-order-event.avsc and changed.avsc have the same fingerprint but decode differently"]
        );
    }

    #[test]
    fn a_newer_branch_is_unknown_and_not_broken() {
        let more =
            r#"{"type": "record", "name": "OrderLost", "fields": []}, {"type": "record", "name": "OrderCancelled""#;
        let newer = BUNDLED[0].json.replace(r#"{"type": "record", "name": "OrderCancelled""#, more);
        let found = compatibility(Stream::Orders, &newer, &[]).unwrap();
        assert_eq!(found.broken, Vec::<String>::new());
        assert_eq!(found.unknown, ["ProviderOrderEvent.payload: the writer's branch record `OrderLost` is unknown"]);
    }
}
