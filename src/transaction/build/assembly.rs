//! From coins, leaf and outputs to a transaction: inputs with their locks, change, and the fee.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::{Amount, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness};

use super::super::coin::Coin;
use super::super::{Input, Kind, StageTransaction, Unsigned};
use super::{ANCHOR_VALUE, BuildError, Builder, DUST, NO_RELATIVE_LOCK, Payee, no_leaf};
use crate::compile::{Derived, LeafKind, SpendCost, max_weight};
use crate::units::RelativeLock;

impl Builder<'_> {
    /// One coin to one output of our own, signed in advance, so with the floor of the stage it
    /// leads to under its value.
    pub(super) fn presigned<K: Kind>(
        &self,
        coin: &Coin,
        leaf: LeafKind,
        sequence: Sequence,
        destination: Arc<Derived>,
    ) -> Result<StageTransaction<K, Unsigned>, BuildError> {
        let cost = self.cost(coin.derived().stage(), &leaf)?;
        // What is left has to be able to go on at any rung: nobody can add to its fee where there
        // are several.
        let highest = self.compiled.policy().highest_rung();
        let needed = cost + self.with_feerate(highest).floor(destination.stage())?;
        let value = coin
            .amount()
            .checked_sub(cost)
            .filter(|_| coin.amount() >= needed)
            .ok_or(BuildError::TooSmall {
                amount: coin.amount(),
                needed,
            })?;
        let input = (coin, leaf, sequence);
        let mut outputs = vec![own_output(&destination, value)];
        outputs.extend(self.anchor_output());
        self.assemble(vec![input], LockTime::ZERO, outputs, vec![(0, destination)])
    }

    /// All coins to one output.
    pub(super) fn drain<K: Kind>(
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
            let output = TxOut {
                value,
                script_pubkey: script_pubkey.clone(),
            };
            let mut outputs = vec![output];
            outputs.extend(self.anchor_output());
            outputs
        };
        let fee = self.fee(coins, leaf, &outputs(Amount::ZERO))?;
        let needed = fee + self.anchor_value() + dust;
        if total < needed {
            return Err(BuildError::TooSmall {
                amount: total,
                needed,
            });
        }
        let outputs = outputs(total - fee - self.anchor_value());
        let (inputs, lock_time) = self.live_inputs(coins, leaf)?;
        let own = own.into_iter().map(|derived| (0, derived)).collect();
        self.assemble(inputs, lock_time, outputs, own)
    }

    /// Coins to payees, with change if it is worth its own output.
    pub(super) fn pay<K: Kind>(
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
        outputs.extend(self.anchor_output());
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
            version: self.version().to_bitcoin(),
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
        let most = max_weight(self.version());
        if weight > most {
            return Err(BuildError::TooHeavy { weight, most });
        }
        // Nodes round the size up to whole virtual bytes.
        self.feerate()?
            .fee_vb(Weight::from_wu(weight).to_vbytes_ceil())
            .ok_or(BuildError::Feerate)
    }

    /// The output that anybody can spend to add a fee, where the version has one.
    fn anchor_output(&self) -> Option<TxOut> {
        self.version().has_anchor().then(|| TxOut {
            value: ANCHOR_VALUE,
            script_pubkey: ScriptBuf::new_p2a(),
        })
    }

    fn assemble<K: Kind>(
        &self,
        inputs: Vec<Spending<'_>>,
        lock_time: LockTime,
        output: Vec<TxOut>,
        own_outputs: Vec<(u32, Arc<Derived>)>,
    ) -> Result<StageTransaction<K, Unsigned>, BuildError> {
        let coins: Vec<&Coin> = inputs.iter().map(|(coin, ..)| *coin).collect();
        for coin in &coins {
            let descriptor = self.descriptor(coin.derived().stage())?;
            if !descriptor.is_origin_of(coin.derived()) {
                return Err(BuildError::Foreign {
                    coin: coin.outpoint(),
                });
            }
        }
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
                version: self.version().to_bitcoin(),
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

/// Where a coin goes that is not divided.
pub(super) enum Destination {
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
