use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::background::Background;
use super::command::{self, Output};
use super::running::Running;
use super::servers::Servers;

const PARTITIONS: i32 = 4;

/// One test's own database, topics, consumer group and Redis prefix. Dropping it drops database and topics.
pub struct Stack {
    pub servers: Servers,
    /// Unique, also the name of the database, and part of every other name.
    pub name: String,
    pub orders_topic: String,
    pub runs_topic: String,
    pub group: String,
    pub redis_prefix: String,
    pub postgres_url: String,
}

impl Stack {
    /// Four partitions in each topic.
    pub async fn new() -> Self {
        Self::with_partitions(PARTITIONS).await
    }

    pub async fn with_partitions(partitions: i32) -> Self {
        Self::on(Servers::from_env(), partitions).await
    }

    /// On other servers than the shared ones.
    pub async fn on(servers: Servers, partitions: i32) -> Self {
        let name = format!("t_{}", Uuid::now_v7().simple());
        let stack = Self {
            orders_topic: format!("{name}-orders"),
            runs_topic: format!("{name}-runs"),
            group: format!("{name}-group"),
            redis_prefix: format!("{name}:"),
            postgres_url: with_database(&servers.postgres, &name),
            servers,
            name,
        };
        maintain(&stack.servers.postgres, &format!("create database {}", stack.name)).await.expect("database is made");
        stack.create_topics(partitions).await;
        stack
    }

    /// A stack that is migrated and whose schemas are registered.
    pub async fn ready() -> Self {
        let stack = Self::new().await;
        stack.foldback(&["migrate"]).await.exits(0);
        stack.foldback(&["schemas", "register"]).await.exits(0);
        stack
    }

    /// The configuration of foldback for this stack, as environment variables.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("FOLDBACK__KAFKA__BROKERS", self.servers.kafka.as_str()),
            ("FOLDBACK__KAFKA__GROUP", &self.group),
            ("FOLDBACK__KAFKA__ORDERS_TOPIC", &self.orders_topic),
            ("FOLDBACK__KAFKA__RUNS_TOPIC", &self.runs_topic),
            ("FOLDBACK__SCHEMA_REGISTRY__URL", &self.servers.registry),
            ("FOLDBACK__POSTGRES__URL", &self.postgres_url),
            ("FOLDBACK__REDIS__URL", &self.servers.redis),
            ("FOLDBACK__REDIS__PREFIX", &self.redis_prefix),
            ("FOLDBACK__HTTP__LISTEN", "127.0.0.1:0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Runs one verb to its end with this stack's configuration.
    pub async fn foldback(&self, args: &[&str]) -> Output {
        self.foldback_with(args, &[]).await
    }

    /// The same with further variables, which win over the stack's own.
    pub async fn foldback_with(&self, args: &[&str], more: &[(&str, &str)]) -> Output {
        command::run(command::binary(args, &self.env_with(more))).await
    }

    /// Runs one verb to its end with this stack's configuration but for one variable.
    pub async fn foldback_without(&self, args: &[&str], variable: &str) -> Output {
        let env: Vec<_> = self.env().into_iter().filter(|(name, _)| name != variable).collect();
        command::run(command::binary(args, &env)).await
    }

    /// Starts one verb and leaves it to itself.
    pub fn start_with(&self, args: &[&str], more: &[(&str, &str)]) -> Background {
        Background::start(args, &self.env_with(more))
    }

    /// Starts `foldback run` and waits until it answers on /livez.
    pub async fn run(&self) -> Running {
        self.run_with(&[]).await
    }

    /// The same with further variables, which win over the stack's own.
    pub async fn run_with(&self, more: &[(&str, &str)]) -> Running {
        Running::start(self.env_with(more)).await
    }

    /// The same for a process that may hold this many files and connections open.
    pub async fn run_with_descriptors(&self, max: u32, more: &[(&str, &str)]) -> Running {
        Running::start_with_descriptors(self.env_with(more), max).await
    }

    /// A connection to this test's database.
    pub async fn postgres(&self) -> PgConnection {
        PgConnection::connect(&self.postgres_url).await.expect("the test's database answers")
    }

    /// A connection to Redis; keys begin with `redis_prefix`.
    pub async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.servers.redis.as_str()).expect("a Redis URL");
        client.get_multiplexed_async_connection().await.expect("Redis answers")
    }

    fn env_with(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut env = self.env();
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        env
    }

    async fn create_topics(&self, partitions: i32) {
        let topic = |name| {
            NewTopic::new(name, partitions, TopicReplication::Fixed(1))
                .set("retention.ms", "-1")
                .set("cleanup.policy", "delete")
        };
        let topics = [topic(&self.orders_topic), topic(&self.runs_topic)];
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
        for made in admin(&self.servers.kafka).create_topics(&topics, &options).await.expect("Kafka answers") {
            made.expect("topic is made");
        }
    }
}

impl Drop for Stack {
    /// On a thread of its own, since dropping happens inside the test's runtime. Failures don't matter: the names are
    /// unique, and `dev/stack wipe` takes whatever is left.
    fn drop(&mut self) {
        let (postgres, kafka) = (self.servers.postgres.clone(), self.servers.kafka.clone());
        let drop_database = format!("drop database if exists {} with (force)", self.name);
        let topics = [self.orders_topic.clone(), self.runs_topic.clone()];
        let cleaning = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let _ = maintain(&postgres, &drop_database).await;
                let names = [topics[0].as_str(), topics[1].as_str()];
                let _ = admin(&kafka).delete_topics(&names, &AdminOptions::new()).await;
            });
        });
        let _ = cleaning.join();
    }
}

/// For what a test does to topics itself.
pub fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().expect("an admin client")
}

/// Statements on databases run outside the test's own one.
async fn maintain(url: &str, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
    connection.close().await
}

fn with_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("FOLDBACK_TEST_POSTGRES ends in /database");
    format!("{server}/{name}")
}
