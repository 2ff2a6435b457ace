//! Memory that is free, given back to the system.

/// Gives back what the allocator keeps: states come and go by the hundred thousand with every cut, and what they leave
/// in between would make a long load take more memory than a short one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    #![allow(unsafe_code)]
    // SAFETY: glibc's malloc_trim takes a number of bytes to keep, may be called at any time from any thread, and
    // touches only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
