//! `longstop rule`: what does this rule say?

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::input;
use super::render::{self, Screen};
use super::test::purpose::Script as Meant;
use super::test::{self, FormatArgs, Kind, Outcome};
use super::{Exit, Failure};
use crate::policy::{Cases, Facts, Rule as Script};

/// What the name of a file of cases ends in.
const CASES: &str = ".cases.toml";

/// Ask a rule about facts, or test rules
///
/// A rule is a script with `fn activate(facts)` or `fn review(spend)`. Agents and holders ask it
/// before they sign. Its answer is true or false; anything else, and every error, is a denial.
#[derive(Debug, Args)]
pub(super) struct Rule {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Eval(Eval),
    Test(Test),
}

/// Ask a rule about facts and print its verdict
///
/// Exit code 0 is allowed, 1 is denied.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: question, allow, why, fault [code, line, column, text, help] (where the rule failed),\nrule_sha256, facts_sha256, interpreter and limits."
)]
struct Eval {
    /// The rule, a script, or - for the standard input
    rule: PathBuf,
    /// The facts: JSON with one field, activate or review; - for the standard input
    #[arg(long, value_name = "FILE")]
    facts: PathBuf,
}

/// Test the rules under a folder with their cases
///
/// The cases of `NAME.rhai` stand beside it in `NAME.cases.toml`. A rule without cases fails.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: passed, failed and tests [file, kind, passed, problems], where kind is rule."
)]
struct Test {
    /// The folder
    folder: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

impl Rule {
    /// Whether the result is JSON.
    pub(super) fn wants_json(&self, json: bool) -> Result<bool, Failure> {
        match &self.command {
            Command::Eval(_) => Ok(json),
            Command::Test(rules) => rules.format.wants_json(json),
        }
    }

    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        match &self.command {
            Command::Eval(eval) => eval.run(screen),
            Command::Test(rules) => {
                let expected = "no rule, which is a script with `activate` or `review`";
                test::run(&rules.folder, screen, rules.format, expected, test)
            }
        }
    }
}

impl Eval {
    fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let rule = input::rule(&self.rule)?;
        let facts = input::incident_text(&self.facts)?;
        let facts = Facts::from_json(&facts.text).map_err(|source| Failure::Facts {
            file: facts.file,
            source,
        })?;
        let verdict = rule.give_up_when(input::out_of_time()).judge(&facts);
        screen.show(&verdict, |width| render::verdict(&verdict, width))?;
        Ok(if verdict.allow { Exit::Ok } else { Exit::Unmet })
    }
}

/// Runs the cases of a file, if it is a rule or its cases.
pub(super) fn test(path: &Path) -> Option<Outcome> {
    let name = path.file_name()?.to_str()?;
    if let Some(stem) = name.strip_suffix(CASES) {
        let rule = path.with_file_name(format!("{stem}.rhai"));
        return Some(outcome(&rule, path));
    }
    let stem = name.strip_suffix(".rhai")?;
    let cases = path.with_file_name(format!("{stem}{CASES}"));
    if cases.is_file() {
        // Tested when its cases come.
        return None;
    }
    let text = match input::rule_text(path) {
        Ok(text) => text.text,
        Err(failure) => return Some(test::outcome(path, Kind::Rule, vec![failure.to_string()])),
    };
    let words = Meant::of(&text);
    if words.calls_policy || path.ends_with("policy.rhai") {
        return None;
    }
    let problem = match words.rule.as_deref() {
        Some("activate" | "review") => {
            format!("this rule has no cases: write some in `{stem}{CASES}` beside it")
        }
        Some(name) => format!(
            "`fn {name}` is neither `fn activate(facts)` nor `fn review(spend)`: correct its name and write cases in `{stem}{CASES}` beside it, or call it something less like these"
        ),
        None => Script::new(&text).syntax_error()?.to_string(),
    };
    Some(test::outcome(path, Kind::Rule, vec![problem]))
}

/// What came of the cases of a rule.
fn outcome(rule: &Path, path: &Path) -> Outcome {
    let of = |problems| test::outcome(path, Kind::Rule, problems);
    let cases = match input::incident_text(path).map(|text| Cases::parse(&text.text)) {
        Ok(Ok(cases)) => cases,
        Ok(Err(error)) => {
            let problems = error.to_string().lines().map(str::to_owned).collect();
            return Outcome {
                unreadable: Some(error),
                ..of(problems)
            };
        }
        Err(failure) => return of(vec![failure.to_string()]),
    };
    match input::rule(rule) {
        Ok(rule) => {
            let rule = rule.give_up_when(input::out_of_time());
            let cases = cases.cases().iter();
            of(cases.flat_map(|case| case.check(&rule)).collect())
        }
        Err(failure) => of(vec![failure.to_string()]),
    }
}
