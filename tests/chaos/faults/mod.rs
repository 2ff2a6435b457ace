//! What can be done to a trial: each strikes, lasts for a while, and is healed, unless it is the kind that stays.

mod broker;
mod clock;
mod instances;
pub mod operator;
mod postgres;
mod redis;
mod registry;
mod topic;
pub mod wire;

use wire::{How, Server};

use super::trial::Trial;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    InstanceKilled,
    /// SIGTERM, and another one joins.
    InstanceTerminated,
    /// SIGSTOP for longer than its session in the group, then SIGCONT.
    InstanceStopped,
    Wire(Server, How),
    BrokerRestarted,
    BrokerKilled,
    /// A bit of the last batch of a partition flips, and is put back.
    DamagedLog,
    /// A partition loses its last batches, and grows again.
    TruncatedLog,
    PartitionsAdded,
    /// A topic is deleted and recreated, or loses records before they are folded.
    RecreatedTopic,
    PostgresRestarted,
    PostgresKilled,
    PostgresReadOnly,
    DiskFull,
    /// A replica is promoted that lacks the last commits.
    Failover,
    RedisFlushed,
    RedisRestarted,
    RedisReadOnly,
    RedisOutOfMemory,
    /// Somebody else writes into foldback's keys.
    RedisForeign,
    RegistryLies,
    Rebuild,
    Rollback,
    ClockJump,
}

impl Fault {
    pub async fn strike(self, trial: &mut Trial) {
        match self {
            Fault::InstanceKilled => instances::kill(trial).await,
            Fault::InstanceTerminated => instances::terminate(trial).await,
            Fault::InstanceStopped => instances::stop(trial).await,
            Fault::Wire(server, how) => wire::strike(trial, server, how).await,
            Fault::BrokerRestarted => broker::restart(trial).await,
            Fault::BrokerKilled => broker::kill(trial).await,
            Fault::DamagedLog => broker::damage(trial).await,
            Fault::TruncatedLog => broker::truncate(trial).await,
            Fault::PartitionsAdded => topic::add_partitions(trial).await,
            Fault::RecreatedTopic => topic::lose(trial).await,
            Fault::PostgresRestarted => postgres::restart(trial).await,
            Fault::PostgresKilled => postgres::kill(trial).await,
            Fault::PostgresReadOnly => postgres::read_only(trial).await,
            Fault::DiskFull => postgres::fill_disk(trial).await,
            Fault::Failover => postgres::fail_over(trial).await,
            Fault::RedisFlushed => redis::flush(trial).await,
            Fault::RedisRestarted => redis::restart(trial).await,
            Fault::RedisReadOnly => redis::read_only(trial).await,
            Fault::RedisOutOfMemory => redis::run_out_of_memory(trial).await,
            Fault::RedisForeign => redis::write_foreign_values(trial).await,
            Fault::RegistryLies => registry::lie(trial).await,
            Fault::Rebuild => operator::rebuild(trial).await,
            Fault::Rollback => operator::roll_back(trial).await,
            Fault::ClockJump => clock::jump(trial).await,
        }
    }
}
