//! Checking evidence: all of it, and every problem at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::case_file::{About, NotTold};
use super::create::{lines, proofs};
use super::told::Told;
use super::{
    BLOCK_PROOFS, BRANCHES, CASE, CASE_TEXT, CHECKPOINT, DESCRIPTORS, Files, GENESIS, HEADERS,
    LEDGER, POLICY, PROOFS, PSBTS, README, REPORTS, RULES, SUMS, TRANSACTIONS, attached, case_file,
    difference, genesis_of, readme, sums,
};
use crate::compile::{Compiled, compile};
use crate::governance::{Digest, EventId};
use crate::ledger::{Audit, Checkpoint, Genesis, Note, origin};
use crate::units::ChainTime;

/// What was checked of evidence, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether all is as it should be.
    pub passed: bool,
    /// The id of the policy, if it could be read.
    pub policy_id: Option<Digest>,
    /// The case, if it could be read.
    pub case: Option<EventId>,
    /// The time of the chain for which it is told how the case stands.
    pub now: Option<ChainTime>,
    /// Who signed how much the ledger held.
    pub party: Option<String>,
    /// Everything that was checked.
    pub checked: Vec<Check>,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about.
    pub what: Subject,
    /// The file that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whether it is as it should be.
    pub passed: bool,
    /// What was found.
    pub says: String,
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// That the files are those that are named, with the digests that are named.
    Files,
    /// The page about checking it without this program.
    Readme,
    /// That the policy compiles to what the ledger is founded on.
    Policy,
    /// The signature, form and place of each event.
    Events,
    /// The verdicts of rules, by asking them again.
    Rules,
    /// The tree over the events, and who signed its root.
    Checkpoint,
    /// That the events of the case are in that tree.
    Proofs,
    /// How the case stands.
    Case,
    /// A PSBT.
    Psbt,
    /// A transaction.
    Transaction,
    /// A block.
    Block,
    /// Something else that was attached.
    Report,
}

/// Checks as they are gathered.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    pub(super) fn pass(&mut self, what: Subject, says: impl Into<String>) {
        self.add(what, None, true, says.into());
    }

    pub(super) fn pass_file(&mut self, what: Subject, file: &str, says: impl Into<String>) {
        self.add(what, Some(file), true, says.into());
    }

    pub(super) fn fail(&mut self, what: Subject, file: &str, says: impl Into<String>) {
        self.add(what, Some(file), false, says.into());
    }

    /// That something cannot be said, because of something else.
    fn unchecked(&mut self, subjects: &[Subject], because: &str) {
        for what in subjects {
            let says = format!("not checked: {because}");
            self.add(*what, None, false, says);
        }
    }

    fn add(&mut self, what: Subject, file: Option<&str>, passed: bool, says: String) {
        self.0.push(Check {
            what,
            file: file.map(str::to_owned),
            passed,
            says,
        });
    }

    fn has_failed(&self, what: Subject) -> bool {
        self.0
            .iter()
            .any(|check| check.what == what && !check.passed)
    }
}

/// Checks everything in evidence that can be checked without a node.
///
/// What is wrong with one part is no reason to leave the others.
#[must_use]
pub fn verify(files: &Files) -> Verification {
    let mut checks = Checks::default();
    check_files(files, &mut checks);
    let about = match About::read(files.get(CASE).unwrap_or_default()) {
        Ok(about) => Some(about),
        Err(problem) => {
            checks.fail(Subject::Case, CASE, problem);
            None
        }
    };
    let founded = founded(files, &mut checks);
    let policy_id = founded.as_ref().map(|genesis| genesis.policy_id);
    let rest = [
        Subject::Events,
        Subject::Rules,
        Subject::Checkpoint,
        Subject::Proofs,
    ];
    match &founded {
        None => {
            let because = "it is not known what the ledger is founded on";
            checks.unchecked(&rest, because);
            let further = [
                Subject::Readme,
                Subject::Case,
                Subject::Psbt,
                Subject::Transaction,
                Subject::Block,
            ];
            checks.unchecked(&further, because);
        }
        Some(genesis) => {
            if let Some(compiled) = compiled(files, genesis, &mut checks) {
                attached::check(files, &compiled, &mut checks);
            } else {
                let attached = [Subject::Psbt, Subject::Transaction, Subject::Block];
                checks.unchecked(&attached, "the policy does not compile");
            }
            match Told::of(files, genesis) {
                Ok(told) => check_told(files, genesis, &told, about.as_ref(), &mut checks),
                Err(problem) => {
                    checks.fail(Subject::Events, LEDGER, problem);
                    checks.unchecked(&rest[1..], "the ledger cannot be read");
                }
            }
        }
    }
    let mut checked = checks.0;
    checked.sort_by_key(|check| check.what);
    Verification {
        passed: checked.iter().all(|check| check.passed),
        policy_id,
        case: about.as_ref().map(|about| about.case),
        now: about.as_ref().map(|about| about.now),
        party: about.map(|about| about.party),
        checked,
    }
}

/// That every file is known and as its sum says.
fn check_files(files: &Files, checks: &mut Checks) {
    for (file, problem) in sums::compare(files) {
        match file {
            Some(file) => checks.fail(Subject::Files, &file, problem),
            None => checks.add(Subject::Files, None, false, problem),
        }
    }
    let fixed = [
        README,
        SUMS,
        GENESIS,
        POLICY,
        DESCRIPTORS,
        BRANCHES,
        LEDGER,
        CHECKPOINT,
        CASE,
        CASE_TEXT,
    ];
    let folders = [
        PROOFS,
        RULES,
        PSBTS,
        TRANSACTIONS,
        BLOCK_PROOFS,
        HEADERS,
        REPORTS,
    ];
    for name in fixed {
        if files.get(name).is_none() && name != SUMS {
            checks.fail(
                Subject::Files,
                name,
                "evidence has such a file, and this has not",
            );
        }
    }
    for (name, _) in files.iter() {
        let is_known = match name.split_once('/') {
            Some((folder, _)) => folders.contains(&folder),
            None => fixed.contains(&name),
        };
        if !is_known {
            checks.fail(Subject::Files, name, "evidence has no such file");
        }
    }
    if !checks.has_failed(Subject::Files) {
        let says = format!(
            "{} files, each as its sum says, and no others",
            files.count()
        );
        checks.pass(Subject::Files, says);
    }
}

/// What the ledger is founded on, compared with the files that repeat it.
fn founded(files: &Files, checks: &mut Checks) -> Option<Genesis> {
    let genesis = match Genesis::from_bytes(files.get(GENESIS).unwrap_or_default()) {
        Ok(genesis) => genesis,
        Err(error) => {
            checks.fail(Subject::Policy, GENESIS, error.to_string());
            return None;
        }
    };
    let repeated = [
        (POLICY, genesis.policy.clone()),
        (DESCRIPTORS, lines(&genesis.descriptors)),
    ];
    for (name, expected) in repeated {
        if files.get(name) != Some(expected.as_bytes()) {
            let says = format!("it is not what `{GENESIS}` says");
            checks.fail(Subject::Policy, name, says);
        }
    }
    Some(genesis)
}

/// What the policy compiles to, compared with what the ledger is founded on.
fn compiled(files: &Files, genesis: &Genesis, checks: &mut Checks) -> Option<Compiled> {
    let charter = match genesis.charter() {
        Ok(charter) => charter,
        Err(error) => {
            checks.fail(Subject::Policy, GENESIS, error.to_string());
            return None;
        }
    };
    let compiled = match compile(Arc::clone(charter.policy())) {
        Ok(compiled) => compiled,
        Err(error) => {
            checks.fail(Subject::Policy, POLICY, error.to_string());
            return None;
        }
    };
    if let Some(difference) = difference(genesis, &genesis_of(&compiled)) {
        checks.fail(Subject::Policy, GENESIS, difference);
    }
    if files.get(BRANCHES) != Some(compiled.branches().rows().as_bytes()) {
        let says = "it is not the branch table that the policy compiles to";
        checks.fail(Subject::Policy, BRANCHES, says);
    }
    if !checks.has_failed(Subject::Policy) {
        let says = format!(
            "it compiles to the id {}, the {} descriptors and the first address {}",
            genesis.policy_id,
            genesis.descriptors.len(),
            genesis.first_address
        );
        checks.pass(Subject::Policy, says);
    }
    Some(compiled)
}

/// Everything that follows from the events.
fn check_told(
    files: &Files,
    genesis: &Genesis,
    told: &Told,
    about: Option<&About>,
    checks: &mut Checks,
) {
    for problem in &told.problems {
        checks.fail(Subject::Events, LEDGER, problem.clone());
    }
    let ledger = &told.ledger;
    match ledger.verify() {
        Err(error) => {
            checks.fail(Subject::Events, LEDGER, error.to_string());
            checks.unchecked(&[Subject::Rules], "the events are not in order");
        }
        Ok(audit) => {
            if told.problems.is_empty() {
                checks.pass(Subject::Events, events_say(&audit));
            }
            for verdict in &audit.verdicts {
                let says = format!("the activation {}: {}", verdict.event, verdict.why);
                checks.fail(Subject::Rules, LEDGER, says);
            }
        }
    }
    let note = check_checkpoint(files, told, about, checks);
    let rest = [Subject::Readme, Subject::Proofs, Subject::Case];
    let Some(about) = about else {
        let because = format!("`{CASE}` cannot be read");
        checks.unchecked(&rest, &because);
        return;
    };
    let page = readme::write(genesis.policy_id, genesis.network, about);
    match files.get(README) == Some(page.as_bytes()) {
        true => checks.pass(
            Subject::Readme,
            "it is the page that this program writes about this case",
        ),
        false => checks.fail(
            Subject::Readme,
            README,
            "it is not the page that this program writes about this case: do not run what it says",
        ),
    }
    let head = match told.head() {
        Ok(head) => head,
        Err(problem) => {
            checks.unchecked(&rest[1..], &problem);
            return;
        }
    };
    let expected = match about.tell(ledger, head) {
        Ok(expected) => expected,
        Err(error) => {
            let because = match error {
                NotTold::Ledger(error) => error.to_string(),
                NotTold::NoCase => "the ledger tells of no such case at that time".to_owned(),
                NotTold::NoIdentity => {
                    format!("the party `{}` has no identity", about.party)
                }
            };
            checks.fail(Subject::Case, CASE, because.clone());
            checks.unchecked(&[Subject::Proofs], &because);
            return;
        }
    };
    check_case(files, &expected, checks);
    check_rules(files, &expected, checks);
    check_proofs(files, told, &expected, note.as_ref(), checks);
}

/// What events say that are in order.
fn events_say(audit: &Audit) -> String {
    let forks = audit.forks.iter().map(|fork| fork.author.as_str());
    let forks: Vec<&str> = forks.collect();
    let forks = match forks.as_slice() {
        [] => String::new(),
        names => format!("; two stories told by: {}", names.join(", ")),
    };
    format!(
        "{}, each signed by its author and in its place{forks}",
        counted(audit.events, "event")
    )
}

/// The signature of the checkpoint, and what it says of the tree.
fn check_checkpoint(
    files: &Files,
    told: &Told,
    about: Option<&About>,
    checks: &mut Checks,
) -> Option<Note> {
    let text = String::from_utf8_lossy(files.get(CHECKPOINT).unwrap_or_default());
    let note = match Note::parse(&text) {
        Ok(note) => note,
        Err(error) => {
            checks.fail(Subject::Checkpoint, CHECKPOINT, error.to_string());
            return None;
        }
    };
    match checkpoint(&note, &text, told, about) {
        Ok(says) => checks.pass(Subject::Checkpoint, says),
        Err(problem) => checks.fail(Subject::Checkpoint, CHECKPOINT, problem),
    }
    Some(note)
}

fn checkpoint(
    note: &Note,
    text: &str,
    told: &Told,
    about: Option<&About>,
) -> Result<String, String> {
    let head = told.head()?;
    let about = about.ok_or_else(|| format!("`{CASE}` does not say who signed it"))?;
    let (charter, party) = (told.ledger.charter(), about.party.as_str());
    let identity = told.ledger.history().identity(charter, party);
    let identity = identity.ok_or_else(|| format!("the party `{party}` has no identity"))?;
    let checkpoint = Checkpoint::verify(note, party, identity.key());
    let checkpoint = checkpoint.map_err(|error| {
        format!(
            "{error}; it should be signed by {party} with the identity that the events end with"
        )
    })?;
    let expected = origin(charter.id(), party);
    if checkpoint.origin() != expected {
        return Err(format!("it is not about `{expected}`"));
    }
    if checkpoint.head() != head {
        return Err(format!(
            "it says {} events with the root {}, and the lines come to {} with the root {}",
            checkpoint.head().size,
            checkpoint.head().root,
            head.size,
            head.root
        ));
    }
    if note.names().count() != 1 || note.to_string() != text {
        return Err("it holds more than one signature, or is in another form".to_owned());
    }
    Ok(format!(
        "{} with the root {}, signed by {party} with the identity {}",
        counted(head.size, "event"),
        head.root,
        identity.digits()
    ))
}

/// How the case stands, told again.
fn check_case(files: &Files, expected: &case_file::Told, checks: &mut Checks) {
    for (name, text) in [(CASE, &expected.json), (CASE_TEXT, &expected.text)] {
        if files.get(name) != Some(text.as_bytes()) {
            let says = "it is not what the ledger comes to under the policy";
            checks.fail(Subject::Case, name, says);
        }
    }
    if !checks.has_failed(Subject::Case) {
        let says = format!(
            "the ledger, with {} about the case, comes to just what is said of it",
            counted(expected.events.len() as u64, "event")
        );
        checks.pass(Subject::Case, says);
    }
}

/// That the rules of the case are there, and no others.
fn check_rules(files: &Files, expected: &case_file::Told, checks: &mut Checks) {
    let rules = expected.rules.iter();
    let rules = rules.map(|(digest, rule)| (format!("{RULES}/{digest}.rhai"), rule.clone()));
    compare(files, RULES, Subject::Rules, rules.collect(), checks);
    if !checks.has_failed(Subject::Rules) {
        let says = match expected.judged {
            0 => "no activation has the verdict of a rule".to_owned(),
            asked => {
                let asked = counted(asked, "rule");
                format!("{asked} asked again, each saying what was recorded")
            }
        };
        checks.pass(Subject::Rules, says);
    }
}

/// That there is a proof for each event of the case, and no other.
fn check_proofs(
    files: &Files,
    told: &Told,
    expected: &case_file::Told,
    note: Option<&Note>,
    checks: &mut Checks,
) {
    let Some(note) = note else {
        checks.unchecked(&[Subject::Proofs], "there is no checkpoint");
        return;
    };
    // Where lines are missing or refused, positions of events are not those of lines.
    if !told.problems.is_empty() {
        checks.unchecked(&[Subject::Proofs], "not all lines of the ledger are events");
        return;
    }
    match proofs(told.lines(), expected, note) {
        Ok(proofs) => {
            let count = proofs.len() as u64;
            let proofs = proofs.into_iter().collect();
            compare(files, PROOFS, Subject::Proofs, proofs, checks);
            if !checks.has_failed(Subject::Proofs) {
                let says = format!(
                    "{} of the case, each proven to be in the tree of the checkpoint",
                    counted(count, "event")
                );
                checks.pass(Subject::Proofs, says);
            }
        }
        Err(error) => checks.fail(Subject::Proofs, LEDGER, error.to_string()),
    }
}

/// That a folder holds these files and no others.
fn compare(
    files: &Files,
    folder: &'static str,
    what: Subject,
    mut expected: BTreeMap<String, String>,
    checks: &mut Checks,
) {
    for (name, bytes) in files.inside(folder) {
        let name = format!("{folder}/{name}");
        match expected.remove(&name) {
            None => checks.fail(what, &name, "nothing in the case goes with it"),
            Some(text) if text.as_bytes() != bytes => {
                checks.fail(what, &name, "it is not what the ledger comes to");
            }
            Some(_) => {}
        }
    }
    for name in expected.into_keys() {
        checks.fail(what, &name, "it is missing");
    }
}

/// A number of things.
fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
