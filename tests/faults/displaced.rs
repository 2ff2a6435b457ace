//! An event loses its sequence to one earlier in the log, and is no longer in the log itself.

use rdkafka::admin::AdminOptions;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::{dead_letters, folded, migrated, number};
use crate::support::{PATIENCE, admin};

const WITHOUT_BYTES: &str = "select count(*) from foldback.dead_letters
    where reason = 'sequence_conflict' and partition = 1 and \"offset\" = 0 and value is null
      and detail like '%the log no longer holds this record%'";
const WITH_BYTES: &str = "select count(*) from foldback.dead_letters
    where reason = 'sequence_conflict' and partition = 1 and \"offset\" > 0 and value is not null";

#[tokio::test(flavor = "multi_thread")]
async fn what_lost_and_is_gone_is_a_dead_letter_without_its_bytes() {
    let stack = migrated().await;
    let running = stack.run().await;
    running.ready(PATIENCE).await;
    let log = Log::of(&stack);
    let orders: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
    let events = |partition: i32| orders.iter().map(|order| (partition, Event::new(*order, 1, placed("p1")))).collect();
    log.write_to(events(1)).await;
    folded(&stack, 3).await;
    let mut bounds = TopicPartitionList::new();
    bounds.add_partition_offset(&stack.orders_topic, 1, Offset::Offset(1)).unwrap();
    admin(&stack.servers.kafka).delete_records(&bounds, &AdminOptions::new()).await.unwrap();
    log.write_to(events(0)).await;
    folded(&stack, 6).await;
    assert_eq!(dead_letters(&stack).await, 3);
    assert_eq!(number(&stack, WITHOUT_BYTES).await, 1);
    assert_eq!(number(&stack, WITH_BYTES).await, 2);
    running.ready(PATIENCE).await;
    running.terminate().await;
}
