//! A party's proof that it holds the keys of its leaves.

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::attestation::{date, moment};
use super::envelope::{Envelope, hex};
use super::{Digest, Identity};
use crate::policy::{Network, quote};
use crate::units::UnixTime;

/// The type of the payload, in which its version stands.
pub const KEY_PROOF_TYPE: &str = "application/vnd.longstop.key-proof.v1+json";

/// What every statement begins with.
const TITLE: &str = "Longstop key proof 1. This message moves no coins.";

/// Longest nonce, in characters.
pub const MAX_NONCE: usize = 64;

/// What a party signs with the keys of its leaves: whose they are, of which policy, and for what
/// attestation.
///
/// Its text is the message of the challenges, in one form only: whatever is written otherwise is
/// refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatement {
    /// The id of the policy.
    pub policy_id: Digest,
    /// Its network.
    pub network: Network,
    /// The party whose keys they are.
    pub party: String,
    /// The identity of the party, as the policy names it.
    pub identity: Option<Identity>,
    /// The [digest](super::Attestation::digest) of the attestation that the keys stand behind.
    pub attests: Option<Digest>,
    /// When the keys are shown, by the party's own word.
    pub date: UnixTime,
    /// What somebody chose who asked for it, so that it cannot have been made before.
    pub nonce: Option<String>,
}

impl KeyStatement {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{TITLE}\npolicy {}\nnetwork {}\nparty {}\nidentity {}\nattests {}\ndate {}",
            self.policy_id,
            self.network,
            self.party,
            or_word(self.identity.as_ref(), "none"),
            or_word(self.attests.as_ref(), "nothing"),
            date(self.date),
        );
        if let Some(nonce) = &self.nonce {
            text.push_str("\nnonce ");
            text.push_str(nonce);
        }
        text
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, a form that is not the one of [`text`](Self::text) among
    /// them.
    pub fn of_text(text: &str) -> Result<Self, KeyProofError> {
        let mut lines = text.split('\n');
        if lines.next() != Some(TITLE) {
            return Err(KeyProofError::NotAStatement);
        }
        let mut field = |name: &'static str| {
            let bad = KeyProofError::BadLine { name };
            let line = lines.next().ok_or(bad.clone())?;
            let value = line
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(' '));
            value.ok_or(bad)
        };
        let bad = |name: &'static str| move || KeyProofError::BadLine { name };
        let policy_id = Digest::of_text(field("policy")?).ok_or_else(bad("policy"))?;
        let network = field("network")?;
        let network = Network::ALL.iter().find(|(word, _)| *word == network);
        let (_, network) = *network.ok_or_else(bad("network"))?;
        let party = field("party")?.to_owned();
        let identity = match field("identity")? {
            "none" => None,
            key => Some(Identity::of_text(key).map_err(|_| bad("identity")())?),
        };
        let attests = match field("attests")? {
            "nothing" => None,
            digest => Some(Digest::of_text(digest).ok_or_else(bad("attests"))?),
        };
        let date = moment("date", field("date")?).map_err(|_| bad("date")())?;
        let nonce = match field("nonce") {
            Ok(nonce) if is_nonce(nonce) => Some(nonce.to_owned()),
            Ok(_) => return Err(bad("nonce")()),
            Err(_) => None,
        };
        let statement = Self {
            policy_id,
            network,
            party,
            identity,
            attests,
            date,
            nonce,
        };
        if statement.text() != text {
            return Err(KeyProofError::NotCanonical);
        }
        Ok(statement)
    }
}

/// Whether a text can be a nonce: letters, digits, `-` and `_`.
#[must_use]
pub fn is_nonce(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_NONCE).contains(&text.len()) && text.bytes().all(is_plain)
}

/// A statement with the signatures of the party's keys.
///
/// Its payload is JSON in one form only: keys in ascending order, each once, and no spaces.
/// Whether the signatures are right cannot be told without the scripts they go through; a
/// [`KeyJudge`] tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProof {
    /// What was signed.
    pub statement: KeyStatement,
    /// By which keys.
    pub signatures: Vec<ShownKey>,
}

/// One key with its signature, both in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownKey {
    /// The public key, compressed.
    pub key: String,
    /// Its signature as it stands in a PSBT.
    pub signature: String,
}

impl ShownKey {
    /// A key with its signature.
    #[must_use]
    pub fn new(key: &[u8], signature: &[u8]) -> Self {
        Self {
            key: hex(key),
            signature: hex(signature),
        }
    }
}

impl KeyProof {
    /// The bytes that the identity signs.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let payload = Payload {
            statement: self.statement.text(),
            signatures: self.signatures.clone(),
        };
        serde_json::to_vec(&payload).expect("texts can always be written as JSON")
    }

    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, a form that is not the one of [`payload`](Self::payload)
    /// among them.
    pub fn from_payload(payload: &[u8]) -> Result<Self, KeyProofError> {
        let typed: Payload = serde_json::from_slice(payload)
            .map_err(|error| KeyProofError::NotAProof(quote(&error.to_string())))?;
        let proof = Self {
            statement: KeyStatement::of_text(&typed.statement)?,
            signatures: typed.signatures,
        };
        let keys = proof.signatures.iter().map(|shown| &shown.key);
        if proof.payload() != payload || !keys.is_sorted_by(|one, next| one < next) {
            return Err(KeyProofError::NotCanonical);
        }
        Ok(proof)
    }

    /// Signs it with the identity of the party as well; others can
    /// [countersign](Envelope::countersign).
    #[must_use]
    pub fn sign(&self, identity: &SigningKey) -> Envelope {
        Envelope::sign(KEY_PROOF_TYPE, self.payload(), identity)
    }
}

/// Whoever knows the scripts of a policy, and can tell whether a proof is right.
pub trait KeyJudge {
    /// How many keys a party has in the leaves of the policy.
    fn keys(&self, party: &str) -> usize;

    /// How many keys of its party a proof shows.
    ///
    /// # Errors
    ///
    /// If any of its signatures is not right.
    fn shown(&self, proof: &KeyProof) -> Result<usize, KeyFault>;
}

/// A judge before whom nobody has to show keys: whatever a party attests counts by its word alone.
#[derive(Clone, Copy, Debug)]
pub struct OnWord;

impl KeyJudge for OnWord {
    fn keys(&self, _: &str) -> usize {
        0
    }

    fn shown(&self, proof: &KeyProof) -> Result<usize, KeyFault> {
        Ok(proof.signatures.len())
    }
}

/// What is wrong with a signature of a proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// The key is none of the party's.
    #[error("the key {} stands in no leaf of the party", quote(key))]
    NoKey {
        /// The key.
        key: String,
    },
    /// The signature is over something else, or of another key.
    #[error("the signature of the key {} does not verify", quote(key))]
    Invalid {
        /// The key.
        key: String,
    },
    /// The signature leaves something open.
    #[error(
        "the signature of the key {} does not commit to the whole transaction",
        quote(key)
    )]
    Sighash {
        /// The key.
        key: String,
    },
}

/// Why a text is no statement, or bytes are no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyProofError {
    /// It is no JSON, or a field is missing, unknown, given twice, or of another kind.
    #[error("the payload is no proof: {0}")]
    NotAProof(String),
    /// It begins otherwise.
    #[error("the statement does not begin with `{TITLE}`")]
    NotAStatement,
    /// A line is missing or has another form.
    #[error("the statement has no right line `{name}` in its place")]
    BadLine {
        /// What the line begins with.
        name: &'static str,
    },
    /// It says all it should, in another form.
    #[error(
        "the proof is not in its one form: the lines of its statement in their order, keys in ascending order, and nothing between them"
    )]
    NotCanonical,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    statement: String,
    signatures: Vec<ShownKey>,
}

fn or_word<T: ToString>(value: Option<&T>, word: &str) -> String {
    value.map_or_else(|| word.to_owned(), T::to_string)
}
