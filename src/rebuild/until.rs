//! Where a rebuild's load ends.

use std::time::Duration;

use super::error::RebuildError;
use super::options::Until;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::partition::StreamPartition;
use crate::load::Site;
use crate::log::survey::TopicSurvey;
use crate::log::survey::offsets::offsets_at;

const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// The log's current ends, or its ends as of an earlier point. Every partition has one.
pub async fn targets(site: &Site, survey: &[TopicSurvey], until: Option<&Until>) -> Result<Bounds, RebuildError> {
    let partitions = || survey.iter().flat_map(|topic| &topic.partitions);
    let ends = Bounds(partitions().map(|at| (at.of, at.end)).collect());
    match until {
        None => Ok(ends),
        Some(Until::Time(time)) => {
            let asked: Vec<StreamPartition> = ends.partitions();
            let at = offsets_at(&site.config.kafka, &site.topics, &asked, *time, ASK_TIMEOUT).await?;
            Ok(Bounds(at.into_iter().map(|(of, offset)| (of, offset.min(ends.of(of).unwrap_or(offset)))).collect()))
        }
        Some(Until::Offsets(bounds)) => {
            check(site, bounds, &ends)?;
            let bound = |at: &crate::log::survey::PartitionSurvey| (at.of, bounds.of(at.of).unwrap_or(at.log_start));
            Ok(Bounds(partitions().map(bound).collect()))
        }
    }
}

fn check(site: &Site, bounds: &Bounds, ends: &Bounds) -> Result<(), RebuildError> {
    for (of, offset) in &bounds.0 {
        let topic = site.topics.name(of.stream);
        match ends.of(*of) {
            None => {
                let what = format!("--until names topic {topic}, partition {}, which does not exist", of.partition);
                return Err(RebuildError::refused(vec![what]));
            }
            Some(end) if *offset > end || *offset < 0 => {
                let what = format!(
                    "--until names offset {offset} of topic {topic}, partition {}, but that ends at {end}",
                    of.partition
                );
                return Err(RebuildError::refused(vec![what]));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
