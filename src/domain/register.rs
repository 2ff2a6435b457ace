//! A last-writer-wins register: the value of the highest sequence.

use serde::{Deserialize, Serialize};

/// Sequence 0: never set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register<T> {
    pub sequence: i64,
    pub value: T,
}

impl<T> Register<T> {
    pub fn new(sequence: i64, value: T) -> Register<T> {
        Register { sequence, value }
    }

    /// Sets the value unless a higher sequence has set it before.
    pub fn set(&mut self, sequence: i64, value: T) {
        if sequence > self.sequence {
            *self = Register { sequence, value };
        }
    }

    /// Takes the other's value if a higher sequence has set it.
    pub fn join(&mut self, other: Register<T>) {
        if other.sequence > self.sequence {
            *self = other;
        }
    }

    pub fn is_set(&self) -> bool {
        self.sequence > 0
    }
}
