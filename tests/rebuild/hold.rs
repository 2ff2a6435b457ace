//! Holds a rebuild where it is, however fast it is.

use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::sleep;

use crate::rebuild::generations::list;
use crate::rebuild::world::World;
use crate::support::PATIENCE;

/// As `foldback verify` takes it, and the check of a rebuild.
const TRY_VERIFY_LOCK: &str = "select pg_try_advisory_lock(x'666f6c6476657269'::bit(64)::bigint)";

/// Rebuilds can't end while this is there: they wait to check themselves.
pub struct BeforeTheEnd(#[expect(dead_code, reason = "it holds by being there")] PgConnection);

pub async fn before_the_end(world: &World) -> BeforeTheEnd {
    let mut conn = world.stack.postgres().await;
    let held: bool = sqlx::query_scalar(TRY_VERIFY_LOCK).fetch_one(&mut conn).await.unwrap();
    assert!(held, "something is being verified");
    BeforeTheEnd(conn)
}

/// A rebuild can't copy rows while this is there.
pub struct InTheMiddle {
    #[expect(dead_code, reason = "it holds by being there")]
    conn: PgConnection,
    /// What the rebuild tells of itself meanwhile.
    pub progress: Value,
}

/// Lets the rebuild of this generation go on from cut to cut until some of the log is folded and committed, and not
/// nearly all.
pub async fn in_the_middle(world: &World, generation: i64) -> InTheMiddle {
    let table = format!("gen_{generation}.provider_order_events");
    let mut conn = world.stack.postgres().await;
    let end = Instant::now() + PATIENCE;
    while world.sql(&format!("select to_regclass('{table}')::text")).await.is_none() {
        assert!(Instant::now() < end, "there is no {table}");
        sleep(Duration::from_millis(2)).await;
    }
    loop {
        assert!(Instant::now() < end, "it was never in the middle: {:#?}", list(world).await);
        let lock = format!("begin; lock table {table} in share mode");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut conn).await.unwrap();
        let progress = told(world).await;
        let ratio = progress["ratio"].as_f64().unwrap_or(0.0);
        assert!(ratio < 0.9, "it was over too soon: {progress}");
        let committed = world.sql(&format!("select (count(*) > 0)::text from {table}")).await;
        if ratio > 0.0 && committed.as_deref() == Some("true") {
            return InTheMiddle { conn, progress };
        }
        sqlx::raw_sql("rollback").execute(&mut conn).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
}

/// Its progress, once it tells the same twice: what it has in hand is told with some delay.
async fn told(world: &World) -> Value {
    let mut before = Value::Null;
    loop {
        sleep(Duration::from_millis(1_200)).await;
        let generations = list(world).await;
        let mut told = generations.iter().map(|generation| generation["progress"].clone());
        let now = told.find(Value::is_object).unwrap_or_default();
        if now["ratio"] == before["ratio"] {
            return now;
        }
        before = now;
    }
}
