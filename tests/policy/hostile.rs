//! Whatever the text is, the checker answers in good time, and shows no secret.

use std::time::{Duration, Instant};

use longstop::policy::{Checked, Code, Diagnostic, Script, check};
use proptest::prelude::*;

use crate::BASE;
use crate::template::{Filled, render};

/// Everything a check says, the way each output would say it.
fn everything_said(checked: &Checked) -> String {
    let source = checked.source();
    let mut said = format!("{checked:?}\n{}\n{source}\n", checked.document.canonical());
    for diagnostic in &checked.diagnostics {
        said += &render(diagnostic.clone(), &source);
        said += &serde_json::to_string(&diagnostic.located(&source)).expect("serialises");
    }
    said
}

/// What must hold for any text at all.
fn assert_sound(text: &str) {
    assert_sound_answer(&check(text));
}

/// What must hold for the answer to any text at all.
pub fn assert_sound_answer(checked: &Checked) {
    assert_eq!(
        checked.policy.is_none(),
        checked.has_errors(),
        "a policy, or a reason why not"
    );
    let source = checked.source();
    for diagnostic in &checked.diagnostics {
        for label in diagnostic.labels() {
            assert!(
                source.get(label.span.start..label.span.end).is_some(),
                "{diagnostic:?} points into the text"
            );
        }
    }
    let said = everything_said(checked);
    let acts = |c: &char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    assert_eq!(
        said.chars().find(acts),
        None,
        "nothing for a terminal to act on"
    );
    for c in ['\u{202e}', '\u{2066}', '\u{200b}'] {
        assert!(!said.contains(c), "nothing that turns or hides text");
    }
}

/// Fragments that mean something to the reader.
const FRAGMENTS: [&str; 24] = [
    "[policy]",
    "[[path]]",
    "[parties.x]",
    "[quorums]",
    "[lints]",
    "=",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'''",
    "\n",
    "#",
    "\\u202E",
    "\u{202e}",
    "\u{1b}[31m",
    "\u{9b}",
    "0",
    "\"14 days\"",
    "any",
    "99999999999999999999",
    "escrow",
    "\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_policy_never_stops_the_checker(
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0usize..40, prop::sample::select(FRAGMENTS.to_vec())),
            1..6,
        )
    ) {
        let mut text = Filled::new(BASE).text;
        for (at, length, fragment) in edits {
            let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let from = at.index(bounds.len());
            let to = (from + length).min(bounds.len() - 1);
            text.replace_range(bounds[from]..bounds[to], fragment);
        }
        assert_sound(&text);
    }

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,200}") {
        assert_sound(&text);
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        assert_sound(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_private_key_is_never_shown(
        at in any::<prop::sample::Index>(), length in 0usize..60, quotes in any::<bool>()
    ) {
        for placeholder in ["{zoe.tprv}", "{zoe.wif}"] {
            let secret = Filled::new(placeholder).text;
            let fragment = if quotes { format!("\"{secret}\"") } else { format!(" {secret} ") };
            let mut text = Filled::new(BASE).text;
            let from = at.index(text.len());
            let to = (from + length).min(text.len());
            text.replace_range(from..to, &fragment);
            let checked = check(&text);
            prop_assert!(checked.policy.is_none(), "not even in a comment");
            let said = everything_said(&checked);
            // Neither whole nor in part.
            for part in [&secret[..20], &secret[20..40], &secret[secret.len() - 20..]] {
                prop_assert!(!said.contains(part), "{}", said);
            }
        }
    }
}

#[test]
fn seed_words_in_place_of_a_key_are_never_shown() {
    for field in [
        "key = \"{alice}\"",
        "key = \"{alice}\", veto = \"{alice}\"",
        "key = \"{bob}\", fees = \"{alice}\"",
        "key = \"{bob}\", identity = \"{alice}\"",
    ] {
        let template = BASE.replacen("key = \"{alice}\"", field, 1);
        let text = Filled::new(&template).text;
        let key = Filled::new("{alice}").text;
        let at = text.rfind(&key).expect("the last account of alice");
        let words = Filled::new("{alice.words}").text;
        let text = format!("{}{words}{}", &text[..at], &text[at + key.len()..]);
        let checked = check(&text);
        assert!(checked.has_errors());
        assert!(!everything_said(&checked).contains("abandon"), "{field}");
    }
}

/// A phrase with its checksum is found wherever it stands, in scripts and what they import too.
#[test]
fn seed_words_are_found_anywhere() {
    let words = format!("{} about", ["abandon"; 11].join(" "));
    let base = Filled::new(BASE).text;
    let lines = words.replace(' ', "\n# ");
    let custody = base.replacen(
        "alice = { key",
        &format!("alice = {{ custody = {{ operator = \"{words}\" }}, key"),
        1,
    );
    assert_ne!(custody, base);
    for text in [
        custody,
        format!("{base}\n# {words}\n"),
        format!("# {lines}\n{base}"),
        format!("{base}# 1. {}", words.replace(' ', "  2. ").to_uppercase()),
    ] {
        let checked = check(&text);
        let secrets = checked.diagnostics.iter();
        let secrets = secrets.filter(|problem| problem.code() == Code::PrivateKey);
        assert_eq!(secrets.count(), 1, "{text}");
        assert!(checked.policy.is_none());
        let said = everything_said(&checked).to_lowercase();
        assert!(
            !said.contains("abandon") && !said.contains("about"),
            "{said}"
        );
        assert!(!checked.source().to_lowercase().contains("abandon"));
    }
    let script = format!("policy(#{{ name: \"x\" }}); // {words}");
    let checked = Script::new(&script).run().document.check();
    let mut codes = checked.diagnostics.iter().map(Diagnostic::code);
    assert!(codes.any(|code| code == Code::PrivateKey));
    assert!(!everything_said(&checked).contains("abandon"));
    // What is no phrase is let be.
    let prose = format!("{base}# {}\n", words.replace("about", "above"));
    assert!(check(&prose).policy.is_some());
}

/// Whoever reviews a text sees what the program reads.
#[test]
fn what_hides_in_a_text_is_found_anywhere() {
    let base = Filled::new(BASE).text;
    let hiding = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
    for c in hiding.chain(['\u{200b}', '\u{2060}', '\u{feff}', '\u{e0041}']) {
        for text in [
            format!("{base}# A comment {c}.\n"),
            base.replacen(
                "quorum = \"council\"",
                &format!("quorum = \"council\" #{c}"),
                1,
            ),
        ] {
            let checked = check(&text);
            let mut found = checked.diagnostics.iter();
            let found = found.find(|problem| problem.code() == Code::InvisibleCharacter);
            let label = &found.expect("a problem").labels()[0];
            assert_eq!(&text[label.span.start..label.span.end], c.to_string());
            assert!(checked.policy.is_none());
            assert!(!everything_said(&checked).contains(c));
        }
        let script = format!("/* {c} */ policy(#{{ name: \"x\" }});");
        let checked = Script::new(&script).run().document.check();
        let mut codes = checked.diagnostics.iter().map(Diagnostic::code);
        assert!(codes.any(|code| code == Code::InvisibleCharacter), "{c:?}");
    }
    // In a name it is reported once.
    let name = base.replacen("name = \"", "name = \"\u{202e}", 1);
    let found = check(&name).diagnostics;
    let found = found
        .iter()
        .filter(|problem| problem.code() == Code::InvisibleCharacter);
    assert_eq!(found.count(), 1);
    let fine = format!(
        "\u{feff}{base}# שלום, مرحبا \u{200e}(\u{200f}) می\u{200c}خواهم 👩\u{200d}🚀 \u{2764}\u{fe0f}\n"
    );
    assert!(
        check(&fine).policy.is_some(),
        "{:?}",
        check(&fine).diagnostics
    );
}

#[test]
fn a_private_key_is_no_suggestion() {
    let wif = Filled::new("{zoe.wif}").text;
    let misspelt = &wif[..wif.len() - 3];
    let text = Filled::new(BASE).text;
    let text = text.replacen(
        "[quorums]",
        &format!(
            "{wif}.key = \"x\"\n[quorums]\nmisspelt = {{ threshold = 1, of = [\"{misspelt}\"] }}"
        ),
        1,
    );
    let said = everything_said(&check(&text));
    assert!(said.contains("misspelt") && !said.contains(&wif), "{said}");
    let script = format!("let {wif} = 1; {misspelt};");
    let said = everything_said(&Script::new(&script).run().document.check());
    assert!(said.contains(misspelt) && !said.contains(&wif), "{said}");
}

#[test]
fn hostile_texts_get_an_answer_in_good_time() {
    let many = |piece: &str, times: usize| piece.repeat(times);
    let names = |count: usize, prefix: &str| {
        (0..count)
            .map(|number| format!("\"{prefix}{number}\""))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let unknown: String = (0..128)
        .map(|number| {
            format!(
                "q{number} = {{ threshold = 1, of = [{}] }}\n",
                names(128, "zzzzzz")
            )
        })
        .collect();
    let each_other: String = (0..128)
        .map(|number| {
            format!(
                "q{number} = {{ threshold = 1, of = [{}] }}\n",
                names(128, "q")
            )
        })
        .collect();
    let doubling: String = (0..128)
        .map(|number| {
            let (a, b) = (number + 1, number + 2);
            format!("q{number} = {{ threshold = 1, of = [\"q{a}\", \"q{b}\"] }}\n")
        })
        .collect();
    for (what, text) in [
        ("brackets", many("[", 1_000_000)),
        ("nested lists", format!("x = {}", many("[", 500_000))),
        ("nested tables", format!("x = {}", many("{ a = ", 100_000))),
        ("dotted keys", format!("{}b = 1", many("a.", 400_000))),
        (
            "unknown fields",
            (0..90_000).map(|n| format!("f{n} = 1\n")).collect(),
        ),
        ("duplicate fields", many("f = 1\n", 150_000)),
        ("paths", many("[[path]]\n", 110_000)),
        (
            "one long string",
            format!("[policy]\nname = \"{}\"", many("é", 500_000)),
        ),
        (
            "one long key",
            format!("[parties]\na = {{ key = \"{}\" }}", many("z", 1_000_000)),
        ),
        ("quotes", many("\"", 1_000_000)),
        ("words of phrases", many("path ", 200_000)),
        ("hidden characters", many("\u{202e}\n", 250_000)),
        ("lines", many("\n", 1_000_000)),
        ("unknown members", format!("[quorums]\n{unknown}")),
        ("circles", format!("[quorums]\n{each_other}")),
        (
            "doubling",
            format!(
                "[quorums]\n{doubling}q128 = {{ threshold = 1, of = [\"a\"] }}\n[parties]\na.key = \"x\""
            ),
        ),
    ] {
        assert!(
            text.len() <= 1 << 20,
            "{what} is not refused for its length alone"
        );
        let start = Instant::now();
        let checked = check(&text);
        assert!(checked.has_errors(), "{what}");
        let limit = Duration::from_secs(20);
        assert!(start.elapsed() < limit, "{what} took {:?}", start.elapsed());
    }
}
