//! What a directory holds: the part of opening that only reads.

use std::path::Path;
use std::sync::Arc;

use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;

use super::disk::{Access, Disk, DiskFile};
use super::error::StoreError;
use super::hashes::{HASHES, Hashes};
use super::index::INDEX;
use super::mark::{MARK_LENGTH, Mark, TIP_LENGTH, Tip};
use super::pin::{Pin, Remark};
use super::segment::{HEADER, Header, Scan, Step};
use super::snapshot::{SEGMENTS, Segment, Snapshot, room, segment_name, segment_path, wrong};
use super::store::Head;
use super::tree::{Edge, Stored};

/// The file with what the store is founded on.
pub(super) const GENESIS: &str = "genesis";
/// The file that is locked, and says by whom.
pub(super) const LOCK: &str = "lock";
/// The file with the tip.
pub(super) const TIP: &str = "tip";
/// The file with the mark.
pub(super) const MARK: &str = "mark";
/// The directory of what was cut off.
pub(super) const TORN: &str = "torn";

/// Most bytes that a genesis may have.
pub(super) const MAX_GENESIS: u64 = 1 << 24;

/// What was found in a directory.
#[derive(Debug)]
pub(super) struct Found {
    pub genesis: Arc<[u8]>,
    pub genesis_digest: [u8; 32],
    pub segments: Vec<Segment>,
    pub edge: Edge,
    pub hashes: Hashes,
    /// Whether anything had to be read to find the end.
    pub was_read: bool,
    /// What lies behind the last record of the newest segment, if it is not just room.
    pub torn: Option<Torn>,
    pub remarks: Vec<Remark>,
}

/// Something behind the last record that was never acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Torn {
    /// The number of the segment.
    pub segment: usize,
    /// Where it begins.
    pub offset: u64,
    /// What is wrong with it.
    pub what: String,
}

/// How a directory is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// By its writer, who trusts the mark.
    Write,
    /// By its writer, who reads everything.
    Repair,
    /// Beside a writer, up to the tip.
    Read,
}

/// Reads what a directory holds.
pub(super) fn examine(disk: &dyn Disk, path: &Path, look: Look) -> Result<Found, StoreError> {
    let genesis = read_genesis(disk, path)?;
    let digest = sha256::Hash::hash(&genesis).to_byte_array();
    let mut remarks = Vec::new();
    // The tip is read after the mark: it is never behind it.
    let mark = small(disk, path, MARK, MARK_LENGTH, &mut remarks, |bytes| {
        Mark::decode(bytes, &digest)
    })?;
    let tip = small(disk, path, TIP, TIP_LENGTH, &mut remarks, |bytes| {
        Tip::decode(bytes, &digest)
    })?;
    let (headers, lengths, torn) = headers(disk, path, &digest, mark, tip, look)?;
    let trusted = mark.filter(|_| look != Look::Repair);
    let vouched = trusted.map_or(0, |own| own.tip.size);
    let mut hashes = Hashes::new(hash_file(disk, path, look)?, vouched);
    let start = start(trusted, &hashes, &lengths, &mut remarks)?;
    if start.is_none() {
        hashes = Hashes::new(hash_file(disk, path, look)?, 0);
    }
    let (mut edge, at, offset) = start.unwrap_or((Edge::default(), 0, HEADER));
    let last = lengths.len() - 1;
    let is_clean = at == last && lengths.last() == Some(&offset) && torn.is_none();
    let mut found_torn = None;
    let mut length = offset;
    if !is_clean {
        let end = Some(tip).flatten().filter(|_| look == Look::Read);
        for (number, file_length) in lengths.iter().enumerate().skip(at) {
            let header = headers.get(number).copied();
            let from = if number == at { offset } else { HEADER };
            if from == HEADER {
                continues(header, &edge, number)?;
            }
            let limit = match end {
                Some(tip) if tip.segment as usize == number => tip.length.min(*file_length),
                _ => *file_length,
            };
            let name = segment_path(number);
            let mut scan = Scan::new(open(disk, path, number)?, name, from, edge.size(), limit);
            // One that is followed by another was cut to its length before.
            let is_open = number == last && torn.is_none();
            let own = read_segment(&mut scan, number, is_open, &mut edge, &mut hashes)?;
            length = scan.offset();
            if let Some(torn) = own {
                let is_acknowledged = tip.is_some_and(|tip| edge.size() < tip.size);
                let position = edge.size();
                if is_acknowledged || scan.finds_a_later_batch()? {
                    let name = segment_path(number);
                    return Err(wrong(&name, torn.offset, position, torn.what));
                }
                found_torn = Some(torn);
            }
            if look != Look::Read {
                hashes.relieve()?;
            }
        }
    }
    if let Some(begun) = torn {
        let name = segment_path(begun.segment);
        let file = open(disk, path, begun.segment)?;
        let scan = Scan::new(file, name.clone(), 0, edge.size(), u64::MAX);
        if scan.finds_a_later_batch()? {
            return Err(StoreError::damaged(&name, 0, begun.what));
        }
        found_torn = Some(begun);
    }
    let size = edge.size();
    let known = [tip, mark.map(|own| own.tip)].into_iter().flatten();
    let known = known.map(|tip| tip.size).max().unwrap_or(0);
    if size < known {
        return Err(StoreError::Shrunk { size, known });
    }
    let mut segments: Vec<Segment> = headers
        .iter()
        .zip(&lengths)
        .map(|(header, length)| Segment {
            first: header.first,
            length: *length,
        })
        .collect();
    if let Some(last) = segments.last_mut() {
        last.length = length;
    }
    Ok(Found {
        genesis: genesis.into(),
        genesis_digest: digest,
        segments,
        edge,
        hashes,
        was_read: !is_clean,
        torn: found_torn,
        remarks,
    })
}

impl Found {
    /// A snapshot of all of it.
    pub(super) fn snapshot(&self, disk: &Arc<dyn Disk>, path: &Path) -> Snapshot {
        Snapshot {
            disk: Arc::clone(disk),
            path: path.to_owned(),
            genesis: Arc::clone(&self.genesis),
            genesis_digest: self.genesis_digest,
            segments: Arc::new(self.segments.clone()),
            head: Head {
                size: self.edge.size(),
                root: self.edge.root(),
            },
        }
    }

    /// Holds it against what is known of the store.
    pub(super) fn check(&self, pin: &Pin) -> Result<(), StoreError> {
        if self.genesis_digest != pin.genesis {
            return Err(StoreError::OtherGenesis {
                found: self.genesis_digest.to_lower_hex_string(),
                expected: pin.genesis.to_lower_hex_string(),
            });
        }
        let Some(head) = pin.head else {
            return Ok(());
        };
        let size = self.edge.size();
        if size < head.size {
            return Err(StoreError::Shrunk {
                size,
                known: head.size,
            });
        }
        let get = |index| self.hashes.get(index);
        let stored = Stored::new(&get);
        // That the hashes belong together is part of it: otherwise an old root hash could be
        // shown beside new records.
        let is_same = stored.root(head.size)? == head.root
            && stored.consistency(head.size, size).is_ok()
            && stored.root(size)? == self.edge.root();
        if is_same {
            Ok(())
        } else {
            Err(StoreError::Rewritten { size: head.size })
        }
    }
}

/// Refuses a directory that is not there, is no store, or is open to others.
pub(super) fn check_modes(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    let missing = || StoreError::Missing {
        path: path.to_owned(),
    };
    let status = disk.status(path).map_err(|_| missing())?;
    if !status.is_directory || disk.status(&path.join(GENESIS)).is_err() {
        return Err(missing());
    }
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let name = folder.display().to_string();
        let own = disk
            .status(&folder)
            .map_err(StoreError::system("look at", name.clone()))?;
        exposed(&folder, own)?;
        for entry in disk
            .list(&folder)
            .map_err(StoreError::system("list", name))?
        {
            let inside = folder.join(&entry);
            // A writer beside us may have renamed or removed it.
            let Ok(own) = disk.status(&inside) else {
                continue;
            };
            exposed(&inside, own)?;
            // What is in the index is closed by the directory, and made by another program.
            if own.is_directory && entry != INDEX {
                folders.push(inside);
            }
        }
    }
    Ok(())
}

fn exposed(path: &Path, status: super::disk::Status) -> Result<(), StoreError> {
    if status.mode & 0o077 == 0 {
        return Ok(());
    }
    Err(StoreError::Exposed {
        path: path.to_owned(),
        mode: status.mode,
        is_directory: status.is_directory,
    })
}

fn read_genesis(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, StoreError> {
    let system = |operation| StoreError::system(operation, GENESIS);
    let mut file = disk
        .open(&path.join(GENESIS), Access::Read)
        .map_err(system("open"))?;
    let length = file.length().map_err(system("read"))?;
    if length > MAX_GENESIS {
        return Err(StoreError::damaged(GENESIS, MAX_GENESIS, "it is too long"));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let read = file.read_at(0, &mut bytes).map_err(system("read"))?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Reads a small file that is not needed; what is no such file is remarked.
fn small<T>(
    disk: &dyn Disk,
    path: &Path,
    name: &'static str,
    length: usize,
    remarks: &mut Vec<Remark>,
    decode: impl Fn(&[u8]) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    // A writer may be putting another in its place at this very moment.
    for _ in 0..5 {
        let Ok(mut file) = disk.open(&path.join(name), Access::Read) else {
            remarks.push(Remark::Missing { file: name });
            return Ok(None);
        };
        let mut bytes = vec![0; length + 1];
        let read = file
            .read_at(0, &mut bytes)
            .map_err(StoreError::system("read", name))?;
        bytes.truncate(read);
        if let Some(value) = decode(&bytes) {
            return Ok(Some(value));
        }
    }
    remarks.push(Remark::Unreadable { file: name });
    Ok(None)
}

type Headers = (Vec<Header>, Vec<u64>, Option<Torn>);

/// The headers of all segments, and the lengths of their files.
fn headers(
    disk: &dyn Disk,
    path: &Path,
    genesis: &[u8; 32],
    mark: Option<Mark>,
    tip: Option<Tip>,
    look: Look,
) -> Result<Headers, StoreError> {
    let names = disk
        .list(&path.join(SEGMENTS))
        .map_err(StoreError::system("list", SEGMENTS))?;
    // What was acknowledged, or marked, is there; a reader wants no more than that.
    let known = [mark.map(|own| own.tip.segment), tip.map(|own| own.segment)];
    let known = known.into_iter().flatten().max().unwrap_or(0) as usize;
    let mut count = names.len();
    if look == Look::Read && tip.is_some() {
        count = count.min(known + 1);
    }
    let missing =
        |number: usize| StoreError::damaged(&segment_path(number), 0, "the file is not there");
    if count <= known {
        return Err(missing(count));
    }
    let mut headers: Vec<Header> = Vec::with_capacity(count);
    let mut lengths: Vec<u64> = Vec::with_capacity(count);
    let mut torn = None;
    for (number, name) in names.iter().enumerate().take(count) {
        if *name != segment_name(number) {
            return Err(missing(number));
        }
        let name = segment_path(number);
        let mut file = open(disk, path, number)?;
        let length = file
            .length()
            .map_err(StoreError::system("look at", name.clone()))?;
        let header = match Header::read(&mut *file, &name) {
            Ok(header) => header,
            // A segment that was being begun: nothing in it was acknowledged.
            Err(StoreError::Damaged { what, .. }) if number > known && number + 1 == count => {
                torn = Some(Torn {
                    segment: number,
                    offset: 0,
                    what,
                });
                break;
            }
            Err(error) => return Err(error),
        };
        if header.genesis != *genesis {
            return Err(StoreError::OtherGenesis {
                found: genesis.to_lower_hex_string(),
                expected: header.genesis.to_lower_hex_string(),
            });
        }
        let previous = lengths.last().copied().unwrap_or(0);
        if header.number as usize != number || header.previous != previous {
            let what = "it does not continue the segment before it";
            return Err(StoreError::damaged(&name, 0, what));
        }
        headers.push(header);
        lengths.push(length);
    }
    if headers.is_empty() {
        return Err(missing(0));
    }
    Ok((headers, lengths, torn))
}

/// Where reading begins: behind what the mark vouches for, if it and the hashes are sound.
fn start(
    mark: Option<Mark>,
    hashes: &Hashes,
    lengths: &[u64],
    remarks: &mut Vec<Remark>,
) -> Result<Option<(Edge, usize, u64)>, StoreError> {
    let Some(Mark { tip, root }) = mark else {
        return Ok(None);
    };
    let number = tip.segment as usize;
    let length = lengths.get(number).copied().unwrap_or(0);
    if length < tip.length {
        let what = format!("the file ends here, and went on to byte {}", tip.length);
        return Err(StoreError::damaged(&segment_path(number), length, what));
    }
    let edge = Edge::load(tip.size, |index| hashes.get(index));
    match edge {
        Ok(edge) if edge.root() == root => Ok(Some((edge, number, tip.length))),
        _ => {
            remarks.push(Remark::Unreadable { file: HASHES });
            Ok(None)
        }
    }
}

/// Refuses a segment that does not begin where the one before it ended.
fn continues(header: Option<Header>, edge: &Edge, number: usize) -> Result<(), StoreError> {
    let is_next = header.is_some_and(|own| own.first == edge.size() && own.root == edge.root());
    if is_next {
        Ok(())
    } else {
        let what = "it does not continue the records before it";
        Err(StoreError::damaged(&segment_path(number), 0, what))
    }
}

/// Reads a segment to its end; in the newest one, something torn may be behind it.
fn read_segment(
    scan: &mut Scan,
    number: usize,
    is_open: bool,
    edge: &mut Edge,
    hashes: &mut Hashes,
) -> Result<Option<Torn>, StoreError> {
    let name = segment_path(number);
    loop {
        match scan.next()? {
            Step::Record { leaf, .. } => hashes.extend(edge.push(leaf)),
            Step::End if is_open || scan.is_at_the_end() => return Ok(None),
            Step::End => return Err(room(&name, scan.offset(), edge.size())),
            Step::Wrong { offset, what } if is_open => {
                return Ok(Some(Torn {
                    segment: number,
                    offset,
                    what,
                }));
            }
            Step::Wrong { offset, what } => return Err(wrong(&name, offset, edge.size(), what)),
        }
    }
}

fn hash_file(
    disk: &dyn Disk,
    path: &Path,
    look: Look,
) -> Result<Option<Box<dyn DiskFile>>, StoreError> {
    let path = path.join(HASHES);
    let is_there = disk.status(&path).is_ok();
    let file = match look {
        Look::Read if !is_there => return Ok(None),
        Look::Read => disk.open(&path, Access::Read),
        Look::Write | Look::Repair if is_there => disk.open(&path, Access::Write),
        Look::Write | Look::Repair => disk.create(&path),
    };
    file.map(Some).map_err(StoreError::system("open", HASHES))
}

fn open(disk: &dyn Disk, path: &Path, number: usize) -> Result<Box<dyn DiskFile>, StoreError> {
    disk.open(
        &path.join(SEGMENTS).join(segment_name(number)),
        Access::Read,
    )
    .map_err(StoreError::system("open", segment_path(number)))
}
