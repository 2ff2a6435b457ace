//! What a broker's log holds, by its files.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Places in a batch of Kafka's format 2.
const LENGTH: usize = 8;
const HEAD: usize = 12;
pub const CRC: usize = 17;
pub const ATTRIBUTES: usize = 21;
const LAST_OFFSET_DELTA: usize = 23;
const PRODUCER_ID: usize = 43;
/// The type of a control batch's one record, after its length, attributes, two deltas, and its key's length and version,
/// of a byte each but for the version.
const MARKER: usize = 61 + 5 + 2;
const COMMIT: [u8; 2] = [0, 1];
/// Of the attributes' lower byte.
pub const TRANSACTIONAL: u8 = 0x10;
pub const CONTROL: u8 = 0x20;

pub struct Batch {
    pub segment: PathBuf,
    pub first_offset: i64,
    pub at: usize,
    pub size: usize,
    pub attributes: u8,
    pub last_offset: i64,
    pub producer_id: i64,
    /// Of a control batch: whether it ends its producer's transaction well.
    pub commits: bool,
}

/// In the order of the log; there are several where the records' times are far apart.
pub fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|kind| kind == "log")).collect();
    found.sort();
    found
}

/// Beside the log, where the broker doesn't look.
pub fn copies(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap();
    folder.parent().unwrap().with_file_name("copies").join(name)
}

pub fn batch(folder: &Path, first_offset: i64) -> Batch {
    batches(folder).into_iter().find(|batch| batch.first_offset == first_offset).expect("a batch begins there")
}

pub fn batches(folder: &Path) -> Vec<Batch> {
    segments(folder).into_iter().flat_map(batches_of).collect()
}

fn batches_of(segment: PathBuf) -> Vec<Batch> {
    let bytes = fs::read(&segment).unwrap();
    let (mut found, mut at) = (Vec::new(), 0);
    while at + HEAD <= bytes.len() {
        let first_offset = i64::from_be_bytes(bytes[at..at + LENGTH].try_into().unwrap());
        let length = u32::from_be_bytes(bytes[at + LENGTH..at + HEAD].try_into().unwrap());
        let size = HEAD + usize::try_from(length).unwrap();
        let (batch, segment) = (&bytes[at..], segment.clone());
        let attributes = batch[ATTRIBUTES + 1];
        let delta = i32::from_be_bytes(batch[LAST_OFFSET_DELTA..LAST_OFFSET_DELTA + 4].try_into().unwrap());
        let producer_id = i64::from_be_bytes(batch[PRODUCER_ID..PRODUCER_ID + 8].try_into().unwrap());
        let last_offset = first_offset + i64::from(delta);
        let commits = attributes & CONTROL != 0 && batch[MARKER..MARKER + 2] == COMMIT;
        found.push(Batch { segment, first_offset, at, size, attributes, last_offset, producer_id, commits });
        at += size;
    }
    found
}

pub fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
        }
    }
    !crc
}

/// Drops the aborted transactions that end at this offset or later from a segment's index of them. An entry holds a version,
/// the producer's id, and the first, last and last stable offsets. The broker rebuilds the index only for segments that it
/// had not flushed; a stale entry would hide the records that are written at its offsets later.
pub fn forget_aborted(path: &Path, from: i64) {
    const ENTRY: usize = 2 + 4 * 8;
    const LAST_OFFSET: Range<usize> = 18..26;
    let Ok(mut bytes) = fs::read(path) else { return };
    let ends_at = |entry: &[u8]| i64::from_be_bytes(entry[LAST_OFFSET].try_into().unwrap());
    let kept = bytes.chunks_exact(ENTRY).take_while(|entry| ends_at(entry) < from).count();
    bytes.truncate(kept * ENTRY);
    fs::write(path, bytes).unwrap();
}
