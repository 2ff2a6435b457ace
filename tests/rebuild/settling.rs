//! The counts of a load: put aside by each transaction that settles, and summed once in the end.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::time::sleep;

use crate::rebuild::generations::{live, published};
use crate::rebuild::world::World;
use crate::support::{PATIENCE, eventually};

const SETTINGS: [(&str, &str); 1] = [("FOLDBACK__REBUILD__CUT_MS", "50")];
/// Where each of two generations has other counts than the other.
const UNLIKE: &str = "with summed as (
        select generation, kind, provider_id, service_id, rule_id, label, sum(count) as count
          from (select 1 as generation, * from gen_1.telemetry_counts
                union all select 2, * from gen_2.telemetry_counts) counts
         group by 1, 2, 3, 4, 5, 6 having sum(count) <> 0),
     unlike as (
        (select kind, provider_id, service_id, rule_id, label, count from summed where generation = 1
          except select kind, provider_id, service_id, rule_id, label, count from summed where generation = 2)
        union all
        (select kind, provider_id, service_id, rule_id, label, count from summed where generation = 2
          except select kind, provider_id, service_id, rule_id, label, count from summed where generation = 1))
     select count(*)::text from unlike";

/// A lock that lets nobody write counts of generation 2, taken as soon as there is the table.
async fn without_counts(world: &World) -> PgConnection {
    let table = "select to_regclass('gen_2.telemetry_counts')::text";
    let end = Instant::now() + PATIENCE;
    while world.sql(table).await.is_none() {
        assert!(Instant::now() < end, "generation 2 was never begun");
        sleep(Duration::from_millis(2)).await;
    }
    let mut conn = world.stack.postgres().await;
    sqlx::raw_sql("begin; lock table gen_2.telemetry_counts in share mode").execute(&mut conn).await.unwrap();
    conn
}

/// Kills a rebuild of generation 2 whose slices are all written, before it could write a single count.
async fn killed_before_the_sum(world: &World) {
    let mut rebuild = world.start_with(&["rebuild", "--yes"], &SETTINGS);
    let held = without_counts(world).await;
    let slices = "select to_regclass('gen_2.load_slices')::text";
    let settled = "select ((select count(*) from gen_2.load_slices) = number)::text
                     from gen_2.load_steps where step = 'slices'";
    eventually(PATIENCE, || async {
        let is_there = world.sql(slices).await.is_some();
        if is_there && world.sql(settled).await.as_deref() == Some("true") { Ok(()) } else { Err(rebuild.written()) }
    })
    .await;
    assert!(rebuild.exited().is_none(), "{}", rebuild.written());
    rebuild.kill();
    assert_eq!(world.sql("select count(*)::text from gen_2.telemetry_counts").await.as_deref(), Some("0"));
    drop(held);
}

async fn resumes_and_is_equal(world: &World) {
    // What the killed one left waiting in Postgres has an end.
    eventually(PATIENCE, || async {
        let output = world.foldback(&["rebuild", "--yes"]).await;
        if output.code == Some(0) { Ok(()) } else { Err(output) }
    })
    .await;
    assert_eq!(live(world).await, 2, "the same generation goes on");
    assert_eq!(world.sql(UNLIKE).await.as_deref(), Some("0"));
    assert_eq!(
        world.sql("select to_regclass('gen_2.load_telemetry')::text").await,
        None,
        "it is dropped with the load"
    );
    let running = world.run().await;
    published(world, 2).await;
    world.verified().await;
    world.assert_all(&running, 2).await;
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_summed_once_when_all_slices_are_written_and_a_killed_load_resumes() {
    let world = World::folded(2).await;
    killed_before_the_sum(&world).await;
    resumes_and_is_equal(&world).await;
}

/// It wrote the counts of what it settled into the generation itself, and knows no table of the load for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_an_older_version_began_to_settle_resumes() {
    let world = World::folded(2).await;
    killed_before_the_sum(&world).await;
    world
        .run_sql(
            "insert into gen_2.telemetry_counts (slot, kind, provider_id, service_id, rule_id, label, count)
             select 1, kind, provider_id, service_id, rule_id, label, sum(count)
               from gen_2.load_telemetry group by 2, 3, 4, 5, 6;
             drop table gen_2.load_telemetry",
        )
        .await;
    resumes_and_is_equal(&world).await;
}
