//! Pages of lists whose rows may be large.

use sqlx::{Postgres, QueryBuilder};

/// Where a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    pub rows_max: u32,
    /// The row that reaches this many bytes of text or JSON is the page's last.
    pub bytes_max: u64,
}

impl PageLimits {
    /// As Postgres counts them.
    pub fn bytes(self) -> i64 {
        i64::try_from(self.bytes_max).unwrap_or(i64::MAX)
    }

    /// One row more than a page may have: whether it is there tells whether another page follows.
    pub fn rows_and_one(self) -> i64 {
        i64::from(self.rows_max) + 1
    }
}

/// SQL of a page and how it is cut.
pub struct Cut {
    pub columns: &'static str,
    /// The key that the list is ordered by.
    pub order: &'static str,
    /// The size of a row, as bigint.
    pub bytes: &'static str,
    pub limits: PageLimits,
}

impl Cut {
    /// Wraps the rows that `push` selects, at most `rows_and_one`. Beside the columns there is `more`: whether another row
    /// follows, returned or not. Postgres looks at the sizes alone of rows that are not returned.
    pub fn push(&self, query: &mut QueryBuilder<Postgres>, push: impl FnOnce(&mut QueryBuilder<Postgres>)) {
        let Cut { columns, order, bytes, limits } = self;
        query.push(format!(
            "select {columns}, more
               from (select *, lead(true, 1, false) over listed as more, sum(row_bytes) over listed - row_bytes as bytes_before
                       from (select *, {bytes} as row_bytes from ("
        ));
        push(query);
        query.push(format!(") every) sized window listed as (order by {order})) page where bytes_before < "));
        query.push_bind(limits.bytes()).push(format!(" order by {order} limit "));
        query.push_bind(i64::from(limits.rows_max));
    }
}
