//! Which topics a generation was folded from, by name: positions and ids are stored under the names, so that nothing would
//! object to another name.

use sqlx::postgres::PgConnection;

use crate::domain::log::record::Topics;
use crate::store::error::StoreError;
use crate::store::generations::Generation;

/// Names of the topics that a generation was folded from.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct FoldedTopics {
    /// Of its checkpoints, in order; empty if nothing was folded yet.
    pub names: Vec<String>,
    /// Of one event of an order, and of one run: what was folded as what.
    pub orders: Option<String>,
    pub runs: Option<String>,
}

impl FoldedTopics {
    pub async fn of(conn: &mut PgConnection, generation: Generation) -> Result<FoldedTopics, StoreError> {
        let sql = "select array(select distinct topic from {schema}.checkpoints order by topic) as names,
                          (select topic from {schema}.provider_order_events limit 1) as orders,
                          (select topic from {schema}.automation_runs limit 1) as runs";
        Ok(sqlx::query_as(generation.sql(sql)).fetch_one(conn).await?)
    }

    /// Those that the configuration names no more, or as the other of the two.
    pub fn missing_in(&self, topics: &Topics) -> Vec<&str> {
        let is_swapped = self.orders.as_ref() == Some(&topics.runs) || self.runs.as_ref() == Some(&topics.orders);
        let is_missing = |name: &&String| is_swapped || topics.stream(name).is_none();
        self.names.iter().filter(is_missing).map(String::as_str).collect()
    }

    /// Refuses a configuration of other topics.
    pub fn check(&self, generation: Generation, topics: &Topics) -> Result<(), StoreError> {
        if self.missing_in(topics).is_empty() {
            return Ok(());
        }
        Err(StoreError::OtherTopics {
            generation: generation.0,
            folded: match (&self.orders, &self.runs) {
                (Some(orders), Some(runs)) => format!("the topics {orders} (orders) and {runs} (runs)"),
                _ => format!("the topics {}", self.names.join(" and ")),
            },
            orders: topics.orders.clone(),
            runs: topics.runs.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(orders: Option<&str>, runs: Option<&str>) -> FoldedTopics {
        let names = ["o", "r"].map(str::to_owned).to_vec();
        FoldedTopics { names, orders: orders.map(str::to_owned), runs: runs.map(str::to_owned) }
    }

    #[test]
    fn another_name_and_a_swapped_one_are_noticed() {
        let topics = |orders: &str, runs: &str| Topics { orders: orders.into(), runs: runs.into() };
        let both = folded(Some("o"), Some("r"));
        assert!(both.missing_in(&topics("o", "r")).is_empty());
        assert_eq!(both.missing_in(&topics("new", "r")), ["o"]);
        assert_eq!(both.missing_in(&topics("r", "o")), ["o", "r"]);
        assert_eq!(folded(None, Some("r")).missing_in(&topics("r", "o")), ["o", "r"]);
        assert!(folded(None, None).missing_in(&topics("o", "r")).is_empty());
        assert!(FoldedTopics::default().missing_in(&topics("new", "r")).is_empty());
    }
}
