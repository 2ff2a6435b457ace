//! What a rebuild waits for is told, Ctrl-C is heeded whatever doesn't answer, and nothing waits for older generations.

use sqlx::Executor;

use crate::rebuild::generations::{live, states};
use crate::rebuild::hold::in_the_middle;
use crate::rebuild::progress::long;
use crate::rebuild::world::World;
use crate::support::{Background, PATIENCE, Proxy, eventually};

/// Of a server that doesn't exist.
const NOWHERE: (&str, &str) = ("FOLDBACK__SCHEMA_REGISTRY__URL", "http://127.0.0.1:1");
/// The lock that one rebuild at a time holds; see `store::generations::lock`.
const REBUILD_LOCK: &str = "select pg_advisory_lock(x'666f6c6472656275'::bigint)";

async fn says(command: &Background, words: &str) {
    eventually(PATIENCE, || async {
        let written = command.written();
        if written.contains(words) { Ok(()) } else { Err(written) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_is_told_and_a_plan_refuses() {
    let world = World::folded(16).await;
    let plan = world.foldback_with(&["rebuild", "--plan"], &[NOWHERE]).await.exits(4);
    assert!(plan.stderr.contains("sampled records can't be decoded"), "{}", plan.stderr);
    for command in [&["rebuild", "--yes"][..], &["verify"]] {
        let waiting = world.start_with(command, &[NOWHERE]);
        says(&waiting, "waiting (schema_registry): ").await;
        waiting.interrupt();
        waiting.wait(PATIENCE).await.exits(1);
    }
    assert_eq!(live(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_is_heeded_while_postgres_does_not_answer() {
    let (world, _) = long().await;
    let mut proxy = Proxy::to(&world.stack.postgres_url).await;
    let url = proxy.url().to_owned();
    let frozen = [("FOLDBACK__POSTGRES__URL", url.as_str()), ("FOLDBACK__REBUILD__CUT_MS", "50")];
    for second in [false, true] {
        let rebuild = world.start_with(&["rebuild", "--yes", "--workers", "1"], &frozen);
        // Held until it is frozen, so that there is a middle on a fast machine too.
        let held = in_the_middle(&world, 2).await;
        proxy.freeze();
        drop(held);
        rebuild.interrupt();
        says(&rebuild, "stopping").await;
        if second {
            rebuild.interrupt();
        }
        let ended = rebuild.wait(PATIENCE).await.exits(if second { 130 } else { 1 });
        assert!(ended.stderr.contains("what was committed is kept"), "{}", ended.stderr);
        proxy.mend().await;
    }
    assert_eq!(live(&world).await, 1);
}

/// An analyst's transaction has read the old generation: the new one goes live anyway, and can be rolled back.
#[tokio::test(flavor = "multi_thread")]
async fn a_generation_that_is_in_use_is_left_for_later() {
    let world = World::folded(16).await;
    // One is kept for a rollback, so the first is dropped by the second rebuild.
    world.rebuild().await;
    let mut analyst = world.stack.postgres().await;
    analyst.execute("begin").await.unwrap();
    analyst.execute("select count(*) from gen_1.provider_orders").await.unwrap();
    let rebuilt = world.foldback(&["rebuild", "--yes"]).await.exits(0);
    assert!(rebuilt.stderr.contains("generation 1 could not be dropped yet"), "{}", rebuilt.stderr);
    assert_eq!(states(&world).await, [(1, "kept".into()), (2, "kept".into()), (3, "live".into())]);
    let dropped = world.foldback(&["generations", "drop", "1", "--yes"]).await.exits(1);
    assert!(dropped.stderr.contains("transaction"), "{}", dropped.stderr);
    world.foldback(&["generations", "rollback", "--yes"]).await.exits(0);
    assert_eq!(live(&world).await, 2);
    analyst.execute("rollback").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_waits_for_no_rebuild() {
    let world = World::folded(16).await;
    world.rebuild().await;
    let mut rebuilding = world.stack.postgres().await;
    rebuilding.execute(REBUILD_LOCK).await.unwrap();
    world.foldback(&["generations", "promote", "1", "--yes"]).await.exits(4);
    world.foldback(&["generations", "rollback", "--yes"]).await.exits(0);
    assert_eq!(live(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miscounted_backlog_does_not_go_live() {
    let world = World::folded(16).await;
    let generation = world.rebuild_aside(&[]).await;
    let tamper = format!(
        "update gen_{generation}.telemetry_counts set count = count + 1
          where ctid = (select ctid from gen_{generation}.telemetry_counts where kind = 'scheduled' limit 1)"
    );
    world.run_sql(&tamper).await;
    let refused = world.foldback(&["generations", "promote", &generation.to_string(), "--yes"]).await.exits(4);
    assert!(refused.stderr.contains("backlog"), "{}", refused.stderr);
    assert_eq!(live(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_only_for_its_dead_letters_can_be_promoted() {
    let world = World::folded(16).await;
    // More records are too large for this one.
    let smaller = [("FOLDBACK__LIMITS__VALUE_BYTES_MAX", "1024")];
    let refused = world.foldback_with(&["rebuild", "--yes"], &smaller).await.exits(4);
    assert!(refused.stderr.contains("dead_letters"), "{}", refused.stderr);
    assert_eq!(states(&world).await, [(1, "live".into()), (2, "failed".into())]);
    world.foldback_with(&["generations", "promote", "2", "--yes"], &smaller).await.exits(4);
    let accept = ["generations", "promote", "2", "--accept-dead-letters", "--yes"];
    world.foldback_with(&accept, &smaller).await.exits(0);
    assert_eq!(live(&world).await, 2);
}
