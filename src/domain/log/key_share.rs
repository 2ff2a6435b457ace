//! A share of the orders, chosen by a hash of their key: equal shares contain the same orders everywhere.

use uuid::Uuid;

/// Number of buckets that ids are spread over.
pub const BUCKETS: i64 = 1_000_000;
/// The bits of the hash that decide: all but the sign.
pub const HASH_MASK: u64 = 0x7fff_ffff_ffff_ffff;

/// Orders in a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySample {
    pub per_million: u32,
}

impl KeySample {
    pub const ALL: KeySample = KeySample { per_million: 1_000_000 };

    pub fn is_all(self) -> bool {
        i64::from(self.per_million) >= BUCKETS
    }

    /// About how many of `count` are in the sample.
    pub fn share_of(self, number: u64) -> u64 {
        (number as f64 * f64::from(self.per_million) / BUCKETS as f64) as u64
    }

    pub fn takes(self, id: Uuid) -> bool {
        bucket(id) < i64::from(self.per_million)
    }

    /// Whether a record is in the sample, by its key. One whose key is not an id always is.
    pub fn takes_key(self, key: Option<&[u8]>) -> bool {
        self.is_all() || key.and_then(|key| Uuid::try_parse_ascii(key).ok()).is_none_or(|id| self.takes(id))
    }
}

fn bucket(id: Uuid) -> i64 {
    (hash(id) & HASH_MASK) as i64 % BUCKETS
}

/// The value of Postgres's `uuid_hash_extended(id, 0)` (Bob Jenkins's lookup3 of 16 bytes), so that SQL can select
/// the sample with one call per row. It is the value of servers on little-endian machines.
fn hash(id: Uuid) -> u64 {
    const INITIAL: u32 = 0x9e37_79b9 + 16 + 3_923_095;
    let (words, _) = id.as_bytes().as_chunks::<4>();
    let word = |at: usize| words.get(at).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let mut state = [INITIAL.wrapping_add(word(0)), INITIAL.wrapping_add(word(1)), INITIAL.wrapping_add(word(2))];
    mix(&mut state);
    state[0] = state[0].wrapping_add(word(3));
    finish(&mut state);
    u64::from(state[1]) << 32 | u64::from(state[2])
}

fn mix([a, b, c]: &mut [u32; 3]) {
    for (round, shift) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
        // Each round takes the next of the three in turn.
        let (x, y, z) = match round % 3 {
            0 => (&mut *a, &mut *b, &mut *c),
            1 => (&mut *b, &mut *c, &mut *a),
            _ => (&mut *c, &mut *a, &mut *b),
        };
        *x = x.wrapping_sub(*z) ^ z.rotate_left(shift);
        *z = z.wrapping_add(*y);
    }
}

fn finish([a, b, c]: &mut [u32; 3]) {
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(14));
    *a = (*a ^ *c).wrapping_sub(c.rotate_left(11));
    *b = (*b ^ *a).wrapping_sub(a.rotate_left(25));
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(16));
    *a = (*a ^ *c).wrapping_sub(c.rotate_left(4));
    *b = (*b ^ *a).wrapping_sub(a.rotate_left(14));
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(24));
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: [(&str, i64); 3] = [
        ("00000000-0000-0000-0000-000000000000", -6_859_010_066_814_654_381),
        ("0193e3a6-1f2b-7c4d-8e5f-001122334455", 6_605_834_970_682_390_701),
        ("ffffffff-ffff-4fff-bfff-ffffffffffff", 8_454_752_419_514_879_055),
    ];

    #[test]
    fn the_hash_is_that_of_postgres() {
        // select uuid_hash_extended('…', 0)
        for (id, hashed) in HASHES {
            assert_eq!(hash(id.parse().unwrap()) as i64, hashed, "{id}");
        }
    }

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
