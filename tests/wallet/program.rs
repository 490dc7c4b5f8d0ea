//! The program itself on a vault: beside another process, by what the vault remembers, and from the
//! address to the confirmations of a quorum.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use longstop::arming::ArmingFile;
use longstop::chain::{Chain, ChainFile, EmbeddedChain};
use longstop::compile::Stage;
use longstop::units::ChainTime;
use longstop::wallet::{Entry, Vault, VaultError};
use serde_json::Value;
use tempfile::TempDir;

use crate::said::ratify;
use crate::vault::{Armed, DEPOSIT, Draft, TREASURY};

/// A folder with a vault that `longstop vault create` made, and a chain in a file on which a coin of
/// it is buried.
struct Desk {
    folder: TempDir,
    armed: Armed,
}

impl Desk {
    fn new(arguments: &[&str]) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let draft = Draft::new("tr", TREASURY).with_identities();
        let desk = Self {
            folder: folder.expect("a folder"),
            armed: Armed::new(&draft),
        };
        ChainFile::create(&desk.path("chain"), &desk.armed.world.chain).expect("a chain");
        fs::write(desk.path("policy.toml"), draft.text()).expect("it is written");
        let made = desk.run(&[&["vault", "create", "vault", "policy.toml"], arguments].concat());
        assert_eq!(code(&made), 0, "{}", text(&made.stderr));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn longstop(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longstop"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("LONGSTOP_STATE", self.path("state"))
            .env("NO_COLOR", "1")
            .env_remove("LONGSTOP_BACKEND")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.longstop(arguments).output().expect("it runs")
    }

    /// The vault, for this process alone.
    fn open(&self) -> Vault {
        Vault::open(&self.path("vault"), None, "a test that holds it").expect("it opens")
    }

    fn chain<T>(&self, change: impl FnOnce(&mut EmbeddedChain) -> T) -> T {
        let mut chain = ChainFile::open(&self.path("chain")).expect("a chain");
        chain.change(change).expect("it is written")
    }

    fn now(&self) -> ChainTime {
        let chain = ChainFile::open(&self.path("chain")).expect("a chain");
        chain.tip().expect("it answers").time
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// The coins that a list has.
fn outpoints(listed: &Value) -> Vec<String> {
    let coins = listed["coins"].as_array().expect("a list").iter();
    let coins = coins.map(|coin| coin["outpoint"].as_str().expect("an outpoint").to_owned());
    coins.collect()
}

/// Whoever reads does so while another process has the vault: what that process has acknowledged
/// and read of the chain, and what a chain says that is named.  Nothing of it is kept, and whoever
/// would write is refused.
#[test]
fn reading_commands_work_beside_the_process_that_has_the_vault() {
    let desk = Desk::new(&[]);
    let mut held = desk.open();
    let file = ArmingFile::new(&desk.armed.files, &desk.armed.world.compiled).expect("a file");
    let file = Box::new(file);
    held.remember(Entry::Armed { file }).expect("it is kept");
    let never = desk.run(&["vault", "coins", "vault"]);
    assert_eq!(code(&never), 6, "{}", text(&never.stderr));
    assert!(text(&never.stderr).contains("never compared with a chain"));
    held.sync(&desk.armed.world.chain).expect("it syncs");
    let coin = desk.armed.coin.outpoint().to_string();
    let entries = held.entries().count();
    let commands: [(&[&str], i32); 7] = [
        (&["vault", "coins"], 0),
        (&["vault", "balance"], 0),
        (&["vault", "status"], 6),
        (&["vault", "open"], 0),
        (&["vault", "doctor"], 6),
        (&["vault", "address", "--show", "--force"], 0),
        (&["vault", "address", "--peek", "--force"], 0),
    ];
    let mut answers = BTreeMap::new();
    for (command, expected) in commands {
        let ran = desk.run(&[command, &["vault", "--json"]].concat());
        let said = text(&ran.stderr);
        let told = text(&ran.stdout);
        assert_eq!(code(&ran), expected, "{command:?}: {said} {told}");
        let note = "in use by a test that holds it; it is read beside that";
        assert!(said.contains(note), "{command:?}: {said}");
        answers.insert(command.join(" "), json(&ran));
    }
    let coins = &answers["vault coins"];
    assert_eq!(outpoints(coins), std::slice::from_ref(&coin));
    assert_eq!(coins["coins"][0]["armed"][0]["state"], "armed");
    assert_eq!(answers["vault balance"]["confirmed"], DEPOSIT);
    assert_eq!(answers["vault open"]["entries"], entries);
    let given = held.next_address().expect("an address").address.to_string();
    let shown = desk.run(&["vault", "address", "--show", "--force", "vault", "--json"]);
    assert_eq!(
        json(&shown)["address"],
        given.as_str(),
        "acknowledged just now"
    );
    let address = desk.armed.world.derived(&Stage::Vault, 7);
    let script = address.script_pubkey().clone();
    desk.chain(|chain| {
        chain
            .fund(script, bitcoin::Amount::from_sat(60_000))
            .expect("it pays");
        chain.mine(1);
    });
    let named = ["--backend", "embedded:chain", "--json"];
    let more = desk.run(&[&["vault", "coins", "vault"], &named[..]].concat());
    assert_eq!(code(&more), 0, "{}", text(&more.stderr));
    assert_eq!(outpoints(&json(&more)).len(), 2);
    let status = desk.run(&[&["vault", "status", "vault"], &named[..]].concat());
    assert_eq!(json(&status)["balance"]["confirmed"], DEPOSIT + 60_000);
    let again = desk.run(&["vault", "coins", "vault", "--json"]);
    assert_eq!(outpoints(&json(&again)), [coin], "nothing of it was kept");
    for command in [&["vault", "address", "--force"][..], &["vault", "sync"][..]] {
        let refused = desk.run(&[command, &["vault"], &named[..2]][..].concat());
        let refused = match command[1] {
            "address" => desk.run(&[command, &["vault"]].concat()),
            _ => refused,
        };
        assert_eq!(code(&refused), 4, "{command:?}: {}", text(&refused.stderr));
        assert!(text(&refused.stderr).contains("another process has the vault"));
    }
    // Nobody has disturbed the one who writes.
    assert_eq!(held.entries().count(), entries + 1);
    held.next_address().expect("an address");
    held.close().expect("it closes");
    let alone = desk.run(&["vault", "coins", "vault", "--json"]);
    assert!(!text(&alone.stderr).contains("in use"));
    assert_eq!(outpoints(&json(&alone)).len(), 1);
}

/// What the other process has read of the chain is working state: damaged, of another vault or gone,
/// it is none, and never wrong.
#[test]
fn a_view_that_is_damaged_or_another_s_is_none() {
    let desk = Desk::new(&[]);
    let mut held = desk.open();
    held.sync(&desk.armed.world.chain).expect("it syncs");
    let look = || Vault::look(&desk.path("vault"), None, "a reader").expect("it is read");
    let outputs = held.outputs().expect("synced");
    assert_eq!(look().outputs().expect("it was read"), outputs);
    assert_eq!(look().tip(), held.tip());
    assert_eq!(
        look().verify().expect("it is whole"),
        held.entries().count() as u64
    );
    let file = desk.path("vault/seen.json");
    let right = fs::read(&file).expect("it is there");
    let mut wrong = vec![
        b"{}".to_vec(),
        right[..right.len() / 2].to_vec(),
        Vec::new(),
    ];
    let id = held.document().policy_id.clone();
    let other = text(&right).replace(&id, &"ab".repeat(32));
    wrong.push(other.into_bytes());
    wrong.push(text(&right).replace("seen-1", "seen-2").into_bytes());
    wrong.push(
        text(&right)
            .replace("\"stage\":0", "\"stage\":9")
            .into_bytes(),
    );
    for bytes in wrong {
        fs::write(&file, &bytes).expect("ours");
        let outputs = look().outputs();
        assert!(matches!(outputs, Err(VaultError::NeverSynced)), "{bytes:?}");
    }
    // The next reading makes it anew, and whoever has the vault never asks for it.
    assert_eq!(held.outputs().expect("synced"), outputs);
    held.sync(&desk.armed.world.chain).expect("it syncs");
    assert_eq!(look().outputs().expect("it was read"), outputs);
    held.close().expect("it closes");
}

/// Which chain and which ledger a vault goes by is said once, and every command goes by it, from
/// whatever folder it is called.
#[test]
fn every_command_goes_by_what_the_vault_remembers() {
    let others = Desk::new(&[]);
    let ledger = others.path("vault/ledger");
    let ledger = ledger.to_str().expect("a name in ASCII");
    let desk = Desk::new(&["--backend", "embedded:chain", "--ledger", ledger]);
    assert!(!desk.path("vault/ledger").exists());
    let elsewhere = tempfile::tempdir().expect("a folder");
    let vault = desk.path("vault");
    let run = |arguments: &[&str]| {
        let mut command = desk.longstop(arguments);
        command.current_dir(elsewhere.path());
        command.arg(&vault).output().expect("it runs")
    };
    let opened = run(&["vault", "open", "--json"]);
    assert_eq!(json(&opened)["ledger"], ledger);
    let remembered = json(&opened)["backend"].as_str().map(str::to_owned);
    let chain = format!("embedded:{}", desk.path("chain").display());
    assert_eq!(remembered, Some(chain));
    let coin = desk.armed.coin.outpoint().to_string();
    let to = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202";
    let pay = format!("{to}=1000");
    let step = ["--coin", &coin, "--dry-run"];
    let spend = [&["spend"], &step[..], &["--pay", &pay]].concat();
    let recover = [&["recover"], &step[..], &["--path", "dead-man", "--to", to]].concat();
    let trigger = [&["sos", "trigger"], &step[..], &["--path", "sos"]].concat();
    let policy = desk.path("policy.toml");
    let policy = policy.to_str().expect("a name in ASCII");
    let arm = [
        "arm", "start", policy, "--path", "sos", "--output", "round", "--vault",
    ];
    let commands: [&[&str]; 14] = [
        &["vault", "sync"],
        &["vault", "coins"],
        &["vault", "balance"],
        &["vault", "status"],
        &["vault", "doctor"],
        &["sos", "status"],
        &["sos", "resume"],
        &trigger,
        &[&["refresh"], &step[..]].concat(),
        &spend,
        &recover,
        &[&["clawback"], &step[..]].concat(),
        &["watch", "--once"],
        &arm,
    ];
    for command in commands {
        let ran = run(command);
        let said = text(&ran.stderr);
        assert!(!said.contains("no chain is named"), "{command:?}: {said}");
        assert!(!said.contains("no ledger is named"), "{command:?}: {said}");
        assert!(
            !said.contains("ledger is not watched"),
            "{command:?}: {said}"
        );
        assert!(matches!(code(&ran), 0 | 1 | 6), "{command:?}: {said}");
    }
    // It is that ledger that counts.
    let address = run(&["vault", "address"]);
    assert_eq!(code(&address), 6);
    assert!(text(&address.stderr).contains("not yet ratified by: alice, bob"));
    let policy = Draft::new("tr", TREASURY).with_identities().policy();
    let now = desk.now();
    for party in policy.parties() {
        ratify(Path::new(ledger), party.name(), now);
    }
    let address = run(&["vault", "address"]);
    assert!(
        text(&address.stdout).starts_with("bcrt1p"),
        "{}",
        text(&address.stderr)
    );
    // What is named counts more than what is remembered, and can be remembered in its place.
    let none = run(&["vault", "sync", "--backend", "electrum://127.0.0.1:1"]);
    assert_eq!(code(&none), 4, "{}", text(&none.stderr));
    let other = run(&["vault", "open", "--backend", "electrum://127.0.0.1:1"]);
    assert_eq!(code(&other), 0, "{}", text(&other.stderr));
    assert_eq!(code(&run(&["vault", "sync"])), 4);
    for nonsense in ["address = 7", "place = \"x\"", "address = \"nowhere\""] {
        fs::write(vault.join("backend.toml"), nonsense).expect("ours");
        for command in [
            &["vault", "coins"][..],
            &["sos", "status"],
            &["watch", "--once"],
        ] {
            let refused = run(command);
            assert_eq!(code(&refused), 3, "{command:?}: {}", text(&refused.stderr));
            assert!(text(&refused.stderr).contains("backend.toml"));
        }
    }
    let wrong = run(&["vault", "open", "--ledger", "nothing"]);
    assert_ne!(code(&wrong), 0, "no ledger is there");
    assert_eq!(json(&run(&["vault", "open", "--json"]))["ledger"], ledger);
}

/// An address is shown with a word to whoever might pay too early, until a quorum of root has
/// confirmed it: two of three are too few, and others than root do not count.
#[test]
fn an_address_waits_for_a_quorum_of_confirmations() {
    let desk = Desk::new(&[]);
    let policy = Draft::new("tr", TREASURY).with_identities().policy();
    for party in policy.parties() {
        ratify(&desk.path("vault/ledger"), party.name(), desk.now());
    }
    let address = |arguments: &[&str]| {
        let ran = desk.run(&[&["vault", "address", "vault", "--json"], arguments].concat());
        let warned = text(&ran.stderr).contains("nobody should pay before a quorum of root");
        (code(&ran), json(&ran), warned)
    };
    let (exit, first, warned) = address(&[]);
    assert_eq!((exit, warned), (6, true));
    assert_eq!(first["is_confirmed"], false);
    assert_eq!(first["confirmations_missing"], 3);
    for (party, missing, expected) in [
        ("gina", 3, 6),
        ("alice", 2, 6),
        ("alice", 2, 6),
        ("bob", 1, 6),
        ("carol", 0, 0),
        ("dave", 0, 0),
    ] {
        let (exit, told, warned) = address(&["--confirmed-by", party]);
        assert_eq!((exit, warned), (expected, expected == 6), "{party}");
        assert_eq!(told["address"], first["address"]);
        assert_eq!(told["confirmations_missing"], missing, "{party}");
        assert_eq!(told["is_confirmed"], missing == 0);
        let (shown, again, _) = address(&["--show"]);
        assert_eq!((shown, &again), (expected, &told), "nothing is used up");
    }
    // The next one begins anew, and whoever forces it takes it as it is.
    let (exit, second, warned) = address(&["--force"]);
    assert_eq!((exit, warned), (0, true));
    assert_ne!(second["address"], first["address"]);
    assert_eq!(second["confirmations_missing"], 3);
}
