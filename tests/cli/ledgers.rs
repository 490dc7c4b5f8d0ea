//! Ledgers and cases on the command line: sessions in folders of their own, and what a session
//! cannot show.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use longstop::ledger::{Directory, Store};
use serde_json::Value;
use tempfile::TempDir;

use super::{code, json, keep_from_others, text};

const POLICY: &str = "tests/cli/fixtures/governance/policy.toml";
const IDENTITIES: &str = "tests/cli/fixtures/identities";
const PARTIES: [&str; 5] = ["ann", "ben", "cat", "dan", "eve"];

/// A folder in memory where there is one: what is on the device is tested elsewhere, and each of
/// these tests would wait for it many times.
fn new_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    folder.expect("a folder")
}

/// Puts a policy and the identities of its parties into a folder.
fn furnish(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    let copy = |from: PathBuf, name: &str| {
        fs::copy(from, folder.join(name)).expect("it can be copied");
    };
    for party in PARTIES {
        let name = format!("{party}.identity");
        copy(Path::new(IDENTITIES).join(&name), &name);
    }
    copy(Path::new(IDENTITIES).join("passphrase"), "passphrase");
    keep_from_others(folder.to_str().expect("a plain name"));
    copy(POLICY.into(), "policy.toml");
    // The account keys of parties, as their devices show them, and one of a stranger.
    let text = fs::read_to_string(POLICY).expect("the policy");
    let policy = longstop::policy::check(&text).policy.expect("it is sound");
    for party in policy.parties() {
        let file = folder.join(format!("{}.account", party.name()));
        fs::write(file, party.key().to_string()).expect("it can be written");
    }
    let secp = bitcoin::secp256k1::Secp256k1::new();
    let stranger = longstop::signer::SoftwareSigner::stand_in(9, "stranger", &secp);
    let account = stranger.account(&"48h/1h/0h/3h".parse().expect("a path"), &secp);
    fs::write(folder.join("stranger.account"), account.to_string()).expect("it can be written");
}

/// Runs the commands of a document in a new folder, and compares what they print.
fn session(document: &str) {
    let folder = new_folder();
    // Beside a document NAME.md, the folder NAME.in is where its commands are run.
    let end = Path::new(document).extension().expect("a kind");
    let copy = folder.path().join("session").with_extension(end);
    fs::copy(document, &copy).expect("it can be copied");
    furnish(&folder.path().join("session.in"));
    let state = folder.path().join("state");
    let cases = trycmd::TestCases::new();
    cases.env("LONGSTOP_STATE", state.to_str().expect("a plain name"));
    cases.case(&copy);
    cases.run();
    if std::env::var("TRYCMD").is_ok_and(|mode| mode == "overwrite") {
        fs::copy(&copy, document).expect("it can be copied back");
    }
}

#[test]
fn a_ledger_from_its_beginning() {
    session("tests/cli/sessions/ledger.trycmd");
}

#[test]
fn a_chain_in_a_file() {
    session("tests/cli/sessions/chain.trycmd");
}

#[test]
fn cases_and_what_is_said_about_them() {
    session("tests/cli/sessions/case.trycmd");
}

#[test]
fn a_vault_from_its_beginning() {
    session("tests/cli/sessions/vault.trycmd");
}

#[test]
fn the_coins_of_a_vault_and_its_backup() {
    session("tests/cli/sessions/vault-coins.trycmd");
}

#[test]
fn the_session_in_the_book_is_what_happens() {
    session("book/src/governance.md");
}

#[test]
fn evidence_in_the_book_is_what_happens() {
    session("book/src/evidence.md");
}

/// A machine with a folder, and a memory of ledgers beside it.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = new_folder();
        furnish(&folder.path().join("home"));
        Self { folder }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longstop"));
        command
            .args(line.split_whitespace())
            .current_dir(self.home())
            .env("LONGSTOP_STATE", self.folder.path().join("state"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().expect("the program runs")
    }

    /// Runs a command that comes to a result.
    fn result(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --json"));
        assert!(
            matches!(code(&output), 0 | 6),
            "{line}: {}",
            text(&output.stderr)
        );
        json(&output)
    }

    /// Runs a command that fails, and gives its exit code, its kind and its message.
    fn failure(&self, line: &str) -> (i32, String, String) {
        let output = self.run(&format!("{line} --json"));
        let result = json(&output);
        let word = |field: &str| {
            result["error"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        (code(&output), word("kind"), word("message"))
    }

    /// What a party says, so many blocks after the beginning.
    fn say(&self, what: &str, party: &str, blocks: u32) -> Value {
        self.result(&said(what, party, blocks))
    }

    fn root(&self, ledger: &str) -> Value {
        self.result(&format!("ledger verify {ledger}"))["root"].clone()
    }
}

/// A machine with evidence of a case in a folder, and in an archive.
fn with_evidence() -> Machine {
    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml");
    machine.say("case heartbeat ledger", "ann", 0);
    let opened = machine.say("case open ledger --path sos --why fire", "dan", 1);
    let case = opened["event"].as_str().expect("an id").to_owned();
    for output in ["case", "case.zip"] {
        let line = format!("evidence create ledger {case} --report policy.toml --output {output}");
        let created = machine.say(&line, "ann", 2);
        assert_eq!(
            (&created["files"], &created["size"]),
            (&12.into(), &2.into())
        );
    }
    machine
}

#[test]
fn evidence_is_the_same_in_a_folder_and_in_an_archive() {
    let machine = with_evidence();
    let mut folder = machine.result("evidence verify case");
    let mut archive = machine.result("evidence verify case.zip");
    for verified in [&mut folder, &mut archive] {
        assert_eq!(verified["passed"], true);
        verified["evidence"].take();
    }
    assert_eq!(folder, archive);
    let report = fs::read(machine.home().join("case/reports/policy.toml"));
    let policy = fs::read(machine.home().join("policy.toml"));
    assert_eq!(report.expect("it is there"), policy.expect("it is there"));
    // Nothing half-written is left behind.
    let names = fs::read_dir(machine.home()).expect("a folder");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    assert!(
        names
            .into_iter()
            .all(|name| !name.to_string_lossy().contains("partial"))
    );
}

/// A PSBT comes from a signer in bytes, as text, or through a camera: the evidence is the same.
#[test]
fn a_psbt_is_attached_in_any_form() {
    use bitcoin::hex::DisplayHex;
    use longstop::ceremony::{CodeVersion, FrameFormat, Frames};

    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml");
    let opened = machine.say("case open ledger --path sos --why fire", "dan", 1);
    let case = opened["event"].as_str().expect("an id").to_owned();
    machine.result("vault create vault policy.toml");
    machine.result("chain mine chain");
    let given = machine.result("vault address vault --force");
    let address = given["address"].as_str().expect("an address");
    machine.result(&format!("chain mine chain --pay {address}:1000000"));
    machine.result("chain mine chain --blocks 5");
    let start = "arm start policy.toml --vault vault --path sos --output round --backend";
    machine.result(&format!("{start} embedded:chain"));
    let round = fs::read(machine.home().join("round")).expect("it is written");
    let round: Value = serde_json::from_slice(&round).expect("JSON");
    let cancel = &round["armings"][0]["courses"][0]["cancels"][0];
    let base64 = cancel.as_str().expect("a PSBT");
    let psbt: bitcoin::Psbt = base64.parse().expect("a PSBT");
    let bytes = psbt.serialize();
    let frames = |format| {
        let version = CodeVersion::new(6).expect("a version");
        let frames = Frames::new(&bytes, format, version).expect("it fits");
        let mut texts = frames.texts().to_vec();
        assert!(texts.len() > 2, "several codes");
        // A camera sees them in any order, and some twice.
        texts.reverse();
        texts.push(texts[0].clone());
        texts
    };
    let (bbqr, ur) = (frames(FrameFormat::Bbqr), frames(FrameFormat::Ur));
    let forms: [(&str, Vec<u8>); 5] = [
        ("bytes", bytes.clone()),
        ("base64", base64.to_owned().into_bytes()),
        ("hex", bytes.to_lower_hex_string().into_bytes()),
        ("bbqr", bbqr.join("\n").into_bytes()),
        ("ur", ur.join("\n").into_bytes()),
    ];
    let create = |name: &str| {
        format!("evidence create ledger {case} --psbt {name}.psbt --output {name}.zip")
    };
    for (name, content) in &forms {
        let file = machine.home().join(format!("{name}.psbt"));
        fs::write(file, content).expect("written");
        machine.say(&create(name), "ann", 2);
        let archive = |name: &str| fs::read(machine.home().join(format!("{name}.zip")));
        let (made, first) = (archive(name), archive("bytes"));
        assert!(
            made.expect("it is there") == first.expect("it is there"),
            "{name}"
        );
    }
    let verified = machine.result("evidence verify ur.zip");
    let checked = verified["checked"].as_array().expect("a list");
    let psbts: Vec<_> = (checked.iter())
        .filter(|one| one["what"] == "psbt")
        .collect();
    assert_eq!(psbts.len(), 1);
    let says = psbts[0]["says"].as_str().expect("a sentence");
    assert!(says.contains("of the escrow of sos"), "{says}");
    // A code that was not seen is asked for, and nothing is written.
    let file = machine.home().join("lacking.psbt");
    fs::write(file, bbqr[1..bbqr.len() - 1].join("\n")).expect("written");
    let (exit, _, message) = machine.failure(&said(&create("lacking"), "ann", 2));
    assert_eq!(exit, 3, "{message}");
    assert!(
        message.contains("lacking.psbt") && message.contains("frame"),
        "{message}"
    );
    assert!(!machine.home().join("lacking.zip").exists());
}

#[test]
fn what_was_done_to_evidence_is_named() {
    let machine = with_evidence();
    let folder = machine.home().join("case");
    fs::write(folder.join("case.txt"), "all is well\n").expect("a file");
    fs::remove_file(folder.join("branches.txt")).expect("it is there");
    fs::write(folder.join("more.txt"), "").expect("a file");
    let output = machine.run("evidence verify case --json");
    assert_eq!(code(&output), 1);
    let verified = json(&output);
    assert_eq!(verified["passed"], false);
    let checked = verified["checked"].as_array().expect("a list");
    for file in ["case.txt", "branches.txt", "more.txt"] {
        assert!(
            checked
                .iter()
                .any(|check| check["file"] == file && check["passed"] == false),
            "{file}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_made_to_do_harm_is_refused() {
    use std::os::unix::fs::symlink;
    let machine = with_evidence();
    let folder = machine.home().join("case");
    let refused = |why: &str| {
        let (exit, kind, message) = machine.failure("evidence verify case");
        assert_eq!((exit, kind.as_str()), (3, "evidence"), "{message}");
        assert!(message.contains(why), "{message}");
    };
    let link = folder.join("reports/link");
    symlink("/etc/passwd", &link).expect("a link");
    refused("is a link");
    fs::remove_file(&link).expect("it is there");
    let link = folder.join("headers");
    symlink(machine.home(), &link).expect("a link");
    refused("is a link");
    fs::remove_file(&link).expect("it is there");
    let deep = folder.join("reports/deep");
    fs::create_dir(&deep).expect("a folder");
    refused("a folder in a folder");
    fs::remove_dir(&deep).expect("it is there");
    let pipe = folder.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("it runs").success());
    refused("no file");
    fs::remove_file(&pipe).expect("it is there");
    for name in ["-rf", ".hidden", "a b", "line\nbreak", "README.TXT"] {
        fs::write(folder.join(name), "").expect("a file");
        refused(if name == "README.TXT" {
            "twice"
        } else {
            "no name of a file"
        });
        fs::remove_file(folder.join(name)).expect("it is there");
    }
    assert_eq!(machine.result("evidence verify case")["passed"], true);
}

/// The command line with which a party says something, so many blocks after the beginning.
fn said(what: &str, party: &str, blocks: u32) -> String {
    let (height, hours) = (1_000 + blocks, blocks / 6);
    let (day, hour, minute) = (1 + hours / 24, hours % 24, 10 * (blocks % 6));
    format!(
        "{what} --identity {party}.identity --passphrase-file passphrase --height {height} --median-time 2026-01-{day:02}T{hour:02}:{minute:02}:00Z"
    )
}

#[test]
fn whoever_has_the_ledger_is_named() {
    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml");
    let held = Directory::open(&machine.home().join("ledger"), None, "somebody with a name");
    let held = held.expect("it opens");
    let (exit, kind, message) = machine.failure(&said("case heartbeat ledger", "ann", 0));
    assert_eq!((exit, kind.as_str()), (4, "ledger-locked"));
    assert!(message.contains("somebody with a name"), "{message}");
    // Reading needs no lock.
    assert_eq!(machine.result("ledger show ledger")["size"], 0);
    assert_eq!(machine.result("ledger verify ledger")["passed"], true);
    drop(held);
    machine.say("case heartbeat ledger", "ann", 0);
}

#[test]
fn a_deleted_ledger_is_missed() {
    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml");
    machine.say("case heartbeat ledger", "ann", 0);
    machine.result("ledger export ledger --output export.jsonl");
    let root = machine.root("ledger");
    fs::remove_dir_all(machine.home().join("ledger")).expect("it can be removed");
    for line in [
        "ledger show ledger",
        "ledger verify ledger",
        "ledger repair ledger",
    ] {
        let (exit, kind, message) = machine.failure(line);
        assert_eq!((exit, kind.as_str()), (4, "ledger-gone"), "{line}");
        let root = root.as_str().expect("a root");
        assert!(
            message.contains("1 event") && message.contains(root),
            "{message}"
        );
    }
    // Neither another one nor an export takes its place unasked.
    for line in [
        "ledger init ledger policy.toml",
        "ledger import ledger export.jsonl --new",
    ] {
        let (exit, kind, _) = machine.failure(line);
        assert_eq!((exit, kind.as_str()), (4, "ledger-gone"), "{line}");
        assert!(!machine.home().join("ledger").exists(), "{line}");
    }
    machine.result("ledger import ledger export.jsonl --new --forget");
    assert_eq!(machine.root("ledger"), root);
}

#[test]
fn a_replaced_or_shortened_ledger_is_noticed() {
    let machine = Machine::new();
    let folder = |name: &str| machine.home().join(name);
    let swap = |from: &str, to: &str| fs::rename(folder(from), folder(to)).expect("a rename");
    machine.result("ledger init ledger policy.toml");
    machine.say("case heartbeat ledger", "ann", 0);
    machine.result("ledger export ledger --output one.jsonl");
    machine.say("case heartbeat ledger", "ben", 1);

    // A copy from before has lost the end.
    machine.result("ledger import earlier one.jsonl --new");
    swap("ledger", "kept");
    swap("earlier", "ledger");
    let heartbeat = said("case heartbeat ledger", "ben", 2);
    for line in [
        "ledger show ledger",
        "ledger repair ledger",
        heartbeat.as_str(),
    ] {
        let (exit, kind, message) = machine.failure(line);
        assert_eq!((exit, kind.as_str()), (4, "ledger-replaced"), "{line}");
        assert!(message.contains("2 events"), "{message}");
    }
    let repaired = machine.result("ledger repair ledger --forget");
    assert_eq!(repaired["size"], 1);
    assert_eq!(machine.result("ledger show ledger")["size"], 1);

    // One about another policy is another ledger.
    swap("ledger", "short");
    let policy = fs::read_to_string(folder("policy.toml")).expect("it is there");
    fs::write(
        folder("other.toml"),
        policy.replace("\"30 days\", fewer", "\"31 days\", fewer"),
    )
    .expect("it can be written");
    machine.result("ledger init another other.toml");
    swap("another", "ledger");
    let (exit, kind, _) = machine.failure("ledger show ledger");
    assert_eq!((exit, kind.as_str()), (4, "ledger-replaced"));
}

#[test]
fn bundles_in_any_order_and_twice_come_to_the_same() {
    let [one, other] = [Machine::new(), Machine::new()];
    for machine in [&one, &other] {
        machine.result("ledger init ledger policy.toml");
    }
    // Neither knows of the other.
    for (machine, party) in [(&one, "ann"), (&other, "ben")] {
        for blocks in 0..3 {
            let out = format!("case heartbeat ledger --out {party}-{blocks}.jsonl");
            machine.say(&out, party, blocks);
        }
    }
    let bundles = |party: &str, order: [u32; 3]| {
        order
            .map(|blocks| format!("{party}-{blocks}.jsonl"))
            .join(" ")
    };
    let hand_over = |from: &Machine, to: &Machine, party: &str| {
        for blocks in 0..3 {
            let name = format!("{party}-{blocks}.jsonl");
            fs::copy(from.home().join(&name), to.home().join(&name)).expect("a copy");
        }
    };
    hand_over(&one, &other, "ann");
    hand_over(&other, &one, "ben");
    // The last first: within one import the order does not matter.
    let taken = one.result(&format!(
        "ledger import ledger {}",
        bundles("ben", [2, 0, 1])
    ));
    assert_eq!(taken["new"], 3);
    let taken = other.result(&format!(
        "ledger import ledger {}",
        bundles("ann", [1, 2, 0])
    ));
    assert_eq!(taken["new"], 3);
    let again = other.result(&format!(
        "ledger import ledger {}",
        bundles("ann", [0, 1, 2])
    ));
    assert_eq!((&again["new"], &again["root"]), (&0.into(), &taken["root"]));

    let status = "case status ledger --height 1010 --median-time 2026-01-02";
    let [mine, yours] = [&one, &other].map(|machine| {
        let mut ids: Vec<String> = machine.result("ledger show ledger")["events"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| event["event"].to_string())
            .collect();
        ids.sort();
        (ids, machine.result(status))
    });
    assert_eq!(mine.0.len(), 6);
    assert_eq!(mine, yours);
}

#[test]
fn what_an_event_knows_of_comes_first() {
    let [one, other] = [Machine::new(), Machine::new()];
    for machine in [&one, &other] {
        machine.result("ledger init ledger policy.toml");
    }
    one.say("case heartbeat ledger --out first.jsonl", "ann", 0);
    one.say("case heartbeat ledger --out second.jsonl", "ann", 1);
    for name in ["first.jsonl", "second.jsonl"] {
        fs::copy(one.home().join(name), other.home().join(name)).expect("a copy");
    }
    let output = other.run("ledger import ledger second.jsonl --json");
    assert_eq!(code(&output), 6, "it waits");
    let imported = json(&output);
    assert_eq!(imported["new"], 0);
    let missing = &imported["sources"][0]["waiting"][0]["missing"];
    assert_eq!(missing.as_array().map(Vec::len), Some(1));
    let imported = other.result("ledger import ledger second.jsonl first.jsonl");
    assert_eq!(
        (&imported["new"], &imported["size"]),
        (&2.into(), &2.into())
    );
}

#[test]
fn an_export_makes_the_same_ledger_and_a_checkpoint_holds_it() {
    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml");
    for (blocks, party) in (0..).zip(["ann", "eve", "ann", "dan"]) {
        machine.say("case heartbeat ledger", party, blocks);
    }
    let signed = "--identity ann.identity --passphrase-file passphrase";
    machine.result(&format!(
        "ledger checkpoint ledger {signed} --output four.txt"
    ));
    machine.result("ledger export ledger --output export.jsonl");
    machine.result("ledger import copy export.jsonl --new");
    assert_eq!(machine.root("copy"), machine.root("ledger"));
    machine.say("case heartbeat ledger", "ben", 9);
    for ledger in ["ledger", "copy"] {
        let verified = machine.result(&format!("ledger verify {ledger} --checkpoint four.txt"));
        assert_eq!(verified["passed"], true, "{verified}");
    }
    let proof = machine.run("ledger prove ledger --from 4");
    assert_eq!(code(&proof), 0);

    // A ledger with the same events in another order is another log.
    let lines = fs::read_to_string(machine.home().join("export.jsonl")).expect("it is there");
    let mut lines: Vec<&str> = lines.lines().collect();
    let folder = machine.home();
    fs::write(folder.join("short.jsonl"), lines[..4].join("\n")).expect("it can be written");
    machine.result("ledger import short short.jsonl --new");
    let output = machine.run("ledger verify short --checkpoint four.txt --json");
    assert_eq!(code(&output), 1);
    let found = json(&output)["checked"].to_string();
    assert!(found.contains("the end of the ledger is gone"), "{found}");

    // A changed byte is found, and named by its line.
    let changed = lines[2].replacen("payload\":\"e", "payload\":\"f", 1);
    assert_ne!(changed, lines[2]);
    lines[2] = &changed;
    fs::write(folder.join("changed.jsonl"), lines.join("\n")).expect("it can be written");
    let output = machine.run("ledger import changed changed.jsonl --new --json");
    assert_eq!(code(&output), 1);
    assert_eq!(json(&output)["sources"][0]["refused"][0]["line"], 3);
}

#[test]
fn what_is_refused_is_not_written() {
    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml");
    machine.say("case heartbeat ledger", "ann", 5);
    // Dated before what its author has said.
    let (exit, kind, message) = machine.failure(&said("case heartbeat ledger", "ann", 4));
    assert_eq!((exit, kind.as_str()), (1, "refused"));
    assert!(message.contains("before"), "{message}");
    // A path that there is not.
    let (exit, kind, _) =
        machine.failure(&said("case open ledger --path dead-man --why no", "ben", 6));
    assert_eq!((exit, kind.as_str()), (1, "refused"));
    // A bundle of something else is left alone.
    fs::write(machine.home().join("notes"), "mine\n").expect("it can be written");
    let (exit, kind, _) = machine.failure(&said("case heartbeat ledger --out notes", "ben", 6));
    assert_eq!((exit, kind.as_str()), (3, "bundle"));
    let notes = fs::read_to_string(machine.home().join("notes")).expect("it is there");
    assert_eq!(notes, "mine\n");
    assert_eq!(machine.result("ledger show ledger")["size"], 1);
}

#[test]
fn a_rule_that_denies_signs_nothing() {
    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml");
    machine.say("case open ledger --path sos --why fire", "dan", 0);
    let rule = |name: &str, most: u64| {
        let text = format!("fn activate(facts) {{ facts.vault.sats <= {most} }}");
        fs::write(machine.home().join(name), text).expect("it can be written");
    };
    rule("strict.rhai", 99);
    rule("mild.rhai", 100);
    let activate = |rule: &str| {
        let what = format!("case activate ledger --rule {rule} --coins 1 --sats 100");
        machine.run(&format!("{} --json", said(&what, "eve", 1)))
    };
    let denied = activate("strict.rhai");
    assert_eq!(code(&denied), 1);
    assert_eq!(json(&denied)["allow"], false);
    assert_eq!(machine.result("ledger show ledger")["size"], 1);
    let allowed = activate("mild.rhai");
    assert_eq!(code(&allowed), 0, "{}", text(&allowed.stderr));
    let shown = machine.result("ledger show ledger --kind activation");
    let judgement = &shown["events"][0]["body"]["judgement"];
    assert_eq!(judgement["allow"], true);
    let verified = machine.result("ledger verify ledger");
    assert!(
        verified.to_string().contains("1 rule asked again"),
        "{verified}"
    );
}

/// What is known of ledgers is in the folder that is named, and nowhere else.
#[test]
fn what_is_known_of_a_ledger_lies_outside_of_it() {
    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml --state elsewhere");
    assert!(!machine.folder.path().join("state").exists());
    let known = machine.home().join("elsewhere/ledgers");
    let entries = fs::read_dir(&known).expect("a folder");
    assert_eq!(entries.count(), 1);
    // Somebody who knows nothing of it is told that he does not.
    let output = machine.run("ledger show ledger");
    assert_eq!(code(&output), 0);
    assert!(
        text(&output.stderr).contains("nothing was known"),
        "{output:?}"
    );
    let output = machine.run("ledger show ledger");
    assert!(text(&output.stderr).is_empty(), "{output:?}");
}

#[test]
fn the_ledger_on_disk_is_the_one_that_was_shown() {
    let machine = Machine::new();
    machine.result("ledger init ledger policy.toml");
    let said = machine.say("case heartbeat ledger", "ann", 0);
    let store = Directory::open(&machine.home().join("ledger"), None, "a test").expect("it opens");
    let record = store.read(0).expect("it is there");
    assert_eq!(said["envelope"], text(&record.bytes));
}
