//! The format of segment files, byte by byte, and reading them.
//!
//! A segment is a header and records, one behind the other; all numbers are big-endian.  Behind
//! the last record of the newest segment there may be zeros, which are room for further ones.

use bitcoin::hashes::{Hash, HashEngine, sha256};

use super::disk::DiskFile;
use super::error::StoreError;
use super::store::{MAX_RECORD, Record};
use super::tree::TreeHash;

/// What a segment begins with.
const MAGIC: [u8; 8] = *b"longstop";

/// The format of this program.
pub(super) const FORMAT: u32 = 1;

/// How long a header is.
pub(super) const HEADER: u64 = 120;

/// What a record begins with.
const MARKER: [u8; 4] = *b"LREC";

/// How much a record has before its bytes.
pub(super) const PREFIX: usize = 88;

/// How much is read at once.
const CHUNK: usize = 1 << 18;

/// The header of a segment.
///
/// It ties the segment to its store and to everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Which segment it is, counted from 0.
    pub number: u32,
    /// How many bytes the segment before it has; 0 for the first.
    pub previous: u64,
    /// The position of its first record.
    pub first: u64,
    /// The hash of the tree over all records before it.
    pub root: TreeHash,
    /// The digest of what the store was founded on.
    pub genesis: [u8; 32],
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.previous.to_be_bytes());
        bytes.extend(self.first.to_be_bytes());
        bytes.extend(self.root.to_bytes());
        bytes.extend(self.genesis);
        let check = sha256::Hash::hash(&bytes).to_byte_array();
        bytes.extend(check.iter().take(24));
        bytes
    }

    /// Reads the header of a file.
    ///
    /// A format that is newer is named as that, if its first bytes say so: their place is the same
    /// in every format.
    pub(super) fn read(file: &mut dyn DiskFile, name: &str) -> Result<Self, StoreError> {
        let mut bytes = vec![0; HEADER as usize];
        let length = file
            .read_at(0, &mut bytes)
            .map_err(StoreError::system("read", name))?;
        if length < bytes.len() {
            return Err(StoreError::damaged(name, 0, "it ends within its header"));
        }
        let mut fields = Fields(&bytes);
        if fields.take() != MAGIC {
            return Err(StoreError::damaged(
                name,
                0,
                "it does not begin as a segment does",
            ));
        }
        let format = u32::from_be_bytes(fields.take());
        if format > FORMAT {
            return Err(StoreError::NewerFormat {
                file: name.to_owned(),
                version: format,
                known: FORMAT,
            });
        }
        let header = Self {
            number: u32::from_be_bytes(fields.take()),
            previous: u64::from_be_bytes(fields.take()),
            first: u64::from_be_bytes(fields.take()),
            root: TreeHash::from_bytes(fields.take()),
            genesis: fields.take(),
        };
        if header.encode() != bytes {
            return Err(StoreError::damaged(
                name,
                0,
                "its header is not what was written",
            ));
        }
        Ok(header)
    }
}

/// Writes a record behind others.
///
/// `batch` is the position of the first record that was appended together with it: a batch is
/// begun only when the one before it is on the device, so whatever lies before a later batch was
/// acknowledged.
///
/// Returns the hash of the record in the tree, through which its bytes are in its digest too, so
/// that they are hashed once.
pub(super) fn encode(record: &Record, position: u64, batch: u64, into: &mut Vec<u8>) -> TreeHash {
    let start = into.len();
    let length = u32::try_from(record.bytes.len()).expect("a record was measured before");
    into.extend(MARKER);
    into.extend(length.to_be_bytes());
    into.extend(position.to_be_bytes());
    into.extend(batch.to_be_bytes());
    into.extend(record.id);
    let leaf = TreeHash::of_record(&record.bytes);
    into.extend(digest(into.get(start..).unwrap_or_default(), leaf));
    into.extend(&record.bytes);
    leaf
}

/// What is in the digest of a record: the fields before it, and the hash of its bytes.
fn digest(fields: &[u8], leaf: TreeHash) -> [u8; 32] {
    let mut engine = sha256::Hash::engine();
    engine.input(fields);
    engine.input(&leaf.to_bytes());
    sha256::Hash::from_engine(engine).to_byte_array()
}

/// What stands before the bytes of a record.
struct Prefix {
    length: usize,
    position: u64,
    batch: u64,
    id: [u8; 32],
    digest: [u8; 32],
}

impl Prefix {
    fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut fields = Fields(bytes);
        if fields.take() != MARKER {
            return Err("no record begins here");
        }
        let length = u32::from_be_bytes(fields.take()) as usize;
        if length > MAX_RECORD {
            return Err("a record there would be too long");
        }
        Ok(Self {
            length,
            position: u64::from_be_bytes(fields.take()),
            batch: u64::from_be_bytes(fields.take()),
            id: fields.take(),
            digest: fields.take(),
        })
    }
}

/// Takes fields of fixed length from the beginning of bytes; behind their end there are zeros.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_at(N.min(self.0.len()));
        let mut taken = [0; N];
        for (to, from) in taken.iter_mut().zip(field) {
            *to = *from;
        }
        self.0 = rest;
        taken
    }
}

/// What comes next in a segment.
#[derive(Debug)]
pub(super) enum Step {
    /// A record, its hash in the tree, and where it begins.
    Record {
        record: Record,
        leaf: TreeHash,
        offset: u64,
    },
    /// Nothing but room for further records.
    End,
    /// Something else than was written.
    Wrong { offset: u64, what: String },
}

/// Reads a segment from front to back, with little memory.
#[derive(Debug)]
pub(super) struct Scan {
    file: Box<dyn DiskFile>,
    name: String,
    /// Where reading ends: the end of the file, or of what is acknowledged in it.
    end: u64,
    /// The position of the next record.
    position: u64,
    /// Where the next record begins.
    offset: u64,
    /// What was read ahead, from `offset - consumed` on.
    buffer: Vec<u8>,
    consumed: usize,
}

impl Scan {
    /// Reads on from an offset at which the record with this position begins, to an end.
    pub(super) fn new(
        file: Box<dyn DiskFile>,
        name: String,
        offset: u64,
        position: u64,
        end: u64,
    ) -> Self {
        Self {
            file,
            name,
            end,
            position,
            offset,
            buffer: Vec::new(),
            consumed: 0,
        }
    }

    /// Where the next record begins, or would.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether nothing is left, not even room.
    pub(super) const fn is_at_the_end(&self) -> bool {
        self.offset == self.end
    }

    /// The next record, if it is what was written.
    pub(super) fn next(&mut self) -> Result<Step, StoreError> {
        let head = self.ahead(PREFIX)?;
        if head.len() < PREFIX {
            let is_room = head.iter().all(|byte| *byte == 0);
            return if is_room {
                Ok(Step::End)
            } else {
                Ok(self.wrong("the file ends within a record"))
            };
        }
        if head.iter().all(|byte| *byte == 0) {
            return self.room();
        }
        let prefix = match Prefix::decode(head) {
            Ok(prefix) => prefix,
            Err(what) => return Ok(self.wrong(what)),
        };
        let whole = PREFIX + prefix.length;
        let position = self.position;
        let bytes = self.ahead(whole)?;
        if bytes.len() < whole {
            return Ok(self.wrong("the file ends within a record"));
        }
        let (head, body) = bytes.split_at(PREFIX);
        let leaf = TreeHash::of_record(body);
        if digest(head.get(..PREFIX - 32).unwrap_or_default(), leaf) != prefix.digest {
            return Ok(self.wrong("a record is not what was written"));
        }
        if prefix.position != position {
            let what = format!("record {} stands here", prefix.position);
            return Ok(self.wrong(what));
        }
        let record = Record {
            id: prefix.id,
            bytes: body.to_vec(),
        };
        let offset = self.offset;
        self.consumed += whole;
        self.offset += whole as u64;
        self.position += 1;
        Ok(Step::Record {
            record,
            leaf,
            offset,
        })
    }

    /// Whether behind a wrong place there is a record of a batch that was begun after it.
    ///
    /// Then what was at the wrong place had been acknowledged.
    pub(super) fn finds_a_later_batch(mut self) -> Result<bool, StoreError> {
        loop {
            let bytes = self.ahead(CHUNK)?;
            let found = bytes
                .windows(MARKER.len())
                .skip(1)
                .position(|window| window == MARKER);
            let Some(found) = found else {
                if bytes.len() < CHUNK {
                    return Ok(false);
                }
                // The marker may begin in what was read and end behind it.
                self.skip(CHUNK - MARKER.len());
                continue;
            };
            self.skip(found + 1);
            let head = self.ahead(PREFIX)?;
            let Ok(prefix) = Prefix::decode(head) else {
                continue;
            };
            let here = (self.offset, self.position);
            if prefix.position > here.1 && prefix.batch > here.1 {
                self.position = prefix.position;
                if let Step::Record { .. } = self.next()? {
                    return Ok(true);
                }
                self.position = here.1;
            }
        }
    }

    fn skip(&mut self, count: usize) {
        self.consumed += count;
        self.offset += count as u64;
    }

    fn wrong(&self, what: impl Into<String>) -> Step {
        Step::Wrong {
            offset: self.offset,
            what: what.into(),
        }
    }

    /// The end, if nothing but zeros follows.
    fn room(&mut self) -> Result<Step, StoreError> {
        let start = (self.offset, self.consumed);
        loop {
            let bytes = self.ahead(CHUNK)?;
            if bytes.iter().any(|byte| *byte != 0) {
                (self.offset, self.consumed) = start;
                self.buffer.clear();
                self.consumed = 0;
                return Ok(self.wrong("something follows behind the last record"));
            }
            let length = bytes.len();
            self.skip(length);
            if length < CHUNK {
                self.offset = start.0;
                self.buffer.clear();
                self.consumed = 0;
                return Ok(Step::End);
            }
        }
    }

    /// So many bytes from the offset on, or fewer where the file ends.
    fn ahead(&mut self, count: usize) -> Result<&[u8], StoreError> {
        let have = self.buffer.len() - self.consumed;
        if have < count {
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
            let from = self.offset + have as u64;
            let most = usize::try_from(self.end.saturating_sub(from)).unwrap_or(usize::MAX);
            let more = (count - have).max(CHUNK).min(most);
            self.buffer.resize(have + more, 0);
            let into = self.buffer.get_mut(have..).unwrap_or_default();
            let read = self
                .file
                .read_at(from, into)
                .map_err(StoreError::system("read", self.name.clone()))?;
            self.buffer.truncate(have + read);
        }
        let bytes = self.buffer.get(self.consumed..).unwrap_or_default();
        Ok(bytes.get(..count).unwrap_or(bytes))
    }
}
