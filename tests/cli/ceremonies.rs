//! Ceremonies by files, as people hold them: seeds, rounds, returned files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::transaction::Version;
use bitcoin::{Amount, NetworkKind, OutPoint, Transaction, TxIn, TxOut, Txid};
use longstop::ceremony::Round;
use longstop::compile::{Compiled, Keychain, Stage, compile};
use longstop::identity::{Passphrase, Work};
use longstop::policy::check;
use longstop::signer::{Seed, SoftwareSigner};

use super::{code, json, run, text};

const PASSPHRASE: &str = "correct horse battery";

/// A folder with the files of a ceremony.
struct Desk {
    folder: tempfile::TempDir,
    policy: String,
    compiled: Compiled,
    coin: OutPoint,
}

/// Whether and how a command goes.
struct Outcome(std::process::Output);

impl Desk {
    fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = format!("policies/{policy}/policy.toml");
        let document = fs::read_to_string(&policy).expect("it is shipped");
        let checked = check(&document).policy.expect("it is sound");
        let compiled = compile(Arc::new(checked)).expect("it compiles");
        let secp = Secp256k1::new();
        let vault = compiled.stage(&Stage::Vault).expect("a vault");
        let derived = vault.derive(Keychain::Receive, 2, &secp).expect("an index");
        let deposit = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::new(Txid::from_byte_array([5; 32]), 1),
                ..TxIn::default()
            }],
            output: vec![TxOut {
                value: Amount::from_sat(5_000_000),
                script_pubkey: derived.script_pubkey().clone(),
            }],
        };
        let desk = Self {
            coin: OutPoint::new(deposit.compute_txid(), 0),
            folder,
            policy,
            compiled,
        };
        let hex = bitcoin::consensus::encode::serialize_hex(&deposit);
        fs::write(desk.path("deposit.hex"), format!("{hex}\n")).expect("written");
        desk.keep("passphrase", PASSPHRASE);
        for party in ["alice", "bob", "carol", "gina", "hal"] {
            let secret = SoftwareSigner::stand_in_secret(0, party);
            let seed = Seed::new(party, NetworkKind::Test, &secret).expect("a name");
            let passphrase = Passphrase::of(PASSPHRASE.to_owned().into());
            let file = seed.encrypt(&passphrase, Work::ForTests);
            desk.keep(party, &file.expect("random numbers"));
        }
        desk
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("a plain path").to_owned()
    }

    /// Writes what nobody else may read.
    fn keep(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&path, mode).expect("its mode can be set");
        }
    }

    /// Runs a command, with `@name` for files of the folder.
    fn run(&self, line: &str) -> Outcome {
        let words = line.split(' ').map(|word| match word.strip_prefix('@') {
            Some("policy") => self.policy.clone(),
            Some("coin") => self.coin.to_string(),
            Some(name) => self.path(name),
            None => word.to_owned(),
        });
        let words: Vec<String> = words.collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Outcome(run(&words))
    }

    fn sign(&self, party: &str) -> Outcome {
        let key = format!("--key @{party} --passphrase-file @passphrase");
        self.run(&format!("arm sign @policy @round {key} --json"))
    }

    fn state(&self) -> String {
        let status = self.run("arm status @policy @round --json").ok();
        status["state"].as_str().expect("a word").to_owned()
    }
}

impl Outcome {
    #[track_caller]
    fn ok(self) -> serde_json::Value {
        assert_eq!(code(&self.0), 0, "{}", text(&self.0.stderr));
        json(&self.0)
    }

    /// It ends with a code and says why.
    #[track_caller]
    fn fails(self, expected: i32, why: &str) {
        let said = text(&self.0.stderr);
        assert_eq!(code(&self.0), expected, "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_round_goes_from_hand_to_hand_until_it_is_armed() {
    for policy in ["dao-treasury", "dao-treasury-wsh"] {
        let desk = Desk::new(policy);
        let start = "arm start @policy --coin @coin --tx @deposit.hex --path sos";
        desk.run(&format!("{start} --output @round --json")).ok();
        desk.run(&format!("{start} --output @round"))
            .fails(4, "is there already");
        assert_eq!(desk.state(), "unarmed");
        desk.run("arm acknowledge @policy @round --party gina")
            .fails(3, "must be signed before");
        desk.run("arm verify @policy @round --json").fails(1, "");

        // Two sign here, and the third on a copy, by PSBT files.
        desk.sign("gina").fails(1, "are not asked for");
        desk.sign("alice").ok();
        desk.sign("bob").ok();
        let write = "arm sign @policy @round --party carol --write @asked --json";
        let written = desk.run(write).ok();
        let written = written["written"].as_array().expect("files").clone();
        assert_eq!(written.len(), 4, "cancel and settle of two courses");
        let mut returned = Vec::new();
        for file in &written {
            let file = file.as_str().expect("a name");
            let name = Path::new(file).file_name().and_then(|name| name.to_str());
            let name = format!("returned-{}", name.expect("a name"));
            let sign = format!(
                "psbt sign @policy {file} --key @carol --passphrase-file @passphrase --output @{name} --json"
            );
            desk.run(&sign).ok();
            returned.push(format!("@{name}"));
        }
        assert_eq!(desk.state(), "unarmed");
        desk.run(&format!(
            "arm add @policy @round {} --json",
            returned.join(" ")
        ))
        .ok();
        assert_eq!(desk.state(), "protected");
        desk.run("arm verify @policy @round --json").ok();

        // Nobody is asked for a trigger before enough hold the cancel and the settle.
        desk.sign("alice").fails(1, "are not asked for");
        for (party, after) in [("gina", "protected"), ("hal", "protected"), ("alice", "")] {
            let acknowledge = format!("arm acknowledge @policy @round --party {party} --json");
            desk.run(&acknowledge).ok();
            if !after.is_empty() {
                assert_eq!(desk.state(), after);
            }
        }
        desk.run("arm acknowledge @policy @round --party mallory")
            .fails(3, "neither vetoes");
        if desk.state() == "protected" {
            desk.run("arm acknowledge @policy @round --party bob --json")
                .ok();
        }
        assert_eq!(desk.state(), "acknowledged");

        // A copy that lags behind takes what the others have.
        fs::copy(desk.path("round"), desk.path("copy")).expect("copied");
        for party in ["alice", "bob", "carol"] {
            desk.sign(party).ok();
        }
        assert_eq!(desk.state(), "armed");
        desk.run("arm add @policy @copy @round --json").ok();
        let copy = desk.run("arm status @policy @copy --json").ok();
        assert_eq!(copy["state"], "armed");
        desk.sign("alice").fails(1, "are not asked for");

        let secp = Secp256k1::new();
        let bytes = fs::read(desk.path("round")).expect("a round");
        let (round, _) = Round::read(&bytes, &desk.compiled, &secp).expect("it is ours");
        let armed = round.into_armed().expect("it is armed");
        assert_eq!(armed[0].coin().outpoint(), desk.coin);

        // The agents sign the trigger with the round at hand, and not without it.
        let trigger = armed[0].courses()[0].trigger.to_psbt().expect("a file");
        fs::write(desk.path("trigger"), trigger.serialize()).expect("written");
        let sign = "psbt sign @policy @trigger --key @gina --passphrase-file @passphrase";
        desk.run(&format!("{sign} --output @one"))
            .fails(1, "nobody signs without its cancel");
        let signed = desk
            .run(&format!("{sign} --round @round --output @one --json"))
            .ok();
        assert_eq!(
            signed["accepted"][0]["parties"],
            serde_json::json!(["gina"])
        );
        let two = "psbt sign @policy @trigger --key @hal --passphrase-file @passphrase --round @round --output @two --json";
        desk.run(two).ok();
        let merged = desk
            .run("psbt merge @policy @trigger @one @two --output @both --json")
            .ok();
        assert_eq!(merged["met"], serde_json::json!(["arming", "path"]));
    }
}

#[test]
fn a_payment_is_signed_once_it_is_confirmed() {
    let desk = Desk::new("dao-treasury");
    let vectors = "tests/vectors/ceremony";
    let key = "--key @alice --passphrase-file @passphrase";
    let spend = format!("psbt sign @policy {vectors}/tr-spend.psbt {key} --output @signed");
    let address = "bcrt1qqurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qursq2j8q4";
    desk.run(&spend).fails(1, "is not confirmed");
    desk.run(&format!("{spend} --yes-to {address}=999999"))
        .fails(1, "is not confirmed");
    desk.run(&format!("{spend} --yes-to {address}=1000000 --json"))
        .ok();
    desk.run(&format!("{spend} --yes-to {address}=1000000"))
        .fails(4, "is there already");
    let shown = desk.run("psbt show @policy @signed --json").ok();
    assert_eq!(shown["seats"][0]["signed"], true);
    let stolen = format!("psbt sign @policy {vectors}/tr-stolen.psbt {key} --output @stolen");
    desk.run(&stolen).fails(1, "no-destination");
    assert!(!Path::new(&desk.path("stolen")).exists());
    // Somebody who has no part in it, and nobody.
    let other = format!("psbt sign @policy {vectors}/tr-spend.psbt --yes-to {address}=1000000");
    let gina = "--key @gina --passphrase-file @passphrase --output @gina.psbt";
    desk.run(&format!("{other} {gina}"))
        .fails(1, "are not asked for");
    desk.run(&format!("{other} --output @nobody"))
        .fails(2, "nobody is named");
}

/// A program that is called as Bitcoin Core calls its external signers.
#[cfg(unix)]
#[test]
fn another_program_signs() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new("dao-treasury");
    let longstop = env!("CARGO_BIN_EXE_longstop");
    let root = env!("CARGO_MANIFEST_DIR");
    let script = format!(
        r#"#!/bin/sh
case "$1" in
enumerate) echo '[{{"fingerprint":"73ba188d","model":"test"}},{{"fingerprint":"00000000"}}]';;
--stdin)
  [ "$2 $3 $4 $5" = "--fingerprint 73ba188d --chain regtest" ] || {{ echo '{{"error":"bad call"}}'; exit; }}
  read -r word psbt
  [ "$word" = signtx ] || {{ echo '{{"error":"bad word"}}'; exit; }}
  cd {root}
  echo "$psbt" > {folder}/asked
  {longstop} psbt sign {policy} {folder}/asked --key {folder}/alice --passphrase-file {folder}/passphrase --output {folder}/answer >/dev/null 2>&1
  echo "{{\"psbt\":\"$(base64 -w 0 {folder}/answer)\"}}";;
esac
"#,
        folder = desk.folder.path().display(),
        policy = desk.policy,
    );
    let program = desk.path("device");
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("its mode");
    let sign = "psbt sign @policy tests/vectors/ceremony/tr-cancel.psbt --signer @device";
    let signed = desk.run(&format!("{sign} --output @signed --json")).ok();
    assert_eq!(
        signed["accepted"][0]["parties"],
        serde_json::json!(["alice"])
    );
    desk.run(&format!("{sign} --fingerprint 00000001 --output @other"))
        .fails(3, "no device");
    desk.run(
        "psbt sign @policy tests/vectors/ceremony/tr-cancel.psbt --signer false --output @none",
    )
    .fails(3, "did not sign");
    // It is called in one go for everything that is asked.
    let start =
        "arm start @policy --coin @coin --tx @deposit.hex --path sos --output @round --json";
    desk.run(start).ok();
    fs::remove_file(desk.path("answer")).expect("it answered");
    let refused = desk.run("arm sign @policy @round --signer false");
    refused.fails(3, "did not sign");
}

#[test]
fn a_seed_is_made_and_shown() {
    let desk = Desk::new("dao-treasury");
    let new = "signer new --name alice --output @seed --passphrase-file @passphrase";
    let made = desk.run(&format!("{new} --json")).ok();
    desk.run(new).fails(4, "is there already");
    let shown = desk
        .run("signer show @seed --passphrase-file @passphrase --json")
        .ok();
    assert_eq!(made, shown);
    let file = fs::read_to_string(desk.path("seed")).expect("a file");
    assert!(file.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(desk.path("seed"))
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // The stand-in of alice has the accounts of the shipped policy.
    let alice = desk
        .run("signer show @alice --passphrase-file @passphrase --json")
        .ok();
    let policy = fs::read_to_string(&desk.policy).expect("it is shipped");
    for account in alice["accounts"].as_array().expect("accounts") {
        assert!(policy.contains(account["key"].as_str().expect("a key")));
    }
    desk.keep("wrong", "another passphrase");
    desk.run("signer show @alice --passphrase-file @wrong")
        .fails(3, "passphrase is wrong");
    desk.run("signer show @passphrase --passphrase-file @passphrase")
        .fails(3, "not encrypted");
}

/// A file goes out as codes and comes back as what a camera read, in any order, wherever a PSBT is
/// read.
#[test]
fn codes_go_out_and_come_back() {
    let desk = Desk::new("dao-treasury");
    let cancel = "tests/vectors/ceremony/tr-cancel.psbt";
    for format in ["bbqr", "ur"] {
        let show = format!("psbt show @policy {cancel} --qr {format} --qr-version 12");
        let shown = desk.run(&format!("{show} --json")).ok();
        assert_eq!(shown["qr"]["format"], format);
        let frames = shown["qr"]["frames"].as_array().expect("frames").clone();
        assert!(frames.len() > 3, "{frames:?}");
        let out = format!("{show} --qr-out @{format} --qr-page @{format}.html");
        desk.run(&format!("{out} --json")).ok();
        let written = fs::read_to_string(desk.path(format)).expect("it is written");
        let mut lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines, frames);
        desk.run(&out).fails(4, "is there already");
        let page = fs::read_to_string(desk.path(&format!("{format}.html"))).expect("a page");
        assert_eq!(page.matches("<svg").count(), frames.len());
        assert!(page.contains("cancel out of the escrow of sos"));
        // Without a terminal there is nothing to show codes on.
        desk.run(&show)
            .fails(2, "there is no terminal to show codes on");

        // The signer reads them, and signs; so do those who put files together.
        let sign = "--key @alice --passphrase-file @passphrase --json";
        lines.reverse();
        desk.keep("scanned", &lines.join("\n"));
        desk.run(&format!(
            "psbt sign @policy @scanned {sign} --output @signed-{format}"
        ))
        .ok();
        let answer = format!("psbt show @policy @signed-{format} --qr {format} --qr-out");
        desk.run(&format!("{answer} @answer-{format} --json")).ok();
        let merge =
            format!("psbt merge @policy {cancel} @answer-{format} --output @merged-{format}");
        let merged = desk.run(&format!("{merge} --json")).ok();
        assert_eq!(
            merged["accepted"][0]["parties"],
            serde_json::json!(["alice"])
        );
        desk.run(&format!(
            "psbt check @policy @scanned @answer-{format} --json"
        ))
        .ok();
        desk.keep("lacking", &lines[1..lines.len() / 2].join("\n"));
        desk.run("psbt show @policy @lacking")
            .fails(3, "frames-missing");
    }
    // What nobody should sign is not held in front of a signer.
    let stolen = "psbt show @policy tests/vectors/ceremony/tr-stolen.psbt --qr ur --qr-out @stolen";
    desk.run(stolen).fails(1, "no-destination");
    assert!(!Path::new(&desk.path("stolen")).exists());
    desk.run(&format!("psbt show @policy {cancel} --qr-out @none"))
        .fails(2, "--qr");
    desk.run(&format!(
        "psbt show @policy {cancel} --qr ur --qr-version 41"
    ))
    .fails(2, "from 1 to 40");
    desk.run(&format!(
        "psbt show @policy {cancel} --qr ur --qr-version 1 --json"
    ))
    .fails(2, "take larger codes");

    // What a party is to sign in a round goes out as pages, and back as what was read.
    desk.run("arm start @policy --coin @coin --tx @deposit.hex --path sos --output @round --json")
        .ok();
    let write = "arm sign @policy @round --party carol --write @asked --qr bbqr --json";
    let written = desk.run(write).ok();
    let written = written["written"].as_array().expect("files").clone();
    assert_eq!(written.len(), 8, "a file and a page for each");
    desk.run("arm sign @policy @round --key @alice --passphrase-file @passphrase --qr ur")
        .fails(2, "--write");
    let sign = "--key @carol --passphrase-file @passphrase --json";
    desk.run(&format!(
        "psbt sign @policy @asked/carol-0001.psbt {sign} --output @one"
    ))
    .ok();
    desk.run("psbt show @policy @one --qr ur --qr-out @one-read --json")
        .ok();
    let added = desk.run("arm add @policy @round @one-read --json").ok();
    assert_eq!(added["taken"]["accepted"]["carol"], 1);
}
