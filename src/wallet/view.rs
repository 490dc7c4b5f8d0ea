//! What the last reading of the chain has brought, in a file beside the journal.
//!
//! The wallets of a vault are working state of the process that has it, and no other process can
//! open them.  Whoever reads beside it takes this file instead.  It is working state as well: it is
//! written whole or not at all, and one that is missing, of another form or of another vault is none.

use std::path::PathBuf;
use std::sync::Arc;

use bitcoin::{Amount, OutPoint, ScriptBuf, Txid};
use serde::{Deserialize, Serialize};

use super::coins::KnownOutput;
use super::{KeptTip, Vault, VaultError, folder};
use crate::chain::ChainTip;
use crate::compile::{Compiled, Keychain, StageDescriptor};
use crate::ledger::{Disk, Store};
use crate::lifecycle::{OutputFacts, SpendFacts, Standing};
use crate::units::{BlockHeight, CoinBirth};

/// The format this crate writes.
const FORMAT: &str = "longstop-seen-1";

/// Where the files of a vault are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub disk: Arc<dyn Disk>,
    pub path: PathBuf,
}

/// What a reading has brought.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub tip: ChainTip,
    pub outputs: Vec<KnownOutput>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    format: String,
    policy_id: String,
    tip: KeptTip,
    outputs: Vec<SeenOutput>,
}

/// An output in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenOutput {
    outpoint: OutPoint,
    /// The number of its stage, in the order of the policy.
    stage: usize,
    keychain: Keychain,
    index: u32,
    sats: u64,
    script: ScriptBuf,
    birth: Option<CoinBirth>,
    spent_by: Option<Txid>,
    spent_at: Option<BlockHeight>,
    is_coinbase: bool,
}

impl View {
    /// Reads the file, if it is one about this policy.
    pub(super) fn read(place: &Place, compiled: &Compiled) -> Option<Self> {
        let bytes = folder::read_view(&*place.disk, &place.path)?;
        let seen: Seen = serde_json::from_slice(&bytes).ok()?;
        if seen.format != FORMAT || seen.policy_id != compiled.id().to_string() {
            return None;
        }
        let KeptTip { hash, time } = seen.tip;
        let outputs = seen.outputs.into_iter().map(|seen| {
            let stage = compiled.stages().nth(seen.stage)?.stage().clone();
            let facts = OutputFacts {
                birth: seen.birth,
                spent: seen.spent_by.map(|txid| SpendFacts {
                    txid,
                    height: seen.spent_at,
                }),
            };
            Some(KnownOutput {
                outpoint: seen.outpoint,
                stage,
                keychain: seen.keychain,
                index: seen.index,
                amount: Amount::from_sat(seen.sats),
                script: seen.script,
                birth: seen.birth,
                standing: Standing::of(facts, time),
                is_coinbase: seen.is_coinbase,
                facts,
            })
        });
        Some(Self {
            outputs: outputs.collect::<Option<_>>()?,
            tip: ChainTip { hash, time },
        })
    }
}

impl<S: Store> Vault<S> {
    /// Writes down what the chain said, for whoever reads beside this process.
    pub(super) fn write_view(&self) -> Result<(), VaultError> {
        let Some(place) = &self.place else {
            return Ok(());
        };
        let ChainTip { hash, time } = self.known_tip()?;
        let stages: Vec<_> = self.compiled.stages().map(StageDescriptor::stage).collect();
        let outputs = self.outputs()?.into_iter().filter_map(|output| {
            let stage = stages.iter().position(|stage| **stage == output.stage)?;
            Some(SeenOutput {
                outpoint: output.outpoint,
                stage,
                keychain: output.keychain,
                index: output.index,
                sats: output.amount.to_sat(),
                script: output.script,
                birth: output.facts.birth,
                spent_by: output.facts.spent.map(|spend| spend.txid),
                spent_at: output.facts.spent.and_then(|spend| spend.height),
                is_coinbase: output.is_coinbase,
            })
        });
        let seen = Seen {
            format: FORMAT.to_owned(),
            policy_id: self.compiled.id().to_string(),
            tip: KeptTip { hash, time },
            outputs: outputs.collect(),
        };
        let bytes = serde_json::to_vec(&seen).expect("numbers and texts are JSON");
        folder::write_view(&*place.disk, &place.path, &bytes)
    }
}
