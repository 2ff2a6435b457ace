//! A rebuild while publishers publish and readers read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::PgConnection;

use crate::hard_log::compare_published::{assert_http, assert_redis};
use crate::rebuild::generations::{assert_equal, checkpoints, live, published, states};
use crate::rebuild::marker;
use crate::rebuild::publisher::{Pace, Publisher};
use crate::rebuild::readers::Readers;
use crate::rebuild::world::{World, last_object, until};
use crate::support::views::metric;
use crate::support::{PATIENCE, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_the_old_generation_or_the_new_one_and_no_read_fails() {
    let mut world = World::with_every(1).await;
    world.publish(0.6).await;
    let running = world.run().await;
    let other = world.run().await;
    world.wait_for_end(&[&running, &other]).await;
    marker::write(&world, 1).await;
    marker::published(&world).await;
    let order = "select provider_order_id::text from foldback.provider_orders where placed_at is not null limit 1";
    let order = world.sql(order).await.unwrap();
    let readers = Readers::start(&world.stack, &running, &order);

    let pace = Pace::default();
    let rest = Publisher { ahead: std::mem::take(&mut world.publisher.ahead), ..copy(&world.publisher) };
    let publishing = tokio::spawn(rest.write_until_hurried(pace.clone()));
    eventually(PATIENCE, || async {
        if pace.written.load(Ordering::SeqCst) > 0 { Ok(()) } else { Err("nothing is written") }
    })
    .await;
    let before = pace.written.load(Ordering::SeqCst);
    let rebuilt = last_object(&world.foldback(&["rebuild", "--yes", "--json"]).await.exits(0));
    let during = pace.written.load(Ordering::SeqCst) - before;
    assert!(during > 0, "nothing was published while it rebuilt");
    assert_eq!((&rebuilt["generation"], &rebuilt["state"]), (&2.into(), &"live".into()), "{rebuilt:#}");
    let checks = rebuilt["checks"].as_array().unwrap();
    assert!(!checks.is_empty() && checks.iter().all(|check| check["passed"] == true), "{rebuilt:#}");
    published(&world, 2).await;
    pace.hurry.store(true, Ordering::SeqCst);
    world.stored.extend(publishing.await.unwrap());
    world.wait_for_end(&[&running, &other]).await;
    readers.stop().await;

    assert_eq!(live(&world).await, 2);
    world.verified().await;
    for instance in [running, other] {
        assert_eq!(metric(&instance, "foldback_live_generation").await, Some(2.0));
        world.assert_all(&instance, 2).await;
        instance.terminate().await;
    }
    up_to_the_cut_over_both_are_equal(&world).await;
}

fn copy(publisher: &Publisher) -> Publisher {
    let Publisher { brokers, orders_topic, runs_topic, .. } = publisher;
    let [brokers, orders_topic, runs_topic] = [brokers, orders_topic, runs_topic].map(Clone::clone);
    Publisher { brokers, orders_topic, runs_topic, ahead: Vec::new() }
}

/// The old generation stands where the cut-over left it; the log up to there gives the same.
async fn up_to_the_cut_over_both_are_equal(world: &World) {
    marker::erase(world, 1).await;
    let at = checkpoints(world, 1).await;
    assert!(at != checkpoints(world, 2).await, "the old generation was folded on after the cut-over");
    let again = world.rebuild_aside(&["--until", &until(&at)]).await;
    assert_eq!(states(world).await, [(1, "kept".into()), (2, "live".into()), (again, "ready".into())]);
    assert_equal(world, 1, again).await;
    world.assert_generation(1, world.reference_before(&at)).await;
}

/// With several workers, with one that may use hardly any memory, and checked to the last row before the cut-over.
#[tokio::test(flavor = "multi_thread")]
async fn however_it_is_rebuilt_the_views_are_the_same() {
    let world = World::folded(3).await;
    let running = world.run().await;
    for (args, settings) in [
        (&["--workers", "1", "--verify", "full"][..], &[("FOLDBACK__REBUILD__MEMORY_BYTES", "33554432")][..]),
        (&["--workers", "3", "--sample", "20"], &[("FOLDBACK__REBUILD__CUT_MS", "50")]),
    ] {
        let args = [&["rebuild", "--yes", "--json"], args].concat();
        let rebuilt = last_object(&world.foldback_with(&args, settings).await.exits(0));
        let generation = rebuilt["generation"].as_i64().unwrap();
        published(&world, generation).await;
        world.assert_generation(generation, world.reference()).await;
        let reference = world.reference();
        assert_redis(&world.stack, &reference).await;
        assert_http(&running, &reference).await;
    }
    world.verified().await;
    running.terminate().await;
}

/// A transaction that looks at the database as it is now, and its process.
async fn monthly_report(world: &World) -> (PgConnection, i32) {
    let mut report = world.stack.postgres().await;
    sqlx::query("set application_name = 'monthly report'").execute(&mut report).await.unwrap();
    sqlx::query("begin isolation level repeatable read").execute(&mut report).await.unwrap();
    let pid = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut report).await.unwrap();
    (report, pid)
}

/// A report that began before the new generation was filled would find its tables empty, whatever the view shows now.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_still_looks_at_the_past_is_waited_for() {
    let world = World::folded(8).await;
    let (mut report, _) = monthly_report(&world).await;
    let mut rebuild = world.start_with(&["rebuild", "--yes"], &[]);
    eventually(PATIENCE, || {
        let written = rebuild.written();
        async move { if written.contains("cutting over") { Ok(()) } else { Err(written) } }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(rebuild.exited().is_none(), "it did not wait: {}", rebuild.written());
    assert_eq!(live(&world).await, 1);
    let orders = "select count(*) from foldback.provider_orders";
    let orders: i64 = sqlx::query_scalar(orders).fetch_one(&mut report).await.unwrap();
    let stored = world.sql("select count(*)::text from gen_1.provider_orders").await.unwrap();
    assert_eq!(orders.to_string(), stored);
    sqlx::query("commit").execute(&mut report).await.unwrap();
    rebuild.wait(PATIENCE).await.exits(0);
    assert_eq!(live(&world).await, 2);
}

/// Past its time it gives up, says who is in the way, and can be gone on with.
#[tokio::test(flavor = "multi_thread")]
async fn who_looks_at_the_past_for_too_long_is_named() {
    let world = World::folded(16).await;
    let (mut report, pid) = monthly_report(&world).await;
    let settings = [("FOLDBACK__REBUILD__CUT_OVER_TIMEOUT_MS", "1000")];
    let output = world.foldback_with(&["rebuild", "--yes"], &settings).await;
    assert_ne!(output.code, Some(0), "{output:?}");
    for word in [&format!("pid {pid}"), "monthly report", "promote 2"] {
        assert!(output.stderr.contains(word), "{word} is not in: {output:?}");
    }
    assert_eq!(live(&world).await, 1);
    sqlx::query("commit").execute(&mut report).await.unwrap();
    world.foldback(&["generations", "promote", "2", "--yes"]).await.exits(0);
    assert_eq!(live(&world).await, 2);
}
