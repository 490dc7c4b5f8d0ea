//! Writing: batches behind the records that are there, segments, and how far it has come.

use std::path::Path;
use std::sync::Arc;

use super::super::disk::Disk;
use super::super::error::StoreError;
use super::super::examine::{MARK, TIP};
use super::super::index::STRIDE;
use super::super::mark::{Mark, Tip};
use super::super::segment::{HEADER, Header, encode};
use super::super::snapshot::{Place, SEGMENTS, Segment, segment_name, segment_path};
use super::super::store::{Placed, Record};
use super::Directory;

/// How much room is made at once behind the last record.
///
/// Where a write stays within the length of its file, a sync writes the records alone, and no
/// change of the file's length with them.
const ROOM: u64 = 4 << 20;

/// From how many bytes on a batch makes no room behind it.
const LARGE: u64 = ROOM / 16;

/// After how many bytes of records the mark is written again, so that little has to be read after
/// a crash.
const MARKED_EVERY: u64 = 16 << 20;

impl Directory {
    /// The number of the newest segment, and what is acknowledged of it.
    pub(super) fn newest(&self) -> (usize, Segment) {
        let last = self.segments.last().copied();
        let none = Segment {
            first: 0,
            length: HEADER,
        };
        (self.segments.len().saturating_sub(1), last.unwrap_or(none))
    }

    /// The places of records, where those that are new get the next ones and are found from now on.
    pub(super) fn place_all<'r>(
        &mut self,
        records: &'r [Record],
        new: &mut Vec<&'r Record>,
    ) -> Result<Vec<Placed>, StoreError> {
        let mut next = self.edge.size();
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            match self.position(&record.id)? {
                Some(known) => placed.push(Placed::Known(known)),
                None => {
                    self.lookup.keep(record.id, next);
                    new.push(record);
                    placed.push(Placed::New(next));
                    next += 1;
                }
            }
        }
        Ok(placed)
    }

    /// Writes new records behind the others and syncs them; nothing is acknowledged before.
    pub(super) fn write_batch(&mut self, new: &[&Record]) -> Result<(), StoreError> {
        let first = self.edge.size();
        self.buffer.clear();
        let mut placed = Vec::with_capacity(new.len());
        for (position, record) in (first..).zip(new) {
            let offset = self.buffer.len() as u64;
            let leaf = encode(record, position, first, &mut self.buffer);
            placed.push((position, offset, leaf));
        }
        let length = self.buffer.len() as u64;
        let (_, newest) = self.newest();
        let is_begun = newest.length > HEADER && newest.length + length > self.segment_length;
        if is_begun {
            self.begin_segment()?;
        }
        let (number, newest) = self.newest();
        let start = newest.length;
        let end = start + length;
        if end > self.allocated {
            // The zeros of the room are synced as well: beside a large batch they would cost more
            // than the new length that they save.
            let room = if length < LARGE { ROOM } else { 0 };
            self.allocated = end + room.min(self.segment_length.saturating_sub(end));
            let whole = usize::try_from(self.allocated - start).unwrap_or(0);
            self.buffer.resize(whole, 0);
        }
        let name = segment_path(number);
        self.writer
            .write_at(start, &self.buffer)
            .map_err(StoreError::system("write", name.clone()))?;
        self.writer
            .sync()
            .map_err(StoreError::system("sync", name))?;
        if is_begun {
            self.disk
                .sync_directory(&self.path.join(SEGMENTS))
                .map_err(StoreError::system("sync", SEGMENTS))?;
        }
        // From here on it is acknowledged.
        self.is_dirty = true;
        self.since_mark += length;
        if let Some(newest) = Arc::make_mut(&mut self.segments).last_mut() {
            newest.length = end;
        }
        for (position, offset, leaf) in placed {
            self.hashes.extend(self.edge.push(leaf));
            if position % STRIDE == 0 {
                self.lookup.place(Place {
                    position,
                    segment: u32::try_from(number).unwrap_or(u32::MAX),
                    offset: start + offset,
                });
            }
        }
        // A tip that cannot be written takes nothing back, and lets nothing further in.
        if let Err(error) = self.write_tip() {
            self.stopped = Some(error.to_string());
        }
        Ok(())
    }

    /// What has to be done now and then, before a batch.
    pub(super) fn keep_house(&mut self) -> Result<(), StoreError> {
        self.hashes.relieve()?;
        if self.since_mark >= MARKED_EVERY {
            self.hashes.write()?;
            self.write_mark(false)?;
            self.since_mark = 0;
        }
        if self.lookup.is_full() {
            self.catch_up()?;
        }
        Ok(())
    }

    /// Cuts the room off the newest segment.
    pub(super) fn finish_segment(&mut self) -> Result<(), StoreError> {
        let (number, newest) = self.newest();
        if self.allocated == newest.length {
            return Ok(());
        }
        let name = segment_path(number);
        self.writer
            .truncate(newest.length)
            .map_err(StoreError::system("truncate", name.clone()))?;
        self.allocated = newest.length;
        self.writer.sync().map_err(StoreError::system("sync", name))
    }

    /// Begins the next segment; its name is synced together with its first batch.
    pub(super) fn begin_segment(&mut self) -> Result<(), StoreError> {
        self.finish_segment()?;
        let (number, newest) = self.newest();
        let number = number + 1;
        let name = segment_path(number);
        let header = Header {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            previous: newest.length,
            first: self.edge.size(),
            root: self.edge.root(),
            genesis: self.genesis_digest,
        };
        let path = self.path.join(SEGMENTS).join(segment_name(number));
        self.writer = self
            .disk
            .create(&path)
            .map_err(StoreError::system("create", name.clone()))?;
        self.writer
            .write_at(0, &header.encode())
            .map_err(StoreError::system("write", name))?;
        self.allocated = HEADER;
        Arc::make_mut(&mut self.segments).push(Segment {
            first: header.first,
            length: HEADER,
        });
        Ok(())
    }

    pub(super) fn tip(&self) -> Tip {
        let (number, newest) = self.newest();
        Tip {
            size: self.edge.size(),
            segment: u32::try_from(number).unwrap_or(u32::MAX),
            length: newest.length,
        }
    }

    pub(super) fn write_tip(&mut self) -> Result<(), StoreError> {
        let bytes = self.tip().encode(&self.genesis_digest);
        self.tip
            .write_at(0, &bytes)
            .map_err(StoreError::system("write", TIP))
    }

    /// Puts a new mark in the place of the old one.
    ///
    /// It need not be synced: one that is lost or cut short is noticed, and only takes time.
    pub(super) fn write_mark(&mut self, is_synced: bool) -> Result<(), StoreError> {
        let mark = Mark {
            tip: self.tip(),
            root: self.edge.root(),
        };
        let bytes = mark.encode(&self.genesis_digest);
        replace(&*self.disk, &self.path, MARK, &bytes, is_synced)
    }
}

/// Writes a file whole, and puts it in the place of the one with its name.
pub(super) fn replace(
    disk: &dyn Disk,
    path: &Path,
    name: &'static str,
    bytes: &[u8],
    is_synced: bool,
) -> Result<(), StoreError> {
    let system = |operation| StoreError::system(operation, name);
    let next = path.join(format!("{name}.next"));
    if disk.status(&next).is_ok() {
        disk.remove(&next).map_err(system("remove"))?;
    }
    let mut file = disk.create(&next).map_err(system("create"))?;
    file.write_at(0, bytes).map_err(system("write"))?;
    if is_synced {
        file.sync().map_err(system("sync"))?;
    }
    disk.rename(&next, &path.join(name))
        .map_err(system("rename"))?;
    if is_synced {
        disk.sync_directory(path).map_err(system("sync"))?;
    }
    Ok(())
}
