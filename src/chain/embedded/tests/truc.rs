//! Version 3: sizes, topology, inheritance, sibling eviction.

use super::support::{
    assert_unrelayed, chain, coin, first, open, pad_to, pay, spend, unconfirmed_coin,
};
use bitcoin::OutPoint;

const VIOLATION: &str = "TRUC-violation";

#[test]
fn size_limits() {
    for (has_parent, limit) in [(false, 10_000), (true, 1_000)] {
        for (vsize, good) in [(limit, true), (limit + 1, false)] {
            let mut chain = chain();
            let mut from = coin(&mut chain, 100_000);
            if has_parent {
                let parent = pay(3, from, 99_000);
                assert_eq!(chain.submit(&parent), Ok(()));
                from = first(&parent);
            }
            let mut transaction = pay(3, from, 90_000);
            pad_to(&mut transaction, vsize);
            if good {
                assert_eq!(chain.submit(&transaction), Ok(()));
            } else {
                assert_unrelayed(chain.submit(&transaction), VIOLATION);
            }
        }
    }
}

#[test]
fn versions_do_not_mix_while_unconfirmed() {
    for (parent_version, child_version, good) in [
        (3, 3, true),
        (2, 2, true),
        (3, 2, false),
        (2, 3, false),
        (3, 1, false),
    ] {
        let mut chain = chain();
        let coin = coin(&mut chain, 100_000);
        let parent = pay(parent_version, coin, 99_000);
        assert_eq!(chain.submit(&parent), Ok(()));
        let child = pay(child_version, first(&parent), 98_000);
        if good {
            assert_eq!(chain.submit(&child), Ok(()));
        } else {
            assert_unrelayed(chain.submit(&child), VIOLATION);
            chain.mine_one();
            assert_eq!(chain.submit(&child), Ok(()), "the parent is confirmed");
        }
    }
}

#[test]
fn versions_do_not_mix_in_a_package() {
    for (parent_version, child_version) in [(3, 2), (2, 3)] {
        let mut chain = chain();
        let coin = coin(&mut chain, 100_000);
        let parent = pay(parent_version, coin, 100_000);
        let child = pay(child_version, first(&parent), 98_000);
        assert_unrelayed(chain.submit_package(&parent, &child), VIOLATION);
    }
}

#[test]
fn one_generation() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let parent = pay(3, coin, 99_000);
    let child = pay(3, first(&parent), 98_000);
    let grandchild = pay(3, first(&child), 97_000);
    assert_eq!(chain.submit(&parent), Ok(()));
    assert_eq!(chain.submit(&child), Ok(()));
    assert_unrelayed(chain.submit(&grandchild), VIOLATION);
    chain.mine_one();
    assert_eq!(chain.submit(&grandchild), Ok(()));
}

#[test]
fn one_parent() {
    let mut chain = chain();
    let coins = [coin(&mut chain, 100_000), coin(&mut chain, 100_000)];
    let parents = coins.map(|coin| pay(3, coin, 99_000));
    for parent in &parents {
        assert_eq!(chain.submit(parent), Ok(()));
    }
    let child = spend(
        3,
        &[first(&parents[0]), first(&parents[1])],
        &[(190_000, open())],
    );
    assert_unrelayed(chain.submit(&child), VIOLATION);
    chain.mine_without(&[parents[1].compute_txid()]);
    assert_eq!(chain.submit(&child), Ok(()));
}

/// A package may not hang below something that is unconfirmed itself.
#[test]
fn a_package_has_no_grandparent() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let grandparent = pay(3, coin, 99_000);
    assert_eq!(chain.submit(&grandparent), Ok(()));
    let parent = pay(3, first(&grandparent), 99_000);
    let child = pay(3, first(&parent), 95_000);
    assert_unrelayed(chain.submit_package(&parent, &child), VIOLATION);
}

#[test]
fn a_second_child_evicts_its_sibling_if_it_pays_for_that() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let parent = spend(3, &[coin], &[(49_000, open()), (49_000, open())]);
    let second = OutPoint::new(parent.compute_txid(), 1);
    assert_eq!(chain.submit(&parent), Ok(()));
    let sibling = pay(3, first(&parent), 48_000);
    assert_eq!(chain.submit(&sibling), Ok(()));
    let poor = pay(3, second, 48_000);
    let class = "insufficient fee (including sibling eviction)";
    assert_unrelayed(chain.submit(&poor), class);
    let rich = pay(3, second, 47_900);
    assert_eq!(chain.submit(&rich), Ok(()));
    assert!(!chain.in_mempool(sibling.compute_txid()));
    assert_eq!(chain.mempool().count(), 2);
}

#[test]
fn other_versions_have_no_such_limits() {
    let mut chain = chain();
    let mut last = unconfirmed_coin(&mut chain, 100_000);
    for generation in 1..5 {
        let mut next = pay(2, last, 100_000 - generation * 2_000);
        pad_to(&mut next, 1_001);
        assert_eq!(chain.submit(&next), Ok(()));
        last = first(&next);
    }
}
