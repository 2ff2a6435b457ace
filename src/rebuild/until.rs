//! Where a rebuild's load ends.

use std::time::Duration;

use super::error::RebuildError;
use super::options::Until;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::partition::StreamPartition;
use crate::load::LoadContext;
use crate::log::survey::TopicSurvey;
use crate::log::survey::offsets::offsets_at;

const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// The log's current ends, or its ends as of an earlier point. Every partition has one.
pub async fn targets(ctx: &LoadContext, survey: &[TopicSurvey], until: Option<&Until>) -> Result<Bounds, RebuildError> {
    let partitions = || survey.iter().flat_map(|topic| &topic.partitions);
    let ends = Bounds(partitions().map(|at| (at.partition, at.end)).collect());
    match until {
        None => Ok(ends),
        Some(Until::Time(time)) => {
            let asked: Vec<StreamPartition> = ends.partitions();
            let at = offsets_at(&ctx.config.kafka, &ctx.topics, &asked, *time, ASK_TIMEOUT).await?;
            Ok(Bounds(
                at.into_iter()
                    .map(|(partition, offset)| (partition, offset.min(ends.of(partition).unwrap_or(offset))))
                    .collect(),
            ))
        }
        Some(Until::Offsets(bounds)) => {
            check(ctx, bounds, &ends)?;
            let bound = |at: &crate::log::survey::PartitionSurvey| {
                (at.partition, bounds.of(at.partition).unwrap_or(at.log_start))
            };
            Ok(Bounds(partitions().map(bound).collect()))
        }
    }
}

fn check(ctx: &LoadContext, bounds: &Bounds, ends: &Bounds) -> Result<(), RebuildError> {
    for (partition, offset) in &bounds.0 {
        let topic = ctx.topics.name(partition.stream);
        match ends.of(*partition) {
            None => {
                let what = format!("--until names topic {topic}, partition {}, which does not exist", partition.index);
                return Err(RebuildError::refused(vec![what]));
            }
            Some(end) if *offset > end || *offset < 0 => {
                let what = format!(
                    "--until names offset {offset} of topic {topic}, partition {}, but that ends at {end}",
                    partition.index
                );
                return Err(RebuildError::refused(vec![what]));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
