//! Scripts: what they build, and what they are told when they misbehave.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use longstop::policy::{Code, Diagnostic, Imports, LIMITS, Script, ScriptRun, check};
use proptest::prelude::*;

use crate::BASE;
use crate::hostile::assert_sound_answer;
use crate::template::{Filled, render};

/// The files beside the fixtures.
struct Beside;

impl Imports for Beside {
    fn text(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(folder().join("imports").join(path))
            .map_err(|_| "there is no such file".to_owned())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/scripts")
}

/// The names and templates of all fixtures.
fn fixtures() -> Vec<(String, String)> {
    let mut fixtures = Vec::new();
    for entry in fs::read_dir(folder()).expect("the fixtures") {
        let path = entry.expect("a fixture").path();
        if path.is_file() {
            let name = path.file_name().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a readable fixture");
            fixtures.push((name.into_owned(), text));
        }
    }
    fixtures.sort();
    fixtures
}

/// Those that are not made to take as long as they can.
fn quick_fixtures() -> impl Iterator<Item = (String, String)> {
    let fixtures = fixtures().into_iter();
    fixtures.filter(|(name, _)| !name.starts_with("quadratic"))
}

/// Runs a script with the settings that its comments ask for, as those of a command line as well.
pub fn run(text: &str) -> ScriptRun {
    let mut script = Script::new(text).with_imports(Arc::new(Beside));
    for line in text.lines() {
        if let Some((name, value)) = line
            .strip_prefix("// set: ")
            .or_else(|| line.strip_prefix("// longstop check policy.rhai --set "))
            .and_then(|setting| setting.split_once('='))
        {
            script = script.set(name, value);
        }
    }
    script.run()
}

/// The codes of all fixtures.
pub fn codes() -> BTreeSet<Code> {
    let mut codes = BTreeSet::new();
    for (_, template) in quick_fixtures() {
        let checked = run(&Filled::new(&template).text).document.check();
        codes.extend(checked.diagnostics.iter().map(Diagnostic::code));
    }
    codes
}

/// Every fixture, the hostile ones among them, is answered in good time and with its reason.
#[test]
fn what_scripts_are_told() {
    let mut told = String::new();
    for (name, template) in fixtures() {
        let filled = Filled::new(&template);
        let start = Instant::now();
        let checked = run(&filled.text).document.check();
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{name} took {:?}",
            start.elapsed()
        );
        let shown = filled.shown(&checked);
        told += &format!("# {name}\n\n");
        for diagnostic in &checked.diagnostics {
            told += &render(filled.in_template(diagnostic), &shown).replace("policy.toml", &name);
            told.push('\n');
        }
        let verdict = match checked.policy {
            Some(_) => "a policy",
            None => "no policy",
        };
        told += &format!("=> {verdict}\n\n");
    }
    let lines: Vec<&str> = told.lines().map(str::trim_end).collect();
    insta::with_settings!({
        snapshot_path => "",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("what_scripts_are_told", lines.join("\n"));
    });
}

#[test]
fn a_script_and_its_canonical_text_are_one_policy() {
    let script = fs::read_to_string(folder().join("base.rhai")).expect("the base policy");
    let run = run(&Filled::new(&script).text).document.check();
    let policy = run.policy.expect("sound");
    assert_eq!(run.diagnostics, []);
    let toml = check(&Filled::new(BASE).text).policy.expect("sound");
    assert_eq!(policy.canonical(), toml.canonical());
    let again = check(policy.canonical()).policy.expect("sound");
    assert_eq!(again.canonical(), policy.canonical());
}

#[test]
fn a_script_builds_the_same_every_time() {
    for (name, template) in quick_fixtures() {
        let text = Filled::new(&template).text;
        let [one, other] = [run(&text), run(&text)];
        assert_eq!(one.parameters, other.parameters, "{name}");
        let [one, other] = [one.document.check(), other.document.check()];
        assert_eq!(
            one.document.canonical(),
            other.document.canonical(),
            "{name}"
        );
        assert_eq!(one.diagnostics, other.diagnostics, "{name}");
    }
}

/// Scripts that are just inside a limit, and just outside.
#[test]
fn limits_hold_to_the_last() {
    let told = |text: &str| -> Vec<&'static str> {
        let problems = run(text).document.check().diagnostics;
        problems
            .iter()
            .map(|problem| problem.code().as_str())
            .collect()
    };
    let limited = |text: &str| told(text) == ["LS0805"];
    let of = |n: usize, part: &str| part.repeat(n);

    let depth = LIMITS.call_depth;
    let calls = |n: usize| format!("fn f(n) {{ if n > 1 {{ f(n - 1) }} else {{ 0 }} }} f({n});");
    assert!(!limited(&calls(depth)));
    assert!(limited(&calls(depth + 1)));

    let string = |n: usize| format!("let s = \"\"; s.pad({n}, \"x\");");
    assert!(!limited(&string(LIMITS.string_bytes)));
    assert!(limited(&string(LIMITS.string_bytes + 1)));

    let list = |n: usize| format!("let a = []; a.pad({n}, 0);");
    assert!(!limited(&list(LIMITS.list_items)));
    assert!(limited(&list(LIMITS.list_items + 1)));

    // Of lists that are written out, the interpreter itself allows one item less.
    let literal = |n: usize| format!("let a = [{}];", of(n, "0, "));
    assert!(!limited(&literal(LIMITS.list_items - 1)));
    assert!(limited(&literal(LIMITS.list_items)));

    let map = |n: usize| {
        let fields: Vec<String> = (0..n).map(|n| format!("f{n}: 0")).collect();
        format!("let m = #{{ {} }};", fields.join(", "))
    };
    assert!(!limited(&map(LIMITS.map_fields)));
    assert!(limited(&map(LIMITS.map_fields + 1)));

    let functions = |n: usize| {
        let functions = (0..n).map(|n| format!("fn f{n}() {{ }}\n"));
        functions.collect::<String>()
    };
    assert!(!limited(&functions(LIMITS.functions)));
    assert!(limited(&functions(LIMITS.functions + 1)));

    let variables = |n: usize| {
        let variables = (0..n).map(|n| format!("let v{n} = 0;\n"));
        variables.collect::<String>()
    };
    assert!(!limited(&variables(LIMITS.variables)));
    assert!(limited(&variables(LIMITS.variables + 1)));

    let bytes = |n: usize| format!("// {}", of(n - 3, "x"));
    assert!(!limited(&bytes(LIMITS.script_bytes)));
    assert!(limited(&bytes(LIMITS.script_bytes + 1)));

    for opening in ["(", "[", "{", "!", "#{a:", "if true {", "`${"] {
        assert!(!told(&of(5000, opening)).is_empty(), "{opening}");
    }
    for deep in ["+1", ".a", "[0]", " && true", "else if true {}"] {
        assert!(
            !told(&format!("let x = 1{};", of(5000, deep))).is_empty(),
            "{deep}"
        );
    }
}

#[test]
fn a_file_is_imported_once_and_so_many_at_most() {
    struct Counted(AtomicUsize);
    impl Imports for Counted {
        fn text(&self, path: &str) -> Result<String, String> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(format!("export const NAME = \"{path}\";"))
        }
    }
    let counted = Arc::new(Counted(AtomicUsize::new(0)));
    let import = |numbers: std::ops::RangeInclusive<usize>| -> String {
        numbers
            .map(|n| format!("import \"m{n}\" as m{n};\n"))
            .collect()
    };
    let twice = format!("{}{}", import(1..=3), import(1..=3));
    let run = |text: &str| {
        let imports = Arc::clone(&counted) as Arc<dyn Imports>;
        Script::new(text)
            .with_imports(imports)
            .run()
            .document
            .check()
    };
    let has_limit = |text: &str| {
        let problems = run(text).diagnostics;
        problems
            .iter()
            .any(|problem| problem.code() == Code::ScriptLimit)
    };
    assert!(!has_limit(&twice));
    assert_eq!(counted.0.load(Ordering::Relaxed), 3);
    assert!(!has_limit(&import(1..=LIMITS.imports)));
    assert!(has_limit(&import(1..=LIMITS.imports + 1)));
}

/// Steps are counted over all files, or sixteen imports would be sixteen times as much.
#[test]
fn an_import_takes_steps_from_the_same_budget() {
    struct Busy;
    impl Imports for Busy {
        fn text(&self, _path: &str) -> Result<String, String> {
            Ok(format!("for i in 0..{} {{ }}", LIMITS.operations / 3))
        }
    }
    let run = |n: usize| {
        let text: String = (0..n).map(|n| format!("import \"m{n}\" as m;\n")).collect();
        let run = Script::new(&text).with_imports(Arc::new(Busy)).run();
        let problems = run.document.check().diagnostics;
        problems
            .iter()
            .any(|problem| problem.code() == Code::ScriptLimit)
    };
    assert!(!run(1));
    assert!(run(8));
}

/// What is named with `::` is one step whatever its size, so its size is what has to be bounded.
#[test]
fn constants_behind_colons_are_bounded_by_their_size() {
    struct Large(usize);
    impl Imports for Large {
        fn text(&self, _path: &str) -> Result<String, String> {
            // Two lists, each within the limits, in a map that grows behind the interpreter's back.
            let half = LIMITS.list_items / 2;
            let rest = self.0 - half;
            Ok(format!(
                "let a = []; a.pad({half}, 0); let b = []; b.pad({rest}, 0);
                 let m = #{{}}; m.a = a; m.b = b; export m as MAP;"
            ))
        }
    }
    let limited = |items: usize, text: &str| {
        let script = Script::new(text).with_imports(Arc::new(Large(items)));
        let problems = script.run().document.check().diagnostics;
        problems
            .iter()
            .any(|problem| problem.code() == Code::ScriptLimit)
    };
    let import = "import \"large\" as m;\n";
    assert!(!limited(LIMITS.list_items, import));
    assert!(limited(LIMITS.list_items + 1, import));
    // Nothing but copies of it until the steps are at their end.
    let own = format!(
        "let list = []; list.pad({}, 0); const LIST = list;
         fn f() {{ loop {{ global::LIST; }} }} f();",
        LIMITS.list_items
    );
    for text in [&format!("{import}loop {{ m::MAP; }}"), &own] {
        let start = Instant::now();
        assert!(limited(LIMITS.list_items, text));
        println!("{:?}: {text}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_script_that_is_out_of_time_is_stopped() {
    let script = Script::new("let n = 0; while n < 1000 { n += 1; }");
    let problems = |script: &Script| {
        let diagnostics = script.run().document.check().diagnostics;
        let limits = diagnostics
            .iter()
            .filter(|one| one.code() == Code::ScriptLimit);
        limits.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(problems(&script).is_empty());
    let late = script.give_up_when(Arc::new(|| true));
    assert_eq!(problems(&late), ["the script takes too long"]);
}

#[test]
fn parameters_are_listed_even_of_a_script_that_stops() {
    let run = run("let seats = param(\"seats\", 5, \"how many\"); loop { }");
    assert!(run.document.check().has_errors());
    let [seats] = run.parameters.as_slice() else {
        panic!("one parameter: {:?}", run.parameters);
    };
    assert_eq!(
        (seats.name.as_str(), seats.default.kind()),
        ("seats", "integer")
    );
}

#[test]
fn a_parameter_takes_its_bounds_and_nothing_beyond() {
    let script = "let n = param(\"n\", 5, \"a number\", #{ min: -3, max: 9 });";
    let value = |set: &str| {
        let run = Script::new(script).set("n", set).run();
        let refused = run.document.check().diagnostics;
        let refused = refused
            .iter()
            .any(|problem| problem.code() == Code::BadParameter);
        (run.parameters[0].value.to_string(), refused)
    };
    assert_eq!(value("-3"), ("-3".to_owned(), false));
    assert_eq!(value("9"), ("9".to_owned(), false));
    for refused in ["-4", "10", "five", "", "5.0", "9223372036854775808"] {
        assert_eq!(value(refused), ("5".to_owned(), true), "{refused}");
    }
}

/// Faults that the interpreter once had.
#[test]
fn old_faults_of_the_interpreter_are_gone() {
    for script in [
        // rhai#1126: a variable was left out where only a `switch` used it.
        "let a = 1; let x = { let b = 99; switch b { _ => b } }; require(x == 99, \"switch\");",
        "fn f() { let a = 1; { let b = 99; switch b { _ => b } } } require(f() == 99, \"switch\");",
        // rhai#532: a function named like a built-in one was taken for it.
        "fn range(a, b) { a * b } require(range(3, 4) == 12, \"range\");",
    ] {
        let problems = run(script).document.check().diagnostics;
        let codes: Vec<&str> = problems
            .iter()
            .map(|problem| problem.code().as_str())
            .collect();
        assert_eq!(
            codes,
            ["LS0104"],
            "{script}: nothing but an empty policy: {problems:?}"
        );
    }
}

/// Numbers near the ends of their range, and any others.
/// What is moved out of a number, or by no number of bits, is an error.
#[test]
fn shifts_lose_nothing() {
    let codes = |text: &str| -> Vec<&'static str> {
        let problems = run(text).document.check().diagnostics;
        problems
            .iter()
            .map(|problem| problem.code().as_str())
            .collect()
    };
    for (shift, result) in [
        ("1 << 62", Some(1_i64 << 62)),
        ("1 << 63", None),
        ("1 << 64", None),
        ("3 << 61", Some(3 << 61)),
        ("3 << 62", None),
        ("-1 << 63", Some(i64::MIN)),
        ("-2 << 63", None),
        ("0 << 63", Some(0)),
        ("1 << -1", None),
        ("5 >> 63", Some(0)),
        ("-5 >> 63", Some(-1)),
        ("5 >> 64", None),
        ("5 >> -1", None),
    ] {
        let text = format!(
            "let n = {shift}; require(n.to_string() == \"{}\", \"x\");",
            result.unwrap_or(0)
        );
        let told = codes(&text);
        assert_eq!(told == ["LS0802"], result.is_none(), "{shift}: {told:?}");
        assert!(!told.contains(&"LS0807"), "{shift}");
    }
}

fn numbers() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        (0_i64..4).prop_map(|n| i64::MAX - n),
        (0_i64..4).prop_map(|n| i64::MIN + n),
        -4_i64..4,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Sums are right, or the script stops.
    #[test]
    fn whole_numbers_are_right_or_stop_the_script(a in numbers(), b in numbers()) {
        for (sign, sum) in [
            ("+", a.checked_add(b)),
            ("-", a.checked_sub(b)),
            ("*", a.checked_mul(b)),
            ("/", a.checked_div(b)),
            ("%", a.checked_rem(b)),
        ] {
            let script = format!("let a = {a}; let b = {b}; let c = a {sign} b; param(\"c\", c, \"\");");
            let ran = run(&script);
            let value = ran.parameters.first().map(|one| one.value.to_string());
            prop_assert_eq!(value, sum.map(|sum| sum.to_string()), "{}", script);
            let stopped = ran.document.check().diagnostics;
            let stopped = stopped.iter().any(|problem| problem.code() == Code::ScriptFailed);
            prop_assert_eq!(stopped, sum.is_none(), "{}", script);
        }
    }

    /// Comparisons are right between values of one type, and stop the script between others.
    #[test]
    fn comparisons_are_right_or_stop_the_script(a in numbers(), b in numbers()) {
        for (sign, holds) in [
            ("==", a == b), ("!=", a != b), ("<", a < b), ("<=", a <= b), (">", a > b), (">=", a >= b),
        ] {
            let script = format!("param(\"c\", {a} {sign} {b}, \"\");");
            let value = run(&script).parameters[0].value.to_string();
            prop_assert_eq!(value, holds.to_string(), "{}", script);
            let mixed = run(&format!("param(\"c\", {a} {sign} \"{b}\", \"\");"));
            prop_assert!(mixed.parameters.is_empty());
        }
    }
}

/// Fragments that mean something to the interpreter or to our functions.
const FRAGMENTS: [&str; 56] = [
    "policy(#{ name: \"x\" })",
    "party(\"a\", #{ key: \"k\" })",
    "party(",
    "quorum(\"q\", 1, [\"a\"])",
    "root(\"q\")",
    "path(\"p\", #{ quorum: \"q\", delay: days(3) })",
    "escrow(#{ window: days(1) })",
    "any_of([])",
    "days(9223372036854775807)",
    "blocks(-1)",
    "param(\"p\", 1, \"\")",
    "require(false, \"\\u202e\")",
    "lint(\"LS0603\", \"\")",
    "import \"keys\" as k",
    "import \"people/keys\" as k",
    "import \"broken\" as k",
    "k::everybody()",
    "fn f(a)",
    "fn party(a, b)",
    "f(1)",
    "let x = ",
    "const Y = ",
    "global::Y",
    "x",
    "x.y",
    "x[0]",
    "x += x",
    "#{",
    "#{ a: 1 }",
    "[1, 2]",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ";",
    ",",
    "if x",
    "loop { }",
    "for i in 0..9",
    "while true",
    "switch x",
    "=>",
    "|a| a",
    "return",
    "throw \"\\x1b[31m\"",
    "\"",
    "`${x}`",
    "'c'",
    "1.5",
    "0x",
    "-9223372036854775808",
    "// tprv8ZgxMBicQKsPdWn5Xy3\n",
    "/*",
    "\u{202e}é",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_script_is_answered(
        parts in prop::collection::vec((prop::sample::select(&FRAGMENTS[..]), "[ \n;]{0,2}"), 0..25)
    ) {
        let text: String = parts.iter().flat_map(|(part, space)| [*part, space]).collect();
        let checked = run(&text).document.check();
        assert_sound_answer(&checked);
        let said = format!("{:?}", checked.diagnostics);
        prop_assert!(!said.contains("tprv8Z"), "{}", said);
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        assert_sound_answer(&run(&text).document.check());
    }
}
