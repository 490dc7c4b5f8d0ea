//! The promises.

use bitcoin::absolute::LockTime;
use bitcoin::{ScriptBuf, Sequence, Transaction, TxIn, TxOut};
use longstop::chain::{Ability, BackendError, Refusal, Verdict};
use longstop::units::{BlockHeight, UnixTime};

use super::coins::{Coin, anchor, coin_of, open, open_script, spend};
use super::rig::Rig;

pub fn it_says_where_it_stands(mut rig: Rig) {
    for _ in 0..2 {
        let tip = rig.leader.tip();
        assert_eq!(rig.chain().tip().expect("it answers"), tip);
        let top = tip.time.height.0;
        for height in [0, 1, 150, top] {
            let hash = rig.chain().block_hash(BlockHeight(height));
            let own = rig.block(height).block_hash();
            assert_eq!(hash.expect("it answers"), Some(own), "at {height}");
        }
        let above = rig.chain().block_hash(BlockHeight(top + 1));
        assert_eq!(above.expect("it answers"), None, "nothing is above the tip");
        let freshness = rig.chain().freshness().expect("it answers");
        assert_eq!(freshness.tip, tip);
        let stamped = rig.block(top).header.time;
        assert_eq!(freshness.stamped, UnixTime(stamped));
        let judge = |age| freshness.judge(UnixTime(stamped + age), 7_200);
        assert!(freshness.clock.is_some() || judge(7_200).is_ok());
        assert!(freshness.clock.is_some() || judge(7_201).is_err());
        rig.mine(13);
    }
}

pub fn outputs_have_exact_births_and_spends(mut rig: Rig) {
    let scripts = [open(1), open(2), open(3), open(4)];
    assert!(rig.outputs(&scripts).is_empty());

    // A deposit waits, and is then confirmed.
    let first = rig.fund(1, 100_000);
    let seen = rig.outputs(&scripts);
    assert_eq!((seen.len(), seen[0].birth), (1, None));
    assert!(seen[0].is_unspent());
    rig.mine(1);
    let born = rig.leader.tip().time.height.0;
    let birth = rig.birth_at(born);
    let seen = rig.outputs(&scripts);
    assert_eq!(seen[0].birth, Some(birth), "height and median time before");
    let txid = first.outpoint.txid;
    let confirmed = rig.chain().confirmation(txid).expect("it answers");
    assert_eq!(confirmed, Some(birth));
    assert!(!rig.chain().in_mempool(txid).expect("it answers"));

    // Blocks that come at other moments than expected make other births.
    rig.leader.set_block_spacing(77);
    rig.mine(5);
    rig.leader.set_skew(3_000);
    let second = rig.fund(2, 50_000);
    rig.mine(1);
    rig.leader.set_skew(0);
    rig.leader.set_block_spacing(600);
    let birth = rig.birth_at(rig.leader.tip().time.height.0);
    let seen = rig.outputs(&scripts);
    assert_eq!(seen[1].birth, Some(birth));

    // A spend waits, then one of its outputs is spent while it still does.
    let out = [(40_000, open(3)), (30_000, open(3)), (29_000, open(4))];
    let payment = spend(2, &[first], &out);
    let (theirs, ours) = rig.submit(&payment);
    assert_eq!((theirs, ours), (Ok(()), Ok(())));
    let seen = rig.outputs(&scripts);
    assert_eq!(seen.len(), 5);
    let of = |seen: &[longstop::chain::SeenOutput], coin: Coin| {
        let found = seen.iter().find(|seen| seen.outpoint == coin.outpoint);
        found.expect("it is seen").clone()
    };
    let spent = of(&seen, first).spend.expect("it is spent");
    assert_eq!((spent.txid, spent.height), (payment.compute_txid(), None));
    assert_eq!(*spent.transaction, payment, "with its witnesses");
    let further = spend(2, &[coin_of(&payment, 0, 3), second], &[(80_000, open(1))]);
    assert_eq!(rig.submit(&further).0, Ok(()));
    let seen = rig.outputs(&scripts);
    let middle = of(&seen, coin_of(&payment, 0, 3));
    assert_eq!(middle.birth, None);
    let spender = middle.spend.expect("it is spent");
    assert_eq!(spender.txid, further.compute_txid());
    let waits = rig.chain().confirmation(payment.compute_txid());
    assert_eq!(waits.expect("it answers"), None);
    let known = rig.chain().transaction(payment.compute_txid());
    assert_eq!(known.expect("it answers").as_ref(), Some(&payment));

    // All of it is confirmed in one block.
    rig.mine(1);
    let height = rig.leader.tip().time.height;
    let seen = rig.outputs(&scripts);
    let spent = of(&seen, first).spend.expect("it is spent");
    assert_eq!(spent.height, Some(height));
    let middle = of(&seen, coin_of(&payment, 0, 3));
    assert_eq!(middle.birth, Some(rig.birth_at(height.0)));
    assert_eq!(middle.spend.expect("spent").height, Some(height));
    assert!(of(&seen, coin_of(&payment, 1, 3)).is_unspent());
    for transaction in [&payment, &further] {
        let txid = transaction.compute_txid();
        let known = rig.chain().transaction(txid).expect("it answers");
        assert_eq!(known.as_ref(), Some(transaction));
        let birth = rig.chain().confirmation(txid).expect("it answers");
        assert_eq!(birth, Some(rig.birth_at(height.0)));
    }

    // What was never there is not there.
    let never = spend(2, &[second], &[(1, open(9))]).compute_txid();
    assert_eq!(rig.chain().transaction(never).expect("it answers"), None);
    assert_eq!(rig.chain().confirmation(never).expect("it answers"), None);
    assert!(!rig.chain().in_mempool(never).expect("it answers"));
    assert!(rig.outputs(&[open(9)]).is_empty());
}

pub fn scripts_can_be_asked_about_late(mut rig: Rig) {
    let early = rig.fund(1, 100_000);
    rig.mine(70);
    let moved = spend(2, &[early], &[(99_000, open(2))]);
    assert_eq!(rig.submit(&moved).0, Ok(()));
    rig.mine(80);
    rig.fund(3, 70_000);
    rig.mine(2);
    let waiting = rig.fund(4, 60_000);
    // One after the other, each for the first time.
    for (number, is_spent) in [(3, false), (1, true), (2, false), (4, false)] {
        let seen = rig.outputs(&[open(number)]);
        assert_eq!(seen.len(), 1, "script {number}");
        assert_eq!(seen[0].spend.is_some(), is_spent, "script {number}");
    }
    let all = [open(1), open(2), open(3), open(4)];
    assert_eq!(rig.outputs(&all).len(), 4);
    assert_eq!(rig.outputs(&all)[3].outpoint, waiting.outpoint);
    // What is remembered is no worse.
    let before = rig.outputs(&all);
    if let Some(memory) = rig.chain().memory() {
        assert!(!memory.is_empty());
    }
    rig.mine(1);
    assert_eq!(rig.outputs(&all).len(), before.len());
}

pub fn reorgs_roll_back(mut rig: Rig) {
    let scripts: Vec<ScriptBuf> = (1..=8).map(open).collect();
    rig.outputs(&scripts);
    for (round, depth) in (0i64..).zip([1u32, 6, 50]) {
        let number = round * 2 + 1;
        let coin = rig.fund(number, 100_000);
        rig.mine(1);
        rig.fund(number + 1, 90_000);
        rig.mine(depth.saturating_sub(2));
        let moved = spend(2, &[coin], &[(99_000, open(8))]);
        assert_eq!(rig.submit(&moved).0, Ok(()));
        rig.mine(1);
        let before = rig.outputs(&scripts);
        let old = rig.birth_at(rig.leader.tip().time.height.0);

        // The tip is lower for a while: what stood above waits, or is gone.
        rig.disconnect(depth);
        let lower = rig.outputs(&scripts);
        let seen = lower
            .iter()
            .find(|seen| seen.outpoint == coin_of(&moved, 0, 8).outpoint);
        assert_eq!(seen.expect("it waits").birth, None);
        let birth = rig.chain().confirmation(moved.compute_txid());
        assert_eq!(birth.expect("it answers"), None);

        // Another branch takes its place, at another pace.
        rig.leader.set_block_spacing(1_234);
        rig.mine(depth + 1);
        rig.leader.set_block_spacing(600);
        let after = rig.outputs(&scripts);
        assert_eq!(after.len(), before.len());
        let birth = rig.chain().confirmation(moved.compute_txid());
        let birth = birth.expect("it answers").expect("it is confirmed again");
        assert_eq!(birth, rig.birth_at(birth.height.0));
        // One block that takes the place of another has the same height and the same past.
        assert_eq!(birth != old, depth > 1, "a new birth");
    }

    // On the new branch a coin goes elsewhere: what depended on its old way is gone.
    let coin = rig.fund(1, 100_000);
    rig.mine(1);
    let one = spend(2, &[coin], &[(99_000, open(2))]);
    let two = spend(2, &[coin], &[(98_000, open(3))]);
    assert_eq!(rig.submit(&one).0, Ok(()));
    rig.mine(1);
    let child = spend(2, &[coin_of(&one, 0, 2)], &[(97_000, open(4))]);
    assert_eq!(rig.submit(&child).0, Ok(()));
    rig.mine(3);
    let count = rig.outputs(&scripts).len();
    rig.leader
        .reorg(longstop::units::Blocks(4), &[])
        .expect("so many were mined");
    rig.leader
        .mine_with(std::slice::from_ref(&two))
        .expect("it is valid");
    rig.leader.mine(4);
    rig.settle();
    let seen = rig.outputs(&scripts);
    assert_eq!(seen.len(), count - 1, "two outputs are gone, one is new");
    let spent = seen.iter().find(|seen| seen.outpoint == coin.outpoint);
    let spent = spent.expect("seen").spend.as_ref().expect("it is spent");
    assert_eq!(spent.txid, two.compute_txid());
    for gone in [&one, &child] {
        let txid = gone.compute_txid();
        assert_eq!(rig.chain().confirmation(txid).expect("it answers"), None);
        assert!(!rig.chain().in_mempool(txid).expect("it answers"));
    }
}

/// What is compared of a verdict: the class and who refuses, not what a node adds to it.
fn class(verdict: &Verdict) -> Result<(), (String, String)> {
    let classed = |refusal: &Refusal| (refusal.class.to_string(), format!("{:?}", refusal.by));
    match verdict {
        Ok(()) => Ok(()),
        Err(refusal) => Err(classed(refusal)),
    }
}

/// A transaction is judged with this class by the backend, as by the leader, asked and sent.
#[track_caller]
fn refused(rig: &mut Rig, transaction: &Transaction, expected: &str) {
    match rig.chain().test_accept(transaction) {
        Ok(verdict) => {
            let ours = rig.leader.test_accept(transaction);
            assert_eq!(class(&verdict), class(&ours), "{verdict:?}");
        }
        Err(BackendError::Unsupported { ability, .. }) => assert_eq!(ability, Ability::TestAccept),
        Err(error) => panic!("{}", error.story()),
    }
    let (theirs, ours) = rig.submit(transaction);
    assert_eq!(class(&theirs), class(&ours), "{theirs:?}");
    let refusal = theirs.expect_err("it is refused");
    assert_eq!(refusal.class, expected);
    let txid = transaction.compute_txid();
    assert!(!rig.chain().in_mempool(txid).expect("it answers"));
}

pub fn refusals_are_classed(mut rig: Rig) {
    let coins: Vec<Coin> = (1..=8).map(|number| rig.fund(number, 100_000)).collect();
    rig.mine(1);
    let pay = |coin: Coin, sat: u64| spend(2, &[coin], &[(sat, open(9))]);

    // Asking changes nothing, and what is good is taken.
    let good = pay(coins[0], 99_000);
    match rig.chain().test_accept(&good) {
        Ok(verdict) => assert_eq!(verdict, Ok(())),
        Err(error) => assert!(matches!(error, BackendError::Unsupported { .. })),
    }
    assert!(
        !rig.chain()
            .in_mempool(good.compute_txid())
            .expect("it answers")
    );
    assert_eq!(rig.submit(&good), (Ok(()), Ok(())));

    let mut early = pay(coins[1], 99_000);
    early.input[0].sequence = Sequence::from_height(3);
    refused(&mut rig, &early, "non-BIP68-final");
    let mut by_time = pay(coins[1], 99_000);
    by_time.input[0].sequence = Sequence::from_512_second_intervals(3);
    refused(&mut rig, &by_time, "non-BIP68-final");
    let mut locked = pay(coins[2], 99_000);
    let next = rig.leader.tip().time.height.0 + 1;
    locked.lock_time = LockTime::from_height(next).expect("a height");
    refused(&mut rig, &locked, "non-final");
    let mut wrong = pay(coins[3], 99_000);
    wrong.input[0].witness = bitcoin::Witness::from_slice(&[open_script(4).as_bytes()]);
    let false_script = bitcoin::script::Builder::new().push_int(0).into_script();
    let mut elsewhere = wrong.clone();
    elsewhere.input[0].witness = bitcoin::Witness::from_slice(&[false_script.as_bytes()]);
    refused(&mut rig, &elsewhere, "mempool-script-verify-flag-failed");
    refused(&mut rig, &pay(coins[4], 100_001), "bad-txns-in-belowout");
    refused(&mut rig, &pay(coins[4], 100_000), "min relay fee not met");
    let nowhere = Coin {
        outpoint: coin_of(&locked, 0, 1).outpoint,
        number: 9,
    };
    refused(
        &mut rig,
        &pay(nowhere, 1_000),
        "bad-txns-inputs-missingorspent",
    );
    let dusty = spend(2, &[coins[5]], &[(99_000, open(9)), (100, open(9))]);
    refused(&mut rig, &dusty, "dust");
    let mut unknown_version = pay(coins[5], 99_000);
    unknown_version.version = bitcoin::transaction::Version(4);
    refused(&mut rig, &unknown_version, "version");
    let empty = Transaction {
        input: Vec::<TxIn>::new(),
        output: vec![TxOut::NULL],
        ..pay(coins[5], 99_000)
    };
    let verdict = rig.chain().submit(&empty).expect("it answers");
    assert!(verdict.is_err(), "without inputs it is nothing");

    // A replacement has to pay for itself.
    let cheap = pay(coins[0], 99_000 - 1);
    refused(&mut rig, &cheap, "insufficient fee");
    // Version 3: one child, and versions do not mix.
    let parent = spend(3, &[coins[6]], &[(50_000, open(6)), (49_000, open(7))]);
    assert_eq!(rig.submit(&parent).0, Ok(()));
    let mixed = spend(2, &[coin_of(&parent, 0, 6)], &[(49_000, open(9))]);
    refused(&mut rig, &mixed, "TRUC-violation");
    let child = spend(3, &[coin_of(&parent, 0, 6)], &[(49_000, open(8))]);
    assert_eq!(rig.submit(&child).0, Ok(()));
    let grandchild = spend(3, &[coin_of(&child, 0, 8)], &[(48_000, open(9))]);
    refused(&mut rig, &grandchild, "TRUC-violation");
    let sibling = spend(3, &[coin_of(&parent, 1, 7)], &[(48_990, open(9))]);
    let class = "insufficient fee (including sibling eviction)";
    refused(&mut rig, &sibling, class);

    // One block later the relative lock is still closed, and two later it is open.
    rig.mine(1);
    refused(&mut rig, &early, "non-BIP68-final");
    refused(&mut rig, &locked_until(&locked, next + 1), "non-final");
    assert_eq!(rig.submit(&locked).0, Ok(()), "its height has come");
    rig.mine(1);
    assert_eq!(
        rig.submit(&early).0,
        Ok(()),
        "three blocks old in the next block"
    );
}

fn locked_until(transaction: &Transaction, height: u32) -> Transaction {
    Transaction {
        lock_time: LockTime::from_height(height).expect("a height"),
        ..transaction.clone()
    }
}

/// The verdict about a package, or that the backend has none because the parent pays too little.
#[track_caller]
fn package(rig: &mut Rig, parent: &Transaction, child: &Transaction) -> Option<Verdict> {
    let (theirs, ours) = rig.submit_package(parent, child);
    match theirs {
        Ok(verdict) => {
            assert_eq!(class(&verdict), class(&ours), "{verdict:?} and {ours:?}");
            Some(verdict)
        }
        Err(BackendError::Unsupported {
            ability: Ability::Packages,
            detail,
            ..
        }) => {
            let detail = detail.expect("it says what was refused");
            assert!(detail.contains("fee not met"), "{detail}");
            None
        }
        Err(error) => panic!("{}", error.story()),
    }
}

pub fn packages_are_judged_together(mut rig: Rig) {
    let coins: Vec<Coin> = (1..=8).map(|number| rig.fund(number, 100_000)).collect();
    rig.mine(1);
    let child_of = |parent: &Transaction, from: Coin, fee: u64| {
        let anchored = coin_of(parent, 1, 0);
        spend(3, &[anchored, from], &[(100_000 + 240 - fee, open(9))])
    };
    // The parent pays nothing, and its child for both.
    let parent = spend(3, &[coins[0]], &[(100_000, open(2)), (0, anchor())]);
    let child = spend(3, &[coin_of(&parent, 1, 0), coins[1]], &[(98_000, open(9))]);
    let taken = package(&mut rig, &parent, &child);
    let is_judged = taken.is_some();
    if is_judged {
        assert_eq!(taken, Some(Ok(())));
        assert!(
            rig.chain()
                .in_mempool(child.compute_txid())
                .expect("it answers")
        );
        // A second time it is there already.
        let again = package(&mut rig, &parent, &child).expect("as before");
        assert!(again.is_ok() || again.is_err_and(|why| why.class.starts_with("txn-already")));
        // Not even both together pay enough.
        let poor = spend(3, &[coins[2]], &[(100_000, open(2)), (0, anchor())]);
        let child = spend(3, &[coin_of(&poor, 1, 0), coins[3]], &[(100_000, open(9))]);
        let verdict = package(&mut rig, &poor, &child).expect("as before");
        assert_eq!(
            verdict.expect_err("too little").class,
            "min relay fee not met"
        );
    }

    // A parent that is good alone needs no judge of packages.
    let parent = spend(3, &[coins[4]], &[(99_000, open(2)), (240, anchor())]);
    let child = child_of(&parent, coins[5], 1_000);
    assert_eq!(package(&mut rig, &parent, &child), Some(Ok(())));
    assert!(
        rig.chain()
            .in_mempool(child.compute_txid())
            .expect("it answers")
    );
    // A better child takes the place of the first, the parent being there.
    let better = child_of(&parent, coins[5], 3_000);
    assert_eq!(package(&mut rig, &parent, &better), Some(Ok(())));
    assert!(
        !rig.chain()
            .in_mempool(child.compute_txid())
            .expect("it answers")
    );

    // A parent that no child can help.
    let nothing = Coin {
        outpoint: coin_of(&better, 7, 1).outpoint,
        number: 1,
    };
    let orphan = spend(3, &[nothing], &[(99_000, open(2)), (240, anchor())]);
    let child = child_of(&orphan, coins[6], 1_000);
    let verdict = package(&mut rig, &orphan, &child);
    let refusal = verdict.expect("not a matter of fees").expect_err("refused");
    assert_eq!(refusal.class, "bad-txns-inputs-missingorspent");
    let mut early = spend(3, &[coins[6]], &[(99_000, open(2)), (240, anchor())]);
    early.input[0].sequence = Sequence::from_height(9);
    let child = child_of(&early, coins[7], 1_000);
    let verdict = package(&mut rig, &early, &child);
    let refusal = verdict.expect("not a matter of fees").expect_err("refused");
    assert_eq!(refusal.class, "non-BIP68-final");
    rig.mine(1);
    rig.outputs(&[open(2), open(9)]);
}

pub fn sending_again_does_no_harm(mut rig: Rig) {
    let coin = rig.fund(1, 100_000);
    rig.mine(1);
    let payment = spend(2, &[coin], &[(99_000, open(2))]);
    assert_eq!(rig.submit(&payment), (Ok(()), Ok(())));
    for _ in 0..2 {
        let verdict = rig.chain().submit(&payment).expect("it answers");
        let said = verdict.map_err(|refusal| refusal.class.to_string());
        assert!(
            said.is_ok() || said == Err("txn-already-in-mempool".to_owned()),
            "{said:?}"
        );
        assert!(
            rig.chain()
                .in_mempool(payment.compute_txid())
                .expect("it answers")
        );
    }
    rig.mine(1);
    let verdict = rig.chain().submit(&payment).expect("it answers");
    let class = verdict.expect_err("it is confirmed").class;
    assert!(
        ["txn-already-known", "bad-txns-inputs-missingorspent"].contains(&&*class),
        "{class}"
    );
    assert_eq!(rig.outputs(&[open(1), open(2)]).len(), 2);
}
