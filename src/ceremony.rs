//! Ceremonies by files: what a PSBT does, whether it should be signed, and whose signatures count.
//!
//! A [`Reader`] tells of a file what its transaction does, from the policy alone: scripts are
//! derived here and never taken from the file, amounts come from the chain or from whole previous
//! transactions, and a signature counts once it is verified.  Everything that is wrong is told at
//! once, each with a [`FaultCode`] that never changes its meaning.
//!
//! Nothing here signs, and nothing here is trusted because a file says it.

mod expected;
mod fault;
mod fields;
mod file;
mod frames;
mod merge;
mod money;
mod recognise;
mod recognised;
mod round;
mod scripts;
mod stamp;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, FeeRate, OutPoint, Transaction, TxOut};

use self::scripts::OwnScripts;
use crate::compile::Compiled;
use crate::transaction::{Coin, VaultCoin};

pub use self::fault::{Fault, FaultCode, Gravity, Place};
pub use self::file::{MAX_FILE, PsbtFile, bytes_of};
pub use self::frames::{Code, CodeVersion, FrameFormat, Frames, FramesError, MAX_FRAMES, join};
pub use self::merge::{MergeError, Merged, StrippedFrom, asked_roles};
pub use self::recognised::{
    Basis, Destination, Recognised, RecognisedInput, RecognisedOutput, Seat, What,
};
pub use self::round::{
    Acknowledged, MAX_ROUND, Round, RoundCourse, RoundEntry, RoundError, RoundFile, Speakers, Taken,
};
pub use self::scripts::GAP;
pub use self::stamp::stamp;

/// The most that is paid in fees unless somebody says that he means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// For the whole transaction.
    pub fee: Amount,
    /// For each virtual byte.
    pub feerate: FeeRate,
}

impl Default for Caps {
    /// A million satoshis, and 500 sat/vB: more than any fee market has asked for longer than a
    /// day, and a hundredth of a bitcoin where somebody mistypes an amount.
    fn default() -> Self {
        Self {
            fee: Amount::from_sat(1_000_000),
            feerate: FeeRate::from_sat_per_kwu(500 * 250),
        }
    }
}

/// Reads the PSBTs of one policy.
#[derive(Debug)]
pub struct Reader<'a> {
    compiled: &'a Compiled,
    secp: &'a Secp256k1<All>,
    scripts: OwnScripts<'a>,
    coins: BTreeMap<OutPoint, TxOut>,
    caps: Caps,
}

impl<'a> Reader<'a> {
    /// A reader that knows of no revealed index and of no coin.
    #[must_use]
    pub fn new(compiled: &'a Compiled, secp: &'a Secp256k1<All>) -> Self {
        Self {
            compiled,
            secp,
            scripts: OwnScripts::new(compiled, secp, [0, 0]),
            coins: BTreeMap::new(),
            caps: Caps::default(),
        }
    }

    /// The next unused index of the receive and of the change keychain: scripts are looked for up
    /// to [`GAP`] indexes beyond it.
    #[must_use]
    pub fn with_revealed(mut self, next: [u32; 2]) -> Self {
        self.scripts = OwnScripts::new(self.compiled, self.secp, next);
        self
    }

    /// Coins whose amount and script are known, as the chain has them.
    #[must_use]
    pub fn with_coins(mut self, coins: BTreeMap<OutPoint, TxOut>) -> Self {
        self.coins = coins;
        self
    }

    /// Other bounds for the fee.
    #[must_use]
    pub const fn with_caps(mut self, caps: Caps) -> Self {
        self.caps = caps;
        self
    }

    /// The coin of the vault that a transaction makes, if its script is ours.
    ///
    /// # Errors
    ///
    /// If the transaction is another, or there is no such coin of the vault.
    pub fn vault_coin(
        &mut self,
        outpoint: OutPoint,
        source: &Transaction,
    ) -> Result<VaultCoin, RoundError> {
        let none = || RoundError::NotAVaultCoin(outpoint);
        if source.compute_txid() != outpoint.txid {
            return Err(none());
        }
        let output = source.output.get(outpoint.vout as usize).ok_or_else(none)?;
        let derived = self.scripts.find(&output.script_pubkey, &BTreeSet::new());
        let coin = Coin::new(outpoint, output.value, derived.ok_or_else(none)?);
        let coin = coin.with_source(Arc::new(source.clone()));
        VaultCoin::try_from(coin).map_err(|_| none())
    }

    /// Reads a file of any form and says what it does.
    ///
    /// # Errors
    ///
    /// If it is no PSBT that can be judged any further.  Everything else that is wrong with it is
    /// in what comes back.
    pub fn read(&mut self, file: &[u8]) -> Result<Recognised, Fault> {
        Ok(self.judge(PsbtFile::read(file)?))
    }
}
