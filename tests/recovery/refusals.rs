//! What is refused before anybody is asked to sign.

use longstop::compile::Role;
use longstop::engine::Action;
use longstop::recovery::Phase;
use longstop::recovery::points::Undisturbed;

use super::kit::{AGENTS, Bench, class, destination};
use crate::vault::{Draft, TREASURY};

#[test]
fn nothing_is_written_or_signed_for_what_is_refused() {
    let mut bench = Bench::unarmed("tr");
    let before = bench.entries().len();
    let refused = [
        (bench.trigger(), "not-armed"),
        (
            Action::Recover {
                coin: bench.coin,
                path: "dead-man".to_owned(),
                to: destination(),
            },
            "not-due",
        ),
        (Action::Clawback { coin: bench.coin }, "wrong-stage"),
        (
            Action::Cancel {
                coin: bitcoin::OutPoint::null(),
            },
            "unknown-coin",
        ),
    ];
    for (action, why) in refused {
        assert_eq!(class(bench.act(&action, &AGENTS)), why);
    }
    assert_eq!(bench.signers.asked.get(), 0);
    // The first sync has found the deposit, and that is all.
    let entries = bench.entries();
    let new = entries[before..]
        .iter()
        .filter(|entry| !matches!(entry, longstop::wallet::Entry::Revealed { .. }));
    assert_eq!(new.count(), 0);
}

#[test]
fn without_words_no_path_with_terms_is_triggered() {
    let terms = "\n[path.activation]\nany = [{ manual = \"agents\" }]\n";
    let staged = "lockup = { period = \"30 blocks\" }\n";
    let draft = Draft::new("tr", TREASURY).but(staged, &format!("{staged}{terms}"));
    let mut bench = Bench::of(&draft);
    assert_eq!(class(bench.act(&bench.trigger(), &AGENTS)), "not-activated");
    assert_eq!(bench.signers.asked.get(), 0);
}

#[test]
fn without_a_confirmed_fee_coin_nothing_signed_in_advance_is_sent() {
    let mut bench = Bench::new("tr");
    for (who, why) in [(None, "no-broadcaster"), (Some("ivan"), "no-fee-coin")] {
        bench.broadcaster = who;
        assert_eq!(class(bench.act(&bench.trigger(), &AGENTS)), why);
    }
    // A coin that no block holds is no reserve: a version 3 child may have one unconfirmed parent.
    bench.broadcaster = Some("ivan");
    let engine = bench.vault.engine(bench.chain.clone()).expect("an engine");
    let script = engine.fee_script("ivan", longstop::compile::Keychain::Receive);
    let amount = bitcoin::Amount::from_sat(100_000);
    let funded = bench
        .chain
        .chain
        .borrow_mut()
        .fund(script.expect("a wallet"), amount);
    funded.expect("it pays");
    assert_eq!(class(bench.act(&bench.trigger(), &AGENTS)), "no-fee-coin");
    bench.mine(1);
    let done = bench.act(&bench.trigger(), &AGENTS).expect("now it is");
    assert_eq!(done.phase, Phase::Seen);
}

/// What is under way is joined, and what would race it is told of it.
#[test]
fn a_second_trigger_of_the_same_coin_joins_the_first() {
    let mut bench = Bench::new("tr");
    let first = bench.act(&bench.trigger(), &["gina"]).expect("begun");
    assert_eq!(first.phase, Phase::Collecting);
    assert_eq!(first.wanted[0].role, Role::Path);
    bench.reboot();
    let asked = bench.signers.asked.get();
    let second = bench.act(&bench.trigger(), &AGENTS).expect("it joins");
    assert_eq!((second.txid, &second.phase), (first.txid, &Phase::Seen));
    assert_eq!(bench.signers.asked.get(), asked + 1, "hal alone is asked");
    let third = bench.act(&bench.trigger(), &AGENTS).expect("it joins");
    assert_eq!((third.txid, &third.phase), (first.txid, &Phase::Seen));
    assert_eq!(bench.signers.asked.get(), asked + 1);
    let intended = bench.entries().into_iter();
    let intended =
        intended.filter(|entry| matches!(entry, longstop::wallet::Entry::Intended { .. }));
    assert_eq!(intended.count(), 1);
}

#[test]
fn another_destination_is_no_second_release() {
    let mut bench = Bench::new("tr");
    let lockup = bench.settled();
    bench.mine(30);
    let to = |script| Action::Release {
        coin: lockup,
        to: script,
    };
    let first = bench.act(&to(destination()), &["gina"]).expect("begun");
    let elsewhere = bitcoin::ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_raw_hash(
        bitcoin::hashes::Hash::from_byte_array([9; 32]),
    ));
    let other = to(elsewhere);
    assert_eq!(class(bench.act(&other, &AGENTS)), "under-way");
    let mut run = bench.open(&Undisturbed).expect("it opens");
    run.give_up(first.txid).expect("given up");
    drop(run);
    bench.reboot();
    let second = bench.act(&other, &AGENTS).expect("it is free now");
    assert_eq!(second.phase, Phase::Seen);
    let all = bench.resume(&AGENTS).expect("it goes on");
    let first = all
        .iter()
        .find(|one| one.txid == first.txid)
        .expect("known");
    assert!(!first.phase.is_over() || first.phase == Phase::Abandoned);
    assert!(!bench.in_mempool(first.txid));
}

/// A destination of the policy's own would never leave it.
#[test]
fn a_release_to_the_policy_itself_is_refused() {
    let mut bench = Bench::new("tr");
    let lockup = bench.settled();
    bench.mine(30);
    let own = bench.vault.next_address().expect("an address");
    let release = Action::Release {
        coin: lockup,
        to: own.address.script_pubkey(),
    };
    assert_eq!(class(bench.act(&release, &AGENTS)), "own-destination");
}

/// Files out and back: each signature is verified, and what nobody asked for is not taken.
#[test]
fn a_ceremony_by_files_comes_to_the_same() {
    let mut bench = Bench::new("wsh");
    bench.feerate = bitcoin::FeeRate::from_sat_per_vb(20);
    let trigger = bench.trigger();
    let people = bench.signers.people.clone();
    let nobody = Nobody;
    let mut run = bench.open(&Undisturbed).expect("it opens");
    let plan = run.plan(&trigger).expect("a plan");
    let txid = run.begin(plan).expect("begun");
    run.approve(txid).expect("approved");
    let waits = run.advance(txid, &[], &nobody).expect("it waits");
    assert_eq!(waits.phase, Phase::Intended);
    let file = run.request(txid).expect("a file");
    // Root's device has nothing to sign here.
    let alice = longstop::engine::Signers::sign(&*people, "alice", file.clone()).expect("a file");
    assert!(run.receive(&alice).expect("it is ours").accepted.is_empty());
    for party in AGENTS {
        let signed =
            longstop::engine::Signers::sign(&*people, party, file.clone()).expect("signed");
        let received = run.receive(&signed).expect("it is ours");
        assert_eq!(received.accepted, [party]);
    }
    let waits = run.advance(txid, &[], &nobody).expect("it is sent");
    assert_eq!(waits.phase, Phase::Seen);
    let (party, child) = waits.wanted_child.expect("its child is to be signed");
    assert_eq!(party, "gina");
    let signed = longstop::engine::Signers::sign(&*people, &party, child).expect("signed");
    assert_eq!(run.receive(&signed).expect("it is ours").accepted, ["gina"]);
    let done = run.advance(txid, &[], &nobody).expect("with its child");
    assert!(done.wanted_child.is_none());
    let child = run.operation(txid).expect("known").children[0].txid;
    drop(run);
    assert!(bench.in_mempool(child));
}

struct Nobody;

impl longstop::engine::Signers for Nobody {
    fn sign(&self, _: &str, _: bitcoin::Psbt) -> Option<bitcoin::Psbt> {
        None
    }
}
