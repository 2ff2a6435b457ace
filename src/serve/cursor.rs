//! Opaque cursors: where the next page starts, as base64url of versioned JSON.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::problem::Problem;

const VERSION: u32 = 1;
/// Far longer than any cursor we issue.
const CURSOR_BYTES_MAX: usize = 512;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    v: u32,
    list: String,
    at: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineAt {
    pub order: Uuid,
    pub sequence: i64,
}

/// Behind this replay and this refill of the order; none: from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderAt {
    pub order: Uuid,
    pub replay: Option<Uuid>,
    pub refill: Option<Uuid>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaysAt {
    pub order: Uuid,
    pub replay: Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLettersAt {
    pub id: i64,
}

/// Behind this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapsAt {
    pub order: Uuid,
}

/// `list` names the list, so that a cursor of another list is refused.
pub fn encode<T: Serialize>(list: &str, at: T) -> Option<String> {
    let json = serde_json::to_vec(&Envelope { v: VERSION, list: list.to_owned(), at }).ok()?;
    Some(URL_SAFE_NO_PAD.encode(json))
}

pub fn decode<T: DeserializeOwned>(list: &str, text: &str) -> Result<T, Problem> {
    let foreign = || Problem::parameter("cursor", "`cursor` must be the nextCursor of an earlier page of this list.");
    if text.len() > CURSOR_BYTES_MAX {
        return Err(foreign());
    }
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| foreign())?;
    let envelope: Envelope<T> = serde_json::from_slice(&json).map_err(|_| foreign())?;
    if envelope.v != VERSION || envelope.list != list {
        return Err(foreign());
    }
    Ok(envelope.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_for_its_own_list_alone() {
        let at = TimelineAt { order: Uuid::from_u128(1), sequence: 9 };
        let text = encode("timeline", at).unwrap();
        assert_eq!(decode::<TimelineAt>("timeline", &text), Ok(at));
        assert!(decode::<TimelineAt>("replays", &text).is_err());
        for garbage in ["", "!", "e30", "bnVsbA", &"A".repeat(600)] {
            assert!(decode::<TimelineAt>("timeline", garbage).is_err(), "{garbage}");
        }
    }
}
