//! The arming file: read back it is what was written, and nothing in it is believed but
//! signatures.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, Psbt, Transaction, TxIn};
use longstop::arming::{ArmedCoin, ArmingFile, ArmingFileError};
use longstop::compile::{LeafKind, Role, Stage};
use longstop::engine::Signers;
use longstop::transaction::{Coin, VaultCoin};
use serde_json::{Value, json};

use crate::devices::OverEager;
use crate::golden;
use crate::vault::{DEPOSIT, Draft, SCRIPTS, TREASURY, World};

const GUARDED: &str = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob", "carol"] }
operators = { threshold = 1, of = ["olga", "otto"] }
agents = { threshold = 2, of = ["gina", "hal"] }

[root]
quorum = "council"

[[path]]
name = "sos"
purpose = "spend"
quorum = "operators"
escrow = { window = "150 blocks", veto = "council" }

[[path]]
name = "rescue"
quorum = "agents"
unlock_height = 60000
"#;

/// A coin that no chain has seen: the files depend on nothing but the policy and this.
fn coin(world: &World) -> VaultCoin {
    let derived = world.derived(&Stage::Vault, 5);
    let amount = Amount::from_sat(DEPOSIT);
    let source = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn::default()],
        output: vec![bitcoin::TxOut {
            value: amount,
            script_pubkey: derived.script_pubkey().clone(),
        }],
    };
    let outpoint = OutPoint::new(source.compute_txid(), 0);
    let coin = Coin::new(outpoint, amount, derived);
    let coin = coin.with_source(Arc::new(source));
    VaultCoin::try_from(coin).expect("in the vault")
}

fn armed(draft: &Draft) -> (World, ArmedCoin, ArmingFile) {
    let world = draft.world();
    let armed = world.arm(&coin(&world), "sos");
    let file = ArmingFile::new(&armed, &world.compiled).expect("it is written");
    (world, armed, file)
}

fn drafts() -> Vec<(&'static str, Draft)> {
    let deep = "veto = \"vetoers\", depth = 2";
    let depth_two = |script| Draft::new(script, TREASURY).but("veto = \"vetoers\"", deep);
    vec![
        ("tr", Draft::new("tr", TREASURY)),
        ("wsh", Draft::new("wsh", TREASURY)),
        ("tr-depth-2", depth_two("tr")),
        ("wsh-depth-2", depth_two("wsh")),
        ("tr-rungs", Draft::new("tr", TREASURY).with_rungs(&[2, 50])),
        (
            "wsh-rungs",
            Draft::new("wsh", TREASURY).with_rungs(&[2, 50]),
        ),
        ("tr-spend", Draft::new("tr", GUARDED)),
        ("wsh-spend", Draft::new("wsh", GUARDED)),
    ]
}

/// Whoever armed a coin with an older Longstop can still use the file.
#[test]
fn files_are_what_they_always_were() {
    let mut files = BTreeSet::new();
    for (name, draft) in drafts() {
        let (world, armed, file) = armed(&draft);
        let text = serde_json::to_string_pretty(&file).expect("plain data") + "\n";
        golden::check_file("arming", &format!("{name}.json"), &text);
        files.insert(format!("{name}.json"));

        let path = golden::folder("arming").join(format!("{name}.json"));
        let text = std::fs::read_to_string(path).expect("the file");
        let read: ArmingFile = serde_json::from_str(&text).expect("it reads");
        let read = read
            .read(&world.compiled, world.secp())
            .expect("it is ours");
        assert_eq!(read.courses().len(), armed.courses().len());
        assert_eq!(
            read.courses()[0].trigger.txid(),
            armed.courses()[0].trigger.txid()
        );
    }
    golden::check_folder("arming", &files);
}

#[test]
fn a_file_read_back_is_what_was_written_and_works_on_the_chain() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let coin = world.deposit(DEPOSIT);
        world.bury();
        let armed = world.arm(&coin, "sos");
        let file = ArmingFile::new(&armed, &world.compiled).expect("it is written");
        let text = serde_json::to_string(&file).expect("plain data");
        let again: ArmingFile = serde_json::from_str(&text).expect("it reads");
        assert_eq!(again, file);
        let read = again
            .read(&world.compiled, world.secp())
            .expect("it is ours");
        assert_eq!(
            ArmingFile::new(&read, &world.compiled).expect("again"),
            file
        );
        assert_eq!((read.policy(), read.path()), (armed.policy(), "sos"));
        assert_eq!(read.coin().outpoint(), coin.outpoint());

        let trigger = world.finish(&read.courses()[0].trigger, &["gina", "hal"]);
        world.confirm(&trigger);
        let cancel = world.finish(&read.courses()[0].cancels[0], &["erin"]);
        world.accepts(&cancel);
        let escrow = crate::vault::made::<Coin, _, _>(&read.courses()[0].trigger);
        world.mine_to_age(&escrow, 20);
        let settle = read.courses()[0].settles.first().expect("a settle");
        let settle = world.finish(settle, &[]);
        world.confirm(&settle);
    }
}

/// A change of the document, and a word of the reason for which it is refused.
type Change = (&'static str, fn(&mut Value), &'static str);

const CHANGES: [Change; 19] = [
    (
        "another format",
        |f| f["format"] = json!("longstop-arming-2"),
        "format",
    ),
    (
        "another network",
        |f| f["network"] = json!("bitcoin"),
        "network",
    ),
    (
        "another policy",
        |f| f["policy"] = json!("00".repeat(32)),
        "policy",
    ),
    ("no policy", |f| f["policy"] = json!(""), "policy"),
    (
        "another path",
        |f| f["path"] = json!("sus"),
        "no path `sus`",
    ),
    ("a direct path", |f| f["path"] = json!("dead-man"), "direct"),
    (
        "another amount",
        |f| f["coin"]["sats"] = json!(9_999_999),
        "did not make this coin",
    ),
    (
        "a tiny amount",
        |f| {
            f["coin"]["sats"] = json!(1);
            f["coin"].as_object_mut().expect("a table").remove("source");
        },
        "too small",
    ),
    (
        "another amount, of unknown source",
        |f| {
            f["coin"]["sats"] = json!(9_999_999);
            f["coin"].as_object_mut().expect("a table").remove("source");
        },
        "none of this arming",
    ),
    (
        "another index",
        |f| {
            f["coin"]["index"] = json!(6);
            f["coin"].as_object_mut().expect("a table").remove("source");
        },
        "none of this arming",
    ),
    (
        "an index that is none",
        |f| f["coin"]["index"] = json!(0x8000_0000_u32),
        "beyond",
    ),
    (
        "another keychain",
        |f| {
            f["coin"]["keychain"] = json!("change");
            f["coin"].as_object_mut().expect("a table").remove("source");
        },
        "none of this arming",
    ),
    (
        "a source that is none",
        |f| f["coin"]["source"] = json!("00"),
        "coin's transaction",
    ),
    ("no courses", |f| f["courses"] = json!([]), "lacks"),
    (
        "the settle is the cancel",
        |f| f["courses"][0]["settles"][0] = f["courses"][0]["cancels"][0].clone(),
        "lacks",
    ),
    (
        "no settle",
        |f| {
            f["courses"][0]
                .as_object_mut()
                .expect("a table")
                .remove("settles");
        },
        "lacks",
    ),
    (
        "a PSBT that is none",
        |f| f["courses"][0]["trigger"] = json!("cHNidP8="),
        "cannot be read",
    ),
    (
        "nobody has acknowledged",
        |f| f["acknowledged"] = json!([]),
        "lacks",
    ),
    (
        "a stranger has",
        |f| f["acknowledged"] = json!(["mallory"]),
        "mallory",
    ),
];

#[test]
fn whatever_is_not_ours_is_refused() {
    for script in SCRIPTS {
        let (world, _, file) = armed(&Draft::new(script, TREASURY));
        let honest = serde_json::to_value(&file).expect("plain data");
        for (name, change, reason) in CHANGES {
            let mut changed = honest.clone();
            change(&mut changed);
            let changed: ArmingFile = serde_json::from_value(changed).expect("of that form");
            let refused = changed.read(&world.compiled, world.secp()).map(drop);
            let refused = refused.expect_err(name);
            assert!(
                chain_of(&refused).contains(reason),
                "{script} {name}: {refused}"
            );
        }
        let other = Draft::new(script, TREASURY).but("window = \"20", "window = \"21");
        let refused = file.read(&other.compiled(), world.secp()).map(drop);
        assert!(
            matches!(refused, Err(ArmingFileError::Other { what: "policy", .. })),
            "{refused:?}"
        );
    }
}

fn chain_of(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words += &format!(": {cause}");
        source = cause.source();
    }
    words
}

#[test]
fn unknown_missing_and_repeated_fields_are_refused() {
    let (_, _, file) = armed(&Draft::new("tr", TREASURY));
    let honest = serde_json::to_value(&file).expect("plain data");
    for place in ["", "/coin", "/courses/0"] {
        let mut changed = honest.clone();
        let table = changed.pointer_mut(place).expect("a table");
        table["comment"] = json!("hello");
        let error = serde_json::from_value::<ArmingFile>(changed).expect_err(place);
        assert!(
            error.to_string().contains("unknown field `comment`"),
            "{error}"
        );
        let fields = honest.pointer(place).expect("a table").as_object();
        for field in fields.expect("a table").keys() {
            let mut changed = honest.clone();
            let table = changed.pointer_mut(place).expect("a table");
            table.as_object_mut().expect("a table").remove(field);
            let read = serde_json::from_value::<ArmingFile>(changed);
            let optional = ["source", "settles", "trigger"].contains(&field.as_str());
            assert_eq!(read.is_ok(), optional, "{field}");
        }
    }
    let text = honest.to_string();
    let twice = text.replacen('{', "{\"format\":\"longstop-arming-1\",", 1);
    assert!(serde_json::from_str::<ArmingFile>(&twice).is_err());
}

/// Every PSBT of a file, by its place in the document.
fn psbts(file: &ArmingFile) -> Vec<(String, Psbt)> {
    let mut found = Vec::new();
    for (at, course) in file.courses.iter().enumerate() {
        let mut add = |name: &str, text: &String| {
            let psbt = Psbt::from_str(text).expect("a PSBT");
            found.push((format!("/courses/{at}/{name}"), psbt));
        };
        add("trigger", course.trigger.as_ref().expect("it is armed"));
        for (at, cancel) in course.cancels.iter().enumerate() {
            add(&format!("cancels/{at}"), cancel);
        }
        for (at, settle) in course.settles.iter().enumerate() {
            add(&format!("settles/{at}"), settle);
        }
    }
    found
}

fn with_psbt(file: &ArmingFile, place: &str, psbt: &str) -> ArmingFile {
    let mut document = serde_json::to_value(file).expect("plain data");
    *document.pointer_mut(place).expect("a PSBT") = json!(psbt);
    serde_json::from_value(document).expect("of that form")
}

#[test]
fn without_one_of_root_s_signatures_a_file_is_refused() {
    for (name, draft) in drafts() {
        let (world, _, file) = armed(&draft);
        for (place, psbt) in psbts(&file) {
            let fields = &psbt.inputs[0];
            let ecdsa: Vec<_> = fields.partial_sigs.keys().copied().collect();
            let schnorr: Vec<_> = fields.tap_script_sigs.keys().copied().collect();
            assert!(ecdsa.len() + schnorr.len() >= 2, "{name} {place}");
            let fewer = ecdsa.iter().map(|key| {
                let mut fewer = psbt.clone();
                fewer.inputs[0].partial_sigs.remove(key);
                fewer
            });
            let fewer = fewer.chain(schnorr.iter().map(|key| {
                let mut fewer = psbt.clone();
                fewer.inputs[0].tap_script_sigs.remove(key);
                fewer
            }));
            for psbt in fewer {
                let short = with_psbt(&file, &place, &psbt.to_string());
                let refused = short.read(&world.compiled, world.secp()).map(drop);
                assert_eq!(refused, Err(ArmingFileError::Incomplete), "{name} {place}");
            }
        }
    }
}

#[test]
fn a_course_too_many_or_too_few_is_refused() {
    for (name, draft) in drafts() {
        let (world, _, file) = armed(&draft);
        let mut longer = file.clone();
        longer.courses.push(file.courses[0].clone());
        let mut shorter = file.clone();
        shorter.courses.pop();
        for wrong in [longer, shorter] {
            let refused = wrong.read(&world.compiled, world.secp()).map(drop);
            assert_eq!(refused, Err(ArmingFileError::Incomplete), "{name}");
        }
    }
}

/// A flipped bit is found, or was in something that nobody believes: then what is read is the
/// same to the last byte.
#[test]
fn a_flipped_bit_is_found_or_means_nothing() {
    const STEP: usize = 97;
    for script in SCRIPTS {
        let (world, _, file) = armed(&Draft::new(script, TREASURY));
        let mut refusals = 0;
        for (place, psbt) in psbts(&file) {
            let bytes = psbt.serialize();
            for at in (0..bytes.len()).step_by(STEP) {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                let text = bitcoin::base64::Engine::encode(
                    &bitcoin::base64::prelude::BASE64_STANDARD,
                    &flipped,
                );
                let changed = with_psbt(&file, &place, &text);
                match changed.read(&world.compiled, world.secp()) {
                    Err(_) => refusals += 1,
                    Ok(read) => {
                        let again = ArmingFile::new(&read, &world.compiled);
                        assert_eq!(again.as_ref(), Ok(&file), "{place} byte {at}");
                    }
                }
            }
        }
        assert!(refusals > 0, "some of it was believed");
    }
}

/// A file that carries what over-eager devices returned is read without it.
#[test]
fn signatures_that_nobody_asked_for_are_not_kept() {
    for script in SCRIPTS {
        let (world, armed, file) = armed(&Draft::new(script, TREASURY));
        let place = "/courses/0/trigger";
        let (_, honest) = psbts(&file).remove(0);
        let device = OverEager::new(&world.people, armed.coin());
        let mut stuffed = honest.clone();
        for party in ["alice", "bob", "carol", "gina", "hal"] {
            stuffed = device.sign(party, stuffed).expect("it signs");
        }
        let many =
            |psbt: &Psbt| psbt.inputs[0].partial_sigs.len() + psbt.inputs[0].tap_script_sigs.len();
        assert!(many(&stuffed) > many(&honest) + 2);
        let stuffed = with_psbt(&file, place, &stuffed.to_string());
        let read = stuffed
            .read(&world.compiled, world.secp())
            .expect("it is ours");
        assert_eq!(ArmingFile::new(&read, &world.compiled), Ok(file));
        let trigger = &read.courses()[0].trigger;
        assert!(
            !trigger.is_met(Role::Path),
            "the agents sign when they trigger"
        );
        let leaves: Vec<_> = trigger.spends().map(|(_, leaf)| leaf.clone()).collect();
        assert_eq!(leaves, [LeafKind::Trigger("sos".to_owned())]);
    }
}
