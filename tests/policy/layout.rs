//! The formatter: the same policy, every comment, and nothing left to do the second time.

use std::fs;
use std::path::{Path, PathBuf};

use longstop::policy::{Diagnostic, Document, FormatError, check, format};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::generate::plans;
use crate::template::Filled;

/// What holds for every text that is TOML.
fn holds(text: &str) -> Result<String, TestCaseError> {
    let formatted = format(text).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let again = format(&formatted).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&again, &formatted, "formatting is done at once");
    let canonical = |text: &str| Document::parse(text).canonical();
    prop_assert_eq!(canonical(&formatted), canonical(text));
    let table = |text: &str| text.parse::<toml::Table>().expect("TOML");
    prop_assert_eq!(
        table(&formatted),
        table(text),
        "unknown fields are kept too"
    );
    let codes = |text: &str| {
        let problems = check(text).diagnostics;
        let mut codes: Vec<_> = problems.iter().map(Diagnostic::code).collect();
        codes.sort_unstable();
        codes
    };
    prop_assert_eq!(codes(&formatted), codes(text));
    prop_assert!(formatted.lines().all(|line| line.trim_end() == line));
    prop_assert!(!formatted.contains("\n\n\n"));
    Ok(formatted)
}

fn layout(text: &str) -> String {
    holds(text).expect("the laws hold")
}

fn is_laid_out(before: &str, after: &str) {
    let after = after.trim_start_matches('\n');
    assert_eq!(layout(before.trim_start_matches('\n')), after);
}

#[test]
fn tables_and_fields_come_into_order() {
    is_laid_out(
        r#"
[lints]
LS0603="why"
[[path]]
delay =   "365 days"
name="late"
  quorum = 'agents'
[root]
refresh = "90 days"
quorum = "council"
[quorums]
zoe = {of=["c"],threshold=1}
council = { threshold = 2 , of = [ "a","b" ,"c",] }
[parties.zed]
key = "k"
[parties.amy]
custody = {site="x",operator="y"}
key = "k"
[policy]
script="tr"
network="regtest"
name="x"
"#,
        r#"
[policy]
name    = "x"
network = "regtest"
script  = "tr"

[parties.zed]
key = "k"

[parties.amy]
key     = "k"
custody = { operator = "y", site = "x" }

[quorums]
zoe     = { threshold = 1, of = ["c"] }
council = { threshold = 2, of = ["a", "b", "c"] }

[root]
quorum  = "council"
refresh = "90 days"

[[path]]
name   = "late"
quorum = 'agents'
delay  = "365 days"

[lints]
LS0603 = "why"
"#,
    );
}

#[test]
fn comments_stay_with_their_neighbours() {
    is_laid_out(
        r##"
#:schema policy.schema.json
# about the file

# about root
[root]   # beside root
# under root

# about refresh
refresh = "90 days"# beside refresh
# after refresh

quorum = "council"   # beside quorum
# after root

# about the policy
[policy]
name = "x"

# about two things
network = "regtest"
script = "tr"


# far from everything



# at the end"##,
        r##"
#:schema policy.schema.json
# about the file

# about the policy
[policy]
name = "x"

# about two things
network = "regtest"
script  = "tr"

# about root
[root] # beside root
# under root

quorum = "council" # beside quorum
# after root

# about refresh
refresh = "90 days" # beside refresh
# after refresh

# far from everything

# at the end
"##,
    );
}

#[test]
fn lists_break_where_the_author_did_or_where_they_must() {
    let long = ["\"a-name-of-some-length\""; 5].join(",");
    let broken = ["  \"a-name-of-some-length\",\n"; 5].concat();
    is_laid_out(
        &format!(
            "[x]\nshort = [\n\"a\",\"b\" # second\n, # third\n\"c\" ]\nlong = [{long}]\nnested = [ [1,2], {{a=1}} ]\nempty = [ ]\nnone = {{ }}\nheld = [ # open\n  # inside\n]\nq = {{ of = [\n\"a\" ] }}\n"
        ),
        &format!(
            "[x]\nshort  = [\n  \"a\",\n  \"b\", # second\n  # third\n  \"c\",\n]\nlong   = [\n{broken}]\nnested = [[1, 2], {{ a = 1 }}]\nempty  = []\nnone   = {{}}\nheld   = [ # open\n  # inside\n]\nq      = {{ of = [\n  \"a\",\n] }}\n"
        ),
    );
}

#[test]
fn dotted_keys_and_tables_in_any_spelling() {
    is_laid_out(
        "parties.bob.key = \"k\"\n\"policy\".'name' = \"x\" # c\n[[path]]\nname=\"p\"\n[path.activation]\nmanual=\"q\"\n[[path]]\nescrow.window = \"1 day\"\nname = \"q\"\n[[path.activation.any]]\nmanual=\"a\"\n[[path.activation.any]]\nmanual=\"b\"\n",
        "policy.name     = \"x\" # c\nparties.bob.key = \"k\"\n\n[[path]]\nname = \"p\"\n\n[path.activation]\nmanual = \"q\"\n\n[[path]]\nname          = \"q\"\nescrow.window = \"1 day\"\n\n[[path.activation.any]]\nmanual = \"a\"\n\n[[path.activation.any]]\nmanual = \"b\"\n",
    );
}

#[test]
fn nothing_and_next_to_nothing() {
    for (before, after) in [
        ("", ""),
        ("\n\n", ""),
        ("# only this", "# only this\n"),
        (
            "\r\n# dos\r\n\r\n[policy]\r\nname=\"x\"\r\n",
            "# dos\n\n[policy]\nname = \"x\"\n",
        ),
        ("[lints]", "[lints]\n"),
    ] {
        assert_eq!(layout(before), after, "{before:?}");
    }
}

/// Texts that take long if anything is done again for each step down, or for each line.
#[test]
fn hostile_texts_are_formatted_in_good_time() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("x = {}1{}\n", open.repeat(depth), close.repeat(depth))
    };
    let texts = [
        nested("[\n", "\n]", 60),
        nested("[ # c\n", "]", 60),
        nested("[", "]", 60),
        nested("{ a = ", " }", 60),
        nested("{\na = # c\n", "\n}", 60),
        nested("{ a = [\n", "\n] }", 30),
        (0..20_000)
            .map(|at| format!("k{at} = {at} # c\n"))
            .collect(),
        (0..5_000)
            .map(|at| format!("# a\n\n# b\n[t{at}]\nx = 1\n"))
            .collect(),
        format!("x = [{}]\n", "\n# c\n1,".repeat(20_000)),
    ];
    for text in texts {
        let start = std::time::Instant::now();
        if let Ok(formatted) = format(&text) {
            assert_eq!(format(&formatted).as_ref(), Ok(&formatted));
        }
        let head: String = text.chars().take(20).collect();
        assert!(
            start.elapsed().as_secs() < 10,
            "{head:?}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn what_is_no_toml_is_not_formatted() {
    for text in ["name = x", "a = 1\na = 2", "[policy\n", "= 1"] {
        assert!(
            matches!(format(text), Err(FormatError::NotToml(_))),
            "{text}"
        );
    }
}

/// All policies of the project, those that are to be refused included.
fn shipped() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("policies can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("incidents") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "toml") {
                // Cases of rules are TOML as well, and no policies.
                let text = fs::read_to_string(&path).expect("text");
                if text.lines().any(|line| line == "[policy]") {
                    files.push(path);
                }
            }
        }
    }
    assert!(files.len() > 15, "{files:?}");
    files
}

#[test]
fn shipped_policies_are_formatted() {
    for path in shipped() {
        let text = fs::read_to_string(&path).expect("a policy");
        assert_eq!(
            layout(&text),
            text,
            "{}: run `longstop fmt`",
            path.display()
        );
    }
}

/// What `render` prints is the canonical text in this layout, and nothing is left to do to it.
#[test]
fn canonical_texts_are_formatted_to_the_same_policy() {
    for path in shipped() {
        let text = fs::read_to_string(&path).expect("a policy");
        let Some(policy) = check(&text).policy else {
            continue;
        };
        let rendered = layout(policy.canonical());
        let again = check(&rendered).policy.expect("it is as sound");
        assert_eq!(again.canonical(), policy.canonical(), "{}", path.display());
    }
}

#[test]
fn shipped_policies_name_their_schema() {
    for path in shipped() {
        if path.ends_with("policy.toml") {
            let text = fs::read_to_string(&path).expect("a policy");
            let first = text.lines().next().expect("a line");
            let schema = first.strip_prefix("#:schema ").expect("a schema");
            let schema = path.parent().expect("a folder").join(schema);
            assert!(schema.is_file(), "{}: {first}", path.display());
        }
    }
}

#[test]
fn fixtures_with_errors_are_formatted() {
    let mut formatted = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy");
    for entry in fs::read_dir(folder).expect("the fixtures") {
        let path = entry.expect("a fixture").path();
        if path.extension().is_some_and(|end| end == "toml") {
            let template = fs::read_to_string(&path).expect("a fixture");
            let text = Filled::new(&template).text;
            if text.parse::<toml::Table>().is_ok() {
                layout(&text);
                formatted += 1;
            }
        }
    }
    assert!(formatted > 15, "{formatted}");
}

/// The lines of a policy in another order, as far as they may change places: tables among one
/// another, paths but among paths, and fields in their tables.
fn shuffled(text: &str, places: &[Index]) -> String {
    let mut tables: Vec<Vec<String>> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            tables.push(Vec::new());
        }
        let table = tables.last_mut().expect("a policy begins with a table");
        table.push(line.to_owned());
    }
    let mut places = places.iter().cycle();
    let mut place = |count: usize| places.next().map_or(0, |place| place.index(count));
    let mut mixed: Vec<Vec<String>> = Vec::new();
    for mut table in tables {
        let mut fields = table.split_off(1);
        for last in (1..fields.len()).rev() {
            fields.swap(last, place(last + 1));
        }
        table.extend(fields);
        // Paths keep their order, which means something.
        let is_path = |table: &Vec<String>| table.starts_with(&["[[path]]".to_owned()]);
        let from = match is_path(&table) {
            true => mixed.iter().rposition(is_path).map_or(0, |last| last + 1),
            false => 0,
        };
        let at = from + place(mixed.len() - from + 1);
        mixed.insert(at, table);
    }
    mixed.concat().join("\n")
}

/// Comments wherever TOML allows them, each with a number of its own, and blank lines.
fn commented(text: &str, choices: &[u8]) -> (String, usize) {
    let mut choices = choices.iter().copied().cycle();
    let mut next = || choices.next().unwrap_or_default();
    let mut count = 0;
    let mut out = String::new();
    let mut comment = || {
        count += 1;
        format!("# comment {count}.")
    };
    for line in text.lines() {
        match next() % 6 {
            0 => out.push_str(&format!("{}\n", comment())),
            1 => out.push_str(&format!("\n  {}\n\n", comment())),
            2 => out.push_str(&format!("{}\n\n{}\n", comment(), comment())),
            3 => out.push_str("\n\n\n"),
            _ => {}
        }
        let mut line = line.to_owned();
        if next() % 3 == 0 && line.contains("of = [") {
            // A list inside an inline table may go over several lines.
            line = line.replacen("of = [", &format!("of = [ {}\n", comment()), 1);
            line = line.replace("\", \"", &format!("\" {}\n, \"", comment()));
            line = line.replacen(']', &format!("\n{}\n]", comment()), 1);
        }
        out.push_str(&line);
        if next() % 3 == 0 {
            out.push_str(&comment());
        }
        out.push('\n');
    }
    if next() % 2 == 0 {
        out.push_str(&comment());
    }
    (out, count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn formatting_keeps_the_meaning_and_every_comment(
        plan in plans(),
        places in vec(any::<Index>(), 1..60),
        choices in vec(any::<u8>(), 1..80),
    ) {
        let plain = plan.to_toml();
        let (text, comments) = commented(&shuffled(&plain, &places), &choices);
        let formatted = holds(&text)?;
        // A comment is repeated in a list, whose members it was put between.
        for number in 1..=comments {
            let comment = format!("# comment {number}.");
            let expected = text.matches(&comment).count();
            prop_assert_eq!(formatted.matches(&comment).count(), expected, "{}", comment);
        }
        prop_assert_eq!(check(&formatted).policy.is_some(), check(&plain).policy.is_some());
    }

    /// Of tables in their order with no comment in between, the way back is the same.
    #[test]
    fn the_order_of_fields_makes_no_difference(
        plan in plans(), places in vec(any::<Index>(), 1..60),
    ) {
        let by_name = |text: &str| {
            let mut tables: Vec<String> = text.split("\n\n").map(str::to_owned).collect();
            tables.sort();
            tables
        };
        let plain = plan.to_toml();
        let formatted = holds(&plain)?;
        let from_shuffled = holds(&shuffled(&plain, &places))?;
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(sorted(&from_shuffled), sorted(&formatted));
        prop_assert_eq!(by_name(&from_shuffled).len(), by_name(&formatted).len());
    }
}
