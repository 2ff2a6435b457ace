//! A cut-over comes through while many short transactions hold the live generation, at every moment some of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldback::store::connect::Access;
use foldback::store::generations::{self, CutOver, Required};
use sqlx::Connection;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::operate::copy::copy_of_gen_1;
use crate::support::Stack;

const SESSIONS: usize = 32;
const TRANSACTIONS: usize = 200;
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_fleet_does_not_starve_a_cut_over() {
    let stack = Stack::new().await;
    stack.foldback(&["migrate"]).await.exits(0);
    let access = Access::new(&stack.postgres_url, SECOND * 10, SECOND * 60).unwrap();
    let mut conn = access.connect().await.unwrap();
    let next = copy_of_gen_1(&mut conn).await;

    let committed = Arc::new(AtomicUsize::new(0));
    let mut fleet = JoinSet::new();
    for _ in 0..SESSIONS {
        fleet.spawn(hold_again_and_again(access.clone(), committed.clone()));
    }
    while committed.load(Ordering::Relaxed) < SESSIONS {
        sleep(Duration::from_millis(1)).await;
    }
    let switched = generations::roll_back(&mut conn, next, SECOND * 30).await.unwrap();
    let committed_meanwhile = committed.load(Ordering::Relaxed);

    assert!(matches!(switched, CutOver::Done { .. }), "{switched:?}");
    // Had it waited for a moment in which nobody holds the generation, the fleet would have come to its end.
    assert!(committed_meanwhile < SESSIONS * TRANSACTIONS, "the cut-over waited for the whole fleet");
    while let Some(session) = fleet.join_next().await {
        session.unwrap();
    }
    assert_eq!(committed.load(Ordering::Relaxed), SESSIONS * TRANSACTIONS, "and none of them is held up for good");
}

/// As a worker's commit and a publication do.
async fn hold_again_and_again(access: Access, committed: Arc<AtomicUsize>) {
    let mut conn = access.connect().await.unwrap();
    for _ in 0..TRANSACTIONS {
        let mut tx = conn.begin().await.unwrap();
        generations::hold(&mut tx, Required::Live { generation: None, projection_version: None }).await.unwrap();
        sqlx::query("select pg_sleep(0.01)").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        committed.fetch_add(1, Ordering::Relaxed);
    }
}
