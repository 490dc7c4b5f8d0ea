//! Which coins of a vault can be armed, and why others cannot.

use std::fmt;
use std::sync::Arc;

use bitcoin::{OutPoint, Transaction};

use crate::cli::Failure;
use crate::cli::failure::VaultFailure;
use crate::cli::vault::Held;
use crate::compile::Stage;
use crate::lifecycle::{Confidence, REORG_DEPTH, Standing};
use crate::transaction::Builder;
use crate::units::{BlockHeight, Blocks};
use crate::wallet::{CoinStatus, VaultError};

/// Coins to arm.
pub(super) struct Picked<'a> {
    /// Each with its transaction and a path.
    pub coins: Vec<(OutPoint, Arc<Transaction>, &'a str)>,
    /// What somebody should know of others.
    pub passed_over: Vec<String>,
}

/// Why a coin is not to be armed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum NotToArm {
    /// Somewhere else than in the vault.
    Elsewhere(Stage),
    /// A transaction spends it.
    Spent { by: bitcoin::Txid, is_buried: bool },
    /// No block holds it, or too few are above the one that does.
    NotBuried(Option<Blocks>),
    /// It cannot be spent before this height.
    Immature(BlockHeight),
    /// Root has signed for it already.
    Armed,
}

impl fmt::Display for NotToArm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(stage) => {
                write!(f, "it is in the {stage}, and coins are armed in the vault")
            }
            Self::Spent { by, is_buried } => {
                let how = if *is_buried {
                    ""
                } else {
                    ", which is not buried"
                };
                write!(f, "{by} spends it{how}")
            }
            Self::NotBuried(None) => write!(
                f,
                "no block holds it; it is armed once it is {REORG_DEPTH} deep"
            ),
            Self::NotBuried(Some(depth)) => write!(
                f,
                "it is {depth} deep, and armed once it is {REORG_DEPTH} deep"
            ),
            Self::Immature(height) => write!(
                f,
                "a miner was paid with it, and can spend it from height {height} on"
            ),
            Self::Armed => {
                f.write_str("it is armed on this path already; refresh it first to arm it anew")
            }
        }
    }
}

/// The coins that are named, or all that can be armed on these paths.
pub(super) fn pick<'a>(
    held: &Held,
    named: &[OutPoint],
    paths: &'a [String],
) -> Result<Picked<'a>, Failure> {
    let vault = &held.vault;
    let all = vault.coins().map_err(|error| held.failed(error))?;
    let height = vault.tip().map(|tip| tip.time.height).unwrap_or_default();
    let secp = bitcoin::secp256k1::Secp256k1::new();
    let builder = Builder::new(vault.compiled(), &secp);
    let mut picked = Picked {
        coins: Vec::new(),
        passed_over: Vec::new(),
    };
    for outpoint in named {
        let Some(coin) = all.iter().find(|coin| coin.output.outpoint == *outpoint) else {
            return Err(gone(held, *outpoint));
        };
        for path in paths {
            if let Some(why) = not_to_arm(coin, path, height) {
                let coin = *outpoint;
                return Err(VaultFailure::NotToArm { coin, why }.into());
            }
            picked
                .coins
                .push((*outpoint, source(held, *outpoint)?, path));
        }
    }
    if !named.is_empty() {
        return Ok(picked);
    }
    for coin in all.iter().filter(|coin| coin.output.stage == Stage::Vault) {
        let outpoint = coin.output.outpoint;
        for path in paths {
            match not_to_arm(coin, path, height) {
                Some(NotToArm::Armed) => continue,
                Some(why) => {
                    let remark = format!("{outpoint} is not armed on {path}: {why}");
                    picked.passed_over.push(remark);
                    continue;
                }
                None => {}
            }
            let (amount, least) = (coin.output.amount, builder.smallest_armable(path));
            match least {
                Ok(least) if amount < least => picked.passed_over.push(format!(
                    "{outpoint} is not armed on {path}: it has {} satoshis, and {} are the least",
                    amount.to_sat(),
                    least.to_sat()
                )),
                // Whatever is wrong with the path is told when it is planned.
                _ => picked.coins.push((outpoint, source(held, outpoint)?, path)),
            }
        }
    }
    match picked.coins.is_empty() {
        true => Err(VaultFailure::NothingToArm {
            directory: held.directory.clone(),
            passed_over: picked.passed_over,
        }
        .into()),
        false => Ok(picked),
    }
}

/// Why a coin is not to be armed on a path now, if it is not.
fn not_to_arm(coin: &CoinStatus, path: &str, height: BlockHeight) -> Option<NotToArm> {
    if coin.output.stage != Stage::Vault {
        return Some(NotToArm::Elsewhere(coin.output.stage.clone()));
    }
    match coin.output.standing {
        Standing::Spent { by, confidence } => {
            let is_buried = confidence == Confidence::Buried;
            return Some(NotToArm::Spent { by, is_buried });
        }
        Standing::Unspent { confidence } if confidence != Confidence::Buried => {
            return Some(NotToArm::NotBuried(coin.depth));
        }
        Standing::Unspent { .. } => {}
    }
    if let Some(from) = coin.mature_from.filter(|from| height.next() < *from) {
        return Some(NotToArm::Immature(from));
    }
    let mut armed = coin.armed.iter();
    armed
        .any(|armed| armed.path == path && armed.is_complete())
        .then_some(NotToArm::Armed)
}

/// Why a coin that is not among those that are there is not.
fn gone(held: &Held, outpoint: OutPoint) -> Failure {
    let outputs = held.vault.outputs().unwrap_or_default();
    let found = outputs.iter().find(|output| output.outpoint == outpoint);
    match found.map(|output| output.standing) {
        Some(Standing::Spent { by, confidence }) => {
            let is_buried = confidence == Confidence::Buried;
            let why = NotToArm::Spent { by, is_buried };
            VaultFailure::NotToArm {
                coin: outpoint,
                why,
            }
            .into()
        }
        _ => held.failed(VaultError::UnknownCoin(outpoint)),
    }
}

/// The transaction of a coin, which the vault has whole.
fn source(held: &Held, outpoint: OutPoint) -> Result<Arc<Transaction>, Failure> {
    let source = held.vault.transaction(outpoint.txid);
    source.ok_or(Failure::NoSource { coin: outpoint })
}
