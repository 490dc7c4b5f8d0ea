//! How far a store had come: two small files that make opening quick and losses visible.
//!
//! The *tip* is written after every batch, without a sync of its own: it says what is acknowledged
//! to whoever reads beside a writer, and after a process was killed.  The *mark* is written when a
//! store is closed, and now and then between: up to it nothing has to be read to open the store.
//! Neither is needed; a store without them is read from its beginning.

use bitcoin::hashes::{Hash, sha256};

use super::segment::Fields;
use super::tree::TreeHash;

const TIP: [u8; 8] = *b"lstip\0\0\x01";
const MARK: [u8; 8] = *b"lsmark\0\x01";

/// How long a tip is, and a mark.
pub(super) const TIP_LENGTH: usize = 8 + FIELDS + CHECK;
pub(super) const MARK_LENGTH: usize = 8 + FIELDS + 32 + CHECK;

const FIELDS: usize = 8 + 4 + 8;
const CHECK: usize = 16;

/// Where the acknowledged records end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    /// How many they are.
    pub size: u64,
    /// In which segment the last of them is.
    pub segment: u32,
    /// Where they end in it.
    pub length: u64,
}

/// The same, with the hash of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub tip: Tip,
    pub root: TreeHash,
}

impl Tip {
    /// The bytes, tied to a store by the digest of its genesis.
    pub(super) fn encode(&self, genesis: &[u8; 32]) -> Vec<u8> {
        let mut bytes = TIP.to_vec();
        self.fields(&mut bytes);
        checked(bytes, genesis)
    }

    /// Reads a tip of this store, if it is one.
    pub(super) fn decode(bytes: &[u8], genesis: &[u8; 32]) -> Option<Self> {
        let tip = Self::read(&mut Fields(bytes.get(8..)?));
        (tip.encode(genesis) == bytes).then_some(tip)
    }

    fn fields(&self, into: &mut Vec<u8>) {
        into.extend(self.size.to_be_bytes());
        into.extend(self.segment.to_be_bytes());
        into.extend(self.length.to_be_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            size: u64::from_be_bytes(fields.take()),
            segment: u32::from_be_bytes(fields.take()),
            length: u64::from_be_bytes(fields.take()),
        }
    }
}

impl Mark {
    /// The bytes, tied to a store by the digest of its genesis.
    pub(super) fn encode(&self, genesis: &[u8; 32]) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        self.tip.fields(&mut bytes);
        bytes.extend(self.root.to_bytes());
        checked(bytes, genesis)
    }

    /// Reads a mark of this store, if it is one.
    pub(super) fn decode(bytes: &[u8], genesis: &[u8; 32]) -> Option<Self> {
        let mut fields = Fields(bytes.get(8..)?);
        let mark = Self {
            tip: Tip::read(&mut fields),
            root: TreeHash::from_bytes(fields.take()),
        };
        (mark.encode(genesis) == bytes).then_some(mark)
    }
}

/// Bytes with the beginning of a digest behind them.
fn checked(mut bytes: Vec<u8>, genesis: &[u8; 32]) -> Vec<u8> {
    let digest = sha256::Hash::hash(&[bytes.as_slice(), genesis].concat()).to_byte_array();
    bytes.extend(digest.iter().take(CHECK));
    bytes
}
