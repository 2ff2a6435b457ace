//! A last-writer-wins register: the value of the highest sequence.

/// Sequence 0: never set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Register<T> {
    pub sequence: i64,
    pub value: T,
}

impl<T> Register<T> {
    pub fn new(sequence: i64, value: T) -> Register<T> {
        Register { sequence, value }
    }

    /// Sets the value, unless a higher sequence has already set it.
    pub fn set(&mut self, sequence: i64, value: T) {
        if sequence > self.sequence {
            *self = Register { sequence, value };
        }
    }

    pub fn is_set(&self) -> bool {
        self.sequence > 0
    }
}
