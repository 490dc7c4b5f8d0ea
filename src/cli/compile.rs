//! `longstop compile`: what does this policy become on chain?

use std::collections::BTreeMap;

use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Amount, FeeRate};
use clap::Args;
use serde::Serialize;

use super::input::PolicyArgs;
use super::render::{self, Screen};
use super::{Exit, Failure, input};
use crate::compile::{
    BranchUse, Compiled, Keychain, Leaf, LeafKind, PolicyId, Role, SpendCost, Stage,
    StageDescriptor, StagedDescriptors, is_unspendable,
};
use crate::policy::{Layout, Member, Network, ScriptType};
use crate::transaction::Builder;
use crate::units::{AbsoluteLock, RelativeLock};

/// Most addresses that are printed.
const MAX_ADDRESSES: i64 = 1000;

/// Most satoshis per virtual byte of a stated feerate.
const MAX_FEERATE: u64 = 1_000_000;

/// Compile a policy to descriptors, with who, when and at what cost
///
/// Prints the policy id, a table of the leaves of each stage, the first addresses of the vault, the
/// branch pair of every key use, and the descriptors with their checksums.
///
/// Addresses of escrows and lock-ups are never printed: nobody must deposit there. With --json
/// their scripts are listed to be watched.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: policy, id, network, script, feerate_sat_per_vb, stages [stage, path, descriptor,\nunspendable_internal_key, leaves, deposit_addresses (vault) or watch_scripts], branches,\nsmallest_armable_sats and gives_up (with the layout cheapest)."
)]
pub(super) struct Compile {
    #[command(flatten)]
    policy: PolicyArgs,
    /// Feerate at which fees are computed
    #[arg(long, value_name = "RATE", default_value = "5 sat/vB", value_parser = feerate)]
    feerate: FeeRate,
    /// How many addresses of the vault to print, at most 1000
    #[arg(
        long,
        value_name = "N",
        default_value_t = 3,
        value_parser = clap::value_parser!(u32).range(0..=MAX_ADDRESSES)
    )]
    addresses: u32,
}

/// A compiled policy as it is shown.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    pub policy: &'a str,
    pub id: PolicyId,
    pub network: Network,
    pub script: ScriptType,
    pub feerate_sat_per_vb: f64,
    pub stages: Vec<ShownStage<'a>>,
    pub branches: &'a [BranchUse],
    /// By staged path, at the policy's base fee or highest rung.
    pub smallest_armable_sats: BTreeMap<&'a str, u64>,
    /// What the layout gives up for its weights, where it is `cheapest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gives_up: Option<String>,
    #[serde(skip)]
    pub compiled: &'a Compiled,
}

#[derive(Serialize)]
pub(super) struct ShownStage<'a> {
    #[serde(flatten)]
    pub stage: &'a Stage,
    pub descriptor: String,
    /// The taproot internal key, if nobody can sign with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unspendable_internal_key: Option<String>,
    pub leaves: Vec<ShownLeaf<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit_addresses: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch_scripts: Option<Vec<String>>,
}

#[derive(Serialize)]
pub(super) struct ShownLeaf<'a> {
    #[serde(flatten)]
    pub kind: &'a LeafKind,
    pub signers: Vec<ShownGroup<'a>>,
    pub relative_lock: Option<RelativeLock>,
    pub absolute_lock: Option<AbsoluteLock>,
    /// Whether root signs it in advance, so that it takes a file.
    pub file_needed: bool,
    pub key_path: bool,
    /// The numbers `i` of the pairs `/<2i;2i+1>/*`.
    pub pairs: Vec<u32>,
    /// How many scripts of the descriptor it stands in, if more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scripts: Option<usize>,
    /// Weight of the witness on average, where the layout is chosen by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_witness_weight: Option<f64>,
    #[serde(flatten)]
    pub cost: SpendCost,
    pub fee_sats: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct ShownGroup<'a> {
    pub role: Role,
    pub quorum: &'a str,
    pub threshold: usize,
    pub of: Vec<&'a str>,
}

impl Compile {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let file = input::compiled(&input::policy(&self.policy)?)?;
        screen.warnings(&file.checked);
        let shown = self.shown(&file.compiled);
        screen.show(&shown, |width| render::compiled(&shown, width))?;
        Ok(Exit::Ok)
    }

    fn shown<'a>(&self, compiled: &'a Compiled) -> Shown<'a> {
        let policy = compiled.policy();
        let secp = Secp256k1::new();
        let builder = Builder::new(compiled, &secp);
        let staged = compiled.staged().iter().map(StagedDescriptors::path);
        let smallest = staged.filter_map(|path| {
            let smallest = builder.smallest_armable(path).ok()?;
            Some((path, smallest.to_sat()))
        });
        let stages: Vec<_> = compiled
            .stages()
            .map(|stage| self.stage(compiled, stage))
            .collect();
        let branches = compiled.branches().uses();
        let is_cheapest = policy.layout() == Layout::Cheapest;
        Shown {
            gives_up: is_cheapest.then(|| render::given_up(&stages, branches)),
            policy: policy.name(),
            id: compiled.id(),
            network: policy.network(),
            script: policy.script(),
            feerate_sat_per_vb: sat_per_vb(self.feerate),
            stages,
            branches,
            smallest_armable_sats: smallest.collect(),
            compiled,
        }
    }

    fn stage<'a>(&self, compiled: &'a Compiled, stage: &'a StageDescriptor) -> ShownStage<'a> {
        let secp = &Secp256k1::new();
        let derived = |keychain: Keychain| {
            let indexes = 0..self.addresses;
            indexes.filter_map(move |index| stage.derive(keychain, index, secp).ok())
        };
        let network = compiled.policy().network();
        let is_vault = *stage.stage() == Stage::Vault;
        let addresses = || {
            derived(Keychain::Receive)
                .map(|at| at.address(network).to_string())
                .collect()
        };
        let scripts = || {
            let keychains = Keychain::BOTH.into_iter().flat_map(derived);
            keychains
                .map(|at| at.script_pubkey().to_hex_string())
                .collect()
        };
        ShownStage {
            stage: stage.stage(),
            descriptor: stage.text().to_owned(),
            unspendable_internal_key: stage
                .internal_key()
                .filter(|key| is_unspendable(key))
                .map(ToString::to_string),
            leaves: stage
                .leaves()
                .iter()
                .map(|leaf| self.leaf(compiled, stage, leaf))
                .collect(),
            deposit_addresses: is_vault.then(addresses),
            watch_scripts: (!is_vault).then(scripts),
        }
    }

    fn leaf<'a>(
        &self,
        compiled: &Compiled,
        stage: &StageDescriptor,
        leaf: &'a Leaf,
    ) -> ShownLeaf<'a> {
        let uses = compiled.branches().uses().iter();
        let uses = uses.filter(|used| used.stage == *stage.stage() && used.leaf == *leaf.kind());
        let mut pairs: Vec<u32> = uses.map(|used| used.pair).collect();
        pairs.dedup();
        let cost = SpendCost::of(stage, leaf);
        let scripts = stage.scripts(leaf.kind()).len();
        let expected = stage.witness_weight(leaf.kind()).expected;
        let is_cheapest = compiled.policy().layout() == Layout::Cheapest;
        ShownLeaf {
            scripts: (scripts > 1).then_some(scripts),
            expected_witness_weight: is_cheapest.then(|| (expected * 10.0).round() / 10.0),
            kind: leaf.kind(),
            signers: leaf
                .groups()
                .iter()
                .map(|group| ShownGroup {
                    role: group.role(),
                    quorum: group.quorum().name(),
                    threshold: group.quorum().threshold(),
                    of: group.quorum().members().iter().map(Member::name).collect(),
                })
                .collect(),
            relative_lock: leaf.relative(),
            absolute_lock: leaf.absolute(),
            file_needed: leaf.is_presigned(),
            key_path: leaf.is_key_path(),
            pairs,
            cost,
            fee_sats: cost.fee(self.feerate).map(Amount::to_sat),
        }
    }
}

/// Satoshis per virtual byte, of which a feerate holds quarters of a thousandth.
pub(super) fn sat_per_vb(rate: FeeRate) -> f64 {
    let per_kwu = u32::try_from(rate.to_sat_per_kwu()).unwrap_or(u32::MAX);
    f64::from(per_kwu) / 250.0
}

/// A feerate such as `5 sat/vB` or `2.5 sat/vB`.
pub(super) fn feerate(text: &str) -> Result<FeeRate, String> {
    let number = text.trim().strip_suffix("sat/vB").map(str::trim_end);
    let rate = number.and_then(|number| {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
            return None;
        }
        let whole: u64 = whole.parse().ok().filter(|whole| *whole <= MAX_FEERATE)?;
        let thousandths: u64 = format!("{fraction:0<3}").parse().ok()?;
        let per_kvb = whole * 1000 + thousandths;
        (per_kvb > 0).then(|| FeeRate::from_sat_per_kwu(per_kvb.div_ceil(4)))
    });
    rate.ok_or_else(|| "write a feerate above zero such as `5 sat/vB` or `2.5 sat/vB`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feerates_have_a_unit_and_are_above_zero() {
        let per_kwu = |text| feerate(text).map(FeeRate::to_sat_per_kwu);
        assert_eq!(per_kwu("5 sat/vB"), Ok(1250));
        assert_eq!(per_kwu("5sat/vB"), Ok(1250));
        assert_eq!(per_kwu("2.5 sat/vB"), Ok(625));
        assert_eq!(per_kwu("0.001 sat/vB"), Ok(1), "rounded up");
        assert!(per_kwu("1000000 sat/vB").is_ok());
        for bad in [
            "5",
            "0 sat/vB",
            "-1 sat/vB",
            "1. sat/vB",
            ".5 sat/vB",
            "1.2345 sat/vB",
            "sat/vB",
            "1000001 sat/vB",
            "99999999999999999999 sat/vB",
            "+5 sat/vB",
        ] {
            assert!(feerate(bad).is_err(), "{bad}");
        }
    }
}
