//! One wallet of the wallet library for each stage descriptor.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bdk_wallet::chain::{
    BlockId, CanonicalizationParams, ChainPosition, CheckPoint, ConfirmationBlockTime,
    DescriptorExt, TxUpdate,
};
use bdk_wallet::{ChangeSet, CreateParams, KeychainKind, LoadParams, PersistedWallet, Update};
use bitcoin::{BlockHash, OutPoint, ScriptBuf, Transaction, TxOut, Txid};
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};

use super::VaultError;
use super::pieces::Pieces;
use crate::compile::{Keychain, Stage, StageDescriptor};
use crate::ledger::Store;
use crate::lifecycle::{OutputFacts, SpendFacts};
use crate::policy::Network;
use crate::units::{BlockHeight, CoinBirth, UnixTime};

/// How many indexes beyond the last revealed one are watched: the gap limit of BIP-44.
pub const GAP: u32 = 20;

/// How many blocks a wallet knows before it is made anew with fewer: the wallet library keeps every
/// tip that it was ever told, and whoever follows a chain for years tells it each block.
const MOST_BLOCKS: usize = 288;

/// How many of the last blocks it is then told again, so that a reorg is seen where it begins.
const KEPT_BLOCKS: usize = 100;

/// The wallet of one stage.
#[derive(Debug)]
pub(super) struct StageWallet {
    stage: Stage,
    network: Network,
    pieces: Pieces,
    wallet: PersistedWallet<Pieces>,
}

/// Where a script stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub keychain: Keychain,
    pub index: u32,
}

/// An output at a script of a stage, as it was when the chain was last read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub place: Place,
    pub outpoint: OutPoint,
    pub output: TxOut,
    pub facts: OutputFacts,
    pub is_coinbase: bool,
}

/// What a wallet is told of the chain.
#[derive(Debug, Default)]
pub(super) struct News {
    pub update: TxUpdate<ConfirmationBlockTime>,
    /// Every transaction that the chain knows, among those that matter to this wallet.
    pub known: HashSet<Txid>,
    /// The hashes of the blocks they are in.
    pub blocks: BTreeMap<u32, BlockHash>,
    /// The number of the reading, later than all before.
    pub number: u64,
}

const fn keychain(kind: KeychainKind) -> Keychain {
    match kind {
        KeychainKind::External => Keychain::Receive,
        KeychainKind::Internal => Keychain::Change,
    }
}

impl StageWallet {
    /// The wallet of a stage, from working state if there is any that fits.
    pub(super) fn open(
        descriptor: &StageDescriptor,
        network: Network,
        store: &impl Store,
    ) -> Result<Self, VaultError> {
        let stage = descriptor.stage().clone();
        let failed = |what: String| VaultError::Wallet {
            stage: stage.to_string(),
            what,
        };
        let mut pieces = Pieces::load(store, &format!("wallet/{stage}"))?;
        let halves = halves(descriptor.descriptor()).map_err(|error| failed(error.to_string()))?;
        let mut load = LoadParams::new()
            .check_network(network.to_bitcoin())
            .check_genesis_hash(genesis(network))
            .lookahead(GAP)
            .use_spk_cache(true);
        for (half, kind) in halves
            .iter()
            .zip([KeychainKind::External, KeychainKind::Internal])
        {
            load = load.descriptor(kind, Some(half.clone()));
        }
        // Working state of something else is none.
        if let Ok(Some(wallet)) = PersistedWallet::load(&mut pieces, load) {
            return Ok(Self {
                stage,
                network,
                pieces,
                wallet,
            });
        }
        pieces.start_over(ChangeSet::default());
        let mut halves = halves.into_iter();
        let create = match (halves.next(), halves.next()) {
            (Some(receive), Some(change)) => CreateParams::new(receive, change),
            (Some(only), None) => CreateParams::new_single(only),
            (None, _) => return Err(failed("it has no keychain".to_owned())),
        };
        let create = create
            .network(network.to_bitcoin())
            .lookahead(GAP)
            .use_spk_cache(true);
        let wallet = PersistedWallet::create(&mut pieces, create)
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            stage,
            network,
            pieces,
            wallet,
        })
    }

    pub(super) const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The keychains there are: a descriptor from elsewhere can have one alone.
    fn kinds(&self) -> Vec<KeychainKind> {
        self.wallet.keychains().map(|(kind, _)| kind).collect()
    }

    /// Reveals both keychains up to an index, as far as they are not yet.
    pub(super) fn reveal_to(&mut self, index: u32) {
        for kind in self.kinds() {
            if self.wallet.derivation_index(kind) < Some(index) {
                drop(self.wallet.reveal_addresses_to(kind, index));
            }
        }
    }

    /// Every script that is watched, with its place: all that are revealed, and the gap.
    pub(super) fn scripts(&self) -> impl Iterator<Item = (Place, &ScriptBuf)> {
        let all = self.wallet.spk_index().inner().all_spks().iter();
        all.map(|((kind, index), script)| {
            let place = Place {
                keychain: keychain(*kind),
                index: *index,
            };
            (place, script)
        })
    }

    /// Where a script stands, if it is one of this stage.
    pub(super) fn place(&self, script: &ScriptBuf) -> Option<Place> {
        let found = self.wallet.spk_index().index_of_spk(script.clone());
        found.map(|(kind, index)| Place {
            keychain: keychain(*kind),
            index: *index,
        })
    }

    /// Whether the wallet has a transaction whole.
    pub(super) fn has(&self, txid: Txid) -> bool {
        self.wallet.tx_graph().get_tx(txid).is_some()
    }

    /// A transaction that the wallet has whole.
    pub(super) fn transaction(&self, txid: Txid) -> Option<Arc<Transaction>> {
        self.wallet.tx_graph().get_tx(txid)
    }

    /// The block that the wallet takes for the tip.
    pub(super) fn tip(&self) -> BlockId {
        self.wallet.latest_checkpoint().block_id()
    }

    /// Whether it knows so many blocks that it is to be made anew.
    pub(super) fn is_long(&self) -> bool {
        self.wallet.checkpoints().nth(MOST_BLOCKS).is_some()
    }

    /// The latest block of the wallet that is still on the chain.
    pub(super) fn agreed<E>(
        &self,
        mut hash: impl FnMut(BlockHeight) -> Result<Option<BlockHash>, E>,
    ) -> Result<CheckPoint, E> {
        let mut last = self.wallet.latest_checkpoint();
        for block in self.wallet.checkpoints() {
            if hash(BlockHeight(block.height()))? == Some(block.hash()) {
                return Ok(block);
            }
            last = block;
        }
        Ok(last)
    }

    /// The highest of the times at which transactions were seen, or seen to be gone.
    ///
    /// No clock is asked: each reading of the chain has a number, and these are the times.
    pub(super) fn latest(&self) -> u64 {
        let graph = self.wallet.tx_graph();
        let times = graph.full_txs().map(|node| {
            let evicted = graph.get_last_evicted(node.txid).unwrap_or(0);
            node.last_seen.unwrap_or(0).max(evicted)
        });
        times.max().unwrap_or(0)
    }

    /// Takes what the chain says now; `tip` is the block on which it said it.
    ///
    /// `agreed` is the latest block that the wallet and the chain have in common.  If the wallet
    /// has later ones, it is made anew first: nothing that was read from an abandoned branch stays.
    /// So it is if it [has grown long](Self::is_long).
    pub(super) fn take(
        &mut self,
        mut news: News,
        agreed: &CheckPoint,
        tip: BlockId,
    ) -> Result<(), VaultError> {
        let is_long = self.is_long();
        if is_long || agreed.block_id() != self.tip() {
            self.start_over()?;
        } else {
            let graph = self.wallet.tx_graph();
            let gone = graph.full_txs().filter(|node| {
                let evicted = graph.get_last_evicted(node.txid);
                !news.known.contains(&node.txid)
                    && evicted.is_none_or(|evicted| Some(evicted) < node.last_seen)
            });
            news.update.evicted_ats = gone.map(|node| (node.txid, news.number)).collect();
        }
        let kept = if is_long { KEPT_BLOCKS } else { usize::MAX };
        let mut blocks: BTreeMap<u32, BlockHash> = agreed
            .iter()
            .take(kept)
            .map(|block| (block.height(), block.hash()))
            .collect();
        blocks.insert(0, genesis(self.network));
        blocks.append(&mut news.blocks);
        blocks.insert(tip.height, tip.hash);
        let blocks = blocks
            .into_iter()
            .map(|(height, hash)| BlockId { height, hash });
        let contradiction = |what: String| VaultError::Contradiction(what);
        let chain = CheckPoint::from_block_ids(blocks)
            .map_err(|_| contradiction("blocks are out of order".to_owned()))?;
        let update = Update {
            tx_update: news.update,
            chain: Some(chain),
            ..Update::default()
        };
        self.wallet
            .apply_update(update)
            .map_err(|error| contradiction(error.to_string()))
    }

    /// Makes the wallet anew from what no reorg touches: its descriptors, and the scripts.
    fn start_over(&mut self) -> Result<(), VaultError> {
        let index = self.wallet.spk_index();
        let mut seed = ChangeSet {
            network: Some(self.network.to_bitcoin()),
            ..ChangeSet::default()
        };
        seed.local_chain
            .blocks
            .insert(0, Some(genesis(self.network)));
        for (kind, descriptor) in index.keychains() {
            let id = descriptor.descriptor_id();
            if let Some(last) = index.last_revealed_index(kind) {
                seed.indexer.last_revealed.insert(id, last);
            }
            let scripts = index.inner().all_spks().iter();
            let scripts = scripts.filter(|((of, _), _)| *of == kind);
            let scripts = scripts.map(|((_, index), script)| (*index, script.clone()));
            seed.indexer.spk_cache.insert(id, scripts.collect());
            match kind {
                KeychainKind::External => seed.descriptor = Some(descriptor.clone()),
                KeychainKind::Internal => seed.change_descriptor = Some(descriptor.clone()),
            }
        }
        let failed = |what: String| VaultError::Wallet {
            stage: self.stage.to_string(),
            what,
        };
        let mut fresh = Pieces::seeded(seed.clone());
        let load = LoadParams::new().lookahead(GAP).use_spk_cache(true);
        let wallet = PersistedWallet::load(&mut fresh, load)
            .map_err(|error| failed(error.to_string()))?
            .ok_or_else(|| failed("it has no descriptor".to_owned()))?;
        self.wallet = wallet;
        self.pieces.start_over(seed);
        Ok(())
    }

    /// Hands to the working state what changed.
    pub(super) fn keep(&mut self, store: &mut impl Store) -> Result<(), VaultError> {
        match self.wallet.persist(&mut self.pieces) {
            Ok(_) => {}
        }
        match self.pieces.flush(store) {
            // Whoever only reads has it in memory alone.
            Err(crate::ledger::StoreError::ReadOnly) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Every output ever seen at a script of the stage, confirmed ones in the order of the chain.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let index = self.wallet.spk_index();
        let graph = self.wallet.tx_graph();
        let outputs = graph.filter_chain_txouts(
            self.wallet.local_chain(),
            self.tip(),
            CanonicalizationParams::default(),
            index.outpoints().iter().copied(),
        );
        let mut seen: Vec<Seen> = outputs
            .map(|((kind, index), output)| Seen {
                place: Place {
                    keychain: keychain(kind),
                    index,
                },
                outpoint: output.outpoint,
                facts: OutputFacts {
                    birth: birth(&output.chain_position),
                    spent: output.spent_by.map(|(position, txid)| SpendFacts {
                        txid,
                        height: birth(&position).map(|birth| birth.height),
                    }),
                },
                output: output.txout,
                is_coinbase: output.is_on_coinbase,
            })
            .collect();
        let height = |seen: &Seen| seen.facts.birth.map_or(BlockHeight(u32::MAX), |b| b.height);
        seen.sort_by_key(|seen| (height(seen), seen.outpoint));
        seen
    }
}

/// When something was confirmed.
///
/// The wallet library keeps one time with each confirmation.  It is given the median time past of
/// the block before, from which relative time locks count.
fn birth(position: &ChainPosition<ConfirmationBlockTime>) -> Option<CoinBirth> {
    match position {
        ChainPosition::Confirmed { anchor, .. } => Some(CoinBirth {
            height: BlockHeight(anchor.block_id.height),
            median_time_past_before: UnixTime(
                u32::try_from(anchor.confirmation_time).unwrap_or(u32::MAX),
            ),
        }),
        ChainPosition::Unconfirmed { .. } => None,
    }
}

/// A birth as the wallet library keeps it.
pub(super) fn anchor(birth: CoinBirth, hash: BlockHash) -> ConfirmationBlockTime {
    ConfirmationBlockTime {
        block_id: BlockId {
            height: birth.height.0,
            hash,
        },
        confirmation_time: u64::from(birth.median_time_past_before.0),
    }
}

/// The hash of the first block of a network.
pub(super) fn genesis(network: Network) -> BlockHash {
    bitcoin::constants::genesis_block(network.to_bitcoin()).block_hash()
}

/// The descriptors of the keychains.
fn halves(
    descriptor: &Descriptor<DescriptorPublicKey>,
) -> Result<Vec<Descriptor<DescriptorPublicKey>>, miniscript::Error> {
    match descriptor.is_multipath() {
        true => descriptor.clone().into_single_descriptors(),
        false => Ok(vec![descriptor.clone()]),
    }
}
