//! The table at which somebody sits with the page, a terminal and a node.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bitcoin::Transaction;
use bitcoin::consensus::encode::deserialize_hex;
use serde_json::json;
use tempfile::TempDir;

use crate::group::{Group, secret};
use crate::node::{Node, built};
use crate::page::Page;

/// Somebody of no importance: the witness program of the examples of BIP-173.
const SOMEBODY: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// Anybody may spend what this pays.
const MINER: &str = "raw(51)#8lvh9jxk";

/// Runs a program on a terminal of its own, types a line once it has asked for something, and says
/// what was to be seen.
const TERMINAL: &str = r#"
import os, pty, sys, termios, time
line, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
seen, is_typed = b"", False
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:
        break
    if not some:
        break
    seen += some
    if not is_typed and b"passphrase" in seen.lower():
        # Whoever types before it is asked for is seen typing.
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(terminal, line.encode() + b"\n")
        is_typed = True
_, status = os.waitpid(child, 0)
sys.stdout.write(seen.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(status))
"#;

/// Where a node is found by `bitcoin-cli` without any option.
struct Home {
    folder: TempDir,
    node: Node,
}

impl Home {
    fn new() -> Self {
        let node = Node::start(&servers(), &["-listen=0".to_owned()]);
        let folder = tempfile::tempdir().expect("a folder");
        let settings = folder.path().join(".bitcoin");
        fs::create_dir(&settings).expect("a folder");
        let (port, cookie) = (node.port, node.cookie());
        let text = format!(
            "regtest=1\n[regtest]\nrpcport={port}\nrpccookiefile={}\n",
            cookie.display()
        );
        fs::write(settings.join("bitcoin.conf"), text).expect("a file");
        Self { folder, node }
    }
}

fn servers() -> PathBuf {
    built("bitcoind").expect("asked before")
}

pub struct Desk<'a> {
    page: &'a Page,
    group: &'a Group,
    stages: &'static str,
    online: Home,
    /// It has no blocks, and signs.
    offline: Home,
    /// One folder for each coin.
    folders: TempDir,
    folder: PathBuf,
    done: BTreeSet<String>,
}

impl<'a> Desk<'a> {
    /// The files of the page are saved, and the node has the chain of the group.
    pub fn new(page: &'a Page, group: &'a Group, stages: &'static str) -> Self {
        let folders = tempfile::tempdir().expect("a folder");
        let (online, offline) = (Home::new(), Home::new());
        online.node.follow(&group.world.chain);
        let mut desk = Self {
            folder: folders.path().join("first"),
            page,
            group,
            stages,
            online,
            offline,
            folders,
            done: BTreeSet::new(),
        };
        fs::create_dir(&desk.folder).expect("a folder");
        for (name, text) in page.files() {
            desk.write(name, text);
        }
        desk.write("descriptors.txt", &group.descriptors());
        desk.write("fees.txt", &group.fee_wallet("gina"));
        desk.run("run-session", &[]);
        desk.run("run-stages", &[]);
        desk
    }

    /// Goes on in another folder, which begins with what was prepared in the first one.
    pub fn turn_to(&mut self, name: &str) {
        let first = self.folders.path().join("first");
        self.folder = self.folders.path().join(name);
        if self.folder.exists() {
            return;
        }
        fs::create_dir(&self.folder).expect("a folder");
        for file in fs::read_dir(first).expect("a folder") {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|end| end != "psbt") {
                let name = path.file_name().expect("a name");
                fs::copy(&path, self.folder.join(name)).expect("a file");
            }
        }
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).expect("a file");
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.folder.join(name)).expect("it is there");
    }

    pub fn rename(&self, name: &str, other: &str) {
        fs::rename(self.folder.join(name), self.folder.join(other)).expect("it is there");
    }

    pub fn has(&self, name: &str) -> bool {
        self.folder.join(name).exists()
    }

    /// Runs a step, which must succeed, and returns what it says.
    #[track_caller]
    pub fn run(&mut self, step: &str, vars: &[(&str, &str)]) -> String {
        let (is_good, said) = self.shell(self.page.step(step), &self.online, vars, "");
        assert!(is_good, "{step}: {said}");
        self.done.insert(step.to_owned());
        said
    }

    /// Runs a step, which must fail with this word.
    #[track_caller]
    pub fn refused(&mut self, step: &str, vars: &[(&str, &str)], word: &str) {
        let (is_good, said) = self.shell(self.page.step(step), &self.online, vars, "");
        assert!(!is_good && said.contains(word), "{step}: {said}");
    }

    /// A party signs a file for a coin of the policy.
    #[track_caller]
    pub fn signs(&mut self, name: &str, who: &str) {
        self.signs_as("run-sign", name, who);
    }

    /// A party signs a file in one of the ways of the page.
    #[track_caller]
    pub fn signs_as(&mut self, step: &str, name: &str, who: &str) {
        let (is_good, said) = self.try_sign(step, name, who, &self.group.fingerprint(who));
        assert!(is_good, "{who} signs {name}: {said}");
        assert!(!said.contains(&secret(who)), "what is typed is not shown");
        self.done.insert(step.to_owned());
    }

    /// The same with a fingerprint that may be another's.
    pub fn try_sign(&self, step: &str, name: &str, who: &str, origin: &str) -> (bool, String) {
        let vars = [("NAME", name), ("WHO", who), ("FINGERPRINT", origin)];
        let typed = format!("{}\n\n", secret(who));
        self.shell(self.page.step(step), &self.offline, &vars, &typed)
    }

    /// What the page says in passing: `send NAME`.
    #[track_caller]
    pub fn send(&self, name: &str) {
        self.succeeds(&format!("send {name}"));
    }

    /// What the page says in passing.
    #[track_caller]
    pub fn succeeds(&self, commands: &str) {
        let (is_good, said) = self.shell(commands, &self.online, &[], "");
        assert!(is_good, "{commands}: {said}");
    }

    /// The same, which must fail with this word.
    #[track_caller]
    pub fn fails(&self, commands: &str, word: &str) {
        let (is_good, said) = self.shell(commands, &self.online, &[], "");
        assert!(!is_good && said.contains(word), "{commands}: {said}");
    }

    /// Whether a program is there; a function of the page by the same name is none.
    pub fn has_program(&self, name: &str) -> bool {
        let found = self.shell(&format!("type -P {name}"), &self.online, &[], "");
        found.0
    }

    /// What a backup is to bring.
    pub fn forget_files(&self) {
        for name in ["arming.json", "descriptors.txt"] {
            // It may not be there yet.
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("it is there")
    }

    /// Runs a step on a terminal, and types a line when it is asked for one.
    pub fn types(&mut self, step: &str, line: &str) -> (bool, String) {
        let output = Command::new("python3")
            .args(["-c", TERMINAL, line, "bash", "-e", "-c"])
            .arg(format!(
                "{}{}",
                self.page.step("run-session"),
                self.page.step(step)
            ))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .expect("python3");
        self.done.insert(step.to_owned());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said)
    }

    /// Bash, as it is after the first step, but that nothing goes on after a failure.
    fn shell(
        &self,
        commands: &str,
        home: &Home,
        vars: &[(&str, &str)],
        typed: &str,
    ) -> (bool, String) {
        let path = std::env::var("PATH").expect("there is one");
        let session = self.page.step("run-session");
        let mut child = Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c"])
            .arg(format!("exec 2>&1\n{session}{commands}"))
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{path}", servers().display()))
            .env("HOME", home.folder.path())
            .env("LAST", "10")
            .env("STAGES", self.stages)
            .env("TO", SOMEBODY)
            .envs(vars.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("bash");
        let mut stdin = child.stdin.take().expect("piped");
        // Who reads nothing may be gone already.
        let _ = stdin.write_all(typed.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said)
    }

    pub fn mine(&self, blocks: u32) {
        let node = &self.online.node;
        node.call("generatetodescriptor", json!([blocks, MINER]));
    }

    pub fn mine_to(&self, height: u32) {
        let now = self.online.node.call("getblockcount", json!([]));
        let now = u32::try_from(now.as_u64().expect("a height")).expect("small");
        self.mine(height.checked_sub(now).expect("not there yet"));
    }

    /// How many blocks old a coin is, as the node sees it.
    pub fn age(&self, coin: &str) -> u32 {
        let (txid, vout) = coin.split_once(':').expect("a coin");
        let vout: u32 = vout.parse().expect("a number");
        let found = self.online.node.call("gettxout", json!([txid, vout]));
        let age = found["confirmations"].as_u64().expect("it is there");
        u32::try_from(age).expect("small")
    }

    pub fn age_to(&self, coin: &str, age: u32) {
        self.mine(age.checked_sub(self.age(coin)).expect("it is younger"));
    }

    /// The next block has it.
    #[track_caller]
    pub fn confirm(&self, name: &str) {
        assert!(self.is_waiting(name), "{name}");
        self.mine(1);
        assert_eq!(self.age(&self.output(name)), 1, "{name}");
    }

    pub fn is_waiting(&self, name: &str) -> bool {
        self.is_waiting_with(&self.txid(name))
    }

    pub fn is_waiting_with(&self, txid: &str) -> bool {
        let entry = self.online.node.try_call("getmempoolentry", json!([txid]));
        entry.is_ok()
    }

    pub fn transaction(&self, name: &str) -> Transaction {
        let path = self.folder.join(format!("{name}.hex"));
        let text = fs::read_to_string(path).expect("it is complete");
        deserialize_hex(text.trim()).expect("a transaction")
    }

    pub fn txid(&self, name: &str) -> String {
        self.transaction(name).compute_txid().to_string()
    }

    /// The first output of a transaction.
    pub fn output(&self, name: &str) -> String {
        format!("{}:0", self.txid(name))
    }

    /// What the node says about a transaction that waits.
    pub fn waiting_feerate(&self, name: &str) -> f64 {
        let entry = (self.online.node).call("getmempoolentry", json!([self.txid(name)]));
        let fees = |what: &str| entry["fees"][what].as_f64().expect("an amount");
        let size = |what: &str| entry[what].as_f64().expect("a size");
        fees("descendant") * 1e8 / size("descendantsize")
    }

    pub fn done(self) -> BTreeSet<String> {
        self.done
    }
}
