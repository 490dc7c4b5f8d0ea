//! Judgements: sentences that depend on several quorums at once.
//!
//! Whether anybody could veto without root is written nowhere in a policy; it follows from who is
//! in two quorums.  Such a sentence names the statements it turns on, which are found by trying:
//! each is changed alone, and it is named if the sentence would read differently.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::logic::{Atom, AtomSet};
use crate::policy::{Member, Policy, Quorum};

use super::words::names;
use super::{Fact, Sentence, Teller};

/// The quorums and parties of a policy in a form that can be varied.
///
/// A judgement is made anew for every statement that could be different, so that it has to be
/// quick: parties and quorums are numbers here.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// The names of the parties, and behind them those of the quorums, both in their order: the
    /// number of each is its place.
    names: Arc<[String]>,
    /// How many parties there are.
    parties: usize,
    /// The quorums in the order of their names.
    quorums: Vec<Group>,
    fee_wallets: AtomSet,
    veto_keys: AtomSet,
}

#[derive(Clone, Debug, Default)]
struct Group {
    threshold: usize,
    members: AtomSet,
}

impl Group {
    fn is_sound(&self) -> bool {
        (1..=self.members.len()).contains(&self.threshold)
    }
}

impl Groups {
    pub(super) fn of(policy: &Policy) -> Self {
        let parties: BTreeSet<&str> = policy.parties().map(|party| party.name()).collect();
        let quorums: BTreeSet<&str> = policy.quorums().map(|quorum| quorum.name()).collect();
        let all = parties.iter().chain(&quorums);
        let mut groups = Self {
            names: all.map(|name| (*name).to_owned()).collect(),
            parties: parties.len(),
            quorums: vec![Group::default(); quorums.len()],
            fee_wallets: AtomSet::new(),
            veto_keys: AtomSet::new(),
        };
        for quorum in policy.quorums() {
            let members = quorum.members().iter().map(Member::name);
            let members = members.filter_map(|name| groups.party(name).or(groups.quorum(name)));
            let group = Group {
                threshold: quorum.threshold(),
                members: members.collect(),
            };
            let number = groups.quorum(quorum.name());
            if let Some(place) = number.and_then(|number| groups.group_mut(number)) {
                *place = group;
            }
        }
        let having = |has: &dyn Fn(&crate::policy::Party) -> bool| {
            let parties = policy.parties().filter(|party| has(party));
            parties
                .filter_map(|party| groups.party(party.name()))
                .collect()
        };
        let fee_wallets = having(&|party| party.fees().is_some());
        let veto_keys = having(&|party| party.veto().is_some());
        Self {
            fee_wallets,
            veto_keys,
            ..groups
        }
    }

    /// The number of a party.
    fn party(&self, name: &str) -> Option<Atom> {
        let parties = self.names.get(..self.parties)?;
        parties.binary_search_by(|own| own.as_str().cmp(name)).ok()
    }

    /// The number of a quorum.
    fn quorum(&self, name: &str) -> Option<Atom> {
        let quorums = self.names.get(self.parties..)?;
        let place = quorums
            .binary_search_by(|own| own.as_str().cmp(name))
            .ok()?;
        Some(self.parties + place)
    }

    fn name(&self, number: Atom) -> &str {
        self.names.get(number).map_or("", String::as_str)
    }

    /// The quorum of a number; none if it is that of a party.
    fn group(&self, number: Atom) -> Option<&Group> {
        self.quorums.get(number.checked_sub(self.parties)?)
    }

    fn group_mut(&mut self, number: Atom) -> Option<&mut Group> {
        self.quorums.get_mut(number.checked_sub(self.parties)?)
    }

    /// The parties of a quorum, those of the quorums inside it included.
    pub(super) fn parties_of(&self, quorum: &str) -> BTreeSet<&str> {
        let Some(quorum) = self.quorum(quorum) else {
            return BTreeSet::new();
        };
        let inside = self.inside(quorum);
        let groups = inside.iter().filter_map(|number| self.group(number));
        let members = groups.fold(AtomSet::new(), |all, group| all.union(&group.members));
        let members = members.iter().take_while(|number| *number < self.parties);
        members.map(|number| self.name(number)).collect()
    }

    /// The only party of a quorum, if it is nothing else.
    pub(super) fn single_party(&self, quorum: &str) -> Option<&str> {
        let mut number = self.quorum(quorum)?;
        while let Some(group) = self.group(number) {
            let mut members = group.members.iter();
            number = match (members.next(), members.next()) {
                (Some(member), None) => member,
                _ => return None,
            };
        }
        Some(self.name(number))
    }

    /// Whether these parties meet the threshold of a quorum.
    pub(super) fn is_met_by(&self, quorum: &str, present: &BTreeSet<&str>) -> bool {
        let present = present.iter().filter_map(|name| self.party(name)).collect();
        let mut known = vec![None; self.quorums.len()];
        let quorum = self.quorum(quorum);
        quorum.is_some_and(|quorum| self.agrees(quorum, &present, &mut known))
    }

    /// Whether a party is present, or enough of a quorum are.  A quorum that stands in several is
    /// asked once.
    fn agrees(&self, number: Atom, present: &AtomSet, known: &mut [Option<bool>]) -> bool {
        let Some(group) = self.group(number) else {
            return present.contains(number);
        };
        let place = number - self.parties;
        if let Some(Some(agrees)) = known.get(place) {
            return *agrees;
        }
        let members = group.members.iter();
        let count = members.filter(|member| self.agrees(*member, present, known));
        let agrees = count.count() >= group.threshold;
        if let Some(known) = known.get_mut(place) {
            *known = Some(agrees);
        }
        agrees
    }

    /// How many members must agree, in words, in the quorum and in those inside it.
    pub(super) fn needed(&self, quorum: &str) -> String {
        let threshold = |number| self.group(number).map_or(0, |group| group.threshold);
        let number = self.quorum(quorum);
        let inside = number.map_or_else(AtomSet::new, |number| self.inside(number));
        let rest: Vec<Atom> = inside
            .iter()
            .filter(|other| Some(*other) != number)
            .collect();
        if rest.is_empty() {
            return match number.map_or(0, threshold) {
                1 => "1 is needed".to_owned(),
                n => format!("{n} are needed"),
            };
        }
        let each = number.into_iter().chain(rest);
        let each = each.map(|number| format!("{} in the {}", threshold(number), self.name(number)));
        format!("needed: {}", names(each))
    }

    pub(super) fn has_fee_wallet(&self, party: &str) -> bool {
        let party = self.party(party);
        party.is_some_and(|party| self.fee_wallets.contains(party))
    }

    pub(super) fn has_veto_key(&self, party: &str) -> bool {
        let party = self.party(party);
        party.is_some_and(|party| self.veto_keys.contains(party))
    }

    /// A quorum and all quorums inside it.
    fn inside(&self, quorum: Atom) -> AtomSet {
        let mut found = AtomSet::new();
        let mut open = vec![quorum];
        while let Some(number) = open.pop() {
            if let Some(group) = self.group(number)
                && found.insert(number)
            {
                let members = group.members.iter();
                open.extend(members.filter(|member| *member >= self.parties));
            }
        }
        found
    }

    /// Every way in which a statement about these quorums could be different alone.
    fn changes(&self, over: &[&Quorum]) -> Vec<Change> {
        let all = self.parties + self.quorums.len();
        let inside: Vec<AtomSet> = (0..all).map(|number| self.inside(number)).collect();
        let over = over.iter().filter_map(|quorum| self.quorum(quorum.name()));
        let over = over.filter_map(|quorum| inside.get(quorum));
        let quorums = over.fold(AtomSet::new(), |all, inside| all.union(inside));
        let mut changes = Vec::new();
        for quorum in quorums.iter() {
            changes.extend([Change::Lower(quorum), Change::Raise(quorum)]);
            // A quorum cannot come to contain itself.
            let others = inside.iter().enumerate();
            let others = others.filter(|(_, inside)| !inside.contains(quorum));
            changes.extend(others.map(|(member, _)| Change::Seat(quorum, member)));
        }
        for party in 0..self.parties {
            changes.extend([Change::FeeWallet(party), Change::VetoKey(party)]);
        }
        changes
    }

    /// The statement that a change is about.
    fn fact(&self, change: Change) -> Fact {
        let name = |number| self.name(number).to_owned();
        match change {
            Change::Raise(quorum) | Change::Lower(quorum) => Fact::Threshold {
                quorum: name(quorum),
            },
            Change::Seat(quorum, member) => Fact::Member {
                quorum: name(quorum),
                member: name(member),
            },
            Change::FeeWallet(party) => Fact::FeeWallet { party: name(party) },
            Change::VetoKey(party) => Fact::VetoKey { party: name(party) },
        }
    }

    /// Makes a change, or takes it back; false if the quorum is not sound with it.
    fn apply(&mut self, change: Change, back: bool) -> bool {
        let (quorum, edit): (_, &dyn Fn(&mut Group)) = match change {
            Change::Raise(quorum) | Change::Lower(quorum) => {
                let raise = matches!(change, Change::Raise(_)) != back;
                (quorum, &move |group| {
                    let threshold = group.threshold;
                    group.threshold = if raise {
                        threshold + 1
                    } else {
                        threshold.saturating_sub(1)
                    };
                })
            }
            Change::Seat(quorum, member) => {
                (quorum, &move |group| toggle(&mut group.members, member))
            }
            Change::FeeWallet(party) => {
                toggle(&mut self.fee_wallets, party);
                return true;
            }
            Change::VetoKey(party) => {
                toggle(&mut self.veto_keys, party);
                return true;
            }
        };
        self.group_mut(quorum).is_some_and(|group| {
            edit(group);
            group.is_sound()
        })
    }
}

/// One statement, changed.
#[derive(Clone, Copy, Debug)]
enum Change {
    Raise(Atom),
    Lower(Atom),
    /// The member joins the quorum, or leaves it if it is there.
    Seat(Atom, Atom),
    FeeWallet(Atom),
    VetoKey(Atom),
}

fn toggle(set: &mut AtomSet, item: Atom) {
    if !set.remove(item) {
        set.insert(item);
    }
}

impl Teller<'_> {
    /// A sentence that judges these quorums together, if there is anything to say.
    ///
    /// `judge` must depend on nothing of these quorums but what it is given.
    pub(super) fn judged(
        &self,
        over: &[&Quorum],
        judge: impl Fn(&Groups) -> Option<Sentence>,
    ) -> Option<Sentence> {
        let mut sentence = judge(&self.groups)?;
        let mut varied = self.groups.clone();
        for change in self.groups.changes(over) {
            if varied.apply(change, false) {
                let other = judge(&varied);
                if other.is_none_or(|other| {
                    other.text != sentence.text || other.guarantee != sentence.guarantee
                }) {
                    sentence.about.insert(self.groups.fact(change));
                }
            }
            varied.apply(change, true);
        }
        Some(sentence)
    }

    /// Who of a quorum is left when everyone in root is gone.
    pub(super) fn left<'g>(&self, groups: &'g Groups, quorum: &Quorum) -> Left<'g> {
        let all = groups.parties_of(quorum.name());
        let gone = groups.parties_of(self.root().quorum().name());
        let rest: BTreeSet<&str> = all.difference(&gone).copied().collect();
        Left {
            everyone: rest.len() == all.len(),
            suffices: groups.is_met_by(quorum.name(), &rest),
            names: rest,
        }
    }
}

/// Who of a quorum is left without root.
pub(super) struct Left<'g> {
    /// Their names.
    pub names: BTreeSet<&'g str>,
    /// Whether that is all of them.
    pub everyone: bool,
    /// Whether they meet the threshold.
    pub suffices: bool,
}

/// Whether a member is a quorum.
pub(super) const fn is_group(member: &Member) -> bool {
    matches!(member, Member::Quorum(_))
}
