//! The targets of tests/hostile for libFuzzer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// What tests/offline alone uses.
#![allow(dead_code)]

#[path = "../../tests/hostile/mod.rs"]
mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzzer_mutate;
use targets::Target;
use targets::allocation::Counting;
use targets::mutation::Mutator;

pub use libfuzzer_sys;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A target that is warm.
fn target(name: &str) -> &'static Target {
    static TARGET: OnceLock<&'static Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let target = Target::by_name(name);
        alternate_stack();
        target.warm_up();
        target
    })
}

/// On which libFuzzer's handler writes the input that has overflowed the stack.
fn alternate_stack() {
    let memory = Box::leak(vec![0u8; 256 * 1024].into_boxed_slice());
    let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: memory.len() };
    // SAFETY: the memory is never freed, and only this thread is told of it.
    let set = unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) };
    assert_eq!(set, 0, "a stack for signals is set");
}

pub fn check(name: &str, bytes: &[u8]) {
    target(name).check(bytes);
}

/// Half of the changes are libFuzzer's own. The others know JSON, Avro's numbers and the target's words.
pub fn mutate(name: &str, bytes: &mut [u8], size: usize, size_max: usize, seed: u32) -> usize {
    if seed % 2 == 0 {
        return fuzzer_mutate(bytes, size, size_max);
    }
    let known = [bytes[..size].to_vec()];
    let changed = Mutator::new(u64::from(seed), &known, target(name).words).next();
    let length = changed.len().min(size_max);
    bytes[..length].copy_from_slice(&changed[..length]);
    length
}

#[macro_export]
macro_rules! target {
    ($name:literal) => {
        use $crate::libfuzzer_sys::{self, fuzz_mutator, fuzz_target};
        fuzz_target!(|bytes: &[u8]| $crate::check($name, bytes));
        fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate($name, data, size, max_size, seed)
        });
    };
}
