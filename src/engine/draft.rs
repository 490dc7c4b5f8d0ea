//! Transactions that are built, and whose signatures come in one after the other.

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, FeeRate, OutPoint, Psbt, TxOut, Txid};

use super::{Engine, Prepared, StepError};
use crate::chain::Chain;
use crate::compile::{LeafKind, Role};
use crate::engine::Action;
use crate::lifecycle::next_steps;
use crate::transaction::{
    AnyTransaction, Builder, Coin, Kind, Received, StageTransaction, State, VaultCoin,
};

/// A transaction whose outputs and fee are fixed, with the signatures that it has so far.
///
/// What root signs in advance is in it from the beginning.
#[derive(Clone, Debug)]
pub struct Draft {
    word: &'static str,
    transaction: AnyTransaction,
}

impl Draft {
    fn of<K: Kind, S: State>(transaction: StageTransaction<K, S>) -> Self {
        Self {
            word: K::WORD,
            transaction: transaction.into_any(),
        }
    }

    /// What it is.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        self.word
    }

    /// Its id, which signatures do not change.
    #[must_use]
    pub fn txid(&self) -> Txid {
        self.transaction.txid()
    }

    /// The fee it pays itself.
    #[must_use]
    pub const fn fee(&self) -> Amount {
        self.transaction.fee()
    }

    /// What it spends, each with its leaf.
    pub fn spends(&self) -> impl Iterator<Item = (&Coin, &LeafKind)> {
        self.transaction.spends()
    }

    /// The coins of this policy that it makes.
    #[must_use]
    pub fn creates(&self) -> Vec<Coin> {
        self.transaction.creates()
    }

    /// What it pays, in its order.
    #[must_use]
    pub fn outputs(&self) -> &[TxOut] {
        self.transaction.outputs()
    }

    /// The output a fee child can spend.
    #[must_use]
    pub fn anchor(&self) -> Option<OutPoint> {
        self.transaction.anchor()
    }

    /// The roles whose signatures are still missing.
    #[must_use]
    pub fn missing(&self) -> Vec<Role> {
        let mut roles = self.transaction.roles();
        roles.retain(|role| !self.transaction.is_met(*role));
        roles
    }

    /// Who has a seat in a role, and whether he has signed.
    #[must_use]
    pub fn seats(&self, role: Role) -> Vec<(String, bool)> {
        let seats = self.transaction.seats(role).into_iter();
        seats
            .map(|(party, signed)| (party.to_owned(), signed))
            .collect()
    }

    /// Whether a quorum has signed in a role.
    #[must_use]
    pub fn is_met(&self, role: Role) -> bool {
        self.transaction.is_met(role)
    }

    /// What those in one role are asked to sign.
    ///
    /// # Errors
    ///
    /// None that a coin of this policy can provoke.
    pub fn request(&self, role: Role) -> Result<Psbt, StepError> {
        Ok(self.transaction.request(role)?)
    }

    /// What all are asked to sign whose signatures are missing, in one file.
    ///
    /// # Errors
    ///
    /// None that a coin of this policy can provoke.
    pub fn request_missing(&self) -> Result<Psbt, StepError> {
        let missing = self.missing();
        let wanted = |used: &crate::compile::KeyUse| missing.contains(&used.role);
        Ok(self.transaction.request_for(wanted)?)
    }

    /// The file with all signatures that it has.
    ///
    /// # Errors
    ///
    /// None that a coin of this policy can provoke.
    pub fn to_psbt(&self) -> Result<Psbt, StepError> {
        Ok(self.transaction.to_psbt()?)
    }

    /// Takes the missing signatures out of a returned file, each once it is verified.
    ///
    /// # Errors
    ///
    /// If the file is for another transaction.
    pub fn receive(
        &mut self,
        returned: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<Received, StepError> {
        let roles = self.transaction.roles();
        let asked = |role| roles.contains(&role) && role != Role::Arming;
        Ok(self.transaction.receive_where(asked, returned, secp)?)
    }

    /// Takes the signatures of one role out of a returned file.
    pub(super) fn receive_as(
        &mut self,
        role: Role,
        returned: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<Received, StepError> {
        Ok(self.transaction.receive(role, returned, secp)?)
    }

    /// The complete transaction.
    ///
    /// # Errors
    ///
    /// If too few have signed.
    pub fn finish(self, received: Vec<Received>) -> Result<Prepared, StepError> {
        if let Some(role) = self.missing().into_iter().next() {
            return Err(StepError::MissingSignatures(role));
        }
        let word = self.word;
        let signed = self.transaction.into_signed();
        let signed = signed.map_err(|_| StepError::MissingSignatures(Role::Path))?;
        let complete = signed.finalize()?;
        Ok(Prepared {
            word,
            transaction: complete.transaction().clone(),
            fee: complete.fee(),
            anchor: complete.anchor(),
            spends: complete
                .spends()
                .map(|(coin, leaf)| (coin.clone(), leaf.clone()))
                .collect(),
            creates: complete.creates(),
            received,
        })
    }
}

impl<C: Chain> Engine<C> {
    /// Builds the transaction of an action; `change` is the index of the change keychain that a
    /// refresh or a spend pays to, and `feerate` what it pays.
    ///
    /// Of what root signed in advance, it is the one at the lowest rung that pays the feerate, or
    /// the one at the highest if none does.
    ///
    /// The same action at the same feerate with the same change comes to the same transaction.
    /// Nobody is asked to sign, and nothing is asked about what is due.
    ///
    /// # Errors
    ///
    /// If a coin is unknown, in the wrong stage or not armed, or a destination is the policy's own.
    pub fn draft(
        &self,
        action: &Action,
        change: u32,
        feerate: FeeRate,
    ) -> Result<Draft, StepError> {
        for script in action.destinations() {
            if self.is_own(script)? {
                return Err(StepError::OwnDestination);
            }
        }
        let builder = Builder::new(&self.compiled, &self.secp).with_feerate(feerate);
        let rung = self.compiled.policy().rung_for(feerate);
        Ok(match action {
            Action::Trigger { coin, path } => {
                let mut armed = self.armed.iter().filter(|armed| armed.path() == path);
                let course = armed.find_map(|armed| armed.courses_for(*coin).nth(rung));
                Draft::of(course.ok_or(StepError::NotArmed(*coin))?.trigger.clone())
            }
            Action::Cancel { coin } => {
                let cancel = self.course_of(*coin)?.cancels.get(rung);
                Draft::of(cancel.ok_or(StepError::NotArmed(*coin))?.clone())
            }
            Action::Settle { coin } => {
                let settle = self.course_of(*coin)?.settles.get(rung);
                Draft::of(settle.ok_or(StepError::NotArmed(*coin))?.clone())
            }
            Action::SettleTo { coin, payees } => {
                Draft::of(builder.settle_to(&self.escrow_coin(*coin)?, payees)?)
            }
            Action::Release { coin, to } => {
                Draft::of(builder.release(&self.lockup_coin(*coin)?, to.clone())?)
            }
            Action::Clawback { coin } => Draft::of(builder.clawback(&self.lockup_coin(*coin)?)?),
            Action::Override { coin } => {
                Draft::of(builder.override_escrow(&self.escrow_coin(*coin)?)?)
            }
            Action::Refresh { coins } => {
                let coins = self.vault_coins(coins)?;
                let coins: Vec<&VaultCoin> = coins.iter().collect();
                Draft::of(builder.refresh(&coins, change)?)
            }
            Action::Spend { coins, payees } => {
                let coins = self.vault_coins(coins)?;
                let coins: Vec<&VaultCoin> = coins.iter().collect();
                Draft::of(builder.spend(&coins, payees, change)?)
            }
            Action::Recover { coin, path, to } => {
                Draft::of(builder.recover(&self.vault_coin(*coin)?, path, to.clone())?)
            }
            Action::Backstop { coin, to } => {
                Draft::of(builder.backstop(&self.escrow_coin(*coin)?, to.clone())?)
            }
        })
    }

    /// Whether the locks of these leaves are open for these coins.
    ///
    /// # Errors
    ///
    /// If a lock is closed, or has not begun to run.
    pub fn check_open<'a>(
        &self,
        spends: impl IntoIterator<Item = (&'a Coin, &'a LeafKind)>,
    ) -> Result<(), StepError> {
        let tip = self.chain.tip()?.time;
        for (coin, leaf) in spends {
            let known = self.coin(coin.outpoint())?;
            let stage = coin.derived().stage();
            let steps = next_steps(&self.compiled, stage, known.birth, tip);
            let step = steps.into_iter().find(|step| step.leaf == *leaf);
            match step.and_then(|step| (!step.open).then_some(step.remaining)) {
                None => {}
                Some(None) => return Err(StepError::NotConfirmed(leaf.clone())),
                Some(Some(remaining)) => {
                    return Err(StepError::NotDue {
                        leaf: leaf.clone(),
                        remaining,
                    });
                }
            }
        }
        Ok(())
    }
}
