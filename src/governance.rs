//! What people sign about a policy, beside its transactions.
//!
//! Whatever is signed stands in an [`Envelope`]: the exact bytes, their type, and ed25519
//! signatures over both.  An [`Attestation`] is a party's own word of where its keys are kept;
//! [`Attestations`] reads a file of them and says what of a policy's custody is attested.
//!
//! Everything else that parties say is an [`Event`]; a [`History`] decides which events belong
//! together, and [`apply`] what they come to: whether a path is to be activated.

mod attestation;
mod batch;
mod case;
mod custody;
mod envelope;
mod event;
mod history;
mod key_proof;

pub use self::attestation::{ATTESTATION_TYPE, Attestation, AttestationError};
pub use self::batch::{Signed, bad_signatures};
pub use self::case::{
    Action, ActivatedBy, AlarmTerm, Case, Cases, Cast, ChainPoint, Counted, Disregard, Disregarded,
    Docket, Ending, Heard, Input, Intent, ManualTerm, NotReexecuted, Objection, Phase, Presence,
    Raised, SilenceTerm, StandingAlarm, Statement, Status, Term, VetoStatus, VoteState, VoteTerm,
    Word, apply, ask_rule, facts_of, reexecute, replay,
};
pub use self::custody::{
    AttestationProblem, AttestationRemark, Attestations, Countersigner, CustodyReading, KeysShown,
    Standing,
};
pub use self::envelope::{Envelope, EnvelopeError};
pub use self::event::{
    Acknowledgement, Activation, Alarm, Arming, Attested, Ballot, Body, BodyError, CaseOutcome,
    Decision, Digest, Event, EventError, EventId, Heartbeat, Identity, Judgement, Kind, MAX_SEEN,
    MAX_WHY, Proposal, Ratification, Rotation, SignedEvent, SpendIntent, Veto, Withdrawal,
};
pub use self::history::{
    AdmitError, Charter, Entry, Fork, History, Known, MemoryHistory, Place, Refusal, TellingOrder,
};
pub use self::key_proof::{
    KEY_PROOF_TYPE, KeyFault, KeyJudge, KeyProof, KeyProofError, KeyStatement, MAX_NONCE, OnWord,
    ShownKey, is_nonce,
};
