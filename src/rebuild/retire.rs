//! Drops the generations that are kept for longer than `generations.keep` says, once another one is live.
//!
//! A transaction that has read one of them, such as a dump, keeps it from being dropped for as long as it lasts. The new
//! generation is live by then, and nothing waits for this: neither the command, nor a rollback.

use std::sync::Arc;

use super::error::RebuildError;
use super::observer::Observer;
use super::options::Rebuilt;
use crate::domain::generations::generation::GenerationState;
use crate::load::LoadContext;
use crate::store::StoreError;
use crate::store::generations::{Retired, retire as drop_kept};

/// Drops what can be dropped at once, and notes what can't.
pub async fn retire(
    ctx: &LoadContext,
    mut rebuilt: Rebuilt,
    observer: &Arc<dyn Observer>,
) -> Result<Rebuilt, RebuildError> {
    if rebuilt.state == GenerationState::Live {
        match dropped(ctx).await {
            Ok(Retired { dropped, in_use }) => {
                rebuilt.dropped = dropped.iter().map(|generation| generation.0).collect();
                for generation in in_use {
                    observer.note(&format!(
                        "generation {0} could not be dropped yet: a transaction has read it. The next rebuild drops it, or \
                         `foldback generations drop {0}` once that transaction has ended",
                        generation.0
                    ));
                }
            }
            Err(error) => observer.note(&format!("older generations could not be dropped: {error}")),
        }
    }
    Ok(rebuilt)
}

async fn dropped(ctx: &LoadContext) -> Result<Retired, StoreError> {
    drop_kept(&mut ctx.access.connect().await?, ctx.config.generations.keep).await
}
