//! A ledger in the making: who says what, and what the case has come to.

use std::fs;
use std::sync::Arc;

use longstop::governance::{
    Activation, Alarm, Ballot, Body, CaseOutcome, Cases, Charter, Decision, Digest, Event, EventId,
    Heartbeat, MemoryHistory, Phase, Proposal, SignedEvent, Veto, Word, replay,
};
use longstop::policy::{Policy, check};
use longstop::units::{ChainTime, UnixTime};

pub use crate::charter::at;
use crate::charter::identity;

pub const COUNCIL: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
pub const AGENTS: [&str; 3] = ["gina", "hal", "ivan"];

/// The treasury's policy with these terms: a council of three of five, agents of two of three, and
/// vetoers of two of the council.
pub fn charter(terms: &str) -> Charter {
    charter_by("blocks", terms)
}

/// The same with the path going by a clock.
pub fn charter_by(clock: &str, terms: &str) -> Charter {
    let text = fs::read_to_string("policies/dao-treasury/policy.toml").expect("it is shipped");
    let mut with = String::new();
    let mut party = "";
    let mut in_terms = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("[parties.") {
            party = name.trim_end_matches(']');
        }
        if line.starts_with("custody") {
            let public = Digest(identity(party).verifying_key().to_bytes());
            with += &format!("identity = \"{public}\"\n");
        }
        if line == "[path.activation]" {
            in_terms = true;
            with += terms;
            with.push('\n');
        }
        in_terms &= !line.starts_with("[[");
        if !in_terms {
            with += line;
            with.push('\n');
        }
        if line.starts_with("name") && line.contains("\"sos\"") {
            with += &format!("clock = \"{clock}\"\n");
        }
    }
    let checked = check(&with);
    let problems = &checked.diagnostics;
    let policy = checked
        .policy
        .unwrap_or_else(|| panic!("{with}\n{problems:#?}"));
    let id = Digest::sha256(policy.canonical().as_bytes());
    Charter::new(Arc::new(policy), id)
}

/// Everything that was said about one policy.
#[derive(Clone)]
pub struct World {
    pub charter: Charter,
    pub history: MemoryHistory,
}

impl World {
    pub fn new(terms: &str) -> Self {
        Self::of(charter(terms))
    }

    pub fn of(charter: Charter) -> Self {
        Self {
            history: MemoryHistory::new(charter.clone()),
            charter,
        }
    }

    pub fn policy(&self) -> &Policy {
        self.charter.policy()
    }

    /// Somebody says something with knowledge of all there is.
    #[track_caller]
    pub fn say(&mut self, author: &str, at: ChainTime, body: Body) -> EventId {
        self.say_but(author, at, body, |_| {})
    }

    /// The same with something changed about it.
    #[track_caller]
    pub fn say_but(
        &mut self,
        author: &str,
        at: ChainTime,
        body: Body,
        change: impl FnOnce(&mut Event),
    ) -> EventId {
        let mut event = self.history.draft(author, at, body);
        change(&mut event);
        self.admit(event)
    }

    /// The same until a median time.
    #[track_caller]
    pub fn say_until(
        &mut self,
        author: &str,
        at: ChainTime,
        expires: UnixTime,
        body: Body,
    ) -> EventId {
        self.say_but(author, at, body, |event| event.expires = Some(expires))
    }

    /// Somebody says something as if he knew nothing but these, and nothing of his own.
    #[track_caller]
    pub fn say_knowing(
        &mut self,
        author: &str,
        at: ChainTime,
        body: Body,
        known: &[EventId],
    ) -> EventId {
        let mut known = known.to_vec();
        known.sort_unstable();
        self.say_but(author, at, body, |event| {
            event.previous = None;
            event.seen = known;
        })
    }

    #[track_caller]
    pub fn admit(&mut self, event: Event) -> EventId {
        let key = identity(&event.author);
        let signed = event.sign(&key).expect("it can be said");
        let id = signed.id();
        assert_eq!(self.history.insert(signed), Ok(true));
        id
    }

    /// Tells two stories: two heartbeats after the same event.
    pub fn fork(&mut self, author: &str, at: ChainTime) {
        let draft = |world: &Self| world.history.draft(author, at, heartbeat());
        let (one, mut other) = (draft(self), draft(self));
        other.expires = Some(at.median_time_past.after_seconds(1));
        self.admit(one);
        self.admit(other);
    }

    pub fn words(&self) -> Vec<Word> {
        words(&self.history)
    }

    /// All cases, with the chain there.
    pub fn cases(&self, now: ChainTime) -> Cases {
        replay(self.words(), now, self.policy())
    }

    #[track_caller]
    pub fn phase(&self, case: EventId, now: ChainTime) -> Phase {
        let cases = self.cases(now);
        let (_, case) = cases.case(case).expect("it was proposed");
        case.phase.clone()
    }

    #[track_caller]
    pub fn is_activated(&self, case: EventId) -> bool {
        self.phase(case, at(1_000_000)) == Phase::Activated
    }
}

pub fn words(history: &MemoryHistory) -> Vec<Word> {
    history.told().into_iter().map(Word::from).collect()
}

pub fn word_of(history: &MemoryHistory, signed: &SignedEvent) -> Word {
    let told = history.told();
    let mut entries = told.into_iter();
    let entry = entries.find(|entry| entry.signed.id() == signed.id());
    Word::from(entry.expect("it was admitted"))
}

pub fn seconds(seconds: u32) -> ChainTime {
    ChainTime {
        median_time_past: at(0).median_time_past.after_seconds(seconds),
        height: at(seconds / 600).height,
    }
}

pub fn heartbeat() -> Body {
    Body::Heartbeat(Heartbeat {})
}

pub fn proposal() -> Body {
    Body::Proposal(Proposal {
        path: "sos".to_owned(),
        why: "nobody answers".to_owned(),
    })
}

pub fn activation(case: EventId) -> Body {
    Body::Activation(Activation {
        case,
        judgement: None,
    })
}

pub fn ballot(case: EventId, approve: bool) -> Body {
    Body::Ballot(Ballot { case, approve })
}

pub fn veto(case: EventId) -> Body {
    Body::Veto(Veto {
        case,
        why: "we are here".to_owned(),
    })
}

pub fn decision(case: EventId, outcome: CaseOutcome) -> Body {
    Body::Decision(Decision {
        case,
        outcome,
        why: "it is over".to_owned(),
    })
}

pub fn alarm(path: Option<&str>) -> Body {
    Body::Alarm(Alarm {
        path: path.map(str::to_owned),
        why: "strange logins".to_owned(),
    })
}
