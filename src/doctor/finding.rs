//! Findings of `doctor`.

use serde::Serialize;

/// `Fail` makes `doctor` exit with code 1; `Warn` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check of `doctor`: what was examined, what was seen, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `postgres`, `kafka`, `schema_registry`, `redis`
    pub part: &'static str,
    pub check: String,
    pub verdict: Verdict,
    pub seen: String,
    /// What to do; `None` if all is well.
    pub remedy: Option<String>,
}

impl Finding {
    pub fn ok(part: &'static str, check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { part, check: check.into(), verdict: Verdict::Ok, seen: seen.into(), remedy: None }
    }

    pub fn warn(
        part: &'static str,
        check: impl Into<String>,
        seen: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { part, check: check.into(), verdict: Verdict::Warn, seen: seen.into(), remedy }
    }

    pub fn fail(
        part: &'static str,
        check: impl Into<String>,
        seen: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(part, check, seen, remedy) }
    }
}
