//! Names in an incident: coins, parties, paths, custody facts and payees that there are.

use std::collections::BTreeSet;

use super::super::scenario::{Defect, EventKind, Expectations, Name, Scenario, Seize, Whereabouts};
use super::{Checker, THIEF};
use crate::compile::Stage;
use crate::policy::{CustodyFact, Item, Party, SpendingPath};

/// Least likeness of two words for one to be suggested for the other (Jaro-Winkler, 0 to 1).
const SUGGEST_FROM: f64 = 0.8;

/// Longest piece of an incident that a message repeats, in characters.
const QUOTE_MAX: usize = 80;

/// A text of the author's for a message: in backticks, shortened, with nothing that a terminal
/// would act on.
pub(in crate::simulate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(QUOTE_MAX).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", short.escape_debug())
}

pub(in crate::simulate) fn did_you_mean<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let lower = typed.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    // The comparison takes time with the product of both lengths, and no name is long.
    for word in known.into_iter().filter(|_| typed.len() <= 256) {
        let likeness = strsim::jaro_winkler(&lower, &word.to_lowercase());
        if likeness >= SUGGEST_FROM && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, word));
        }
    }
    best.map_or_else(String::new, |(_, word)| {
        format!("; did you mean {}?", quote(word))
    })
}

impl<'a> Checker<'a> {
    pub(super) fn coin(&mut self, coin: &Name) {
        if self.deposited.contains_key(coin.text.as_str()) {
            return;
        }
        let quoted = quote(&coin.text);
        let all = self
            .scenario
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Deposit(deposit) => Some(&deposit.coin),
                _ => None,
            });
        let message = match all.clone().find(|other| other.text == coin.text) {
            Some(later) => format!("coin {quoted} is deposited only in line {}", later.line),
            None => {
                let known = all.map(|other| other.text.as_str());
                format!(
                    "no coin {quoted} is deposited{}",
                    did_you_mean(&coin.text, known)
                )
            }
        };
        self.fault(coin.line, message);
    }

    pub(super) fn parties(&mut self, parties: &[Name]) {
        parties.iter().for_each(|party| self.party(party));
    }

    pub(super) fn party(&mut self, party: &Name) {
        if self.policy.party(&party.text).is_some() {
            return;
        }
        let quoted = quote(&party.text);
        let message = match self
            .policy
            .quorums()
            .find(|quorum| quorum.name() == party.text)
        {
            Some(_) => format!("{quoted} is a quorum; name its parties"),
            None => {
                let known = self.policy.parties().map(|party| party.name());
                let similar = did_you_mean(&party.text, known);
                format!("the policy has no party {quoted}{similar}")
            }
        };
        self.fault(party.line, message);
    }

    pub(super) fn path(&mut self, name: &Name) -> Option<&'a SpendingPath> {
        let path = self.policy.path(&name.text);
        if path.is_none() {
            let known = self.policy.paths().iter().map(SpendingPath::name);
            let similar = did_you_mean(&name.text, known);
            let message = format!("the policy has no path {}{similar}", quote(&name.text));
            self.fault(name.line, message);
        }
        path
    }

    pub(super) fn seize(&mut self, seize: &Seize) {
        let (domain, value) = (seize.domain, &seize.value);
        let fact = CustodyFact::of_text(&value.text);
        if fact.as_ref().and_then(CustodyFact::name).is_none() {
            let quoted = quote(&value.text);
            let message = format!("{quoted} names no {domain}, so nothing is shared by it");
            self.fault(value.line, message);
            return;
        }
        self.parties(&seize.also);
        let policy = self.policy;
        let is_there = |party: &Party| party.custody().name(domain) == Some(value.text.trim());
        for name in &seize.also {
            if policy
                .party(&name.text)
                .is_some_and(|party| is_there(party))
            {
                let (party, there) = (quote(&name.text), quote(&value.text));
                let message = format!(
                    "{party} is said to be in {domain} {there} anyway; leave it out of `also`"
                );
                self.fault(name.line, message);
            }
        }
        let mut items = policy.items();
        let has_item = items.any(|item| item.custody().name(domain) == Some(value.text.trim()));
        let has_party = policy.parties().any(|party| is_there(party));
        if has_party || has_item || !seize.also.is_empty() {
            return;
        }
        let parties = policy.parties().map(|party| party.custody());
        let stated = parties.chain(policy.items().map(Item::custody));
        let stated = stated.filter_map(|custody| custody.name(domain));
        let stated: BTreeSet<&str> = stated.collect();
        let quoted = quote(&value.text);
        let message = if stated.is_empty() {
            format!("no party states its `{domain}`")
        } else {
            let similar = did_you_mean(&value.text, stated);
            format!("no party has `{domain}` {quoted}{similar}")
        };
        self.fault(value.line, message);
    }

    pub(super) fn expectations(&mut self, expectations: &Expectations) {
        for (coin, whereabouts) in &expectations.coins {
            self.coin(coin);
            let (name, has_stage): (_, fn(&SpendingPath) -> bool) = match whereabouts {
                Whereabouts::In(Stage::Escrow(name)) => (name, |path| path.staged().is_some()),
                Whereabouts::In(Stage::Lockup(name)) => (name, |path| {
                    path.staged()
                        .is_some_and(|staged| staged.lockup().is_some())
                }),
                Whereabouts::In(Stage::Vault) | Whereabouts::Gone => continue,
            };
            let name = Name {
                text: name.clone(),
                line: coin.line,
            };
            if self.path(&name).is_some_and(|path| !has_stage(path)) {
                let message = format!("the policy has no {whereabouts}");
                self.fault(coin.line, message);
            }
        }
        self.expected_of_cases(expectations);
        let paid = payees(self.scenario);
        for (payee, _) in &expectations.holds {
            if !paid.contains(payee.text.as_str()) {
                let similar = did_you_mean(&payee.text, paid.iter().copied());
                let message = format!("nobody is ever paid as {}{similar}", quote(&payee.text));
                self.fault(payee.line, message);
            }
        }
    }
}

/// Everybody whom a step of the incident pays, or tries to.
pub(in crate::simulate) fn payees(scenario: &Scenario) -> BTreeSet<&str> {
    let mut payees = BTreeSet::new();
    for event in &scenario.events {
        let step = match &event.kind {
            EventKind::Step(_, step) => step,
            EventKind::Attempt(attempt) => {
                if attempt.defect == Defect::Redirected {
                    payees.insert(THIEF);
                }
                &attempt.step
            }
            _ => continue,
        };
        payees.extend(step.pay.iter().map(|pay| pay.to.text.as_str()));
    }
    payees
}
