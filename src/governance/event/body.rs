//! What an event says, kind by kind.

use bitcoin::OutPoint;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::attestation::{ATTESTATION_TYPE, Attestation, AttestationError};
use super::super::envelope::{Envelope, EnvelopeError};
use super::{Digest, EventId, Identity};
use crate::policy::{ActivationFacts, Payee, is_invisible};

/// Longest reason, in characters.
pub const MAX_WHY: usize = 500;

/// Longest text of a rule in a judgement, in bytes.
const MAX_RULE: usize = 1 << 16;

/// Most payees of an intended payment, and most descriptors of a ratification.
const MAX_LIST: usize = 1_000;

/// What somebody says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Body {
    /// He is there.
    Heartbeat(Heartbeat),
    /// Where a party says its keys are kept.
    Attestation(Attested),
    /// He stands by the policy.
    Ratification(Ratification),
    /// Something is wrong.
    Alarm(Alarm),
    /// An alarm of his own stands no more.
    Withdrawal(Withdrawal),
    /// There should be a case.
    Proposal(Proposal),
    /// His vote about a case.
    Ballot(Ballot),
    /// The conditions of a path hold, as far as he can see, and he is for it.
    Activation(Activation),
    /// He objects.
    Veto(Veto),
    /// He holds the files of an arming.
    Acknowledgement(Acknowledgement),
    /// A coin is armed.
    Arming(Arming),
    /// What a payment is to be.
    SpendIntent(SpendIntent),
    /// A case is over.
    Decision(Decision),
    /// A party signs with another key from now on.
    Rotation(Rotation),
}

impl Body {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Heartbeat(_) => Kind::Heartbeat,
            Self::Attestation(_) => Kind::Attestation,
            Self::Ratification(_) => Kind::Ratification,
            Self::Alarm(_) => Kind::Alarm,
            Self::Withdrawal(_) => Kind::Withdrawal,
            Self::Proposal(_) => Kind::Proposal,
            Self::Ballot(_) => Kind::Ballot,
            Self::Activation(_) => Kind::Activation,
            Self::Veto(_) => Kind::Veto,
            Self::Acknowledgement(_) => Kind::Acknowledgement,
            Self::Arming(_) => Kind::Arming,
            Self::SpendIntent(_) => Kind::SpendIntent,
            Self::Decision(_) => Kind::Decision,
            Self::Rotation(_) => Kind::Rotation,
        }
    }

    /// The case it is about, where it is about one that was proposed before.
    #[must_use]
    pub const fn case(&self) -> Option<EventId> {
        match self {
            Self::Ballot(Ballot { case, .. })
            | Self::Activation(Activation { case, .. })
            | Self::Veto(Veto { case, .. })
            | Self::SpendIntent(SpendIntent { case, .. })
            | Self::Decision(Decision { case, .. }) => Some(*case),
            Self::Heartbeat(_)
            | Self::Attestation(_)
            | Self::Ratification(_)
            | Self::Alarm(_)
            | Self::Withdrawal(_)
            | Self::Proposal(_)
            | Self::Acknowledgement(_)
            | Self::Arming(_)
            | Self::Rotation(_) => None,
        }
    }

    pub(super) fn check(&self) -> Result<(), BodyError> {
        match self {
            Self::Heartbeat(_) | Self::Withdrawal(_) | Self::Ballot(_) => Ok(()),
            Self::Acknowledgement(_) | Self::Arming(_) => Ok(()),
            Self::Attestation(body) => body.read().map(drop),
            Self::Ratification(body) => short("descriptors", body.descriptors.len(), MAX_LIST),
            Self::Alarm(Alarm { why, .. })
            | Self::Proposal(Proposal { why, .. })
            | Self::Veto(Veto { why, .. })
            | Self::Decision(Decision { why, .. })
            | Self::Rotation(Rotation { why, .. }) => plain("why", why),
            Self::Activation(body) => match &body.judgement {
                None => Ok(()),
                Some(judgement) => {
                    short("rule", judgement.rule.len(), MAX_RULE)?;
                    plain("why", &judgement.why)
                }
            },
            Self::SpendIntent(body) => {
                short("payees", body.payees.len(), MAX_LIST)?;
                plain("purpose", &body.purpose)
            }
        }
    }
}

/// The kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A sign of life.
    Heartbeat,
    /// A custody attestation.
    Attestation,
    /// A ratification of the policy.
    Ratification,
    /// An alarm.
    Alarm,
    /// The withdrawal of an alarm.
    Withdrawal,
    /// The proposal of a case.
    Proposal,
    /// A ballot.
    Ballot,
    /// An activation.
    Activation,
    /// A veto.
    Veto,
    /// The acknowledgement of an arming.
    Acknowledgement,
    /// An arming.
    Arming,
    /// An intended payment.
    SpendIntent,
    /// The end of a case.
    Decision,
    /// A change of identity.
    Rotation,
}

impl Kind {
    /// All kinds with their names.
    pub const ALL: [(&'static str, Self); 14] = [
        ("heartbeat", Self::Heartbeat),
        ("attestation", Self::Attestation),
        ("ratification", Self::Ratification),
        ("alarm", Self::Alarm),
        ("withdrawal", Self::Withdrawal),
        ("proposal", Self::Proposal),
        ("ballot", Self::Ballot),
        ("activation", Self::Activation),
        ("veto", Self::Veto),
        ("acknowledgement", Self::Acknowledgement),
        ("arming", Self::Arming),
        ("spend-intent", Self::SpendIntent),
        ("decision", Self::Decision),
        ("rotation", Self::Rotation),
    ];

    /// The type of its payload, in which its version stands.
    #[must_use]
    pub const fn payload_type(self) -> &'static str {
        match self {
            Self::Heartbeat => "application/vnd.longstop.event.heartbeat.v1+json",
            Self::Attestation => "application/vnd.longstop.event.attestation.v1+json",
            Self::Ratification => "application/vnd.longstop.event.ratification.v1+json",
            Self::Alarm => "application/vnd.longstop.event.alarm.v1+json",
            Self::Withdrawal => "application/vnd.longstop.event.withdrawal.v1+json",
            Self::Proposal => "application/vnd.longstop.event.proposal.v1+json",
            Self::Ballot => "application/vnd.longstop.event.ballot.v1+json",
            Self::Activation => "application/vnd.longstop.event.activation.v1+json",
            Self::Veto => "application/vnd.longstop.event.veto.v1+json",
            Self::Acknowledgement => "application/vnd.longstop.event.acknowledgement.v1+json",
            Self::Arming => "application/vnd.longstop.event.arming.v1+json",
            Self::SpendIntent => "application/vnd.longstop.event.spend-intent.v1+json",
            Self::Decision => "application/vnd.longstop.event.decision.v1+json",
            Self::Rotation => "application/vnd.longstop.event.rotation.v1+json",
        }
    }

    /// The kind whose payload has this type.
    #[must_use]
    pub fn of_payload_type(payload_type: &str) -> Option<Self> {
        let kinds = Self::ALL.iter().map(|(_, kind)| *kind);
        kinds
            .into_iter()
            .find(|kind| kind.payload_type() == payload_type)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let row = Self::ALL.iter().find(|(_, kind)| *kind == self);
        row.map_or("event", |(name, _)| name)
    }
}

/// A sign of life.  Every event is one; this is one that says nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {}

/// An attestation, as it was signed and countersigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// Its envelope, one line of JSON.
    pub envelope: String,
}

impl Attested {
    /// The attestation and its signatures, which are right.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn read(&self) -> Result<(Envelope, Attestation), BodyError> {
        let envelope = Envelope::open(&self.envelope)?;
        if envelope.payload_type() != ATTESTATION_TYPE || envelope.to_line() != self.envelope {
            return Err(BodyError::NotAnAttestation);
        }
        let attestation = Attestation::from_payload(envelope.payload())?;
        Ok((envelope, attestation))
    }
}

/// The word of a party that these are the descriptors and the first address it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratification {
    /// The descriptors of all stages with their checksums: vault, then escrow and lock-up path by
    /// path.
    pub descriptors: Vec<String>,
    /// The first address of the vault.
    pub first_address: String,
}

/// The word that something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// The path that should be activated for it, or any whose monitors the author is one of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is wrong.
    pub why: String,
}

/// The word that an alarm of the author's own stands no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// Which.
    pub alarm: EventId,
}

/// The beginning of a case, which has the name of this event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The path to activate.
    pub path: String,
    /// What for.
    pub why: String,
}

/// A vote, which counts in every vote about the case in which its author has one.  The last one
/// of an author before the close is the one that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ballot {
    /// The case.
    pub case: EventId,
    /// Whether he is for it.
    pub approve: bool,
}

/// The word that a path is to be activated: consent where a quorum is asked, and the record that
/// the conditions held where others are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The case.
    pub case: EventId,
    /// What the author's own rule said, if he has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
}

/// What a rule said about some facts, with all it takes to ask it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The text of the rule.
    pub rule: String,
    /// What it was told.
    pub facts: ActivationFacts,
    /// Whether it allows the activation.
    pub allow: bool,
    /// Why.
    pub why: String,
    /// SHA-256 of the text of the rule.
    pub rule_sha256: Digest,
    /// SHA-256 of the facts as a verdict counts it.
    pub facts_sha256: Digest,
    /// What ran the rule.
    pub interpreter: String,
}

/// An objection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Veto {
    /// The case.
    pub case: EventId,
    /// Why.
    pub why: String,
}

/// The word that its author holds the cancels and settles of an arming and has verified them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// The coin.
    pub coin: OutPoint,
    /// The path it is armed for.
    pub path: String,
    /// What is armed, under the tag `longstop/arming`: policy, coin, path and the ids of all its
    /// transactions, which no signature changes.
    pub file: Digest,
}

/// The word that a coin is armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arming {
    /// The coin.
    pub coin: OutPoint,
    /// The path it is armed for.
    pub path: String,
    /// What is armed, under the tag `longstop/arming`: policy, coin, path and the ids of all its
    /// transactions, which no signature changes.
    pub file: Digest,
}

/// What a payment through a path is to be, said before its window ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendIntent {
    /// The case.
    pub case: EventId,
    /// Who is to be paid.
    pub payees: Vec<Payee>,
    /// What for.
    pub purpose: String,
}

/// The word that a case is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The case.
    pub case: EventId,
    /// How it ended.
    pub outcome: CaseOutcome,
    /// Why.
    pub why: String,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseOutcome {
    /// What it was for has been done.
    Completed,
    /// Nothing came of it.
    Abandoned,
}

/// A change of the key that signs for a party.
///
/// By the party itself it holds for whatever is written with knowledge of it; by others, once
/// they satisfy the quorum of root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The party.
    pub party: String,
    /// The key that counts no more.
    pub replaces: Identity,
    /// The key that counts from now on: none if there is none yet.
    pub identity: Option<Identity>,
    /// Why.
    pub why: String,
}

/// Why something cannot be said.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// A text is empty, too long, or has characters that are not drawn.
    #[error(
        "`{field}` should be a text of 1 to {MAX_WHY} characters that are drawn, without spaces around it"
    )]
    Text {
        /// The field.
        field: &'static str,
    },
    /// A list or text is too long.
    #[error("`{field}` has a length of {length}, and may have {most}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// What it is.
        length: usize,
        /// What it may be.
        most: usize,
    },
    /// The signatures of an attestation are wrong.
    #[error("the attestation: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The attestation says what none can.
    #[error("the attestation: {0}")]
    Attestation(#[from] AttestationError),
    /// The envelope has something else in it, or is not in the form in which we write it.
    #[error("`envelope` is no attestation on one line, in the form in which it is written")]
    NotAnAttestation,
}

fn plain(field: &'static str, text: &str) -> Result<(), BodyError> {
    let is_plain = !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= MAX_WHY
        && !text.chars().any(is_invisible);
    is_plain.then_some(()).ok_or(BodyError::Text { field })
}

fn short(field: &'static str, length: usize, most: usize) -> Result<(), BodyError> {
    let fits = length <= most;
    fits.then_some(()).ok_or(BodyError::TooLong {
        field,
        length,
        most,
    })
}
