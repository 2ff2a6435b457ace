//! `rebuild --plan`: what a rebuild would read, take and be refused for. Changes nothing.

use std::time::{Duration, Instant};

use super::error::RebuildError;
use super::intent::Intent;
use super::options::{Plan, PlannedPartition, PlannedTopic, RebuildOptions};
use super::run::no_room;
use super::session::other_holder;
use super::until;
use crate::config::Config;
use crate::domain::log::bounds::Bounds;
use crate::live::worker::decode::EventDecoder;
use crate::load::log_guard::LogRefusal;
use crate::load::{LoadContext, LoadError, log_guard, space};
use crate::log::survey::TopicSurvey;
use crate::log::survey::probe::{LogSample, SampleBounds, sample};
use crate::log::{DecodedRecord, RecordDecoder};
use crate::observe::health;
use crate::projection::spill::Spill;
use crate::projection::{Content, Item};
use crate::store::connect::Access;
use crate::store::generations;
use crate::store::load::HistoryBatch;
use crate::store::tables::history::HistoryRow;
use crate::store::{StoreError, load, migrate};

/// Total duration of a rebuild relative to folding and writing the history, with settling, indexes and checks. Measured
/// with the sample events, see docs/adr.
const WHOLE_PER_FOLDING: f64 = 2.0;

/// Plans a rebuild.
pub async fn plan(config: &Config, access: &Access, options: &RebuildOptions) -> Result<Plan, RebuildError> {
    let mut ctx = LoadContext::new(config, access)?;
    ctx.new_logs = options.new_logs.clone();
    let mut conn = ctx.access.connect().await?;
    let mut refusals = Vec::new();
    match migrate::check_version(&mut conn).await {
        Err(error @ StoreError::SchemaVersion { .. }) => refusals.push(error.to_string()),
        checked => checked?,
    }
    // Not held while this takes its time: nothing is changed here.
    if !generations::is_free(&mut conn, generations::Lock::Rebuild).await? {
        refusals.push(other_holder(&mut conn).await?);
    }
    let (survey, forbidden) = log_guard::survey(&ctx, &mut conn).await?;
    refusals.extend(forbidden.iter().map(|refusal| refusal.why.clone()));
    let intent = Intent::read(&ctx, &mut conn, options).await?;
    let targets = match &intent.resumes {
        Some((_, targets)) => targets.clone(),
        None => until::targets(&ctx, &survey, options.until.as_ref()).await?,
    };
    let measured = measure(&ctx, &survey).await?;
    refusals.extend(measured.undecodable.iter().cloned());
    let topics: Vec<PlannedTopic> = survey
        .iter()
        .zip(&measured.samples)
        .map(|(topic, sample)| planned(topic, sample, &targets, &forbidden))
        .collect();
    let events: u64 = topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.events).sum();
    let space_bytes = events.saturating_mul(space::per_event(&mut conn).await?);
    refusals.extend(no_room(&ctx, &mut conn, (&survey, &targets), (options, &intent)).await?);
    let workers = ctx.config.rebuild.workers.max(1) as f64;
    let seconds = events as f64 * measured.seconds_per_event / workers * WHOLE_PER_FOLDING;
    let warnings = survey.iter().zip(&measured.samples).filter_map(|(topic, sample)| unread(topic, sample)).collect();
    Ok(Plan {
        topics,
        resumes: intent.resumes.map(|(generation, _)| generation.0),
        drops: intent.leftovers.iter().map(|info| info.generation).collect(),
        drops_when_live: intent.outlived.iter().map(|generation| generation.0).collect(),
        space_bytes,
        seconds,
        refusals,
        warnings,
    })
}

/// Says of which topic nothing could be read in the time that a plan takes for it.
fn unread(topic: &TopicSurvey, sample: &LogSample) -> Option<String> {
    let offsets: i64 = topic.partitions.iter().map(|at| at.end - at.log_start).sum();
    (sample.records == 0 && offsets > 0).then(|| {
        format!(
            "topic {} has {offsets} offsets, but no record of it was read within {} s: its events, bytes and time are not \
             known. The brokers may be slow, or it holds nothing but aborted transactions",
            topic.topic,
            SampleBounds::default().time_max.as_secs()
        )
    })
}

fn planned(topic: &TopicSurvey, sample: &LogSample, targets: &Bounds, forbidden: &[LogRefusal]) -> PlannedTopic {
    let partitions = topic.partitions.iter().map(|at| {
        let to = targets.of(at.partition).unwrap_or(at.log_start);
        let offsets = u64::try_from(to - at.log_start).unwrap_or(0);
        let events = sample.records_in(offsets).unwrap_or(offsets);
        let bytes = sample.bytes_of(events).unwrap_or(0);
        PlannedPartition { partition: at.partition.index, from: at.log_start, to, events, bytes }
    });
    PlannedTopic {
        topic: topic.topic.clone(),
        whole: !forbidden.iter().any(|refusal| refusal.topic.as_ref() == Some(&topic.topic)),
        topic_id: topic.topic_id.clone(),
        cleanup_policy: topic.cleanup_policy.clone(),
        partitions: partitions.collect(),
    }
}

struct Measured {
    /// In the order of the survey.
    samples: Vec<LogSample>,
    seconds_per_event: f64,
    /// A sentence for each topic with records that a rebuild would wait at.
    undecodable: Vec<String>,
}

/// Reads some records, folds them, and writes their history into a temporary table.
async fn measure(ctx: &LoadContext, survey: &[TopicSurvey]) -> Result<Measured, RebuildError> {
    let (mut samples, mut items, mut undecodable) = (Vec::new(), Vec::new(), Vec::new());
    let mut seconds = Duration::ZERO;
    for topic in survey {
        let (kafka, name, topic) = (ctx.config.kafka.clone(), topic.topic.clone(), topic.clone());
        let decoder = EventDecoder::new(ctx.decoder.clone(), ctx.resolver.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut raw = Vec::new();
            let seen = sample(&kafka, &topic, SampleBounds::default(), |record| raw.push(record))?;
            Ok::<_, RebuildError>((seen, raw, decoder))
        });
        let (seen, raw, decoder) = read.await.map_err(|_| RebuildError::stopped())??;
        samples.push(seen);
        wait_for_schemas(&decoder, &raw).await;
        let (started, sampled, decoded) = (Instant::now(), raw.len(), items.len());
        items.extend(raw.into_iter().filter_map(|record| match decoder.decode(record) {
            DecodedRecord::Item(item) => Some(item),
            DecodedRecord::Wait(_) => None,
        }));
        seconds += started.elapsed();
        undecodable.extend(waiting(ctx, &name, sampled, sampled - (items.len() - decoded)));
    }
    let events = items.len();
    let started = Instant::now();
    let batch = try_fold(ctx, &items)?;
    let mut conn = ctx.access.connect().await?;
    load::try_history(&mut conn, &batch).await?;
    seconds += started.elapsed();
    let seconds_per_event = if events == 0 { 0.0 } else { seconds.as_secs_f64() / events as f64 };
    Ok(Measured { samples, seconds_per_event, undecodable })
}

/// Says why a rebuild would stand still at some records of a topic.
fn waiting(ctx: &LoadContext, topic: &str, sampled: usize, waiting: usize) -> Option<String> {
    let conditions = ctx.readiness.conditions();
    let why =
        conditions.get(health::SCHEMA_REGISTRY).map_or("their schemas are still being asked for", |it| &it.detail);
    (waiting > 0).then(|| format!("topic {topic}: {waiting} of {sampled} sampled records can't be decoded: {why}"))
}

/// Folds as a load does.
fn try_fold(ctx: &LoadContext, items: &[Item]) -> Result<HistoryBatch, LoadError> {
    let mut spill = Spill::new(1);
    let mut batch = HistoryBatch::with_capacity(items.len());
    for Item { record, content } in items {
        if let Content::Order(event) = content {
            spill.push(0, event, record.position)?;
            let row = HistoryRow { event, position: record.position, recorded_at: record.recorded_at };
            batch.push(row, &ctx.topics.orders);
        }
    }
    Ok(batch)
}

/// Retries, within a bound, records whose schema has to be fetched from the registry.
async fn wait_for_schemas(decoder: &EventDecoder, records: &[crate::domain::log::record::RawRecord]) {
    const TRIES: u32 = 100;
    for _ in 0..TRIES {
        let waits = records.iter().any(|record| matches!(decoder.decode(record.clone()), DecodedRecord::Wait(_)));
        if !waits {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
