//! Faults by a seeded schedule, while records are published steadily: once all is healed, what readers see must equal an
//! independent fold of the log, and whenever records waited for over a minute, /readyz must have said so.
//!
//! Each class of fault is a test with one seed and a few thousand records. `./dev/chaos` runs many seeds, and prints what
//! each class did: [`table`].

mod class;
mod clock;
mod faults;
mod fleet;
mod log_ends;
mod parts;
mod promises;
mod publisher;
mod registry;
mod report;
mod settings;
mod silence;
mod storm;
mod table;
mod trial;
mod verdict;

use class::Class;
use trial::Trial;

/// For ./dev/test: of what there are more in `./dev/chaos`.
const RECORDS: usize = 2_500;
const SEED: u64 = 1;

async fn survives(class: Class) {
    let outcome = Trial::run(class, SEED, RECORDS).await;
    assert!(outcome.is_right(), "{}", outcome.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_are_killed() {
    survives(Class::Kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_sleep_beyond_their_session() {
    survives(Class::Zombie).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_come_and_go_each_second() {
    survives(Class::Members).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_restarts_crashes_freezes_and_damages_its_log() {
    survives(Class::Broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_loses_its_end() {
    survives(Class::Truncated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added() {
    survives(Class::Partitions).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_lose_records_and_are_recreated() {
    survives(Class::Topic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_crashes_freezes_fills_up_and_loses_answers() {
    survives(Class::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_loses_its_last_commits() {
    survives(Class::Failover).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_forgets_refuses_and_holds_what_others_wrote() {
    survives(Class::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_and_lies() {
    survives(Class::Registry).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_and_rollbacks_in_the_middle_of_it_all() {
    survives(Class::Rebuild).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tenth_record_is_poison() {
    survives(Class::Poison).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_refusals() {
    survives(Class::Floods).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump() {
    survives(Class::Clock).await;
}
