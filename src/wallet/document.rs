//! `vault.json`: the policy of a vault, and what it was compiled to when the vault was made.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::compile::{CompileError, Compiled, compile};
use crate::policy::{Network, check, quote};
use crate::units::BlockHeight;

/// The format this crate writes.
const FORMAT: &str = "longstop-vault-1";

/// What the name of every format of this file begins with.
const FAMILY: &str = "longstop-vault-";

/// What a vault is founded on.  It is one line of JSON, written once and never changed.
///
/// The descriptors are stored and compared, so that another version of the compiler cannot put
/// coins at other addresses without anybody noticing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    format: String,
    /// The network.
    pub network: Network,
    /// The policy id, in hexadecimal.
    pub policy_id: String,
    /// The policy in its canonical form.
    pub policy: String,
    /// The descriptors of all stages: the vault, then escrow and lock-up path by path.
    pub descriptors: Vec<StageText>,
    /// No coin of the vault is older than this height.
    pub birth: BlockHeight,
}

/// The descriptor of one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageText {
    /// The stage in words, such as `escrow of sos`.
    pub stage: String,
    /// The descriptor with its checksum.
    pub descriptor: String,
}

impl Document {
    /// The document of a policy whose first coin is no older than a height.
    #[must_use]
    pub fn new(compiled: &Compiled, birth: BlockHeight) -> Self {
        let policy = compiled.policy();
        let descriptors = compiled.stages().map(|descriptor| StageText {
            stage: descriptor.stage().to_string(),
            descriptor: descriptor.text().to_owned(),
        });
        Self {
            format: FORMAT.to_owned(),
            network: policy.network(),
            policy_id: compiled.id().to_string(),
            policy: policy.canonical().to_owned(),
            descriptors: descriptors.collect(),
            birth,
        }
    }

    /// The line.
    ///
    /// # Panics
    ///
    /// Never: texts and numbers can always be written as JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can always be written as JSON")
    }

    /// Reads the line.
    ///
    /// # Errors
    ///
    /// If it has another form, or is of a later format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        struct Version {
            format: String,
        }
        let not_one = |error: serde_json::Error| DocumentError::NotOne(quote(&error.to_string()));
        let version: Version = serde_json::from_slice(bytes).map_err(not_one)?;
        if version.format != FORMAT {
            return Err(match version.format.starts_with(FAMILY) {
                true => DocumentError::OtherFormat(quote(&version.format)),
                false => DocumentError::NotOne(format!("its format is {}", quote(&version.format))),
            });
        }
        let document: Self = serde_json::from_slice(bytes).map_err(not_one)?;
        if document.to_bytes() != bytes {
            return Err(DocumentError::NotCanonical);
        }
        Ok(document)
    }

    /// Compiles the policy again, and compares what comes out with what is stored.
    ///
    /// # Errors
    ///
    /// If the policy is not sound, or comes to anything else than what stands here.
    pub fn compile(&self) -> Result<Compiled, DocumentError> {
        let policy = check(&self.policy).policy.ok_or(DocumentError::Policy)?;
        if policy.canonical() != self.policy {
            return Err(DocumentError::Policy);
        }
        let compiled = compile(Arc::new(policy))?;
        let fresh = Self::new(&compiled, self.birth);
        match self.difference(&fresh) {
            None => Ok(compiled),
            Some(difference) => Err(DocumentError::Differs(difference)),
        }
    }

    /// The first thing in which what is stored differs from what the policy comes to now.
    fn difference(&self, fresh: &Self) -> Option<String> {
        let differs = |what: &str, stored: &str, now: &str| {
            format!("the {what} is {}, and comes to `{now}` now", quote(stored))
        };
        if self.network != fresh.network {
            let (stored, now) = (self.network.to_string(), fresh.network.to_string());
            return Some(differs("network", &stored, &now));
        }
        let count = (self.descriptors.len(), fresh.descriptors.len());
        if count.0 != count.1 {
            return Some(format!(
                "it has {} descriptors, and the policy comes to {} now",
                count.0, count.1
            ));
        }
        for (stored, now) in self.descriptors.iter().zip(&fresh.descriptors) {
            if stored.stage != now.stage {
                return Some(differs("stage", &stored.stage, &now.stage));
            }
            if stored.descriptor != now.descriptor {
                let what = format!("descriptor of the {}", now.stage);
                return Some(differs(&what, &stored.descriptor, &now.descriptor));
            }
        }
        let same = self.policy_id == fresh.policy_id;
        (!same).then(|| differs("policy id", &self.policy_id, &fresh.policy_id))
    }
}

/// Why `vault.json` is refused.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// It is no JSON, or a field is missing, unknown, or of another kind.
    #[error("this is no vault: {0}")]
    NotOne(String),
    /// A later version of the program wrote it.
    #[error(
        "the vault has the format {0}, and this program knows `{FORMAT}`: use the program that wrote it"
    )]
    OtherFormat(String),
    /// It says all it should, in another form.
    #[error("`vault.json` is not in its one form: it was changed after it was written")]
    NotCanonical,
    /// Its policy is none.
    #[error("the policy in `vault.json` is not sound, or not in its canonical form")]
    Policy,
    /// Its policy cannot be compiled.
    #[error("the policy in `vault.json` cannot be compiled: {0}")]
    Compile(#[from] CompileError),
    /// It compiles to something else than what is stored.
    #[error(
        "the policy in `vault.json` does not compile to what is stored with it: {0}; nothing is recompiled in its place, since coins are where the stored descriptors put them"
    )]
    Differs(String),
}
