//! `foldback migrate`, and databases that were made before sqlx kept the books.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::Stack;

const FOUNDATION: &str = include_str!("../../migrations/0001_foundation.sql");
const GENERATIONS: &str = include_str!("../../migrations/0002_generations.sql");
const LOG_CONTINUITY: &str = include_str!("../../migrations/0003_log_continuity.sql");
const INDEXES: &str = include_str!("../../migrations/0004_indexes.sql");
const REDRIVE: &str = include_str!("../../migrations/0005_redrive.sql");
const VERIFICATIONS: &str = include_str!("../../migrations/0006_verifications.sql");

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_gets_every_migration_once() {
    let stack = Stack::new().await;
    let mut conn = stack.postgres().await;
    says(&stack, "created schema version 6 and generation 1").await;
    assert_eq!(applied(&mut conn).await, all());
    says(&stack, "schema version 6 is already in place").await;
    assert_eq!(applied(&mut conn).await, all());
}

/// Such a one has all the tables, and none that says which migrations were applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_former_runner_is_adopted() {
    let stack = Stack::new().await;
    let mut conn = stack.postgres().await;
    says(&stack, "created schema version 6 and generation 1").await;
    execute(&mut conn, "drop table foldback._sqlx_migrations").await;
    execute(&mut conn, "update foldback.publication set version = 42").await;

    says(&stack, "schema version 6 is already in place").await;
    assert_eq!(applied(&mut conn).await, all());
    let version: i64 =
        sqlx::query_scalar("select version from foldback.publication").fetch_one(&mut conn).await.unwrap();
    assert_eq!(version, 42, "nothing ran twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_of_the_former_runner_gets_what_it_lacks() {
    let stack = Stack::new().await;
    let mut conn = stack.postgres().await;
    execute(&mut conn, FOUNDATION).await;
    says(&stack, "migrated from schema version 1 to 6, and created generation 1").await;
    assert_eq!(applied(&mut conn).await, all());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_at_once_one_migrates() {
    let stack = Stack::new().await;
    let outputs = futures::future::join_all((0..4).map(|_| stack.foldback(&["migrate"]))).await;
    let said: Vec<String> = outputs.into_iter().map(|output| output.exits(0).stdout).collect();
    assert_eq!(said.iter().filter(|text| text.contains("created schema version 6")).count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|text| text.contains("is already in place")).count(), 3, "{said:?}");
    assert_eq!(applied(&mut stack.postgres().await).await, all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_applied_in_another_form_is_refused() {
    let stack = Stack::new().await;
    let mut conn = stack.postgres().await;
    stack.foldback(&["migrate"]).await.exits(0);
    execute(&mut conn, "update foldback._sqlx_migrations set checksum = 'edited' where version = 2").await;
    let refused = stack.foldback(&["migrate"]).await.exits(1);
    assert!(refused.stderr.contains("migration 2 of this database is not the one"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_database_that_serves_this_binary_is_left_alone() {
    let stack = Stack::new().await;
    stack.foldback(&["migrate"]).await.exits(0);
    execute(&mut stack.postgres().await, "update foldback.schema_version set version = 99").await;
    says(&stack, "schema version 99 is already in place").await;
}

/// As a binary of schema version 3 made them, with an index that was left half built.
#[tokio::test(flavor = "multi_thread")]
async fn older_generations_get_the_indexes_that_they_lack() {
    let stack = Stack::new().await;
    let mut conn = stack.postgres().await;
    stack.foldback(&["migrate"]).await.exits(0);
    let made = indexes(&mut conn, "gen_1").await;
    execute(
        &mut conn,
        "alter schema gen_1 rename to gen_2;
         update foldback.generations set generation = 2;
         drop index gen_2.replays_by_status, gen_2.replays_by_provider, gen_2.telemetry_counts_totals,
                    gen_2.replays_due_with_provider, gen_2.provider_orders_with_gaps;
         create index replays_due on gen_2.replays (scheduled_for nulls first) where status = 'scheduled';
         create index replays_by_status on gen_2.replays (status);
         update pg_index set indisvalid = false where indexrelid = 'gen_2.replays_by_status'::regclass;
         update foldback.schema_version set version = 3;
         delete from foldback._sqlx_migrations where version >= 4;
         drop table foldback.verifications;
         drop sequence foldback.dead_letter_id cascade;
         alter table gen_2.dead_letters drop column redriven_as, drop column recorded_at",
    )
    .await;
    assert_ne!(indexes(&mut conn, "gen_2").await, made);

    let output = stack.foldback(&["migrate"]).await.exits(0);
    assert_eq!(output.stdout.trim_end(), "migrated from schema version 3 to 6");
    assert!(output.stderr.contains("building index gen_2.replays_by_status"), "{}", output.stderr);
    assert_eq!(indexes(&mut conn, "gen_2").await, made);
    assert_eq!(stack.foldback(&["migrate"]).await.exits(0).stderr, "");
}

/// Definitions of the complete indexes, without the schema.
async fn indexes(conn: &mut PgConnection, schema: &str) -> Vec<String> {
    let sql = "select replace(pg_get_indexdef(i.indexrelid), $1, '') from pg_index i
                 join pg_class c on c.oid = i.indexrelid where c.relnamespace = $1::regnamespace and i.indisvalid order by 1";
    sqlx::query_scalar(sql).bind(schema).fetch_all(conn).await.unwrap()
}

async fn says(stack: &Stack, sentence: &str) {
    let output = stack.foldback(&["migrate"]).await.exits(0);
    assert_eq!(output.stdout.trim_end(), sentence);
}

async fn execute(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await.unwrap();
}

type Applied = (i64, String, bool);

/// Version, description, and whether the checksum is that of the file.
async fn applied(conn: &mut PgConnection) -> Vec<Applied> {
    let sql = "select version, description, success and checksum = sha384(convert_to(($1::text[])[version], 'UTF8'))
                 from foldback._sqlx_migrations order by version";
    sqlx::query_as(sql)
        .bind([FOUNDATION, GENERATIONS, LOG_CONTINUITY, INDEXES, REDRIVE, VERIFICATIONS])
        .fetch_all(conn)
        .await
        .unwrap()
}

fn all() -> [Applied; 6] {
    [(1, "foundation"), (2, "generations"), (3, "log continuity"), (4, "indexes"), (5, "redrive"), (6, "verifications")]
        .map(|(version, name)| (version, name.to_owned(), true))
}
