//! The views as they were at a moment or at a position, in a generation that is queried by its schema's name.

use chrono::DateTime;
use sqlx::Row;

use crate::hard_log::meaning::Stored;
use crate::rebuild::generations::{live, states};
use crate::rebuild::world::{World, until};

/// Published in this order, ten milliseconds apart, with some that say they are later or earlier than their neighbours.
fn in_time(world: &mut World) {
    for (number, draft) in world.publisher.ahead.iter_mut().enumerate() {
        let number = i64::try_from(number).unwrap();
        let jitter = if number % 7 == 0 {
            400
        } else if number % 11 == 0 {
            -900
        } else {
            0
        };
        draft.timestamp_millis = 1_700_000_000_000 + 10 * number + jitter;
    }
}

/// Per partition: the offset of the first record that is later than this moment, or the partition's end.
fn first_later(world: &World, millis: i64) -> Vec<(String, i32, i64)> {
    let first = |(topic, partition, end): (String, i32, i64)| {
        let later = |record: &&Stored| {
            record.topic_name == topic && record.draft.partition == partition && record.draft.timestamp_millis > millis
        };
        let first = world.stored.iter().filter(later).map(|record| record.offset).min();
        (topic, partition, first.unwrap_or(end))
    };
    world.ends().into_iter().map(first).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_as_they_were_at_a_moment() {
    let mut world = World::with_every(6).await;
    in_time(&mut world);
    world.publish(1.0).await;
    world.fold().await;
    let mut times: Vec<i64> = world.stored.iter().map(|record| record.draft.timestamp_millis).collect();
    times.sort_unstable();
    for (at, spelled) in [(times[times.len() / 2], "+02:00"), (times[times.len() / 5], "Z")] {
        let time = DateTime::from_timestamp_millis(at).unwrap();
        let text = match spelled {
            "Z" => time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            _ => (time + chrono::Duration::hours(2)).format("%Y-%m-%dT%H:%M:%S%.3f+02:00").to_string(),
        };
        let before = first_later(&world, at);
        let generation = world.rebuild_aside(&["--until", &text]).await;
        world.assert_generation(generation, world.reference_before(&before)).await;
        assert_eq!(live(&world).await, 1, "what is live stays as it is");
    }
    // all of it, and the live views too
    let generation = world.rebuild_aside(&["--until", "2023-12-31T00:00:00Z"]).await;
    world.assert_generation(generation, world.reference()).await;
    world.verified().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_as_they_were_at_a_position() {
    let world = World::folded(6).await;
    let ends = world.ends();
    // a partition in the middle, one at its start, one at its end, and the others not at all
    let (topic, partition, end) = ends[0].clone();
    let some = vec![(topic, partition, end / 2), (ends[1].0.clone(), ends[1].1, 0), ends[2].clone(), ends[5].clone()];
    let generation = world.rebuild_aside(&["--until", &until(&some)]).await;
    world.assert_generation(generation, world.reference_before(&some)).await;
    let orders = format!("select count(*)::bigint from gen_{generation}.provider_orders where last_sequence > 0");
    let row = sqlx::query(sqlx::AssertSqlSafe(orders)).fetch_one(&mut world.stack.postgres().await).await.unwrap();
    assert!(row.get::<i64, _>(0) > 0);
    assert_eq!(states(&world).await, [(1, "live".into()), (generation, "ready".into())]);

    let every = ends.iter().map(|(topic, partition, end)| (topic.clone(), *partition, end / 3)).collect::<Vec<_>>();
    let generation = world.rebuild_aside(&["--until", &until(&every)]).await;
    world.assert_generation(generation, world.reference_before(&every)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_a_usage_error() {
    let world = World::folded(16).await;
    let (topic, _, end) = world.ends()[0].clone();
    let beyond = format!("{topic}/0:{}", end + 1_000_000);
    for args in [
        &["rebuild", "--until", "2023-12-31T00:00:00Z"][..],
        &["rebuild", "--no-promote", "--until", "yesterday"],
        &["rebuild", "--no-promote", "--until", "no-such-topic/0:5"],
        &["rebuild", "--no-promote", "--until", &format!("{topic}/99:5")],
        &["rebuild", "--no-promote", "--until", &format!("{topic}/0:-1")],
        &["rebuild", "--no-promote", "--until", &format!("{topic}/0:1,{topic}/0:2")],
        &["rebuild", "--no-promote", "--until", &beyond],
    ] {
        let output = world.foldback(args).await;
        assert!(matches!(output.code, Some(2 | 4)), "{args:?}: {output:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(states(&world).await, [(1, "live".into())], "nothing was made");
}
