//! Vetoes, and how a case ends.

use longstop::governance::{Action, CaseOutcome, Docket, Input, Phase, apply};
use longstop::policy::Clock;

use crate::world::{World, activation, at, decision, heartbeat, proposal, veto};

const MANUAL: &str = "activation = { manual = \"agents\" }";

fn is_vetoed(phase: &Phase) -> bool {
    matches!(phase, Phase::Vetoed { .. })
}

#[test]
fn it_takes_the_veto_quorum() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    world.say("alice", at(1), veto(case));
    world.say("alice", at(1), veto(case));
    for stranger in ["gina", "hal", "ivan"] {
        world.say(stranger, at(1), veto(case));
    }
    assert_eq!(world.phase(case, at(9)), Phase::Proposed, "one is not two");
    let cases = world.cases(at(9));
    let asked = Action::AskVeto {
        case,
        path: "sos".to_owned(),
        vetoed_by: vec!["alice".to_owned()],
        asked: ["bob", "carol", "dave", "erin"].map(str::to_owned).to_vec(),
    };
    assert!(cases.due(world.policy()).contains(&asked));
    world.say("erin", at(2), veto(case));
    assert_eq!(world.phase(case, at(9)), Phase::Vetoed { at: at(2) });
}

/// Whatever has come before it, and whatever comes after.
#[test]
fn a_veto_always_gets_there() {
    type Step = fn(&mut World, longstop::governance::EventId);
    let steps: [(&str, Step); 4] = [
        ("proposed", |_, _| {}),
        ("activated", |world, case| {
            for agent in ["gina", "hal"] {
                world.say(agent, at(1), activation(case));
            }
        }),
        ("closed", |world, case| {
            for agent in ["gina", "hal"] {
                world.say(agent, at(1), decision(case, CaseOutcome::Completed));
            }
        }),
        ("frozen", |world, case| {
            world.fork("ivan", at(1));
            world.say("ivan", at(1), activation(case));
        }),
    ];
    for (name, step) in steps {
        let mut world = World::new(MANUAL);
        let case = world.say("gina", at(0), proposal());
        step(&mut world, case);
        let before = world.phase(case, at(99));
        for member in ["alice", "bob"] {
            world.say(member, at(2), veto(case));
        }
        assert!(!is_vetoed(&before), "{name}");
        assert!(is_vetoed(&world.phase(case, at(99))), "{name}");
        for agent in ["gina", "hal"] {
            world.say(agent, at(3), activation(case));
            world.say(agent, at(3), decision(case, CaseOutcome::Completed));
        }
        assert!(is_vetoed(&world.phase(case, at(99))), "{name}, for good");
        let due = world.cases(at(99)).due(world.policy());
        let cancel = Action::Cancel {
            case,
            path: "sos".to_owned(),
        };
        assert!(due.contains(&cancel), "{name}");
        let signs = |action: &Action| matches!(action, Action::SignTrigger { .. });
        assert!(!due.iter().any(signs), "{name}");
    }
}

#[test]
fn the_path_s_quorum_or_root_ends_a_case() {
    for (party, at_least) in [("agents", 2), ("council", 3)] {
        let members = match party {
            "agents" => &["gina", "hal", "ivan"][..],
            _ => &["alice", "bob", "carol", "dave"][..],
        };
        for enough in [at_least - 1, at_least, at_least + 1] {
            let mut world = World::new(MANUAL);
            let case = world.say("gina", at(0), proposal());
            for member in members.iter().take(enough) {
                world.say(member, at(1), decision(case, CaseOutcome::Abandoned));
            }
            let closed = Phase::Closed {
                at: at(1),
                outcome: CaseOutcome::Abandoned,
            };
            let phase = world.phase(case, at(9));
            assert_eq!(phase == closed, enough >= at_least, "{enough} of {party}");
            // A closed case is not activated.
            for agent in ["gina", "hal"] {
                world.say(agent, at(2), activation(case));
            }
            assert_eq!(world.is_activated(case), enough < at_least);
        }
    }
}

#[test]
fn different_endings_do_not_add_up() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    world.say("gina", at(1), decision(case, CaseOutcome::Abandoned));
    world.say("hal", at(1), decision(case, CaseOutcome::Completed));
    world.say("alice", at(1), decision(case, CaseOutcome::Completed));
    assert_eq!(world.phase(case, at(9)), Phase::Proposed);
    world.say("gina", at(2), decision(case, CaseOutcome::Completed));
    let closed = Phase::Closed {
        at: at(2),
        outcome: CaseOutcome::Completed,
    };
    assert_eq!(world.phase(case, at(9)), closed);
}

/// Step by step: whose turn it is, when to sign, and when to stop.
#[test]
fn what_honest_software_does() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    world.say("gina", at(1), activation(case));
    world.say("hal", at(2), activation(case));
    world.say("alice", at(3), heartbeat());
    world.say("alice", at(3), veto(case));
    world.say("bob", at(3), veto(case));
    let (mut docket, actions) = apply(
        Docket::new(Clock::Blocks),
        &Input::Chain(at(9)),
        world.policy(),
    );
    assert_eq!(actions, []);
    let mut all = Vec::new();
    for word in world.words() {
        let (next, actions) = apply(docket, &Input::Word(word), world.policy());
        docket = next;
        all.push(actions);
    }
    let path = || "sos".to_owned();
    let names =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let ask = |asked: &[&str]| Action::AskActivation {
        case,
        path: path(),
        asked: names(asked),
    };
    let ask_veto = |vetoed_by: &[&str], asked: &[&str]| Action::AskVeto {
        case,
        path: path(),
        vetoed_by: names(vetoed_by),
        asked: names(asked),
    };
    let council = ["alice", "bob", "carol", "dave", "erin"];
    assert_eq!(
        all,
        [
            vec![ask(&["gina", "hal", "ivan"])],
            vec![ask(&["hal", "ivan"])],
            vec![
                ask_veto(&[], &council),
                Action::SignTrigger { case, path: path() }
            ],
            vec![],
            vec![ask_veto(&["alice"], &council[1..])],
            vec![
                Action::StopSigning { case, path: path() },
                Action::Cancel { case, path: path() }
            ],
        ]
    );
}

/// A signature on a trigger cannot be taken back.
#[test]
fn after_an_activation_that_came_to_nothing_root_is_asked_to_refresh() {
    for (outcome, asked) in [
        (CaseOutcome::Abandoned, true),
        (CaseOutcome::Completed, false),
    ] {
        for activated in [true, false] {
            let mut world = World::new(MANUAL);
            let case = world.say("gina", at(0), proposal());
            for agent in ["gina", "hal"] {
                if activated {
                    world.say(agent, at(1), activation(case));
                }
            }
            for agent in ["gina", "hal"] {
                world.say(agent, at(2), decision(case, outcome));
            }
            let refresh = Action::AskRefresh {
                case,
                path: "sos".to_owned(),
            };
            let due = world.cases(at(9)).due(world.policy());
            assert_eq!(due.contains(&refresh), asked && activated);
        }
    }
}
