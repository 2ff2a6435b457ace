use super::faults::Fault;
use super::faults::Fault::{
    BrokerKilled, BrokerRestarted, ClockJump, DamagedLog, DiskFull, Failover, InstanceKilled, InstanceStopped,
    InstanceTerminated, PartitionsAdded, PostgresKilled, PostgresReadOnly, PostgresRestarted, Rebuild, RecreatedTopic,
    RedisFlushed, RedisForeign, RedisOutOfMemory, RedisReadOnly, RedisRestarted, RegistryLies, Rollback, TruncatedLog,
    Wire,
};
use super::faults::wire::{How, Server};

/// What kind of thing goes wrong in a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Kill,
    Zombie,
    Members,
    Broker,
    Truncated,
    Partitions,
    Topic,
    Postgres,
    Failover,
    Redis,
    Registry,
    Rebuild,
    Poison,
    Floods,
    Clock,
}

pub const ALL: [Class; 15] = [
    Class::Kill,
    Class::Zombie,
    Class::Members,
    Class::Broker,
    Class::Truncated,
    Class::Partitions,
    Class::Topic,
    Class::Postgres,
    Class::Failover,
    Class::Redis,
    Class::Registry,
    Class::Rebuild,
    Class::Poison,
    Class::Floods,
    Class::Clock,
];

const KAFKA: [Fault; 5] = wires(Server::Kafka);
const POSTGRES: [Fault; 5] = wires(Server::Postgres);
const REDIS: [Fault; 5] = wires(Server::Redis);
const REGISTRY: [Fault; 5] = wires(Server::Registry);

const fn wires(server: Server) -> [Fault; 5] {
    [
        Wire(server, How::Cut),
        Wire(server, How::Slow),
        Wire(server, How::Freeze),
        Wire(server, How::HalfOpen),
        Wire(server, How::Stall),
    ]
}

impl Class {
    /// As `./dev/chaos --class` takes it.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Of which one is struck at a time.
    pub fn faults(self) -> Vec<Fault> {
        let lost_answers = [Wire(Server::Postgres, How::LoseAnswers); 3];
        match self {
            Class::Kill => vec![InstanceKilled],
            Class::Zombie => vec![InstanceStopped],
            Class::Members => vec![InstanceKilled, InstanceTerminated],
            Class::Broker => [&KAFKA[..], &[BrokerRestarted, BrokerKilled, DamagedLog]].concat(),
            Class::Truncated => vec![TruncatedLog],
            Class::Partitions => vec![PartitionsAdded, InstanceKilled],
            Class::Topic => vec![RecreatedTopic],
            Class::Postgres => {
                let own = [PostgresRestarted, PostgresKilled, PostgresReadOnly, DiskFull];
                [&POSTGRES[..], &lost_answers, &own].concat()
            }
            Class::Failover => vec![Failover, Failover, InstanceKilled],
            Class::Redis => {
                let own = [RedisFlushed, RedisRestarted, RedisReadOnly, RedisOutOfMemory, RedisForeign];
                [&REDIS[..], &own].concat()
            }
            // Whoever has asked once asks no more.
            Class::Registry => [&REGISTRY[..], &[RegistryLies; 4], &[InstanceKilled; 2]].concat(),
            Class::Rebuild => {
                let others = [&[InstanceKilled, InstanceStopped][..], &[Rollback; 4], &[Rebuild; 16]].concat();
                [&POSTGRES[..], &lost_answers, &REDIS, &REGISTRY, &others].concat()
            }
            Class::Poison => [&POSTGRES[..], &lost_answers, &[InstanceKilled]].concat(),
            Class::Floods => vec![InstanceKilled],
            Class::Clock => vec![ClockJump, ClockJump, InstanceKilled],
        }
    }

    pub fn needs(self, server: Server) -> bool {
        match server {
            Server::Kafka => matches!(self, Class::Broker | Class::Truncated),
            Server::Postgres => matches!(self, Class::Postgres | Class::Failover),
            Server::Redis => matches!(self, Class::Redis),
            Server::Registry => false,
        }
    }

    /// Of the records, the share that must become dead letters.
    pub fn poison(self) -> f64 {
        if self == Class::Poison { 0.1 } else { 0.02 }
    }

    /// How many records in a row are refused in a flood, if there are any.
    pub fn flood(self) -> Option<usize> {
        (self == Class::Floods).then_some(40)
    }

    /// Between two faults, in milliseconds.
    pub fn pause_ms(self) -> std::ops::Range<u64> {
        match self {
            Class::Members => 500..1_500,
            _ => 500..4_000,
        }
    }

    /// What foldback is told besides [`super::settings`].
    pub fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Class::Floods => &[("FOLDBACK__LIMITS__REFUSALS_IN_A_ROW_MAX", "20")],
            _ => &[],
        }
    }
}
