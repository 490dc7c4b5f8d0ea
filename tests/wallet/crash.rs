//! What a vault has acknowledged is there after anything: kills at any moment, and disks that fail
//! at any operation.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, Txid};
use longstop::arming::ArmingFile;
use longstop::compile::Keychain;
use longstop::units::BlockHeight;
use longstop::wallet::{Document, Entry, Vault, VaultError};

use super::directory::copy_tree;
use crate::disk::Watched;
use crate::vault::{Armed, Draft, TREASURY};

const HOLDER: &str = "a test";

/// What stands at a place of the journal: addresses, confirmations, armings, fee coins that are kept
/// and set free.
fn entry(number: u32, file: &ArmingFile) -> Entry {
    let coin = |number: u32| OutPoint::new(Txid::all_zeros(), number);
    match number % 5 {
        0 => Entry::Revealed {
            keychain: Keychain::Receive,
            index: number / 5,
        },
        1 => Entry::Reserved {
            coin: coin(number),
            parent: Txid::all_zeros(),
            until: BlockHeight(number),
        },
        2 => Entry::Confirmed {
            keychain: Keychain::Receive,
            index: number / 5,
            party: "alice".to_owned(),
        },
        3 if number % 25 == 3 => Entry::Armed {
            file: Box::new(file.clone()),
        },
        3 => Entry::Acknowledged {
            coin: file.coin.outpoint,
            path: file.path.clone(),
            party: "gina".to_owned(),
        },
        // Every second one is free again.
        _ if number.is_multiple_of(2) => Entry::Freed {
            coin: coin(number - 3),
        },
        _ => Entry::Approved {
            txid: Txid::all_zeros(),
        },
    }
}

/// The journal is what was written, place by place, and what the vault makes of it is that.
#[track_caller]
fn is_whole(vault: &Vault, file: &ArmingFile) -> u32 {
    let mut count = 0;
    let mut kept = 0;
    for found in vault.entries() {
        let expected = entry(count, file);
        assert_eq!(found.expect("it is read"), expected, "{count}");
        kept += u32::from(matches!(expected, Entry::Reserved { .. }));
        kept -= u32::from(matches!(expected, Entry::Freed { .. }));
        count += 1;
    }
    assert_eq!(vault.next()[0], count.div_ceil(5));
    assert_eq!(vault.reserved().len(), kept as usize);
    count
}

/// The variables that tell the test program to be the one that is killed.
const VAULT: &str = "LONGSTOP_WRITES_TO_VAULT";

/// Not a test of its own: what the next one starts and kills.
#[test]
fn child() {
    let Ok(path) = std::env::var(VAULT) else {
        return;
    };
    let path = Path::new(&path);
    let file = fs::read(path.with_extension("arming")).expect("the parent wrote it");
    let file: ArmingFile = serde_json::from_slice(&file).expect("an arming");
    let mut vault = Vault::open(path, None, HOLDER).expect("the parent made it");
    let mut count = u32::try_from(vault.entries().count()).expect("few");
    println!("\nopened {count} {}", vault.next()[0]);
    loop {
        vault.remember(entry(count, &file)).expect("there is room");
        count += 1;
        println!("acknowledged {count}");
    }
}

/// Kills a process that gives out addresses, keeps armings and reserves fee coins, at any moment,
/// again and again (`LONGSTOP_KILLS` times): whatever it had acknowledged is there, entry by entry,
/// and no address is given out twice.
#[test]
fn nothing_acknowledged_is_lost_to_a_kill() {
    let kills = std::env::var("LONGSTOP_KILLS").ok();
    let kills: u64 = kills.map_or(50, |kills| kills.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vault");
    let armed = Armed::new(&Draft::new("tr", TREASURY));
    let compiled = Arc::clone(&armed.world.compiled);
    let file = ArmingFile::new(&armed.files, &compiled).expect("a file");
    let text = serde_json::to_vec(&file).expect("plain data");
    fs::write(path.with_extension("arming"), text).expect("it is written");
    let vault = Vault::create(&path, compiled, BlockHeight(0), HOLDER).expect("it is made");
    vault.close().expect("it closes");
    let program = std::env::current_exe().expect("this program");
    let (mut least, mut opened) = (0, 0);
    for kill in 0..kills {
        let mut child = Command::new(&program)
            .args(["wallet::crash::child", "--exact", "--nocapture"])
            .arg("--test-threads=1")
            .env(VAULT, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it starts");
        let output = child.stdout.take().expect("it is piped");
        let (send, lines) = mpsc::channel();
        let reading = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        // Now and then it is killed while it opens the vault, and else once it works.
        let begun = (kill % 6 != 5).then(|| {
            let opened = lines.iter().find(|line| line.starts_with("opened"));
            opened.expect("it opened the vault")
        });
        std::thread::sleep(Duration::from_micros(kill * 7_919 % 23_000));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        reading.join().expect("it ends");
        let lines: Vec<String> = begun.into_iter().chain(lines.iter()).collect();
        for line in lines {
            let mut words = line.split(' ');
            let (word, count) = (words.next(), words.next());
            let count = count.and_then(|count| count.parse::<u32>().ok());
            match (word, count) {
                (Some("opened"), Some(count)) => {
                    opened += 1;
                    assert!(
                        count >= least,
                        "kill {kill}: {least} acknowledged, {count} left"
                    );
                    let next: u32 = words.next().and_then(|next| next.parse().ok()).expect("it");
                    assert_eq!(next, count.div_ceil(5), "an address is given out once");
                    least = count;
                }
                (Some("acknowledged"), Some(count)) => least = least.max(count),
                _ => {}
            }
        }
        if kill % 20 == 19 {
            let vault = Vault::open(&path, None, HOLDER).expect("it opens");
            assert_eq!(
                vault.verify().expect("it is whole"),
                vault.entries().count() as u64
            );
            let count = is_whole(&vault, &file);
            assert!(count >= least, "{least} acknowledged, {count} left");
            vault.close().expect("it closes");
        }
    }
    println!("{kills} kills, {opened} after it was open, {least} entries");
    assert!(least > 0 && opened >= kills * 4 / 5);
}

/// At whatever operation a disk fails, what was acknowledged is there when the vault is opened again,
/// nothing that failed is taken for kept, and nothing more is taken until then.
#[test]
fn nothing_acknowledged_is_lost_to_a_disk_that_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = folder.path().join("template");
    let armed = Armed::new(&Draft::new("tr", TREASURY));
    let compiled = Arc::clone(&armed.world.compiled);
    let file = ArmingFile::new(&armed.files, &compiled).expect("a file");
    let mut vault = Vault::create(&template, compiled, BlockHeight(0), HOLDER).expect("made");
    for number in 0..3 {
        vault.remember(entry(number, &file)).expect("it is kept");
    }
    vault.close().expect("it closes");
    let mut failures = 0;
    for operation in 0.. {
        let path = folder.path().join(format!("at-{operation}"));
        copy_tree(&template, &path);
        let disk = Watched::new();
        let error = [ErrorKind::StorageFull, ErrorKind::Other][operation % 2];
        disk.fail_after(operation, error);
        let mut acknowledged = 3;
        let mut has_failed = false;
        match Vault::open_on(disk.disk(), &path, None, HOLDER) {
            Err(_) => has_failed = true,
            Ok(mut vault) => {
                while acknowledged < 9 && !has_failed {
                    match vault.remember(entry(acknowledged, &file)) {
                        Ok(()) => acknowledged += 1,
                        Err(_) => has_failed = true,
                    }
                }
                if has_failed {
                    // The disk is well again, and nobody knows what it holds.
                    disk.fail_after(usize::MAX, error);
                    let again = vault.remember(entry(acknowledged, &file));
                    assert!(matches!(again, Err(VaultError::Store(_))), "{again:?}");
                } else {
                    has_failed = vault.sync(&armed.world.chain).is_err();
                }
            }
        }
        let vault = Vault::open(&path, None, HOLDER).expect("it opens");
        let count = vault.entries().count();
        let most = acknowledged + 1;
        assert!((acknowledged..=most).contains(&u32::try_from(count).expect("few")));
        // What the sync found in use is an entry of its own.
        if acknowledged < 9 {
            is_whole(&vault, &file);
        }
        vault.verify().expect("it is whole");
        drop(vault);
        if !has_failed {
            break;
        }
        failures += 1;
        fs::remove_dir_all(&path).expect("ours");
    }
    assert!(failures > 12, "{failures}");
}

/// A vault that could not be made is none, or it is whole: never one with fewer entries, which would
/// give out addresses again.
#[test]
fn a_restore_on_a_disk_that_fails_makes_no_half_a_vault() {
    let folder = tempfile::tempdir().expect("a folder");
    let armed = Armed::new(&Draft::new("tr", TREASURY));
    let file = ArmingFile::new(&armed.files, &armed.world.compiled).expect("a file");
    let document = Document::new(&armed.world.compiled, BlockHeight(0));
    let entries: Vec<Entry> = (0..9).map(|number| entry(number, &file)).collect();
    let mut failures = 0;
    for operation in 0.. {
        let path = folder.path().join(format!("at-{operation}"));
        let disk = Watched::new();
        disk.fail_after(operation, ErrorKind::StorageFull);
        let made = Vault::create_on(
            disk.disk(),
            &path,
            document.clone(),
            entries.clone(),
            HOLDER,
        );
        let is_made = made.is_ok();
        drop(made);
        match Vault::open(&path, None, HOLDER) {
            Ok(vault) => assert_eq!(is_whole(&vault, &file), 9, "{operation}"),
            Err(VaultError::Missing { .. } | VaultError::Unfinished { .. }) => {
                assert!(!is_made, "{operation}");
            }
            Err(error) => panic!("{operation}: {error}"),
        }
        if is_made {
            break;
        }
        failures += 1;
    }
    assert!(failures > 8, "{failures}");
}
