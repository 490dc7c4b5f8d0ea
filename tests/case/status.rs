//! How a case stands, in words.

use longstop::governance::{EventId, Status};
use longstop::policy::Guarantee;

use crate::world::{COUNCIL, World, activation, alarm, at, ballot, heartbeat, proposal, veto};

const TERMS: &str = "activation = { any = [ { manual = \"agents\" }, { silence = \"council\", for = \"30 days\", fewer_than = 3 }, { all = [ { alarm = \"vetoers\" }, { vote = \"council\", turnout = \"60%\", approve = \"66%\", open = \"7 days\" } ] } ] }";

fn status(world: &World, case: EventId, blocks: u32) -> Status {
    let cases = world.cases(at(blocks));
    let (docket, _) = cases.case(case).expect("it was proposed");
    docket
        .status(case, world.policy())
        .expect("there is a case")
}

fn text(status: &Status) -> String {
    let lines = status.statements.iter().map(|statement| {
        let mark = statement.guarantee.to_string();
        let indent = "  ".repeat(statement.depth);
        format!("{mark:<10} {indent}{}\n", statement.text)
    });
    lines.collect()
}

#[test]
fn what_is_missing_from_whom_and_until_when() {
    let mut world = World::new(TERMS);
    for (member, blocks) in COUNCIL.into_iter().zip([0, 10, 20, 30, 40]) {
        world.say(member, at(blocks), heartbeat());
    }
    let mut lied = world.clone();
    world.fork("erin", at(45));
    let case = world.say("gina", at(50), proposal());
    world.say("hal", at(51), activation(case));
    world.say("alice", at(52), ballot(case, true));
    world.say("bob", at(53), ballot(case, false));
    world.say("carol", at(54), alarm(None));
    world.say("gina", at(55), ballot(case, true));
    world.say("erin", at(56), ballot(case, true));
    world.say("dave", at(57), veto(case));
    insta::assert_snapshot!("proposed", text(&status(&world, case, 60)));

    let mut activated = world.clone();
    activated.say("ivan", at(61), activation(case));
    insta::assert_snapshot!("activated", text(&status(&activated, case, 62)));
    activated.say("alice", at(63), veto(case));
    insta::assert_snapshot!("vetoed", text(&status(&activated, case, 64)));

    let case = lied.say("gina", at(50), proposal());
    lied.fork("ivan", at(51));
    lied.say("ivan", at(52), activation(case));
    insta::assert_snapshot!("frozen", text(&status(&lied, case, 60)));
}

/// Nothing here is held by the chain, and the one sentence about the chain says so.
#[test]
fn only_the_chain_is_consensus() {
    let mut world = World::new(TERMS);
    let case = world.say("gina", at(0), proposal());
    world.say("gina", at(1), activation(case));
    let status = status(&world, case, 2);
    let consensus = |guarantee| guarantee == Guarantee::Consensus;
    let mut chain = status
        .statements
        .iter()
        .filter(|said| consensus(said.guarantee));
    let only = chain.next().expect("one sentence");
    assert!(only.text.starts_with("The chain knows nothing of cases"));
    assert!(chain.next().is_none());
}

/// The day it names is the day: one block earlier it does not hold, and then it does.
#[test]
fn by_waiting_it_holds_from_the_block_it_names() {
    let silence = "activation = { silence = \"council\", for = \"30 days\", fewer_than = 3 }";
    let vote = "activation = { vote = \"council\", turnout = \"60%\", approve = \"66%\", open = \"7 days\" }";
    for terms in [silence, vote] {
        let mut world = World::new(terms);
        for (member, blocks) in COUNCIL.into_iter().zip([0, 10, 20, 30, 40]) {
            world.say(member, at(blocks), heartbeat());
        }
        let case = world.say("gina", at(50), proposal());
        for member in &COUNCIL[..3] {
            world.say(member, at(60), ballot(case, true));
        }
        let named = status(&world, case, 61)
            .by_waiting
            .expect("waiting is enough");
        let block: u32 = named
            .to_string()
            .trim_start_matches("block ")
            .parse()
            .expect("a block");
        for (height, activated) in [(block - 1, false), (block, true)] {
            let mut world = world.clone();
            world.say("gina", at(height - 1_000), activation(case));
            assert_eq!(world.is_activated(case), activated, "{terms} at {height}");
        }
    }
}
