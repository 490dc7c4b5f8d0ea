//! The incident as it is typed: plain values with their places in the text, nothing promised.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Defect, Effect};
use crate::governance::CaseOutcome;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct Head {
    pub(super) name: String,
    pub(super) about: String,
    #[serde(default = "default_policy")]
    pub(super) policy: String,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) start: Spanned<String>,
    #[serde(default = "default_fee_coins")]
    pub(super) fee_coins: u32,
}

fn default_policy() -> String {
    "../policy.toml".to_owned()
}

const fn default_fee_coins() -> u32 {
    4
}

/// One `[[event]]`: what happens, and what is said and expected of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct EventDocument {
    pub(super) note: Option<String>,
    pub(super) refused: Option<String>,
    pub(super) deposit: Option<DepositDocument>,
    pub(super) arm: Option<StepDocument>,
    pub(super) lose: Option<Vec<Spanned<String>>>,
    pub(super) lose_files: Option<Vec<Spanned<String>>>,
    pub(super) compromise: Option<Vec<Spanned<String>>>,
    pub(super) seize: Option<SeizeDocument>,
    pub(super) trigger: Option<StepDocument>,
    pub(super) veto: Option<VetoDocument>,
    pub(super) cancel: Option<StepDocument>,
    pub(super) settle: Option<StepDocument>,
    pub(super) release: Option<StepDocument>,
    pub(super) clawback: Option<StepDocument>,
    #[serde(rename = "override")]
    pub(super) override_: Option<StepDocument>,
    pub(super) refresh: Option<StepDocument>,
    pub(super) spend: Option<StepDocument>,
    pub(super) recover: Option<StepDocument>,
    pub(super) attempt: Option<AttemptDocument>,
    pub(super) child: Option<ChildDocument>,
    pub(super) heartbeat: Option<SayDocument>,
    pub(super) attest: Option<SayDocument>,
    pub(super) alarm: Option<SayDocument>,
    pub(super) withdraw: Option<SayDocument>,
    pub(super) propose: Option<SayDocument>,
    pub(super) vote: Option<SayDocument>,
    pub(super) activate: Option<SayDocument>,
    pub(super) decide: Option<SayDocument>,
    pub(super) forge: Option<ForgeDocument>,
    pub(super) fork: Option<ForkDocument>,
    pub(super) mine: Option<u32>,
    pub(super) wait: Option<Spanned<String>>,
    pub(super) until: Option<Spanned<String>>,
    pub(super) reorg: Option<ReorgDocument>,
    pub(super) fees: Option<Spanned<String>>,
    pub(super) expect: Option<ExpectDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct DepositDocument {
    pub(super) coin: Spanned<String>,
    pub(super) amount: Spanned<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct StepDocument {
    pub(super) coin: Option<Spanned<String>>,
    pub(super) coins: Option<Vec<Spanned<String>>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) by: Option<Vec<Spanned<String>>>,
    pub(super) broadcaster: Option<Spanned<String>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) amount: Option<Spanned<String>>,
    pub(super) pay: Option<Vec<PayDocument>>,
    #[serde(default)]
    pub(super) unconfirmed: bool,
    #[serde(default)]
    pub(super) bare: bool,
    #[serde(default)]
    pub(super) replace: bool,
    #[serde(default)]
    pub(super) regardless: bool,
}

/// A veto: of a coin's trigger, signed into its cancel, or of a case.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct VetoDocument {
    pub(super) coin: Option<Spanned<String>>,
    pub(super) coins: Option<Vec<Spanned<String>>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) by: Option<Vec<Spanned<String>>>,
    pub(super) broadcaster: Option<Spanned<String>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) amount: Option<Spanned<String>>,
    pub(super) pay: Option<Vec<PayDocument>>,
    #[serde(default)]
    pub(super) unconfirmed: bool,
    pub(super) case: Option<Spanned<String>>,
    pub(super) why: Option<String>,
    pub(super) expires: Option<Spanned<String>>,
}

/// Something that parties say and sign.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct SayDocument {
    pub(super) by: Option<Vec<Spanned<String>>>,
    pub(super) case: Option<Spanned<String>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) why: Option<String>,
    pub(super) approve: Option<bool>,
    pub(super) outcome: Option<CaseOutcome>,
    pub(super) expires: Option<Spanned<String>>,
}

/// Something that is signed with the key of somebody else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct ForgeDocument {
    pub(super) say: Spanned<String>,
    #[serde(rename = "as")]
    pub(super) author: Spanned<String>,
    pub(super) by: Option<Vec<Spanned<String>>>,
    pub(super) case: Option<Spanned<String>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) why: Option<String>,
    pub(super) approve: Option<bool>,
    pub(super) outcome: Option<CaseOutcome>,
}

/// A second story beside the last thing that somebody said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct ForkDocument {
    pub(super) say: Spanned<String>,
    pub(super) by: Option<Vec<Spanned<String>>>,
    pub(super) case: Option<Spanned<String>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) why: Option<String>,
    pub(super) approve: Option<bool>,
    pub(super) outcome: Option<CaseOutcome>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct PayDocument {
    pub(super) to: Spanned<String>,
    pub(super) amount: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct AttemptDocument {
    pub(super) step: Spanned<String>,
    pub(super) defect: Defect,
    pub(super) coin: Option<Spanned<String>>,
    pub(super) coins: Option<Vec<Spanned<String>>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) by: Option<Vec<Spanned<String>>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) amount: Option<Spanned<String>>,
    pub(super) pay: Option<Vec<PayDocument>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct ChildDocument {
    pub(super) coin: Spanned<String>,
    pub(super) by: Option<Spanned<String>>,
    pub(super) fee: Spanned<String>,
    pub(super) vbytes: Option<u32>,
    #[serde(default = "default_version")]
    pub(super) version: i32,
}

const fn default_version() -> i32 {
    3
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct SeizeDocument {
    pub(super) domain: Spanned<String>,
    pub(super) value: Spanned<String>,
    #[serde(default)]
    pub(super) effect: Effect,
    #[serde(default)]
    pub(super) also: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct ReorgDocument {
    pub(super) depth: u32,
    #[serde(default)]
    pub(super) forget: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct ExpectDocument {
    #[serde(default)]
    pub(super) coins: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) holds: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) cases: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub(super) missing: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    pub(super) forks: Option<Vec<Spanned<String>>>,
}
