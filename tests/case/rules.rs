//! Rules about cases: their facts, their verdicts, and asking them again.

use longstop::governance::{
    Activation, Body, Digest, Disregard, EventId, Judgement, NotReexecuted, Phase, ask_rule,
    facts_of, reexecute,
};
use longstop::policy::{ActivationFacts, Sats, Vault};

use crate::world::{COUNCIL, World, alarm, at, ballot, heartbeat, proposal};

const TERMS: &str = "activation = { any = [ { manual = \"agents\" }, { silence = \"council\", for = \"30 days\", fewer_than = 3 }, { vote = \"council\", turnout = \"60%\", approve = \"66%\", open = \"7 days\" } ] }";
const FEW: &str = "fn activate(facts) { #{ allow: facts.silences[0].heard < 3, why: `${facts.silences[0].heard} were heard of` } }";

fn vault() -> Vault {
    Vault {
        coins: 2,
        sats: Sats::try_from(150_000_000).expect("an amount"),
    }
}

fn facts(world: &World, case: EventId, blocks: u32) -> ActivationFacts {
    let cases = world.cases(at(blocks));
    let (docket, case) = cases.case(case).expect("it was proposed");
    facts_of(docket, case, at(blocks), vault(), world.policy())
}

fn world() -> (World, EventId) {
    let mut world = World::new(TERMS);
    for member in COUNCIL {
        world.say(member, at(0), heartbeat());
    }
    let case = world.say("gina", at(10), proposal());
    (world, case)
}

#[test]
fn a_rule_is_told_what_was_said() {
    let (mut world, case) = world();
    world.say("alice", at(20), ballot(case, true));
    world.say("bob", at(30), ballot(case, false));
    world.say("carol", at(40), alarm(Some("sos")));
    world.fork("dave", at(41));
    world.say("dave", at(42), ballot(case, true));
    world.say("dave", at(43), alarm(None));
    world.say_until("erin", at(44), at(50).median_time_past, alarm(None));
    let told = facts(&world, case, 4_320);
    assert_eq!(told.policy_id, world.charter.id().to_string());
    assert_eq!((told.path.as_str(), told.height), ("sos", 5_320));
    assert_eq!(told.vault, vault());
    let beats: Vec<(&str, u32)> = told
        .heartbeats
        .iter()
        .map(|beat| (beat.party.as_str(), beat.median_time_past))
        .collect();
    let time = |blocks| at(blocks).median_time_past.0;
    assert_eq!(
        beats,
        [
            ("alice", time(20)),
            ("bob", time(30)),
            ("carol", time(40)),
            ("dave", time(43)),
            ("erin", time(44)),
            ("gina", time(10))
        ]
    );
    let [silence] = told.silences.as_slice() else {
        panic!("one term of silence: {told:?}");
    };
    assert_eq!(silence.quorum, "council");
    assert_eq!(
        (silence.members, silence.heard, silence.fewer_than),
        (5, 5, 3)
    );
    assert_eq!(silence.seconds, 30 * 86_400);
    assert_eq!(facts(&world, case, 4_339).silences[0].heard, 5);
    assert_eq!(facts(&world, case, 4_340).silences[0].heard, 4);
    let [alarm] = told.alarms.as_slice() else {
        panic!("one alarm stands: {told:?}");
    };
    assert_eq!(
        (alarm.party.as_str(), alarm.median_time_past),
        ("carol", time(40))
    );
    let [vote] = told.ballots.as_slice() else {
        panic!("one vote: {told:?}");
    };
    assert_eq!((vote.members, vote.approve, vote.reject), (5, 1, 2));
    assert_eq!(vote.open_until, time(10 + 1_008));
}

/// Says that the path is to be activated, with a verdict.
fn judged(world: &mut World, case: EventId, author: &str, blocks: u32, judgement: Judgement) {
    world.say(
        author,
        at(blocks),
        Body::Activation(Activation {
            case,
            judgement: Some(judgement),
        }),
    );
}

#[test]
fn an_activation_with_a_verdict_counts_if_the_verdict_carries_it() {
    let (mut world, case) = world();
    let month = 4_400;
    for agent in ["gina", "hal"] {
        let facts = facts(&world, case, month);
        let judgement = ask_rule(FEW, facts);
        assert!(judgement.allow, "{judgement:?}");
        judged(&mut world, case, agent, month, judgement);
    }
    assert_eq!(world.phase(case, at(month)), Phase::Activated);
}

#[test]
fn a_verdict_that_does_not_carry_it_is_worth_nothing() {
    let (world, case) = world();
    let month = 4_400;
    let good = ask_rule(FEW, facts(&world, case, month));
    type Change = fn(&mut Judgement);
    let changes: [(&str, Change); 8] = [
        ("denies", |judgement| judgement.allow = false),
        ("the words of the rule", |judgement| {
            judgement.rule += " ";
        }),
        ("the words of the rule", |judgement| {
            judgement.rule_sha256 = Digest([0; 32]);
        }),
        ("the facts of its verdict", |judgement| {
            judgement.facts.vault.coins += 1;
        }),
        ("the facts of its verdict", |judgement| {
            judgement.facts_sha256 = Digest([0; 32]);
        }),
        ("another policy, path or time", |judgement| {
            change_facts(judgement, |facts| facts.height += 1);
        }),
        ("another policy, path or time", |judgement| {
            change_facts(judgement, |facts| facts.path = "dead-man".to_owned());
        }),
        ("another policy, path or time", |judgement| {
            change_facts(judgement, |facts| facts.policy_id = "0".repeat(64));
        }),
    ];
    for (why, change) in changes {
        let mut world = world.clone();
        let mut bad = good.clone();
        change(&mut bad);
        judged(&mut world, case, "gina", month, bad);
        assert_eq!(world.phase(case, at(month)), Phase::Proposed, "{why}");
        let cases = world.cases(at(month));
        let (_, told) = cases.case(case).expect("it was proposed");
        let [word] = told.disregarded.as_slice() else {
            panic!("one word does not count: {told:?}");
        };
        let Disregard::Verdict(because) = &word.because else {
            panic!("because of its verdict: {word:?}");
        };
        assert!(because.contains(why), "{because}");
    }
    let mut world = world;
    judged(&mut world, case, "gina", month, good);
    assert_eq!(world.phase(case, at(month)), Phase::Activated);
}

/// Facts that were changed with their digest.
fn change_facts(judgement: &mut Judgement, change: fn(&mut ActivationFacts)) {
    let mut facts = judgement.facts.clone();
    change(&mut facts);
    *judgement = ask_rule(&judgement.rule, facts);
}

#[test]
fn a_verdict_is_what_its_rule_says_when_it_is_asked_again() {
    let (world, case) = world();
    let activation = |judgement| Activation {
        case,
        judgement: Some(judgement),
    };
    for blocks in [100, 4_400] {
        let judgement = ask_rule(FEW, facts(&world, case, blocks));
        assert_eq!(judgement.allow, blocks > 4_320);
        let again = reexecute(&activation(judgement.clone()));
        let verdict = again.expect("it is the same").expect("there is a rule");
        assert_eq!(
            (verdict.allow, &verdict.why),
            (judgement.allow, &judgement.why)
        );

        let mut lie = judgement.clone();
        lie.allow = !lie.allow;
        let again = reexecute(&activation(lie));
        assert!(
            matches!(again, Err(NotReexecuted::OtherVerdict { .. })),
            "{again:?}"
        );
        let mut lie = judgement.clone();
        lie.why = "because".to_owned();
        let again = reexecute(&activation(lie));
        assert!(
            matches!(again, Err(NotReexecuted::OtherVerdict { .. })),
            "{again:?}"
        );
        let mut lie = judgement.clone();
        lie.facts.height += 1;
        let again = reexecute(&activation(lie));
        assert!(
            matches!(again, Err(NotReexecuted::OtherDigest("the facts"))),
            "{again:?}"
        );
        let mut other = judgement;
        other.interpreter = "another 1.0".to_owned();
        let again = reexecute(&activation(other));
        assert!(
            matches!(again, Err(NotReexecuted::OtherInterpreter { .. })),
            "{again:?}"
        );
    }
    let none = Activation {
        case,
        judgement: None,
    };
    assert_eq!(reexecute(&none), Ok(None));
}

/// Whatever a rule gives as its reason can stand in an event.
#[test]
fn every_verdict_can_be_written_down() {
    let (world, case) = world();
    for rule in [
        "fn activate(facts) { true }",
        "fn activate(facts) { nonsense",
        "",
        "fn activate(facts) { let why = \"\"; for at in 0..700 { why += \"x\" }; #{ allow: true, why: why } }",
        "fn activate(facts) { #{ allow: true, why: \"  spaces \\n and lines  \" } }",
        "fn activate(facts) { #{ allow: true, why: \"\\u{202e}turned\" } }",
    ] {
        let mut world = world.clone();
        let judgement = ask_rule(rule, facts(&world, case, 100));
        judged(&mut world, case, "gina", 100, judgement);
    }
}
