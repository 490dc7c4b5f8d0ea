//! A store that keeps everything in memory, for rehearsals and tests.

use std::collections::{BTreeMap, HashMap};

use super::error::StoreError;
use super::store::{MAX_RECORD, Placed, Record, Store};
use super::tree::{ConsistencyProof, Edge, InclusionProof, Stored, TreeHash};

/// The twin of [`Directory`](super::Directory) without a directory: it promises the same, as long
/// as the process lives.
#[derive(Clone, Debug)]
pub struct Memory {
    genesis: Vec<u8>,
    records: Vec<Record>,
    positions: HashMap<[u8; 32], u64>,
    edge: Edge,
    hashes: Vec<TreeHash>,
    state: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    /// An empty store with what it is founded on.
    #[must_use]
    pub fn new(genesis: Vec<u8>) -> Self {
        Self {
            genesis,
            records: Vec::new(),
            positions: HashMap::new(),
            edge: Edge::default(),
            hashes: Vec::new(),
            state: BTreeMap::new(),
        }
    }

    /// The names under which there is working state.
    pub fn state_names(&self) -> impl Iterator<Item = &str> {
        self.state.keys().map(String::as_str)
    }

    fn hash(&self, index: u64) -> Result<TreeHash, StoreError> {
        let found = usize::try_from(index)
            .ok()
            .and_then(|at| self.hashes.get(at));
        found.copied().ok_or_else(|| StoreError::Hashes {
            what: format!("hash {index} is missing"),
        })
    }

    fn is_within(&self, size: u64) -> Result<(), StoreError> {
        if size > self.size() {
            return Err(StoreError::NoSuchRecord {
                position: size - 1,
                size: self.size(),
            });
        }
        Ok(())
    }
}

/// Refuses a batch that holds a record that is too large.
pub(super) fn measure(records: &[Record]) -> Result<(), StoreError> {
    for record in records {
        if record.bytes.len() > MAX_RECORD {
            return Err(StoreError::TooLarge {
                length: record.bytes.len(),
                most: MAX_RECORD,
            });
        }
    }
    Ok(())
}

impl Store for Memory {
    fn genesis(&self) -> &[u8] {
        &self.genesis
    }

    fn size(&self) -> u64 {
        self.edge.size()
    }

    fn append(&mut self, records: &[Record]) -> Result<Vec<Placed>, StoreError> {
        measure(records)?;
        let mut placed = Vec::with_capacity(records.len());
        for record in records {
            if let Some(position) = self.positions.get(&record.id) {
                placed.push(Placed::Known(*position));
                continue;
            }
            let position = self.size();
            self.positions.insert(record.id, position);
            let leaf = TreeHash::of_record(&record.bytes);
            self.hashes.extend(self.edge.push(leaf));
            self.records.push(record.clone());
            placed.push(Placed::New(position));
        }
        Ok(placed)
    }

    fn read(&self, position: u64) -> Result<Record, StoreError> {
        let found = usize::try_from(position)
            .ok()
            .and_then(|at| self.records.get(at));
        found.cloned().ok_or(StoreError::NoSuchRecord {
            position,
            size: self.size(),
        })
    }

    fn find(&self, id: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        Ok(self.positions.get(id).copied())
    }

    fn records(&self, from: u64) -> Box<dyn Iterator<Item = Result<Record, StoreError>> + '_> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Box::new(self.records.iter().skip(from).cloned().map(Ok))
    }

    fn state(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state.get(name).cloned())
    }

    fn set_state(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.state.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn root_of(&self, size: u64) -> Result<TreeHash, StoreError> {
        self.is_within(size)?;
        Stored::new(&|index| self.hash(index)).root(size)
    }

    fn prove_inclusion(&self, position: u64, size: u64) -> Result<InclusionProof, StoreError> {
        self.is_within(size)?;
        Stored::new(&|index| self.hash(index)).inclusion(position, size)
    }

    fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, StoreError> {
        self.is_within(new)?;
        Stored::new(&|index| self.hash(index)).consistency(old, new)
    }
}
