//! `longstop test`: does everything under a folder come as it says?

pub(super) mod purpose;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::{Args, ValueEnum};
use serde::Serialize;

use self::purpose::{Purpose, Script};
use super::input::Settings;
use super::render::{self, Screen};
use super::simulate::play;
use super::{Exit, Failure, claims, input, rule};
use crate::analysis::{Analyst, Verdict};
use crate::policy::{CasesError, Severity};
use crate::report::Expectation;

/// How the first line of a policy begins that has to be refused.
const EXPECT: &str = "# expect:";

/// The name of a file with claims about the policy beside it.
const CLAIMS: &str = "claims.txt";

/// How it begins in a script.
const EXPECT_IN_SCRIPT: &str = "// expect:";

/// Test all incidents and policies under a folder
///
/// An incident passes if everything comes as it expects. A policy passes if it has no errors; if
/// its first line says `# expect: LS0503`, it passes if it is refused for exactly these codes.
///
/// Taken are, in subfolders as well: what is called `policy.toml` or `policy.rhai`, what stands in a
/// folder `incidents` or `refused` or begins with `# expect:`, every other TOML file with a table of an
/// incident or a policy, and every `.rhai` script that calls `policy`. What ends in `.toml` or `.rhai`
/// and cannot be read fails. Hidden files and TOML of other programs are passed over. In scripts the
/// first line says `// expect: LS0503`. Rules are tested with their cases, as `longstop rule test`
/// does. A file `claims.txt` holds claims about the policy in its folder, one in each line, all of
/// which have to hold.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: passed, failed and tests [file, kind, passed, problems], where kind is incident,\npolicy, refused, rule or claims."
)]
pub(super) struct Test {
    /// The folder
    folder: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

/// How the outcomes of tests are written.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct FormatArgs {
    /// How to write the result; junit is for build servers
    #[arg(long, value_name = "FORMAT")]
    format: Option<TestFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TestFormat {
    /// For people.
    Human,
    /// One JSON document, as with `--json`.
    Json,
    /// JUnit XML.
    Junit,
}

impl FormatArgs {
    /// Whether the result is JSON.
    pub(super) fn wants_json(self, json: bool) -> Result<bool, Failure> {
        match self.format {
            None => Ok(json),
            Some(TestFormat::Json) => Ok(true),
            Some(_) if json => Err(Failure::TwoFormats),
            Some(_) => Ok(false),
        }
    }
}

/// What came of all tests.
#[derive(Debug, Serialize)]
pub(super) struct Outcomes {
    pub passed: usize,
    pub failed: usize,
    pub tests: Vec<Outcome>,
}

/// What came of one test.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub file: String,
    pub kind: Kind,
    pub passed: bool,
    pub problems: Vec<String>,
    /// Why cases cannot be read, which the problems say as well.
    #[serde(skip)]
    pub unreadable: Option<CasesError>,
}

/// What a file tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// That an incident goes as expected.
    Incident,
    /// That a policy has no errors.
    Policy,
    /// That a policy is refused.
    Refused,
    /// That a rule decides its cases as they say.
    Rule,
    /// That claims about a policy hold.
    Claims,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Incident,
        Self::Policy,
        Self::Refused,
        Self::Rule,
        Self::Claims,
    ];

    /// The word for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Policy => "policy",
            Self::Refused => "refused",
            Self::Rule => "rule",
            Self::Claims => "claims",
        }
    }
}

impl Test {
    /// Whether the result is JSON.
    pub(super) fn wants_json(&self, json: bool) -> Result<bool, Failure> {
        self.format.wants_json(json)
    }

    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let expected = "no policy, and no incident in a folder `incidents`";
        run(&self.folder, screen, self.format, expected, run_one)
    }
}

/// Runs the tests under a folder, and shows what came of them.  `test` is that of one file, if it
/// is one, and `expected` says what there is not if none is.
pub(super) fn run(
    folder: &Path,
    screen: &Screen,
    format: FormatArgs,
    expected: &'static str,
    test: fn(&Path) -> Option<Outcome>,
) -> Result<Exit, Failure> {
    let mut files = Vec::new();
    find(folder, &mut files).map_err(|(path, source)| Failure::Read {
        file: input::file_name(&path),
        source,
    })?;
    files.sort();
    let tests: Vec<Outcome> = run_all(&files, test)?.into_iter().flatten().collect();
    if tests.is_empty() {
        return Err(Failure::NothingToTest {
            folder: input::file_name(folder),
            expected,
        });
    }
    let failed = tests.iter().filter(|test| !test.passed).count();
    let outcomes = Outcomes {
        passed: tests.len() - failed,
        failed,
        tests,
    };
    screen.show(&outcomes, |width| match format.format {
        Some(TestFormat::Junit) => render::junit(&outcomes),
        _ => render::outcomes(&outcomes, width),
    })?;
    Ok(if failed == 0 { Exit::Ok } else { Exit::Unmet })
}

/// All TOML files, scripts and claims under a folder.  Links to folders are not followed, so that this ends.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let at = |error| (folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(at)? {
        let entry = entry.map_err(at)?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(at)?.is_dir() {
            find(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml" || extension == "rhai")
            || entry.file_name() == CLAIMS
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Runs the tests of all files on all cores, and gives their outcomes in the order of the files.
fn run_all(
    files: &[PathBuf],
    test: fn(&Path) -> Option<Outcome>,
) -> Result<Vec<Option<Outcome>>, Failure> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(number) else {
                return done;
            };
            done.push((number, test(file)));
        }
    };
    let workers = thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(files.len());
    let mut outcomes = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut outcomes = Vec::new();
        for worker in workers {
            outcomes.extend(worker.join().map_err(|_| Failure::Panic)?);
        }
        Ok::<_, Failure>(outcomes)
    })?;
    outcomes.sort_by_key(|(number, _)| *number);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Runs the test of a file, if it is one.
fn run_one(path: &Path) -> Option<Outcome> {
    if input::is_script(path) {
        return run_script(path);
    }
    if path.ends_with(CLAIMS) {
        return Some(outcome(path, Kind::Claims, claims(path)));
    }
    if let Some(outcome) = rule::test(path) {
        return Some(outcome);
    }
    let in_incidents = is_in(path, "incidents");
    let text = match input::incident_text(path) {
        Ok(text) => text.text,
        // What cannot be read cannot say what it is: its place does.
        Err(failure) => {
            let kind = if in_incidents {
                Kind::Incident
            } else {
                Kind::Policy
            };
            return Some(outcome(path, kind, vec![failure.to_string()]));
        }
    };
    if in_incidents {
        return Some(outcome(path, Kind::Incident, incident(path)));
    }
    if is_by_name(path, "policy.toml") || first_line(&text).starts_with(EXPECT) {
        return Some(policy_or_refused(path, &text, EXPECT));
    }
    match Purpose::of_toml(&text) {
        Purpose::Incident => Some(outcome(path, Kind::Incident, incident(path))),
        Purpose::Policy => Some(policy_or_refused(path, &text, EXPECT)),
        Purpose::Unreadable(problem) => {
            let problem = format!("this is not TOML: {problem}");
            Some(outcome(path, Kind::Policy, vec![problem]))
        }
        Purpose::Foreign => None,
    }
}

/// Runs the test of a script: a policy, or a rule.  What is neither is there to be imported.
fn run_script(path: &Path) -> Option<Outcome> {
    let text = match input::incident_text(path) {
        Ok(text) => text.text,
        Err(failure) => return Some(outcome(path, Kind::Policy, vec![failure.to_string()])),
    };
    let is_policy = is_by_name(path, "policy.rhai")
        || first_line(&text).starts_with(EXPECT_IN_SCRIPT)
        || Script::of(&text).calls_policy;
    if is_policy {
        return Some(policy_or_refused(path, &text, EXPECT_IN_SCRIPT));
    }
    rule::test(path)
}

/// Whether a policy has no errors, or exactly those that its first line says.
fn policy_or_refused(path: &Path, text: &str, expect: &str) -> Outcome {
    match first_line(text).strip_prefix(expect) {
        Some(codes) => outcome(path, Kind::Refused, refused(path, codes)),
        None if is_in(path, "refused") => {
            let problem = format!("the first line does not begin with `{expect}` and codes");
            outcome(path, Kind::Refused, vec![problem])
        }
        None => outcome(path, Kind::Policy, policy(path)),
    }
}

/// The first line, without what some editors put before it.
fn first_line(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().next().unwrap_or_default()
}

/// Whether a file is a test by its name or its folder, whatever is in it.
fn is_by_name(path: &Path, name: &str) -> bool {
    path.ends_with(name) || is_in(path, "refused")
}

fn is_in(path: &Path, folder: &str) -> bool {
    path.parent().is_some_and(|parent| parent.ends_with(folder))
}

/// What came of the test of a file.
pub(super) fn outcome(path: &Path, kind: Kind, problems: Vec<String>) -> Outcome {
    Outcome {
        file: input::file_name(path),
        kind,
        passed: problems.is_empty(),
        problems,
        unreadable: None,
    }
}

fn incident(path: &Path) -> Vec<String> {
    match play(path, None, &Settings::default(), false) {
        Err(failure) => failed(&failure),
        Ok(rehearsal) => {
            let expectations = rehearsal.report.expectations.iter();
            expectations
                .filter(|expectation| !expectation.met)
                .map(unmet)
                .collect()
        }
    }
}

/// An expectation that was not met, in words.
pub(super) fn unmet(expectation: &Expectation) -> String {
    let Expectation {
        expected,
        actual,
        line,
        ..
    } = expectation;
    let place = line.map_or_else(|| "at the end".to_owned(), |line| format!("line {line}"));
    format!("{place}: expected `{expected}`, but it is `{actual}`")
}

fn policy(path: &Path) -> Vec<String> {
    let policy = input::policy_file(path, &Settings::default());
    let compiled = policy.and_then(|policy| input::compiled(&policy));
    compiled.map_or_else(|failure| failed(&failure), |_| Vec::new())
}

/// The claims about the policy beside them that do not hold.
fn claims(path: &Path) -> Vec<String> {
    let beside = ["policy.toml", "policy.rhai"].map(|name| path.with_file_name(name));
    let Some(policy) = beside.iter().find(|policy| policy.is_file()) else {
        return vec!["there is no `policy.toml` or `policy.rhai` beside it".to_owned()];
    };
    match judged(path, policy) {
        Err(failure) => failed(&failure),
        Ok(verdicts) => {
            let against = verdicts.iter().filter_map(|verdict| {
                let found = verdict.counterexample.as_ref()?;
                Some(format!("`{}`: {found}", verdict.claim))
            });
            against.collect()
        }
    }
}

fn judged(path: &Path, policy: &Path) -> Result<Vec<Verdict>, Failure> {
    let read = input::policy_file(policy, &Settings::default())?;
    let file = input::compiled(&read)?;
    let policy = file.compiled.policy();
    let claims = claims::parsed(&claims::read(path)?, policy)?;
    claims::verdicts(&read.file, &mut Analyst::of(policy), &claims)
}

fn refused(path: &Path, codes: &str) -> Vec<String> {
    let policy = match input::policy_file(path, &Settings::default()) {
        Ok(policy) => policy,
        Err(failure) => return failed(&failure),
    };
    let expected: BTreeSet<&str> = codes
        .split([' ', ','])
        .filter(|code| !code.is_empty())
        .collect();
    let checked = match input::judged(&policy) {
        Ok((checked, _)) => checked,
        Err(failure) => return failed(&failure),
    };
    let errors = checked
        .diagnostics
        .iter()
        .filter(|problem| problem.severity() == Severity::Error);
    let actual: BTreeSet<&str> = errors.map(|problem| problem.code().as_str()).collect();
    if expected.is_empty() {
        return vec!["the first line names no code".to_owned()];
    }
    if expected == actual {
        return Vec::new();
    }
    let list = |codes: &BTreeSet<&str>| match codes.is_empty() {
        true => "nothing".to_owned(),
        false => codes.iter().copied().collect::<Vec<_>>().join(", "),
    };
    vec![format!(
        "expected to be refused for {}, but it is for {}",
        list(&expected),
        list(&actual)
    )]
}

/// A failure, with the errors of the policy if these are the reason.
fn failed(failure: &Failure) -> Vec<String> {
    let text = failure.to_string();
    let mut problems: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    if let Some((_, checked)) = failure.checked() {
        let source = checked.source();
        let errors = checked.diagnostics.iter();
        let errors = errors.filter(|problem| problem.severity() == Severity::Error);
        problems.extend(errors.map(|error| {
            let located = error.located(&source);
            let place = located.labels.first().map_or_else(String::new, |label| {
                format!("line {}, column {}: ", label.line, label.column)
            });
            format!("{place}{}: {error}", error.code())
        }));
    }
    problems
}
