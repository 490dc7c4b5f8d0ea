//! A party's own word of where its keys and its items are kept.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Digest;
use super::envelope::{Envelope, hex, pre_authentication};
use crate::policy::{Custody, CustodyFact, Domain, Network, Party, Policy, is_invisible, quote};
use crate::units::UnixTime;

/// The type of the payload, in which its version stands.
pub const ATTESTATION_TYPE: &str = "application/vnd.longstop.attestation.v1+json";

/// Longest value of a fact, in characters, as in a policy.
const MAX_TEXT: usize = 500;

/// What a party says of its custody, for some time.
///
/// Its payload is JSON in one form only: fields in a fixed order, those that say nothing left
/// out, and no spaces.  Whatever is written otherwise is refused, so two payloads that say the
/// same are the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The id of the policy.
    pub policy_id: [u8; 32],
    /// Its network.
    pub network: Network,
    /// The party whose word it is.
    pub party: String,
    /// Where its keys are.
    pub custody: Custody,
    /// Where its items are, by their names.  What is not said of one is as with the keys.
    pub items: BTreeMap<String, Custody>,
    /// From when on it holds.
    pub issued: UnixTime,
    /// From when on it holds no more.
    pub expires: UnixTime,
    /// Which of several attestations of the party counts: the highest number.
    pub serial: u32,
}

impl Attestation {
    /// Attests just what a policy claims of a party and its items.
    #[must_use]
    pub fn of_claims(
        policy: &Policy,
        policy_id: [u8; 32],
        party: &Party,
        issued: UnixTime,
        expires: UnixTime,
        serial: u32,
    ) -> Self {
        let items = policy.items();
        let own = items.filter(|item| item.of().name() == party.name());
        Self {
            policy_id,
            network: policy.network(),
            party: party.name().to_owned(),
            custody: party.custody().clone(),
            items: own
                .map(|item| (item.name().to_owned(), item.stated().clone()))
                .collect(),
            issued,
            expires,
            serial,
        }
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let payload = Payload {
            policy: hex(&self.policy_id),
            network: self.network,
            party: self.party.clone(),
            custody: Facts::of(&self.custody),
            items: self
                .items
                .iter()
                .map(|(item, custody)| ItemFacts {
                    item: item.clone(),
                    custody: Facts::of(custody),
                })
                .collect(),
            issued: date(self.issued),
            expires: date(self.expires),
            serial: self.serial,
        };
        serde_json::to_vec(&payload).expect("texts and numbers can always be written as JSON")
    }

    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, a form that is not the one of [`payload`](Self::payload)
    /// among them.
    pub fn from_payload(payload: &[u8]) -> Result<Self, AttestationError> {
        let typed: Payload = serde_json::from_slice(payload)
            .map_err(|error| AttestationError::NotAnAttestation(quote(&error.to_string())))?;
        let policy_id = id(&typed.policy)?;
        let custody = typed.custody.read()?;
        let mut items = BTreeMap::new();
        for ItemFacts { item, custody } in typed.items {
            let custody = custody.read()?;
            if items.insert(item.clone(), custody).is_some() {
                return Err(AttestationError::ItemTwice(item));
            }
        }
        let attestation = Self {
            policy_id,
            network: typed.network,
            party: typed.party,
            custody,
            items,
            issued: moment("issued", &typed.issued)?,
            expires: moment("expires", &typed.expires)?,
            serial: typed.serial,
        };
        if attestation.payload() != payload {
            return Err(AttestationError::NotCanonical);
        }
        if attestation.expires <= attestation.issued {
            return Err(AttestationError::NeverValid);
        }
        Ok(attestation)
    }

    /// The name of what it says: SHA-256 of the bytes that are signed (DSSE's encoding of type and
    /// payload), whoever signs them.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::sha256(&pre_authentication(ATTESTATION_TYPE, &self.payload()))
    }

    /// Signs it with the identity of the party; others can [countersign](Envelope::countersign).
    #[must_use]
    pub fn sign(&self, identity: &SigningKey) -> Envelope {
        Envelope::sign(ATTESTATION_TYPE, self.payload(), identity)
    }
}

/// Why bytes are no attestation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttestationError {
    /// It is no JSON, or a field is missing, unknown, given twice, or of another kind.
    #[error("the payload is no attestation: {0}")]
    NotAnAttestation(String),
    /// The id has another form.
    #[error("`policy` is {}, and should be 64 hexadecimal digits in lower case", quote(.0))]
    BadPolicyId(String),
    /// A moment has another form.
    #[error(
        "`{field}` is {}, and should be a date in UTC such as `2026-01-31T12:00:00Z`, from 1970 to 2106",
        quote(text)
    )]
    BadDate {
        /// The field.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// A fact says nothing, or what no policy could say.
    #[error(
        "`{domain}` is {}, and should be a text of 1 to {MAX_TEXT} characters that are drawn, without spaces around it",
        quote(text)
    )]
    BadFact {
        /// Which fact.
        domain: Domain,
        /// What stands there.
        text: String,
    },
    /// An item stands twice in it.
    #[error("item {} is given twice", quote(.0))]
    ItemTwice(String),
    /// It says all it should, in another form.
    #[error(
        "the payload is not in its one form: fields in their order, items in the order of their names, and nothing between them"
    )]
    NotCanonical,
    /// It is over before it begins.
    #[error("it expires before it is issued, or at once")]
    NeverValid,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    policy: String,
    network: Network,
    party: String,
    custody: Facts,
    items: Vec<ItemFacts>,
    issued: String,
    expires: String,
    serial: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemFacts {
    item: String,
    custody: Facts,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jurisdiction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
}

impl Facts {
    fn of(custody: &Custody) -> Self {
        let mut facts = Self::default();
        for (domain, fact) in custody.iter() {
            *facts.field(domain) = Some(fact.to_string());
        }
        facts
    }

    fn field(&mut self, domain: Domain) -> &mut Option<String> {
        match domain {
            Domain::Operator => &mut self.operator,
            Domain::Host => &mut self.host,
            Domain::Cloud => &mut self.cloud,
            Domain::Vendor => &mut self.vendor,
            Domain::Jurisdiction => &mut self.jurisdiction,
            Domain::Site => &mut self.site,
        }
    }

    fn read(mut self) -> Result<Custody, AttestationError> {
        let mut facts = Vec::new();
        for (_, domain) in Domain::ALL {
            let Some(text) = self.field(domain).take() else {
                continue;
            };
            let is_plain = text.trim() == text
                && text.chars().count() <= MAX_TEXT
                && !text.chars().any(is_invisible);
            match CustodyFact::of_text(&text).filter(|_| is_plain) {
                Some(fact) => facts.push((domain, fact)),
                None => return Err(AttestationError::BadFact { domain, text }),
            }
        }
        Ok(facts.into_iter().collect())
    }
}

pub(super) fn date(time: UnixTime) -> String {
    DateTime::from_timestamp(i64::from(time.0), 0).map_or_else(String::new, |date| {
        date.to_rfc3339_opts(SecondsFormat::Secs, true)
    })
}

pub(super) fn moment(field: &'static str, text: &str) -> Result<UnixTime, AttestationError> {
    let date = DateTime::parse_from_rfc3339(text).ok();
    let seconds = date.and_then(|date| u32::try_from(date.timestamp()).ok());
    let time = seconds
        .map(UnixTime)
        .filter(|time| self::date(*time) == text);
    time.ok_or_else(|| AttestationError::BadDate {
        field,
        text: text.to_owned(),
    })
}

fn id(text: &str) -> Result<[u8; 32], AttestationError> {
    let mut bytes = [0; 32];
    let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let bad = || AttestationError::BadPolicyId(text.to_owned());
    if text.len() != 64 || !text.bytes().all(digits) {
        return Err(bad());
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        let pair = text.get(2 * at..2 * at + 2).ok_or_else(bad)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
    }
    Ok(bytes)
}
