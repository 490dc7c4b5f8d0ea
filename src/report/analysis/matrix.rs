//! What is kept where: parties and items against kinds of custody domain.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::governance::{Attestations, CustodyReading, Standing};
use crate::policy::{CustodyFact, Domain, Member, Party, Policy, Quorum, SpendingPath};

/// Where everything is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Matrix {
    /// The kinds of domain, which are the columns.
    pub kinds: Vec<Domain>,
    /// Parties, each with its items below it, quorum by quorum.
    pub lines: Vec<Line>,
}

/// What is said of one party or item.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The quorum in which its party is.
    pub quorum: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is and whose, for an item.
    pub item: Option<String>,
    /// One cell for each kind.
    pub cells: Vec<Cell>,
}

/// What is said of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// What.
    pub value: Value,
    /// What stands behind it.
    pub mark: Mark,
    /// The number of the domain among those of its kind that several are in, the largest first;
    /// none if nobody else is in it.
    pub shared: Option<usize>,
}

/// In which domain something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Nobody says.
    Unknown,
    /// In none.
    None,
    /// In the one of this name.
    Named(String),
}

/// What stands behind a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Its party has signed it.
    Attested,
    /// The author of the policy says so.
    Claimed,
    /// Its party had signed it, for a time that is over.
    Stale,
    /// Nothing.
    Unknown,
}

impl Mark {
    /// All of them with their words.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Attested, "attested"),
        (Self::Claimed, "claimed"),
        (Self::Stale, "stale"),
        (Self::Unknown, "unknown"),
    ];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Attested => "attested",
            Self::Claimed => "claimed",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
        }
    }

    /// A character of the shape it is drawn with.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::Attested => '■',
            Self::Claimed => '○',
            Self::Stale => '△',
            Self::Unknown => '?',
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Named(name) => name,
        })
    }
}

impl Cell {
    /// The letter of a domain that several are in: `A` for the largest of its kind.
    #[must_use]
    pub fn letter(&self) -> Option<String> {
        const LETTERS: usize = 26;
        let number = self.shared?;
        let letter = char::from(b'A' + u8::try_from(number % LETTERS).unwrap_or(0));
        Some(match number / LETTERS {
            0 => letter.to_string(),
            round => format!("{letter}{round}"),
        })
    }
}

impl Matrix {
    /// Where the parties of a policy and their items are kept, and who says so.
    pub(super) fn of(policy: &Policy, attestations: &Attestations) -> Self {
        let kinds: Vec<Domain> = Domain::ALL.iter().map(|(_, domain)| *domain).collect();
        let quorums = quorums(policy);
        let mut parties: Vec<(usize, &Party)> = policy
            .parties()
            .map(|party| {
                let place = quorums
                    .iter()
                    .position(|quorum| contains(quorum, party.name()));
                (place.unwrap_or(quorums.len()), &**party)
            })
            .collect();
        // Quorum by quorum, and in each of them by name, which is the order they come in.
        parties.sort_by_key(|(place, _)| *place);
        let mut lines = Vec::new();
        for (place, party) in parties {
            let quorum = quorums.get(place).map(|quorum| quorum.name().to_owned());
            let cells = kinds.iter();
            let cells = cells.map(|kind| cell(attestations.of_party(party, *kind)));
            lines.push(Line {
                quorum: quorum.clone(),
                name: party.name().to_owned(),
                item: None,
                cells: cells.collect(),
            });
            let items = policy.items();
            for item in items.filter(|item| item.of().name() == party.name()) {
                let cells = kinds.iter();
                let cells = cells.map(|kind| cell(attestations.of_item(item, *kind)));
                lines.push(Line {
                    quorum: quorum.clone(),
                    name: item.name().to_owned(),
                    item: Some(format!("{} of {}", item.kind(), party.name())),
                    cells: cells.collect(),
                });
            }
        }
        let mut matrix = Self { kinds, lines };
        for column in 0..matrix.kinds.len() {
            matrix.share(column);
        }
        matrix
    }

    /// Numbers the domains of a column that several are in.
    fn share(&mut self, column: usize) {
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        let cells = self.lines.iter().filter_map(|line| line.cells.get(column));
        for cell in cells {
            if let Value::Named(name) = &cell.value {
                *sizes.entry(name.clone()).or_default() += 1;
            }
        }
        let mut shared: Vec<(usize, String)> = sizes
            .into_iter()
            .filter(|(_, size)| *size > 1)
            .map(|(name, size)| (size, name))
            .collect();
        shared.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let cells = self.lines.iter_mut();
        for cell in cells.filter_map(|line| line.cells.get_mut(column)) {
            if let Value::Named(name) = &cell.value {
                cell.shared = shared.iter().position(|(_, known)| known == name);
            }
        }
    }
}

fn cell(reading: CustodyReading) -> Cell {
    let value = match reading.fact {
        None => Value::Unknown,
        Some(CustodyFact::None) => Value::None,
        Some(CustodyFact::Named(name)) => Value::Named(name),
    };
    let mark = match reading.standing {
        Standing::Attested { .. } => Mark::Attested,
        Standing::Claimed => Mark::Claimed,
        Standing::Stale { .. } => Mark::Stale,
        Standing::Unknown => Mark::Unknown,
    };
    Cell {
        value,
        mark,
        shared: None,
    }
}

/// The quorums that hold parties themselves, root's first, then those of the paths.
fn quorums(policy: &Policy) -> Vec<&Quorum> {
    fn gather<'a>(quorum: &'a Quorum, found: &mut Vec<&'a Quorum>) {
        if found.iter().any(|known| known.name() == quorum.name()) {
            return;
        }
        found.push(quorum);
        for member in quorum.members() {
            if let Member::Quorum(inner) = member {
                gather(inner, found);
            }
        }
    }
    let mut found = Vec::new();
    gather(policy.root().quorum(), &mut found);
    for quorum in policy.paths().iter().map(SpendingPath::quorum) {
        gather(quorum, &mut found);
    }
    for quorum in policy.quorums() {
        gather(quorum, &mut found);
    }
    found
}

fn contains(quorum: &Quorum, party: &str) -> bool {
    let mut members = quorum.members().iter();
    members.any(|member| matches!(member, Member::Party(member) if member.name() == party))
}
