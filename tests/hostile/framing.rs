//! A record's value as it comes, by the schemas that the binary carries.

use std::sync::LazyLock;

use foldback::codec::{Decode, Decoder, Framing, Limits};
use foldback::domain::log::position::Position;
use foldback::domain::log::record::{RecordView, Stream};

use super::Target;

/// A decoded item of one byte takes some hundred bytes, twice while its list grows.
pub const FRAMING: Target = Target {
    name: "framing",
    run,
    per_byte: 400,
    at_least: 64 * 1024,
    words: &["\u{3}\0", "\0\0\0\0\u{1}", "acme", "EUR", "00000000-0000-0000-0000-000000000011"],
};

fn run(value: &[u8]) -> bool {
    static DECODER: LazyLock<Decoder> = LazyLock::new(|| Decoder::new(Limits::default()));
    if let Ok((framing, datum)) = Framing::split(value) {
        let mut again = Vec::new();
        framing.write(&mut again);
        again.extend_from_slice(datum);
        assert_eq!(again, value, "a framing is written as it was read");
    }
    DECODER.describe(value);
    [Stream::Orders, Stream::Runs].into_iter().any(|stream| is_event(&DECODER, stream, value))
}

/// Whether the value decodes, under the key that belongs to it if it names one.
pub fn is_event(decoder: &Decoder, stream: Stream, value: &[u8]) -> bool {
    matches!(decode(decoder, stream, value), Decode::Event(_))
}

pub fn decode(decoder: &Decoder, stream: Stream, value: &[u8]) -> Decode {
    let id = match stream {
        Stream::Orders => "provider_order_id",
        Stream::Runs => "run_id",
    };
    let record = decoder.describe(value).record;
    let key = record.as_ref().and_then(|record| record.get(id)?.as_str());
    let position = Position { partition: 0, offset: 0 };
    let view = RecordView { stream, position, key: key.map(str::as_bytes), value: Some(value), recorded_at: None };
    let decode = decoder.decode_view(view);
    if let Decode::Rejected(rejection) = &decode {
        assert!(
            !rejection.detail.is_empty() && rejection.detail.len() <= DETAIL_BYTES_MAX,
            "{}",
            rejection.detail.len()
        );
    }
    decode
}

/// A dead letter's sentence: some names of 1,000 bytes, and words around them.
pub const DETAIL_BYTES_MAX: usize = 4_000;
