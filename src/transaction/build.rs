//! Building transactions: which leaf, which sequence number, which outputs, and the fee.

mod error;

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness};

pub use self::error::BuildError;

use super::coin::{Coin, EscrowCoin, LockupCoin, VaultCoin};
use super::{
    Cancel, Clawback, Input, Kind, Override, Recovery, Refresh, Release, Settle, Spend,
    StageTransaction, Trigger, Unsigned,
};
use crate::compile::{
    Compiled, Derived, Keychain, LeafKind, SpendCost, Stage, StageDescriptor, TRUC_MAX_WEIGHT,
};
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payee {
    /// The script to pay to.
    pub script_pubkey: ScriptBuf,
    /// How much.
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
    /// A builder that pays the base fee of the policy.
    #[must_use]
    pub fn new(compiled: &'a Compiled, secp: &'a Secp256k1<All>) -> Self {
        Self {
            compiled,
            secp,
            feerate: compiled.policy().base_fee(),
        }
    }

    /// The same builder with another feerate, for transactions that are signed live.
    #[must_use]
    pub const fn with_feerate(mut self, feerate: FeeRate) -> Self {
        self.feerate = feerate;
        self
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
    /// Every transaction on its way, signed in advance or live, pays the base fee and its anchor,
    /// and the last output is worth [`DUST`].
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
        let escrow = Stage::Escrow(path.to_owned());
        let trigger = self.cost(&Stage::Vault, &LeafKind::Trigger(path.to_owned()))?;
        let cancel = self.cost(&escrow, &LeafKind::Cancel)?;
        let settled = match staged.lockup() {
            Some(_) => {
                let settle = self.cost(&escrow, &LeafKind::Settle)?;
                settle + self.floor(&Stage::Lockup(path.to_owned()))?
            }
            None => Amount::ZERO,
        };
        // From the last rung, whose cancel leaves an unarmed coin, up to the first.
        let mut vault = self.floor(&Stage::Vault)?;
        for _ in 0..staged.depth() {
            let escrowed = self.floor(&escrow)?.max(settled).max(cancel + vault);
            vault = self.floor(&Stage::Vault)?.max(trigger + escrowed);
        }
        Ok(vault)
    }

    /// What one transaction takes from a coin: fee and anchor.
    fn cost(&self, stage: &Stage, leaf: &LeafKind) -> Result<Amount, BuildError> {
        let descriptor = self.descriptor(stage)?;
        let found = descriptor.leaf(leaf).ok_or_else(|| no_leaf(stage, leaf))?;
        let fee = SpendCost::of(descriptor, found)
            .fee(self.feerate()?)
            .ok_or(BuildError::Feerate)?;
        Ok(fee + ANCHOR_VALUE)
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

    /// One coin to one output of our own, signed in advance, so with the floor of the stage it
    /// leads to under its value.
    fn presigned<K: Kind>(
        &self,
        coin: &Coin,
        leaf: LeafKind,
        sequence: Sequence,
        destination: Arc<Derived>,
    ) -> Result<StageTransaction<K, Unsigned>, BuildError> {
        let cost = self.cost(coin.derived().stage(), &leaf)?;
        let needed = cost + self.floor(destination.stage())?;
        let value = coin
            .amount()
            .checked_sub(cost)
            .filter(|_| coin.amount() >= needed)
            .ok_or(BuildError::TooSmall {
                amount: coin.amount(),
                needed,
            })?;
        let input = (coin, leaf, sequence);
        let outputs = vec![own_output(&destination, value), anchor_output()];
        self.assemble(vec![input], LockTime::ZERO, outputs, vec![(0, destination)])
    }

    /// All coins to one output.
    fn drain<K: Kind>(
        &self,
        coins: &[&Coin],
        leaf: &LeafKind,
        destination: Destination,
    ) -> Result<StageTransaction<K, Unsigned>, BuildError> {
        let (script_pubkey, own) = match destination {
            Destination::Foreign(script) => (script, None),
            Destination::Own(derived) => (derived.script_pubkey().clone(), Some(derived)),
        };
        let dust = script_pubkey.minimal_non_dust();
        let total = total(coins)?;
        let outputs = |value| {
            vec![
                TxOut {
                    value,
                    script_pubkey: script_pubkey.clone(),
                },
                anchor_output(),
            ]
        };
        let fee = self.fee(coins, leaf, &outputs(Amount::ZERO))?;
        let needed = fee + ANCHOR_VALUE + dust;
        if total < needed {
            return Err(BuildError::TooSmall {
                amount: total,
                needed,
            });
        }
        let outputs = outputs(total - fee - ANCHOR_VALUE);
        let (inputs, lock_time) = self.live_inputs(coins, leaf)?;
        let own = own.into_iter().map(|derived| (0, derived)).collect();
        self.assemble(inputs, lock_time, outputs, own)
    }

    /// Coins to payees, with change if it is worth its own output.
    fn pay<K: Kind>(
        &self,
        coins: &[&Coin],
        leaf: &LeafKind,
        payees: &[Payee],
        change: Option<Arc<Derived>>,
    ) -> Result<StageTransaction<K, Unsigned>, BuildError> {
        let mut outputs: Vec<TxOut> = payees
            .iter()
            .map(|payee| TxOut {
                value: payee.amount,
                script_pubkey: payee.script_pubkey.clone(),
            })
            .collect();
        for output in &outputs {
            let least = output.script_pubkey.minimal_non_dust();
            if output.value < least {
                return Err(BuildError::Dust {
                    amount: output.value,
                    least,
                });
            }
        }
        outputs.push(anchor_output());
        let total = total(coins)?;
        let fee = self.fee(coins, leaf, &outputs)?;
        // What adds up to more than there can be is more than there is.
        let needed = sum(&outputs)
            .and_then(|paid| paid.checked_add(fee))
            .unwrap_or(Amount::MAX);
        if total < needed {
            return Err(BuildError::TooSmall {
                amount: total,
                needed,
            });
        }
        let mut own = Vec::new();
        if let Some(derived) = change {
            outputs.insert(payees.len(), own_output(&derived, Amount::ZERO));
            let fee_with_change = self.fee(coins, leaf, &outputs)?;
            match total
                .checked_sub(needed - fee)
                .and_then(|rest| rest.checked_sub(fee_with_change))
                .filter(|rest| *rest >= DUST)
            {
                Some(rest) => {
                    if let Some(output) = outputs.get_mut(payees.len()) {
                        output.value = rest;
                    }
                    own.push((payees.len() as u32, derived));
                }
                None => {
                    outputs.remove(payees.len());
                }
            }
        }
        let (inputs, lock_time) = self.live_inputs(coins, leaf)?;
        self.assemble(inputs, lock_time, outputs, own)
    }

    /// Inputs that wait for the locks of their leaf.
    fn live_inputs<'c>(
        &self,
        coins: &[&'c Coin],
        leaf: &LeafKind,
    ) -> Result<(Vec<Spending<'c>>, LockTime), BuildError> {
        let mut inputs = Vec::new();
        let mut lock_time = LockTime::ZERO;
        for coin in coins {
            let stage = coin.derived().stage();
            let found = self
                .descriptor(stage)?
                .leaf(leaf)
                .ok_or_else(|| no_leaf(stage, leaf))?;
            let sequence = found
                .relative()
                .map_or(NO_RELATIVE_LOCK, RelativeLock::to_sequence);
            if let Some(lock) = found.absolute() {
                lock_time = lock.to_lock_time();
            }
            inputs.push((*coin, leaf.clone(), sequence));
        }
        if inputs.is_empty() {
            return Err(BuildError::NoCoins);
        }
        Ok((inputs, lock_time))
    }

    /// The fee at the builder's feerate, with every witness at its predicted weight.
    fn fee(
        &self,
        coins: &[&Coin],
        leaf: &LeafKind,
        outputs: &[TxOut],
    ) -> Result<Amount, BuildError> {
        let inputs = coins.iter().map(|_| TxIn::default()).collect();
        let bare = Transaction {
            version: Version(3),
            lock_time: LockTime::ZERO,
            input: inputs,
            output: outputs.to_vec(),
        };
        // Marker and flag, then each witness in place of nothing.
        let mut weight = bare.base_size() as u64 * 4 + 2;
        for coin in coins {
            let stage = coin.derived().stage();
            let descriptor = self.descriptor(stage)?;
            let found = descriptor.leaf(leaf).ok_or_else(|| no_leaf(stage, leaf))?;
            weight += SpendCost::of(descriptor, found).witness_weight;
        }
        if weight > TRUC_MAX_WEIGHT {
            return Err(BuildError::TooHeavy { weight });
        }
        // Nodes round the size up to whole virtual bytes.
        self.feerate()?
            .fee_vb(Weight::from_wu(weight).to_vbytes_ceil())
            .ok_or(BuildError::Feerate)
    }

    fn assemble<K: Kind>(
        &self,
        inputs: Vec<Spending<'_>>,
        lock_time: LockTime,
        output: Vec<TxOut>,
        own_outputs: Vec<(u32, Arc<Derived>)>,
    ) -> Result<StageTransaction<K, Unsigned>, BuildError> {
        let coins: Vec<&Coin> = inputs.iter().map(|(coin, ..)| *coin).collect();
        let spent = total(&coins)?;
        let paid = sum(&output).unwrap_or(Amount::MAX);
        let fee = spent.checked_sub(paid).ok_or(BuildError::TooSmall {
            amount: spent,
            needed: paid,
        })?;
        let input = inputs
            .iter()
            .map(|(coin, _, sequence)| TxIn {
                previous_output: coin.outpoint(),
                script_sig: ScriptBuf::new(),
                sequence: *sequence,
                witness: Witness::new(),
            })
            .collect();
        let inputs = inputs
            .into_iter()
            .map(|(coin, leaf, _)| Input {
                coin: coin.clone(),
                leaf,
                signatures: Vec::new(),
            })
            .collect();
        Ok(StageTransaction {
            transaction: Transaction {
                version: Version(3),
                lock_time,
                input,
                output,
            },
            inputs,
            own_outputs,
            fee,
            marker: std::marker::PhantomData,
        })
    }
}

/// A coin, the leaf it is spent through, and the sequence number of its input.
type Spending<'c> = (&'c Coin, LeafKind, Sequence);

enum Destination {
    Own(Arc<Derived>),
    Foreign(ScriptBuf),
}

/// What coins are worth together, each of them once.
fn total(coins: &[&Coin]) -> Result<Amount, BuildError> {
    let mut seen = BTreeSet::new();
    let mut total = Amount::ZERO;
    for coin in coins {
        if !seen.insert(coin.outpoint()) {
            return Err(BuildError::Twice {
                coin: coin.outpoint(),
            });
        }
        total = total.checked_add(coin.amount()).ok_or(BuildError::Amount)?;
    }
    Ok(total)
}

/// What outputs pay together, unless it is more than an amount can hold.
fn sum(outputs: &[TxOut]) -> Option<Amount> {
    let mut values = outputs.iter().map(|output| output.value);
    values.try_fold(Amount::ZERO, Amount::checked_add)
}

fn own_output(derived: &Derived, value: Amount) -> TxOut {
    TxOut {
        value,
        script_pubkey: derived.script_pubkey().clone(),
    }
}

fn anchor_output() -> TxOut {
    TxOut {
        value: ANCHOR_VALUE,
        script_pubkey: ScriptBuf::new_p2a(),
    }
}

fn no_leaf(stage: &Stage, leaf: &LeafKind) -> BuildError {
    BuildError::NoLeaf {
        stage: stage.clone(),
        leaf: leaf.clone(),
    }
}
