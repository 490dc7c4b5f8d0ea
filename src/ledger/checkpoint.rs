//! What a ledger holds, said so that others can hold it to that: a tree head as a C2SP
//! [checkpoint](https://c2sp.org/tlog-checkpoint), and proofs with it as
//! [tlog-proof](https://c2sp.org/tlog-proof) files.

use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use thiserror::Error;

use super::note::{Note, NoteError};
use super::store::Head;
use super::tree::{InclusionProof, ProofError, TreeHash};
use crate::governance::Digest;

/// What a file with a proof begins with.
const PROOF: &str = "c2sp.org/tlog-proof@v1";

/// The name by which checkpoints know the ledger that a party keeps about a policy.
///
/// The party is in it, since another party's ledger is another log: the same events, each in the
/// order in which they arrived there.
#[must_use]
pub fn origin(policy_id: Digest, party: &str) -> String {
    format!("longstop/ledger/{policy_id}/{party}")
}

/// Which ledger holds how many records, and the hash of the tree over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: Head,
}

impl Checkpoint {
    /// A checkpoint of the ledger that is known by this origin.
    ///
    /// # Errors
    ///
    /// If the origin is empty, or holds anything but drawn characters without spaces.
    pub fn new(origin: impl Into<String>, head: Head) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        if origin.is_empty() || origin.contains(is_odd) {
            return Err(CheckpointError::BadOrigin);
        }
        Ok(Self { origin, head })
    }

    /// Reads the text of a checkpoint.
    ///
    /// # Errors
    ///
    /// If it has another form, or more lines: this program writes none, and would not know what
    /// they mean.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(CheckpointError::Malformed);
        let (origin, size, root, rest) = (line()?, line()?, line()?, line()?);
        if !rest.is_empty() || lines.next().is_some() {
            return Err(CheckpointError::Malformed);
        }
        let head = Head {
            size: size.parse().map_err(|_| CheckpointError::Malformed)?,
            root: TreeHash::parse(root).ok_or(CheckpointError::Malformed)?,
        };
        let checkpoint = Self::new(origin, head)?;
        // One form alone: no leading zeros or signs.
        if checkpoint.text() != text {
            return Err(CheckpointError::Malformed);
        }
        Ok(checkpoint)
    }

    /// The ledger that it is about.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many records, and the hash of the tree over them.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// The three lines that are signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.head.size, self.head.root)
    }

    /// The checkpoint as a note that is signed under a name.
    ///
    /// # Errors
    ///
    /// If the name is no name of a key.
    pub fn sign(&self, name: &str, key: &SigningKey) -> Result<Note, NoteError> {
        Note::new(self.text())?.sign(name, key)
    }

    /// The checkpoint that the holder of a key signed under a name.
    ///
    /// # Errors
    ///
    /// If he did not sign it, or it is none.
    pub fn verify(note: &Note, name: &str, key: &VerifyingKey) -> Result<Self, CheckpointError> {
        note.verify(name, key)?;
        Self::parse(note.text())
    }
}

/// A proof of inclusion with the checkpoint that it leads to: all that somebody needs who has the
/// record and knows the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    position: u64,
    hashes: Vec<TreeHash>,
    note: Note,
}

impl ProofFile {
    /// Puts a proof and the note of its checkpoint together.
    #[must_use]
    pub fn new(proof: &InclusionProof, note: Note) -> Self {
        Self {
            position: proof.position,
            hashes: proof.hashes.clone(),
            note,
        }
    }

    /// Reads such a file; nothing of it is verified by that.
    ///
    /// # Errors
    ///
    /// If it has another form.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = || CheckpointError::MalformedProof;
        let (proof, note) = text.split_once("\n\n").ok_or_else(malformed)?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(PROOF) {
            return Err(malformed());
        }
        // Others may add data of their own, to which nothing here gives a meaning.
        if let Some(extra) = lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            STANDARD.decode(extra).map_err(|_| malformed())?;
            lines.next();
        }
        let position = lines.next().and_then(|line| line.strip_prefix("index "));
        let position = position.ok_or_else(malformed)?;
        let parsed: u64 = position.parse().map_err(|_| malformed())?;
        if parsed.to_string() != position {
            return Err(malformed());
        }
        let hashes = lines
            .map(TreeHash::parse)
            .collect::<Option<_>>()
            .ok_or_else(malformed)?;
        Ok(Self {
            position: parsed,
            hashes,
            note: Note::parse(note)?,
        })
    }

    /// The note of the checkpoint.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The position of the record, counted from 0.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Verifies that the checkpoint is signed under a name, and that its tree holds these bytes at
    /// the position; returns the checkpoint.
    ///
    /// # Errors
    ///
    /// If anything of it is not so.
    pub fn verify(
        &self,
        name: &str,
        key: &VerifyingKey,
        record: &[u8],
    ) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::verify(&self.note, name, key)?;
        let proof = InclusionProof {
            position: self.position,
            size: checkpoint.head.size,
            hashes: self.hashes.clone(),
        };
        proof.verify(checkpoint.head.root, record)?;
        Ok(checkpoint)
    }
}

impl std::fmt::Display for ProofFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{PROOF}\nindex {}", self.position)?;
        for hash in &self.hashes {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.note)
    }
}

/// Why something is no checkpoint, or shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// It has another form.
    #[error("this is no checkpoint: it should be three lines, an origin, a size and a hash")]
    Malformed,
    /// The file of a proof has another form.
    #[error(
        "this is no proof: it should be a line `{PROOF}`, an index, hashes, and a signed checkpoint"
    )]
    MalformedProof,
    /// The origin cannot be written.
    #[error("an origin is not empty, and has no spaces")]
    BadOrigin,
    /// The note is not what it should be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The proof shows nothing.
    #[error(transparent)]
    Proof(#[from] ProofError),
}
