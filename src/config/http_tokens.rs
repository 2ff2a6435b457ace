//! The tokens that open the HTTP API.

use std::path::{Path, PathBuf};

use super::Secret;

/// Shorter ones could be guessed.
const CHARS_MIN: usize = 16;
const CHARS_MAX: usize = 512;
/// More than any rotation needs.
const TOKENS_MAX: usize = 10;
/// Above what the longest tokens take, with blank lines.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// Tokens of which each opens the HTTP API. Several, so that one can be replaced while clients still use it.
#[derive(Debug, Clone)]
pub struct HttpTokens {
    /// At least one.
    pub tokens: Vec<Secret>,
    /// The file that they stand in, to be read again when it changes.
    pub file: Option<PathBuf>,
}

/// What `parse` takes, in words.
pub(super) fn form() -> String {
    format!(
        "1 to {TOKENS_MAX} tokens, each on a line of its own, of {CHARS_MIN} to {CHARS_MAX} letters, digits or -._~+/="
    )
}

/// One token per line; blank lines are skipped. `None`: there is none, there are too many, or one is too short, too long
/// or has a character that a header can't carry (RFC 6750).
pub(super) fn parse(text: &str) -> Option<Vec<Secret>> {
    let lines = text.lines().filter(|line| !line.is_empty());
    let tokens: Vec<&str> = lines.take(TOKENS_MAX + 1).collect();
    let is_right = (1..=TOKENS_MAX).contains(&tokens.len()) && tokens.iter().all(|token| is_token(token));
    is_right.then(|| tokens.into_iter().map(Secret::new).collect())
}

fn is_token(text: &str) -> bool {
    (CHARS_MIN..=CHARS_MAX).contains(&text.len())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "-._~+/=".contains(char))
}

/// The tokens of a file that is read again. The error says what is wrong, and holds nothing of the file.
pub fn read_again(path: &Path) -> Result<Vec<Secret>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(format!("has more than {FILE_BYTES_MAX} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text).ok_or_else(|| format!("does not hold {}", form()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn found(text: &str) -> Option<Vec<String>> {
        Some(parse(text)?.iter().map(|token| token.expose().to_owned()).collect())
    }

    #[test]
    fn each_line_is_a_token() {
        assert_eq!(found(TOKEN), Some(vec![TOKEN.to_owned()]));
        let other = "AZaz09-._~+/====";
        assert_eq!(found(&format!("\n{TOKEN}\r\n\n{other}\n")), Some(vec![TOKEN.to_owned(), other.to_owned()]));
    }

    #[test]
    fn what_could_be_guessed_or_not_be_sent_is_no_token() {
        let long = "a".repeat(CHARS_MAX + 1);
        let many = format!("{TOKEN}\n").repeat(TOKENS_MAX + 1);
        for text in
            ["", "\n\n", "0123456789abcde", "0123456789 abcdef", " 0123456789abcdef", "0123456789abcdé", &long, &many]
        {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(found(&format!("{TOKEN}\nshort")), None, "one wrong line is not skipped");
    }
}
