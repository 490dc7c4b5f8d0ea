//! The command line as its users see it: sessions in `tests/cli/*.trycmd`, and below what a
//! session cannot show.
//!
//! After a change of the output run `TRYCMD=overwrite cargo test --test cli` and read what changed.

#![allow(
    clippy::indexing_slicing,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "cli/ceremonies.rs"]
mod ceremonies;
#[path = "cli/first_vault.rs"]
mod first_vault;
#[path = "cli/ledgers.rs"]
mod ledgers;
#[path = "cli/proofs.rs"]
mod proofs;
#[path = "cli/reports.rs"]
mod reports;
#[path = "cli/rungs.rs"]
mod rungs;
#[path = "cli/runs.rs"]
mod runs;
#[path = "cli/shells.rs"]
mod shells;

use std::process::{Command, Output, Stdio};

use longstop::chain::RecordLine;

const POLICY: &str = "tests/cli/fixtures/good/policy.toml";
const INCIDENT: &str = "tests/cli/fixtures/good/incidents/rescue.toml";

/// What `export` wrote for this policy.
const DESCRIPTORS: &str = "tests/cli/fixtures/descriptors/good.json";
const SCRIPT: &str = "policies/club/policy.rhai";
const IDENTITY: &str = "tests/cli/fixtures/identities/lea.identity";
const PASSPHRASE: &str = "tests/cli/fixtures/identities/passphrase";
const RULE: &str = "tests/cli/fixtures/scripts/right.rhai";
const FACTS: &str = "tests/cli/fixtures/scripts/facts.json";

/// A wallet policy of another program.
const WALLET_POLICY: &str = "tests/cli/fixtures/descriptors/wallet-policy.json";

/// A private key that nobody uses: the BIP-32 master key of the seed of zeros.
const PRIVATE_KEY: &str = "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK";

fn longstop(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longstop"));
    command.args(arguments);
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    longstop(arguments).output().expect("the program runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is UTF-8")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).expect("the result is one JSON document")
}

#[test]
fn sessions() {
    keep_from_others("tests/cli/fixtures/identities");
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
}

/// Gives the files of a folder the mode that those with secrets need, which a checkout does not
/// keep.
fn keep_from_others(folder: &str) {
    #[cfg(unix)]
    for entry in std::fs::read_dir(folder).expect("a folder") {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o600);
        let path = entry.expect("an entry").path();
        std::fs::set_permissions(path, mode).expect("its mode can be set");
    }
    #[cfg(not(unix))]
    let _ = folder;
}

#[test]
fn every_command_has_its_result_as_json() {
    keep_from_others("tests/cli/fixtures/identities");
    let fields = [
        (vec!["demo"], "policy_id"),
        (vec!["check", POLICY], "diagnostics"),
        (vec!["compile", POLICY], "stages"),
        (vec!["explain", POLICY], "sections"),
        (vec!["explain-code"], "codes"),
        (vec!["devices", POLICY], "stages"),
        (vec!["diff", POLICY, POLICY], "work"),
        (
            vec![
                "identity",
                "show",
                IDENTITY,
                "--passphrase-file",
                PASSPHRASE,
            ],
            "identity",
        ),
        (vec!["import", WALLET_POLICY], "policy"),
        (
            vec![
                "keys",
                "check",
                "policies/departments/policy.toml",
                "--party",
                "lea",
                "tests/vectors/keys/departments-lea-1.psbt",
                "tests/vectors/keys/departments-lea-2.psbt",
                "tests/vectors/keys/departments-lea-3.psbt",
            ],
            "keys",
        ),
        (vec!["export", POLICY, "--format", "core"], "pieces"),
        (
            vec!["fmt", "--check", "tests/cli/fixtures/layout/tidy.toml"],
            "files",
        ),
        (vec!["schema"], "properties"),
        (vec!["verify", POLICY, DESCRIPTORS], "matches"),
        (vec!["params", SCRIPT], "parameters"),
        (vec!["render", POLICY], "toml"),
        (vec!["rule", "eval", RULE, "--facts", FACTS], "allow"),
        (vec!["rule", "test", "policies/club"], "tests"),
        (vec!["completions", "bash"], "text"),
        (vec!["man", "check"], "pages"),
        (vec!["new", "--list"], "templates"),
        (vec!["new", "--template", "backup"], "text"),
        (vec!["simulate", INCIDENT], "timeline"),
        (vec!["test", "tests/cli/fixtures/good"], "tests"),
    ];
    for (mut arguments, field) in fields {
        arguments.push("--json");
        let output = run(&arguments);
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(json(&output).get(field).is_some(), "{arguments:?}");
    }
}

#[test]
fn the_same_incident_gives_the_same_bytes() {
    let once = run(&["simulate", INCIDENT, "--json"]);
    let twice = run(&["simulate", INCIDENT, "--json"]);
    assert_eq!(code(&once), 0);
    assert_eq!(once.stdout, twice.stdout);
}

#[test]
fn the_demo_needs_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = longstop(&["demo"])
        .current_dir(&folder)
        .output()
        .expect("the program runs");
    assert_eq!(code(&output), 0);
    let entries = folder.path().read_dir().expect("the folder is there");
    assert_eq!(entries.count(), 0, "it leaves nothing behind");
}

#[test]
fn the_blocks_are_a_record_and_come_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.blocks");
    std::fs::write(&path, "what was there before").expect("it can be written");
    let file = path.to_str().expect("a plain name");
    assert_eq!(code(&run(&["simulate", INCIDENT, "--blocks", file])), 0);
    let record = std::fs::read_to_string(&path).expect("it was written");
    let lines: Vec<RecordLine> = record
        .lines()
        .map(|line| line.parse().expect("a line of a record"))
        .collect();
    let refused = lines
        .iter()
        .filter(|line| matches!(line, RecordLine::Refused { .. }));
    assert_eq!(refused.count(), 1, "the attempt of the incident");
    let entries = folder.path().read_dir().expect("the folder is there");
    assert_eq!(entries.count(), 1, "no partial file is left");

    let nowhere = folder.path().join("no such folder").join("run.blocks");
    let file = nowhere.to_str().expect("a plain name");
    let output = run(&["simulate", INCIDENT, "--blocks", file]);
    assert_eq!(code(&output), 4);
    assert!(
        output.stdout.is_empty(),
        "there is no result without the record"
    );
}

#[test]
fn colours_are_for_those_who_want_them() {
    let escapes = |variables: &[(&str, &str)]| {
        let mut command = longstop(&["test", "tests/cli/fixtures/good"]);
        command.envs(variables.iter().copied());
        command
            .output()
            .expect("the program runs")
            .stdout
            .contains(&0x1b)
    };
    assert!(!escapes(&[]), "a pipe is no terminal");
    assert!(escapes(&[("CLICOLOR_FORCE", "1")]));
    assert!(!escapes(&[("NO_COLOR", "1")]));
    assert!(!escapes(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn documents_cannot_act_on_the_terminal() {
    let incident = "tests/cli/fixtures/hostile/incidents/controls.toml";
    let policy = "tests/cli/fixtures/hostile/unknown-field.toml";
    for arguments in [
        vec!["simulate", incident],
        vec!["simulate", incident, "--json"],
        vec!["check", policy],
        vec!["check", policy, "--json"],
        vec!["explain", policy],
        vec!["test", "tests/cli/fixtures/hostile"],
        vec!["test", "tests/cli/fixtures/hostile", "--json"],
        vec!["check", "no\u{1b}[31msuch\u{202e}file"],
    ] {
        let output = run(&arguments);
        for stream in [output.stdout, output.stderr] {
            let shown = text(&stream);
            let acts = |c: char| c != '\n' && longstop::policy::is_invisible(c);
            assert!(!shown.contains(acts), "{arguments:?}: {shown:?}");
        }
    }
}

#[test]
fn a_summary_cannot_be_forged_by_a_name() {
    let output = run(&[
        "simulate",
        "tests/cli/fixtures/hostile/incidents/controls.toml",
    ]);
    assert_eq!(code(&output), 0);
    let shown = text(&output.stdout);
    assert!(
        shown.lines().all(|line| line != "5 passed, 0 failed"),
        "{shown}"
    );
}

#[test]
fn private_keys_are_never_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("it can be written");
        path.to_str().expect("a plain name").to_owned()
    };
    let good = std::fs::read_to_string(POLICY).expect("the fixture is there");
    let in_key = write(
        "key.toml",
        good.replace("[d3af77c6/48h/1h/0h/3h]tpub", PRIVATE_KEY),
    );
    let in_comment = write("comment.toml", format!("# {PRIVATE_KEY}\n{good}"));
    let in_reason = write(
        "reason.toml",
        good.replace("any friend may be", PRIVATE_KEY),
    );
    let incident = std::fs::read_to_string(INCIDENT).expect("the fixture is there");
    let in_note = write("note.toml", incident.replace("a fire", PRIVATE_KEY));
    let in_field = write(
        "field.toml",
        incident.replace("mine = 6", &format!("{PRIVATE_KEY} = 6")),
    );
    let folder = folder.path().to_str().expect("a plain name");
    for arguments in [
        ["check", &in_key],
        ["compile", &in_key],
        ["explain", &in_comment],
        ["check", &in_comment],
        ["check", &in_reason],
        ["simulate", &in_note],
        ["simulate", &in_field],
        ["fmt", &in_key],
        ["fmt", &in_comment],
        ["fmt", &in_reason],
        ["test", folder],
    ] {
        for json in [false, true] {
            let mut arguments = arguments.to_vec();
            arguments.extend(json.then_some("--json"));
            let output = run(&arguments);
            assert_ne!(code(&output), 0, "{arguments:?}");
            for stream in [output.stdout, output.stderr] {
                assert!(!text(&stream).contains("prv8Zgx"), "{arguments:?}");
            }
        }
    }
}

#[test]
fn a_new_policy_is_written_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.toml");
    let file = path.to_str().expect("a plain name");
    let read = || std::fs::read_to_string(&path).expect("it is there");
    let arguments = ["new", "--template", "council", "--output", file];
    assert_eq!(code(&run(&arguments)), 0);
    let written = read();
    assert_eq!(text(&run(&arguments[..3]).stdout), written);
    assert_eq!(code(&run(&["check", file])), 0);
    assert_eq!(code(&run(&["compile", file])), 0);

    std::fs::write(&path, "mine").expect("it can be written");
    let output = run(&arguments);
    assert_eq!((code(&output), read().as_str()), (4, "mine"));
    let mut forced = arguments.to_vec();
    forced.push("--force");
    assert_eq!(code(&run(&forced)), 0);
    assert_eq!(read(), written);
    let entries = folder.path().read_dir().expect("the folder is there");
    assert_eq!(entries.count(), 1, "no partial file is left");
}

const UNTIDY: &str = "tests/cli/fixtures/layout/untidy.toml";
const TIDY: &str = "tests/cli/fixtures/layout/tidy.toml";

#[test]
fn formatting_writes_whole_files_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("it is there");
    let (untidy, tidy) = (read(UNTIDY.as_ref()), read(TIDY.as_ref()));
    let place = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        path
    };
    let name = |path: &std::path::Path| path.to_str().expect("a plain name").to_owned();
    let one = place("one.toml", &untidy);
    let two = place("two.toml", &tidy);
    let bad = place("bad.toml", "name = x");
    let modified = |path: &std::path::Path| {
        let metadata = std::fs::metadata(path).expect("it is there");
        metadata.modified().expect("a time")
    };

    let output = run(&["fmt", &name(&one), "--check"]);
    assert_eq!(code(&output), 1);
    assert_eq!(read(&one), untidy, "--check writes nothing");

    let output = run(&["fmt", &name(&one), &name(&bad)]);
    assert_eq!(code(&output), 3);
    assert_eq!(read(&one), untidy, "all or nothing");

    let before = modified(&two);
    let output = run(&["fmt", &name(&one), &name(&two)]);
    assert_eq!(code(&output), 0);
    assert_eq!(read(&one), tidy);
    assert_eq!(
        modified(&two),
        before,
        "what needs no change is not written"
    );
    let entries = folder.path().read_dir().expect("the folder is there");
    assert_eq!(entries.count(), 3, "no partial file is left");
}

#[cfg(unix)]
#[test]
fn formatting_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy.toml");
    std::fs::copy(UNTIDY, &file).expect("it can be copied");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).expect("it is ours");
    let link = folder.path().join("link.toml");
    symlink("policy.toml", &link).expect("a link");
    let output = run(&["fmt", link.to_str().expect("a plain name")]);
    assert_eq!(code(&output), 0);
    let metadata = std::fs::symlink_metadata(&link).expect("it is there");
    assert!(metadata.is_symlink());
    let metadata = std::fs::metadata(&file).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    let tidy = std::fs::read(TIDY).expect("it is there");
    assert_eq!(std::fs::read(&file).expect("it is there"), tidy);
}

#[test]
fn formatting_from_standard_input_to_standard_output() {
    use std::io::Write as _;
    let format = |text: &[u8], arguments: &[&str]| {
        let mut child = longstop(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(text).expect("it reads");
        drop(input);
        child.wait_with_output().expect("it ends")
    };
    let untidy = std::fs::read(UNTIDY).expect("it is there");
    let tidy = std::fs::read(TIDY).expect("it is there");
    let output = format(&untidy, &["fmt", "-"]);
    assert_eq!((code(&output), output.stdout), (0, tidy.clone()));
    let output = format(&untidy, &["fmt", "-", "--check"]);
    assert_eq!(code(&output), 1);
    let output = format(&tidy, &["fmt", "-", "--check"]);
    assert_eq!(code(&output), 0);
    let output = format(&untidy, &["fmt", "-", "--json"]);
    assert_eq!(json(&output)["files"][0]["text"], text(&tidy));
    let secret = format!("# {PRIVATE_KEY}\n");
    let output = format(secret.as_bytes(), &["fmt", "-"]);
    assert_eq!((code(&output), output.stdout.len()), (3, 0));
    assert!(!text(&output.stderr).contains(PRIVATE_KEY));
}

/// The standard input is one of the things that a command reads: a policy of either kind, a rule,
/// facts, or what is compared with a policy.
#[test]
fn one_thing_is_read_from_standard_input() {
    use std::io::Write as _;
    let run = |input: &str, arguments: &[&str]| {
        let mut child = longstop(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut pipe = child.stdin.take().expect("a pipe");
        // Where it is refused before it is read, there is nobody to read it.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        child.wait_with_output().expect("it ends")
    };
    let read = |path: &str| std::fs::read_to_string(path).expect("it is there");
    const GOOD: &str = "tests/cli/fixtures/good/policy.toml";
    let good = read(GOOD);
    for (policy, begins) in [
        (good.clone(), ""),
        (good.clone(), "\u{feff}\n  # A comment = of TOML\n"),
    ] {
        let output = run(&format!("{begins}{policy}"), &["check", "-"]);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    }
    // What is said of a script is of a script.
    for script in [
        "// A comment.\npolicy(#{ name: 1 });",
        "let n = 3;\n",
        "policy(#{});",
        "x == 1;",
    ] {
        let output = run(script, &["check", "-", "--json"]);
        assert_eq!(code(&output), 3, "{script}");
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!said.contains("LS0101"), "{script}: {said}");
    }
    for toml in ["[policy\n", "name = \n", "\"a\".b = \n"] {
        let output = run(toml, &["check", "-", "--json"]);
        assert!(text(&output.stdout).contains("LS0101"), "{toml}");
    }
    let alone = run("import \"keys\" as keys;", &["check", "-", "--json"]);
    assert!(text(&alone.stdout).contains("LS0806"));

    let descriptors = run("", &["export", GOOD, "--format", "core"]);
    assert_eq!(code(&descriptors), 0);
    let descriptors = text(&descriptors.stdout);
    assert_eq!(code(&run(&descriptors, &["verify", GOOD, "-"])), 0);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("descriptors.json");
    std::fs::write(&file, &descriptors).expect("it can be written");
    let file = file.to_str().expect("a plain name");
    assert_eq!(code(&run(&good, &["verify", "-", file])), 0);

    let rule = "tests/cli/fixtures/scripts/right.rhai";
    let facts = "tests/cli/fixtures/scripts/facts.json";
    let output = run(&read(facts), &["rule", "eval", rule, "--facts", "-"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let output = run(&read(rule), &["rule", "eval", "-", "--facts", facts]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let incident = "policies/guild/incidents/stuck-at-the-lowest-rung.toml";
    let policy = "policies/guild/policy.toml";
    for (input, arguments) in [
        (incident, ["simulate", "-", "--policy", policy]),
        (policy, ["simulate", incident, "--policy", "-"]),
    ] {
        let output = run(&read(input), &arguments);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    }
    // Whoever asks for help is told.
    for command in [
        "check", "compile", "explain", "export", "diff", "simulate", "render", "params",
    ] {
        let help = run("", &["help", command]);
        let help = text(&help.stdout);
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            help.contains("- for the standard input"),
            "{command}: {help}"
        );
    }
    for twice in [
        &["verify", "-", "-"][..],
        &["diff", "-", "-"],
        &["rule", "eval", "-", "--facts", "-"],
    ] {
        let output = run(&good, twice);
        assert_eq!(code(&output), 2, "{twice:?}");
        assert!(
            text(&output.stderr).contains("only one of the things"),
            "{twice:?}"
        );
    }
}

/// A script can put a private key together so that no text holds it as a whole, and as a whole it is
/// never shown.
/// The token of an encrypted record is a secret: it comes from a file or the standard input, and
/// nothing repeats it.
#[test]
fn a_token_is_read_and_never_shown() {
    use std::io::Write as _;
    let vectors = std::fs::read_to_string("tests/vectors/bips/bip-0129-test-vectors.txt");
    let vectors = vectors.expect("it is there");
    let standard = vectors.split("<tt>STANDARD</tt>").nth(1).expect("a mode");
    let hex_after = |label: &str| {
        let rest = standard.split(label).nth(1).expect("it is there");
        let mut words = rest.split(|c: char| !c.is_ascii_hexdigit());
        words.find(|word| !word.is_empty()).expect("digits")
    };
    let token = hex_after("TOKEN (hex): ");
    let sealed = hex_after("my_multisig_wallet.dat</tt>: <pre>");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        path.to_str().expect("a plain name").to_owned()
    };
    let (record, token_file) = (file("record", sealed), file("token", token));
    let import = |arguments: &[&str], input: &str| {
        let mut child = longstop(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut pipe = child.stdin.take().expect("a pipe");
        // Where it is refused before it is read, there is nobody to read it.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("it ends");
        for shown in [&output.stdout, &output.stderr] {
            assert!(!text(shown).contains(token), "{arguments:?}");
        }
        output
    };
    let from_file = import(&["import", &record, "--token-file", &token_file], "");
    assert_eq!(code(&from_file), 0, "{}", text(&from_file.stderr));
    for (arguments, input) in [
        (
            ["import", &record, "--token-file", "-"],
            format!("{token}\n"),
        ),
        (
            ["import", "-", "--token-file", &token_file],
            format!("{sealed}\n"),
        ),
    ] {
        let output = import(&arguments, &input);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        assert_eq!(output.stdout, from_file.stdout);
    }
    let both = import(&["import", "-", "--token-file", "-"], token);
    assert_eq!((code(&both), both.stdout.len()), (2, 0));
    // Nobody is there to be asked.
    let none = import(&["import", &record], token);
    assert_eq!((code(&none), none.stdout.len()), (3, 0));
    assert!(text(&none.stderr).contains("--token-file"));
}

#[test]
fn a_private_key_that_a_script_puts_together_is_not_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = folder.path().join("policy.rhai");
    let (one, other) = PRIVATE_KEY.split_at(20);
    let name = policy.to_str().expect("a plain name");
    for script in [
        "throw key;",
        "require(false, key);",
        "policy(#{ name: key, network: key, script: \"tr\" });",
        "policy(#{ accept_total_loss: key }); lint(\"LS0603\", key); lint(key, key);",
        "party(\"alice\", #{ key: key, identity: key, fees: key, custody: #{ host: key } });",
        "party(key, #{ key: \"k\" }); party(key, #{ key: \"k\" }); quorum(key, 1, [key]);",
        "path(key, #{ quorum: key, delay: key, unlock_at: date(key), escrow: escrow(#{ veto: key }) });",
        "path(\"p\", #{ quorum: \"q\", activation: manual(key), purpose: key, clock: key });",
        "let m = #{}; m[key] = 1; path(\"p\", m); m.other;",
        "param(\"x\", key, key, #{ choices: [key, \"y\"] });",
        "param(\"x\", \"y\", key, #{ choices: [key, \"y\"] });",
        "param(key, 1, key); param(key, 1, key);",
        "import key as k;",
        "let f = Fn(key); f.call(1);",
        "parse_int(key);",
        "key - 1;",
    ] {
        let text = format!("let key = \"{one}\" + \"{other}\";\npolicy(#{{ }});\n{script}\n");
        std::fs::write(&policy, text).expect("it can be written");
        let set = format!("x={PRIVATE_KEY}");
        for arguments in [
            vec!["check", name],
            vec!["check", name, "--json"],
            vec!["check", name, "--format", "sarif"],
            vec!["check", name, "--set", &set],
            vec!["params", name],
            vec!["params", name, "--json"],
            vec!["params", name, "--json", "--set", &set],
            vec!["render", name],
            vec!["compile", name, "--json"],
            vec!["test", folder.path().to_str().expect("a plain name")],
        ] {
            let output = run(&arguments);
            for stream in [output.stdout, output.stderr] {
                let stream = text_without_breaks(&stream);
                assert!(!stream.contains(other), "{script}: {arguments:?}: {stream}");
            }
        }
    }
}

/// What is written, without breaks of lines inside words.
fn text_without_breaks(bytes: &[u8]) -> String {
    text(bytes).replace(['\n', ' '], "")
}

/// A script is a test like any other: a policy, one that must be refused, a rule, or a part.
#[test]
fn scripts_are_tested_with_everything_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    };
    let outcomes = || {
        let output = run(&["test", folder.path().to_str().expect("a name"), "--json"]);
        let json = json(&output);
        let tests = json["tests"].as_array().cloned().unwrap_or_default();
        let outcome = |test: &serde_json::Value| {
            let file = test["file"]
                .as_str()
                .and_then(|file| file.rsplit('/').next());
            let file = file.expect("a name").to_owned();
            (file, test["kind"].to_string(), test["passed"] == true)
        };
        tests.iter().map(outcome).collect::<Vec<_>>()
    };
    let outcome = |file: &str, kind: &str, passed| (file.to_owned(), format!("\"{kind}\""), passed);
    write("part.rhai", "export const PEOPLE = [\"ada\"];");
    assert_eq!(outcomes(), []);
    write(
        "a.rhai",
        "// expect: LS0807, LS0104\npolicy(#{ name: \"a\", network: \"regtest\", script: \"tr\" });\nrequire(false, \"never\");\n",
    );
    assert_eq!(outcomes(), [outcome("a.rhai", "refused", true)]);
    write(
        "a.rhai",
        "// expect: LS0807\npolicy(#{ name: \"a\", network: \"regtest\", script: \"tr\" });\n",
    );
    assert_eq!(outcomes(), [outcome("a.rhai", "refused", false)]);
    write(
        "a.rhai",
        "policy(#{ name: \"a\", network: \"regtest\", script: \"tr\" });\n",
    );
    assert_eq!(outcomes(), [outcome("a.rhai", "policy", false)]);
    std::fs::remove_file(folder.path().join("a.rhai")).expect("it is there");
    write("r.rhai", "fn review(spend) { true }");
    assert_eq!(outcomes(), [outcome("r.rhai", "rule", false)]);
    write(
        "r.cases.toml",
        "[[case]]\nname = \"n\"\nallow = true\nreview = {}\n",
    );
    assert_eq!(outcomes(), [outcome("r.cases.toml", "rule", false)]);
    std::fs::remove_file(folder.path().join("r.rhai")).expect("it is there");
    assert_eq!(
        outcomes(),
        [outcome("r.cases.toml", "rule", false)],
        "cases of nothing"
    );
}

/// A file that is passed over is a test that cannot fail: whatever could be meant as one is one.
#[test]
fn no_test_is_passed_over() {
    let sound = std::fs::read_to_string("policies/joint-account/policy.toml").expect("it is there");
    let outcome = |name: &str, text: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
        std::fs::write(&file, text).expect("it can be written");
        let output = run(&["test", folder.path().to_str().expect("a name"), "--json"]);
        (code(&output), json(&output)["tests"][0]["kind"].clone())
    };
    let commented = sound.replace("[policy]", "[policy] # ours");
    assert_ne!(commented, sound);
    let marked = format!("\u{feff}{sound}");
    for text in [&sound, &commented, &marked] {
        assert_eq!(outcome("policy.toml", text), (0, "policy".into()));
        assert_eq!(outcome("vault.toml", text), (0, "policy".into()));
    }
    for (name, text, kind) in [
        ("policy.toml", "", "policy"),
        ("policy.rhai", "", "policy"),
        ("a.toml", "[policy] # ours\nname = \"x\"", "policy"),
        ("a.toml", "[ policy ]\nname = \"x\"", "policy"),
        ("a.toml", "[policy\nname = \"x\"", "policy"),
        ("a.toml", "[polcy]\nname = \"x\"", "policy"),
        ("a.toml", "policy = { name = \"x\" }", "policy"),
        ("a.toml", "= 5", "policy"),
        ("a.toml", "[incident] # c\nname = \"x\"", "incident"),
        ("a.toml", "# expect: LS0503\n[package]", "refused"),
        ("refused/a.toml", "[package]\nname = \"x\"", "refused"),
        ("refused/a.rhai", "let x = 5;", "refused"),
        ("a.rhai", "policy (#{ name: 5 });", "policy"),
        ("a.rhai", "  policy(#{ name: 5 });", "policy"),
        ("a.rhai", "if true { policy(#{ name: 5 }); }", "policy"),
        ("a.rhai", "// expect: LS0503\nlet x = 5;", "refused"),
        ("a.rhai", "fn review(spend) { true ", "rule"),
        ("a.rhai", "fn reveiw(spend) { true }", "rule"),
        ("a.rhai", "fn review(a, b) { true }", "rule"),
        ("a.rhai", "private fn review(spend) { true }", "rule"),
        ("a.rhai", "fn review(spend) { spnd.fee < 5 }", "rule"),
        ("a.rhai", "export const PEOPLE = [", "rule"),
    ] {
        assert_eq!(outcome(name, text), (1, kind.into()), "{name}: {text}");
    }
    for (name, text) in [
        ("Cargo.toml", "[package]\nname = \"x\""),
        ("part.rhai", "export const PEOPLE = [\"ada\"];"),
        (
            "part.rhai",
            "import \"keys\" as keys;\nfn half(n) { n / 2 }",
        ),
        ("part.rhai", "// policy(#{ })\nlet text = \"policy(\";"),
    ] {
        assert_eq!(outcome(name, text).0, 2, "{name}: {text}");
    }
    let (status, _) = outcome("a.toml", "# expect: LS0104\n");
    assert_eq!(status, 0, "an empty policy is one that has to be refused");
}

/// What only the compiler finds is told like everything else: with a code, a place, advice, and the
/// warnings beside it.
#[test]
fn what_is_found_while_compiling_is_a_diagnostic() {
    let sound = std::fs::read_to_string("policies/guild/policy.toml").expect("it is there");
    let rungs = sound.lines().find(|line| line.starts_with("rungs"));
    let rungs = rungs.expect("the policy has rungs");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy.toml");
    let name = file.to_str().expect("a plain name");
    for (close, advice) in [
        ("rungs = [20, 21]", "the higher one at least"),
        ("rungs = [9999, 10_000]", "the lower one at most"),
    ] {
        std::fs::write(&file, sound.replace(rungs, close)).expect("it can be written");
        let line = 1 + sound.lines().take_while(|line| *line != rungs).count();
        let incident = "policies/guild/incidents/stuck-at-the-lowest-rung.toml";
        let vault = folder.path().join("vault");
        let vault = vault.to_str().expect("a plain name");
        for command in [
            &["check", name][..],
            &["compile", name],
            &["explain", name],
            &["analyze", name],
            &["devices", name],
            &["render", name],
            &["export", name, "--format", "core"],
            &["verify", name, incident],
            &["diff", name, "policies/guild/policy.toml"],
            &["diff", "policies/guild/policy.toml", name],
            &["vault", "create", vault, name],
            &["ledger", "init", vault, name],
            &["psbt", "show", name, incident],
            &["simulate", incident, "--policy", name],
        ] {
            let output = run(&[command, &["--json"]].concat());
            let command = command.join(" ");
            assert_eq!(code(&output), 3, "{command}");
            let json = json(&output);
            let found = if command.starts_with("check") {
                &json["diagnostics"]
            } else {
                &json["error"]["diagnostics"]
            };
            let found = found.as_array().expect("a list");
            let error = found.iter().find(|problem| problem["severity"] == "error");
            let error = error.expect("an error");
            assert_eq!(error["code"], "LS0902", "{command}");
            assert_eq!(error["labels"][0]["line"], line, "{command}");
            let help = error["help"].as_str().expect("advice");
            assert!(help.contains(advice), "{help}");
            let warned = run(&["check", "policies/guild/policy.toml", "--json"]);
            let warned = crate::json(&warned)["diagnostics"].as_array().map(Vec::len);
            assert_eq!(Some(found.len() - 1), warned, "the others are told as well");
        }
        let output = run(&["check", name]);
        let told = text(&output.stderr);
        assert!(told.contains("error[LS0902]"), "{told}");
        let output = run(&["check", name, "--format", "sarif"]);
        assert_eq!(code(&output), 3);
        let log = json(&output);
        let results = log["runs"][0]["results"].as_array().expect("results");
        let error = results.iter().find(|result| result["ruleId"] == "LS0902");
        let place = &error.expect("the error")["locations"][0]["physicalLocation"];
        assert_eq!(place["region"]["startLine"], line);
        let expected = sound.replace(rungs, close);
        std::fs::write(&file, format!("# expect: LS0902\n{expected}")).expect("it can be written");
        let output = run(&["test", folder.path().to_str().expect("a name")]);
        assert_eq!(code(&output), 0, "{}", text(&output.stdout));
        let incidents = folder.path().join("incidents");
        std::fs::create_dir_all(&incidents).expect("a folder");
        std::fs::copy(incident, incidents.join("one.toml")).expect("it can be copied");
        let output = run(&["test", incidents.to_str().expect("a name")]);
        assert_eq!(code(&output), 1);
        let told = text(&output.stdout);
        let place = format!("line {}, column", line + 1);
        assert!(
            told.contains(&place) && told.contains(": LS0902: "),
            "{told}"
        );
        std::fs::remove_dir_all(&incidents).expect("it can be removed");
    }
}

/// Other programs are told what the cheapest layout gives up, as people are.
#[test]
fn what_a_layout_gives_up_is_in_the_result() {
    let device = std::fs::read_to_string("policies/joint-account/policy.toml").expect("a policy");
    let cheapest = device.replacen("[policy]", "[policy]\nlayout = \"cheapest\"", 1);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy.toml");
    for (text, gives_up) in [(device, false), (cheapest, true)] {
        std::fs::write(&file, text).expect("it can be written");
        let output = run(&["compile", file.to_str().expect("a name"), "--json"]);
        let told = json(&output)["gives_up"].as_str().map(str::to_owned);
        assert_eq!(told.is_some(), gives_up, "{told:?}");
    }
}

/// Each problem is a line of its own, and nothing is said of files that the command does not test.
#[test]
fn what_failed_is_told_in_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a name");
    let output = run(&["rule", "test", path]);
    assert_eq!(code(&output), 2);
    let told = text(&output.stderr);
    assert!(
        told.contains("no rule") && !told.contains("incident"),
        "{told}"
    );
    std::fs::create_dir(folder.path().join("incidents")).expect("it can be made");
    let incident = folder.path().join("incidents/a.toml");
    std::fs::write(incident, "[incident]\nnaem = 5\n[[step]]\ndepositt = 5\n")
        .expect("it can be written");
    for format in ["human", "junit", "json"] {
        let output = run(&["test", path, "--format", format]);
        assert_eq!(code(&output), 1);
        let told = text(&output.stdout);
        assert!(!told.contains("u{a}") && !told.contains("\\n"), "{told}");
    }
}

/// Whatever reads a policy reads a script, and gives its parameters their values.
#[test]
fn every_command_that_reads_a_policy_reads_a_script() {
    let folder = tempfile::tempdir().expect("a folder");
    let descriptors = folder.path().join("descriptors.json");
    let exported = run(&["export", SCRIPT, "--format", "core", "--set", "seats=7"]);
    std::fs::write(&descriptors, exported.stdout).expect("it can be written");
    let descriptors = descriptors.to_str().expect("a plain name");
    let incident = "policies/club/incidents/committee-gone.toml";
    for arguments in [
        vec!["check", SCRIPT],
        vec!["compile", SCRIPT],
        vec!["explain", SCRIPT],
        vec!["export", SCRIPT, "--format", "json"],
        vec!["devices", SCRIPT],
        vec!["params", SCRIPT],
        vec!["render", SCRIPT],
        vec!["verify", SCRIPT, descriptors],
        vec!["simulate", incident, "--policy", SCRIPT],
    ] {
        let with = |set: &str| {
            let mut arguments = arguments.clone();
            arguments.extend(["--set", set]);
            run(&arguments)
        };
        let output = with("seats=7");
        assert_eq!(code(&output), 0, "{arguments:?}");
        let output = with("seats=two");
        assert_eq!(code(&output), 3, "{arguments:?}");
        let output = with("seats");
        assert_eq!(code(&output), 2, "{arguments:?}");
    }
}

/// A script and the TOML it renders are one policy, whatever its parameters.
#[test]
fn a_script_and_what_it_renders_have_one_policy_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let rendered = folder.path().join("policy.toml");
    let mut ids = std::collections::BTreeSet::new();
    for set in [
        "seats=3",
        "seats=4",
        "seats=7",
        "window=28",
        "guarded=true",
        "script=wsh",
    ] {
        let output = run(&["render", SCRIPT, "--set", set]);
        assert_eq!(code(&output), 0, "{set}");
        std::fs::write(&rendered, &output.stdout).expect("it can be written");
        let of_script = json(&run(&["check", SCRIPT, "--set", set, "--json"]));
        let of_toml = json(&run(&[
            "check",
            rendered.to_str().expect("a name"),
            "--json",
        ]));
        assert!(of_script["policy_id"].is_string(), "{set}");
        assert_eq!(of_script["policy_id"], of_toml["policy_id"], "{set}");
        ids.insert(of_script["policy_id"].to_string());
        let rendered = rendered.to_str().expect("a name");
        let again = run(&["render", rendered]);
        assert_eq!(again.stdout, output.stdout, "{set}");
        assert_eq!(code(&run(&["fmt", "--check", rendered])), 0, "{set}");
    }
    assert_eq!(ids.len(), 6, "each of them is a policy of its own");
}

/// What a link leads to is not in the folder, wherever the link is.
#[cfg(unix)]
#[test]
fn scripts_import_nothing_through_links_out_of_their_folder() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("inside");
    std::fs::create_dir_all(inside.join("parts")).expect("folders");
    let write = |path: &str, text: &str| {
        std::fs::write(folder.path().join(path), text).expect("it can be written");
    };
    write("outside.rhai", "export const NAME = \"outside\";");
    write("inside/parts/own.rhai", "export const NAME = \"own\";");
    symlink("../outside.rhai", inside.join("link.rhai")).expect("a link");
    symlink("..", inside.join("up")).expect("a link");
    symlink("parts/own.rhai", inside.join("kept.rhai")).expect("a link");
    let refused = |path: &str| {
        let policy = inside.join("policy.rhai");
        let text = format!("import \"{path}\" as other; throw other::NAME;");
        std::fs::write(&policy, text).expect("it can be written");
        let output = run(&["check", policy.to_str().expect("a name"), "--json"]);
        let problem = &json(&output)["diagnostics"][0];
        (problem["code"].to_string(), problem["message"].to_string())
    };
    for path in ["link", "up/outside", "parts"] {
        let (code, message) = refused(path);
        assert_eq!(code, "\"LS0806\"", "{path}: {message}");
    }
    for path in ["parts/own", "kept"] {
        let (code, message) = refused(path);
        assert_eq!(code, "\"LS0802\"", "{path}: {message}");
        assert!(message.contains("own"), "{message}");
    }
}

#[test]
fn a_script_is_read_up_to_its_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = folder.path().join("policy.rhai");
    for (bytes, kind) in [(65_534, "ran"), (65_535, "ran"), (65_536, "too-large")] {
        let mut text = "throw \"ran\"; // ".to_owned();
        text.extend(std::iter::repeat_n('-', bytes - text.len()));
        std::fs::write(&policy, text).expect("it can be written");
        let output = run(&["explain", policy.to_str().expect("a name"), "--json"]);
        assert!(text_of(&output).contains(kind), "{bytes}");
    }
}

fn text_of(output: &Output) -> String {
    text(&output.stdout)
}

#[test]
fn files_are_read_up_to_a_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = std::fs::read(POLICY).expect("the fixture is there");
    for (bytes, expected) in [((1 << 20) - 1, 0), (1 << 20, 0), ((1 << 20) + 1, 3)] {
        let path = folder.path().join("policy.toml");
        let mut long = policy.clone();
        long.extend_from_slice(b"\n# ");
        long.resize(bytes, b'-');
        std::fs::write(&path, long).expect("it can be written");
        let output = run(&["check", path.to_str().expect("a plain name")]);
        assert_eq!(
            code(&output),
            expected,
            "{bytes} bytes: {}",
            text(&output.stderr)
        );
    }
}

#[cfg(unix)]
#[test]
fn endless_files_end() {
    for command in ["check", "compile", "explain", "simulate"] {
        let output = run(&[command, "/dev/zero"]);
        assert_eq!(code(&output), 3, "{command}");
        assert!(text(&output.stderr).contains("too large"), "{command}");
    }
}

#[test]
fn whoever_stops_reading_is_not_told_of_a_panic() {
    let mut child = longstop(&["compile", POLICY, "--addresses", "1000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 0);
    assert!(!text(&output.stderr).contains("panicked"));
}

#[test]
fn failures_are_json_too() {
    for (arguments, exit, kind) in [
        (["check", "no/such/file.toml"], 4, "unreadable"),
        (
            ["explain", "tests/cli/fixtures/failing/policy.toml"],
            3,
            "policy",
        ),
        (
            ["check", "tests/cli/fixtures/hostile/not-text.toml"],
            3,
            "not-text",
        ),
        (
            [
                "simulate",
                "tests/cli/fixtures/failing/incidents/misspelt.toml",
            ],
            3,
            "incident",
        ),
        (["test", "tests/cli/fixtures/nothing"], 2, "nothing-to-test"),
    ] {
        let [command, file] = arguments;
        let output = run(&[command, file, "--json"]);
        assert_eq!(code(&output), exit, "{arguments:?}");
        let error = &json(&output)["error"];
        assert_eq!(error["kind"], kind, "{arguments:?}");
        assert_eq!(error["exit"], exit, "{arguments:?}");
    }
}

#[test]
fn escrow_and_lockup_addresses_are_not_printed() {
    use std::collections::BTreeSet;
    let output = run(&["compile", POLICY, "--json"]);
    let compiled = json(&output);
    let stages = compiled["stages"].as_array().expect("a list");
    let mut scripts = BTreeSet::new();
    for stage in stages {
        let is_vault = stage["stage"] == "vault";
        assert_eq!(stage.get("deposit_addresses").is_some(), is_vault);
        let watched = stage["watch_scripts"].as_array().into_iter().flatten();
        scripts.extend(watched.map(|script| script.as_str().expect("hex").to_owned()));
    }
    assert_eq!(
        scripts.len(),
        2 * 2 * 3,
        "two stages, two keychains, three indexes"
    );
    for arguments in [vec!["compile", POLICY], vec!["compile", POLICY, "--json"]] {
        let shown = text(&run(&arguments).stdout);
        for script in &scripts {
            let script = bitcoin::ScriptBuf::from_hex(script).expect("a script");
            let address = bitcoin::Address::from_script(&script, bitcoin::Network::Regtest);
            let address = address.expect("it has an address").to_string();
            assert!(!shown.contains(&address), "{arguments:?}");
        }
    }
}

#[test]
fn a_counterexample_is_written_and_played() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = folder.path().join("found.toml");
    let found = found.to_str().expect("a plain path");
    let judge = |claim: &str| {
        let output = longstop(&[
            "analyze",
            POLICY,
            "--require",
            claim,
            "--counterexample",
            found,
        ]);
        let mut output = output;
        let output = output.output().expect("it runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (code, said) = judge("never dan and eve before 21 days");
    assert_eq!(code, Some(0), "{said}");
    assert!(!std::path::Path::new(found).exists(), "nothing to write");
    let (code, said) = judge("never dan and eve before 22 days");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the first counterexample is in"), "{said}");
    // The policy is found from where the incident is.
    let played = longstop(&["simulate", found]).output().expect("it runs");
    assert_eq!(played.status.code(), Some(0), "{played:?}");
    // With another policy it does not happen.
    let other = longstop(&[
        "simulate",
        found,
        "--policy",
        "policies/dao-treasury/policy.toml",
    ])
    .output()
    .expect("it runs");
    assert_ne!(other.status.code(), Some(0));
}

#[test]
fn claims_beside_a_policy_are_tested() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("it is written");
    };
    let test = || {
        let path = folder.path().to_str().expect("a plain path");
        let output = longstop(&["test", path, "--json"])
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        (output.status.code(), json)
    };
    write("claims.txt", "never dan\n");
    let (code, json) = test();
    assert_eq!(code, Some(1), "there is no policy: {json}");
    write(
        "policy.toml",
        &std::fs::read_to_string(POLICY).expect("a policy"),
    );
    let (code, json) = test();
    assert_eq!(code, Some(0), "{json}");
    assert_eq!(json["tests"][0]["kind"], "claims");
    write("claims.txt", "never dan\nnever dan and eve # but in time\n");
    let (code, json) = test();
    assert_eq!(code, Some(1), "{json}");
    let problems = json["tests"][0]["problems"].as_array().expect("problems");
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0]
            .as_str()
            .expect("text")
            .contains("after 21 days"),
        "{json}"
    );
    write("claims.txt", "never dam\n");
    let (code, json) = test();
    assert_eq!(code, Some(1), "{json}");
}
