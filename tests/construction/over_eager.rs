//! A device that signs with every key it owns in a coin, whatever it was asked for.
//!
//! What it returns beside the signature that was asked for must open nothing, and is taken out.

use bitcoin::Psbt;
use longstop::compile::{KeyUse, LeafKind, Role};
use longstop::engine::Signers;
use longstop::transaction::{Coin, Kind, StageTransaction, State, StripReason, Trigger};

use crate::devices::{OverEager, SPENDING, signature_in, signature_in_any};
use crate::vault::{Armed, BAD_SCRIPT, DEPOSIT, Draft, Fill, SCRIPTS, TREASURY, World, made};

const ROOT: [&str; 3] = ["alice", "bob", "carol"];
const AGENTS: [&str; 2] = ["gina", "hal"];

/// What over-eager devices return when they are asked for one role.
fn over_eager<K: Kind, S: State>(
    world: &World,
    transaction: &StageTransaction<K, S>,
    role: Role,
    by: &[&str],
) -> Vec<Psbt> {
    let (coin, _) = transaction.spends().next().expect("one coin");
    let device = OverEager::new(&world.people, coin);
    let request = transaction.request(role).expect("a request");
    by.iter()
        .map(|party| device.sign(party, request.clone()).expect("it signs"))
        .collect()
}

/// A witness for any leaf out of whatever signatures are in these files.
fn complete_from(psbts: &[Psbt], coin: &Coin, leaf: &LeafKind) -> bitcoin::Transaction {
    let found = coin.derived().leaf(leaf).expect("such a leaf");
    let transaction = &psbts[0].unsigned_tx;
    World::with_witness(transaction, coin, leaf, Fill::Nothing, &|key| {
        signature_in_any(psbts, found, key)
    })
}

/// How many signatures of a leaf are in these files.
fn count(psbts: &[Psbt], coin: &Coin, leaf: &LeafKind, role: Role) -> usize {
    let found = coin.derived().leaf(leaf).expect("such a leaf");
    let keys: Vec<&KeyUse> = found.keys.iter().filter(|key| key.role == role).collect();
    let present = keys
        .iter()
        .filter(|key| signature_in_any(psbts, found, key).is_some());
    present.count()
}

#[test]
fn what_was_not_asked_for_is_stripped_and_reported() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let coin = world.deposit(DEPOSIT);
        let mut trigger = world.builder().trigger(&coin, "sos").expect("it pays");
        let returned = over_eager(&world, &trigger, Role::Arming, &["alice"]).remove(0);
        let received = trigger.receive(Role::Arming, &returned, world.secp());
        let received = received.expect("it is our own");
        assert_eq!(received.accepted, ["alice"]);
        let [stripped] = received.stripped.as_slice() else {
            panic!("one signature too many: {received:?}");
        };
        assert_eq!(stripped.party.as_deref(), Some("alice"));
        assert_eq!(stripped.leaf, Some(LeafKind::Spend));
        assert_eq!(stripped.reason, StripReason::NotRequested);
        assert_eq!(
            stripped.to_string(),
            "signature of alice for the leaf `spend` was not asked for"
        );
        let kept = trigger.to_psbt().expect("a file");
        let kept = [kept];
        assert_eq!(count(&kept, &coin, &LeafKind::Spend, Role::Root), 0);
        let leaf = LeafKind::Trigger("sos".to_owned());
        assert_eq!(count(&kept, &coin, &leaf, Role::Arming), 1);

        let mut polite = world.builder().trigger(&coin, "sos").expect("it pays");
        let received = world.collect(&mut polite, Role::Arming, &["alice"]);
        assert_eq!(received[0].stripped, [], "nothing to take out");
        assert_eq!(polite.to_psbt().expect("a file"), kept[0]);
    }
}

#[test]
fn signatures_of_root_on_a_trigger_open_nothing_without_the_agents() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let coin = world.deposit(DEPOSIT);
        world.bury();
        let trigger = world.builder().trigger(&coin, "sos").expect("it pays");
        let returned = over_eager(&world, &trigger, Role::Arming, &ROOT);
        assert_eq!(count(&returned, &coin, &LeafKind::Spend, Role::Root), 3);
        let stolen = complete_from(&returned, &coin, &LeafKind::Spend);
        world.refuses(&stolen, BAD_SCRIPT);

        // They are good signatures: the same keys, on a transaction that root would make, open
        // the same leaf.  It is the sequence number of triggers that closes it.
        let refresh = world.builder().refresh(&[&coin], 0).expect("it pays");
        let returned = over_eager(&world, &refresh, Role::Root, &ROOT);
        world.accepts(&complete_from(&returned, &coin, &LeafKind::Spend));
        let sequence = |psbt: &Psbt| psbt.unsigned_tx.input[0].sequence.to_consensus_u32();
        assert_eq!(sequence(&returned[0]), 1);
        assert_eq!(
            sequence(&trigger.request(Role::Arming).expect("one")),
            0xffff_fffd
        );
    }
}

#[test]
fn signatures_of_root_on_a_cancel_open_nothing_without_a_veto() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        armed.world.confirm(&trigger);
        let escrow = armed.escrow(0);
        let world = &armed.world;
        let cancel = world.builder().cancel(&escrow).expect("it pays");
        let returned = over_eager(world, &cancel, Role::Arming, &ROOT);
        assert_eq!(
            count(&returned, &escrow, &LeafKind::Override, Role::Root),
            3
        );
        let stolen = complete_from(&returned, &escrow, &LeafKind::Override);
        world.refuses(&stolen, BAD_SCRIPT);
        // The settle leaf is root's arming keys too, but waits for the window.
        assert_eq!(
            count(&returned, &escrow, &LeafKind::Settle, Role::Arming),
            3
        );
        let stolen = complete_from(&returned, &escrow, &LeafKind::Settle);
        world.refuses(&stolen, BAD_SCRIPT);
    }
}

#[test]
fn signatures_of_root_on_a_settle_are_worth_an_override_or_less() {
    // A settle carries the window as its sequence number, which satisfies `older(1)` too.  What
    // the stray signatures open is the same settle, and not a block before the window is over.
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        armed.world.confirm(&trigger);
        let escrow = armed.escrow(0);
        let settle = armed.world.builder().settle(&escrow).expect("it pays");
        let returned = over_eager(&armed.world, &settle, Role::Arming, &ROOT);
        let stray = complete_from(&returned, &escrow, &LeafKind::Override);
        assert_eq!(stray.compute_txid(), settle.txid());
        armed.world.mine_to_age(&escrow, 19);
        armed.world.refuses(&stray, crate::vault::TOO_EARLY);
        armed.world.mine_to_age(&escrow, 20);
        armed.world.accepts(&stray);
        // Stray signatures of root for the cancel leaf lack the veto still, or its account does.
        let cancel = complete_from(&returned, &escrow, &LeafKind::Cancel);
        let vetoes = count(&returned, &escrow, &LeafKind::Cancel, Role::Veto);
        assert_eq!(
            vetoes, 3,
            "a device with the master key owns the veto account as well"
        );
        assert_eq!(
            cancel.output,
            settle.to_psbt().expect("one").unsigned_tx.output
        );
    }
}

/// Root's devices return their veto signatures beside those they were asked for, and the cancel
/// is complete before anybody has objected.
fn stray_vetoes(draft: &Draft, account: Option<&str>) -> (World, Coin, Vec<Psbt>) {
    let mut armed = Armed::new(draft);
    let trigger = armed.trigger(0, &AGENTS);
    armed.world.confirm(&trigger);
    let escrow = armed.escrow(0);
    let cancel = armed.world.builder().cancel(&escrow).expect("it pays");
    let mut device = OverEager::new(&armed.world.people, &escrow);
    if let Some(account) = account {
        device = device.holding(account);
    }
    let request = cancel.request(Role::Arming).expect("a request");
    let returned: Vec<Psbt> = ROOT
        .iter()
        .map(|party| device.sign(party, request.clone()).expect("it signs"))
        .collect();
    let mut received = cancel;
    for psbt in &returned {
        let outcome = received.receive(Role::Arming, psbt, armed.world.secp());
        let outcome = outcome.expect("it is our own");
        assert_eq!(outcome.accepted.len(), 1);
        let vetoes = outcome.stripped.iter().filter(|stripped| {
            stripped.leaf == Some(LeafKind::Cancel) && stripped.reason == StripReason::NotRequested
        });
        let expected = count(
            std::slice::from_ref(psbt),
            &escrow,
            &LeafKind::Cancel,
            Role::Veto,
        );
        assert_eq!(
            vetoes.count(),
            expected,
            "what there is of vetoes is reported"
        );
    }
    let signed = received.into_signed().expect("root has signed");
    assert!(
        signed.finalize().is_err(),
        "what we keep is no complete cancel"
    );
    (armed.world, (*escrow).clone(), returned)
}

#[test]
fn a_device_of_root_and_veto_in_one_account_completes_the_cancel() {
    // This is why there are veto accounts.  Taking the signature out keeps it from honest files;
    // whoever has the raw ones has a cancel.
    for script in SCRIPTS {
        let draft = Draft::new(script, TREASURY).without_veto_accounts();
        let (world, escrow, returned) = stray_vetoes(&draft, None);
        assert_eq!(count(&returned, &escrow, &LeafKind::Cancel, Role::Veto), 3);
        world.accepts(&complete_from(&returned, &escrow, &LeafKind::Cancel));
    }
}

#[test]
fn a_device_that_lacks_the_veto_account_cannot() {
    for script in SCRIPTS {
        let draft = Draft::new(script, TREASURY);
        let (world, escrow, returned) = stray_vetoes(&draft, Some(SPENDING));
        assert_eq!(
            count(&returned, &escrow, &LeafKind::Cancel, Role::Arming),
            3
        );
        assert_eq!(count(&returned, &escrow, &LeafKind::Cancel, Role::Veto), 0);
        let tried = complete_from(&returned, &escrow, &LeafKind::Cancel);
        world.refuses(&tried, BAD_SCRIPT);
    }
}

#[test]
fn a_party_of_root_and_agents_gives_its_trigger_signature_away_as_well() {
    // There is a lint for this.  What we keep is safe; the raw files are a complete trigger.
    let mixed = "[quorums]\nmixed = { threshold = 2, of = [\"alice\", \"bob\", \"ivan\"] }";
    for script in SCRIPTS {
        let draft = Draft::new(script, TREASURY).but("[quorums]", mixed).but(
            "\"sos\"\nquorum = \"agents\"",
            "\"sos\"\nquorum = \"mixed\"",
        );
        let mut world = draft.world();
        let coin = world.deposit(DEPOSIT);
        let mut trigger = world.builder().trigger(&coin, "sos").expect("it pays");
        let returned = over_eager(&world, &trigger, Role::Arming, &ROOT);
        let leaf = LeafKind::Trigger("sos".to_owned());
        assert_eq!(count(&returned, &coin, &leaf, Role::Path), 2);
        world.accepts(&complete_from(&returned, &coin, &leaf));
        for psbt in &returned {
            trigger
                .receive(Role::Arming, psbt, world.secp())
                .expect("ours");
        }
        assert!(trigger.is_met(Role::Arming));
        assert!(!trigger.is_met(Role::Path));
        let kept = [trigger.to_psbt().expect("a file")];
        world.refuses(&complete_from(&kept, &coin, &leaf), BAD_SCRIPT);
    }
}

const SINGLE: &str = r#"
[quorums]
office = { threshold = 1, of = ["alice"] }
agents = { threshold = 2, of = ["gina", "hal"] }

[root]
quorum = "office"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "20 blocks", veto = "agents", backstop = "40 blocks" }
lockup = { period = "30 blocks" }
"#;

fn trigger_of_single(script: &'static str) -> (World, Coin, Trigger, Psbt) {
    let terms =
        format!("{SINGLE}\n[[path]]\nname = \"late\"\nquorum = \"agents\"\nunlock_height = 9000\n");
    let mut world = Draft::new(script, &terms).world();
    let coin = world.deposit(DEPOSIT);
    world.bury();
    let trigger = world.builder().trigger(&coin, "sos").expect("it pays");
    let returned = over_eager(&world, &trigger, Role::Arming, &["alice"]).remove(0);
    (world, (*coin).clone(), trigger, returned)
}

#[test]
fn on_the_key_path_stripping_is_the_only_defence() {
    // The key path carries no lock.  A root of one key that signs with all its keys gives the
    // trigger away, without the agents: the raw file would be accepted.
    let (world, coin, mut trigger, returned) = trigger_of_single("tr");
    let found = coin.derived().leaf(&LeafKind::Spend).expect("the key path");
    assert!(found.leaf.is_key_path());
    assert!(signature_in(&returned, found, &found.keys[0]).is_some());
    let stolen = complete_from(std::slice::from_ref(&returned), &coin, &LeafKind::Spend);
    world.accepts(&stolen);

    let received = trigger.receive(Role::Arming, &returned, world.secp());
    let received = received.expect("it is our own");
    assert_eq!(received.stripped.len(), 1);
    assert_eq!(received.stripped[0].leaf, Some(LeafKind::Spend));
    let kept = trigger.to_psbt().expect("a file");
    assert_eq!(
        kept.inputs[0].tap_key_sig, None,
        "nobody else gets to see it"
    );
}

#[test]
fn a_single_key_in_p2wsh_has_the_lock_and_needs_no_defence() {
    let (world, coin, _, returned) = trigger_of_single("wsh");
    let stolen = complete_from(std::slice::from_ref(&returned), &coin, &LeafKind::Spend);
    world.refuses(&stolen, BAD_SCRIPT);
}

#[test]
fn a_device_given_just_the_request_returns_no_more() {
    // A request names the keys of one role in one leaf, so a device that goes by it cannot do more.
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let coin = world.deposit(DEPOSIT);
        let trigger = world.builder().trigger(&coin, "sos").expect("it pays");
        let escrow: longstop::transaction::EscrowCoin = made(&trigger);
        let cancel = world.builder().cancel(&escrow).expect("it pays");
        let requests = [
            (trigger.request(Role::Arming), 5),
            (trigger.request(Role::Path), 3),
            (cancel.request(Role::Arming), 5),
            (cancel.request(Role::Veto), 5),
        ];
        for (request, keys) in requests {
            let request = request.expect("a request");
            let fields = &request.inputs[0];
            let named = fields.bip32_derivation.len() + fields.tap_key_origins.len();
            assert_eq!(named, keys);
            assert_eq!(fields.tap_scripts.len(), usize::from(script == "tr"));
            let signed = world.people.sign("alice", request).expect("it signs");
            let fields = &signed.inputs[0];
            let signatures = fields.partial_sigs.len() + fields.tap_script_sigs.len();
            assert_eq!(signatures, usize::from(keys == 5));
            assert_eq!(fields.tap_key_sig, None);
        }
    }
}
