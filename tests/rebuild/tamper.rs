//! What was changed by hand is found and named by verify, and repaired by a rebuild.

use serde_json::{Value, json};

use crate::rebuild::fake_metrics::FakeMetrics;
use crate::rebuild::generations::{self, live, published};
use crate::rebuild::marker;
use crate::rebuild::world::{World, last_object};
use crate::support::views::key;
use crate::support::{PATIENCE, Running, eventually};

struct Tampering {
    what: &'static str,
    /// Gives back the parts of the row's key, with a blank between.
    sql: &'static str,
    view: &'static str,
    /// None: every column, since the whole row was added or deleted.
    column: Option<&'static str>,
}

const TAMPERINGS: [Tampering; 12] = [
    Tampering {
        what: "an event's payload",
        sql: "update {gen}.provider_order_events set payload = payload::jsonb || '{\"tampered\": true}'
               where (provider_order_id, sequence) = (select provider_order_id, sequence from {gen}.provider_order_events limit 1)
           returning provider_order_id || ' ' || sequence",
        view: "provider_order_events",
        column: Some("payload"),
    },
    Tampering {
        what: "an order's amount",
        sql: "update {gen}.provider_orders set amount = amount + 0.0001 where provider_order_id =
              (select provider_order_id from {gen}.provider_orders where amount < 1000 limit 1)
              returning provider_order_id::text",
        view: "provider_orders",
        column: Some("amount"),
    },
    Tampering {
        what: "a replay's status",
        sql: "update {gen}.replays set status = 'executed' where (provider_order_id, replay_id) =
              (select provider_order_id, replay_id from {gen}.replays where status = 'failed' limit 1)
              returning provider_order_id || ' ' || replay_id",
        view: "replays",
        column: Some("status"),
    },
    Tampering {
        what: "a refill's response",
        sql: "update {gen}.refills set response = 'tampered' where (provider_order_id, refill_id) =
              (select provider_order_id, refill_id from {gen}.refills limit 1)
              returning provider_order_id || ' ' || refill_id",
        view: "refills",
        column: Some("response"),
    },
    Tampering {
        what: "a run's summary",
        sql: "update {gen}.automation_runs set summary = summary || '{\"tampered\": 1}' where run_id =
              (select run_id from {gen}.automation_runs limit 1) returning run_id::text",
        view: "automation_runs",
        column: Some("summary"),
    },
    Tampering {
        what: "a provider's backlog",
        sql: "update {gen}.telemetry_counts set count = count + 1 where ctid =
              (select ctid from {gen}.telemetry_counts where kind = 'scheduled' and count > 0 and provider_id !~ '[[:space:]]' limit 1)
              returning provider_id",
        view: "backlog",
        column: Some("scheduled_backlog"),
    },
    Tampering {
        what: "a provider's telemetry",
        sql: "update {gen}.telemetry_counts set count = count + 1 where ctid =
              (select ctid from {gen}.telemetry_counts where kind = 'placed' and count > 0 and provider_id !~ '[[:space:]]' limit 1)
              returning provider_id",
        view: "provider_telemetry",
        column: Some("telemetry"),
    },
    Tampering {
        what: "a provider's name",
        sql: "update {gen}.provider_names set name = 'tampered' where provider_id =
              (select provider_id from {gen}.provider_telemetry where provider_name is not null and provider_id !~ '[[:space:]]' limit 1)
              returning provider_id",
        view: "provider_telemetry",
        column: Some("provider_name"),
    },
    Tampering {
        what: "a dead letter's value",
        sql: "update {gen}.dead_letters set value = '\\x00' where id =
              (select min(id) from {gen}.dead_letters where length(value) > 1)
              returning topic || ' ' || partition || ' ' || \"offset\"",
        view: "dead_letters",
        column: Some("value"),
    },
    Tampering {
        what: "a deleted order",
        sql: "delete from {gen}.provider_orders where provider_order_id =
              (select provider_order_id from {gen}.provider_orders limit 1) returning provider_order_id::text",
        view: "provider_orders",
        column: None,
    },
    Tampering {
        what: "a deleted event",
        sql: "delete from {gen}.provider_order_events where (provider_order_id, sequence) =
              (select provider_order_id, max(sequence) from {gen}.provider_order_events group by 1 limit 1)
              returning provider_order_id || ' ' || sequence",
        view: "provider_order_events",
        column: None,
    },
    Tampering {
        what: "an added refill",
        sql: "insert into {gen}.refills select (jsonb_populate_record(r, '{\"refill_id\": \"00000000-0000-4000-8000-00000000dddd\"}')).*
                from {gen}.refills r limit 1 returning provider_order_id || ' ' || refill_id",
        view: "refills",
        column: None,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_changed_row_is_found_named_and_repaired() {
    let world = World::folded(16).await;
    // it publishes what the generation after the rebuild shows
    let running = world.run().await;
    let before = world.make_up().await;
    world.verified().await;
    assert_eq!(world.make_up().await, before, "verify leaves nothing behind");
    for tampering in &TAMPERINGS {
        let schema = format!("gen_{}", live(&world).await);
        let key = world
            .sql(&tampering.sql.replace("{gen}", &schema))
            .await
            .unwrap_or_else(|| panic!("no row for {}", tampering.what));
        let found = differences(&world, &[]).await;
        assert_named(tampering, &key, &found);
        published(&world, world.rebuild().await).await;
        world.verified().await;
    }
    world.assert_all(&running, live(&world).await).await;
    running.terminate().await;
}

/// Everything at once is named too, each row by its own key.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_foreign_order_are_named_in_every_view() {
    let world = World::folded(16).await;
    let running = world.run().await;
    marker::write(&world, 1).await;
    marker::published(&world).await;
    let found = differences(&world, &[]).await;
    for (view, key) in [
        ("provider_order_events", marker::ORDER),
        ("provider_orders", marker::ORDER),
        ("replays", marker::ORDER),
        ("refills", marker::ORDER),
        ("automation_runs", marker::RUN),
        ("backlog", marker::PROVIDER),
        ("provider_telemetry", marker::PROVIDER),
    ] {
        let names = |difference: &&Value| difference["view"] == view && difference["key"].to_string().contains(key);
        let difference = found.iter().find(names).unwrap_or_else(|| panic!("no {key} of {view} in {found:#?}"));
        assert!(columns(difference).all(|(_, column)| column["expected"].is_null()), "{difference:#}");
    }
    // what was derived from it has reached Redis
    assert!(found.iter().any(|difference| difference["view"] == "redis:status:replay"), "{found:#?}");
    let generation = world.rebuild().await;
    published(&world, generation).await;
    world.verified().await;
    world.assert_all(&running, generation).await;
    running.terminate().await;
}

/// The differences that `verify --json` names; panics where it finds none.
async fn differences(world: &World, more: &[&str]) -> Vec<Value> {
    let said = last_object(&world.foldback(&[&["verify", "--json"], more].concat()).await.exits(3));
    assert_eq!(said["equal"], false, "{said:#}");
    let found = said["differences"].as_array().unwrap().clone();
    assert!(!found.is_empty(), "{said:#}");
    found
}

fn columns(difference: &Value) -> impl Iterator<Item = (&String, &Value)> {
    difference["columns"].as_object().unwrap_or_else(|| panic!("no columns: {difference}")).iter()
}

fn assert_named(tampering: &Tampering, key: &str, found: &[Value]) {
    let what = tampering.what;
    let names = |difference: &&Value| {
        let told = difference["key"].to_string();
        difference["view"] == tampering.view && key.split(' ').all(|part| told.contains(part))
    };
    let difference = found.iter().find(names).unwrap_or_else(|| panic!("{what} ({key}) is not in {found:#?}"));
    match tampering.column {
        Some(name) => {
            let column = &difference["columns"][name];
            assert!(column["stored"] != column["expected"], "{what}: {difference:#}");
            assert_eq!(columns(difference).count(), 1, "{what}: only {name} was changed: {difference:#}");
        }
        None => {
            let absent = if what.starts_with("an added") { "expected" } else { "stored" };
            assert!(columns(difference).count() > 3, "{what}: {difference:#}");
            assert!(columns(difference).all(|(_, column)| column[absent].is_null()), "{what}: {difference:#}");
            assert!(columns(difference).any(|(_, column)| column["stored"] != column["expected"]), "{what}");
        }
    }
}

/// Writes over one of the JSON texts in Redis; whatever is in Redis is foldback's, and this was older.
async fn age(world: &World, name: &str, change: impl FnOnce(&mut Value)) {
    let mut value = key(&world.stack, name).await;
    assert!(value.is_object(), "{name} is not there");
    change(&mut value);
    if let Some(version) = value["meta"]["version"].as_i64() {
        value["meta"]["version"] = json!(version - 1);
    }
    let place = format!("{}{name}", world.stack.redis_prefix);
    let mut redis = world.stack.redis().await;
    redis::cmd("SET").arg(place).arg(value.to_string()).query_async::<()>(&mut redis).await.unwrap();
}

async fn age_one_provider(world: &World) -> String {
    let place = format!("{}backlog:by_provider", world.stack.redis_prefix);
    let mut redis = world.stack.redis().await;
    let providers: Vec<String> = redis::cmd("HKEYS").arg(&place).query_async(&mut redis).await.unwrap();
    let provider = providers.into_iter().min().expect("a provider with a backlog");
    let old = json!({"scheduledBacklog": 77, "nextScheduledAt": null, "overdue": 0}).to_string();
    redis::cmd("HSET").arg(place).arg(&provider).arg(old).query_async::<()>(&mut redis).await.unwrap();
    provider
}

async fn assert_redis_named(world: &World, view: &str, part: &str) {
    let found = differences(world, &[]).await;
    let names = |difference: &&Value| difference["view"] == view && difference.to_string().contains(part);
    assert!(found.iter().any(|difference| names(&difference)), "no {view} with {part} in {found:#?}");
    let foreign = |difference: &&Value| !difference["view"].as_str().unwrap().starts_with("redis:");
    assert!(!found.iter().any(|difference| foreign(&difference)), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_value_in_redis_is_found_and_repaired_with_foldback_stopped() {
    let world = World::folded(16).await;
    age(&world, "backlog", |value| value["scheduledBacklog"] = json!(4_711)).await;
    assert_redis_named(&world, "redis:backlog", "4711").await;
    repaired_with(&world, None).await;
    age(&world, "status:alerts", |value| value["status"] = json!("tampered")).await;
    assert_redis_named(&world, "redis:status:alerts", "tampered").await;
    repaired_with(&world, None).await;
    let provider = age_one_provider(&world).await;
    assert_redis_named(&world, "redis:backlog:by_provider", &provider).await;
    repaired_with(&world, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_value_in_redis_is_found_and_repaired_with_foldback_running() {
    let world = World::folded(16).await;
    // so slow to heal what others write that it is still there when verify looks
    let running = world.run_with(&[("FOLDBACK__PUBLISHER__RECONCILE_MS", "60000")]).await;
    eventually(PATIENCE, || async {
        let output = world.foldback(&["verify", "--json"]).await;
        if output.code == Some(0) { Ok(()) } else { Err(output) }
    })
    .await;
    age(&world, "status:replay", |value| value["summary"] = json!({"processed": 4_711})).await;
    assert_redis_named(&world, "redis:status:replay", "4711").await;
    repaired_with(&world, Some(&running)).await;
    age(&world, "backlog", |value| value["scheduledBacklog"] = json!(4_711)).await;
    assert_redis_named(&world, "redis:backlog", "4711").await;
    repaired_with(&world, Some(&running)).await;
    running.terminate().await;
}

/// Where no instance runs one is started, since it is the instances that publish.
async fn repaired_with(world: &World, running: Option<&Running>) {
    let generation = world.rebuild().await;
    if running.is_none() {
        let started = world.run().await;
        generations::published(world, generation).await;
        started.terminate().await;
    } else {
        generations::published(world, generation).await;
    }
    world.verified().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gauges_are_compared_where_a_metrics_address_is_given() {
    let world = World::folded(16).await;
    let running = world.run().await;
    let address = running.url("/metrics");
    eventually(PATIENCE, || async {
        let output = world.foldback(&["verify", "--json", "--metrics-url", &address]).await;
        if output.code == Some(0) { Ok(()) } else { Err(output) }
    })
    .await;
    let name = "provider_automation_replay_backlog";
    let text = running.metrics().await;
    let line = text.lines().find(|line| line.starts_with(&format!("{name}{{"))).expect("a provider with a backlog");
    let (series, _) = line.rsplit_once(' ').unwrap();
    let fake = FakeMetrics::serve(text.replace(line, &format!("{series} 4711"))).await;
    let found = differences(&world, &["--metrics-url", &fake.url]).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["view"], format!("gauge:{name}"), "{found:#?}");
    assert!(found[0].to_string().contains("4711"), "{found:#?}");
    running.terminate().await;
}

/// A share of the orders, by the hash of their key: an edit is found by some shares and not by others.
#[tokio::test(flavor = "multi_thread")]
async fn a_sample_compares_its_share_of_the_orders() {
    let world = World::folded(16).await;
    world.foldback(&["verify", "--sample", "10"]).await.exits(0);
    world.run_sql("update gen_1.refills set response = 'tampered'").await;
    let refills: usize = world.sql("select count(*)::text from gen_1.refills").await.unwrap().parse().unwrap();
    let found = differences(&world, &["--sample", "30", "--rate", "100000"]).await;
    assert!(found.len() < refills, "{} of {refills} rows is no sample", found.len());
    assert_eq!(differences(&world, &["--sample", "100"]).await.len(), refills);
}
