//! Postgres freezes under a rebuild, a promotion and a verification: each ends by itself and says why.

use crate::rebuild::hold::{before_the_end, in_the_middle};
use crate::rebuild::progress::long;
use crate::rebuild::world::World;
use crate::support::{PATIENCE, Proxy, eventually};

const SILENT: &str = "Postgres did not answer within 10 s";

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_ends_with_a_reason_when_postgres_freezes_and_goes_on_when_it_thaws() {
    let (world, _) = long().await;
    let mut proxy = Proxy::to(&world.stack.postgres_url).await;
    let url = proxy.url().to_owned();
    let settings = [
        ("FOLDBACK__POSTGRES__URL", url.as_str()),
        ("FOLDBACK__POSTGRES__CONNECT_TIMEOUT_MS", "1000"),
        ("FOLDBACK__REBUILD__CUT_MS", "50"),
    ];
    let rebuild = world.start_with(&["rebuild", "--no-promote", "--workers", "1"], &settings);
    let held = in_the_middle(&world, 2).await;
    proxy.freeze();
    let ended = rebuild.wait(PATIENCE).await.exits(1);
    assert!(ended.stderr.contains(SILENT), "{}", ended.stderr);
    drop(held);
    proxy.mend().await;

    let resumed = world.foldback_with(&["rebuild", "--no-promote"], &settings).await.exits(0);
    assert!(resumed.stderr.contains("resuming generation 2"), "{}", resumed.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_ends_with_a_reason_when_postgres_freezes() {
    let world = World::folded(1000).await;
    let generation = world.rebuild_aside(&[]).await.to_string();
    let mut proxy = Proxy::to(&world.stack.postgres_url).await;
    let url = proxy.url().to_owned();
    let settings = [("FOLDBACK__POSTGRES__URL", url.as_str()), ("FOLDBACK__POSTGRES__CONNECT_TIMEOUT_MS", "1000")];
    let promote = ["generations", "promote", &generation, "--yes"];
    // It checks itself first, for which it waits here.
    let held = before_the_end(&world).await;
    let promotion = world.start_with(&promote, &settings);
    changes_generations(&world).await;
    proxy.freeze();
    let ended = promotion.wait(PATIENCE).await.exits(1);
    assert!(ended.stderr.contains("Postgres did not answer within"), "{}", ended.stderr);
    drop(held);
    proxy.mend().await;
    world.foldback_with(&promote, &settings).await.exits(0);
}

/// Waits until somebody holds the lock for that.
async fn changes_generations(world: &World) {
    let lock = "select count(*)::text from pg_locks join pg_database on pg_database.oid = database
                 where datname = current_database() and locktype = 'advisory'
                   and (classid::bigint << 32) + objid::bigint = x'666f6c6472656275'::bit(64)::bigint";
    eventually(PATIENCE, || async {
        if world.sql(lock).await.as_deref() == Some("1") { Ok(()) } else { Err("nobody holds the lock") }
    })
    .await;
}
