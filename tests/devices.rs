//! The device preflight: what is known, what is not, and what follows.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/vault.rs"]
mod vault;

use std::sync::Arc;

use longstop::compile::{Compiled, LeafKind, Stage, compile};
use longstop::devices::{Answer, Devices, StageDevice};
use longstop::export::{Format, Request, export};
use longstop::policy::check;
use miniscript::descriptor::checksum::desc_checksum;

use self::draft::{Draft, TREASURY};

/// What a device can do with a stage.
#[track_caller]
fn ask(compiled: &Compiled, stage: &Stage, device: &str) -> StageDevice {
    let stages = Devices::known().preflight(compiled);
    let stage = stages
        .into_iter()
        .find(|found| found.stage == *stage)
        .unwrap();
    let mut devices = stage.devices.into_iter();
    devices.find(|found| found.device == device).unwrap()
}

fn signs(device: &StageDevice, leaf: &LeafKind) -> Answer {
    let mut leaves = device.sign.iter();
    leaves
        .find(|found| found.leaf == *leaf)
        .unwrap()
        .finding
        .answer
}

#[test]
fn a_device_without_the_script_type_can_do_nothing() {
    let tr = Draft::new("tr", TREASURY).compiled();
    let wsh = Draft::new("wsh", TREASURY).compiled();
    let jade = ask(&tr, &Stage::Vault, "Jade");
    assert_eq!(jade.register.answer, Answer::No);
    assert!(
        jade.sign
            .iter()
            .all(|leaf| leaf.finding.answer == Answer::No)
    );
    let fact = &jade.register.because[0];
    assert_eq!(fact.what, "miniscript in tr");
    assert!(fact.source.is_some() && fact.read.is_some());
    assert_ne!(ask(&wsh, &Stage::Vault, "Jade").register.answer, Answer::No);
}

#[test]
fn version_three_is_asked_of_whoever_signs_and_of_nobody_who_registers() {
    let wsh = Draft::new("wsh", TREASURY).compiled();
    let bitbox = ask(&wsh, &Stage::Vault, "BitBox02");
    assert_eq!(bitbox.register.answer, Answer::Yes);
    assert_eq!(signs(&bitbox, &LeafKind::Spend), Answer::No);
    let ledger = ask(&wsh, &Stage::Vault, "Ledger");
    assert_eq!(signs(&ledger, &LeafKind::Spend), Answer::Yes);
}

#[test]
fn keys_are_counted_as_each_device_counts_them() {
    // Three of five and two of three, and five veto accounts: in the escrow 5 + 5 + 3 keys stand
    // in 5 + 5 + 5 + 5 + 3 places.
    let wsh = Draft::new("wsh", TREASURY).compiled();
    let escrow = Stage::Escrow("sos".to_owned());
    let stages = Devices::known().preflight(&wsh);
    let stage = stages.iter().find(|stage| stage.stage == escrow).unwrap();
    assert_eq!((stage.keys, stage.key_uses), (13, 23));
    assert_eq!(ask(&wsh, &escrow, "BitBox02").register.answer, Answer::Yes);
    let coldcard = ask(&wsh, &escrow, "Coldcard");
    assert_eq!(coldcard.register.answer, Answer::No);
    assert_eq!(
        coldcard.register.because[0].what,
        "23 uses of keys, where 20 are taken"
    );
    // In a tree its limit is another, and the unspendable key is one more.
    let tr = Draft::new("tr", TREASURY).compiled();
    assert_eq!(ask(&tr, &escrow, "Coldcard").register.answer, Answer::Yes);
}

#[test]
fn beyond_what_somebody_has_seen_it_is_unknown() {
    let holders = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("\"h{number}\"")).collect();
        let terms = format!(
            "[quorums]\nholders = {{ threshold = 2, of = [{}] }}\nheirs = {{ threshold = 1, of = [\"heir\"] }}\n[root]\nquorum = \"holders\"\nrefresh = \"10 days\"\n[[path]]\nname = \"late\"\nquorum = \"heirs\"\ndelay = \"90 days\"\n",
            names.join(", ")
        );
        Draft::new("wsh", &terms).compiled()
    };
    for (keys, answer) in [(14, Answer::Yes), (15, Answer::Yes), (16, Answer::Unknown)] {
        let compiled = holders(keys - 1);
        let ledger = ask(&compiled, &Stage::Vault, "Ledger");
        assert_eq!(ledger.register.answer, answer, "{keys} keys");
    }
}

#[test]
fn every_kind_of_lock_is_asked_for_by_itself() {
    let late = |lock: &str| {
        let terms = format!(
            "[quorums]\nholders = {{ threshold = 1, of = [\"ann\", \"ben\"] }}\nheirs = {{ threshold = 1, of = [\"heir\"] }}\n[root]\nquorum = \"holders\"\nrefresh = \"10 days\"\n[[path]]\nname = \"late\"\nquorum = \"heirs\"\n{lock}\n"
        );
        let compiled = Draft::new("wsh", &terms).compiled();
        let ledger = ask(&compiled, &Stage::Vault, "Ledger");
        let late = ledger
            .sign
            .iter()
            .find(|leaf| leaf.leaf == LeafKind::Direct("late".to_owned()));
        let finding = late.unwrap().finding.clone();
        (finding.answer, finding.because[0].what.clone())
    };
    assert_eq!(late("delay = \"90 days\"").0, Answer::Yes);
    for (lock, what) in [
        (
            "clock = \"time\"\ndelay = \"90 days\"",
            "locks in time since the coin",
        ),
        ("unlock_height = 1000000", "locks by height"),
        ("unlock_at = \"2031-01-01T00:00:00Z\"", "locks by date"),
    ] {
        assert_eq!(late(lock), (Answer::Unknown, what.to_owned()));
    }
}

/// A shipped policy, compiled.
fn shipped(text: &str) -> Arc<Compiled> {
    let policy = check(text).policy.expect("it is sound");
    Arc::new(compile(Arc::new(policy)).expect("it compiles"))
}

/// The policy of a descriptor from elsewhere.
fn imported(body: &str) -> Arc<Compiled> {
    let text = format!("{body}#{}", desc_checksum(body).unwrap());
    let imported = longstop::import::read(&text).unwrap();
    shipped(&imported.document(&longstop::import::Naming::default()))
}

#[test]
fn what_is_no_wallet_policy_is_not_registered() {
    let exported = |compiled: &Compiled, stage: &Stage| {
        let request = Request {
            stage: Some(stage.clone()),
            ..Request::default()
        };
        export(compiled, Format::Bip388, &request).is_ok()
    };
    let cheapest = shipped(include_str!("../policies/foundation/policy.toml"));
    let device = shipped(include_str!("../policies/dao-treasury/policy.toml"));
    for (compiled, vault_is_held) in [(&cheapest, false), (&device, true)] {
        assert_eq!(exported(compiled, &Stage::Vault), vault_is_held);
        for stage in compiled
            .stages()
            .map(longstop::compile::StageDescriptor::stage)
        {
            let held = exported(compiled, stage);
            for name in ["Ledger", "BitBox02", "Coldcard"] {
                let found = ask(compiled, stage, name);
                let why = found
                    .register
                    .because
                    .iter()
                    .find(|fact| fact.what == "branches of keys in two places");
                assert_eq!(why.is_none(), held, "{name}, {stage}");
                if !held {
                    assert_eq!(found.register.answer, Answer::No, "{name}, {stage}");
                    assert!(why.unwrap().source.is_some(), "{name}, {stage}");
                    let leaves = found.sign.iter();
                    assert!({ leaves }.all(|leaf| leaf.finding.answer == Answer::No));
                }
            }
            // Nobody has written down what these do with it, and nothing is concluded from that.
            let other = ask(compiled, stage, "Krux").register.answer;
            assert_eq!(other, Answer::Unknown);
        }
    }
}

#[test]
fn keys_that_no_device_knows_as_its_own_are_not_registered() {
    let account = "tpubDFbmWwCR3XVZ1ZGJqGLDTZaVRFAYEcVxRqGdmxF4ctBbcz5N4th651sSWT5pnrVejnKsyZY8o8jDnVLQeMaPMcQjG8CETsGHjjByRFgubBy/<0;1>/*";
    let other = "[cab04cde/48'/1'/0'/3']tpubDFRHLoYNqnbmb8wzjo8EjmQrY1pFTeGkGYk1Epty748ii82YEn1qYjnbAdGhYRhBcGYLBntJfZAXeXxC6MEj1zebv12DX54p4HC1Yy6DPD9/<0;1>/*";
    let with_origin = format!("[e422e0e5/48'/1'/0'/3']{account}");
    let single = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    for (key, what) in [
        (with_origin.as_str(), None),
        (account, Some("1 key without origin")),
    ] {
        let compiled = imported(&format!("wsh(multi(1,{key},{other}))"));
        for name in ["Ledger", "BitBox02", "Coldcard"] {
            let register = ask(&compiled, &Stage::Vault, name).register;
            let expected = if what.is_none() {
                Answer::Yes
            } else {
                Answer::No
            };
            assert_eq!(register.answer, expected, "{name}, {key}");
            assert_eq!(
                register
                    .because
                    .iter()
                    .any(|fact| Some(fact.what.as_str()) == what),
                what.is_some()
            );
        }
    }
    let compiled = imported(&format!(
        "wsh(multi(1,{single},02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5))"
    ));
    let stages = Devices::known().preflight(&compiled);
    assert_eq!((stages[0].keys, stages[0].key_uses), (2, 2));
    for name in ["Ledger", "BitBox02", "Coldcard"] {
        let register = ask(&compiled, &Stage::Vault, name).register;
        assert_eq!(register.answer, Answer::No, "{name}");
    }
    // The unspendable key in a tree is nobody's, so it needs no origin.
    let tr = Draft::new("tr", TREASURY).compiled();
    assert_eq!(
        ask(&tr, &Stage::Vault, "Ledger").register.answer,
        Answer::Yes
    );
}
