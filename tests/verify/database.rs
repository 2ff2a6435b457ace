use std::time::Duration;

use foldback::store::Generation;
use foldback::store::connect::Access;
use foldback::store::generations::{NewGeneration, create_shadow};
use foldback::store::migrate::migrate;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

/// Tables that a fold writes; views follow from them.
const TABLES: [&str; 8] = [
    "provider_order_events",
    "provider_orders",
    "replays",
    "refills",
    "automation_runs",
    "telemetry_counts",
    "provider_names",
    "checkpoints",
];
const DEAD_LETTERS: &str =
    "topic, partition, \"offset\", key, value, headers, reason, detail, provider_order_id, sequence, event_id";

/// A database of its own, migrated, with rows in generation 1.
pub struct Database {
    maintenance: String,
    name: String,
    pub url: String,
}

impl Database {
    pub async fn with(rows: &str) -> Database {
        let maintenance =
            std::env::var("FOLDBACK_TEST_POSTGRES").expect("FOLDBACK_TEST_POSTGRES is set: run ./dev/test");
        let name = format!("verify_{}", Uuid::now_v7().simple());
        let (server, _) = maintenance.rsplit_once('/').expect("the URL names a database");
        let url = format!("{server}/{name}");
        execute(&maintenance, &format!("create database {name}")).await;
        migrate(&mut PgConnection::connect(&url).await.unwrap(), "test").await.unwrap();
        let database = Database { maintenance, name, url };
        database.execute(rows).await;
        database
    }

    pub fn access(&self) -> Access {
        Access::new(&self.url, Duration::from_secs(5), Duration::from_secs(30)).unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        execute(&self.url, sql).await;
    }

    /// A shadow that holds what generation 1 holds.
    pub async fn shadow(&self) -> Generation {
        let new = NewGeneration {
            created_by: "test".into(),
            origin: serde_json::json!({}),
            targets: serde_json::json!([]),
            until: None,
        };
        let mut conn = PgConnection::connect(&self.url).await.unwrap();
        let shadow = create_shadow(&mut conn, &new).await.unwrap();
        let schema = shadow.schema();
        for table in TABLES {
            self.execute(&format!("insert into {schema}.{table} select * from gen_1.{table}")).await;
        }
        let columns = DEAD_LETTERS;
        self.execute(&format!(
            "insert into {schema}.dead_letters ({columns}) select {columns} from gen_1.dead_letters"
        ))
        .await;
        shadow
    }

    pub async fn drop(self) {
        execute(&self.maintenance, &format!("drop database {} with (force)", self.name)).await;
    }
}

async fn execute(url: &str, sql: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
}
