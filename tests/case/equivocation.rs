//! Whoever tells two stories is believed only where he holds back.

use longstop::governance::{Action, Body, CaseOutcome, Disregard, EventId, Phase, Withdrawal};

use crate::world::{World, activation, alarm, at, ballot, decision, heartbeat, proposal, veto};

const MANUAL: &str = "activation = { manual = \"agents\" }";
const ALARM: &str = "activation = { alarm = \"vetoers\" }";
const SILENCE: &str = "activation = { silence = \"council\", for = \"30 days\", fewer_than = 3 }";
const MONTH: u32 = 4_320;
const WEEK: u32 = 1_008;

fn vote(turnout: u32, approve: u32) -> String {
    format!(
        "activation = {{ vote = \"council\", turnout = \"{turnout}%\", approve = \"{approve}%\", open = \"7 days\" }}"
    )
}

/// Tells two stories about something: each is the next event of its author.
fn fork_about(world: &mut World, author: &str, blocks: u32, bodies: [Body; 2]) -> [EventId; 2] {
    let drafts = bodies.map(|body| world.history.draft(author, at(blocks), body));
    drafts.map(|draft| world.admit(draft))
}

fn frozen_by(phase: &Phase) -> Option<&str> {
    match phase {
        Phase::Frozen { party, .. } => Some(party),
        _ => None,
    }
}

/// Everything a liar can say, with what it is worth beside what an honest word is.
#[test]
fn the_word_of_a_liar() {
    // What is tried, the terms, whether the liar's word should help, and the story.
    type Story = fn(&mut World, &str, EventId);
    struct Row {
        name: &'static str,
        terms: String,
        by: [&'static str; 2],
        story: Story,
        honest: &'static str,
        liar: &'static str,
    }
    let rows = [
        Row {
            name: "activation",
            terms: MANUAL.to_owned(),
            by: ["hal", "hal"],
            story: |world, liar, case| {
                world.say("gina", at(2), activation(case));
                world.say(liar, at(3), activation(case));
            },
            honest: "activated",
            liar: "proposed",
        },
        Row {
            name: "activation by the last member",
            terms: String::new(),
            by: ["hal", "hal"],
            story: |world, liar, case| {
                world.say(liar, at(3), activation(case));
            },
            honest: "activated",
            liar: "proposed",
        },
        Row {
            name: "alarm",
            terms: ALARM.to_owned(),
            by: ["bob", "bob"],
            story: |world, liar, case| {
                world.say("alice", at(2), alarm(None));
                world.say(liar, at(2), alarm(None));
                world.say("gina", at(3), activation(case));
            },
            honest: "activated",
            liar: "proposed",
        },
        Row {
            name: "approving ballot",
            terms: vote(60, 100),
            by: ["carol", "carol"],
            story: |world, liar, case| {
                for member in ["alice", "bob", "dave", liar] {
                    world.say(member, at(2), ballot(case, true));
                }
                world.say("gina", at(WEEK + 9), activation(case));
            },
            honest: "activated",
            liar: "proposed",
        },
        Row {
            name: "taking part in a vote",
            terms: vote(60, 1),
            by: ["carol", "carol"],
            story: |world, liar, case| {
                for member in ["alice", "bob", liar] {
                    world.say(member, at(2), ballot(case, member != liar));
                }
                world.say("gina", at(WEEK + 9), activation(case));
            },
            honest: "activated",
            liar: "proposed",
        },
        Row {
            name: "rejecting ballot",
            terms: vote(60, 100),
            by: ["carol", "carol"],
            story: |world, liar, case| {
                for member in ["alice", "bob", "dave", liar] {
                    world.say(member, at(2), ballot(case, member != liar));
                }
                world.say("gina", at(WEEK + 9), activation(case));
            },
            honest: "proposed",
            liar: "proposed",
        },
        Row {
            name: "sign of life",
            terms: SILENCE.to_owned(),
            by: ["carol", "carol"],
            story: |world, liar, case| {
                for member in ["alice", "bob", liar] {
                    world.say(member, at(100), heartbeat());
                }
                world.say("gina", at(MONTH + 50), activation(case));
            },
            honest: "proposed",
            liar: "proposed",
        },
        Row {
            name: "withdrawal",
            terms: ALARM.to_owned(),
            by: ["bob", "bob"],
            story: |world, liar, case| {
                let raised = world.words().into_iter().find(|word| {
                    word.event.author == liar && matches!(word.event.body, Body::Alarm(_))
                });
                let alarm = raised.expect("it was raised").id;
                world.say(liar, at(3), Body::Withdrawal(Withdrawal { alarm }));
                world.say("gina", at(4), activation(case));
            },
            honest: "proposed",
            liar: "proposed",
        },
        Row {
            name: "veto",
            terms: MANUAL.to_owned(),
            by: ["bob", "bob"],
            story: |world, liar, case| {
                for member in ["alice", liar] {
                    world.say(member, at(2), veto(case));
                }
            },
            honest: "vetoed",
            liar: "vetoed",
        },
        Row {
            name: "decision",
            terms: MANUAL.to_owned(),
            by: ["hal", "hal"],
            story: |world, liar, case| {
                for agent in ["gina", liar] {
                    world.say(agent, at(2), decision(case, CaseOutcome::Completed));
                }
            },
            honest: "closed",
            liar: "proposed",
        },
    ];
    for row in rows {
        for lies in [false, true] {
            let mut world = World::new(&row.terms);
            let author = row.by[0];
            // Alarms of before stand until they are withdrawn.
            if row.name == "withdrawal" {
                for monitor in ["alice", "bob"] {
                    world.say(monitor, at(0), alarm(None));
                }
            }
            if lies {
                world.fork(author, at(0));
            }
            let case = world.say("gina", at(1), proposal());
            (row.story)(&mut world, author, case);
            let phase = match world.phase(case, at(99_999)) {
                Phase::Proposed => "proposed",
                Phase::Activated => "activated",
                Phase::Frozen { .. } => "frozen",
                Phase::Vetoed { .. } => "vetoed",
                Phase::Closed { .. } => "closed",
            };
            let expected = if lies { row.liar } else { row.honest };
            assert_eq!(phase, expected, "{}, lies: {lies}", row.name);
        }
    }
}

/// What was said before the two stories stands.
#[test]
fn what_he_said_before_stands() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    world.say("hal", at(1), activation(case));
    world.fork("hal", at(2));
    world.say("gina", at(3), activation(case));
    assert!(world.is_activated(case));
}

#[test]
fn two_stories_about_a_case_freeze_it() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    fork_about(&mut world, "ivan", 1, [activation(case), heartbeat()]);
    assert_eq!(frozen_by(&world.phase(case, at(9))), Some("ivan"));
    for agent in ["gina", "hal"] {
        world.say(agent, at(2), activation(case));
    }
    assert_eq!(
        frozen_by(&world.phase(case, at(9))),
        Some("ivan"),
        "for good"
    );
    let due = world.cases(at(9)).due(world.policy());
    let path = || "sos".to_owned();
    assert!(due.contains(&Action::ProposeAnew { case, path: path() }));
    let party = "ivan".to_owned();
    assert!(due.contains(&Action::Distrust { party }));

    // In another he is known, and freezes nothing any more.
    let other = world.say("gina", at(3), proposal());
    fork_about(&mut world, "ivan", 4, [activation(other), heartbeat()]);
    world.say("gina", at(5), activation(other));
    assert_eq!(world.phase(other, at(9)), Phase::Proposed);
    world.say("hal", at(6), activation(other));
    assert_eq!(world.phase(other, at(9)), Phase::Activated);
    let cases = world.cases(at(9));
    let (_, told) = cases.case(other).expect("it was proposed");
    assert!(
        told.disregarded
            .iter()
            .all(|word| { word.party == "ivan" && word.because == Disregard::Forked })
    );
}

/// Whoever has no say cannot freeze it either.
#[test]
fn two_stories_of_others_freeze_nothing() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    fork_about(
        &mut world,
        "alice",
        1,
        [activation(case), ballot(case, true)],
    );
    world.fork("ivan", at(1));
    for agent in ["gina", "hal"] {
        world.say(agent, at(2), activation(case));
    }
    assert_eq!(world.phase(case, at(9)), Phase::Activated);
}

/// An insider cannot undo what has been activated before.
#[test]
fn an_activated_case_is_not_frozen() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    for agent in ["gina", "hal"] {
        world.say(agent, at(1), activation(case));
    }
    let stories = [CaseOutcome::Completed, CaseOutcome::Abandoned];
    fork_about(
        &mut world,
        "ivan",
        2,
        stories.map(|outcome| decision(case, outcome)),
    );
    assert_eq!(world.phase(case, at(9)), Phase::Activated);
}

#[test]
fn a_proposal_in_two_versions_is_frozen() {
    let mut world = World::new("");
    let [one, other] = fork_about(&mut world, "ivan", 0, [proposal(), heartbeat()]);
    assert_eq!(frozen_by(&world.phase(one, at(9))), Some("ivan"));
    assert!(world.cases(at(9)).case(other).is_none());
}

/// Two honest people who write at once are no liars.
#[test]
fn honest_people_at_once_freeze_nothing() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    let drafts =
        ["gina", "hal", "ivan"].map(|agent| world.history.draft(agent, at(1), activation(case)));
    for draft in drafts {
        world.admit(draft);
    }
    assert!(world.history.history().forks().is_empty());
    assert_eq!(world.phase(case, at(9)), Phase::Activated);
}
