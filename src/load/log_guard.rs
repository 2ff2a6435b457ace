//! What in the log forbids folding it from its start, or going on where a generation is.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

use super::Build;
use super::context::LoadContext;
use super::error::LoadError;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::LogPosition;
use crate::log::survey::continuity::Truncated;
use crate::log::survey::{PartitionSurvey, TopicSurvey};
use crate::store::generations::{self, live_projection, log_positions};
use crate::store::tables::folded_topics::FoldedTopics;
use crate::store::{Generation, StoreError};

/// What is known of the log that a generation was folded from.
struct Folded {
    generation: Generation,
    topics: FoldedTopics,
    /// By topic.
    ids: BTreeMap<String, String>,
    positions: BTreeMap<StreamPartition, LogPosition>,
}

/// A reason against folding the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRefusal {
    /// The topic that is not whole, or not the one that was folded before; `None` if none is at fault.
    pub topic: Option<String>,
    /// A sentence.
    pub why: String,
}

impl LogRefusal {
    fn of(topic: &str, why: String) -> LogRefusal {
        LogRefusal { topic: Some(topic.to_owned()), why }
    }
}

/// Surveys the log, and gives the reasons against a rebuild. A topic of `ctx.new_logs` need not be the one
/// that the live generation was folded from.
pub async fn survey(
    ctx: &LoadContext,
    conn: &mut PgConnection,
) -> Result<(Vec<TopicSurvey>, Vec<LogRefusal>), LoadError> {
    let live = live_projection(conn).await?.generation;
    // Read before the log's ends, since publishers and the live fold keep moving.
    let folded = Folded::read(ctx, conn, live).await?;
    let survey = ctx.survey().await?;
    let mut refusals: Vec<LogRefusal> = survey.iter().flat_map(whole).collect();
    refusals.extend(folded.refusals(ctx, &survey).await?);
    Ok((survey, refusals))
}

/// Reasons against going on with a generation, as sentences: its log is not the one of the survey.
pub async fn other_log(
    ctx: &LoadContext,
    conn: &mut PgConnection,
    generation: Generation,
    survey: &[TopicSurvey],
) -> Result<Vec<String>, LoadError> {
    let refusals = Folded::read(ctx, conn, generation).await?.refusals(ctx, survey).await?;
    Ok(refusals.into_iter().map(|refusal| refusal.why).collect())
}

/// Refuses to go on in another topic of the same name: a load claims a partition anew when something is wrong with its log.
pub(super) fn same_topic(
    ctx: &LoadContext,
    build: &Build,
    partition: StreamPartition,
    topic_id: Option<String>,
) -> Result<(), LoadError> {
    let stored = build.found.get(&partition).and_then(|found| found.topic_id.clone());
    match (stored, topic_id) {
        (Some(stored), Some(found)) if stored != found => {
            let topic = ctx.topics.name(partition.stream).to_owned();
            Err(LoadError::of_claim(StoreError::TopicRecreated { topic, stored, found }))
        }
        _ => Ok(()),
    }
}

/// Whether the topic has every record that it ever had.
fn whole(topic: &TopicSurvey) -> Vec<LogRefusal> {
    let mut refusals: Vec<String> = topic.partitions.iter().filter_map(|surveyed| beginning(topic, surveyed)).collect();
    if let Some(policy) = topic.cleanup_policy.as_ref().filter(|policy| policy.contains("compact")) {
        refusals.push(format!(
            "topic {} is compacted (cleanup.policy={policy}): it has lost older records of the same key; set \
             cleanup.policy=delete and restore it from a copy",
            topic.topic
        ));
    }
    refusals.into_iter().map(|why| LogRefusal::of(&topic.topic, why)).collect()
}

/// Refuses a partition that does not start at offset 0.
fn beginning(topic: &TopicSurvey, surveyed: &PartitionSurvey) -> Option<String> {
    (surveyed.log_start > 0).then(|| {
        format!(
            "topic {}, partition {} starts at offset {}: earlier records are lost (retention, or deleted records); \
             restore it from a copy, and set retention.ms=-1",
            topic.topic, surveyed.partition.index, surveyed.log_start
        )
    })
}

impl Folded {
    async fn read(ctx: &LoadContext, conn: &mut PgConnection, generation: Generation) -> Result<Folded, StoreError> {
        generations::complete_tables(conn, generation).await?;
        let topics = FoldedTopics::of(conn, generation).await?;
        let ids = generations::topic_ids(conn, generation).await?;
        let position = |((topic, index), position): ((String, i32), LogPosition)| {
            let stream = ctx.topics.stream(&topic).filter(|_| !ctx.new_logs.contains(&topic))?;
            Some((StreamPartition { stream, index }, position))
        };
        let positions = log_positions(conn, generation).await?.into_iter().filter_map(position).collect();
        Ok(Folded { generation, topics, ids, positions })
    }

    async fn refusals(&self, ctx: &LoadContext, survey: &[TopicSurvey]) -> Result<Vec<LogRefusal>, LoadError> {
        let mut refusals = Vec::new();
        refusals.extend(self.other_topics(ctx).map(|why| LogRefusal { topic: None, why }));
        for topic in survey.iter().filter(|topic| !ctx.new_logs.contains(&topic.topic)) {
            let recreated = self.recreated(topic).into_iter();
            let shorter = topic.partitions.iter().filter_map(|surveyed| self.shorter(topic, surveyed));
            refusals.extend(recreated.chain(shorter).map(|why| LogRefusal::of(&topic.topic, why)));
        }
        if refusals.is_empty() {
            let truncated = ctx.truncated(&self.positions).await?;
            refusals.extend(truncated.iter().map(|truncated| grown_again(ctx, truncated)));
        }
        if refusals.is_empty() {
            refusals.extend(self.altered(ctx, survey).await?);
        }
        Ok(refusals)
    }

    /// Leader epochs may agree by chance, where a cluster was restored from a snapshot.
    async fn altered(&self, ctx: &LoadContext, survey: &[TopicSurvey]) -> Result<Vec<LogRefusal>, LoadError> {
        let record = |PartitionSurvey { partition, log_start, .. }: &PartitionSurvey| {
            let record = self.positions.get(partition)?.last_record?;
            // What was deleted since proves nothing.
            (record.offset >= *log_start).then_some((*partition, record))
        };
        let records = survey.iter().flat_map(|topic| &topic.partitions).filter_map(record).collect();
        let altered = ctx.altered(&records).await?.into_iter();
        let sentence = |partition: StreamPartition| {
            let next_offset = self.positions.get(&partition)?.next_offset;
            Some(grown_again(ctx, &Truncated { partition, next_offset, from: None }))
        };
        Ok(altered.filter_map(sentence).collect())
    }

    /// A new log may have another name than the old one had.
    fn other_topics(&self, ctx: &LoadContext) -> Option<String> {
        let missing = self.topics.missing_in(&ctx.topics).len();
        let named = [&ctx.topics.orders, &ctx.topics.runs].into_iter();
        let new = named.filter(|topic| ctx.new_logs.contains(topic) && !self.topics.names.contains(topic)).count();
        if missing <= new {
            return None;
        }
        self.topics.check(self.generation, &ctx.topics).err().map(|error| error.to_string())
    }

    fn recreated(&self, topic: &TopicSurvey) -> Option<String> {
        let (stored, found) = (self.ids.get(&topic.topic)?, topic.topic_id.as_ref()?);
        (stored != found).then(|| {
            format!(
                "topic {name} was deleted and recreated (its id was {stored} and is now {found}): it may lack records that \
                 the views were folded from; restore it from a copy, or fold it as a new log with --new-log {name}",
                name = topic.topic
            )
        })
    }

    fn shorter(&self, topic: &TopicSurvey, surveyed: &PartitionSurvey) -> Option<String> {
        let at = self.positions.get(&surveyed.partition)?.next_offset;
        (at > surveyed.end).then(|| {
            format!(
                "topic {name}, partition {} ends at offset {}, but generation {} is folded up to {at}: it has lost records; \
                 restore it from a copy, or fold it as a new log with --new-log {name}",
                surveyed.partition.index,
                surveyed.end,
                self.generation.0,
                name = topic.topic
            )
        })
    }
}

fn grown_again(ctx: &LoadContext, Truncated { partition, next_offset, from }: &Truncated) -> LogRefusal {
    let name = ctx.topics.name(partition.stream);
    let lost = match from {
        Some(from) => format!("offsets {from} to {}", next_offset - 1),
        None => format!("some of the offsets before {next_offset}"),
    };
    let why = format!(
        "topic {name}, partition {} was truncated and has grown again: {lost}, which the views were folded from, were lost; \
         restore it from a copy, or fold it as a new log with --new-log {name}",
        partition.index
    );
    LogRefusal::of(name, why)
}
