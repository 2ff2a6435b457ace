//! A share of the orders, by a hash of their key: the same ones for everybody who asks for the same share.

use uuid::Uuid;

/// One for each byte of an id: large and without common factors, so that ids that differ in a few bytes (a time, a
/// counter) spread too. SQL computes the same sum, see `store::compare`.
pub const WEIGHTS: [i64; 16] = [
    999_983, 898_769, 799_991, 700_001, 611_953, 523_987, 444_443, 377_777, 314_159, 271_829, 199_999, 161_803,
    104_729, 57_721, 15_485, 7_919,
];
/// Buckets that ids are spread over.
pub const BUCKETS: i64 = 1_000_000;

/// So many orders in a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySample {
    pub per_million: u32,
}

impl KeySample {
    pub const ALL: KeySample = KeySample { per_million: 1_000_000 };

    pub fn is_all(self) -> bool {
        i64::from(self.per_million) >= BUCKETS
    }

    pub fn takes(self, id: Uuid) -> bool {
        bucket(id) < i64::from(self.per_million)
    }

    /// Whether a record is of the sample, by its key; one whose key is no id always is.
    pub fn takes_key(self, key: Option<&[u8]>) -> bool {
        self.is_all() || key.and_then(|key| Uuid::try_parse_ascii(key).ok()).is_none_or(|id| self.takes(id))
    }
}

fn bucket(id: Uuid) -> i64 {
    id.as_bytes().iter().zip(WEIGHTS).map(|(byte, weight)| i64::from(*byte) * weight).sum::<i64>() % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_ids_is_taken_however_they_are_made() {
        let sample = KeySample { per_million: 100_000 };
        let random = (0..20_000u64).map(|n| Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()));
        let counted = (0..20_000u128).map(Uuid::from_u128);
        for ids in [random.collect::<Vec<_>>(), counted.collect()] {
            let taken = ids.iter().filter(|id| sample.takes(**id)).count();
            assert!((1_600..2_400).contains(&taken), "{taken} of 20,000");
        }
    }

    #[test]
    fn a_key_that_is_no_id_is_always_taken() {
        let none = KeySample { per_million: 0 };
        assert!(none.takes_key(None) && none.takes_key(Some(b"x")));
        assert!(!none.takes_key(Some(Uuid::from_u128(7).to_string().as_bytes())));
        assert!(KeySample::ALL.takes_key(Some(Uuid::from_u128(7).to_string().as_bytes())));
    }
}
