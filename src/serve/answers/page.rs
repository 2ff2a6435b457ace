//! Pages of lists.

use serde::Serialize;
use utoipa::ToSchema;

use super::dead_letter::{DeadLetterAnswer, OpenAnswer};
use super::replay::ReplayAnswer;
use super::timeline::EventAnswer;
use crate::domain::views::page::Page;
use crate::domain::views::rows::{HistoryRow, ReplayRow};

/// One page of an order's events, by sequence.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelinePage {
    items: Vec<EventAnswer>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    next_cursor: Option<String>,
}

/// One page of replays, by order id and replay id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayPage {
    items: Vec<ReplayAnswer>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    next_cursor: Option<String>,
}

/// One page of dead letters, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterPage {
    items: Vec<DeadLetterAnswer>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    next_cursor: Option<String>,
    open: OpenAnswer,
}

impl DeadLetterPage {
    /// See [`cut`].
    pub fn cut(
        items: Vec<DeadLetterAnswer>,
        limit: u32,
        cursor: impl Fn(&DeadLetterAnswer) -> Option<String>,
        open: OpenAnswer,
    ) -> DeadLetterPage {
        let (items, next_cursor) = cut(items, limit, cursor);
        DeadLetterPage { items, next_cursor, open }
    }
}

impl TimelinePage {
    /// `cursor`: where the page after an event starts.
    pub fn new(page: Page<HistoryRow>, cursor: impl Fn(&HistoryRow) -> Option<String>) -> TimelinePage {
        let next_cursor = next(&page, cursor);
        TimelinePage { items: page.rows.into_iter().map(EventAnswer::from).collect(), next_cursor }
    }
}

impl ReplayPage {
    /// `cursor`: where the page after a replay starts.
    pub fn new(page: Page<ReplayRow>, cursor: impl Fn(&ReplayRow) -> Option<String>) -> ReplayPage {
        let next_cursor = next(&page, cursor);
        ReplayPage { items: page.rows.into_iter().map(ReplayAnswer::from).collect(), next_cursor }
    }
}

fn next<T>(page: &Page<T>, cursor: impl Fn(&T) -> Option<String>) -> Option<String> {
    page.rows.last().filter(|_| page.more).and_then(cursor)
}

/// Keeps `limit` items. If there were more, another page follows, and `cursor` is asked where it starts.
fn cut<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> Option<String>) -> (Vec<T>, Option<String>) {
    let limit = limit as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if more { items.last().and_then(cursor) } else { None };
    (items, next_cursor)
}
