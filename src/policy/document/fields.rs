//! A reader for one table that reports whatever it does not understand and goes on.

use std::str::FromStr;

use toml::Spanned as TomlSpanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::super::period::{Duration, DurationError};
use super::super::shown::{is_secret, list, quote};
use super::super::{Code, Diagnostic, Span};
use super::{LIKELIHOODS, Spanned, Typed};

/// Least likeness of two words for one to be suggested for the other (Jaro-Winkler, 0 to 1).
const SUGGEST_FROM: f64 = 0.8;

/// Most suggestions in one list: each takes time, and nobody reads more.
pub(in crate::policy) const SUGGESTIONS_MAX: usize = 50;

/// The fields of one table, and the names that were asked for.
pub(in crate::policy) struct Fields<'p, 't, 'i> {
    table: &'t DeTable<'i>,
    span: Span,
    title: String,
    known: Vec<&'static str>,
    /// The names of what was meant as a table, and is none.
    pub unread: Vec<String>,
    pub problems: &'p mut Vec<Diagnostic>,
}

impl<'p, 't, 'i> Fields<'p, 't, 'i> {
    /// `title` is what messages call the table, such as `` `[root]` ``.
    pub fn new(
        table: &'t DeTable<'i>,
        span: Span,
        title: impl Into<String>,
        problems: &'p mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            table,
            span,
            title: title.into(),
            known: Vec::new(),
            unread: Vec::new(),
            problems,
        }
    }

    /// Reports those of the fields that are missing, all at once.
    pub fn require(&mut self, names: &[&'static str]) {
        let names: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
        self.require_as(&names);
    }

    /// The same for fields that messages call something else: each with its name there.
    pub fn require_as(&mut self, names: &[(&str, &str)]) {
        let missing: Vec<String> = names
            .iter()
            .filter(|(name, _)| !self.table.contains_key(*name))
            .map(|(_, called)| format!("`{called}`"))
            .collect();
        if missing.is_empty() {
            return;
        }
        let verb = if missing.len() == 1 { "is" } else { "are" };
        let missing = list(&missing, "and");
        let title = &self.title;
        self.problems.push(
            Diagnostic::new(Code::MissingField, format!("{title} lacks {missing}"))
                .at(self.span, format!("{missing} {verb} needed here"))
                .help(format!("add {missing}")),
        );
    }

    /// Reports those of the fields that were asked for and are missing, all at once.
    pub fn require_all(&mut self) {
        let known = self.known.clone();
        self.require(&known);
    }

    /// Whether the table has this field at all, without reading it.
    pub fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Reports every field that was not asked for.
    pub fn finish(self) {
        let unknown = self.table.keys().filter(|key| {
            let name: &str = key.get_ref();
            !self.known.contains(&name)
        });
        let all: Vec<String> = self.known.iter().map(|name| format!("`{name}`")).collect();
        let fields = format!("the fields here are {}", list(&all, "and"));
        for (count, key) in unknown.enumerate() {
            let name = key.get_ref();
            let similar = (count < SUGGESTIONS_MAX)
                .then(|| word_meant(name, self.known.iter().copied()))
                .flatten();
            let help = match similar {
                Some(similar) => format!("did you mean `{similar}`? {fields}"),
                None => fields.clone(),
            };
            self.problems.push(
                Diagnostic::new(
                    Code::UnknownField,
                    format!("{} has no field {}", self.title, quote(name)),
                )
                .at(key.span().into(), "unknown field")
                .help(help),
            );
        }
    }

    fn get(&mut self, name: &'static str) -> Option<(&'t DeValue<'i>, Span)> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        let value = self.table.get(name)?;
        Some((value.get_ref(), value.span().into()))
    }

    fn wrong_type(&mut self, name: &str, value: &DeValue<'_>, span: Span, wanted: &str) {
        self.problems.push(wrong_type(name, value, span, wanted));
    }

    pub fn text(&mut self, name: &'static str) -> Typed<String> {
        let (value, span) = self.get(name)?;
        if let DeValue::String(text) = value {
            return Some(Spanned::new(text.to_string(), span));
        }
        self.wrong_type(name, value, span, "a string");
        None
    }

    pub fn boolean(&mut self, name: &'static str) -> Typed<bool> {
        let (value, span) = self.get(name)?;
        if let DeValue::Boolean(value) = value {
            return Some(Spanned::new(*value, span));
        }
        self.wrong_type(name, value, span, "`true` or `false`");
        None
    }

    /// A list of whole numbers; none if one of them could not be read.
    pub fn numbers(&mut self, name: &'static str) -> Typed<Vec<Spanned<u64>>> {
        let (value, span) = self.get(name)?;
        let DeValue::Array(array) = value else {
            self.wrong_type(name, value, span, "a list of whole numbers");
            return None;
        };
        let mut numbers = Vec::new();
        for item in array {
            let at = item.span().into();
            match item.get_ref() {
                DeValue::Integer(integer) => {
                    numbers.extend(self.integer(name, integer, at));
                }
                other => self.wrong_type(name, other, at, "a list of whole numbers"),
            }
        }
        (numbers.len() == array.len()).then(|| Spanned::new(numbers, span))
    }

    /// A whole number, negative ones being out of every range we have.
    pub fn number(&mut self, name: &'static str) -> Typed<u64> {
        let (value, span) = self.get(name)?;
        let DeValue::Integer(integer) = value else {
            self.wrong_type(name, value, span, "a whole number");
            return None;
        };
        self.integer(name, integer, span)
    }

    fn integer(&mut self, name: &str, integer: &DeInteger<'_>, span: Span) -> Typed<u64> {
        match whole(integer) {
            Ok(number) => Some(Spanned::new(number, span)),
            Err(beyond) => {
                let problem = beyond.problem(&format!("`{name}`"), integer, span);
                self.problems.push(problem);
                None
            }
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&'static str, T)]) -> Typed<T> {
        let typed = self.text(name)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == typed.value) {
            return Some(Spanned::new(*value, typed.span));
        }
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let choice = list(&quoted, "or");
        let mut help = String::new();
        if let Some(similar) = word_meant(&typed.value, words.iter().map(|(word, _)| *word)) {
            help = format!("did you mean `{similar}`? ");
        }
        help += &format!("`{name}` is {choice}");
        self.problems.push(
            Diagnostic::new(
                Code::WrongWord,
                format!("{} is no possible `{name}`", quote(&typed.value)),
            )
            .at(typed.span, format!("not {choice}"))
            .help(help),
        );
        None
    }

    pub fn duration(&mut self, name: &'static str) -> Typed<Duration> {
        let (value, span) = self.get(name)?;
        let text = match value {
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(number) => {
                self.problems.push(no_unit(name, number.as_str(), span));
                return None;
            }
            _ => {
                self.wrong_type(name, value, span, "a duration such as `\"14 days\"`");
                return None;
            }
        };
        match Duration::from_str(text) {
            Ok(duration) if duration.is_beyond_counting() => self.problems.push(
                Diagnostic::new(
                    Code::TooLong,
                    format!("`{name}` is {}, longer than any lock", quote(text.trim())),
                )
                .at(span, "too long")
                .help("write a shorter one, such as `\"14 days\"`"),
            ),
            Ok(duration) => return Some(Spanned::new(duration, span)),
            Err(DurationError::NoUnit) => self.problems.push(no_unit(name, text.trim(), span)),
            Err(DurationError::Malformed) => self.problems.push(
                Diagnostic::new(
                    Code::BadDuration,
                    format!("`{name}` is {}, which is no duration", quote(text)),
                )
                .at(span, "not a duration")
                .help("write a whole number and a unit, such as `\"14 days\"`"),
            ),
            Err(DurationError::UnknownUnit) => self.problems.push(unknown_unit(name, text, span)),
        }
        None
    }

    /// A share of 1 to 100 percent.
    pub fn percentage(&mut self, name: &'static str) -> Typed<u8> {
        let (value, span) = self.get(name)?;
        let text = match value {
            DeValue::String(text) => text.trim(),
            DeValue::Integer(number) => {
                let number = number.as_str().to_owned();
                self.problems.push(
                    Diagnostic::new(
                        Code::WrongType,
                        format!("`{name}` is {}, and should be a percentage", quote(&number)),
                    )
                    .at(span, "percent or votes?")
                    .help(format!("write `\"{number}%\"`")),
                );
                return None;
            }
            _ => {
                let problem = wrong_type(name, value, span, "a percentage such as `\"60%\"`");
                self.problems.push(problem);
                return None;
            }
        };
        let digits = text
            .strip_suffix('%')
            .map(str::trim_end)
            .unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.problems.push(
                Diagnostic::new(
                    Code::WrongType,
                    format!("`{name}` is {}, and should be a percentage", quote(text)),
                )
                .at(span, "not a percentage")
                .help("write a whole number of percent, such as `\"60%\"`"),
            );
            return None;
        }
        match digits.parse::<u8>() {
            Ok(percent @ 1..=100) => Some(Spanned::new(percent, span)),
            _ => {
                self.problems.push(
                    Diagnostic::new(
                        Code::OutOfRange,
                        format!("`{name}` is {}, and can only be 1% to 100%", quote(text)),
                    )
                    .at(span, "out of range")
                    .help("write `\"1%\"` to `\"100%\"`"),
                );
                None
            }
        }
    }

    /// How often something happens, against other things.
    pub fn likelihood(&mut self) -> Typed<u64> {
        let typed = self.number("likelihood")?;
        if LIKELIHOODS.contains(&typed.value) {
            return Some(typed);
        }
        let (least, most) = LIKELIHOODS.into_inner();
        self.problems.push(
            Diagnostic::new(
                Code::OutOfRange,
                format!("`likelihood` is {}, and can be {least} to {most}", typed.value),
            )
            .at(typed.span, "out of range")
            .help("it is how often a coin leaves the vault this way, against the other ways; root has 100 where the policy is silent"),
        );
        None
    }

    /// A value that is read by the caller.
    pub fn value(&mut self, name: &'static str) -> Option<(&'t DeValue<'i>, Span)> {
        self.get(name)
    }

    pub fn table(&mut self, name: &'static str) -> Option<(&'t DeTable<'i>, Span)> {
        let (value, span) = self.get(name)?;
        if let DeValue::Table(table) = value {
            return Some((table, span));
        }
        self.wrong_type(name, value, span, "a table");
        None
    }

    /// A list of strings.
    pub fn texts(&mut self, name: &'static str) -> Typed<Vec<Spanned<String>>> {
        let (value, span) = self.get(name)?;
        let DeValue::Array(array) = value else {
            self.wrong_type(name, value, span, "a list of strings");
            return None;
        };
        let mut texts = Vec::new();
        for item in array {
            match item.get_ref() {
                DeValue::String(text) => {
                    texts.push(Spanned::new(text.to_string(), item.span().into()));
                }
                other => self.wrong_type(name, other, item.span().into(), "a list of strings"),
            }
        }
        Some(Spanned::new(texts, span))
    }

    /// A list of tables, as `[[name]]` or in brackets.
    pub fn tables(&mut self, name: &'static str) -> Vec<(&'t DeTable<'i>, Span)> {
        let Some((value, span)) = self.get(name) else {
            return Vec::new();
        };
        let DeValue::Array(array) = value else {
            let wanted = format!("a list of tables: each begins with `[[{name}]]`");
            self.wrong_type(name, value, span, &wanted);
            // What is in it is read all the same, so that this mistake hides no other.
            return match value {
                DeValue::Table(table) => vec![(table, span)],
                _ => Vec::new(),
            };
        };
        let mut tables = Vec::new();
        for item in array {
            match item.get_ref() {
                DeValue::Table(table) => tables.push((table, item.span().into())),
                other => self.wrong_type(name, other, item.span().into(), "a list of tables"),
            }
        }
        tables
    }

    /// The tables inside a table, each with its name: `[name.one]`, `[name.two]`.
    ///
    /// `example` is one of them as it could be written.
    pub fn named_tables(&mut self, name: &'static str, example: &str) -> Vec<NamedTable<'t, 'i>> {
        let Some((table, _)) = self.table(name) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (key, value) in table {
            match value.get_ref() {
                DeValue::Table(fields) => tables.push(NamedTable {
                    name: spanned_key(key),
                    fields,
                }),
                other => {
                    let wanted = format!("a table such as `{example}`");
                    self.wrong_type(key.get_ref(), other, value.span().into(), &wanted);
                    self.unread.push(key.get_ref().to_string());
                }
            }
        }
        tables
    }
}

/// Why a whole number is none that a policy can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    Negative,
    TooLarge,
}

impl Beyond {
    /// The problem of such a number; `what` has it.
    pub fn problem(self, what: &str, integer: &DeInteger<'_>, span: Span) -> Diagnostic {
        let number = quote(&integer.to_string());
        let (why, label, help) = match self {
            Self::Negative => (
                "which is out of range",
                "out of range",
                "write a whole number that is not negative",
            ),
            Self::TooLarge => (
                "which is more than a policy can count",
                "too large",
                "write a smaller whole number",
            ),
        };
        Diagnostic::new(Code::OutOfRange, format!("{what} is {number}, {why}"))
            .at(span, label)
            .help(help)
    }
}

/// A whole number, if it is neither negative nor beyond 64 bits.
pub(super) fn whole(integer: &DeInteger<'_>) -> Result<u64, Beyond> {
    let digits = integer.as_str();
    let number = u64::from_str_radix(digits.trim_start_matches('+'), integer.radix());
    number.map_err(|_| match digits.starts_with('-') {
        true => Beyond::Negative,
        false => Beyond::TooLarge,
    })
}

/// A table with its name.
pub(in crate::policy) struct NamedTable<'t, 'i> {
    pub name: Spanned<String>,
    pub fields: &'t DeTable<'i>,
}

pub(in crate::policy) fn spanned_key(key: &TomlSpanned<toml::de::DeString<'_>>) -> Spanned<String> {
    Spanned::new(key.get_ref().to_string(), key.span().into())
}

pub(in crate::policy) fn wrong_type(
    name: &str,
    value: &DeValue<'_>,
    span: Span,
    wanted: &str,
) -> Diagnostic {
    let found = match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(true) => "`true`",
        DeValue::Boolean(false) => "`false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    let name = quote(name);
    Diagnostic::new(
        Code::WrongType,
        format!("{name} is {found}, and should be {wanted}"),
    )
    .at(span, format!("this is {found}"))
    .help(format!("write {wanted}"))
}

fn no_unit(name: &str, number: &str, span: Span) -> Diagnostic {
    let number = super::super::shown::presentable(number, []);
    Diagnostic::new(
        Code::NoUnit,
        format!("`{name}` is {}, which has no unit", quote(&number)),
    )
    .at(span, "blocks, minutes, hours, days or weeks?")
    .help(format!(
        "write `\"{number} days\"` or `\"{number} blocks\"`; minutes, hours and weeks are possible too"
    ))
}

fn unknown_unit(name: &str, text: &str, span: Span) -> Diagnostic {
    let units = "`blocks`, `minutes`, `hours`, `days` or `weeks`";
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let (whole, unit) = text
        .find(|c: char| !c.is_ascii_digit())
        .and_then(|at| text.split_at_checked(at))
        .unwrap_or((text, ""));
    let unit = unit.trim();
    let (what, label, help) = if whole != number {
        (
            "which is no duration".to_owned(),
            "not a whole number".to_owned(),
            format!("write a whole number of {units}, such as `\"36 hours\"`"),
        )
    } else {
        let help = match did_you_mean(unit, ["blocks", "minutes", "hours", "days", "weeks"]) {
            Some(unit) => format!("did you mean `\"{number} {unit}\"`?"),
            None => format!("write a whole number of {units}, such as `\"14 days\"`"),
        };
        (
            format!("and {} is no unit here", quote(unit)),
            format!("not {units}"),
            help,
        )
    };
    Diagnostic::new(
        Code::BadDuration,
        format!("`{name}` is {}, {what}", quote(text)),
    )
    .at(span, label)
    .help(help)
}

/// Words that other programs and people have for words of the language.  Of several that mean the
/// same, the one that is known in a place is suggested there.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("mainnet", "bitcoin"),
    ("main", "bitcoin"),
    ("livenet", "bitcoin"),
    ("testnet", "testnet4"),
    ("testnet3", "testnet4"),
    ("test", "testnet4"),
    ("taproot", "tr"),
    ("p2tr", "tr"),
    ("p2wsh", "wsh"),
    ("segwit", "wsh"),
    ("rescue", "recover"),
    ("pay", "spend"),
    ("payment", "spend"),
    ("height", "blocks"),
    ("median-time", "time"),
    ("members", "of"),
    ("signers", "of"),
    ("keys", "of"),
    ("required", "threshold"),
    ("m", "threshold"),
    ("k", "threshold"),
    ("xpub", "key"),
    ("tpub", "key"),
    ("pubkey", "key"),
    ("public_key", "key"),
    ("older", "delay"),
    ("timelock", "delay"),
    ("timeout", "delay"),
    ("after", "unlock_at"),
    ("locktime", "unlock_height"),
    ("duration", "period"),
    ("vetoers", "veto"),
    ("fee_wallet", "fees"),
    ("feerate", "base_fee"),
    ("feerates", "rungs"),
    ("version", "transaction_version"),
];

/// The known word that was perhaps meant: one that has the same meaning elsewhere, or else the one
/// that is most like what was typed.
pub(in crate::policy) fn word_meant<'a>(
    typed: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let lower = typed.trim().to_lowercase().replace('-', "_");
    let meant = OTHER_WORDS
        .iter()
        .filter(|(other, _)| other.replace('-', "_") == lower)
        .find_map(|(_, word)| known.clone().find(|known| known == word));
    meant.or_else(|| did_you_mean(typed, known))
}

/// The known word that is most like what was typed.
pub(crate) fn did_you_mean<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // The comparison takes time with the product of both lengths, and no name of ours is long.
    if typed.len() > 256 {
        return None;
    }
    let lower = typed.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for word in known {
        let likeness = strsim::jaro_winkler(&lower, &word.to_lowercase());
        let is_better = likeness >= SUGGEST_FROM && best.is_none_or(|(most, _)| likeness > most);
        // A private key stands where a name belongs now and then.
        if is_better && !is_secret(word) {
            best = Some((likeness, word));
        }
    }
    best.map(|(_, word)| word)
}
