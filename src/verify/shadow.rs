//! A shadow: a temporary generation that is folded for a comparison, and always dropped.

use crate::domain::log::bounds::Bounds;
use crate::load::LoadContext;
use crate::store::generations::{NewGeneration, create_shadow, drop_generation};
use crate::store::load::connect;
use crate::store::{Generation, StoreError};

use super::error::VerifyError;

/// Creates a shadow, works with it, and drops it whatever the outcome. If that is not possible (a kill, a lost server),
/// the next verification drops it.
pub async fn with_shadow<T>(
    ctx: &LoadContext,
    partition: Generation,
    targets: &Bounds,
    work: impl AsyncFnOnce(Generation) -> Result<T, VerifyError>,
) -> Result<T, VerifyError> {
    let shadow = make(ctx, partition, targets).await?;
    let done = work(shadow).await;
    match (done, drop_shadow(ctx, shadow).await) {
        (Ok(value), Ok(())) => Ok(value),
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(error), dropped) => {
            if let Err(left) = dropped {
                tracing::warn!("could not drop {}, the next `foldback verify` will: {left}", shadow.schema());
            }
            Err(error)
        }
    }
}

async fn make(ctx: &LoadContext, partition: Generation, targets: &Bounds) -> Result<Generation, StoreError> {
    let new = NewGeneration {
        created_by: "foldback verify".to_owned(),
        origin: serde_json::json!({"compared_with": partition.0}),
        targets: targets.to_json(&ctx.topics),
        until: None,
    };
    create_shadow(&mut connect(&ctx.access).await?, &new).await
}

async fn drop_shadow(ctx: &LoadContext, shadow: Generation) -> Result<(), StoreError> {
    drop_generation(&mut connect(&ctx.access).await?, shadow).await?;
    Ok(())
}
