//! Keeps in the database what a verification came to.

use sqlx::postgres::PgConnection;

use super::error::VerifyError;
use crate::domain::generations::difference::Differences;
use crate::observe::host::at_host;
use crate::store::StoreError;
use crate::store::connect::Access;
use crate::store::generations::verifications::{self, Begun, Found};

/// Does the work of a verification, whose lock the caller holds, and records that it begins and what it comes to.
///
/// `note` gets a sentence if the result can't be recorded, which doesn't change it.
pub async fn recorded<T>(
    access: &Access,
    begun: &Begun<'_>,
    note: &(dyn Fn(&str) + Sync),
    work: impl Future<Output = Result<T, VerifyError>>,
    found: impl Fn(&T) -> Found<'_>,
) -> Result<T, VerifyError> {
    let id = begin(&mut access.connect().await?, begun).await?;
    let done = work.await;
    let written = async {
        let mut conn = access.connect().await?;
        match &done {
            Ok(value) => verifications::finish(&mut conn, id, &found(value)).await,
            Err(VerifyError::Stopped) => verifications::withdraw(&mut conn, id).await.map(|()| true),
            Err(error) => verifications::fail(&mut conn, id, &error.to_string()).await.map(|()| true),
        }
    };
    match written.await {
        Ok(true) => {}
        Ok(false) => note("the result is not recorded: another verification has begun since"),
        Err(error) => note(&format!("the result could not be recorded: {error}")),
    }
    done
}

async fn begin(conn: &mut PgConnection, begun: &Begun<'_>) -> Result<i64, StoreError> {
    let started_by = at_host(begun.started_by);
    verifications::begin(conn, &Begun { started_by: &started_by, ..*begun }).await
}

/// How many differences there are, in total and by view.
pub fn sentence(differences: &Differences) -> String {
    let views: Vec<String> = differences.found.iter().map(|(view, count)| format!("{view}: {count}")).collect();
    let at_least = if differences.is_exact { "" } else { "at least " };
    format!("{at_least}{} differences ({})", differences.total(), views.join(", "))
}
