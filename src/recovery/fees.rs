//! What a run pays: what somebody has named, or what the chain estimates, within caps.

use std::fmt;

use bitcoin::{Amount, FeeRate, OutPoint};
use serde::Serialize;

use super::{Recovery, RecoveryError};
use crate::chain::Chain;
use crate::compile::{LeafKind, Stage};
use crate::engine::{Action, StepError};
use crate::ledger::Store;
use crate::lifecycle::{REORG_DEPTH, next_steps};
use crate::units::Blocks;

/// The target of whatever has time: within an hour.
const SOON: Blocks = Blocks(6);

/// The target of whatever races something else: the next block.
const AT_ONCE: Blocks = Blocks(1);

/// Of the blocks that are left, the target is this part: so whoever looks again when they have
/// passed in vain can still raise the fee as often as that.
const TRIES: u32 = 4;

/// The least by which a fee child has to pay more than the one that it replaces: 1 sat/vB of parent
/// and child together.
///
/// Nodes ask a replacement for the incremental relay feerate on its own size, which was 1 sat/vB
/// for years and is 0.1 by default since Bitcoin Core 30 (`src/policy/policy.h`).  Parent and child
/// are larger than the child alone, so this is more than either.
const STEP: FeeRate = FeeRate::from_sat_per_kwu(250);

/// Where the feerate of a run comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fees {
    /// The base fee of the policy, or its lowest rung.  What waits is not raised.
    Base,
    /// Somebody has named it.
    Named(FeeRate),
    /// The chain estimates it, and nobody looks at it before it is paid, so it is capped.
    Estimated(FeeCaps),
}

impl From<Option<FeeRate>> for Fees {
    /// What was named, or else what the policy says.
    fn from(named: Option<FeeRate>) -> Self {
        named.map_or(Self::Base, Self::Named)
    }
}

/// The most that is paid because a chain says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeCaps {
    /// For each virtual byte.
    pub feerate: FeeRate,
    /// For a transaction that is signed live, or for a fee child.
    pub fee: Amount,
}

impl Default for FeeCaps {
    /// 500 sat/vB and a million satoshis: more than any fee market has asked for longer than a day.
    /// A backend that lies, or whose unit is wrong, can make somebody pay that much once.
    fn default() -> Self {
        Self {
            feerate: FeeRate::from_sat_per_kwu(500 * 250),
            fee: Amount::from_sat(1_000_000),
        }
    }
}

/// The feerate that was chosen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is aimed at: with version 3 by parent and child together, and with version 2 by the
    /// lowest rung that pays it.
    pub feerate: FeeRate,
    /// Why.
    pub why: Why,
}

/// Why a feerate was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Why {
    /// The chain was not asked.
    Base,
    /// Somebody has named it.
    Named,
    /// The chain estimates it.
    Estimate {
        /// Within how many blocks.
        target: Blocks,
    },
    /// The chain estimates less than the base fee of the policy, or its lowest rung.
    LowEstimate {
        /// Within how many blocks.
        target: Blocks,
        /// What it says.
        #[serde(skip)]
        told: FeeRate,
    },
    /// The chain estimates more than is paid because a chain says so.
    Capped {
        /// Within how many blocks.
        target: Blocks,
        /// What it says.
        #[serde(skip)]
        told: FeeRate,
    },
    /// The chain has no estimate.
    NoEstimate {
        /// Within how many blocks.
        target: Blocks,
    },
    /// The chain did not answer, or said what makes no sense.
    Unanswered {
        /// What went wrong.
        error: String,
    },
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = in_sat_per_vb(self.feerate);
        let within = |target: &Blocks| match target.0 {
            1 => "the next block".to_owned(),
            _ => format!("one of the next {target}"),
        };
        match &self.why {
            Why::Base => write!(f, "{rate} sat/vB, as the policy says"),
            Why::Named => write!(f, "{rate} sat/vB, as it was named"),
            Why::Estimate { target } => write!(
                f,
                "{rate} sat/vB: the backend guesses that this is mined in {}",
                within(target)
            ),
            Why::LowEstimate { target, told } => write!(
                f,
                "{rate} sat/vB, the least that the policy says: the backend guesses that {} would be mined in {}",
                in_sat_per_vb(*told),
                within(target)
            ),
            Why::Capped { target, told } => write!(
                f,
                "{rate} sat/vB, the most that is paid for a guess: the backend guesses that it takes {} to be mined in {}; who believes that names a feerate",
                in_sat_per_vb(*told),
                within(target)
            ),
            Why::NoEstimate { .. } => write!(
                f,
                "{rate} sat/vB, as the policy says: the backend has no estimate"
            ),
            Why::Unanswered { error } => write!(
                f,
                "{rate} sat/vB, as the policy says: the backend was asked for an estimate in vain ({error})"
            ),
        }
    }
}

/// A feerate in sat/vB as a person writes it, to the thousandth: `12.5`.
#[must_use]
pub fn in_sat_per_vb(feerate: FeeRate) -> String {
    let thousandths = feerate.to_sat_per_kwu().saturating_mul(4);
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    let digits = format!("{rest:03}");
    match digits.trim_end_matches('0') {
        "" => whole.to_string(),
        digits => format!("{whole}.{digits}"),
    }
}

impl<S: Store, C: Chain> Recovery<'_, S, C> {
    /// The feerate that an action aims at, and why.
    ///
    /// The chain is asked once for each target while this is open, so what was shown is what is
    /// done.  That it has no estimate, or does not answer, keeps nobody from going on at what the
    /// policy says.
    ///
    /// # Errors
    ///
    /// If the chain does not say where the coins stand.
    pub fn choice(&self, action: &Action) -> Result<Choice, RecoveryError> {
        let base = self.engine.compiled().policy().base_fee();
        let caps = match self.terms.fees {
            Fees::Base => {
                return Ok(Choice {
                    feerate: base,
                    why: Why::Base,
                });
            }
            Fees::Named(feerate) => {
                return Ok(Choice {
                    feerate,
                    why: Why::Named,
                });
            }
            Fees::Estimated(caps) => caps,
        };
        let target = self.target(action)?;
        let (feerate, why) = match self.estimate(target) {
            Ok(Some(told)) if told < base => (base, Why::LowEstimate { target, told }),
            // The policy itself may say more than the caps.
            Ok(Some(told)) if told > caps.feerate.max(base) => {
                (caps.feerate.max(base), Why::Capped { target, told })
            }
            Ok(Some(told)) => (told, Why::Estimate { target }),
            Ok(None) => (base, Why::NoEstimate { target }),
            Err(error) => (base, Why::Unanswered { error }),
        };
        Ok(Choice { feerate, why })
    }

    /// What the chain says, asked once.
    fn estimate(&self, target: Blocks) -> Result<Option<FeeRate>, String> {
        let mut estimates = self.estimates.borrow_mut();
        let ask = || {
            let told = self.engine.chain().feerate(target);
            told.map_err(|error| error.story())
        };
        estimates.entry(target).or_insert_with(ask).clone()
    }

    /// Within how many blocks an action should be mined.
    ///
    /// A cancel and an override should be buried before the window of the escrow ends, a clawback
    /// before the lock-up does, and a refresh or a spend before agents can take the coin: so the
    /// target is a quarter of the blocks that are left until then without those that bury it, and at
    /// the most an hour.  A settle is raced by a cancel and a release by a clawback from the first
    /// block on: they aim at the next one.  Everything else has an hour.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub fn target(&self, action: &Action) -> Result<Blocks, RecoveryError> {
        let ends = |leaf: &LeafKind| match action {
            Action::Cancel { .. } | Action::Override { .. } => *leaf == LeafKind::Settle,
            Action::Clawback { .. } => *leaf == LeafKind::Release,
            Action::Refresh { .. } | Action::Spend { .. } => matches!(leaf, LeafKind::Direct(_)),
            _ => false,
        };
        match action {
            Action::Settle { .. } | Action::SettleTo { .. } => return Ok(AT_ONCE),
            Action::Release { coin, .. } => {
                let races = self.has_clawback(*coin)?;
                return Ok(if races { AT_ONCE } else { SOON });
            }
            Action::Trigger { .. } | Action::Recover { .. } | Action::Backstop { .. } => {
                return Ok(SOON);
            }
            Action::Cancel { .. }
            | Action::Override { .. }
            | Action::Clawback { .. }
            | Action::Refresh { .. }
            | Action::Spend { .. } => {}
        }
        let mut target = SOON;
        for coin in action.coins() {
            let known = match self.engine.coin(*coin) {
                Ok(known) => known,
                Err(StepError::UnknownCoin(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            let stage = known.coin.derived().stage();
            let compiled = self.engine.compiled();
            let steps = next_steps(compiled, stage, known.birth, self.tip.time);
            // A lock that has not begun to run leaves all the time that there is.
            for step in steps.into_iter().filter(|step| ends(&step.leaf)) {
                target = target.min(match (step.open, step.remaining) {
                    (true, _) => AT_ONCE,
                    (false, Some(left)) => target_of(left),
                    (false, None) => SOON,
                });
            }
        }
        Ok(target)
    }

    /// Whether root could take a coin out of its lock-up.
    fn has_clawback(&self, coin: OutPoint) -> Result<bool, RecoveryError> {
        let stage = match self.engine.coin(coin) {
            Ok(known) => known.coin.derived().stage().clone(),
            Err(StepError::UnknownCoin(_)) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let stage = match stage {
            stage @ Stage::Lockup(_) => self.engine.compiled().stage(&stage),
            Stage::Vault | Stage::Escrow(_) => None,
        };
        let leaf = stage.and_then(|stage| stage.leaf(&LeafKind::Clawback));
        Ok(leaf.is_some())
    }
}

/// The target of what should be buried within so many blocks.
fn target_of(left: Blocks) -> Blocks {
    let free = left.0.saturating_sub(REORG_DEPTH.0);
    Blocks((free / TRIES).clamp(AT_ONCE.0, SOON.0))
}

/// Whether a child that pays one feerate is worth replacing by one that pays another.
///
/// Whoever names a feerate means it; an estimate moves a little all the time.
pub(super) fn is_dearer(fees: Fees, paid: FeeRate, asked: FeeRate) -> bool {
    match fees {
        Fees::Base => false,
        Fees::Named(_) => asked > paid,
        Fees::Estimated(_) => {
            asked.to_sat_per_kwu() >= paid.to_sat_per_kwu().saturating_add(STEP.to_sat_per_kwu())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vb(sats: u64) -> FeeRate {
        FeeRate::from_sat_per_vb(sats).expect("a feerate")
    }

    /// A quarter of what is left without what buries it, from an hour down to the next block.
    #[test]
    fn targets_shrink_with_the_blocks_that_are_left() {
        for (left, target) in [
            (2_016, 6),
            (31, 6),
            (30, 6),
            (29, 5),
            (26, 5),
            (25, 4),
            (14, 2),
            (13, 1),
            (6, 1),
            (1, 1),
            (0, 1),
        ] {
            assert_eq!(target_of(Blocks(left)), Blocks(target), "{left}");
        }
    }

    #[test]
    fn a_child_is_replaced_from_one_satoshi_more_on() {
        let estimated = Fees::Estimated(FeeCaps::default());
        let paid = vb(11);
        for (asked, by_estimate, by_name) in [
            (2_500, false, false),
            (2_750, false, false),
            (2_751, false, true),
            (2_999, false, true),
            (3_000, true, true),
        ] {
            let asked = FeeRate::from_sat_per_kwu(asked);
            assert_eq!(is_dearer(estimated, paid, asked), by_estimate, "{asked}");
            assert_eq!(
                is_dearer(Fees::Named(asked), paid, asked),
                by_name,
                "{asked}"
            );
            assert!(!is_dearer(Fees::Base, paid, asked));
        }
    }

    #[test]
    fn feerates_are_written_as_people_write_them() {
        for (kwu, text) in [
            (0, "0"),
            (25, "0.1"),
            (250, "1"),
            (3_125, "12.5"),
            (254, "1.016"),
        ] {
            assert_eq!(in_sat_per_vb(FeeRate::from_sat_per_kwu(kwu)), text);
        }
    }
}
