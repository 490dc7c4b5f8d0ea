//! What a rehearsal reports, as plain data: who did what when, what the chain said, and where the
//! money is.
//!
//! A report holds no wall clock and no secret, and names the digests of what it was made from, so
//! that two people can compare theirs byte by byte.

pub mod analysis;

use std::collections::BTreeMap;

use bitcoin::{Amount, Denomination, Txid};
use serde::Serialize;

use crate::governance::{EventId, Status};
use crate::units::{BlockHeight, UnixTime, format_date_time};

/// The report of one rehearsal.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The name of the incident.
    pub incident: String,
    /// What it is about.
    pub about: String,
    /// Where everything comes from.
    pub provenance: Provenance,
    /// What could be misunderstood, said first.
    pub warnings: Vec<String>,
    /// What happened.
    pub timeline: Vec<Entry>,
    /// Where the money is at the end.
    pub money: Money,
    /// How the cases stand at the end: none where nobody says anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseStory>,
    /// What was expected, and whether it came so.
    pub expectations: Vec<Expectation>,
}

impl Report {
    /// Whether everything came as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.expectations.iter().all(|expectation| expectation.met)
    }
}

/// What a report was made from.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    /// The version of this program.
    pub version: &'static str,
    /// SHA-256 of the incident file.
    pub incident_sha256: String,
    /// SHA-256 of the policy file.
    pub policy_sha256: String,
    /// The policy id with the policy's own keys.
    pub policy_id: String,
    /// The policy id with the stand-in keys of the rehearsal.
    pub rehearsed_policy_id: String,
    /// The seed of the stand-in keys.
    pub seed: u64,
}

/// One line of the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The timestamp of the chain's last block, in UTC.
    #[serde(serialize_with = "date_time")]
    pub date: UnixTime,
    /// The height of the chain.
    pub height: BlockHeight,
    /// What kind of event it was: the word of the incident file, such as `trigger` or `mine`.
    pub event: &'static str,
    /// The line of the incident file, counted from one.
    pub line: usize,
    /// Who acted.
    pub who: String,
    /// What they did.
    pub what: String,
    /// What the chain, or our own software, said.
    pub verdict: Verdict,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// Where the money was afterwards.
    pub money: Money,
    /// How cases stood afterwards, by their names: none where nobody says anything.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cases: BTreeMap<String, String>,
}

/// What was said of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Nothing was submitted.
    None,
    /// The chain took a transaction.
    Accepted {
        /// Its id.
        txid: Txid,
        /// Its virtual size.
        vbytes: u64,
        /// The fee in satoshis, with that of a fee child if there is one.
        fee_sats: u64,
        /// The virtual size of the fee child.
        child_vbytes: Option<u64>,
    },
    /// What was said is in the ledger, and counts.
    Recorded {
        /// The events, one for each who said it.
        events: Vec<EventId>,
    },
    /// The chain refused a transaction.
    RefusedByChain {
        /// The class of the refusal, in Bitcoin Core's words.
        class: String,
        /// What Bitcoin Core's code said besides.
        detail: Option<String>,
        /// Whether a block with the transaction would be refused too, rather than relay only.
        consensus: bool,
    },
    /// Our own software refused to go on.
    RefusedBySoftware {
        /// The class of the refusal.
        class: String,
        /// The reason in a sentence.
        reason: String,
    },
}

impl Verdict {
    /// The class, if it is a refusal.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        match self {
            Self::None | Self::Accepted { .. } | Self::Recorded { .. } => None,
            Self::RefusedByChain { class, .. } | Self::RefusedBySoftware { class, .. } => {
                Some(class)
            }
        }
    }
}

/// Where the money is, in satoshis, unconfirmed outputs included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Money {
    /// By stage, such as `vault` or `escrow of sos`.
    pub stages: BTreeMap<String, u64>,
    /// By payee.
    pub payees: BTreeMap<String, u64>,
}

/// A case, as it stands at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseStory {
    /// The name that the incident gives it.
    pub name: String,
    /// How it stands, in a word or a few.
    pub state: String,
    /// All that is known of it.
    pub status: Status,
}

/// One expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// What was expected.
    pub expected: String,
    /// What came.
    pub actual: String,
    /// Whether that is the same.
    pub met: bool,
    /// The line of the incident file, for an expectation about an event.
    pub line: Option<usize>,
}

fn date_time<S: serde::Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_date_time(*time))
}

/// An amount in bitcoin with as many places as it needs, as an incident would write it.
#[must_use]
pub fn btc(amount: Amount) -> String {
    let places = format!("{:.8}", amount.display_in(Denomination::Bitcoin));
    let places = match places.split_once('.') {
        Some((whole, rest)) => match rest.trim_end_matches('0') {
            "" => whole.to_owned(),
            rest => format!("{whole}.{rest}"),
        },
        None => places,
    };
    format!("{places} BTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_places_they_need() {
        for (sats, shown) in [
            (0, "0 BTC"),
            (1, "0.00000001 BTC"),
            (100_000_000, "1 BTC"),
            (1_000_000_000, "10 BTC"),
            (2_499_000_000, "24.99 BTC"),
            (2_499_999_192, "24.99999192 BTC"),
            (2_100_000_000_000_000, "21000000 BTC"),
        ] {
            let amount = Amount::from_sat(sats);
            assert_eq!(btc(amount), shown);
            assert_eq!(shown.parse(), Ok(amount));
        }
    }
}
