//! The examples of the codes, put into a policy.

use std::collections::BTreeMap;
use std::fmt::Write;

use longstop::policy::{Code, Diagnostic};

use crate::BASE;
use crate::script;
use crate::template::{Filled, judged};

/// Codes without an example, and why.
const WITHOUT: &[(Code, &str)] = &[
    (
        Code::TooLarge,
        "it takes hundreds of lines, or quorums nine deep",
    ),
    (Code::BeyondLimit, "it takes dozens of keys"),
];

/// What else the wrong lines cause, in the order of the codes.
const BESIDES: &[(Code, &[&str])] = &[
    (Code::UnknownCode, &["LS0603"]),
    (Code::NotSilenceable, &["LS0502"]),
    (Code::NoSurvivor, &["LS0617"]),
    (Code::IdleStagedPath, &["LS0605"]),
    (Code::DeadKey, &["LS0604", "LS0611"]),
    (Code::VetoersAllInRoot, &["LS0609"]),
    (Code::SingleKeyRoot, &["LS0609"]),
    (Code::UnusedPart, &["LS0507"]),
];

/// Without the line of a party that gets a table of her own.
const ALICE: (&str, &str) = ("alice = { key = \"{alice}\" }\n", "");

/// What has to be changed in the base policy for the right lines to stand there.
fn changes(code: Code) -> Vec<(&'static str, &'static str)> {
    let apart = |tables| ("[quorums]\n", tables);
    match code {
        Code::OutOfRange => vec![(
            "script = \"tr\"\n",
            "script = \"tr\"\nbase_fee = \"2 sat/vB\"\n",
        )],
        Code::EmptyReason | Code::UnknownCode => vec![
            ("agents = { threshold = 2", "agents = { threshold = 1"),
            (
                "[root]",
                "[lints]\nLS0603 = \"the agents are three law firms under contract\"\n\n[root]",
            ),
        ],
        Code::RungsUnfit | Code::RungsTooClose => vec![(
            "script = \"tr\"\n",
            "script = \"tr\"\ntransaction_version = 2\nrungs = [20, 100]\n",
        )],
        Code::DepthAtVersionTwo => vec![
            (
                "script = \"tr\"\n",
                "script = \"tr\"\ntransaction_version = 2\n",
            ),
            ("\"60 days\" }", "\"60 days\",\n           depth = 1 }"),
        ],
        Code::RosterUnfit => vec![(
            "\"carol\"] }",
            "\"carol\"],\n            roster = { of = [\"alice\", \"bob\"], share = \"80%\" } }",
        )],
        Code::ItemUnfit => vec![(
            "[root]",
            "[items.judy-files]\nkind = \"files\"\nof = \"judy\"\npaths = [\"sos\"]\n\n[root]",
        )],
        Code::DomainsAlike | Code::CollapsedQuorum => vec![("[root]", BACKUPS)],
        Code::TooManyMembers => vec![
            (
                "judy = { key = \"{judy}\" }\nkim = { key = \"{kim}\" }\n",
                CROWD,
            ),
            (
                "objectors = { threshold = 2, of = [\"judy\", \"kim\"] }",
                CROWDED,
            ),
        ],
        Code::RolesShareAccount => vec![
            ALICE,
            apart("[parties.alice]\nkey = \"{alice}\"\nveto = \"{alice.veto}\"\n\n[quorums]\n"),
        ],
        Code::BadIdentity | Code::WeakIdentity => vec![
            ALICE,
            apart(
                "[parties.alice]\nkey = \"{alice}\"\nidentity = \"{alice.identity}\"\n\n[quorums]\n",
            ),
        ],
        Code::IdentityShared => vec![
            ALICE,
            ("bob = { key = \"{bob}\" }\n", ""),
            apart(
                "[parties.alice]\nkey = \"{alice}\"\nidentity = \"{alice.identity}\"\n\n\
                 [parties.bob]\nkey = \"{bob}\"\nidentity = \"{bob.identity}\"\n\n[quorums]\n",
            ),
        ],
        Code::BadFees => vec![
            ALICE,
            apart("[parties.alice]\nkey = \"{alice}\"\nfees = \"{alice.fees}\"\n\n[quorums]\n"),
        ],
        Code::BadDate | Code::AbsoluteOutOfRange => vec![(
            "delay = \"365 days\"",
            "unlock_at = \"2031-01-01T00:00:00Z\"",
        )],
        Code::DescriptorForStaged => vec![("script = \"tr\"", "script = \"wsh\"")],
        Code::DescriptorUnfit => vec![(BASE, ELSEWHERE)],
        Code::DirectBeforeStaged => vec![("window = \"14 days\"", "window = \"100 days\"")],
        Code::MixedLocks => vec![(
            "delay = \"365 days\"",
            "delay = \"365 days\"\nunlock_height = 1_200_000",
        )],
        Code::SharedSeat => vec![
            ("hal = {", "lena = { key = \"{lena}\" }\nhal = {"),
            (
                "agents = { threshold = 2, of = [\"gina\", \"hal\", \"ivan\"] }",
                "legal = { threshold = 2, of = [\"gina\", \"hal\"] }\n\
                 finance = { threshold = 2, of = [\"ivan\", \"lena\"] }\n\
                 agents = { threshold = 2, of = [\"legal\", \"finance\"] }",
            ),
        ],
        Code::Voiceless => vec![
            ("gina = { key = \"{gina}\" }\n", ""),
            ("{hal}\" }", "{hal}\", identity = \"{hal.identity}\" }"),
            ("{ivan}\" }", "{ivan}\", identity = \"{ivan.identity}\" }"),
            ("{judy}\" }", "{judy}\", identity = \"{judy.identity}\" }"),
            ("{kim}\" }", "{kim}\", identity = \"{kim.identity}\" }"),
            apart(
                "[parties.gina]\nkey = \"{gina}\"\nidentity = \"{gina.identity}\"\n\n[quorums]\n",
            ),
            (
                "lockup = { period = \"30 days\" }\n",
                "lockup = { period = \"30 days\" }\nactivation = { manual = \"agents\" }\n",
            ),
        ],
        Code::VetoersAllInRoot | Code::NoVetoKey => vec![
            ALICE,
            (
                "bob = { key = \"{bob}\" }\n",
                "bob = { key = \"{bob}\", veto = \"{bob.veto}\" }\n",
            ),
            ("kim = { key = \"{kim}\" }\n", ""),
            apart("[parties.alice]\nkey = \"{alice}\"\nveto = \"{alice.veto}\"\n\n[quorums]\n"),
            ("[\"judy\", \"kim\"]", "[\"alice\", \"judy\"]"),
        ],
        Code::ScriptFailed => vec![(
            "quorum(\"council\", 2, [\"alice\", \"bob\", \"carol\"]);",
            "let people = [\"alice\", \"bob\", \"carol\"];\n\
             quorum(\"council\", 2, [people[0], people[1], people[2]]);",
        )],
        Code::ScriptLimit => vec![("root(", "let n = 1;\nwhile n < 8 { n += 1; }\nroot(")],
        Code::ImportRefused => vec![("root(", "import \"people/keys\" as keys;\nroot(")],
        Code::RequirementUnmet => vec![(
            "root(",
            "let seats = param(\"seats\", 3, \"how many agents\");\n\
             require(seats % 2 == 1, \"an odd number of agents\");\nroot(",
        )],
        Code::UnknownParameter => vec![(
            "root(",
            "// longstop check policy.rhai --set seats=5\n\
             let seats = param(\"seats\", 3, \"how many agents\");\nroot(",
        )],
        Code::BadParameter => vec![(
            "root(",
            "let seats = param(\"seats\", 3, \"how many agents\", #{ min: 1, max: 5 });\nroot(",
        )],
        Code::UnusedPart => vec![(STAGED, IN_PARTS)],
        _ => vec![],
    }
}

/// Things that are kept somewhere.
const BACKUPS: &str = r#"[items.judy-seed]
kind = "backup"
of = "judy"
custody = { cloud = "north-1" }

[items.kim-seed]
kind = "backup"
of = "kim"
custody = { cloud = "south-1" }

[root]"#;

/// Twenty-one parties.
const CROWD: &str = r#"p1 = { key = "{p1}" }
p2 = { key = "{p2}" }
p3 = { key = "{p3}" }
p4 = { key = "{p4}" }
p5 = { key = "{p5}" }
p6 = { key = "{p6}" }
p7 = { key = "{p7}" }
p8 = { key = "{p8}" }
p9 = { key = "{p9}" }
p10 = { key = "{p10}" }
p11 = { key = "{p11}" }
p12 = { key = "{p12}" }
p13 = { key = "{p13}" }
p14 = { key = "{p14}" }
p15 = { key = "{p15}" }
p16 = { key = "{p16}" }
p17 = { key = "{p17}" }
p18 = { key = "{p18}" }
p19 = { key = "{p19}" }
p20 = { key = "{p20}" }
p21 = { key = "{p21}" }
"#;

const CROWDED: &str = r#"objectors = { threshold = 11, of = [
    "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11",
    "p12", "p13", "p14", "p15", "p16", "p17", "p18", "p19", "p20", "p21",
] }"#;

/// A vault that was made elsewhere.
const ELSEWHERE: &str = r#"[policy]
name = "elsewhere"
network = "regtest"
script = "wsh"
descriptor = "wsh(pk({alice}/<0;1>/*))#jjmna5us"
accept_total_loss = "it is an example"

[parties]
alice = { key = "{alice}" }

[quorums]
council = { threshold = 1, of = ["alice"] }

[root]
quorum = "council"
"#;

/// A staged path of a script.
const STAGED: &str = r#"path("sos", #{
    quorum: agents,
    escrow: escrow(#{ window: days(14), veto: objectors, backstop: days(60) }),
    lockup: lockup(#{ period: days(30) }),
});"#;

/// The same with names for its parts.
const IN_PARTS: &str = r#"let slow = escrow(#{ window: days(14), veto: objectors, backstop: days(60) });
let wait = lockup(#{ period: days(30) });
path("sos", #{ quorum: agents, escrow: slow, lockup: wait });"#;

/// The text with whole keys in the place of those that are cut off.
fn whole(text: &str) -> String {
    let mut text = text.replace("00000000…", &"0".repeat(64));
    text = text.replace("tprv…", &Filled::new("{alice.tprv}").text);
    for (cut, key) in keys() {
        text = text.replace(&cut, &key);
    }
    text
}

/// All keys that examples can show, by what is left of them when they are cut off.
fn keys() -> BTreeMap<String, String> {
    let names = [
        "alice", "bob", "carol", "gina", "hal", "ivan", "judy", "kim",
    ];
    let kinds = [
        "",
        ".veto",
        ".fees",
        ".coin0",
        ".main",
        ".single",
        ".identity",
    ];
    let all = names
        .iter()
        .flat_map(|name| kinds.iter().map(move |kind| format!("{name}{kind}")));
    let mut keys = BTreeMap::new();
    for what in all {
        let text = Filled::new(&format!("{{{what}}}")).text;
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let key = words.max_by_key(|word| word.len()).expect("a key");
        let earlier = keys.insert(format!("{}…", &key[..8]), key.to_owned());
        assert_eq!(earlier, None, "{what} begins like another");
    }
    keys
}

/// The pieces of an example between the lines that are left out.
fn pieces(lines: &str) -> Vec<String> {
    whole(lines).split("\n# …\n").map(str::to_owned).collect()
}

/// The base policy with the right lines, and with the wrong ones in their place.  What the wrong
/// lines have more stands at the end.
fn policies(code: Code) -> Option<(String, String)> {
    let example = code.example()?;
    let mut right = match example.language {
        "rhai" => include_str!("scripts/base.rhai").to_owned(),
        _ => BASE.to_owned(),
    };
    for (from, to) in changes(code) {
        assert!(right.contains(from), "{code}: {from}");
        right = right.replacen(from, to, 1);
    }
    let right = Filled::new(&right).text;
    let mut rest = right.as_str();
    let mut wrong = String::new();
    let mut wanted = pieces(example.wrong).into_iter();
    for piece in pieces(example.right) {
        assert!(rest.contains(&piece), "{code}: no\n{piece}\nin\n{rest}");
        let (before, after) = rest.split_once(&piece).expect("it is there");
        wrong += before;
        wrong += &wanted.next().expect("no fewer pieces");
        rest = after;
    }
    wrong += rest;
    for more in wanted {
        wrong = format!("{wrong}\n{more}\n");
    }
    assert!(!wrong.contains('…'), "{code}: {wrong}");
    Some((right, wrong))
}

fn codes(code: Code, text: &str) -> Vec<&'static str> {
    let checked = match code.is_of_scripts() {
        true => script::run(text).document.check(),
        false => judged(text),
    };
    let mut codes: Vec<_> = checked
        .diagnostics
        .iter()
        .map(|problem: &Diagnostic| problem.code().as_str())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn every_code_has_an_example_or_a_reason() {
    for code in Code::ALL {
        let excepted = WITHOUT.iter().any(|(other, _)| other == code);
        assert_eq!(code.example().is_none(), excepted, "{code}");
    }
}

/// Each right example stands in a policy with nothing to remark, and with the wrong one instead it
/// has the problem, and nothing else than what is listed here.
#[test]
fn examples_show_what_they_should() {
    let mut faults = String::new();
    for &code in Code::ALL {
        let Some((right, wrong)) = policies(code) else {
            continue;
        };
        let told = codes(code, &right);
        if !told.is_empty() {
            writeln!(faults, "{code}: the right lines cause {told:?}").expect("a string");
        }
        let besides = BESIDES.iter().find(|(other, _)| *other == code);
        let mut expected = vec![code.as_str()];
        expected.extend(besides.into_iter().flat_map(|(_, codes)| codes.iter()));
        expected.sort_unstable();
        let told = codes(code, &wrong);
        if told != expected {
            writeln!(faults, "{code}: the wrong lines cause {told:?}").expect("a string");
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// An example is read on a terminal of 80 columns, four of which are before it.
#[test]
fn examples_are_not_wide() {
    for code in Code::ALL {
        let Some(example) = code.example() else {
            continue;
        };
        for line in example.wrong.lines().chain(example.right.lines()) {
            assert!(line.chars().count() <= 76, "{code}: {line}");
        }
        assert_ne!(example.wrong, example.right, "{code}");
    }
}
