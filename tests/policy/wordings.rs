//! What is said of a mistake is true, and says what would be right in the words of its author.

use longstop::policy::{Checked, Code, Diagnostic, check};

use crate::BASE;
use crate::script;
use crate::template::{Filled, check_template};

const SCRIPT: &str = include_str!("scripts/base.rhai");

/// The base policy with something else in one place.
fn with(right: &str, wrong: &str) -> Checked {
    assert!(BASE.contains(right), "{right}");
    check_template(&BASE.replacen(right, wrong, 1))
}

/// The base policy as a script, with something else in one place.
fn script_with(right: &str, wrong: &str) -> Checked {
    assert!(SCRIPT.contains(right), "{right}");
    let text = Filled::new(&SCRIPT.replacen(right, wrong, 1)).text;
    script::run(&text).document.check()
}

/// All advice there is.
fn advice(checked: &Checked) -> String {
    let all = checked.diagnostics.iter();
    let all: Vec<&str> = all.filter_map(Diagnostic::advice).collect();
    all.join("\n")
}

/// The code, the message and the advice of the one problem there is.
#[track_caller]
fn only(checked: &Checked) -> (Code, String, String) {
    assert_eq!(checked.diagnostics.len(), 1, "{:?}", checked.diagnostics);
    let problem = checked.diagnostics.first().expect("one");
    let advice = problem.advice().unwrap_or_default();
    (problem.code(), problem.to_string(), advice.to_owned())
}

/// A number is repeated as it is written, and one that is too large is not called negative.
#[test]
fn numbers_out_of_every_range_are_told_as_they_are_written() {
    for (number, said) in [
        ("-1", "`threshold` is `-1`, which is out of range"),
        (
            "18446744073709551615",
            "the threshold of `council` is 18446744073709551615, but it has 3 members",
        ),
        (
            "18446744073709551616",
            "`threshold` is `18446744073709551616`, which is more than a policy can count",
        ),
        (
            "0xffff_ffff_ffff_ffff_f",
            "`threshold` is `0xfffffffffffffffff`, which is more than a policy can count",
        ),
    ] {
        let checked = with("threshold = 2", &format!("threshold = {number}"));
        let (_, message, advice) = only(&checked);
        assert_eq!(message, said);
        assert_eq!(advice.contains("not negative"), number == "-1", "{advice}");
    }
    // A duration is told with its own number, even where that cannot be counted.
    let checked = with("\"365 days\"", "\"18446744073709551616 days\"");
    let (code, message, _) = only(&checked);
    assert_eq!(code, Code::TooLong);
    assert_eq!(
        message,
        "`delay` is `18446744073709551616 days`, longer than any lock"
    );
    let council = "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }";
    let weights = |weight: &str, alice: &str| {
        let weights = format!(
            "council = {{ weight = {weight}, weights = {{ alice = {alice}, bob = 1, carol = 1 }} }}"
        );
        only(&with(council, &weights)).1
    };
    assert_eq!(
        weights("2", "18446744073709551616"),
        "the weight of `alice` is `18446744073709551616`, which is more than a policy can count"
    );
    assert_eq!(
        weights("2", "18446744073709551615"),
        "the weights of quorum `council` together are more than a policy can count"
    );
    assert_eq!(
        weights("18446744073709551615", "18446744073709551612"),
        "the weight that quorum `council` needs is 18446744073709551615, and that of all members \
         is 18446744073709551614"
    );
}

/// In scripts numbers have a sign, and so one bit less.
#[test]
fn a_script_with_a_number_too_large_is_told_so() {
    for number in [
        "9223372036854775808",
        "18446744073709551615",
        "-9223372036854775809",
        "0x1_0000_0000_0000_0000",
    ] {
        let checked = script_with("\"council\", 2", &format!("\"council\", {number}"));
        let (code, message, advice) = only(&checked);
        assert_eq!(code, Code::ScriptSyntax);
        assert_eq!(
            message,
            format!("`{number}` is no number that a script can have")
        );
        assert!(advice.ends_with("to 9223372036854775807"), "{advice}");
    }
    // The largest there is has no place either, but is understood.
    let checked = script_with("\"council\", 2", "\"council\", 9223372036854775807");
    assert_eq!(only(&checked).0, Code::ThresholdOutOfRange);
}

/// A policy whose council has these weights.
fn weighted(weight: u64, weights: &[u64]) -> Checked {
    let name = |at: usize| match at {
        0 => "alice".to_owned(),
        1 => "bob".to_owned(),
        2 => "carol".to_owned(),
        at => format!("w{at}"),
    };
    let parties: String = (3..weights.len())
        .map(|at| format!("{0} = {{ key = \"{{{0}}}\" }}\n", name(at)))
        .collect();
    let listed = weights.iter().enumerate();
    let listed: Vec<String> = listed
        .map(|(at, weight)| format!("{} = {weight}", name(at)))
        .collect();
    let council = format!(
        "council = {{ weight = {weight}, weights = {{ {} }} }}",
        listed.join(", ")
    );
    let text = BASE
        .replacen(
            "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }",
            &council,
            1,
        )
        .replacen("gina = {", &format!("{parties}gina = {{"), 1);
    check_template(&text)
}

/// A flat list of weights has no quorums inside one another that its author could find.
#[test]
fn weights_that_are_refused_are_told_why() {
    // By turns the heaviest suffices with what is left, and is needed with it: each is one more
    // quorum, down to the last two, who are alike.
    let steep = |members: u32| {
        let mut weights: Vec<u64> = (0..members - 1).rev().map(|at| 1 << at).collect();
        weights.push(1);
        weighted(weights.iter().step_by(2).sum(), &weights)
    };
    assert_eq!(steep(10).diagnostics, []);
    let (code, message, advice) = only(&steep(11));
    assert_eq!(code, Code::TooLarge);
    assert_eq!(
        message,
        "the weights of quorum `council` come to quorums inside one another, more than 8 deep"
    );
    assert!(advice.starts_with("give more members the same weight"));

    // Three and a group of the others that counts as a fourth, which is found up to a size.
    let grouped = |members: usize| {
        let others = members - 3;
        let heavy = 2 * others as u64 - 1;
        let mut weights = vec![heavy; 3];
        weights.extend(vec![2; others]);
        weighted(2 * heavy, &weights)
    };
    assert_eq!(grouped(12).diagnostics, []);
    let (code, message, advice) = only(&grouped(13));
    assert_eq!(code, Code::WeightsIrreducible);
    assert_eq!(
        message,
        "the weights of quorum `council` were not found to be a threshold of thresholds"
    );
    assert!(advice.contains("make it a quorum of its own"), "{advice}");
    // Where everything was tried, there is none.
    let (_, message, _) = only(&weighted(3, &[2, 1, 1, 1]));
    assert_eq!(
        message,
        "the weights of quorum `council` are no threshold of thresholds"
    );
}

/// Whoever writes a script has no tables, and declares with calls.
#[test]
fn scripts_are_advised_in_their_own_words() {
    for (right, wrong, toml, script) in [
        (
            "delay: days(365) }",
            "delay: days(365), clock: \"time\", unlock_height: 9 }",
            "or `clock = \"blocks\"`",
            "or `clock: \"blocks\"`",
        ),
        (
            "[\"alice\", \"bob\", \"carol\"]",
            "[\"alice\", \"bob\", \"carol\", \"nobody\"]",
            "declare it under `[parties]` or `[quorums]`",
            "declare it with `party(…)` or `quorum(…)`",
        ),
        (
            "veto: objectors",
            "veto: \"nobody\"",
            "declare it under `[quorums]`",
            "declare it with `quorum(…)`",
        ),
        (
            "veto: objectors",
            "veto: \"judy\"",
            "write a quorum of one under `[quorums]`: `{ threshold = 1, of = [\"…\"] }`",
            "write a quorum of one: `quorum(\"…\", 1, [\"…\"])`",
        ),
        (
            "lockup(#{ period",
            "lockup(#{ beneficiary: \"nobody\", period",
            "declare it under `[parties]`",
            "declare it with `party(…)`",
        ),
        (
            ", #{ refresh: days(90) }",
            "",
            "add `refresh = \"90 days\"` or the like under `[root]`",
            "write `root(\"…\", #{ refresh: days(90) })` or the like",
        ),
        (
            "quorum: agents, delay",
            "quorum: \"council\", delay",
            "or say `accept_total_loss = \"why\"` under `[policy]`",
            "or say `policy(#{ …, accept_total_loss: \"why\" })`",
        ),
        (
            "\"agents\", 2",
            "\"agents\", 1",
            "or say under `[lints]` why it is enough",
            "or say why it is enough: `lint(\"LS0603\", \"…\")`",
        ),
    ] {
        let checked = script_with(right, wrong);
        let said = advice(&checked);
        assert!(said.contains(script), "{wrong}: {said}");
        for table in [
            "[policy]",
            "[parties]",
            "[quorums]",
            "[root]",
            "[lints]",
            "[[path]]",
        ] {
            assert!(!said.contains(table), "{wrong}: {said}");
        }
        // The same document as TOML is advised in the words of TOML.
        let said = advice(&check(&checked.document.canonical()));
        assert!(said.contains(toml), "{wrong}: {said}");
        assert!(!said.contains(script), "{wrong}: {said}");
    }
    // What is missing is told as the calls that would make it.
    let empty = script::run("let n = 1;").document.check();
    let (code, message, advice) = only(&empty);
    assert_eq!(code, Code::MissingField);
    assert_eq!(
        message,
        "the script lacks `policy(…)`, `party(…)`, `quorum(…)` and `root(…)`"
    );
    assert_eq!(
        advice,
        "add `policy(…)`, `party(…)`, `quorum(…)` and `root(…)`"
    );
    // What is a table in TOML is a map.
    let (code, message, advice) =
        only(&script_with("lockup(#{ period: days(30) })", "\"30 days\""));
    assert_eq!(code, Code::WrongType);
    assert_eq!(message, "`lockup` is a string, and should be a map");
    assert_eq!(advice, "write a map");
    let half = script_with(", network: \"regtest\", script: \"tr\"", "");
    assert_eq!(only(&half).1, "`policy(…)` lacks `network` and `script`");
}

/// The interpreter repeats names of any length, and a message is there to be read.
#[test]
fn a_message_repeats_no_long_part_of_a_script() {
    for length in [100, 5_000] {
        let name = "aé".repeat(length);
        for text in [
            format!("party(\"alice\", #{{ `{name}` }});"),
            format!("throw \"{name}\";"),
        ] {
            let checked = script::run(&text).document.check();
            let (_, message, _) = only(&checked);
            let is_whole = message.contains(&name);
            assert_eq!(is_whole, length == 100, "{message}");
            assert!(message.chars().count() < 300, "{message}");
        }
    }
}

/// What is declared by its name is no variable yet, which is the likeliest mistake of all.
#[test]
fn a_name_that_was_never_kept_is_told_how() {
    for (text, help) in [
        (
            "param(\"seats\", 5, \"how many\");\nlet all = seats + 1;",
            "`param` makes no variable by itself: write `let seats = param(\"seats\", …)`",
        ),
        (
            "party( \"ann\", #{});\nquorum(\"board\", 1, [ann]);",
            "`party` makes no variable by itself: write `\"ann\"` here, or `let ann = party(\"ann\", …)` there",
        ),
        (
            "my_party(\"ann\");\nquorum(\"board\", 1, [ann]);",
            "declare it with `let` before; functions see only their own variables, and `global::NAME` for a `const`",
        ),
    ] {
        let checked = script::run(text).document.check();
        let unknown = checked.diagnostics.iter();
        let unknown: Vec<_> = unknown
            .filter(|problem| problem.code() == Code::UnknownVariable)
            .map(Diagnostic::advice)
            .collect();
        assert_eq!(unknown, [Some(help)], "{text}");
    }
}

/// Of a table that is given twice both places are told, however it is written.
#[test]
fn both_places_of_a_table_are_told() {
    let key = "key = \"{dave}\"\n";
    for (right, wrong, first, again) in [
        ("[root]", "[policy]\n\n[root]", "[policy]", "[policy]"),
        (
            "[root]",
            "[\"policy\"]\n\n[root]",
            "[policy]",
            "[\"policy\"]",
        ),
        (
            "[root]",
            "[ quorums ]\n\n[root]",
            "[quorums]",
            "[ quorums ]",
        ),
        (
            "[root]",
            "[parties.alice]\n\n[root]",
            "alice = {",
            "[parties.alice]",
        ),
        (
            "[root]",
            &format!("[parties.dave]\n{key}[parties.dave]\n\n[root]"),
            "[parties.dave]",
            "[parties.dave]",
        ),
        (
            "[[path]]\nname = \"sos\"",
            "[path]\nname = \"sos\"",
            "[[path]]",
            "[path]",
        ),
        ("[root]", "[[policy]]\n\n[root]", "[policy]", "[[policy]]"),
        (
            "lockup = {",
            "[path.escrow]\n[path.lockup]\nlockup = {",
            "escrow = {",
            "[path.escrow]",
        ),
    ] {
        let checked = with(right, wrong);
        let text = checked.source();
        let twice = checked.diagnostics.iter();
        let twice = twice.filter(|problem| problem.code() == Code::DuplicateField);
        let labels = twice.map(Diagnostic::labels).next().expect(wrong);
        let lines: Vec<&str> = labels
            .iter()
            .map(|label| {
                let start = text[..label.span.start].rfind('\n').map_or(0, |at| at + 1);
                text[start..].lines().next().expect("a line")
            })
            .collect();
        assert_eq!(labels.len(), 2, "{wrong}");
        assert_eq!(lines[0], again);
        assert!(lines[1].starts_with(first), "{lines:?}");
        assert!(labels[1].span.start < labels[0].span.start);
    }
    // A field stands in the same table, and not in the last one that has such a field.
    let checked = with("[root]", &format!("[parties.alice]\n{key}\n[root]"));
    let text = checked.source();
    let of_key = |problem: &&Diagnostic| problem.to_string() == "`key` is given twice";
    let twice = checked.diagnostics.iter().find(of_key).expect("told");
    let first = twice.labels()[1].span;
    let alice = text.find("alice = { key").expect("her line");
    assert_eq!(first.start, alice + "alice = { ".len());
    let inline = with(
        "threshold = 2, of = [\"gina\"",
        "threshold = 2, threshold = 3, of = [\"gina\"",
    );
    let labels = inline.diagnostics[0].labels();
    assert_eq!(
        labels[0].span.start,
        labels[1].span.start + "threshold = 2, ".len()
    );
}

/// However often something is given twice, it takes no time to say so.
#[test]
fn many_fields_given_twice_are_told_soon() {
    let twice: String = (0..20_000)
        .map(|n| format!("f{n} = 1\nf{n} = 1\n"))
        .collect();
    let start = std::time::Instant::now();
    let checked = with("name = \"base\"\n", &format!("name = \"base\"\n{twice}"));
    assert!(checked.has_errors());
    let took = start.elapsed();
    assert!(took < std::time::Duration::from_secs(20), "{took:?}");
}

/// A digit in the place of a letter is told, and one that counts is not.
#[test]
fn names_with_digits_for_letters_are_told() {
    let alike = |names: &[&str]| {
        let parties: String = names
            .iter()
            .enumerate()
            .map(|(at, name)| format!("{name} = {{ key = \"{{w{at}}}\" }}\n"))
            .collect();
        let listed: String = names.iter().map(|name| format!("\"{name}\", ")).collect();
        let text = BASE
            .replacen("gina = {", &format!("{parties}gina = {{"), 1)
            .replacen("[\"alice\",", &format!("[{listed}\"alice\","), 1);
        let checked = check_template(&text);
        let mut codes = checked.diagnostics.iter().map(Diagnostic::code);
        codes.any(|code| code == Code::ConfusableNames)
    };
    for names in [
        &["al1ce"][..],
        &["b0b"],
        &["ha1"],
        &["iv4n", "1van", "lvan"],
        &["dav1d", "david"],
        &["council-1", "council-l"],
        &["seat1", "seatI"],
        &["p10", "p1o"],
    ] {
        assert!(alike(names), "{names:?}");
    }
    for names in [
        &["agent1", "agent2"][..],
        &["k1", "k2", "k10", "k11", "k12"],
        &["council-1", "council-i"],
        &["seat1", "seati"],
        &["a1", "ai", "1a", "ia"],
        &["p5", "ps"],
    ] {
        assert!(!alike(names), "{names:?}");
    }
}
