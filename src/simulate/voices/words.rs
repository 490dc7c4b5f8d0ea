//! What was said, in words.

use super::super::scenario::{Said, Saying, Wrong};
use crate::engine::Replica;
use crate::governance::{CaseOutcome, Disregard, EventId};

/// What somebody says.
pub(super) fn what(said: &Said) -> String {
    let case = said.case.as_ref().map_or("", |case| case.text.as_str());
    let about = |word: &str| format!("{word} the case {case}");
    let mut what = match said.saying {
        Saying::Heartbeat => "send a heartbeat".to_owned(),
        Saying::Attest => "attest what the policy says of the custody".to_owned(),
        Saying::Alarm => "raise an alarm".to_owned(),
        Saying::Withdraw => "withdraw the last alarm".to_owned(),
        Saying::Propose => about("propose"),
        Saying::Vote => match said.approve {
            Some(true) => format!("vote for the case {case}"),
            _ => format!("vote against the case {case}"),
        },
        Saying::Activate => about("activate"),
        Saying::Veto => about("veto"),
        Saying::Decide => match said.outcome {
            Some(CaseOutcome::Completed) => format!("close the case {case} as completed"),
            _ => format!("close the case {case} as abandoned"),
        },
    };
    if let Some(path) = &said.path {
        what.push_str(&format!(" on {path}"));
    }
    if let Some(why) = &said.why {
        what.push_str(&format!(": {why}"));
    }
    match &said.wrong {
        Some(Wrong::Forged(author)) => format!("in the name of {author}, {what}"),
        Some(Wrong::Forked) => format!("beside what was said last, {what}"),
        None => what,
    }
}

/// Why an event that was admitted counts for nothing in its case, if it does.
pub(super) fn disregarded(replica: &Replica, id: EventId) -> Option<String> {
    let all = replica.cases().all();
    let mut disregarded = all.iter().flat_map(|(_, case)| &case.disregarded);
    let found = disregarded.find(|disregarded| disregarded.event == id)?;
    let party = &found.party;
    Some(match &found.because {
        Disregard::NotAsked => {
            format!("it is recorded and does not count: the policy does not ask {party} for it")
        }
        Disregard::Forked => {
            format!("it is recorded and does not count: {party} has told two stories")
        }
        Disregard::TooLate => {
            "it is recorded and does not count: it is dated after the close".to_owned()
        }
        Disregard::Verdict(why) => format!("it is recorded and does not count: {why}"),
    })
}
