//! A datum under a schema that is as hostile: `REFERENCED 1E … SCHEMA 00 DATUM`.

use foldback::codec::{Decode, Decoded, Decoder, Framing, encode_order};
use foldback::domain::log::record::Stream;

use super::framing::decode;
use super::schema::{SCHEMA, learn};
use super::{Target, parts};

pub const DECODING: Target = Target { name: "decoding", run, ..SCHEMA };

fn run(bytes: &[u8]) -> bool {
    let Some((texts, datum)) = parts(bytes) else { return false };
    let Some(decoder) = learn(&texts) else { return false };
    let value = [&[0, 0, 0, 0, 1], datum].concat();
    [Stream::Orders, Stream::Runs].into_iter().any(|stream| match decode(&decoder, stream, &value) {
        Decode::Event(event) => survives(&decoder, &event),
        Decode::Rejected(_) => false,
        Decode::NeedsSchema(id) => panic!("the schema {id} is there"),
    })
}

/// What was accepted can be written by our own schema, and is the same when it is read again.
fn survives(decoder: &Decoder, event: &Decoded) -> bool {
    let Decoded::Order(order) = event else { return true };
    let own = foldback::codec::fingerprint(&own_schema());
    let value = encode_order(order, Framing::SingleObject(own)).expect("an event has room in its own schema");
    assert_eq!(decode(decoder, Stream::Orders, &value), Decode::Event(event.clone()));
    true
}

fn own_schema() -> foldback::codec::Schema {
    foldback::codec::Schema::parse(foldback::codec::newest(Stream::Orders).unwrap().json).unwrap()
}
