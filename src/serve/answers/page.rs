//! A page of a list.

use serde::Serialize;

/// `next_cursor` is null on the last page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Keeps `limit` of the items, which are one more if there is a next page.
    pub fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> Option<String>) -> Page<T> {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = if more { items.last().and_then(cursor) } else { None };
        Page { items, next_cursor }
    }
}
