//! Guards that refuse a rebuild before it starts.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

use super::context::Site;
use super::error::LoadError;
use crate::log::survey::{PartitionSurvey, TopicSurvey};
use crate::store::generations::{self, checkpoints, live_projection};
use crate::store::{StoreError, migrate};

/// A killed process holds the lock until Postgres notices, which takes a moment.
const LOCK_TRIES: u32 = 12;
const LOCK_PAUSE: Duration = Duration::from_millis(250);

/// Takes the lock that lets one process at a time change generations, and checks the database's schema version.
pub async fn enter(site: &Site) -> Result<PgConnection, LoadError> {
    let mut conn = site.access.connect().await?;
    match migrate::check_version(&mut conn).await {
        Err(error @ StoreError::SchemaVersion { .. }) => return Err(LoadError::Refused(vec![error.to_string()])),
        checked => checked?,
    }
    for _ in 0..LOCK_TRIES {
        if generations::try_hold(&mut conn, Lock::Rebuild).await? {
            return Ok(conn);
        }
        sleep(LOCK_PAUSE).await;
    }
    Err(LoadError::Refused(vec![another(&mut conn).await?]))
}

async fn another(conn: &mut PgConnection) -> Result<String, StoreError> {
    let building = generations::list(conn).await?.into_iter().find(|info| info.builder_alive);
    let what = building.map(|info| {
        let ratio = info.progress.map_or(0.0, |progress| progress.ratio);
        format!(": generation {}, {:.0} % folded, started by {}", info.generation, ratio * 100.0, info.created_by)
    });
    Ok(format!(
        "another rebuild, promotion or rollback is running{}; see `foldback generations list`",
        what.unwrap_or_default()
    ))
};

/// Surveys the log, and gives the reasons against a rebuild as sentences.
pub async fn survey(site: &Site, conn: &mut PgConnection) -> Result<(Vec<TopicSurvey>, Vec<String>), LoadError> {
    let live = live_projection(conn).await?.generation;
    let ids = generations::topic_ids(conn, live).await?;
    // Read before the log's ends, since publishers and the live fold keep moving.
    let positions = checkpoints(conn, live).await?;
    let survey = site.survey().await?;
    let refusals = log_refusals(&survey, &ids, &positions);
    Ok((survey, refusals))
}

fn log_refusals(
    survey: &[TopicSurvey],
    ids: &BTreeMap<String, String>,
    positions: &BTreeMap<(String, i32), i64>,
) -> Vec<String> {
    let mut refusals = Vec::new();
    for topic in survey {
        refusals.extend(topic.partitions.iter().filter_map(|partition| beginning(topic, partition)));
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
        let ahead = topic.partitions.iter().filter_map(|partition| {
            let at = positions.get(&(topic.topic.clone(), partition.of.partition))?;
            (*at > partition.end).then(|| {
                format!(
                    "topic {}, partition {} ends at offset {}, but the live views are folded up to {at}: it has lost \
                     records; restore it from a copy",
                    topic.topic, partition.of.partition, partition.end
                )
            })
        });
        refusals.extend(ahead);
    }
    refusals
}

/// Refuses a partition that does not start at offset 0.
fn beginning(topic: &TopicSurvey, partition: &PartitionSurvey) -> Option<String> {
    (partition.log_start > 0).then(|| {
        format!(
            "topic {}, partition {} starts at offset {}: earlier records are lost (retention, or deleted records); \
             restore it from a copy, and set retention.ms=-1",
            topic.topic, partition.of.partition, partition.log_start
        )
    })
}

/// Refuses a generation of this size if there is no room for it.
pub async fn space_refusal(
    site: &Site,
    conn: &mut PgConnection,
    space_bytes: u64,
) -> Result<Option<String>, LoadError> {
    let bound = site.config.rebuild.space_bytes_max;
    if bound > 0 && space_bytes > bound {
        return Ok(Some(format!(
            "the new generation needs an estimated {} in Postgres, more than rebuild.space_bytes_max ({}); raise the \
             limit, or drop an older generation",
            size_text(space_bytes),
            size_text(bound)
        )));
    }
    let Some(directory) = generations::local_data_directory(conn).await? else { return Ok(None) };
    let Some(free) = free_bytes(Path::new(&directory)) else { return Ok(None) };
    Ok((space_bytes > free).then(|| {
        format!(
            "the new generation needs an estimated {} in Postgres, but its disk has {} free; make room, or drop an \
             older generation",
            size_text(space_bytes),
            size_text(free)
        )
    }))
}

/// `None` if the disk is not visible from here.
fn free_bytes(path: &Path) -> Option<u64> {
    let found = path.ancestors().find_map(|path| rustix::fs::statvfs(path).ok())?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
