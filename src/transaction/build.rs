//! Building transactions: which leaf, which sequence number, which outputs, and the fee.

mod assembly;
mod error;

use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, FeeRate, ScriptBuf, Sequence};
use serde::{Deserialize, Serialize};

pub use self::error::BuildError;

use self::assembly::Destination;

use super::coin::{Coin, EscrowCoin, LockupCoin, VaultCoin};
use super::{Cancel, Clawback, Override, Recovery, Refresh, Release, Settle, Spend, Trigger};
use crate::compile::{Compiled, Derived, Keychain, LeafKind, SpendCost, Stage, StageDescriptor};
use crate::policy::TransactionVersion;
use crate::units::RelativeLock;

/// Value of the anchor output, which anybody can spend to add a fee.
///
/// 240 satoshis is the least that is not dust for pay-to-anchor at 3 sat/vB (Bitcoin Core,
/// `src/policy/policy.cpp`).  A smaller anchor would have to stand in a transaction without any
/// fee of its own.
pub const ANCHOR_VALUE: Amount = Amount::from_sat(240);

/// The least value of an output to a stage: below it, the output is dust for P2TR and P2WSH.
pub const DUST: Amount = Amount::from_sat(330);

/// The highest feerate that is paid: 10,000 sat/vB, which is 0.1 BTC for a thousand virtual
/// bytes.
///
/// Whoever types a feerate in the wrong unit would give the coins to a miner.  Bitcoin Core draws
/// the line at the same place when a transaction is handed to it (`DEFAULT_MAX_RAW_TX_FEE_RATE`,
/// `src/node/transaction.h`).
pub const MAX_FEERATE: FeeRate = FeeRate::from_sat_per_kwu(10_000 * 250);

/// The sequence number of triggers and cancels.
///
/// It signals no relative lock, so a signature for a leaf with `older` is worth nothing on them.
const NO_RELATIVE_LOCK: Sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;

/// Somebody outside the policy who is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// The script to pay to.
    pub script_pubkey: ScriptBuf,
    /// How much, in satoshis.
    #[serde(rename = "sats", with = "bitcoin::amount::serde::as_sat")]
    pub amount: Amount,
}

/// Builds unsigned transactions for the coins of one policy.
#[derive(Clone, Copy)]
pub struct Builder<'a> {
    compiled: &'a Compiled,
    secp: &'a Secp256k1<All>,
    feerate: FeeRate,
}

impl<'a> Builder<'a> {
    /// A builder that pays the lowest rung of the policy: its base fee, where it has one.
    #[must_use]
    pub fn new(compiled: &'a Compiled, secp: &'a Secp256k1<All>) -> Self {
        Self {
            compiled,
            secp,
            feerate: compiled.policy().base_fee(),
        }
    }

    /// The same builder with another feerate: one of the day for transactions that are signed
    /// live, or another rung for those that are signed in advance.
    #[must_use]
    pub const fn with_feerate(mut self, feerate: FeeRate) -> Self {
        self.feerate = feerate;
        self
    }

    /// The feerates at which transactions are signed in advance, lowest first.
    #[must_use]
    pub fn rungs(&self) -> &'a [FeeRate] {
        self.compiled.policy().rungs()
    }

    /// Vault to the escrow of a path, at the coin's own keychain and index.
    ///
    /// # Errors
    ///
    /// If there is no such staged path, or the coin is too small.
    pub fn trigger(&self, coin: &VaultCoin, path: &str) -> Result<Trigger, BuildError> {
        let escrow = self.own_index(&Stage::Escrow(path.to_owned()), coin)?;
        let leaf = LeafKind::Trigger(path.to_owned());
        self.presigned(coin, leaf, NO_RELATIVE_LOCK, escrow)
    }

    /// Escrow back to the vault, at the coin's own index on the change keychain.
    ///
    /// The index is the coin's own so that the descriptors and the chain alone find the coin
    /// again; the keychain is the one that is never handed out for deposits.
    ///
    /// # Errors
    ///
    /// If the coin is too small.
    pub fn cancel(&self, coin: &EscrowCoin) -> Result<Cancel, BuildError> {
        let vault = self.derive(&Stage::Vault, Keychain::Change, coin.derived().index())?;
        self.presigned(coin, LeafKind::Cancel, NO_RELATIVE_LOCK, vault)
    }

    /// Escrow to the lock-up, after the veto window.
    ///
    /// # Errors
    ///
    /// If the path has no lock-up, or the coin is too small.
    pub fn settle(&self, coin: &EscrowCoin) -> Result<Settle, BuildError> {
        let path = coin.derived().stage().path().unwrap_or_default().to_owned();
        let lockup = self.own_index(&Stage::Lockup(path), coin)?;
        let sequence = self.sequence_of(coin, &LeafKind::Settle)?;
        self.presigned(coin, LeafKind::Settle, sequence, lockup)
    }

    /// Escrow to payees, after the veto window; the rest goes back to the vault.
    ///
    /// # Errors
    ///
    /// If the path has a lock-up, or the coin is too small for the payees.
    pub fn settle_to(&self, coin: &EscrowCoin, payees: &[Payee]) -> Result<Settle, BuildError> {
        let path = coin.derived().stage().path().unwrap_or_default().to_owned();
        if self.compiled.stage(&Stage::Lockup(path.clone())).is_some() {
            return Err(BuildError::HasLockup { path });
        }
        let change = self.derive(&Stage::Vault, Keychain::Change, coin.derived().index())?;
        self.pay(&[coin], &LeafKind::Settle, payees, Some(change))
    }

    /// Lock-up to a destination, after the lock-up period.
    ///
    /// # Errors
    ///
    /// If the coin is too small.
    pub fn release(
        &self,
        coin: &LockupCoin,
        destination: ScriptBuf,
    ) -> Result<Release, BuildError> {
        self.drain(
            &[coin],
            &LeafKind::Release,
            Destination::Foreign(destination),
        )
    }

    /// Lock-up back to the vault, by root.
    ///
    /// # Errors
    ///
    /// If the policy leaves the clawback out, or the coin is too small.
    pub fn clawback(&self, coin: &LockupCoin) -> Result<Clawback, BuildError> {
        let vault = self.derive(&Stage::Vault, Keychain::Change, coin.derived().index())?;
        self.drain(&[coin], &LeafKind::Clawback, Destination::Own(vault))
    }

    /// Escrow back to the vault, by root alone.
    ///
    /// # Errors
    ///
    /// If the coin is too small.
    pub fn override_escrow(&self, coin: &EscrowCoin) -> Result<Override, BuildError> {
        let vault = self.derive(&Stage::Vault, Keychain::Change, coin.derived().index())?;
        self.drain(&[coin], &LeafKind::Override, Destination::Own(vault))
    }

    /// Vault to vault: a fresh start for every lock, and the end of every pre-signature.
    ///
    /// # Errors
    ///
    /// If there are no coins, or they are too small.
    pub fn refresh(&self, coins: &[&VaultCoin], change: u32) -> Result<Refresh, BuildError> {
        let vault = self.derive(&Stage::Vault, Keychain::Change, change)?;
        let coins: Vec<&Coin> = coins.iter().map(|coin| &***coin).collect();
        self.drain(&coins, &LeafKind::Spend, Destination::Own(vault))
    }

    /// Vault to payees, by root; the rest goes back to the vault at a change index.
    ///
    /// # Errors
    ///
    /// If there are no coins, or they are too small for the payees.
    pub fn spend(
        &self,
        coins: &[&VaultCoin],
        payees: &[Payee],
        change: u32,
    ) -> Result<Spend, BuildError> {
        let change = self.derive(&Stage::Vault, Keychain::Change, change)?;
        let coins: Vec<&Coin> = coins.iter().map(|coin| &***coin).collect();
        self.pay(&coins, &LeafKind::Spend, payees, Some(change))
    }

    /// Vault to a destination by the quorum of a direct path, after its locks.
    ///
    /// # Errors
    ///
    /// If there is no such direct path, or the coin is too small.
    pub fn recover(
        &self,
        coin: &VaultCoin,
        path: &str,
        destination: ScriptBuf,
    ) -> Result<Recovery, BuildError> {
        let leaf = LeafKind::Direct(path.to_owned());
        self.drain(&[coin], &leaf, Destination::Foreign(destination))
    }

    /// Escrow to a destination by the path's quorum, after window and backstop, without any file.
    ///
    /// # Errors
    ///
    /// If the path has no backstop, or the coin is too small.
    pub fn backstop(
        &self,
        coin: &EscrowCoin,
        destination: ScriptBuf,
    ) -> Result<Recovery, BuildError> {
        self.drain(
            &[coin],
            &LeafKind::Backstop,
            Destination::Foreign(destination),
        )
    }

    /// The script of a stage at a keychain and index.
    ///
    /// # Errors
    ///
    /// If the policy has no such stage, or the index is 2³¹ or more.
    pub fn derive(
        &self,
        stage: &Stage,
        keychain: Keychain,
        index: u32,
    ) -> Result<Arc<Derived>, BuildError> {
        let descriptor = self.descriptor(stage)?;
        let derived = descriptor
            .derive(keychain, index, self.secp)
            .map_err(|_| BuildError::Index { index })?;
        Ok(Arc::new(derived))
    }

    /// The smallest coin that can be armed on a path: whatever becomes of it, and in whichever
    /// stage it ends, it can leave that stage again.
    ///
    /// Every transaction on its way, signed in advance or live, pays the highest rung, and its
    /// anchor where it has one; and the last output is worth [`DUST`].
    ///
    /// # Errors
    ///
    /// If there is no such staged path.
    pub fn smallest_armable(&self, path: &str) -> Result<Amount, BuildError> {
        let staged = self
            .compiled
            .policy()
            .path(path)
            .and_then(|path| path.staged());
        let staged = staged.ok_or_else(|| BuildError::NoLeaf {
            stage: Stage::Vault,
            leaf: LeafKind::Trigger(path.to_owned()),
        })?;
        let this = self.with_feerate(self.compiled.policy().highest_rung());
        let escrow = Stage::Escrow(path.to_owned());
        let trigger = this.cost(&Stage::Vault, &LeafKind::Trigger(path.to_owned()))?;
        let cancel = this.cost(&escrow, &LeafKind::Cancel)?;
        let settled = match staged.lockup() {
            Some(_) => {
                let settle = this.cost(&escrow, &LeafKind::Settle)?;
                settle + this.floor(&Stage::Lockup(path.to_owned()))?
            }
            None => Amount::ZERO,
        };
        // From the last course, whose cancel leaves an unarmed coin, up to the first.
        let mut vault = this.floor(&Stage::Vault)?;
        for _ in 0..staged.depth() {
            let escrowed = this.floor(&escrow)?.max(settled).max(cancel + vault);
            vault = this.floor(&Stage::Vault)?.max(trigger + escrowed);
        }
        Ok(vault)
    }

    /// What one transaction takes from a coin: the fee, and the anchor where there is one.
    fn cost(&self, stage: &Stage, leaf: &LeafKind) -> Result<Amount, BuildError> {
        let descriptor = self.descriptor(stage)?;
        let found = descriptor.leaf(leaf).ok_or_else(|| no_leaf(stage, leaf))?;
        let fee = SpendCost::of(descriptor, found)
            .fee(self.feerate()?)
            .ok_or(BuildError::Feerate)?;
        Ok(fee + self.anchor_value())
    }

    /// What the anchor of a transaction is worth, if it has one.
    fn anchor_value(&self) -> Amount {
        match self.version().has_anchor() {
            true => ANCHOR_VALUE,
            false => Amount::ZERO,
        }
    }

    fn version(&self) -> TransactionVersion {
        self.compiled.policy().version()
    }

    /// The least value with which a coin can leave a stage through whichever leaf is signed live,
    /// into one output worth [`DUST`].
    fn floor(&self, stage: &Stage) -> Result<Amount, BuildError> {
        let mut dearest = Amount::ZERO;
        for leaf in self.descriptor(stage)?.leaves() {
            if !leaf.is_presigned() {
                dearest = dearest.max(self.cost(stage, leaf.kind())?);
            }
        }
        Ok(DUST + dearest)
    }

    /// The feerate, if anybody can mean it.
    fn feerate(&self) -> Result<FeeRate, BuildError> {
        if self.feerate > MAX_FEERATE {
            return Err(BuildError::Feerate);
        }
        Ok(self.feerate)
    }

    fn descriptor(&self, stage: &Stage) -> Result<&'a StageDescriptor, BuildError> {
        self.compiled
            .stage(stage)
            .ok_or_else(|| BuildError::NoStage {
                stage: stage.clone(),
            })
    }

    fn own_index(&self, stage: &Stage, coin: &Coin) -> Result<Arc<Derived>, BuildError> {
        self.derive(stage, coin.derived().keychain(), coin.derived().index())
    }

    /// The sequence number by which a coin waits for the relative lock of a leaf.
    fn sequence_of(&self, coin: &Coin, leaf: &LeafKind) -> Result<Sequence, BuildError> {
        let stage = coin.derived().stage();
        let found = self
            .descriptor(stage)?
            .leaf(leaf)
            .ok_or_else(|| no_leaf(stage, leaf))?;
        Ok(found
            .relative()
            .map_or(NO_RELATIVE_LOCK, RelativeLock::to_sequence))
    }
}

fn no_leaf(stage: &Stage, leaf: &LeafKind) -> BuildError {
    BuildError::NoLeaf {
        stage: stage.clone(),
        leaf: leaf.clone(),
    }
}
