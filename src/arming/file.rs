//! The arming file: everything a path's quorum and its veto holders need, as one JSON document.
//!
//! The file holds no derivation, script or amount that is believed on reading.  A reader plans
//! the arming anew from the policy and the coin, and takes from the file nothing but signatures,
//! each of which must verify.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, OutPoint, Psbt};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ArmedCoin, Arming, ArmingError, ArmingState};
use crate::compile::{Compiled, Keychain, Stage};
use crate::transaction::{BuildError, Builder, Cancel, Coin, Settle, VaultCoin};

/// The format this crate writes.
const FORMAT: &str = "longstop-arming-1";

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmingFile {
    /// `longstop-arming-1`.
    pub format: String,
    /// The policy id, in hexadecimal.
    pub policy: String,
    /// The network.
    pub network: String,
    /// The path.
    pub path: String,
    /// The armed coin.
    pub coin: CoinEntry,
    /// The courses, first to last.
    pub courses: Vec<CourseEntry>,
    /// Who has acknowledged to hold the cancels and settles.
    pub acknowledged: BTreeSet<String>,
}

/// The armed coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoinEntry {
    /// Transaction id and output number.
    pub outpoint: OutPoint,
    /// Value in satoshis.
    pub sats: u64,
    /// The keychain of its address.
    pub keychain: Keychain,
    /// The index of its address.
    pub index: u32,
    /// The transaction that made it, in hexadecimal: signers of version 0 inputs want to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// One course, as PSBTs in base64 (BIP-174).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CourseEntry {
    /// The trigger; none while it must not be signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The cancel at each rung, lowest first.
    pub cancels: Vec<String>,
    /// The settle at each rung, lowest first; none where root does not sign it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settles: Vec<String>,
}

impl ArmingFile {
    /// Writes down an armed coin.
    ///
    /// # Errors
    ///
    /// If a PSBT cannot be made, which cannot be for transactions of this crate's making.
    pub fn new(armed: &ArmedCoin, compiled: &Compiled) -> Result<Self, BuildError> {
        let courses = armed
            .courses
            .iter()
            .map(|course| {
                let cancels = course.cancels.iter().map(Cancel::to_psbt);
                let settles = course.settles.iter().map(Settle::to_psbt);
                Ok(CourseEntry {
                    trigger: Some(course.trigger.to_psbt()?.to_string()),
                    cancels: texts(cancels)?,
                    settles: texts(settles)?,
                })
            })
            .collect::<Result<Vec<_>, BuildError>>()?;
        Ok(Self {
            format: FORMAT.to_owned(),
            policy: armed.policy.to_string(),
            network: compiled.policy().network().to_string(),
            path: armed.path.clone(),
            coin: CoinEntry::new(&armed.coin),
            courses,
            acknowledged: armed.acknowledged.clone(),
        })
    }

    /// Writes down an arming as far as it has come: triggers are in it once they may be signed.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of(arming: &Arming, compiled: &Compiled) -> Result<Self, BuildError> {
        let courses = arming.files()?.into_iter().map(|course| {
            let texts = |psbts: Vec<Psbt>| psbts.iter().map(Psbt::to_string).collect();
            CourseEntry {
                trigger: course.trigger.map(|trigger| trigger.to_string()),
                cancels: texts(course.cancels),
                settles: texts(course.settles),
            }
        });
        Ok(Self {
            format: FORMAT.to_owned(),
            policy: arming.policy.to_string(),
            network: compiled.policy().network().to_string(),
            path: arming.path.name().to_owned(),
            coin: CoinEntry::new(&arming.coin),
            courses: courses.collect(),
            acknowledged: arming.acknowledged.clone(),
        })
    }

    /// Reads an armed coin back, believing nothing but signatures that verify.
    ///
    /// # Errors
    ///
    /// If the file is of another format, policy or network, holds a PSBT that cannot be read or is
    /// for another transaction, or lacks a signature.
    pub fn read(
        &self,
        compiled: &Compiled,
        secp: &Secp256k1<All>,
    ) -> Result<ArmedCoin, ArmingFileError> {
        let arming = self.read_arming(compiled, secp)?;
        arming.into_armed().map_err(|_| ArmingFileError::Incomplete)
    }

    /// Reads an arming back as far as it has come, at the least with every cancel and every settle.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); missing triggers and acknowledgements are none.
    pub fn read_arming(
        &self,
        compiled: &Compiled,
        secp: &Secp256k1<All>,
    ) -> Result<Arming, ArmingFileError> {
        let expect = |what, wanted: String, actual: &str| {
            if wanted == actual {
                Ok(())
            } else {
                Err(ArmingFileError::Other {
                    what,
                    wanted,
                    actual: actual.to_owned(),
                })
            }
        };
        expect("format", FORMAT.to_owned(), &self.format)?;
        expect(
            "network",
            compiled.policy().network().to_string(),
            &self.network,
        )?;
        expect("policy", compiled.id().to_string(), &self.policy)?;
        let path = compiled
            .policy()
            .path(&self.path)
            .ok_or_else(|| ArmingFileError::NoPath(self.path.clone()))?;
        let builder = Builder::new(compiled, secp);
        let coin = self.coin.read(&builder)?;
        let mut arming = Arming::plan(&builder, compiled.id(), path, &coin)?;
        if self.courses.len() != arming.courses.len() {
            return Err(ArmingFileError::Incomplete);
        }
        for (said, planned) in self.courses.iter().zip(&arming.courses) {
            if said.cancels.len() != planned.cancels.len()
                || said.settles.len() != planned.settles.len()
            {
                return Err(ArmingFileError::Incomplete);
            }
        }
        for course in &self.courses {
            for text in course.cancels.iter().chain(&course.settles) {
                arming.receive(&read_psbt(text)?, secp)?;
            }
        }
        if arming.state() < ArmingState::Protected {
            return Err(ArmingFileError::Incomplete);
        }
        for party in &self.acknowledged {
            arming.acknowledge(party)?;
        }
        let courses = self.courses.iter();
        let mut triggers = courses.filter_map(|course| course.trigger.as_ref());
        if arming.state() < ArmingState::Acknowledged {
            return match triggers.next() {
                None => Ok(arming),
                Some(_) => Err(ArmingFileError::Incomplete),
            };
        }
        for trigger in triggers {
            arming.receive(&read_psbt(trigger)?, secp)?;
        }
        Ok(arming)
    }
}

impl CoinEntry {
    /// Writes down a coin.
    #[must_use]
    pub fn new(coin: &VaultCoin) -> Self {
        let derived = coin.derived();
        Self {
            outpoint: coin.outpoint(),
            sats: coin.amount().to_sat(),
            keychain: derived.keychain(),
            index: derived.index(),
            source: coin
                .source()
                .map(|source| bitcoin::consensus::encode::serialize_hex(source.as_ref())),
        }
    }

    /// The coin, with its script derived here.
    ///
    /// # Errors
    ///
    /// If the transaction that is said to have made it did not, or the index is none.
    pub fn read(&self, builder: &Builder<'_>) -> Result<VaultCoin, ArmingFileError> {
        let derived = builder
            .derive(&Stage::Vault, self.keychain, self.index)
            .map_err(ArmingError::Build)?;
        let mut coin = Coin::new(self.outpoint, Amount::from_sat(self.sats), derived);
        if let Some(source) = &self.source {
            let source = Arc::new(read_source(source, &coin)?);
            coin = coin.with_source(source);
        }
        VaultCoin::try_from(coin).map_err(|_| ArmingFileError::Incomplete)
    }
}

/// PSBTs in base64.
fn texts(psbts: impl Iterator<Item = Result<Psbt, BuildError>>) -> Result<Vec<String>, BuildError> {
    psbts.map(|psbt| Ok(psbt?.to_string())).collect()
}

fn read_psbt(text: &str) -> Result<Psbt, ArmingFileError> {
    text.parse()
        .map_err(|error: bitcoin::psbt::PsbtParseError| ArmingFileError::Psbt(error.to_string()))
}

/// The transaction that made the coin: its id and its output must be the coin's.
fn read_source(text: &str, coin: &Coin) -> Result<bitcoin::Transaction, ArmingFileError> {
    let source: bitcoin::Transaction = bitcoin::consensus::encode::deserialize_hex(text)
        .map_err(|error| ArmingFileError::Source(error.to_string()))?;
    let output = source.output.get(coin.outpoint().vout as usize);
    if source.compute_txid() != coin.outpoint().txid || output != Some(&coin.txout()) {
        return Err(ArmingFileError::Source(
            "it did not make this coin".to_owned(),
        ));
    }
    Ok(source)
}

/// Why an arming file is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArmingFileError {
    /// Format, network or policy is another.
    #[error("the file is for {what} `{actual}`, and this is `{wanted}`")]
    Other {
        /// What differs.
        what: &'static str,
        /// Ours.
        wanted: String,
        /// The file's.
        actual: String,
    },
    /// The policy has no such path.
    #[error("the policy has no path `{0}`")]
    NoPath(String),
    /// A PSBT cannot be read.
    #[error("a PSBT in the file cannot be read: {0}")]
    Psbt(String),
    /// The transaction that made the coin cannot be read, or is another.
    #[error("the coin's transaction in the file is refused: {0}")]
    Source(String),
    /// A course, a signature or an acknowledgement is missing or too many, or did not verify.
    #[error(
        "the file lacks courses, signatures or acknowledgements that an armed coin has, or has more"
    )]
    Incomplete,
    /// A step of the arming is refused.
    #[error(transparent)]
    Arming(#[from] ArmingError),
}
