//! Reading the chain: what is found, what is forgotten, and what is remembered.

use std::cell::Cell;

use bitcoin::{BlockHash, FeeRate, ScriptBuf, Transaction, Txid};
use longstop::arming::ArmingFile;
use longstop::chain::{
    BackendError, Chain, ChainTip, EmbeddedChain, Freshness, SeenOutput, Verdict,
};
use longstop::compile::{Keychain, Stage};
use longstop::lifecycle::{Confidence, Standing};
use longstop::units::{BlockHeight, Blocks, CoinBirth};
use longstop::wallet::{Entry, GAP, Vault, VaultError};

use crate::kit::{agrees, in_memory};
use crate::vault::{Armed, Draft, SCRIPTS, START, TREASURY};

#[test]
fn a_deposit_is_found_confirmed_and_buried() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let mut vault = in_memory(&world);
        assert!(matches!(vault.coins(), Err(VaultError::NeverSynced)));
        let address = vault.next_address().expect("an address");
        let derived = world.derived(&Stage::Vault, 0);
        assert_eq!(address.derived.script_pubkey(), derived.script_pubkey());
        let coin = world.pay_to(&Stage::Vault, 0, 50_000);
        for confidence in [Confidence::Unconfirmed, Confidence::Confirmed] {
            let synced = vault.sync(&world.chain).expect("it syncs");
            let is_new = confidence == Confidence::Unconfirmed;
            assert_eq!(synced.found.contains(&coin.outpoint()), is_new);
            let known = &vault.outputs().expect("it was synced")[0];
            assert_eq!(known.standing, Standing::Unspent { confidence });
            agrees(&vault, &world);
            world.chain.mine_one();
        }
        world.bury();
        vault.sync(&world.chain).expect("it syncs");
        let known = &vault.outputs().expect("it was synced")[0];
        assert!(known.standing.is_buried_and_unspent());
        agrees(&vault, &world);
    }
}

/// Every stage of a rescue is followed, and every branch that a reorg takes it back from.
#[test]
fn a_rescue_is_followed_through_its_stages_and_back() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    vault.sync(&armed.world.chain).expect("it syncs");
    assert_eq!(vault.next(), [1, 0], "the deposit at index 0 was found");
    let trigger = armed.trigger(0, &["gina", "hal"]);
    armed.world.submit(&trigger);
    vault.sync(&armed.world.chain).expect("it syncs");
    agrees(&vault, &armed.world);
    assert_eq!(vault.outputs().expect("it was synced").len(), 2);
    armed.world.chain.mine_one();
    vault.sync(&armed.world.chain).expect("it syncs");
    agrees(&vault, &armed.world);
    let before = armed.world.chain.tip();
    // The trigger is back in the mempool, then gone altogether.
    for (depth, forget) in [(1, vec![]), (2, vec![trigger.compute_txid()])] {
        let mut away = armed.world.fork();
        away.chain
            .reorg(Blocks(depth), &forget)
            .expect("not too deep");
        assert_ne!(away.chain.tip(), before);
        // A moment in which the chain is shorter than it was.
        vault.sync(&away.chain).expect("it syncs");
        agrees(&vault, &away);
        away.chain.mine(depth + 1);
        vault.sync(&armed.world.chain).expect("it syncs");
        let synced = vault.sync(&away.chain).expect("it syncs");
        assert!(synced.rolled_back.is_some());
        agrees(&vault, &away);
        // And forward again, onto the branch it came from.
        let synced = vault.sync(&armed.world.chain).expect("it syncs");
        assert!(synced.rolled_back.is_some(), "{depth} {synced:?}");
        agrees(&vault, &armed.world);
    }
    armed.world.bury();
    let cancel = armed.cancel(0, &["alice"]);
    armed.world.confirm(&cancel);
    vault.sync(&armed.world.chain).expect("it syncs");
    agrees(&vault, &armed.world);
    assert_eq!(vault.next(), [1, 1], "a cancel pays to the change keychain");
}

#[test]
fn reorgs_of_1_2_6_and_50_blocks_take_coins_away_and_bring_them_back() {
    for depth in [1, 2, 6, 50] {
        let mut world = Draft::new("wsh", TREASURY).world();
        let mut vault = in_memory(&world);
        let coin = world.pay_to(&Stage::Vault, 0, 70_000);
        world.chain.mine(depth);
        vault.sync(&world.chain).expect("it syncs");
        agrees(&vault, &world);
        let mut without = world.fork();
        let reorg = without
            .chain
            .reorg(Blocks(depth), &[coin.outpoint().txid])
            .expect("not too deep");
        assert_eq!(reorg.disconnected.len() as u32, depth);
        without.chain.mine(depth + 1);
        let synced = vault.sync(&without.chain).expect("it syncs");
        assert_eq!(synced.lost, [coin.outpoint()]);
        assert!(vault.coins().expect("it was synced").is_empty());
        agrees(&vault, &without);
        // The index stays used up: somebody was given that address.
        assert_eq!(vault.next(), [1, 0]);
        let synced = vault.sync(&world.chain).expect("it syncs");
        assert_eq!(synced.found, [coin.outpoint()]);
        agrees(&vault, &world);
    }
}

/// A chain that is one block shorter than it was, as it is for a moment during a reorg.
#[test]
fn a_tip_that_goes_down_is_followed() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    world.chain.mine(3);
    let short = world.chain.fork();
    let coin = world.coin(&Stage::Vault);
    vault.sync(&world.chain).expect("it syncs");
    assert_eq!(vault.coins().expect("it was synced").len(), 1);
    let synced = vault.sync(&short).expect("it syncs");
    assert_eq!(synced.lost, [coin.outpoint()]);
    let common = synced.rolled_back.expect("a block is gone");
    assert!(common <= short.tip().time.height);
    assert!(vault.coins().expect("it was synced").is_empty());
}

/// A payment that was replaced in the mempool is no coin, and one that comes back is.
#[test]
fn what_left_the_mempool_is_forgotten() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    let empty = world.fork();
    let coin = world.pay_to(&Stage::Vault, 0, 70_000);
    for _ in 0..3 {
        let synced = vault.sync(&world.chain).expect("it syncs");
        assert_eq!(synced.found, [coin.outpoint()]);
        agrees(&vault, &world);
        let synced = vault.sync(&empty.chain).expect("it syncs");
        assert_eq!(synced.lost, [coin.outpoint()]);
        agrees(&vault, &empty);
    }
}

/// The gap limit: an index is found if it is at most the gap beyond the last one in use, on both
/// keychains; then it is used up, with all before it.
#[test]
fn the_gap_is_searched_and_no_more() {
    for (index, found) in [(GAP - 1, true), (GAP, false)] {
        let mut world = Draft::new("tr", TREASURY).world();
        let mut vault = in_memory(&world);
        world.pay_to(&Stage::Vault, index, 70_000);
        let synced = vault.sync(&world.chain).expect("it syncs");
        assert_eq!(synced.found.len(), usize::from(found), "{index}");
        let next = if found { index + 1 } else { 0 };
        assert_eq!(vault.next(), [next, 0]);
        let revealed: Vec<_> = found
            .then_some((Keychain::Receive, index))
            .into_iter()
            .collect();
        assert_eq!(synced.revealed, revealed);
        // The next one leads to one behind it.
        world.pay_to(&Stage::Vault, 2 * GAP - 1, 80_000);
        let synced = vault.sync(&world.chain).expect("it syncs");
        assert_eq!(synced.found.len(), usize::from(found), "{index}");
    }
}

/// Given out is used up: the gap begins behind it, whether anybody paid or not.
#[test]
fn the_gap_begins_behind_the_last_address_that_was_given_out() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    for _ in 0..5 {
        vault.next_address().expect("an address");
    }
    world.pay_to(&Stage::Vault, 5 + GAP - 1, 70_000);
    // A cancel pays to the change keychain at the coin's own index.
    let derived = vault.derive(&Stage::Vault, Keychain::Change, 5 + GAP - 1);
    let script = derived.expect("an index").script_pubkey().clone();
    let amount = bitcoin::Amount::from_sat(60_000);
    world.chain.fund(script, amount).expect("the faucet pays");
    let synced = vault.sync(&world.chain).expect("it syncs");
    assert_eq!(synced.found.len(), 2);
    assert_eq!(vault.next(), [5 + GAP, 5 + GAP]);
    agrees(&vault, &world);
}

/// Row 29 of the threats: from the journal alone, with whatever working state is lost.
#[test]
fn the_journal_and_the_chain_bring_everything_back() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
    vault.sync(&armed.world.chain).expect("it syncs");
    vault
        .remember(Entry::Armed {
            file: Box::new(file),
        })
        .expect("it holds");
    for _ in 0..30 {
        vault.next_address().expect("an address");
    }
    armed.world.pay_to(&Stage::Vault, 30, 90_000);
    armed.world.submit(&armed.trigger(0, &["gina", "hal"]));
    armed.world.chain.mine_one();
    vault.sync(&armed.world.chain).expect("it syncs");
    agrees(&vault, &armed.world);
    let mut again = in_memory(&armed.world);
    let entries: Vec<Entry> = vault
        .entries()
        .map(|entry| entry.expect("an entry"))
        .collect();
    again.remember_all(entries).expect("they hold");
    again.sync(&armed.world.chain).expect("it syncs");
    assert_eq!(again.next(), vault.next());
    assert_eq!(
        again.outputs().expect("synced"),
        vault.outputs().expect("synced")
    );
    let armed_coins = again.armed().expect("they hold");
    assert_eq!(armed_coins.len(), 1);
    assert_eq!(armed_coins[0].coin().outpoint(), armed.coin.outpoint());
    // The engine goes on where the vault stands.
    let engine = again.engine(armed.world.chain.fork()).expect("an engine");
    assert_eq!(engine.next(), vault.next());
    assert_eq!(engine.armed().len(), 1);
}

/// A chain that is not what it should be, or does not hold still.
struct Odd<'a> {
    chain: &'a EmbeddedChain,
    genesis: Option<BlockHash>,
    moves: Cell<u32>,
    forgets: bool,
}

impl Chain for Odd<'_> {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        let mut tip = self.chain.tip();
        if let Some(left) = self.moves.get().checked_sub(1) {
            self.moves.set(left);
            tip.hash = self.chain.block_hash(BlockHeight(left)).expect("mined");
        }
        Ok(tip)
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        match height {
            BlockHeight::GENESIS => Ok(self.genesis),
            height => Ok(self.chain.block_hash(height)),
        }
    }

    fn freshness(&self) -> Result<Freshness, BackendError> {
        self.chain.freshness()
    }

    fn submit(&mut self, _: &Transaction) -> Result<Verdict, BackendError> {
        Err(BackendError::new("nobody asks"))
    }

    fn submit_package(
        &mut self,
        _: &Transaction,
        _: &Transaction,
    ) -> Result<Verdict, BackendError> {
        Err(BackendError::new("nobody asks"))
    }

    fn test_accept(&self, _: &Transaction) -> Result<Verdict, BackendError> {
        Err(BackendError::new("nobody asks"))
    }

    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        Ok(self.chain.outputs(scripts))
    }

    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        Ok(self.chain.confirmation(txid))
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        match self.forgets {
            true => Ok(None),
            false => Ok(self.chain.transaction(txid).cloned()),
        }
    }

    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        Ok(self.chain.in_mempool(txid))
    }

    fn feerate(&self, _: Blocks) -> Result<Option<FeeRate>, BackendError> {
        Ok(None)
    }
}

#[test]
fn a_backend_of_another_network_or_that_contradicts_itself_is_refused() {
    let mut world = Draft::new("tr", TREASURY).world();
    world.coin(&Stage::Vault);
    let chain = world.chain.fork();
    let genesis = chain.block_hash(BlockHeight::GENESIS);
    let odd = |genesis, moves, forgets| Odd {
        chain: &chain,
        genesis,
        moves: Cell::new(moves),
        forgets,
    };
    let mut vault = in_memory(&world);
    for wrong in [None, chain.block_hash(BlockHeight(1))] {
        let refused = vault.sync(&odd(wrong, 0, false));
        assert!(matches!(refused, Err(VaultError::OtherNetwork { .. })));
    }
    let refused = vault.sync(&odd(genesis, 0, true));
    assert!(matches!(refused, Err(VaultError::Contradiction(_))));
    assert!(vault.tip().is_none());
    let refused = vault.sync(&odd(genesis, 100, false));
    assert!(
        matches!(refused, Err(VaultError::Moving { .. })),
        "{refused:?}"
    );
    assert!(vault.tip().is_none());
    // It comes to rest after a while.
    vault.sync(&odd(genesis, 3, false)).expect("it syncs");
    agrees(&vault, &world);
    // What was known before is known after a failure.
    let refused = vault.sync(&odd(None, 0, false));
    assert!(refused.is_err());
    agrees(&vault, &world);
}

#[test]
fn an_early_chain_is_no_problem() {
    let world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    let synced = vault.sync(&EmbeddedChain::new(START)).expect("it syncs");
    assert!(synced.found.is_empty());
    assert_eq!(vault.balance().expect("synced").confirmed.to_sat(), 0);
}

/// A miner is paid with a coin of the vault: it is one like any other, which nobody can spend for a
/// hundred blocks, and which a reorg takes away for good.
#[test]
fn a_coinbase_output_is_a_coin_that_matures() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    let script = world.derived(&Stage::Vault, 3).script_pubkey().clone();
    let mined = world.chain.mine_to(&script);
    let synced = vault
        .sync(&world.chain)
        .expect("nothing contradicts itself");
    let [outpoint] = synced.found[..] else {
        panic!("{synced:?}");
    };
    let chain: &dyn longstop::chain::Chain = &world.chain;
    let coinbase = chain.transaction(outpoint.txid).expect("it answers");
    assert!(coinbase.expect("it is there").is_coinbase());
    let birth = chain.confirmation(outpoint.txid).expect("it answers");
    assert_eq!(birth.expect("it is confirmed").height, mined.height);
    agrees(&vault, &world);
    let status =
        |vault: &Vault<longstop::ledger::Memory>| vault.coin(outpoint).expect("it is there");
    let coin = status(&vault);
    assert!(coin.output.is_coinbase);
    assert_eq!(
        coin.mature_from,
        Some(longstop::units::BlockHeight(mined.height.0 + 100))
    );
    let maturing = |vault: &Vault<longstop::ledger::Memory>| {
        vault.balance().expect("synced").stages[0].1.maturing
    };
    for (blocks, is_maturing) in [(98, true), (1, false)] {
        world.chain.mine(blocks);
        vault.sync(&world.chain).expect("it syncs");
        let expected = if is_maturing {
            coin.output.amount
        } else {
            bitcoin::Amount::ZERO
        };
        assert_eq!(maturing(&vault), expected, "{blocks}");
    }
    // It can be spent now, and what spends it is read as well.
    let derived = world.derived(&Stage::Vault, 3);
    let own = longstop::transaction::Coin::new(outpoint, coin.output.amount, derived);
    let own = longstop::transaction::VaultCoin::try_from(own).expect("in the vault");
    let refresh = world.builder().refresh(&[&own], 0).expect("a refresh");
    let refresh = world.live(refresh, &["alice", "bob", "carol"]);
    world.confirm(&refresh);
    vault.sync(&world.chain).expect("it syncs");
    agrees(&vault, &world);
    // With its block it is gone: no other block ever holds the same.
    let depth = world.chain.tip().time.height.0 - mined.height.0 + 1;
    world.chain.reorg(Blocks(depth), &[]).expect("not too deep");
    world.chain.mine(depth + 1);
    let synced = vault.sync(&world.chain).expect("it syncs");
    assert!(synced.lost.contains(&outpoint));
    assert_eq!(world.chain.coinbase(outpoint.txid), None);
    agrees(&vault, &world);
}
