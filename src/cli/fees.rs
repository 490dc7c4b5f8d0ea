//! What is paid: a feerate that somebody names, or what the chain estimates, within caps.

use bitcoin::{Amount, FeeRate};
use clap::Args;

use crate::recovery::{FeeCaps, Fees};

/// What is paid.
#[derive(Debug, Args)]
pub(super) struct FeeArgs {
    /// What it takes to be mined soon, in sat/vB; without it, what the chain estimates, or else the
    /// base fee of the policy or its lowest rung
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    feerate: Option<u64>,
    /// Aim at no more than this because the chain estimates it, in sat/vB
    #[arg(long, value_name = "RATE", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    max_feerate: u64,
    /// Pay no more than this because the chain estimates it, in satoshis: for a fee child, or for a
    /// transaction that is signed live
    #[arg(long, value_name = "SATS", default_value_t = 1_000_000)]
    max_fee: u64,
}

impl FeeArgs {
    /// Where the feerate comes from.
    pub(super) fn fees(&self) -> Fees {
        match self.feerate.and_then(FeeRate::from_sat_per_vb) {
            Some(named) => Fees::Named(named),
            None => Fees::Estimated(FeeCaps {
                feerate: FeeRate::from_sat_per_vb(self.max_feerate)
                    .unwrap_or(FeeCaps::default().feerate),
                fee: Amount::from_sat(self.max_fee).min(Amount::MAX_MONEY),
            }),
        }
    }
}
