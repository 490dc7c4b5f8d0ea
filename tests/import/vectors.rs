//! The public vectors of BIP-388, BIP-129, BIP-381 to BIP-390, and Bitcoin Core's of miniscript.

use std::collections::BTreeMap;

use bitcoin::Address;
use longstop::compile::NUMS_POINT;
use longstop::import::decrypt;
use longstop::policy::Network;
use serde_json::json;

use super::*;

fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// What becomes of a text: `imported`, or the name of its family.
#[track_caller]
fn outcome(text: &str, body: &str) -> String {
    match read(text) {
        Ok(_) => {
            imports_as(text, body);
            "imported".to_owned()
        }
        Err(ImportError::Refused(refusal)) => refusal.family.to_string(),
        Err(other) => panic!("{text}: {other}"),
    }
}

fn count(outcomes: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(outcome).or_default() += 1;
    }
    counts
}

#[track_caller]
fn assert_counts(outcomes: impl IntoIterator<Item = String>, expected: &[(&str, usize)]) {
    let expected = expected
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count));
    assert_eq!(count(outcomes), expected.collect());
}

#[test]
fn wallet_policies_of_bip_388() {
    let text = file("bips/bip-0388-test-vectors.txt");
    let values = |name: &str| -> Vec<String> {
        let lines = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(name));
        lines.map(|value| value.trim().to_owned()).collect()
    };
    let vectors = values("Descriptor template:")
        .into_iter()
        .zip(values("Keys info:"))
        .zip(values("Descriptor:"));
    let outcomes: Vec<String> = vectors
        .map(|((template, keys), descriptor)| {
            let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
            let policy = json!({ "descriptor_template": template, "keys_info": keys });
            outcome(&policy.to_string(), &descriptor)
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            "other-script",
            "other-script",
            "other-script",
            "imported",
            "imported",
            "imported",
            "imported",
            "sortedmulti-a",
            "musig",
        ]
    );
}

#[test]
fn invalid_templates_of_bip_388() {
    let text = file("bips/bip-0388-test-vectors.txt");
    let invalid = text.split("=== Invalid policies ===").nth(1).unwrap();
    let keys = [
        "[6738736c/48'/0'/0'/2']xpub6FC1fXFP1GXLX5TKtcjHGT4q89SDRehkQLtbKJ2PzWcvbBHtyDsJPLtpLtkGqYNYZdVVAjRQ5kug9CsapegmmeRutpP7PW4u4wVF9JfkDhw",
        "[b2b1f0cf/48'/0'/0'/2']xpub6EWhjpPa6FqrcaPBuGBZRJVjzGJ1ZsMygRF26RwN932Vfkn1gyCiTbECVitBjRCkexEvetLdiqzTcYimmzYxyR1BZ79KNevgt61PDcukmC7",
    ];
    let mut seen = 0;
    for line in invalid
        .lines()
        .filter_map(|line| line.strip_prefix("* <tt>"))
    {
        let template = line.split("</tt>").next().unwrap();
        let used = (0..3)
            .filter(|number| template.contains(&format!("@{number}")))
            .count();
        // What is wrong is the template, not its script: the same inside `wsh`.
        for template in [template.to_owned(), template.replace("sh(", "wsh(")] {
            let policy =
                json!({ "descriptor_template": template, "keys_info": keys[..used.min(2)] });
            match read(&policy.to_string()) {
                Err(ImportError::BadForm {
                    form: "wallet policy",
                    ..
                }) => {}
                Err(ImportError::Refused(refusal)) if template.contains("musig") => {
                    assert_eq!(refusal.family, Family::Musig);
                }
                other => panic!("{template}: {other:?}"),
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn records_of_bip_129() {
    let text = file("bips/bip-0129-test-vectors.txt");
    let records: Vec<&str> = text
        .split("<tt>my_multisig_wallet.bsms</tt>:\n<pre>")
        .skip(1)
        .map(|rest| rest.split("</pre>").next().unwrap())
        .collect();
    let outcomes: Vec<String> = records
        .iter()
        .map(|record| {
            let line = record.lines().nth(1).unwrap().split('#').next().unwrap();
            outcome(record, &line.replace("/**", "/<0;1>/*"))
        })
        .collect();
    assert_eq!(
        outcomes,
        ["imported", "imported", "imported", "other-script"]
    );
    for record in &records[..3] {
        let address = record.lines().nth(3).unwrap();
        let compiled = compiled(&read(record).unwrap());
        let first = &scripts(&compiled, Keychain::Receive, &[0])[0];
        let first = Address::from_script(first, bitcoin::Network::Bitcoin).unwrap();
        assert_eq!(first.to_string(), address);
        assert_eq!(compiled.policy().network(), Network::Bitcoin);
        // With the address of another record it is refused.
        let other = records[..3].iter().find(|other| *other != record).unwrap();
        let forged = record.replace(address, other.lines().nth(3).unwrap());
        let error = read(&forged).unwrap_err();
        assert!(matches!(error, ImportError::Address { .. }), "{error}");
    }
    // The key records of the first round are said to be such.
    let key = text
        .split("<tt>signer_1_key.bsms</tt>:\n<pre>")
        .nth(1)
        .unwrap();
    let error = read(key.split("</pre>").next().unwrap()).unwrap_err();
    assert!(error.to_string().contains("round 1"), "{error}");
}

/// Descriptors with what their BIP lists below them: scripts, or expansions.
fn listed(text: &str) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let valid = text.lines().take_while(|line| !line.starts_with("Invalid"));
    let tagged = |line: &str| {
        let (_, rest) = line.split_once("<tt>")?;
        Some(rest.split_once("</tt>")?.0.to_owned())
    };
    for line in valid {
        if line.starts_with("** ") {
            if let (Some(below), Some(last)) = (tagged(line), all.last_mut()) {
                last.1.push(below);
            }
        } else if let Some(descriptor) = line.strip_prefix("* ").and_then(tagged) {
            all.push((descriptor, Vec::new()));
        }
    }
    all
}

#[test]
fn descriptors_of_bip_381_to_390() {
    let mut outcomes = Vec::new();
    for number in 381..=390 {
        if number == 388 {
            continue;
        }
        for (body, below) in listed(&file(&format!("bips/bip-0{number}-test-vectors.txt"))) {
            let text = with_checksum(&body);
            let outcome = outcome(&text, &body);
            if outcome == "imported" {
                let compiled = compiled(&read(&text).unwrap());
                let indexes: Vec<u32> = (0..u32::try_from(below.len()).unwrap()).collect();
                let scripts = scripts(&compiled, Keychain::Receive, &indexes);
                let scripts: Vec<String> = scripts.iter().map(|s| s.to_hex_string()).collect();
                assert_eq!(scripts, below, "{body}");
            }
            outcomes.push(outcome);
        }
    }
    // Most of these vectors are about scripts before segregated witness, or spell a private key
    // beside each public one.
    assert_counts(
        outcomes,
        &[
            ("imported", 5),
            ("musig", 5),
            ("opaque", 4),
            ("other-script", 23),
            ("private-key", 32),
            ("sortedmulti-a", 1),
        ],
    );
}

#[test]
fn miniscripts_of_bitcoin_core() {
    let nums: String = NUMS_POINT[1..]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut outcomes = Vec::new();
    for line in file("bitcoin-core/miniscript_tests.jsonl").lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| vector[field].as_str().unwrap();
        if text("flags").contains("TESTMODE_INVALID") {
            continue;
        }
        for (body, without) in [
            (format!("wsh({})", text("ms")), "P2WSH_INVALID"),
            (format!("tr({nums},{})", text("ms")), "TAPSCRIPT_INVALID"),
        ] {
            if text("flags").contains(without) {
                continue;
            }
            let outcome = outcome(&with_checksum(&body), &body);
            if outcome == "imported" && !["?", "="].contains(&text("hex_wsh")) {
                let descriptor: Descriptor<DescriptorPublicKey> = body.parse().unwrap();
                let definite = descriptor.at_derivation_index(0).unwrap();
                if let Ok(script) = definite.explicit_script() {
                    assert_eq!(script.to_hex_string(), text("hex_wsh"));
                }
            }
            outcomes.push(outcome);
        }
    }
    assert_counts(
        outcomes,
        &[
            ("all-locked", 4),
            ("hash-lock", 32),
            ("imported", 16),
            ("keyless", 61),
            ("mixed-locks", 2),
            ("unsound", 4),
        ],
    );
}

#[test]
fn encrypted_records_of_bip_129() {
    let text = file("bips/bip-0129-test-vectors.txt");
    let after = |text: &str, label: &str| -> Vec<String> {
        let found = text.split(label).skip(1);
        let words = found.map(|rest| rest.split(|c: char| !c.is_ascii_hexdigit()));
        words
            .map(|mut words| words.find(|word| !word.is_empty()).unwrap().to_owned())
            .collect()
    };
    let standard = text.split("<tt>STANDARD</tt>").nth(1).unwrap();
    let (standard, extended) = standard.split_once("<tt>EXTENDED</tt>").unwrap();
    let plain = |mode: &str| -> String {
        let record = mode
            .split("my_multisig_wallet.bsms</tt>:\n<pre>")
            .nth(1)
            .unwrap();
        record.split("</pre>").next().unwrap().to_owned()
    };
    let mut records = Vec::new();
    let token = after(standard, "TOKEN (hex): ").remove(0);
    let sealed = after(standard, "my_multisig_wallet.dat</tt>: <pre>").remove(0);
    records.push((token, sealed, plain(standard)));
    for signer in 1..=3 {
        let key = format!("signer_{signer}_key.bsms</tt>:\n<pre>BSMS 1.0\n");
        let token = after(extended, &key).remove(0);
        let label = format!("my_multisig_wallet_for_signer_{signer}.dat</tt>: <pre>");
        let sealed = after(extended, &label).remove(0);
        records.push((token, sealed, plain(extended)));
    }
    for (token, sealed, plain) in &records {
        assert_eq!(decrypt(sealed, token).unwrap().trim(), plain.trim());
        assert!(
            read(sealed)
                .unwrap_err()
                .to_string()
                .contains("--token-file")
        );
        // Another token, and one byte of the record, are noticed; the token is not repeated.
        let other = token.replace(|c: char| c.is_ascii_digit(), "0");
        let mut changed = sealed.clone();
        let last = if changed.ends_with('0') { "1" } else { "0" };
        changed.replace_range(changed.len() - 1.., last);
        for error in [decrypt(sealed, &other), decrypt(&changed, token)].map(Result::unwrap_err) {
            assert!(
                error
                    .to_string()
                    .contains("the token is another, or the record was changed")
            );
            assert!(!error.to_string().contains(token.as_str()));
        }
        for bad in [
            "",
            "00",
            &token[..14],
            &format!("{token}00"),
            "not hexadecimal!",
        ] {
            assert!(
                decrypt(sealed, bad)
                    .unwrap_err()
                    .to_string()
                    .contains("16 or 32"),
                "{bad}"
            );
        }
        assert!(decrypt("", token).is_err());
        assert!(decrypt(&sealed[..62], token).is_err());
    }
    let opened = decrypt(&records[0].1, &records[0].0).unwrap();
    let line = opened.lines().nth(1).unwrap();
    imports_as(
        &opened,
        &line.split('#').next().unwrap().replace("/**", "/<0;1>/*"),
    );
}
