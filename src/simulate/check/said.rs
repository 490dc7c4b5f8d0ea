//! What parties say in an incident: whether they can, and whether it means anything.

use super::super::scenario::{CaseState, EventKind, Expectations, Name, Said, Saying, Wrong};
use super::{Checker, did_you_mean, quote};

impl<'a> Checker<'a> {
    pub(super) fn said(&mut self, said: &'a Said) {
        let word = said.saying.as_str();
        if said.by.is_empty() {
            self.fault(said.line, format!("say who: `{}` needs `by`", said.word()));
        }
        self.parties(&said.by);
        match &said.wrong {
            Some(Wrong::Forged(author)) => self.forged(said, author),
            Some(Wrong::Forked) => said.by.iter().for_each(|party| self.has_spoken(party)),
            None => said.by.iter().for_each(|party| self.can_say(party)),
        }
        if said.wrong.is_none() {
            let by = said.by.iter().map(|party| party.text.as_str());
            self.spoke.extend(by);
        }
        self.case_of(said);
        match (&said.path, said.saying) {
            (Some(path), Saying::Propose | Saying::Alarm) => self.staged(path),
            (None, Saying::Propose) => {
                self.fault(said.line, "`propose` needs the `path`".to_owned());
            }
            (Some(path), _) => {
                let message = format!("`{word}` is about no path of its own; leave `path` out");
                self.fault(path.line, message);
            }
            (None, _) => {}
        }
        let given = [
            ("approve", said.approve.is_some(), Saying::Vote),
            ("outcome", said.outcome.is_some(), Saying::Decide),
        ];
        for (field, is_given, owner) in given {
            if is_given != (said.saying == owner) {
                let message = match is_given {
                    true => format!("`{word}` has no `{field}`; leave it out"),
                    false => format!("`{word}` needs `{field}`"),
                };
                self.fault(said.line, message);
            }
        }
        let takes_a_reason = matches!(
            said.saying,
            Saying::Alarm | Saying::Propose | Saying::Veto | Saying::Decide
        );
        if said.why.is_some() && !takes_a_reason {
            let message = format!("`{word}` gives no reason; leave `why` out, or write a `note`");
            self.fault(said.line, message);
        }
    }

    fn forged(&mut self, said: &Said, author: &Name) {
        self.party(author);
        self.can_say(author);
        if let Some(same) = said.by.iter().find(|party| party.text == author.text) {
            let quoted = quote(&author.text);
            let message =
                format!("{quoted} forges nothing in a name of his own; leave `forge` out");
            self.fault(same.line, message);
        }
        if let [_, second, ..] = said.by.as_slice() {
            self.fault(second.line, "one party forges an event; write one for each");
        }
    }

    /// Whether a party has a key for what it says.
    fn can_say(&mut self, party: &Name) {
        let known = self.policy.party(&party.text);
        if known.is_some_and(|known| known.identity().is_none()) {
            let quoted = quote(&party.text);
            let message =
                format!("the policy gives {quoted} no `identity`, so nobody can sign in that name");
            self.fault(party.line, message);
        }
    }

    fn has_spoken(&mut self, party: &Name) {
        self.can_say(party);
        if !self.spoke.contains(party.text.as_str()) {
            let quoted = quote(&party.text);
            let message = format!(
                "{quoted} has said nothing yet, and a fork stands beside something that was said"
            );
            self.fault(party.line, message);
        }
    }

    fn case_of(&mut self, said: &'a Said) {
        let word = said.saying.as_str();
        match (&said.case, said.saying) {
            (Some(case), Saying::Propose) => {
                if let Some(first) = self.proposed.insert(&case.text, case.line) {
                    let quoted = quote(&case.text);
                    let message = format!("case {quoted} is proposed in line {first} already");
                    self.fault(case.line, message);
                }
                if let [_, second, ..] = said.by.as_slice() {
                    self.fault(second.line, "a case is proposed by one party");
                }
            }
            (Some(case), saying) if saying.is_about_a_case() => self.case(case),
            (Some(case), _) => {
                let message = format!("`{word}` is about no case; leave `case` out");
                self.fault(case.line, message);
            }
            (None, saying) if saying == Saying::Propose || saying.is_about_a_case() => {
                self.fault(said.line, format!("`{word}` needs the `case`"));
            }
            (None, _) => {}
        }
    }

    fn case(&mut self, case: &Name) {
        if self.proposed.contains_key(case.text.as_str()) {
            return;
        }
        let quoted = quote(&case.text);
        let all = self.scenario.events.iter();
        let all = all.filter_map(|event| match &event.kind {
            EventKind::Say(said) if said.saying == Saying::Propose => said.case.as_ref(),
            _ => None,
        });
        let message = match all.clone().find(|other| other.text == case.text) {
            Some(later) => format!("case {quoted} is proposed only in line {}", later.line),
            None => {
                let known = all.map(|other| other.text.as_str());
                let similar = did_you_mean(&case.text, known);
                format!("no case {quoted} is proposed{similar}")
            }
        };
        self.fault(case.line, message);
    }

    fn staged(&mut self, name: &Name) {
        if self.path(name).is_some_and(|path| path.staged().is_none()) {
            let quoted = quote(&name.text);
            let message = format!("path {quoted} is direct: nothing activates it");
            self.fault(name.line, message);
        }
    }

    pub(super) fn expected_of_cases(&mut self, expectations: &Expectations) {
        for (case, state) in &expectations.cases {
            self.case(case);
            if let Some(party) = CaseState::party(state) {
                let party = Name {
                    text: party.to_owned(),
                    line: case.line,
                };
                self.party(&party);
            }
        }
        for (case, parties) in &expectations.missing {
            self.case(case);
            self.parties(parties);
        }
        self.parties(expectations.forks.as_deref().unwrap_or_default());
    }
}
