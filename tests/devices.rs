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
use longstop::devices::{Answer, Devices, Fact, Finding, StageDevice};
use longstop::export::{Content, Format, Request, export};
use longstop::policy::check;
use miniscript::descriptor::checksum::desc_checksum;

use self::draft::{Draft, TREASURY};

/// The devices that register miniscript in P2WSH.
const WITH_MINISCRIPT: [&str; 6] = [
    "Ledger",
    "BitBox02",
    "Coldcard",
    "Specter DIY",
    "Jade",
    "Krux",
];

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

/// What a finding rests on, among the rest.
fn fact<'a>(finding: &'a Finding, what: &str) -> Option<&'a Fact> {
    finding.because.iter().find(|fact| fact.what == what)
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
    let [fact] = &jade.register.because[..] else {
        panic!("nothing else matters: {:?}", jade.register.because);
    };
    assert_eq!(fact.what, "miniscript in tr");
    assert!(fact.source.is_some() && fact.read.is_some());
    let lockup = ask(&wsh, &Stage::Lockup("sos".to_owned()), "Jade");
    assert_eq!(lockup.register.answer, Answer::Yes);
}

#[test]
fn version_three_is_asked_of_whoever_signs_and_of_nobody_who_registers() {
    let wsh = Draft::new("wsh", TREASURY).compiled();
    let bitbox = ask(&wsh, &Stage::Vault, "BitBox02");
    assert_eq!(bitbox.register.answer, Answer::Yes);
    assert_eq!(signs(&bitbox, &LeafKind::Spend), Answer::No);
    for name in ["Ledger", "Coldcard", "Specter DIY", "Krux"] {
        let other = ask(&wsh, &Stage::Vault, name);
        assert_eq!(signs(&other, &LeafKind::Spend), Answer::Yes, "{name}");
    }
    let coldcard = ask(&wsh, &Stage::Vault, "Coldcard");
    let version = fact(&coldcard.sign[0].finding, "transactions of version 3").unwrap();
    assert_eq!(version.since.as_deref(), Some("6.5.0"));
    assert!(fact(&coldcard.register, "transactions of version 3").is_none());
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
        "23 uses of keys (20 at most)"
    );
    let jade = ask(&wsh, &escrow, "Jade");
    assert_eq!(jade.register.answer, Answer::No);
    assert_eq!(
        jade.register.because[0].what,
        "23 uses of keys (15 at most)"
    );
    // These have a parser without a limit.
    for name in ["Specter DIY", "Krux"] {
        let found = ask(&wsh, &escrow, name).register;
        assert_eq!(found.answer, Answer::Yes, "{name}");
        assert!(fact(&found, "13 keys").unwrap().note.is_some(), "{name}");
    }
    // In a tree its limit is another, and the unspendable key is one more.
    let tr = Draft::new("tr", TREASURY).compiled();
    assert_eq!(ask(&tr, &escrow, "Coldcard").register.answer, Answer::Yes);
}

#[test]
fn a_limit_that_is_stated_is_a_limit() {
    let holders = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("\"h{number}\"")).collect();
        let terms = format!(
            "[quorums]\nholders = {{ threshold = 2, of = [{}] }}\nheirs = {{ threshold = 1, of = [\"heir\"] }}\n[root]\nquorum = \"holders\"\nrefresh = \"10 days\"\n[[path]]\nname = \"late\"\nquorum = \"heirs\"\ndelay = \"90 days\"\n",
            names.join(", ")
        );
        Draft::new("wsh", &terms).compiled()
    };
    for (keys, answer) in [(14, Answer::Yes), (15, Answer::Yes), (16, Answer::No)] {
        let compiled = holders(keys - 1);
        for name in ["Ledger", "Jade"] {
            let found = ask(&compiled, &Stage::Vault, name);
            assert_eq!(found.register.answer, answer, "{name}, {keys} keys");
        }
    }
}

#[test]
fn templates_have_a_length_that_a_device_can_refuse() {
    let compiled = shipped(include_str!("../policies/cooperative/policy.toml"));
    let ledger = ask(&compiled, &Stage::Vault, "Ledger").register;
    assert_eq!(ledger.answer, Answer::No);
    let what = "666 characters of the template (512 at most)";
    assert_eq!(ledger.because[0].what, what);
    let escrow = ask(&compiled, &Stage::Escrow("audit".to_owned()), "Ledger").register;
    assert_eq!(escrow.answer, Answer::Yes);
    // It is the template that `export` writes, of a stage that has one.
    for stage in Devices::known().preflight(&compiled) {
        let request = Request {
            stage: Some(stage.stage.clone()),
            ..Request::default()
        };
        let pieces = export(&compiled, Format::Bip388, &request).unwrap();
        let Content::Json(written) = &pieces[0].content else {
            panic!("a wallet policy is JSON");
        };
        let template = written["descriptor_template"].as_str().unwrap();
        assert_eq!(stage.template, Some(template.len()), "{}", stage.stage);
    }
    let cheapest = shipped(include_str!("../policies/foundation/policy.toml"));
    let stages = Devices::known().preflight(&cheapest);
    assert!(stages.iter().all(|stage| stage.template.is_none()));
}

#[test]
fn beyond_what_is_only_documented_it_is_unknown() {
    let cheapest = shipped(include_str!("../policies/foundation/policy.toml"));
    let coldcard = |stage: &Stage| ask(&cheapest, stage, "Coldcard").register;
    let vault = coldcard(&Stage::Vault);
    assert_eq!(vault.answer, Answer::Yes);
    let levels = fact(&vault, "4 levels of the tree").unwrap();
    assert_eq!(levels.answer, Answer::Yes);
    let escrow = coldcard(&Stage::Escrow("sos".to_owned()));
    assert_eq!(escrow.answer, Answer::Unknown);
    let levels = &escrow.because[0];
    assert_eq!(levels.what, "5 levels of the tree (4 at most)");
    assert!(levels.note.is_some());
}

#[test]
fn every_kind_of_lock_is_asked_for_by_itself() {
    let late = |lock: &str, device: &str| {
        let terms = format!(
            "[quorums]\nholders = {{ threshold = 1, of = [\"ann\", \"ben\"] }}\nheirs = {{ threshold = 1, of = [\"heir\"] }}\n[root]\nquorum = \"holders\"\nrefresh = \"10 days\"\n[[path]]\nname = \"late\"\nquorum = \"heirs\"\n{lock}\n"
        );
        let compiled = Draft::new("wsh", &terms).compiled();
        let found = ask(&compiled, &Stage::Vault, device);
        let mut leaves = found.sign.into_iter();
        let late = leaves.find(|leaf| leaf.leaf == LeafKind::Direct("late".to_owned()));
        late.unwrap().finding
    };
    for (lock, what) in [
        ("delay = \"90 days\"", "locks in blocks"),
        (
            "clock = \"time\"\ndelay = \"90 days\"",
            "locks in time since the coin",
        ),
        ("unlock_height = 1000000", "locks by height"),
        ("unlock_at = \"2031-01-01T00:00:00Z\"", "locks by date"),
    ] {
        for name in ["Ledger", "Coldcard", "Specter DIY", "Jade", "Krux"] {
            let finding = late(lock, name);
            assert_eq!(finding.answer, Answer::Yes, "{name}, {what}");
            assert!(fact(&finding, what).unwrap().source.is_some());
        }
        // One that signs no lock times from 500000000 on.
        let expected = if what == "locks by date" {
            Answer::No
        } else {
            Answer::Yes
        };
        let bitbox = late(lock, "BitBox02");
        assert_eq!(fact(&bitbox, what).unwrap().answer, expected, "{what}");
        // Nobody has looked at this, and it makes no difference.
        let trezor = late(lock, "Trezor");
        assert_eq!(trezor.answer, Answer::No, "{what}");
        assert_eq!(fact(&trezor, what).unwrap().answer, Answer::Unknown);
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
            for name in ["Ledger", "BitBox02", "Krux"] {
                let found = ask(compiled, stage, name);
                let why = fact(&found.register, "branches of keys in two places");
                assert_eq!(why.is_none(), held, "{name}, {stage}");
                if !held {
                    assert_eq!(found.register.answer, Answer::No, "{name}, {stage}");
                    assert!(why.unwrap().source.is_some(), "{name}, {stage}");
                    let leaves = found.sign.iter();
                    assert!({ leaves }.all(|leaf| leaf.finding.answer == Answer::No));
                }
            }
            // These take descriptors, in which a key can stand in several leaves.
            for name in ["Coldcard", "Specter DIY"] {
                let found = ask(compiled, stage, name).register;
                let why = fact(&found, "branches of keys in two places");
                assert_eq!(why.is_none(), held, "{name}, {stage}");
                assert!(why.is_none_or(|fact| fact.answer == Answer::Yes));
                assert_ne!(found.answer, Answer::No, "{name}, {stage}");
            }
        }
    }
}

#[test]
fn what_stands_in_several_leaves_is_one_use_of_a_key() {
    let cheapest = shipped(include_str!("../policies/foundation/policy.toml"));
    let stages = Devices::known().preflight(&cheapest);
    assert_eq!((stages[0].keys, stages[0].key_uses), (10, 23));
    let coldcard = ask(&cheapest, &Stage::Vault, "Coldcard").register;
    assert!(fact(&coldcard, "18 uses of keys").is_some());
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
        for name in WITH_MINISCRIPT {
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
    for name in WITH_MINISCRIPT {
        let register = ask(&compiled, &Stage::Vault, name).register;
        assert_eq!(register.answer, Answer::No, "{name}");
    }
    // With an origin it is known whose it is, and who takes it at all is another question.
    let compiled = imported(&format!(
        "wsh(multi(1,[e422e0e5/0]02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5,{other}))"
    ));
    for (name, expected) in [
        ("Ledger", Answer::No),
        ("BitBox02", Answer::No),
        ("Coldcard", Answer::No),
        ("Specter DIY", Answer::Yes),
        ("Jade", Answer::No),
        ("Krux", Answer::Unknown),
    ] {
        let register = ask(&compiled, &Stage::Vault, name).register;
        assert_eq!(register.answer, expected, "{name}");
    }
    // The unspendable key in a tree is nobody's, so it needs no origin.
    let tr = Draft::new("tr", TREASURY).compiled();
    assert_eq!(
        ask(&tr, &Stage::Vault, "Ledger").register.answer,
        Answer::Yes
    );
}
