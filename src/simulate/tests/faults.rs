//! Incidents that are refused before anything runs: every fault at once, each with its line.

use super::{FUND, TREASURY, faults, faults_under};
use crate::policy::check;
use crate::simulate::{Script, rehearse};

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
