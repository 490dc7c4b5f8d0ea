//! What follows from single facts.

use std::collections::BTreeSet;
use std::sync::Arc;

use longstop::analysis::fate::{Answer, Culprit, Facts, Fate, Question, Scope, culprits};
use longstop::analysis::{Analyst, Armed};
use longstop::compile::compile;
use longstop::governance::{Attestation, Attestations, OnWord};
use longstop::policy::{Domain, Policy, check};
use longstop::signer::SoftwareSigner;
use longstop::units::UnixTime;

use crate::draft::Draft;

const ISSUED: UnixTime = UnixTime(1_600_000_000);
const NOW: UnixTime = UnixTime(1_600_100_000);
const EXPIRES: UnixTime = UnixTime(1_600_200_000);

fn departments() -> Policy {
    let text = std::fs::read_to_string("policies/departments/policy.toml").expect("it is shipped");
    check(&text).policy.expect("a sound policy")
}

/// What these parties attest, as the policy says it, each until its moment.
fn attested(policy: &Policy, by: &[(&str, UnixTime)]) -> Facts {
    let compiled = compile(Arc::new(policy.clone())).expect("it compiles");
    let id = compiled.id().to_bytes();
    let lines: Vec<String> = by
        .iter()
        .map(|(name, expires)| {
            let party = policy.party(name).expect("a party");
            Attestation::of_claims(policy, id, party, ISSUED, *expires, 1)
                .sign(&SoftwareSigner::stand_in_identity(0, name))
                .to_line()
        })
        .collect();
    let (attestations, problems) = Attestations::read(&lines.join("\n"), policy, id, NOW, &OnWord);
    assert_eq!(problems, []);
    Facts::of(policy, &attestations)
}

/// All parties but these.
fn all_but<'a>(policy: &'a Policy, out: &[&str]) -> Vec<(&'a str, UnixTime)> {
    let names = policy.parties().map(|party| party.name());
    names
        .filter(|name| !out.contains(name))
        .map(|name| (name, EXPIRES))
        .collect()
}

fn stated(policy: &Policy) -> Facts {
    Facts::of(policy, &Attestations::default())
}

fn fate(policy: &Policy, facts: &Facts) -> Fate {
    Analyst::of(policy).fate(facts)
}

fn ask(policy: &Policy, facts: &Facts, question: Question, scope: Scope) -> Answer {
    culprits(&Analyst::of(policy), facts, question, scope)
}

/// The first names of each culprit's domains.
fn names(culprits: &[Culprit]) -> BTreeSet<String> {
    let name = |culprit: &Culprit| {
        let domains = culprit.domains.iter();
        let names: Vec<String> = domains.map(|shared| shared.names[0].to_string()).collect();
        names.join(" + ")
    };
    culprits.iter().map(name).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_seized_cloud_account_is_found_in_both_readings() {
    let policy = departments();
    let facts = attested(&policy, &all_but(&policy, &[]));
    let fate = fate(&policy, &facts);
    for view in [&fate.stated, &fate.worst] {
        // At first sight: it is the first of all.
        let first = &view.findings[0];
        let [account] = first.culprit.domains.as_slice() else {
            panic!("{first:?}");
        };
        assert_eq!(account.names[0].to_string(), "cloud nimbus-account-7");
        let members = [
            "fatima",
            "felix",
            "olena",
            "omar",
            "oskar",
            "legal-watchtower",
        ];
        assert_eq!(account.members, members);
        assert_eq!(account.supposed, [""; 0]);
        assert_eq!(account.fee_wallets, members[..5]);
        let follows: Vec<Question> = first
            .consequences
            .iter()
            .map(|consequence| consequence.question)
            .collect();
        assert!(follows.contains(&Question::StealDefended(Armed::Armed)));
        assert!(follows.contains(&Question::CloseRoot));
        assert!(!follows.contains(&Question::EndVetoes));
        let quickest = first.consequences[0].quickest.as_ref().expect("a way");
        assert_eq!(quickest.seconds, 600);
        assert_eq!(
            view.single(Domain::Cloud, "nimbus-account-7")
                .map(|found| &found.culprit),
            Some(&first.culprit)
        );
    }
    // One of finance elsewhere leaves operations alone, and so does leaving one of operations.
    let remedy = fate.stated.findings[0]
        .remedy
        .as_ref()
        .expect("there is one");
    assert_eq!(remedy.smallest(), Some(1));
    assert_eq!(
        remedy.to_string(),
        "any 1 of fatima and felix; or any 2 of operations"
    );
}

#[test]
fn what_moves_apart_ends_it() {
    let text = std::fs::read_to_string("policies/departments/policy.toml").expect("it is shipped");
    let felix = text.find("[parties.felix]").expect("he is there");
    let (before, after) = text.split_at(felix);
    let moved = format!(
        "{before}{}",
        after.replacen("cloud = \"nimbus-account-7\"", "cloud = \"of-his-own\"", 1)
    );
    let policy = check(&moved).policy.expect("a sound policy");
    let facts = stated(&policy);
    let scope = Scope::Single(Domain::Cloud);
    for question in Question::ALL {
        let answer = ask(&policy, &facts, question, scope);
        assert_eq!(answer.stated, [], "{question:?}");
    }
    let answer = ask(
        &departments(),
        &stated(&departments()),
        Question::CloseRoot,
        scope,
    );
    assert_eq!(names(&answer.stated), set(&["cloud nimbus-account-7"]));
}

#[test]
fn only_what_is_attested_is_independence() {
    let policy = departments();
    let scope = Scope::Single(Domain::Cloud);
    let worst = |facts: &Facts, question| names(&ask(&policy, facts, question, scope).worst);
    let steal = Question::Steal(Armed::Armed);
    let nimbus = "cloud nimbus-account-7";
    let rescue = Question::LoseRescue(Armed::Armed);
    // Two fiduciaries who attest nothing may have an account in common.
    let unknown = ["fiduciary-porto", "fiduciary-tartu"];
    let by = all_but(&policy, &unknown);
    let facts = attested(&policy, &by);
    assert_eq!(worst(&facts, steal), set(&["any one cloud"]));
    assert_eq!(worst(&facts, rescue), set(&["any one cloud"]));
    // One of them alone has nothing, as long as the word of the other holds.
    for (expires, any) in [(EXPIRES, false), (UnixTime(NOW.0 + 1), false), (NOW, true)] {
        let mut by = by.clone();
        by.push(("fiduciary-porto", expires));
        let facts = attested(&policy, &by);
        let expected = if any { "any one cloud" } else { nimbus };
        assert_eq!(worst(&facts, steal), set(&[expected]));
        assert_eq!(worst(&facts, rescue).is_empty(), !any);
    }
    // The account is still named for what it does sooner than any other.
    let found = fate(&policy, &attested(&policy, &by)).worst;
    let found = found
        .single(Domain::Cloud, "nimbus-account-7")
        .expect("it is found");
    assert_eq!(
        found.consequences[0].question,
        Question::StealDefended(Armed::Armed)
    );
    // Without any attestation the one domain of a kind has everything, and is told once.
    let facts = stated(&policy);
    for question in Question::ALL {
        let expected = if question.formula(Analyst::of(&policy).play()).is_some() {
            set(&["any one cloud"])
        } else {
            set(&[])
        };
        assert_eq!(worst(&facts, question), expected, "{question:?}");
    }
    let fate = fate(&policy, &facts);
    assert_eq!(fate.worst.findings.len(), 1);
    assert_eq!(fate.worst.findings[0].culprit.domains[0].names.len(), 6);
    assert_eq!(fate.worst.findings[0].culprit.members().len(), 15);
}

/// Three of five hold it and two of three rescue it, by files alone.
const STAGED: &str = r#"
[quorums]
council = { threshold = 3, of = ["alice", "bob", "carol", "dave", "erin"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
vetoers = { threshold = 2, members_of = "council" }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "200 blocks", veto = "vetoers", backstop = "400 blocks" }
lockup = { period = "300 blocks" }

[lints]
LS0503 = "short delays keep the tests quick"
"#;

/// The policy with items, and custody facts for parties.
fn staged(parties: &[(&str, &str)], items: &str) -> Policy {
    let terms = format!("{STAGED}\n{items}");
    let mut text = Draft::new("tr", &terms).text();
    text = text.replacen(
        "[policy]\n",
        "[policy]\naccept_total_loss = \"a test has nothing to lose\"\n",
        1,
    );
    for (name, custody) in parties {
        let was = format!("{name} = {{ key");
        assert!(text.contains(&was), "{name}");
        text = text.replacen(
            &was,
            &format!("{name} = {{ custody = {{ {custody} }}, key"),
            1,
        );
    }
    let checked = check(&text);
    let problems = checked.diagnostics;
    checked.policy.unwrap_or_else(|| panic!("{problems:#?}"))
}

#[test]
fn whoever_has_a_watchtower_vetoes() {
    let tower = |cloud: &str| {
        format!(
            "[items.tower]\nkind = \"watchtower\"\nof = \"alice\"\ncustody = {{ cloud = \"{cloud}\" }}"
        )
    };
    let scope = Scope::Single(Domain::Cloud);
    let ask =
        |policy: &Policy, question| names(&ask(policy, &stated(policy), question, scope).stated);

    // With a completed cancel it can undo every trigger there is.
    let policy = staged(&[("alice", "cloud = \"none\"")], &tower("nimbus"));
    assert_eq!(ask(&policy, Question::BlockRescue), set(&["cloud nimbus"]));
    let policy = staged(&[("alice", "cloud = \"nimbus\"")], "");
    assert_eq!(ask(&policy, Question::BlockRescue), set(&[]));

    // Where it is elsewhere, there is a veto left when all who can sign one are gone.
    let council = ["alice", "bob", "carol", "dave", "erin"];
    let nimbus: Vec<(&str, &str)> = council[..4]
        .iter()
        .map(|name| (*name, "cloud = \"nimbus\""))
        .collect();
    let policy = staged(&nimbus, "");
    assert_eq!(ask(&policy, Question::EndVetoes), set(&["cloud nimbus"]));
    let policy = staged(&nimbus, &tower("cumulus"));
    assert_eq!(ask(&policy, Question::EndVetoes), set(&[]));
    let policy = staged(&nimbus, &tower("nimbus"));
    assert_eq!(ask(&policy, Question::EndVetoes), set(&["cloud nimbus"]));
}

#[test]
fn with_the_files_goes_the_trigger_that_root_cannot_sign_again() {
    let root: Vec<(&str, &str)> = ["alice", "bob", "carol"]
        .iter()
        .map(|name| (*name, "operator = \"firm\""))
        .collect();
    let files = |holders: &[&str]| -> String {
        let item = |name: &&str| {
            format!(
                "[items.{name}-files]\nkind = \"files\"\nof = \"{name}\"\ncustody = {{ cloud = \"drive\" }}\n"
            )
        };
        holders.iter().map(item).collect()
    };
    let scope = Scope::Pair(Domain::Operator, Domain::Cloud);
    let lost =
        |policy: &Policy, question| names(&ask(policy, &stated(policy), question, scope).stated);
    let armed = Question::LoseRescue(Armed::Armed);
    let both = set(&["operator firm + cloud drive"]);
    let either_order =
        |found: BTreeSet<String>| found == both || found == set(&["cloud drive + operator firm"]);
    // All copies of those who act lie there, and root is gone.
    let policy = staged(&root, &files(&["gina", "hal", "ivan"]));
    assert!(either_order(lost(&policy, armed)));
    assert!(either_order(lost(&policy, Question::Lose(Armed::Armed))));
    // One copy is enough.
    let policy = staged(&root, &files(&["gina", "hal"]));
    assert_eq!(lost(&policy, armed), set(&[]));
    // Two of the council are not: the others sign again.
    let policy = staged(&root[..2], &files(&["gina", "hal", "ivan"]));
    assert_eq!(lost(&policy, armed), set(&[]));
    // Files alone move nothing.
    assert_eq!(lost(&policy, Question::Steal(Armed::Armed)), set(&[]));
}

#[test]
fn a_backup_is_the_keys_and_a_second_copy_of_them() {
    let backups: String = ["alice", "bob", "carol"]
        .iter()
        .map(|name| {
            format!(
                "[items.{name}-backup]\nkind = \"backup\"\nof = \"{name}\"\ncustody = {{ site = \"bank\", host = \"safe-of-{name}\" }}\n"
            )
        })
        .collect();
    let home: Vec<(&str, &str)> = ["alice", "bob", "carol"]
        .iter()
        .map(|name| (*name, "site = \"town\", host = \"home\""))
        .collect();
    let policy = staged(&home, &backups);
    let ask = |question, scope| names(&ask(&policy, &stated(&policy), question, scope).stated);
    let site = Scope::Single(Domain::Site);
    let steal = Question::StealDefended(Armed::Unarmed);
    // Whoever has the copies has the keys …
    assert_eq!(ask(steal, site), set(&["site bank", "site town"]));
    // … but when they are gone, the keys are still there.
    assert_eq!(ask(Question::CloseRoot, site), set(&[]));
    let both = Scope::Pair(Domain::Site, Domain::Site);
    assert_eq!(
        ask(Question::CloseRoot, both),
        set(&["site bank + site town"])
    );
}

#[test]
fn fee_wallets_and_acknowledgements_change_nothing_and_are_named() {
    let items = "[items.papers]\nkind = \"acknowledgements\"\nof = \"alice\"\ncustody = { cloud = \"drive\" }\n\n[items.coins]\nkind = \"fees\"\nof = \"gina\"\ncustody = { cloud = \"drive\" }\n";
    let agents = [("gina", "cloud = \"drive\""), ("hal", "cloud = \"drive\"")];
    let policy = staged(&agents, items);
    let fate = fate(&policy, &stated(&policy));
    let found = fate
        .stated
        .single(Domain::Cloud, "drive")
        .expect("the agents");
    let drive = &found.culprit.domains[0];
    assert_eq!(drive.members, ["gina", "hal", "coins", "papers"]);
    // Gina's wallet is an item of its own.
    assert_eq!(drive.fee_wallets, ["hal"]);
    let follows = |parties: &[(&str, &str)], items: &str| {
        let policy = staged(parties, items);
        let fate = self::fate(&policy, &stated(&policy));
        let found = fate.stated.single(Domain::Cloud, "drive").cloned();
        found.map(|found| found.consequences)
    };
    assert_eq!(follows(&agents, ""), follows(&agents, items));
    assert_eq!(follows(&[], items), None);
}

#[test]
fn pairs_that_any_two_in_them_are_worth_are_only_counted() {
    let apart = [
        ("gina", "operator = \"one\""),
        ("hal", "operator = \"two\""),
    ];
    let policy = staged(&apart, "");
    let facts = stated(&policy);
    let scope = Scope::Pair(Domain::Operator, Domain::Operator);
    // It is a pair that can …
    let answer = ask(&policy, &facts, Question::Steal(Armed::Armed), scope);
    assert_eq!(names(&answer.stated), set(&["operator one + operator two"]));
    // … and no news.
    let fate = fate(&policy, &facts);
    assert!(fate.stated.findings.is_empty());
    assert_eq!(fate.stated.plain_pairs, 1);
}
