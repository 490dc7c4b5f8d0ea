//! What people sign about a policy, kept: events, and the store under them.
//!
//! A [`Ledger`] takes events as their history allows, and gives them to other machines and takes
//! them from there as lines of text.  It is founded on a [`Genesis`], the policy it is about.
//!
//! A [`Store`] takes records, bytes with an id of 32 bytes, and knows nothing of what they mean.
//! [`Directory`] keeps them in files and acknowledges them when they are on the device; [`Memory`]
//! is its twin for rehearsals and tests.  A [`Snapshot`] is read while a store grows, a [`Reader`]
//! beside the process that writes it.
//!
//! Over the records there is the tree of RFC 6962 ([`TreeHash`], [`InclusionProof`],
//! [`ConsistencyProof`]).  A [`Checkpoint`] says its size and root hash, signed as a [`Note`], so
//! that outsiders can verify with their own tools.
//!
//! Files are touched through [`Disk`] alone, but for those of the index.

mod audit;
mod bundle;
mod checkpoint;
mod directory;
mod disk;
mod error;
mod events;
mod examine;
mod genesis;
mod hashes;
mod index;
mod mark;
mod memory;
mod note;
mod pin;
mod ratified;
mod reader;
mod segment;
mod snapshot;
mod store;
mod tree;

pub use self::audit::{Audit, OtherVerdict};
pub use self::bundle::{BundleError, Import, RefusedLine, WaitingLine, read_genesis};
pub use self::checkpoint::{Checkpoint, CheckpointError, ProofFile, origin};
pub use self::directory::Directory;
pub use self::disk::{Access, Disk, DiskFile, Status, System};
pub use self::error::StoreError;
pub use self::events::{Ledger, LedgerError, Taken};
pub use self::genesis::{Genesis, GenesisError};
pub use self::memory::Memory;
pub use self::note::{Note, NoteError, verifier_key};
pub use self::pin::{Pin, Remark};
pub use self::ratified::Ratified;
pub use self::reader::Reader;
pub use self::snapshot::{Records, Snapshot, Verified};
pub use self::store::{Head, MAX_RECORD, Placed, Record, Store};
pub use self::tree::{ConsistencyProof, InclusionProof, ProofError, TreeHash};
