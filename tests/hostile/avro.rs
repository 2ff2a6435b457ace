//! Avro's encodings, written by hand.

use foldback::codec::{Schema, fingerprint, newest};
use foldback::domain::log::record::Stream;

pub fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

pub fn bytes(value: &[u8], out: &mut Vec<u8>) {
    long(value.len() as i64, out);
    out.extend_from_slice(value);
}

/// `C3 01` and the fingerprint of the newest schema that the binary carries.
pub fn single_object(stream: Stream) -> Vec<u8> {
    let schema = Schema::parse(newest(stream).unwrap().json).unwrap();
    [&[0xc3, 0x01][..], &fingerprint(&schema).to_le_bytes()].concat()
}
