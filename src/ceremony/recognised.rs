//! What a PSBT does, told from the policy.

use std::fmt;
use std::sync::Arc;

use bitcoin::{Amount, OutPoint, Psbt, ScriptBuf, Txid};
use serde::Serialize;

use super::fault::{Fault, Gravity};
use crate::compile::{Derived, Keychain, LeafKind, Role, Stage};
use crate::transaction::AnyTransaction;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Vault to escrow.
    Trigger,
    /// Escrow to vault, by veto.
    Cancel,
    /// Escrow to lock-up or to payees.
    Settle,
    /// Lock-up to a destination.
    Release,
    /// Lock-up to vault, by root.
    Clawback,
    /// Vault to vault, by root.
    Refresh,
    /// Vault to payees, by root.
    Spend,
    /// By a direct path or the backstop, to a destination.
    Recovery,
    /// Escrow to vault, by root.
    Override,
}

impl What {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Cancel => "cancel",
            Self::Settle => "settle",
            Self::Release => "release",
            Self::Clawback => "clawback",
            Self::Refresh => "refresh",
            Self::Spend => "spend",
            Self::Recovery => "recovery",
            Self::Override => "override",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How it is known what a coin is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The chain says so.
    Known,
    /// The transaction that made it is in the file, with the id that the input names.
    Proved,
    /// Only the file says so; a taproot signature is worth nothing if it is false.
    Claimed,
}

/// An input.
#[derive(Clone, Debug, Serialize)]
pub struct RecognisedInput {
    /// The coin.
    pub coin: OutPoint,
    /// What it is worth, if that is known.
    pub sats: Option<u64>,
    /// How that is known.
    pub basis: Option<Basis>,
    /// The stage it is in, if it is ours.
    pub stage: Option<Stage>,
    /// The keychain and index of its address.
    pub keychain: Option<Keychain>,
    /// The index of its address.
    pub index: Option<u32>,
    /// The sequence number.
    pub sequence: u32,
}

/// Whose an output is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "whose")]
pub enum Destination {
    /// A stage of this policy.
    Own {
        /// The stage.
        #[serde(flatten)]
        stage: Stage,
        /// The keychain.
        keychain: Keychain,
        /// The index.
        index: u32,
    },
    /// Anybody's, to raise the fee.
    Anchor,
    /// Nobody's: data.
    Data,
    /// Somebody's outside the policy.
    Foreign,
}

/// An output.
#[derive(Clone, Debug, Serialize)]
pub struct RecognisedOutput {
    /// What it is worth.
    pub sats: u64,
    /// Its script, in hexadecimal.
    #[serde(serialize_with = "hexadecimal")]
    pub script: ScriptBuf,
    /// Its address, if the script has one.
    pub address: Option<String>,
    /// Whose it is.
    pub to: Destination,
}

fn hexadecimal<S: serde::Serializer>(script: &ScriptBuf, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&script.to_hex_string())
}

/// A seat in one role: who it is, and whether he has signed everything he is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seat {
    /// In which capacity.
    pub role: Role,
    /// The party.
    pub party: String,
    /// Whether its signatures are in the file, all of them and verified.
    pub signed: bool,
}

/// A PSBT with what it does and what is wrong with it.
#[derive(Clone, Debug, Serialize)]
pub struct Recognised {
    /// What it is for, if it could be told.
    pub what: Option<What>,
    /// The transaction id, which witnesses do not change.
    pub txid: Txid,
    /// The version of the transaction.
    pub version: i32,
    /// The lock time.
    pub lock_time: u32,
    /// The leaf that its inputs are spent through.
    pub leaf: Option<LeafKind>,
    /// What is spent.
    pub inputs: Vec<RecognisedInput>,
    /// What is paid.
    pub outputs: Vec<RecognisedOutput>,
    /// The fee in satoshis, if all amounts are known.
    #[serde(rename = "fee_sats")]
    pub fee: Option<u64>,
    /// What it will weigh in virtual bytes, if the leaf is known.
    pub vbytes: Option<u64>,
    /// Who has signed, and who has not.
    pub seats: Vec<Seat>,
    /// The roles whose quorum has signed.
    pub met: Vec<Role>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    #[serde(skip)]
    pub(super) psbt: Psbt,
    /// The transaction with the verified signatures of the file, once it is known what it spends.
    #[serde(skip)]
    pub(super) transaction: Option<AnyTransaction>,
    #[serde(skip)]
    pub(super) spent: Vec<Option<Arc<Derived>>>,
}

impl Recognised {
    /// Whether nothing speaks against signing it, foreign outputs aside.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.what.is_some() && self.errors().next().is_none()
    }

    /// What speaks against signing it.
    pub fn errors(&self) -> impl Iterator<Item = &Fault> {
        let faults = self.faults.iter();
        faults.filter(|fault| fault.gravity == Gravity::Error)
    }

    /// The outputs to somebody outside the policy, which a person has to confirm.
    pub fn foreign(&self) -> impl Iterator<Item = &RecognisedOutput> {
        let is_foreign = |output: &&RecognisedOutput| {
            matches!(output.to, Destination::Foreign | Destination::Data)
        };
        self.outputs.iter().filter(is_foreign)
    }

    /// The feerate in sat/vB, if fee and weight are known.
    #[must_use]
    pub fn feerate(&self) -> Option<f64> {
        let (fee, vbytes) = (self.fee?, self.vbytes?);
        Some(fee as f64 / vbytes as f64)
    }

    /// The transaction as this policy has it, with the verified signatures that were in the file:
    /// none if it could not be told what it does, or an error speaks against it.
    #[must_use]
    pub fn transaction(&self) -> Option<&AnyTransaction> {
        if self.is_sound() {
            self.transaction.as_ref()
        } else {
            None
        }
    }

    /// What was in the file.
    #[must_use]
    pub const fn psbt(&self) -> &Psbt {
        &self.psbt
    }

    /// What all inputs are worth together, if that is known.
    pub(super) fn spent_sats(&self) -> Option<Amount> {
        let mut sats = self.inputs.iter().map(|input| input.sats);
        sats.try_fold(Amount::ZERO, |sum, sats| {
            sum.checked_add(Amount::from_sat(sats?))
        })
    }
}
