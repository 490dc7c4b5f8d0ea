//! The reference pages list what the program knows, and nothing else.

use std::collections::BTreeSet;
use std::fs;

use longstop::cli::Exit;
use longstop::policy::{Code, check};
use longstop::simulate::Scenario;

use super::{first_cells, page, quoted, root};

/// A document with a field that no table has in every table.
const UNKNOWN_EVERYWHERE: &str = r#"
nonsense = 1
[policy]
nonsense = 1
[parties.alice]
nonsense = 1
custody = { nonsense = "1" }
[items.gina-copy]
nonsense = 1
[quorums]
council = { nonsense = 1 }
[root]
nonsense = 1
[[path]]
nonsense = 1
escrow = { nonsense = 1 }
lockup = { nonsense = 1 }
[path.activation]
any = [
  { nonsense = 1, all = [{ nonsense = 1, any = [{ nonsense = 1, manual = "council" }] }] },
  { nonsense = 1, alarm = "council" },
  { nonsense = 1, silence = "council" },
  { nonsense = 1, vote = "council" },
]
"#;

/// Every field of a policy, as the checker lists them when one is unknown.
fn policy_fields() -> BTreeSet<String> {
    let checked = check(UNKNOWN_EVERYWHERE);
    let mut fields = BTreeSet::new();
    let mut tables = 0;
    for diagnostic in checked.diagnostics {
        if diagnostic.code() != Code::UnknownField {
            continue;
        }
        let advice = diagnostic.advice().expect("it says what there is");
        let (_, list) = advice
            .split_once("fields here are ")
            .unwrap_or(("", advice));
        fields.extend(quoted(list).map(str::to_owned));
        tables += 1;
    }
    assert_eq!(tables, UNKNOWN_EVERYWHERE.matches("nonsense").count());
    fields
}

/// The names in the first cells of all tables of fields.
fn listed(page: &str, heading: &str) -> BTreeSet<String> {
    let cells = first_cells(page, heading);
    cells
        .iter()
        .flat_map(|cell| quoted(cell))
        .map(str::to_owned)
        .collect()
}

#[test]
fn policies_have_the_fields_of_the_page() {
    let page = page("policy.md");
    let written: BTreeSet<&str> = quoted(&page).collect();
    let fields = policy_fields();
    for field in &fields {
        let tables = [
            format!("[{field}]"),
            format!("[[{field}]]"),
            format!("[{field}.NAME]"),
        ];
        let is_table = tables.iter().any(|table| written.contains(table.as_str()));
        assert!(
            is_table || written.contains(field.as_str()),
            "the page lacks {field}"
        );
    }
    for field in listed(&page, "field") {
        assert!(fields.contains(&field), "a policy has no field {field}");
    }
}

/// The words that a scenario with something unknown could have had there.
fn expected_by(incident: &str) -> Vec<String> {
    let error = Scenario::parse(incident).expect_err("something in it is unknown");
    let message = error.to_string();
    let (_, list) = message
        .split_once(", expected ")
        .unwrap_or_else(|| panic!("{error}"));
    quoted(list).map(str::to_owned).collect()
}

#[test]
fn incidents_have_the_fields_of_the_page() {
    let head = "[incident]\nname = \"n\"\nabout = \"a\"\nstart = \"2021-03-01T00:00:00Z\"\n";
    let page = page("incidents.md");
    let written: BTreeSet<&str> = quoted(&page).collect();
    let mut fields = BTreeSet::new();
    for unknown in [
        "nonsense = 1".to_owned(),
        format!("{head}[[event]]\nnonsense = 1"),
        format!("{head}[[event]]\ndeposit = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\narm = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\nseize = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\nattempt = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\nchild = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\narm = {{ pay = [{{ nonsense = 1 }}] }}"),
        format!("{head}[[event]]\nveto = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\npropose = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\nforge = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\nfork = {{ nonsense = 1 }}"),
        format!("{head}[[event]]\nreorg = {{ nonsense = 1 }}"),
        format!("{head}[expect]\nnonsense = 1"),
        "[incident]\nnonsense = 1".to_owned(),
    ] {
        fields.extend(expected_by(&unknown));
    }
    for field in &fields {
        let tables = [
            format!("[{field}]"),
            format!("[[{field}]]"),
            format!("[expect.{field}]"),
        ];
        let is_table = tables.iter().any(|table| written.contains(table.as_str()));
        assert!(
            is_table || written.contains(field.as_str()),
            "the page lacks {field}"
        );
    }
    for field in listed(&page, "field") {
        assert!(fields.contains(&field), "an incident has no field {field}");
    }
    let attempt = "attempt = { step = \"settle\", coin = \"c\", defect = \"nonsense\" }";
    let defects: BTreeSet<String> = expected_by(&format!("{head}[[event]]\n{attempt}"))
        .into_iter()
        .collect();
    assert_eq!(defects, listed(&page, "`defect`"));
}

#[test]
fn codes_have_their_places_in_the_book() {
    for code in Code::ALL {
        let place = code.place_in_book();
        let (file, heading) = place.split_once('#').expect("a page and a heading");
        let found = super::links::fragments(&page(file));
        assert!(found.contains(heading), "{place}");
    }
}

#[test]
fn exit_codes_are_those_of_the_page() {
    let page = page("command-line.md");
    let rows: Vec<String> = Exit::ALL
        .iter()
        .map(|exit| format!("| {} | {} |", exit.code(), exit.meaning()))
        .collect();
    for row in &rows {
        assert!(page.contains(row.as_str()), "the page lacks {row}");
    }
    assert_eq!(first_cells(&page, "code").len(), rows.len());
}

/// The page lists what is linked: each dependency that the sources name, at the version that the
/// manifest asks for.
#[test]
fn dependencies_are_those_of_the_page() {
    let page = page("dependencies.md");
    let mut names = BTreeSet::new();
    for (manifest, sources) in [
        ("Cargo.toml", "src"),
        ("tests/judge/Cargo.toml", "tests/judge"),
        ("fuzz/Cargo.toml", "fuzz"),
    ] {
        let manifest = fs::read_to_string(root().join(manifest)).expect("a manifest");
        let manifest: toml::Table = manifest.parse().expect("a manifest");
        for kind in ["dependencies", "dev-dependencies"] {
            let table = manifest.get(kind).and_then(toml::Value::as_table);
            let table = table.into_iter().flatten();
            for (name, value) in table.filter(|(name, _)| *name != "longstop") {
                let version = value.as_str().or_else(|| value.get("version")?.as_str());
                let version = version.expect("every dependency has a version");
                let krate = name.replace('-', "_");
                if kind == "dependencies" && !names_crate(sources, &krate) {
                    continue;
                }
                let row = format!("`{name}` {version}");
                assert!(page.contains(&row), "the page lacks {row}");
                names.insert(name.clone());
            }
        }
    }
    assert_eq!(listed(&page, "crate"), names);
}

/// Whether a source under this folder names a crate.
fn names_crate(folder: &str, krate: &str) -> bool {
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("sources can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).expect("sources are text");
                let used = [format!("{krate}::"), format!("use {krate}")];
                if used.iter().any(|used| text.contains(used.as_str())) {
                    return true;
                }
            }
        }
    }
    false
}

/// The words for kinds of failures that the sources have, and those of the page.
#[test]
fn the_page_has_every_kind_of_failure() {
    let mut kinds = BTreeSet::new();
    for name in [
        "failure",
        "failure/ledger",
        "failure/vault",
        "failure/watch",
    ] {
        let path = root().join(format!("src/cli/{name}.rs"));
        let source = fs::read_to_string(path).expect("a source");
        let (_, kind) = source.split_once("fn kind(").expect("it says the kind");
        let (kind, _) = kind.split_once("\n    }\n").expect("it ends");
        let words = kind.split('"').skip(1).step_by(2);
        kinds.extend(words.map(str::to_owned));
    }
    let page = page("command-line.md");
    let line = page.lines().find(|line| line.starts_with("`kind` is a"));
    let (listed, _) = (line.expect("the line"))
        .split_once("; or")
        .expect("a list");
    let listed = listed.split('`').skip(3).step_by(2);
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    assert_eq!(listed, kinds);
}
