//! Policies for tests: terms as a test writes them, and the parties added.

#![allow(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, compile};
use longstop::governance::Digest;
use longstop::policy::{Policy, check};
use longstop::signer::SoftwareSigner;

/// Three of five hold it, two of three rescue it, and one of the five can veto.
pub const TREASURY: &str = r#"
[quorums]
council = { threshold = 3, of = ["alice", "bob", "carol", "dave", "erin"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
vetoers = { threshold = 1, members_of = "council" }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "20 blocks", veto = "vetoers", backstop = "40 blocks" }
lockup = { period = "30 blocks" }

[[path]]
name = "dead-man"
quorum = "agents"
delay = "90 blocks"

[lints]
LS0503 = "short delays keep the tests quick"
"#;

/// Two of three departments of two of three hold it; agents and vetoers as above.
pub const DEPARTMENTS: &str = r#"
[quorums]
legal = { threshold = 2, of = ["alice", "bob", "carol"] }
finance = { threshold = 2, of = ["dave", "erin", "frank"] }
operations = { threshold = 2, of = ["greta", "henry", "iris"] }
council = { threshold = 2, of = ["legal", "finance", "operations"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
vetoers = { threshold = 1, of = ["legal", "zoe"] }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "20 blocks", veto = "vetoers", backstop = "40 blocks" }
lockup = { period = "30 blocks" }

[[path]]
name = "dead-man"
quorum = "agents"
delay = "90 blocks"

[lints]
LS0503 = "short delays keep the tests quick"
"#;

/// A policy about to be compiled: terms without header and parties, which are added here.
#[derive(Clone)]
pub struct Draft {
    script: &'static str,
    layout: &'static str,
    base_fee: &'static str,
    /// The rungs of version 2, in sat/vB; of version 3 if there are none.
    rungs: Vec<u64>,
    veto_accounts: bool,
    identities: bool,
    terms: String,
}

impl Draft {
    pub fn new(script: &'static str, terms: &str) -> Self {
        Self {
            script,
            layout: "device",
            base_fee: "2 sat/vB",
            rungs: Vec::new(),
            veto_accounts: true,
            identities: false,
            terms: terms.to_owned(),
        }
    }

    /// No party has an account of its own for the veto role.
    pub fn without_veto_accounts(mut self) -> Self {
        self.veto_accounts = false;
        self
    }

    /// Every party has the identity of its stand-in, and can speak in a ledger.
    pub const fn with_identities(mut self) -> Self {
        self.identities = true;
        self
    }

    pub const fn with_base_fee(mut self, base_fee: &'static str) -> Self {
        self.base_fee = base_fee;
        self
    }

    /// Version 2, at these rungs.
    pub fn with_rungs(mut self, rungs: &[u64]) -> Self {
        self.rungs = rungs.to_vec();
        self
    }

    pub const fn with_layout(mut self, layout: &'static str) -> Self {
        self.layout = layout;
        self
    }

    /// One thing of the terms is otherwise.
    #[track_caller]
    pub fn but(mut self, was: &str, is: &str) -> Self {
        assert!(self.terms.contains(was), "the terms hold `{was}`");
        self.terms = self.terms.replace(was, is);
        self
    }

    /// The document, with an account for everybody whom a quorum names.
    pub fn text(&self) -> String {
        let secp = Secp256k1::new();
        let fees = match self.rungs.is_empty() {
            true => format!("base_fee = \"{}\"", self.base_fee),
            false => format!("transaction_version = 2\nrungs = {:?}", self.rungs),
        };
        let mut text = format!(
            "[policy]\nname = \"test\"\nnetwork = \"regtest\"\nscript = \"{}\"\nlayout = \"{}\"\n{fees}\n\n[parties]\n",
            self.script, self.layout
        );
        for name in self.parties() {
            let signer = SoftwareSigner::stand_in(0, &name, &secp);
            let account = |path: &str| {
                let path = DerivationPath::from_str(path).expect("a path");
                signer.account(&path, &secp).to_string()
            };
            let key = account("48h/1h/0h/3h");
            let fees = account("84h/1h/9h");
            let veto = if self.veto_accounts {
                format!(", veto = \"{}\"", account("48h/1h/2h/3h"))
            } else {
                String::new()
            };
            let identity = if self.identities {
                let key = SoftwareSigner::stand_in_identity(0, &name);
                let public = Digest(key.verifying_key().to_bytes());
                format!(", identity = \"{public}\"")
            } else {
                String::new()
            };
            text += &format!(
                "{name} = {{ key = \"{key}\"{veto}{identity}, fees = \"wpkh({fees}/<0;1>/*)\" }}\n"
            );
        }
        text + &self.terms
    }

    fn parties(&self) -> BTreeSet<String> {
        let terms: toml::Table = self.terms.parse().expect("the terms are TOML");
        let quorums = terms["quorums"].as_table().expect("there are quorums");
        let lists = quorums.values().filter_map(|quorum| quorum.get("of"));
        let names = lists.flat_map(|list| list.as_array().expect("a list").iter());
        let names = names.map(|name| name.as_str().expect("a name").to_owned());
        names.filter(|name| !quorums.contains_key(name)).collect()
    }

    #[track_caller]
    pub fn policy(&self) -> Policy {
        let checked = check(&self.text());
        let problems = &checked.diagnostics;
        checked
            .policy
            .unwrap_or_else(|| panic!("the terms have errors: {problems:#?}"))
    }

    #[track_caller]
    pub fn compiled(&self) -> Arc<Compiled> {
        Arc::new(compile(Arc::new(self.policy())).expect("the policy compiles"))
    }
}
