//! Two wardens, each with a replica of his own, follow a case from silence to activation.
//!
//! What one of them has not heard yet makes him see it activated too soon; once both have the
//! same events, both see the same, whatever came first.
//!
//! ```text
//! cargo run --example activate
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::sync::Arc;

use longstop::compile::compile;
use longstop::engine::{Consent, Replica};
use longstop::governance::{
    Action, Activation, Body, Charter, Digest, EventId, Heartbeat, Phase, Proposal, SignedEvent,
};
use longstop::policy::check;
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, ChainTime, UnixTime};

const PATH: &str = "rescue";

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::fs::read_to_string("policies/relief-fund/policy.toml")?;
    let policy = Arc::new(check(&text).policy.ok_or("the policy has errors")?);
    let id = compile(Arc::clone(&policy))?.id().to_bytes();
    let charter = Charter::new(policy, Digest(id));
    let mut rui = Replica::new(charter.clone());
    let mut sofia = Replica::new(charter);

    for party in ["amara", "bashir", "celine", "dov", "elif"] {
        say(&mut rui, party, 0, heartbeat())?;
    }
    exchange(&mut rui, &mut sofia);

    // Two of the board are heard of on day 20, by Sofia alone.
    for party in ["celine", "elif"] {
        say(&mut sofia, party, 20, heartbeat())?;
    }

    // Rui, who has not heard of them, waits for thirty days and has the case activated.
    let proposal = Body::Proposal(Proposal {
        path: PATH.to_owned(),
        why: "nobody of the board answers".to_owned(),
    });
    let case = say(&mut rui, "rui", 30, proposal)?;
    assert_eq!(phase(&rui, case), Some(Phase::Proposed));
    assert!(rui.consent(PATH).is_err(), "nobody has activated it");
    say(&mut rui, "rui", 30, activation(case))?;
    assert_eq!(rui.consent(PATH)?, Consent::Activated(case));
    println!("day 30: Rui sees the case as activated");

    // The two heartbeats came before his word, whenever he hears of them.
    let news = exchange(&mut rui, &mut sofia);
    let stop = |action: &Action| matches!(action, Action::StopSigning { .. });
    assert!(news.iter().any(stop), "{news:?}");
    for replica in [&rui, &sofia] {
        assert_eq!(phase(replica, case), Some(Phase::Proposed));
        assert!(replica.consent(PATH).is_err());
    }
    println!("       with the heartbeats of day 20 both see it as proposed");

    // Thirty days after these, and not a block earlier.
    let last = blocks(50) - 1;
    say_at(&mut sofia, "sofia", last, activation(case))?;
    exchange(&mut rui, &mut sofia);
    assert!(rui.consent(PATH).is_err(), "{last} is one block too early");
    say(&mut sofia, "sofia", 50, activation(case))?;
    exchange(&mut rui, &mut sofia);
    for replica in [&rui, &sofia] {
        assert_eq!(phase(replica, case), Some(Phase::Activated));
        assert_eq!(replica.consent(PATH)?, Consent::Activated(case));
    }
    assert_eq!(rui.cases(), sofia.cases());
    println!("day 50: both see it as activated by Sofia");
    Ok(())
}

const fn blocks(days: u32) -> u32 {
    144 * days
}

/// So many blocks after the beginning, ten minutes each.
fn at(blocks: u32) -> ChainTime {
    ChainTime {
        height: BlockHeight(1_000 + blocks),
        median_time_past: UnixTime(1_700_000_000 + 600 * blocks),
    }
}

fn heartbeat() -> Body {
    Body::Heartbeat(Heartbeat {})
}

fn activation(case: EventId) -> Body {
    Body::Activation(Activation {
        case,
        judgement: None,
    })
}

fn phase(replica: &Replica, case: EventId) -> Option<Phase> {
    let (_, case) = replica.cases().case(case)?;
    Some(case.phase.clone())
}

fn say(
    replica: &mut Replica,
    party: &str,
    day: u32,
    body: Body,
) -> Result<EventId, Box<dyn Error>> {
    say_at(replica, party, blocks(day), body)
}

/// A party says something at a replica, with knowledge of all there is.
fn say_at(
    replica: &mut Replica,
    party: &str,
    block: u32,
    body: Body,
) -> Result<EventId, Box<dyn Error>> {
    replica.observe(at(block));
    let identity = SoftwareSigner::stand_in_identity(0, party);
    let signed = replica.draft(party, at(block), body).sign(&identity)?;
    let id = signed.id();
    replica.take(signed)?;
    Ok(id)
}

/// Each gives the other what it has, and both see the chain where the later of them saw it.
fn exchange(one: &mut Replica, other: &mut Replica) -> Vec<Action> {
    let now = one.cases().now().max(other.cases().now());
    let mut news = one.observe(now);
    news.extend(other.observe(now));
    news.extend(deliver(one, other));
    news.extend(deliver(other, one));
    news
}

fn deliver(from: &Replica, to: &mut Replica) -> Vec<Action> {
    let told = from.history().told();
    let events: Vec<SignedEvent> = told.iter().map(|entry| entry.signed.clone()).collect();
    let taken = events.into_iter().map(|event| to.take(event));
    taken.flat_map(Result::unwrap_or_default).collect()
}
