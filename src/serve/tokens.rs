//! Who may ask: the bearer tokens of RFC 6750, in the header alone.

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, HeaderValue, header};
use subtle::{Choice, ConstantTimeEq};

use crate::config::Secret;

/// Tokens of which any opens the API. Clones share them.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<RwLock<Vec<Secret>>>);

impl Tokens {
    pub fn new(tokens: Vec<Secret>) -> Tokens {
        Tokens(Arc::new(RwLock::new(tokens)))
    }

    /// From now on, these hold and no others. Returns whether they are others than before.
    pub fn replace(&self, tokens: Vec<Secret>) -> bool {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_changed = *held != tokens;
        *held = tokens;
        is_changed
    }

    /// Whether a request with these headers carries one of them.
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        match (given.next().and_then(bearer), given.next()) {
            (Some(token), None) => self.hold(token),
            _ => false,
        }
    }

    /// Takes the same time whichever token it is, and however much of it is right.
    fn hold(&self, given: &[u8]) -> bool {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let none = Choice::from(0);
        held.iter().fold(none, |found, token| found | token.expose().as_bytes().ct_eq(given)).into()
    }
}

/// The scheme may be written in any case.
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef";
    const NEW: &str = "fedcba9876543210";

    fn admits(tokens: &Tokens, values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        tokens.admit(&headers)
    }

    #[test]
    fn the_header_must_carry_a_whole_token_and_nothing_else() {
        let tokens = Tokens::new(vec![Secret::new(OLD), Secret::new(NEW)]);
        for value in ["Bearer 0123456789abcdef", "bearer  fedcba9876543210 ", "BEARER 0123456789abcdef"] {
            assert!(admits(&tokens, &[value]), "{value}");
        }
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdefg",
            "Bearer 0123456789ABCDEF",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
            "Bearer 0123456789abcdef fedcba9876543210",
        ] {
            assert!(!admits(&tokens, &[value]), "{value}");
        }
        assert!(!admits(&tokens, &[]));
        assert!(!admits(&tokens, &["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"]), "one header, or none");
    }

    #[test]
    fn replaced_tokens_hold_no_more() {
        let tokens = Tokens::new(vec![Secret::new(OLD)]);
        assert!(!tokens.clone().replace(vec![Secret::new(OLD)]));
        assert!(tokens.clone().replace(vec![Secret::new(NEW)]));
        assert!(!admits(&tokens, &["Bearer 0123456789abcdef"]) && admits(&tokens, &["Bearer fedcba9876543210"]));
    }
}
