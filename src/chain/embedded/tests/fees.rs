//! Feerates, packages and replacement.

use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf};

use super::support::{
    assert_invalid, assert_unrelayed, chain, coin, first, open, pay, spend, unconfirmed_coin,
};
use crate::chain::EmbeddedChain;
use crate::chain::embedded::feerate::{Chunk, Fraction, improves_diagram};

const SAT_PER_VBYTE: FeeRate = FeeRate::from_sat_per_vb_u32(1);

/// Virtual size of a transaction with one input and one output under the open script.
fn vsize() -> u64 {
    pay(2, OutPoint::null(), 0).vsize() as u64
}

#[test]
fn minimum_relay_fee() {
    let least = vsize().div_ceil(10);
    for (fee, good) in [(0, false), (least - 1, false), (least, true)] {
        let mut chain = chain();
        let coin = coin(&mut chain, 10_000);
        let transaction = pay(2, coin, 10_000 - fee);
        if good {
            assert_eq!(chain.submit(&transaction), Ok(()));
        } else {
            assert_unrelayed(chain.submit(&transaction), "min relay fee not met");
        }
    }
}

#[test]
fn mempool_minimum_is_asked_first() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    chain.set_mempool_min(SAT_PER_VBYTE);
    let free = pay(2, coin, 100_000);
    assert_unrelayed(chain.submit(&free), "mempool min fee not met");
    let under = pay(2, coin, 100_000 - vsize() + 1);
    assert_unrelayed(chain.submit(&under), "mempool min fee not met");
    let at = pay(2, coin, 100_000 - vsize());
    assert_eq!(chain.submit(&at), Ok(()));
}

#[test]
fn a_package_is_judged_by_its_common_feerate() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    chain.set_mempool_min(SAT_PER_VBYTE);
    let parent = pay(3, coin, 100_000);
    assert_unrelayed(chain.submit(&parent), "mempool min fee not met");
    for (missing, good) in [(1, false), (0, true)] {
        let child = pay(3, first(&parent), 100_000 - 2 * vsize() + missing);
        assert_invalid(chain.submit(&child), "bad-txns-inputs-missingorspent");
        let verdict = chain.submit_package(&parent, &child);
        if good {
            assert_eq!(verdict, Ok(()));
        } else {
            assert_unrelayed(verdict, "mempool min fee not met");
        }
        assert_eq!(chain.in_mempool(parent.compute_txid()), good);
        assert_eq!(chain.in_mempool(child.compute_txid()), good);
    }
    assert_eq!(chain.mine_one().confirmed.len(), 2);
}

#[test]
fn a_parent_does_not_pay_for_its_child() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let parent = pay(3, coin, 90_000);
    let child = pay(3, first(&parent), 90_000);
    let verdict = chain.submit_package(&parent, &child);
    assert_unrelayed(verdict, "min relay fee not met");
    assert!(chain.in_mempool(parent.compute_txid()), "it is good alone");
    assert!(!chain.in_mempool(child.compute_txid()));
}

#[test]
fn a_package_is_a_child_with_its_parent() {
    let mut chain = chain();
    let coins = [coin(&mut chain, 10_000), coin(&mut chain, 10_000)];
    let parent = pay(2, coins[0], 9_000);
    let child = pay(2, first(&parent), 8_000);
    let stranger = pay(2, coins[1], 9_000);
    let rival = spend(2, &[coins[0], first(&parent)], &[(8_000, open())]);
    for (package, class) in [
        ((&parent, &stranger), "package-not-child-with-parents"),
        ((&child, &parent), "package-not-sorted"),
        ((&parent, &parent), "package-contains-duplicates"),
        ((&parent, &rival), "conflict-in-package"),
    ] {
        let verdict = chain.submit_package(package.0, package.1);
        assert_eq!(verdict.map_err(|refusal| refusal.class), Err(class.into()));
    }
    assert_eq!(chain.submit_package(&parent, &child), Ok(()));
}

#[test]
fn replacement_pays_more_and_for_itself() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let old = pay(2, coin, 99_000);
    let more = vsize().div_ceil(10);
    assert_eq!(chain.submit(&old), Ok(()));
    assert_unrelayed(chain.submit(&old), "txn-already-in-mempool");
    for (fee, good) in [
        (999, false),
        (1_000 + more - 1, false),
        (1_000 + more, true),
    ] {
        let mut new = pay(2, coin, 100_000 - fee);
        new.input[0].sequence = bitcoin::Sequence::MAX;
        if good {
            assert_eq!(chain.submit(&new), Ok(()), "full RBF asks for no signal");
            assert!(!chain.in_mempool(old.compute_txid()));
        } else {
            assert_unrelayed(chain.submit(&new), "insufficient fee");
            assert!(chain.in_mempool(old.compute_txid()));
        }
    }
}

#[test]
fn replacement_evicts_and_pays_for_descendants() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let parent = pay(2, coin, 99_000);
    let child = pay(2, first(&parent), 90_000);
    assert_eq!(chain.submit(&parent), Ok(()));
    assert_eq!(chain.submit(&child), Ok(()));
    assert_unrelayed(chain.submit(&pay(2, coin, 90_000)), "insufficient fee");
    assert_eq!(chain.submit(&pay(2, coin, 89_900)), Ok(()));
    assert_eq!(chain.mempool().count(), 1);
}

/// More fee in total, but at a lower rate: miners who mine the old transaction first earn more.
#[test]
fn replacement_must_not_lower_the_feerate() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    assert_eq!(chain.submit(&pay(2, coin, 99_000)), Ok(()));
    let many: Vec<_> = (0..20).map(|_| (4_900, open())).collect();
    let large = spend(2, &[coin], &many);
    assert!(large.vsize() as u64 > 3 * vsize());
    assert_unrelayed(chain.submit(&large), "replacement-failed");
}

/// A virtual size is rounded up to four weight units, and miners do not round.
#[test]
fn what_miners_earn_is_measured_by_weight() {
    let chunk = |fee: u64, weight: u64| Chunk {
        txids: Vec::new(),
        fraction: Fraction {
            fee: Amount::from_sat(fee),
            vsize: weight.div_ceil(4),
            weight,
        },
    };
    // All of these have 25 vbytes.
    let old = [chunk(97, 97)];
    assert!(improves_diagram(&old, &[chunk(100, 100)]));
    assert!(!improves_diagram(&old, &[chunk(99, 100)]));
    assert!(!improves_diagram(&old, &[chunk(97, 97)]));
    assert!(improves_diagram(&old, &[chunk(98, 97)]));
    assert!(!improves_diagram(&old, &[chunk(96, 97), chunk(50, 100)]));
}

#[test]
fn a_transaction_does_not_spend_what_it_replaces() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let old = pay(2, coin, 99_000);
    assert_eq!(chain.submit(&old), Ok(()));
    let absurd = spend(2, &[coin, first(&old)], &[(100_000, open())]);
    assert_invalid(chain.submit(&absurd), "bad-txns-spends-conflicting-tx");
}

#[test]
fn a_package_replaces_what_it_conflicts_with() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let old = pay(3, coin, 99_000);
    assert_eq!(chain.submit(&old), Ok(()));
    let parent = pay(3, coin, 100_000);
    let poor = pay(3, first(&parent), 99_000);
    let verdict = chain.submit_package(&parent, &poor);
    assert_unrelayed(verdict, "package RBF failed: insufficient anti-DoS fees");
    let rich = pay(3, first(&parent), 97_000);
    assert_eq!(chain.submit_package(&parent, &rich), Ok(()));
    assert!(!chain.in_mempool(old.compute_txid()));
    assert_eq!(chain.mine_one().confirmed.len(), 2);
}

#[test]
fn same_transaction_with_another_witness() {
    let mut chain = chain();
    let script = bitcoin::script::Builder::new()
        .push_opcode(bitcoin::opcodes::all::OP_DROP)
        .push_opcode(bitcoin::opcodes::OP_TRUE)
        .into_script();
    let value = Amount::from_sat(10_000);
    let coin = chain.fund(script.to_p2wsh(), value).expect("paid");
    chain.mine_one();
    let mut transaction = pay(2, coin, 9_000);
    let witness = |item: &[u8]| bitcoin::Witness::from_slice(&[item, script.as_bytes()]);
    transaction.input[0].witness = witness(b"one");
    assert_eq!(chain.submit(&transaction), Ok(()));
    transaction.input[0].witness = witness(b"two");
    let class = "txn-same-nonwitness-data-in-mempool";
    assert_unrelayed(chain.submit(&transaction), class);
}

#[test]
fn miners_ask_for_the_going_rate() {
    let mut chain = chain();
    let coin = coin(&mut chain, 100_000);
    let parent = pay(2, coin, 100_000 - vsize());
    assert_eq!(chain.submit(&parent), Ok(()));
    chain.set_going_rate(FeeRate::from_sat_per_vb_u32(3));
    assert_eq!(chain.mine_one().confirmed, []);
    // The child pays for both: 1 and 5 satoshis per vbyte are 3 on average.
    let child = pay(2, first(&parent), 100_000 - 6 * vsize());
    let short = pay(2, first(&parent), 100_000 - 6 * vsize() + 1);
    assert_eq!(chain.submit(&short), Ok(()));
    assert_eq!(chain.mine_one().confirmed, []);
    let mut fork = chain.fork();
    fork.set_going_rate(SAT_PER_VBYTE);
    assert_eq!(fork.mine_one().confirmed.len(), 2);
    fn replace(chain: &mut EmbeddedChain, new: &bitcoin::Transaction) {
        // Not enough more to replace, so it goes to the miner directly.
        chain
            .mine_with(std::slice::from_ref(new))
            .expect_err("its parent is unconfirmed");
    }
    replace(&mut chain, &child);
    let raise = pay(2, first(&parent), 100_000 - 7 * vsize());
    assert_eq!(chain.submit(&raise), Ok(()));
    let confirmed = chain.mine_one().confirmed;
    assert_eq!(confirmed, [parent.compute_txid(), raise.compute_txid()]);
}

#[test]
fn dust_has_a_boundary_for_each_kind() {
    let p2tr = ScriptBuf::from_hex(&format!("5120{}", "79".repeat(32))).expect("hex");
    let p2wpkh = ScriptBuf::from_hex(&format!("0014{}", "79".repeat(20))).expect("hex");
    for (script, least) in [
        (p2tr, 330),
        (open(), 330),
        (p2wpkh, 294),
        (ScriptBuf::new_p2a(), 240),
    ] {
        let mut chain = chain();
        let coin = coin(&mut chain, 10_000);
        let with = |sat| spend(2, &[coin], &[(9_000, open()), (sat, script.clone())]);
        assert_unrelayed(chain.submit(&with(least - 1)), "dust");
        assert_eq!(chain.submit(&with(least)), Ok(()));
    }
}

/// Dust may be there as long as nobody can profit from leaving it: the transaction pays nothing
/// and its child spends the dust.
#[test]
fn ephemeral_dust() {
    let mut chain = chain();
    let coin = coin(&mut chain, 10_000);
    let anchor = || (0, ScriptBuf::new_p2a());
    let two = spend(3, &[coin], &[(10_000, open()), anchor(), anchor()]);
    assert_unrelayed(chain.submit(&two), "dust");
    let paying = spend(3, &[coin], &[(9_000, open()), anchor()]);
    assert_unrelayed(chain.submit(&paying), "dust");
    let parent = spend(3, &[coin], &[(10_000, open()), anchor()]);
    assert_unrelayed(chain.submit(&parent), "min relay fee not met");
    let careless = pay(3, first(&parent), 9_000);
    let verdict = chain.submit_package(&parent, &careless);
    assert_unrelayed(verdict, "missing-ephemeral-spends");
    let both = [first(&parent), OutPoint::new(parent.compute_txid(), 1)];
    let mut child = spend(3, &both, &[(9_000, open())]);
    child.input[1].witness = bitcoin::Witness::new();
    assert_eq!(chain.submit_package(&parent, &child), Ok(()));
    assert_eq!(chain.mine_one().confirmed.len(), 2);
}

#[test]
fn clusters_are_limited() {
    let mut chain = chain();
    let mut last = unconfirmed_coin(&mut chain, 100_000);
    for count in 2..=64 {
        let next = pay(2, last, 100_000 - count * 100);
        assert_eq!(chain.submit(&next), Ok(()), "{count} transactions");
        last = first(&next);
    }
    let verdict = chain.submit(&pay(2, last, 90_000));
    assert_unrelayed(verdict, "too-large-cluster");
}
