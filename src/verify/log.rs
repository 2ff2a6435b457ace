//! Compares the views with the log: refolds the log into a shadow, up to exactly the views' checkpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio::try_join;
use tokio_util::sync::CancellationToken;

use crate::domain::generations::difference::Differences;
use crate::domain::generations::generation::Progress;
use crate::domain::log::bounds::Bounds;
use crate::domain::log::key_share::KeySample;
use crate::domain::log::partition::StreamPartition;
use crate::domain::log::positions::{TopicPositions, positions_json};
use crate::domain::log::refused::RefusedRecords;
use crate::domain::log::rejection::Reason;
use crate::load::log_guard::survey;
use crate::load::space::Room;
use crate::load::{Build, Built, LoadContext, build, fold_on, found, space};
use crate::store::Generation;
use crate::store::compare::{Moment, SHAPES, Sampled, Shape, Side, compare, refused};
use crate::store::generations::verifications::{Begun, Found};
use crate::store::generations::{checkpoints, drop_shadows};
use crate::store::tables::checkpoints::LogStart;

use super::error::VerifyError;
use super::lock;
use super::options::{RefusedOnlyLive, Stage, VerifyOptions};
use super::published::Published;
use super::record::recorded;
use super::shadow::with_shadow;

/// How close to the live generation we get before opening its snapshot, which holds back vacuum until it is closed.
const NEAR_RECORDS: i64 = 20_000;
/// How often the shadow catches up with the live generation before comparing anyway.
const ROUNDS_MAX: usize = 5;

/// Result for the live views.
pub struct Folded {
    /// First Redis and the gauges, then the views.
    pub differences: Differences,
    pub refused_only_live: Vec<RefusedOnlyLive>,
    pub checkpoints: TopicPositions,
    pub rows: u64,
}

/// Compares the live generation's views with the log, at one moment, and also what was `shown`.
pub async fn check_live(
    ctx: &LoadContext,
    live: Generation,
    options: &VerifyOptions,
    observer: &(dyn Fn(Stage) + Sync),
    shown: Published,
    stop: &CancellationToken,
) -> Result<Folded, VerifyError> {
    let found = Arc::new(whole_log(ctx, options.sample).await?);
    let targets = live_bounds(ctx, live).await?;
    with_shadow(ctx, live, &targets.clone(), async |shadow| {
        let refused = live_refused(ctx, live, &Bounds::default()).await?;
        let mut shadow = Build {
            generation: shadow,
            found,
            targets,
            sample: options.sample,
            refused,
            workers: ctx.config.rebuild.workers,
            records_per_second_max: options.records_per_second_max,
            note: Arc::new(|_| {}),
        };
        let built = build(ctx, &shadow, &|progress| observer(Stage::Folding(progress)), stop).await?;
        let refused_only_live = only_live(ctx, &shadow.refused, &built.forced);
        let mut moment = catch_up(ctx, live, &mut shadow, stop).await?;
        let mut expected = Side::still(&ctx.access, shadow.generation).await?;
        let mut differences = Differences::up_to(options.differences_max);
        let sides = (&mut moment.side, &mut expected);
        let comparing = compare_all(sides, SHAPES, options.sample, observer, &mut differences);
        let rows = stop.run_until_cancelled(comparing).await.ok_or(VerifyError::Stopped)??;
        // Redis and the gauges show totals over all orders: with a sample, they are only compared with the live views.
        let found = match options.sample.is_all() {
            true => shown.found_by_log(&mut moment.side, &mut expected).await?,
            false => shown.found(),
        };
        let mut shown = Differences::up_to(options.differences_max);
        found.into_iter().for_each(|difference| shown.add(difference));
        Ok(Folded { differences: shown.then(differences), refused_only_live, checkpoints: moment.checkpoints, rows })
    })
    .await
}

/// The log as surveyed, up to given ends.
#[derive(Clone, Copy)]
pub struct LogPart<'l> {
    pub found: &'l Arc<BTreeMap<StreamPartition, LogStart>>,
    pub ends: &'l Bounds,
}

/// Compares a generation, once it is `whole` (complete) and nobody writes to it, with the log up to its ends: a
/// rebuild's check before the cut-over. Refolds the log meanwhile. Waits while another verification runs. Also returns
/// what was read of the log. Fails if the log can't be folded or a server fails.
pub async fn compare_with_log(
    ctx: &LoadContext,
    generation: Generation,
    log: LogPart<'_>,
    sample: KeySample,
    whole: impl Future<Output = ()>,
    stop: &CancellationToken,
) -> Result<(Built, Differences), VerifyError> {
    let mut held = lock::wait_for(&ctx.access, stop).await?;
    lock::while_held(&mut held, stop, async |stop| {
        drop_shadows(&mut ctx.access.connect().await?).await?;
        let begun = Begun { generation, sample, started_by: "rebuild" };
        let comparing = with_shadow(ctx, generation, log.ends, async |shadow| {
            let shadow = Build {
                generation: shadow,
                found: log.found.clone(),
                targets: log.ends.clone(),
                sample,
                refused: Arc::default(),
                workers: ctx.config.rebuild.workers,
                records_per_second_max: 0,
                note: Arc::new(|_| {}),
            };
            let built = build(ctx, &shadow, &|_: Progress| {}, &stop).await?;
            stop.run_until_cancelled(whole).await.ok_or(VerifyError::Stopped)?;
            let pair = (generation, shadow.generation);
            // The last view takes about as long as all others together.
            let (others, last) = SHAPES.split_at(SHAPES.len().saturating_sub(1));
            let comparing =
                async { try_join!(compare_still(ctx, pair, others, sample), compare_still(ctx, pair, last, sample)) };
            let (others, last) = stop.run_until_cancelled(comparing).await.ok_or(VerifyError::Stopped)??;
            Ok((built, others.then(last)))
        });
        let checkpoints = positions_json(&by_topic(ctx, log.ends));
        recorded(&ctx.access, &begun, &|line| tracing::warn!("{line}"), Box::pin(comparing), |(_, differences)| Found {
            differences,
            not_checked: json!([{"what": "Redis, gauges", "why": "the generation is not live"}]),
            rows: None,
            checkpoints: checkpoints.clone(),
        })
        .await
    })
    .await
}

fn by_topic(ctx: &LoadContext, ends: &Bounds) -> TopicPositions {
    let named = |(partition, offset): (&StreamPartition, &i64)| {
        ((ctx.topics.name(partition.stream).to_owned(), partition.index), *offset)
    };
    ends.0.iter().map(named).collect()
}

/// Surveys the log. Refuses one that the views can't be rebuilt from, and one that there is no room to fold.
async fn whole_log(ctx: &LoadContext, sample: KeySample) -> Result<BTreeMap<StreamPartition, LogStart>, VerifyError> {
    let mut conn = ctx.access.connect().await?;
    let (survey, forbidden) = survey(ctx, &mut conn).await?;
    let mut refusals: Vec<String> = forbidden.into_iter().map(|refusal| refusal.why).collect();
    let ends = Bounds(survey.iter().flat_map(|topic| &topic.partitions).map(|at| (at.partition, at.end)).collect());
    let room = Room { offsets: space::offsets(&survey, &ends), share: sample, reused: Vec::new() };
    refusals.extend(space::refusal(ctx, &mut conn, &room).await?);
    if refusals.is_empty() { Ok(found(&survey)) } else { Err(VerifyError::Refused(refusals.join("; "))) }
}

/// Folds the shadow up to the live generation's checkpoints, and opens a snapshot in which both are equally far.
async fn catch_up(
    ctx: &LoadContext,
    live: Generation,
    shadow: &mut Build,
    stop: &CancellationToken,
) -> Result<Moment, VerifyError> {
    for _ in 0..ROUNDS_MAX {
        let ends = live_bounds(ctx, live).await?;
        if behind(&shadow.targets, &ends) <= NEAR_RECORDS {
            break;
        }
        shadow.refused = live_refused(ctx, live, &shadow.targets).await?;
        fold_to(ctx, shadow, ends, stop).await?;
    }
    let mut moment = Moment::open(&ctx.access).await?;
    if moment.side.generation != live {
        return Err(VerifyError::Failed(format!(
            "generation {} replaced {} as the live one while the log was being folded; run `foldback verify` again",
            moment.side.generation.0, live.0
        )));
    }
    shadow.refused = Arc::new(moment.refused(&ctx.topics, &shadow.targets).await?);
    let ends = bounds(ctx, &moment.checkpoints)?;
    fold_to(ctx, shadow, ends, stop).await?;
    Ok(moment)
}

async fn fold_to(
    ctx: &LoadContext,
    shadow: &mut Build,
    ends: Bounds,
    stop: &CancellationToken,
) -> Result<(), VerifyError> {
    if shadow.targets == ends {
        return Ok(());
    }
    shadow.targets = ends;
    Ok(fold_on(ctx, shadow, stop).await?)
}

/// Compares some views of two generations that nobody writes to.
async fn compare_still(
    ctx: &LoadContext,
    (stored, expected): (Generation, Generation),
    shapes: &'static [Shape],
    sample: KeySample,
) -> Result<Differences, VerifyError> {
    let mut stored = Side::still(&ctx.access, stored).await?;
    let mut expected = Side::still(&ctx.access, expected).await?;
    let mut differences = Differences::up_to(ctx.config.verify.differences_max);
    compare_all((&mut stored, &mut expected), shapes, sample, &|_| {}, &mut differences).await?;
    Ok(differences)
}

async fn compare_all(
    (stored, expected): (&mut Side, &mut Side),
    shapes: &'static [Shape],
    sample: KeySample,
    observer: &(dyn Fn(Stage) + Sync),
    differences: &mut Differences,
) -> Result<u64, VerifyError> {
    let mut rows = 0;
    for shape in shapes.iter().filter(|shape| sample.is_all() || shape.sampled != Sampled::No) {
        observer(Stage::Comparing(shape.view));
        rows += compare(stored, expected, shape, sample, differences).await?;
    }
    Ok(rows)
}

async fn live_bounds(ctx: &LoadContext, live: Generation) -> Result<Bounds, VerifyError> {
    bounds(ctx, &checkpoints(&mut ctx.access.connect().await?, live).await?)
}

/// What the live generation has rejected from these positions on: what is before them is folded already.
async fn live_refused(ctx: &LoadContext, live: Generation, from: &Bounds) -> Result<Arc<RefusedRecords>, VerifyError> {
    Ok(Arc::new(refused(&mut ctx.access.connect().await?, live, &ctx.topics, from).await?))
}

fn bounds(ctx: &LoadContext, positions: &TopicPositions) -> Result<Bounds, VerifyError> {
    let bound = |((topic, partition), offset): (&(String, i32), &i64)| match ctx.topics.stream(topic) {
        Some(stream) => Ok((StreamPartition { stream, index: *partition }, *offset)),
        None => Err(VerifyError::Refused(format!(
            "the live views hold records of topic {topic}, which is neither kafka.orders_topic nor \
             kafka.runs_topic; set these keys to the topics that were folded"
        ))),
    };
    Ok(Bounds(positions.iter().map(bound).collect::<Result<_, _>>()?))
}

/// How many offsets `at` is behind `ends`.
fn behind(at: &Bounds, ends: &Bounds) -> i64 {
    ends.0.iter().map(|(partition, end)| end - at.of(*partition).unwrap_or(0)).sum()
}

fn only_live(ctx: &LoadContext, refused: &RefusedRecords, forced: &[(StreamPartition, i64)]) -> Vec<RefusedOnlyLive> {
    let entry = |(partition, offset): &(StreamPartition, i64)| RefusedOnlyLive {
        topic: ctx.topics.name(partition.stream).to_owned(),
        partition: partition.index,
        offset: *offset,
        reason: refused.reason(*partition, *offset).map_or("", Reason::as_str).to_owned(),
    };
    forced.iter().map(entry).collect()
}
