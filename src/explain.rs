//! A policy in plain English: who can do what and when, and what holds them to it.
//!
//! Every sentence says what stands behind it ([`Guarantee`]) and which statements of the policy
//! it repeats or turns on ([`Fact`]).  Change one of them, and exactly the sentences that name it
//! change: a reader who has read the old text needs to read only those.

mod fees;
mod items;
mod judge;
mod limits;
mod losses;
mod people;
mod staged;
mod text;
mod vault;
mod words;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::compile::{Compiled, PolicyId};
use crate::policy::{Lockup, Network, Policy, Root, ScriptType, SpendingPath, Staged};

pub use crate::policy::Guarantee;

use self::judge::Groups;
use self::words::Said;

/// The width of lines where the caller does not say, in characters.
const DEFAULT_WIDTH: usize = 80;

/// What a policy means, section by section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The name of the policy.
    pub policy: String,
    /// Its id.
    pub id: PolicyId,
    /// The network it is for.
    pub network: Network,
    /// The kind of script its descriptors use.
    pub script: ScriptType,
    /// The sections in the order in which they should be read.
    pub sections: Vec<Section>,
}

impl Explanation {
    /// All sentences in order.
    pub fn sentences(&self) -> impl Iterator<Item = &Sentence> {
        self.sections.iter().flat_map(|section| &section.sentences)
    }

    /// The text with lines of at most so many characters, where words allow it.
    ///
    /// The margin says what stands behind each sentence.
    #[must_use]
    pub fn to_text(&self, width: usize) -> String {
        text::render(self, width)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(DEFAULT_WIDTH))
    }
}

/// A few sentences under one heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// The sentences in order.
    pub sentences: Vec<Sentence>,
}

impl Section {
    fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            sentences: Vec::new(),
        }
    }

    fn say(&mut self, sentence: impl Into<Option<Sentence>>) {
        self.sentences.extend(sentence.into());
    }
}

/// One statement: a sentence, or a few that make no sense apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// The statement in plain English.
    pub text: String,
    /// What stands behind it.
    pub guarantee: Guarantee,
    /// What of the policy it repeats or turns on.
    pub about: BTreeSet<Fact>,
}

/// Something a policy states.
///
/// A sentence that repeats a statement names it.  A sentence that judges several statements
/// together (nobody outside root can veto) names those of which a single one, changed alone,
/// would change the sentence.  Hence a sentence changes if and only if a statement that it names
/// does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case", tag = "fact")]
pub enum Fact {
    /// Which quorum is root.
    Root,
    /// Which quorum acts on a path.
    Actors {
        /// The path.
        path: String,
    },
    /// Which quorum can veto on a path.
    Vetoers {
        /// The path.
        path: String,
    },
    /// Which people of its own the lock-up of a path has.
    Releasers {
        /// The path.
        path: String,
    },
    /// How many members of a quorum must agree.
    Threshold {
        /// The quorum.
        quorum: String,
    },
    /// Who is in a quorum, and that nobody else is.
    Members {
        /// The quorum.
        quorum: String,
    },
    /// Whether one party or quorum is a member of a quorum.
    Member {
        /// The quorum.
        quorum: String,
        /// The party, or the quorum inside the quorum.
        member: String,
    },
    /// How long something takes on a path.
    Period {
        /// The path.
        path: String,
        /// What takes so long.
        wait: Wait,
    },
    /// The height or date at which a direct path opens.
    Unlock {
        /// The path.
        path: String,
    },
    /// How often root has promised to move each coin.
    Refresh,
    /// How many triggers in a row are signed in advance.
    Depth {
        /// The path.
        path: String,
    },
    /// Whether root can take a coin back from the lock-up.
    Clawback {
        /// The path.
        path: String,
    },
    /// The conditions under which a trigger should be signed.
    Activation {
        /// The path.
        path: String,
    },
    /// The feerate of pre-signed transactions.
    BaseFee,
    /// Why the policy may do without a path that survives the total loss of root.
    AcceptTotalLoss,
    /// Whether a party has named a fee wallet.
    FeeWallet {
        /// The party.
        party: String,
    },
    /// What an item is, and where it is kept.
    Item {
        /// The item.
        item: String,
    },
    /// Whether a party has an account of its own for the veto.
    VetoKey {
        /// The party.
        party: String,
    },
}

/// What a coin waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// The delay of a direct path.
    Delay,
    /// The veto window.
    Window,
    /// The backstop, counted from the end of the veto window.
    Backstop,
    /// The lock-up period.
    Lockup,
}

/// Explains a compiled policy.
#[must_use]
pub fn explain(compiled: &Compiled) -> Explanation {
    let teller = Teller::new(compiled);
    let policy = teller.policy;
    let mut sections = vec![
        people::legend(),
        people::section(&teller),
        vault::section(&teller),
    ];
    sections.extend(
        teller
            .direct()
            .map(|path| vault::direct_path(&teller, path)),
    );
    sections.extend(staged::common(&teller));
    sections.extend(
        teller
            .staged()
            .map(|(path, staged)| staged::section(&teller, path, staged)),
    );
    sections.push(losses::section(&teller));
    sections.push(fees::section(&teller));
    sections.extend(items::section(&teller));
    sections.push(limits::promises(&teller));
    sections.push(limits::section(&teller));
    Explanation {
        policy: policy.name().to_owned(),
        id: compiled.id(),
        network: policy.network(),
        script: policy.script(),
        sections,
    }
}

/// What all sections are told from.
struct Teller<'a> {
    compiled: &'a Compiled,
    policy: &'a Policy,
    groups: Groups,
}

impl<'a> Teller<'a> {
    fn new(compiled: &'a Compiled) -> Self {
        let policy = compiled.policy();
        Self {
            compiled,
            policy,
            groups: Groups::of(policy),
        }
    }

    const fn root(&self) -> &'a Root {
        self.policy.root()
    }

    /// The direct paths in the order of the policy.
    fn direct(&self) -> impl Iterator<Item = &'a SpendingPath> + use<'a> {
        self.policy
            .paths()
            .iter()
            .filter(|path| path.direct().is_some())
    }

    /// The staged paths in the order of the policy.
    fn staged(&self) -> impl Iterator<Item = (&'a SpendingPath, &'a Staged)> + use<'a> {
        let paths = self.policy.paths().iter();
        paths.filter_map(|path| path.staged().map(|staged| (path, staged)))
    }

    /// Root by its name.
    fn root_name(&self) -> Said {
        Said::quorum(self.root().quorum(), Fact::Root)
    }

    /// Who acts on a path, by name.
    fn actors(path: &SpendingPath) -> Said {
        Said::quorum(
            path.quorum(),
            Fact::Actors {
                path: path.name().to_owned(),
            },
        )
    }

    /// Who takes a coin at the end of a recovery, by name.
    fn releasers(path: &SpendingPath, lockup: &Lockup) -> Said {
        let Some(quorum) = lockup.quorum() else {
            return Self::actors(path);
        };
        let fact = Fact::Releasers {
            path: path.name().to_owned(),
        };
        match quorum.single_party() {
            // A beneficiary goes by his own name.
            Some(party) if party.name() == quorum.name() => Said::new(party.name(), fact),
            _ => Said::quorum(quorum, fact),
        }
    }

    /// Who can veto on a path, by name.
    fn vetoers(path: &SpendingPath, staged: &Staged) -> Said {
        Said::quorum(
            staged.veto(),
            Fact::Vetoers {
                path: path.name().to_owned(),
            },
        )
    }
}
