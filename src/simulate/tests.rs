//! Incidents, shipped and made up.

mod faults;
mod relay;
mod shipped;

use std::path::Path;

use super::scenario::Scenario;
use super::{Script, rehearse};
use crate::policy::check;
use crate::report::Report;

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

/// The policy whose parties have identities.
const FUND: &str = "policies/relief-fund/policy.toml";

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
