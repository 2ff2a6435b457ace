//! Redrive: sends the stored bytes of dead letters through the same fold again, with a receipt for each.
//!
//! - `records`: decodes them, and asks for schemas that are missing
//! - `attempt`: folds and stores them, or finds the record that Postgres refuses
//!
//! What was accepted is closed in the transaction of the views that it leads to: a redrive can be repeated, stopped and
//! killed at any moment, and may run beside the live fold.

mod attempt;
mod error;
mod records;

pub use error::RedriveError;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::domain::log::redrive::{Fate, Receipt};
use crate::load::{LoadContext, waits};
use crate::store::commit::{WriteTarget, Writer};
use crate::store::connect::Access;
use crate::store::redrive::{Chosen, Letter, choose, letters, newest, strangers};

/// How many dead letters are folded at once, and up to how many bytes of them.
const LETTERS_MAX: i64 = 500;
const BYTES_MAX: i64 = 32 * 1024 * 1024;

#[derive(Debug, Clone)]
pub struct RedriveOptions {
    pub chosen: Chosen,
    /// Says what would become of each, and changes nothing.
    pub plan: bool,
}

/// Is told each receipt, and each wait.
pub struct Told<'a> {
    pub receipts: &'a (dyn Fn(&[Receipt]) -> Result<(), RedriveError> + Sync),
    pub note: &'a (dyn Fn(&str) + Sync),
}

/// Redrives the chosen dead letters of the live generation, in the order of their ids. Those that were chosen by id are
/// looked up first: if the live generation lacks one, nothing is done.
///
/// Errors: an id that isn't there; a server that fails, or doesn't answer; `stop`. What was told before holds.
pub async fn redrive(
    config: &Config,
    access: &Access,
    options: &RedriveOptions,
    told: &Told<'_>,
    stop: &CancellationToken,
) -> Result<(), RedriveError> {
    let ctx = LoadContext::new(config, access)?;
    let work = Box::pin(async {
        tokio::select! {
            done = redrive_all(&ctx, access, options, told) => done,
            () = stop.cancelled() => Err(RedriveError::Stopped),
        }
    });
    waits::told(&ctx.readiness, told.note, stop, work).await
}

async fn redrive_all(
    ctx: &LoadContext,
    access: &Access,
    options: &RedriveOptions,
    told: &Told<'_>,
) -> Result<(), RedriveError> {
    let mut writer = access.answered(Writer::connect(access, WriteTarget::Live)).await?;
    let newest = access.answered(newest(&mut writer.conn, writer.generation)).await?;
    let mut after = i64::MIN;
    if let Chosen::Ids(ids) = &options.chosen {
        let unknown = access.answered(strangers(&mut writer.conn, writer.generation, ids)).await?;
        if !unknown.is_empty() {
            return Err(RedriveError::NotThere(unknown));
        }
    }
    loop {
        let page = choose(&mut writer.conn, writer.generation, &options.chosen, (after, newest), LETTERS_MAX);
        let ids = within_bytes(access.answered(page).await?);
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        let found = letters(&mut writer.conn, writer.generation, &ctx.topics, &ids);
        let found = access.answered(found).await?;
        let (mut open, mut receipts) = (Vec::new(), Vec::new());
        for letter in found {
            match closed_before(&letter) {
                Some(fate) => receipts.push(receipt(ctx, &letter, fate)),
                None => open.push(letter),
            }
        }
        receipts.extend(attempt::redrive(ctx, access, &mut writer, &open, options.plan).await?);
        receipts.sort_by_key(|receipt| receipt.id);
        (told.receipts)(&receipts)?;
    }
}

/// The ids up to the limit of bytes, but at least one.
fn within_bytes(page: Vec<(i64, i64)>) -> Vec<i64> {
    let mut bytes = 0;
    let fits = |(index, (_, size)): &(usize, (i64, i64))| {
        bytes += size;
        *index == 0 || bytes <= BYTES_MAX
    };
    page.into_iter().enumerate().take_while(fits).map(|(_, (id, _))| id).collect()
}

/// `None`: it is open.
fn closed_before(letter: &Letter) -> Option<Fate> {
    let discarded = letter.discarded_at.map(|at| Fate::Discarded { at });
    discarded.or(letter.redriven_at.map(|at| Fate::RedrivenBefore { at, accepted: letter.redriven_as }))
}

fn receipt(ctx: &LoadContext, letter: &Letter, fate: Fate) -> Receipt {
    Receipt {
        id: letter.id,
        topic: ctx.topics.name(letter.record.stream).to_owned(),
        position: letter.record.position,
        fate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_its_bytes_but_has_at_least_one() {
        assert_eq!(within_bytes(vec![(1, BYTES_MAX + 1), (2, 1)]), [1]);
        assert_eq!(within_bytes(vec![(1, 1), (2, BYTES_MAX - 1), (3, 1)]), [1, 2]);
        assert!(within_bytes(Vec::new()).is_empty());
    }
}
