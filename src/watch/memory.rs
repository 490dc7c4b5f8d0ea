//! What a watcher remembers, so that it tells nothing twice.

use std::collections::BTreeMap;

use bitcoin::OutPoint;
use serde::{Deserialize, Serialize};

use crate::chain::ChainTip;
use crate::units::{BlockHeight, ChainTime};

/// What was told, as far as it still matters.
///
/// It is working state: whoever loses it is told once more what holds now, marked as such.  What is
/// over for good is forgotten, so that it does not grow with the years.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    version: u32,
    pub(super) tip: Option<Tip>,
    /// What was over at this height is done with.
    pub(super) floor: Option<BlockHeight>,
    pub(super) told: BTreeMap<String, Told>,
}

/// Where the chain stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tip {
    pub hash: bitcoin::BlockHash,
    pub time: ChainTime,
}

/// Something that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub source: Source,
    /// What to call it when it is gone: none for what ends quietly.
    pub subject: Option<String>,
    pub coin: Option<OutPoint>,
    /// The height at which all that came of it was over.
    pub over: Option<BlockHeight>,
}

/// From where something is known: what cannot be asked at the moment is not gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    Chain,
    Ledger,
    Keys,
    Trouble,
    Vault,
}

/// The form of the memory; another one is as good as lost.
const VERSION: u32 = 1;

impl Memory {
    /// The memory of somebody who has told nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            version: VERSION,
            ..Self::default()
        }
    }

    /// What was written by [`to_bytes`](Self::to_bytes), or an empty one if it is not that.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let read: Option<Self> = serde_json::from_slice(bytes).ok();
        match read.filter(|memory| memory.version == VERSION) {
            Some(memory) => memory,
            None => Self::new(),
        }
    }

    /// It as bytes, to be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can always be written as JSON")
    }

    /// Where the chain stood when it was last looked at.
    #[must_use]
    pub fn tip(&self) -> Option<(bitcoin::BlockHash, ChainTime)> {
        self.tip.map(|tip| (tip.hash, tip.time))
    }

    /// How many things it remembers to have told.
    #[must_use]
    pub fn len(&self) -> usize {
        self.told.len()
    }

    /// Whether it remembers nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Whether the chain was not to be believed.
    pub(super) fn is_in_trouble(&self) -> bool {
        let mut told = self.told.values();
        told.any(|told| told.source == Source::Trouble)
    }

    pub(super) fn at(&mut self, tip: ChainTip) {
        self.tip = Some(Tip {
            hash: tip.hash,
            time: tip.time,
        });
    }
}
