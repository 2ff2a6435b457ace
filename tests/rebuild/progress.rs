//! What is told of a rebuild while it works, and what it takes over from the generation before.

use serde_json::Value;

use crate::rebuild::generations::{list, live, published, states};
use crate::rebuild::hold::in_the_middle;
use crate::rebuild::world::World;
use crate::support::events::{Event, lives};
use crate::support::log::Log;
use crate::support::views::metric;
use crate::support::{PATIENCE, Running, eventually};

const GENERATIONS: &str = "/api/v1/fulfillment/providers/automation/generations";
const SETTINGS: [(&str, &str); 1] = [("FOLDBACK__REBUILD__CUT_MS", "50")];

/// Enough events that there is a middle.
pub async fn long() -> (World, Vec<Event>) {
    let mut world = World::with_every(1000).await;
    world.publisher.ahead.clear();
    let events = lives(2_000, 20);
    Log::of(&world.stack).write(&events, 4).await;
    (world, events)
}

fn progress_of(generations: &[Value]) -> Option<Value> {
    generations.iter().map(|generation| generation["progress"].clone()).find(|progress| progress.is_object())
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_in_lines_and_seen_by_everyone() {
    let (world, events) = long().await;
    let running = world.run().await;
    assert_eq!(metric(&running, "foldback_rebuild_progress_ratio").await.unwrap_or(0.0), 0.0);
    let rebuild = world.start_with(&["rebuild", "--yes", "--workers", "1"], &SETTINGS);
    let held = in_the_middle(&world, 2).await;
    let progress = &held.progress;
    let ratio = progress["ratio"].as_f64().unwrap();
    assert!(ratio > 0.0 && ratio <= 1.0, "{progress}");
    assert!(progress["phase"].is_string() && progress["eventsPerSecond"].is_number(), "{progress}");
    assert!(progress.get("etaSeconds").is_some(), "{progress}");
    assert_eq!(states(&world).await, [(1, "live".into()), (2, "building".into())]);

    shown_alike(&world, &running).await;
    shown_by_metrics(&world, &running).await;
    let text = world.foldback(&["generations", "list"]).await.exits(0).stdout;
    assert!(text.contains("building") && text.contains('%'), "{text}");
    eventually(PATIENCE, || async {
        let written = rebuild.written();
        if lines_with_a_rate(&written).is_empty() { Err(written) } else { Ok(()) }
    })
    .await;
    drop(held);
    let ended = rebuild.wait(PATIENCE).await.exits(0);
    plain_lines(&format!("{}{}", ended.stdout, ended.stderr));
    assert_eq!(live(&world).await, 2);
    published(&world, 2).await;
    assert_eq!(progress_of(&list(&world).await), None, "it is over");
    let all = i64::try_from(events.len()).unwrap();
    assert_eq!(crate::support::views::history(&world.stack).await, all);
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_told_and_what_was_not_committed_is_folded_again() {
    let (world, events) = long().await;
    let rebuild = world.start_with(&["rebuild", "--yes", "--workers", "1"], &SETTINGS);
    let held = in_the_middle(&world, 2).await;
    // The one that folds waits for the lock; the one that holds the rebuild's own lock does not.
    let folding = "select pg_terminate_backend(pid)::text from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock' and query like 'copy gen_2.%'";
    eventually(PATIENCE, || async {
        if world.sql(folding).await.as_deref() == Some("true") { Ok(()) } else { Err("nobody waits for the lock") }
    })
    .await;
    drop(held);
    let ended = rebuild.wait(PATIENCE).await.exits(0);
    let written = format!("{}{}", ended.stdout, ended.stderr);
    let told =
        written.lines().filter(|line| line.starts_with("folding: ") && line.ends_with("retrying until it works"));
    assert_eq!(told.count(), 1, "{written}");
    assert_eq!(live(&world).await, 2);
    assert_eq!(crate::support::views::history(&world.stack).await, i64::try_from(events.len()).unwrap());
}

/// By the API and by the command line. A rebuild goes on telling while it is held, so of its progress only the fields
/// are compared.
async fn shown_alike(world: &World, running: &Running) {
    let listed = without_values(&list(world).await);
    let answered = running.json(GENERATIONS).await["generations"].clone();
    assert_eq!(without_values(answered.as_array().unwrap()), listed);
}

/// The generations, with the names of the fields of each one's progress.
fn without_values(generations: &[Value]) -> Vec<Value> {
    let fields = |progress: &Value| Value::from(progress.as_object().map_or(vec![], |it| it.keys().cloned().collect()));
    let mut generations = generations.to_vec();
    for generation in &mut generations {
        generation["progress"] = fields(&generation["progress"]);
    }
    generations
}

async fn shown_by_metrics(world: &World, running: &Running) {
    eventually(PATIENCE, || async {
        let shown = metric(running, "foldback_rebuild_progress_ratio").await;
        let told = progress_of(&list(world).await).and_then(|progress| progress["ratio"].as_f64());
        let alike = shown.zip(told).is_some_and(|(shown, told)| shown > 0.0 && (shown - told).abs() < 0.001);
        if alike { Ok(()) } else { Err((shown, told)) }
    })
    .await;
}

fn lines_with_a_rate(written: &str) -> Vec<&str> {
    written.lines().filter(|line| line.contains("events/s") && line.contains('%')).collect()
}

/// No terminal: nothing that moves a cursor, and lines with a rate, a share and a time.
fn plain_lines(written: &str) {
    assert!(!written.contains('\r') && !written.contains('\u{1b}'), "{written}");
    let told = lines_with_a_rate(written);
    assert!(!told.is_empty(), "no line with a rate and a share:\n{written}");
    let with_eta = |line: &&str| line.to_lowercase().contains("eta") || line.contains("left");
    assert!(told.iter().any(with_eta), "no line says how long it will take:\n{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_decided_on_a_dead_letter_carries_over() {
    let world = World::folded(16).await;
    let refused = r#"select id::text from foldback.dead_letters where reason = 'malformed' order by id limit 1"#;
    let id = world.sql(refused).await.unwrap();
    let place = r#"topic || ' ' || partition || ' ' || "offset""#;
    let at = world.sql(&format!("select {place} from foldback.dead_letters where id = {id}")).await.unwrap();
    let why = "seen with the publisher: a test of theirs";
    world.foldback(&["dead-letters", "discard", &id]).await.exits(2);
    world.foldback(&["dead-letters", "discard", "99999999", "--why", why]).await.exits(1);
    world.foldback(&["dead-letters", "discard", &id, "--why", why]).await.exits(0);
    world.verified().await;

    let generation = world.rebuild().await;
    let running = world.run().await;
    published(&world, generation).await;
    world.verified().await;
    running.terminate().await;
    let discarded = format!("select {place} from foldback.dead_letters where discarded_at is not null");
    assert_eq!(world.sql(&discarded).await, Some(at.clone()));
    let of = format!("select generation::text from foldback.dead_letters where {place} = '{at}'");
    assert_eq!(world.sql(&of).await, Some(generation.to_string()), "it belongs to the generation that refused it");
    let new_id =
        world.sql(&format!("select id::text from foldback.dead_letters where {place} = '{at}'")).await.unwrap();
    let shown = world.foldback(&["dead-letters", "show", &new_id, "--json"]).await.exits(0);
    assert!(shown.stdout.contains(why), "{}", shown.stdout);
    let open = world.foldback(&["dead-letters", "list", "--json", "--limit", "10000"]).await.exits(0).json();
    let new_id: i64 = new_id.parse().unwrap();
    let lists = |letters: &Value| letters.as_array().unwrap().iter().any(|letter| letter["id"] == new_id);
    assert!(!lists(&open), "{open:#}");
    let all = world.foldback(&["dead-letters", "list", "--all", "--json", "--limit", "10000"]).await.exits(0).json();
    assert!(lists(&all), "{all:#}");
}
