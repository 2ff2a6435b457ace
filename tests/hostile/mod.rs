//! Bytes that somebody else chose, against everything that reads such bytes. tests/offline/hostile.rs runs the corpus and
//! some thousand mutations of it; the crate in fuzz/ runs the same targets for as long as one likes (`./dev/fuzz`).

pub mod allocation;
pub mod avro;
pub mod bombs;
mod decoding;
mod framing;
pub mod mutation;
mod query;
mod schema;
mod summaries;

/// What reads hostile bytes, and how much memory it may take for them.
pub struct Target {
    /// Also the name of its folder in tests/hostile/corpus.
    pub name: &'static str,
    /// Whether the bytes were accepted. A panic is a fault, and so is an answer that the target's own checks refuse.
    run: fn(&[u8]) -> bool,
    /// Bytes that may be held at a time, for each byte of the input.
    per_byte: usize,
    /// The same for any input.
    at_least: usize,
    /// What mutations put in.
    pub words: &'static [&'static str],
}

pub const TARGETS: [&Target; 5] =
    [&framing::FRAMING, &schema::SCHEMA, &decoding::DECODING, &summaries::SUMMARIES, &query::QUERY];

impl Target {
    pub fn by_name(name: &str) -> &'static Target {
        TARGETS.into_iter().find(|target| target.name == name).expect("a target has this name")
    }

    /// Runs the target on the bytes, and panics where it takes more memory than it may.
    pub fn check(&self, bytes: &[u8]) -> bool {
        let (accepted, peak) = allocation::peak_of(|| (self.run)(bytes));
        let may = self.may_hold(bytes.len());
        assert!(
            peak <= may,
            "{}: {} bytes of input take {peak} bytes of memory, more than {may}",
            self.name,
            bytes.len()
        );
        accepted
    }

    pub fn may_hold(&self, input_bytes: usize) -> usize {
        self.at_least + self.per_byte * input_bytes
    }

    /// What is made once and kept belongs to no input.
    pub fn warm_up(&self) {
        (self.run)(b"");
    }
}

/// The texts and the rest of an input: `TEXT 1E TEXT 00 REST`. Without a 00 all of it is texts.
fn parts(bytes: &[u8]) -> Option<(Vec<&str>, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let texts = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((texts.split('\u{1e}').collect(), bytes.get(end + 1..).unwrap_or_default()))
}
