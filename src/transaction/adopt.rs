//! A transaction that was made elsewhere, once it is known what it spends and pays.

use std::sync::Arc;

use bitcoin::{Amount, Transaction};

use super::{AnyTransaction, Coin, Input};
use crate::compile::{Derived, LeafKind};

impl AnyTransaction {
    /// Takes a transaction over: with the coin and the leaf of each of its inputs, and those of its
    /// outputs that are ours.
    ///
    /// None if an input is for another coin, if a coin has no such leaf, if an output is not what
    /// it is said to be, or if the outputs are worth more than the coins.  Whether such a
    /// transaction should be signed is not asked here.
    #[must_use]
    pub fn adopt(
        mut transaction: Transaction,
        spends: Vec<(Coin, LeafKind)>,
        own_outputs: Vec<(u32, Arc<Derived>)>,
    ) -> Option<Self> {
        for input in &mut transaction.input {
            input.witness.clear();
        }
        if transaction.input.len() != spends.len() {
            return None;
        }
        let mut spent = Amount::ZERO;
        for (input, (coin, leaf)) in transaction.input.iter().zip(&spends) {
            coin.derived().leaf(leaf)?;
            if input.previous_output != coin.outpoint() || !input.script_sig.is_empty() {
                return None;
            }
            spent = spent.checked_add(coin.amount())?;
        }
        for (vout, derived) in &own_outputs {
            let output = transaction.output.get(*vout as usize)?;
            if output.script_pubkey != *derived.script_pubkey() {
                return None;
            }
        }
        let mut values = transaction.output.iter().map(|output| output.value);
        let paid = values.try_fold(Amount::ZERO, Amount::checked_add)?;
        let fee = spent.checked_sub(paid)?;
        let inputs = spends.into_iter().map(|(coin, leaf)| Input {
            coin,
            leaf,
            signatures: Vec::new(),
        });
        Some(Self {
            inputs: inputs.collect(),
            transaction,
            own_outputs,
            fee,
            marker: std::marker::PhantomData,
        })
    }
}
