//! The directory of a vault: made once, opened by one, and never taken for another.

use std::fs;
use std::path::Path;

use longstop::compile::{Keychain, Stage};
use longstop::ledger::{Pin, StoreError};
use longstop::units::BlockHeight;
use longstop::wallet::{DocumentError, Entry, Vault, VaultError};

use crate::kit::agrees;
use crate::vault::{Draft, TREASURY, World};

const HOLDER: &str = "a test";

fn create(world: &World, path: &Path) -> Vault {
    let compiled = std::sync::Arc::clone(&world.compiled);
    Vault::create(path, compiled, BlockHeight(7), HOLDER).expect("it is made")
}

fn open(path: &Path, pin: Option<&Pin>) -> Result<Vault, VaultError> {
    Vault::open(path, pin, HOLDER)
}

#[test]
fn what_was_remembered_is_there_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = create(&world, &path);
    assert_eq!(vault.document().birth, BlockHeight(7));
    let first = vault.next_address().expect("an address").address;
    let second = vault.next_address().expect("an address").address;
    assert_ne!(first, second);
    world.pay_to(&Stage::Vault, 1, 70_000);
    world.chain.mine(2);
    vault.sync(&world.chain).expect("it syncs");
    let outputs = vault.outputs().expect("synced");
    let tip = vault.tip();
    vault.close().expect("it closes");
    let mut vault = open(&path, None).expect("it opens");
    assert_eq!(vault.next(), [2, 0]);
    // No chain is asked for what was read of it.
    assert_eq!(vault.tip(), tip);
    assert_eq!(vault.outputs().expect("synced"), outputs);
    let third = vault.next_address().expect("an address").address;
    assert!(third != first && third != second);
    world.chain.mine(1);
    let synced = vault.sync(&world.chain).expect("it syncs");
    assert!(synced.found.is_empty() && synced.rolled_back.is_none());
    agrees(&vault, &world);
}

/// Deleting the index loses nothing: the wallets are made anew from the journal and the chain.
#[test]
fn working_state_can_be_lost_at_any_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let mut world = Draft::new("wsh", TREASURY).world();
    let mut vault = create(&world, &path);
    for _ in 0..25 {
        vault.next_address().expect("an address");
    }
    world.pay_to(&Stage::Vault, 24, 70_000);
    world.chain.mine(2);
    vault.sync(&world.chain).expect("it syncs");
    let outputs = vault.outputs().expect("synced");
    vault.close().expect("it closes");
    fs::remove_dir_all(path.join("journal").join("index")).expect("the index is a folder");
    let mut vault = open(&path, None).expect("it opens");
    assert_eq!(vault.next(), [25, 0]);
    assert!(matches!(vault.outputs(), Err(VaultError::NeverSynced)));
    vault.sync(&world.chain).expect("it syncs");
    assert_eq!(vault.outputs().expect("synced"), outputs);
}

/// What was given out is on the device before anybody sees it: it is there after a kill.
#[test]
fn an_address_is_used_up_before_it_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let world = Draft::new("tr", TREASURY).world();
    let mut vault = create(&world, &path);
    let peeked = vault.peek_address().expect("an address");
    assert!(!peeked.is_revealed);
    assert_eq!(vault.next(), [0, 0]);
    let given = vault.next_address().expect("an address");
    assert_eq!(given.address, peeked.address);
    // Nothing of the destructor runs when a process is killed; its lock goes with it, for which a
    // copy of its files stands here.
    let copy = folder.path().join("copy");
    copy_tree(&path, &copy);
    let after = open(&copy, None).expect("it opens");
    assert_eq!(after.next(), [1, 0]);
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("there").permissions()).expect("ours");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a name");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file")),
        }
    }
}

#[test]
fn one_process_writes_and_the_second_is_told_who() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let world = Draft::new("tr", TREASURY).world();
    let vault = create(&world, &path);
    match open(&path, None) {
        Err(VaultError::Locked { holder }) => assert_eq!(holder, HOLDER),
        other => panic!("{other:?}"),
    }
    drop(vault);
    open(&path, None).expect("it is free");
}

#[test]
fn creating_is_not_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let missing = open(&path, None);
    assert!(matches!(missing, Err(VaultError::Missing { .. })));
    assert!(!path.exists(), "nothing was made");
    let world = Draft::new("tr", TREASURY).world();
    drop(create(&world, &path));
    let compiled = std::sync::Arc::clone(&world.compiled);
    let again = Vault::create(&path, compiled, BlockHeight(0), HOLDER);
    assert!(matches!(again, Err(VaultError::Exists { .. })));
    // Stopped before it was one.
    fs::remove_file(path.join("vault.json")).expect("it is there");
    let unfinished = open(&path, None);
    assert!(matches!(unfinished, Err(VaultError::Unfinished { .. })));
}

/// Row 64 of the threats: a journal that was swapped, emptied or deleted is not taken for this one.
#[test]
fn a_journal_that_was_swapped_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let other = folder.path().join("other");
    let world = Draft::new("tr", TREASURY).world();
    let mut vault = create(&world, &path);
    vault.next_address().expect("an address");
    let pin = vault.pin();
    drop(vault);
    let others = Draft::new("wsh", TREASURY).world();
    drop(create(&others, &other));
    let journal = path.join("journal");
    let aside = folder.path().join("aside");
    fs::rename(&journal, &aside).expect("ours");
    let gone = open(&path, Some(&pin));
    assert!(matches!(
        gone,
        Err(VaultError::Store(StoreError::Missing { .. }))
    ));
    fs::rename(other.join("journal"), &journal).expect("ours");
    let swapped = open(&path, None);
    assert!(
        matches!(swapped, Err(VaultError::OtherJournal)),
        "{swapped:?}"
    );
    fs::remove_dir_all(&journal).expect("ours");
    // The same vault, begun again: an address would be given out twice.
    let fresh = folder.path().join("fresh");
    drop(create(&world, &fresh));
    fs::rename(fresh.join("journal"), &journal).expect("ours");
    let shrunk = open(&path, Some(&pin));
    assert!(matches!(
        shrunk,
        Err(VaultError::Store(StoreError::Shrunk { .. }))
    ));
    fs::remove_dir_all(&journal).expect("ours");
    fs::rename(&aside, &journal).expect("ours");
    open(&path, Some(&pin)).expect("it is the one");
}

/// Row 54: a document in which anything was changed is refused, and the change is named.
#[test]
fn a_document_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let world = Draft::new("tr", TREASURY).world();
    drop(create(&world, &path));
    let file = path.join("vault.json");
    let right = fs::read_to_string(&file).expect("text");
    let others = Draft::new("tr", &TREASURY.replace("90 blocks", "91 blocks")).world();
    let swap = |from: &str, to: &str| right.replacen(from, to, 1);
    let descriptor = |world: &World| world.compiled.vault().text().to_owned();
    let (own, foreign) = (descriptor(&world), descriptor(&others));
    assert_ne!(own, foreign);
    let id = world.compiled.id().to_string();
    let other_id = others.compiled.id().to_string();
    let cases = [
        (swap(&own, &foreign), "descriptor of the vault"),
        (swap(&id, &other_id), "policy id"),
        (swap("90 blocks", "91 blocks"), "descriptor of the vault"),
        (swap("\"birth\"", "\"born\""), "unknown field"),
        (format!("{right} "), "not in its one form"),
        (swap("vault-1", "vault-2"), "use the program that wrote it"),
        (swap("longstop-vault-1", "bread"), "this is no vault"),
        (swap("regtest", "signet"), "the network is `signet`"),
        ("{}".to_owned(), "this is no vault"),
    ];
    for (text, said) in cases {
        fs::write(&file, &text).expect("ours");
        let error = open(&path, None).expect_err(said);
        assert!(matches!(error, VaultError::Document(_)), "{error}");
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    fs::write(&file, &right).expect("ours");
    open(&path, None).expect("it is right again");
    let differs = Vault::over(longstop::ledger::Memory::new(
        swap(&own, &foreign).into_bytes(),
    ));
    assert!(matches!(
        differs,
        Err(VaultError::Document(DocumentError::Differs(_)))
    ));
}

/// Row 74: nothing of a vault is open to anybody else, and a vault that is is refused.
#[cfg(unix)]
#[test]
fn nobody_else_can_read_any_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let mut world = Draft::new("tr", TREASURY).world();
    let mut vault = create(&world, &path);
    vault.next_address().expect("an address");
    world.coin(&Stage::Vault);
    vault.sync(&world.chain).expect("it syncs");
    vault.close().expect("it closes");
    let mut open_paths = vec![path.clone()];
    let mut files = 0;
    while let Some(path) = open_paths.pop() {
        let metadata = fs::metadata(&path).expect("there");
        let mode = metadata.permissions().mode() & 0o7777;
        let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{}", path.display());
        files += 1;
        if metadata.is_dir() {
            let inside = fs::read_dir(&path).expect("a folder");
            open_paths.extend(inside.map(|entry| entry.expect("a name").path()));
        }
    }
    assert!(files > 5);
    for (name, right, wrong) in [("", 0o700, 0o750), ("vault.json", 0o600, 0o644)] {
        let target = path.join(name);
        let set = |mode| fs::set_permissions(&target, PermissionsExt::from_mode(mode));
        set(wrong).expect("ours");
        let exposed = open(&path, None);
        assert!(matches!(exposed, Err(VaultError::Exposed { mode, .. }) if mode == wrong));
        set(right).expect("ours");
        open(&path, None).expect("it is closed again");
    }
}

#[test]
fn what_does_not_hold_is_not_remembered() {
    let world = Draft::new("tr", TREASURY).world();
    let mut vault = crate::kit::in_memory(&world);
    let confirmed = |party: &str| Entry::Confirmed {
        keychain: Keychain::Receive,
        index: 0,
        party: party.to_owned(),
    };
    let refused = vault.remember_all(vec![confirmed("alice"), confirmed("mallory")]);
    assert!(matches!(refused, Err(VaultError::NoParty(name)) if name == "mallory"));
    assert_eq!(vault.entries().count(), 0, "all of them, or none");
    vault.remember(confirmed("alice")).expect("a party");
    let seen = vault.peek_address().expect("an address").confirmed_by;
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["alice"]);
    let refused = vault.remember(Entry::Revealed {
        keychain: Keychain::Receive,
        index: 1 << 31,
    });
    assert!(matches!(refused, Err(VaultError::Index { .. })));
}
