//! What parties say about a policy and its cases, signed: events.
//!
//! An [`Event`] names the policy, its network, its author, what the author had seen before he
//! wrote it, and when the chain was where; its [`Body`] is what he says.  A [`SignedEvent`] is the
//! event in its [`Envelope`], signed by the one identity of its author.
//!
//! The payload is JSON in one form only: fields in a fixed order, those that say nothing left out,
//! and no spaces.  Whatever is written otherwise is refused, so two payloads that say the same are
//! the same bytes, and the bytes that were signed are the bytes that are kept.

mod body;
mod id;

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::envelope::{Envelope, EnvelopeError};
use crate::policy::{Network, quote};
use crate::units::{BlockHeight, ChainTime, UnixTime};

pub use self::body::{
    Acknowledgement, Activation, Alarm, Arming, Attested, Ballot, Body, BodyError, CaseOutcome,
    Decision, Heartbeat, Judgement, Kind, MAX_WHY, Proposal, Ratification, Rotation, SpendIntent,
    Veto, Withdrawal,
};
pub use self::id::{Digest, EventId, Identity};

/// Most heads that an event can name: as many as a policy can have parties.
pub const MAX_SEEN: usize = 256;

/// What a party says, and what it had seen when it said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id of the policy.
    pub policy_id: Digest,
    /// Its network.
    pub network: Network,
    /// The name of the party that says it.
    pub author: String,
    /// The author's own event before this one, none if it is his first.
    pub previous: Option<EventId>,
    /// What the author had seen beside his own events and whatever these name: ids in ascending
    /// order, none twice.
    pub seen: Vec<EventId>,
    /// Where the author saw the chain.
    pub at: ChainTime,
    /// From which median time on it counts no more, if there is one.
    pub expires: Option<UnixTime>,
    /// What is said.
    pub body: Body,
}

impl Event {
    /// The bytes that are signed, together with the [payload type](Kind::payload_type).
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let payload = PayloadRef {
            policy: self.policy_id,
            network: self.network,
            author: &self.author,
            previous: self.previous,
            seen: &self.seen,
            height: self.at.height,
            median_time_past: self.at.median_time_past,
            expires: self.expires,
            body: &self.body,
        };
        serde_json::to_vec(&payload).expect("texts and numbers can always be written as JSON")
    }

    /// Reads a payload of a type.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, a form that is not the one of [`payload`](Self::payload)
    /// among them.
    pub fn from_payload(payload_type: &str, payload: &[u8]) -> Result<Self, EventError> {
        let kind = Kind::of_payload_type(payload_type)
            .ok_or_else(|| EventError::UnknownType(payload_type.to_owned()))?;
        let event = match kind {
            Kind::Heartbeat => read(payload, Body::Heartbeat),
            Kind::Attestation => read(payload, Body::Attestation),
            Kind::Ratification => read(payload, Body::Ratification),
            Kind::Alarm => read(payload, Body::Alarm),
            Kind::Withdrawal => read(payload, Body::Withdrawal),
            Kind::Proposal => read(payload, Body::Proposal),
            Kind::Ballot => read(payload, Body::Ballot),
            Kind::Activation => read(payload, Body::Activation),
            Kind::Veto => read(payload, Body::Veto),
            Kind::Acknowledgement => read(payload, Body::Acknowledgement),
            Kind::Arming => read(payload, Body::Arming),
            Kind::SpendIntent => read(payload, Body::SpendIntent),
            Kind::Decision => read(payload, Body::Decision),
            Kind::Rotation => read(payload, Body::Rotation),
        }?;
        event.check()?;
        if event.payload() != payload {
            return Err(EventError::NotCanonical);
        }
        Ok(event)
    }

    /// Signs it with an identity of its author.
    ///
    /// # Errors
    ///
    /// Whatever nobody could read back: a list out of order, or a text that is too long.
    pub fn sign(self, identity: &SigningKey) -> Result<SignedEvent, EventError> {
        self.check()?;
        let envelope = Envelope::sign(self.body.kind().payload_type(), self.payload(), identity);
        Ok(SignedEvent {
            id: EventId::of(&envelope),
            signer: identity.verifying_key(),
            event: self,
            envelope,
        })
    }

    /// The events it names as what its author had seen.
    pub fn parents(&self) -> impl Iterator<Item = EventId> {
        self.previous.into_iter().chain(self.seen.iter().copied())
    }

    fn check(&self) -> Result<(), EventError> {
        if self.seen.len() > MAX_SEEN {
            return Err(EventError::TooManySeen(self.seen.len()));
        }
        if !self.seen.is_sorted_by(|one, next| one < next) {
            return Err(EventError::SeenOutOfOrder);
        }
        if self.previous.is_some_and(|own| self.seen.contains(&own)) {
            return Err(EventError::SeenOwn);
        }
        if self
            .expires
            .is_some_and(|end| end <= self.at.median_time_past)
        {
            return Err(EventError::NeverValid);
        }
        Ok(self.body.check()?)
    }
}

/// An event with the signature of its author.
///
/// The signature is right.  Whether the key is the author's is for the history to say, since it
/// can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEvent {
    id: EventId,
    signer: VerifyingKey,
    event: Event,
    envelope: Envelope,
}

impl SignedEvent {
    /// Reads an event from the JSON of its envelope, and verifies the signature.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn open(json: &str) -> Result<Self, EventError> {
        Self::of_envelope(Envelope::open(json)?)
    }

    /// The event in an envelope.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, another number of signatures than one among them.
    pub fn of_envelope(envelope: Envelope) -> Result<Self, EventError> {
        let signers: Vec<VerifyingKey> = envelope.signers().copied().collect();
        let [signer] = signers[..] else {
            return Err(EventError::Signatures(signers.len()));
        };
        let event = Event::from_payload(envelope.payload_type(), envelope.payload())?;
        Ok(Self {
            id: EventId::of(&envelope),
            signer,
            event,
            envelope,
        })
    }

    /// Its id, the same whatever the signature is.
    #[must_use]
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// The key that signed it.
    #[must_use]
    pub const fn signer(&self) -> &VerifyingKey {
        &self.signer
    }

    /// What is said.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// Its envelope, which is what is kept and handed on.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

/// Why bytes are no event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    /// The envelope is wrong.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Another number of signatures than one.
    #[error("it has {0} signatures, and an event has the one of its author")]
    Signatures(usize),
    /// A type that no event of this version has.
    #[error("the payload type {} is none of an event", quote(.0))]
    UnknownType(String),
    /// It is no JSON, or a field is missing, unknown, given twice, or of another kind.
    #[error("the payload is no event of its type: {0}")]
    NotAnEvent(String),
    /// What is said cannot be.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// More heads than there can be.
    #[error("`seen` has {0} events, and may have {MAX_SEEN}")]
    TooManySeen(usize),
    /// The heads are not in their one order.
    #[error("the events of `seen` are not in ascending order, each once")]
    SeenOutOfOrder,
    /// The author's own event stands among the others.
    #[error("`previous` stands in `seen` as well")]
    SeenOwn,
    /// It is over before it begins.
    #[error("it expires before it is written, or at once")]
    NeverValid,
    /// It says all it should, in another form.
    #[error("the payload is not in its one form: fields in their order, and nothing between them")]
    NotCanonical,
}

#[derive(Serialize)]
struct PayloadRef<'a> {
    policy: Digest,
    network: Network,
    author: &'a str,
    previous: Option<EventId>,
    seen: &'a [EventId],
    height: BlockHeight,
    median_time_past: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<UnixTime>,
    body: &'a Body,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<T> {
    policy: Digest,
    network: Network,
    author: String,
    previous: Option<EventId>,
    seen: Vec<EventId>,
    height: BlockHeight,
    median_time_past: UnixTime,
    #[serde(default)]
    expires: Option<UnixTime>,
    body: T,
}

fn read<T: DeserializeOwned>(payload: &[u8], body: fn(T) -> Body) -> Result<Event, EventError> {
    let typed: Payload<T> = serde_json::from_slice(payload)
        .map_err(|error| EventError::NotAnEvent(quote(&error.to_string())))?;
    Ok(Event {
        policy_id: typed.policy,
        network: typed.network,
        author: typed.author,
        previous: typed.previous,
        seen: typed.seen,
        at: ChainTime {
            height: typed.height,
            median_time_past: typed.median_time_past,
        },
        expires: typed.expires,
        body: body(typed.body),
    })
}
