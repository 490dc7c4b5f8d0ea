//! A whole arming round as one file: several coins, one or more paths, from the first request to the
//! last trigger.
//!
//! Whoever reads a round plans every arming in it anew from the policy and the coins, and takes
//! nothing from it but signatures and acknowledgements, each of which is verified.  What the file
//! says of states and transactions is there for people.

mod acknowledge;
mod error;
mod speakers;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{OutPoint, Psbt, Txid};
use serde::{Deserialize, Serialize};

use super::file::PsbtFile;
use super::merge::StrippedFrom;
use super::stamp;
use crate::arming::{ArmedCoin, Arming, ArmingError, ArmingState, CoinEntry};
use crate::compile::{Compiled, KeyUse};
use crate::policy::quote;
use crate::transaction::{BuildError, Builder, VaultCoin};

pub use self::error::RoundError;
pub use self::speakers::Speakers;

/// The format this crate writes.
const FORMAT: &str = "longstop-round-1";

/// Most bytes of a round.
pub const MAX_ROUND: usize = 256 << 20;

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundFile {
    /// `longstop-round-1`.
    pub format: String,
    /// The policy id, in hexadecimal.
    pub policy: String,
    /// The network.
    pub network: String,
    /// The armings, one for each coin and path.
    pub armings: Vec<RoundEntry>,
}

/// The arming of one coin on one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundEntry {
    /// The path.
    pub path: String,
    /// The coin.
    pub coin: CoinEntry,
    /// How far it had come when this was written.
    pub state: ArmingState,
    /// The courses, first to last.
    pub courses: Vec<RoundCourse>,
    /// Who holds the cancels and settles.
    pub acknowledged: Vec<Acknowledged>,
}

/// The files of a course, as PSBTs in base64 (BIP-174).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundCourse {
    /// The cancel at each rung, lowest first.
    pub cancels: Vec<String>,
    /// The settle at each rung, lowest first; none where root does not sign it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settles: Vec<String>,
    /// The trigger, once the others are acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
}

/// The word of a party that it holds and has verified the cancels and settles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    /// The party.
    pub party: String,
    /// Its signed event, where the policy has an identity for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<String>,
}

/// What came of a file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Taken {
    /// Whose signatures came in, and how many of each.
    pub accepted: BTreeMap<String, usize>,
    /// Whose acknowledgements came in, and how many of each.
    pub acknowledged: BTreeMap<String, usize>,
    /// Signatures that were not taken.
    pub stripped: Vec<StrippedFrom>,
    /// What else was not taken, and why.
    pub refused: Vec<String>,
}

/// A round under way.
#[derive(Clone, Debug)]
pub struct Round<'a> {
    compiled: &'a Compiled,
    secp: &'a Secp256k1<All>,
    armings: Vec<Arming>,
    /// The acknowledgements of each arming, by party.
    said: Vec<BTreeMap<String, Option<String>>>,
    by_txid: HashMap<Txid, usize>,
    speakers: Speakers,
}

impl<'a> Round<'a> {
    /// Begins a round: every coin on every path, with nothing signed.
    ///
    /// The caller knows that the coins are buried.
    ///
    /// # Errors
    ///
    /// If there is nothing to arm, a path is not staged, or a coin is named twice or too small.
    pub fn start(
        compiled: &'a Compiled,
        secp: &'a Secp256k1<All>,
        coins: &[VaultCoin],
        paths: &[String],
    ) -> Result<Self, RoundError> {
        let pairs = coins.iter();
        let pairs = pairs.flat_map(|coin| paths.iter().map(move |path| (coin, &**path)));
        Self::begin(compiled, secp, pairs)
    }

    /// Begins a round with just these coins, each on its path.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn begin<'b>(
        compiled: &'a Compiled,
        secp: &'a Secp256k1<All>,
        pairs: impl IntoIterator<Item = (&'b VaultCoin, &'b str)>,
    ) -> Result<Self, RoundError> {
        let mut round = Self::empty(compiled, secp);
        for (coin, path) in pairs {
            round.plan(coin, path)?;
        }
        match round.armings.is_empty() {
            true => Err(RoundError::Nothing),
            false => Ok(round),
        }
    }

    /// Reads a round, believing nothing but signatures and acknowledgements that verify, each party
    /// speaking with the key that the policy names.
    ///
    /// # Errors
    ///
    /// If it is no round, one of another policy or network, or about coins that cannot be armed.
    pub fn read(
        bytes: &[u8],
        compiled: &'a Compiled,
        secp: &'a Secp256k1<All>,
    ) -> Result<(Self, Taken), RoundError> {
        Self::read_hearing(bytes, compiled, secp, Speakers::of_policy(compiled))
    }

    /// The same, with the keys that speak as somebody else knows it.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_hearing(
        bytes: &[u8],
        compiled: &'a Compiled,
        secp: &'a Secp256k1<All>,
        speakers: Speakers,
    ) -> Result<(Self, Taken), RoundError> {
        let file = RoundFile::read(bytes, compiled)?;
        let mut round = Self::empty(compiled, secp);
        round.speakers = speakers;
        let builder = Builder::new(compiled, secp);
        for entry in &file.armings {
            round.plan(&entry.coin.read(&builder)?, &entry.path)?;
        }
        let taken = round.take_entries("the round", &file);
        Ok((round, taken))
    }

    fn empty(compiled: &'a Compiled, secp: &'a Secp256k1<All>) -> Self {
        Self {
            compiled,
            secp,
            armings: Vec::new(),
            said: Vec::new(),
            by_txid: HashMap::new(),
            speakers: Speakers::of_policy(compiled),
        }
    }

    fn plan(&mut self, coin: &VaultCoin, path: &str) -> Result<(), RoundError> {
        let found = self.compiled.policy().path(path);
        let found = found.ok_or_else(|| RoundError::NoPath(path.to_owned()))?;
        let builder = Builder::new(self.compiled, self.secp);
        let arming = Arming::plan(&builder, self.compiled.id(), found, coin)?;
        let number = self.armings.len();
        for txid in arming.txids() {
            if self.by_txid.insert(txid, number).is_some() {
                return Err(RoundError::Twice {
                    coin: coin.outpoint(),
                    path: path.to_owned(),
                });
            }
        }
        self.armings.push(arming);
        self.said.push(BTreeMap::new());
        Ok(())
    }

    /// The armings, one for each coin and path.
    #[must_use]
    pub fn armings(&self) -> &[Arming] {
        &self.armings
    }

    /// The document.
    ///
    /// # Errors
    ///
    /// None that coins of the policy can provoke.
    pub fn to_file(&self) -> Result<RoundFile, BuildError> {
        let mut armings = Vec::new();
        for (arming, said) in self.armings.iter().zip(&self.said) {
            let text = |mut psbt: Psbt| {
                stamp(&mut psbt, self.compiled);
                psbt.to_string()
            };
            let courses = arming.files()?.into_iter().map(|course| RoundCourse {
                cancels: course.cancels.into_iter().map(text).collect(),
                settles: course.settles.into_iter().map(text).collect(),
                trigger: course.trigger.map(text),
            });
            let said = said.iter().map(|(party, envelope)| Acknowledged {
                party: party.clone(),
                envelope: envelope.clone(),
            });
            armings.push(RoundEntry {
                path: arming.path().name().to_owned(),
                coin: CoinEntry::new(arming.coin()),
                state: arming.state(),
                courses: courses.collect(),
                acknowledged: said.collect(),
            });
        }
        Ok(RoundFile {
            format: FORMAT.to_owned(),
            policy: self.compiled.id().to_string(),
            network: self.compiled.policy().network().to_string(),
            armings,
        })
    }

    /// What a signer is to sign now, over all armings: cancels and settles where those are not
    /// complete, triggers where they are and are acknowledged, with its own keys alone.
    ///
    /// # Errors
    ///
    /// None that coins of the policy can provoke.
    pub fn requests_for(&self, wanted: impl Fn(&KeyUse) -> bool) -> Result<Vec<Psbt>, RoundError> {
        let mut all = Vec::new();
        for arming in &self.armings {
            match arming.requests_for(&wanted) {
                Ok(requests) => all.extend(requests),
                Err(ArmingError::NotAcknowledged | ArmingError::AlreadyArmed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        all.retain(|psbt| {
            let mut inputs = psbt.inputs.iter();
            inputs.any(|input| {
                !input.bip32_derivation.is_empty() || !input.tap_key_origins.is_empty()
            })
        });
        for psbt in &mut all {
            stamp(psbt, self.compiled);
        }
        Ok(all)
    }

    /// Takes root's signatures out of a returned file.
    ///
    /// # Errors
    ///
    /// If it is for none of these transactions, or is a trigger before its time.
    pub fn take(&mut self, name: &str, psbt: &Psbt) -> Result<Taken, RoundError> {
        let txid = psbt.unsigned_tx.compute_txid();
        let number = self.by_txid.get(&txid);
        let arming = number.and_then(|number| self.armings.get_mut(*number));
        let arming = arming.ok_or(RoundError::Unrelated(txid))?;
        let received = arming.receive(psbt, self.secp)?;
        let mut taken = Taken::default();
        for party in received.accepted {
            *taken.accepted.entry(party).or_default() += 1;
        }
        let stripped = received.stripped.into_iter();
        taken.stripped.extend(stripped.map(|what| StrippedFrom {
            file: name.to_owned(),
            what,
        }));
        Ok(taken)
    }

    /// Takes signatures and acknowledgements out of another copy of the round.
    ///
    /// # Errors
    ///
    /// If it is no round of this policy.
    pub fn take_round(&mut self, name: &str, bytes: &[u8]) -> Result<Taken, RoundError> {
        let file = RoundFile::read(bytes, self.compiled)?;
        Ok(self.take_entries(name, &file))
    }

    fn take_entries(&mut self, name: &str, file: &RoundFile) -> Taken {
        let mut taken = Taken::default();
        for entry in &file.armings {
            let of = format!("{} on {}", entry.coin.outpoint, quote(&entry.path));
            let known = self.position(entry.coin.outpoint, &entry.path);
            let Some(number) = known else {
                taken.refused.push(format!("{of}: not in this round"));
                continue;
            };
            let early = entry.courses.iter();
            let early = early.flat_map(|course| course.cancels.iter().chain(&course.settles));
            let late = entry
                .courses
                .iter()
                .filter_map(|course| course.trigger.as_ref());
            for text in early {
                self.take_text(name, &of, text, &mut taken);
            }
            for said in &entry.acknowledged {
                let result = match &said.envelope {
                    Some(line) => self
                        .acknowledge_signed(line)
                        .map(|party| party == said.party),
                    None => self.acknowledge_entry(number, &said.party).map(|()| true),
                };
                match result {
                    Ok(true) => *taken.acknowledged.entry(said.party.clone()).or_default() += 1,
                    Ok(false) => taken
                        .refused
                        .push(format!("{of}: an event of somebody else")),
                    Err(error) => taken.refused.push(format!("{of}: {error}")),
                }
            }
            for text in late {
                self.take_text(name, &of, text, &mut taken);
            }
        }
        taken
    }

    fn take_text(&mut self, name: &str, of: &str, text: &str, taken: &mut Taken) {
        let result = PsbtFile::read(text.as_bytes())
            .map_err(RoundError::from)
            .and_then(|file| self.take(name, &file.psbt));
        match result {
            Ok(more) => taken.add(more),
            Err(error) => taken.refused.push(format!("{of}: {error}")),
        }
    }

    fn position(&self, coin: OutPoint, path: &str) -> Option<usize> {
        let mut armings = self.armings.iter();
        armings.position(|arming| arming.coin().outpoint() == coin && arming.path().name() == path)
    }

    /// The armed coins with their files, once all are armed.
    ///
    /// # Errors
    ///
    /// If one is not.
    pub fn into_armed(self) -> Result<Vec<ArmedCoin>, RoundError> {
        let armings = self.armings.into_iter();
        let armed = armings.map(|arming| {
            let (coin, state) = (arming.coin().outpoint(), arming.state());
            arming
                .into_armed()
                .map_err(|_| RoundError::NotArmed { coin, state })
        });
        armed.collect()
    }

    /// How far the arming has come that has come least.
    #[must_use]
    pub fn state(&self) -> ArmingState {
        let states = self.armings.iter().map(Arming::state);
        states.min().unwrap_or(ArmingState::Unarmed)
    }

    /// Everybody who should hold the cancels and settles of some arming.
    #[must_use]
    pub fn holders(&self) -> BTreeSet<&str> {
        self.armings.iter().flat_map(Arming::holders).collect()
    }
}

impl Taken {
    /// Adds what came of another file.
    pub fn add(&mut self, other: Self) {
        for (party, count) in other.accepted {
            *self.accepted.entry(party).or_default() += count;
        }
        for (party, count) in other.acknowledged {
            *self.acknowledged.entry(party).or_default() += count;
        }
        self.stripped.extend(other.stripped);
        self.refused.extend(other.refused);
    }
}

impl RoundFile {
    /// Whether these bytes say that they are a round.
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.trim_ascii_start().starts_with(b"{")
    }

    fn read(bytes: &[u8], compiled: &Compiled) -> Result<Self, RoundError> {
        if bytes.len() > MAX_ROUND {
            return Err(RoundError::TooLarge);
        }
        let file: Self = serde_json::from_slice(bytes)
            .map_err(|error| RoundError::NotARound(error.to_string()))?;
        let expect = |what, wanted: String, actual: &str| {
            if wanted == actual {
                Ok(())
            } else {
                Err(RoundError::Other {
                    what,
                    wanted,
                    actual: actual.to_owned(),
                })
            }
        };
        expect("format", FORMAT.to_owned(), &file.format)?;
        let network = compiled.policy().network().to_string();
        expect("network", network, &file.network)?;
        expect("policy", compiled.id().to_string(), &file.policy)?;
        Ok(file)
    }
}
