use super::class::Class;
use super::faults::wire::Server;
use super::registry::LyingRegistry;
use crate::support::{OwnKafka, OwnPostgres, OwnRedis, Proxy, Servers};

/// The servers of a trial, each behind a proxy: those that its class harms are its own, the others shared.
pub struct Parts {
    pub kafka: Option<OwnKafka>,
    pub postgres: Option<OwnPostgres>,
    pub redis: Option<OwnRedis>,
    pub registry: LyingRegistry,
    pub kafka_wire: Option<Proxy>,
    pub postgres_wire: Proxy,
    pub redis_wire: Proxy,
    pub registry_wire: Proxy,
}

impl Parts {
    pub async fn start(class: Class, servers: &mut Servers) -> Self {
        let (mut kafka, mut kafka_wire) = (None, None);
        if class.needs(Server::Kafka) {
            let (own, wire) = OwnKafka::with_proxy().await;
            servers.kafka = own.servers().kafka;
            (kafka, kafka_wire) = (Some(own), Some(wire));
        }
        let mut postgres = None;
        if class.needs(Server::Postgres) {
            let own = OwnPostgres::start().await;
            servers.postgres = own.url();
            postgres = Some(own);
        }
        let mut redis = None;
        if class.needs(Server::Redis) {
            let own = OwnRedis::start().await;
            servers.redis = own.url();
            redis = Some(own);
        }
        let registry = LyingRegistry::before(&servers.registry).await;
        Self {
            postgres_wire: Proxy::to(&servers.postgres).await,
            redis_wire: Proxy::to(&servers.redis).await,
            registry_wire: Proxy::to(registry.url()).await,
            kafka,
            postgres,
            redis,
            registry,
            kafka_wire,
        }
    }

    pub fn wire(&mut self, server: Server) -> &mut Proxy {
        match server {
            Server::Kafka => self.kafka_wire.as_mut().expect("the class has a broker of its own"),
            Server::Postgres => &mut self.postgres_wire,
            Server::Redis => &mut self.redis_wire,
            Server::Registry => &mut self.registry_wire,
        }
    }

    /// What foldback is told of them; `database` is the name of the trial's own.
    pub fn env(&self, database: &str) -> Vec<(String, String)> {
        let postgres = self.postgres_wire.url().rsplit_once('/').map_or("", |(server, _)| server);
        let mut env = vec![
            ("FOLDBACK__POSTGRES__URL", format!("{postgres}/{database}")),
            ("FOLDBACK__REDIS__URL", self.redis_wire.url().to_owned()),
            ("FOLDBACK__SCHEMA_REGISTRY__URL", self.registry_wire.url().to_owned()),
        ];
        env.extend(self.kafka_wire.as_ref().map(|wire| ("FOLDBACK__KAFKA__BROKERS", wire.url().to_owned())));
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
