//! Who holds which keys: challenges for the keys of a party's leaves, answers to them, and proofs.
//!
//! A party states whose keys they are and what they stand behind ([`KeyStatement`]), signs that with
//! the very keys of its leaves, and keeps the signatures ([`KeyProof`]).  Whoever has the policy can
//! verify them later: the challenges follow from the policy and the statement alone.

use std::collections::BTreeMap;

use bitcoin::Psbt;
use bitcoin::secp256k1::{All, Secp256k1};
use serde::Serialize;
use thiserror::Error;

use crate::compile::{Compiled, LeafKind, Role, Stage};
use crate::governance::{Digest, Identity, KeyFault, KeyJudge, KeyProof, KeyStatement, ShownKey};
use crate::policy::{Network, quote};
use crate::transaction::{Challenge, KeySignature, ReceiveError, Scripts, StripReason, Stripped};
use crate::units::UnixTime;

/// A statement with its challenges, and the answers so far.
#[derive(Clone, Debug)]
pub struct KeyCheck {
    statement: KeyStatement,
    challenges: Vec<Challenge>,
    signatures: BTreeMap<bitcoin::PublicKey, KeySignature>,
}

/// One key of a party, and whether it was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyStanding {
    /// The stage.
    #[serde(flatten)]
    pub stage: Stage,
    /// The leaf it stands in.
    pub leaf: LeafKind,
    /// The capacity in which the party signs with it.
    pub role: Role,
    /// The key at the first receiving index.
    pub key: bitcoin::PublicKey,
    /// Whether there is a right signature of it.
    pub is_shown: bool,
}

/// What an answer brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many keys were shown by it, known ones among them.
    pub shown: usize,
    /// What was in the file besides, and counts for nothing.
    pub stripped: Vec<Stripped>,
}

impl KeyCheck {
    /// What a party of a policy states, ready to be signed.
    ///
    /// # Errors
    ///
    /// If the policy has no such party.
    pub fn statement(
        compiled: &Compiled,
        party: &str,
        attests: Option<Digest>,
        date: UnixTime,
        nonce: Option<String>,
    ) -> Result<KeyStatement, KeyCheckError> {
        let policy = compiled.policy();
        let found = policy.party(party).ok_or_else(|| unknown(party))?;
        Ok(KeyStatement {
            policy_id: Digest(compiled.id().to_bytes()),
            network: policy.network(),
            party: party.to_owned(),
            identity: found.identity().copied().map(Identity::from),
            attests,
            date,
            nonce,
        })
    }

    /// The challenges that follow from a statement, without any answer yet.
    ///
    /// # Errors
    ///
    /// If it is about another policy or network, or if the policy has no such party or another
    /// identity of it.
    pub fn new(
        compiled: &Compiled,
        statement: KeyStatement,
        secp: &Secp256k1<All>,
    ) -> Result<Self, KeyCheckError> {
        let policy = compiled.policy();
        let wanted = Digest(compiled.id().to_bytes());
        if statement.policy_id != wanted {
            let found = statement.policy_id;
            return Err(KeyCheckError::OtherPolicy { found, wanted });
        }
        if statement.network != policy.network() {
            return Err(KeyCheckError::OtherNetwork {
                found: statement.network,
                policy: policy.network(),
            });
        }
        let party = policy.party(&statement.party);
        let party = party.ok_or_else(|| unknown(&statement.party))?;
        if statement.identity != party.identity().copied().map(Identity::from) {
            return Err(KeyCheckError::OtherIdentity(statement.party));
        }
        let scripts = Scripts::of(compiled, secp);
        let challenges = scripts.challenges(&statement.party, &statement.text());
        Ok(Self {
            statement,
            challenges,
            signatures: BTreeMap::new(),
        })
    }

    /// What is stated.
    #[must_use]
    pub const fn stated(&self) -> &KeyStatement {
        &self.statement
    }

    /// What is to be signed, stage by stage.
    #[must_use]
    pub fn challenges(&self) -> &[Challenge] {
        &self.challenges
    }

    /// Takes the right signatures out of a PSBT that was returned for one of the challenges.
    ///
    /// # Errors
    ///
    /// If it is for none of them.
    pub fn take(&mut self, psbt: &Psbt, secp: &Secp256k1<All>) -> Result<Taken, KeyCheckError> {
        let mut challenges = self.challenges.iter();
        let own = challenges.find(|challenge| *challenge.to_sign() == psbt.unsigned_tx);
        let challenge = own.ok_or(KeyCheckError::NoChallenge)?;
        let answer = challenge.receive(psbt, secp)?;
        let shown = answer.signatures.len();
        for signature in answer.signatures {
            self.signatures.entry(signature.key).or_insert(signature);
        }
        Ok(Taken {
            shown,
            stripped: answer.stripped,
        })
    }

    /// All keys that are asked for, stage by stage, each with whether it was shown.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyStanding> {
        let challenges = self.challenges.iter();
        let keys = challenges.flat_map(|challenge| {
            challenge.asked().iter().map(|asked| KeyStanding {
                stage: challenge.stage().clone(),
                leaf: asked.leaf.clone(),
                role: asked.role,
                key: asked.key,
                is_shown: self.signatures.contains_key(&asked.key),
            })
        });
        keys.collect()
    }

    /// Whether every key was shown.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.keys().iter().all(|key| key.is_shown)
    }

    /// The statement with the signatures so far.
    #[must_use]
    pub fn proof(&self) -> KeyProof {
        let signatures = self.signatures.values();
        let mut signatures: Vec<ShownKey> = signatures
            .map(|kept| ShownKey::new(&kept.key.to_bytes(), &kept.signature))
            .collect();
        signatures.sort_unstable();
        KeyProof {
            statement: self.statement.clone(),
            signatures,
        }
    }
}

/// Judges the proofs of one policy.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    scripts: Scripts,
    secp: &'a Secp256k1<All>,
}

impl<'a> Judge<'a> {
    /// A judge of the proofs of a policy.
    #[must_use]
    pub fn new(compiled: &Compiled, secp: &'a Secp256k1<All>) -> Self {
        Self {
            scripts: Scripts::of(compiled, secp),
            secp,
        }
    }
}

impl KeyJudge for Judge<'_> {
    fn keys(&self, party: &str) -> usize {
        self.scripts.keys(party)
    }

    fn shown(&self, proof: &KeyProof) -> Result<usize, KeyFault> {
        let statement = &proof.statement;
        let challenges = self.scripts.challenges(&statement.party, &statement.text());
        let mut shown = proof.signatures.iter();
        match shown.find_map(|shown| verify(shown, &challenges, self.secp)) {
            Some(fault) => Err(fault),
            None => Ok(proof.signatures.len()),
        }
    }
}

/// What is wrong with a kept signature, if anything is.
fn verify(shown: &ShownKey, challenges: &[Challenge], secp: &Secp256k1<All>) -> Option<KeyFault> {
    let key = shown.key.clone();
    let Some(kept) = kept(shown) else {
        return Some(KeyFault::NoKey { key });
    };
    let mut challenges = challenges.iter();
    match challenges.find_map(|challenge| challenge.verify(&kept, secp)) {
        None | Some(Err(StripReason::NotRequested)) => Some(KeyFault::NoKey { key }),
        Some(Err(StripReason::Invalid)) => Some(KeyFault::Invalid { key }),
        Some(Err(StripReason::Sighash)) => Some(KeyFault::Sighash { key }),
        Some(Ok(())) => None,
    }
}

/// The bytes of a kept signature, where they are written in the one form.
fn kept(shown: &ShownKey) -> Option<KeySignature> {
    let key = bytes(&shown.key)?;
    let signature = bytes(&shown.signature)?;
    let key = bitcoin::PublicKey::from_slice(&key).ok()?;
    let kept = KeySignature { key, signature };
    let again = ShownKey::new(&kept.key.to_bytes(), &kept.signature);
    (again == *shown).then_some(kept)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    bitcoin::hex::FromHex::from_hex(text).ok()
}

fn unknown(party: &str) -> KeyCheckError {
    KeyCheckError::UnknownParty(party.to_owned())
}

/// Why keys cannot be asked for, or an answer is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyCheckError {
    /// The policy has no such party.
    #[error("the policy has no party {}", quote(.0))]
    UnknownParty(String),
    /// The statement is about another policy, or another version of this one.
    #[error(
        "the statement is about the policy with the id {found}, and this one has the id {wanted}"
    )]
    OtherPolicy {
        /// The id that stands in it.
        found: Digest,
        /// That of the policy.
        wanted: Digest,
    },
    /// It is for another network.
    #[error("the statement is for the network {found}, and the policy is for {policy}")]
    OtherNetwork {
        /// The network that stands there.
        found: Network,
        /// That of the policy.
        policy: Network,
    },
    /// It is of another party.
    #[error(
        "the statement is of {}, and the keys of {} are asked for",
        quote(found),
        quote(wanted)
    )]
    OtherParty {
        /// The party that stands there.
        found: String,
        /// The party that was asked.
        wanted: String,
    },
    /// It names another identity of the party.
    #[error("the statement names another identity of {} than the policy", quote(.0))]
    OtherIdentity(String),
    /// A PSBT is no answer to any of the challenges.
    #[error(
        "the file is no answer to a challenge of this statement: it is for another transaction"
    )]
    NoChallenge,
    /// A PSBT is for another transaction.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
}
