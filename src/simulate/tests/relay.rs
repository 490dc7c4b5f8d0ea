//! Fee children, replacement, and what outsiders attach: the chain's refusals at their boundaries.

use super::{TREASURY, faults};
use crate::report::Report;
use crate::simulate::{Script, rehearse};

/// A trigger that waits at its base fee, and then these events.
fn waiting(events: &str) -> Report {
    let head = "[incident]\nname = \"n\"\nabout = \"a\"\nstart = \"2021-03-01T00:00:00Z\"\n\
        [[event]]\ndeposit = { coin = \"c\", amount = \"1 BTC\" }\n\
        [[event]]\nmine = 6\n\
        [[event]]\narm = { coin = \"c\", path = \"sos\" }\n\
        [[event]]\ntrigger = { coin = \"c\", path = \"sos\", bare = true, unconfirmed = true }\n";
    let incident = format!("{head}{events}");
    let policy = std::fs::read_to_string(TREASURY).expect("the policy is shipped");
    let script = Script {
        incident: &incident,
        policy: &policy,
        record: false,
    };
    rehearse(script).expect("it runs").report
}

/// What came of the last event: nothing where it was accepted.
#[track_caller]
fn outcome(events: &str) -> Option<String> {
    let report = waiting(events);
    let last = report.timeline.last().expect("something happened");
    last.verdict.class().map(str::to_owned)
}

fn child(fields: &str) -> String {
    format!("[[event]]\nchild = {{ coin = \"c\", {fields} }}\n")
}

#[test]
fn a_child_has_at_most_a_thousand_vbytes() {
    let sized = |vbytes: u32| outcome(&child(&format!("fee = \"2000 sat\", vbytes = {vbytes}")));
    assert_eq!(sized(999), None);
    assert_eq!(sized(1_000), None);
    assert_eq!(sized(1_001).as_deref(), Some("TRUC-violation"));
    // It is as large as it is said to be.
    let report = waiting(&child("fee = \"2000 sat\", vbytes = 1000"));
    let verdict = report.timeline.last().map(|entry| &entry.verdict);
    let is_so = matches!(
        verdict,
        Some(crate::report::Verdict::Accepted { vbytes: 1_000, .. })
    );
    assert!(is_so, "{verdict:?}");
}

#[test]
fn a_child_of_version_3_is_of_version_3() {
    for version in [1, 2] {
        let found = outcome(&child(&format!("fee = \"2000 sat\", version = {version}")));
        assert_eq!(found.as_deref(), Some("TRUC-violation"));
    }
    assert_eq!(outcome(&child("fee = \"2000 sat\", version = 3")), None);
}

#[test]
fn a_replacement_pays_for_what_it_replaces_and_for_itself() {
    // 151 vB at 0.1 sat/vB are 15.1 sat.
    let second = |by: &str, fee: u64| {
        let first = child("fee = \"1000 sat\"");
        outcome(&format!(
            "{first}{}",
            child(&format!("{by}fee = \"{fee} sat\""))
        ))
    };
    for by in ["", "by = \"gina\", "] {
        assert_eq!(second(by, 1_015).as_deref(), Some("insufficient fee"));
        assert_eq!(second(by, 1_016), None);
    }
}

#[test]
fn a_child_pays_at_least_what_relay_asks() {
    let paying = |sats: u64| outcome(&child(&format!("fee = \"{sats} sat\"")));
    assert_eq!(paying(15).as_deref(), Some("min relay fee not met"));
    assert_eq!(paying(16), None);
}

#[test]
fn a_cancel_takes_the_place_of_a_child_that_pays_less() {
    // The cancel pays 604 sat for 302 vB.
    let after = |fee: u64| {
        let cancel = "[[event]]\ncancel = { coin = \"c\", by = [\"alice\", \"bob\"], bare = true, unconfirmed = true }\n";
        outcome(&format!(
            "{}{cancel}",
            child(&format!("fee = \"{fee} sat\""))
        ))
    };
    // A child that pays no more by weight, here of 151 vB, is one that miners do not miss.
    assert_eq!(after(302), None);
    assert_eq!(after(303).as_deref(), Some("replacement-failed"));
    // The cancel has to pay for itself as well: 302 vB at 0.1 sat/vB are 30.2 sat.
    assert_eq!(after(573).as_deref(), Some("replacement-failed"));
    assert_eq!(
        after(574).as_deref(),
        Some("insufficient fee (including sibling eviction)")
    );
}

#[test]
fn what_is_confirmed_or_has_no_coin_to_pay_with_gets_no_child() {
    let mined = format!("[[event]]\nmine = 1\n{}", child("fee = \"2000 sat\""));
    assert_eq!(outcome(&mined).as_deref(), Some("nothing-waits"));
    // Her coin has 100,000 sat and the anchor 240; 294 sat are the least that can be left.
    let paying = |sats: u64| outcome(&child(&format!("by = \"gina\", fee = \"{sats} sat\"")));
    assert_eq!(paying(99_946), None);
    assert_eq!(paying(99_947).as_deref(), Some("no-fee-coin"));
}

#[test]
fn children_that_cannot_be_meant_are_reported_at_once() {
    let found = faults(
        r#"
[[event]]
deposit = { coin = "a", amount = "1 BTC" }

[[event]]
child = { coin = "b", fee = "1 sat" }

[[event]]
child = { coin = "a", fee = "1 sat", by = "mallory" }

[[event]]
child = { coin = "a", fee = "1 sat", vbytes = 100001, version = 4 }

[[event]]
trigger = { coin = "a", path = "sos", bare = true, broadcaster = "gina" }

[[event]]
arm = { coin = "a", path = "sos", bare = true, replace = true }
"#,
    );
    assert_eq!(
        found,
        [
            "line 10: no coin `b` is deposited",
            "line 13: the policy has no party `mallory`",
            "line 16: `vbytes` is more than 100000, which nobody relays",
            "line 16: `version` is 1, 2 or 3; nobody relays another",
            "line 19: without a fee child nobody pays for one; leave `broadcaster` or `bare` out",
            "line 22: `arm` broadcasts nothing; leave `bare` out",
            "line 22: `arm` broadcasts nothing; leave `replace` out",
        ]
    );
}
