//! What the terminal at standard error can show.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};

/// Whether lines may be redrawn there.
pub fn is_drawable() -> bool {
    io::stderr().is_terminal() && !is_dumb(env::var_os("TERM").as_deref())
}

/// Whether colors are welcome there: see <https://no-color.org>.
pub fn is_colored() -> bool {
    is_drawable() && !is_refused(env::var_os("NO_COLOR").as_deref())
}

fn is_dumb(terminal: Option<&OsStr>) -> bool {
    terminal.is_some_and(|terminal| terminal == "dumb")
}

fn is_refused(no_color: Option<&OsStr>) -> bool {
    no_color.is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_can_refuse_escape_sequences() {
        assert!(is_dumb(Some(OsStr::new("dumb"))) && !is_dumb(Some(OsStr::new("xterm-256color"))) && !is_dumb(None));
        assert!(is_refused(Some(OsStr::new("1"))) && !is_refused(Some(OsStr::new(""))) && !is_refused(None));
    }
}
