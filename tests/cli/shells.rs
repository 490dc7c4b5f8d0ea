//! Completions and manual pages, from the same types as the command line itself.

use std::fs;
use std::process::Command;

use super::{code, run, text};

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = text(&run(&["--help"]).stdout);
    let list = help
        .split("Commands:\n")
        .nth(1)
        .expect("a list of commands");
    let list = list.split("\n\n").next().expect("its end");
    let names = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_shell_gets_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(code(&output), 0, "{shell}");
        let script = text(&output.stdout);
        for command in commands() {
            assert!(script.contains(&command), "{shell} lacks {command}");
        }
    }
    assert_eq!(code(&run(&["completions", "tcsh"])), 2);
}

/// Where there is a bash, it reads its script.
#[cfg(unix)]
#[test]
fn bash_reads_its_script() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("longstop.bash");
    fs::write(&script, run(&["completions", "bash"]).stdout).expect("it can be written");
    let Ok(output) = Command::new("bash").arg("-n").arg(&script).output() else {
        return;
    };
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn every_command_has_its_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a plain name");
    assert_eq!(code(&run(&["man", "--output", path])), 0);
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for command in &commands {
        let page = fs::read_to_string(folder.path().join(format!("longstop-{command}.1")));
        let page = page.unwrap_or_else(|error| panic!("{command}: {error}"));
        assert!(page.contains(".TH "), "{command}");
        // In a manual page a hyphen that is to be copied is escaped.
        let usage = format!("longstop {command}").replace('-', "\\-");
        assert!(page.contains(&usage), "{command} has no synopsis:\n{page}");
        let output = run(&["man", command]);
        assert_eq!(text(&output.stdout), page, "{command}");
    }
    assert!(folder.path().join("longstop.1").is_file());
    assert!(folder.path().join("longstop-rule-eval.1").is_file());
    assert_eq!(code(&run(&["man", "rule", "eval"])), 0);
    assert_eq!(code(&run(&["man", "nonsense"])), 2);
    assert_eq!(code(&run(&["man", "--output", "no/such/folder"])), 4);
}
