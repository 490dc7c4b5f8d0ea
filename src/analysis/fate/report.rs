//! All questions about shared fate at once, and what to do about the answers.

use serde::Serialize;

use super::domains::{Domains, Found, Reading};
use super::facts::{Facts, KindFacts};
use super::judge::Judge;
use super::{Culprit, Question};
use crate::analysis::coalitions::Coalitions;
use crate::analysis::play::Route;
use crate::analysis::result::Step;
use crate::analysis::{Analyst, Armed, steps};
use crate::governance::KeysShown;
use crate::logic::{AtomSet, Formula};
use crate::policy::{Domain, ItemKind};

/// The most culprits for which is worked out what to do about them.
const MOST_REMEDIES: usize = 16;

/// What parties and items lose together.
#[derive(Clone, Debug, Serialize)]
pub struct Fate {
    /// How many parties there are.
    pub parties: usize,
    /// The items that are kept apart from them.
    pub items: Vec<FateItem>,
    /// How the facts of each kind stand.
    pub facts: Vec<KindFacts>,
    /// What parties have shown of their keys, of those that attest anything or have shown any.
    pub keys: Vec<KeysShown>,
    /// Whether there are files that are signed in advance, so that armed coins are worth a
    /// question of their own.
    pub has_files: bool,
    /// What is so already, whatever anybody holds.
    pub already: Vec<Consequence>,
    /// What follows if everything is where it is said to be.
    pub stated: View,
    /// What follows if only attested facts count as independence.
    pub worst: View,
}

/// Something that a party keeps apart from its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FateItem {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
    /// Whose it is.
    pub of: String,
}

/// All culprits of one reading.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// Single domains, then pairs; the gravest first, and of these those that hold less.
    ///
    /// Of pairs, those alone that do what it would take more than two parties or items to do.
    pub findings: Vec<Finding>,
    /// How many pairs of domains do what any two of those in them could do as well.
    pub plain_pairs: usize,
}

/// A culprit with all that follows.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The domains.
    #[serde(flatten)]
    pub culprit: Culprit,
    /// What follows, the gravest first.
    pub consequences: Vec<Consequence>,
    /// Whoever would have to be in a domain of their own for none of this to follow, save what one
    /// party or item does by itself.  In the worst case: of whom that would have to be attested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Coalitions>,
}

/// Something that follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consequence {
    /// What.
    pub question: Question,
    /// Of which coins, where that makes a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
    /// The quickest way, for thefts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quickest: Option<Quickest>,
}

/// The quickest way to take a coin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quickest {
    /// The transactions.
    pub steps: Vec<Step>,
    /// All waits together, in seconds, at ten minutes to a block.
    pub seconds: u64,
    /// The last date or height it waits for, as seconds since 1970 (heights estimated).
    pub unlock_seconds: Option<u64>,
}

impl Fate {
    /// Names those who would have to be elsewhere one by one, up to so many sets for each finding.
    pub fn list(&mut self, limit: usize) {
        for view in [&mut self.stated, &mut self.worst] {
            let remedies = view.findings.iter_mut();
            for remedy in remedies.filter_map(|finding| finding.remedy.as_mut()) {
                remedy.list(limit);
            }
        }
    }
}

impl View {
    /// What is found about this domain alone.
    #[must_use]
    pub fn single(&self, kind: Domain, name: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| {
            let [shared] = finding.culprit.domains.as_slice() else {
                return false;
            };
            let is_it = |known: &super::DomainName| {
                known.kind == kind && known.name.as_deref() == Some(name)
            };
            shared.names.iter().any(is_it)
        })
    }
}

impl Analyst<'_> {
    /// Answers all questions about shared fate, for single domains and for pairs of any kinds.
    pub fn fate(&mut self, facts: &Facts) -> Fate {
        let all: Vec<(Question, Formula)> = Question::ALL
            .into_iter()
            .filter_map(|question| Some((question, question.formula(&self.play)?)))
            .collect();
        let (already, asked): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|(_, formula)| formula.is_always());
        let conditions: Vec<Formula> = asked.iter().map(|(_, formula)| formula.clone()).collect();
        let thefts = Thefts {
            armed: self.play.routes(Armed::Armed),
            unarmed: self.play.routes(Armed::Unarmed),
        };
        let inquiry = Inquiry {
            judge: Judge::of(&conditions),
            alone: Vec::new(),
            partners: Vec::new(),
            asked,
            thefts,
        };
        let inquiry = inquiry.with_few(self.actors.len());
        let items = self.actors.items().map(|(_, item)| FateItem {
            name: item.name().to_owned(),
            kind: item.kind(),
            of: item.of().name().to_owned(),
        });
        Fate {
            parties: self.actors.parties(),
            items: items.collect(),
            facts: facts.kinds(),
            keys: facts.keys().to_vec(),
            has_files: !self.play.staged().is_empty(),
            already: already
                .into_iter()
                .map(|(question, _)| inquiry.consequence(question, &AtomSet::new()))
                .collect(),
            stated: self.view(facts, Reading::Stated, &inquiry),
            worst: self.view(facts, Reading::Worst, &inquiry),
        }
    }

    fn view(&mut self, facts: &Facts, reading: Reading, inquiry: &Inquiry) -> View {
        let kinds: Vec<Domain> = Domain::ALL.iter().map(|(_, kind)| *kind).collect();
        let domains = Domains::of(facts, &self.actors, reading, &kinds);
        let mut plain_pairs = 0;
        let mut found = Vec::new();
        for Found {
            places,
            met,
            met_by_any,
        } in domains.minimal(&inquiry.judge, &|_, _| true)
        {
            // What any domain does as quickly is no news of this one.
            let met = met & !inquiry.alike(met_by_any, &domains, &places);
            let culprit = domains.culprit(&places);
            let members = culprit.members();
            let shared = met & !inquiry.plain(&members, places.len());
            let told = if places.len() > 1 { shared } else { met };
            if told == 0 {
                plain_pairs += usize::from(places.len() > 1);
                continue;
            }
            let consequences = inquiry.consequences(told, &members);
            found.push((culprit, consequences, inquiry.any(shared)));
        }
        // Those that hold less stand first already.
        found.sort_by_key(|(culprit, consequences, _)| {
            let gravest = consequences.first().map(|first| gravity(first.question));
            (culprit.domains.len(), gravest)
        });
        let findings = found.into_iter().enumerate();
        let findings = findings.map(|(number, (culprit, consequences, condition))| Finding {
            remedy: (number < MOST_REMEDIES)
                .then(|| self.remedy(reading, &culprit, &condition))
                .flatten(),
            culprit,
            consequences,
        });
        View {
            findings: findings.collect(),
            plain_pairs,
        }
    }

    /// Who would have to be elsewhere, or to attest that he is.
    fn remedy(
        &mut self,
        reading: Reading,
        culprit: &Culprit,
        condition: &Formula,
    ) -> Option<Coalitions> {
        let members = culprit.members();
        let movable = match reading {
            Reading::Stated => members.clone(),
            Reading::Worst => {
                let fixed = culprit
                    .domains
                    .iter()
                    .fold(AtomSet::new(), |fixed, shared| {
                        fixed.union(&shared.atoms().difference(shared.supposed_atoms()))
                    });
                members.difference(&fixed)
            }
        };
        let left = condition.substitute(&|atom| match (
            movable.contains(atom),
            members.contains(atom),
        ) {
            (true, _) => Formula::Atom(atom),
            (false, true) => Formula::always(),
            (false, false) => Formula::never(),
        });
        // It is told if it can be: what follows is exact without it.
        let remedy = self.teller.tell(&left.dual()).ok()?;
        (!remedy.is_nobody() && !remedy.needs_nobody()).then_some(remedy)
    }
}

/// How early a question stands, of whichever coins it is.
fn gravity(question: Question) -> Option<usize> {
    let alike = |other: &Question| other.word() == question.word();
    Question::ALL.iter().position(alike)
}

/// What is asked of every domain.
struct Inquiry {
    asked: Vec<(Question, Formula)>,
    judge: Judge,
    thefts: Thefts,
    /// What each party or item does by itself.
    alone: Vec<u32>,
    /// For each condition and each party or item, with whom it meets the condition.
    partners: Vec<Vec<AtomSet>>,
}

struct Thefts {
    armed: Vec<Route>,
    unarmed: Vec<Route>,
}

impl Inquiry {
    /// Finds what one or two of so many do without any others.
    fn with_few(mut self, atoms: usize) -> Self {
        self.alone = (0..atoms)
            .map(|atom| self.judge.of_set(&AtomSet::from([atom])))
            .collect();
        self.partners = vec![vec![AtomSet::new(); atoms]; self.asked.len()];
        for atom in 0..atoms {
            for other in atom + 1..atoms {
                let met = self.judge.of_set(&AtomSet::from([atom, other]));
                for (number, partners) in self.partners.iter_mut().enumerate() {
                    if met >> number & 1 == 1
                        && let Some(partners) = partners.get_mut(atom)
                    {
                        partners.insert(other);
                    }
                }
            }
        }
        self
    }

    /// What so few of these do by themselves, one or two.
    fn plain(&self, members: &AtomSet, few: usize) -> u32 {
        let alone = members.iter().filter_map(|atom| self.alone.get(atom));
        let mut plain = alone.fold(0, |all, met| all | met);
        if few > 1 {
            for (number, partners) in self.partners.iter().enumerate() {
                let mut with = members.iter().filter_map(|atom| partners.get(atom));
                if with.any(|partners| !partners.is_disjoint(members)) {
                    plain |= 1 << number;
                }
            }
        }
        plain
    }

    fn numbered(&self, bits: u32) -> impl Iterator<Item = &(Question, Formula)> {
        let asked = self.asked.iter().enumerate();
        asked
            .filter(move |(number, _)| bits >> number & 1 == 1)
            .map(|(_, asked)| asked)
    }

    /// Of these conditions, those that a domain meets no sooner than any domain of its kind.
    fn alike(&self, bits: u32, domains: &Domains<'_>, places: &[usize]) -> u32 {
        if bits == 0 {
            return 0;
        }
        let (members, open) = (domains.culprit(places).members(), domains.open(places));
        let by_any = self.consequences(bits, &open);
        let alike = self.consequences(bits, &members);
        let alike: Vec<Question> = alike
            .into_iter()
            .filter(|consequence| by_any.contains(consequence))
            .map(|consequence| consequence.question)
            .collect();
        let asked = self.asked.iter().enumerate();
        asked
            .filter(|(_, (question, _))| alike.contains(question))
            .fold(0, |bits, (number, _)| bits | 1 << number)
    }

    fn any(&self, bits: u32) -> Formula {
        Formula::any(
            self.numbered(bits)
                .map(|(_, formula)| formula.clone())
                .collect(),
        )
    }

    fn consequences(&self, bits: u32, members: &AtomSet) -> Vec<Consequence> {
        self.numbered(bits)
            .map(|(question, _)| self.consequence(*question, members))
            .collect()
    }

    fn consequence(&self, question: Question, members: &AtomSet) -> Consequence {
        let routes = |armed| match armed {
            Armed::Armed => &self.thefts.armed,
            Armed::Unarmed => &self.thefts.unarmed,
        };
        let route = match question {
            Question::Steal(armed) => {
                let mut routes = routes(armed).iter();
                routes.find(|route| route.undefended.holds(members))
            }
            Question::StealDefended(armed) => {
                let mut routes = routes(armed).iter();
                routes.find(|route| route.defended.holds(members))
            }
            _ => None,
        };
        Consequence {
            question,
            armed: question.armed(),
            quickest: route.map(|route| Quickest {
                steps: steps(route),
                seconds: route.seconds(),
                unlock_seconds: Some(route.unlock_seconds()).filter(|seconds| *seconds > 0),
            }),
        }
    }
}
