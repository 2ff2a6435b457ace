//! Back to the kept generation and forward again.

use serde_json::json;

use crate::rebuild::generations::{assert_equal, checkpoints, live, published, states};
use crate::rebuild::world::World;
use crate::support::views::metric;
use crate::support::{PATIENCE, Running, eventually};

const STATUS: &str = "/api/v1/fulfillment/providers/automation/status";

async fn shown_by_metrics(running: &Running, generation: i64) {
    eventually(PATIENCE, || async {
        let shown = metric(running, "foldback_live_generation").await;
        if shown == Some(generation as f64) { Ok(()) } else { Err(shown) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn back_and_forward_again_lose_nothing() {
    let mut world = World::with_every(4).await;
    world.publish(0.5).await;
    let running = world.run().await;
    world.assert_all(&running, 1).await;
    let first_epoch = published(&world, 1).await;
    let second = world.rebuild().await;
    let second_epoch = published(&world, second).await;
    assert!(second_epoch > first_epoch, "{second_epoch} after {first_epoch}");
    world.publish(0.4).await;
    world.assert_all(&running, second).await;

    world.foldback(&["generations", "rollback"]).await.exits(0);
    assert_eq!(states(&world).await, [(1, "live".into()), (second, "kept".into())]);
    running.json(STATUS).await;
    let third_epoch = published(&world, 1).await;
    assert!(third_epoch > second_epoch, "a rollback is newer: {third_epoch} after {second_epoch}");
    shown_by_metrics(&running, 1).await;
    // it catches up by itself, and what is published now goes on into it
    world.publish(0.5).await;
    world.assert_all(&running, 1).await;
    world.verified().await;
    let left_at = checkpoints(&world, second).await;
    world.assert_generation(second, world.reference_before(&left_at)).await;

    world.foldback(&["generations", "promote", &second.to_string(), "--yes"]).await.exits(0);
    assert_eq!(states(&world).await, [(1, "kept".into()), (second, "live".into())]);
    assert!(published(&world, second).await > third_epoch);
    shown_by_metrics(&running, second).await;
    world.assert_all(&running, second).await;
    assert_equal(&world, second, 1).await;
    world.publish(1.0).await;
    world.assert_all(&running, second).await;
    world.verified().await;
    running.terminate().await;
}

/// The rollback itself is exact: what it shows at once is what was there, whatever came since.
#[tokio::test(flavor = "multi_thread")]
async fn with_no_instance_running_it_wants_yes_and_shows_what_was_there() {
    let mut world = World::with_every(8).await;
    world.publish(0.5).await;
    world.fold().await;
    world.rebuild().await;
    world.publish(1.0).await;
    world.fold().await;
    let before = checkpoints(&world, 1).await;
    let refused = world.foldback(&["generations", "rollback"]).await.exits(4);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    assert_eq!(live(&world).await, 2);
    let done = world.foldback(&["generations", "rollback", "--yes"]).await.exits(0);
    println!("{}{}", done.stdout, done.stderr);
    assert_eq!(live(&world).await, 1);
    assert_eq!(checkpoints(&world, 1).await, before);
    world.assert_generation(1, world.reference_before(&before)).await;
    world.assert_generation(2, world.reference()).await;
    let running = world.run().await;
    published(&world, 1).await;
    world.assert_all(&running, 1).await;
    running.terminate().await;
}

/// An instance of another projection version can't fold it on.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_generation_of_another_projection_wants_yes() {
    let world = World::folded(16).await;
    world.rebuild().await;
    let running = world.run().await;
    world.run_sql("update foldback.generations set projection_version = 99 where generation = 1").await;
    let refused = world.foldback(&["generations", "rollback"]).await.exits(4);
    assert!(refused.stderr.contains("99"), "it says which projection is wanted: {refused:?}");
    assert_eq!(live(&world).await, 2);
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_one_is_never_dropped_and_old_ones_go_at_the_next_promotion() {
    let world = World::folded(16).await;
    let refused = world.foldback(&["generations", "rollback", "--yes"]).await.exits(4);
    assert!(!refused.stderr.is_empty());
    world.foldback(&["generations", "drop", "1", "--yes"]).await.exits(4);
    assert_eq!(states(&world).await, [(1, "live".into())]);
    let schemas = "select string_agg(nspname, ' ' order by nspname) from pg_namespace where nspname like 'gen\\_%'";

    assert_eq!(world.rebuild().await, 2);
    assert_eq!(world.rebuild().await, 3);
    assert_eq!(world.sql(schemas).await.unwrap(), "gen_2 gen_3", "the newest kept one survives");
    let there = |wanted: Vec<(i64, &str)>| wanted.into_iter().map(|(n, s)| (n, s.to_owned())).collect::<Vec<_>>();
    assert_eq!(states(&world).await, there(vec![(2, "kept"), (3, "live")]));

    let keep_two = [("FOLDBACK__GENERATIONS__KEEP", "2")];
    world.foldback_with(&["rebuild", "--yes"], &keep_two).await.exits(0);
    assert_eq!(states(&world).await, there(vec![(2, "kept"), (3, "kept"), (4, "live")]));
    world.foldback(&["generations", "drop", "2", "--yes"]).await.exits(0);
    world.foldback(&["generations", "drop", "4", "--yes"]).await.exits(4);
    world.foldback(&["generations", "drop", "77", "--yes"]).await.exits(4);
    assert_eq!(states(&world).await, there(vec![(3, "kept"), (4, "live")]));
    assert_eq!(world.sql(schemas).await.unwrap(), "gen_3 gen_4");
    world.assert_generation(3, world.reference()).await;
    world.assert_generation(4, world.reference()).await;
}

/// One that was built aside is promoted later, and catches up first; a new rebuild leaves it alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_built_aside_is_promoted_later() {
    let mut world = World::with_every(8).await;
    world.publish(0.5).await;
    let running = world.run().await;
    world.assert_all(&running, 1).await;
    let aside = world.rebuild_aside(&[]).await;
    world.assert_generation(aside, world.reference()).await;
    assert_eq!(live(&world).await, 1);
    world.publish(1.0).await;
    world.assert_all(&running, 1).await;
    world.foldback(&["generations", "promote", &aside.to_string()]).await.exits(0);
    assert_eq!(live(&world).await, aside);
    world.assert_generation(aside, world.reference()).await;
    published(&world, aside).await;
    world.assert_all(&running, aside).await;
    world.foldback(&["generations", "promote", &aside.to_string(), "--yes"]).await.exits(4);
    world.foldback(&["generations", "promote", "77", "--yes"]).await.exits(4);
    let provenance = crate::rebuild::generations::list(&world).await;
    for generation in &provenance {
        for field in ["createdAt", "createdBy", "promotedAt", "binaryVersion", "projectionVersion"] {
            assert_ne!(generation[field], json!(null), "{field} of {generation}");
        }
    }
    running.terminate().await;
}
