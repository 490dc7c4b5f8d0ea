//! Values put into words, each with the fact it states.

use std::collections::BTreeSet;
use std::fmt;

use crate::policy::{Period, Quorum, SpendingPath};
use crate::units::{AbsoluteLock, RelativeLock};

use super::{Fact, Wait};

const SECONDS_PER_HOUR: u64 = 3_600;
const SECONDS_PER_DAY: u64 = 24 * SECONDS_PER_HOUR;

/// A piece of a sentence with the facts it states.
#[derive(Clone, Debug)]
pub(super) struct Said {
    text: String,
    about: BTreeSet<Fact>,
}

impl Said {
    pub(super) fn new(text: impl Into<String>, fact: Fact) -> Self {
        Self {
            text: text.into(),
            about: BTreeSet::from([fact]),
        }
    }

    /// Words that state nothing of the policy.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            about: BTreeSet::new(),
        }
    }

    /// A quorum by its name, where that says who has a certain part.
    pub(super) fn quorum(quorum: &Quorum, fact: Fact) -> Self {
        Self::new(format!("the {}", quorum.name()), fact)
    }

    /// Several pieces as a list.
    pub(super) fn list(items: &[Self], separator: &str, last: &str) -> Self {
        let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        let about = items.iter().flat_map(Self::about).cloned().collect();
        Self {
            text: enumerate(&texts, separator, last),
            about,
        }
    }

    /// With one more fact, which the words state too.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.about.extend(other.about.iter().cloned());
        self
    }

    pub(super) const fn about(&self) -> &BTreeSet<Fact> {
        &self.about
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Builds a sentence from a format string and the [`Said`] pieces in it, so that no value gets
/// into a text without its fact.
macro_rules! sentence {
    ($guarantee:ident, $format:literal $(, $name:ident = $value:expr)* $(,)?) => {{
        $( let $name: &$crate::explain::words::Said = &$value; )*
        let pieces: &[&$crate::explain::words::Said] = &[$($name),*];
        $crate::explain::Sentence {
            text: $crate::explain::words::capital(&format!($format)),
            guarantee: $crate::explain::Guarantee::$guarantee,
            about: pieces.iter().flat_map(|piece| piece.about()).cloned().collect(),
        }
    }};
}
pub(super) use sentence;

/// A period of a path in both forms.
pub(super) struct Told {
    /// With its other measure, for the one sentence that lays it down: `14 days (2,016 blocks)`.
    pub full: Said,
    /// As the policy writes it, for all others: `14 days`.
    pub short: Said,
}

impl Told {
    pub(super) fn new(path: &SpendingPath, wait: Wait, period: &Period) -> Self {
        let fact = Fact::Period {
            path: path.name().to_owned(),
            wait,
        };
        Self {
            full: Said::new(full(period), fact.clone()),
            short: Said::new(short(period), fact),
        }
    }
}

/// A period as the policy writes it, with commas in its number.
pub(super) fn short(period: &Period) -> String {
    let text = period.text();
    match text
        .split_once(' ')
        .map(|(count, unit)| (count.parse::<u64>(), unit))
    {
        Some((Ok(count), unit)) => format!("{} {unit}", grouped(count)),
        _ => text.to_owned(),
    }
}

/// A period as the policy writes it, and in other measures.
pub(super) fn full(period: &Period) -> String {
    let short = short(period);
    let days = about(period.lock().expected_seconds());
    let is_in = |unit| period.text().contains(unit);
    match period.lock() {
        RelativeLock::Units512(_) if is_in("hour") => {
            format!("{short} by the clock of the chain ({days})")
        }
        RelativeLock::Units512(_) => format!("{short} by the clock of the chain"),
        RelativeLock::Blocks(_) if is_in("block") => format!("{short} ({days})"),
        RelativeLock::Blocks(count) => {
            let blocks = plural(u64::from(count.get()), "block");
            if is_in("hour") {
                format!("{short} ({blocks}, {days})")
            } else {
                format!("{short} ({blocks})")
            }
        }
    }
}

/// A height or date from which a path is open.
pub(super) fn unlock(lock: AbsoluteLock) -> String {
    match lock {
        AbsoluteLock::Height(height) => format!("block {}", grouped(u64::from(height.0))),
        AbsoluteLock::Time(time) => format!("{time} UTC"),
    }
}

/// A duration, rounded: `about 44 days`.
pub(super) fn about(seconds: u64) -> String {
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    if seconds < SECONDS_PER_HOUR {
        format!("about {}", plural(rounded(60).max(1), "minute"))
    } else if seconds < 3 * SECONDS_PER_DAY {
        format!("about {}", plural(rounded(SECONDS_PER_HOUR), "hour"))
    } else {
        format!("about {}", plural(rounded(SECONDS_PER_DAY), "day"))
    }
}

/// A number with its noun.
pub(super) fn plural(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{} {noun}s", grouped(count))
    }
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A list of names: `alice, bob and carol`.
pub(super) fn names<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<T> = items.into_iter().collect();
    enumerate(&items, ", ", " and ")
}

/// The names of paths, quoted, with their noun: `the paths "sos" and "will"`.
pub(super) fn paths<'a>(items: impl IntoIterator<Item = &'a SpendingPath>) -> String {
    let quoted: Vec<String> = items
        .into_iter()
        .map(|path| format!("\"{}\"", path.name()))
        .collect();
    let noun = if quoted.len() == 1 { "path" } else { "paths" };
    format!("the {noun} {}", names(quoted))
}

fn enumerate<T: AsRef<str>>(items: &[T], separator: &str, last: &str) -> String {
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push_str(if at + 1 == items.len() {
                last
            } else {
                separator
            });
        }
        text.push_str(item.as_ref());
    }
    text
}

/// The text with its first letter as a capital.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists() {
        let shown: Vec<String> = [0, 1, 999, 1_000, 65_535, 499_999_999]
            .into_iter()
            .map(grouped)
            .collect();
        assert_eq!(shown, ["0", "1", "999", "1,000", "65,535", "499,999,999"]);
        assert_eq!(names::<&str>([]), "");
        assert_eq!(names(["a"]), "a");
        assert_eq!(names(["a", "b"]), "a and b");
        assert_eq!(names(["a", "b", "c"]), "a, b and c");
        assert_eq!(plural(1, "block"), "1 block");
        assert_eq!(plural(2_016, "block"), "2,016 blocks");
    }

    #[test]
    fn durations_are_rounded_to_a_unit_that_fits() {
        assert_eq!(about(600), "about 10 minutes");
        assert_eq!(about(SECONDS_PER_HOUR - 1), "about 60 minutes");
        assert_eq!(about(SECONDS_PER_HOUR), "about 1 hour");
        assert_eq!(about(3 * SECONDS_PER_DAY - 1), "about 72 hours");
        assert_eq!(about(3 * SECONDS_PER_DAY), "about 3 days");
        assert_eq!(
            about(44 * SECONDS_PER_DAY + SECONDS_PER_DAY / 2),
            "about 45 days"
        );
    }

    #[test]
    fn a_sentence_starts_with_a_capital_and_knows_its_facts() {
        let said = sentence!(
            Fact,
            "{who} can.",
            who = Said::new("the council", Fact::Root)
        );
        assert_eq!(said.text, "The council can.");
        assert_eq!(said.about, BTreeSet::from([Fact::Root]));
    }
}
