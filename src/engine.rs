//! The shell around the pure parts: it asks a chain where coins stand, has parties sign, and
//! hands transactions to the chain.
//!
//! What a coin can do next is decided in [`lifecycle`](crate::lifecycle), what may be signed when
//! in [`arming`](crate::arming), and what a transaction looks like in
//! [`transaction`](crate::transaction).  A rehearsal drives this same engine with another chain
//! and other signers.

mod action;
mod broadcast;
mod draft;
mod fees;
mod replica;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{FeeRate, OutPoint, Psbt, ScriptBuf, Txid};
use thiserror::Error;

use crate::arming::{ArmedCoin, Arming, ArmingError};
use crate::chain::{BackendError, Chain, Refusal, SeenOutput};
use crate::compile::{Compiled, Derived, Keychain, Role, Stage};
use crate::lifecycle::{OutputFacts, SpendFacts, Standing};
use crate::transaction::{
    BuildError, Builder, Coin, EscrowCoin, FeeChildError, FinalizeError, LockupCoin, ReceiveError,
    VaultCoin, WrongStage,
};
use crate::units::CoinBirth;

pub use self::action::{Action, Payment, Prepared};
pub use self::broadcast::{Broadcast, is_known};
pub use self::draft::Draft;
pub use self::fees::{ChildDraft, ChildTerms, FeeCoins, fee_script};
pub use self::replica::{Consent, Replica};
pub use crate::transaction::Received;

/// How many indexes beyond the last revealed one are looked at for scripts of our own: the gap
/// limit of BIP-44.
const LOOKAHEAD: u32 = 20;

/// Whoever can have a party sign.
///
/// A rehearsal answers from seeds in memory; a ceremony hands a file to a person.
pub trait Signers {
    /// The PSBT as the party returns it, or nothing if the party cannot sign.
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt>;
}

/// A coin the engine knows, and where it stands.
#[derive(Clone, Debug)]
pub struct KnownCoin {
    /// The coin with its stage.
    pub coin: Coin,
    /// When it was confirmed, if it is.
    pub birth: Option<CoinBirth>,
    /// Whether it is unspent, and how sure that is.
    pub standing: Standing,
}

impl KnownCoin {
    /// The transaction that spends the coin, confirmed or not.
    #[must_use]
    pub const fn spent_by(&self) -> Option<Txid> {
        match self.standing {
            Standing::Unspent { .. } => None,
            Standing::Spent { by, .. } => Some(by),
        }
    }
}

/// Where a watched script stands, with its keys once somebody needs them.
///
/// Deriving all keys of a script takes a thousand times as long as comparing it, and most scripts
/// of a vault hold no coin.
#[derive(Clone, Debug)]
pub struct Watched {
    stage: Stage,
    keychain: Keychain,
    index: u32,
    derived: OnceLock<Arc<Derived>>,
}

impl Watched {
    /// A script of a stage that somebody else has derived.
    #[must_use]
    pub const fn new(stage: Stage, keychain: Keychain, index: u32) -> Self {
        Self {
            stage,
            keychain,
            index,
            derived: OnceLock::new(),
        }
    }

    /// The stage.
    #[must_use]
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The keychain.
    #[must_use]
    pub const fn keychain(&self) -> Keychain {
        self.keychain
    }

    /// The index.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    fn of(derived: Arc<Derived>) -> Self {
        Self {
            stage: derived.stage().clone(),
            keychain: derived.keychain(),
            index: derived.index(),
            derived: OnceLock::from(derived),
        }
    }

    fn derived(&self, builder: &Builder<'_>) -> Result<Arc<Derived>, BuildError> {
        if let Some(derived) = self.derived.get() {
            return Ok(Arc::clone(derived));
        }
        let derived = builder.derive(&self.stage, self.keychain, self.index)?;
        Ok(Arc::clone(self.derived.get_or_init(|| derived)))
    }
}

/// The engine for one policy on one chain.
#[derive(Clone, Debug)]
pub struct Engine<C> {
    compiled: Arc<Compiled>,
    secp: Secp256k1<All>,
    chain: C,
    watched: BTreeMap<ScriptBuf, Watched>,
    next: [u32; 2],
    armed: Vec<ArmedCoin>,
    feerate: FeeRate,
}

impl<C: Chain> Engine<C> {
    /// An engine that knows no coin yet.
    #[must_use]
    pub fn new(compiled: Arc<Compiled>, chain: C) -> Self {
        let feerate = compiled.policy().base_fee();
        Self {
            compiled,
            secp: Secp256k1::new(),
            chain,
            watched: BTreeMap::new(),
            next: [0, 0],
            armed: Vec::new(),
            feerate,
        }
    }

    /// The same engine on another chain, such as a copy of its own.
    #[must_use]
    pub fn on<D: Chain>(&self, chain: D) -> Engine<D> {
        Engine {
            compiled: Arc::clone(&self.compiled),
            secp: self.secp.clone(),
            chain,
            watched: self.watched.clone(),
            next: self.next,
            armed: self.armed.clone(),
            feerate: self.feerate,
        }
    }

    /// The policy and its descriptors.
    #[must_use]
    pub const fn compiled(&self) -> &Arc<Compiled> {
        &self.compiled
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> &C {
        &self.chain
    }

    /// The chain, to be driven by whoever drives the engine.
    #[must_use]
    pub const fn chain_mut(&mut self) -> &mut C {
        &mut self.chain
    }

    /// The feerate at which a transaction is mined soon.
    #[must_use]
    pub const fn feerate(&self) -> FeeRate {
        self.feerate
    }

    /// Tells the engine what it takes to be mined soon.
    ///
    /// Live transactions pay it themselves; pre-signed ones that pay less get a fee child.
    pub const fn set_feerate(&mut self, feerate: FeeRate) {
        self.feerate = feerate;
    }

    /// The coins that are armed, with their files.
    #[must_use]
    pub fn armed(&self) -> &[ArmedCoin] {
        &self.armed
    }

    /// Takes up what somebody has kept: the scripts that are watched, the next unused index of each
    /// keychain, receive first, and the coins that are armed.
    ///
    /// Each script is that of its stage, keychain and index: it is taken as it is given.
    pub fn restore(
        &mut self,
        watched: impl IntoIterator<Item = (ScriptBuf, Watched)>,
        next: [u32; 2],
        armed: Vec<ArmedCoin>,
    ) {
        self.watched.extend(watched);
        let [receive, change] = &mut self.next;
        let [kept_receive, kept_change] = next;
        *receive = (*receive).max(kept_receive);
        *change = (*change).max(kept_change);
        self.armed.extend(armed);
    }

    /// The next unused index of each keychain, receive first.
    #[must_use]
    pub const fn next(&self) -> [u32; 2] {
        self.next
    }

    /// The next unused address of the vault, which is watched from now on together with the
    /// escrows and lock-ups at its index.
    ///
    /// The change address of the same index is watched as well: whoever cancels, overrides or
    /// claws back pays there, be it from another machine.
    ///
    /// # Errors
    ///
    /// If all 2³¹ indexes are used up.
    pub fn reveal(&mut self, keychain: Keychain) -> Result<Arc<Derived>, StepError> {
        let index = self.take_index(keychain);
        if keychain == Keychain::Receive {
            self.watch(Keychain::Change, index)?;
        }
        self.watch(keychain, index)
    }

    /// Takes the next index of a keychain, so that nothing else is paid to it.
    fn take_index(&mut self, keychain: Keychain) -> u32 {
        let [receive, change] = &mut self.next;
        let next = match keychain {
            Keychain::Receive => receive,
            Keychain::Change => change,
        };
        let index = *next;
        *next += 1;
        index
    }

    /// Whether a script belongs to some stage of this policy, at an index that is watched or could
    /// be revealed next.
    fn is_own(&self, script: &ScriptBuf) -> Result<bool, StepError> {
        if self.watched.contains_key(script) {
            return Ok(true);
        }
        // Deriving takes time, and a script of another form cannot be ours.
        if !(script.is_p2tr() || script.is_p2wsh()) {
            return Ok(false);
        }
        let builder = Builder::new(&self.compiled, &self.secp);
        for (keychain, next) in Keychain::BOTH.into_iter().zip(self.next) {
            // Below this index everything is watched.
            for index in next..next.saturating_add(LOOKAHEAD) {
                for descriptor in self.compiled.stages() {
                    let derived = builder.derive(descriptor.stage(), keychain, index)?;
                    if derived.script_pubkey() == script {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Watches the vault at an index, and every escrow and lock-up a coin of it can get to.
    fn watch(&mut self, keychain: Keychain, index: u32) -> Result<Arc<Derived>, StepError> {
        let builder = Builder::new(&self.compiled, &self.secp);
        let stages: Vec<Stage> = self
            .compiled
            .stages()
            .map(|descriptor| descriptor.stage().clone())
            .collect();
        let vault = builder.derive(&Stage::Vault, keychain, index)?;
        let mut derived = vec![Arc::clone(&vault)];
        for stage in stages {
            if stage != Stage::Vault {
                derived.push(builder.derive(&stage, keychain, index)?);
            }
        }
        for derived in derived {
            let script = derived.script_pubkey().clone();
            self.watched.insert(script, Watched::of(derived));
        }
        Ok(vault)
    }

    /// Every coin ever seen at a watched script, spent ones included.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub fn coins(&self) -> Result<Vec<KnownCoin>, StepError> {
        self.coins_where(|_| true)
    }

    /// The coins among those of some outpoints.
    fn coins_where(
        &self,
        is_wanted: impl Fn(OutPoint) -> bool,
    ) -> Result<Vec<KnownCoin>, StepError> {
        let scripts: Vec<ScriptBuf> = self.watched.keys().cloned().collect();
        let tip = self.chain.tip()?.time;
        let builder = Builder::new(&self.compiled, &self.secp);
        let mut coins = Vec::new();
        for output in self.chain.outputs(&scripts)? {
            let Some(watched) = self.watched.get(&output.output.script_pubkey) else {
                continue;
            };
            if is_wanted(output.outpoint) {
                let derived = watched.derived(&builder)?;
                coins.push(KnownCoin {
                    coin: Coin::new(output.outpoint, output.output.value, derived),
                    birth: output.birth,
                    standing: Standing::of(facts(&output), tip),
                });
            }
        }
        Ok(coins)
    }

    /// The coin at an outpoint.
    ///
    /// # Errors
    ///
    /// If no watched script was ever paid there.
    pub fn coin(&self, outpoint: OutPoint) -> Result<KnownCoin, StepError> {
        let mut found = self.coins_where(|known| known == outpoint)?.into_iter();
        found.next().ok_or(StepError::UnknownCoin(outpoint))
    }

    fn vault_coin(&self, outpoint: OutPoint) -> Result<VaultCoin, StepError> {
        Ok(VaultCoin::try_from(self.sourced(outpoint)?)?)
    }

    fn escrow_coin(&self, outpoint: OutPoint) -> Result<EscrowCoin, StepError> {
        Ok(EscrowCoin::try_from(self.sourced(outpoint)?)?)
    }

    fn lockup_coin(&self, outpoint: OutPoint) -> Result<LockupCoin, StepError> {
        Ok(LockupCoin::try_from(self.sourced(outpoint)?)?)
    }

    /// The coin with the transaction that made it, which signers of version 0 inputs want to see.
    fn sourced(&self, outpoint: OutPoint) -> Result<Coin, StepError> {
        let coin = self.coin(outpoint)?.coin;
        Ok(match self.chain.transaction(outpoint.txid)? {
            Some(source) => coin.with_source(Arc::new(source)),
            None => coin,
        })
    }

    /// Arms a coin on a path, in the order that never leaves a trigger without its cancel.
    ///
    /// `root` sign, and `holders` verify and acknowledge their copies.
    ///
    /// # Errors
    ///
    /// If the coin is not buried, or armed already, or too few sign or acknowledge.
    pub fn arm(
        &mut self,
        outpoint: OutPoint,
        path: &str,
        root: &[String],
        holders: &[String],
        signers: &dyn Signers,
    ) -> Result<Vec<Received>, StepError> {
        let known = self.coin(outpoint)?;
        if !known.standing.is_buried_and_unspent() {
            return Err(StepError::NotBuried(outpoint));
        }
        if self
            .armed
            .iter()
            .any(|armed| armed.path() == path && armed.courses_for(outpoint).next().is_some())
        {
            return Err(ArmingError::AlreadyArmed.into());
        }
        let coin = self.vault_coin(outpoint)?;
        let compiled = Arc::clone(&self.compiled);
        let path = compiled
            .policy()
            .path(path)
            .ok_or_else(|| StepError::UnknownPath(path.to_owned()))?;
        let builder = Builder::new(&compiled, &self.secp);
        let mut arming = Arming::plan(&builder, compiled.id(), path, &coin)?;
        let mut received = self.sign_arming(&mut arming, root, signers)?;
        for holder in holders {
            // Whoever has no part in the path has nothing to acknowledge.
            match arming.acknowledge(holder) {
                Ok(()) | Err(ArmingError::NotConcerned(_)) => {}
                Err(ArmingError::NotProtected) => {
                    return Err(StepError::MissingSignatures(Role::Arming));
                }
                Err(error) => return Err(error.into()),
            }
        }
        received.extend(self.sign_arming(&mut arming, root, signers)?);
        let armed = arming
            .into_armed()
            .map_err(|_| StepError::MissingSignatures(Role::Arming))?;
        // A cancel pays the coin's own index on the change keychain: watch it from now on, and
        // give it to nothing else that is built after this.
        let index = coin.derived().index();
        self.watch(Keychain::Change, index)?;
        let [_, change] = &mut self.next;
        *change = (*change).max(index + 1);
        self.armed.push(armed);
        Ok(received)
    }

    fn sign_arming(
        &self,
        arming: &mut Arming,
        root: &[String],
        signers: &dyn Signers,
    ) -> Result<Vec<Received>, StepError> {
        let mut received = Vec::new();
        for request in arming.requests()? {
            for party in root {
                if let Some(returned) = signers.sign(party, request.clone()) {
                    received.push(arming.receive(&returned, &self.secp)?);
                }
            }
        }
        Ok(received)
    }
}

/// What the chain says of an output, in the words of the pure functions.
fn facts(output: &SeenOutput) -> OutputFacts {
    OutputFacts {
        birth: output.birth,
        spent: output.spend.as_ref().map(|spend| SpendFacts {
            txid: spend.txid,
            height: spend.height,
        }),
    }
}

/// Why a step was not taken.
#[derive(Debug, Error)]
pub enum StepError {
    /// No watched script was ever paid there.
    #[error("no coin of this policy is at {0}")]
    UnknownCoin(OutPoint),
    /// The policy has no such path.
    #[error("the policy has no path `{0}`")]
    UnknownPath(String),
    /// A reorg could still undo the coin.
    #[error("the coin {0} is not buried yet, or spent")]
    NotBuried(OutPoint),
    /// No files were signed for this coin.
    #[error("the coin {0} is not armed on this path")]
    NotArmed(OutPoint),
    /// No case about the path is activated.
    #[error(
        "no case about `{0}` is activated, so honest software signs no trigger (held by software: a quorum of agents who ignore it could)"
    )]
    NotActivated(String),
    /// The case that a coin was triggered for is vetoed.
    #[error(
        "the case that the coin was triggered for on `{0}` is vetoed, so honest software cancels and does not settle (held by software)"
    )]
    Vetoed(String),
    /// Nobody who acts has a copy of the files.
    #[error("nobody who acts has a copy of the files for the coin {0}")]
    NoFiles(OutPoint),
    /// A lock is still closed: the chain would refuse the transaction.
    #[error("the leaf `{leaf}` opens in about {remaining}")]
    NotDue {
        /// The leaf.
        leaf: crate::compile::LeafKind,
        /// How long it takes at the expected rate.
        remaining: crate::units::Blocks,
    },
    /// The coin is not confirmed, so its lock has not begun to run.
    #[error("the coin is not confirmed, so the lock of the leaf `{0}` has not begun to run")]
    NotConfirmed(crate::compile::LeafKind),
    /// What leaves the policy must not come back to one of its own scripts.
    #[error("the destination is a script of this policy itself; name one outside it")]
    OwnDestination,
    /// Too few signed.
    #[error("too few could sign in the role `{0}`")]
    MissingSignatures(Role),
    /// The broadcaster has no coin to pay a fee child with.
    #[error("`{0}` has no fee wallet with a confirmed coin that pays for a fee child")]
    NoFeeCoin(String),
    /// The chain refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The chain did not answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The coin is in another stage.
    #[error(transparent)]
    WrongStage(#[from] WrongStage),
    /// The arming refuses.
    #[error(transparent)]
    Arming(#[from] ArmingError),
    /// The transaction cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A returned file is refused.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// The witness is incomplete.
    #[error(transparent)]
    Finalize(#[from] FinalizeError),
    /// The fee child cannot be built.
    #[error(transparent)]
    FeeChild(#[from] FeeChildError),
}

impl StepError {
    /// One word for the kind of refusal, stable, for expectations and JSON.
    ///
    /// A refusal by the chain has the chain's own word.
    #[must_use]
    pub fn class(&self) -> &str {
        match self {
            Self::UnknownCoin(_) => "unknown-coin",
            Self::UnknownPath(_) => "unknown-path",
            Self::NotBuried(_) => "not-buried",
            Self::NotArmed(_) => "not-armed",
            Self::NotActivated(_) => "not-activated",
            Self::Vetoed(_) => "vetoed",
            Self::NoFiles(_) => "no-files",
            Self::NotDue { .. } => "not-due",
            Self::NotConfirmed(_) => "not-confirmed",
            Self::OwnDestination => "own-destination",
            Self::MissingSignatures(_) | Self::Finalize(_) => "missing-signatures",
            Self::NoFeeCoin(_) | Self::FeeChild(_) => "no-fee-coin",
            Self::Refused(refusal) => &refusal.class,
            Self::Backend(_) => "no-answer",
            Self::WrongStage(_) => "wrong-stage",
            Self::Arming(_) => "arming",
            Self::Build(BuildError::TooSmall { .. }) => "too-small",
            Self::Build(BuildError::Dust { .. }) => "dust",
            Self::Build(_) => "not-buildable",
            Self::Receive(_) => "other-transaction",
        }
    }
}
