//! The formats of a vault, frozen: its document, every kind of entry of its journal, and backups.
//!
//! A journal that was written when these files were committed is read by today's program, and a
//! backup that was made then is opened.  After a change that is meant,
//! `UPDATE_VECTORS=1 cargo test --test wallet golden` writes them anew.

use std::collections::BTreeSet;
use std::fs;

use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Amount, OutPoint, Txid};
use longstop::arming::ArmingFile;
use longstop::compile::{Keychain, Role};
use longstop::engine::{Action, Payment, Signers};
use longstop::identity::{Passphrase, Work};
use longstop::ledger::{Memory, Record, Store};
use longstop::units::BlockHeight;
use longstop::wallet::{Backup, Document, Entry, Opener, Recipients, Vault};
use zeroize::Zeroizing;

use crate::golden;
use crate::vault::{Armed, Draft, TREASURY, anywhere};

const FOLDER: &str = "vault";

/// The passphrase of the backup that is committed, which keeps nothing from anybody.
const PASSPHRASE: &str = "a long stop behind the keeper";

/// What the ledger in the backups holds.
const LEDGER: &str = "{\"line\":1}\n{\"line\":2}\n";

fn passphrase() -> Passphrase {
    Passphrase::of(Zeroizing::new(PASSPHRASE.to_owned()))
}

fn is_updated() -> bool {
    std::env::var_os("UPDATE_VECTORS").is_some()
}

/// One entry of each kind at the least, and an intention to do each thing there is.
fn entries(armed: &Armed) -> Vec<Entry> {
    let Armed { world, coin, files } = armed;
    let course = &files.courses()[0];
    let (txid, escrow) = (course.trigger.txid(), armed.escrow(0).outpoint());
    let coin = coin.outpoint();
    let file = ArmingFile::new(files, &world.compiled).expect("a file");
    let mut arming = world.plan(&armed.coin, "sos");
    world.root_signs(&mut arming);
    let protected = ArmingFile::of(&arming, &world.compiled).expect("a file");
    let request = course.cancels[0].request(Role::Veto).expect("a request");
    let veto = world.people.sign("alice", request).expect("she signs");
    let request = course.trigger.request(Role::Path).expect("a request");
    let signed = world.people.sign("gina", request).expect("she signs");
    let complete = armed.trigger(0, &["gina", "hal"]);
    let fee_coin = OutPoint::new(Txid::from_byte_array([3; 32]), 1);
    let path = "sos".to_owned();
    let payees = vec![Payment {
        script_pubkey: anywhere(),
        amount: Amount::from_sat(250_000),
    }];
    let to = anywhere();
    let mut entries = vec![
        Entry::Revealed {
            keychain: Keychain::Receive,
            index: 4,
        },
        Entry::Confirmed {
            keychain: Keychain::Receive,
            index: 4,
            party: "alice".to_owned(),
        },
        Entry::Protected {
            file: Box::new(protected),
        },
        Entry::Acknowledged {
            coin,
            path: path.clone(),
            party: "gina".to_owned(),
        },
        Entry::Armed {
            file: Box::new(file),
        },
        Entry::Veto {
            escrow,
            psbt: veto.to_string(),
        },
    ];
    let actions = [
        Action::Trigger {
            coin,
            path: path.clone(),
        },
        Action::Cancel { coin: escrow },
        Action::Settle { coin: escrow },
        Action::SettleTo {
            coin: escrow,
            payees: payees.clone(),
        },
        Action::Release {
            coin: escrow,
            to: to.clone(),
        },
        Action::Clawback { coin: escrow },
        Action::Override { coin: escrow },
        Action::Refresh {
            coins: vec![coin, fee_coin],
        },
        Action::Spend {
            coins: vec![coin],
            payees,
        },
        Action::Recover {
            coin,
            path: "dead-man".to_owned(),
            to: to.clone(),
        },
        Action::Backstop { coin: escrow, to },
    ];
    entries.extend((0u8..).zip(actions).map(|(number, action)| {
        let is_trigger = matches!(action, Action::Trigger { .. });
        Entry::Intended {
            txid: match is_trigger {
                true => txid,
                false => Txid::from_byte_array([number; 32]),
            },
            action: Box::new(action),
            feerate: 500,
            change: u32::from(number),
            case: is_trigger.then(|| "5f".repeat(32)),
        }
    }));
    let hex = bitcoin::consensus::encode::serialize_hex(&complete);
    entries.extend([
        Entry::Approved { txid },
        Entry::Signed {
            txid,
            psbt: signed.to_string(),
        },
        Entry::Prepared {
            what: "trigger".to_owned(),
            txid,
            text: hex,
        },
        Entry::Reserved {
            coin: fee_coin,
            parent: txid,
            until: BlockHeight(1_200),
        },
        Entry::Child {
            parent: txid,
            coin: fee_coin,
            feerate: 5_000,
            party: "gina".to_owned(),
            psbt: signed.to_string(),
        },
        Entry::Broadcast {
            txid,
            child: Some(Txid::from_byte_array([9; 32])),
        },
        Entry::Refused {
            txid,
            class: "min relay fee not met".to_owned(),
        },
        Entry::Freed { coin: fee_coin },
        Entry::Closed {
            txid,
            why: "buried".to_owned(),
        },
        Entry::Exported {
            digest: "0a".repeat(32),
            to: BTreeSet::from(["alice".to_owned(), "bob".to_owned()]),
        },
        Entry::Drilled {
            digest: "0a".repeat(32),
            coins: 7,
        },
    ]);
    entries
}

/// The kinds of entries, as whoever reads one knows them.
fn kinds() -> BTreeSet<String> {
    let error = serde_json::from_str::<Entry>("{\"entry\":\"none of them\"}");
    let error = error.expect_err("there is no such kind").to_string();
    let known = error.split_once("expected one of").expect("a list").1;
    let words = known.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

fn furnished() -> (Armed, Vault<Memory>, Vec<Entry>) {
    let armed = Armed::new(&Draft::new("tr", TREASURY));
    let document = Document::new(&armed.world.compiled, BlockHeight(100));
    let mut vault = Vault::over(Memory::new(document.to_bytes())).expect("a vault");
    let entries = entries(&armed);
    vault.remember_all(entries.clone()).expect("they hold");
    (armed, vault, entries)
}

fn lines(vault: &Vault<Memory>) -> String {
    let records = vault.store().records(0);
    let lines = records.map(|record| {
        let text = String::from_utf8(record.expect("it is read").bytes);
        text.expect("JSON") + "\n"
    });
    lines.collect()
}

/// The document and the journal are written just as they were, and what was written is read.
#[test]
fn documents_and_entries_are_what_they_always_were() {
    let (armed, vault, entries) = furnished();
    let document = vault.document().to_bytes();
    let document = String::from_utf8(document).expect("JSON");
    golden::check_file(FOLDER, "vault.json", &document);
    golden::check_file(FOLDER, "journal.jsonl", &lines(&vault));
    let files = ["vault.json", "journal.jsonl", BY_PASSPHRASE, BY_PARTIES];
    // The first run that writes them has not all of them yet.
    if !is_updated() {
        golden::check_folder(FOLDER, &files.map(str::to_owned).into());
    }
    let folder = golden::folder(FOLDER);
    let committed = fs::read(folder.join("vault.json")).expect("it is there");
    let mut store = Memory::new(committed);
    let journal = fs::read_to_string(folder.join("journal.jsonl")).expect("it is there");
    let mut found = BTreeSet::new();
    for line in journal.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        found.insert(value["entry"].as_str().expect("a word").to_owned());
        let bytes = line.as_bytes().to_vec();
        let id = sha256::Hash::hash(&bytes).to_byte_array();
        store.append(&[Record { id, bytes }]).expect("in memory");
    }
    assert_eq!(found, kinds(), "one of each kind, and no other");
    let read = Vault::over(store).expect("it is read");
    let again: Vec<Entry> = read.entries().map(|entry| entry.expect("one")).collect();
    assert_eq!(again, entries);
    let files = read.armed().expect("every signature holds");
    assert_eq!(files.len(), 1);
    assert!(
        files[0].courses()[0].cancels[0].is_met(Role::Veto),
        "by alice"
    );
    assert_eq!(files[0].coin().outpoint(), armed.coin.outpoint());
    assert_eq!(read.next(), [5, 0]);
}

const BY_PASSPHRASE: &str = "backup-passphrase.age";
const BY_PARTIES: &str = "backup-parties.age";

/// A backup that was made long ago is opened, by its passphrase or by a key of any party, and holds
/// what was put into it.
#[test]
fn backups_of_long_ago_are_opened() {
    let (armed, vault, entries) = furnished();
    let folder = golden::folder(FOLDER);
    if is_updated() {
        let secret = passphrase();
        let to = Recipients::Passphrase(&secret, Work::ForTests);
        let text = vault.backup(Some(LEDGER), &to).expect("it is made");
        fs::write(folder.join(BY_PASSPHRASE), text).expect("the folder is there");
        let text = vault.backup(Some(LEDGER), &Recipients::Parties);
        let text = text.expect("it is made");
        fs::write(folder.join(BY_PARTIES), text).expect("the folder is there");
    }
    let open = |name: &str, opener: &Opener<'_>| {
        let file = fs::read(folder.join(name)).expect("it is there");
        Backup::open(&file, opener).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let holds = |backup: &Backup| {
        assert_eq!(&backup.document, vault.document());
        assert_eq!(backup.entries, entries);
        assert_eq!(backup.ledger.as_deref(), Some(LEDGER));
    };
    holds(&open(BY_PASSPHRASE, &Opener::Passphrase(&passphrase())));
    let mut opened = 0;
    for party in armed.world.compiled.policy().parties() {
        for account in std::iter::once(party.key()).chain(party.veto()) {
            holds(&open(BY_PARTIES, &Opener::Account(account.xpub())));
            opened += 1;
        }
    }
    assert!(opened > 8, "{opened}");
    let wrong = Passphrase::of(Zeroizing::new("another".to_owned()));
    let file = fs::read(folder.join(BY_PASSPHRASE)).expect("it is there");
    assert!(Backup::open(&file, &Opener::Passphrase(&wrong)).is_err());
}
