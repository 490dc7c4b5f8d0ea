//! Exports: what each format holds, what it refuses, and that nothing of it changes unnoticed.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/golden.rs"]
mod golden;
#[path = "common/vault.rs"]
mod vault;

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, Keychain, Stage, compile};
use longstop::export::{Content, Exported, Format, Request, export};
use longstop::policy::check;
use longstop::units::UnixTime;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use serde_json::Value;

use self::draft::{Draft, TREASURY};

/// One owner, and heirs after a delay: a policy that every format holds.
const INHERITANCE: &str = r#"
[quorums]
owners = { threshold = 1, of = ["owner"] }
heirs = { threshold = 2, of = ["ann", "ben", "cat"] }

[root]
quorum = "owners"
refresh = "180 days"

[[path]]
name = "inheritance"
quorum = "heirs"
delay = "52560 blocks"
"#;

fn treasury(script: &'static str) -> Arc<Compiled> {
    Draft::new(script, TREASURY).compiled()
}

fn with(stage: Option<Stage>) -> Request {
    Request {
        stage,
        addresses: 2,
        ..Request::default()
    }
}

#[track_caller]
fn pieces(compiled: &Compiled, format: Format) -> Vec<Exported> {
    export(compiled, format, &with(None)).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn text(compiled: &Compiled, format: Format) -> String {
    let all = pieces(compiled, format)
        .into_iter()
        .map(|piece| match piece.content {
            Content::Text(text) => text,
            Content::Json(value) => format!("{value:#}\n"),
        });
    all.collect::<Vec<_>>().join("\n")
}

fn values(compiled: &Compiled, format: Format) -> Vec<Value> {
    let all = pieces(compiled, format)
        .into_iter()
        .map(|piece| match piece.content {
            Content::Json(value) => value,
            Content::Text(text) => panic!("{text}"),
        });
    all.collect()
}

/// The reason for which a format does not hold these terms.
#[track_caller]
fn refusal(compiled: &Compiled, format: Format) -> String {
    export(compiled, format, &with(None))
        .expect_err("this cannot be held")
        .to_string()
}

#[test]
fn the_formats_are_what_they_always_were() {
    let mut files = BTreeSet::new();
    for script in ["tr", "wsh"] {
        let compiled = treasury(script);
        for (name, format) in Format::ALL {
            if format == Format::Liana {
                continue;
            }
            let file = format!("treasury-{script}.{name}");
            golden::check_file("export", &file, &text(&compiled, format));
            files.insert(file);
        }
    }
    let liana = text(&Draft::new("tr", INHERITANCE).compiled(), Format::Liana);
    golden::check_file("export", "inheritance-tr.liana", &liana);
    files.insert("inheritance-tr.liana".to_owned());
    golden::check_folder("export", &files);
}

#[test]
fn core_gets_every_script_of_every_stage() {
    let secp = Secp256k1::new();
    for script in ["tr", "wsh"] {
        let compiled = treasury(script);
        let [entries] = &values(&compiled, Format::Core)[..] else {
            panic!("one array");
        };
        let mut entries = entries.as_array().unwrap().iter();
        for stage in compiled.stages() {
            for keychain in Keychain::BOTH {
                let entry = entries.next().expect("an entry for each keychain");
                let text = entry["desc"].as_str().unwrap();
                assert!(text.contains('#'), "with its checksum");
                let descriptor = Descriptor::<DescriptorPublicKey>::from_str(text).unwrap();
                assert!(
                    !descriptor.is_multipath(),
                    "also for nodes that know no such"
                );
                let vault = *stage.stage() == Stage::Vault;
                assert_eq!(entry["active"], vault);
                assert_eq!(entry["internal"], keychain == Keychain::Change);
                assert_eq!(entry["range"], serde_json::json!([0, 999]));
                assert_eq!(entry["timestamp"], "now");
                for index in [0, 1, 999] {
                    let ours = stage.derive(keychain, index, &secp).unwrap();
                    let theirs = descriptor.at_derivation_index(index).unwrap();
                    assert_eq!(theirs.script_pubkey(), *ours.script_pubkey());
                }
            }
        }
        assert_eq!(entries.next(), None);
    }
}

#[test]
fn a_date_and_a_range_are_taken_over() {
    let request = Request {
        stage: Some(Stage::Vault),
        since: Some(UnixTime(1_700_000_000)),
        last_index: 5,
        addresses: 0,
    };
    let exported = export(&treasury("tr"), Format::Core, &request).unwrap();
    let Content::Json(value) = &exported[0].content else {
        panic!("a JSON value");
    };
    assert_eq!(value.as_array().unwrap().len(), 2);
    assert_eq!(value[0]["timestamp"], 1_700_000_000);
    assert_eq!(value[0]["range"], serde_json::json!([0, 5]));
}

#[test]
fn a_wallet_policy_is_the_descriptor_again() {
    for script in ["tr", "wsh"] {
        let compiled = treasury(script);
        let policies = values(&compiled, Format::Bip388);
        assert_eq!(policies.len(), compiled.stages().count());
        for (policy, stage) in policies.iter().zip(compiled.stages()) {
            let keys = policy["keys_info"].as_array().unwrap();
            let distinct: BTreeSet<&str> = keys.iter().map(|key| key.as_str().unwrap()).collect();
            assert_eq!(distinct.len(), keys.len(), "every key stands once");
            let mut descriptor = policy["descriptor_template"].as_str().unwrap().to_owned();
            let first = |number: usize| descriptor.find(&format!("@{number}/"));
            for number in 1..keys.len() {
                assert!(
                    first(number - 1).unwrap() < first(number).unwrap(),
                    "in order"
                );
            }
            for (number, key) in keys.iter().enumerate() {
                let placeholder = format!("@{number}/");
                descriptor =
                    descriptor.replace(&placeholder, &format!("{}/", key.as_str().unwrap()));
            }
            let descriptor = descriptor.replace("/**", "/<0;1>/*");
            assert_eq!(descriptor, format!("{:#}", stage.descriptor()));
        }
    }
}

#[test]
fn a_record_is_a_template_where_it_can_be_one() {
    let alone = INHERITANCE.replace(
        "[[path]]\nname = \"inheritance\"\nquorum = \"heirs\"\ndelay = \"52560 blocks\"\n",
        "",
    );
    let text_of = |terms: &str| {
        let text = Draft::new("wsh", terms).text();
        let text = text.replace("[policy]", "[policy]\naccept_total_loss = \"a test\"");
        let policy = check(&text).policy.expect("a sound policy");
        text_lines(&compile(Arc::new(policy)).unwrap())
    };
    let lines = text_of(&alone);
    assert_eq!(lines[0], "BSMS 1.0");
    assert!(lines[1].starts_with("wsh(and_v(v:pk([") && lines[1].ends_with("/**),older(1)))"));
    assert_eq!(lines[2], "/0/*,/1/*");

    let lines = text_lines(&treasury("wsh"));
    let descriptor = Descriptor::<DescriptorPublicKey>::from_str(&lines[1]).unwrap();
    assert!(descriptor.is_multipath() && lines[1].contains('#'));
    assert_eq!(lines[2], "No path restrictions");
    assert!(lines[3].starts_with("bcrt1q"));
}

fn text_lines(compiled: &Compiled) -> Vec<String> {
    text(compiled, Format::Bsms)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn liana_holds_what_it_can_and_the_rest_is_refused_by_name() {
    let inheritance = || Draft::new("tr", INHERITANCE);
    let held = inheritance().compiled();
    assert_eq!(
        text(&held, Format::Liana),
        format!("{}\n", held.vault().descriptor())
    );

    let staged = refusal(&treasury("tr"), Format::Liana);
    assert!(staged.contains("path `sos` is staged"), "{staged}");
    let request = with(Some(Stage::Escrow("sos".to_owned())));
    let staged = export(&treasury("tr"), Format::Liana, &request)
        .unwrap_err()
        .to_string();
    assert!(
        staged.contains("the escrow of sos") && staged.contains("path `sos`"),
        "{staged}"
    );

    let second = "\n[[path]]\nname = \"second\"\nquorum = \"owners\"\ndelay = \"52560 blocks\"\n";
    let with_second = |delay: &str| {
        let terms = format!("{INHERITANCE}{second}").replace(
            "quorum = \"owners\"\ndelay = \"52560 blocks\"",
            &format!("quorum = \"owners\"\n{delay}"),
        );
        Draft::new("tr", &terms).compiled()
    };
    assert!(
        export(
            &with_second("delay = \"52559 blocks\""),
            Format::Liana,
            &with(None)
        )
        .is_ok()
    );
    for (compiled, reason) in [
        (with_second("delay = \"52560 blocks\""), "`inheritance` and `second` have the same delay"),
        (with_second("clock = \"time\"\ndelay = \"365 days\""), "path `second` waits for"),
        (with_second("unlock_height = 900000"), "path `second` opens at"),
        (
            Draft::new("wsh", INHERITANCE).compiled(),
            "the path of root waits for 1 block",
        ),
        (
            inheritance()
                .but(
                    "heirs = { threshold = 2, of = [\"ann\", \"ben\", \"cat\"] }",
                    "heirs = { threshold = 2, of = [\"young\", \"old\"] }\nyoung = { threshold = 1, of = [\"ann\", \"ben\"] }\nold = { threshold = 1, of = [\"cat\", \"dan\"] }",
                )
                .compiled(),
            "path `inheritance` has a threshold of thresholds",
        ),
    ] {
        let refusal = refusal(&compiled, Format::Liana);
        assert!(refusal.contains(reason), "{refusal}");
        assert!(refusal.starts_with("liana cannot hold the vault"), "{refusal}");
    }
}

#[test]
fn a_path_of_liana_has_at_most_twenty_keys() {
    let heirs = |count: usize| {
        let names: Vec<String> = (0..count)
            .map(|number| format!("\"heir-{number}\""))
            .collect();
        Draft::new("tr", INHERITANCE)
            .but(
                "[\"ann\", \"ben\", \"cat\"]",
                &format!("[{}]", names.join(", ")),
            )
            .compiled()
    };
    assert!(export(&heirs(20), Format::Liana, &with(None)).is_ok());
    let refusal = refusal(&heirs(21), Format::Liana);
    assert!(
        refusal.contains("path `inheritance` has 21 keys"),
        "{refusal}"
    );
}

#[test]
fn labels_are_read_by_the_crate_of_the_bip() {
    let labels = text(&treasury("tr"), Format::Labels);
    let read = bip329::Labels::try_from_str(&labels).expect("BIP-329");
    assert_eq!(read.iter().count(), labels.lines().count());
    // Eight parties with three accounts each; two addresses of each keychain of three stages.
    assert_eq!(labels.lines().count(), 8 * 3 + 3 * 2 * 2);
    let refs: BTreeSet<String> = read.iter().map(|label| label.ref_().to_string()).collect();
    assert_eq!(refs.len(), labels.lines().count(), "one label each");
}

#[test]
fn what_is_not_there_is_not_exported() {
    let compiled = treasury("tr");
    for stage in [
        Stage::Escrow("dead-man".to_owned()),
        Stage::Lockup("nobody".to_owned()),
    ] {
        for (_, format) in Format::ALL {
            let error = export(&compiled, format, &with(Some(stage.clone()))).unwrap_err();
            let error = error.to_string();
            let picture = matches!(format, Format::Mermaid | Format::Dot | Format::Svg);
            let reason = if picture {
                "draws all stages"
            } else {
                "it has the vault, the escrow of sos"
            };
            assert!(error.contains(reason), "{error}");
        }
    }
    let request = with(Some(Stage::Vault));
    assert!(export(&compiled, Format::Svg, &request).is_err());
}

#[test]
fn a_drawing_stands_alone_and_says_what_the_policy_says() {
    let compiled = treasury("tr");
    let drawing = text(&compiled, Format::Svg);
    for foreign in ["<script", "href", "@import", "url(http", "onload"] {
        assert!(!drawing.contains(foreign), "{foreign}");
    }
    assert!(drawing.contains("prefers-color-scheme: dark"));
    for stage in compiled.stages() {
        for leaf in stage.leaves() {
            let name = leaf.kind().to_string();
            let name = name.split(' ').next().unwrap();
            let name = if name == "direct" { "dead-man" } else { name };
            for format in [Format::Svg, Format::Dot, Format::Mermaid] {
                assert!(text(&compiled, format).contains(name), "{name} in {format}");
            }
        }
    }
}
