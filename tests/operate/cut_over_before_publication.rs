//! A publication that has waited for a cut-over shows the generation that is live then, though its snapshot is older.

use std::time::Duration;

use foldback::store::connect::Access;
use foldback::store::publication;
use foldback::store::read::LatestRuns;
use sqlx::PgConnection;
use tokio::time::{Instant, sleep};

use crate::operate::copy::copy_of_gen_1;
use crate::support::{PATIENCE, Stack};

const SECOND: Duration = Duration::from_secs(1);
/// What a cut-over does while it keeps publications waiting.
const CUT_OVER: &str = "begin;
    select pg_advisory_xact_lock(x'666f6c64'::int, 0);
    update foldback.generations set state = 'kept' where generation = 1;
    update foldback.generations set state = 'live' where generation = 2;
    update foldback.publication set epoch = epoch + 1, version = version + 1";
const WAITING: &str = "select count(*) from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and not granted
                          and database = (select oid from pg_database where datname = current_database())";

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_waited_for_a_cut_over_shows_the_new_generation() {
    let stack = Stack::new().await;
    stack.foldback(&["migrate"]).await.exits(0);
    let mut conn = stack.postgres().await;
    assert_eq!(copy_of_gen_1(&mut conn).await.0, 2);
    let pool = Access::new(&stack.postgres_url, SECOND * 10, SECOND * 60).unwrap().pool(1);

    sqlx::raw_sql(CUT_OVER).execute(&mut conn).await.unwrap();
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { publication::begin(&pool, &mut LatestRuns::default()).await }
    });
    until_it_waits(&mut conn).await;
    sqlx::raw_sql("commit").execute(&mut conn).await.unwrap();

    let pending = waiting.await.unwrap().unwrap();
    assert_eq!((pending.snapshot.content.generation, pending.snapshot.stamp.epoch), (2, 2));
    pending.rollback().await.unwrap();
}

async fn until_it_waits(conn: &mut PgConnection) {
    let end = Instant::now() + PATIENCE;
    while sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut *conn).await.unwrap() == 0 {
        assert!(Instant::now() < end, "the publication does not wait");
        sleep(Duration::from_millis(5)).await;
    }
}
