//! What is due with a vault: coins that grow old or are unarmed, what fee wallets must hold, and
//! what no backup has yet.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{Amount, FeeRate, OutPoint};
use serde::Serialize;

use super::coins::{Alert, CoinStatus, openings};
use super::{Balance, Vault, VaultError};
use crate::chain::Chain;
use crate::compile::{LeafKind, SpendCost, Stage};
use crate::engine::FeeCoins;
use crate::ledger::Store;
use crate::lifecycle::{Confidence, Standing};
use crate::policy::{SpendingPath, Staged};
use crate::transaction::{ANCHOR_VALUE, Builder, FEE_CHILD_VBYTES, MAX_FEERATE};
use crate::units::{ChainTime, CoinBirth, UnixTime};

/// From so many coins in the vault on it is proposed to make them one: every coin takes an arming,
/// and in an emergency a fee coin, of its own.
pub const MANY_COINS: usize = 10;

/// The least that the change of a fee child can be: dust for a P2WPKH output at 3 sat/vB.
const LEAST_CHANGE: Amount = Amount::from_sat(294);

/// How a vault stands.
#[derive(Clone, Debug, Serialize)]
pub struct VaultStatus {
    /// On which tip.
    pub at: ChainTime,
    /// What is there.
    pub balance: Balance,
    /// What somebody should do, the most urgent first.
    pub due: Vec<Due>,
    /// What fee wallets must hold, were everything to happen at once.
    pub fees: FeeReserve,
    /// Coins that should become one.
    pub consolidation: Option<Consolidation>,
    /// By coin, the day from which a path's quorum takes it alone.
    pub days: Vec<CoinDay>,
    /// How many entries of the journal no backup holds; none if there is no backup.
    pub since_backup: Option<u64>,
    /// Whether a backup was ever restored as a drill.
    pub is_drilled: bool,
}

/// The day from which a path's quorum takes a coin without root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoinDay {
    /// The coin.
    pub outpoint: OutPoint,
    /// Through which leaf.
    pub leaf: LeafKind,
    /// About when; none while no lock of the coin runs.
    pub about: Option<UnixTime>,
}

/// Something that somebody should do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "due")]
pub enum Due {
    /// Somebody paid straight to an escrow or a lock-up: root overrides or claws back.
    Incident {
        /// The coin.
        coin: OutPoint,
    },
    /// A coin in an escrow: a case is to be decided before the window ends.
    Escrowed {
        /// The coin.
        coin: OutPoint,
    },
    /// A coin grows old: root refreshes it.
    Refresh {
        /// The coin.
        coin: OutPoint,
        /// How near it is to the day from which a path takes it alone.
        alert: Alert,
    },
    /// A buried coin is armed on no path, or not on this one.
    Arm {
        /// The coin.
        coin: OutPoint,
        /// The path.
        path: String,
    },
    /// Those who would broadcast this have too few fee coins for all coins at once.
    FeeCoins {
        /// The path.
        path: String,
        /// `trigger`, `cancel` or `settle`.
        what: &'static str,
        /// How many are wanted.
        wanted: u64,
        /// How many there are.
        there: u64,
    },
    /// What was signed or given out since the last backup is in none.
    Backup {
        /// How many entries, all of them where there is no backup.
        entries: u64,
    },
    /// No backup was ever restored to see whether it brings everything back.
    Drill,
}

/// What fee wallets must hold for the coins that are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeeReserve {
    /// The feerate that pre-signed transactions pay by themselves, in sat/vB.
    pub base_sat_per_vb: u64,
    /// The feerates at which everything is signed in advance, in sat/vB, lowest first, where
    /// nobody can add to them: no fee wallet is of any use then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rungs_sat_per_vb: Vec<u64>,
    /// The feerate that is to be reached, in sat/vB.
    pub stress_sat_per_vb: u64,
    /// What each kind of transaction takes, for all coins at once.
    pub rows: Vec<FeeRow>,
    /// The same for everybody who broadcasts, should nobody else.
    pub wallets: Vec<FeeWallet>,
}

/// What the fee wallet of a party must hold, were everything to happen at once and were it to pay
/// for all that it can broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeeWallet {
    /// The party.
    pub party: String,
    /// What it broadcasts: `trigger`, `cancel` or `settle`.
    pub broadcasts: BTreeSet<&'static str>,
    /// Whether the policy knows a fee wallet of it.
    pub is_known: bool,
    /// How many confirmed fee coins are wanted: one for each coin, which is in one transaction at a
    /// time that waits for a block.
    pub fee_coins: u64,
    /// What each of them must be worth, for the dearest of what it broadcasts, in satoshis.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub each: Amount,
    /// All of them together.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub together: Amount,
    /// How many such coins it has, confirmed and kept for nothing else; none where no chain was
    /// asked.
    pub there: Option<u64>,
    /// What all its confirmed and free coins are worth, too small ones as well.
    #[serde(with = "bitcoin::amount::serde::as_sat::opt")]
    pub holds: Option<Amount>,
}

/// What one kind of transaction takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeeRow {
    /// The path.
    pub path: String,
    /// `trigger`, `cancel` or `settle`.
    pub what: &'static str,
    /// Who broadcasts it, and so pays.
    pub by: BTreeSet<String>,
    /// How many confirmed fee coins are wanted at the same time: one for each coin.
    pub fee_coins: u64,
    /// What each of them must be worth at the stress feerate, in satoshis.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub each: Amount,
    /// All of them together.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub together: Amount,
    /// How many such coins those who broadcast it have; none where no chain was asked.
    pub there: Option<u64>,
}

/// Coins that should become one by a refresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consolidation {
    /// The coins.
    pub coins: Vec<OutPoint>,
    /// Of these, coins that are too small to be armed alone.
    pub too_small: Vec<OutPoint>,
    /// Of these, coins for which root has signed in advance: once it is buried, all of that is worth
    /// nothing.
    pub unarms: Vec<OutPoint>,
    /// The delays that begin anew with it.
    pub restarts: Vec<DelayRestart>,
    /// The feerate that it would pay, in sat/vB.
    pub feerate_sat_per_vb: u64,
    /// What the refresh costs at that feerate, in satoshis, as far as its weight says.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub cost: Amount,
    /// What fee wallets need not hold any more, in satoshis.
    #[serde(with = "bitcoin::amount::serde::as_sat")]
    pub reserve_saved: Amount,
}

/// A delay of a direct path that a refresh of coins begins anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DelayRestart {
    /// The leaf that waits.
    pub leaf: LeafKind,
    /// About when it opens for the first of the coins, as they are.
    pub before: Option<UnixTime>,
    /// About when it would open if they were refreshed now.
    pub after: Option<UnixTime>,
}

/// The feerates for which a status is reckoned.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// The feerate that fee children are to reach.
    pub stress: FeeRate,
    /// What a refresh would pay; the base fee of the policy if it is not known.
    pub refresh: Option<FeeRate>,
}

/// By party, the values of the confirmed fee coins that nothing else waits for.
type Funds = BTreeMap<String, Vec<Amount>>;

impl<S: Store> Vault<S> {
    /// How the vault stands, with fees reckoned for some feerates.
    ///
    /// With a chain, fee wallets are looked at as well.
    ///
    /// # Errors
    ///
    /// If the vault was never compared with a chain, or the chain does not answer.
    pub fn status(
        &self,
        rates: Rates,
        chain: Option<&dyn Chain>,
    ) -> Result<VaultStatus, VaultError> {
        let coins = self.coins()?;
        let stress = rates.stress.min(MAX_FEERATE);
        let mut due: Vec<Due> = coins.iter().flat_map(dues).collect();
        let mut fees = self.fee_reserve(&coins, stress);
        if let Some(chain) = chain {
            let funds = self.fee_funds(&fees, chain)?;
            fees.count(&funds);
        }
        due.extend(fees.rows.iter().filter_map(FeeRow::due));
        let since_backup = self.since_backup();
        match since_backup.unwrap_or_else(|| self.store().size()) {
            0 if since_backup.is_some() => {}
            entries => due.push(Due::Backup { entries }),
        }
        if !self.is_drilled() {
            due.push(Due::Drill);
        }
        due.sort();
        let days = coins.iter().filter(|coin| is_there(coin));
        let days = days.filter_map(|coin| {
            let alone = coin.alone.as_ref()?;
            Some(CoinDay {
                outpoint: coin.output.outpoint,
                leaf: alone.step.leaf.clone(),
                about: alone.about,
            })
        });
        Ok(VaultStatus {
            at: self.known_tip()?.time,
            balance: self.balance()?,
            due,
            consolidation: self.consolidation(&coins, &fees, rates.refresh)?,
            fees,
            days: days.collect(),
            since_backup,
            is_drilled: self.is_drilled(),
        })
    }

    /// What fee wallets must hold: in the worst case all coins of the vault are triggered at once,
    /// and cancelled or settled at once, each by a transaction with a fee child of its own, and
    /// each child spends a confirmed coin of its own.
    fn fee_reserve(&self, coins: &[CoinStatus], stress: FeeRate) -> FeeReserve {
        let policy = self.compiled.policy();
        let base = policy.base_fee();
        if !policy.version().has_anchor() {
            let rungs = policy.rungs().iter();
            return FeeReserve {
                wallets: Vec::new(),
                base_sat_per_vb: base.to_sat_per_vb_ceil(),
                rungs_sat_per_vb: rungs.map(|rung| rung.to_sat_per_vb_ceil()).collect(),
                stress_sat_per_vb: stress.to_sat_per_vb_ceil(),
                rows: Vec::new(),
            };
        }
        let mut rows = Vec::new();
        for staged in self.compiled.staged() {
            let path = staged.path();
            let escrow = Stage::Escrow(path.to_owned());
            let vault = (Stage::Vault, LeafKind::Trigger(path.to_owned()), "trigger");
            let cancel = (escrow.clone(), LeafKind::Cancel, "cancel");
            let settle = (escrow.clone(), LeafKind::Settle, "settle");
            let in_vault = count(coins, |stage| *stage == Stage::Vault);
            let in_escrow = count(coins, |stage| *stage == escrow);
            for (stage, leaf, what) in [vault, cancel, settle] {
                let found = self.compiled.stage(&stage);
                let leaf = found.and_then(|of| {
                    let mut leaves = of.leaves().iter();
                    let leaf =
                        leaves.find(|known| *known.kind() == leaf && known.is_presigned())?;
                    Some((of, leaf))
                });
                let Some((of, leaf)) = leaf else { continue };
                let each = child_coin(SpendCost::of(of, leaf).vbytes, base, stress);
                let fee_coins = match what {
                    "trigger" => in_vault,
                    _ => in_vault + in_escrow,
                };
                let policy = self.compiled.policy();
                let known = policy.path(path);
                let veto = known.and_then(|path| path.staged()).map(Staged::veto);
                let by = match what {
                    "cancel" => veto,
                    _ => known.map(SpendingPath::quorum),
                };
                let by = by.map(|quorum| quorum.party_names()).unwrap_or_default();
                rows.push(FeeRow {
                    path: path.to_owned(),
                    what,
                    by: by.into_iter().map(str::to_owned).collect(),
                    there: None,
                    fee_coins,
                    each,
                    together: each.checked_mul(fee_coins).unwrap_or(Amount::MAX_MONEY),
                });
            }
        }
        FeeReserve {
            base_sat_per_vb: base.to_sat_per_vb_ceil(),
            rungs_sat_per_vb: Vec::new(),
            stress_sat_per_vb: stress.to_sat_per_vb_ceil(),
            wallets: self.fee_wallets(coins, &rows),
            rows,
        }
    }

    /// The same party by party.
    ///
    /// A coin is in one transaction at a time that waits for a block: while its trigger does, its
    /// cancel cannot have a fee child yet.
    fn fee_wallets(&self, coins: &[CoinStatus], rows: &[FeeRow]) -> Vec<FeeWallet> {
        let parties: BTreeSet<&String> = rows.iter().flat_map(|row| &row.by).collect();
        let policy = self.compiled.policy();
        let wallets = parties.into_iter().map(|party| {
            let own: Vec<&FeeRow> = rows.iter().filter(|row| row.by.contains(party)).collect();
            let is_own = |stage: &Stage| match stage {
                Stage::Vault => true,
                Stage::Escrow(path) => {
                    let ends = own.iter().filter(|row| row.what != "trigger");
                    ends.clone().any(|row| row.path == *path)
                }
                Stage::Lockup(_) => false,
            };
            let fee_coins = count(coins, is_own);
            let each = own.iter().map(|row| row.each).max().unwrap_or(Amount::ZERO);
            FeeWallet {
                party: party.clone(),
                broadcasts: own.iter().map(|row| row.what).collect(),
                is_known: policy.party(party).is_some_and(|of| of.fees().is_some()),
                fee_coins,
                each,
                together: each.checked_mul(fee_coins).unwrap_or(Amount::MAX_MONEY),
                there: None,
                holds: None,
            }
        });
        wallets.collect()
    }

    /// What those who broadcast have in confirmed and free fee coins.
    fn fee_funds(&self, fees: &FeeReserve, chain: &dyn Chain) -> Result<Funds, VaultError> {
        let reserved = &self.journal.kept().reserved;
        let parties = fees.wallets.iter().map(|wallet| wallet.party.as_str());
        let wallets = FeeCoins::read(chain, &self.compiled, parties, &self.secp)?;
        let funds = wallets.into_iter().map(|(party, coins)| {
            let free = coins
                .unspent()
                .filter(|seen| !reserved.contains_key(&seen.outpoint));
            (party, free.map(|seen| seen.output.value).collect())
        });
        Ok(funds.collect())
    }

    fn consolidation(
        &self,
        coins: &[CoinStatus],
        fees: &FeeReserve,
        feerate: Option<FeeRate>,
    ) -> Result<Option<Consolidation>, VaultError> {
        let buried = coins.iter().filter(|coin| {
            coin.output.stage == Stage::Vault && coin.output.standing.is_buried_and_unspent()
        });
        let buried: Vec<&CoinStatus> = buried.collect();
        let builder = Builder::new(&self.compiled, &self.secp);
        let staged = self.compiled.staged().iter();
        let armable = staged.filter_map(|path| builder.smallest_armable(path.path()).ok());
        let armable = armable.max().unwrap_or(Amount::ZERO);
        let outpoint = |coin: &&CoinStatus| coin.output.outpoint;
        let small = buried.iter().filter(|coin| coin.output.amount < armable);
        let too_small: Vec<OutPoint> = small.map(outpoint).collect();
        if buried.len() < 2 || (too_small.is_empty() && buried.len() < MANY_COINS) {
            return Ok(None);
        }
        let vault = self.compiled.vault();
        let mut leaves = vault.leaves().iter();
        let Some(spend) = leaves.find(|leaf| *leaf.kind() == LeafKind::Spend) else {
            return Ok(None);
        };
        let weight = crate::compile::spend_weight(vault, spend, buried.len() as u64);
        let feerate = feerate.unwrap_or(self.compiled.policy().base_fee());
        let dearest = fees.rows.iter().map(|row| row.each).max();
        let dearest = dearest.unwrap_or(Amount::ZERO);
        let signed = buried.iter().filter(|coin| !coin.armed.is_empty());
        Ok(Some(Consolidation {
            coins: buried.iter().map(outpoint).collect(),
            too_small,
            unarms: signed.map(outpoint).collect(),
            restarts: self.restarts(&buried)?,
            feerate_sat_per_vb: feerate.to_sat_per_vb_ceil(),
            cost: feerate.fee_wu(weight).unwrap_or(Amount::MAX_MONEY),
            reserve_saved: dearest
                .checked_mul(buried.len() as u64 - 1)
                .unwrap_or(Amount::MAX_MONEY),
        }))
    }

    /// The delays of direct paths that begin anew when these coins are moved into the next block.
    fn restarts(&self, coins: &[&CoinStatus]) -> Result<Vec<DelayRestart>, VaultError> {
        let tip = self.known_tip()?.time;
        let reborn = CoinBirth {
            height: tip.height.next(),
            median_time_past_before: tip.median_time_past,
        };
        let openings = |birth| openings(&self.compiled, &Stage::Vault, birth, tip);
        let direct = openings(Some(reborn)).into_iter();
        let direct = direct.filter(|opening| matches!(opening.step.leaf, LeafKind::Direct(_)));
        let restarts = direct.filter_map(|after| {
            let leaf = after.step.leaf;
            let own = coins.iter().flat_map(|coin| &coin.openings);
            let own = own.filter(|before| before.step.leaf == leaf);
            let before = own.filter(|before| before.step.from != after.step.from);
            let first = before.min_by_key(|before| before.about)?;
            Some(DelayRestart {
                before: first.about,
                after: after.about,
                leaf,
            })
        });
        Ok(restarts.collect())
    }
}

impl FeeReserve {
    /// Counts what is there, as far as it suffices.
    fn count(&mut self, funds: &Funds) {
        let large = |party: &String, each: Amount| {
            let values = funds.get(party).into_iter().flatten();
            values.filter(|value| **value >= each).count() as u64
        };
        for row in &mut self.rows {
            let there = row.by.iter().map(|party| large(party, row.each));
            row.there = Some(there.sum());
        }
        for wallet in &mut self.wallets {
            wallet.there = Some(large(&wallet.party, wallet.each));
            let holds = funds.get(&wallet.party).into_iter().flatten();
            wallet.holds = Some(holds.copied().sum());
        }
    }
}

impl FeeRow {
    fn due(&self) -> Option<Due> {
        let there = self.there.filter(|there| *there < self.fee_coins)?;
        Some(Due::FeeCoins {
            path: self.path.clone(),
            what: self.what,
            wanted: self.fee_coins,
            there,
        })
    }
}

/// What a fee coin must be worth to lift a parent from one feerate to another.
fn child_coin(parent: u64, base: FeeRate, stress: FeeRate) -> Amount {
    let wanted = stress.fee_vb(parent + FEE_CHILD_VBYTES);
    let paid = base.fee_vb(parent).unwrap_or(Amount::ZERO);
    let fee = wanted.and_then(|wanted| wanted.checked_sub(paid));
    match fee {
        Some(fee) if fee > Amount::ZERO => fee + LEAST_CHANGE - ANCHOR_VALUE,
        // The transaction pays that by itself.
        _ => Amount::ZERO,
    }
}

fn is_there(coin: &CoinStatus) -> bool {
    matches!(coin.output.standing, Standing::Unspent { .. })
}

fn count(coins: &[CoinStatus], is_in: impl Fn(&Stage) -> bool) -> u64 {
    let there = coins.iter().filter(|coin| is_there(coin));
    there.filter(|coin| is_in(&coin.output.stage)).count() as u64
}

/// What is due with one coin.
fn dues(coin: &CoinStatus) -> Vec<Due> {
    let outpoint = coin.output.outpoint;
    let mut due = Vec::new();
    let Standing::Unspent { confidence } = coin.output.standing else {
        return due;
    };
    if coin.is_incident {
        due.push(Due::Incident { coin: outpoint });
    } else if matches!(coin.output.stage, Stage::Escrow(_)) {
        due.push(Due::Escrowed { coin: outpoint });
    }
    if coin.alert != Alert::None {
        due.push(Due::Refresh {
            coin: outpoint,
            alert: coin.alert,
        });
    }
    if confidence == Confidence::Buried {
        due.extend(coin.unarmed.iter().map(|unarmed| Due::Arm {
            coin: outpoint,
            path: unarmed.path.clone(),
        }));
    }
    due
}
