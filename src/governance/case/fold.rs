//! One word after another.

use std::collections::BTreeSet;

use super::super::event::{
    Activation, Alarm, Ballot, Body, CaseOutcome, Decision, EventId, SpendIntent, Veto,
};
use super::clock::{clock_of, reading};
use super::{
    ActivatedBy, Case, Cast, Counted, Disregard, Disregarded, Docket, Ending, Input, Intent,
    Objection, Phase, Presence, StandingAlarm, Word, rule, term,
};
use crate::policy::{Activation as Terms, Policy, Quorum, SpendingPath, Staged};

impl Docket {
    /// The transition itself.
    pub(super) fn step(mut self, input: &Input, policy: &Policy) -> Self {
        match input {
            Input::Chain(at) => {
                self.now.height = self.now.height.max(at.height);
                self.now.median_time_past = self.now.median_time_past.max(at.median_time_past);
            }
            Input::Word(word) if self.is_ahead(word) => {}
            Input::Word(word) => {
                self.told = self.told.max(Some(self.key(word)));
                self.hear(word);
                self.take(word, policy);
            }
        }
        self
    }

    /// Every event is a sign of life, and of a fork if there is one.
    fn hear(&mut self, word: &Word) {
        let at = word.event.at;
        self.began.get_or_insert(at);
        let clock = self.clock;
        let presence = self
            .parties
            .entry(word.event.author.clone())
            .or_insert(Presence {
                last: at,
                forked: false,
            });
        if reading(clock, at) > reading(clock, presence.last) {
            presence.last = at;
        }
        presence.forked |= word.after_fork;
    }

    fn take(&mut self, word: &Word, policy: &Policy) {
        match &word.event.body {
            Body::Alarm(alarm) => self.raise(word, alarm),
            Body::Withdrawal(withdrawal) => {
                let is_own = |alarm: &StandingAlarm| alarm.party == word.event.author;
                if self.alarms.get(&withdrawal.alarm).is_some_and(is_own) {
                    self.alarms.remove(&withdrawal.alarm);
                }
            }
            Body::Proposal(proposal) => {
                if let Some(path) = policy.path(&proposal.path)
                    && clock_of(path) == self.clock
                    && path.staged().is_some()
                {
                    self.open(word, path, &proposal.why);
                }
            }
            Body::Ballot(Ballot { case, .. })
            | Body::Activation(Activation { case, .. })
            | Body::Veto(Veto { case, .. })
            | Body::SpendIntent(SpendIntent { case, .. })
            | Body::Decision(Decision { case, .. }) => self.take_about(*case, word, policy),
            Body::Heartbeat(_)
            | Body::Attestation(_)
            | Body::Ratification(_)
            | Body::Acknowledgement(_)
            | Body::Arming(_)
            | Body::Rotation(_) => {}
        }
    }

    fn raise(&mut self, word: &Word, alarm: &Alarm) {
        if word.after_fork {
            return;
        }
        let alarm = StandingAlarm {
            party: word.event.author.clone(),
            at: word.event.at,
            expires: word.event.expires,
            path: alarm.path.clone(),
            why: alarm.why.clone(),
        };
        self.alarms.insert(word.id, alarm);
    }

    fn open(&mut self, word: &Word, path: &SpendingPath, why: &str) {
        let known_forkers: BTreeSet<String> = self
            .parties
            .iter()
            .filter(|(_, presence)| presence.forked)
            .map(|(name, _)| name.clone())
            .collect();
        let phase = if word.after_fork {
            Phase::Frozen {
                party: word.event.author.clone(),
                event: word.id,
            }
        } else {
            Phase::Proposed
        };
        self.cases.entry(word.id).or_insert_with(|| Case {
            id: word.id,
            path: path.name().to_owned(),
            why: why.to_owned(),
            proposer: word.event.author.clone(),
            opened: word.event.at,
            policy_id: word.event.policy_id,
            network: word.event.network,
            phase,
            activated: None,
            known_forkers,
            activations: Default::default(),
            ballots: Default::default(),
            vetoes: Default::default(),
            decisions: Default::default(),
            intents: Vec::new(),
            disregarded: Vec::new(),
        });
    }

    /// A word about a case.  The case is taken out while the rest of the docket is asked about it.
    fn take_about(&mut self, id: EventId, word: &Word, policy: &Policy) {
        let Some(mut case) = self.cases.remove(&id) else {
            // No admitted event is about a case that it does not know.
            return;
        };
        if let Some(path) = policy.path(&case.path)
            && let Some(staged) = path.staged()
        {
            let outcome = self.consider(&mut case, word, policy, path, staged);
            if let Err(because) = outcome {
                case.disregarded.push(Disregarded {
                    event: word.id,
                    party: word.event.author.clone(),
                    because,
                });
            }
        }
        self.cases.insert(id, case);
    }

    fn consider(
        &self,
        case: &mut Case,
        word: &Word,
        policy: &Policy,
        path: &SpendingPath,
        staged: &Staged,
    ) -> Result<(), Disregard> {
        let author = word.event.author.as_str();
        if !is_asked(&word.event.body, author, policy, path, staged) {
            return Err(Disregard::NotAsked);
        }
        if word.after_fork && case.phase == Phase::Proposed && !case.known_forkers.contains(author)
        {
            case.phase = Phase::Frozen {
                party: author.to_owned(),
                event: word.id,
            };
        }
        match &word.event.body {
            Body::Ballot(ballot) => self.vote(case, word, ballot.approve, staged),
            Body::Activation(activation) => self.activate(case, word, activation, path, staged),
            Body::Veto(veto) => {
                self.object(case, word, &veto.why, staged);
                Ok(())
            }
            Body::Decision(decision) => self.close(case, word, decision.outcome, policy, path),
            Body::SpendIntent(intent) => {
                case.intents.push(Intent {
                    event: word.id,
                    party: author.to_owned(),
                    payees: intent.payees.clone(),
                    purpose: intent.purpose.clone(),
                });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn vote(
        &self,
        case: &mut Case,
        word: &Word,
        approve: bool,
        staged: &Staged,
    ) -> Result<(), Disregard> {
        let at = reading(self.clock, word.event.at);
        let opened = reading(self.clock, case.opened);
        let closes = term::votes(staged.activation()).filter_map(|(quorum, open)| {
            let votes = quorum.party_names().contains(word.event.author.as_str());
            votes.then_some(opened + open)
        });
        if closes.max().is_none_or(|close| at >= close) {
            return Err(Disregard::TooLate);
        }
        let ballots = case.ballots.entry(word.event.author.clone()).or_default();
        ballots.push(Cast {
            counted: Counted::of(word),
            approve,
            after_fork: word.after_fork,
        });
        Ok(())
    }

    fn activate(
        &self,
        case: &mut Case,
        word: &Word,
        activation: &Activation,
        path: &SpendingPath,
        staged: &Staged,
    ) -> Result<(), Disregard> {
        if word.after_fork {
            return Err(Disregard::Forked);
        }
        if let Some(judgement) = &activation.judgement {
            rule::carries(judgement, &word.event, &case.path).map_err(Disregard::Verdict)?;
        }
        let author = word.event.author.as_str();
        case.activations
            .insert(author.to_owned(), Counted::of(word));
        if case.phase == Phase::Proposed
            && path.quorum().party_names().contains(author)
            && self.holds(case, staged.activation(), word.event.at, None)
        {
            case.phase = Phase::Activated;
            case.activated = Some(ActivatedBy {
                event: word.id,
                party: author.to_owned(),
                at: word.event.at,
            });
        }
        Ok(())
    }

    fn object(&self, case: &mut Case, word: &Word, why: &str, staged: &Staged) {
        let at = word.event.at;
        case.vetoes.insert(
            word.event.author.clone(),
            Objection {
                counted: Counted::of(word),
                why: why.to_owned(),
            },
        );
        let enough = staged.veto().is_met_by(&|party| {
            let veto = case.vetoes.get(party.name());
            veto.is_some_and(|veto| veto.counted.stands(self.clock, at))
        });
        // Whatever else it has come to: a case that was closed in haste is vetoed all the same.
        if enough && !matches!(case.phase, Phase::Vetoed { .. }) {
            case.phase = Phase::Vetoed { at };
        }
    }

    fn close(
        &self,
        case: &mut Case,
        word: &Word,
        outcome: CaseOutcome,
        policy: &Policy,
        path: &SpendingPath,
    ) -> Result<(), Disregard> {
        if word.after_fork {
            return Err(Disregard::Forked);
        }
        let at = word.event.at;
        let ending = Ending {
            counted: Counted::of(word),
            outcome,
        };
        case.decisions.insert(word.event.author.clone(), ending);
        let agree = |quorum: &Quorum| {
            quorum.is_met_by(&|party| {
                let decision = case.decisions.get(party.name());
                decision.is_some_and(|ending| {
                    ending.outcome == outcome && ending.counted.stands(self.clock, at)
                })
            })
        };
        let enough = agree(path.quorum()) || agree(policy.root().quorum());
        if enough && !matches!(case.phase, Phase::Vetoed { .. } | Phase::Closed { .. }) {
            case.phase = Phase::Closed { at, outcome };
        }
        Ok(())
    }

    /// Whether the terms of an activation hold at a date, over everything told so far; perhaps
    /// with an activation by one more party, which would be a sign of life as well.
    pub(super) fn holds(
        &self,
        case: &Case,
        terms: Option<&Terms>,
        at: crate::units::ChainTime,
        also: Option<&str>,
    ) -> bool {
        terms.is_none_or(|terms| self.term(case, terms, at, also).holds())
    }
}

/// Whether a word of this kind by this author means anything for a case of the path.
fn is_asked(
    body: &Body,
    author: &str,
    policy: &Policy,
    path: &SpendingPath,
    staged: &Staged,
) -> bool {
    let among = |quorum: &Quorum| quorum.party_names().contains(author);
    match body {
        Body::Ballot(_) => term::votes(staged.activation()).any(|(quorum, _)| among(quorum)),
        Body::Activation(_) => among(path.quorum()) || term::manual(staged.activation()).any(among),
        Body::Veto(_) => among(staged.veto()),
        Body::Decision(_) => among(path.quorum()) || among(policy.root().quorum()),
        Body::SpendIntent(_) => among(path.quorum()),
        _ => true,
    }
}
