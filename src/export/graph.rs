//! What a picture shows: places where a coin can be, and the transactions that move it.
//!
//! How it looks is each renderer's own business; what it says is decided here.

use crate::compile::{Compiled, Group, Leaf, LeafKind, Role, Stage, StageDescriptor};

/// A policy as places and moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The name of the policy.
    pub title: String,
    /// Network, script type and policy id.
    pub about: String,
    /// Where a coin can be: the vault first, outside last.
    pub places: Vec<Place>,
    /// The transactions, stage by stage.
    pub moves: Vec<Move>,
}

/// Where a coin can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What kind of place.
    pub kind: PlaceKind,
    /// The path it belongs to, for an escrow or a lock-up.
    pub path: Option<String>,
}

/// The kinds of places, in the order in which a coin goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlaceKind {
    /// At rest.
    Vault,
    /// The veto window runs.
    Escrow,
    /// The lock-up period runs.
    Lockup,
    /// Paid to somebody.
    Outside,
}

impl PlaceKind {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Escrow => "escrow",
            Self::Lockup => "lock-up",
            Self::Outside => "destination",
        }
    }
}

impl Place {
    /// The place as a word or two.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.path {
            Some(path) => format!("{} of {path}", self.kind.name()),
            None => self.kind.name().to_owned(),
        }
    }
}

/// A transaction from one place to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Number of the place it spends from.
    pub from: usize,
    /// Number of the place it pays to.
    pub to: usize,
    /// What it is called.
    pub name: String,
    /// The path it belongs to; none for root's own spending.
    pub path: Option<String>,
    /// Who signs, group by group.
    pub signers: Vec<String>,
    /// What has to pass first.
    pub locks: Vec<String>,
    /// Whether root signs it in advance, so that it takes a file.
    pub presigned: bool,
}

impl Move {
    /// Who signs, in a line.
    #[must_use]
    pub fn who(&self) -> String {
        self.signers.join(" and ")
    }

    /// When, and with what, in a line.
    #[must_use]
    pub fn when(&self) -> String {
        let mut parts = self.locks.clone();
        if parts.is_empty() {
            parts.push("at once".to_owned());
        }
        if self.presigned {
            parts.push("with a file".to_owned());
        }
        parts.join(", ")
    }
}

impl Picture {
    /// The picture of a compiled policy.
    #[must_use]
    pub fn of(compiled: &Compiled) -> Self {
        let policy = compiled.policy();
        let mut places: Vec<Place> = compiled
            .stages()
            .map(|stage| place(stage.stage()))
            .collect();
        places.push(Place {
            kind: PlaceKind::Outside,
            path: None,
        });
        let mut picture = Self {
            title: policy.name().to_owned(),
            about: format!(
                "{}, {}, policy id {}",
                policy.network(),
                policy.script(),
                compiled.id()
            ),
            places,
            moves: Vec::new(),
        };
        for stage in compiled.stages() {
            for leaf in stage.leaves() {
                picture.add(stage, leaf);
            }
        }
        picture
    }

    fn number(&self, kind: PlaceKind, path: Option<&str>) -> usize {
        let found = self
            .places
            .iter()
            .position(|place| place.kind == kind && place.path.as_deref() == path);
        // What has no place in the policy goes outside, which is the last.
        found.unwrap_or(self.places.len() - 1)
    }

    fn add(&mut self, stage: &StageDescriptor, leaf: &Leaf) {
        let from = place(stage.stage());
        let path = from.path.as_deref();
        let own = |path: &String| Some(path.clone());
        let (kind, to_path, path) = match leaf.kind() {
            LeafKind::Trigger(name) => (PlaceKind::Escrow, Some(name.as_str()), own(name)),
            LeafKind::Direct(name) => (PlaceKind::Outside, None, own(name)),
            LeafKind::Cancel | LeafKind::Clawback => {
                (PlaceKind::Vault, None, path.map(str::to_owned))
            }
            LeafKind::Settle => (PlaceKind::Lockup, path, path.map(str::to_owned)),
            LeafKind::Spend | LeafKind::Override | LeafKind::Backstop | LeafKind::Release => {
                (PlaceKind::Outside, None, path.map(str::to_owned))
            }
        };
        let name = match leaf.kind() {
            LeafKind::Trigger(_) => "trigger".to_owned(),
            LeafKind::Direct(name) => name.clone(),
            kind => kind.to_string(),
        };
        let relative = leaf.relative().map(|lock| {
            let days = lock.expected_seconds() / 86_400;
            match days {
                0 | 1 => format!("after {lock}"),
                days => format!("after {lock} (about {days} days)"),
            }
        });
        let absolute = leaf.absolute().map(|lock| format!("from {lock}"));
        self.moves.push(Move {
            from: self.number(from.kind, from.path.as_deref()),
            to: self.number(kind, to_path),
            name,
            path,
            signers: leaf.groups().iter().map(signers).collect(),
            locks: relative.into_iter().chain(absolute).collect(),
            presigned: leaf.is_presigned(),
        });
    }
}

fn place(stage: &Stage) -> Place {
    let kind = match stage {
        Stage::Vault => PlaceKind::Vault,
        Stage::Escrow(_) => PlaceKind::Escrow,
        Stage::Lockup(_) => PlaceKind::Lockup,
    };
    Place {
        kind,
        path: stage.path().map(str::to_owned),
    }
}

fn signers(group: &Group) -> String {
    let quorum = group.quorum();
    let count = format!("{} of {}", quorum.threshold(), quorum.members().len());
    match group.role() {
        Role::Arming => format!("{} {count} in advance", quorum.name()),
        Role::Root | Role::Path | Role::Veto | Role::Lockup => format!("{} {count}", quorum.name()),
    }
}
