//! More processes for one rebuild.

use std::time::Duration;

use tokio::time::sleep;

use crate::rebuild::generations::live;
use crate::rebuild::hold::in_the_middle;
use crate::rebuild::progress::long;
use crate::rebuild::world::{World, last_object};
use crate::support::{Background, PATIENCE, eventually};

/// Small batches, so that the log is not in flight whole.
const SETTINGS: [(&str, &str); 2] =
    [("FOLDBACK__REBUILD__CUT_MS", "50"), ("FOLDBACK__REBUILD__MEMORY_BYTES", "33554432")];
const JOIN: [&str; 3] = ["rebuild", "--join", "--json"];

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_freezes_is_gone_on_with_by_those_who_have_joined_it() {
    let (world, _) = long().await;
    let leader = world.start_with(&["rebuild", "--yes", "--workers", "1", "--verify", "full"], &SETTINGS);
    let held = in_the_middle(&world, 2).await;
    let (killed, joined) = (world.start_with(&JOIN, &SETTINGS), world.start_with(&JOIN, &SETTINGS));
    for process in [&killed, &joined] {
        tells(process, "joining the rebuild of generation 2").await;
    }
    leader.signal("STOP");
    drop(held);
    killed.kill();
    // What the other two had leased is free after a while.
    tells(&joined, "settling").await;
    leader.signal("CONT");

    leader.wait(PATIENCE).await.exits(0);
    let told = last_object(&joined.wait(PATIENCE).await.exits(0));
    assert!(told["events"].as_u64().unwrap() > 0 && told["generation"] == 2, "{told}");
    assert_eq!(live(&world).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_joins_gets_a_part_of_what_was_dealt_already() {
    let (world, _) = long().await;
    let leader = world.start_with(&["rebuild", "--yes", "--workers", "1", "--verify", "full"], &SETTINGS);
    let held = in_the_middle(&world, 2).await;
    let joined = world.start_with(&JOIN, &SETTINGS);
    let members = "select count(*)::text from gen_2.load_members where seen_at > clock_timestamp() - interval '5 s'";
    is(&world, members, "2").await;
    // The rebuild looks every three seconds.
    sleep(Duration::from_secs(4)).await;
    drop(held);
    let told = last_object(&joined.wait(PATIENCE).await.exits(0));
    assert!(told["events"].as_u64().unwrap() > 0, "{told}");
    leader.wait(PATIENCE).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_process_lets_go_of_what_it_reads_at_once() {
    let (world, _) = long().await;
    let leader = world.start_with(&["rebuild", "--yes", "--workers", "1"], &SETTINGS);
    let held = in_the_middle(&world, 2).await;
    let joined = world.start_with(&JOIN, &SETTINGS);
    tells(&joined, "joining the rebuild of generation 2").await;
    leader.signal("STOP");
    let leases =
        "select (count(*) > 0)::text from gen_2.load_leases join gen_2.load_members using (member) where not leads";
    is(&world, leases, "true").await;
    joined.interrupt();
    assert!(joined.wait(PATIENCE).await.code != Some(0), "it has not done what it was told to");
    assert_eq!(world.sql(leases).await.as_deref(), Some("false"));
    leader.signal("CONT");
    drop(held);
    leader.wait(PATIENCE).await.exits(0);
    assert_eq!(live(&world).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_must_be_a_rebuild_to_join() {
    let world = World::folded(1000).await;
    let refused = world.foldback(&JOIN).await.exits(4);
    assert!(refused.stderr.contains("no rebuild is running that could be joined"), "{}", refused.stderr);
    world.foldback(&["rebuild", "--join", "--restart"]).await.exits(2);
}

async fn tells(process: &Background, what: &str) {
    eventually(PATIENCE, || async {
        let written = process.written();
        if written.contains(what) { Ok(()) } else { Err(format!("nothing of {what} in\n{written}")) }
    })
    .await;
}

async fn is(world: &World, sql: &str, expected: &str) {
    eventually(PATIENCE, || async {
        let seen = world.sql(sql).await;
        if seen.as_deref() == Some(expected) { Ok(()) } else { Err(format!("{sql}: {seen:?}")) }
    })
    .await;
}
