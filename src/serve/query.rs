//! Query parameters, parsed strictly: a problem names the parameter that is unknown or out of range.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use uuid::Uuid;

use crate::domain::timestamp::Timestamp;

use super::problem::Problem;

/// The parameters of a request. Each is taken by name; whatever is left at `finish` is unknown.
pub struct Parameters {
    given: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

/// Well above what any endpoint knows.
const PARAMETERS_MAX: usize = 32;

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Parameters, Problem> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = pairs.map_err(|_| Problem::parameter("query", "The query string is malformed."))?;
        if pairs.len() > PARAMETERS_MAX {
            return Err(Problem::parameter("query", format!("There are more than {PARAMETERS_MAX} query parameters.")));
        }
        let mut given = BTreeMap::new();
        for (name, value) in pairs {
            if value.contains('\0') {
                return Err(Problem::parameter(&name, format!("`{name}` contains a null character.")));
            }
            if given.insert(name.clone(), value).is_some() {
                return Err(Problem::parameter(&name, format!("`{name}` is given more than once.")));
            }
        }
        Ok(Parameters { given, known: Vec::new() })
    }
}

impl Parameters {
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.given.remove(name)
    }

    /// Text of 1 to `chars_max` characters.
    pub fn short_text(&mut self, name: &'static str, chars_max: usize) -> Result<Option<String>, Problem> {
        let text = self.text(name);
        if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > chars_max) {
            return Err(Problem::parameter(name, format!("`{name}` must be 1 to {chars_max} characters long.")));
        }
        Ok(text)
    }

    /// A whole number from 1 to `max`.
    pub fn limit(&mut self, default: u32, max: u32) -> Result<u32, Problem> {
        let Some(text) = self.text("limit") else { return Ok(default) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number
            .filter(|number| (1..=max).contains(number))
            .ok_or_else(|| Problem::parameter("limit", format!("`limit` must be a whole number from 1 to {max}.")))
    }

    /// A whole number from 0, as Kafka counts partitions.
    pub fn partition(&mut self, name: &'static str) -> Result<Option<i32>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(Some).ok_or_else(|| Problem::parameter(name, format!("`{name}` must be a whole number from 0.")))
    }

    /// A hyphenated UUID.
    pub fn uuid(&mut self, name: &'static str) -> Result<Option<Uuid>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let id = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36);
        id.map(Some).ok_or_else(|| Problem::parameter(name, format!("`{name}` must be a hyphenated UUID.")))
    }

    /// One of a closed set of values.
    pub fn choice<T>(
        &mut self,
        name: &'static str,
        choices: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let value = parse(&text);
        value.map(Some).ok_or_else(|| Problem::parameter(name, format!("`{name}` must be one of {choices}.")))
    }

    pub fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        // A plus sign that was not percent-encoded arrives as a space.
        let time = Timestamp::parse(&text.replacen(' ', "+", 1));
        time.map(Some).ok_or_else(|| {
            let example = "2026-11-23T10:00:00Z";
            Problem::parameter(
                name,
                format!("`{name}` must be an ISO 8601 date-time with an offset, such as {example}."),
            )
        })
    }

    /// Refuses parameters that the endpoint did not take.
    pub fn finish(self) -> Result<(), Problem> {
        let Some(name) = self.given.keys().next() else { return Ok(()) };
        let known = match self.known.as_slice() {
            [] => "this endpoint takes none".to_owned(),
            names => format!("this endpoint takes {}", names.join(", ")),
        };
        Err(Problem::parameter(name, format!("Unknown query parameter; {known}.")))
    }
}
