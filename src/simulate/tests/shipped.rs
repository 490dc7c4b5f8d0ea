//! The shipped incidents and the policies that are refused, which go as their files say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitcoin::Amount;

use crate::compile::Stage;
use crate::policy::{self, Imports, check};
use crate::report::Report;
use crate::simulate::Script;
use crate::simulate::check::payees;
use crate::simulate::run::Rehearsed;
use crate::simulate::scenario::{
    CaseState, EventKind, Expectations, Holding, Name, Scenario, Whereabouts,
};
use crate::units::UnixTime;

/// A node judges the records of the shipped incidents, and refuses blocks from its future.
const LATEST: UnixTime = UnixTime(1_780_000_000);

fn shipped() -> Vec<PathBuf> {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut incidents = Vec::new();
    for policy in std::fs::read_dir(policies).expect("policies can be listed") {
        let folder = policy.expect("policies can be listed").path();
        let Ok(entries) = std::fs::read_dir(folder.join("incidents")) else {
            continue;
        };
        incidents.extend(entries.map(|entry| entry.expect("incidents can be listed").path()));
    }
    incidents.sort();
    incidents
}

/// A folder that scripts import from.
struct Folder(PathBuf);

impl Imports for Folder {
    fn text(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(path)).map_err(|error| error.to_string())
    }
}

/// The texts of an incident and of its policy, of a script what it builds.
fn texts(incident: &Path) -> (String, String) {
    let text = std::fs::read_to_string(incident).expect("an incident can be read");
    let policy = Scenario::parse(&text).expect("a shipped incident").policy;
    let folder = incident.parent().expect("a file is in a folder");
    let file = folder.join(policy);
    let policy = std::fs::read_to_string(&file).expect("a policy can be read");
    if file
        .extension()
        .is_some_and(|extension| extension == "rhai")
    {
        let folder = file.parent().expect("a file is in a folder").to_owned();
        let script = policy::Script::new(&policy).with_imports(Arc::new(Folder(folder)));
        return (text, script.run().document.canonical());
    }
    (text, policy)
}

fn played(scenario: &Scenario, incident: &str, policy: &str) -> Report {
    let script = Script {
        incident,
        policy,
        record: false,
    };
    let stage = Rehearsed::new(scenario, script).expect("the stage can be set");
    stage.play().expect("it can be played").report
}

/// The same events, with the opposite of everything expected.
fn contrary(scenario: &Scenario) -> Scenario {
    let mut contrary = scenario.clone();
    let mut said = scenario
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Say(said) => said.by.first(),
            _ => None,
        });
    let nobody = Name {
        text: String::new(),
        line: 0,
    };
    let somebody = said.next().cloned().unwrap_or(nobody);
    for event in &mut contrary.events {
        let attempt = matches!(event.kind, EventKind::Attempt(_));
        if attempt || event.refused.is_some() {
            event.refused = Some("for-no-reason".to_owned());
        }
        if let EventKind::Expect(expectations) = &mut event.kind {
            turn(expectations, &somebody);
        }
    }
    turn(&mut contrary.expect, &somebody);
    contrary
}

fn turn(expectations: &mut Expectations, somebody: &Name) {
    for (_, state) in &mut expectations.cases {
        *state = match state {
            CaseState::Proposed => CaseState::Vetoed,
            _ => CaseState::Proposed,
        };
    }
    let missing = expectations.missing.iter_mut().map(|(_, names)| names);
    for names in missing.chain(expectations.forks.as_mut()) {
        if names.pop().is_none() {
            names.push(somebody.clone());
        }
    }
    for (_, whereabouts) in &mut expectations.coins {
        *whereabouts = match whereabouts {
            Whereabouts::Gone => Whereabouts::In(Stage::Vault),
            Whereabouts::In(_) => Whereabouts::Gone,
        };
    }
    let one = Amount::ONE_SAT;
    for (_, holding) in &mut expectations.holds {
        *holding = match *holding {
            Holding::Nothing => Holding::AtLeast(one),
            Holding::AtLeast(least) => Holding::AtMost(least - one),
            Holding::AtMost(most) => Holding::AtLeast(most + one),
            Holding::Exactly(amount) => Holding::Exactly(amount + one),
        };
    }
}

fn judge_shipped(path: &Path) {
    let name = path.display();
    let (incident, policy) = texts(path);
    let scenario = Scenario::parse(&incident).expect("a shipped incident");

    let report = played(&scenario, &incident, &policy);
    let unmet: Vec<_> = report.expectations.iter().filter(|e| !e.met).collect();
    assert!(unmet.is_empty(), "{name}: {unmet:#?}");
    let last = report.timeline.last().expect("something happens");
    assert!(last.date < LATEST, "{name} ends in the future");

    // The second run shows two things: that everything happens the same way again, and that no
    // expectation is met whatever happens.
    let again = played(&contrary(&scenario), &incident, &policy);
    let json = |report: &Report| serde_json::to_string(&report.timeline).expect("plain data");
    assert_eq!(json(&report), json(&again), "{name}");
    assert_eq!(report.money, again.money, "{name}");
    assert_eq!(
        report.expectations.len(),
        again.expectations.len(),
        "{name}"
    );
    let met: Vec<_> = again.expectations.iter().filter(|e| e.met).collect();
    assert!(met.is_empty(), "{name}: met either way: {met:#?}");

    // Whatever comes in or is paid is accounted for at the end.
    let deposited = scenario
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Deposit(deposit) => Some(deposit.coin.text.as_str()),
            _ => None,
        });
    let coins = scenario.expect.coins.iter();
    let coins: BTreeSet<&str> = coins.map(|(coin, _)| coin.text.as_str()).collect();
    assert_eq!(deposited.collect::<BTreeSet<_>>(), coins, "{name}");
    let holds = scenario.expect.holds.iter();
    let holds: BTreeSet<&str> = holds.map(|(payee, _)| payee.text.as_str()).collect();
    assert_eq!(payees(&scenario), holds, "{name}");
}

#[test]
fn shipped_incidents_go_as_expected_and_could_not() {
    let incidents = shipped();
    assert!(incidents.len() >= 10, "{incidents:?}");
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(path) = incidents.get(next.fetch_add(1, Ordering::Relaxed)) {
                    judge_shipped(path);
                }
            });
        }
    });
}

#[test]
fn shipped_policies_are_refused_where_they_say_so() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut codes = BTreeSet::new();
    for policy in std::fs::read_dir(policies).expect("policies can be listed") {
        let folder = policy.expect("policies can be listed").path();
        let Ok(entries) = std::fs::read_dir(folder.join("refused")) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a refused policy").path();
            let text = std::fs::read_to_string(&path).expect("a policy can be read");
            let first = text.lines().next().expect("a first line");
            let wanted = first.strip_prefix("# expect: ").expect("what is expected");
            let wanted: BTreeSet<String> = wanted.split(", ").map(str::to_owned).collect();
            let checked = check(&text);
            let errors = checked.diagnostics.iter();
            let errors = errors.filter(|e| e.severity() == crate::policy::Severity::Error);
            let found: BTreeSet<String> = errors.map(|e| e.code().to_string()).collect();
            assert_eq!(wanted, found, "{}", path.display());
            assert!(checked.policy.is_none(), "{}", path.display());
            codes.extend(wanted);
        }
    }
    assert!(
        codes.contains("LS0503"),
        "the federation's fault: {codes:?}"
    );
}
