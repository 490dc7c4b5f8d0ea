//! What a store held at a moment, to be read while it grows.

use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{Access, Disk};
use super::error::StoreError;
use super::segment::{HEADER, Header, Scan, Step};
use super::store::{Head, Record};
use super::tree::Edge;

/// The directory of the segments.
pub(super) const SEGMENTS: &str = "segments";

/// The name of a segment in its directory.
pub(super) fn segment_name(number: usize) -> String {
    format!("{number:08}.segment")
}

/// The name of a segment in its store, for messages.
pub(super) fn segment_path(number: usize) -> String {
    format!("{SEGMENTS}/{}", segment_name(number))
}

/// What of a segment is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The position of its first record.
    pub first: u64,
    /// Where its last record ends, in bytes.
    pub length: u64,
}

/// A place where a record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The position of the record.
    pub position: u64,
    /// The number of its segment.
    pub segment: u32,
    /// Where in it.
    pub offset: u64,
}

/// The records that a store held at a moment.
///
/// It stays as it is while the store grows, because nothing in a store is ever changed.  Reading
/// it needs no lock, and may happen in another thread.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
    pub(super) genesis: Arc<[u8]>,
    pub(super) genesis_digest: [u8; 32],
    pub(super) segments: Arc<Vec<Segment>>,
    pub(super) head: Head,
}

/// What was read when a snapshot was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many records, and the hash of the tree over them, computed anew.
    pub head: Head,
    /// In how many segments they are.
    pub segments: usize,
    /// How many bytes those have.
    pub bytes: u64,
}

impl Snapshot {
    /// What the store was founded on.
    #[must_use]
    pub fn genesis(&self) -> &[u8] {
        &self.genesis
    }

    /// How many records there were, and the hash of the tree over them.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// All records from a position on, in their order, in memory that does not grow with their
    /// number.  After an error nothing more comes.
    #[must_use]
    pub fn records(&self, from: u64) -> Records {
        let within = self.segments.partition_point(|own| own.first <= from);
        let segment = within.saturating_sub(1);
        let first = self.segments.get(segment).map_or(0, |own| own.first);
        self.records_at(
            Place {
                position: first,
                segment: u32::try_from(segment).unwrap_or(u32::MAX),
                offset: HEADER,
            },
            from,
        )
    }

    /// The same, from a place on that is not behind the position.
    pub(super) fn records_at(&self, place: Place, from: u64) -> Records {
        Records {
            snapshot: self.clone(),
            segment: place.segment as usize,
            scan: None,
            begin: place.offset,
            position: place.position,
            from,
            failed: false,
        }
    }

    /// Reads everything and verifies it against its digests and the hash of the tree; each record
    /// is handed on, with its position, for further judgement.
    ///
    /// Its memory does not grow with the number of records.
    ///
    /// # Errors
    ///
    /// The first place that is not what was written, and whatever is said of a record.
    pub fn verify<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(u64, &Record) -> Result<(), E>,
    ) -> Result<Verified, E> {
        let mut edge = Edge::default();
        let mut bytes = 0;
        for (number, segment) in self.segments.iter().enumerate() {
            let name = segment_path(number);
            let previous = number
                .checked_sub(1)
                .and_then(|before| self.segments.get(before));
            let mut file = self.open(number)?;
            let expected = Header {
                number: u32::try_from(number).unwrap_or(u32::MAX),
                previous: previous.map_or(0, |before| before.length),
                first: edge.size(),
                root: edge.root(),
                genesis: self.genesis_digest,
            };
            if Header::read(&mut *file, &name)? != expected {
                let what = "its header does not continue what is before it";
                return Err(StoreError::damaged(&name, 0, what).into());
            }
            let mut scan = Scan::new(file, name.clone(), HEADER, edge.size(), segment.length);
            loop {
                let position = edge.size();
                match scan.next()? {
                    Step::Record { record, leaf, .. } => {
                        each(position, &record)?;
                        edge.push(leaf);
                    }
                    Step::End if scan.offset() == segment.length => break,
                    Step::End => return Err(room(&name, scan.offset(), position).into()),
                    Step::Wrong { offset, what } => {
                        return Err(wrong(&name, offset, position, what).into());
                    }
                }
            }
            bytes += segment.length;
        }
        let head = Head {
            size: edge.size(),
            root: edge.root(),
        };
        if head != self.head {
            return Err(StoreError::Rewritten {
                size: self.head.size,
            }
            .into());
        }
        Ok(Verified {
            head,
            segments: self.segments.len(),
            bytes,
        })
    }

    fn open(&self, number: usize) -> Result<Box<dyn super::disk::DiskFile>, StoreError> {
        let path = self.path.join(SEGMENTS).join(segment_name(number));
        self.disk
            .open(&path, Access::Read)
            .map_err(StoreError::system("open", segment_path(number)))
    }
}

/// An error about a record that is not what was written.
pub(super) fn wrong(file: &str, offset: u64, record: u64, what: String) -> StoreError {
    StoreError::Damaged {
        file: file.to_owned(),
        offset,
        record: Some(record),
        what,
    }
}

/// An error about zeros where a record was.
pub(super) fn room(file: &str, offset: u64, record: u64) -> StoreError {
    wrong(file, offset, record, "nothing is there".to_owned())
}

/// Records in their order; see [`Snapshot::records`].
#[derive(Debug)]
pub struct Records {
    snapshot: Snapshot,
    segment: usize,
    scan: Option<Scan>,
    /// Where reading begins in the next segment to be opened.
    begin: u64,
    /// The position of the next record that is read.
    position: u64,
    /// The position of the first that is wanted.
    from: u64,
    failed: bool,
}

impl Records {
    /// The next record, wanted or not, with its place.
    pub(super) fn step(&mut self) -> Result<Option<(Place, Record)>, StoreError> {
        if self.position >= self.snapshot.head.size {
            return Ok(None);
        }
        loop {
            let name = segment_path(self.segment);
            let Some(segment) = self.snapshot.segments.get(self.segment) else {
                return Err(room(&name, 0, self.position));
            };
            let scan = match &mut self.scan {
                Some(scan) => scan,
                scan @ None => scan.insert(Scan::new(
                    self.snapshot.open(self.segment)?,
                    name.clone(),
                    self.begin,
                    self.position,
                    segment.length,
                )),
            };
            match scan.next()? {
                Step::Record { record, offset, .. } => {
                    let place = Place {
                        position: self.position,
                        segment: u32::try_from(self.segment).unwrap_or(u32::MAX),
                        offset,
                    };
                    self.position += 1;
                    return Ok(Some((place, record)));
                }
                Step::End if scan.offset() == segment.length => {
                    self.segment += 1;
                    self.begin = HEADER;
                    self.scan = None;
                }
                Step::End => return Err(room(&name, scan.offset(), self.position)),
                Step::Wrong { offset, what } => {
                    return Err(wrong(&name, offset, self.position, what));
                }
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            match self.step() {
                Ok(Some((place, record))) if place.position >= self.from => {
                    return Some(Ok(record));
                }
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
