//! A worker whose partition has gone to another one writes nothing more, and is told so.

use std::time::Duration;

use foldback::domain::change::ChangeSet;
use foldback::domain::log::dead_letter::DeadLetter;
use foldback::domain::log::partition::StreamPartition;
use foldback::domain::log::position::Position;
use foldback::domain::log::record::{RawRecord, Stream, Topics};
use foldback::domain::log::rejection::{Reason, Rejection};
use foldback::store::StoreError;
use foldback::store::commit::{Commit, WriteTarget, Writer};
use foldback::store::connect::Access;
use foldback::store::tables::checkpoints::{self, Advance, Claim, LogStart};

use crate::support::Stack;

const OF: StreamPartition = StreamPartition { stream: Stream::Orders, index: 0 };

/// Its batch holds what the other worker has written already, so that a key of theirs would be in the way too.
#[tokio::test(flavor = "multi_thread")]
async fn who_lost_a_partition_learns_that_and_nothing_else() {
    let stack = Stack::new().await;
    stack.foldback(&["migrate"]).await.exits(0);
    let second = Duration::from_secs(1);
    let access = Access::new(&stack.postgres_url, second * 10, second * 10).unwrap();
    let topics = Topics { orders: stack.orders_topic.clone(), runs: stack.runs_topic.clone() };
    let (mut old, before) = claim(&access, &topics).await;
    let (mut new, after) = claim(&access, &topics).await;
    assert!(after.owner_epoch > before.owner_epoch);

    commit(&mut new, after, &topics).await.unwrap();
    match commit(&mut old, before, &topics).await {
        Err(StoreError::Stale { table: "checkpoints", .. }) => {}
        other => panic!("it should be fenced: {other:?}"),
    }
    let kept: i64 =
        sqlx::query_scalar("select count(*) from foldback.dead_letters").fetch_one(&mut new.conn).await.unwrap();
    assert_eq!(kept, 1);
}

async fn claim(access: &Access, topics: &Topics) -> (Writer, Claim) {
    let mut writer = Writer::connect(access, WriteTarget::Live).await.unwrap();
    let found = LogStart { partition: OF, log_start: 0, topic_id: None };
    let claim = checkpoints::claim(&mut writer.conn, writer.generation, topics, &found).await.unwrap();
    (writer, claim)
}

/// One refused record, the partition's first.
async fn commit(writer: &mut Writer, claim: Claim, topics: &Topics) -> Result<(), StoreError> {
    let record = RawRecord {
        stream: Stream::Orders,
        position: Position { partition: 0, offset: 0 },
        key: None,
        value: None,
        headers: Vec::new(),
        recorded_at: None,
    };
    let rejection = Rejection::new(Reason::Malformed, "the value is null");
    let changes =
        ChangeSet { dead_letters: vec![DeadLetter { record, rejection, conflict: None }], ..ChangeSet::default() };
    let advance = Advance {
        partition: OF,
        owner_epoch: claim.owner_epoch,
        from: claim.next_offset,
        to: 1,
        leader_epoch: None,
        last_record: None,
        streak: None,
    };
    writer.commit(&Commit { changes: &changes, advances: &[advance], topics, slot: 0, redriven: &[] }).await
}
