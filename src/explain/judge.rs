//! Judgements: sentences that depend on several quorums at once.
//!
//! Whether anybody could veto without root is written nowhere in a policy; it follows from who is
//! in two quorums.  Such a sentence names the statements it turns on, which are found by trying:
//! each is changed alone, and it is named if the sentence would read differently.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{Member, Policy, Quorum};

use super::words::names;
use super::{Fact, Sentence, Teller};

/// The quorums and parties of a policy in a form that can be varied.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    quorums: BTreeMap<String, Group>,
    parties: BTreeSet<String>,
    fee_wallets: BTreeSet<String>,
    veto_keys: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Group {
    threshold: usize,
    members: BTreeSet<String>,
}

impl Group {
    fn is_sound(&self) -> bool {
        (1..=self.members.len()).contains(&self.threshold)
    }
}

impl Groups {
    pub(super) fn of(policy: &Policy) -> Self {
        let quorums = policy.quorums().map(|quorum| {
            let members = quorum
                .members()
                .iter()
                .map(|member| member.name().to_owned());
            let group = Group {
                threshold: quorum.threshold(),
                members: members.collect(),
            };
            (quorum.name().to_owned(), group)
        });
        let having = |has: &dyn Fn(&crate::policy::Party) -> bool| {
            let parties = policy.parties().filter(|party| has(party));
            parties.map(|party| party.name().to_owned()).collect()
        };
        Self {
            quorums: quorums.collect(),
            parties: having(&|_| true),
            fee_wallets: having(&|party| party.fees().is_some()),
            veto_keys: having(&|party| party.veto().is_some()),
        }
    }

    /// The parties of a quorum, those of the quorums inside it included.
    pub(super) fn parties_of(&self, quorum: &str) -> BTreeSet<&str> {
        let inside = self.inside(quorum);
        let members = inside.iter().filter_map(|name| self.quorums.get(*name));
        let members = members.flat_map(|group| &group.members).map(String::as_str);
        members
            .filter(|member| self.parties.contains(*member))
            .collect()
    }

    /// The only party of a quorum, if it is nothing else.
    pub(super) fn single_party(&self, quorum: &str) -> Option<&str> {
        let mut members = self.quorums.get(quorum)?.members.iter();
        match (members.next(), members.next()) {
            (Some(member), None) if self.parties.contains(member) => Some(member),
            (Some(member), None) => self.single_party(member),
            _ => None,
        }
    }

    /// Whether these parties meet the threshold of a quorum.
    pub(super) fn is_met_by(&self, quorum: &str, present: &BTreeSet<&str>) -> bool {
        let Some(group) = self.quorums.get(quorum) else {
            return false;
        };
        let agrees = |member: &&String| {
            if self.parties.contains(*member) {
                present.contains(member.as_str())
            } else {
                self.is_met_by(member, present)
            }
        };
        group.members.iter().filter(agrees).count() >= group.threshold
    }

    /// How many members must agree, in words, in the quorum and in those inside it.
    pub(super) fn needed(&self, quorum: &str) -> String {
        let threshold = |name: &str| self.quorums.get(name).map_or(0, |group| group.threshold);
        let inside = self.inside(quorum);
        if inside.len() == 1 {
            return match threshold(quorum) {
                1 => "1 is needed".to_owned(),
                n => format!("{n} are needed"),
            };
        }
        let rest = inside.iter().filter(|name| **name != quorum);
        let each = std::iter::once(quorum).chain(rest.copied());
        let each = each.map(|name| format!("{} in the {name}", threshold(name)));
        format!("needed: {}", names(each))
    }

    pub(super) fn has_fee_wallet(&self, party: &str) -> bool {
        self.fee_wallets.contains(party)
    }

    pub(super) fn has_veto_key(&self, party: &str) -> bool {
        self.veto_keys.contains(party)
    }

    /// A quorum and all quorums inside it.
    fn inside(&self, quorum: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = self
            .quorums
            .get_key_value(quorum)
            .map(|(name, _)| name.as_str())
            .into_iter()
            .collect();
        while let Some(name) = open.pop() {
            if found.insert(name) {
                let members = self
                    .quorums
                    .get(name)
                    .into_iter()
                    .flat_map(|group| &group.members);
                open.extend(
                    members
                        .map(String::as_str)
                        .filter(|member| self.quorums.contains_key(*member)),
                );
            }
        }
        found
    }

    /// Every statement about these quorums that could be different alone, with the ways in which
    /// it could be.
    fn changes(&self, over: &[&Quorum]) -> Vec<(Fact, Change)> {
        let quorums: BTreeSet<&str> = over
            .iter()
            .flat_map(|quorum| self.inside(quorum.name()))
            .collect();
        let mut changes = Vec::new();
        for quorum in quorums {
            let name = || quorum.to_owned();
            let threshold = Fact::Threshold { quorum: name() };
            changes.push((threshold.clone(), Change::Lower(name())));
            changes.push((threshold, Change::Raise(name())));
            for member in self.parties.iter().chain(self.quorums.keys()) {
                // A quorum cannot come to contain itself.
                if self.inside(member).contains(quorum) {
                    continue;
                }
                let fact = Fact::Member {
                    quorum: name(),
                    member: member.clone(),
                };
                changes.push((fact, Change::Seat(name(), member.clone())));
            }
        }
        for party in &self.parties {
            let fact = Fact::FeeWallet {
                party: party.clone(),
            };
            changes.push((fact, Change::FeeWallet(party.clone())));
            let fact = Fact::VetoKey {
                party: party.clone(),
            };
            changes.push((fact, Change::VetoKey(party.clone())));
        }
        changes
    }

    /// Makes a change, or takes it back; false if the quorum is not sound with it.
    fn apply(&mut self, change: &Change, back: bool) -> bool {
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
            Change::Seat(quorum, member) => (quorum, &|group| toggle(&mut group.members, member)),
            Change::FeeWallet(party) => {
                toggle(&mut self.fee_wallets, party);
                return true;
            }
            Change::VetoKey(party) => {
                toggle(&mut self.veto_keys, party);
                return true;
            }
        };
        self.quorums.get_mut(quorum).is_some_and(|group| {
            edit(group);
            group.is_sound()
        })
    }
}

/// One statement, changed.
#[derive(Clone, Debug)]
enum Change {
    Raise(String),
    Lower(String),
    /// The member joins the quorum, or leaves it if it is there.
    Seat(String, String),
    FeeWallet(String),
    VetoKey(String),
}

fn toggle(set: &mut BTreeSet<String>, item: &str) {
    if !set.remove(item) {
        set.insert(item.to_owned());
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
        for (fact, change) in self.groups.changes(over) {
            if varied.apply(&change, false) {
                let other = judge(&varied);
                if other.is_none_or(|other| {
                    other.text != sentence.text || other.guarantee != sentence.guarantee
                }) {
                    sentence.about.insert(fact);
                }
            }
            varied.apply(&change, true);
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
