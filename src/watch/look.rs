//! Putting facts together from a vault, a chain and a ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, Txid};

use super::facts::{
    CaseFact, ChainFacts, Delay, LedgerFacts, Member, Reserve, SilenceFact, Spend, WatchedCoin, Way,
};
use crate::chain::{BackendError, Chain};
use crate::compile::{
    Compiled, Leaf, LeafKind, SpendCost, Stage, StageDescriptor, StagedDescriptors,
};
use crate::engine::FeeCoins;
use crate::governance::{Action, Cases, ChainPoint, Heard, Phase};
use crate::ledger::Store;
use crate::policy::Policy;
use crate::transaction::{ANCHOR_VALUE, FEE_CHILD_VBYTES};
use crate::units::{BlockHeight, CoinBirth, RelativeLock, UnixTime};
use crate::wallet::{KnownOutput, Vault, VaultError};

/// The least that may be left of a fee coin: dust for a P2WPKH output at 3 sat/vB.
const LEAST_LEFT: Amount = Amount::from_sat(294);

/// What the chain says of the coins of a vault that was just compared with it.
///
/// # Errors
///
/// If the vault was never compared with a chain, or the chain does not answer.
pub fn chain_facts<S: Store>(
    vault: &Vault<S>,
    chain: &dyn Chain,
) -> Result<ChainFacts, VaultError> {
    let tip = vault.tip().ok_or(VaultError::NeverSynced)?;
    let outputs = vault.outputs()?;
    let compiled = vault.compiled();
    let delays: BTreeMap<Stage, Arc<[Delay]>> = compiled
        .stages()
        .map(|stage| (stage.stage().clone(), waits(stage)))
        .collect();
    let mut armed: BTreeMap<OutPoint, BTreeSet<&str>> = BTreeMap::new();
    for (path, coin) in vault.armed_on() {
        armed.entry(coin).or_default().insert(path);
    }
    let moved: BTreeSet<Txid> = outputs
        .iter()
        .filter_map(|output| output.facts.spent.map(|spend| spend.txid))
        .collect();
    let mut reader = Spends {
        vault,
        chain,
        births: births(&outputs),
        stages: stages(&outputs),
        ways: HashMap::new(),
    };
    let mut coins = Vec::with_capacity(outputs.len());
    for output in &outputs {
        let spend = reader.of(output)?;
        let on = armed.get(&output.outpoint);
        let is_armed = |path: &str| on.is_some_and(|on| on.contains(path));
        let staged = compiled.staged().iter().map(StagedDescriptors::path);
        let unarmed = staged
            .filter(|path| output.stage == Stage::Vault && !is_armed(path))
            .map(str::to_owned);
        let triggered = match spend.as_ref().map(|spend| &spend.way) {
            Some(Way::Leaf(LeafKind::Trigger(path))) => Some(path.as_str()),
            _ => None,
        };
        let useless = on.into_iter().flatten().filter(|path| {
            let is_used = triggered == Some(**path);
            spend.is_some() && !is_used
        });
        coins.push(WatchedCoin {
            outpoint: output.outpoint,
            stage: output.stage.clone(),
            amount: output.amount,
            birth: output.birth,
            is_ours: moved.contains(&output.outpoint.txid),
            delays: delays.get(&output.stage).cloned().unwrap_or_default(),
            unarmed: unarmed.collect(),
            armed_and_moved: useless.map(|path| (*path).to_owned()).collect(),
            spend,
        });
    }
    coins.sort_by_key(|coin| coin.outpoint);
    Ok(ChainFacts { tip, coins })
}

/// The births of the transactions that make outputs of ours.
fn births(outputs: &[KnownOutput]) -> HashMap<Txid, CoinBirth> {
    let births = outputs.iter();
    births
        .filter_map(|output| Some((output.outpoint.txid, output.birth?)))
        .collect()
}

/// By outpoint, the stage.
fn stages(outputs: &[KnownOutput]) -> HashMap<OutPoint, Stage> {
    let stages = outputs.iter();
    stages
        .map(|output| (output.outpoint, output.stage.clone()))
        .collect()
}

/// How a stage can be left by waiting.  Of the one block that root waits there is nothing to tell.
fn waits(stage: &StageDescriptor) -> Arc<[Delay]> {
    let leaves = stage.leaves().iter();
    leaves
        .filter(|leaf| !matches!(leaf.kind(), LeafKind::Spend | LeafKind::Override))
        .filter(|leaf| leaf.relative().is_some() || leaf.absolute().is_some())
        .map(|leaf| Delay {
            leaf: leaf.kind().clone(),
            path: match (leaf.kind(), stage.stage().path()) {
                (LeafKind::Direct(path) | LeafKind::Trigger(path), _) => path.clone(),
                (_, path) => path.unwrap_or_default().to_owned(),
            },
            relative: leaf.relative(),
            absolute: leaf.absolute(),
        })
        .collect()
}

/// Reads what spends coins.
struct Spends<'a, S> {
    vault: &'a Vault<S>,
    chain: &'a dyn Chain,
    births: HashMap<Txid, CoinBirth>,
    stages: HashMap<OutPoint, Stage>,
    ways: HashMap<Txid, Option<Arc<Transaction>>>,
}

impl<S: Store> Spends<'_, S> {
    fn of(&mut self, output: &KnownOutput) -> Result<Option<Spend>, BackendError> {
        let Some(facts) = output.facts.spent else {
            return Ok(None);
        };
        let txid = facts.txid;
        let transaction = match self.ways.get(&txid) {
            Some(known) => known.clone(),
            None => {
                let found = match self.vault.transaction(txid) {
                    Some(transaction) => Some(transaction),
                    None => self.chain.transaction(txid)?.map(Arc::new),
                };
                self.ways.insert(txid, found.clone());
                found
            }
        };
        let birth = match (facts.height, self.births.get(&txid)) {
            (None, _) => None,
            (Some(_), Some(birth)) => Some(*birth),
            (Some(height), None) => {
                let birth = self.chain.confirmation(txid)?;
                let birth = birth.filter(|birth| birth.height == height);
                self.births.extend(birth.map(|birth| (txid, birth)));
                birth
            }
        };
        let compiled = self.vault.compiled();
        let way = transaction.map_or(Way::Leaf(unknown(&output.stage)), |transaction| {
            way(compiled, output, &transaction, &self.stages)
        });
        Ok(Some(Spend {
            txid,
            height: facts.height,
            birth,
            way,
        }))
    }
}

/// What a spend is taken for that nobody can look at.
const fn unknown(stage: &Stage) -> LeafKind {
    match stage {
        Stage::Vault => LeafKind::Spend,
        Stage::Escrow(_) => LeafKind::Override,
        Stage::Lockup(_) => LeafKind::Clawback,
    }
}

/// What a transaction does with a coin.
///
/// Outputs tell a trigger and a settle, sequence number and lock time the rest: what this program
/// builds states the lock of its leaf exactly.  Root can state any lock that its coin has passed,
/// and is then taken for the quorum whose lock that is: too much alarm, never too little.
fn way(
    compiled: &Compiled,
    coin: &KnownOutput,
    transaction: &Transaction,
    stages: &HashMap<OutPoint, Stage>,
) -> Way {
    let txid = transaction.compute_txid();
    let anchor = ScriptBuf::new_p2a();
    let made: Vec<Option<&Stage>> = (0..)
        .zip(&transaction.output)
        .filter(|(_, output)| output.script_pubkey != anchor)
        .map(|(vout, _)| stages.get(&OutPoint::new(txid, vout)))
        .collect();
    let makes = |wanted: fn(&Stage) -> bool| made.iter().flatten().find(|stage| wanted(stage));
    if coin.stage == Stage::Vault
        && let Some(path) =
            makes(|stage| matches!(stage, Stage::Escrow(_))).and_then(|stage| stage.path())
    {
        return Way::Leaf(LeafKind::Trigger(path.to_owned()));
    }
    if matches!(coin.stage, Stage::Escrow(_))
        && makes(|stage| matches!(stage, Stage::Lockup(_))).is_some()
    {
        return Way::Leaf(LeafKind::Settle);
    }
    let mut inputs = transaction.input.iter();
    let input = inputs.find(|input| input.previous_output == coin.outpoint);
    let leaves = compiled
        .stage(&coin.stage)
        .map(StageDescriptor::leaves)
        .unwrap_or_default();
    // A trigger and a settle are told by what they make.
    let leaves = leaves.iter().filter(|leaf| {
        !matches!(leaf.kind(), LeafKind::Trigger(_))
            && (*leaf.kind() != LeafKind::Settle || !leaf.is_presigned())
    });
    let fitting = leaves
        .filter(|leaf| input.is_none_or(|input| fits(leaf, input.sequence, transaction.lock_time)));
    let strictest = fitting.max_by_key(|leaf| {
        let relative = leaf.relative().map(RelativeLock::expected_seconds);
        (leaf.absolute().is_some(), relative)
    });
    let leaf = strictest.map_or_else(|| unknown(&coin.stage), |leaf| leaf.kind().clone());
    let stays = made.iter().all(|stage| *stage == Some(&Stage::Vault));
    match leaf {
        LeafKind::Spend if stays => Way::Refresh,
        leaf => Way::Leaf(leaf),
    }
}

/// Whether the locks of a leaf are met by what an input states.
fn fits(leaf: &Leaf, sequence: bitcoin::Sequence, lock_time: bitcoin::absolute::LockTime) -> bool {
    let stated = sequence.to_relative_lock_time();
    let relative = leaf.relative().is_none_or(|lock| {
        let wanted = lock.to_sequence().to_relative_lock_time();
        wanted
            .zip(stated)
            .is_some_and(|(wanted, stated)| wanted.is_implied_by(stated))
    });
    let absolute = leaf
        .absolute()
        .is_none_or(|lock| lock.to_lock_time().is_implied_by(lock_time));
    relative && absolute
}

/// What a ledger says whose cases stand so.
#[must_use]
pub fn ledger_facts(cases: &Cases, policy: &Policy) -> LedgerFacts {
    let mut facts = LedgerFacts::default();
    for (_, case) in cases.all() {
        facts.cases.push(CaseFact {
            id: case.id.to_string(),
            path: case.path.clone(),
            why: case.why.clone(),
            phase: phase(&case.phase),
        });
    }
    for action in cases.due(policy) {
        let until = match &action {
            Action::AskBallot { until, .. } => Some(*until),
            _ => None,
        };
        facts.due.push((action, until));
    }
    for docket in cases.dockets() {
        // Before anybody has said anything there is no silence.
        let silences = docket.began().map(|_| docket.silences(policy));
        for (path, term) in silences.unwrap_or_default() {
            facts.silences.push(SilenceFact {
                path,
                fewer_than: term.fewer_than,
                period: term.period,
                members: term.heard.iter().map(member).collect(),
                silent: term.silent,
                from: term.from,
                quorum: term.quorum,
            });
        }
    }
    facts
}

const fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Proposed => "proposed",
        Phase::Activated => "activated",
        Phase::Frozen { .. } => "frozen",
        Phase::Vetoed { .. } => "vetoed",
        Phase::Closed { .. } => "closed",
    }
}

/// When somebody who was heard of should be heard of again.
fn member(heard: &Heard) -> Member {
    let quarter = |from: u32, to: u32| to - to.saturating_sub(from) / 4;
    let due = match heard.until {
        ChainPoint::Height(until) => {
            ChainPoint::Height(BlockHeight(quarter(heard.last.height.0, until.0)))
        }
        ChainPoint::MedianTime(until) => {
            ChainPoint::MedianTime(UnixTime(quarter(heard.last.median_time_past.0, until.0)))
        }
    };
    Member {
        party: heard.party.clone(),
        due,
        until: heard.until,
    }
}

/// What the fee wallets of some parties have, against the worst case: every armed coin is triggered
/// and every coin in an escrow cancelled or settled at once, each with a fee child that spends a
/// confirmed coin of its own, at a feerate that is to be reached.
///
/// # Errors
///
/// If the chain does not answer.
pub fn reserves<'a>(
    compiled: &Compiled,
    facts: &ChainFacts,
    chain: &dyn Chain,
    parties: impl IntoIterator<Item = &'a str>,
    stress: FeeRate,
) -> Result<Vec<Reserve>, BackendError> {
    if !compiled.policy().version().has_anchor() {
        // Nobody can add a fee, so nobody needs a wallet for it.
        return Ok(Vec::new());
    }
    let staged = compiled.staged().len();
    let on_the_way = facts.coins.iter().filter(|coin| {
        let is_armed = coin.stage == Stage::Vault && coin.unarmed.len() < staged;
        coin.spend.is_none() && (is_armed || matches!(coin.stage, Stage::Escrow(_)))
    });
    let wanted = on_the_way.count() as u64;
    let each = dearest_child(compiled, stress);
    let secp = Secp256k1::new();
    let mut reserves = Vec::new();
    for (party, wallet) in FeeCoins::read(chain, compiled, parties, &secp)? {
        let coins = wallet.unspent().filter(|seen| seen.output.value >= each);
        reserves.push(Reserve {
            party,
            coins: coins.count() as u64,
            wanted,
            each,
        });
    }
    Ok(reserves)
}

/// What a fee coin must be worth to lift the largest pre-signed transaction to a feerate.
fn dearest_child(compiled: &Compiled, stress: FeeRate) -> Amount {
    let base = compiled.policy().base_fee();
    let fees = compiled.stages().flat_map(|stage| {
        let leaves = stage.leaves().iter().filter(|leaf| leaf.is_presigned());
        leaves.map(|leaf| {
            let parent = SpendCost::of(stage, leaf).vbytes;
            let whole = stress
                .fee_vb(parent + FEE_CHILD_VBYTES)
                .unwrap_or(Amount::MAX_MONEY);
            let paid = base.fee_vb(parent).unwrap_or(Amount::ZERO);
            whole.checked_sub(paid).unwrap_or(Amount::ZERO)
        })
    });
    let fee = fees.max().unwrap_or(Amount::ZERO);
    (fee + LEAST_LEFT)
        .checked_sub(ANCHOR_VALUE)
        .unwrap_or(Amount::ZERO)
}
