//! What the checker says about policies, as the user sees it.

#[path = "policy/boundaries.rs"]
mod boundaries;
#[path = "policy/canonical.rs"]
mod canonical;
#[path = "policy/examples.rs"]
mod examples;
#[path = "common/generate.rs"]
mod generate;
#[path = "policy/hostile.rs"]
mod hostile;
#[path = "policy/incidents.rs"]
mod incidents;
#[path = "policy/items.rs"]
mod items;
#[path = "policy/layout.rs"]
mod layout;
#[path = "policy/schema.rs"]
mod schema;
#[path = "policy/script.rs"]
mod script;
#[path = "policy/template.rs"]
mod template;
#[path = "policy/wordings.rs"]
mod wordings;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use longstop::policy::{Code, Diagnostic, Severity, check};

use template::{Filled, check_template, render};

/// A policy with a direct and a staged path and nothing to remark.
pub const BASE: &str = include_str!("policy/base.toml");

/// Each `tests/policy/NAME.toml` has a snapshot of everything the checker says about it.
#[test]
fn diagnostics_of_fixtures() {
    insta::with_settings!({
        snapshot_path => "policy",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::glob!("policy/*.toml", |path| {
            let template = fs::read_to_string(path).expect("a readable fixture");
            insta::assert_snapshot!(report(&template));
        });
    });
}

fn report(template: &str) -> String {
    let filled = Filled::new(template);
    let checked = template::judged(&filled.text);
    let shown = filled.shown(&checked);
    let mut out = String::new();
    for diagnostic in &checked.diagnostics {
        out += &render(filled.in_template(diagnostic), &shown);
        out.push('\n');
    }
    for silenced in &checked.silenced {
        let diagnostic = filled.in_template(&silenced.diagnostic);
        let code = silenced.diagnostic.code();
        writeln!(
            out,
            "silenced {code}: {diagnostic}\n  because: {}",
            silenced.reason
        )
        .expect("writing to a string");
    }
    let verdict = if checked.policy.is_some() {
        "a policy"
    } else {
        "no policy"
    };
    // Trailing spaces come from the renderer and say nothing.
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    format!("{}\n=> {verdict}\n", lines.join("\n"))
}

/// Whatever the checker can say has been read by somebody, as a person sees it.
#[test]
fn every_code_is_in_a_snapshot() {
    let mut shown: BTreeSet<&Code> = BTreeSet::new();
    for entry in fs::read_dir(fixtures()).expect("the snapshots") {
        let path = entry.expect("a snapshot").path();
        if path.extension().is_some_and(|end| end == "snap") {
            let snapshot = fs::read_to_string(&path).expect("text");
            shown.extend(Code::ALL.iter().filter(|code| {
                let headed = snapshot.lines().any(|line| line == code.as_str());
                headed || snapshot.contains(&format!("silenced {code}: "))
            }));
        }
    }
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !shown.contains(code))
        .map(|code| code.as_str())
        .collect();
    assert!(missing.is_empty(), "no snapshot shows {missing:?}");
}

#[test]
fn words_of_other_programs_are_understood() {
    for (right, wrong, meant) in [
        ("network = \"regtest\"", "network = \"mainnet\"", "bitcoin"),
        ("network = \"regtest\"", "network = \"Mainnet\"", "bitcoin"),
        ("network = \"regtest\"", "network = \"testnet\"", "testnet4"),
        (
            "network = \"regtest\"",
            "network = \"testnet3\"",
            "testnet4",
        ),
        ("network = \"regtest\"", "network = \"regtst\"", "regtest"),
        ("script = \"tr\"", "script = \"taproot\"", "tr"),
        ("script = \"tr\"", "script = \"P2WSH\"", "wsh"),
        ("delay = \"365 days\"", "timelock = \"365 days\"", "delay"),
        ("delay = \"365 days\"", "dealy = \"365 days\"", "delay"),
        (
            "agents = { threshold = 2, of",
            "agents = { threshold = 2, members",
            "of",
        ),
        ("alice = { key", "alice = { xpub", "key"),
    ] {
        assert!(BASE.contains(right), "{right}");
        let checked = check_template(&BASE.replacen(right, wrong, 1));
        let advice: Vec<&str> = checked
            .diagnostics
            .iter()
            .filter_map(Diagnostic::advice)
            .collect();
        let expected = format!("did you mean `{meant}`?");
        assert!(
            advice.iter().any(|advice| advice.contains(&expected)),
            "{wrong}: {advice:?}"
        );
    }
    // A word without a meaning here means nothing.
    let checked = check_template(&BASE.replacen("\"regtest\"", "\"ethereum\"", 1));
    let advice = checked.diagnostics.iter().filter_map(Diagnostic::advice);
    assert!(
        advice
            .into_iter()
            .all(|advice| !advice.contains("did you mean"))
    );
}

#[test]
fn every_code_has_a_fixture() {
    let mut produced = script::codes();
    for entry in fs::read_dir(fixtures()).expect("the fixtures") {
        let path = entry.expect("a fixture").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let template = fs::read_to_string(&path).expect("a readable fixture");
            let checked = template::judged(&Filled::new(&template).text);
            let silenced = checked.silenced.iter().map(|silenced| &silenced.diagnostic);
            produced.extend(
                checked
                    .diagnostics
                    .iter()
                    .chain(silenced)
                    .map(Diagnostic::code),
            );
        }
    }
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !produced.contains(*code))
        .map(|code| code.as_str())
        .collect();
    assert!(missing.is_empty(), "no fixture produces {missing:?}");
}

#[test]
fn the_book_has_every_code_and_no_other() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/codes.md");
    let written = fs::read_to_string(&book).unwrap_or_default();
    let expected = page();
    if written != expected {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("codes.md");
        fs::write(&fresh, expected).expect("a place for the page");
        panic!(
            "book/src/codes.md is not what the table says, which is in {}",
            fresh.display()
        );
    }
}

fn page() -> String {
    let mut page = String::from(
        "# Codes\n\n\
         Everything that `longstop check` can say about a policy has a code.\n\
         A code never changes its meaning.\n\
         Errors stand in the way of a policy; warnings and notes do not.\n\
         What can be silenced is silenced with a reason, in the policy itself:\n\n\
         ```toml\n[lints]\nLS0603 = \"the agents are three law firms under contract\"\n```\n\n\
         In the examples `# …` stands for lines that are left out, and keys are cut off.\n",
    );
    let groups = [
        ("LS01", "The document"),
        ("LS02", "Names and quorums"),
        ("LS03", "Keys"),
        ("LS04", "Times"),
        ("LS05", "Paths and survival"),
        ("LS06", "Lints"),
        ("LS07", "Notes"),
        ("LS08", "Scripts"),
        ("LS09", "Compiling"),
    ];
    for (prefix, title) in groups {
        write!(page, "\n## {title}\n").expect("writing to a string");
        for code in Code::ALL
            .iter()
            .filter(|code| code.as_str().starts_with(prefix))
        {
            let silence = match (code.can_be_silenced(), code.severity()) {
                (true, severity) => format!("{severity}, can be silenced with a reason"),
                (false, severity) => severity.to_string(),
            };
            write!(
                page,
                "\n### {code}: {}\n\n*{silence}*\n\n{}\n\n**What to do.** {}\n",
                code.title(),
                sentences(code.explanation()),
                sentences(code.remedy()),
            )
            .expect("writing to a string");
            if let Some(example) = code.example() {
                write!(
                    page,
                    "\nWrong:\n\n```{language}\n{}\n```\n\nRight:\n\n```{language}\n{}\n```\n",
                    example.wrong,
                    example.right,
                    language = example.language,
                )
                .expect("writing to a string");
            }
        }
    }
    page
}

/// One sentence per line, as in all pages of the book.
fn sentences(text: &str) -> String {
    text.replace(". ", ".\n")
}

/// A mistake is told once: nothing follows from it that is right, and it hides no other.
#[test]
fn one_mistake_is_one_problem() {
    for (right, wrong, expected) in [
        (
            "alice = { key = \"{alice}\" }",
            "alice = \"{alice}\"",
            &["LS0105"][..],
        ),
        (
            "council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }",
            "council = [\"alice\", \"bob\", \"carol\"]",
            &["LS0105"],
        ),
        (
            "lockup = { period = \"30 days\" }",
            "lockup = \"30 days\"",
            &["LS0105"],
        ),
        (
            "escrow = { window = \"14 days\", veto = \"objectors\", backstop = \"60 days\" }",
            "escrow = \"14 days\"",
            &["LS0105"],
        ),
    ] {
        assert!(BASE.contains(right), "{right}");
        let codes = template::codes(&BASE.replacen(right, wrong, 1));
        let errors: Vec<_> = codes.into_iter().filter(|code| *code < "LS06").collect();
        assert_eq!(errors, expected, "{wrong}");
    }
    // One path that is no list of paths is read like one.
    let (before, _) = BASE
        .split_once("[[path]]\nname = \"sos\"")
        .expect("two paths");
    let one = before
        .replace("[[path]]", "[path]")
        .replace("365 days", "365");
    assert_eq!(template::codes(&one), ["LS0105", "LS0401"]);
    // Of a field that is given twice both places are told.
    let twice = BASE.replacen("script = \"tr\"", "script = \"tr\"\nscript = \"wsh\"", 1);
    let checked = check_template(&twice);
    let labels = checked.diagnostics[0].labels();
    assert_eq!(checked.diagnostics[0].code(), Code::DuplicateField);
    assert_eq!(labels.len(), 2);
    assert!(labels[1].span < labels[0].span);
    // A zero in the place of an o.
    let alike = BASE.replace("\"bob\"", "\"bob\", \"b0b\"");
    let alike = alike.replace("bob = {", "b0b = { key = \"{b0b}\" }\nbob = {");
    assert!(template::codes(&alike).contains(&"LS0205"));
}

/// Where no coin ever waits for a lock, there is none, on any network and without a clock.
#[test]
fn locks_that_are_open_from_the_beginning_are_told() {
    for (lock, open) in [
        ("unlock_height = 1", true),
        ("unlock_height = 100", true),
        ("unlock_height = 101", false),
        ("unlock_at = \"2009-01-03T00:00:00Z\"", true),
        ("unlock_at = \"2011-02-02T23:16:41Z\"", true),
        ("unlock_at = \"2011-02-02T23:16:42Z\"", false),
    ] {
        let codes = template::codes(&BASE.replacen("delay = \"365 days\"", lock, 1));
        assert_eq!(codes.contains(&"LS0615"), open, "{lock}: {codes:?}");
    }
}

#[test]
fn a_mistyped_code_is_recognised() {
    for (typed, meant) in [
        ("ls0104", Some(Code::MissingField)),
        ("104", Some(Code::MissingField)),
        ("LS104", Some(Code::MissingField)),
        ("L0104", Some(Code::MissingField)),
        ("LS010", Some(Code::Syntax)),
        ("", None),
        ("nonsense", None),
    ] {
        assert_eq!(Code::similar_to(typed), meant, "{typed}");
    }
}

#[test]
fn codes_are_unique_ordered_and_grouped_by_severity() {
    let written: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert!(written.is_sorted_by(|a, b| a < b), "{written:?}");
    for code in Code::ALL {
        assert_eq!(Code::from_written(code.as_str()), Some(*code));
        let severity = match &code.as_str()[..4] {
            "LS06" => Severity::Warning,
            "LS07" => Severity::Note,
            _ => Severity::Error,
        };
        assert_eq!(code.severity(), severity, "{code}");
    }
    assert_eq!(Code::from_written("LS9999"), None);
}

#[test]
fn the_base_policy_has_nothing_to_remark() {
    let checked = check_template(BASE);
    assert_eq!(
        checked.diagnostics,
        [],
        "so that tests see only what they cause"
    );
    let policy = checked.policy.expect("a policy");
    assert_eq!(policy.name(), "base");
    assert_eq!(policy.root().quorum().threshold(), 2);
    assert_eq!(policy.root().quorum().fewest_seats(), 2);
    let direct = policy
        .path("dead-man")
        .and_then(|path| path.direct())
        .expect("direct");
    assert_eq!(
        direct.delay().expect("a delay").to_string(),
        "365 days (52560 blocks)"
    );
    let staged = policy
        .path("sos")
        .and_then(|path| path.staged())
        .expect("staged");
    assert_eq!(staged.window().lock().to_consensus(), 2016);
    let lockup = staged.lockup().expect("a lock-up");
    assert!(lockup.clawback(), "the default");
    assert_eq!(lockup.backstop_lock().to_consensus(), 2016 + 60 * 144);
    assert_eq!(staged.depth(), 1, "the default");
    assert_eq!(policy.base_fee().to_sat_per_vb_ceil(), 2, "the default");
}

#[test]
fn a_diagnostic_has_lines_and_columns_for_other_programs() {
    let text = Filled::new(&BASE.replace("\"365 days\"", "\"365\"")).text;
    let checked = check(&text);
    let [diagnostic] = checked.diagnostics.as_slice() else {
        panic!("one problem: {:?}", checked.diagnostics);
    };
    let json = serde_json::to_value(diagnostic.located(&checked.source())).expect("serialises");
    assert_eq!(json["code"], "LS0401");
    assert_eq!(json["severity"], "error");
    let label = &json["labels"][0];
    let line = text
        .lines()
        .position(|line| line.starts_with("delay"))
        .expect("a delay")
        + 1;
    assert_eq!(label["line"], line);
    assert_eq!(label["column"], "delay = ".len() + 1);
    let span =
        |end: &str| usize::try_from(label["span"][end].as_u64().expect("bytes")).expect("small");
    assert_eq!(&text[span("start")..span("end")], "\"365\"");
}

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy")
}
