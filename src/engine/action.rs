//! What can be done with coins, and its preparation: built, signed, and not yet broadcast.

use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, Weight};

use super::{Engine, Signers, StepError};
use crate::chain::Chain;
use crate::compile::{Keychain, LeafKind, Role};
use crate::lifecycle::{Standing, next_steps};
use crate::transaction::{
    Builder, Coin, Kind, Payee, Received, Signed, StageTransaction, State, VaultCoin,
};

/// Somebody is paid.
pub type Payment = Payee;

/// Something to be done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Vault to escrow.
    Trigger {
        /// The coin.
        coin: OutPoint,
        /// The staged path.
        path: String,
    },
    /// Escrow to vault, by veto.
    Cancel {
        /// The coin.
        coin: OutPoint,
    },
    /// Escrow to lock-up.
    Settle {
        /// The coin.
        coin: OutPoint,
    },
    /// Escrow to payees.
    SettleTo {
        /// The coin.
        coin: OutPoint,
        /// Who is paid; the rest goes back to the vault.
        payees: Vec<Payment>,
    },
    /// Lock-up to a destination.
    Release {
        /// The coin.
        coin: OutPoint,
        /// Where to.
        to: ScriptBuf,
    },
    /// Lock-up to vault, by root.
    Clawback {
        /// The coin.
        coin: OutPoint,
    },
    /// Escrow to vault, by root.
    Override {
        /// The coin.
        coin: OutPoint,
    },
    /// Vault to vault, by root.
    Refresh {
        /// The coins, which become one.
        coins: Vec<OutPoint>,
    },
    /// Vault to payees, by root.
    Spend {
        /// The coins.
        coins: Vec<OutPoint>,
        /// Who is paid; the rest goes back to the vault.
        payees: Vec<Payment>,
    },
    /// Vault to a destination, by a direct path.
    Recover {
        /// The coin.
        coin: OutPoint,
        /// The direct path.
        path: String,
        /// Where to.
        to: ScriptBuf,
    },
    /// Escrow to a destination, by the backstop.
    Backstop {
        /// The coin.
        coin: OutPoint,
        /// Where to.
        to: ScriptBuf,
    },
}

impl Action {
    /// The scripts outside the policy that it pays to.
    fn destinations(&self) -> impl Iterator<Item = &ScriptBuf> {
        let (to, payees): (Option<&ScriptBuf>, &[Payment]) = match self {
            Self::Release { to, .. } | Self::Recover { to, .. } | Self::Backstop { to, .. } => {
                (Some(to), &[])
            }
            Self::SettleTo { payees, .. } | Self::Spend { payees, .. } => (None, payees),
            Self::Trigger { .. }
            | Self::Cancel { .. }
            | Self::Settle { .. }
            | Self::Clawback { .. }
            | Self::Override { .. }
            | Self::Refresh { .. } => (None, &[]),
        };
        to.into_iter()
            .chain(payees.iter().map(|payee| &payee.script_pubkey))
    }
}

/// A complete transaction that has not been broadcast.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What it is.
    pub word: &'static str,
    /// The transaction.
    pub transaction: Transaction,
    /// The fee it pays itself.
    pub fee: Amount,
    /// The output a fee child can spend.
    pub anchor: Option<OutPoint>,
    /// What it spends, each with its leaf.
    pub spends: Vec<(Coin, LeafKind)>,
    /// The coins of this policy that it makes.
    pub creates: Vec<Coin>,
    /// What became of the signatures that parties returned.
    pub received: Vec<Received>,
}

impl Prepared {
    /// Its weight.
    #[must_use]
    pub fn weight(&self) -> Weight {
        self.transaction.weight()
    }
}

impl<C: Chain> Engine<C> {
    /// Builds a transaction and has parties sign it, without asking whether it is due.
    ///
    /// `by` are asked in this order; whoever cannot sign is passed over.
    ///
    /// # Errors
    ///
    /// If the coin is in the wrong stage or not armed, or too few could sign.
    pub fn prepare(
        &mut self,
        action: &Action,
        by: &[String],
        signers: &dyn Signers,
    ) -> Result<Prepared, StepError> {
        for script in action.destinations() {
            if self.is_own(script)? {
                return Err(StepError::OwnDestination);
            }
        }
        let compiled = Arc::clone(&self.compiled);
        let secp = self.secp.clone();
        let builder = Builder::new(&compiled, &secp).with_feerate(self.feerate);
        let live = Live {
            by,
            signers,
            secp: &secp,
        };
        match action {
            Action::Trigger { coin, path } => {
                let rung = self
                    .armed
                    .iter()
                    .filter(|armed| armed.path() == path)
                    .find_map(|armed| armed.rung_for(*coin))
                    .ok_or(StepError::NotArmed(*coin))?;
                live.complete(rung.trigger.clone(), &[Role::Path])
            }
            Action::Cancel { coin } => {
                let cancel = self.rung_of(*coin)?.cancel.clone();
                live.complete(cancel, &[Role::Veto])
            }
            Action::Settle { coin } => {
                let settle = self.rung_of(*coin)?.settle.clone();
                live.complete(settle.ok_or(StepError::NotArmed(*coin))?, &[])
            }
            Action::SettleTo { coin, payees } => {
                let coin = self.escrow_coin(*coin)?;
                self.watch(Keychain::Change, coin.derived().index())?;
                live.sign(builder.settle_to(&coin, payees)?)
            }
            Action::Release { coin, to } => {
                live.sign(builder.release(&self.lockup_coin(*coin)?, to.clone())?)
            }
            Action::Clawback { coin } => {
                let coin = self.lockup_coin(*coin)?;
                self.watch(Keychain::Change, coin.derived().index())?;
                live.sign(builder.clawback(&coin)?)
            }
            Action::Override { coin } => {
                let coin = self.escrow_coin(*coin)?;
                self.watch(Keychain::Change, coin.derived().index())?;
                live.sign(builder.override_escrow(&coin)?)
            }
            Action::Refresh { coins } => {
                let coins = self.vault_coins(coins)?;
                let change = self.reveal(Keychain::Change)?.index();
                let coins: Vec<&VaultCoin> = coins.iter().collect();
                live.sign(builder.refresh(&coins, change)?)
            }
            Action::Spend { coins, payees } => {
                let coins = self.vault_coins(coins)?;
                let change = self.reveal(Keychain::Change)?.index();
                let coins: Vec<&VaultCoin> = coins.iter().collect();
                live.sign(builder.spend(&coins, payees, change)?)
            }
            Action::Recover { coin, path, to } => {
                live.sign(builder.recover(&self.vault_coin(*coin)?, path, to.clone())?)
            }
            Action::Backstop { coin, to } => {
                live.sign(builder.backstop(&self.escrow_coin(*coin)?, to.clone())?)
            }
        }
    }

    /// Has veto holders sign the cancel of an escrow coin, and keeps their signatures.
    ///
    /// # Errors
    ///
    /// If the coin is not in the escrow of an armed path.
    pub fn veto(
        &mut self,
        coin: OutPoint,
        by: &[String],
        signers: &dyn Signers,
    ) -> Result<Vec<Received>, StepError> {
        let mut received = Vec::new();
        let armed = self
            .armed
            .iter_mut()
            .find(|armed| armed.rung_of_escrow(coin).is_some());
        let armed = armed.ok_or(StepError::NotArmed(coin))?;
        for party in by {
            let request = armed
                .rung_of_escrow(coin)
                .ok_or(StepError::NotArmed(coin))?
                .cancel
                .request(Role::Veto)?;
            if let Some(returned) = signers.sign(party, request) {
                received.push(armed.receive_veto(coin, &returned, &self.secp)?);
            }
        }
        Ok(received)
    }

    /// Whether the chain would take it now, as far as the locks of its leaves say.
    ///
    /// # Errors
    ///
    /// If a lock is closed, or has not begun to run.
    pub fn check_due(&self, prepared: &Prepared) -> Result<(), StepError> {
        let tip = self.chain.tip()?.time;
        for (coin, leaf) in &prepared.spends {
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

    /// The unspent coins in the vault.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub fn unspent(&self) -> Result<Vec<super::KnownCoin>, StepError> {
        let mut coins = self.coins()?;
        coins.retain(|known| matches!(known.standing, Standing::Unspent { .. }));
        Ok(coins)
    }

    fn vault_coins(&self, outpoints: &[OutPoint]) -> Result<Vec<VaultCoin>, StepError> {
        outpoints
            .iter()
            .map(|outpoint| self.vault_coin(*outpoint))
            .collect()
    }

    fn rung_of(&self, escrow: OutPoint) -> Result<&crate::arming::ArmedRung, StepError> {
        let found = self
            .armed
            .iter()
            .find_map(|armed| armed.rung_of_escrow(escrow));
        found.ok_or(StepError::NotArmed(escrow))
    }
}

/// Those who sign now.
struct Live<'a> {
    by: &'a [String],
    signers: &'a dyn Signers,
    secp: &'a Secp256k1<All>,
}

impl Live<'_> {
    /// A transaction that everybody signs now.
    fn sign<K: Kind>(
        &self,
        mut unsigned: StageTransaction<K, crate::transaction::Unsigned>,
    ) -> Result<Prepared, StepError> {
        let roles = unsigned.roles();
        let received = self.collect(&mut unsigned, &roles)?;
        let missing = roles.into_iter().find(|role| !unsigned.is_met(*role));
        let signed = unsigned
            .into_signed()
            .map_err(|_| StepError::MissingSignatures(missing.unwrap_or(Role::Path)))?;
        finish(signed, received)
    }

    /// A transaction that root has signed, and that these roles complete.
    fn complete<K: Kind>(
        &self,
        mut signed: StageTransaction<K, Signed>,
        roles: &[Role],
    ) -> Result<Prepared, StepError> {
        let missing: Vec<Role> = roles
            .iter()
            .copied()
            .filter(|role| !signed.is_met(*role))
            .collect();
        let received = self.collect(&mut signed, &missing)?;
        if let Some(role) = missing.into_iter().find(|role| !signed.is_met(*role)) {
            return Err(StepError::MissingSignatures(role));
        }
        finish(signed, received)
    }

    fn collect<K: Kind, S: State>(
        &self,
        transaction: &mut StageTransaction<K, S>,
        roles: &[Role],
    ) -> Result<Vec<Received>, StepError> {
        let mut received = Vec::new();
        for role in roles {
            let request = transaction.request(*role)?;
            for party in self.by {
                if transaction.is_met(*role) {
                    break;
                }
                if let Some(returned) = self.signers.sign(party, request.clone()) {
                    received.push(transaction.receive(*role, &returned, self.secp)?);
                }
            }
        }
        Ok(received)
    }
}

fn finish<K: Kind>(
    signed: StageTransaction<K, Signed>,
    received: Vec<Received>,
) -> Result<Prepared, StepError> {
    let complete = signed.finalize()?;
    Ok(Prepared {
        word: complete.word(),
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
