//! The registry's schemas by id: read for every record, written once per schema.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use crate::domain::log::rejection::Rejection;

use super::prepared::Prepared;

/// What the cache knows of a registry id.
#[derive(Debug, Clone)]
pub enum Entry {
    Ready(Arc<Prepared>),
    /// Every record with this schema is rejected.
    Refused(Rejection),
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    /// When the entry expires.
    expires: Option<Instant>,
}

/// Prepared writer schemas by registry id; the oldest are evicted beyond its limit. Shared by all decoders.
#[derive(Debug)]
pub struct Cache {
    slots: RwLock<Slots>,
    schemas_max: usize,
}

#[derive(Debug, Default)]
struct Slots {
    by_id: HashMap<u32, Slot>,
    /// Oldest first.
    ids: VecDeque<u32>,
}

impl Cache {
    pub fn new(schemas_max: usize) -> Cache {
        Cache { slots: RwLock::default(), schemas_max: schemas_max.max(1) }
    }

    pub fn get(&self, id: u32) -> Option<Entry> {
        // A panic never leaves a half-written slot.
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.by_id.get(&id)?;
        let expired = slot.expires.is_some_and(|expires| expires <= Instant::now());
        (!expired).then(|| slot.entry.clone())
    }

    pub fn put(&self, id: u32, entry: Entry, expires: Option<Instant>) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.by_id.insert(id, Slot { entry, expires }).is_none() {
            slots.ids.push_back(id);
        }
        if slots.ids.len() > self.schemas_max
            && let Some(oldest) = slots.ids.pop_front()
        {
            slots.by_id.remove(&oldest);
        }
    }
}
