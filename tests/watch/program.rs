//! The program itself: with real processes, sockets and signals.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use longstop::arming::ArmingFile;
use longstop::chain::ChainFile;
use longstop::compile::{Keychain, Role};
use longstop::engine::Signers;
use longstop::governance::{Body, Heartbeat};
use longstop::identity::{Passphrase, Work};
use longstop::keys::KeyCheck;
use longstop::signer::{Seed, SoftwareSigner};
use longstop::wallet::{Entry, Vault};
use serde_json::Value;
use tempfile::TempDir;

use crate::said::say;
use crate::vault::{Armed, Draft, TREASURY};

/// How long the program may take for something.
const PATIENCE: Duration = Duration::from_secs(60);

/// A vault in a directory about a policy, and a chain in a file with a coin that is armed.
pub(super) struct Stage {
    folder: TempDir,
    pub(super) armed: Armed,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::of(&Draft::new("tr", TREASURY))
    }

    fn of(draft: &Draft) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let armed = Armed::new(draft);
        ChainFile::create(&folder.path().join("chain"), &armed.world.chain).expect("a file");
        let policy = folder.path().join("policy.toml");
        fs::write(&policy, draft.text()).expect("it is written");
        let stage = Self { folder, armed };
        let mut made = stage.longstop(&["vault", "create"]);
        let made = made
            .arg(stage.vault())
            .arg(&policy)
            .output()
            .expect("it runs");
        assert!(made.status.success(), "{}", text(&made.stderr));
        stage
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    pub(super) fn longstop(&self, arguments: &[&str]) -> Box<Command> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longstop"));
        command.env("LONGSTOP_STATE", self.path("state"));
        command.env("NO_COLOR", "1").args(arguments);
        Box::new(command)
    }

    /// The command that watches the vault on the chain in the file.
    fn watch(&self, arguments: &[&str]) -> Box<Command> {
        let chain = format!("embedded:{}", self.path("chain").display());
        let mut command = self.longstop(&["watch"]);
        command.arg(self.vault()).arg("--backend").arg(chain);
        command.args(arguments);
        command
    }

    fn once(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let mut ran = self.watch(&["--once", "--json"]);
        let ran = ran.args(arguments).output().expect("it runs");
        let told = lines(&ran);
        (ran.status.code(), told)
    }

    fn chain<T>(&self, change: impl FnOnce(&mut longstop::chain::EmbeddedChain) -> T) -> T {
        let mut chain = ChainFile::open(&self.path("chain")).expect("a chain");
        chain.change(change).expect("it is written")
    }

    fn trigger(&self) {
        let trigger = self.armed.trigger(0, &["gina", "hal"]);
        self.chain(|chain| {
            chain.submit(&trigger).expect("it is taken");
            chain.mine_one();
        });
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    let lines = text(&output.stdout);
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("each line is JSON")
}

pub(super) fn kinds(told: &[Value]) -> Vec<&str> {
    let kinds = told.iter().map(|notice| notice["kind"].as_str());
    kinds.map(|kind| kind.expect("a word")).collect()
}

/// Waits until something is so.
#[track_caller]
pub(super) fn until<T>(mut so: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = so() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "it takes too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends the program even if the test does not get that far.
pub(super) struct Running(pub(super) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_look_tells_what_is_new_and_the_next_one_nothing() {
    let stage = Stage::new();
    let (code, told) = stage.once(&[]);
    assert_eq!(kinds(&told), ["buried", "unarmed"]);
    assert_eq!(told[0]["first_look"], true);
    assert_eq!(told[0]["network"], "regtest");
    assert_eq!(code, Some(6), "a warning was told");
    assert_eq!(stage.once(&[]), (Some(0), vec![]));
    stage.trigger();
    let (code, told) = stage.once(&[]);
    assert_eq!(kinds(&told), ["trigger", "confirmed"]);
    assert_eq!(told[0]["severity"], "alarm");
    assert_eq!(told[0]["first_look"], false);
    assert!(told[0]["due"]["at"]["height"].is_number(), "{}", told[0]);
    assert_eq!(code, Some(6));
    // A note alone is nothing to wake somebody for.
    stage.chain(|chain| chain.mine(5));
    let (code, told) = stage.once(&[]);
    assert_eq!((code, kinds(&told)), (Some(0), vec!["buried"]));
}

#[test]
fn a_chain_out_of_reach_is_an_alarm_and_a_vault_in_use_is_said() {
    let stage = Stage::new();
    let mut ran = stage.longstop(&[
        "watch",
        "--once",
        "--json",
        "--backend",
        "electrum://127.0.0.1:1",
    ]);
    let ran = ran.arg(stage.vault()).output().expect("it runs");
    assert_eq!(kinds(&lines(&ran)), ["chain-silent"]);
    assert_eq!(ran.status.code(), Some(6));
    let held = Vault::open(&stage.vault(), None, "a test").expect("it opens");
    let ran = stage.watch(&["--once"]).output().expect("it runs");
    assert_eq!(ran.status.code(), Some(6));
    assert!(
        text(&ran.stderr).contains("in use by a test"),
        "{}",
        text(&ran.stderr)
    );
    held.close().expect("it closes");
    let (_, told) = stage.once(&[]);
    assert_eq!(kinds(&told)[0], "chain-back");
}

/// What somebody asks of a socket, and what he is answered.
pub(super) fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

/// Where a watcher says that its numbers are.
pub(super) fn numbers_of(running: &mut Running) -> String {
    let mut notes = BufReader::new(running.0.stderr.take().expect("a pipe")).lines();
    let address = notes.find_map(|line| {
        let line = line.expect("a line");
        let (_, rest) = line.split_once("http://")?;
        Some(rest.split_once('/').expect("a path").0.to_owned())
    });
    // What it says later is read and thrown away.
    std::thread::spawn(move || notes.for_each(drop));
    address.expect("it says where")
}

#[cfg(unix)]
#[test]
fn it_watches_runs_hooks_shows_numbers_and_ends_by_a_signal() {
    let stage = Stage::new();
    let (log, heard) = (stage.path("log"), stage.path("heard"));
    let mut command = stage.watch(&["--every", "1", "--metrics", "127.0.0.1:0", "--hook", "tee"]);
    command.args(["--hook-arg", "-a", "--hook-arg"]).arg(&heard);
    command.arg("--log").arg(&log);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().expect("it runs"));
    let address = numbers_of(&mut running);
    let wait_for = |kind: &str| {
        until(|| {
            let told = fs::read_to_string(&heard).unwrap_or_default();
            told.contains(&format!("\"kind\":\"{kind}\"")).then_some(())
        });
    };
    wait_for("unarmed");
    stage.trigger();
    wait_for("trigger");
    let page = until(|| {
        let page = ask(&address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        page.contains("kind=\"trigger\",severity=\"alarm\"} 1")
            .then_some(page)
    });
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"));
    let body = page.split_once("\r\n\r\n").expect("a body").1;
    let amount = stage.armed.escrow(0).amount().to_sat();
    let line = format!("longstop_coins_sats{{stage=\"escrow\",path=\"sos\"}} {amount}\n");
    assert!(body.contains(&line), "{body}");
    assert!(body.contains("longstop_watch_chain_trouble 0\n"));
    assert!(body.contains("longstop_watch_unwritten 0\n"));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "404"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let answer = ask(&address, request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
    // It reads no further, and answers all the same, however much comes: a connection that is closed
    // with something unread in it would be reset, and the answer lost.
    for length in [4_608, 5_000, 100_000, 900_000] {
        let long = "a".repeat(length);
        let long = format!("GET /metrics HTTP/1.1\r\nA: {long}");
        let answer = ask(&address, &long);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{length}: {answer}");
        assert!(
            answer.ends_with("this is no request\n"),
            "{length}: {answer}"
        );
    }
    let body = "x".repeat(50_000);
    let posted = format!("POST /metrics HTTP/1.1\r\nContent-Length: 50000\r\n\r\n{body}");
    assert!(ask(&address, &posted).starts_with("HTTP/1.1 405 "));
    let pid = running.0.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(sent.expect("it runs").success());
    let ended = until(|| running.0.try_wait().expect("it is ours"));
    assert_eq!(ended.code(), Some(0));
    // Whoever was told, was told the same.
    let log = fs::read_to_string(&log).expect("a log");
    assert_eq!(log, fs::read_to_string(&heard).expect("a file"));
    let mut shown = String::new();
    let mut stdout = running.0.stdout.take().expect("a pipe");
    stdout.read_to_string(&mut shown).expect("text");
    assert_eq!(shown.lines().count(), log.lines().count());
    assert!(shown.contains("alarm[trigger] block "), "{shown}");
    // What was told is remembered.
    assert_eq!(stage.once(&[]), (Some(0), vec![]));
}

/// What is read beside a watcher is an older reading then, so it is said: once, however often it
/// looks, and again when it comes back.
#[cfg(unix)]
#[test]
fn a_reading_that_cannot_be_written_down_is_told_once() {
    let stage = Stage::new();
    // A folder is in the place of the file, which no process can replace by a file.
    let file = stage.path("vault/seen.json");
    let block = || fs::create_dir(&file).expect("a folder");
    block();
    let (code, told) = stage.once(&[]);
    assert_eq!(kinds(&told), ["buried", "unarmed", "unwritten"]);
    assert_eq!(code, Some(6));
    let said = told[2]["text"].as_str().expect("a text");
    assert!(said.contains("seen.json"), "{said}");
    for _ in 0..2 {
        assert_eq!(stage.once(&[]), (Some(0), vec![]));
    }
    // While the chain is out of reach nothing is read, and nothing is known of it.
    let silent = [
        "watch",
        "--once",
        "--json",
        "--backend",
        "electrum://127.0.0.1:1",
    ];
    let mut ran = stage.longstop(&silent);
    let ran = ran.arg(stage.vault()).output().expect("it runs");
    assert_eq!(kinds(&lines(&ran)), ["chain-silent"]);
    let (_, told) = stage.once(&[]);
    assert_eq!(kinds(&told), ["chain-back"]);
    // Mended, and broken again.
    fs::remove_dir(&file).expect("ours");
    assert_eq!(stage.once(&[]), (Some(0), vec![]));
    assert!(file.is_file());
    fs::remove_file(&file).expect("ours");
    block();
    let mut command = stage.watch(&["--every", "1", "--metrics", "127.0.0.1:0"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().expect("it runs"));
    let address = numbers_of(&mut running);
    let request = "GET /metrics HTTP/1.1\r\n\r\n";
    let looks = |page: &str| {
        let line = page.lines().find_map(|line| {
            let count = line.strip_prefix("longstop_watch_looks_total ")?;
            count.parse::<u64>().ok()
        });
        line.expect("a number")
    };
    let page = until(|| Some(ask(&address, request)).filter(|page| looks(page) >= 3));
    assert!(page.contains("longstop_watch_unwritten 1\n"), "{page}");
    let once = "kind=\"unwritten\",severity=\"warning\"} 1\n";
    assert!(page.contains(once), "{page}");
    fs::remove_dir(&file).expect("ours");
    until(|| {
        ask(&address, request)
            .contains("longstop_watch_unwritten 0\n")
            .then_some(())
    });
    drop(running);
    // A command that reads the chain by itself says it as well, and does its work.
    fs::remove_file(&file).expect("ours");
    block();
    let chain = format!("embedded:{}", stage.path("chain").display());
    let mut synced = stage.longstop(&["vault", "sync", "--backend", &chain]);
    let synced = synced.arg(stage.vault()).output().expect("it runs");
    assert!(synced.status.success());
    let said = text(&synced.stderr);
    assert!(said.contains("could not be written down"), "{said}");
}

#[test]
fn a_hook_that_fails_is_told_and_numbers_are_for_this_machine_alone() {
    let stage = Stage::new();
    let (code, told) = stage.once(&["--hook", "false", "--hook-from", "warning"]);
    assert_eq!(kinds(&told), ["buried", "unarmed", "hook-failed"]);
    assert_eq!(code, Some(6));
    for address in ["0.0.0.0:0", "192.0.2.1:9617", "[::]:0"] {
        let ran = stage
            .watch(&["--metrics", address])
            .output()
            .expect("it runs");
        assert_eq!(ran.status.code(), Some(2), "{address}");
        assert!(text(&ran.stderr).contains("this machine alone"));
    }
}

/// Keeps the arming of the coin in the vault.
fn arm(stage: &Stage) {
    let world = &stage.armed.world;
    let mut vault = Vault::open(&stage.vault(), None, "a test").expect("it opens");
    let file = ArmingFile::new(&stage.armed.files, &world.compiled).expect("a file");
    let file = Box::new(file);
    vault.remember(Entry::Armed { file }).expect("it is kept");
    vault.close().expect("it closes");
}

/// Hands a file with alice's signature on the cancel to the program.
fn leave_veto(stage: &Stage) -> PathBuf {
    arm(stage);
    let world = &stage.armed.world;
    let cancel = &stage.armed.files.courses()[0].cancels[0];
    let path = stage.path("cancel.psbt");
    let request = cancel.request(Role::Veto).expect("a request");
    let signed = world.people.sign("alice", request).expect("she signs");
    fs::write(&path, signed.to_string()).expect("it is written");
    path
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a name in ASCII")
}

#[test]
fn a_cancel_that_was_left_is_sent_when_there_is_a_trigger() {
    let stage = Stage::new();
    let cancel = leave_veto(&stage);
    let (_, told) = stage.once(&["--delegate-veto", name(&cancel)]);
    assert_eq!(
        kinds(&told),
        ["buried"],
        "it is armed, and nothing was triggered"
    );
    stage.trigger();
    let (code, told) = stage.once(&["--delegate-veto", name(&cancel)]);
    assert_eq!(kinds(&told), ["trigger", "confirmed", "veto-sent"]);
    assert_eq!(code, Some(6));
    let txid = stage.armed.files.courses()[0].cancels[0].txid();
    assert!(stage.chain(|chain| chain.in_mempool(txid)));
    stage.chain(|chain| chain.mine(1));
    let (_, told) = stage.once(&[]);
    assert_eq!(kinds(&told), ["cancel", "confirmed"]);
}

#[test]
fn a_cancel_of_nothing_or_without_its_signature_is_refused() {
    let stage = Stage::new();
    leave_veto(&stage);
    let cancel = &stage.armed.files.courses()[0].cancels[0];
    let unsigned = cancel.request(Role::Veto).expect("a request");
    let path = stage.path("unsigned.psbt");
    fs::write(&path, unsigned.to_string()).expect("it is written");
    let refused = |path: &Path| {
        let mut ran = stage.watch(&["--once", "--delegate-veto", name(path)]);
        let ran = ran.output().expect("it runs");
        (ran.status.code(), text(&ran.stderr))
    };
    let (code, why) = refused(&path);
    assert_eq!(code, Some(3), "{why}");
    assert!(why.contains("too few signatures"), "{why}");
    let trigger = stage.armed.files.courses()[0]
        .trigger
        .to_psbt()
        .expect("a PSBT");
    let path = stage.path("trigger.psbt");
    fs::write(&path, trigger.to_string()).expect("it is written");
    let (code, why) = refused(&path);
    assert_eq!(code, Some(3), "{why}");
    assert!(why.contains("no coin that is armed here"), "{why}");
}

/// Writes what nobody else may read.
#[cfg(unix)]
fn keep(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("it is written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours");
}

/// When fees rise, a cancel that was left takes a child from the fee wallet whose seed is here.
#[cfg(unix)]
#[test]
fn a_cancel_that_was_left_is_paid_for_by_a_child() {
    let stage = Stage::new();
    let cancel = leave_veto(&stage);
    let world = &stage.armed.world;
    let wallet =
        longstop::engine::fee_script(&world.compiled, "alice", Keychain::Receive, world.secp());
    let wallet = wallet.expect("she has one");
    stage.chain(|chain| {
        let amount = bitcoin::Amount::from_sat(200_000);
        chain.fund(wallet, amount).expect("it pays");
        chain.mine_one();
    });
    stage.trigger();
    let rate = bitcoin::FeeRate::from_sat_per_vb(30).expect("a feerate");
    stage.chain(|chain| chain.set_going_rate(rate));
    let txid = stage.armed.files.courses()[0].cancels[0].txid();
    // At the fee that was signed it is sent, and waits.
    let (_, told) = stage.once(&["--delegate-veto", name(&cancel)]);
    assert!(kinds(&told).contains(&"veto-sent"));
    assert!(
        !stage
            .chain(longstop::chain::EmbeddedChain::mine_one)
            .confirmed
            .contains(&txid)
    );
    let secret = SoftwareSigner::stand_in_secret(0, "alice");
    let seed = Seed::new("alice", bitcoin::NetworkKind::Test, &secret).expect("a name");
    let words = "correct horse battery";
    let passphrase = Passphrase::of(words.to_owned().into());
    let file = seed.encrypt(&passphrase, Work::ForTests);
    keep(&stage.path("seed"), &file.expect("random numbers"));
    keep(&stage.path("passphrase"), words);
    let (seed, passphrase) = (stage.path("seed"), stage.path("passphrase"));
    let pays = [
        "--veto-rule",
        "on-any-trigger",
        "--broadcaster",
        "alice",
        "--feerate",
        "40",
    ];
    // Without the key its child is asked for, and with it it is signed and sent.
    let (_, told) = stage.once(&pays);
    let wants = told.iter().filter(|notice| notice["kind"] == "veto-sent");
    assert!(wants.count() <= 1);
    // A signer that fails: its reason is told.
    let fingerprint = SoftwareSigner::stand_in(0, "alice", world.secp()).fingerprint();
    let script = format!(
        "case $1 in enumerate) echo '[{{\"fingerprint\":\"{fingerprint}\"}}]';; *) echo '{{\"error\":\"the device is locked\"}}';; esac\n"
    );
    keep(&stage.path("signer"), &script);
    let locked = format!("sh {}", name(&stage.path("signer")));
    let (_, told) = stage.once(&[&pays[..], &["--signer", &locked]].concat());
    let why = told.iter().filter_map(|notice| notice["text"].as_str());
    let why: Vec<&str> = why.filter(|text| text.contains("was not signed")).collect();
    assert!(
        matches!(&why[..], [one] if one.contains("the device is locked")),
        "{told:?}"
    );
    let signs = ["--key", name(&seed), "--passphrase-file", name(&passphrase)];
    let (_, told) = stage.once(&[&pays[..], &signs].concat());
    assert_eq!(kinds(&told), ["veto-sent"]);
    let said = told[0]["text"].as_str().expect("a text");
    assert!(said.contains("with the fee child"), "{said}");
    assert!(
        stage
            .chain(longstop::chain::EmbeddedChain::mine_one)
            .confirmed
            .contains(&txid)
    );
    let refused = stage.watch(&[
        "--once",
        "--broadcaster",
        "nobody",
        "--veto-rule",
        "on-any-trigger",
    ]);
    let refused = { refused }.output().expect("it runs");
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
}

/// What `longstop sos veto` has taken is enough for a watcher that goes by a rule, and nothing is
/// sent by one that does not.
#[test]
fn a_veto_given_by_hand_is_sent_by_a_watcher_with_a_rule() {
    let stage = Stage::new();
    let cancel = leave_veto(&stage);
    stage.trigger();
    let escrow = stage.armed.escrow(0).outpoint().to_string();
    let chain = format!("embedded:{}", stage.path("chain").display());
    let mut veto = stage.longstop(&["sos", "veto", "--coin", &escrow, "--base-fee-is-enough"]);
    veto.args(["--backend", &chain, "--psbt", name(&cancel)]);
    veto.arg("--json").arg("--").arg(stage.vault());
    let veto = veto.output().expect("it runs");
    let said = text(&veto.stderr);
    assert!(said.contains("signed by alice"), "{said}");
    let txid = stage.armed.files.courses()[0].cancels[0].txid();
    let (_, told) = stage.once(&[]);
    assert!(!kinds(&told).contains(&"veto-sent"), "without a rule");
    assert!(!stage.chain(|chain| chain.in_mempool(txid)));
    let (_, told) = stage.once(&["--veto-rule", "unless-activated"]);
    assert_eq!(kinds(&told), ["veto-sent"]);
    assert!(
        stage
            .chain(longstop::chain::EmbeddedChain::mine_one)
            .confirmed
            .contains(&txid)
    );
}

/// A ledger of a directory, as people write into it: who falls silent is told, and whoever speaks
/// again ends that, so that a second silence is told anew.
#[test]
fn a_silence_in_a_real_ledger_is_told_and_ends_with_a_heartbeat() {
    let staged = "lockup = { period = \"30 blocks\" }\n";
    let terms = "\n[path.activation]\nany = [{ silence = \"council\", for = \"40 blocks\", fewer_than = 3 }]\n";
    let draft = Draft::new("tr", TREASURY)
        .but(staged, &format!("{staged}{terms}"))
        .with_identities();
    let stage = Stage::of(&draft);
    arm(&stage);
    let ledger = stage.vault().join("ledger");
    let council = ["alice", "bob", "carol", "dave", "erin"];
    let beat = |parties: &[&str]| {
        let now = stage.chain(|chain| chain.tip().time);
        for party in parties {
            say(&ledger, party, now, Body::Heartbeat(Heartbeat {}));
        }
    };
    let of_people = |told: &[Value]| -> Vec<String> {
        let all = kinds(told).into_iter().map(str::to_owned);
        all.filter(|kind| kind.contains("heartbeat") || kind.contains("silen"))
            .collect()
    };
    let after = |blocks: u32| {
        stage.chain(|chain| drop(chain.mine(blocks)));
        of_people(&stage.once(&[]).1)
    };
    beat(&council);
    assert!(after(1).is_empty());
    assert!(after(28).is_empty(), "29 of 40 blocks");
    assert_eq!(after(1), ["heartbeat-due"; 5], "three quarters");
    // Two of them are heard of again; with the other three gone the term holds.
    beat(&["alice", "bob"]);
    let told = after(10);
    assert_eq!(
        told.iter().filter(|kind| *kind == "silent-party").count(),
        3,
        "{told:?}"
    );
    assert!(told.contains(&"silence".to_owned()), "{told:?}");
    assert!(after(0).is_empty(), "told once");
    // One heartbeat is enough to end it.
    beat(&["carol"]);
    assert!(after(0).is_empty());
    let again = after(41);
    assert!(again.contains(&"silence".to_owned()), "{again:?}");
    assert!(again.contains(&"silent-party".to_owned()), "{again:?}");
}

/// Whoever has not shown his keys in time is told, and whoever has is not until the days are over.
#[test]
fn keys_that_were_not_shown_in_time_are_told() {
    let draft = Draft::new("tr", TREASURY).with_identities();
    let stage = Stage::of(&draft);
    arm(&stage);
    let compiled = &stage.armed.world.compiled;
    let secp = bitcoin::secp256k1::Secp256k1::new();
    let day = longstop::units::UnixTime(1_769_817_600);
    let statement = KeyCheck::statement(compiled, "alice", None, day, None).expect("a party");
    let mut check = KeyCheck::new(compiled, statement, &secp).expect("her own");
    let requests: Vec<_> = check
        .challenges()
        .iter()
        .map(longstop::transaction::Challenge::request)
        .collect();
    for request in requests {
        let request = request.expect("a PSBT");
        let signed = stage
            .armed
            .world
            .people
            .sign("alice", request)
            .expect("signed");
        check.take(&signed, &secp).expect("hers");
    }
    let key = SoftwareSigner::stand_in_identity(0, "alice");
    let envelope = check.proof().sign(&key).to_line();
    let file = stage.path("proofs");
    fs::write(&file, envelope + "\n").expect("it is written");
    let told_on = |date: &str, days: &str| {
        let (_, told) = stage.once(&[
            "--attestations",
            name(&file),
            "--on",
            date,
            "--keys-every",
            days,
        ]);
        let overdue = told
            .iter()
            .filter(|notice| notice["kind"] == "keys-overdue");
        let texts = overdue.map(|notice| notice["text"].as_str().expect("a text").to_owned());
        texts.collect::<Vec<_>>()
    };
    let first = told_on("2026-02-20", "30");
    assert_eq!(first.len(), 7, "{first:?}");
    assert!(
        first
            .iter()
            .all(|said| said.contains("has never shown") && !said.contains("alice"))
    );
    assert!(
        told_on("2026-03-01", "30").is_empty(),
        "on the thirtieth day hers still count"
    );
    let over = told_on("2026-03-03", "30");
    assert_eq!(over.len(), 1, "{over:?}");
    assert!(
        over[0].contains("`alice`") && over[0].contains("2026-01-31"),
        "{over:?}"
    );
    assert!(told_on("2026-03-03", "31").is_empty(), "they count again");
    assert_eq!(told_on("2026-03-03", "30").len(), 1, "and are told anew");
}
