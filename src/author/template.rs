//! Templates: whole policies with placeholders for keys.

use bitcoin::NetworkKind;

use super::stand_in::{Account, MARK, WARNING, account};

/// A policy to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name, in small letters.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    text: &'static str,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self {
            name: "council",
            about: "A council of 3 of 5, which agents rescue through a veto window and a lock-up",
            text: include_str!("templates/council.toml"),
        },
        Self {
            name: "guarded",
            about: "Payments that can be objected to for a day, under a board that is kept cold",
            text: include_str!("templates/guarded.toml"),
        },
        Self {
            name: "decaying",
            about: "A threshold that falls as a coin rests, down to one guardian",
            text: include_str!("templates/decaying.toml"),
        },
        Self {
            name: "federation",
            about: "Functionaries, and emergency keys for when they stand still",
            text: include_str!("templates/federation.toml"),
        },
        Self {
            name: "family",
            about: "Parents and a notary, and an inheritance from a fixed date on",
            text: include_str!("templates/family.toml"),
        },
        Self {
            name: "departments",
            about: "2 of 3 departments, each 2 of 3 people, and custodians outside",
            text: include_str!("templates/departments.toml"),
        },
        Self {
            name: "backup",
            about: "Your own devices, 2 of 3, and a backup key that sleeps for more than a year",
            text: include_str!("templates/backup.toml"),
        },
    ];

    /// The template of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name == name)
    }

    /// The policy, with stand-in keys that are marked as such, on a network for tests.
    #[must_use]
    pub fn policy(self) -> String {
        let Self { about, name, .. } = self;
        let mut out = format!("# {about}.\n#\n# From the template `{name}`.\n#\n{WARNING}\n");
        for line in self.text.lines() {
            out.push_str(&filled(line));
            out.push('\n');
        }
        out
    }
}

/// A line of a template with the key in place of the placeholder: `{alice}`, `{alice.veto}` or
/// `wpkh` as `{alice.fees}`.
fn filled(line: &str) -> String {
    let Some((before, rest)) = line.split_once("\"{") else {
        return line.to_owned();
    };
    let Some((placeholder, after)) = rest.split_once("}\"") else {
        return line.to_owned();
    };
    let (name, role) = match placeholder.split_once('.') {
        Some((name, "veto")) => (name, Account::Veto),
        Some((name, "fees")) => (name, Account::Fees),
        _ => (placeholder, Account::Key),
    };
    let key = account(name, role, NetworkKind::Test);
    format!("{before}\"{key}\"{after} {MARK}")
}
