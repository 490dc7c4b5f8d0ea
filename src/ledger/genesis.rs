//! What a ledger is about: its policy, as it was when the ledger began.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::governance::{Charter, Digest};
use crate::policy::{Network, check, quote};

/// The form of the text, which an older program must not misread.
const FORMAT: u32 = 1;

/// What a ledger is founded on.
///
/// It is one line of JSON, and never changes: the digest of it is in every file of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    longstop_ledger: u32,
    /// The id of the policy.
    pub policy_id: Digest,
    /// Its network.
    pub network: Network,
    /// The policy in its canonical form.
    pub policy: String,
    /// The descriptors of all stages with their checksums: vault, then escrow and lock-up path by
    /// path.
    pub descriptors: Vec<String>,
    /// The first address of the vault.
    pub first_address: String,
}

impl Genesis {
    /// The beginning of a ledger about a policy, with what it compiles to.
    #[must_use]
    pub fn new(charter: &Charter, descriptors: Vec<String>, first_address: String) -> Self {
        Self {
            longstop_ledger: FORMAT,
            policy_id: charter.id(),
            network: charter.policy().network(),
            policy: charter.policy().canonical().to_owned(),
            descriptors,
            first_address,
        }
    }

    /// The line.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can always be written as JSON")
    }

    /// Reads the line.
    ///
    /// # Errors
    ///
    /// If it has another form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GenesisError> {
        #[derive(Deserialize)]
        struct Version {
            longstop_ledger: u32,
        }
        let not_one = |error: serde_json::Error| GenesisError::NotOne(quote(&error.to_string()));
        let version: Version = serde_json::from_slice(bytes).map_err(not_one)?;
        if version.longstop_ledger != FORMAT {
            return Err(GenesisError::OtherFormat(version.longstop_ledger));
        }
        let genesis: Self = serde_json::from_slice(bytes).map_err(not_one)?;
        if genesis.to_bytes() != bytes {
            return Err(GenesisError::NotCanonical);
        }
        Ok(genesis)
    }

    /// The policy, with the id that the ledger goes by.
    ///
    /// Whether the policy compiles to that id is for whoever knows the compiler to say.
    ///
    /// # Errors
    ///
    /// If the policy is not sound, or not in its canonical form.
    pub fn charter(&self) -> Result<Charter, GenesisError> {
        let policy = check(&self.policy).policy.ok_or(GenesisError::Policy)?;
        if policy.canonical() != self.policy || policy.network() != self.network {
            return Err(GenesisError::Policy);
        }
        Ok(Charter::new(Arc::new(policy), self.policy_id))
    }
}

/// Why bytes are no beginning of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GenesisError {
    /// They are no JSON, or a field is missing, unknown, or of another kind.
    #[error("this is no beginning of a ledger: {0}")]
    NotOne(String),
    /// Another version of the program wrote it.
    #[error(
        "the ledger has form {0}, and this program knows form {FORMAT}: use the program that wrote it"
    )]
    OtherFormat(u32),
    /// It says all it should, in another form.
    #[error("the beginning of the ledger is not in its one form")]
    NotCanonical,
    /// Its policy is none.
    #[error("the policy in the beginning of the ledger is not sound, or not in its canonical form")]
    Policy,
}
