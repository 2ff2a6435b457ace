//! A stack whose log is a part of the hard log, and foldback over it.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::OnceCell;

use crate::hard_log::compare::{assert_schema, assert_views};
use crate::hard_log::compare_published::{assert_http, assert_redis};
use crate::hard_log::generator::{SchemaIds, VALUE_BYTES_MAX, hard_log, seed};
use crate::hard_log::meaning::Stored;
use crate::hard_log::positions::{ends, wait_for_end};
use crate::hard_log::reference::Reference;
use crate::hard_log::registry;
use crate::rebuild::publisher::Publisher;
use crate::support::{Background, Output, PATIENCE, Running, Stack};

/// What every command is told.
const SETTINGS: [(&str, &str); 6] = [
    ("FOLDBACK__WORKERS__COUNT", "2"),
    ("FOLDBACK__LIMITS__VALUE_BYTES_MAX", "200000"),
    ("FOLDBACK__SCHEMA_REGISTRY__UNKNOWN_AFTER_MS", "300"),
    // small batches, so that there are many of them
    ("FOLDBACK__BATCH__RECORDS_MAX", "500"),
    // an expelled member's partitions must not be away for longer than a test waits
    ("FOLDBACK__KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "6000"),
    ("FOLDBACK__KAFKA__PROPERTIES__HEARTBEAT_INTERVAL_MS", "500"),
];

/// Registered once, under the names of the first stack: the registry doesn't stand many who register side by side, and
/// a record names its schema by the id alone.
static SCHEMA_IDS: OnceCell<SchemaIds> = OnceCell::const_new();

async fn register(stack: &Stack) -> SchemaIds {
    registry::register(&stack.servers.registry, &stack.orders_topic, &stack.runs_topic).await
}

pub struct World {
    pub stack: Stack,
    pub publisher: Publisher,
    /// What stands in the log.
    pub stored: Vec<Stored>,
}

impl World {
    /// Of the hard log, every so many-th record, none of them written yet. Migrated.
    pub async fn with_every(nth: usize) -> Self {
        assert_eq!(SETTINGS[1].1, VALUE_BYTES_MAX.to_string());
        let stack = Stack::new().await;
        stack.foldback(&["migrate"]).await.exits(0);
        let ids = SCHEMA_IDS.get_or_init(|| register(&stack)).await;
        let publisher = Publisher {
            brokers: stack.servers.kafka.clone(),
            orders_topic: stack.orders_topic.clone(),
            runs_topic: stack.runs_topic.clone(),
            ahead: hard_log(seed(), ids).into_iter().step_by(nth).collect(),
        };
        Self { stack, publisher, stored: Vec::new() }
    }

    /// The same, written to its end and folded by an instance that has ended since.
    pub async fn folded(nth: usize) -> Self {
        let mut world = Self::with_every(nth).await;
        world.publish(1.0).await;
        world.fold().await;
        world
    }

    /// Publishes this share of what is left.
    pub async fn publish(&mut self, share: f64) {
        let count = (self.publisher.ahead.len() as f64 * share).ceil() as usize;
        self.stored.extend(self.publisher.write(count).await);
    }

    /// An instance folds what is there, and ends.
    pub async fn fold(&self) {
        let running = self.run().await;
        self.wait_for_end(&[&running]).await;
        // with the last of it in Redis
        assert_redis(&self.stack, &self.reference()).await;
        running.terminate().await;
    }

    pub async fn wait_for_end(&self, running: &[&Running]) {
        wait_for_end(&self.stack, &self.ends(), running).await;
    }

    /// (topic, partition, offset) of every partition's end.
    pub fn ends(&self) -> Vec<(String, i32, i64)> {
        ends(&self.stack.servers.kafka, &self.publisher.topics())
    }

    /// Of all that stands in the log, as the first generation shows it.
    pub fn reference(&self) -> Reference {
        Reference::of(&self.stored)
    }

    /// Of what stands before these offsets; nothing of a partition that is not among them.
    pub fn reference_before(&self, offsets: &[(String, i32, i64)]) -> Reference {
        let before = |record: &&Stored| {
            let stands = |(topic, partition, offset): &(String, i32, i64)| {
                record.topic_name == *topic && record.draft.partition == *partition && record.offset < *offset
            };
            offsets.iter().any(stands)
        };
        Reference::of(&self.stored.iter().filter(before).cloned().collect::<Vec<_>>())
    }

    /// Everything that readers see, once `running` has folded all.
    pub async fn assert_all(&self, running: &Running, generation: i64) {
        self.wait_for_end(&[running]).await;
        let reference = self.reference().in_generation(generation);
        assert_views(&mut self.stack.postgres().await, &reference).await;
        assert_redis(&self.stack, &reference).await;
        assert_http(running, &reference).await;
    }

    /// The views of one generation, whichever is live.
    pub async fn assert_generation(&self, generation: i64, reference: Reference) {
        let schema = format!("gen_{generation}");
        assert_schema(&mut self.stack.postgres().await, &schema, &reference.in_generation(generation)).await;
    }

    pub async fn foldback(&self, args: &[&str]) -> Output {
        self.foldback_with(args, &[]).await
    }

    pub async fn foldback_with(&self, args: &[&str], more: &[(&str, &str)]) -> Output {
        self.stack.foldback_with(args, &with(more)).await
    }

    pub fn start_with(&self, args: &[&str], more: &[(&str, &str)]) -> Background {
        self.stack.start_with(args, &with(more))
    }

    /// Started, which needn't mean that it can fold.
    pub async fn start_run(&self) -> Running {
        self.stack.run_with(&with(&[])).await
    }

    /// Started, and ready.
    pub async fn run(&self) -> Running {
        self.run_with(&[]).await
    }

    pub async fn run_with(&self, more: &[(&str, &str)]) -> Running {
        let running = self.stack.run_with(&with(more)).await;
        running.ready(PATIENCE).await;
        running
    }

    /// Rebuilds and promotes; the number of the new generation.
    pub async fn rebuild(&self) -> i64 {
        let rebuilt = last_object(&self.foldback(&["rebuild", "--yes", "--json"]).await.exits(0));
        assert_eq!(rebuilt["state"], "live", "{rebuilt:#}");
        rebuilt["generation"].as_i64().unwrap()
    }

    /// Rebuilds without promoting, with further arguments.
    pub async fn rebuild_aside(&self, more: &[&str]) -> i64 {
        let args = [&["rebuild", "--no-promote", "--json"], more].concat();
        let rebuilt = last_object(&self.foldback(&args).await.exits(0));
        assert_eq!(rebuilt["state"], "ready", "{rebuilt:#}");
        rebuilt["generation"].as_i64().unwrap()
    }

    /// What `verify --json` says where nothing differs.
    pub async fn verified(&self) -> Value {
        let output = self.foldback(&["verify", "--json"]).await.exits(0);
        let said = last_object(&output);
        assert_eq!((&said["equal"], &said["differences"]), (&true.into(), &Value::Array(vec![])), "{said:#}");
        said
    }

    /// Runs SQL; the first column of its first row as text, where it gives one that is not null.
    pub async fn sql(&self, text: &str) -> Option<String> {
        let mut postgres = self.stack.postgres().await;
        let row = sqlx::query(AssertSqlSafe(text.to_owned())).fetch_optional(&mut postgres).await;
        row.unwrap_or_else(|error| panic!("{text}: {error}")).and_then(|row| row.get(0))
    }

    /// Runs any number of statements.
    pub async fn run_sql(&self, text: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut self.stack.postgres().await).await;
        done.unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    /// The whole of the database's make-up: schemas, tables and how many rows each has, but for the verifications: what a
    /// refused one came to is kept too.
    pub async fn make_up(&self) -> String {
        let tables =
            "select string_agg(format('select %L as name, count(*) from %I.%I', schemaname || '.' || tablename,
                             schemaname, tablename), ' union all ' order by schemaname, tablename)
                        from pg_tables where (schemaname = 'foldback' or schemaname like 'gen\\_%')
                         and tablename <> 'verifications'";
        let counts = self.sql(tables).await.unwrap();
        let rows = format!("select string_agg(name || ' ' || count, E'\\n' order by name) from ({counts}) each");
        let schemas = "select string_agg(nspname, ' ' order by nspname) from pg_namespace where nspname !~ '^pg_'";
        format!("{}\n{}", self.sql(schemas).await.unwrap(), self.sql(&rows).await.unwrap())
    }
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    SETTINGS.iter().chain(more).copied().collect()
}

/// The object that ends a command's standard output.
#[track_caller]
pub fn last_object(output: &Output) -> Value {
    let starts = output.stdout.match_indices('{').map(|(at, _)| at);
    let mut lines = starts.filter(|at| *at == 0 || output.stdout.as_bytes()[at - 1] == b'\n');
    let object = lines.find_map(|at| serde_json::from_str(&output.stdout[at..]).ok());
    object.unwrap_or_else(|| panic!("no JSON at the end of:\n{}\n{}", output.stdout, output.stderr))
}

/// As `rebuild --until` takes them.
pub fn until(offsets: &[(String, i32, i64)]) -> String {
    let each = |(topic, partition, offset): &(String, i32, i64)| format!("{topic}/{partition}:{offset}");
    offsets.iter().map(each).collect::<Vec<_>>().join(",")
}
