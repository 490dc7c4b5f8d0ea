//! A policy while questions about it are answered.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{Code, Network, ScriptType, Severity, check, quote};

use super::stand_in::{Account, MARK, WARNING, account};

/// A policy of the kinds that are asked for: holders; a desk that pays day by day, if there is one;
/// and others who get at the coins later, directly or through stages.
///
/// What is not answered yet has a value that fits the answers so far, so that each answer can be
/// checked with all rules of the language.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub name: String,
    pub network: Network,
    pub script: ScriptType,
    pub holders: Vec<String>,
    pub threshold: String,
    pub refresh: String,
    /// Who pays day by day, where the holders are kept cold.
    pub desk: Option<Desk>,
    pub rescue: Rescue,
    /// The keys that were given; all others are stand-ins.
    pub keys: BTreeMap<String, String>,
}

/// Payments that others can object to.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub names: Vec<String>,
    pub threshold: String,
    pub window: String,
    /// How many holders object together.
    pub objectors: String,
}

#[derive(Clone, Debug)]
pub(super) enum Rescue {
    /// Nobody: the reason why that is accepted.
    None(String),
    Agents(Agents),
}

/// What those are called who get at the coins later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// Their quorum.
    pub quorum: &'static str,
    /// Their direct path.
    pub path: &'static str,
    /// What is said of that path.
    pub about: &'static str,
}

/// Agents who rescue the coins.
pub(super) const AGENTS: Words = Words {
    quorum: "agents",
    path: "dead-man",
    about: "# The slow rescue, which needs no file: a coin that nobody has moved for so long.",
};

/// A key that sleeps.
pub(super) const BACKUP: Words = Words {
    quorum: "backups",
    path: "backup",
    about: "# The backup: worth nothing until a coin has rested for so long.",
};

/// Heirs.
pub(super) const HEIRS: Words = Words {
    quorum: "heirs",
    path: "inheritance",
    about: "# The inheritance, which needs nobody of the holders and no file.",
};

/// When a direct path opens.
#[derive(Clone, Debug)]
pub(super) enum Wait {
    /// Once a coin has rested for so long.
    Rest(String),
    /// From this moment on.
    Date(String),
}

#[derive(Clone, Debug)]
pub(super) struct Agents {
    pub words: Words,
    pub names: Vec<String>,
    pub threshold: String,
    pub wait: Wait,
    pub staged: Option<Staged>,
}

#[derive(Clone, Debug)]
pub(super) struct Staged {
    pub window: String,
    pub vetoers: String,
    pub lockup: Option<Lockup>,
}

#[derive(Clone, Debug)]
pub(super) struct Lockup {
    pub period: String,
    pub backstop: String,
    pub clawback: bool,
}

impl Draft {
    /// Everybody in it, each once.
    pub fn parties(&self) -> Vec<String> {
        let mut parties = self.holders.clone();
        let mut add = |names: &[String]| {
            for name in names {
                if !parties.contains(name) {
                    parties.push(name.clone());
                }
            }
        };
        if let Some(desk) = &self.desk {
            add(&desk.names);
        }
        if let Rescue::Agents(agents) = &self.rescue {
            add(&agents.names);
        }
        parties
    }

    /// The names of each question about people.
    fn groups(&self) -> Vec<&[String]> {
        let mut groups = vec![self.holders.as_slice()];
        groups.extend(self.desk.iter().map(|desk| desk.names.as_slice()));
        if let Rescue::Agents(agents) = &self.rescue {
            groups.push(&agents.names);
        }
        groups
    }

    /// What `check` would not accept, in a sentence.
    pub fn objections(&self) -> Result<(), String> {
        let twice = self.groups().into_iter().find_map(|names| {
            let mut seen = BTreeSet::new();
            names
                .iter()
                .find(|name| !seen.insert(name.as_str()))
                .cloned()
        });
        if let Some(name) = twice {
            return Err(format!("{} is named twice", quote(&name)));
        }
        let checked = check(&self.to_toml());
        let errors = checked
            .diagnostics
            .iter()
            .filter(|problem| problem.severity() == Severity::Error);
        let errors: Vec<String> = errors
            .map(|error| match error.advice() {
                // What the questions do not ask cannot be the advice.
                Some(_) if error.code() == Code::NoSurvivor => {
                    "if the holders are lost, too few of these are left: name more who are none of the holders".to_owned()
                }
                Some(advice) => format!("{error}: {advice}"),
                None => error.to_string(),
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors.join("; "))
        }
    }

    /// Whether any key is still a stand-in.
    fn has_stand_ins(&self) -> bool {
        let parties = self.parties();
        parties.iter().any(|party| !self.keys.contains_key(party))
    }

    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        if self.has_stand_ins() {
            out.push_str(WARNING);
            out.push('\n');
        }
        out.push_str("[policy]\n");
        field(&mut out, "name", &self.name);
        field(&mut out, "network", &self.network.to_string());
        field(&mut out, "script", &self.script.to_string());
        if let Rescue::None(reason) = &self.rescue {
            field(&mut out, "accept_total_loss", reason);
        }
        for party in self.parties() {
            out.push_str(&format!("\n[parties.{}]\n", quoted(&party)));
            let line = match self.keys.get(&party) {
                Some(key) => format!("key = {}\n", quoted(key)),
                None => {
                    let key = account(&party, Account::Key, self.network.kind());
                    format!("key = {} {MARK}\n", quoted(&key))
                }
            };
            out.push_str(&line);
        }
        out.push_str("\n[quorums]\n");
        quorum(&mut out, "holders", &self.threshold, &self.holders);
        if let Some(desk) = &self.desk {
            quorum(&mut out, "desk", &desk.threshold, &desk.names);
            let threshold = number(&desk.objectors);
            out.push_str(&format!(
                "objectors = {{ threshold = {threshold}, members_of = \"holders\" }}\n"
            ));
        }
        if let Rescue::Agents(agents) = &self.rescue {
            quorum(
                &mut out,
                agents.words.quorum,
                &agents.threshold,
                &agents.names,
            );
            if let Some(staged) = &agents.staged {
                let threshold = number(&staged.vetoers);
                out.push_str(&format!(
                    "vetoers = {{ threshold = {threshold}, members_of = \"holders\" }}\n"
                ));
            }
        }
        out.push_str("\n# The holders spend at once. They promise to move or refresh every coin this often.\n[root]\n");
        field(&mut out, "quorum", "holders");
        field(&mut out, "refresh", &self.refresh);
        if let Some(desk) = &self.desk {
            desk.write(&mut out);
        }
        if let Rescue::Agents(agents) = &self.rescue {
            agents.write(&mut out);
        }
        out
    }
}

impl Desk {
    fn write(&self, out: &mut String) {
        out.push_str("\n# A payment: the desk triggers it, and it is paid out if nobody objects during the window.\n[[path]]\n");
        field(out, "name", "payments");
        field(out, "purpose", "spend");
        field(out, "quorum", "desk");
        out.push_str(&format!(
            "escrow = {{ window = {}, veto = \"objectors\" }}\n",
            quoted(&self.window)
        ));
    }
}

impl Agents {
    fn write(&self, out: &mut String) {
        if let Some(staged) = &self.staged {
            out.push_str("\n# The fast rescue, with files that the holders sign in advance. Holders can object during\n# the window.\n[[path]]\n");
            field(out, "name", "sos");
            field(out, "purpose", "recover");
            field(out, "quorum", self.words.quorum);
            let mut escrow = format!(
                "escrow = {{ window = {}, veto = \"vetoers\"",
                quoted(&staged.window)
            );
            if let Some(lockup) = &staged.lockup {
                escrow.push_str(&format!(", backstop = {}", quoted(&lockup.backstop)));
            }
            out.push_str(&format!("{escrow} }}\n"));
            if let Some(lockup) = &staged.lockup {
                out.push_str(&format!(
                    "lockup = {{ period = {}, clawback = {} }}\n",
                    quoted(&lockup.period),
                    lockup.clawback
                ));
            }
        }
        out.push_str(&format!("\n{}\n[[path]]\n", self.words.about));
        field(out, "name", self.words.path);
        field(out, "quorum", self.words.quorum);
        match &self.wait {
            Wait::Rest(delay) => field(out, "delay", delay),
            Wait::Date(date) => field(out, "unlock_at", date),
        }
    }
}

fn quorum(out: &mut String, name: &str, threshold: &str, members: &[String]) {
    let members: Vec<String> = members.iter().map(|name| quoted(name)).collect();
    out.push_str(&format!(
        "{name} = {{ threshold = {}, of = [{}] }}\n",
        number(threshold),
        members.join(", ")
    ));
}

/// A number as it was typed, so that the checker says what is wrong with it.
fn number(typed: &str) -> String {
    match typed.trim().parse::<u32>() {
        Ok(number) => number.to_string(),
        Err(_) => quoted(typed),
    }
}

fn field(out: &mut String, name: &str, value: &str) {
    out.push_str(&format!("{name} = {}\n", quoted(value)));
}

/// A text as TOML writes it, whatever is in it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
