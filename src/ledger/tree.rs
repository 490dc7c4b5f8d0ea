//! The tree of RFC 6962 over records: hashes, the right edge that appending needs, and proofs.

use std::cell::RefCell;
use std::fmt;

use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use tlog_tiles::tlog;

use super::error::StoreError;

/// Most hashes that a proof can need: one for each level, and one more.
const MAX_HASHES: usize = 65;

/// A hash of the tree: of a record, or of the two hashes below it (RFC 6962, section 2.1).
///
/// It is written in standard base64, as in the C2SP formats.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash([u8; 32]);

impl TreeHash {
    /// The hash of the tree over nothing.
    pub const EMPTY: Self = Self(tlog::EMPTY_HASH.0);

    /// The hash of one record.
    #[must_use]
    pub fn of_record(bytes: &[u8]) -> Self {
        Self(tlog::record_hash(bytes).0)
    }

    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Reads standard base64, padded.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    const fn of_library(hash: tlog::Hash) -> Self {
        Self(hash.0)
    }

    const fn to_library(self) -> tlog::Hash {
        tlog::Hash(self.0)
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TreeHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TreeHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("a hash is 32 bytes in base64");
        Self::parse(&text).ok_or_else(wrong)
    }
}

/// How many hashes are stored for a tree over so many records: less than two for each.
///
/// They stand in the order in which they become known (the ordering of `stored_hash_index`).
#[must_use]
pub fn stored_hashes(size: u64) -> u64 {
    tlog::stored_hash_count(size)
}

/// The right edge of a growing tree: the roots of its complete subtrees, from the left.
///
/// It is all that appending and the root hash need: one hash for each bit that is set in the size.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    size: u64,
    /// Each with its place among the stored hashes.
    roots: Vec<(u64, TreeHash)>,
}

impl Edge {
    /// The edge of a tree over so many records, with hashes out of storage.
    ///
    /// # Errors
    ///
    /// If a hash cannot be read.
    pub fn load(
        size: u64,
        hash: impl Fn(u64) -> Result<TreeHash, StoreError>,
    ) -> Result<Self, StoreError> {
        let roots = tlog::sub_tree_index(0, size, Vec::new())
            .into_iter()
            .map(|index| Ok((index, hash(index)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Self { size, roots })
    }

    /// How many records the tree is over.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a record by its hash, and returns the hashes that become known with it, in the order
    /// in which they are stored.
    pub fn push(&mut self, record: TreeHash) -> Vec<TreeHash> {
        // It completes as many subtrees as its position has ones at the end.
        let levels = self.size.trailing_ones();
        let mut root = record;
        let mut hashes = vec![root];
        for _ in 0..levels {
            let (_, left) = self
                .roots
                .pop()
                .expect("the edge has each root that is left");
            root = TreeHash::of_library(tlog::node_hash(left.to_library(), root.to_library()));
            hashes.push(root);
        }
        // The last takes the place of the subtrees in it.
        let level = u8::try_from(levels).expect("a number has at most 64 ones");
        let index = tlog::stored_hash_index(level, self.size >> levels);
        self.roots.push((index, root));
        self.size += 1;
        hashes
    }

    /// The hash of the whole tree.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let hash = tlog::tree_hash(self.size, self);
        TreeHash::of_library(hash.expect("the edge has every hash that its root needs"))
    }
}

impl tlog::HashReader for Edge {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let find = |index: &u64| {
            let found = self.roots.iter().rev().find(|(own, _)| own == index);
            found
                .map(|(_, hash)| hash.to_library())
                .ok_or(tlog::Error::IndexesNotInTree)
        };
        indexes.iter().map(find).collect()
    }
}

/// Stored hashes, as the library reads them.
pub(super) struct Stored<'a> {
    hash: &'a dyn Fn(u64) -> Result<TreeHash, StoreError>,
    failed: RefCell<Option<StoreError>>,
}

impl<'a> Stored<'a> {
    /// Hashes that are read by this.
    pub(super) fn new(hash: &'a dyn Fn(u64) -> Result<TreeHash, StoreError>) -> Self {
        Self {
            hash,
            failed: RefCell::new(None),
        }
    }

    /// The hash of the tree over so many records.
    pub(super) fn root(&self, size: u64) -> Result<TreeHash, StoreError> {
        let root = tlog::tree_hash(size, self).map_err(|error| self.error(&error))?;
        Ok(TreeHash::of_library(root))
    }

    /// A proof for the record at a position, which is verified before it is given away.
    pub(super) fn inclusion(&self, position: u64, size: u64) -> Result<InclusionProof, StoreError> {
        if position >= size {
            return Err(StoreError::NoSuchRecord { position, size });
        }
        let proof = tlog::prove_record(size, position, self).map_err(|error| self.error(&error))?;
        let proof = InclusionProof {
            position,
            size,
            hashes: proof.into_iter().map(TreeHash::of_library).collect(),
        };
        let leaf = (self.hash)(tlog::stored_hash_index(0, position))?;
        match proof.check(self.root(size)?, leaf) {
            Ok(()) => Ok(proof),
            Err(_) => Err(Self::inconsistent()),
        }
    }

    /// A proof that a smaller tree is the beginning of a larger one, verified likewise.
    pub(super) fn consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, StoreError> {
        if old > new {
            return Err(StoreError::NoSuchRecord {
                position: old,
                size: new,
            });
        }
        let hashes = if old == 0 {
            Vec::new()
        } else {
            tlog::prove_tree(new, old, self).map_err(|error| self.error(&error))?
        };
        let proof = ConsistencyProof {
            old,
            new,
            hashes: hashes.into_iter().map(TreeHash::of_library).collect(),
        };
        match proof.verify(self.root(old)?, self.root(new)?) {
            Ok(()) => Ok(proof),
            Err(_) => Err(Self::inconsistent()),
        }
    }

    fn error(&self, error: &tlog::Error) -> StoreError {
        let own = self.failed.borrow_mut().take();
        own.unwrap_or_else(|| StoreError::Hashes {
            what: error.to_string(),
        })
    }

    fn inconsistent() -> StoreError {
        StoreError::Hashes {
            what: "they do not belong together".to_owned(),
        }
    }
}

impl tlog::HashReader for Stored<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let mut hashes = Vec::with_capacity(indexes.len());
        for index in indexes {
            match (self.hash)(*index) {
                Ok(hash) => hashes.push(hash.to_library()),
                Err(error) => {
                    *self.failed.borrow_mut() = Some(error);
                    return Err(tlog::Error::IndexesNotInTree);
                }
            }
        }
        Ok(hashes)
    }
}

/// Why a proof shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the proof does not lead to the hash of the tree")]
pub struct ProofError;

/// A proof that a tree holds a record at a position (RFC 6962, section 2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// The position of the record, counted from 0.
    pub position: u64,
    /// How many records the tree is over.
    pub size: u64,
    /// The hashes beside the way from the record to the root hash, from below.
    pub hashes: Vec<TreeHash>,
}

impl InclusionProof {
    /// Verifies that the tree with this root hash holds these bytes at the position.
    ///
    /// # Errors
    ///
    /// If it does not, or the proof does not show it.
    pub fn verify(&self, root: TreeHash, record: &[u8]) -> Result<(), ProofError> {
        self.check(root, TreeHash::of_record(record))
    }

    /// Verifies it for the hash of a record.
    ///
    /// # Errors
    ///
    /// If the tree does not hold it, or the proof does not show it.
    pub fn check(&self, root: TreeHash, leaf: TreeHash) -> Result<(), ProofError> {
        let hashes = library_hashes(&self.hashes)?;
        let (root, leaf) = (root.to_library(), leaf.to_library());
        tlog::check_record(&hashes, self.size, root, self.position, leaf).map_err(|_| ProofError)
    }
}

/// A proof that a tree is the beginning of a larger one (RFC 6962, section 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// How many records the smaller tree is over.
    pub old: u64,
    /// How many records the larger tree is over.
    pub new: u64,
    /// The hashes that lead to both root hashes, from below; none if the smaller tree is empty.
    pub hashes: Vec<TreeHash>,
}

impl ConsistencyProof {
    /// Verifies it between the root hashes of the two trees.
    ///
    /// # Errors
    ///
    /// If the larger tree does not begin with the smaller, or the proof does not show it.
    pub fn verify(&self, old: TreeHash, new: TreeHash) -> Result<(), ProofError> {
        let hashes = library_hashes(&self.hashes)?;
        if self.old == 0 {
            // Every tree begins with the empty one; of an empty tree the hash is known as well.
            let is_plain = hashes.is_empty() && old == TreeHash::EMPTY;
            let is_empty = self.new > 0 || new == TreeHash::EMPTY;
            return if is_plain && is_empty {
                Ok(())
            } else {
                Err(ProofError)
            };
        }
        let (old, new) = (old.to_library(), new.to_library());
        tlog::check_tree(&hashes, self.new, new, self.old, old).map_err(|_| ProofError)
    }
}

/// The hashes of a proof, unless they are more than any proof has.
fn library_hashes(hashes: &[TreeHash]) -> Result<Vec<tlog::Hash>, ProofError> {
    if hashes.len() > MAX_HASHES {
        return Err(ProofError);
    }
    Ok(hashes.iter().map(|hash| hash.to_library()).collect())
}
