//! How a case stands, as data and in words.

use serde::Serialize;

use super::super::event::{CaseOutcome, EventId};
use super::clock::{point, reading};
use super::{
    Action, Case, ChainPoint, Disregard, Disregarded, Docket, Intent, Phase, SilenceTerm, Term,
    VoteState, VoteTerm,
};
use crate::policy::{Guarantee, Policy, list, quote};
use crate::units::ChainTime;

/// How a case stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub case: EventId,
    /// Its path.
    pub path: String,
    /// What it is for.
    pub why: String,
    /// Who proposed it.
    pub proposer: String,
    /// When, by the clock of the path.
    pub opened: ChainPoint,
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// Who activated it and when, if anybody has.
    pub activated: Option<(String, ChainPoint)>,
    /// Where the chain is.
    pub now: ChainTime,
    /// The terms of the path as they stand now, if it has any.
    pub terms: Option<Term>,
    /// From when on the terms hold if nobody says anything more, if waiting is enough.
    pub by_waiting: Option<ChainPoint>,
    /// Who can veto, and who has.
    pub veto: VetoStatus,
    /// The payments it is for.
    pub intents: Vec<Intent>,
    /// What was said about it and does not count.
    pub disregarded: Vec<Disregarded>,
    /// What honest software does now.
    pub due: Vec<Action>,
    /// The same in words.
    pub statements: Vec<Statement>,
}

/// Who can veto, and who has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VetoStatus {
    /// The veto quorum.
    pub quorum: String,
    /// Who has objected.
    pub by: Vec<String>,
    /// Who has not.
    pub missing: Vec<String>,
    /// How many more seats it takes.
    pub more: usize,
}

/// A sentence or a few about a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The statement in plain English.
    pub text: String,
    /// What stands behind it.
    pub guarantee: Guarantee,
    /// How deep it stands among the terms, 0 for what is no term.
    pub depth: usize,
}

impl Docket {
    /// How a case stands, if there is such a case and the policy is the one it is about.
    #[must_use]
    pub fn status(&self, id: EventId, policy: &Policy) -> Option<Status> {
        let case = self.cases.get(&id)?;
        let path = policy.path(&case.path)?;
        let staged = path.staged()?;
        let at = |time| point(self.clock, reading(self.clock, time));
        let terms = staged
            .activation()
            .map(|terms| self.term(case, terms, self.now, None));
        let has_vetoed = |party: &str| {
            let veto = case.vetoes.get(party);
            veto.is_some_and(|veto| veto.counted.stands(self.clock, self.now))
        };
        let (by, missing): (Vec<&str>, Vec<&str>) = staged
            .veto()
            .roll()
            .into_iter()
            .partition(|party| has_vetoed(party));
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let veto = VetoStatus {
            quorum: staged.veto().name().to_owned(),
            by: owned(by),
            missing: owned(missing),
            more: super::term::seats_missing(staged.veto(), &has_vetoed),
        };
        let activated = case.activated.as_ref();
        let mut status = Status {
            case: id,
            path: case.path.clone(),
            why: case.why.clone(),
            proposer: case.proposer.clone(),
            opened: at(case.opened),
            phase: case.phase.clone(),
            activated: activated.map(|by| (by.party.clone(), at(by.at))),
            now: self.now,
            by_waiting: terms.as_ref().and_then(Term::by_waiting),
            terms,
            veto,
            intents: case.intents.clone(),
            disregarded: case.disregarded.clone(),
            due: self.due_for(case, policy),
            statements: Vec::new(),
        };
        let mut teller = Teller {
            docket: self,
            status: &status,
            actors: path.quorum().name(),
            said: Vec::new(),
        };
        teller.tell(case);
        status.statements = teller.said;
        Some(status)
    }
}

struct Teller<'a> {
    docket: &'a Docket,
    status: &'a Status,
    actors: &'a str,
    said: Vec<Statement>,
}

impl Teller<'_> {
    fn say(&mut self, guarantee: Guarantee, text: String) {
        self.say_at(0, guarantee, text);
    }

    fn say_at(&mut self, depth: usize, guarantee: Guarantee, text: String) {
        self.said.push(Statement {
            text,
            guarantee,
            depth,
        });
    }

    fn tell(&mut self, case: &Case) {
        let status = self.status;
        self.say(
            Guarantee::Fact,
            format!(
                "{} proposed at {} to activate the path {}: {}.",
                status.proposer,
                status.opened,
                quote(&status.path),
                quote(&status.why)
            ),
        );
        for intent in &status.intents {
            let payees = intent.payees.iter().map(|payee| {
                let sats = payee.amount.to_i64();
                format!("{sats} sat to {}", quote(&payee.address))
            });
            let payees: Vec<String> = payees.collect();
            self.say(
                Guarantee::Software,
                format!(
                    "{} says that it is to pay {}: {}.",
                    intent.party,
                    list(&payees, "and"),
                    quote(&intent.purpose)
                ),
            );
        }
        let phase = self.phase(case);
        self.say(Guarantee::Software, phase);
        if status.phase == Phase::Proposed {
            self.tell_terms();
        }
        self.tell_veto();
        for disregarded in &status.disregarded {
            let text = disregarded_words(disregarded);
            self.say(Guarantee::Software, text);
        }
        for action in &status.due {
            if let Some(text) = self.action(action) {
                self.say(Guarantee::Software, text);
            }
        }
        self.say(
            Guarantee::Consensus,
            format!(
                "The chain knows nothing of cases: with the file for an armed coin, as many of the {} as their threshold asks for can trigger it whatever stands here.",
                self.actors
            ),
        );
    }

    fn phase(&self, case: &Case) -> String {
        let clock = self.docket.clock;
        let at = |time| point(clock, reading(clock, time));
        match &case.phase {
            Phase::Proposed => {
                "It is proposed and not activated: honest software signs no trigger for it."
                    .to_owned()
            }
            Phase::Activated => {
                let (by, when) = match &case.activated {
                    Some(by) => (format!(" by the word of {}", by.party), at(by.at)),
                    None => (String::new(), self.status.opened),
                };
                format!(
                    "It is activated{by} at {when}: honest software of the {} signs the trigger.",
                    self.actors
                )
            }
            Phase::Frozen { party, .. } => format!(
                "It is frozen, because {party} has told two stories and one of them touches it: it is never activated."
            ),
            Phase::Vetoed { at: when } => format!(
                "It is vetoed since {}: honest software cancels whatever was triggered for it, and signs no trigger.",
                at(*when)
            ),
            Phase::Closed { at: when, outcome } => format!(
                "It is over since {}, as {}: honest software signs no trigger for it.",
                at(*when),
                match outcome {
                    CaseOutcome::Completed => "completed",
                    CaseOutcome::Abandoned => "abandoned",
                }
            ),
        }
    }

    fn tell_terms(&mut self) {
        let status = self.status;
        match &status.terms {
            None => self.say(
                Guarantee::Software,
                format!(
                    "The policy names no terms for this path: the word of one of the {} activates it.",
                    self.actors
                ),
            ),
            Some(terms) => {
                self.say(
                    Guarantee::Software,
                    format!(
                        "It is activated by the word of one of the {}, once these terms hold.",
                        self.actors
                    ),
                );
                self.tell_term(terms, 1);
                if let Some(from) = status.by_waiting {
                    self.say(
                        Guarantee::Software,
                        format!("If nobody says anything more, they hold from {from} on."),
                    );
                }
            }
        }
    }

    fn tell_term(&mut self, term: &Term, depth: usize) {
        let holds = match term.holds() {
            true => "This holds",
            false => "This does not hold",
        };
        let text = match term {
            Term::Any { .. } => format!("{holds}: one of these is enough."),
            Term::All { .. } => format!("{holds}: it takes all of these."),
            Term::Manual(term) => format!(
                "{holds}: a decision of the {}. {}",
                term.quorum,
                said_by(
                    "has said so",
                    "have said so",
                    &term.by,
                    &term.missing,
                    term.more
                )
            ),
            Term::Alarm(term) => {
                let by: Vec<String> = term.by.iter().map(|raised| raised.party.clone()).collect();
                format!(
                    "{holds}: an alarm raised by the {}. {}",
                    term.quorum,
                    said_by(
                        "has raised it",
                        "have raised it",
                        &by,
                        &term.missing,
                        term.more
                    )
                )
            }
            Term::Silence(term) => format!("{holds}: {}", silence(term)),
            Term::Vote(term) => format!("{holds}: {}", vote(term)),
        };
        self.say_at(depth, Guarantee::Software, text);
        if let Term::Any { of } | Term::All { of } = term {
            for term in of {
                self.tell_term(term, depth + 1);
            }
        }
    }

    fn tell_veto(&mut self) {
        let veto = &self.status.veto;
        if matches!(self.status.phase, Phase::Vetoed { .. }) {
            let by: Vec<String> = veto.by.clone();
            if !by.is_empty() {
                self.say(
                    Guarantee::Software,
                    format!("{} of the {} objected.", list(&by, "and"), veto.quorum),
                );
            }
            return;
        }
        let text = format!(
            "The {} can veto it. {}",
            veto.quorum,
            said_by("has", "have", &veto.by, &veto.missing, veto.more)
        );
        self.say(Guarantee::Software, text);
    }

    fn action(&self, action: &Action) -> Option<String> {
        let text = match action {
            Action::AskActivation { asked, .. } => format!(
                "Next: honest software asks {} whether to activate it.",
                list(asked, "and")
            ),
            Action::AskBallot { asked, until, .. } => format!(
                "Next: honest software asks {} for a ballot, dated before {until}.",
                list(asked, "and")
            ),
            Action::AskVeto { asked, .. } if asked.is_empty() => return None,
            Action::AskVeto { asked, .. } => format!(
                "Next: honest software asks {} whether to veto it.",
                list(asked, "and")
            ),
            Action::SignTrigger { path, .. } => format!(
                "Next: honest software of the {} signs the trigger of {}.",
                self.actors,
                quote(path)
            ),
            Action::StopSigning { .. } => {
                "Next: honest software signs the trigger no more, and root refreshes the coin."
                    .to_owned()
            }
            Action::Cancel { .. } => {
                "Next: honest software sends the cancel of whatever was triggered. Only a cancel that is buried is a cancelled coin.".to_owned()
            }
            Action::AskRefresh { .. } => {
                "Next: root refreshes the coins, since a trigger that was signed cannot be taken back.".to_owned()
            }
            Action::ProposeAnew { .. } => {
                "Next: whoever still wants it proposes another case.".to_owned()
            }
            Action::Distrust { .. } | Action::HoldBack { .. } => return None,
        };
        Some(text)
    }
}

fn said_by(one: &str, many: &str, by: &[String], missing: &[String], more: usize) -> String {
    let has = match by {
        [] => "Nobody has so far".to_owned(),
        [only] => format!("{only} {one}"),
        several => format!("{} {many}", list(several, "and")),
    };
    match (more, missing) {
        (0, _) => format!("{has}."),
        (more, []) => format!("{has}, and it takes {more} more: there is nobody left who can."),
        (more, missing) => format!("{has}; it takes {more} more of {}.", list(missing, "and")),
    }
}

fn silence(term: &SilenceTerm) -> String {
    let few = match term.fewer_than {
        1 => format!("nobody of the {} is", term.quorum),
        number => format!("fewer than {number} of the {} are", term.quorum),
    };
    let heard: Vec<String> = term
        .heard
        .iter()
        .map(|heard| format!("{} (until {})", heard.party, heard.until))
        .collect();
    let heard = match heard.as_slice() {
        [] => "Nobody of them is".to_owned(),
        [only] => format!("One is: {only}"),
        several => format!("{} are: {}", several.len(), list(several, "and")),
    };
    let from = match term.holds {
        true => format!("It has held since {}.", term.from),
        false => format!(
            "It holds from {} on, unless more is heard of them.",
            term.from
        ),
    };
    format!("{} in which {few} heard of. {heard}. {from}", term.period)
}

fn vote(term: &VoteTerm) -> String {
    let mut text = format!(
        "a vote of the {} (turnout of at least {}%, approval of at least {}%). For it: {}. Against it: {}.",
        term.quorum,
        term.turnout,
        term.approval,
        named(&term.approve),
        named(&term.reject)
    );
    if !term.forked.is_empty() {
        text += &format!(
            " Counted against it, and not as taking part: {}, having told two stories.",
            list(&term.forked, "and")
        );
    }
    text += &match term.state {
        VoteState::Open => format!(" Ballots can be cast and changed until {}.", term.closes),
        VoteState::Passed => format!(" It closed at {} and has passed.", term.closes),
        VoteState::Failed => format!(" It closed at {} and has not passed.", term.closes),
    };
    if term.state == VoteState::Open {
        if term.more_voters > 0 {
            text += &format!(" {} more must take part.", term.more_voters);
        }
        match term.more_approvals {
            Some(0) => {}
            Some(more) => text += &format!(" As it stands, {more} more must approve."),
            None => text += " As it stands, no number of approvals is enough.",
        }
        if !term.missing.is_empty() {
            text += &format!(" Not voted: {}.", named(&term.missing));
        }
    }
    text
}

fn named(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        names => list(names, "and"),
    }
}

fn disregarded_words(disregarded: &Disregarded) -> String {
    let party = &disregarded.party;
    let because = match &disregarded.because {
        Disregard::NotAsked => "the policy does not ask for it".to_owned(),
        Disregard::Forked => "its author has told two stories".to_owned(),
        Disregard::TooLate => "it is dated after the close".to_owned(),
        Disregard::Verdict(why) => why.clone(),
    };
    format!("One word of {party} about it does not count: {because}.")
}
