//! What the coins of a vault are worth, and what can become of them: told from the last reading of
//! the chain, by the functions that everybody else asks as well.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, OutPoint, ScriptBuf};
use serde::Serialize;

use super::journal::Arming;
use super::stage::{Place, Seen, StageWallet};
use super::{Vault, VaultError};
use crate::arming::{ArmingState, is_acknowledged};
use crate::chain::ChainTip;
use crate::compile::{Compiled, Keychain, LeafKind, Stage, StageDescriptor};
use crate::ledger::Store;
use crate::lifecycle::{
    ArmingStanding, Confidence, NextStep, OutputFacts, StaleReason, Standing, arming_standing,
    next_steps,
};
use crate::units::{BlockHeight, Blocks, ChainTime, CoinBirth, Maturity, UnixTime};

/// Blocks from a coinbase transaction until it can be spent (`COINBASE_MATURITY` in Bitcoin Core's
/// `src/consensus/consensus.h`).
const COINBASE_MATURITY: Blocks = Blocks(100);

/// An output at a script of a vault, as it was when the chain was last read, spent or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownOutput {
    /// Where it is.
    pub outpoint: OutPoint,
    /// The stage.
    #[serde(flatten)]
    pub stage: Stage,
    /// The keychain of its script.
    pub keychain: Keychain,
    /// The index of its script.
    pub index: u32,
    /// What it is worth, in satoshis.
    #[serde(rename = "sats", with = "bitcoin::amount::serde::as_sat")]
    pub amount: Amount,
    /// Its script.
    #[serde(skip)]
    pub script: ScriptBuf,
    /// When it was confirmed, if it is.
    pub birth: Option<CoinBirth>,
    /// Whether it is unspent, and how sure that is.
    #[serde(flatten)]
    pub standing: Standing,
    /// Whether a miner was paid with it.
    pub is_coinbase: bool,
    /// What the chain says of it.
    #[serde(skip)]
    pub facts: OutputFacts,
}

/// A coin with what can be done with it, and when.
#[derive(Clone, Debug, Serialize)]
pub struct CoinStatus {
    /// The coin.
    #[serde(flatten)]
    pub output: KnownOutput,
    /// From its own block to the tip, both counted; none while it is unconfirmed.
    pub depth: Option<Blocks>,
    /// The seconds of median time since the block before its own.
    pub age_seconds: Option<u32>,
    /// What can be done with it, leaf by leaf.
    pub openings: Vec<Opening>,
    /// On which paths root has signed for it in advance, and how far that has come.
    pub armed: Vec<ArmedOn>,
    /// On which staged paths nobody could trigger it yet.
    pub unarmed: Vec<UnarmedReason>,
    /// The first day from which a path's quorum takes it alone, without any file and without root.
    pub alone: Option<Opening>,
    /// How old it is against that day.
    pub alert: Alert,
    /// Other coins at the very same script: whoever pays to an address twice shows that the two
    /// belong together.
    pub reused_with: Vec<OutPoint>,
    /// Whether it was paid straight to an escrow or a lock-up, which is nobody's address: no
    /// trigger or settle of this policy made it.
    pub is_incident: bool,
    /// From which height a coinbase coin can be spent at all.
    pub mature_from: Option<BlockHeight>,
}

/// When a leaf opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opening {
    /// The leaf, and since when or from when.
    #[serde(flatten)]
    pub step: NextStep,
    /// About when, at ten minutes to a block, counted from the median time at the tip.
    pub about: Option<UnixTime>,
}

/// A coin that is armed on a path, or on the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArmedOn {
    /// The path.
    pub path: String,
    /// What the files are worth.
    #[serde(flatten)]
    pub standing: ArmingStanding,
}

impl ArmedOn {
    /// Whether its triggers are signed, and worth something.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(
            self.standing,
            ArmingStanding::Current {
                state: ArmingState::Armed
            }
        )
    }
}

/// Why a coin is not armed on a staged path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnarmedReason {
    /// The path.
    pub path: String,
    /// Whether it is buried, so that it could be.
    pub is_buried: bool,
    /// How far its arming has come all the same.
    pub state: ArmingState,
}

/// Files that are worth nothing any more, since their coin is gone for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StaleArming {
    /// The coin that they were signed for.
    pub coin: OutPoint,
    /// The path.
    pub path: String,
    /// Why.
    pub reason: StaleReason,
}

/// Which coins no reorg brings back, and which are known at all.
pub(super) struct Gone {
    gone: BTreeSet<OutPoint>,
    known: BTreeSet<OutPoint>,
}

impl Gone {
    /// Whether nothing can come of an arming any more: its coin is gone for good, and so is
    /// whatever its cancels made of it.
    pub(super) fn is_over(&self, arming: &Arming) -> bool {
        let mut there = arming
            .coins
            .iter()
            .filter(|coin| self.known.contains(*coin));
        let is_known = there.clone().next().is_some();
        is_known && there.all(|coin| self.gone.contains(coin))
    }
}

/// How near a coin is to the day from which a path takes it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alert {
    /// Less than three quarters of the delay have passed, or no path waits by age.
    None,
    /// Three quarters have passed: plan the refresh.
    ThreeQuarters,
    /// Nine tenths have passed: refresh now.
    NineTenths,
    /// The delay is over: the path's quorum can take the coin.
    Over,
}

impl Alert {
    /// What a share of a delay comes to: `left` of `whole` still to go.
    #[must_use]
    pub const fn of(left: u64, whole: u64) -> Self {
        if left == 0 {
            return Self::Over;
        }
        let passed = whole.saturating_sub(left);
        if passed * 10 >= whole * 9 {
            Self::NineTenths
        } else if passed * 4 >= whole * 3 {
            Self::ThreeQuarters
        } else {
            Self::None
        }
    }
}

/// What is in one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StageBalance {
    /// How many coins.
    pub coins: u64,
    /// Everything confirmed and unspent, in satoshis.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub confirmed: Amount,
    /// What no block holds yet.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub unconfirmed: Amount,
    /// Of what is confirmed: what a reorg could still undo, or a miner may not spend yet.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub maturing: Amount,
    /// Of what is confirmed: what is armed on at least one path.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub armed: Amount,
    /// Of what is confirmed: what is armed on no path.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub unarmed: Amount,
    /// What a transaction spends that could still be undone.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub leaving: Amount,
}

/// What a vault is worth, stage by stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// On which tip.
    pub at: ChainTime,
    /// The stages in the order of the policy, the empty ones as well.
    pub stages: Vec<(Stage, StageBalance)>,
    /// Everything confirmed and unspent in all stages.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub confirmed: Amount,
    /// Everything that no block holds yet.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub unconfirmed: Amount,
}

impl<S: Store> Vault<S> {
    /// Every output ever seen at a script of the vault, stage by stage, each in the order of the
    /// chain.
    ///
    /// # Errors
    ///
    /// If the vault was never compared with a chain.
    pub fn outputs(&self) -> Result<Vec<KnownOutput>, VaultError> {
        let tip = self.known_tip()?.time;
        if let Some(view) = &self.view {
            return Ok(view.outputs.clone());
        }
        let stages = self.stages.iter();
        Ok(stages.flat_map(|stage| known(stage, tip)).collect())
    }

    /// The coins that are there, or could come back by a reorg.
    ///
    /// # Errors
    ///
    /// If the vault was never compared with a chain.
    pub fn coins(&self) -> Result<Vec<CoinStatus>, VaultError> {
        let tip = self.known_tip()?.time;
        let outputs = self.outputs()?;
        let mut at_script: BTreeMap<&ScriptBuf, Vec<OutPoint>> = BTreeMap::new();
        for output in &outputs {
            let together = at_script.entry(&output.script).or_default();
            together.push(output.outpoint);
        }
        let made = self.made_by_stages(&outputs);
        let armed = self.armings();
        let coins = outputs.iter().filter(|output| !is_gone(output.standing));
        Ok(coins
            .map(|output| {
                let mut reused = at_script.get(&output.script).cloned().unwrap_or_default();
                reused.retain(|other| *other != output.outpoint);
                let mut coin = self.coin_status(output, tip, &armed);
                coin.reused_with = reused;
                coin.is_incident =
                    output.stage != Stage::Vault && !made.contains(&output.outpoint.txid);
                coin
            })
            .collect())
    }

    /// The coin at an outpoint.
    ///
    /// # Errors
    ///
    /// If it is none that is there.
    pub fn coin(&self, outpoint: OutPoint) -> Result<CoinStatus, VaultError> {
        let mut coins = self.coins()?.into_iter();
        coins
            .find(|coin| coin.output.outpoint == outpoint)
            .ok_or(VaultError::UnknownCoin(outpoint))
    }

    /// What the coins are worth, stage by stage.
    ///
    /// # Errors
    ///
    /// If the vault was never compared with a chain.
    pub fn balance(&self) -> Result<Balance, VaultError> {
        let at = self.known_tip()?.time;
        let mut stages: Vec<(Stage, StageBalance)> = self
            .compiled
            .stages()
            .map(|descriptor| (descriptor.stage().clone(), StageBalance::default()))
            .collect();
        for coin in self.coins()? {
            let stage = &coin.output.stage;
            if let Some((_, balance)) = stages.iter_mut().find(|(of, _)| of == stage) {
                balance.add(&coin, at);
            }
        }
        let sum = |of: fn(&StageBalance) -> Amount| stages.iter().map(|(_, each)| of(each)).sum();
        Ok(Balance {
            at,
            confirmed: sum(|each| each.confirmed),
            unconfirmed: sum(|each| each.unconfirmed),
            stages,
        })
    }

    pub(super) fn known_tip(&self) -> Result<ChainTip, VaultError> {
        self.tip.ok_or(VaultError::NeverSynced)
    }

    /// The armings whose coins are gone for good: they went on by these files, or moved otherwise.
    ///
    /// # Errors
    ///
    /// If the vault was never compared with a chain.
    pub fn stale_armings(&self) -> Result<Vec<StaleArming>, VaultError> {
        self.known_tip()?;
        let kept = self.journal.kept();
        let gone = self.gone_for_good();
        let under_way = kept.protected.iter();
        let under_way = under_way.filter(|(key, _)| !kept.armed.contains_key(*key));
        let all = kept.armed.iter().chain(under_way);
        let stale = all.filter(|(_, arming)| gone.is_over(arming));
        let stale = stale.map(|((path, coin), _)| StaleArming {
            coin: *coin,
            path: path.clone(),
            reason: StaleReason::CoinMoved,
        });
        Ok(stale.collect())
    }

    /// The coins whose spend is buried, apart from those that are in an escrow now: what was signed
    /// in advance for these cancels and settles them.
    pub(super) fn gone_for_good(&self) -> Gone {
        let outputs = self.outputs().unwrap_or_default();
        let in_escrow: BTreeSet<bitcoin::Txid> = outputs
            .iter()
            .filter(|output| matches!(output.stage, Stage::Escrow(_)) && !is_gone(output.standing))
            .map(|output| output.outpoint.txid)
            .collect();
        let gone = outputs.iter().filter(|output| match output.standing {
            Standing::Spent { by, .. } => is_gone(output.standing) && !in_escrow.contains(&by),
            Standing::Unspent { .. } => false,
        });
        Gone {
            gone: gone.map(|output| output.outpoint).collect(),
            known: outputs.iter().map(|output| output.outpoint).collect(),
        }
    }

    /// By coin, the paths on which root has signed for it in advance, and how far that has come.
    fn armings(&self) -> BTreeMap<OutPoint, Vec<(&str, ArmingState)>> {
        let kept = self.journal.kept();
        let mut found: BTreeMap<OutPoint, Vec<(&str, ArmingState)>> = BTreeMap::new();
        let mut add = |path, arming: &Arming, state| {
            for coin in &arming.coins {
                found.entry(*coin).or_default().push((path, state));
            }
        };
        for ((path, _), arming) in &kept.armed {
            add(path.as_str(), arming, ArmingState::Armed);
        }
        for (key, arming) in &kept.protected {
            if kept.armed.contains_key(key) {
                continue;
            }
            let mut by = arming.acknowledged.clone();
            by.extend(kept.acknowledged.get(key).into_iter().flatten().cloned());
            let path = self.compiled.policy().path(&key.0);
            let state = match path.is_some_and(|path| is_acknowledged(path, &by)) {
                true => ArmingState::Acknowledged,
                false => ArmingState::Protected,
            };
            add(key.0.as_str(), arming, state);
        }
        found
    }

    /// The transactions that spend a coin of ours: what they pay to an escrow or a lock-up was
    /// moved there, and not deposited.
    fn made_by_stages(&self, outputs: &[KnownOutput]) -> BTreeSet<bitcoin::Txid> {
        let spent = outputs.iter().filter_map(|output| output.facts.spent);
        spent.map(|spend| spend.txid).collect()
    }

    fn coin_status(
        &self,
        output: &KnownOutput,
        tip: ChainTime,
        armed: &BTreeMap<OutPoint, Vec<(&str, ArmingState)>>,
    ) -> CoinStatus {
        let openings = openings(&self.compiled, &output.stage, output.birth, tip);
        let (alone, alert) = self.alone(output, &openings, tip);
        let armings = armed.get(&output.outpoint).map_or(&[][..], Vec::as_slice);
        let armed: Vec<ArmedOn> = armings
            .iter()
            .map(|(path, state)| ArmedOn {
                path: (*path).to_owned(),
                standing: arming_standing(
                    *state,
                    self.compiled.id(),
                    self.compiled.id(),
                    output.standing,
                ),
            })
            .collect();
        let is_buried = output.standing.is_buried_and_unspent();
        let staged = self.compiled.staged().iter();
        let come_to = |path: &str| {
            let on = armings.iter().filter(|(on, _)| *on == path);
            on.map(|(_, state)| *state).max()
        };
        let unarmed = staged
            .filter(|_| output.stage == Stage::Vault)
            .map(|path| UnarmedReason {
                path: path.path().to_owned(),
                is_buried,
                state: come_to(path.path()).unwrap_or(ArmingState::Unarmed),
            })
            .filter(|on| on.state < ArmingState::Armed);
        let depth = output
            .birth
            .map(|birth| (tip.height - birth.height).plus(Blocks(1)));
        CoinStatus {
            depth,
            age_seconds: output.birth.map(|birth| {
                let since = birth.median_time_past_before.0;
                tip.median_time_past.0.saturating_sub(since)
            }),
            openings,
            unarmed: unarmed.collect(),
            armed,
            alone,
            alert,
            reused_with: Vec::new(),
            is_incident: false,
            mature_from: output
                .birth
                .filter(|_| output.is_coinbase)
                .map(|birth| birth.height.after(COINBASE_MATURITY)),
            output: output.clone(),
        }
    }

    /// The first opening through which a path's quorum takes the coin without a file and without
    /// root, and how near it is.
    fn alone(
        &self,
        output: &KnownOutput,
        openings: &[Opening],
        tip: ChainTime,
    ) -> (Option<Opening>, Alert) {
        let is_alone = |leaf: &LeafKind| {
            matches!(
                leaf,
                LeafKind::Direct(_) | LeafKind::Backstop | LeafKind::Release
            )
        };
        let waits = openings
            .iter()
            .filter(|opening| is_alone(&opening.step.leaf));
        let first = waits.min_by_key(|opening| {
            let unknown = opening.step.remaining.is_none();
            (unknown, opening.step.remaining)
        });
        let leaves = self
            .compiled
            .stage(&output.stage)
            .map_or(&[][..], StageDescriptor::leaves);
        let alert = leaves
            .iter()
            .filter(|leaf| matches!(leaf.kind(), LeafKind::Direct(_)))
            .filter_map(|leaf| {
                let (lock, birth) = (leaf.relative()?, output.birth?);
                let left = match Maturity::relative(lock, birth) {
                    opening if opening.is_reached(tip) => 0,
                    Maturity::Height(height) => {
                        (height - tip.height.next()).expected_seconds().max(1)
                    }
                    Maturity::MedianTime(time) => {
                        u64::from(time.0.saturating_sub(tip.median_time_past.0)).max(1)
                    }
                };
                Some(Alert::of(left, lock.expected_seconds()))
            })
            .max();
        (first.cloned(), alert.unwrap_or(Alert::None))
    }
}

impl StageBalance {
    fn add(&mut self, coin: &CoinStatus, at: ChainTime) {
        let amount = coin.output.amount;
        let confidence = match coin.output.standing {
            Standing::Spent { .. } => {
                self.leaving += amount;
                return;
            }
            Standing::Unspent { confidence } => confidence,
        };
        self.coins += 1;
        if confidence == Confidence::Unconfirmed {
            self.unconfirmed += amount;
            return;
        }
        self.confirmed += amount;
        let is_kept = coin.mature_from.is_some_and(|from| at.height.next() < from);
        if confidence == Confidence::Confirmed || is_kept {
            self.maturing += amount;
        }
        let is_armed = coin.armed.iter().any(ArmedOn::is_complete);
        match is_armed {
            true => self.armed += amount,
            false => self.unarmed += amount,
        }
    }
}

fn known(stage: &StageWallet, tip: ChainTime) -> impl Iterator<Item = KnownOutput> {
    let of = stage.stage().clone();
    stage.seen().into_iter().map(move |seen: Seen| {
        let Place { keychain, index } = seen.place;
        KnownOutput {
            outpoint: seen.outpoint,
            stage: of.clone(),
            keychain,
            index,
            amount: seen.output.value,
            script: seen.output.script_pubkey,
            birth: seen.facts.birth,
            standing: Standing::of(seen.facts, tip),
            is_coinbase: seen.is_coinbase,
            facts: seen.facts,
        }
    })
}

/// Whether no reorg that is to be expected brings a coin back.
fn is_gone(standing: Standing) -> bool {
    matches!(
        standing,
        Standing::Spent {
            confidence: Confidence::Buried,
            ..
        }
    )
}

/// What opens when for a coin of a stage.
pub(super) fn openings(
    compiled: &Compiled,
    stage: &Stage,
    birth: Option<CoinBirth>,
    tip: ChainTime,
) -> Vec<Opening> {
    let steps = next_steps(compiled, stage, birth, tip).into_iter();
    steps.map(|step| opening(step, tip)).collect()
}

fn opening(step: NextStep, tip: ChainTime) -> Opening {
    let about = step.remaining.map(|remaining| match step.from {
        Some(Maturity::MedianTime(time)) if !step.open => time,
        _ => {
            let seconds = u32::try_from(remaining.expected_seconds()).unwrap_or(u32::MAX);
            tip.median_time_past.after_seconds(seconds)
        }
    });
    Opening { step, about }
}
