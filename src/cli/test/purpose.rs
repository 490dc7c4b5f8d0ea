//! What a file under a folder of tests is there for.
//!
//! A file that is passed over is a test that cannot fail, so that whatever could be meant as one
//! is taken for one: what is misspelt or cannot be read fails there.

use toml::de::DeTable;

use crate::policy::{code_alone, did_you_mean};

/// The tables of a policy at the top of a TOML file, with which no file is anything else.
const TABLES: [&str; 4] = ["policy", "parties", "quorums", "root"];

/// The functions that are asked of a rule.
const QUESTIONS: [&str; 2] = ["activate", "review"];

/// What a TOML file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Policy,
    Incident,
    /// It is no TOML, and could be anything.
    Unreadable(String),
    /// It is TOML, and nothing of ours.
    Foreign,
}

impl Purpose {
    /// What the tables of a text say, as far as it can be read.
    pub(super) fn of_toml(text: &str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let keys: Vec<&str> = table.get_ref().keys().map(|key| &**key.get_ref()).collect();
        if keys.contains(&"incident") {
            return Self::Incident;
        }
        if keys.iter().any(|key| TABLES.contains(key)) {
            return Self::Policy;
        }
        if let Some(error) = errors.first() {
            return Self::Unreadable(error.message().to_owned());
        }
        let meant = keys
            .into_iter()
            .find_map(|key| did_you_mean(key, ["policy", "incident"]));
        match meant {
            Some("incident") => Self::Incident,
            Some(_) => Self::Policy,
            None => Self::Foreign,
        }
    }
}

/// What of a script says what it is for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Script {
    /// Whether it calls `policy`, on whatever condition.
    pub calls_policy: bool,
    /// A function that is asked of a rule, or has nearly such a name.
    pub rule: Option<String>,
}

impl Script {
    /// Reads the words of a text, which need not be a script: neither comments nor strings.
    pub(in crate::cli) fn of(text: &str) -> Self {
        let code = code_alone(text);
        let mut found = Self::default();
        let mut rest = code.as_str();
        let mut before = "";
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let end = match is_word(first) {
                true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                false => first.len_utf8(),
            };
            let (word, after) = rest.split_at(end);
            if is_word(first) && after.trim_start().starts_with('(') {
                match before {
                    "fn" => found.defines(word),
                    "." | ":" => {}
                    _ => found.calls_policy |= word == "policy",
                }
            }
            if !first.is_whitespace() {
                before = word;
            }
            rest = after;
        }
        found
    }

    fn defines(&mut self, name: &str) {
        if self.rule.is_none() && did_you_mean(name, QUESTIONS).is_some() {
            self.rule = Some(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_could_be_meant_as_a_test_is_one() {
        for policy in [
            "[policy] # our treasury",
            "[ policy ]\nname = \"x\"",
            "policy = { name = \"x\" }",
            "policy.name = \"x\"",
            "\u{feff}[policy]\nname = \"x\"",
            "[polcy]\nname = \"x\"",
            "[parties.ada]\nkey = \"\"",
            "[policy]\nname = ",
        ] {
            assert_eq!(Purpose::of_toml(policy), Purpose::Policy, "{policy}");
        }
        for incident in [
            "[incident] # c",
            "incident = {}",
            "[incidnet]\nname = \"x\"",
        ] {
            assert_eq!(Purpose::of_toml(incident), Purpose::Incident, "{incident}");
        }
        for foreign in ["", "[package]\nname = \"x\"", "[book]\ntitle = \"x\""] {
            assert_eq!(Purpose::of_toml(foreign), Purpose::Foreign, "{foreign}");
        }
        let broken = Purpose::of_toml("= 5");
        assert!(matches!(broken, Purpose::Unreadable(_)), "{broken:?}");
    }

    #[test]
    fn a_script_says_what_it_is_by_its_words() {
        for policy in [
            "policy(#{ name: 5 });",
            "policy (#{ name: 5 });",
            "    policy(#{",
            "if true { policy(#{ name: 5 }); }",
            "let x = \"a\\\"b\"; /* /* nested */ */ policy\n(#{});",
            "let c = '\"'; policy(#{});",
        ] {
            assert!(Script::of(policy).calls_policy, "{policy}");
        }
        for part in [
            "",
            "// policy(#{})",
            "/* policy( /* */ policy( */",
            "let text = \"policy(\";",
            "let text = `policy(`;",
            "fn policy(x) { x }",
            "map.policy(5)",
            "my_policy(5)",
            "export const PEOPLE = [\"ada\"];",
            "fn majority(n) { n / 2 + 1 }",
        ] {
            assert_eq!(Script::of(part), Script::default(), "{part}");
        }
        for (rule, name) in [
            ("fn review(spend) { true }", "review"),
            ("fn\nreview (spend) { true ", "review"),
            ("private fn review(spend) { true }", "review"),
            ("fn review(a, b) { true }", "review"),
            ("fn reveiw(spend) { true }", "reveiw"),
            ("fn activate(facts) { spnd.x }", "activate"),
        ] {
            assert_eq!(Script::of(rule).rule.as_deref(), Some(name), "{rule}");
        }
    }
}
