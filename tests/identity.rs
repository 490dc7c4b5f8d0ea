//! Identities: files that only a passphrase opens, and that nothing shows.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic when something is not as it should be"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ed25519_dalek::SigningKey;
use longstop::identity::{
    Identity, IdentityFileError, MAX_FILE, MIN_PASSPHRASE, Passphrase, PassphraseError, Work,
};
use longstop::policy::{check, identity_key};
use longstop::signer::SoftwareSigner;
use zeroize::Zeroizing;

const SECRET: [u8; 32] = [0xc5; 32];

const WORDS: &str = "seven salty canaries";

fn passphrase(text: &str) -> Passphrase {
    Passphrase::of(Zeroizing::new(text.to_owned()))
}

fn identity() -> Identity {
    Identity::new("alice", &SECRET).expect("a name")
}

fn encrypted() -> String {
    let file = identity().encrypt(&passphrase(WORDS), Work::ForTests);
    file.expect("there are random numbers")
}

fn refused(file: &[u8]) -> IdentityFileError {
    Identity::decrypt(file, &passphrase(WORDS)).expect_err("it is refused")
}

#[test]
fn a_file_opens_with_its_passphrase_and_with_no_other() {
    let file = encrypted();
    let opened = Identity::decrypt(file.as_bytes(), &passphrase(WORDS)).expect("it opens");
    assert_eq!(opened.name(), "alice");
    assert_eq!(opened.key().to_bytes(), SECRET);
    assert_eq!(
        opened.public(),
        SigningKey::from_bytes(&SECRET).verifying_key()
    );
    for other in [
        "",
        "seven salty canarie",
        "seven salty canaries ",
        "Seven salty canaries",
    ] {
        let error = Identity::decrypt(file.as_bytes(), &passphrase(other));
        assert_eq!(error.expect_err(other), IdentityFileError::WrongPassphrase);
    }
    assert_ne!(encrypted(), file, "a salt of its own each time");
}

#[test]
fn a_file_that_was_changed_anywhere_is_refused() {
    let file = encrypted();
    for at in 0..file.len() {
        let mut changed = file.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        refused(&changed);
        if at % 16 == 0 {
            refused(&file.as_bytes()[..at]);
        }
    }
}

#[test]
fn only_a_party_has_an_identity() {
    for name in ["a", "alice", "fiduciary-bern", "Zoë_2", &"x".repeat(64)] {
        assert!(Identity::new(name, &SECRET).is_ok(), "{name}");
    }
    for name in [
        "",
        "a b",
        "a\nb",
        "a.b",
        "\u{202e}a",
        "a\u{3164}",
        &"x".repeat(65),
    ] {
        assert!(Identity::new(name, &SECRET).is_err(), "{name:?}");
    }
}

#[test]
fn a_new_passphrase_is_long_enough() {
    for (count, accepted) in [
        (MIN_PASSPHRASE - 1, false),
        (MIN_PASSPHRASE, true),
        (MIN_PASSPHRASE + 1, true),
    ] {
        // Characters count, and not bytes.
        let outcome = Passphrase::new(Zeroizing::new("é".repeat(count)));
        assert_eq!(outcome.is_ok(), accepted, "{count}");
    }
}

#[test]
fn a_passphrase_is_the_one_line_of_its_file() {
    let line = |file: &[u8]| Passphrase::line(file).map(|line| line.to_string());
    for file in ["a b", "a b\n", "a b\r\n"] {
        assert_eq!(line(file.as_bytes()), Ok("a b".to_owned()), "{file:?}");
    }
    assert_eq!(line(b" a \n"), Ok(" a ".to_owned()), "spaces belong to it");
    for empty in ["", "\n", "\r\n"] {
        assert_eq!(
            line(empty.as_bytes()),
            Err(PassphraseError::Empty),
            "{empty:?}"
        );
    }
    for several in ["a\nb", "a\n\n", "a\rb\n", "\na\n"] {
        let error = Err(PassphraseError::SeveralLines);
        assert_eq!(line(several.as_bytes()), error, "{several:?}");
    }
    assert_eq!(line(b"\xff\n"), Err(PassphraseError::NotText));
}

/// An age file with these recipients, that nobody made with a key.
fn age(recipients: &str) -> Vec<u8> {
    let mac = STANDARD_NO_PAD.encode([7; 32]);
    let mut file = format!("age-encryption.org/v1\n{recipients}--- {mac}\n").into_bytes();
    file.extend([9; 64]);
    file
}

fn armored(file: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(file);
    let mut armored = "-----BEGIN AGE ENCRYPTED FILE-----\n".to_owned();
    for line in text.as_bytes().chunks(64) {
        armored.push_str(std::str::from_utf8(line).expect("base64"));
        armored.push('\n');
    }
    armored.push_str("-----END AGE ENCRYPTED FILE-----\n");
    armored.into_bytes()
}

fn scrypt(log_n: &str) -> String {
    let (salt, body) = (
        STANDARD_NO_PAD.encode([1; 16]),
        STANDARD_NO_PAD.encode([2; 32]),
    );
    format!("-> scrypt {salt} {log_n}\n{body}\n")
}

#[test]
fn only_a_passphrase_opens_a_file_and_no_program_is_run() {
    let body = STANDARD_NO_PAD.encode([2; 32]);
    let key = age::x25519::Identity::generate().to_public();
    let to_a_key = age::encrypt_and_armor(&key, b"longstop identity 1").expect("it encrypts");
    assert_eq!(
        refused(to_a_key.as_bytes()),
        IdentityFileError::NotByPassphrase
    );
    for recipient in [
        format!("-> yubikey AAAA\n{body}\n"),
        format!("-> ../../bin/sh x\n{body}\n"),
        format!("-> X25519 {body}\n{body}\n"),
        format!("-> ssh-ed25519 AAAA {body}\n{body}\n"),
    ] {
        for file in [age(&recipient), armored(&age(&recipient))] {
            assert_eq!(
                refused(&file),
                IdentityFileError::NotByPassphrase,
                "{recipient}"
            );
        }
        // Beside a passphrase no other recipient can stand.
        let both = format!("{}{recipient}", scrypt("10"));
        assert_eq!(
            refused(&age(&both)),
            IdentityFileError::NotEncrypted,
            "{both}"
        );
    }
    let twice = scrypt("10").repeat(2);
    assert_eq!(refused(&age(&twice)), IdentityFileError::NotEncrypted);
    for nothing in [
        "",
        "alice",
        "age-encryption.org/v2\n",
        "-----BEGIN AGE ENCRYPTED FILE-----",
    ] {
        assert_eq!(refused(nothing.as_bytes()), IdentityFileError::NotEncrypted);
    }
}

#[test]
fn no_file_keeps_a_machine_busy() {
    let start = Instant::now();
    for (log_n, required) in [("21", 21), ("22", 22), ("63", 63), ("255", 255)] {
        let error = IdentityFileError::TooMuchWork { required };
        assert_eq!(refused(&age(&scrypt(log_n))), error);
    }
    for odd in ["", "0", "010", "-1", "256", "1e3", "99999999999999999999"] {
        refused(&age(&scrypt(odd)));
    }
    refused(&age(&"-> x y\n\n".repeat(MAX_FILE / 8)));
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "none of it was tried"
    );
    // What would be tried, with a passphrase that is wrong.
    assert_eq!(
        refused(&age(&scrypt("10"))),
        IdentityFileError::WrongPassphrase
    );
}

#[test]
fn something_else_behind_a_passphrase_is_no_identity() {
    let mut recipient = age::scrypt::Recipient::new(WORDS.to_owned().into());
    recipient.set_work_factor(10);
    for plain in [
        "",
        "longstop identity 2\n",
        "alice\n",
        &"x".repeat(MAX_FILE),
    ] {
        let file = age::encrypt_and_armor(&recipient, plain.as_bytes()).expect("it encrypts");
        assert_eq!(refused(file.as_bytes()), IdentityFileError::NotAnIdentity);
    }
}

#[test]
fn the_secret_is_not_in_what_is_shown_of_it() {
    let shown = format!("{:?} {:?}", identity(), passphrase(WORDS));
    assert!(shown.contains("alice"));
    for secret in secrets(&SECRET, WORDS) {
        assert!(!shown.contains(&secret), "{shown}");
    }
}

/// The parties whose identities sessions open, and the policies in which they stand.
const STAND_INS: [(&str, &[&str]); 2] = [
    (
        "policies/departments/policy.toml",
        &["lea", "lars", "lin", "fatima"],
    ),
    (
        "tests/cli/fixtures/governance/policy.toml",
        &["ann", "ben", "cat", "dan", "eve"],
    ),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/fixtures/identities")
}

#[test]
fn files_of_stand_ins_are_read_for_ever() {
    let line = fs::read(fixtures().join("passphrase")).expect("it is there");
    let words = || Passphrase::of(Passphrase::line(&line).expect("one line"));
    for (policy, names) in STAND_INS {
        let policy = fs::read_to_string(policy).expect("it is there");
        let policy = check(&policy).policy.expect("a sound policy");
        for name in names {
            let path = fixtures().join(format!("{name}.identity"));
            let stand_in = SoftwareSigner::stand_in_identity(0, name);
            if std::env::var_os("UPDATE_VECTORS").is_some() && !path.exists() {
                let identity = Identity::new(name, stand_in.as_bytes()).expect("a name");
                let file = identity
                    .encrypt(&words(), Work::ForTests)
                    .expect("random numbers");
                fs::write(&path, file).expect("the folder is there");
            }
            let file = fs::read(&path).expect("it is there");
            let identity = Identity::decrypt(&file, &words()).expect("it opens");
            assert_eq!(identity.name(), *name);
            assert_eq!(identity.key(), &stand_in);
            let party = policy.party(name).expect("a party");
            assert_eq!(party.identity(), Some(&identity.public()));
        }
    }
}

// --- the command ---------------------------------------------------------------------------

/// All forms in which a secret or a passphrase could show.
fn secrets(secret: &[u8; 32], passphrase: &str) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let upper = hex.to_uppercase();
    let list = format!("{secret:?}");
    vec![
        hex,
        upper,
        STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        list.trim_matches(['[', ']']).to_owned(),
        passphrase.to_owned(),
    ]
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("it can be written");
    set_mode(path, mode);
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode can be set");
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}

fn longstop(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longstop"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command.output().expect("the program runs")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|stream| String::from_utf8_lossy(stream));
    format!("{out}{err}")
}

/// Everything that goes with a file: made, shown, kept from others, and never shown.
#[cfg(unix)]
#[test]
fn an_identity_is_made_shown_and_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| longstop(folder.path(), arguments);
    let mut outputs = Vec::new();
    write(&at("words"), &format!("{WORDS}\n"), 0o600);
    write(&at("short"), "eleven char\n", 0o600);
    write(&at("wrong"), "seven silty canaries\n", 0o600);
    write(&at("open"), &format!("{WORDS}\n"), 0o640);

    let new = ["identity", "new", "--name", "alice", "-o", "alice.identity"];
    let with = |arguments: &[&'static str], more: &[&'static str]| [arguments, more].concat();
    for (more, exit, kind) in [
        (&["--passphrase-file", "short"][..], 3, "passphrase"),
        (&["--passphrase-file", "open"], 4, "too-open"),
        (&["--passphrase-file", "none"], 4, "unreadable"),
        (&[], 2, "no-terminal"),
    ] {
        let output = run(&with(&with(&new, more), &["--json"]));
        assert_eq!(code(&output), Some(exit), "{more:?}: {}", said(&output));
        assert!(
            said(&output).contains(&format!("\"kind\": \"{kind}\"")),
            "{}",
            said(&output)
        );
        assert!(!at("alice.identity").exists());
        outputs.push(output);
    }
    let output = run(&[
        "identity",
        "new",
        "--name",
        "al ice",
        "-o",
        "x",
        "--passphrase-file",
        "words",
    ]);
    assert_eq!(code(&output), Some(2), "{}", said(&output));

    let output = run(&with(&new, &["--passphrase-file", "words", "--json"]));
    assert_eq!(code(&output), Some(0), "{}", said(&output));
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    outputs.push(output);
    let path = at("alice.identity");
    let mode = path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names: Vec<_> = fs::read_dir(folder.path())
        .expect("it can be listed")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names.len(), 5, "no partial file is left: {names:?}");
    let file = fs::read(&path).expect("it can be read");
    let identity = Identity::decrypt(&file, &passphrase(WORDS)).expect("it opens");
    let public = made["identity"].as_str().expect("text");
    assert_eq!(identity_key(public), Ok(identity.public()));
    let twice = run(&with(
        &["identity", "new", "--name", "alice", "-o", "other.identity"],
        &["--passphrase-file", "words"],
    ));
    assert_eq!(code(&twice), Some(0));
    assert!(!said(&twice).contains(public), "another key each time");
    outputs.push(twice);

    // Nothing is written over, not even a link that leads nowhere.
    symlink("nowhere", at("link")).expect("a link");
    for name in ["alice.identity", "link", "words"] {
        let output = run(&[
            "identity",
            "new",
            "--name",
            "bob",
            "-o",
            name,
            "--passphrase-file",
            "words",
        ]);
        assert_eq!(code(&output), Some(4), "{}", said(&output));
        outputs.push(output);
    }
    assert_eq!(fs::read(&path).expect("it is there"), file);
    assert!(!at("nowhere").exists());
    let output = run(&[
        "identity",
        "new",
        "--name",
        "bob",
        "-o",
        "no/b.identity",
        "--passphrase-file",
        "words",
    ]);
    assert_eq!(code(&output), Some(4), "{}", said(&output));

    // From here on with a file that opens at once.
    let quick = identity.encrypt(&passphrase(WORDS), Work::ForTests);
    write(&path, &quick.expect("random numbers"), 0o600);
    let show = ["identity", "show", "alice.identity", "--passphrase-file"];
    for (file, exit, kind) in [
        ("wrong", 3, "\"kind\": \"identity\""),
        ("open", 4, "\"kind\": \"too-open\""),
        ("words", 0, public),
    ] {
        let output = run(&with(&show, &[file, "--json"]));
        assert_eq!(code(&output), Some(exit), "{file}: {}", said(&output));
        assert!(said(&output).contains(kind), "{}", said(&output));
        outputs.push(output);
    }
    outputs.push(run(&with(&show, &["words"])));
    // Others may do nothing at all with it.
    for (mode, exit) in [
        (0o400, 0),
        (0o601, 4),
        (0o602, 4),
        (0o604, 4),
        (0o610, 4),
        (0o620, 4),
        (0o640, 4),
    ] {
        set_mode(&path, mode);
        let output = run(&with(&show, &["words"]));
        assert_eq!(code(&output), Some(exit), "{mode:o}: {}", said(&output));
        outputs.push(output);
    }
    set_mode(&path, 0o600);
    // Whatever else is done with the file.
    for command in ["check", "compile", "explain", "import", "analyze"] {
        outputs.push(run(&[command, "alice.identity"]));
        outputs.push(run(&[command, "words"]));
    }
    let secrets = secrets(identity.key().as_bytes(), WORDS);
    for output in &outputs[..outputs.len() - 10] {
        for secret in &secrets {
            assert!(!said(output).contains(secret), "{}", said(output));
        }
    }
    for output in &outputs[outputs.len() - 10..] {
        // What stands in a file of one's own is repeated by those who read it, and no key is.
        for secret in &secrets[..4] {
            assert!(!said(output).contains(secret), "{}", said(output));
        }
    }
}

/// A passphrase comes from a pipe as well, such as that of a password manager.
#[cfg(target_os = "linux")]
#[test]
fn a_passphrase_comes_through_a_pipe() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = fixtures().join("lea.identity");
    let own = folder.path().join("lea.identity");
    fs::copy(file, &own).expect("it can be copied");
    set_mode(&own, 0o600);
    let mut child = Command::new(env!("CARGO_BIN_EXE_longstop"))
        .args([
            "identity",
            "show",
            "lea.identity",
            "--passphrase-file",
            "/dev/stdin",
            "--json",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let words = fs::read(fixtures().join("passphrase")).expect("it is there");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&words).expect("it reads");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), Some(0));
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let key = bitcoin::hex::FromHex::from_hex(shown["identity"].as_str().expect("text"));
    let key: [u8; 32] = key.expect("32 bytes");
    let lea = SoftwareSigner::stand_in_identity(0, "lea").verifying_key();
    assert_eq!(key, lea.to_bytes());
    assert_eq!(shown["name"], "lea");
}
