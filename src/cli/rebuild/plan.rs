//! A plan as a table.

use crate::cli::format::{duration, thousands};
use crate::cli::output::{or_dash, plain, table};
use crate::observe::size::size_text;
use crate::rebuild::{Plan, PlannedPartition, PlannedTopic};

const TOPIC_CHARS_MAX: usize = 249;
const SENTENCE_CHARS_MAX: usize = 1000;

pub fn as_text(plan: &Plan) -> String {
    format!("{}\n{}\n{}", partitions(plan), logs(&plan.topics), facts(plan))
}

fn partitions(plan: &Plan) -> String {
    let head = ["TOPIC", "PARTITION", "FROM", "TO", "EVENTS", "BYTES"].map(str::to_owned).to_vec();
    let each = plan.topics.iter().flat_map(|topic| topic.partitions.iter().map(|partition| row(topic, partition)));
    let all = || plan.topics.iter().flat_map(|topic| &topic.partitions);
    let events = thousands(all().map(|partition| partition.events).sum());
    let size = size_text(all().map(|partition| partition.bytes).sum());
    let total = ["(all)".to_owned(), String::new(), String::new(), String::new(), events, size].to_vec();
    table(&std::iter::once(head).chain(each).chain([total]).collect::<Vec<_>>())
}

fn row(topic: &PlannedTopic, partition: &PlannedPartition) -> Vec<String> {
    vec![
        plain(&topic.topic, TOPIC_CHARS_MAX),
        partition.partition.to_string(),
        partition.from.to_string(),
        partition.to.to_string(),
        thousands(partition.events),
        size_text(partition.bytes),
    ]
}

fn logs(topics: &[PlannedTopic]) -> String {
    let head = ["TOPIC", "LOG", "CLEANUP POLICY", "TOPIC ID"].map(str::to_owned).to_vec();
    let rows = topics.iter().map(|topic| {
        vec![
            plain(&topic.topic, TOPIC_CHARS_MAX),
            if topic.whole { "complete" } else { "INCOMPLETE" }.to_owned(),
            or_dash(topic.cleanup_policy.as_ref()),
            or_dash(topic.topic_id.as_ref()),
        ]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn facts(plan: &Plan) -> String {
    let refused = match plan.refusals.len() {
        0 => "no".to_owned(),
        1 => "yes, for one reason".to_owned(),
        reasons => format!("yes, for {reasons} reasons"),
    };
    let generations = [
        ("resumes", plan.resumes.iter().copied().collect()),
        ("drops first", plan.drops.clone()),
        ("drops once it is live", plan.drops_when_live.clone()),
    ];
    let generations = generations.into_iter().filter(|(_, numbers)| !numbers.is_empty());
    let generations = generations.map(|(name, numbers)| (name, numbered(&numbers)));
    let facts = [
        ("space in Postgres", format!("about {}", size_text(plan.space_bytes))),
        ("time", format!("about {}", duration(plan.seconds))),
        ("would be refused", refused),
    ];
    let warnings = plan.warnings.iter().map(|warning| ("warning", plain(warning, SENTENCE_CHARS_MAX)));
    let rows = generations.chain(facts).chain(warnings).map(|(name, value)| vec![name.to_owned(), value]);
    table(&rows.collect::<Vec<_>>())
}

fn numbered(generations: &[i32]) -> String {
    let numbers: Vec<String> = generations.iter().map(i32::to_string).collect();
    format!("generation {}", numbers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(partition: i32, from: i64, to: i64, bytes: u64) -> PlannedPartition {
        PlannedPartition { partition, from, to, events: (to - from) as u64, bytes }
    }

    #[test]
    fn a_plan_reads_like_this() {
        let plan = Plan {
            topics: vec![
                PlannedTopic {
                    topic: "provider-orders".into(),
                    whole: false,
                    topic_id: Some("kQ0GHrPpTDeZWdQqnV1Wlg".into()),
                    cleanup_policy: Some("delete".into()),
                    partitions: vec![partition(0, 17, 124_567, 24_908_800), partition(1, 0, 500, 98_000)],
                },
                PlannedTopic {
                    topic: "automation-runs".into(),
                    whole: true,
                    topic_id: None,
                    cleanup_policy: None,
                    partitions: vec![partition(0, 0, 625, 512)],
                },
            ],
            resumes: Some(7),
            drops: vec![5, 6],
            drops_when_live: vec![],
            space_bytes: 123_000_000,
            seconds: 3.4,
            refusals: vec!["provider-orders/0 starts at 17".into()],
            warnings: vec!["automation-runs was not read".into()],
        };
        let expected = "\
TOPIC            PARTITION  FROM  TO      EVENTS   BYTES
provider-orders  0          17    124567  124,550  23.8 MiB
provider-orders  1          0     500     500      95.7 KiB
automation-runs  0          0     625     625      512 B
(all)                                     125,675  23.8 MiB

TOPIC            LOG         CLEANUP POLICY  TOPIC ID
provider-orders  INCOMPLETE  delete          kQ0GHrPpTDeZWdQqnV1Wlg
automation-runs  complete    -               -

resumes            generation 7
drops first        generation 5, 6
space in Postgres  about 117.3 MiB
time               about 3.4 s
would be refused   yes, for one reason
warning            automation-runs was not read
";
        assert_eq!(as_text(&plan), expected);
    }
}
