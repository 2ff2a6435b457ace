//! Printing to standard output.

use std::io::{self, Write};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::Failure;

/// Options of every command that prints data.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints the text and a line break.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.trim_end_matches('\n').as_bytes()).and_then(|()| out.write_all(b"\n"));
    match written.and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ReaderGone),
        Err(error) => Err(Failure::failed(format!("cannot write the output: {error}"))),
    }
}

/// Prints a value as JSON for machines.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&text),
        Err(error) => Err(Failure::failed(format!("cannot write the output as JSON: {error}"))),
    }
}

/// Aligned columns, one line per row; the first row is the header. A wide character counts as the two columns that a
/// terminal gives it.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let pad = |cell: &String, width: usize| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width())));
    let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| pad(cell, *width)).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

/// A value that may be absent.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Text from outside, made safe for a terminal: control characters become spaces, and it is truncated.
pub fn plain(text: &str, chars_max: usize) -> String {
    let mut plain: String =
        text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(chars_max).collect();
    if text.chars().count() > chars_max {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_as_a_terminal_shows_them() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = table(&[row(["provider", "overdue"]), row(["a", "12"]), row(["kürzer", ""])]);
        assert_eq!(text, "provider  overdue\na         12\nkürzer\n");
        let text = table(&[row(["供应商", "3"]), row(["alder", "12"])]);
        assert_eq!(text, "供应商  3\nalder   12\n");
    }

    #[test]
    fn a_record_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc", 10), "a [2Jb c");
        assert_eq!(plain("abcdef", 3), "abc…");
    }
}
