//! A database of its own, filled by SQL, and the real router over it on loopback.

use std::sync::Arc;
use std::time::Duration;

use crate::support::http;
use foldback::codec::{Decoder, Limits};
use foldback::live::http_views::{AnswerLimits, StoredViews};

use foldback::observe::health::Readiness;
use foldback::serve::{App, HttpSettings, serve};
use foldback::store::connect::Access;
use foldback::store::migrate::migrate;
use reqwest::Response;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub struct Site {
    pub base: String,
    pub readiness: Readiness,
    pub shutdown: CancellationToken,
    pub server: JoinHandle<std::io::Result<()>>,
    database: Option<(String, String)>,
}

pub const AUTOMATION: &str = "/api/v1/fulfillment/providers/automation";
/// Few of the rows of any test.
pub const RESPONSE_BYTES_MAX: u64 = 64 * 1024;
pub const FULFILLMENT: &str = "/api/v1/fulfillment";

impl Site {
    /// Over a migrated database with these rows.
    pub async fn with(rows: &str) -> Site {
        Site::bounded(rows, HttpSettings::default()).await
    }

    pub async fn bounded(rows: &str, settings: HttpSettings) -> Site {
        let maintenance = std::env::var("FOLDBACK_TEST_POSTGRES")
            .expect("FOLDBACK_TEST_POSTGRES is set: run ./dev/test, or name any Postgres's URL");
        let name = format!("api_{}", Uuid::now_v7().simple());
        execute(&maintenance, &format!("create database {name}")).await;
        let (server, _) = maintenance.rsplit_once('/').expect("the URL names a database");
        let url = format!("{server}/{name}");
        let mut connection = PgConnection::connect(&url).await.unwrap();
        migrate(&mut connection, "test").await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(rows.to_owned())).execute(&mut connection).await.unwrap();
        Site::over(&url, settings, Some((maintenance, name))).await
    }

    /// Over whatever is, or is not, at the URL.
    pub async fn over(url: &str, settings: HttpSettings, database: Option<(String, String)>) -> Site {
        let (app, readiness) = app(url, settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, app, shutdown.clone()));
        Site { base, readiness, shutdown, server, database }
    }

    pub async fn get(&self, path: &str) -> Response {
        http().get(format!("{}{path}", self.base)).send().await.unwrap()
    }

    /// The body of a 200.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    /// The body of a problem of this status.
    pub async fn problem(&self, path: &str, status: u16) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        let problem: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["instance"], path.split('?').next().unwrap());
        problem
    }

    /// To its database.
    pub async fn postgres(&self) -> PgConnection {
        let (maintenance, name) = self.database.as_ref().expect("it has a database of its own");
        let (server, _) = maintenance.rsplit_once('/').expect("the URL names a database");
        PgConnection::connect(&format!("{server}/{name}")).await.unwrap()
    }

    pub async fn close(self) {
        self.shutdown.cancel();
        if let Some((maintenance, name)) = &self.database {
            execute(maintenance, &format!("drop database if exists {name} with (force)")).await;
        }
    }
}

/// The application over whatever is, or is not, at the URL.
pub fn app(url: &str, settings: HttpSettings) -> (App, Readiness) {
    // No statement ends by its own limit while a test waits.
    let access = Access::new(url, Duration::from_secs(2), Duration::from_secs(3600)).unwrap();
    let limits = AnswerLimits { time: settings.request_timeout, bytes_max: RESPONSE_BYTES_MAX };
    let views = Arc::new(StoredViews::new(access, 4, limits, Decoder::new(Limits::default())));
    let readiness = Readiness::default();
    let metrics = Arc::new(|| "foldback_build_info 1\n".to_owned());
    (App::new(views, readiness.clone(), metrics, settings), readiness)
}

async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
}
