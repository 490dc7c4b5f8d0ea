//! Dates: ahead of the chain, late, and put together from two times.

use longstop::governance::{Action, Cases, Docket, Input, Phase, apply};
use longstop::policy::Clock;
use longstop::units::{BlockHeight, ChainTime};

use crate::world::{COUNCIL, World, activation, at, ballot, charter_by, heartbeat, proposal};

const MANUAL: &str = "activation = { manual = \"agents\" }";
const SILENCE: &str = "activation = { silence = \"council\", for = \"30 days\", fewer_than = 3 }";
const VOTE: &str =
    "activation = { vote = \"council\", turnout = \"60%\", approve = \"66%\", open = \"7 days\" }";
const MONTH: u32 = 4_320;
const WEEK: u32 = 1_008;

/// Ahead by either clock is ahead.
#[test]
fn a_word_from_ahead_of_the_chain_is_held_back_until_then() {
    let (early, late) = (at(10), at(20));
    let dates = [
        late,
        ChainTime {
            height: early.height,
            ..late
        },
        ChainTime {
            height: late.height,
            ..early
        },
    ];
    for date in dates {
        let mut world = World::new(MANUAL);
        let case = world.say("gina", at(0), proposal());
        world.say("gina", at(1), activation(case));
        let ahead = world.say("hal", date, activation(case));
        for (now, activated) in [
            (early, false),
            (at(19), false),
            (late, true),
            (at(21), true),
        ] {
            let cases = world.cases(now);
            let (_, told) = cases.case(case).expect("it was proposed");
            assert_eq!(told.phase == Phase::Activated, activated);
            let held: Vec<_> = cases.held().iter().map(|word| word.id).collect();
            assert_eq!(held, if activated { vec![] } else { vec![ahead] });
            let hold = Action::HoldBack { event: ahead };
            assert_eq!(cases.due(world.policy()).contains(&hold), !activated);
        }
        // Given too early, it changes nothing.
        let mut docket = Docket::new(Clock::Blocks);
        for input in [Input::Chain(early)]
            .into_iter()
            .chain(world.words().into_iter().map(Input::Word))
        {
            let (next, actions) = apply(docket.clone(), &input, world.policy());
            if matches!(&input, Input::Word(word) if word.id == ahead) {
                assert_eq!(next, docket);
                assert_eq!(actions, [Action::HoldBack { event: ahead }]);
            }
            docket = next;
        }
    }
}

/// Somebody who pretends to have seen nothing since cannot claim the silence of today with a date
/// of then: by the path's own clock the others were heard of.
#[test]
fn an_old_time_beside_a_new_one_gains_nothing() {
    let new = at(2 * MONTH);
    let heights = ChainTime {
        height: new.height,
        median_time_past: at(1).median_time_past,
    };
    let times = ChainTime {
        height: at(1).height,
        median_time_past: new.median_time_past,
    };
    for clock in ["blocks", "time"] {
        for date in [heights, times, new] {
            let mut world = World::of(charter_by(clock, SILENCE));
            for member in COUNCIL {
                world.say(member, at(0), heartbeat());
            }
            for day in 1..60 {
                for member in COUNCIL {
                    world.say(member, at(144 * day), heartbeat());
                }
            }
            let case = world.say_knowing("gina", date, proposal(), &[]);
            world.say_but("gina", date, activation(case), |event| {
                event.seen.clear();
            });
            assert!(!world.is_activated(case), "{clock}, {date:?}");
        }
    }
}

/// The same for a vote: whoever jumps to the close with an old time beside it cannot leave out the
/// ballots in between.
#[test]
fn ballots_before_the_close_count_whatever_else_their_dates_say() {
    for clock in ["blocks", "time"] {
        let mut world = World::of(charter_by(clock, VOTE));
        let case = world.say("gina", at(0), proposal());
        let mut known = Vec::new();
        for member in &COUNCIL[..3] {
            known.push(world.say(member, at(1), ballot(case, true)));
        }
        let last = known[2];
        let jump = at(WEEK + 1);
        let dates = [
            ChainTime {
                height: jump.height,
                ..at(1)
            },
            ChainTime {
                height: at(1).height,
                ..jump
            },
        ];
        let mut rejected = world.clone();
        for member in &COUNCIL[3..] {
            rejected.say(member, at(500), ballot(case, false));
        }
        for date in dates {
            let mut passed = world.clone();
            let mut failed = rejected.clone();
            let ask = |world: &mut World| {
                world.say_but("gina", date, activation(case), |event| {
                    event.seen = vec![last];
                });
                world.phase(case, at(9_999))
            };
            assert_eq!(ask(&mut failed), Phase::Proposed, "{clock}, {date:?}");
            // Without them it is activated where the date is past the close by the path's clock.
            let past = match clock {
                "blocks" => date.height >= at(WEEK).height,
                _ => date.median_time_past > at(WEEK).median_time_past,
            };
            assert_eq!(ask(&mut passed) == Phase::Activated, past, "{clock}");
        }
    }
}

/// A sign of life that arrives late, and is dated before the activation, undoes it.
#[test]
fn whoever_was_heard_of_in_time_is_not_silent_however_late_that_arrives() {
    let mut world = World::new(SILENCE);
    for member in COUNCIL {
        world.say(member, at(0), heartbeat());
    }
    let late: Vec<_> = COUNCIL[..3]
        .iter()
        .map(|member| world.history.draft(member, at(100), heartbeat()))
        .collect();
    let case = world.say("gina", at(MONTH), proposal());
    world.say("gina", at(MONTH), activation(case));
    let mut cases = Cases::new(world.policy());
    let _ = cases.observe(at(MONTH), world.policy());
    let path = || "sos".to_owned();
    let actions = cases.insert(world.words(), world.policy());
    assert!(actions.contains(&Action::SignTrigger { case, path: path() }));
    for event in late {
        world.admit(event);
    }
    let actions = cases.insert(world.words(), world.policy());
    assert!(actions.contains(&Action::StopSigning { case, path: path() }));
    assert_eq!(cases, world.cases(at(MONTH)));
    assert_eq!(world.phase(case, at(MONTH)), Phase::Proposed);
}

/// A chain that goes back does not call words back that have counted.
#[test]
fn a_reorg_does_not_turn_a_docket_back() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    for agent in ["gina", "hal"] {
        world.say(agent, at(10), activation(case));
    }
    let mut cases = Cases::new(world.policy());
    let _ = cases.insert(world.words(), world.policy());
    assert!(
        cases.case(case).is_none(),
        "nothing counts before the chain is there"
    );
    for (now, furthest) in [(at(10), at(10)), (at(8), at(10)), (at(11), at(11))] {
        let _ = cases.observe(now, world.policy());
        assert_eq!(cases.now(), furthest);
        let (_, told) = cases.case(case).expect("it was proposed");
        assert_eq!(told.phase, Phase::Activated);
    }
    assert_eq!(cases, world.cases(at(11)));
}

/// The largest numbers there are end in no overflow.
#[test]
fn the_end_of_time() {
    let end = ChainTime {
        height: BlockHeight(u32::MAX),
        median_time_past: longstop::units::UnixTime(u32::MAX),
    };
    for clock in ["blocks", "time"] {
        for terms in [SILENCE, VOTE, MANUAL] {
            let mut world = World::of(charter_by(clock, terms));
            let case = world.say("gina", end, proposal());
            world.say("gina", end, activation(case));
            world.say("alice", end, ballot(case, true));
            assert_eq!(world.phase(case, end), Phase::Proposed);
            let cases = world.cases(end);
            let (docket, _) = cases.case(case).expect("it was proposed");
            assert!(docket.status(case, world.policy()).is_some());
        }
    }
}
