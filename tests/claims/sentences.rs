//! How claims are read, and what they mean on policies of known answers.

use longstop::analysis::fate::Facts;
use longstop::analysis::{Analyst, Claim, Happening, Verdict};
use longstop::governance::Attestations;
use longstop::policy::{Policy, check};
use longstop::simulate::{Script, rehearse};

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

fn text(name: &str) -> String {
    let file = format!("{POLICIES}/{name}/policy.toml");
    std::fs::read_to_string(file).expect("a shipped policy")
}

fn policy(name: &str) -> Policy {
    check(&text(name)).policy.expect("no errors")
}

fn verdict(policy: &Policy, claim: &str) -> Verdict {
    let claim = Claim::parse(claim, policy).unwrap_or_else(|error| panic!("{claim}: {error}"));
    Analyst::of(policy).judge(&claim).expect("small enough")
}

fn holds(policy: &Policy, claim: &str) -> bool {
    verdict(policy, claim).proved
}

/// What is wrong with a claim, and the part of it that is marked.
fn error(policy: &Policy, claim: &str) -> (String, String, Option<String>) {
    let error = Claim::parse(claim, policy).expect_err(claim);
    let marked = claim[error.span.start..error.span.end].to_owned();
    (error.message, marked, error.help)
}

#[test]
fn a_time_and_the_block_after_it() {
    let dao = policy("dao-treasury");
    // Two weeks in the escrow, thirty days in the lock-up.
    assert!(holds(&dao, "never 2 of agents before 6336 blocks"));
    assert!(!holds(&dao, "never 2 of agents before 6337 blocks"));
    assert!(holds(&dao, "never 2 of agents before 365 days (unarmed)"));
    assert!(!holds(
        &dao,
        "never 2 of agents before 52561 blocks (unarmed)"
    ));
    assert!(holds(
        &dao,
        "any loss of root leaves a path within 365 days"
    ));
    assert!(!holds(
        &dao,
        "any loss of root leaves a path within 52559 blocks"
    ));
    assert!(holds(
        &dao,
        "any loss of root leaves a path within 6336 blocks (armed)"
    ));
    assert!(!holds(
        &dao,
        "any loss of root leaves a path within 6335 blocks (armed)"
    ));
    assert!(holds(&dao, "veto always has 2016 blocks"));
    assert!(!holds(&dao, "veto always has 2017 blocks"));
}

#[test]
fn a_number_and_one_more() {
    let dao = policy("dao-treasury");
    assert!(holds(&dao, "never 2 of council"));
    assert!(!holds(&dao, "never 3 of council"));
    assert!(holds(&dao, "never 1 of agents"));
    assert!(!holds(&dao, "never 2 of agents"));
    assert!(holds(
        &dao,
        "veto always has 14 days after any loss of 3 of council"
    ));
    assert!(!holds(
        &dao,
        "veto always has 14 days after any loss of 4 of council"
    ));
    assert!(holds(
        &dao,
        "any loss of 2 of council and 1 of agents leaves a path within 1 hour"
    ));
    assert!(holds(
        &dao,
        "any loss of 2 of council leaves a path within 1 hour"
    ));
    assert!(!holds(
        &dao,
        "any loss of 3 of council leaves a path within 1 hour"
    ));
    assert!(holds(
        &dao,
        "any loss of 3 of council and 1 of agents leaves a path"
    ));
    assert!(!holds(
        &dao,
        "any loss of 3 of council and 2 of agents leaves a path"
    ));
    assert!(holds(&dao, "no 1 of vetoers can veto"));
    assert!(!holds(&dao, "no 2 of vetoers can veto"));
}

#[test]
fn what_is_said_of_people_in_several_ways_is_the_same() {
    let dao = policy("dao-treasury");
    for (one, other) in [
        (
            "never 2 of agents before 30 days",
            "no 2 of agents can steal before 30 days",
        ),
        ("never council", "never all of council"),
        (
            "never council",
            "never alice and bob and carol and dave and erin",
        ),
        ("never root", "never council"),
        ("never 2 of (gina, hal)", "never gina and hal"),
        ("nobody alone can veto", "no one alone can veto"),
        ("nobody alone can veto", "no single party can veto"),
        ("nobody alone can veto", "no 1 party can veto"),
        ("never \"alice\" and bob", "never any 2 of (alice, bob)"),
        (
            "never 2 of agents",
            "never 2 of agents even if nobody defends",
        ),
    ] {
        let (one, other) = (verdict(&dao, one), verdict(&dao, other));
        assert_eq!(one.proved, other.proved, "{}", one.claim);
        let who = |verdict: &Verdict| verdict.counterexample.as_ref().map(|found| found.who.len());
        assert_eq!(who(&one), who(&other), "{}", one.claim);
    }
}

#[test]
fn somebody_in_two_parts_counts_in_either() {
    let dao = policy("dao-treasury");
    // Two of the council and alice are three of the council.
    assert!(!holds(&dao, "never 2 of council and alice"));
    assert!(holds(&dao, "never 1 of council and alice"));
    assert!(!holds(&dao, "never 1 of council and 2 of vetoers"));
}

#[test]
fn domains_put_people_into_one_hand() {
    let departments = policy("departments");
    let found = verdict(&departments, "no single cloud can steal");
    let found = found.counterexample.expect("they share an account");
    assert_eq!(found.what, Happening::Steal);
    assert_eq!(found.domains.len(), 1);
    assert_eq!(found.domains[0].name.as_deref(), Some("nimbus-account-7"));
    assert!(holds(&departments, "no single cloud can freeze"));
    let two = verdict(
        &policy("dao-treasury"),
        "no single jurisdiction and vendor can steal",
    );
    assert_eq!(two.counterexample.expect("a pair").domains.len(), 2);
}

#[test]
fn a_policy_without_a_staged_path_has_nothing_to_veto() {
    let verdict = verdict(&policy("federation"), "veto always has 1 block");
    let found = verdict.counterexample.expect("nothing to veto");
    assert_eq!(found.what, Happening::NothingToVeto);
}

#[test]
fn what_is_no_claim_is_marked() {
    let dao = policy("dao-treasury");
    for (claim, marked, help) in [
        (
            "never 2 of agentz before 30 days",
            "agentz",
            "did you mean `agents`?",
        ),
        ("never alise", "alise", "did you mean `alice`?"),
        ("never 4 of agents", "4", "write a number from 1 to 3"),
        ("never 0 of agents", "0", "write a number from 1 to 3"),
        ("nevr alice", "nevr", "did you mean `never`?"),
        ("never alice before 30 dayz", "dayz", "did you mean `days`?"),
        (
            "never alice befor 30 days",
            "befor",
            "did you mean `before`?",
        ),
        (
            "no single clowd can steal",
            "clowd",
            "did you mean `cloud`?",
        ),
        (
            "no pair of cloud can steal",
            "cloud",
            "did you mean `clouds`?",
        ),
        (
            "no singel cloud can steal",
            "singel",
            "did you mean `single`?",
        ),
        (
            "nobody alone can frieze",
            "frieze",
            "did you mean `freeze`?",
        ),
        (
            "nobody allone can freeze",
            "allone",
            "did you mean `alone`?",
        ),
        (
            "any los of 2 parties leaves a path",
            "los",
            "did you mean `loss`?",
        ),
        (
            "any loss of 2 parties leafs a path",
            "leafs",
            "did you mean `leaves`?",
        ),
        (
            "veto always has 7 days after any lost of 1 party",
            "lost",
            "did you mean `loss`?",
        ),
        ("never alice (armd)", "armd", "did you mean `armed`?"),
        ("never \"ali", "\"ali", "end the name with `\"`"),
    ] {
        let (message, place, advice) = error(&dao, claim);
        assert_eq!(place, marked, "{claim}: {message}");
        assert_eq!(advice.as_deref(), Some(help), "{claim}: {message}");
    }
    for short in [
        "",
        "never",
        "no",
        "never alice and",
        "never 2 of",
        "veto always has 7",
    ] {
        let (message, marked, _) = error(&dao, short);
        assert!(marked.is_empty(), "{short}: {message}");
    }
    // Neither time nor people of a veto are anything else.
    assert!(Claim::parse("nobody alone can veto (armed)", &dao).is_err());
    assert!(Claim::parse("never any alice", &dao).is_err());
    assert!(Claim::parse(&"never alice ".repeat(1_000), &dao).is_err());
}

#[test]
fn shipped_counterexamples_happen() {
    for (name, claims) in [
        (
            "dao-treasury",
            &[
                "never 2 of agents",
                "never 3 parties if the others defend",
                "no 5 parties can freeze",
                "no single jurisdiction and vendor can steal",
                "any loss of root leaves a path within 30 days",
                "any loss of root leaves a path within 30 days (armed)",
                "any loss of 4 of council and agents leaves a path",
                "veto always has 30 days",
                "veto always has 14 days after any loss of 4 of council",
                "no 2 of vetoers can veto",
                "no 2 parties can block the rescue",
            ][..],
        ),
        (
            "departments",
            &[
                "no single cloud can steal",
                "no single operator can steal if the others defend",
            ],
        ),
        (
            "exchange",
            &[
                "never desk",
                "nobody alone can veto",
                "no single site can steal",
            ],
        ),
        (
            "federation",
            &[
                "never 11 parties",
                "any loss of 13 of root leaves a path within 89 days",
            ],
        ),
    ] {
        let text = text(name);
        let policy = check(&text).policy.expect("no errors");
        for claim in claims {
            let verdict = verdict(&policy, claim);
            assert!(!verdict.proved, "{name}: {claim}");
            happens(&policy, &text, &verdict);
        }
    }
}

/// The counterexample of a verdict is played with real transactions.
fn happens(policy: &Policy, text: &str, verdict: &Verdict) {
    let claim = &verdict.claim;
    let incident = Analyst::of(policy).incident(verdict, "policy.toml");
    let incident = incident.unwrap_or_else(|| panic!("{}: {claim}", policy.name()));
    let script = Script {
        incident: &incident,
        policy: text,
        record: false,
    };
    let rehearsal = rehearse(script).unwrap_or_else(|error| panic!("{claim}: {error}"));
    let report = rehearsal.report;
    assert!(
        report.passed(),
        "{claim}: {:#?}\n{incident}",
        report.expectations
    );
    assert!(!report.expectations.is_empty(), "{claim}");
}

#[test]
fn what_only_the_worst_case_breaks_happens_too() {
    let text = text("departments");
    let policy = check(&text).policy.expect("no errors");
    let facts = Facts::of(&policy, &Attestations::default());
    for claim in [
        "no single cloud can freeze",
        "no single vendor can steal (armed)",
    ] {
        let parsed = Claim::parse(claim, &policy).expect("a claim");
        let verdict = Analyst::of(&policy)
            .judge_attested(&parsed, &facts)
            .expect("small");
        assert_eq!(verdict.proved, claim.ends_with("freeze"));
        assert!(!verdict.holds());
        let worst = verdict.worst.as_ref().expect("it is about domains");
        let found = worst.counterexample.as_ref().expect("nothing is attested");
        // Any domain has everybody then.
        assert_eq!(found.domains[0].name, None);
        assert_eq!(found.supposed, found.who);
        happens(&policy, &text, &verdict);
    }
    // A claim about people has one answer.
    let parsed = Claim::parse("never 2 of legal", &policy).expect("a claim");
    let verdict = Analyst::of(&policy)
        .judge_attested(&parsed, &facts)
        .expect("small");
    assert!(verdict.worst.is_none() && verdict.holds());
}
