//! What can be done with coins, and its preparation: built, signed, and not yet broadcast.

use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, Weight};
use serde::{Deserialize, Serialize};

use super::{Engine, Signers, StepError};
use crate::chain::Chain;
use crate::compile::{Keychain, LeafKind, Role};
use crate::lifecycle::Standing;
use crate::transaction::{Coin, Payee, Received, VaultCoin};

/// Somebody is paid.
pub type Payment = Payee;

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
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
    pub fn destinations(&self) -> impl Iterator<Item = &ScriptBuf> {
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

    /// The coins that it spends.
    #[must_use]
    pub fn coins(&self) -> &[OutPoint] {
        match self {
            Self::Refresh { coins } | Self::Spend { coins, .. } => coins,
            Self::Trigger { coin, .. }
            | Self::Cancel { coin }
            | Self::Settle { coin }
            | Self::SettleTo { coin, .. }
            | Self::Release { coin, .. }
            | Self::Clawback { coin }
            | Self::Override { coin }
            | Self::Recover { coin, .. }
            | Self::Backstop { coin, .. } => std::slice::from_ref(coin),
        }
    }

    /// Whether root signed its transaction in advance, so that its fee is fixed.
    #[must_use]
    pub const fn is_presigned(&self) -> bool {
        matches!(
            self,
            Self::Trigger { .. } | Self::Cancel { .. } | Self::Settle { .. }
        )
    }

    /// Whether it brings coins back under root's hand, so that it may race whatever else is under
    /// way.
    #[must_use]
    pub const fn is_protective(&self) -> bool {
        matches!(
            self,
            Self::Cancel { .. }
                | Self::Clawback { .. }
                | Self::Override { .. }
                | Self::Refresh { .. }
        )
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
        self.prepare_at(self.feerate, action, by, signers)
    }

    /// The same at a feerate of its own: of what root signed in advance, at the lowest rung that
    /// pays it.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    pub fn prepare_at(
        &mut self,
        feerate: FeeRate,
        action: &Action,
        by: &[String],
        signers: &dyn Signers,
    ) -> Result<Prepared, StepError> {
        let change = match action {
            Action::Refresh { .. } | Action::Spend { .. } => self.reveal(Keychain::Change)?.index(),
            _ => 0,
        };
        let mut draft = self.draft(action, change, feerate)?;
        if let Action::SettleTo { .. } | Action::Clawback { .. } | Action::Override { .. } = action
        {
            let first = draft.spends().next();
            let index = first.map(|(coin, _)| coin.derived().index());
            if let Some(index) = index {
                self.watch(Keychain::Change, index)?;
            }
        }
        let mut received = Vec::new();
        for role in draft.missing() {
            let request = draft.request(role)?;
            for party in by {
                if draft.is_met(role) {
                    break;
                }
                if let Some(returned) = signers.sign(party, request.clone()) {
                    received.push(draft.receive_as(role, &returned, &self.secp)?);
                }
            }
            if !draft.is_met(role) {
                return Err(StepError::MissingSignatures(role));
            }
        }
        draft.finish(received)
    }

    /// Has veto holders sign the cancels of an escrow coin, at every rung, and keeps their
    /// signatures.
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
            .find(|armed| armed.course_of_escrow(coin).is_some());
        let armed = armed.ok_or(StepError::NotArmed(coin))?;
        let course = armed.course_of_escrow(coin);
        let course = course.ok_or(StepError::NotArmed(coin))?;
        let requests = course.cancels.iter();
        let requests = requests
            .map(|cancel| cancel.request(Role::Veto))
            .collect::<Result<Vec<_>, _>>()?;
        for request in requests {
            for party in by {
                if let Some(returned) = signers.sign(party, request.clone()) {
                    received.push(armed.receive_veto(coin, &returned, &self.secp)?);
                }
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
        self.check_open(prepared.spends.iter().map(|(coin, leaf)| (coin, leaf)))
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

    pub(super) fn vault_coins(&self, outpoints: &[OutPoint]) -> Result<Vec<VaultCoin>, StepError> {
        outpoints
            .iter()
            .map(|outpoint| self.vault_coin(*outpoint))
            .collect()
    }

    pub(super) fn course_of(
        &self,
        escrow: OutPoint,
    ) -> Result<&crate::arming::ArmedCourse, StepError> {
        let found = self
            .armed
            .iter()
            .find_map(|armed| armed.course_of_escrow(escrow));
        found.ok_or(StepError::NotArmed(escrow))
    }
}
