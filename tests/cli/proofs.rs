//! From an attestation to a proof of the keys that stand behind it, with files as people use them.

use std::fs;
use std::path::{Path, PathBuf};

use bitcoin::Psbt;
use bitcoin::secp256k1::Secp256k1;
use longstop::signer::SoftwareSigner;

use super::{IDENTITY, PASSPHRASE, code, json, keep_from_others, run, text};

const DEPARTMENTS: &str = "policies/departments/policy.toml";

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("a plain path").to_owned()
}

/// The stand-in of a party signs a file in place.
fn sign(file: &Path, party: &str) {
    let secp = Secp256k1::new();
    let bytes = fs::read(file).expect("a file");
    let mut psbt = Psbt::deserialize(&bytes).expect("a PSBT in bytes");
    let signer = SoftwareSigner::stand_in(0, party, &secp);
    assert_ne!(signer.sign(&mut psbt, &secp), 0, "it signs");
    fs::write(file, psbt.serialize()).expect("it is written");
}

fn challenges(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = files
        .filter(|file| file.extension().is_some_and(|end| end == "psbt"))
        .collect();
    files.sort();
    files
}

#[test]
fn a_party_attests_and_shows_the_keys_that_stand_behind_it() {
    keep_from_others("tests/cli/fixtures/identities");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let [attestation, countersigned, challenge, proof, all] = [
        "lea.jsonl",
        "countersigned.jsonl",
        "challenge",
        "keys.jsonl",
        "all.jsonl",
    ]
    .map(|name| path(folder, name));
    let identity = ["--identity", IDENTITY, "--passphrase-file", PASSPHRASE];
    let lars = IDENTITY.replace("lea", "lars");
    let done = |arguments: &[&str], expected: i32| {
        let output = run(arguments);
        assert_eq!(code(&output), expected, "{}", text(&output.stderr));
        output
    };

    let new = [
        "attest",
        "new",
        DEPARTMENTS,
        "--issued",
        "2026-01-31",
        "--expires",
        "2027-01-31",
    ];
    let facts = ["--fact", "site=visby", "--fact", "vendor=", "--json"];
    let to = ["--output", &attestation];
    let signed = json(&done(&[&new[..], &identity, &facts, &to].concat(), 0));
    assert_eq!(signed["party"], "lea");
    let custody = signed["custody"].as_array().expect("facts");
    let of = |domain: &str| {
        let fact = custody.iter().find(|fact| fact["domain"] == domain);
        fact.map(|fact| fact["value"].clone())
    };
    assert_eq!(of("site"), Some("visby".into()));
    assert_eq!((of("vendor"), of("cloud")), (None, Some("none".into())));
    // Nothing is written over.
    done(&[&new[..], &identity, &to].concat(), 4);

    let ask = [
        "keys",
        "challenge",
        DEPARTMENTS,
        "--party",
        "lea",
        "--date",
        "2026-01-31",
    ];
    let behind = ["--attestation", &attestation, "--output", &challenge];
    let asked = json(&done(&[&ask[..], &behind, &["--json"]].concat(), 0));
    let statement = asked["statement"].as_str().expect("a text");
    assert!(statement.contains(signed["digest"].as_str().expect("a digest")));
    let written = fs::read_to_string(path(folder, "challenge/statement.txt"));
    assert_eq!(written.expect("a statement"), statement);
    let files = challenges(&challenge);
    assert_eq!(asked["files"].as_array().map(Vec::len), Some(files.len()));

    let check = ["keys", "check", DEPARTMENTS, "--party", "lea"];
    let names: Vec<&str> = files.iter().filter_map(|file| file.to_str()).collect();
    let checked = |expected| json(&done(&[&check[..], &names, &["--json"]].concat(), expected));
    let shown = |result: &serde_json::Value| {
        let keys = result["keys"].as_array().expect("keys").iter();
        keys.filter(|key| key["is_shown"] == true).count()
    };
    assert_eq!(shown(&checked(1)), 0);
    sign(&files[0], "lea");
    let some = shown(&checked(1));
    assert!(some > 0);
    for file in &files[1..] {
        sign(file, "lea");
    }
    let complete = checked(0);
    assert!(shown(&complete) > some && complete["complete"] == true);
    // Another party's keys are asked for by other messages.
    let others = ["keys", "check", DEPARTMENTS, "--party", "lars"];
    done(&[&others[..], &names].concat(), 3);
    // Another identity does not sign it.
    let to = ["--output", &proof];
    let wrong = ["--identity", &lars, "--passphrase-file", PASSPHRASE];
    done(&[&check[..], &names, &wrong, &to].concat(), 3);
    assert!(!Path::new(&proof).exists());
    done(&[&check[..], &names, &identity, &to].concat(), 0);

    let sign = ["attest", "countersign", &attestation];
    let to = ["--output", &countersigned];
    let told = text(&done(&[&sign[..], &wrong, &to].concat(), 0).stdout);
    assert!(told.contains("visby"), "{told}");

    let analyze = |lines: &[&str]| {
        let lines = lines
            .iter()
            .map(|file| fs::read_to_string(file).expect("lines"));
        fs::write(&all, lines.collect::<String>()).expect("it is written");
        let on = [
            "analyze",
            DEPARTMENTS,
            "--attestations",
            &all,
            "--on",
            "2026-06-01",
            "--json",
        ];
        let result = json(&done(&on, 0));
        let facts = result["fate"]["facts"].as_array().expect("facts").iter();
        let attested = facts
            .filter_map(|kind| kind["attested"].as_u64())
            .sum::<u64>();
        (attested, result["fate"]["keys"].clone())
    };
    let (attested, keys) = analyze(&[&attestation]);
    assert_eq!((attested, &keys[0]["shown"]), (0, &0.into()));
    let (attested, keys) = analyze(&[&countersigned, &proof]);
    assert!(attested > 0);
    assert_eq!(keys[0]["party"], "lea");
    assert_eq!(keys[0]["shown"], keys[0]["keys"]);
    assert_eq!(keys[0]["attests"], true);
}
