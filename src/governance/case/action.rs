//! What honest software does about cases.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::event::{CaseOutcome, EventId};
use super::clock::ChainPoint;
use super::term::{VoteState, union};
use super::{Case, Docket, Phase, Term};
use crate::policy::{Policy, SpendingPath};

/// Something for honest software to do.
///
/// It is data: who carries it out, and how, is for others to know.  Each stays due for as long as
/// the case is as it is, so whoever was away finds it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Ask parties whether they say that the path is to be activated.
    AskActivation {
        /// The case.
        case: EventId,
        /// Its path.
        path: String,
        /// Whose word would activate it, or is one of several that would.
        asked: Vec<String>,
    },
    /// Ask parties for their ballots.
    AskBallot {
        /// The case.
        case: EventId,
        /// Its path.
        path: String,
        /// Who has not voted.
        asked: Vec<String>,
        /// When the last of the votes closes.
        until: ChainPoint,
    },
    /// Tell those who can veto that the path is activated, or that others have objected.
    AskVeto {
        /// The case.
        case: EventId,
        /// Its path.
        path: String,
        /// Who has objected.
        vetoed_by: Vec<String>,
        /// Who can and has not.
        asked: Vec<String>,
    },
    /// Members of the path's quorum sign the trigger.
    SignTrigger {
        /// The case.
        case: EventId,
        /// Its path.
        path: String,
    },
    /// Nobody signs the trigger any more.  A signature that was given cannot be taken back: root
    /// refreshes the coin.
    StopSigning {
        /// The case.
        case: EventId,
        /// Its path.
        path: String,
    },
    /// Send the cancel for whatever was triggered, and sign no trigger.
    Cancel {
        /// The case.
        case: EventId,
        /// Its path.
        path: String,
    },
    /// Ask root to refresh the coins whose trigger may have been signed, since nothing came of it.
    AskRefresh {
        /// The case.
        case: EventId,
        /// Its path.
        path: String,
    },
    /// The case can come to nothing any more; whoever still wants it proposes another.
    ProposeAnew {
        /// The case.
        case: EventId,
        /// Its path.
        path: String,
    },
    /// Tell everybody that a party has told two stories.
    Distrust {
        /// The party.
        party: String,
    },
    /// Give the event again when the chain has come to its date.
    HoldBack {
        /// The event.
        event: EventId,
    },
}

impl Docket {
    /// Everything there is to do now.
    #[must_use]
    pub fn due(&self, policy: &Policy) -> BTreeSet<Action> {
        let forked = self.parties.iter().filter(|(_, presence)| presence.forked);
        let mut due: BTreeSet<Action> = forked
            .map(|(party, _)| Action::Distrust {
                party: party.clone(),
            })
            .collect();
        for case in self.cases.values() {
            due.extend(self.due_for(case, policy));
        }
        due
    }

    /// What there is to do now about one case, the most pressing first.
    pub(super) fn due_for(&self, case: &Case, policy: &Policy) -> Vec<Action> {
        let id = case.id;
        let path = || case.path.clone();
        let mut due = Vec::new();
        match &case.phase {
            Phase::Vetoed { .. } => due.push(Action::Cancel {
                case: id,
                path: path(),
            }),
            Phase::Activated => due.push(Action::SignTrigger {
                case: id,
                path: path(),
            }),
            Phase::Closed {
                outcome: CaseOutcome::Abandoned,
                ..
            } if case.activated.is_some() => due.push(Action::AskRefresh {
                case: id,
                path: path(),
            }),
            Phase::Closed { .. } => {}
            Phase::Frozen { .. } => due.push(Action::ProposeAnew {
                case: id,
                path: path(),
            }),
            Phase::Proposed => {
                if let Some(path) = policy.path(&case.path) {
                    due.extend(self.asks(case, path));
                }
            }
        }
        due.extend(self.ask_veto(case, policy));
        due
    }

    fn ask_veto(&self, case: &Case, policy: &Policy) -> Option<Action> {
        let staged = policy.path(&case.path)?.staged()?;
        let is_due = match case.phase {
            Phase::Vetoed { .. } => false,
            Phase::Activated => true,
            Phase::Proposed | Phase::Frozen { .. } | Phase::Closed { .. } => {
                !case.vetoes.is_empty()
            }
        };
        let roll = staged.veto().roll().into_iter().map(str::to_owned);
        let (vetoed_by, asked) = roll.partition(|party| case.vetoes.contains_key(party));
        is_due.then(|| Action::AskVeto {
            case: case.id,
            path: case.path.clone(),
            vetoed_by,
            asked,
        })
    }

    /// Whom to ask for what, so that a case goes on.
    fn asks(&self, case: &Case, path: &SpendingPath) -> Vec<Action> {
        let terms = path.staged().and_then(|staged| staged.activation());
        let members = path.quorum().roll().into_iter();
        let deciding = members
            .filter(|party| !self.has_forked(party))
            .filter(|party| self.holds(case, terms, self.now, Some(party)));
        let deciding: Vec<String> = deciding.map(str::to_owned).collect();
        let mut wanted = Wanted::default();
        if let Some(terms) = terms {
            wanted.gather(&self.term(case, terms, self.now, None));
        }
        let asked = union(deciding, wanted.activations);
        let mut asks = Vec::new();
        if !asked.is_empty() {
            asks.push(Action::AskActivation {
                case: case.id,
                path: case.path.clone(),
                asked,
            });
        }
        if let Some(until) = wanted.until {
            asks.push(Action::AskBallot {
                case: case.id,
                path: case.path.clone(),
                asked: union(wanted.ballots, Vec::new()),
                until,
            });
        }
        asks
    }
}

/// Whose words terms wait for.
#[derive(Default)]
struct Wanted {
    activations: Vec<String>,
    ballots: Vec<String>,
    until: Option<ChainPoint>,
}

impl Wanted {
    fn gather(&mut self, term: &Term) {
        match term {
            Term::Any { of } | Term::All { of } => of.iter().for_each(|term| self.gather(term)),
            Term::Manual(term) if !term.holds => {
                self.activations.extend(term.missing.iter().cloned());
            }
            Term::Vote(term) if term.state == VoteState::Open && !term.missing.is_empty() => {
                self.ballots.extend(term.missing.iter().cloned());
                self.until = self.until.max(Some(term.closes));
            }
            Term::Manual(_) | Term::Silence(_) | Term::Alarm(_) | Term::Vote(_) => {}
        }
    }
}

/// What is to be done that was not before, the end of signing among it.
pub(super) fn news(before: &BTreeSet<Action>, after: &BTreeSet<Action>) -> Vec<Action> {
    let ended = before.difference(after).filter_map(|action| match action {
        Action::SignTrigger { case, path } => Some(Action::StopSigning {
            case: *case,
            path: path.clone(),
        }),
        _ => None,
    });
    ended.chain(after.difference(before).cloned()).collect()
}
