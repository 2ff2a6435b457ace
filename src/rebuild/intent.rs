//! What a rebuild does with the generations that are there: which one it resumes, and which ones it drops.

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;

use super::error::RebuildError;
use super::options::{RebuildOptions, Until};
use crate::domain::generations::generation::{GenerationInfo, GenerationState};
use crate::domain::log::bounds::Bounds;
use crate::domain::log::new_logs::NewLogs;
use crate::load::LoadContext;
use crate::store::Generation;
use crate::store::generations;
use crate::store::migrate::PROJECTION_VERSION;

pub struct Intent {
    /// The generation of an interrupted rebuild with the same options, and where its load ends.
    pub resumes: Option<(Generation, Bounds)>,
    /// What earlier rebuilds have left: dropped before this one begins.
    pub leftovers: Vec<GenerationInfo>,
    /// Kept for longer than `generations.keep` says, once the new generation is live.
    pub outlived: Vec<Generation>,
}

impl Intent {
    pub async fn read(
        ctx: &LoadContext,
        conn: &mut PgConnection,
        options: &RebuildOptions,
    ) -> Result<Intent, RebuildError> {
        let list = generations::list(conn).await?;
        let goes_live = options.promote && options.until.is_none();
        let outlived = if goes_live { outlived(&list, ctx.config.generations.keep) } else { Vec::new() };
        let mut intent = Intent { resumes: None, leftovers: Vec::new(), outlived };
        for info in list {
            if !matches!(info.state, GenerationState::Building | GenerationState::Failed) {
                continue;
            }
            let targets = if intent.resumes.is_none() && is_resumable(ctx, &info, options) {
                targets(ctx, conn, Generation(info.generation)).await?
            } else {
                None
            };
            match targets {
                Some(targets) => intent.resumes = Some((Generation(info.generation), targets)),
                None => intent.leftovers.push(info),
            }
        }
        Ok(intent)
    }

    /// Generations whose room on disk the rebuild uses.
    pub fn reused(&self) -> Vec<Generation> {
        let left = self.leftovers.iter().map(|info| Generation(info.generation));
        left.chain(self.resumes.iter().map(|(generation, _)| *generation)).collect()
    }
}

fn is_resumable(ctx: &LoadContext, info: &GenerationInfo, options: &RebuildOptions) -> bool {
    info.state == GenerationState::Building
        && !options.restart
        && info.projection_version == PROJECTION_VERSION
        && info.until == until_json(ctx, options)
        && NewLogs::of_origin(&info.origin) == options.new_logs
}

/// Where the load of a generation ends; `None` where it was begun for other topics.
async fn targets(
    ctx: &LoadContext,
    conn: &mut PgConnection,
    generation: Generation,
) -> Result<Option<Bounds>, RebuildError> {
    let found = generations::find(conn, generation).await?;
    Ok(found.and_then(|(_, targets)| Bounds::from_json(&targets?, &ctx.topics)))
}

/// What was asked for, as `foldback.generations` has it.
pub fn until_json(ctx: &LoadContext, options: &RebuildOptions) -> Option<Value> {
    options.until.as_ref().map(|until| match until {
        Until::Time(time) => json!({"time": time}),
        Until::Offsets(bounds) => json!({"offsets": bounds.to_json(&ctx.topics)}),
    })
}

/// The live generation is a kept one by then.
fn outlived(list: &[GenerationInfo], keep: usize) -> Vec<Generation> {
    let kept = |info: &&GenerationInfo| matches!(info.state, GenerationState::Kept | GenerationState::Live);
    let mut kept: Vec<&GenerationInfo> = list.iter().filter(kept).collect();
    kept.sort_by_key(|info| {
        std::cmp::Reverse((info.state == GenerationState::Live, info.promoted_at, info.generation))
    });
    kept.into_iter().skip(keep).map(|info| Generation(info.generation)).collect()
}
