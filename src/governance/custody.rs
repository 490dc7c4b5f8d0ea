//! What of a policy's custody is attested, by whom, and until when.

mod holding;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use thiserror::Error;

use super::attestation::{ATTESTATION_TYPE, Attestation, AttestationError};
use super::envelope::{Envelope, EnvelopeError, hex};
use super::key_proof::{KEY_PROOF_TYPE, KeyFault, KeyJudge, KeyProofError};
use crate::policy::{Custody, CustodyFact, Domain, Item, Network, Party, Policy, quote};
use crate::units::UnixTime;

pub use self::holding::KeysShown;

use self::holding::Proven;

/// Most bytes a file of attestations may have.
const MAX_BYTES: usize = 1 << 24;

/// What stands behind a custody fact.
///
/// Only what is attested counts as independence: everything else is shared in the worst case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "standing")]
pub enum Standing {
    /// The party has signed it, with its identity and with all keys of its leaves.
    Attested {
        /// From when on that holds no more.
        until: UnixTime,
        /// Who has signed it too.
        countersigned_by: Vec<Countersigner>,
    },
    /// Somebody says it: the author of the policy, or the party without having shown its keys.
    Claimed,
    /// The party had signed it, for a time that is over.
    Stale {
        /// Since when.
        since: UnixTime,
    },
    /// Nobody says anything.
    Unknown,
}

/// Somebody who has signed the attestation of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Countersigner {
    /// A party of the policy, by its identity.
    Party(String),
    /// Somebody else, by the ed25519 public key in hexadecimal digits.
    Outsider(String),
}

impl fmt::Display for Countersigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Party(name) => f.write_str(name),
            Self::Outsider(key) => write!(f, "the holder of the key {key}"),
        }
    }
}

/// One custody fact with what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustodyReading {
    /// What is said; nothing if nothing is.
    pub fact: Option<CustodyFact>,
    /// Who says so.
    pub standing: Standing,
}

impl CustodyReading {
    /// What a policy alone says.
    fn claimed(custody: &Custody, domain: Domain) -> Self {
        let fact = custody.get(domain).cloned();
        let standing = match fact {
            Some(_) => Standing::Claimed,
            None => Standing::Unknown,
        };
        Self { fact, standing }
    }

    /// Whether it is attested now.
    #[must_use]
    pub const fn is_attested(&self) -> bool {
        matches!(self.standing, Standing::Attested { .. })
    }
}

/// The attestations that count, one for each party at most.
///
/// [`Default`] is what is known without any file: nothing is attested.
#[derive(Clone, Debug, Default)]
pub struct Attestations {
    counted: BTreeMap<String, Counted>,
    holdings: Vec<KeysShown>,
}

/// The attestation of one party that counts.
#[derive(Clone, Debug)]
struct Counted {
    line: usize,
    attestation: Attestation,
    countersigned_by: BTreeSet<Countersigner>,
    is_over: bool,
    /// Whether the party has shown all its keys with it.
    is_shown: bool,
}

impl Attestations {
    /// Reads a file of attestations and proofs of keys: one envelope to a line, empty lines aside.
    ///
    /// An attestation counts if its party has signed it with the identity that the policy names,
    /// for this policy on this network, and it has begun to hold at `now`.  Of several of one
    /// party the highest serial counts, even if it is over: then the party's facts are stale.  Two that say different things
    /// under one serial are both left out, and so is everything before them.
    ///
    /// What it says is attested only if a proof names it and shows all keys of the party, which the
    /// judge tells; otherwise it is claimed.  All problems are
    /// returned, each with its line; a line with a problem that [refuses](AttestationProblem::is_refusal)
    /// it counts for nothing.
    #[must_use]
    pub fn read(
        text: &str,
        policy: &Policy,
        policy_id: [u8; 32],
        now: UnixTime,
        judge: &dyn KeyJudge,
    ) -> (Self, Vec<AttestationProblem>) {
        let mut problems = Vec::new();
        if text.len() > MAX_BYTES {
            let remark = AttestationRemark::TooLong { bytes: text.len() };
            problems.push(AttestationProblem { line: 1, remark });
            return (Self::default(), problems);
        }
        let reader = Reader {
            policy,
            policy_id,
            now,
            judge,
        };
        let mut proven = Vec::new();
        let mut by_party: BTreeMap<String, Vec<Counted>> = BTreeMap::new();
        for (at, json) in text.lines().enumerate() {
            if json.trim().is_empty() {
                continue;
            }
            let line = at + 1;
            match reader.line(line, json) {
                Ok(Line::Proof(proof)) => proven.push(proof),
                Ok(Line::Attestation(counted)) => {
                    let party = counted.attestation.party.clone();
                    by_party.entry(party).or_default().push(counted);
                }
                Err(remark) => problems.push(AttestationProblem { line, remark }),
            }
        }
        let mut counted = BTreeMap::new();
        for (party, all) in by_party {
            if let Some(last) = last(all, &mut problems) {
                contradictions(policy, &last, &mut problems);
                counted.insert(party, last);
            }
        }
        let holdings = reader.holdings(&counted, &proven);
        holding::mark(&mut counted, &holdings, &mut problems);
        problems.sort_by_key(|problem| problem.line);
        (Self { counted, holdings }, problems)
    }

    /// What the parties of which there is a line have shown of their keys, in the order of their
    /// names.
    #[must_use]
    pub fn keys(&self) -> &[KeysShown] {
        &self.holdings
    }

    /// What is said of where the keys of a party are.
    #[must_use]
    pub fn of_party(&self, party: &Party, domain: Domain) -> CustodyReading {
        let claimed = CustodyReading::claimed(party.custody(), domain);
        let Some(counted) = self.counted.get(party.name()) else {
            return claimed;
        };
        counted
            .reading(&counted.attestation.custody, domain)
            .unwrap_or(claimed)
    }

    /// What is said of where an item is.
    ///
    /// An item that its party attests without saying this of it is attested to be with the keys,
    /// unless the policy says otherwise of it.  Of an item that the attestation does not mention,
    /// the policy's word is all there is.
    #[must_use]
    pub fn of_item(&self, item: &Item, domain: Domain) -> CustodyReading {
        let counted = self.counted.get(item.of().name());
        let attested = counted.and_then(|counted| {
            let custody = counted.attestation.items.get(item.name())?;
            Some((counted, custody))
        });
        let is_stated = item.stated().get(domain).is_some();
        match attested {
            Some((counted, custody)) => match counted.reading(custody, domain) {
                Some(reading) => reading,
                None if is_stated => CustodyReading::claimed(item.stated(), domain),
                None => self.of_party(item.of(), domain),
            },
            None if is_stated => CustodyReading::claimed(item.stated(), domain),
            None => {
                // It is said to be with the keys, and nobody but the author has said so.
                let fact = self.of_party(item.of(), domain).fact;
                let standing = match fact {
                    Some(_) => Standing::Claimed,
                    None => Standing::Unknown,
                };
                CustodyReading { fact, standing }
            }
        }
    }

    /// The parties whose attestation counts, each with it, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Attestation> {
        self.counted.values().map(|counted| &counted.attestation)
    }
}

impl Counted {
    fn reading(&self, custody: &Custody, domain: Domain) -> Option<CustodyReading> {
        let fact = custody.get(domain)?.clone();
        let expires = self.attestation.expires;
        let standing = if self.is_over {
            Standing::Stale { since: expires }
        } else if !self.is_shown {
            Standing::Claimed
        } else {
            Standing::Attested {
                until: expires,
                countersigned_by: self.countersigned_by.iter().cloned().collect(),
            }
        };
        Some(CustodyReading {
            fact: Some(fact),
            standing,
        })
    }
}

/// What a line holds.
enum Line {
    Attestation(Counted),
    Proof(Proven),
}

struct Reader<'a> {
    policy: &'a Policy,
    policy_id: [u8; 32],
    now: UnixTime,
    judge: &'a dyn KeyJudge,
}

impl<'a> Reader<'a> {
    fn line(&self, line: usize, json: &str) -> Result<Line, AttestationRemark> {
        let envelope = Envelope::open(json)?;
        match envelope.payload_type() {
            ATTESTATION_TYPE => self.attestation(line, &envelope).map(Line::Attestation),
            KEY_PROOF_TYPE => self.proof(&envelope).map(Line::Proof),
            other => Err(AttestationRemark::WrongType {
                found: other.to_owned(),
            }),
        }
    }

    /// The identity of the party whose word an envelope is, if it is about this policy and signed
    /// by that identity.
    fn signed_by(
        &self,
        policy_id: [u8; 32],
        network: Network,
        name: &str,
        envelope: &Envelope,
    ) -> Result<&'a VerifyingKey, AttestationRemark> {
        if policy_id != self.policy_id {
            let found = hex(&policy_id);
            return Err(AttestationRemark::OtherPolicy { found });
        }
        if network != self.policy.network() {
            return Err(AttestationRemark::OtherNetwork {
                found: network,
                policy: self.policy.network(),
            });
        }
        let Some(party) = self.policy.party(name) else {
            return Err(AttestationRemark::UnknownParty(name.to_owned()));
        };
        let Some(identity) = party.identity() else {
            return Err(AttestationRemark::NoIdentity(name.to_owned()));
        };
        if !envelope.signers().any(|signer| signer == identity) {
            return Err(AttestationRemark::NotSigned(name.to_owned()));
        }
        Ok(identity)
    }

    fn attestation(&self, line: usize, envelope: &Envelope) -> Result<Counted, AttestationRemark> {
        let attestation = Attestation::from_payload(envelope.payload())?;
        let name = &attestation.party;
        let (policy_id, network) = (attestation.policy_id, attestation.network);
        let identity = self.signed_by(policy_id, network, name, envelope)?;
        for item in attestation.items.keys() {
            let of = self.policy.item(item).map(|item| item.of().name());
            if of != Some(name) {
                let (item, party) = (item.clone(), name.clone());
                return Err(AttestationRemark::NotItsItem { item, party });
            }
        }
        if attestation.issued > self.now {
            let from = attestation.issued;
            return Err(AttestationRemark::NotYet { from });
        }
        let others = envelope.signers().filter(|signer| *signer != identity);
        Ok(Counted {
            line,
            countersigned_by: others.map(|signer| self.countersigner(signer)).collect(),
            is_over: self.now >= attestation.expires,
            is_shown: false,
            attestation,
        })
    }

    fn countersigner(&self, key: &VerifyingKey) -> Countersigner {
        let mut parties = self.policy.parties();
        match parties.find(|party| party.identity() == Some(key)) {
            Some(party) => Countersigner::Party(party.name().to_owned()),
            None => Countersigner::Outsider(hex(key.as_bytes())),
        }
    }
}

/// The one with the highest serial, with the countersignatures of all that say the same; none if
/// two of that serial say different things.
fn last(all: Vec<Counted>, problems: &mut Vec<AttestationProblem>) -> Option<Counted> {
    let mut by_serial: BTreeMap<u32, Vec<Counted>> = BTreeMap::new();
    for counted in all {
        let same = by_serial.entry(counted.attestation.serial).or_default();
        let known = same
            .iter_mut()
            .find(|other| other.attestation == counted.attestation);
        match known {
            Some(known) => known.countersigned_by.extend(counted.countersigned_by),
            None => same.push(counted),
        }
    }
    for (serial, same) in &by_serial {
        let [first, others @ ..] = same.as_slice() else {
            continue;
        };
        for other in others {
            problems.push(AttestationProblem {
                line: other.line,
                remark: AttestationRemark::Conflict {
                    party: other.attestation.party.clone(),
                    serial: *serial,
                    first: first.line,
                },
            });
        }
    }
    let (_, mut last) = by_serial.pop_last()?;
    let only = last.pop()?;
    last.is_empty().then_some(only)
}

/// Reports what the policy says otherwise.
fn contradictions(policy: &Policy, counted: &Counted, problems: &mut Vec<AttestationProblem>) {
    let attestation = &counted.attestation;
    let Some(party) = policy.party(&attestation.party) else {
        return;
    };
    let mut compare = |whose: &str, attested: &Custody, claimed: &Custody| {
        for (domain, attested) in attested.iter() {
            if let Some(claimed) = claimed.get(domain).filter(|claimed| *claimed != attested) {
                problems.push(AttestationProblem {
                    line: counted.line,
                    remark: AttestationRemark::Contradiction {
                        whose: whose.to_owned(),
                        domain,
                        attested: attested.clone(),
                        claimed: claimed.clone(),
                    },
                });
            }
        }
    };
    compare(party.name(), &attestation.custody, party.custody());
    for (name, attested) in &attestation.items {
        if let Some(item) = policy.item(name) {
            compare(name, attested, item.custody());
        }
    }
}

/// A problem in a file of attestations, with its line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {remark}")]
pub struct AttestationProblem {
    /// The line, from one.
    pub line: usize,
    /// What it is.
    #[source]
    pub remark: AttestationRemark,
}

impl AttestationProblem {
    /// Whether the line counts for nothing because of it.
    ///
    /// Of a contradiction the attested value counts; what is attested without the keys is claimed.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        !matches!(
            self.remark,
            AttestationRemark::Contradiction { .. } | AttestationRemark::KeysNotShown { .. }
        )
    }
}

/// What there is to say about one line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttestationRemark {
    /// The whole file.
    #[error("the file has {bytes} bytes, and may have {MAX_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is no envelope, or a signature in it is not right.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The payload is something else.
    #[error(
        "the payload is of type {}, and should be `{ATTESTATION_TYPE}` or `{KEY_PROOF_TYPE}`",
        quote(found)
    )]
    WrongType {
        /// The type that stands there.
        found: String,
    },
    /// The payload cannot be read.
    #[error(transparent)]
    Payload(#[from] AttestationError),
    /// A proof of keys cannot be read.
    #[error(transparent)]
    Proof(#[from] KeyProofError),
    /// A proof of keys is not right.
    #[error("it proves nothing: {0}")]
    Keys(#[from] KeyFault),
    /// A proof of keys is for another identity than the policy names.
    #[error("it shows keys for another identity than that of {}", quote(.0))]
    OtherIdentity(String),
    /// It is about another policy, or another version of this one.
    #[error("it is about the policy with the id {found}, which is another")]
    OtherPolicy {
        /// The id that stands there.
        found: String,
    },
    /// It is for another network.
    #[error("it is for the network {found}, and the policy is for {policy}")]
    OtherNetwork {
        /// The network that stands there.
        found: Network,
        /// That of the policy.
        policy: Network,
    },
    /// The policy has no such party.
    #[error("the policy has no party {}", quote(.0))]
    UnknownParty(String),
    /// Nobody can tell whether it is the party's word.
    #[error("the policy names no `identity` of {}, so nobody can tell that it is its word", quote(.0))]
    NoIdentity(String),
    /// Others have signed, and the party has not.
    #[error("it is not signed by the identity of {}", quote(.0))]
    NotSigned(String),
    /// An item is not the party's.
    #[error("the policy has no item {} of {}", quote(item), quote(party))]
    NotItsItem {
        /// The item.
        item: String,
        /// The party.
        party: String,
    },
    /// It does not hold yet.
    #[error("it holds only from {from} UTC on")]
    NotYet {
        /// From when on.
        from: UnixTime,
    },
    /// The party has said two things at once.
    #[error(
        "{} says different things under serial {serial} here and in line {first}; neither counts, nor what it said before",
        quote(party)
    )]
    Conflict {
        /// The party.
        party: String,
        /// The serial of both.
        serial: u32,
        /// The line of the first.
        first: usize,
    },
    /// The policy says otherwise.
    #[error(
        "the {domain} of {} is attested as {}, and the policy says {}; what is attested counts",
        quote(whose),
        quote(&attested.to_string()),
        quote(&claimed.to_string())
    )]
    Contradiction {
        /// The party or the item.
        whose: String,
        /// Which fact.
        domain: Domain,
        /// What the party says.
        attested: CustodyFact,
        /// What the policy says.
        claimed: CustodyFact,
    },
    /// The party has not shown that it holds its keys.
    #[error(
        "{} has shown {shown} of its {keys} keys with this, and all have to be shown; until then it is claimed and not attested",
        quote(party)
    )]
    KeysNotShown {
        /// The party.
        party: String,
        /// How many keys it has in the leaves of the policy.
        keys: usize,
        /// How many of them were shown with the attestation.
        shown: usize,
    },
}
