//! The command `foldback`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// States come and go by the hundred thousand, on other threads than they came from: see docs/adr.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    foldback::cli::main()
}
