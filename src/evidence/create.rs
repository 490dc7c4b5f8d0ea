//! Putting evidence together.

use ed25519_dalek::SigningKey;
use thiserror::Error;

use super::attached::{Attached, NotAttached};
use super::case_file::{About, NotTold, Told};
use super::{
    BRANCHES, CASE, CASE_TEXT, CHECKPOINT, DESCRIPTORS, Files, FilesError, GENESIS, LEDGER, POLICY,
    PROOFS, README, RULES, SUMS, readme, sums,
};
use crate::compile::Compiled;
use crate::governance::{EventId, Identity};
use crate::ledger::{
    BundleError, Checkpoint, CheckpointError, Ledger, LedgerError, Note, ProofFile, Store,
    StoreError, origin,
};
use crate::units::ChainTime;

/// What evidence is asked for.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The case.
    pub case: EventId,
    /// At what time of the chain it is told how the case stands.
    pub now: ChainTime,
    /// The party that signs how much its ledger holds.
    pub party: &'a str,
    /// The key of its identity.
    pub key: &'a SigningKey,
    /// What goes with it.
    pub attached: Attached,
}

/// Puts together the evidence of a case: everything that the ledger holds, how the case stands by
/// it, and what is attached.
///
/// The same ledger and order come to the same files.
///
/// # Errors
///
/// If there is no such case at that time, the key is not that of the party's identity, something
/// that is attached is not what it should be, or the ledger cannot be read or is too large.
pub fn create<S: Store>(
    ledger: &Ledger<S>,
    compiled: &Compiled,
    order: &Order<'_>,
) -> Result<Files, EvidenceError> {
    let mut files = Files::new();
    let charter = ledger.charter();
    let party = order.party.to_owned();
    let identity = ledger.history().identity(charter, &party);
    if identity != Some(Identity::from(order.key.verifying_key())) {
        return Err(EvidenceError::OtherIdentity { party });
    }
    let about = About {
        case: order.case,
        now: order.now,
        party,
    };
    let head = ledger.store().head()?;
    let told = about.tell(ledger, head)?;
    let checkpoint = Checkpoint::new(origin(charter.id(), order.party), head)?;
    let note = checkpoint.sign(order.party, order.key);
    let note = note.map_err(CheckpointError::from)?;

    let genesis = ledger.genesis();
    let mut export = Vec::new();
    ledger.export(0, &mut export)?;
    let page = readme::write(charter.id(), genesis.network, &about);
    let parts: [(&str, Vec<u8>); 9] = [
        (README, page.into_bytes()),
        (GENESIS, genesis.to_bytes()),
        (POLICY, genesis.policy.clone().into_bytes()),
        (DESCRIPTORS, lines(&genesis.descriptors).into_bytes()),
        (BRANCHES, compiled.branches().rows().into_bytes()),
        (LEDGER, export),
        (CHECKPOINT, note.to_string().into_bytes()),
        (CASE, told.json.clone().into_bytes()),
        (CASE_TEXT, told.text.clone().into_bytes()),
    ];
    for (name, bytes) in parts {
        files.insert(name, bytes)?;
    }
    for (name, text) in proofs(ledger.store(), &told, &note)? {
        files.insert(&name, text.into_bytes())?;
    }
    for (digest, rule) in &told.rules {
        files.insert(&format!("{RULES}/{digest}.rhai"), rule.clone().into_bytes())?;
    }
    let attached = order.attached.add_to(&mut files);
    attached.map_err(EvidenceError::Attached)?;
    let sums = sums::write(&files);
    files.insert(SUMS, sums.into_bytes())?;
    Ok(files)
}

/// One to a line.
pub(super) fn lines(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{text}\n")).collect()
}

/// The proofs of the events of a case, by the names of their files.
pub(super) fn proofs<S: Store>(
    store: &S,
    told: &Told,
    note: &Note,
) -> Result<Vec<(String, String)>, StoreError> {
    let size = store.size();
    let proofs = told.events.iter().map(|(event, position)| {
        let proof = store.prove_inclusion(*position, size)?;
        let file = ProofFile::new(&proof, note.clone());
        Ok((format!("{PROOFS}/{event}.txt"), file.to_string()))
    });
    proofs.collect()
}

/// Why no evidence is put together.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// There is no such case yet.
    #[error("there is no such case at that height and median time")]
    NoCase,
    /// The key is none that the party signs with.
    #[error("the key is not that of the identity that `{party}` has by the ledger")]
    OtherIdentity {
        /// Who should sign.
        party: String,
    },
    /// Files that cannot be attached.
    #[error("{}", attached(.0))]
    Attached(Vec<NotAttached>),
    /// There is more than evidence can hold.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The checkpoint cannot be signed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger cannot be written out.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl From<StoreError> for EvidenceError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<NotTold> for EvidenceError {
    fn from(error: NotTold) -> Self {
        match error {
            NotTold::Ledger(error) => Self::Ledger(error),
            NotTold::NoCase => Self::NoCase,
            // The identity was compared before.
            NotTold::NoIdentity => Self::OtherIdentity {
                party: String::new(),
            },
        }
    }
}

fn attached(problems: &[NotAttached]) -> String {
    let told = problems.iter().map(|problem| {
        let NotAttached { file, why } = problem;
        format!("`{file}`: {why}")
    });
    told.collect::<Vec<_>>().join("; ")
}
