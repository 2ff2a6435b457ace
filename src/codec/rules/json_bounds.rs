//! Bounds of the JSON texts inside of an event: what they accept can be stored, and read back by everything that reads
//! it, whatever library and however deep it nests it.

/// Far below the depth at which parsers stop (serde_json: 128), since readers nest the text in documents of their own.
const DEPTH_MAX: usize = 64;
/// Digits that a number takes when it is written out, as Postgres does: `1e400` takes 401.
const NUMBER_DIGITS_MAX: usize = 400;
/// The same for all numbers of a text, so that a short one can't become a long one.
const ALL_DIGITS_MAX: usize = 16 * 1024 * 1024;
/// Postgres takes at most some 16 million values in an array and half as many pairs in an object, and fails otherwise.
const VALUES_MAX: usize = 8_000_000;
/// With so many values, numbers and bytes a text stays below the 256 MiB of a jsonb, and what Postgres alone would refuse
/// would depend on what else is in its batch: only the report that stands is written.
const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// serde_json takes an object whose first key begins so for something else than an object.
const PRIVATE_PREFIX: &str = "$serde_json::private::";

/// What forbids a text. Only means something of a text that is JSON, which a parser decides.
pub fn objection(text: &str) -> Option<String> {
    if text.len() > TEXT_BYTES_MAX {
        return Some(format!("is longer than {TEXT_BYTES_MAX} bytes"));
    }
    let mut scan = Scan { bytes: text.as_bytes(), text, at: 0, depth: 0, digits: 0, values: 0 };
    scan.run().err()
}

struct Scan<'t> {
    bytes: &'t [u8],
    text: &'t str,
    at: usize,
    depth: usize,
    digits: usize,
    values: usize,
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                b'{' | b'[' => self.enter()?,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                // true, false and null.
                b't' | b'f' | b'n' => {
                    self.values += 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        if self.values > VALUES_MAX {
            return Err(format!("has more than {VALUES_MAX} values"));
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        self.values += 1;
        self.at += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("is nested more than {DEPTH_MAX} levels deep"));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        let start = self.at;
        self.values += 1;
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
        let is_key = self.bytes.get(self.at..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace());
        if is_key == Some(&b':') && self.is_private(start) {
            return Err(format!("has a key that begins with {PRIVATE_PREFIX}"));
        }
        Ok(())
    }

    /// Written plainly, or with escapes.
    fn is_private(&self, start: usize) -> bool {
        let Some(quoted) = self.text.get(start..self.at) else { return false };
        if !quoted.contains('\\') {
            return quoted.get(1..).is_some_and(|key| key.starts_with(PRIVATE_PREFIX));
        }
        serde_json::from_str::<String>(quoted).is_ok_and(|key| key.starts_with(PRIVATE_PREFIX))
    }

    fn number(&mut self) -> Result<(), String> {
        let rest = &self.bytes[self.at..];
        let is_part = |byte: &&u8| matches!(**byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(is_part).count();
        let digits = self.text.get(self.at..self.at + length).and_then(written_digits).unwrap_or(usize::MAX);
        self.at += length.max(1);
        self.values += 1;
        self.digits = self.digits.saturating_add(digits);
        if digits > NUMBER_DIGITS_MAX {
            return Err(format!("has a number of more than {NUMBER_DIGITS_MAX} digits, written out"));
        }
        if self.digits > ALL_DIGITS_MAX {
            return Err(format!("has numbers of more than {ALL_DIGITS_MAX} digits in all, written out"));
        }
        Ok(())
    }
}

/// How many digits a number takes without an exponent; `None`: more than can be counted.
fn written_digits(number: &str) -> Option<usize> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    digits.checked_add(usize::try_from(exponent.checked_abs()?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_back_is_left_alone() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(63), "]".repeat(63));
        let long = format!("{{\"a\":{}}}", "9".repeat(400));
        for text in [
            "{}",
            r#"{"big":12345678901234567890123,"small":-1.5e-300,"text":"1e99999 [[[[ \"","x":[null,true]}"#,
            r#"{"a":"$serde_json::private::RawValue"}"#,
            &deep,
            &long,
        ] {
            assert_eq!(objection(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_reader_could_not_take_is_named() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
        let long = format!("[{}]", "9".repeat(401));
        let wide = format!("[{}null]", "1,".repeat(VALUES_MAX));
        let pairs = format!("{{{}\"\":1}}", "\"\":[],".repeat(VALUES_MAX / 2));
        let huge = format!("[\"{}\"]", "x".repeat(TEXT_BYTES_MAX));
        let many = format!("[{}1]", "1e399,".repeat(ALL_DIGITS_MAX / 400 + 1));
        for (text, word) in [
            (deep.as_str(), "levels"),
            (long.as_str(), "digits"),
            ("[1e200000]", "digits"),
            ("[-1.0E-200000]", "digits"),
            ("[1e99999999999999999999]", "digits"),
            (&many, "in all"),
            (&wide, "values"),
            (&pairs, "values"),
            (&huge, "longer"),
            (r#"{"x":{"$serde_json::private::RawValue":"[[1]]"}}"#, "private"),
            (r#"{"x":{"$serde_json::private::Number" : "5"}}"#, "private"),
            (r#"{"\u0024serde_json::private::Number":"5"}"#, "private"),
        ] {
            let objection = objection(text).unwrap_or_default();
            assert!(objection.contains(word), "{word}: {objection}");
        }
    }
}
