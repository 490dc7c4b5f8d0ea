//! The program itself: with real processes, sockets and signals.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use longstop::arming::ArmingFile;
use longstop::chain::ChainFile;
use longstop::compile::Role;
use longstop::engine::Signers;
use longstop::wallet::{Entry, Vault};
use serde_json::Value;
use tempfile::TempDir;

use crate::vault::{Armed, Draft, TREASURY};

/// How long the program may take for something.
const PATIENCE: Duration = Duration::from_secs(60);

/// A vault in a directory about a policy, and a chain in a file with a coin that is armed.
struct Stage {
    folder: TempDir,
    armed: Armed,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let draft = Draft::new("tr", TREASURY);
        let armed = Armed::new(&draft);
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

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    fn longstop(&self, arguments: &[&str]) -> Box<Command> {
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    let lines = text(&output.stdout);
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("each line is JSON")
}

fn kinds(told: &[Value]) -> Vec<&str> {
    let kinds = told.iter().map(|notice| notice["kind"].as_str());
    kinds.map(|kind| kind.expect("a word")).collect()
}

/// Waits until something is so.
#[track_caller]
fn until<T>(mut so: impl FnMut() -> Option<T>) -> T {
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
struct Running(Child);

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
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
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
    let mut notes = BufReader::new(running.0.stderr.take().expect("a pipe")).lines();
    let address = notes.find_map(|line| {
        let line = line.expect("a line");
        let (_, rest) = line.split_once("http://")?;
        Some(rest.split_once('/').expect("a path").0.to_owned())
    });
    let address = address.expect("it says where");
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
    // It reads no further, and answers all the same.
    let long = "GET /metrics HTTP/1.1\r\nA: ";
    let long = format!("{long:a<4608}");
    assert!(ask(&address, &long).starts_with("HTTP/1.1 400 "));
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

/// Hands a file with alice's signature on the cancel to the program.
fn leave_veto(stage: &Stage) -> PathBuf {
    let world = &stage.armed.world;
    let mut vault = Vault::open(&stage.vault(), None, "a test").expect("it opens");
    let file = ArmingFile::new(&stage.armed.files, &world.compiled).expect("a file");
    let file = Box::new(file);
    vault.remember(Entry::Armed { file }).expect("it is kept");
    vault.close().expect("it closes");
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
