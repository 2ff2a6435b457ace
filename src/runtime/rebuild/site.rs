//! What every fold outside `run` needs.

use crate::config::Config;
use crate::domain::record::Topics;
use crate::store::connect::Access;

use super::error::RebuildError;

#[derive(Clone)]
pub struct Site {
    pub config: Config,
    /// Without a limit on the time of a statement: a load's COPY and an index take as long as they take.
    pub access: Access,
    pub topics: Topics,
}

impl Site {
    pub fn new(config: &Config, access: &Access) -> Result<Site, RebuildError> {
        let topics = Topics { orders: config.kafka.orders_topic.clone(), runs: config.kafka.runs_topic.clone() };
        Ok(Site { config: config.clone(), access: access.clone(), topics })
    }
}
