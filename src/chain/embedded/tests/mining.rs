//! Blocks: rewards, maturity, what is mined and what is evicted, copies, sameness.

use bitcoin::{Amount, Block, ScriptBuf, Witness};

use super::super::faucet;
use super::super::judge::COINBASE_MATURITY;
use super::support::{START, assert_invalid, chain, coin, first, open, pay, spend};
use crate::chain::{Chain, EmbeddedChain, FaucetError};
use crate::units::{BlockHeight, Blocks, UnixTime};

fn block(chain: &EmbeddedChain, height: BlockHeight) -> Block {
    bitcoin::consensus::deserialize(chain.block(height).expect("mined")).expect("a block")
}

#[test]
fn the_clock_shows_the_start() {
    let mut chain = chain();
    assert_eq!(chain.now(), START);
    assert_eq!(chain.tip().time.height, BlockHeight(150));
    assert_eq!(block(&chain, BlockHeight(150)).header.time, START.0);
    chain.mine_one();
    assert_eq!(chain.now(), START.after_seconds(600));
    chain.set_block_spacing(60);
    chain.set_skew(-30);
    chain.advance_clock(5);
    let tip = chain.mine_one().height;
    assert_eq!(chain.now(), START.after_seconds(665));
    assert_eq!(block(&chain, tip).header.time, START.0 + 635);
    // However slow the clocks of miners are, timestamps exceed the median.
    chain.set_skew(-1_000_000);
    let median = chain.tip().time.median_time_past;
    let tip = chain.mine_one().height;
    assert_eq!(block(&chain, tip).header.time, median.0 + 1);
}

#[test]
fn hashes_are_those_of_the_active_branch() {
    let mut chain = chain();
    let tip = chain.mine_one().height;
    for height in [BlockHeight::GENESIS, tip.previous(), tip] {
        let hash = block(&chain, height).block_hash();
        assert_eq!(chain.block_hash(height), Some(hash));
    }
    assert_eq!(chain.block_hash(tip), Some(chain.tip().hash));
    assert_eq!(chain.block_hash(tip.next()), None);
    let [before, undone] = [tip.previous(), tip].map(|height| chain.block_hash(height));
    chain.reorg(Blocks(1), &[]).expect("one block deep");
    assert_eq!(chain.block_hash(tip), None);
    assert_eq!(chain.block_hash(tip.previous()), before);
    chain.mine_one();
    assert_ne!(chain.block_hash(tip), undone);
    assert_eq!(chain.block_hash(tip), Some(chain.tip().hash));
}

#[test]
fn an_early_start_is_no_problem() {
    let mut chain = EmbeddedChain::new(UnixTime(0));
    coin(&mut chain, 10_000);
    assert!(chain.tip().time.median_time_past > UnixTime(1_296_688_602));
}

#[test]
fn coinbase_maturity() {
    let mut chain = chain();
    let paid = open();
    let height = chain.mine_one().height;
    let coinbase = block(&chain, height).txdata[0].compute_txid();
    let from = bitcoin::OutPoint::new(coinbase, 0);
    let mut transaction = spend(2, &[from], &[(1_000_000_000, paid)]);
    transaction.input[0].witness = Witness::from_slice(&[faucet::witness_script().as_bytes()]);
    chain.mine(COINBASE_MATURITY - 2);
    let next = chain.tip().time.height.next();
    assert_eq!(next - height, Blocks(99));
    let class = "bad-txns-premature-spend-of-coinbase";
    assert_invalid(chain.submit(&transaction), class);
    assert_invalid(chain.test_block_with(&transaction), class);
    chain.mine_one();
    assert_eq!(chain.test_block_with(&transaction), Ok(()));
    assert_eq!(chain.submit(&transaction), Ok(()));
}

#[test]
fn subsidy_halves_and_ends() {
    use super::super::block::subsidy;
    for (height, sat) in [
        (1, 5_000_000_000),
        (149, 5_000_000_000),
        (150, 2_500_000_000),
        (299, 2_500_000_000),
        (300, 1_250_000_000),
        (150 * 32, 1),
        (150 * 33, 0),
        (150 * 64, 0),
        (u32::MAX, 0),
    ] {
        assert_eq!(
            subsidy(BlockHeight(height)),
            Amount::from_sat(sat),
            "{height}"
        );
    }
}

#[test]
fn rewards_are_subsidy_and_fees() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    chain.submit(&pay(2, coin, 8_766)).expect("good");
    let height = chain.mine_one().height;
    let reward = block(&chain, height).txdata[0].output[0].value;
    assert_eq!(reward, Amount::from_sat(2_500_000_000 + 1_234));
}

#[test]
fn the_faucet_has_a_thousand_bitcoin_for_as_long_as_it_takes() {
    let mut chain = chain();
    let mut fork = chain.fork();
    let thousand = Amount::from_int_btc(1_000);
    let paid = chain.fund(open(), thousand).expect("enough");
    chain.mine_one();
    assert_eq!(chain.outputs(&[open()])[0].outpoint, paid);
    assert_eq!(chain.outputs(&[open()])[0].output.value, thousand);
    fork.mine(5_000);
    fork.fund(open(), thousand).expect("still enough");
    let absurd = Amount::from_int_btc(1_000_000);
    assert_eq!(fork.fund(open(), absurd), Err(FaucetError::Dry(absurd)));
    let dust = fork.fund(open(), Amount::from_sat(329));
    assert!(matches!(dust, Err(FaucetError::Refused(refusal)) if refusal.class == "dust"));
}

#[test]
fn the_faucet_pays_many_in_one_block() {
    let mut chain = chain();
    for _ in 0..40 {
        chain.fund(open(), Amount::from_sat(1_000)).expect("enough");
    }
    assert_eq!(chain.mine_one().confirmed.len(), 40);
    assert_eq!(chain.outputs(&[open()]).len(), 40);
}

#[test]
fn a_block_evicts_what_conflicts_with_it() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let known = pay(2, coin, 9_000);
    let child = pay(2, first(&known), 8_000);
    chain.submit(&known).expect("good");
    chain.submit(&child).expect("good");
    let rival = pay(2, coin, 8_999);
    let mined = chain.mine_with(&[rival]).expect("valid");
    assert_eq!(mined.evicted, [known.compute_txid(), child.compute_txid()]);
    assert_eq!(chain.mempool().count(), 0);
}

#[test]
fn a_miner_who_has_not_seen_a_transaction() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let parent = pay(2, coin, 9_000);
    let child = pay(2, first(&parent), 8_000);
    chain.submit(&parent).expect("good");
    chain.submit(&child).expect("good");
    assert_eq!(chain.mine_without(&[parent.compute_txid()]).confirmed, []);
    let confirmed = chain.mine_without(&[child.compute_txid()]).confirmed;
    assert_eq!(confirmed, [parent.compute_txid()]);
    assert_eq!(chain.mine_empty().confirmed, []);
    assert_eq!(chain.mine_one().confirmed, [child.compute_txid()]);
}

#[test]
fn outputs_show_births_and_spends() {
    let mut chain = chain();
    let from = super::support::unconfirmed_coin(&mut chain, 10_000);
    let scripts = [open()];
    let look = |chain: &EmbeddedChain| Chain::outputs(chain, &scripts).expect("it answers");
    let seen = look(&chain);
    assert_eq!(
        (seen.len(), seen[0].outpoint, seen[0].birth),
        (1, from, None)
    );
    let before = chain.tip().time;
    chain.mine_one();
    let birth = look(&chain)[0].birth.expect("confirmed");
    assert_eq!(birth.height, before.height.next());
    assert_eq!(birth.median_time_past_before, before.median_time_past);
    assert!(look(&chain)[0].is_unspent());
    let elsewhere = ScriptBuf::new_p2a();
    let spending = spend(
        2,
        &[from],
        &[(5_000, elsewhere.clone()), (4_000, elsewhere)],
    );
    chain.submit(&spending).expect("good");
    let spend = look(&chain)[0].spend.clone().expect("spent");
    assert_eq!((spend.txid, spend.height), (spending.compute_txid(), None));
    assert_eq!(*spend.transaction, spending);
    let height = chain.mine_one().height;
    let seen = look(&chain);
    assert_eq!(seen.len(), 1);
    let spend = seen[0].spend.clone().expect("spent");
    assert_eq!(
        (spend.txid, spend.height),
        (spending.compute_txid(), Some(height))
    );
    assert_eq!(
        chain.confirmation(spend.txid).map(|birth| birth.height),
        Some(height)
    );
}

#[test]
fn a_copy_goes_its_own_way() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let tip = chain.tip();
    let mut fork = chain.fork();
    fork.submit(&pay(2, coin, 9_000)).expect("good");
    fork.mine(3);
    assert_eq!(chain.tip(), tip);
    assert_eq!(chain.mempool().count(), 0);
    assert!(chain.outputs(&[open()])[0].is_unspent());
    assert!(!fork.outputs(&[open()])[0].is_unspent());
}

#[test]
fn a_month_of_blocks() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    chain.mine(4_380);
    assert_eq!(chain.tip().time.height, BlockHeight(150 + 1 + 4_380));
    assert_eq!(chain.now(), START.after_seconds(600 * 4_381));
    chain.submit(&pay(2, coin, 9_000)).expect("good");
    assert_eq!(chain.mine_one().confirmed.len(), 1);
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let run = || {
        let mut chain = EmbeddedChain::recorded(START);
        let coin = coin(&mut chain, 10_000);
        chain.submit(&pay(2, coin, 9_999)).expect_err("too cheap");
        chain.submit(&pay(3, coin, 9_000)).expect("good");
        chain.mine(3);
        chain.reorg(Blocks(2), &[]).expect("deep enough");
        chain.mine(5);
        let mut text = Vec::new();
        let record = chain.finish_record().expect("recorded");
        record.write_to(&mut text).expect("memory");
        text
    };
    assert_eq!(run(), run());
}
