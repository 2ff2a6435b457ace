//! Postgres: reachable, with sessions of our own and in UTF8, new enough, writable, with our schema version, and its
//! clock close to ours.

use chrono::{TimeDelta, Utc};
use sqlx::PgConnection;

use crate::config::Config;
use crate::store::StoreError;
use crate::store::connect::Access;
use crate::store::doctor::{ServerFacts, missing_grants, server};
use crate::store::migrate::check_version;

use super::{Finding, PART_TIMEOUT};

const PART: &str = "postgres";
const VERSION_MIN: i32 = 150_000;
const SKEW_MAX: TimeDelta = TimeDelta::seconds(1);

pub async fn examine(config: &Config) -> Vec<Finding> {
    let Ok(url) = config.postgres.url() else {
        return vec![unreachable("postgres.url is not set".to_owned())];
    };
    let connected = match Access::new(url.expose(), PART_TIMEOUT, PART_TIMEOUT) {
        Ok(access) => access.connect().await,
        Err(error) => Err(error),
    };
    match connected {
        Ok(mut conn) => match findings(&mut conn, url.address()).await {
            Ok(findings) => findings,
            Err(error) => vec![unusable(&url.address(), &error)],
        },
        Err(error) => vec![unusable(&url.address(), &error)],
    }
}

/// What `Access::connect` refuses is reachable, and of no use.
fn unusable(address: &str, error: &StoreError) -> Finding {
    match error {
        StoreError::SharedSession | StoreError::LostSession(_) => {
            let remedy =
                "point postgres.url at Postgres itself, or let the pooler use session mode for this user and database";
            Finding::fail(PART, "sessions", error.to_string(), remedy)
        }
        StoreError::Encoding { .. } => {
            let remedy = "create a database in UTF8 (template template0), and point postgres.url at it";
            Finding::fail(PART, "encoding", error.to_string(), remedy)
        }
        error @ (StoreError::Untrusted(_) | StoreError::Refused(_)) => {
            let remedy = "until then nothing can be read or written";
            Finding::fail(PART, "reachable", format!("{address}: {error}"), remedy)
        }
        error => unreachable(format!("{address}: {error}")),
    }
}

fn unreachable(seen: String) -> Finding {
    Finding::fail(PART, "reachable", seen, "check postgres.url, the password and that the server is up")
}

async fn findings(conn: &mut PgConnection, address: String) -> Result<Vec<Finding>, StoreError> {
    let facts = server(conn).await?;
    let skew = (Utc::now() - facts.now).abs();
    Ok(vec![
        Finding::ok(PART, "reachable", address),
        // Connecting has found out both.
        Finding::ok(PART, "sessions", "its own"),
        Finding::ok(PART, "encoding", facts.encoding.clone()),
        version(&facts),
        privileges(&facts, &missing_grants(conn).await?),
        schema(check_version(conn).await),
        clock(skew),
    ])
}

fn version(facts: &ServerFacts) -> Finding {
    if facts.version_number >= VERSION_MIN {
        Finding::ok(PART, "version", facts.version.clone())
    } else {
        Finding::fail(PART, "version", facts.version.clone(), "upgrade the server to Postgres 15 or newer")
    }
}

fn privileges(facts: &ServerFacts, missing: &[String]) -> Finding {
    let (user, database) = (&facts.user_name, &facts.database);
    if facts.is_standby {
        return Finding::fail(PART, "privileges", "the server is a standby", "point postgres.url at the primary");
    }
    if !missing.is_empty() {
        let seen = format!("{user} lacks what `foldback run` needs; config/postgres-roles.sql grants all of it");
        return Finding::fail(PART, "privileges", seen, format!("run as the owner: {}", missing.join("; ")));
    }
    if facts.may_create {
        let seen = format!("{user} can create schemas in {database} and write to foldback's tables");
        return Finding::ok(PART, "privileges", seen);
    }
    if facts.is_owner == Some(false) {
        let seen = format!(
            "{user} can write to foldback's tables, as `foldback run` needs; migrate, rebuild, verify, promote and rollback \
             need their owner"
        );
        return Finding::ok(PART, "privileges", seen);
    }
    let remedy = format!("run: grant create on database \"{database}\" to \"{user}\"");
    Finding::fail(PART, "privileges", format!("{user} cannot create schemas in {database}"), remedy)
}

fn schema(checked: Result<(), StoreError>) -> Finding {
    match checked {
        Ok(()) => Finding::ok(PART, "schema", "this binary's version"),
        Err(error @ StoreError::NotMigrated) => {
            Finding::fail(PART, "schema", error.to_string(), "run `foldback migrate`")
        }
        Err(error) => Finding::fail(PART, "schema", error.to_string(), "run `foldback migrate` with the newest binary"),
    }
}

fn clock(skew: TimeDelta) -> Finding {
    let seen = format!("{} ms between this machine and Postgres", skew.num_milliseconds());
    if skew <= SKEW_MAX {
        Finding::ok(PART, "clock", seen)
    } else {
        Finding::warn(
            PART,
            "clock",
            seen,
            "synchronize both machines with a time server: the clock decides which replays are overdue",
        )
    }
}
