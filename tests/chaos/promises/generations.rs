//! Checkpoints never go back, a generation that is not live stands still, and each change of the live one raises the
//! epoch.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::time::timeout;

use crate::chaos::class::Class;
use crate::chaos::log_ends::Offsets;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Generations {
    url: String,
    /// Whether an operator may take a log as new, whose positions say nothing of the former one's.
    logs_change: bool,
    connection: Option<PgConnection>,
    seen: Option<Seen>,
}

/// As of one moment.
struct Seen {
    live: i32,
    epoch: i64,
    /// Of the live generation and of those that were.
    at: BTreeMap<i32, Offsets>,
}

impl Generations {
    /// None where the database itself loses commits.
    pub fn of(class: Class, url: &str) -> Option<Self> {
        let logs_change = matches!(class, Class::Topic | Class::Truncated);
        (class != Class::Failover).then(|| Self { url: url.to_owned(), logs_change, connection: None, seen: None })
    }

    /// What was broken since the last look.
    pub async fn look(&mut self) -> Vec<String> {
        let Ok(Ok(now)) = timeout(ANSWER_TIMEOUT, self.ask()).await else {
            // Postgres is away, or a generation was dropped meanwhile.
            self.connection = None;
            return Vec::new();
        };
        let before = self.seen.replace(now);
        match (&before, &self.seen) {
            (Some(before), Some(now)) => self.compare(before, now),
            _ => Vec::new(),
        }
    }

    async fn ask(&mut self) -> Result<Seen, sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(PgConnection::connect(&self.url).await?),
        };
        let mut tx = connection.begin_with("begin isolation level repeatable read").await?;
        let query = "select generation, state, (select epoch from foldback.publication) from foldback.generations
                      where state in ('live', 'kept')";
        let mut seen = Seen { live: 0, epoch: 0, at: BTreeMap::new() };
        for row in sqlx::query(query).fetch_all(&mut *tx).await? {
            let (generation, state): (i32, String) = (row.get(0), row.get(1));
            if state == "live" {
                (seen.live, seen.epoch) = (generation, row.get(2));
            }
            seen.at.insert(generation, Offsets::new());
        }
        for (generation, at) in &mut seen.at {
            let query = format!("select topic, partition, next_offset from gen_{generation}.checkpoints");
            let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut *tx).await?;
            *at = rows.iter().map(|row| ((row.get(0), row.get(1)), row.get::<i64, _>(2))).collect();
        }
        tx.rollback().await?;
        Ok(seen)
    }

    fn compare(&self, before: &Seen, now: &Seen) -> Vec<String> {
        let mut broken = Vec::new();
        for (generation, at) in &now.at {
            let Some(was) = before.at.get(generation) else { continue };
            if let Some(back) = behind(at, was) {
                broken.push(format!("a checkpoint of generation {generation} went back: {back}"));
            }
            let is_kept = ![before.live, now.live].contains(generation) && before.epoch == now.epoch;
            if is_kept && let Some(further) = behind(was, at) {
                broken.push(format!("generation {generation} is not live, and was written: {further}"));
            }
        }
        if before.live != now.live {
            broken.extend(self.compare_live(before, now));
        }
        broken
    }

    fn compare_live(&self, before: &Seen, now: &Seen) -> Vec<String> {
        let mut broken = Vec::new();
        let (from, to) = (before.live, now.live);
        if now.epoch <= before.epoch {
            broken.push(format!(
                "generation {to} is live after {from}, and the epoch is {} after {}",
                now.epoch, before.epoch
            ));
        }
        // A rollback goes back to a generation that was live before.
        let is_cut_over = !before.at.contains_key(&to) && now.epoch == before.epoch + 1;
        if is_cut_over
            && !self.logs_change
            && let Some(back) = behind(&now.at[&to], &before.at[&from])
        {
            broken.push(format!("generation {to} went live, and was behind {from}: {back}"));
        }
        broken
    }
}

/// The first partition that is not as far here as there. One that is nowhere yet is at 0.
fn behind(here: &Offsets, there: &Offsets) -> Option<String> {
    there.iter().find_map(|(partition, there)| {
        let here = here.get(partition).copied().unwrap_or(0);
        (here < *there).then(|| format!("{}/{} is at {here}, not at {there}", partition.0, partition.1))
    })
}
