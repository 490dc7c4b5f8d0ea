//! Reading the chain.

use std::collections::{BTreeSet, HashMap, HashSet};

use bdk_wallet::chain::BlockId;
use bitcoin::{BlockHash, OutPoint, ScriptBuf, Txid};

use super::entry::Entry;
use super::journal::{at, at_mut};
use super::stage::{News, StageWallet, anchor, genesis};
use super::{Vault, VaultError};
use crate::chain::{BackendError, Chain, ChainTip, SeenOutput};
use crate::compile::Keychain;
use crate::ledger::{Store, StoreError};
use crate::units::{BlockHeight, CoinBirth};

/// How often the chain is read again when its tip moves meanwhile.
const TRIES: u32 = 5;

/// What reading the chain has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// Where the chain stands.
    pub tip: ChainTip,
    /// Coins that were not known before.
    pub found: Vec<OutPoint>,
    /// Coins that were known, and are not there any more: a reorg or a replacement took them.
    pub lost: Vec<OutPoint>,
    /// Indexes that were found used although nobody had given them out here, the last of each
    /// keychain.
    pub revealed: Vec<(Keychain, u32)>,
    /// If another branch has won: the latest block that is known to be on both.  Blocks between it
    /// and the fork are on both as well, and were never looked at.
    pub rolled_back: Option<BlockHeight>,
}

/// Hashes of blocks, each asked for once in a reading.
struct Hashes<'a> {
    chain: &'a dyn Chain,
    known: HashMap<BlockHeight, Option<BlockHash>>,
}

impl Hashes<'_> {
    fn at(&mut self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        if let Some(hash) = self.known.get(&height) {
            return Ok(*hash);
        }
        let hash = self.chain.block_hash(height)?;
        self.known.insert(height, hash);
        Ok(hash)
    }

    /// The hash of a block that must be there, because something was confirmed in it.
    fn of(&mut self, height: BlockHeight) -> Result<BlockHash, VaultError> {
        self.at(height)?.ok_or_else(|| {
            VaultError::Contradiction(format!(
                "something was confirmed at {height}, and there is no block"
            ))
        })
    }
}

impl<S: Store> Vault<S> {
    /// Reads the chain: every output that was ever paid to a script of any stage, up to the gap
    /// limit beyond the last index in use, on both keychains.
    ///
    /// An index that turns out to be used is remembered as used up, and the gap begins behind it.
    /// If the chain is on another branch than before, what was read from the old one is forgotten.
    ///
    /// # Errors
    ///
    /// If the backend does not answer, contradicts itself or is on another network, if the chain
    /// moves each time, or if what was found cannot be kept.  Nothing is half known then: whatever
    /// was remembered before is there as it was.
    pub fn sync(&mut self, chain: &dyn Chain) -> Result<Synced, VaultError> {
        let network = self.compiled.policy().network();
        let expected = genesis(network);
        let found = chain.block_hash(BlockHeight::GENESIS)?;
        if found != Some(expected) {
            return Err(VaultError::OtherNetwork {
                network,
                expected,
                found,
            });
        }
        let before = self.next();
        for _ in 0..TRIES {
            let tip = chain.tip()?;
            let outputs = self.outputs_of(chain)?;
            let (news, agreed) = match self.news(chain, tip, &outputs) {
                Ok(news) => news,
                // It can be that the chain has moved on, and not that it contradicts itself.
                Err(VaultError::Contradiction(_)) if chain.tip()?.hash != tip.hash => continue,
                Err(error) => return Err(error),
            };
            if chain.tip()?.hash != tip.hash {
                continue;
            }
            let known = self.outpoints();
            // Should one wallet refuse what it is told, they are not of one reading any more.
            self.tip = None;
            let rolled_back = self.apply(tip, news, agreed)?;
            self.view = None;
            self.keep_wallets()?;
            self.keep_tip(tip)?;
            // It may be lost: whoever reads beside this process is told an older reading then.
            self.unwritten = self.write_view().err();
            let now = self.outpoints();
            let revealed = Keychain::BOTH.into_iter().filter_map(|keychain| {
                let next = at(self.next(), keychain);
                (next > at(before, keychain)).then(|| (keychain, next - 1))
            });
            return Ok(Synced {
                tip,
                found: now.difference(&known).copied().collect(),
                lost: known.difference(&now).copied().collect(),
                revealed: revealed.collect(),
                rolled_back,
            });
        }
        Err(VaultError::Moving { tries: TRIES })
    }

    fn outpoints(&self) -> BTreeSet<OutPoint> {
        let seen = self.stages.iter().flat_map(StageWallet::seen);
        seen.map(|seen| seen.outpoint).collect()
    }

    /// Every output at a script of ours, stage by stage.  Scripts are asked about until the gap
    /// behind the last one in use is empty.
    fn outputs_of(&mut self, chain: &dyn Chain) -> Result<Vec<Vec<SeenOutput>>, VaultError> {
        let mut outputs: Vec<Vec<SeenOutput>> = vec![Vec::new(); self.stages.len()];
        let mut asked: HashSet<ScriptBuf> = HashSet::new();
        loop {
            let scripts = self.stages.iter().flat_map(StageWallet::scripts);
            let fresh: Vec<ScriptBuf> = scripts
                .filter(|(_, script)| !asked.contains(*script))
                .map(|(_, script)| script.clone())
                .collect();
            if fresh.is_empty() {
                return Ok(outputs);
            }
            let mut used = self.next();
            for output in chain.outputs(&fresh)? {
                let script = &output.output.script_pubkey;
                let mut places = (0..)
                    .zip(&self.stages)
                    .filter_map(|(at, stage): (usize, _)| Some((at, stage.place(script)?)));
                let Some((at, place)) = places.next() else {
                    return Err(VaultError::Contradiction(format!(
                        "it was not asked about the script of {}",
                        output.outpoint
                    )));
                };
                let last = at_mut(&mut used, place.keychain);
                *last = (*last).max(place.index + 1);
                outputs
                    .get_mut(at)
                    .into_iter()
                    .for_each(|of| of.push(output.clone()));
            }
            asked.extend(fresh);
            self.use_up(used)?;
        }
    }

    /// Remembers indexes that are in use, before anything is built on it.
    fn use_up(&mut self, used: [u32; 2]) -> Result<(), VaultError> {
        let next = self.next();
        let entries = Keychain::BOTH.into_iter().filter_map(|keychain| {
            let used = at(used, keychain);
            let index = used.checked_sub(1).filter(|_| used > at(next, keychain))?;
            Some(Entry::Revealed { keychain, index })
        });
        let entries: Vec<Entry> = entries.collect();
        if entries.is_empty() {
            return Ok(());
        }
        match self.remember_all(entries.clone()) {
            // Whoever only reads knows it for as long as he reads.
            Err(VaultError::Store(StoreError::ReadOnly)) => {
                self.journal.suppose(&entries);
                self.reveal_wallets();
                Ok(())
            }
            other => other,
        }
    }

    /// What each wallet is to be told, and how much of what it knows is still so.
    fn news(
        &self,
        chain: &dyn Chain,
        tip: ChainTip,
        outputs: &[Vec<SeenOutput>],
    ) -> Result<(Vec<News>, Vec<bdk_wallet::chain::CheckPoint>), VaultError> {
        let latest = self.stages.iter().map(StageWallet::latest).max();
        let number = latest.unwrap_or(0) + 1;
        let mut hashes = Hashes {
            chain,
            known: HashMap::from([(tip.time.height, Some(tip.hash))]),
        };
        let mut births: HashMap<Txid, Option<CoinBirth>> = HashMap::new();
        for output in outputs.iter().flatten() {
            births.insert(output.outpoint.txid, output.birth);
        }
        let mut told = Vec::new();
        let mut agreed = Vec::new();
        for (stage, outputs) in self.stages.iter().zip(outputs) {
            let common = stage.agreed(|height| hashes.at(height))?;
            // What is made anew has nothing.
            let keeps = common.block_id() == stage.tip() && !stage.is_long();
            agreed.push(common);
            let mut news = News {
                number,
                ..News::default()
            };
            for output in outputs {
                let txid = output.outpoint.txid;
                if news.known.insert(txid) {
                    if !(keeps && stage.has(txid)) {
                        let transaction = chain.transaction(txid)?.ok_or_else(|| {
                            VaultError::Contradiction(format!(
                                "it knows an output of {txid}, and not the transaction"
                            ))
                        })?;
                        news.update.txs.push(transaction.into());
                    }
                    news.place(txid, output.birth, &mut hashes)?;
                }
                let Some(spend) = &output.spend else { continue };
                if !news.known.insert(spend.txid) {
                    continue;
                }
                let birth = match (births.get(&spend.txid), spend.height) {
                    (_, None) => None,
                    (Some(Some(birth)), Some(_)) => Some(*birth),
                    _ => {
                        let birth = chain.confirmation(spend.txid)?;
                        births.insert(spend.txid, birth);
                        birth
                    }
                };
                if birth.map(|birth| birth.height) != spend.height {
                    return Err(VaultError::Contradiction(format!(
                        "it names two heights for {}",
                        spend.txid
                    )));
                }
                if !(keeps && stage.has(spend.txid)) {
                    news.update.txs.push(spend.transaction.clone());
                }
                news.place(spend.txid, birth, &mut hashes)?;
            }
            told.push(news);
        }
        Ok((told, agreed))
    }

    fn apply(
        &mut self,
        tip: ChainTip,
        news: Vec<News>,
        agreed: Vec<bdk_wallet::chain::CheckPoint>,
    ) -> Result<Option<BlockHeight>, VaultError> {
        let block = BlockId {
            height: tip.time.height.0,
            hash: tip.hash,
        };
        let mut rolled_back = None;
        for ((stage, news), common) in self.stages.iter_mut().zip(news).zip(agreed) {
            if common.block_id() != stage.tip() {
                let height = BlockHeight(common.height());
                rolled_back = rolled_back.max(Some(height));
            }
            stage.take(news, &common, block)?;
        }
        Ok(rolled_back)
    }
}

impl News {
    /// Says where a transaction is.
    fn place(
        &mut self,
        txid: Txid,
        birth: Option<CoinBirth>,
        hashes: &mut Hashes<'_>,
    ) -> Result<(), VaultError> {
        match birth {
            Some(birth) => {
                let hash = hashes.of(birth.height)?;
                self.blocks.insert(birth.height.0, hash);
                self.update.anchors.insert((anchor(birth, hash), txid));
            }
            None => drop(self.update.seen_ats.insert((txid, self.number))),
        }
        Ok(())
    }
}
