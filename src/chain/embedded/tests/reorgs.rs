//! Reorgs: what goes back, what is forgotten, what locks do.

use bitcoin::Sequence;

use super::support::{assert_invalid, chain, coin, first, open, pay};
use crate::units::{BlockHeight, Blocks};

#[test]
fn transactions_go_back_to_the_mempool() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let parent = pay(3, coin, 9_000);
    chain.submit(&parent).expect("good");
    let old = chain.mine_one();
    let child = pay(3, first(&parent), 8_000);
    chain.submit(&child).expect("good");
    chain.mine(2);
    let old_tip = chain.tip();
    let reorg = chain.reorg(Blocks(3), &[]).expect("deep enough");
    assert_eq!(reorg.disconnected.len(), 3);
    assert_eq!(reorg.disconnected[0], old_tip.hash);
    assert_eq!(reorg.disconnected[2], old.hash);
    assert_eq!(
        reorg.returned,
        [parent.compute_txid(), child.compute_txid()]
    );
    assert_eq!(reorg.dropped, []);
    assert_eq!(chain.confirmation(parent.compute_txid()), None);
    assert_eq!(
        chain.outputs(&[open()]).len(),
        3,
        "the coin, the parent and the child"
    );
    let new = chain.mine_one();
    assert_eq!(new.height, old.height);
    assert_ne!(new.hash, old.hash, "the branches differ");
    assert_eq!(new.confirmed.len(), 2);
    chain.mine(3);
    assert_eq!(chain.tip().time.height, old_tip.time.height.next());
}

#[test]
fn what_is_forgotten_takes_its_descendants_along() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let parent = pay(2, coin, 9_000);
    let child = pay(2, first(&parent), 8_000);
    chain.submit(&parent).expect("good");
    chain.mine_one();
    chain.submit(&child).expect("good");
    let reorg = chain
        .reorg(Blocks(1), &[parent.compute_txid()])
        .expect("deep enough");
    assert_eq!(reorg.returned, []);
    let (dropped, refusal) = &reorg.dropped[0];
    assert_eq!(*dropped, child.compute_txid());
    assert_eq!(refusal.class, "bad-txns-inputs-missingorspent");
    let rival = pay(2, coin, 8_500);
    assert_eq!(chain.submit(&rival), Ok(()), "the coin is free again");
    chain.mine(2);
    assert_invalid(chain.submit(&parent), "bad-txns-inputs-missingorspent");
}

/// The window of a coin begins again with its new confirmation.
#[test]
fn a_reorg_restarts_a_relative_lock() {
    let mut chain = chain();
    let from = coin(&mut chain, 10_000);
    let coin = pay(3, from, 9_500);
    chain.submit(&coin).expect("good");
    chain.mine_one();
    let mut late = pay(3, first(&coin), 9_000);
    late.input[0].sequence = Sequence::from_height(4);
    chain.mine(3);
    chain.submit(&late).expect("four blocks later");
    let reorg = chain.reorg(Blocks(4), &[]).expect("deep enough");
    assert_eq!(reorg.returned, [coin.compute_txid()]);
    let (dropped, refusal) = &reorg.dropped[0];
    assert_eq!(
        (*dropped, &*refusal.class),
        (late.compute_txid(), "non-BIP68-final")
    );
    chain.mine_without(&[coin.compute_txid()]);
    chain.mine_one();
    for _ in 0..3 {
        assert_invalid(chain.submit(&late), "non-BIP68-final");
        chain.mine_one();
    }
    assert_eq!(chain.submit(&late), Ok(()));
}

#[test]
fn immature_rewards_are_dropped() {
    let mut chain = chain();
    let before = chain.tip().time.height;
    // The reward of block 52 is mature in block 152.
    let fund = |chain: &mut crate::chain::EmbeddedChain| {
        chain.mine_one();
        let all = bitcoin::Amount::from_int_btc(52 * 50 - 1);
        chain.fund(open(), all).expect("52 rewards are mature")
    };
    let paid = fund(&mut chain);
    let reorg = chain.reorg(Blocks(1), &[]).expect("deep enough");
    assert_eq!(chain.tip().time.height, before);
    let (dropped, refusal) = &reorg.dropped[0];
    assert_eq!(*dropped, paid.txid);
    assert_eq!(refusal.class, "bad-txns-premature-spend-of-coinbase");
}

#[test]
fn a_reorg_ends_at_the_start() {
    let mut chain = chain();
    let start = chain.tip();
    chain.mine(5);
    let tip = chain.tip();
    let refused = chain.reorg(Blocks(6), &[]).expect_err("six were not mined");
    assert_eq!((refused.depth, refused.mined), (Blocks(6), Blocks(5)));
    assert_eq!(chain.tip(), tip);
    chain.reorg(Blocks(5), &[]).expect("five were mined");
    assert_eq!(chain.tip(), start);
    chain.mine(6);
    assert_eq!(chain.tip().time.height, BlockHeight(156));
}

#[test]
fn disconnecting_is_the_reverse_of_connecting() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let before = (chain.tip(), chain.outputs(&[open()]));
    let faucet = super::super::faucet::witness_script().to_p2wsh();
    let faucet_before = chain.outputs(std::slice::from_ref(&faucet));
    let parent = pay(2, coin, 9_000);
    let child = pay(2, first(&parent), 8_000);
    chain
        .mine_with(&[parent.clone(), child.clone()])
        .expect("valid");
    chain
        .fund(open(), bitcoin::Amount::from_sat(5_000))
        .expect("enough");
    chain.mine(2);
    let all = chain.outputs(&[open()]).into_iter();
    let forget: Vec<_> = all.map(|output| output.outpoint.txid).collect();
    chain.reorg(Blocks(3), &forget).expect("deep enough");
    assert_eq!((chain.tip(), chain.outputs(&[open()])), before);
    assert_eq!(chain.outputs(&[faucet]), faucet_before);
}
