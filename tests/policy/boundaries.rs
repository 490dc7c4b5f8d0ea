//! Every limit from both sides: one below, at it, one above.

use std::fmt::Write;

use longstop::policy::AccountKey;

use crate::BASE;
use crate::template::{self, check_template};

/// The codes that a policy has, but for that of a path that adds nothing: the paths here differ
/// in their locks on purpose, and in nothing else.  And all keys here have the coin type of test
/// networks, whatever the network.
fn codes(text: &str) -> Vec<&'static str> {
    let mut codes = template::codes(text);
    codes.retain(|code| !["LS0617", "LS0619"].contains(code));
    codes
}

/// The codes after one change to the base policy.
fn changed(from: &str, to: &str) -> Vec<&'static str> {
    assert!(BASE.contains(from), "{from}");
    codes(&BASE.replacen(from, to, 1))
}

/// The codes with a path appended to the base policy.
fn with_path(path: &str) -> Vec<&'static str> {
    codes(&format!(
        "{BASE}\n[[path]]\nname = \"more\"\nquorum = \"agents\"\n{path}\n"
    ))
}

fn assert_only(found: &[&str], code: &str, expected: bool, what: &str) {
    let wanted: &[&str] = if expected { &[code] } else { &[] };
    assert_eq!(found, wanted, "{what}");
}

#[test]
fn relative_locks_in_blocks() {
    for (blocks, code) in [
        ("0 blocks", Some("LS0403")),
        ("14977 blocks", None),
        ("65534 blocks", None),
        ("65535 blocks", None),
        ("65536 blocks", Some("LS0404")),
        ("65537 blocks", Some("LS0404")),
        // What consensus would read as no lock, or a shorter one.
        ("70000 blocks", Some("LS0404")),
        ("4194304 blocks", Some("LS0404")),
        ("4259840 blocks", Some("LS0404")),
        ("2147483648 blocks", Some("LS0404")),
        ("4294967296 blocks", Some("LS0404")),
        ("4294982273 blocks", Some("LS0404")),
        ("18446744073709551616 blocks", Some("LS0404")),
    ] {
        let found = with_path(&format!("delay = \"{blocks}\""));
        assert_eq!(found, Vec::from_iter(code), "{blocks}");
    }
}

#[test]
fn relative_locks_by_the_calendar() {
    // 455 days are 65,520 blocks.  65,535 units of 512 s are 9,320 hours and 32 minutes.
    for (clock, duration, too_long) in [
        ("blocks", "455 days", false),
        ("blocks", "456 days", true),
        ("blocks", "10922 hours", false),
        ("blocks", "10923 hours", true),
        ("blocks", "65 weeks", false),
        ("blocks", "66 weeks", true),
        ("time", "388 days", false),
        ("time", "389 days", true),
        ("time", "9320 hours", false),
        ("time", "9321 hours", true),
        ("time", "55 weeks", false),
        ("time", "56 weeks", true),
        ("blocks", "655350 minutes", false),
        ("blocks", "655351 minutes", true),
        ("time", "559232 minutes", false),
        ("time", "559233 minutes", true),
    ] {
        let found = with_path(&format!("clock = \"{clock}\"\ndelay = \"{duration}\""));
        assert_only(&found, "LS0404", too_long, duration);
    }
}

#[test]
fn every_period_goes_through_the_same_door() {
    for (field, too_long) in [
        ("refresh = \"90 days\"", "refresh = \"65536 blocks\""),
        ("delay = \"365 days\"", "delay = \"65536 blocks\""),
        ("window = \"14 days\"", "window = \"65536 blocks\""),
        ("period = \"30 days\"", "period = \"65536 blocks\""),
        ("backstop = \"60 days\"", "backstop = \"65536 blocks\""),
    ] {
        assert!(changed(field, too_long).contains(&"LS0404"), "{too_long}");
    }
    for period in [
        "for = \"65536 blocks\", fewer_than = 1",
        "for = \"0 days\", fewer_than = 1",
    ] {
        let activation = format!("activation = {{ silence = \"agents\", {period} }}\nlockup");
        let found = changed("lockup", &activation);
        assert!(
            found.contains(&"LS0404") || found.contains(&"LS0403"),
            "{period}: {found:?}"
        );
    }
}

#[test]
fn absolute_locks() {
    for (field, bad) in [
        ("unlock_height = 0", true),
        ("unlock_height = 1", false),
        ("unlock_height = 2", false),
        ("unlock_height = 499999998", false),
        ("unlock_height = 499999999", false),
        ("unlock_height = 500000000", true),
        ("unlock_height = 2147483648", true),
        ("unlock_height = 4294967297", true),
        ("unlock_height = 18446744073709551615", true),
        ("unlock_at = \"1985-11-05T00:53:19Z\"", true),
        ("unlock_at = \"1985-11-05T00:53:20Z\"", false),
        ("unlock_at = \"1985-11-05T00:53:21Z\"", false),
        ("unlock_at = \"2038-01-19T03:14:06Z\"", false),
        ("unlock_at = \"2038-01-19T03:14:07Z\"", false),
        ("unlock_at = \"2038-01-19T03:14:08Z\"", true),
        ("unlock_at = \"2106-02-07T06:28:16Z\"", true),
        ("unlock_at = \"1969-12-31T23:59:59Z\"", true),
    ] {
        let mut found = with_path(field);
        // That some of these have long passed is told by another code.
        found.retain(|code| *code != "LS0615");
        assert_only(&found, "LS0407", bad, field);
    }
    for field in ["unlock_height = -1", "unlock_height = 18446744073709551616"] {
        assert_only(&with_path(field), "LS0109", true, field);
    }
}

#[test]
fn dates_name_one_moment() {
    for (date, bad) in [
        ("2031-01-01T00:00:00Z", false),
        ("\"2031-01-01T00:00:00Z\"", false),
        ("\"2031-01-01T01:00:00+01:00\"", false),
        ("2031-01-01", true),
        ("2031-01-01T00:00:00", true),
        ("00:00:00", true),
        ("\"2031-01-01\"", true),
        ("\"2031-02-30T00:00:00Z\"", true),
        ("\"2031-01-01T00:00:00.5Z\"", true),
        ("\"2031-01-01T23:59:60Z\"", true),
    ] {
        assert_only(
            &with_path(&format!("unlock_at = {date}")),
            "LS0406",
            bad,
            date,
        );
    }
}

#[test]
fn a_delay_exceeds_the_refresh_interval_by_a_margin() {
    for (delay, short) in [(14_975, true), (14_976, true), (14_977, false)] {
        let found = changed("\"365 days\"", &format!("\"{delay} blocks\""));
        assert_only(
            &found,
            "LS0503",
            short,
            "90 days and 2,016 blocks are 14,976",
        );
    }
    // On the time clock 14,976 blocks are 8,985,600 s, which are 17,550 units; 2,496 hours round
    // up to exactly that, and an hour more is beyond it.
    for (delay, short) in [("2496 hours", true), ("2497 hours", false)] {
        let delay = format!("clock = \"time\"\ndelay = \"{delay}\"");
        assert_only(
            &changed("delay = \"365 days\"", &delay),
            "LS0503",
            short,
            &delay,
        );
    }
}

#[test]
fn a_backstop_covers_the_lockup_and_fits_behind_the_window() {
    for (backstop, code) in [
        ("4319 blocks", Some("LS0505")),
        ("4320 blocks", None),
        ("4321 blocks", None),
        // The window takes 2,016 of 65,535 blocks.
        ("63518 blocks", None),
        ("63519 blocks", None),
        ("63520 blocks", Some("LS0506")),
    ] {
        let found = changed("\"60 days\"", &format!("\"{backstop}\""));
        assert_eq!(found, Vec::from_iter(code), "{backstop}");
    }
    let time = |window: &str, backstop: &str| {
        changed(
            "escrow = { window = \"14 days\", veto = \"objectors\", backstop = \"60 days\" }",
            &format!(
                "clock = \"time\"\nescrow = {{ window = \"{window}\", veto = \"objectors\", backstop = \"{backstop}\" }}"
            ),
        )
    };
    // Each is rounded up by itself: 4,661 h are 32,773 units, 4,659 h 32,759; 65,535 fit.
    assert_only(
        &time("4661 hours", "4659 hours"),
        "LS0506",
        false,
        "65,532 units",
    );
    assert_only(
        &time("4661 hours", "4660 hours"),
        "LS0506",
        true,
        "65,539 units",
    );
}

#[test]
fn numbers_of_a_path() {
    for (depth, bad) in [
        (0, true),
        (1, false),
        (2, false),
        (7, false),
        (8, false),
        (9, true),
    ] {
        let found = changed("backstop =", &format!("depth = {depth}, backstop ="));
        assert_only(&found, "LS0109", bad, &format!("depth {depth}"));
    }
    assert_only(
        &changed("backstop =", "depth = 257, backstop ="),
        "LS0109",
        true,
        "no wrap",
    );
    let activation =
        |fields: &str| changed("lockup", &format!("activation = {{ {fields} }}\nlockup"));
    for (seats, bad) in [(0, true), (1, false), (2, false), (3, false), (4, true)] {
        let fields = format!("silence = \"agents\", for = \"1 day\", fewer_than = {seats}");
        assert_eq!(
            activation(&fields).contains(&"LS0109"),
            bad,
            "fewer than {seats}"
        );
    }
    for (percent, bad) in [
        (0, true),
        (1, false),
        (2, false),
        (99, false),
        (100, false),
        (101, true),
    ] {
        for fields in [
            format!("turnout = \"{percent}%\", approve = \"50%\""),
            format!("approve = \"{percent}%\", turnout = \"50%\""),
        ] {
            let fields = format!("vote = \"agents\", open = \"1 day\", {fields}");
            assert_eq!(activation(&fields).contains(&"LS0109"), bad, "{fields}");
        }
    }
}

#[test]
fn thresholds() {
    for (threshold, bad) in [
        ("0", true),
        ("1", false),
        ("2", false),
        ("3", false),
        ("4", true),
    ] {
        let found = changed(
            "agents = { threshold = 2",
            &format!("agents = {{ threshold = {threshold}"),
        );
        assert_eq!(found.contains(&"LS0207"), bad, "{threshold} of 3");
        let others = found.iter().filter(|code| !code.starts_with("LS06"));
        assert_eq!(
            others.count(),
            usize::from(bad),
            "nothing else is wrong: {found:?}"
        );
    }
    let huge = "agents = { threshold = 18446744073709551615";
    assert_only(
        &changed("agents = { threshold = 2", huge),
        "LS0207",
        true,
        "no wrap",
    );
}

#[test]
fn the_base_fee() {
    for (fee, bad) in [(0, true), (1, false), (2, false), (3, false), (4, true)] {
        let fee = format!("script = \"tr\"\nbase_fee = \"{fee} sat/vB\"");
        assert_only(&changed("script = \"tr\"", &fee), "LS0109", bad, &fee);
    }
}

#[test]
fn the_rungs() {
    let with = |rungs: &str| {
        let lines = format!("script = \"tr\"\ntransaction_version = 2\nrungs = {rungs}");
        changed("script = \"tr\"", &lines)
    };
    for (rungs, bad) in [
        ("[]", true),
        ("[2]", false),
        ("[2, 20]", false),
        ("[2, 20, 100]", false),
        ("[2, 20, 100, 500]", true),
        ("[20, 20]", true),
        ("[20, 19]", true),
        ("[20, 40]", false),
    ] {
        assert_only(&with(rungs), "LS0114", bad, rungs);
    }
    for (rung, bad) in [(0, true), (1, false), (10_000, false), (10_001, true)] {
        assert_only(
            &with(&format!("[{rung}]")),
            "LS0109",
            bad,
            &rung.to_string(),
        );
    }
    for wrong in ["2", "\"2 sat/vB\"", "[2.5]", "[\"2\"]", "{ low = 2 }"] {
        assert_only(&with(wrong), "LS0105", true, wrong);
    }
    assert_only(&with("[-1]"), "LS0109", true, "below zero");
}

#[test]
fn one_trigger_in_a_row_with_version_2() {
    for (version, depth, bad) in [(2, 1, false), (2, 2, true), (3, 2, false)] {
        let script = format!("script = \"tr\"\ntransaction_version = {version}");
        let text = BASE.replacen("script = \"tr\"", &script, 1);
        let window = format!("window = \"14 days\", depth = {depth}");
        let text = text.replacen("window = \"14 days\"", &window, 1);
        let what = format!("version {version}, depth {depth}");
        assert_only(&codes(&text), "LS0115", bad, &what);
    }
}

#[test]
fn lints_about_time() {
    for (window, short) in [(143, true), (144, false), (145, false)] {
        let found = changed(
            "window = \"14 days\"",
            &format!("window = \"{window} blocks\""),
        );
        assert_only(&found, "LS0601", short, &format!("{window} blocks"));
    }
    // Window and lock-up take 44 days here, less than any delay that the refresh allows; so the
    // window is lengthened until window and lock-up are as long as the delay.
    for (window, early) in [(48_239, false), (48_240, false), (48_241, true)] {
        let found = changed(
            "window = \"14 days\"",
            &format!("window = \"{window} blocks\""),
        );
        assert_only(
            &found,
            "LS0602",
            early,
            &format!("{window} + 4320 against 52560"),
        );
    }
}

#[test]
fn a_lock_that_is_long_past_is_none() {
    let with = |network: &str, lock: &str| {
        let mut text = BASE.replace("\"regtest\"", &format!("\"{network}\""));
        if network == "bitcoin" {
            for party in [
                "alice", "bob", "carol", "gina", "hal", "ivan", "judy", "kim",
            ] {
                text = text.replace(&format!("{{{party}}}"), &format!("{{{party}.main}}"));
            }
        }
        codes(&format!(
            "{text}\n[[path]]\nname = \"more\"\nquorum = \"agents\"\n{lock}\n"
        ))
    };
    for (network, counts) in [("bitcoin", true), ("signet", true), ("testnet4", true)] {
        for (date, past) in [
            ("2013-01-01T00:00:00Z", true),
            ("2025-06-05T23:59:59Z", true),
            ("2025-06-06T00:00:00Z", false),
            ("2025-06-06T00:00:01Z", false),
        ] {
            let lock = format!("unlock_at = \"{date}\"");
            let what = format!("{date} on {network}");
            assert_only(&with(network, &lock), "LS0615", past && counts, &what);
        }
    }
    for (height, past) in [
        (1, true),
        (100, true),
        (101, true),
        (899_999, true),
        (900_000, false),
        (900_001, false),
    ] {
        let lock = format!("unlock_height = {height}");
        assert_only(&with("bitcoin", &lock), "LS0615", past, &lock);
        // Nowhere can a coin be spent before the first hundred blocks.
        assert_only(&with("signet", &lock), "LS0615", height <= 100, &lock);
    }
    // Behind a delay a lock that has passed does no harm, and on regtest little has.
    let both = "delay = \"365 days\"\nunlock_at = \"2013-01-01T00:00:00Z\"";
    assert_only(&with("signet", both), "LS0608", true, both);
    let lock = "unlock_at = \"2013-01-01T00:00:00Z\"";
    assert_only(&with("regtest", lock), "LS0615", false, lock);
}

#[test]
fn a_fee_wallet_is_one_partys_alone() {
    let fees = |alice: &str, gina: &str| {
        let text = BASE
            .replace("{alice}\"", &format!("{{alice}}\", fees = \"{alice}\""))
            .replace("{gina}\"", &format!("{{gina}}\", fees = \"{gina}\""));
        codes(&text)
    };
    assert_only(
        &fees("{alice.fees}", "{gina.fees}"),
        "LS0606",
        false,
        "apart",
    );
    assert_only(
        &fees("{alice.fees}", "{alice.fees}"),
        "LS0606",
        true,
        "one wallet for both",
    );
    for account in ["{bob}", "{gina}"] {
        let of_somebody_else = format!("wpkh({account}/<0;1>/*)");
        assert_only(
            &fees(&of_somebody_else, "{gina.fees}"),
            "LS0606",
            true,
            account,
        );
    }
    assert_only(
        &fees("wpkh({alice}/<0;1>/*)", "{gina.fees}"),
        "LS0311",
        true,
        "her own account",
    );
}

#[test]
fn lengths_of_names_and_texts() {
    for (length, bad) in [
        (0, true),
        (1, false),
        (2, false),
        (63, false),
        (64, false),
        (65, true),
    ] {
        let name = "é".repeat(length);
        let found = changed("name = \"dead-man\"", &format!("name = \"{name}\""));
        assert_only(&found, "LS0203", bad, &format!("{length} characters"));
    }
    for (length, bad) in [(499, false), (500, false), (501, true)] {
        let site = "é".repeat(length);
        let party = format!("alice = {{ key = \"{{alice}}\", custody = {{ site = \"{site}\" }} }}");
        let found = changed("alice = { key = \"{alice}\" }", &party);
        assert_only(&found, "LS0108", bad, &format!("{length} characters"));
    }
}

/// The base policy with more parties, and a quorum of them that can veto.
fn crowd(script: &str, parties: usize, members: usize) -> String {
    let mut names = Vec::new();
    let mut entries = String::new();
    for number in 0..parties {
        let name = format!("crowd-{number:03}");
        writeln!(entries, "{name} = {{ key = \"{{{name}}}\" }}").expect("writing to a string");
        names.push(format!("\"{name}\""));
    }
    let quorum = format!(
        "crowd = {{ threshold = 2, of = [{}] }}",
        names
            .into_iter()
            .take(members)
            .collect::<Vec<_>>()
            .join(", ")
    );
    BASE.replacen("\"tr\"", &format!("\"{script}\""), 1)
        .replacen("[quorums]", &format!("{entries}\n[quorums]\n{quorum}"), 1)
        .replacen("veto = \"objectors\"", "veto = \"crowd\"", 1)
        // Nobody else can veto.
        .lines()
        .filter(|line| {
            !["judy", "kim", "objectors"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn members_of_one_threshold() {
    for (script, members, bad) in [
        ("wsh", 19, false),
        ("wsh", 20, false),
        ("wsh", 21, true),
        ("tr", 21, false),
    ] {
        let found = codes(&crowd(script, members, members));
        assert_only(&found, "LS0211", bad, &format!("{script} of {members}"));
    }
}

#[test]
fn parties() {
    // Six are in the base policy.
    for (parties, bad) in [(249, false), (250, false), (251, true)] {
        let half = |name: &str, of: std::ops::Range<usize>| {
            let names: Vec<String> = of.map(|party| format!("\"crowd-{party:03}\"")).collect();
            format!("{name} = {{ threshold = 2, of = [{}] }}", names.join(", "))
        };
        let halves = [half("left", 0..125), half("right", 125..parties)].join("\n");
        let both = "crowd = { threshold = 2, of = [\"left\", \"right\"] }";
        let text = crowd("tr", parties, 2);
        let crowd = text.lines().find(|line| line.starts_with("crowd = "));
        let crowd = crowd.expect("there is a crowd").to_owned();
        let found = codes(&text.replacen(&crowd, &format!("{halves}\n{both}"), 1));
        assert_eq!(found.contains(&"LS0108"), bad, "{} parties", parties + 6);
        assert_eq!(found.is_empty(), !bad);
    }
}

#[test]
fn quorums_and_their_members() {
    // Three are in the base policy.
    for (more, bad) in [(252, false), (253, false), (254, true)] {
        let quorums: String = (0..more)
            .map(|number| format!("q{number:03} = {{ threshold = 2, of = [\"gina\", \"hal\"] }}\n"))
            .collect();
        let text = BASE.replacen("[quorums]", &format!("[quorums]\n{quorums}"), 1);
        // Nobody needs them, and of so many warnings not all are shown; so it is the message.
        let found = template::check_template(&text).diagnostics;
        let many = found.iter().any(|problem| {
            let message = problem.message();
            problem.code().as_str() == "LS0108"
                && message.ends_with("quorums, and there can be 256")
        });
        assert_eq!(many, bad, "{} quorums", more + 3);
    }
    for (members, bad) in [(127, false), (128, false), (129, true)] {
        let list = vec!["\"gina\""; members].join(", ");
        let quorum = format!("[quorums]\nmany = {{ threshold = 1, of = [{list}] }}");
        let found = codes(&BASE.replacen("[quorums]", &quorum, 1));
        assert_eq!(found.contains(&"LS0108"), bad, "{members} members");
    }
}

#[test]
fn seats_of_nested_quorums() {
    // Each of these has four seats; 64 of them have 256.
    for (inner, more, bad) in [(63, 3, false), (64, 0, false), (64, 1, true)] {
        let mut quorums = String::new();
        let mut names = Vec::new();
        for number in 0..inner {
            writeln!(
                quorums,
                "q{number:03} = {{ threshold = 2, of = [\"agents\", \"alice\"] }}"
            )
            .expect("writing to a string");
            names.push(format!("\"q{number:03}\""));
        }
        names.extend(
            ["\"alice\"", "\"bob\"", "\"carol\""]
                .map(str::to_owned)
                .into_iter()
                .take(more),
        );
        writeln!(
            quorums,
            "all = {{ threshold = 2, of = [{}] }}",
            names.join(", ")
        )
        .expect("writing to a string");
        let found = codes(&BASE.replacen("[quorums]", &format!("[quorums]\n{quorums}"), 1));
        assert_eq!(found.contains(&"LS0108"), bad, "{} seats", inner * 4 + more);
    }
}

#[test]
fn depth_of_nested_quorums() {
    // The names are chosen so that in either order of resolution the depth is the same.
    for order in [|number: usize| number, |number: usize| 100 - number] {
        for (deep, bad) in [(7, false), (8, false), (9, true)] {
            let mut quorums = String::new();
            for number in 1..=deep {
                let inner = match number {
                    1 => "gina".to_owned(),
                    _ => format!("q{:03}", order(number - 1)),
                };
                writeln!(
                    quorums,
                    "q{:03} = {{ threshold = 2, of = [\"{inner}\", \"hal\"] }}",
                    order(number)
                )
                .expect("writing to a string");
            }
            let text = BASE
                .replacen("[quorums]", &format!("[quorums]\n{quorums}"), 1)
                .replacen(
                    "veto = \"objectors\"",
                    &format!("veto = \"q{:03}\"", order(deep)),
                    1,
                );
            let found = codes(&text);
            assert_eq!(found.contains(&"LS0108"), bad, "{deep} deep: {found:?}");
        }
    }
}

#[test]
fn paths() {
    // Two are in the base policy.
    for (more, bad) in [(61, false), (62, false), (63, true)] {
        let paths: String = (0..more)
            .map(|number| {
                format!(
                    "[[path]]\nname = \"p{number:03}\"\nquorum = \"agents\"\nunlock_height = 900\n"
                )
            })
            .collect();
        let found = codes(&format!("{BASE}\n{paths}"));
        assert_only(&found, "LS0108", bad, &format!("{} paths", more + 2));
    }
}

/// Every staged path takes root again and again, and all keys of all stages count.
#[test]
fn keys_of_all_descriptors() {
    // The policy takes 33 without the crowd: three for root, three for its direct path, and 27 for the staged
    // one, with three seats each in root, path and veto.
    let quorum = |name: &str, members: usize| {
        let names = (0..members).map(|number| format!("\"crowd-{number:03}\""));
        let names: Vec<String> = names.collect();
        format!("{name} = {{ threshold = 2, of = [{}] }}", names.join(", "))
    };
    let path = |name: &str, quorum: &str| {
        format!("[[path]]\nname = \"{name}\"\nquorum = \"{quorum}\"\nunlock_height = 9\n")
    };
    for (rest, bad) in [(86, false), (87, false), (88, true)] {
        let quorums = format!(
            "[quorums]\n{}\n{}",
            quorum("all", 122),
            quorum("rest", rest)
        );
        let mut text = crowd("tr", 122, 3)
            .replacen("[quorums]", &quorums, 1)
            .replacen("veto = \"crowd\"", "veto = \"agents\"", 1);
        for number in 0..40 {
            text += &path(&format!("p{number:03}"), "all");
        }
        text += &path("last", "rest");
        let found = codes(&text);
        assert_eq!(
            found.contains(&"LS0108"),
            bad,
            "{} keys",
            33 + 40 * 122 + rest
        );
    }
}

#[test]
fn conditions_of_an_activation() {
    let activation =
        |conditions: &str| changed("lockup", &format!("activation = {conditions}\nlockup"));
    for (deep, bad) in [(7, false), (8, false), (9, true)] {
        // The innermost condition counts as well.
        let open = "{ any = [".repeat(deep - 1);
        let close = "] }".repeat(deep - 1);
        let found = activation(&format!("{open}{{ manual = \"agents\" }}{close}"));
        assert_eq!(found.contains(&"LS0108"), bad, "{deep} deep");
    }
    for (conditions, bad) in [(63, false), (64, false), (65, true)] {
        // The list itself counts as well.
        let list = vec!["{ manual = \"agents\" }"; conditions - 1].join(", ");
        let found = activation(&format!("{{ all = [{list}] }}"));
        assert_eq!(found.contains(&"LS0108"), bad, "{conditions} conditions");
    }
}

#[test]
fn bytes_of_a_document() {
    let limit = 1 << 20;
    let padded = |length: usize| {
        let filled = crate::template::Filled::new(BASE).text;
        let padding = "#".repeat(length - filled.len() - 1);
        format!("{filled}{padding}\n")
    };
    for (length, bad) in [(limit - 1, false), (limit, false), (limit + 1, true)] {
        let text = padded(length);
        assert_eq!(text.len(), length);
        let checked = longstop::policy::check(&text);
        assert_eq!(checked.policy.is_none(), bad, "{length} bytes");
        assert_eq!(checked.diagnostics.len(), usize::from(bad));
    }
}

#[test]
fn problems_that_are_listed() {
    for (problems, more) in [(199, false), (200, false), (201, true)] {
        let fields: String = (0..problems)
            .map(|number| format!("x{number} = 1\n"))
            .collect();
        let checked = check_template(&format!("{fields}{BASE}"));
        assert_eq!(
            checked.diagnostics.len(),
            problems.min(200) + usize::from(more)
        );
        let said = checked
            .diagnostics
            .iter()
            .any(|problem| problem.code().as_str() == "LS0108");
        assert_eq!(said, more, "{problems} problems");
    }
}

/// Only where the vault has a descriptor from elsewhere may a key be less than an account.
#[test]
fn keys_without_origin_and_single_keys_are_for_descriptors_from_elsewhere() {
    let account = "[73ba188d/48h/1h/0h/3h]tpubDE4j6HJ6qVyXMoQSee73GvrxBwx9BepvUnQP5WiTMjdM31uXiBPaiqyypXLFqgbzej14V1MEo4RcAKwWaB7yeFghq2AXCvoBPmiB8cP5t47";
    let bare = account.split(']').nth(1).expect("a key");
    let single = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd";
    let with_origin = format!("[deadbeef/1h/2]{single}");
    let x_only = &single[2..];
    for (key, account) in [
        (account, true),
        (bare, false),
        (single, false),
        (with_origin.as_str(), false),
        (x_only, false),
    ] {
        assert_eq!(key.parse::<AccountKey>().is_ok(), account, "{key}");
        let read = AccountKey::of_descriptor(key);
        assert_eq!(read.map(|key| key.to_string()), Ok(key.to_owned()));
    }
    // What is no key at all stays none, and so does what cannot stand in these scripts.
    for key in [
        "tpub",
        "[73ba188d/48h/1h/0h]tpubDE4j6HJ6qVyXMoQSee73GvrxBwx9BepvUnQP5WiTMjdM31uXiBPaiqyypXLFqgbzej14V1MEo4RcAKwWaB7yeFghq2AXCvoBPmiB8cP5t47",
        "04a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235",
    ] {
        assert!(AccountKey::of_descriptor(key).is_err(), "{key}");
    }
    assert!(AccountKey::of_descriptor(&format!("{bare}/0/*")).is_err());
}
