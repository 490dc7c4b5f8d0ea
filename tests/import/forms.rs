//! The forms in which descriptors come, what is wrong with them, and what is refused by name.

use std::fs;
use std::path::Path;

use bitcoin::bip32::DerivationPath;
use longstop::compile::{Leaf, Stage};
use longstop::export::{Content, Format, Request, export};
use longstop::import::find;
use longstop::signer::SoftwareSigner;
use longstop::units::{AbsoluteLock, RelativeLock};
use longstop::verify::verify;
use serde_json::json;

use super::*;

const ALICE: &str = "[73ba188d/48'/1'/0'/3']tpubDE4j6HJ6qVyXMoQSee73GvrxBwx9BepvUnQP5WiTMjdM31uXiBPaiqyypXLFqgbzej14V1MEo4RcAKwWaB7yeFghq2AXCvoBPmiB8cP5t47";
const BOB: &str = "[35068fc9/48'/1'/0'/3']tpubDF7MhYPiQHDKEWdtnEr5S6te6rqCf1mtwCtYq1pnsdjaqTR9M3tofU1ce2H54SeWu2ds8xRu1Adj276AR1ZbXV1jecNTtYrERwzCoxC7eJy";
const CAROL: &str = "[681a2b3b/48'/1'/0'/3']tpubDF3i9okCCUxBbQd8tNPz75dDMWYVBqqQfKz9EbFUM4gmcvcZ3SY2dNyNbS7MbSqsw8CTNiG7QR5rkPMydHGS38v56sjSJgYiQDP9qpN1hYb";
const MAIN: &str = "[6738736c/48'/0'/0'/2']xpub6FC1fXFP1GXLX5TKtcjHGT4q89SDRehkQLtbKJ2PzWcvbBHtyDsJPLtpLtkGqYNYZdVVAjRQ5kug9CsapegmmeRutpP7PW4u4wVF9JfkDhw";
const FIXED: &str = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd";

/// Alice at once, Bob and Carol after a while.
fn inheritance(steps: &str) -> String {
    format!(
        "wsh(or_d(pk({ALICE}{steps}),and_v(v:multi(2,{BOB}{steps},{CAROL}{steps}),older(65535))))"
    )
}

#[test]
fn a_descriptor_by_itself() {
    for body in [
        inheritance("/<0;1>/*"),
        inheritance("/7/<0;1>/*"),
        inheritance("/<5;9>/3/*"),
        inheritance("/0/*"),
        inheritance("/*"),
        format!(
            "tr({ALICE}/<0;1>/*,{{pk({BOB}/<0;1>/*),and_v(v:pk({CAROL}/<0;1>/*),after(1000000))}})"
        ),
        format!("wsh(sortedmulti(2,{ALICE}/<0;1>/*,{BOB}/<0;1>/*,{CAROL}/<0;1>/*))"),
        format!("wsh(andor(pk({ALICE}/<0;1>/*),older(9),pk({BOB}/<0;1>/*)))"),
        format!("wsh(and_v(v:pk({ALICE}/<0;1>/*),or_d(pk({BOB}/<0;1>/*),older(4194305))))"),
        format!("tr({ALICE}/<0;1>/*,multi_a(1,{BOB}/<0;1>/*,{ALICE}/<2;3>/*))"),
        format!(
            "wsh(or_d(multi(2,{ALICE}/<0;1>/*,{BOB}/<0;1>/*),and_v(v:pk({ALICE}/<2;3>/*),after(1900000000))))"
        ),
        // Without origins, and with single keys.
        inheritance("/<0;1>/*").replace("[73ba188d/48'/1'/0'/3']", ""),
        format!("wsh(multi(1,{ALICE}/<0;1>/*,{FIXED}))"),
        format!("tr({})", &FIXED[2..]),
    ] {
        imports_as(&with_checksum(&body), &body);
        imports_as(&format!("  {}\n", with_checksum(&body)), &body);
    }
}

#[test]
fn every_lock_comes_back_as_it_was() {
    for lock in [1, 2, 143, 144, 65_534, 65_535]
        .into_iter()
        .chain([1, 2, 7, 8, 9, 58_594, 65_535].map(|units| 0x40_0000 + units))
    {
        let body =
            format!("wsh(or_d(pk({ALICE}/<0;1>/*),and_v(v:pk({BOB}/<0;1>/*),older({lock}))))");
        let compiled = imports_as(&with_checksum(&body), &body);
        let locks = compiled.vault().leaves().iter().filter_map(Leaf::relative);
        let locks: Vec<u32> = locks.map(RelativeLock::to_consensus).collect();
        assert_eq!(locks, [lock]);
    }
    for lock in [1, 499_999_999, 500_000_000, 0x7fff_ffff] {
        let body =
            format!("wsh(or_d(pk({ALICE}/<0;1>/*),and_v(v:pk({BOB}/<0;1>/*),after({lock}))))");
        let compiled = imports_as(&with_checksum(&body), &body);
        let locks = compiled.vault().leaves().iter().filter_map(Leaf::absolute);
        let locks: Vec<u32> = locks.map(AbsoluteLock::to_consensus).collect();
        assert_eq!(locks, [lock]);
    }
}

#[test]
fn a_threshold_that_counts_locks_becomes_one_path_for_each_choice() {
    let keys = [ALICE, BOB, CAROL].map(|key| format!("{key}/<0;1>/*"));
    let [a, b, c] = &keys;
    let body = format!("wsh(thresh(3,pk({a}),s:pk({b}),s:pk({c}),sln:older(12960)))");
    let imported = read(&with_checksum(&body)).unwrap();
    // Three of three at once; two of three after the lock.
    let ways: Vec<String> = imported
        .ways()
        .iter()
        .map(|way| format!("{way:?}"))
        .collect();
    assert_eq!(ways.len(), 2, "{ways:?}");
    assert!(ways[0].contains("Threshold(3") && imported.ways()[0].is_open());
    assert!(ways[1].contains("Threshold(2") && !imported.ways()[1].is_open());
    imports_as(&with_checksum(&body), &body);
}

#[test]
fn files_of_bitcoin_core() {
    let body = inheritance("/<0;1>/*");
    let [receive, change] = ["/0/*", "/1/*"].map(|steps| with_checksum(&inheritance(steps)));
    let entry = |desc: &str, internal: bool| json!({ "desc": desc, "timestamp": "now", "active": true, "internal": internal, "range": [0, 999] });
    let pair = [entry(&receive, false), entry(&change, true)];
    for text in [
        json!(pair).to_string(),
        json!({ "wallet_name": "w", "descriptors": pair }).to_string(),
        json!([entry(&with_checksum(&body), false)]).to_string(),
        entry(&with_checksum(&body), false).to_string(),
        format!("{receive}\n{change}\n"),
    ] {
        imports_as(&text, &body);
    }
    // Two wallets in one file are not one policy; nor are two that differ in more than a step.
    let other = with_checksum(&format!("wsh(pk({ALICE}/0/*))"));
    for texts in [[&receive, &other], [&other, &change]] {
        let text = json!(texts.map(|desc| entry(desc, false))).to_string();
        let error = read(&text).unwrap_err();
        assert!(
            matches!(&error, ImportError::Several { choices } if choices.len() == 2),
            "{error}"
        );
    }
    let bad = json!([{ "desc": 5 }]).to_string();
    assert!(matches!(
        read(&bad),
        Err(ImportError::BadForm {
            form: "file of Bitcoin Core",
            ..
        })
    ));
}

#[test]
fn a_missing_or_wrong_checksum_is_told_the_right_one() {
    let body = inheritance("/<0;1>/*");
    let expected = desc_checksum(&body).unwrap();
    let missing = read(&body).unwrap_err();
    assert_eq!(
        missing,
        ImportError::ChecksumMissing {
            expected: expected.clone()
        }
    );
    assert!(missing.to_string().contains(&format!("`#{expected}`")));
    for given in ["", "qqqqqqqq", &expected[..7], &format!("{expected}q")] {
        let error = read(&format!("{body}#{given}")).unwrap_err();
        let wrong = ImportError::ChecksumWrong {
            given: given.to_owned(),
            expected: expected.clone(),
        };
        assert_eq!(error, wrong);
    }
    // One character of the descriptor: another threshold with the old checksum.
    let error = read(&format!(
        "{}#{expected}",
        body.replace("multi(2,", "multi(1,")
    ))
    .unwrap_err();
    assert!(
        matches!(error, ImportError::ChecksumWrong { .. }),
        "{error}"
    );
    assert!(read(&format!("{body}#{expected}")).is_ok());
}

/// What is refused is told once and truly, whatever the script is.
#[test]
fn refusals_say_what_is_true() {
    let uncompressed = "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
    for body in [
        format!("wsh(pk({uncompressed}))"),
        format!("wsh(multi(1,{ALICE}/<0;1>/*,{uncompressed}))"),
        format!("tr({uncompressed})"),
        format!("tr({ALICE}/<0;1>/*,pk({uncompressed}))"),
    ] {
        let message = read(&with_checksum(&body)).unwrap_err().to_string();
        assert!(
            message.contains("a public key in it is uncompressed"),
            "{message}"
        );
        assert!(!message.contains("Taproot"), "{message}");
        assert!(!message.contains(".:"), "{message}");
    }
    let private = "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK";
    let message = read(&with_checksum(&format!("wsh(pk({private}/*))"))).unwrap_err();
    assert_eq!(
        message.to_string().matches("not shown").count(),
        1,
        "{message}"
    );
}

#[test]
fn every_family_is_refused_by_its_name() {
    let private = "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK";
    let a = format!("{ALICE}/<0;1>/*");
    let b = format!("{BOB}/<0;1>/*");
    let hash = "00".repeat(32);
    let locked = |lock: &str| format!("wsh(or_d(pk({a}),and_v(v:pk({b}),{lock})))");
    let many: Vec<String> = (0..7)
        .map(|seat| {
            // A key at once, or another after a while that is not that of the other seats.
            let key = |branch: usize| format!("{ALICE}/<{};{}>/*", 2 * branch, 2 * branch + 1);
            let (now, later, delay) = (key(2 * seat), key(2 * seat + 1), seat + 2);
            format!("or_i(and_v(v:pkh({later}),n:older({delay})),pk({now}))")
        })
        .collect();
    let accounts: Vec<String> = (0..12).map(account).collect();
    let cases = [
        (Family::OtherScript, format!("wpkh({a})")),
        (Family::OtherScript, format!("pkh({a})")),
        (Family::OtherScript, format!("sh(wsh(multi(1,{a},{b})))")),
        (Family::OtherScript, format!("sh(wpkh({a}))")),
        (Family::OtherScript, format!("combo({MAIN}/0/*)")),
        (Family::Opaque, "raw(deadbeef)".to_owned()),
        (
            Family::Opaque,
            "addr(bc1quqy523xu3l8che3s8vja8n33qtg0uyugr9l5z092s3wa50p8t7rqy6zumf)".to_owned(),
        ),
        (Family::HashLock, locked(&format!("sha256({hash})"))),
        (Family::HashLock, locked(&format!("hash256({hash})"))),
        (
            Family::HashLock,
            locked(&format!("ripemd160({})", &hash[..40])),
        ),
        (
            Family::HashLock,
            locked(&format!("hash160({})", &hash[..40])),
        ),
        (Family::Musig, format!("tr(musig({ALICE},{BOB})/<0;1>/*)")),
        (
            Family::SortedMultiA,
            format!("tr({a},sortedmulti_a(1,{b}))"),
        ),
        (Family::PrivateKey, format!("wsh(pk({private}/<0;1>/*))")),
        (
            Family::HardenedSteps,
            format!("wsh(pk({ALICE}/0h/<0;1>/*))"),
        ),
        (Family::HardenedSteps, format!("wsh(pk({ALICE}/<0;1>/*h))")),
        (Family::NoWildcard, format!("wsh(pk({ALICE}/0))")),
        (Family::NoWildcard, format!("wsh(pk({ALICE}))")),
        (Family::Branches, format!("wsh(pk({ALICE}/<0;1;2>/*))")),
        (Family::Branches, format!("wsh(multi(1,{a},{BOB}/0/*))")),
        (
            Family::BadOrigin,
            format!("wsh(pk({}/<0;1>/*))", ALICE.replace("/3'", "")),
        ),
        (
            Family::MixedNetworks,
            format!("wsh(multi(1,{a},{MAIN}/<0;1>/*))"),
        ),
        (Family::Keyless, format!("wsh(or_d(pk({a}),older(5)))")),
        (Family::AllLocked, format!("wsh(and_v(v:pk({a}),older(5)))")),
        (Family::BadLock, locked("older(65536)")),
        (Family::BadLock, locked("older(0)")),
        (Family::BadLock, locked("after(0)")),
        (Family::BadLock, locked("older(2147483648)")),
        (Family::BadLock, locked("after(2147483648)")),
        (Family::BadLock, locked("older(99999999999)")),
        (Family::BadLock, locked("older(70000)")),
        (Family::BadLock, locked("older(4194304)")),
        (Family::BadLock, locked("older(4259840)")),
        (
            Family::MixedLocks,
            locked("and_v(v:older(5),older(4194305))"),
        ),
        (
            Family::SignerTwice,
            format!("wsh(multi(2,{a},{ALICE}/<2;3>/*))"),
        ),
        (
            Family::TooMany,
            format!("wsh(thresh(4,{}))", many.join(",a:")),
        ),
        (
            Family::AccountReused,
            format!(
                "wsh(and_v(v:pk({a}),or_i(or_i(pk({BOB}/<0;1>/*),and_v(v:pk({CAROL}/<0;1>/*),older(4194305))),pk({CAROL}/<2;3>/*))))"
            ),
        ),
        (Family::Unfitted, format!("wsh({})", nested(&accounts, 10))),
        (Family::Unsound, format!("wsh(multi(1,{a},{a}))")),
        (Family::Unsound, format!("wsh(or_i(pk({a}),pk({a})))")),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (expected, body) in cases {
        let text = with_checksum(&body);
        assert_eq!(family(&text), expected, "{text}");
        let message = read(&text).unwrap_err().to_string();
        assert!(message.contains(expected.name()) && message.contains(expected.reason()));
        assert!(!message.contains("tprv"), "a secret is never repeated");
        seen.insert(expected);
    }
    for family in Family::ALL {
        assert!(
            seen.contains(&family),
            "nothing here is refused as {family}"
        );
    }
}

/// The account of a person of this number.
fn account(number: usize) -> String {
    let secp = Secp256k1::new();
    let path: DerivationPath = "48h/1h/0h/3h".parse().unwrap();
    let signer = SoftwareSigner::stand_in(0, &format!("p{number}"), &secp);
    format!("{}/<0;1>/*", signer.account(&path, &secp))
}

/// A key, and another or, and so on: so many thresholds inside one another.
fn nested(keys: &[String], depth: usize) -> String {
    let (key, rest) = keys.split_first().unwrap();
    if depth == 0 {
        return format!("pk({key})");
    }
    let inner = nested(rest, depth - 1);
    match depth % 2 {
        0 => format!("or_d(pk({key}),{inner})"),
        _ => format!("and_v(v:pk({key}),{inner})"),
    }
}

/// An account in several places is refused for that where it is the reason, and only there: with an
/// account for each place the same descriptor is read.
#[test]
fn accounts_in_several_places_are_refused_by_name() {
    let secp = Secp256k1::new();
    let other = |name: &str, branches: &str| {
        let path: DerivationPath = "48h/1h/0h/3h".parse().unwrap();
        let signer = SoftwareSigner::stand_in(0, name, &secp);
        format!("{}/{branches}/*", signer.account(&path, &secp))
    };
    let seat = |later: &str, now: &str| {
        format!(
            "wsh(and_v(v:pk({ALICE}/<0;1>/*),or_i(or_i(pk({BOB}/<0;1>/*),and_v(v:pk({later}),older(4194305))),pk({now}))))"
        )
    };
    let carol = |branches: &str| format!("{CAROL}/{branches}/*");
    let text = with_checksum(&seat(&carol("<0;1>"), &carol("<2;3>")));
    assert_eq!(family(&text), Family::AccountReused);
    let message = read(&text).unwrap_err().to_string();
    assert!(message.contains("(account-reused)"), "{message}");
    let place = format!("`{}` stands in 2 places", CAROL.replace('\'', "h"));
    assert!(message.contains(&place), "{message}");
    assert!(
        message.contains("give each place an account of its own"),
        "{message}"
    );
    // What is advised is enough.
    let apart = seat(&carol("<0;1>"), &other("dave", "<2;3>"));
    imports_as(&with_checksum(&apart), &apart);
    // Where a policy says which is meant, an account may stand in several places.
    let told = format!(
        "wsh(or_d(pk({}),and_v(v:pkh({}),older(10))))",
        carol("<0;1>"),
        carol("<2;3>")
    );
    imports_as(&with_checksum(&told), &told);
    // Where that is not the reason, it is not named.
    let mut keys: Vec<String> = (0..12).map(account).collect();
    keys[1] = keys[0].replace("<0;1>", "<2;3>");
    let deep = with_checksum(&format!("wsh({})", nested(&keys, 10)));
    assert_eq!(family(&deep), Family::Unfitted);
}

#[test]
fn the_book_names_every_family() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/exports.md");
    let book = fs::read_to_string(book).unwrap();
    let rows: Vec<&str> = book
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for family in Family::ALL {
        let cell = format!("| `{}` |", family.name());
        assert_eq!(
            rows.iter().filter(|row| row.starts_with(&cell)).count(),
            1,
            "{family}"
        );
    }
    let named = Family::ALL.map(|family| format!("| `{}` |", family.name()));
    for row in rows {
        assert!(
            named.iter().any(|cell| row.starts_with(cell)),
            "no family: {row}"
        );
    }
}

#[test]
fn names_are_those_that_were_chosen() {
    let imported = read(&with_checksum(&inheritance("/<0;1>/*"))).unwrap();
    let mut naming = Naming {
        policy: Some("our-savings".to_owned()),
        ..Naming::default()
    };
    naming
        .parties
        .push(("73ba188d".parse().unwrap(), "alice".to_owned()));
    naming.network = Some(longstop::policy::Network::Signet);
    let document = imported.document(&naming);
    let policy = check(&document).policy.expect("a sound policy");
    assert_eq!(policy.name(), "our-savings");
    assert_eq!(policy.network(), longstop::policy::Network::Signet);
    let names: Vec<&str> = policy.parties().map(|party| party.name()).collect();
    assert_eq!(names, ["alice", "party-2", "party-3"]);
    assert_eq!(policy.root().single_party().unwrap().name(), "alice");
    assert!(
        policy.accept_total_loss().is_none(),
        "Bob and Carol survive"
    );
    let alone = read(&with_checksum(&format!("wsh(pk({ALICE}/<0;1>/*))"))).unwrap();
    let alone = compiled(&alone);
    assert!(alone.policy().accept_total_loss().is_some());
}

/// What stands in the policy decides; the descriptor must be just that.
#[test]
fn a_changed_policy_no_longer_fits_its_descriptor() {
    let imported = read(&with_checksum(&inheritance("/<0;1>/*"))).unwrap();
    let document = imported.document(&Naming::default());
    let error = |document: &str| {
        let policy = check(document).policy.expect("a sound policy");
        compile(Arc::new(policy)).unwrap_err().to_string()
    };
    let but = |was: &str, is: &str| {
        assert!(document.contains(was), "{document}");
        document.replacen(was, is, 1)
    };
    for (changed, reason) in [
        (
            but("65535 blocks", "65534 blocks"),
            "no way to spend that is the path `path-1`",
        ),
        (
            but("threshold = 2", "threshold = 1"),
            "is not what the policy says",
        ),
        (
            but("of = [\"party-1\"]", "of = [\"party-2\"]")
                .replace("[policy]\n", "[policy]\naccept_total_loss = \"a test\"\n"),
            "is not what the policy says",
        ),
        (
            but("script = \"wsh\"", "script = \"tr\""),
            "no `tr` descriptor",
        ),
    ] {
        let error = error(&changed);
        assert!(error.contains(reason), "{error}");
    }
    // A path less in the policy is a way too many in the descriptor.
    let cut = document.split("\n[[path]]").next().unwrap().to_owned();
    let cut = cut.replace("[policy]\n", "[policy]\naccept_total_loss = \"a test\"\n");
    assert!(
        error(&cut).contains("is not what the policy says"),
        "{}",
        error(&cut)
    );
}

/// The order of members in the policy is the author's choice.
#[test]
fn members_may_stand_in_any_order() {
    let body = inheritance("/<0;1>/*");
    let imported = read(&with_checksum(&body)).unwrap();
    let document = imported.document(&Naming::default());
    let turned = document.replace("[\"party-2\", \"party-3\"]", "[\"party-3\", \"party-2\"]");
    assert_ne!(document, turned);
    let policy = check(&turned).policy.expect("a sound policy");
    let compiled = compile(Arc::new(policy)).expect("it is still that descriptor");
    let seats: Vec<String> = compiled.vault().leaves()[1].groups()[0]
        .seats()
        .map(|(party, key)| format!("{party} {}", &key.to_string()[1..9]))
        .collect();
    assert_eq!(seats, ["party-3 681a2b3b", "party-2 35068fc9"]);
}

/// Every stage of every policy that is shipped comes back from its own descriptor, but for escrows
/// in which a veto account signs beside the other account of the same device.
#[test]
fn stages_of_ours_come_back() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut count = 0;
    for entry in fs::read_dir(policies).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path().join("policy.toml")) else {
            continue;
        };
        let ours = compile(Arc::new(check(&text).policy.unwrap())).unwrap();
        for stage in ours.stages() {
            let text = stage.descriptor().to_string();
            if let (Stage::Escrow(_), Err(error)) = (stage.stage(), read(&text)) {
                assert!(error.to_string().contains("signer-twice"), "{error}");
                continue;
            }
            let compiled = imports_as(&text, text.split('#').next().unwrap());
            // And an import can be exported again, and compared.
            let exported = export(&compiled, Format::Core, &Request::default()).unwrap();
            let Content::Json(value) = &exported[0].content else {
                panic!("Core's form is JSON");
            };
            let found = find(&value.to_string()).unwrap();
            assert!(verify(&compiled, &found, None).matches);
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

/// A vault whose seats are one key now, or later another as well.
fn later_seats(count: usize, threshold: usize) -> String {
    let secp = Secp256k1::new();
    let path: DerivationPath = "48h/1h/0h/3h".parse().unwrap();
    let mut text = "[policy]\nname = \"seats\"\nnetwork = \"regtest\"\nscript = \"wsh\"\nlayout = \"cheapest\"\n".to_owned();
    let (mut first, mut seats) = (Vec::new(), Vec::new());
    for seat in 0..count {
        for name in [format!("now-{seat}"), format!("later-{seat}")] {
            let account = SoftwareSigner::stand_in(0, &name, &secp).account(&path, &secp);
            text += &format!("\n[parties.{name}]\nkey = \"{account}\"\n");
        }
        text += &format!(
            "\n[quorums.seat-{seat}]\nthreshold = 1\nof = [\"now-{seat}\", \"later-{seat}\"]\n"
        );
        first.push(format!("now-{seat}"));
        seats.push(format!("seat-{seat}"));
    }
    text += &format!(
        "\n[quorums.now]\nthreshold = {threshold}\nof = {first:?}\n\n[quorums.later]\nthreshold = {threshold}\nof = {seats:?}\n\n[root]\nquorum = \"now\"\nrefresh = \"10 blocks\"\n\n[[path]]\nname = \"later\"\nquorum = \"later\"\ndelay = \"90 blocks\"\n\n[lints]\nLS0503 = \"short delays keep the tests quick\"\n"
    );
    let checked = check(&text);
    let policy = checked
        .policy
        .unwrap_or_else(|| panic!("{:#?}\n{text}", checked.diagnostics));
    let compiled = compile(Arc::new(policy)).unwrap();
    compiled.vault().descriptor().to_string()
}

#[test]
fn seats_with_a_later_key_are_two_ways_however_many_there_are() {
    for (threshold, count) in [
        (1, 1),
        (1, 2),
        (2, 2),
        (2, 3),
        (4, 6),
        (1, 7),
        (4, 7),
        (7, 7),
        (5, 9),
        (1, 12),
    ] {
        let text = later_seats(count, threshold);
        let imported = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        // Where one seat is enough, each later key is a way of its own.
        let ways = if threshold == 1 { 1 + count } else { 2 };
        assert_eq!(imported.ways().len(), ways, "{text}");
        imports_as(&text, text.split('#').next().unwrap());
    }
}

/// What miniscript plans weighs what our own layouts are known to weigh.
#[test]
fn planned_weights_are_the_predicted_ones() {
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/decaying/policy.toml"),
    )
    .unwrap();
    let ours = compile(Arc::new(check(&text).policy.unwrap())).unwrap();
    let imported = read(&ours.vault().descriptor().to_string()).unwrap();
    let imported = compiled(&imported);
    for (one, two) in ours.vault().leaves().iter().zip(imported.vault().leaves()) {
        let predicted = ours.vault().witness_weight(one.kind());
        let planned = imported.vault().witness_weight(two.kind());
        assert_eq!(planned.most, predicted.most, "{}", one.kind());
    }
}

/// An imported policy can be rehearsed: stand-in keys take the places of the real ones.
#[test]
fn an_imported_policy_is_rehearsed() {
    let incident = r#"
[incident]
name = "heirs"
about = "The owner falls silent, and the heirs take the coin when its delay is over."
start = "2018-01-01T00:00:00Z"

[[event]]
deposit = { coin = "savings", amount = "2 BTC" }

[[event]]
spend = { coin = "savings", to = "grocer", amount = "0.1 BTC" }

[[event]]
lose = ["party-1"]

[[event]]
wait = "25 days"

[[event]]
attempt = { step = "recover", coin = "savings", path = "path-1", to = "estate", defect = "missing-signature" }

[[event]]
recover = { coin = "savings", path = "path-1", to = "estate" }
"#;
    let tree = format!(
        "tr({ALICE}/<0;1>/*,and_v(v:multi_a(2,{BOB}/<0;1>/*,{CAROL}/<0;1>/*),older(65535)))"
    );
    let fixed = inheritance("/<0;1>/*").replace(&format!("{CAROL}/<0;1>/*"), FIXED);
    for body in [
        inheritance("/<0;1>/*"),
        tree,
        fixed,
        inheritance("/<3;8>/*"),
    ] {
        let body = body.replace("65535", "3000");
        let document = read(&with_checksum(&body))
            .unwrap()
            .document(&Naming::default());
        let script = longstop::simulate::Script {
            incident,
            policy: &document,
            record: false,
        };
        let rehearsal =
            longstop::simulate::rehearse(script).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            rehearsal.report.passed(),
            "{body}: {:#?}",
            rehearsal.report.expectations
        );
    }
}

/// A name that is given is taken as it is, or refused with what would be right.
#[test]
fn names_that_do_not_fit_are_refused() {
    let imported = read(&with_checksum(&inheritance("/<0;1>/*"))).unwrap();
    let fingerprints: Vec<_> = imported
        .holders()
        .iter()
        .map(|holder| holder.fingerprint().unwrap())
        .collect();
    let named = |names: &[(usize, &str)]| {
        let names = names.iter();
        let parties = names.map(|(who, name)| (fingerprints[*who], (*name).to_owned()));
        let naming = Naming {
            parties: parties.collect(),
            ..Naming::default()
        };
        let refused = imported.check_names(&naming);
        refused
            .map(|()| {
                check(&imported.document(&naming))
                    .policy
                    .expect("it is sound")
            })
            .map_err(|error| error.to_string())
    };
    let long = "x".repeat(64);
    for name in ["al-ice", "\u{fc}n\u{ef}", &long] {
        let policy = named(&[(0, name)]).unwrap();
        assert!(policy.party(name).is_some(), "{name}");
    }
    // Quorums and paths have names of their own beside those of parties.
    for name in ["holders", "signers-1", "path-1", "party-2"] {
        let policy = named(&[(0, name)]).unwrap();
        assert!(policy.party(name).is_some(), "{name}");
    }
    let longer = "x".repeat(65);
    for (names, what) in [
        (vec![(0, "al ice")], "`al ice` is no name"),
        (vec![(0, "")], "is no name"),
        (vec![(0, longer.as_str())], "is no name"),
        (vec![(0, "x"), (1, "x")], "to be called `x`"),
        (vec![(0, "x"), (0, "y")], "has two names"),
    ] {
        let error = named(&names).expect_err("it does not fit");
        assert!(error.contains(what), "{names:?}: {error}");
    }
    let naming = Naming {
        parties: vec![("deadbeef".parse().unwrap(), "alice".to_owned())],
        ..Naming::default()
    };
    let error = imported.check_names(&naming).unwrap_err().to_string();
    for fingerprint in &fingerprints {
        assert!(error.contains(&fingerprint.to_string()), "{error}");
    }
}

/// The other accounts of a wallet are no reason to move coins: what can be imported is named.
#[test]
fn beside_other_scripts_the_choices_are_named() {
    let multisig = |branch: &str| {
        let steps = format!("/{branch}/*");
        with_checksum(&format!("wsh(multi(2,{ALICE}{steps},{BOB}{steps}))"))
    };
    let single = |branch: u32| with_checksum(&format!("wpkh({ALICE}/{branch}/*)"));
    let halves = [single(0), multisig("0"), single(1), multisig("1")];
    let core = halves
        .each_ref()
        .map(|text| serde_json::json!({ "desc": text, "timestamp": 0 }));
    for text in [
        serde_json::json!({ "wallet_name": "w", "descriptors": core }).to_string(),
        halves.join("\n"),
    ] {
        let error = read(&text).unwrap_err();
        assert!(matches!(&error, ImportError::Beside { choices, .. } if choices.len() == 1));
        let error = error.to_string();
        assert!(error.contains("`wpkh(…)`"), "{error}");
        let choice = error.rsplit('`').nth(1).unwrap();
        assert!(read(choice).is_ok(), "{choice}");
    }
    // Where there is nothing else, the family says why.
    assert_eq!(family(&single(0)), Family::OtherScript);
    assert_eq!(
        family(&[single(0), single(1)].join("\n")),
        Family::OtherScript
    );
}
