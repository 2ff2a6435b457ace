//! kill -9 at any moment of a rebuild, and of the running instance while it cuts over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::rebuild::generations::{live, published, states};
use crate::rebuild::hold::{before_the_end, in_the_middle};
use crate::rebuild::progress::long;
use crate::rebuild::world::World;
use crate::support::log::Moments;
use crate::support::{Background, Output, PATIENCE, eventually};

const KILLS: usize = 20;
/// As its lines tell them.
const PHASES: [&str; 5] = ["settling", "indexes", "checking", "catching up", "cutting over"];
/// It commits often, so that there is much to be killed between.
const SETTINGS: [(&str, &str); 2] =
    [("FOLDBACK__REBUILD__CUT_MS", "50"), ("FOLDBACK__REBUILD__MEMORY_BYTES", "33554432")];

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_of_a_rebuild_leave_one_live_generation_that_is_equal() {
    let mut world = World::with_every(2).await;
    world.publish(0.8).await;
    let running = world.run().await;
    world.wait_for_end(&[&running]).await;
    let started = Instant::now();
    let aside = world.foldback_with(&["rebuild", "--no-promote"], &SETTINGS).await.exits(0);
    let whole = started.elapsed();
    println!("a whole rebuild took {whole:?}: {}", aside.stdout);
    world.foldback(&["generations", "drop", "2", "--yes"]).await.exits(0);

    let mut moments = Moments::seeded(4);
    let mut fell: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..KILLS {
        if number == KILLS / 2 {
            world.publish(1.0).await;
        }
        let mut rebuild = world.start_with(&["rebuild", "--yes"], &SETTINGS);
        match number % 4 {
            // At once: it folds what there is in a moment.
            0 => tells(&mut rebuild, "folding").await,
            1 => tells(&mut rebuild, PHASES[number / 4 % PHASES.len()]).await,
            3 => nearly_live(&world, &mut rebuild).await,
            _ => sleep(moments.between_ms(20, u64::try_from(whole.as_millis()).unwrap())).await,
        }
        if number % 4 != 0 {
            sleep(moments.between_ms(0, 60)).await;
        }
        let ended = rebuild.kill();
        assert!(matches!(ended.code, None | Some(0)), "it failed by itself: {ended:?}");
        *fell.entry(where_it_fell(&ended)).or_default() += 1;
        live(&world).await;
    }
    println!("kills fell into {fell:?}");
    assert!(fell.contains_key("folding") && fell.len() >= 4, "too few phases were hit: {fell:?}");

    // whatever the last of the killed ones left running in Postgres has an end
    eventually(PATIENCE, || async {
        let output = world.foldback_with(&["rebuild", "--yes"], &SETTINGS).await;
        if output.code == Some(0) { Ok(()) } else { Err(output) }
    })
    .await;
    let generation = live(&world).await;
    let unfinished = |(_, state): &(i64, String)| state != "live" && state != "kept";
    assert!(!states(&world).await.iter().any(unfinished), "{:?}", states(&world).await);
    published(&world, generation).await;
    world.assert_all(&running, generation).await;
    world.verified().await;
    running.terminate().await;
}

/// Waits until it says that it has come to this phase, or has ended.
async fn tells(rebuild: &mut Background, phase: &str) {
    let end = Instant::now() + PATIENCE;
    while !rebuild.written().contains(phase) && rebuild.exited().is_none() {
        assert!(Instant::now() < end, "nothing of {phase} in\n{}", rebuild.written());
        sleep(Duration::from_millis(2)).await;
    }
}

/// The last phase that it told.
fn where_it_fell(ended: &Output) -> String {
    if ended.code.is_some() {
        return "after its end".to_owned();
    }
    let phase = |line: &str| Some(line.strip_prefix("generation ")?.split_once(": ")?.1.split(',').next()?.to_owned());
    ended.stderr.lines().rev().find_map(phase).unwrap_or_else(|| "before its first line".to_owned())
}

/// Waits until no generation is building any more but one is ready or newly live, or until the rebuild has ended.
async fn nearly_live(world: &World, rebuild: &mut Background) {
    let newest =
        "select max(generation)::text || ' ' || coalesce(max(generation) filter (where state in ('ready', 'live')), 0)
                  from foldback.generations";
    let before = live(world).await;
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && rebuild.exited().is_none() {
        let seen = world.sql(newest).await.unwrap();
        let (all, done) = seen.split_once(' ').unwrap();
        if all == done && all != before.to_string() {
            return;
        }
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_instance_killed_during_the_cut_over_goes_on_with_the_new_generation() {
    let mut world = World::with_every(8).await;
    world.publish(0.6).await;
    world.fold().await;
    let mut moments = Moments::seeded(8);
    for round in 1..=3 {
        let running = world.run().await;
        let mut rebuild = world.start_with(&["rebuild", "--yes"], &SETTINGS);
        nearly_live(&world, &mut rebuild).await;
        sleep(moments.between_ms(0, 50)).await;
        running.kill();
        rebuild.wait(PATIENCE).await.exits(0);
        let generation = live(&world).await;
        assert_eq!(generation, round + 1);
        world.publish(if round == 3 { 1.0 } else { 0.25 }).await;
        let running = world.run().await;
        published(&world, generation).await;
        world.assert_all(&running, generation).await;
        running.terminate().await;
    }
    let running = world.run().await;
    world.verified().await;
    running.terminate().await;
}

/// Ctrl-C ends it like any other command, and the next one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_rebuild_is_gone_on_with_or_begun_anew() {
    let world = World::folded(3).await;
    interrupted(&world, 2).await;
    assert_eq!(world.rebuild().await, 2, "the same generation goes on");
    world.assert_generation(2, world.reference()).await;
    interrupted(&world, 3).await;
    world.foldback(&["rebuild", "--yes", "--restart"]).await.exits(0);
    let generation = live(&world).await;
    assert!(generation >= 3);
    world.assert_generation(generation, world.reference()).await;
    let unfinished = |(_, state): &(i64, String)| state != "live" && state != "kept";
    assert!(!states(&world).await.iter().any(unfinished), "{:?}", states(&world).await);
}

/// A rebuild that is interrupted once it has committed something of this generation.
async fn interrupted(world: &World, generation: i64) {
    let _held = before_the_end(world).await;
    let rebuild = world.start_with(&["rebuild", "--yes"], &SETTINGS);
    eventually(PATIENCE, || async {
        let table = format!("gen_{generation}.checkpoints");
        let is_there = world.sql(&format!("select to_regclass('{table}')::text")).await.is_some();
        let moved = format!("select (sum(next_offset) > 0)::text from {table}");
        let has_moved = is_there && world.sql(&moved).await.as_deref() == Some("true");
        if has_moved { Ok(()) } else { Err(rebuild.written()) }
    })
    .await;
    rebuild.interrupt();
    let ended = rebuild.wait(PATIENCE).await;
    assert!(ended.code.is_some_and(|code| code != 0), "it should say that it did not finish: {ended:?}");
    let states = states(world).await;
    assert_eq!(states.last(), Some(&(generation, "building".to_owned())), "{states:?}");
}

/// What a load puts aside is not in Postgres's WAL: a crash of Postgres empties those tables, and only those.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_lost_what_it_put_aside_begins_again() {
    let (world, events) = long().await;
    let rebuild = world.start_with(&["rebuild", "--yes"], &SETTINGS);
    let held = in_the_middle(&world, 2).await;
    rebuild.kill();
    drop(held);
    world.run_sql("truncate gen_2.load_events, gen_2.load_marker").await;
    let stored = world.sql("select count(*)::text from gen_2.provider_order_events").await.unwrap();
    assert!(stored.parse::<usize>().unwrap() > 0, "nothing had been committed");
    let output = world.foldback(&["rebuild", "--yes"]).await.exits(0);
    assert!(output.stderr.contains("lost in a Postgres crash"), "{output:?}");
    assert_eq!(live(&world).await, 2);
    let all = i64::try_from(events.len()).unwrap();
    assert_eq!(crate::support::views::history(&world.stack).await, all);
    let running = world.run().await;
    published(&world, 2).await;
    world.verified().await;
    running.terminate().await;
}
