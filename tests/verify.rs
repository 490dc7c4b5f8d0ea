//! An outsider compares descriptors with a policy: what matches, and every kind of difference.

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
#[path = "common/vault.rs"]
mod vault;

use std::sync::Arc;

use longstop::compile::{Compiled, Keychain, Stage};
use longstop::export::{Content, Format, Request, export};
use longstop::import::{find, stated_id};
use longstop::verify::{Difference, Verification, verify};
use miniscript::descriptor::checksum::desc_checksum;

use self::draft::{Draft, TREASURY};

fn treasury(script: &'static str) -> Arc<Compiled> {
    Draft::new(script, TREASURY).compiled()
}

/// The descriptors as lines.
fn lines(compiled: &Compiled) -> Vec<String> {
    let descriptors = compiled
        .stages()
        .map(|stage| stage.descriptor().to_string());
    descriptors.collect()
}

#[track_caller]
fn compared(compiled: &Compiled, text: &str) -> Verification {
    let found = find(text).unwrap_or_else(|error| panic!("{error}"));
    let id = stated_id(text).unwrap_or_else(|error| panic!("{error}"));
    verify(compiled, &found, id.as_deref())
}

/// The descriptor of the vault with one thing otherwise, and a checksum that fits.
#[track_caller]
fn vault_but(compiled: &Compiled, was: &str, is: &str) -> Verification {
    let mut lines = lines(compiled);
    assert!(lines[0].contains(was), "the descriptor holds `{was}`");
    let body = lines[0].split('#').next().unwrap().replacen(was, is, 1);
    lines[0] = format!("{body}#{}", desc_checksum(&body).unwrap());
    compared(compiled, &lines.join("\n"))
}

#[track_caller]
fn only(verification: &Verification) -> &Difference {
    assert!(!verification.matches);
    let mut all = verification
        .stages
        .iter()
        .flat_map(|stage| &stage.differences);
    let one = all.next().expect("a difference");
    assert_eq!(all.next(), None, "and no other");
    one
}

/// Hardened steps can be `h` or `'`: descriptors match either way, and a policy is the same one.
#[test]
fn hardened_steps_have_two_spellings_and_one_meaning() {
    for script in ["tr", "wsh"] {
        let draft = Draft::new(script, TREASURY);
        let compiled = draft.compiled();
        let ours = lines(&compiled);
        assert!(ours.iter().all(|line| line.contains("48'/1'/0'/3']")));
        let other = ours.iter().map(|line| {
            let body = line.split('#').next().unwrap().replace('\'', "h");
            format!("{body}#{}", desc_checksum(&body).unwrap())
        });
        let other: Vec<String> = other.collect();
        assert!(other.iter().zip(&ours).all(|(one, other)| one != other));
        for text in [&ours, &other] {
            assert!(compared(&compiled, &text.join("\n")).matches);
        }
        let text = draft.text();
        assert!(text.contains("48h/1h/0h/3h]"), "{text}");
        let spelt = text.replace("48h/1h/0h/3h]", "48'/1'/0'/3']");
        let policy = longstop::policy::check(&spelt).policy.unwrap();
        let spelt = longstop::compile::compile(Arc::new(policy)).unwrap();
        assert_eq!(spelt.id(), compiled.id());
        assert_eq!(lines(&spelt), ours);
        // A key by itself is written in one way, whichever way it was read.
        let keys = |compiled: &Compiled| -> Vec<String> {
            let parties = compiled.policy().parties();
            parties.map(|party| party.key().to_string()).collect()
        };
        assert_eq!(keys(&spelt), keys(&compiled));
        assert!(keys(&spelt).iter().all(|key| key.contains("48h/1h/0h/3h]")));
    }
}

#[test]
fn every_format_that_holds_descriptors_matches() {
    for script in ["tr", "wsh"] {
        let compiled = treasury(script);
        assert!(compared(&compiled, &lines(&compiled).join("\n")).matches);
        for format in [Format::Core, Format::Bip388, Format::Bsms, Format::Json] {
            let pieces = export(&compiled, format, &Request::default()).unwrap();
            let values: Vec<String> = pieces
                .iter()
                .map(|piece| match &piece.content {
                    Content::Json(value) => value.to_string(),
                    Content::Text(text) => text.clone(),
                })
                .collect();
            let text = match (format, values.as_slice()) {
                (Format::Bip388, policies) => format!("[{}]", policies.join(",")),
                (Format::Bsms, records) => records.join("\n"),
                (_, [one]) => one.clone(),
                _ => panic!("one document"),
            };
            let verification = compared(&compiled, &text);
            assert!(verification.matches, "{format}: {verification:#?}");
            // And it is not the other policy.
            let other = Draft::new(script, TREASURY)
                .but("delay = \"90 blocks\"", "delay = \"91 blocks\"")
                .compiled();
            assert!(!compared(&other, &text).matches, "{format}");
        }
    }
}

#[test]
fn a_missing_stage_is_named() {
    let compiled = treasury("tr");
    for (missing, stage) in compiled.stages().enumerate() {
        let mut lines = lines(&compiled);
        lines.remove(missing);
        let verification = compared(&compiled, &lines.join("\n"));
        assert_eq!(*only(&verification), Difference::MissingStage);
        let found = verification
            .stages
            .iter()
            .find(|found| !found.differences.is_empty());
        assert_eq!(found.unwrap().stage, *stage.stage());
    }
}

#[test]
fn another_lock_is_named_with_its_leaf() {
    for script in ["tr", "wsh"] {
        let compiled = treasury(script);
        for other in ["older(89)", "older(91)", "older(4194394)"] {
            let verification = vault_but(&compiled, "older(90)", other);
            let expected = Difference::Lock {
                leaf: "direct dead-man".to_owned(),
                expected: "older(90)".to_owned(),
                given: other.to_owned(),
            };
            assert_eq!(*only(&verification), expected);
        }
    }
}

#[test]
fn another_threshold_is_named_with_its_leaf() {
    for (script, fragment) in [("tr", "multi_a"), ("wsh", "multi")] {
        let compiled = treasury(script);
        let verification = vault_but(
            &compiled,
            &format!("{fragment}(3,"),
            &format!("{fragment}(2,"),
        );
        let expected = Difference::Threshold {
            leaf: "spend".to_owned(),
            expected: "3".to_owned(),
            given: "2".to_owned(),
        };
        assert_eq!(*only(&verification), expected);
    }
}

#[test]
fn another_key_is_named_with_its_party() {
    for script in ["tr", "wsh"] {
        let compiled = treasury(script);
        let spend = &compiled.vault().leaves()[0];
        let seats: Vec<_> = spend.groups()[0].seats().collect();
        for (party, key) in seats {
            let key = key.to_string();
            let other = key.replace("/<0;1>/*", "/<100;101>/*");
            let verification = vault_but(&compiled, &key, &other);
            let expected = Difference::Key {
                leaf: "spend".to_owned(),
                party: party.to_owned(),
                expected: key,
                given: other,
            };
            assert_eq!(*only(&verification), expected);
        }
    }
}

#[test]
fn a_spendable_internal_key_is_named() {
    let compiled = treasury("tr");
    let key = compiled.vault().internal_key().unwrap().to_string();
    let owner = compiled.policy().party("alice").unwrap().key().to_string();
    let (origin, xpub) = owner.split_once(']').unwrap();
    let given = format!("{}]{xpub}/<100;101>/*", origin.replace('h', "'"));
    let verification = vault_but(&compiled, &key, &given);
    assert_eq!(
        *only(&verification),
        Difference::InternalKey {
            expected: key,
            given
        }
    );
}

#[test]
fn another_order_of_keys_means_the_same_and_is_not_the_same() {
    let compiled = treasury("wsh");
    let spend = &compiled.vault().leaves()[0];
    let keys: Vec<String> = spend.keys().map(ToString::to_string).collect();
    let pair = format!("{},{}", keys[0], keys[1]);
    let swapped = format!("{},{}", keys[1], keys[0]);
    let verification = vault_but(&compiled, &pair, &swapped);
    assert!(!verification.matches);
    assert_eq!(
        verification.stages[0].differences.len(),
        2,
        "two keys in each other's place"
    );
}

#[test]
fn a_leaf_too_many_means_something_else() {
    let compiled = treasury("tr");
    let key = compiled.policy().party("gina").unwrap().key().to_string();
    let leaf = format!("pk({key}/<100;101>/*)");
    let mut lines = lines(&compiled);
    let body = lines[0].split('#').next().unwrap();
    let (internal, tree) = body.split_once(',').unwrap();
    let tree = tree.strip_suffix(')').unwrap();
    let body = format!("{internal},{{{tree},{leaf}}})");
    lines[0] = format!("{body}#{}", desc_checksum(&body).unwrap());
    match only(&compared(&compiled, &lines.join("\n"))) {
        Difference::Structure {
            same_meaning,
            missing_keys,
            foreign_keys,
        } => {
            assert!(!same_meaning);
            assert!(missing_keys.is_empty());
            assert_eq!(foreign_keys.len(), 1);
            assert!(foreign_keys[0].contains("/<100;101>/*"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn checksums_are_compared() {
    let compiled = treasury("tr");
    let mut lines = lines(&compiled);
    let (body, sum) = lines[0].split_once('#').unwrap();
    let (body, sum) = (body.to_owned(), sum.to_owned());
    lines[0].clone_from(&body);
    let missing = Difference::Checksum {
        given: None,
        expected: sum.clone(),
    };
    assert_eq!(*only(&compared(&compiled, &lines.join("\n"))), missing);
    lines[0] = format!("{body}#qqqqqqqq");
    let wrong = Difference::Checksum {
        given: Some("qqqqqqqq".to_owned()),
        expected: sum,
    };
    assert_eq!(*only(&compared(&compiled, &lines.join("\n"))), wrong);
}

#[test]
fn receive_alone_is_half_a_stage() {
    let compiled = treasury("wsh");
    for (half, keychain) in Keychain::BOTH.into_iter().enumerate() {
        let mut lines = lines(&compiled);
        let halves = compiled
            .vault()
            .descriptor()
            .clone()
            .into_single_descriptors()
            .unwrap();
        lines[0] = halves[half].to_string();
        let verification = compared(&compiled, &lines.join("\n"));
        assert_eq!(
            *only(&verification),
            Difference::OneKeychain { given: keychain }
        );
    }
}

#[test]
fn a_descriptor_of_nobody_here_is_said_to_be_one() {
    let compiled = treasury("tr");
    let other = Draft::new("tr", TREASURY)
        .but("\"gina\", \"hal\", \"ivan\"", "\"jo\", \"kim\", \"lou\"")
        .compiled();
    let mut lines = lines(&compiled);
    lines.push(
        other
            .stage(&Stage::Lockup("sos".to_owned()))
            .unwrap()
            .descriptor()
            .to_string(),
    );
    let verification = compared(&compiled, &lines.join("\n"));
    assert!(!verification.matches);
    assert_eq!(verification.foreign.len(), 1);
    assert!(
        verification
            .stages
            .iter()
            .all(|stage| stage.differences.is_empty())
    );
}

#[test]
fn a_stated_policy_id_and_first_address_are_compared() {
    let compiled = treasury("tr");
    let id = compiled.id().to_string();
    let good = format!("policy id {id}\n{}", lines(&compiled).join("\n"));
    assert!(compared(&compiled, &good).matches);
    let other = id.replace(|c: char| c.is_ascii_digit(), "0");
    let verification = compared(&compiled, &good.replace(&id, &other));
    assert!(!verification.matches);
    assert_eq!(verification.other_id, Some(other));

    let pieces = export(&compiled, Format::Bsms, &Request::default()).unwrap();
    let records: Vec<String> = pieces
        .into_iter()
        .map(|piece| match piece.content {
            Content::Text(text) => text,
            Content::Json(_) => panic!("a record is text"),
        })
        .collect();
    // The vault with the first address of the escrow.
    let address = |record: &str| record.trim().lines().last().unwrap().to_owned();
    let forged = records[0].replace(&address(&records[0]), &address(&records[1]));
    let text = format!("{forged}\n{}\n{}", records[1], records[2]);
    match only(&compared(&compiled, &text)) {
        Difference::Address { reason } => assert!(reason.contains(&address(&records[0]))),
        other => panic!("{other:?}"),
    }
}

/// What is given twice is of its stage, and no word of it is lost: the second can differ.
#[test]
fn what_is_given_twice_is_not_foreign() {
    for script in ["tr", "wsh"] {
        let compiled = treasury(script);
        let once = lines(&compiled);
        let twice = [once.clone(), once.clone()].concat();
        let verification = compared(&compiled, &twice.join("\n"));
        assert!(verification.matches, "{verification:#?}");
        // Another that differs is still told, beside what it differs from.
        let body = once[0].split('#').next().unwrap();
        let spoilt = [once.clone(), vec![format!("{body}#qqqqqqqq")]].concat();
        let verification = compared(&compiled, &spoilt.join("\n"));
        assert!(verification.foreign.is_empty(), "{verification:#?}");
        assert!(matches!(
            only(&verification),
            Difference::Checksum { given: Some(given), .. } if given == "qqqqqqqq"
        ));
        // One that is wrong, given twice, is of the same stage twice.
        let other = body.replace("older(90)", "older(91)");
        let other = format!("{other}#{}", desc_checksum(&other).unwrap());
        let wrong = [vec![other.clone(), other], once[1..].to_vec()].concat();
        let verification = compared(&compiled, &wrong.join("\n"));
        assert!(verification.foreign.is_empty(), "{verification:#?}");
        assert!(matches!(only(&verification), Difference::Lock { .. }));
    }
}

/// An id that was cut short is no id, and what is not compared does not pass for compared.
#[test]
fn a_policy_id_that_cannot_be_read_is_refused() {
    let compiled = treasury("tr");
    let id = compiled.id().to_string();
    let text = |line: &str| format!("{line}\n{}", lines(&compiled).join("\n"));
    for right in [
        format!("policy id {id}"),
        format!("Policy ID: {}", id.to_uppercase()),
        format!("  policy id {id}  "),
        "policy idea".to_owned(),
    ] {
        assert!(compared(&compiled, &text(&right)).matches, "{right}");
    }
    for (wrong, what) in [
        (format!("policy id {}", &id[..63]), "63 characters"),
        (format!("policy id {id}0"), "65 characters"),
        (format!("policy id: {}", "g".repeat(64)), "hexadecimal"),
        ("policy id".to_owned(), "0 characters"),
        (
            format!("policy id {id}\npolicy id {}", "0".repeat(64)),
            "different",
        ),
    ] {
        let error = stated_id(&text(&wrong)).expect_err("no policy id");
        assert!(error.to_string().contains(what), "{wrong}: {error}");
    }
    let json = |id: &str| format!("{{\"id\": \"{id}\", \"stages\": []}}");
    assert_eq!(stated_id(&json(&id)).unwrap(), Some(id.clone()));
    assert!(stated_id(&json(&id[..63])).is_err());
    assert_eq!(stated_id("{\"id\": \"7\"}").unwrap(), None);
}
