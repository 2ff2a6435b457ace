//! The command `foldback`.

use mimalloc::MiMalloc;

/// Order states are freed by the hundred thousand, on other threads than allocated them: see docs/adr/0012-mimalloc.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    foldback::cli::main()
}
