//! Reads series back from an instance's /metrics, and computes what they should be.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::families;
use super::gauges::{DomainGauges, DomainValues, EngineValues};
use super::text::write_family;

/// The gauges that follow from the live views.
const COMPARED: [&str; 8] = [
    families::REPLAY_BACKLOG.name,
    families::REPLAY_OVERDUE.name,
    families::NEXT_REPLAY.name,
    families::LAST_RUN.name,
    families::LAST_RUN_ALERTS_SENT.name,
    families::DEAD_LETTERS.name,
    families::ORDERS_WITH_GAPS.name,
    families::LIVE_GENERATION.name,
];

/// Values by family and labels, the labels as text: `provider_id="p1"`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series(pub BTreeMap<(String, String), f64>);

impl Series {
    /// Parses the compared gauges from Prometheus's text format; other series are skipped.
    pub fn parse(text: &str) -> Series {
        let is_compared = |(name, _): &(String, String)| COMPARED.contains(&name.as_str());
        Series(text.lines().filter_map(line).filter(|(key, _)| is_compared(key)).collect())
    }

    /// The series that the leading instance exports for these values.
    pub fn expected(domain: DomainValues, engine: EngineValues, live_generation: i32) -> Series {
        let gauges = DomainGauges::default();
        let now = Instant::now();
        gauges.sure_until(now + Duration::from_secs(1));
        gauges.show(domain);
        gauges.show_engine(engine);
        let mut text = String::new();
        gauges.render(&mut text, now);
        write_family(&mut text, &families::LIVE_GENERATION, &[(vec![], f64::from(live_generation))]);
        Series::parse(&text)
    }
}

/// Whether the instance that serves this text leads the publisher; only the leader exports the gauges.
pub fn leads(text: &str) -> bool {
    text.lines().filter_map(line).any(|((name, _), value)| name == families::PUBLISHER_LEADER.name && value == 1.0)
}

/// `name{labels} value`
fn line(line: &str) -> Option<((String, String), f64)> {
    if line.starts_with('#') {
        return None;
    }
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (series, ""),
    };
    Some(((name.to_owned(), labels.to_owned()), value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::rejection::Reason;
    use crate::domain::views::backlog::{Backlog, ProviderBacklog};
    use crate::domain::views::rows::OpenDeadLetters;

    #[test]
    fn what_is_shown_is_read_back() {
        let backlog = Backlog { scheduled_backlog: 2, next_scheduled_at: None, overdue: 1 };
        let providers = vec![ProviderBacklog { provider_id: Some("a} \"b".into()), backlog }];
        let domain = DomainValues { providers, ..DomainValues::default() };
        let dead_letters = OpenDeadLetters { counts: vec![(Reason::Invalid, 3)], oldest: None };
        let engine = EngineValues { dead_letters, orders_with_gaps: 4, oldest_gap: None };
        let series = Series::expected(domain, engine, 7);
        let value = |name: &str, labels: &str| series.0.get(&(name.to_owned(), labels.to_owned())).copied();
        assert_eq!(value(families::REPLAY_BACKLOG.name, r#"provider_id="a} \"b""#), Some(2.0));
        assert_eq!(value(families::DEAD_LETTERS.name, r#"reason="invalid""#), Some(3.0));
        assert_eq!(value(families::ORDERS_WITH_GAPS.name, ""), Some(4.0));
        assert_eq!(value(families::LIVE_GENERATION.name, ""), Some(7.0));
        assert_eq!(value(families::NEXT_REPLAY.name, r#"provider_id="a} \"b""#), None);
    }

    #[test]
    fn other_series_are_passed_over() {
        let name = families::PUBLISHER_LEADER.name;
        let text = format!("# HELP {name} x\n{name} 1\nprocess_open_fds 5\n\nno number\n");
        assert!(leads(&text) && !leads(&text.replace(" 1\n", " 0\n")));
        assert_eq!(Series::parse(&text), Series::default());
    }
}
