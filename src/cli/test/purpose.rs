//! What a file under a folder of tests is there for.
//!
//! A file that is passed over is a test that cannot fail, so that whatever could be meant as one
//! is taken for one: what is misspelt or cannot be read fails there.

use toml::de::DeTable;

use crate::policy::did_you_mean;

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
        let mut found = Self::default();
        let mut rest = text;
        let mut before = "";
        while let Some(first) = rest.chars().next() {
            if let Some(after) = after_quotes_or_comment(rest) {
                rest = after;
            } else if first.is_alphanumeric() || first == '_' {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                if after.trim_start().starts_with('(') {
                    match before {
                        "fn" => found.defines(word),
                        "." | ":" => {}
                        _ => found.calls_policy |= word == "policy",
                    }
                }
                (before, rest) = (word, after);
            } else {
                let (sign, after) = rest.split_at(first.len_utf8());
                if !first.is_whitespace() {
                    before = sign;
                }
                rest = after;
            }
        }
        found
    }

    fn defines(&mut self, name: &str) {
        if self.rule.is_none() && did_you_mean(name, QUESTIONS).is_some() {
            self.rule = Some(name.to_owned());
        }
    }
}

/// What comes after a string, a character or a comment, if the text begins with one.
fn after_quotes_or_comment(text: &str) -> Option<&str> {
    if let Some(comment) = text.strip_prefix("//") {
        return Some(comment.find('\n').map_or("", |end| comment.split_at(end).1));
    }
    if let Some(mut comment) = text.strip_prefix("/*") {
        let mut depth = 1_usize;
        while depth > 0 {
            let Some(at) = comment.find(['/', '*']) else {
                return Some("");
            };
            let (_, from) = comment.split_at(at);
            (depth, comment) = match (from.strip_prefix("*/"), from.strip_prefix("/*")) {
                (Some(after), _) => (depth - 1, after),
                (_, Some(after)) => (depth + 1, after),
                _ => (depth, from.split_at(1).1),
            };
        }
        return Some(comment);
    }
    let quote = text
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '`' | '\''))?;
    let mut inside = text.char_indices().skip(1);
    while let Some((at, c)) = inside.next() {
        if c == '\\' && quote != '`' {
            inside.next();
        } else if c == quote {
            return Some(text.split_at(at + 1).1);
        }
    }
    Some("")
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
