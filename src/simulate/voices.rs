//! What parties say in a rehearsal, and what honest software makes of it.
//!
//! All that is honest has one replica here: whoever says something has seen all there is, but for
//! those who tell a second story.  Events, history and cases are those of a live ledger; only the
//! keys that sign are stand-ins.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use super::run::{Done, Rehearsed, Told};
use super::scenario::{CaseState, Event, Name, Said, Saying, Step, Word, Wrong};
use super::words::{list, refusal, strings};
use crate::compile::Stage;
use crate::engine::{Consent, Replica, StepError};
use crate::governance::{
    Action, Activation, Alarm, Attestation, Attested, Ballot, Body, CaseOutcome, Charter, Decision,
    Digest, Event as SignedWord, EventId, Heartbeat, Kind, Phase, Proposal, SignedEvent, Status,
    Veto, Withdrawal,
};
use crate::report::{CaseStory, Verdict};
use crate::units::ChainTime;

/// For how long an attestation of a rehearsal holds, in seconds.
const YEAR: u32 = 365 * 86_400;

/// What is said where an incident gives no reason.
const NO_REASON: &str = "a rehearsal";

/// Everything said in a rehearsal, and what has come of it.
pub(super) struct Voices {
    replica: Replica,
    /// The names that the incident gives to cases.
    cases: BTreeMap<String, EventId>,
    /// The case that each coin was triggered for, where there was one.
    triggered: BTreeMap<String, EventId>,
    /// The coins whose cancel was refused, each with the class of the refusal.
    refused: BTreeMap<String, String>,
    attestations: u32,
}

impl Voices {
    pub(super) fn new(charter: Charter) -> Self {
        Self {
            replica: Replica::new(charter),
            cases: BTreeMap::new(),
            triggered: BTreeMap::new(),
            refused: BTreeMap::new(),
            attestations: 0,
        }
    }

    /// How a named case stands, if it was proposed.
    pub(super) fn state(&self, name: &str) -> Option<CaseState> {
        let (_, case) = self.replica.cases().case(*self.cases.get(name)?)?;
        Some(match &case.phase {
            Phase::Proposed => CaseState::Proposed,
            Phase::Activated => {
                let by = case.activated.as_ref().map(|by| by.party.clone());
                CaseState::Activated(by)
            }
            Phase::Frozen { party, .. } => CaseState::Frozen(Some(party.clone())),
            Phase::Vetoed { .. } => CaseState::Vetoed,
            Phase::Closed { outcome, .. } => CaseState::Over(*outcome),
        })
    }

    /// Everybody whose word is asked for, so that a named case goes on.
    pub(super) fn missing(&self, name: &str) -> BTreeSet<String> {
        let mut missing = BTreeSet::new();
        for action in self
            .status(name)
            .map(|status| status.due)
            .unwrap_or_default()
        {
            if let Action::AskActivation { asked, .. } | Action::AskBallot { asked, .. } = action {
                missing.extend(asked);
            }
        }
        missing
    }

    /// Everybody who has told two stories.
    pub(super) fn forks(&self) -> BTreeSet<String> {
        let forks = self.replica.history().history().forks();
        forks.into_iter().map(|fork| fork.author).collect()
    }

    /// All cases by their names, each in a word or a few.
    pub(super) fn states(&self) -> BTreeMap<String, String> {
        let names = self.cases.keys();
        names
            .filter_map(|name| Some((name.clone(), self.state(name)?.to_string())))
            .collect()
    }

    /// The story of each case, in the order of their names.
    pub(super) fn stories(&self) -> Vec<CaseStory> {
        let names = self.cases.keys();
        names
            .filter_map(|name| {
                Some(CaseStory {
                    name: name.clone(),
                    state: self.state(name)?.to_string(),
                    status: self.status(name)?,
                })
            })
            .collect()
    }

    fn status(&self, name: &str) -> Option<Status> {
        let id = *self.cases.get(name)?;
        let (docket, _) = self.replica.cases().case(id)?;
        docket.status(id, self.replica.policy())
    }

    fn name_of(&self, id: EventId) -> String {
        let mut cases = self.cases.iter();
        let found = cases.find(|(_, other)| **other == id);
        found.map_or_else(|| id.to_string(), |(name, _)| name.clone())
    }

    /// The id of a named case; where it was never admitted, one that nobody has seen.
    fn case(&self, name: Option<&Name>) -> EventId {
        let known = name.and_then(|name| self.cases.get(&name.text));
        known.copied().unwrap_or(EventId(Digest([0; 32])))
    }

    /// The last alarm of a party; where there is none, one that nobody has seen.
    fn last_alarm(&self, party: &str) -> EventId {
        let told = self.replica.history().told();
        let mut alarms = told.iter().rev().filter(|entry| {
            entry.signed.event().author == party && entry.signed.event().body.kind() == Kind::Alarm
        });
        let last = alarms.next();
        last.map_or(EventId(Digest([0; 32])), |entry| entry.signed.id())
    }

    /// An event of a party that stands beside its last one, as if that had never been: it follows
    /// what that followed, and has seen all that does not know of it.
    fn beside(&self, draft: SignedWord) -> SignedWord {
        let history = self.replica.history();
        let Some(last) = draft.previous else {
            return draft;
        };
        let told = history.told();
        let ids = told.iter().map(|entry| entry.signed.id());
        let unaware: Vec<EventId> = ids.filter(|id| !history.is_known_to(last, *id)).collect();
        let previous = history.event(last).and_then(|last| last.event().previous);
        let is_head = |id: &EventId| {
            let mut others = unaware.iter().filter(|other| *other != id);
            !others.any(|other| history.is_known_to(*id, *other))
        };
        let heads = unaware.iter().copied().filter(is_head);
        let mut seen: Vec<EventId> = heads.filter(|id| Some(*id) != previous).collect();
        seen.sort_unstable();
        SignedWord {
            previous,
            seen,
            ..draft
        }
    }
}

impl Rehearsed<'_> {
    fn chain_time(&self) -> ChainTime {
        self.engine.chain().tip().time
    }

    /// Parties say something, one after another, until one is refused.
    pub(super) fn say(&mut self, said: &Said) -> Told {
        let by = strings(said.by.iter().map(|party| party.text.as_str()));
        let who = self.actors(&by);
        let what = words::what(said);
        let mut events = Vec::new();
        let mut notes = Vec::new();
        for party in &by {
            match self.word_of(said, party) {
                Ok((id, said_of_it)) => {
                    events.push(id);
                    notes.extend(said_of_it);
                }
                Err(verdict) => {
                    if !events.is_empty() {
                        let before: Vec<String> = by.iter().take(events.len()).cloned().collect();
                        notes.push(format!("what {} said is recorded", list(&before)));
                    }
                    return Told {
                        who,
                        what,
                        verdict,
                        notes,
                    };
                }
            }
        }
        Told {
            who,
            what,
            verdict: Verdict::Recorded { events },
            notes,
        }
    }

    /// One party says it: the event, and what is remarkable about it.
    fn word_of(&mut self, said: &Said, party: &str) -> Result<(EventId, Vec<String>), Verdict> {
        let now = self.chain_time();
        if !self.cast.can_sign(party) {
            let reason = format!("the keys of {party} are lost, that of its identity among them");
            return Err(by_software("missing-signatures", reason));
        }
        let key = self.cast.identity(party);
        let author = match &said.wrong {
            Some(Wrong::Forged(author)) => author.text.clone(),
            Some(Wrong::Forked) | None => party.to_owned(),
        };
        let signed = self.signed(said, &author, &key, now)?;
        let id = signed.id();
        let kind = signed.event().body.kind();
        let Some(voices) = &mut self.voices else {
            return Err(by_software(
                "not-admitted",
                "nothing can be said here".to_owned(),
            ));
        };
        voices.replica.observe(now);
        let actions = voices
            .replica
            .take(signed)
            .map_err(|refusal| by_software("not-admitted", refusal.to_string()))?;
        if let (Kind::Proposal, Some(case)) = (kind, &said.case) {
            voices.cases.insert(case.text.clone(), id);
        }
        if let Some(reason) = words::disregarded(&voices.replica, id) {
            return Err(by_software("does-not-count", reason));
        }
        let notes = actions.iter().filter_map(|action| match action {
            Action::Distrust { party } => Some(format!("{party} has told two stories")),
            Action::StopSigning { .. } => {
                Some("honest software signs the trigger no more".to_owned())
            }
            _ => None,
        });
        Ok((id, notes.collect()))
    }

    fn signed(
        &mut self,
        said: &Said,
        author: &str,
        key: &SigningKey,
        now: ChainTime,
    ) -> Result<SignedEvent, Verdict> {
        let body = self.body(said, author, key, now);
        let Some(voices) = &self.voices else {
            return Err(by_software(
                "not-admitted",
                "nothing can be said here".to_owned(),
            ));
        };
        let mut event = voices.replica.draft(author, now, body);
        if let Some(blocks) = said.expires {
            let seconds = u32::try_from(blocks.expected_seconds()).unwrap_or(u32::MAX);
            event.expires = Some(event.at.median_time_past.after_seconds(seconds));
        }
        if said.wrong == Some(Wrong::Forked) {
            event = voices.beside(event);
        }
        let signed = event.sign(key);
        signed.map_err(|error| by_software("not-signed", error.to_string()))
    }

    fn body(&mut self, said: &Said, author: &str, key: &SigningKey, now: ChainTime) -> Body {
        let why = || said.why.clone().unwrap_or_else(|| NO_REASON.to_owned());
        let path = said.path.as_ref().map(|path| path.text.clone());
        let case = |voices: &Option<Voices>| {
            let voices = voices.as_ref();
            voices.map_or(EventId(Digest([0; 32])), |voices| {
                voices.case(said.case.as_ref())
            })
        };
        let case = case(&self.voices);
        match said.saying {
            Saying::Heartbeat => Body::Heartbeat(Heartbeat {}),
            Saying::Attest => Body::Attestation(Attested {
                envelope: self.attestation(author, key, now),
            }),
            Saying::Alarm => Body::Alarm(Alarm { path, why: why() }),
            Saying::Withdraw => {
                let voices = self.voices.as_ref();
                let alarm = voices.map(|voices| voices.last_alarm(author));
                Body::Withdrawal(Withdrawal {
                    alarm: alarm.unwrap_or(EventId(Digest([0; 32]))),
                })
            }
            Saying::Propose => Body::Proposal(Proposal {
                path: path.unwrap_or_default(),
                why: why(),
            }),
            Saying::Vote => Body::Ballot(Ballot {
                case,
                approve: said.approve.unwrap_or_default(),
            }),
            Saying::Activate => Body::Activation(Activation {
                case,
                judgement: None,
            }),
            Saying::Veto => Body::Veto(Veto { case, why: why() }),
            Saying::Decide => Body::Decision(Decision {
                case,
                outcome: said.outcome.unwrap_or(CaseOutcome::Abandoned),
                why: why(),
            }),
        }
    }

    /// A party's attestation of what the policy claims of its custody.
    fn attestation(&mut self, party: &str, key: &SigningKey, now: ChainTime) -> String {
        let compiled = self.engine.compiled();
        let policy = compiled.policy();
        let Some(party) = policy.party(party) else {
            return String::new();
        };
        let serial = self.voices.as_mut().map_or(1, |voices| {
            voices.attestations += 1;
            voices.attestations
        });
        let issued = now.median_time_past;
        let expires = issued.after_seconds(YEAR);
        let id = compiled.id().to_bytes();
        let attestation = Attestation::of_claims(policy, id, party, issued, expires, serial);
        attestation.sign(key).to_line()
    }

    /// Those of whom honest software lets sign a trigger, or the settle after it.
    ///
    /// A thief has software of his own, and so has whoever acts regardless.
    pub(super) fn permitted(
        &mut self,
        word: Word,
        step: &Step,
        by: Vec<String>,
    ) -> Result<(Vec<String>, Vec<String>), StepError> {
        let held = match word {
            Word::Trigger => self.hold_back_trigger(step),
            Word::Settle => self.hold_back_settle(step),
            _ => Ok(()),
        };
        let Err(error) = held else {
            return Ok((by, Vec::new()));
        };
        let ignored = || vec![format!("who signs here ignores that {error}")];
        if step.regardless {
            return Ok((by, ignored()));
        }
        let thief: Vec<String> = by
            .into_iter()
            .filter(|party| self.cast.is_thief(std::slice::from_ref(party)))
            .collect();
        let policy = self.engine.compiled().policy();
        let path = self.path_of(step);
        let path = path.and_then(|path| policy.path(&path));
        let is_enough = match word {
            Word::Trigger => path.is_some_and(|path| {
                let signs = |party: &str| thief.iter().any(|name| name == party);
                path.quorum().is_met_by(&|party| signs(party.name()))
            }),
            _ => !thief.is_empty(),
        };
        match is_enough {
            true => Ok((thief, ignored())),
            false => Err(error),
        }
    }

    fn hold_back_trigger(&mut self, step: &Step) -> Result<(), StepError> {
        let now = self.chain_time();
        let path = self.path_of(step).unwrap_or_default();
        let Some(voices) = &mut self.voices else {
            return Ok(());
        };
        voices.replica.observe(now);
        match voices.replica.consent(&path)? {
            Consent::Activated(case) => {
                for coin in &step.coins {
                    voices.triggered.insert(coin.text.clone(), case);
                }
            }
            Consent::NotAsked => {}
        }
        Ok(())
    }

    fn hold_back_settle(&self, step: &Step) -> Result<(), StepError> {
        let Some(voices) = &self.voices else {
            return Ok(());
        };
        let mut cases = step
            .coins
            .iter()
            .filter_map(|coin| voices.triggered.get(&coin.text));
        match cases.any(|case| voices.replica.is_vetoed(*case)) {
            true => Err(StepError::Vetoed(self.path_of(step).unwrap_or_default())),
            false => Ok(()),
        }
    }

    /// What honest software does by itself after an event: it cancels whatever was triggered on a
    /// path whose case is vetoed, as long as it is not for another case.
    pub(super) fn follow_up(&mut self, event: &Event) -> Result<(), StepError> {
        let now = self.chain_time();
        let Some(voices) = &mut self.voices else {
            return Ok(());
        };
        voices.replica.observe(now);
        let due = voices.replica.cases().due(voices.replica.policy());
        let cancels = due.into_iter().filter_map(|action| match action {
            Action::Cancel { case, path } => Some((case, path)),
            _ => None,
        });
        for (case, path) in cancels.collect::<Vec<_>>() {
            for coin in self.escrowed(case, &path)? {
                if let Some(told) = self.cancel(case, &coin) {
                    self.tell(told, "cancel", event.line)?;
                }
            }
        }
        Ok(())
    }

    /// The coins in the escrow of a path that a vetoed case has cancelled.
    fn escrowed(&self, vetoed: EventId, path: &str) -> Result<Vec<String>, StepError> {
        let mut coins = Vec::new();
        for name in self.deposits.keys() {
            let known = match self.follow(name) {
                Ok(known) => known,
                Err(StepError::UnknownCoin(_)) => continue,
                Err(error) => return Err(error),
            };
            let is_there = known.spent_by().is_none()
                && *known.coin.derived().stage() == Stage::Escrow(path.to_owned());
            let voices = self.voices.as_ref();
            let case = voices.and_then(|voices| voices.triggered.get(name));
            if is_there && case.is_none_or(|case| *case == vetoed) {
                coins.push(name.clone());
            }
        }
        Ok(coins)
    }

    /// Those who objected sign the cancel of a coin, and send it.  A refusal is told once; the
    /// cancel is tried again after every event.
    fn cancel(&mut self, case: EventId, coin: &str) -> Option<Told> {
        let voices = self.voices.as_ref()?;
        let name = voices.name_of(case);
        let (_, found) = voices.replica.cases().case(case)?;
        let objected = found.vetoes.keys();
        let by: Vec<String> = objected
            .filter(|party| self.cast.can_sign(party))
            .cloned()
            .collect();
        let step = Step {
            coins: vec![Name {
                text: coin.to_owned(),
                line: 0,
            }],
            path: None,
            by: None,
            broadcaster: None,
            pay: Vec::new(),
            unconfirmed: false,
            bare: false,
            replace: false,
            regardless: false,
        };
        let what = format!("cancel {coin}, because the case {name} is vetoed");
        let outcome = self.step(Word::Cancel, &step, &by);
        let voices = self.voices.as_mut()?;
        let (verdict, notes, signed) = match outcome {
            Ok(Done {
                verdict,
                notes,
                signed,
            }) => {
                voices.refused.remove(coin);
                voices.triggered.remove(coin);
                (verdict, notes, signed)
            }
            Err(error) => {
                let class = error.class().to_owned();
                if voices.refused.insert(coin.to_owned(), class.clone()) == Some(class) {
                    return None;
                }
                (refusal(&error), Vec::new(), by)
            }
        };
        Some(Told {
            who: format!("honest software of {}", list(&signed)),
            what,
            verdict,
            notes,
        })
    }
}

fn by_software(class: &str, reason: String) -> Verdict {
    Verdict::RefusedBySoftware {
        class: class.to_owned(),
        reason,
    }
}
