//! Coins, typed by the stage they are in.

use std::sync::Arc;

use bitcoin::{Amount, OutPoint, Transaction, TxOut};
use thiserror::Error;

use crate::compile::{Derived, Stage};

/// A coin in some stage of a policy.
#[derive(Clone, Debug)]
pub struct Coin {
    outpoint: OutPoint,
    amount: Amount,
    derived: Arc<Derived>,
    source: Option<Arc<Transaction>>,
}

impl Coin {
    /// A coin at an outpoint.
    #[must_use]
    pub const fn new(outpoint: OutPoint, amount: Amount, derived: Arc<Derived>) -> Self {
        Self {
            outpoint,
            amount,
            derived,
            source: None,
        }
    }

    /// The same coin with the transaction that created it, which signers of version 0 inputs
    /// want to see.
    #[must_use]
    pub fn with_source(mut self, source: Arc<Transaction>) -> Self {
        self.source = Some(source);
        self
    }

    /// Where it is on the chain.
    #[must_use]
    pub const fn outpoint(&self) -> OutPoint {
        self.outpoint
    }

    /// What it is worth.
    #[must_use]
    pub const fn amount(&self) -> Amount {
        self.amount
    }

    /// The stage, and the keychain and index in it.
    #[must_use]
    pub const fn derived(&self) -> &Arc<Derived> {
        &self.derived
    }

    /// The transaction that created it, if it is known.
    #[must_use]
    pub const fn source(&self) -> Option<&Arc<Transaction>> {
        self.source.as_ref()
    }

    /// The output itself.
    #[must_use]
    pub fn txout(&self) -> TxOut {
        TxOut {
            value: self.amount,
            script_pubkey: self.derived.script_pubkey().clone(),
        }
    }
}

/// A coin of one stage is asked to be a coin of another.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the coin is in the {actual}, not in {wanted}")]
pub struct WrongStage {
    /// Where it is.
    pub actual: Stage,
    /// Where it should be, with its article.
    pub wanted: &'static str,
}

macro_rules! stage_coin {
    ($(#[$doc:meta])* $name:ident, $pattern:pat, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Coin);

        impl TryFrom<Coin> for $name {
            type Error = WrongStage;

            fn try_from(coin: Coin) -> Result<Self, WrongStage> {
                match coin.derived.stage() {
                    $pattern => Ok(Self(coin)),
                    actual => Err(WrongStage { actual: actual.clone(), wanted: $wanted }),
                }
            }
        }

        impl std::ops::Deref for $name {
            type Target = Coin;

            fn deref(&self) -> &Coin {
                &self.0
            }
        }
    };
}

stage_coin! {
    /// A coin in the vault.
    VaultCoin, Stage::Vault, "the vault"
}
stage_coin! {
    /// A coin in an escrow.
    EscrowCoin, Stage::Escrow(_), "an escrow"
}
stage_coin! {
    /// A coin in a lock-up.
    LockupCoin, Stage::Lockup(_), "a lock-up"
}
