//! Backups: who opens them, what they bring back, and what is noticed.

use longstop::arming::ArmingFile;
use longstop::compile::Stage;
use longstop::identity::{Passphrase, Work};
use longstop::ledger::Memory;
use longstop::signer::SoftwareSigner;
use longstop::wallet::{Backup, BackupError, Entry, GAP, Opener, Recipients, Vault};
use zeroize::Zeroizing;

use crate::kit::{agrees, in_memory};
use crate::vault::{Armed, Draft, TREASURY, World};

fn passphrase(text: &str) -> Passphrase {
    Passphrase::of(Zeroizing::new(text.to_owned()))
}

/// A vault with deposits far beyond what a gap limit alone would find, and one that is armed.
fn furnished() -> (Armed, Vault<Memory>) {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut vault = in_memory(&armed.world);
    vault.sync(&armed.world.chain).expect("it syncs");
    let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
    let armed_entry = Entry::Armed {
        file: Box::new(file),
    };
    vault.remember(armed_entry).expect("it holds");
    for _ in 0..3 * GAP {
        vault.next_address().expect("an address");
    }
    armed.world.pay_to(&Stage::Vault, 3 * GAP, 90_000);
    armed.world.chain.mine(2);
    vault.sync(&armed.world.chain).expect("it syncs");
    assert_eq!(vault.coins().expect("synced").len(), 2);
    (armed, vault)
}

/// The drill: from the file alone, on another machine, every coin, every address and every
/// signature is there again.
#[test]
fn a_backup_brings_everything_back() {
    let (armed, vault) = furnished();
    let ledger = "{\"line\":1}\n{\"line\":2}\n";
    let file = vault.backup(Some(ledger), &Recipients::Parties);
    let file = file.expect("it is written");
    assert!(file.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    let key = armed
        .world
        .compiled
        .policy()
        .party("carol")
        .expect("a party");
    let backup = Backup::open(file.as_bytes(), &Opener::Account(key.key().xpub()));
    let backup = backup.expect("carol opens it");
    assert_eq!(&backup.document, vault.document());
    assert_eq!(backup.ledger.as_deref(), Some(ledger));
    let entries: Vec<Entry> = vault.entries().map(|entry| entry.expect("one")).collect();
    assert_eq!(backup.entries, entries);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("restored");
    let mut restored = Vault::restore(&path, &backup, "a test").expect("it is restored");
    restored.sync(&armed.world.chain).expect("it syncs");
    assert_eq!(
        restored.outputs().expect("synced"),
        vault.outputs().expect("synced")
    );
    assert_eq!(restored.next(), vault.next());
    assert_eq!(restored.armed().expect("they hold").len(), 1);
    agrees(&restored, &armed.world);
    drop(restored);
    // And it is a vault like any other.
    let again = Vault::open(&path, None, "a test").expect("it opens");
    assert_eq!(again.next(), vault.next());
    let taken = Vault::restore(&path, &backup, "a test");
    assert!(taken.is_err(), "nothing is written over");
}

/// Every party opens it with either of its account keys, and a stranger does not; nor does a key
/// that only looks alike.
#[test]
fn parties_open_it_and_strangers_do_not() {
    let (armed, vault) = furnished();
    let file = vault.backup(None, &Recipients::Parties).expect("written");
    let open = |key: &bitcoin::bip32::Xpub| Backup::open(file.as_bytes(), &Opener::Account(key));
    let policy = armed.world.compiled.policy();
    let mut keys = 0;
    for party in policy.parties() {
        for account in std::iter::once(party.key()).chain(party.veto()) {
            open(account.xpub()).expect("a party opens it");
            keys += 1;
        }
    }
    assert!(
        keys > policy.parties().count(),
        "somebody has an account for vetoes"
    );
    let alice = *policy.party("alice").expect("a party").key().xpub();
    // What stands beside the key makes no other key.
    let mut beside = alice;
    beside.depth = 0;
    beside.parent_fingerprint = Default::default();
    open(&beside).expect("it is alice's key");
    let mut other_chain = alice;
    other_chain.chain_code = [7; 32].into();
    let stranger = SoftwareSigner::stand_in(9, "stranger", armed.world.secp());
    let path = "48h/1h/0h/3h".parse().expect("a path");
    let stranger = stranger.account(&path, armed.world.secp());
    for wrong in [other_chain, *stranger.xpub()] {
        assert!(matches!(open(&wrong), Err(BackupError::WrongKey)));
    }
    let words = passphrase("correct horse battery");
    let refused = Backup::open(file.as_bytes(), &Opener::Passphrase(&words));
    assert!(matches!(refused, Err(BackupError::ByParties)));
}

#[test]
fn a_passphrase_opens_it_and_another_does_not() {
    let (armed, vault) = furnished();
    let words = passphrase("correct horse battery");
    let file = vault.backup(None, &Recipients::Passphrase(&words, Work::ForTests));
    let file = file.expect("it is written");
    let backup = Backup::open(file.as_bytes(), &Opener::Passphrase(&words));
    assert!(backup.expect("it opens").ledger.is_none());
    let other = passphrase("correct horse batterx");
    let refused = Backup::open(file.as_bytes(), &Opener::Passphrase(&other));
    assert!(matches!(refused, Err(BackupError::WrongKey)));
    let alice = armed
        .world
        .compiled
        .policy()
        .party("alice")
        .expect("a party");
    let refused = Backup::open(file.as_bytes(), &Opener::Account(alice.key().xpub()));
    assert!(matches!(refused, Err(BackupError::ByPassphrase)));
}

/// Whatever byte of it is changed, and wherever it ends, it is refused.
#[test]
fn a_backup_that_was_changed_or_cut_is_refused() {
    let world: World = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    vault.next_address().expect("an address");
    let file = vault.backup(None, &Recipients::Parties).expect("written");
    let alice = *world
        .compiled
        .policy()
        .party("alice")
        .expect("a party")
        .key()
        .xpub();
    let open = |file: &[u8]| Backup::open(file, &Opener::Account(&alice));
    open(file.as_bytes()).expect("as it was written");
    let length = file.len();
    for at in (0..length).step_by(97).chain([length - 2, length / 2]) {
        let mut changed = file.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(open(&changed).is_err(), "byte {at}");
        assert!(open(&file.as_bytes()[..at]).is_err(), "cut at {at}");
    }
    assert!(matches!(open(b"hello"), Err(BackupError::NotEncrypted)));
}

/// Nothing secret can be in a backup, because nothing secret is in a vault; and whoever reads one
/// of these sees which addresses are in use, so not even these stand in the open.
#[test]
fn nothing_of_it_stands_in_the_open() {
    let (armed, vault) = furnished();
    let file = vault.backup(None, &Recipients::Parties).expect("written");
    let descriptor = armed.world.compiled.vault().text();
    assert!(!file.contains("tpub") && !file.contains(&descriptor[..20]));
    for entry in vault.entries() {
        let text = serde_json::to_string(&entry.expect("one")).expect("JSON");
        assert!(!text.contains("prv"), "{text}");
    }
}

#[test]
fn what_no_backup_holds_is_counted() {
    let world = Draft::new("tr", TREASURY).world();
    let mut vault = in_memory(&world);
    assert_eq!(vault.since_backup(), None);
    vault.next_address().expect("an address");
    let exported = Entry::Exported {
        digest: "00".repeat(32),
        to: vault.backup_parties(),
    };
    vault.remember(exported.clone()).expect("it holds");
    assert_eq!(vault.since_backup(), Some(0));
    vault.next_address().expect("an address");
    assert_eq!(vault.since_backup(), Some(1));
    // The very same once more is one more entry.
    vault.remember(exported).expect("it holds");
    assert_eq!(vault.since_backup(), Some(0));
    assert_eq!(vault.entries().count(), 4);
}
