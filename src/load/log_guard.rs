//! What in the log forbids folding it from its start.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

use super::context::LoadContext;
use super::error::LoadError;
use crate::domain::log::positions::TopicPositions;
use crate::log::survey::{PartitionSurvey, TopicSurvey};
use crate::store::generations::{self, checkpoints, live_projection};

/// Surveys the log, and gives the reasons against a rebuild as sentences.
pub async fn survey(ctx: &LoadContext, conn: &mut PgConnection) -> Result<(Vec<TopicSurvey>, Vec<String>), LoadError> {
    let live = live_projection(conn).await?.generation;
    let ids = generations::topic_ids(conn, live).await?;
    // Read before the log's ends, since publishers and the live fold keep moving.
    let positions = checkpoints(conn, live).await?;
    let survey = ctx.survey().await?;
    let refusals = log_refusals(&survey, &ids, &positions);
    Ok((survey, refusals))
}

fn log_refusals(survey: &[TopicSurvey], ids: &BTreeMap<String, String>, positions: &TopicPositions) -> Vec<String> {
    let mut refusals = Vec::new();
    for topic in survey {
        refusals.extend(topic.partitions.iter().filter_map(|surveyed| beginning(topic, surveyed)));
        if let (Some(stored), Some(found)) = (ids.get(&topic.topic), &topic.topic_id)
            && stored != found
        {
            refusals.push(format!(
                "topic {} was deleted and recreated (its id was {stored} and is now {found}): it lacks the records \
                 that the views were folded from; restore it from a copy",
                topic.topic
            ));
        }
        if topic.cleanup_policy.as_ref().is_some_and(|policy| policy.contains("compact")) {
            refusals.push(format!(
                "topic {} is compacted (cleanup.policy): it has lost older records of the same key; set \
                 cleanup.policy=delete and restore it from a copy",
                topic.topic
            ));
        }
        let ahead = topic.partitions.iter().filter_map(|surveyed| {
            let at = positions.get(&(topic.topic.clone(), surveyed.partition.index))?;
            (*at > surveyed.end).then(|| {
                format!(
                    "topic {}, partition {} ends at offset {}, but the live views are folded up to {at}: it has lost \
                     records; restore it from a copy",
                    topic.topic, surveyed.partition.index, surveyed.end
                )
            })
        });
        refusals.extend(ahead);
    }
    refusals
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
