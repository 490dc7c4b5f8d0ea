//! Shared fate: what an operator, a host, a cloud account, a vendor, a jurisdiction or a site takes
//! with it, and what follows.
//!
//! A custody fact says that a party's keys, or an item, are in a domain of one kind.  Whoever has
//! the domain has what is in it, and when it is gone all of that is gone.  Every question is asked
//! in two readings.  *As stated*, things are in the domains that the facts name.  *In the worst
//! case* only what is attested counts as independence: whatever is claimed, stale or unknown of a
//! kind is in each domain of that kind as well.
//!
//! Culprits are minimal: a pair is told only if neither of the two suffices.

mod domains;
mod facts;
mod judge;
mod report;

use serde::{Serialize, Serializer};

use self::domains::{Domains, Place};
use self::judge::Judge;
use super::play::Play;
use super::{Analyst, Armed};
use crate::logic::{AtomSet, Formula};
use crate::policy::Domain;

pub use self::domains::{DomainName, Reading, Shared};
pub use self::facts::{Facts, KindFacts};
pub use self::report::{Consequence, Fate, FateItem, Finding, Quickest, View};

/// What could follow when somebody has a domain, or when it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Who has it can take a coin, when nobody defends.
    Steal(Armed),
    /// Who has it can take a coin although everybody else watches, has fees, and defends.
    StealDefended(Armed),
    /// When it is gone, no coin moves ever again.
    Lose(Armed),
    /// Who has it can keep every coin from everybody else for ever: by refusing, and by moving it
    /// from stage to stage.
    Freeze(Armed),
    /// When it is gone, no recovery path is left.
    LoseRescue(Armed),
    /// Who has it can keep everybody else from every recovery: by refusing, and by vetoes.
    BlockRescue,
    /// When it is gone, nobody can veto anything.
    EndVetoes,
    /// When it is gone, root cannot act.
    CloseRoot,
}

impl Question {
    /// All of them, the gravest first.
    pub const ALL: [Self; 13] = [
        Self::StealDefended(Armed::Armed),
        Self::StealDefended(Armed::Unarmed),
        Self::Steal(Armed::Armed),
        Self::Steal(Armed::Unarmed),
        Self::Lose(Armed::Armed),
        Self::Lose(Armed::Unarmed),
        Self::Freeze(Armed::Armed),
        Self::Freeze(Armed::Unarmed),
        Self::LoseRescue(Armed::Armed),
        Self::LoseRescue(Armed::Unarmed),
        Self::BlockRescue,
        Self::EndVetoes,
        Self::CloseRoot,
    ];

    /// Its word, as JSON has it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Steal(_) => "steal",
            Self::StealDefended(_) => "steal-defended",
            Self::Lose(_) => "lose",
            Self::Freeze(_) => "freeze",
            Self::LoseRescue(_) => "lose-rescue",
            Self::BlockRescue => "block-rescue",
            Self::EndVetoes => "end-vetoes",
            Self::CloseRoot => "close-root",
        }
    }

    /// Of which coins, where that makes a difference.
    #[must_use]
    pub const fn armed(self) -> Option<Armed> {
        match self {
            Self::Steal(armed)
            | Self::StealDefended(armed)
            | Self::Lose(armed)
            | Self::Freeze(armed)
            | Self::LoseRescue(armed) => Some(armed),
            Self::BlockRescue | Self::EndVetoes | Self::CloseRoot => None,
        }
    }

    /// The condition on what a domain holds, over parties and items; none if the policy has
    /// nothing that the question is about.
    #[must_use]
    pub fn formula(self, play: &Play) -> Option<Formula> {
        let has_files = !play.staged().is_empty();
        let has_rescue = || {
            let mut staged = play.staged().iter();
            !play.directs().is_empty() || staged.any(|staged| staged.is_recovery)
        };
        let asked = match self {
            Self::EndVetoes => has_files,
            Self::BlockRescue | Self::LoseRescue(Armed::Armed) => has_rescue(),
            Self::LoseRescue(Armed::Unarmed) => !play.directs().is_empty(),
            _ => true,
        };
        let makes_sense = has_files || self.armed() != Some(Armed::Armed);
        (asked && makes_sense).then(|| match self {
            Self::Steal(armed) => play.steal_undefended(armed),
            Self::StealDefended(armed) => play.steal(armed),
            Self::Lose(armed) => play.unspendable(armed),
            Self::Freeze(armed) => play.freeze(armed),
            Self::LoseRescue(armed) => play.rescue_lost(armed),
            Self::BlockRescue => play.rescue_blocked(),
            Self::EndVetoes => play.no_veto(),
            Self::CloseRoot => play.root_closed(),
        })
    }
}

impl Serialize for Question {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Which domains are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Each domain of a kind by itself.
    Single(Domain),
    /// One domain of a kind together with one of a kind, which may be the same.
    ///
    /// What suffices alone is a culprit by itself.
    Pair(Domain, Domain),
}

/// One domain, or two, with which something can be brought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Culprit {
    /// The domains: none of them is enough without the others.
    pub domains: Vec<Shared>,
}

impl Culprit {
    /// What they hold together, by the numbers of [`Actors`](super::Actors).
    #[must_use]
    pub fn members(&self) -> AtomSet {
        let sets = self.domains.iter().map(Shared::atoms);
        sets.fold(AtomSet::new(), |all, set| all.union(set))
    }

    /// A name of each domain.
    pub(super) fn names(&self) -> Vec<DomainName> {
        let names = self
            .domains
            .iter()
            .filter_map(|domain| domain.names.first());
        names.cloned().collect()
    }

    /// Whoever is in one of them in the worst case only, and not said to be in another.
    pub(super) fn supposed(&self) -> Vec<String> {
        let mut supposed = Vec::new();
        for name in self.domains.iter().flat_map(|domain| &domain.supposed) {
            let mut domains = self.domains.iter();
            let is_said = domains.any(|domain| domain.members.contains(name));
            if !is_said && !supposed.contains(name) {
                supposed.push(name.clone());
            }
        }
        supposed
    }
}

/// Who is to blame, in both readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// It is so already, whatever anybody holds; then there are no culprits.
    pub is_so_already: bool,
    /// As the facts stand.
    pub stated: Vec<Culprit>,
    /// With only what is attested as independence.
    pub worst: Vec<Culprit>,
}

/// Every choice of one domain of each of these kinds, in one reading, and of different ones where a
/// kind is named twice; of a kind with a single domain that one is both.
pub(super) fn choices(
    analyst: &Analyst<'_>,
    facts: &Facts,
    reading: Reading,
    kinds: &[Domain],
) -> Vec<Culprit> {
    let mut choices: Vec<Vec<Shared>> = vec![Vec::new()];
    for kind in kinds {
        let domains = Domains::of(facts, analyst.actors(), reading, &[*kind]).all();
        let with = |chosen: &Vec<Shared>| -> Vec<Vec<Shared>> {
            let others = domains.iter().filter(|domain| !chosen.contains(domain));
            others
                .map(|domain| chosen.iter().chain([domain]).cloned().collect())
                .collect()
        };
        let more: Vec<Vec<Shared>> = choices.iter().flat_map(with).collect();
        if !more.is_empty() {
            choices = more;
        }
    }
    choices.retain(|domains| !domains.is_empty());
    choices
        .into_iter()
        .map(|domains| Culprit { domains })
        .collect()
}

/// The minimal culprits of one question, with domains of certain kinds; smaller ones first.
///
/// A question that the policy gives no reason to ask has no culprits.  In the worst case a culprit
/// can be [any domain](DomainName::name) of a kind: what is not attested suffices, whichever domain
/// it is in, and no domain of that kind is blamed by its name.  Domains that hold the same are one culprit with several names.
#[must_use]
pub fn culprits(analyst: &Analyst<'_>, facts: &Facts, question: Question, scope: Scope) -> Answer {
    let Some(formula) = question.formula(analyst.play()) else {
        return Answer {
            is_so_already: false,
            stated: Vec::new(),
            worst: Vec::new(),
        };
    };
    let is_so_already = formula.is_always();
    let judge = Judge::of(&[formula]);
    let by = |reading| {
        if is_so_already {
            return Vec::new();
        }
        let kinds = match scope {
            Scope::Single(kind) => vec![kind],
            Scope::Pair(a, b) => vec![a, b],
        };
        let domains = Domains::of(facts, analyst.actors(), reading, &kinds);
        let fits = |a: &Place, b: &Place| match scope {
            Scope::Single(_) => false,
            Scope::Pair(one, other) => {
                a.is_of(one) && b.is_of(other) || a.is_of(other) && b.is_of(one)
            }
        };
        let found = domains.minimal(&judge, &fits);
        let to_blame = found.iter().filter(|found| found.met_by_any == 0);
        to_blame
            .map(|found| domains.culprit(&found.places))
            .collect()
    };
    Answer {
        is_so_already,
        stated: by(Reading::Stated),
        worst: by(Reading::Worst),
    }
}
