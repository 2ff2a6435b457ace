//! `foldback completions`

use clap::CommandFactory;
use clap_complete::Shell;

use super::output::print;
use super::{Cli, Failure};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Shell to write the script for
    shell: Shell,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "foldback", &mut script);
    print(&String::from_utf8_lossy(&script))
}
