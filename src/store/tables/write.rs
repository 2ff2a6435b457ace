//! Writes rows of which it is known whether they are new: those by COPY into the table itself, the others by an update from
//! the staging table. An upsert of all costs Postgres 6 us more for each new row, and 3 us for each known one.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::copy::Rows;
use super::upsert::Table;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// Rows of one table, in the order of its key, so that two writers seldom deadlock.
#[derive(Default)]
pub struct ChangedRows {
    pub new: Rows,
    pub known: Rows,
}

impl ChangedRows {
    pub fn of(&mut self, is_new: bool) -> &mut Rows {
        if is_new { &mut self.new } else { &mut self.known }
    }
}

/// A statement that joins staged rows to the table is planned each time, by what the tables hold then, and finds each row
/// by its key: a plan that was made while the table was empty would read all of it for each staged row.
pub async fn prepare_to_write(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::raw_sql("set enable_hashjoin = off; set enable_mergejoin = off").execute(conn).await?;
    Ok(())
}

impl Table {
    /// Writes all rows. Fails with `Stale` if another instance has written one of them since it was read.
    pub async fn write(
        &self,
        conn: &mut PgConnection,
        generation: Generation,
        rows: ChangedRows,
    ) -> Result<(), StoreError> {
        if rows.new.count() > 0 {
            self.add(conn, generation, rows.new).await?;
        }
        if rows.known.count() > 0 {
            self.update(conn, generation, rows.known).await?;
        }
        Ok(())
    }

    async fn add(&self, conn: &mut PgConnection, generation: Generation, rows: Rows) -> Result<(), StoreError> {
        let (expected, table) = (rows.count(), format!("{}.{}", generation.schema(), self.name));
        match rows.copy_into(conn, &table, &self.column_list()).await {
            Ok(written) => self.all_written(expected, written),
            // Another instance has.
            Err(error) if error.constraint() == Some(&format!("{}_pkey", self.name)) => self.all_written(expected, 0),
            Err(error) => Err(error),
        }
    }

    async fn update(&self, conn: &mut PgConnection, generation: Generation, rows: Rows) -> Result<(), StoreError> {
        let expected = rows.count();
        self.stage(conn, rows).await?;
        let set = self.columns.iter().filter(|column| !self.key.contains(column));
        let set: Vec<String> = set.map(|column| format!("{column} = excluded.{column}")).collect();
        let same: Vec<String> = self.key.iter().map(|key| format!("stored.{key} = excluded.{key}")).collect();
        let sql = format!(
            "update {schema}.{name} as stored set {set}
               from (select {columns} from stage_{name} order by {key} offset 0) as excluded
              where {same} and {guard}",
            schema = generation.schema(),
            name = self.name,
            set = set.join(", "),
            columns = self.column_list(),
            key = self.key.join(", "),
            same = same.join(" and "),
            guard = self.guard,
        );
        let done = sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(conn).await?;
        self.all_written(expected, done.rows_affected())
    }
}
