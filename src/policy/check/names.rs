//! Names: what they are made of, and whether they can be told apart.

use std::collections::HashMap;

use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

use super::super::document::{Document, Spanned};
use super::super::shown::{is_invisible, list, quote};
use super::super::{Code, Diagnostic, Span};

/// Longest name, in characters.
const MAX_NAME: usize = 64;

/// Words that mean something in every policy.
const RESERVED: [&str; 5] = ["root", "vault", "escrow", "lockup", "lock-up"];

/// Longest custody fact or reason, in characters.
const MAX_TEXT: usize = 500;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Party,
    Quorum,
    Path,
    Item,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Quorum => "quorum",
            Self::Path => "path",
            Self::Item => "item",
        }
    }

    /// The word with its article.
    const fn one(self) -> &'static str {
        match self {
            Self::Party => "a party",
            Self::Quorum => "a quorum",
            Self::Path => "a path",
            Self::Item => "an item",
        }
    }
}

pub(super) fn check(document: &Document, problems: &mut Vec<Diagnostic>) {
    if let Some(name) = &document.settings.name {
        check_characters(name, "the policy's name", problems);
    }
    let names = all(document);
    for (kind, name) in &names {
        let what = format!("the name of {}", kind.one());
        if check_characters(name, &what, problems) {
            check_script(name, *kind, problems);
        }
        check_reserved(name, *kind, document, problems);
    }
    check_duplicates(&names, problems);
    check_likeness(&names, problems);
    let parties = document.parties.iter().map(|party| &party.custody);
    let items = document.items.iter().map(|item| &item.custody);
    for (domain, text) in parties.chain(items).flat_map(|custody| &custody.0) {
        check_text(text, &format!("`{domain}`"), problems);
    }
    for lint in &document.lints {
        check_text(&lint.reason, "the reason", problems);
    }
    if let Some(reason) = &document.settings.accept_total_loss {
        check_text(reason, "the reason", problems);
    }
}

fn all(document: &Document) -> Vec<(Kind, &Spanned<String>)> {
    let parties = document
        .parties
        .iter()
        .map(|party| (Kind::Party, &party.name));
    let quorums = document
        .quorums
        .iter()
        .map(|quorum| (Kind::Quorum, &quorum.name));
    let paths = document
        .paths
        .iter()
        .filter_map(|path| path.name.as_ref().map(|name| (Kind::Path, name)));
    let items = document.items.iter().map(|item| (Kind::Item, &item.name));
    parties.chain(quorums).chain(paths).chain(items).collect()
}

/// Reports an invisible character; true if there is none.
fn check_visible(text: &Spanned<String>, what: &str, problems: &mut Vec<Diagnostic>) -> bool {
    let Some((at, c)) = text
        .value
        .chars()
        .enumerate()
        .find(|(_, c)| is_invisible(*c))
    else {
        return true;
    };
    let number = u32::from(c);
    problems.push(
        Diagnostic::new(
            Code::InvisibleCharacter,
            format!("{what} has an invisible or direction-changing character, U+{number:04X}"),
        )
        .at(text.span, format!("character {} is U+{number:04X}", at + 1))
        .help("type it again without this character"),
    );
    false
}

/// Whether a text has what a name must have, taken by itself: 1 to 64 characters, each a letter, a
/// digit, `-` or `_`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_NAME).contains(&length) && text.chars().all(|c| is_allowed(c) && !is_invisible(c))
}

fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

/// Reports whatever a name must not have; true if there is nothing.
fn check_characters(name: &Spanned<String>, what: &str, problems: &mut Vec<Diagnostic>) -> bool {
    if !check_visible(name, what, problems) {
        return false;
    }
    let length = name.value.chars().count();
    let label = if length == 0 {
        "empty".to_owned()
    } else if length > MAX_NAME {
        format!("{length} characters")
    } else if let Some(c) = name.value.chars().find(|c| !is_allowed(*c)) {
        format!("{} is not allowed", quote(&c.to_string()))
    } else {
        return true;
    };
    problems.push(
        Diagnostic::new(
            Code::BadName,
            format!("{} cannot be {what}", quote(&name.value)),
        )
        .at(name.span, label)
        .help(format!(
            "names have 1 to {MAX_NAME} characters: letters, digits, `-` and `_`"
        )),
    );
    false
}

fn check_text(text: &Spanned<String>, what: &str, problems: &mut Vec<Diagnostic>) {
    if !check_visible(text, what, problems) {
        return;
    }
    let length = text.value.chars().count();
    if length > MAX_TEXT {
        problems.push(
            Diagnostic::new(
                Code::TooLarge,
                format!("{what} has {length} characters, and can have {MAX_TEXT}"),
            )
            .at(text.span, "too long")
            .help("make it shorter"),
        );
    }
}

fn check_script(name: &Spanned<String>, kind: Kind, problems: &mut Vec<Diagnostic>) {
    if !name.value.is_single_script() {
        problems.push(
            Diagnostic::new(
                Code::MixedScript,
                format!(
                    "the name of {} {} mixes scripts",
                    kind.word(),
                    quote(&name.value)
                ),
            )
            .at(name.span, "letters of several writing systems")
            .help("write it in one script"),
        );
    }
}

fn check_reserved(
    name: &Spanned<String>,
    kind: Kind,
    document: &Document,
    problems: &mut Vec<Diagnostic>,
) {
    let lower = name.value.to_lowercase();
    let is_root = kind == Kind::Quorum
        && name.value == "root"
        && document
            .root
            .quorum
            .as_ref()
            .is_some_and(|root| root.value == "root");
    if RESERVED.contains(&lower.as_str()) && !is_root {
        let mut help = "choose another name".to_owned();
        if kind == Kind::Quorum && lower == "root" {
            help += "; only the quorum that is root may be called `root`";
        }
        problems.push(
            Diagnostic::new(
                Code::ReservedName,
                format!("no {} can be called {}", kind.word(), quote(&name.value)),
            )
            .at(name.span, "means something in every policy")
            .help(help),
        );
    }
}

fn check_duplicates(names: &[(Kind, &Spanned<String>)], problems: &mut Vec<Diagnostic>) {
    for paths in [false, true] {
        let mut first: HashMap<&str, (Kind, Span)> = HashMap::new();
        let group = names
            .iter()
            .filter(|(kind, _)| (*kind == Kind::Path) == paths);
        for (kind, name) in group {
            let Some((earlier, span)) = first.get(name.value.as_str()) else {
                first.insert(&name.value, (*kind, name.span));
                continue;
            };
            let both = if earlier == kind {
                format!(
                    "two {}s",
                    if *kind == Kind::Party {
                        "partie"
                    } else {
                        kind.word()
                    }
                )
            } else {
                format!("{} and {}", earlier.one(), kind.one())
            };
            problems.push(
                Diagnostic::new(
                    Code::DuplicateName,
                    format!("{both} are called {}", quote(&name.value)),
                )
                .at(name.span, "given again here")
                .beside(*span, "given first here")
                .help("rename one of the two"),
            );
        }
    }
}

/// Reports different names that look alike.
fn check_likeness(names: &[(Kind, &Spanned<String>)], problems: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<String, &Spanned<String>> = HashMap::new();
    for (_, name) in names {
        // Two forms, because the capital I looks like l, and not like the small i.
        let drawn: String = skeleton(&name.value).collect();
        // A zero has the form of a capital O there, and is taken for a small one as well.
        let lower: String = skeleton(&name.value.to_lowercase()).collect();
        let lower = lower.to_lowercase();
        let spelt: String = skeleton(&with_letters(&name.value.to_lowercase())).collect();
        let earlier = [&drawn, &lower, &spelt]
            .into_iter()
            .filter_map(|form| seen.get(form.as_str()).copied())
            .find(|earlier| earlier.value != name.value);
        if let Some(earlier) = earlier {
            problems.push(
                Diagnostic::new(
                    Code::ConfusableNames,
                    format!(
                        "the names {} and {} look the same",
                        quote(&earlier.value),
                        quote(&name.value)
                    ),
                )
                .at(
                    name.span,
                    foreign("easily taken for the other", &name.value),
                )
                .beside(earlier.span, foreign("the other", &earlier.value))
                .help("rename one of the two"),
            );
        }
        for form in [drawn, lower, spelt] {
            seen.entry(form).or_insert(name);
        }
    }
}

/// The name with an i for each one between two letters, as in `al1ce`.
///
/// A one elsewhere counts: `seat1`, `seat-1`, `p11`.
fn with_letters(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let is_letter = |at: Option<usize>| {
        let neighbour = at.and_then(|at| characters.get(at));
        neighbour.is_some_and(|c| c.is_alphabetic())
    };
    let spelt = characters.iter().enumerate().map(|(at, c)| {
        let inside = is_letter(at.checked_sub(1)) && is_letter(at.checked_add(1));
        if *c == '1' && inside { 'i' } else { *c }
    });
    spelt.collect()
}

/// A remark with the numbers of the characters that are not plain letters.
fn foreign(remark: &str, name: &str) -> String {
    let numbers: Vec<String> = name
        .chars()
        .filter(|c| !c.is_ascii())
        .take(4)
        .map(|c| format!("U+{:04X}", u32::from(c)))
        .collect();
    if numbers.is_empty() {
        return remark.to_owned();
    }
    format!("{remark}; has {}", list(&numbers, "and"))
}
