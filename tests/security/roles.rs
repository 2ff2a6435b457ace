//! The roles of config/postgres-roles.sql: each can do what it is for, and nothing else.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Env, SECRET, borrowed};
use crate::support::events::lives;
use crate::support::log::Log;
use crate::support::views::{assert_consistent, folded};
use crate::support::{Authority, PATIENCE, SecuredPostgres, Stack};

const MIGRATOR: &str = "fold-migrator";
const RUNTIME: &str = "fold-runtime";
const READER: &str = "fold-reader";
const PASSWORD: &str = "S3CR3T-of-roles";
const STABLE_VIEWS: [&str; 8] = [
    "provider_order_events",
    "provider_orders",
    "replays",
    "refills",
    "automation_runs",
    "backlog",
    "provider_telemetry",
    "checkpoints",
];

/// A stack on a Postgres of its own, in which the file has made the roles.
struct Roles {
    postgres: SecuredPostgres,
    stack: Stack,
}

impl Roles {
    async fn new() -> Self {
        let postgres = SecuredPostgres::start(&Authority::new().issue("localhost")).await;
        let stack = Stack::on(postgres.servers(), 1).await;
        let roles = Self { postgres, stack };
        assert!(roles.grant().contains("run `foldback migrate` as fold-migrator"));
        for role in [MIGRATOR, RUNTIME, READER] {
            roles.admin(&format!("alter role \"{role}\" password '{PASSWORD}'")).await;
        }
        roles
    }

    /// What the file says to whom runs it.
    fn grant(&self) -> String {
        let variables = [("migrator", MIGRATOR), ("runtime", RUNTIME), ("reader", READER)];
        let variables = variables.map(|(name, role)| ["-v".to_owned(), format!("{name}={role}")]).concat();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/postgres-roles.sql").to_owned();
        self.postgres.psql(&self.stack.name, &[variables, vec!["-f".to_owned(), file]].concat())
    }

    async fn admin(&self, sql: &str) {
        let mut connection = self.stack.postgres().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    fn url(&self, role: &str) -> String {
        self.postgres.url("127.0.0.1", role, PASSWORD, &self.stack.name, "sslmode=require")
    }

    fn env(&self, role: &str) -> Env {
        vec![("FOLDBACK__POSTGRES__URL", self.url(role))]
    }

    /// Runs a verb as a role; what it says on both streams.
    async fn says(&self, role: &str, verb: &[&str], code: i32) -> String {
        let output = self.stack.foldback_with(verb, &borrowed(&self.env(role))).await.exits(code);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(!said.contains(SECRET), "{said}");
        said
    }
}

async fn reads_stable_views_alone(roles: &Roles, events: usize) {
    let mut reader = PgConnection::connect(&roles.url(READER)).await.unwrap();
    for view in STABLE_VIEWS {
        let sql = format!("select count(*) from foldback.{view}");
        let _: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut reader).await.unwrap();
    }
    let count: i64 =
        sqlx::query_scalar("select count(*) from foldback.provider_order_events").fetch_one(&mut reader).await.unwrap();
    assert_eq!(count, i64::try_from(events).unwrap());
    for denied in [
        "delete from foldback.provider_orders",
        "update foldback.checkpoints set next_offset = 0",
        "select * from foldback.dead_letters",
        "select * from foldback.generations",
        "select * from foldback._sqlx_migrations",
        "select * from gen_1.provider_orders",
        "select * from gen_1.dead_letters",
        "create table foldback.mine ()",
        "create table public.mine ()",
        "create schema mine",
    ] {
        let error = sqlx::raw_sql(denied).execute(&mut reader).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        assert_eq!(code, "42501", "{denied}: {error}");
    }
    reader.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_can_do_what_it_is_for_and_nothing_else() {
    let roles = Roles::new().await;
    let stack = &roles.stack;
    roles.says(RUNTIME, &["migrate"], 1).await;
    roles.says(MIGRATOR, &["migrate"], 0).await;
    roles.says(MIGRATOR, &["migrate"], 0).await;
    assert!(!roles.grant().contains("run `foldback migrate`"), "the second time is the last");
    assert!(roles.says(MIGRATOR, &["doctor"], 0).await.contains("can create schemas"));
    assert!(roles.says(RUNTIME, &["doctor"], 0).await.contains("as `foldback run` needs"));

    let running = stack.run_with(&borrowed(&roles.env(RUNTIME))).await;
    running.ready(PATIENCE).await;
    let log = Log::of(stack);
    let events = lives(5, 4);
    log.write(&events, 1).await;
    folded(stack, 20).await;
    assert_consistent(stack, 20).await;
    reads_stable_views_alone(&roles, 20).await;
    for verb in [&["status"][..], &["backlog"], &["generations", "list"], &["dead-letters", "list"]] {
        roles.says(RUNTIME, verb, 0).await;
    }

    // Only the owner of the schemas can build a generation; `run` then folds into what the owner has built.
    for verb in [&["rebuild", "--yes"][..], &["verify"]] {
        assert!(roles.says(RUNTIME, verb, 1).await.contains("needs their owner"), "{verb:?}");
    }
    roles.says(MIGRATOR, &["rebuild", "--yes"], 0).await;
    log.write(&lives(5, 4), 1).await;
    folded(stack, 40).await;
    reads_stable_views_alone(&roles, 40).await;
    let list = stack.foldback_with(&["generations", "list", "--json"], &borrowed(&roles.env(RUNTIME))).await.json();
    assert!(list.as_array().unwrap().iter().any(|it| it["generation"] != 1 && it["state"] == "live"), "{list}");
    roles.says(MIGRATOR, &["verify"], 0).await;
    roles.says(MIGRATOR, &["generations", "rollback", "--yes"], 0).await;
    folded(stack, 40).await;
    reads_stable_views_alone(&roles, 40).await;

    names_the_grants_that_are_missing(&roles).await;
    running.terminate().await;
}

async fn names_the_grants_that_are_missing(roles: &Roles) {
    roles.admin(&format!("revoke update on gen_1.provider_orders from \"{RUNTIME}\"")).await;
    roles.admin(&format!("revoke usage on sequence foldback.dead_letter_id from \"{RUNTIME}\"")).await;
    let output = roles.stack.foldback_with(&["doctor", "--json"], &borrowed(&roles.env(RUNTIME))).await.exits(1);
    let findings = output.json();
    let finding = |finding: &&Value| finding["check"] == "privileges";
    let remedy = findings.as_array().unwrap().iter().find(finding).unwrap()["remedy"].as_str().unwrap().to_owned();
    let grants = remedy.split_once(": ").unwrap().1;
    assert!(grants.contains("on all tables in schema gen_1") && grants.contains("on all sequences"), "{grants}");
    roles.admin(grants).await;
    roles.says(RUNTIME, &["doctor"], 0).await;
}
