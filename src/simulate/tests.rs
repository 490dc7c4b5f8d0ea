//! The shipped incidents, and incidents that are refused before anything runs.

mod relay;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitcoin::Amount;

use super::check::payees;
use super::run::Rehearsed;
use super::scenario::{CaseState, EventKind, Expectations, Holding, Name, Scenario, Whereabouts};
use super::{Script, rehearse};
use crate::compile::Stage;
use crate::policy::{self, Imports, check};
use crate::report::Report;
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

const TREASURY: &str = "policies/dao-treasury/policy.toml";

/// What is wrong with these events, under the policy of the treasury.
fn faults(events: &str) -> Vec<String> {
    faults_under(TREASURY, events)
}

fn faults_under(policy: &str, events: &str) -> Vec<String> {
    let head = "[incident]\nname = \"n\"\nabout = \"a\"\nstart = \"2021-03-01T00:00:00Z\"\n";
    let incident = format!("{head}{events}");
    let policy = std::fs::read_to_string(policy).expect("the policy is shipped");
    let scenario = match Scenario::parse(&incident) {
        Ok(scenario) => scenario,
        Err(error) => return error.faults.iter().map(ToString::to_string).collect(),
    };
    let policy = check(&policy).policy.expect("the policy is sound");
    match super::check::check(&scenario, &policy) {
        Ok(()) => Vec::new(),
        Err(error) => error.faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn all_unknown_names_are_reported_at_once() {
    let found = faults(
        r#"
[[event]]
deposit = { coin = "reserve", amount = "1 BTC" }

[[event]]
arm = { coin = "reserv", path = "soss" }

[[event]]
lose = ["alice", "carrol"]

[[event]]
seize = { domain = "vendor", value = "leger" }

[[event]]
seize = { domain = "vendor", value = "none", also = ["carrol"] }

[[event]]
seize = { domain = "vendor", value = "new", also = ["carrol"] }

[[event]]
trigger = { coin = "later", path = "dead-man", by = ["agents"] }

[[event]]
deposit = { coin = "later", amount = "1 BTC" }

[[event]]
recover = { coin = "later", path = "sos", to = "new-treasury" }

[[event]]
deposit = { coin = "later", amount = "1 BTC" }

[expect.coins]
reserve = "lock-up of dead-man"

[expect.holds]
new-tresury = "nothing"
"#,
    );
    assert_eq!(
        found,
        [
            "line 10: no coin `reserv` is deposited; did you mean `reserve`?",
            "line 10: the policy has no path `soss`; did you mean `sos`?",
            "line 13: the policy has no party `carrol`; did you mean `carol`?",
            "line 16: no party has `vendor` `leger`; did you mean `ledger`?",
            "line 19: `none` names no vendor, so nothing is shared by it",
            "line 22: the policy has no party `carrol`; did you mean `carol`?",
            "line 25: coin `later` is deposited only in line 28",
            "line 25: `agents` is a quorum; name its parties",
            "line 25: path `dead-man` is direct: it has no escrow, so there is nothing to trigger",
            "line 31: path `sos` is staged; `recover` takes a direct path, or none where the coin is in an escrow",
            "line 34: coin `later` is deposited in line 28 already",
            "line 37: the policy has no lock-up of dead-man",
            "line 40: nobody is ever paid as `new-tresury`; did you mean `new-treasury`?",
        ]
    );
}

#[test]
fn fields_that_mean_nothing_are_reported() {
    let found = faults(
        r#"
[[event]]
deposit = { coin = "a", amount = "1 BTC" }

[[event]]
cancel = { coin = "a", path = "sos", to = "x" }

[[event]]
spend = { coin = "a", to = "x" }

[[event]]
release = { coins = ["a", "a"], to = "x", amount = "1 BTC" }

[[event]]
veto = { coin = "a", broadcaster = "alice", by = [] }

[[event]]
recover = { coin = "a", to = "x" }

[[event]]
trigger = { coin = "a" }

[[event]]
wait = "600 weeks"
"#,
    );
    assert_eq!(
        found,
        [
            "line 10: `cancel` follows from where the coin is; leave `path` out",
            "line 10: a cancel pays nobody; leave the payee out",
            "line 13: a spend needs an `amount`",
            "line 16: `release` takes one coin; write an event for each",
            "line 16: a release pays everything to one; leave `amount` and `pay` out",
            "line 19: `by` is empty; leave it out, or say who signs",
            "line 19: `veto` broadcasts nothing; leave `broadcaster` out",
            "line 22: `recover` needs the direct `path`: this coin is in no escrow",
            "line 25: `trigger` needs the `path`",
            "line 27: with this event the incident takes more than ten years of blocks",
        ]
    );
}

#[test]
fn an_event_that_cannot_be_read_hides_no_other() {
    let found = faults(
        r#"
[[event]]
depositt = { coin = "a", amount = "1 BTC" }

[[event]]
mine = "six"

[[event]]
arm = { coin = "a", pth = "sos" }

[[event]]
wait = "soon"

[expect]
coin = {}

[expects]
"#,
    );
    let starts = [
        "line 7: unknown field `depositt`, expected one of `note`",
        "line 10: invalid type: string \"six\"",
        "line 13: unknown field `pth`, expected one of `coin`",
        "line 16: ",
        "line 19: unknown field `coin`, expected one of `coins`, `holds`, `cases`, `missing`, `forks`; did you mean `coins`?",
        "line 21: unknown field `expects`, expected `incident`, `event` or `expect`; did you mean `expect`?",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
    assert!(
        found[0].ends_with("did you mean `deposit`?"),
        "{}",
        found[0]
    );
    assert!(found[2].ends_with("did you mean `path`?"), "{}", found[2]);
    assert_eq!(faults("[[event").len(), 1, "a text that is no TOML");
}

#[test]
fn only_what_can_be_refused_is_expected_to_be() {
    let found = faults(
        r#"
[[event]]
note = "nothing"
refused = "not-due"

[[event]]
expect = { coins = {} }
refused = "not-due"

[[event]]
deposit = { coin = "a", amount = "20000 BTC" }
note = "too much"
refused = "faucet-dry"
"#,
    );
    assert_eq!(
        found,
        [
            "line 6: nothing can be refused here; write `refused` beside a step or a deposit, not beside `note` alone",
            "line 10: nothing can be refused here; write `refused` beside a step or a deposit, not beside `expect` alone",
        ]
    );
}

#[test]
fn an_incident_without_expectations_says_so() {
    let policy = std::fs::read_to_string(TREASURY).expect("the policy is shipped");
    let head = "[incident]\nname = \"n\"\nabout = \"a\"\nstart = \"2021-03-01T00:00:00Z\"\n";
    let deposit = "[[event]]\ndeposit = { coin = \"c\", amount = \"1 BTC\" }\n";
    for (events, expects) in [
        (String::new(), false),
        (deposit.to_owned(), false),
        (format!("{deposit}[expect.coins]\n"), false),
        (format!("{deposit}[expect.coins]\nc = \"vault\"\n"), true),
        (
            format!("{deposit}[[event]]\nexpect = {{ coins = {{ c = \"vault\" }} }}\n"),
            true,
        ),
        (
            deposit.replace("1 BTC", "20000 BTC") + "refused = \"faucet-dry\"\n",
            true,
        ),
    ] {
        let incident = format!("{head}{events}");
        let script = Script {
            incident: &incident,
            policy: &policy,
            record: false,
        };
        let report = rehearse(script).expect("it runs").report;
        let warned = report
            .warnings
            .iter()
            .any(|it| it.contains("expects nothing"));
        assert_eq!(warned, !expects, "{events}");
    }
}

#[test]
fn all_faults_of_an_incident_file_are_reported_at_once() {
    let found = faults(
        r#"
[[event]]
deposit = { coin = "a", amount = "1 coin" }

[[event]]
wait = "14"

[[event]]

[[event]]
mine = 6
wait = "1 days"

[[event]]
attempt = { step = "settel", coin = "a", defect = "too-early" }

[[event]]
fees = "fast"

[[event]]
until = "tomorrow"

[[event]]
spend = { coin = "a", to = "x", pay = [] }

[expect.coins]
a = "the vault"

[expect.holds]
x = "a lot"
"#,
    );
    let lines: Vec<&str> = found
        .iter()
        .filter_map(|fault| fault.split(':').next())
        .collect();
    assert_eq!(
        lines,
        [
            "line 7", "line 10", "line 12", "line 14", "line 19", "line 22", "line 25", "line 27",
            "line 31", "line 34"
        ],
        "{found:#?}"
    );
}

#[test]
fn controls_in_names_are_spelled_out() {
    let found = faults("[[event]]\nlose = [\"\\u001b[31malice\"]\n");
    assert_eq!(
        found,
        ["line 6: the policy has no party `\\u{1b}[31malice`"]
    );
}

/// The coin of the treasury on its way through all stages, with some more events before the end.
fn on_the_way(until: &str, events: &str) -> Report {
    let steps = [
        ("vault", "mine = 6"),
        ("", "arm = { coin = \"c\", path = \"sos\" }"),
        ("", "trigger = { coin = \"c\", path = \"sos\" }"),
        ("", "wait = \"14 days\""),
        ("escrow", "settle = { coin = \"c\" }"),
        ("lock-up", "wait = \"30 days\""),
    ];
    let mut incident = "[incident]\nname = \"n\"\nabout = \"a\"\nstart = \"2021-03-01T00:00:00Z\"\n[[event]]\ndeposit = { coin = \"c\", amount = \"1 BTC\" }\n".to_owned();
    for (stage, step) in steps {
        if stage == until {
            break;
        }
        incident.push_str(&format!("[[event]]\n{step}\n"));
    }
    incident.push_str(events);
    let policy = std::fs::read_to_string(TREASURY).expect("the policy is shipped");
    let script = Script {
        incident: &incident,
        policy: &policy,
        record: false,
    };
    rehearse(script).expect("it can be played").report
}

#[test]
fn who_signs_live_signs_the_defect() {
    // Only what was signed in advance is bound to its outputs: agents may release to whom they
    // like, and settle to nobody but the lock-up.
    let attempt = |step: &str, to: &str| {
        format!(
            "[[event]]\nattempt = {{ step = \"{step}\", coin = \"c\"{to}, defect = \"redirected\" }}\n"
        )
    };
    let settle = on_the_way("escrow", &attempt("settle", ""));
    assert!(settle.passed(), "{:?}", settle.expectations);
    let wait = "[[event]]\nwait = \"30 days\"\n".to_owned();
    let release = on_the_way("lock-up", &(wait + &attempt("release", ", to = \"x\"")));
    assert!(!release.passed(), "agents can redirect their own release");
    let actual: Vec<&str> = release
        .expectations
        .iter()
        .map(|e| e.actual.as_str())
        .collect();
    assert_eq!(actual, ["accepted"]);
    assert!(
        release
            .money
            .payees
            .get("thief")
            .is_some_and(|sats| *sats > 99_000_000)
    );
}

#[test]
fn a_lock_binds_those_who_sign_for_less() {
    // The signatures are good; it is the lock in the script that refuses.
    let lowered = "[[event]]\nwait = \"30 days\"\n[[event]]\nattempt = { step = \"release\", coin = \"c\", to = \"x\", defect = \"sequence-lowered\" }\n";
    let report = on_the_way("lock-up", lowered);
    assert!(report.passed(), "{:?}", report.expectations);
}

#[test]
fn an_attempt_that_would_fail_anyway_shows_nothing() {
    // The window is not over, so the settle is refused with its outputs right or wrong.
    let attempt =
        "[[event]]\nattempt = { step = \"clawback\", coin = \"c\", defect = \"too-early\" }\n";
    let report = on_the_way("lock-up", attempt);
    assert!(!report.passed());
    let actual = report.expectations.last().map(|e| e.actual.as_str());
    assert_eq!(
        actual,
        Some("accepted"),
        "a clawback has no lock to be early for"
    );
    let early = "[[event]]\nattempt = { step = \"release\", coin = \"c\", to = \"x\", defect = \"missing-signature\" }\n";
    let report = on_the_way("lock-up", early);
    let actual = report.expectations.last().map(|e| e.actual.as_str());
    assert_eq!(actual, Some("refused by our software: not-shown"));
}

#[test]
fn a_deposit_beyond_the_faucet_is_said_to_be_one() {
    let deposit =
        "[[event]]\ndeposit = { coin = \"d\", amount = \"20000 BTC\" }\nrefused = \"faucet-dry\"\n";
    let report = on_the_way("lock-up", deposit);
    assert!(report.passed(), "{:?}", report.expectations);
}

#[test]
fn seizures_that_cannot_be_meant_are_reported() {
    let found = faults("\n[[event]]\nseize = { domain = \"claud\", value = \"aws\" }\n");
    assert_eq!(
        found,
        ["line 7: `claud` is no kind of custody fact; did you mean `cloud`?"]
    );
    let party = "alice";
    let policy = std::fs::read_to_string(TREASURY).expect("the policy is shipped");
    let policy = check(&policy).policy.expect("the policy is sound");
    let custody = policy.party(party).expect("a party").custody();
    let vendor = custody
        .name(crate::policy::Domain::Vendor)
        .expect("a vendor");
    let seize = |also: &str| {
        faults(&format!(
            "\n[[event]]\nseize = {{ domain = \"vendor\", value = \"{vendor}\", also = [\"{also}\"] }}\n"
        ))
    };
    assert_eq!(
        seize(party),
        [format!(
            "line 7: `alice` is said to be in vendor `{vendor}` anyway; leave it out of `also`"
        )]
    );
    // Of whom the policy says something else, or nothing, it can be said.
    assert_eq!(seize("gina"), Vec::<String>::new());
}

/// The policy whose parties have identities.
const FUND: &str = "policies/relief-fund/policy.toml";

#[test]
fn sayings_that_cannot_be_meant_are_reported_at_once() {
    let unread = "[[event]]\nforge = { say = \"vot\", as = \"lund\", by = [\"klara\"] }\n";
    assert_eq!(
        faults_under(FUND, unread),
        [
            "line 6: `vot` is nothing to say; write one of heartbeat, attest, alarm, withdraw, propose, vote, activate, veto, decide; did you mean `vote`?"
        ]
    );
    let found = faults_under(
        FUND,
        r#"
[[event]]
heartbeat = { by = ["ruy"] }

[[event]]
propose = { case = "a", by = ["rui"] }

[[event]]
propose = { case = "a", path = "dead-man", by = ["rui", "sofia"] }

[[event]]
vote = { case = "b", by = ["amara"] }

[[event]]
activate = { case = "c", by = [] }

[[event]]
propose = { case = "c", path = "resque", by = ["rui"] }

[[event]]
forge = { say = "veto", as = "lund", by = ["lund"], case = "a" }

[[event]]
fork = { say = "heartbeat", by = ["klara"] }

[[event]]
decide = { case = "a", approve = true, by = ["rui"] }

[[event]]
alarm = { by = ["klara"], case = "a" }

[expect]
forks = ["celin"]

[expect.cases]
a = "activated by ruy"
"#,
    );
    assert_eq!(
        found,
        [
            "line 7: the policy has no party `ruy`; did you mean `rui`?",
            "line 9: `propose` needs the `path`",
            "line 13: case `a` is proposed in line 10 already",
            "line 13: a case is proposed by one party",
            "line 13: path `dead-man` is direct: nothing activates it",
            "line 15: `vote` needs `approve`",
            "line 16: no case `b` is proposed",
            "line 18: say who: `activate` needs `by`",
            "line 19: case `c` is proposed only in line 22",
            "line 22: the policy has no path `resque`; did you mean `rescue`?",
            "line 25: `lund` forges nothing in a name of his own; leave `forge` out",
            "line 28: `klara` has said nothing yet, and a fork stands beside something that was said",
            "line 30: `decide` has no `approve`; leave it out",
            "line 30: `decide` needs `outcome`",
            "line 34: `alarm` is about no case; leave `case` out",
            "line 37: the policy has no party `celin`; did you mean `celine`?",
            "line 40: the policy has no party `ruy`; did you mean `rui`?",
        ]
    );
}

#[test]
fn a_party_without_an_identity_says_nothing() {
    let found = faults("\n[[event]]\nheartbeat = { by = [\"alice\"] }\n");
    assert_eq!(
        found,
        ["line 7: the policy gives `alice` no `identity`, so nobody can sign in that name"]
    );
}

#[test]
fn a_seized_fee_wallet_pays_for_nothing() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/departments/policy.toml");
    let policy = std::fs::read_to_string(file).expect("a policy can be read")
        + r#"
[items.bern-fees]
kind = "fees"
of = "fiduciary-bern"
custody = { host = "fee-box" }
"#;
    let incident = |seized: &str| {
        format!(
            r#"
[incident]
name = "fees"
about = "A fee wallet is seized"
policy = "policy.toml"
start = "2019-03-04T00:00:00Z"

[[event]]
deposit = {{ coin = "treasury", amount = "1 BTC" }}

[[event]]
mine = 6

[[event]]
arm = {{ coin = "treasury", path = "sos" }}

[[event]]
fees = "30 sat/vB"
{seized}
"#
        )
    };
    let trigger = |broadcaster: &str| {
        format!(
            "\n[[event]]\ntrigger = {{ coin = \"treasury\", path = \"sos\", by = [\"fiduciary-porto\", \"fiduciary-bern\"], broadcaster = \"{broadcaster}\" }}\n"
        )
    };
    let seized = "\n[[event]]\nseize = { domain = \"host\", value = \"fee-box\" }\n";
    let refused = "refused = \"no-fee-coin\"\n";
    let expected = "\n[expect.coins]\ntreasury = \"escrow of sos\"\n";
    let (bern, porto) = (trigger("fiduciary-bern"), trigger("fiduciary-porto"));
    for events in [bern.clone(), format!("{seized}{bern}{refused}{porto}")] {
        let incident = incident(&format!("{events}{expected}"));
        let script = Script {
            incident: &incident,
            policy: &policy,
            record: false,
        };
        let report = rehearse(script).expect("it can be played").report;
        assert!(report.passed(), "{:#?}", report.expectations);
    }
}
