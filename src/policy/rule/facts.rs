//! What a rule is told.  These forms are frozen: a verdict names the digest of one.

use std::fmt;

use bitcoin::Amount;
use bitcoin::hashes::{Hash, sha256};
use rhai::{Array, Dynamic, Map};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::super::document::did_you_mean;
use super::super::shown::{list, quote};
use super::super::{Code, Diagnostic, Network};

/// A question with everything a rule may know to answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "Asked")]
pub enum Facts {
    /// Whether an activation is in order: the argument of `fn activate(facts)`.
    Activate(ActivationFacts),
    /// Whether a payment is in order: the argument of `fn review(spend)`.
    Review(Spend),
}

/// Facts as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    activate: Option<ActivationFacts>,
    review: Option<Spend>,
}

impl TryFrom<Asked> for Facts {
    type Error = String;

    fn try_from(asked: Asked) -> Result<Self, Self::Error> {
        match (asked.activate, asked.review) {
            (Some(facts), None) => Ok(Self::Activate(facts)),
            (None, Some(spend)) => {
                spend.check_sum()?;
                Ok(Self::Review(spend))
            }
            (None, None) => Err("facts have one of the fields `activate` and `review`".to_owned()),
            (Some(_), Some(_)) => Err(
                "facts have one of the fields `activate` and `review`, and these have both"
                    .to_owned(),
            ),
        }
    }
}

/// Which function of a rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// `fn activate(facts)`.
    Activate,
    /// `fn review(spend)`.
    Review,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Activate => "activate",
            Self::Review => "review",
        })
    }
}

/// What is known when somebody wants to activate a path.
///
/// Moments are median times of the chain in seconds since 1970, never anybody's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationFacts {
    /// The id of the policy, in 64 hexadecimal digits of lower case.
    #[serde(deserialize_with = "policy_id")]
    pub policy_id: String,
    /// The network.
    pub network: Network,
    /// The path.
    pub path: String,
    /// The height of the chain.
    pub height: u32,
    /// The median time of the chain.
    pub median_time_past: u32,
    /// What stands to be moved.
    pub vault: Vault,
    /// The last heartbeat of each party that ever gave one.
    pub heartbeats: Vec<Heartbeat>,
    /// The conditions of silence of the path's activation.
    pub silences: Vec<Silence>,
    /// The alarms that stand.
    pub alarms: Vec<Alarm>,
    /// The votes on this activation.
    pub ballots: Vec<Ballots>,
}

/// The coins of a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// How many there are.
    pub coins: u32,
    /// What they come to.
    pub sats: Sats,
}

/// A sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Whose.
    pub party: String,
    /// When the chain was at which median time.
    pub median_time_past: u32,
}

/// How many members of a quorum have been heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// The quorum.
    pub quorum: String,
    /// How many parties are in it.
    pub members: u32,
    /// How many of them gave a heartbeat within the period.
    pub heard: u32,
    /// Fewer than this many is silence.
    pub fewer_than: u32,
    /// The period in seconds.
    pub seconds: u32,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// Who raised it.
    pub party: String,
    /// When the chain was at which median time.
    pub median_time_past: u32,
}

/// A vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ballots {
    /// The quorum that votes.
    pub quorum: String,
    /// How many parties are in it.
    pub members: u32,
    /// Ballots for it.
    pub approve: u32,
    /// Ballots against it.
    pub reject: u32,
    /// Until which median time it is open.
    pub open_until: u32,
}

/// A payment before it is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// The id of the policy, in 64 hexadecimal digits of lower case.
    #[serde(deserialize_with = "policy_id")]
    pub policy_id: String,
    /// The network.
    pub network: Network,
    /// The path, or `root`.
    pub path: String,
    /// The stage the coins are in.
    pub stage: SpendStage,
    /// The transaction.
    pub transaction: SpendKind,
    /// The height of the chain.
    pub height: u32,
    /// The median time of the chain.
    pub median_time_past: u32,
    /// What the vault holds before.
    pub balance: Sats,
    /// What goes to payees, all together: the sum of what each of them gets.
    pub amount: Sats,
    /// What goes back to the vault.
    pub change: Sats,
    /// What goes to miners.
    pub fee: Sats,
    /// The feerate in satoshis per 1,000 virtual bytes.
    pub sat_per_kvb: u32,
    /// Who is paid.
    pub payees: Vec<Payee>,
    /// What it is for, in the words of whoever proposes it.
    pub purpose: String,
}

impl Spend {
    /// Whether the amount is what the payees get together.
    pub(super) fn check_sum(&self) -> Result<(), String> {
        let payees = self.payees.iter();
        // So many amounts that could exist come nowhere near the end of the type.
        let sum = payees.fold(0, |sum: i64, payee| sum.saturating_add(payee.amount.0));
        if sum == self.amount.0 {
            return Ok(());
        }
        Err(format!(
            "`amount` is {}, and the payees get {sum} together; the two have to be the same",
            self.amount.0
        ))
    }
}

/// Words that a fact can be, each read from exactly its spelling and written so.
macro_rules! words {
    ($(#[$about:meta])* $name:ident, $what:literal: $($(#[$doc:meta])* $variant:ident $word:literal)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All of them with their words.
            pub(super) const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(word: String) -> Result<Self, Self::Error> {
                match word.as_str() {
                    $($word => Ok(Self::$variant),)*
                    other => Err(unknown($what, other, &[$($word),*])),
                }
            }
        }

        impl From<$name> for &'static str {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => $word,)*
                }
            }
        }
    };
}

words! {
    /// The stage of the coins that a payment spends.
    SpendStage, "stage":
    /// `vault`.
    Vault "vault"
    /// `escrow`.
    Escrow "escrow"
    /// `lock-up`.
    LockUp "lock-up"
}

words! {
    /// What a transaction is that a rule is asked about.
    SpendKind, "transaction":
    /// `spend`.
    Spend "spend"
    /// `trigger`.
    Trigger "trigger"
    /// `settle`.
    Settle "settle"
    /// `release`.
    Release "release"
    /// `refresh`.
    Refresh "refresh"
    /// `sweep`.
    Sweep "sweep"
}

fn unknown(what: &str, typed: &str, known: &[&'static str]) -> String {
    let similar = did_you_mean(typed, known.iter().copied());
    let similar = similar.map(|word| format!("did you mean `{word}`? "));
    let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    format!(
        "there is no {what} {}; {}it is one of {}",
        quote(typed),
        similar.unwrap_or_default(),
        list(&known, "and")
    )
}

/// The id of a policy as it is always written.
fn policy_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    if is_policy_id(&id) {
        return Ok(id);
    }
    Err(serde::de::Error::custom(format!(
        "{} is no id of a policy, which has 64 hexadecimal digits of lower case",
        quote(&id)
    )))
}

/// Whether a text is the id of a policy as it is always written.
pub(super) fn is_policy_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Somebody who is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payee {
    /// His address.
    pub address: String,
    /// What he gets.
    pub amount: Sats,
}

/// An amount of satoshis that can exist: 0 to 21 million bitcoin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "i64")]
pub struct Sats(i64);

impl Sats {
    /// The most there can be.
    pub(super) fn most() -> u64 {
        Amount::MAX_MONEY.to_sat()
    }

    /// The amount in satoshis.
    #[must_use]
    pub const fn to_i64(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Sats {
    type Error = &'static str;

    fn try_from(sats: i64) -> Result<Self, Self::Error> {
        let possible = u64::try_from(sats).is_ok_and(|sats| sats <= Self::most());
        possible
            .then_some(Self(sats))
            .ok_or("an amount is 0 to 2100000000000000 satoshis")
    }
}

impl From<Sats> for i64 {
    fn from(sats: Sats) -> Self {
        sats.0
    }
}

impl<'de> Deserialize<'de> for Sats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(Satoshis)
    }
}

/// Reads an amount, and says in satoshis what it should be.
struct Satoshis;

impl Visitor<'_> for Satoshis {
    type Value = Sats;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount in satoshis, a whole number")
    }

    fn visit_i64<E: serde::de::Error>(self, sats: i64) -> Result<Sats, E> {
        Sats::try_from(sats).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, sats: u64) -> Result<Sats, E> {
        self.visit_i64(i64::try_from(sats).unwrap_or(i64::MAX))
    }
}

impl Facts {
    /// Facts from JSON: `{"activate": {…}}` or `{"review": {…}}`, every field given, none unknown.
    ///
    /// # Errors
    ///
    /// If it is something else, with the line and column.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The function that is asked.
    #[must_use]
    pub const fn question(&self) -> Question {
        match self {
            Self::Activate(_) => Question::Activate,
            Self::Review(_) => Question::Review,
        }
    }

    /// SHA-256 of the facts as one line of JSON, fields in their fixed order, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        let json = serde_json::to_vec(self).expect("texts, whole numbers and lists of them");
        sha256::Hash::hash(&json).to_string()
    }

    /// The argument of the function.
    pub(super) fn to_script(&self) -> Result<Dynamic, Diagnostic> {
        let value = match self {
            Self::Activate(facts) => serde_json::to_value(facts),
            Self::Review(facts) => serde_json::to_value(facts),
        };
        let value = value.ok().and_then(|value| to_script(&value));
        value.ok_or_else(|| {
            Diagnostic::new(
                Code::ScriptFailed,
                "the facts are nothing a script can hold",
            )
        })
    }
}

fn to_script(value: &Value) -> Option<Dynamic> {
    Some(match value {
        Value::Bool(truth) => Dynamic::from(*truth),
        Value::Number(number) => Dynamic::from(number.as_i64()?),
        Value::String(text) => Dynamic::from(text.clone()),
        Value::Array(items) => {
            let items: Option<Array> = items.iter().map(to_script).collect();
            Dynamic::from(items?)
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Option<Map> = fields
                .map(|(name, value)| Some((name.as_str().into(), to_script(value)?)))
                .collect();
            Dynamic::from(fields?)
        }
        Value::Null => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: i64 = 2_100_000_000_000_000;

    #[test]
    fn amounts_are_those_that_can_exist() {
        for possible in [0, 1, MAX - 1, MAX] {
            assert_eq!(Sats::try_from(possible).map(Sats::to_i64), Ok(possible));
        }
        for impossible in [-1, MAX + 1, i64::MIN, i64::MAX] {
            assert!(Sats::try_from(impossible).is_err(), "{impossible}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_is_read_as_it_was_written(sats in any::<i64>()) {
            let read: Result<Sats, _> = serde_json::from_str(&sats.to_string());
            prop_assert_eq!(read.is_ok(), (0..=MAX).contains(&sats));
        }

        #[test]
        fn nothing_but_whole_numbers_is_an_amount(sats in any::<f64>()) {
            let text = format!("{sats:?}");
            prop_assert!(serde_json::from_str::<Sats>(&text).is_err());
        }
    }
}
