//! Generations as `generations list` tells of them, and one compared with another.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::Row;

use crate::hard_log::compare::{differences, read_views};
use crate::hard_log::reference::View;
use crate::rebuild::world::World;
use crate::support::views::key;
use crate::support::{PATIENCE, eventually};

/// What two generations of one log may differ in: positions of copies, and bookkeeping.
const NOT_COMPARED: [(&str, &[&str]); 2] =
    [("provider_order_events", &["topic", "partition", "offset", "recorded_at"]), ("dead_letters", &["generation"])];

/// As the command line lists them.
pub async fn list(world: &World) -> Vec<Value> {
    let listed = world.foldback(&["generations", "list", "--json"]).await.exits(0).json();
    listed.as_array().unwrap_or_else(|| panic!("not an array: {listed}")).clone()
}

/// Number and state of each, oldest first.
pub async fn states(world: &World) -> Vec<(i64, String)> {
    let mut states: Vec<_> = list(world).await.iter().map(state).collect();
    states.sort();
    states
}

fn state(generation: &Value) -> (i64, String) {
    let number = generation["generation"].as_i64().unwrap_or_else(|| panic!("no number: {generation}"));
    (number, generation["state"].as_str().unwrap_or_else(|| panic!("no state: {generation}")).to_owned())
}

/// The one that is live; panics unless there is exactly one.
pub async fn live(world: &World) -> i64 {
    let states = states(world).await;
    let live: Vec<i64> = states.iter().filter(|(_, state)| state == "live").map(|(number, _)| *number).collect();
    assert_eq!(live.len(), 1, "exactly one is live, but {states:?}");
    live[0]
}

/// Panics unless every view has the same rows in both.
pub async fn assert_equal(world: &World, one: i64, other: i64) {
    let (one_views, other_views) = (compared(world, one).await, compared(world, other).await);
    let each = one_views.iter().map(|(name, view)| differences(name, view, &other_views[name]));
    let report: String = each.collect();
    assert!(report.is_empty(), "generation {one} (stored) is not equal to {other} (expected):\n{report}");
}

async fn compared(world: &World, generation: i64) -> BTreeMap<&'static str, View> {
    let mut postgres = world.stack.postgres().await;
    let mut views = read_views(&mut postgres, &format!("gen_{generation}")).await;
    for (view, columns) in NOT_COMPARED {
        for row in views.get_mut(view).unwrap().values_mut() {
            row.as_object_mut().unwrap().retain(|name, _| !columns.contains(&name.as_str()));
        }
    }
    views
}

/// The checkpoints of one generation, as (topic, partition, offset).
pub async fn checkpoints(world: &World, generation: i64) -> Vec<(String, i32, i64)> {
    let query =
        format!("select topic, partition, next_offset from gen_{generation}.checkpoints order by topic, partition");
    let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&mut world.stack.postgres().await).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// Waits until Redis shows this generation; its epoch.
pub async fn published(world: &World, generation: i64) -> i64 {
    eventually(PATIENCE, || async {
        let meta = key(&world.stack, "backlog").await["meta"].clone();
        if meta["generation"] == generation { Ok(meta["epoch"].as_i64().unwrap()) } else { Err(meta.to_string()) }
    })
    .await
}
