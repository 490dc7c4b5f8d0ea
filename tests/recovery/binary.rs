//! The program itself, ended at points by its own hand and called again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bitcoin::{Psbt, Txid};
use longstop::arming::ArmingFile;
use longstop::chain::{Chain, ChainFile};
use longstop::engine::Signers;
use longstop::units::BlockHeight;
use longstop::wallet::{Entry, Vault};
use serde_json::Value;
use tempfile::TempDir;

use super::kit::AGENTS;
use crate::vault::{Armed, Draft, TREASURY};

/// A folder with a vault and a chain, in memory where there is one.
struct Desk {
    folder: TempDir,
    armed: Armed,
}

impl Desk {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let folder = folder.expect("a folder");
        let mut armed = Armed::new(&Draft::new("tr", TREASURY));
        armed.world.fee_coin("gina", 400_000);
        let compiled = std::sync::Arc::clone(&armed.world.compiled);
        let file = ArmingFile::new(&armed.files, &compiled).expect("a file");
        let path = folder.path().join("home/vault");
        fs::create_dir(folder.path().join("home")).expect("a folder");
        let vault = Vault::create(&path, compiled, BlockHeight(0), "a test");
        let mut vault = vault.expect("a vault");
        let file = Box::new(file);
        vault.remember(Entry::Armed { file }).expect("it is kept");
        vault.close().expect("it closes");
        let chain = folder.path().join("home/chain.txt");
        ChainFile::create(&chain, &armed.world.chain).expect("a chain");
        Self { folder, armed }
    }

    /// The same desk in another folder.
    fn copy(&self) -> Self {
        let folder = tempfile::tempdir_in(self.folder.path().parent().expect("a folder"));
        let folder = folder.expect("a folder");
        let from = self.folder.path().join("home");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(folder.path())
            .status();
        assert!(copied.expect("cp runs").success());
        Self {
            folder,
            armed: self.armed.fork(),
        }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn run(&self, arguments: &[&str], failpoint: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longstop"));
        command
            .args(arguments)
            .args(["--backend", "embedded:chain.txt", "--broadcaster", "gina"])
            .arg("--json")
            .current_dir(self.home())
            .env("LONGSTOP_STATE", self.folder.path().join("state"))
            .env_remove("LONGSTOP_FAILPOINT")
            .stdin(Stdio::null());
        if let Some(point) = failpoint {
            command.env("LONGSTOP_FAILPOINT", point);
        }
        command.output().expect("the program runs")
    }

    fn coin(&self) -> String {
        self.armed.coin.outpoint().to_string()
    }

    fn trigger(&self) -> Txid {
        self.armed.files.courses()[0].trigger.txid()
    }

    /// What has to be typed to trigger.
    fn confirmation(&self) -> String {
        let dry = self.run(
            &[
                "sos",
                "trigger",
                "vault",
                "--coin",
                &self.coin(),
                "--path",
                "sos",
                "--dry-run",
            ],
            None,
        );
        assert_eq!(code(&dry), Some(0), "{}", text(&dry.stderr));
        let plan = json(&dry);
        plan["confirmation"].as_str().expect("a text").to_owned()
    }

    fn begin(&self, confirm: &str, out: &str, failpoint: Option<&str>) -> Output {
        let coin = self.coin();
        let mut arguments = vec!["sos", "trigger", "vault", "--coin", &coin, "--path", "sos"];
        arguments.extend(["--confirm", confirm, "--psbt-out", out]);
        self.run(&arguments, failpoint)
    }

    /// The agents sign what was written, each a file.
    fn sign(&self, file: &str) -> Vec<String> {
        let bytes = fs::read(self.home().join(file)).expect("it is written");
        let psbt = Psbt::deserialize(&bytes).expect("a PSBT");
        let signed = AGENTS.map(|party| {
            let signed = self.armed.world.people.sign(party, psbt.clone());
            let name = format!("{party}.psbt");
            let bytes = signed.expect("it signs").serialize();
            fs::write(self.home().join(&name), bytes).expect("it is written");
            name
        });
        signed.to_vec()
    }

    fn in_mempool(&self, txid: Txid) -> bool {
        let chain = ChainFile::open(&self.home().join("chain.txt")).expect("a chain");
        chain.in_mempool(txid).expect("it answers")
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn phase(output: &Output) -> String {
    let run = json(output);
    let phase = run["operations"][0]["phase"].as_str();
    phase.unwrap_or_else(|| panic!("{run}")).to_owned()
}

#[test]
fn the_program_goes_on_where_it_was_ended() {
    let desk = Desk::new();
    let confirm = desk.confirmation();
    // Another text is refused, and so is none.
    let other = desk.begin("1 BTC to me", "no.psbt", None);
    assert_eq!(code(&other), Some(1), "{}", text(&other.stderr));
    let status = desk.run(&["sos", "status", "vault"], None);
    assert_eq!(
        json(&status)["operations"].as_array().map(Vec::len),
        Some(0)
    );
    for point in ["before-intend", "after-intend", "after-approve"] {
        let ended = desk.begin(&confirm, "never.psbt", Some(point));
        assert_eq!(code(&ended), None, "{point}: {}", text(&ended.stderr));
    }
    assert!(!desk.home().join("never.psbt").exists());
    let begun = desk.begin(&confirm, "trigger.psbt", None);
    assert_eq!(code(&begun), Some(6), "{}", text(&begun.stderr));
    assert_eq!(phase(&begun), "intended");
    let files = desk.sign("trigger.psbt");
    let resume = [
        "sos",
        "resume",
        "vault",
        "--feerate",
        "10",
        "--psbt",
        &files[0],
        &files[1],
    ];
    for point in [
        "before-keep:2",
        "after-complete",
        "before-submit",
        "after-submit",
    ] {
        let desk = desk.copy();
        let ended = desk.run(&resume, Some(point));
        assert_eq!(code(&ended), None, "{point}: {}", text(&ended.stderr));
        let gone_on = desk.run(&resume, None);
        // Its fee child waits for a signature.
        assert_eq!(
            code(&gone_on),
            Some(6),
            "{point}: {}",
            text(&gone_on.stderr)
        );
        assert_eq!(phase(&gone_on), "seen", "{point}");
        assert!(desk.in_mempool(desk.trigger()), "{point}");
    }
    let unknown = desk.run(&["sos", "status", "vault"], Some("during-submit"));
    assert_eq!(code(&unknown), Some(2));
}
