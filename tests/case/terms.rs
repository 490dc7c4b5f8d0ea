//! Every term at its boundary, with what does not activate beside what does.

use longstop::governance::{Body, Disregard, EventId, Phase, Withdrawal};

use crate::world::{
    AGENTS, COUNCIL, World, activation, alarm, at, ballot, charter_by, decision, heartbeat,
    proposal, seconds,
};
use longstop::governance::CaseOutcome;

const MANUAL: &str = "activation = { manual = \"agents\" }";
const BY_COUNCIL: &str = "activation = { manual = \"council\" }";
const SILENCE: &str = "activation = { silence = \"council\", for = \"30 days\", fewer_than = 3 }";
const ALARM: &str = "activation = { alarm = \"vetoers\" }";
const MONTH: u32 = 4_320;

fn vote(turnout: u32, approve: u32) -> String {
    format!(
        "activation = {{ vote = \"council\", turnout = \"{turnout}%\", approve = \"{approve}%\", open = \"7 days\" }}"
    )
}

const WEEK: u32 = 1_008;

#[test]
fn without_terms_the_word_of_one_member_is_enough() {
    let mut world = World::new("");
    let case = world.say("alice", at(0), proposal());
    for stranger in ["alice", "bob"] {
        world.say(stranger, at(1), activation(case));
    }
    assert_eq!(world.phase(case, at(9)), Phase::Proposed);
    world.say("hal", at(2), activation(case));
    assert_eq!(world.phase(case, at(9)), Phase::Activated);
}

#[test]
fn a_manual_quorum_is_met_by_its_last_member() {
    let mut world = World::new(MANUAL);
    let case = world.say("gina", at(0), proposal());
    world.say("gina", at(1), activation(case));
    world.say("gina", at(2), activation(case));
    world.say("alice", at(2), activation(case));
    assert_eq!(world.phase(case, at(9)), Phase::Proposed, "one is not two");
    let last = world.say("ivan", at(3), activation(case));
    assert_eq!(world.phase(case, at(2)), Phase::Proposed);
    assert_eq!(world.phase(case, at(9)), Phase::Activated);
    let cases = world.cases(at(9));
    let (_, case) = cases.case(case).expect("it was proposed");
    let by = case.activated.as_ref().expect("it is activated");
    assert_eq!((by.event, by.party.as_str(), by.at), (last, "ivan", at(3)));
}

/// Where others are asked, it still takes one of the path's quorum, after them.
#[test]
fn a_quorum_of_others_is_not_enough_by_itself() {
    let mut world = World::new(BY_COUNCIL);
    let case = world.say("gina", at(0), proposal());
    world.say("gina", at(1), activation(case));
    for member in &COUNCIL[..3] {
        world.say(member, at(2), activation(case));
    }
    assert_eq!(world.phase(case, at(9)), Phase::Proposed);
    let mut other = world.clone();
    world.say("gina", at(3), activation(case));
    assert_eq!(world.phase(case, at(9)), Phase::Activated);
    other.say("alice", at(3), activation(case));
    assert_eq!(other.phase(case, at(9)), Phase::Proposed);
}

/// An activation of two is none once the first has expired.
#[test]
fn consent_counts_until_it_expires() {
    for (late, activated) in [(5, true), (6, false), (7, false)] {
        let mut world = World::new(MANUAL);
        let case = world.say("gina", at(0), proposal());
        world.say_until("gina", at(1), at(6).median_time_past, activation(case));
        world.say("hal", at(late), activation(case));
        assert_eq!(world.is_activated(case), activated, "at {late}");
    }
}

/// What the council says at 0 and some of them later; whether a case at some block is activated.
fn after_silence(later: &[(&str, u32)], asked: u32) -> bool {
    let mut world = World::new(SILENCE);
    for member in COUNCIL {
        world.say(member, at(0), heartbeat());
    }
    for (member, blocks) in later {
        world.say(member, at(*blocks), heartbeat());
    }
    let case = world.say("gina", at(asked), proposal());
    world.say("gina", at(asked), activation(case));
    world.is_activated(case)
}

#[test]
fn silence_counts_at_exactly_the_period() {
    for (asked, activated) in [(MONTH - 1, false), (MONTH, true), (MONTH + 1, true)] {
        assert_eq!(after_silence(&[], asked), activated, "at {asked}");
    }
}

#[test]
fn silence_is_fewer_than_so_many() {
    let two = [("alice", 100), ("bob", 100)];
    let three = [("alice", 100), ("bob", 200), ("carol", 300)];
    assert!(after_silence(&two, MONTH), "two are fewer than three");
    for (asked, activated) in [
        (MONTH, false),
        (MONTH + 99, false),
        (MONTH + 100, true),
        (MONTH + 101, true),
    ] {
        assert_eq!(after_silence(&three, asked), activated, "at {asked}");
    }
    let again = [("alice", 100), ("alice", 200), ("alice", 300)];
    assert!(after_silence(&again, MONTH), "one heard thrice is one");
}

/// Nobody can be silent before there was anything to hear.
#[test]
fn silence_takes_a_whole_period_of_the_ledger() {
    for (asked, activated) in [(MONTH - 1, false), (MONTH, true), (MONTH + 1, true)] {
        let mut world = World::new(SILENCE);
        world.say("gina", at(0), heartbeat());
        let case = world.say("gina", at(asked), proposal());
        world.say("gina", at(asked), activation(case));
        assert_eq!(world.is_activated(case), activated, "at {asked}");
    }
}

/// Whatever somebody signs shows that he is there, even about the case itself.
#[test]
fn every_event_is_a_sign_of_life() {
    let signs: [fn(EventId) -> Body; 4] = [
        |_| heartbeat(),
        |_| alarm(None),
        |case| ballot(case, true),
        |case| decision(case, CaseOutcome::Completed),
    ];
    for sign in signs {
        let mut world = World::new(SILENCE);
        for member in COUNCIL {
            world.say(member, at(0), heartbeat());
        }
        let case = world.say("gina", at(MONTH), proposal());
        let mut silent = world.clone();
        for member in &COUNCIL[..3] {
            world.say(member, at(MONTH), sign(case));
        }
        for (world, activated) in [(&mut world, false), (&mut silent, true)] {
            world.say("hal", at(MONTH), activation(case));
            assert_eq!(world.is_activated(case), activated);
        }
    }
}

/// By the clock of the chain a period is counted in units of 512 seconds, rounded up.
#[test]
fn silence_by_median_time() {
    let month = 30 * 86_400u32;
    let units = month.div_ceil(512) * 512;
    for (asked, activated) in [
        (month, false),
        (units - 1, false),
        (units, true),
        (units + 1, true),
    ] {
        let mut world = World::of(charter_by("time", SILENCE));
        for member in COUNCIL {
            world.say(member, seconds(0), heartbeat());
        }
        let case = world.say("gina", seconds(asked), proposal());
        world.say("gina", seconds(asked), activation(case));
        assert_eq!(world.is_activated(case), activated, "at {asked}");
    }
}

/// The member who asks is heard of himself, if he is of the quorum that is to be silent.
#[test]
fn whoever_activates_is_not_silent() {
    for (fewer_than, activated) in [(1, false), (2, true)] {
        let terms = format!(
            "activation = {{ silence = \"agents\", for = \"30 days\", fewer_than = {fewer_than} }}"
        );
        let mut world = World::new(&terms);
        let case = world.say("alice", at(0), proposal());
        world.say("gina", at(MONTH), activation(case));
        assert_eq!(world.is_activated(case), activated);
    }
}

#[test]
fn an_alarm_takes_its_quorum() {
    let mut world = World::new(ALARM);
    world.say("alice", at(0), alarm(Some("sos")));
    world.say("gina", at(0), alarm(None));
    let case = world.say("gina", at(1), proposal());
    world.say("gina", at(2), activation(case));
    assert!(!world.is_activated(case), "one monitor is not two");
    world.say("bob", at(3), alarm(None));
    assert!(!world.is_activated(case), "nobody has said so since");
    world.say("gina", at(4), activation(case));
    assert!(world.is_activated(case));
}

#[test]
fn an_alarm_that_is_withdrawn_stands_no_more() {
    let mut world = World::new(ALARM);
    let alarms = ["alice", "bob"].map(|monitor| world.say(monitor, at(0), alarm(None)));
    let case = world.say("gina", at(1), proposal());
    let mut withdrawn = world.clone();
    let withdrawal = Withdrawal { alarm: alarms[1] };
    withdrawn.say("bob", at(2), Body::Withdrawal(withdrawal));
    for (world, activated) in [(&mut world, true), (&mut withdrawn, false)] {
        world.say("gina", at(3), activation(case));
        assert_eq!(world.is_activated(case), activated);
    }
    // Withdrawn afterwards it makes no difference.
    let withdrawal = Withdrawal { alarm: alarms[0] };
    world.say("alice", at(4), Body::Withdrawal(withdrawal));
    assert!(world.is_activated(case));
}

#[test]
fn an_alarm_counts_until_it_expires() {
    for (asked, activated) in [(5, true), (6, false), (7, false)] {
        let mut world = World::new(ALARM);
        for monitor in ["alice", "bob"] {
            world.say_until(monitor, at(0), at(6).median_time_past, alarm(None));
        }
        let case = world.say("gina", at(1), proposal());
        world.say("gina", at(asked), activation(case));
        assert_eq!(world.is_activated(case), activated, "at {asked}");
    }
}

/// Ballots of the council one block apart, from the first block after the proposal.
fn voted(terms: &str, ballots: &[(&str, bool, u32)], asked: u32) -> bool {
    let mut world = World::new(terms);
    let case = world.say("gina", at(0), proposal());
    for (member, approve, blocks) in ballots {
        world.say(member, at(*blocks), ballot(case, *approve));
    }
    world.say("gina", at(asked), activation(case));
    world.is_activated(case)
}

#[test]
fn a_vote_passes_at_its_close() {
    let three = [("alice", true, 1), ("bob", true, 2), ("carol", true, 3)];
    for (asked, activated) in [(WEEK - 1, false), (WEEK, true), (WEEK + 1, true)] {
        assert_eq!(voted(&vote(60, 66), &three, asked), activated, "at {asked}");
    }
}

#[test]
fn a_ballot_counts_if_it_is_dated_before_the_close() {
    for (last, activated) in [(WEEK - 1, true), (WEEK, false), (WEEK + 1, false)] {
        let ballots = [("alice", true, 1), ("bob", true, 2), ("carol", true, last)];
        let passed = voted(&vote(60, 66), &ballots, 2 * WEEK);
        assert_eq!(passed, activated, "at {last}");
    }
}

/// Each vote has its own close: a ballot too late for one can be in time for another.
#[test]
fn votes_close_one_by_one() {
    let terms = "activation = { any = [ { vote = \"council\", turnout = \"60%\", approve = \"66%\", open = \"7 days\" }, { vote = \"council\", turnout = \"60%\", approve = \"66%\", open = \"14 days\" } ] }";
    for (last, at_first, at_second) in [
        (WEEK - 1, true, true),
        (WEEK, false, true),
        (2 * WEEK - 1, false, true),
        (2 * WEEK, false, false),
    ] {
        let ballots = [("alice", true, 1), ("bob", true, 2), ("carol", true, last)];
        assert_eq!(voted(terms, &ballots, 2 * WEEK), at_second, "at {last}");
        // Before the second closes, only the first can have passed.
        let before = last.clamp(WEEK, 2 * WEEK - 1);
        if last < 2 * WEEK {
            assert_eq!(voted(terms, &ballots, before), at_first, "at {last}");
        }
    }
}

#[test]
fn turnout_and_approval_in_whole_numbers() {
    let ballots = |approve: usize, reject: usize| {
        let members = COUNCIL.iter().enumerate().take(approve + reject);
        let ballots = members.map(|(at, member)| (*member, at < approve, at as u32));
        ballots.collect::<Vec<_>>()
    };
    for (turnout, approve, yes, no, passes) in [
        // Three of five are 60 %.
        (60, 1, 2, 0, false),
        (60, 1, 3, 0, true),
        (61, 1, 3, 0, false),
        (61, 1, 4, 0, true),
        (100, 1, 4, 0, false),
        (100, 1, 5, 0, true),
        (1, 1, 1, 0, true),
        // Two of three are 66.67 %.
        (1, 66, 2, 1, true),
        (1, 67, 2, 1, false),
        (1, 50, 2, 2, true),
        (1, 51, 2, 2, false),
        (1, 100, 4, 0, true),
        (1, 100, 4, 1, false),
        (1, 1, 0, 5, false),
        (1, 1, 0, 0, false),
    ] {
        let passed = voted(&vote(turnout, approve), &ballots(yes, no), WEEK);
        assert_eq!(
            passed, passes,
            "{yes} to {no} at {turnout} % and {approve} %"
        );
    }
}

#[test]
fn the_last_ballot_of_a_member_counts_and_once() {
    let terms = vote(60, 66);
    let thrice = [("alice", true, 1), ("alice", true, 2), ("alice", true, 3)];
    assert!(!voted(&terms, &thrice, WEEK));
    let others = [("bob", true, 1), ("carol", true, 2)];
    let changed = |first, last| {
        let mine = [("alice", first, 3), ("alice", last, 4)];
        voted(&vote(60, 100), &[&others[..], &mine].concat(), WEEK)
    };
    assert!(changed(false, true));
    assert!(!changed(true, false));
    // Changed after the close it stays as it was.
    let late = [("alice", true, 3), ("alice", false, WEEK)];
    assert!(voted(&vote(60, 100), &[&others[..], &late].concat(), WEEK));
}

#[test]
fn nobody_else_has_a_ballot() {
    let mut world = World::new(&vote(60, 66));
    let case = world.say("gina", at(0), proposal());
    for party in ["alice", "bob", "gina", "hal", "ivan"] {
        world.say(party, at(1), ballot(case, true));
    }
    world.say("gina", at(WEEK), activation(case));
    assert!(!world.is_activated(case));
    let cases = world.cases(at(WEEK));
    let (_, case) = cases.case(case).expect("it was proposed");
    let because: Vec<_> = case
        .disregarded
        .iter()
        .map(|word| (word.party.as_str(), &word.because))
        .collect();
    assert_eq!(because, AGENTS.map(|agent| (agent, &Disregard::NotAsked)));
}

#[test]
fn terms_join_and_nest() {
    let terms = "activation = { any = [ { all = [ { alarm = \"vetoers\" }, { manual = \"agents\" } ] }, { silence = \"council\", for = \"30 days\", fewer_than = 1 } ] }";
    let mut alarmed = World::new(terms);
    let case = alarmed.say("gina", at(0), proposal());
    for member in ["alice", "bob"] {
        alarmed.say(member, at(1), alarm(None));
    }
    alarmed.say("gina", at(2), activation(case));
    assert!(!alarmed.is_activated(case), "the alarm alone");
    let mut both = alarmed.clone();
    both.say("hal", at(3), activation(case));
    assert!(both.is_activated(case));
    for (asked, activated) in [(MONTH, false), (MONTH + 1, true)] {
        let mut silent = alarmed.clone();
        silent.say("gina", at(asked), activation(case));
        // The monitors were heard of in the block after the first.
        assert_eq!(silent.is_activated(case), activated, "at {asked}");
    }
}
