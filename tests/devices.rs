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

use longstop::compile::{Compiled, LeafKind, Stage};
use longstop::devices::{Answer, Devices, StageDevice};

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
