//! The layers of the crate, held: who may know whom, who may print, and where the stage logic is.
//!
//! Modules of one crate can import each other both ways, and in time they do.  These tests read
//! the sources and refuse what the table below does not allow.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every top-level module in reading order, with the modules it may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("logic", &[]),
    ("policy", &["units", "logic"]),
    ("identity", &["policy"]),
    ("governance", &["units", "policy"]),
    ("ledger", &["units", "policy", "governance"]),
    ("compile", &["units", "logic", "policy"]),
    (
        "analysis",
        &["units", "logic", "policy", "governance", "compile"],
    ),
    ("explain", &["units", "logic", "policy", "compile"]),
    ("export", &["units", "policy", "compile"]),
    ("devices", &["units", "compile", "export"]),
    ("import", &["units", "policy", "compile"]),
    ("verify", &["compile", "import"]),
    ("transaction", &["units", "policy", "compile"]),
    (
        "keys",
        &["units", "policy", "governance", "compile", "transaction"],
    ),
    (
        "evidence",
        &["units", "policy", "governance", "ledger", "compile"],
    ),
    ("arming", &["policy", "compile", "transaction"]),
    (
        "ceremony",
        &[
            "units",
            "policy",
            "governance",
            "compile",
            "transaction",
            "arming",
        ],
    ),
    ("lifecycle", &["units", "compile", "arming"]),
    ("signer", &["policy", "identity"]),
    ("author", &["policy", "signer"]),
    ("chain", &["units"]),
    (
        "engine",
        &[
            "units",
            "policy",
            "governance",
            "compile",
            "transaction",
            "arming",
            "lifecycle",
            "chain",
        ],
    ),
    (
        "wallet",
        &[
            "units",
            "policy",
            "identity",
            "ledger",
            "compile",
            "transaction",
            "arming",
            "lifecycle",
            "chain",
            "engine",
        ],
    ),
    (
        "recovery",
        &[
            "units",
            "policy",
            "governance",
            "ledger",
            "compile",
            "transaction",
            "lifecycle",
            "chain",
            "engine",
            "wallet",
        ],
    ),
    (
        "watch",
        &[
            "units",
            "policy",
            "governance",
            "ledger",
            "compile",
            "transaction",
            "lifecycle",
            "chain",
            "engine",
            "wallet",
            "recovery",
        ],
    ),
    (
        "report",
        &[
            "units",
            "logic",
            "policy",
            "governance",
            "compile",
            "analysis",
        ],
    ),
    (
        "simulate",
        &[
            "units",
            "policy",
            "governance",
            "compile",
            "chain",
            "signer",
            "engine",
            "report",
        ],
    ),
    (
        "cli",
        &[
            "units",
            "policy",
            "identity",
            "governance",
            "ledger",
            "logic",
            "compile",
            "analysis",
            "explain",
            "devices",
            "export",
            "import",
            "verify",
            "transaction",
            "arming",
            "ceremony",
            "signer",
            "keys",
            "evidence",
            "lifecycle",
            "author",
            "chain",
            "engine",
            "wallet",
            "recovery",
            "watch",
            "report",
            "simulate",
        ],
    ),
];

/// The sources of each top-level module: `src/NAME.rs` and everything under `src/NAME/`.
fn modules() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src can be listed") {
            let path = entry.expect("src can be listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path
                .strip_prefix(&root)
                .expect("found below src")
                .to_owned();
            let first = inside.components().next().expect("a file has a name");
            let module = Path::new(first.as_os_str())
                .file_stem()
                .expect("a file has a name");
            // Unit tests in files of their own may look anywhere.
            if inside
                .iter()
                .any(|part| part == "tests" || part == "tests.rs")
            {
                continue;
            }
            let text = fs::read_to_string(&path).expect("sources are text");
            modules
                .entry(module.to_string_lossy().into_owned())
                .or_default()
                .push((inside, text));
        }
    }
    modules.remove("lib");
    modules.remove("main");
    modules
}

/// The code of a source: without comments, and without its unit tests, which may look anywhere.
fn code(text: &str) -> String {
    let before_tests = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The top-level modules that a piece of code names as `crate::NAME`.
fn used(code: &str) -> BTreeSet<String> {
    let name = |rest: &str| -> String {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            // `use crate::{a::X, b::Y}`
            Some(group) => {
                let mut depth = 1;
                let mut part = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 || (depth == 1 && c == ',') {
                        names.insert(name(part.trim()));
                        part.clear();
                    } else {
                        part.push(c);
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            None => {
                names.insert(name(rest));
            }
        }
    }
    names.remove("");
    names
}

#[test]
fn every_module_has_its_layer() {
    let known: BTreeSet<String> = LAYERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found: BTreeSet<String> = modules().into_keys().collect();
    assert_eq!(
        found, known,
        "a new module needs a line in the table, a gone one none"
    );
}

#[test]
fn the_table_points_one_way() {
    for (position, (name, uses)) in LAYERS.iter().enumerate() {
        for used in *uses {
            let below = LAYERS.iter().position(|(other, _)| other == used);
            assert!(
                below.is_some_and(|below| below < position),
                "{name} uses {used}, which is not below it"
            );
        }
    }
}

#[test]
fn modules_use_only_what_is_below_them() {
    for (module, sources) in modules() {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        for (path, text) in sources {
            for name in used(&code(&text)) {
                // Items that are no modules, such as a macro, are not layers.
                let is_layer = LAYERS.iter().any(|(other, _)| *other == name);
                assert!(
                    !is_layer || name == module || allowed.contains(&name.as_str()),
                    "{} uses crate::{name}, which the layer `{module}` must not know",
                    path.display()
                );
            }
        }
    }
}

/// A rehearsal asks the engine what a coin may do.  If it knew by itself, the rehearsal would test
/// its own knowledge while the engine moves the money.
#[test]
fn the_simulator_holds_no_stage_logic() {
    let stage_logic = [
        "LeafKind",
        "RelativeLock",
        "AbsoluteLock",
        "Maturity",
        "next_steps",
        "Builder",
        "Arming",
        "StageTransaction",
        "older(",
        "after(",
        ".window()",
        ".backstop()",
    ];
    for (path, text) in modules().remove("simulate").expect("there is a simulator") {
        for word in stage_logic {
            assert!(
                !code(&text).contains(word),
                "{} names `{word}`",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_command_line_prints_or_reads_the_world() {
    let doors = [
        "println!",
        "eprintln!",
        "print!(",
        "eprint!(",
        "std::env::",
        "std::fs::",
        "SystemTime",
        "Instant::now",
        "Utc::now",
        "Local::now",
        "std::process::",
    ];
    for (module, sources) in modules() {
        for (path, text) in sources.iter().filter(|_| module != "cli") {
            // A ledger's files are its own, and this is the one door to them;
            // and so are the cookie of a node and the file of an embedded chain.
            let is_disk = ["ledger/disk.rs", "chain/disk.rs"]
                .iter()
                .any(|file| path == Path::new(file));
            for door in doors
                .iter()
                .filter(|door| !(is_disk && **door == "std::fs::"))
            {
                assert!(
                    !code(text).contains(door),
                    "{} uses `{door}`",
                    path.display()
                );
            }
        }
    }
}

/// What can only be right in one place stands in one place.
#[test]
fn some_things_are_named_in_one_file() {
    for name in [
        "bitcoinconsensus::",
        "SEQUENCE_TIME_FLAG",
        "50929b74",
        "sled::",
        "tlog_tiles::",
        "zip::",
        "ureq::",
        "rustls::",
    ] {
        let mut files = BTreeSet::new();
        for (path, text) in modules().into_values().flatten() {
            if code(&text).contains(name) {
                files.insert(path);
            }
        }
        assert!(files.len() <= 1, "`{name}` is named in {files:?}");
    }
}

/// The interpreter of scripts is named where it is fenced in, and nowhere else.
#[test]
fn the_interpreter_of_scripts_is_named_in_its_rooms() {
    for (path, text) in modules().into_values().flatten() {
        let path = path.to_string_lossy();
        let is_room = ["policy/script", "policy/rule"]
            .iter()
            .any(|room| path.starts_with(room));
        assert!(
            is_room || !code(&text).contains("rhai::"),
            "{path} names the interpreter of scripts"
        );
    }
}

#[test]
fn the_reader_of_sources_sees_what_it_should() {
    let code = code("use crate::{a::{X, Y}, b::Z};\n// crate::c\nlet x = crate::d::f();");
    let names: Vec<String> = used(&code).into_iter().collect();
    assert_eq!(names, ["a", "b", "d"]);
}
