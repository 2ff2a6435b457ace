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
mod standing;
mod storm;
mod table;
mod trial;
mod verdict;

use std::fmt;

use class::Class;
use trial::Trial;

/// For ./dev/test: of what there are more in `./dev/chaos`.
const RECORDS: usize = 2_500;
const SEED: u64 = 1;

/// Returned rather than panicked with: the story of a trial is long enough without a backtrace.
struct Story(String);

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

async fn survives(class: Class) -> Result<(), Story> {
    let outcome = Trial::run(class, SEED, RECORDS).await;
    if outcome.is_right() { Ok(()) } else { Err(Story(outcome.report())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_are_killed() -> Result<(), Story> {
    survives(Class::Kill).await
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_sleep_beyond_their_session() -> Result<(), Story> {
    survives(Class::Zombie).await
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_come_and_go_each_second() -> Result<(), Story> {
    survives(Class::Members).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_restarts_crashes_freezes_and_damages_its_log() -> Result<(), Story> {
    survives(Class::Broker).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_loses_its_end() -> Result<(), Story> {
    survives(Class::Truncated).await
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added() -> Result<(), Story> {
    survives(Class::Partitions).await
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_lose_records_and_are_recreated() -> Result<(), Story> {
    survives(Class::Topic).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_crashes_freezes_fills_up_and_loses_answers() -> Result<(), Story> {
    survives(Class::Postgres).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_loses_its_last_commits() -> Result<(), Story> {
    survives(Class::Failover).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_forgets_refuses_and_holds_what_others_wrote() -> Result<(), Story> {
    survives(Class::Redis).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_and_lies() -> Result<(), Story> {
    survives(Class::Registry).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_and_rollbacks_in_the_middle_of_it_all() -> Result<(), Story> {
    survives(Class::Rebuild).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tenth_record_is_poison() -> Result<(), Story> {
    survives(Class::Poison).await
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_refusals() -> Result<(), Story> {
    survives(Class::Floods).await
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump() -> Result<(), Story> {
    survives(Class::Clock).await
}
