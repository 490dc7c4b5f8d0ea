//! Finding records by id and by position: what was appended since the index was brought up to date
//! is in memory, everything before it in the index, which is opened when it is first needed.

use std::cell::RefCell;
use std::collections::HashMap;

use super::super::error::StoreError;
use super::super::index::{self, Index, STRIDE};
use super::super::pin::Remark;
use super::super::snapshot::Place;
use super::super::tree::Stored;
use super::Directory;

/// Most records that are kept in memory before the index takes them.
const MOST_IN_MEMORY: usize = 1 << 18;

/// How many records the index takes at once when it is brought up to date.
const AT_ONCE: usize = 1 << 16;

/// Where records are.
#[derive(Debug)]
pub(super) struct Lookup {
    index: RefCell<Option<Index>>,
    /// The position of the first record that is in memory.
    start: u64,
    ids: HashMap<[u8; 32], u64>,
    /// The places of every so many-th of them.
    places: Vec<Place>,
}

impl Lookup {
    /// Nothing in memory, in a store of so many records.
    pub(super) fn new(start: u64) -> Self {
        Self {
            index: RefCell::new(None),
            start,
            ids: HashMap::new(),
            places: Vec::new(),
        }
    }

    /// Whether the index should take what is in memory.
    pub(super) fn is_full(&self) -> bool {
        self.ids.len() >= MOST_IN_MEMORY
    }

    /// Keeps where a record begins.
    pub(super) fn place(&mut self, place: Place) {
        self.places.push(place);
    }

    /// Keeps the position of a record.
    pub(super) fn keep(&mut self, id: [u8; 32], position: u64) {
        self.ids.insert(id, position);
    }

    /// Forgets records that were not appended after all: those of these that would be at a
    /// position or behind it.
    pub(super) fn forget<'a>(&mut self, from: u64, ids: impl Iterator<Item = &'a [u8; 32]>) {
        for id in ids {
            if self.ids.get(id).is_some_and(|position| *position >= from) {
                self.ids.remove(id);
            }
        }
    }

    /// Forgets what is in memory, in a store of so many records.
    fn clear(&mut self, size: u64) {
        self.ids.clear();
        self.places.clear();
        self.start = size;
    }
}

impl Directory {
    /// The position of the record with an id.
    pub(super) fn position(&self, id: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        if let Some(position) = self.lookup.ids.get(id) {
            return Ok(Some(*position));
        }
        if self.lookup.start == 0 {
            return Ok(None);
        }
        self.with_index(|index| index.find(id))
    }

    /// The nearest known place at or before a position.
    pub(super) fn place(&self, position: u64) -> Result<Option<Place>, StoreError> {
        let lookup = &self.lookup;
        if position >= lookup.start {
            let after = lookup
                .places
                .partition_point(|own| own.position <= position);
            if let Some(place) = after.checked_sub(1).and_then(|at| lookup.places.get(at)) {
                return Ok(Some(*place));
            }
        }
        if lookup.start == 0 {
            return Ok(None);
        }
        let position = position.min(lookup.start - 1);
        self.with_index(|index| index.place(position))
    }

    /// Asks the index, which is opened for that if it is not.
    ///
    /// It then knows everything but what is in memory.
    pub(super) fn with_index<T>(
        &self,
        ask: impl FnOnce(&mut Index) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut slot = self.lookup.index.borrow_mut();
        let index = match &mut *slot {
            Some(index) => index,
            none => none.insert(self.open_index()?),
        };
        ask(index)
    }

    fn open_index(&self) -> Result<Index, StoreError> {
        let root_of = |size| {
            if size > self.lookup.start {
                return Err(StoreError::ReadOnly);
            }
            Stored::new(&|at| self.hashes.get(at)).root(size)
        };
        let mut index = match Index::open(&*self.disk, &self.path, root_of) {
            Ok(index) => index,
            Err(why) => {
                // An index that has never been there is nothing to speak of.
                if self.disk.status(&self.path.join(index::INDEX)).is_ok() {
                    self.remarks.borrow_mut().push(Remark::IndexRebuilt { why });
                }
                Index::create(&*self.disk, &self.path)?
            }
        };
        self.feed(&mut index, self.lookup.start)?;
        Ok(index)
    }

    /// Reads records into the index, up to a position.
    fn feed(&self, index: &mut Index, until: u64) -> Result<(), StoreError> {
        let from = index.size();
        if from >= until {
            return Ok(());
        }
        let known = match from.checked_sub(1) {
            Some(last) => index.place(last)?,
            None => None,
        };
        let mut records = match known {
            Some(place) => self.snapshot().records_at(place, from),
            None => self.snapshot().records(from),
        };
        let (mut ids, mut places) = (Vec::new(), Vec::new());
        while let Some((place, record)) = records.step()? {
            if place.position >= until {
                break;
            }
            if place.position < from {
                continue;
            }
            ids.push((record.id, place.position));
            if place.position % STRIDE == 0 {
                places.push(place);
            }
            if ids.len() == AT_ONCE {
                index.extend(&ids, &places)?;
                ids.clear();
                places.clear();
            }
        }
        index.extend(&ids, &places)
    }

    /// Gives the index what is in memory, and forgets it here.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        self.with_index(|index| self.give(index))?;
        self.lookup.clear(self.edge.size());
        Ok(())
    }

    fn give(&self, index: &mut Index) -> Result<(), StoreError> {
        let ids: Vec<_> = self.lookup.ids.iter().map(|(id, at)| (*id, *at)).collect();
        index.extend(&ids, &self.lookup.places)
    }

    /// Closes the index, if it was opened, with everything in it.
    pub(super) fn close_index(&mut self) -> Result<(), StoreError> {
        let Some(mut index) = self.lookup.index.take() else {
            return Ok(());
        };
        self.give(&mut index)?;
        self.lookup.clear(self.edge.size());
        let root = Stored::new(&|at| self.hashes.get(at)).root(index.size())?;
        index.close(&*self.disk, &self.path, root)
    }

    /// Removes the index, so that it is made anew when it is needed.
    pub(super) fn drop_index(&mut self) -> Result<(), StoreError> {
        drop(self.lookup.index.take());
        index::remove(&*self.disk, &self.path)
    }
}
