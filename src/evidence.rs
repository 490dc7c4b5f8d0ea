//! One case with everything that shows how it came about, for somebody who trusts none of it.
//!
//! Evidence is a set of named files ([`Files`]), kept in a folder or in a zip archive of one form
//! ([`to_zip`], [`of_zip`]).  [`create`] puts them together from a ledger, and signs how much the
//! ledger held; [`verify`] checks all of it and says what it has checked.  One of the files says in
//! plain text how to check it without this program.
//!
//! Nothing of a clock or a machine goes into it: the same ledger, case, time of the chain and
//! attached files come to the same bytes.

mod archive;
mod attached;
mod case_file;
mod create;
mod files;
mod founding;
mod places;
mod readme;
mod sums;
mod told;
mod verify;

pub use self::archive::{ArchiveError, of_zip, to_zip};
pub use self::attached::{Attached, NotAttached};
pub use self::create::{EvidenceError, Order, create};
pub use self::files::{Files, FilesError, MAX_BYTES, MAX_FILES, MAX_NAME};
pub use self::founding::{difference, genesis_of};
pub use self::verify::{Check, Subject, Verification, verify};

/// The form of evidence, which an older program must not misread.
pub const FORMAT: u32 = 1;

/// How to check it without this program.
const README: &str = "README.txt";
/// The digests of all other files.
const SUMS: &str = "SHA256SUMS";
/// What the ledger is founded on.
const GENESIS: &str = "genesis.json";
/// The policy in its canonical form.
const POLICY: &str = "policy.toml";
/// The descriptors of all stages, one to a line.
const DESCRIPTORS: &str = "descriptors.txt";
/// The branch table, one row to a line.
const BRANCHES: &str = "branches.txt";
/// The whole ledger as it is exported.
const LEDGER: &str = "ledger.jsonl";
/// How much the ledger held, signed.
const CHECKPOINT: &str = "checkpoint.txt";
/// How the case stands, for programs.
const CASE: &str = "case.json";
/// The same for people.
const CASE_TEXT: &str = "case.txt";

/// A proof of inclusion for each event of the case.
const PROOFS: &str = "proofs";
/// The rules whose verdicts are in the case.
const RULES: &str = "rules";
/// Partially signed transactions.
const PSBTS: &str = "psbts";
/// Transactions.
const TRANSACTIONS: &str = "transactions";
/// That transactions are in blocks.
const BLOCK_PROOFS: &str = "block-proofs";
/// The headers of these blocks.
const HEADERS: &str = "headers";
/// Whatever else was attached.
const REPORTS: &str = "reports";
