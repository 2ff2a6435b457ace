//! The command `foldback`.

use std::process::ExitCode;

fn main() -> ExitCode {
    foldback::cli::main()
}
