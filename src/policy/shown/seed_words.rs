//! Seed phrases of BIP-39, wherever they stand in a text.

use std::ops::Range;

use bip39::{Language, Mnemonic};

/// How long the words of the English list are.
const LETTERS: std::ops::RangeInclusive<usize> = 3..=8;

/// How many words a phrase can have, the longest first.
const LENGTHS: [usize; 5] = [24, 21, 18, 15, 12];

/// Words of the list in a row of which nothing is asked any more: nobody writes so many that are no
/// phrases, and to look for checksums in them would take long.
const LONGEST_ROW: usize = 240;

/// Longest gap between two words of a phrase, in bytes: room for a number, a mark of a comment
/// and an indentation.
const GAP: usize = 24;

/// Where a word stands, and how the list spells it.
type Word = (Range<usize>, &'static str);

/// The places of all seed phrases: as many words of the list as a phrase has, one after the other,
/// with the checksum of one.
///
/// One in sixteen rows of twelve words of the list has that checksum by chance, and English hardly
/// ever has twelve of them in a row: the list has no articles, no `and`, `of` or `is`.  Words may be
/// numbered and stand on several lines, of a comment for instance; a quotation mark or a bracket ends
/// the row.
pub(super) fn seed_phrases(text: &str) -> Vec<Range<usize>> {
    let shortest = LENGTHS.iter().min().copied().unwrap_or_default();
    let mut found = Vec::new();
    if text.len() < shortest * (LETTERS.start() + 1) - 1 {
        return found;
    }
    let mut row: Vec<Word> = Vec::new();
    let mut finish = |row: &mut Vec<Word>| {
        match (row.first(), row.last()) {
            (Some((first, _)), Some((last, _))) if row.len() > LONGEST_ROW => {
                found.push(first.start..last.end);
            }
            _ if row.len() >= shortest => found.extend(phrases(row)),
            _ => {}
        }
        row.clear();
    };
    for word in words(text) {
        let gap = row
            .last()
            .and_then(|(last, _)| text.get(last.end..word.start));
        if gap.is_some_and(|gap| gap.len() > GAP || gap.contains(ends_a_row)) {
            finish(&mut row);
        }
        match of_the_list(text.get(word.clone()).unwrap_or_default()) {
            Some(spelt) => row.push((word, spelt)),
            None => finish(&mut row),
        }
    }
    finish(&mut row);
    found
}

/// Whether this between two words says that they are no row: only spaces, numbers and what lists and
/// comments begin or end with may stand there.
fn ends_a_row(c: char) -> bool {
    !(c.is_whitespace() || c.is_ascii_digit() || ".,:;)#/*-_|".contains(c))
}

/// The word of the list that is written here, in letters of either case.
fn of_the_list(word: &str) -> Option<&'static str> {
    if !LETTERS.contains(&word.len()) {
        return None;
    }
    let number = Language::English.find_word(&word.to_ascii_lowercase())?;
    Language::English
        .word_list()
        .get(usize::from(number))
        .copied()
}

/// The runs of letters in a text.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split(|c: char| !c.is_alphabetic())
        .filter_map(move |run| {
            let word = start..start + run.len();
            let after = text.get(word.end..).and_then(|rest| rest.chars().next());
            start = word.end + after.map_or(0, char::len_utf8);
            (!run.is_empty()).then_some(word)
        })
}

/// What of a row of words of the list is in a phrase.
fn phrases(row: &[Word]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for start in 0..row.len() {
        let rest = row.get(start..).unwrap_or_default();
        let mut lengths = LENGTHS.into_iter();
        let phrase = lengths.find_map(|length| rest.get(..length).filter(|row| is_phrase(row)));
        let Some([(first, _), .., (last, _)]) = phrase else {
            continue;
        };
        match found.last_mut().filter(|before| first.start < before.end) {
            Some(before) => before.end = before.end.max(last.end),
            None => found.push(first.start..last.end),
        }
    }
    found
}

/// Whether so many words have the checksum of a phrase.
fn is_phrase(row: &[Word]) -> bool {
    let words: Vec<&str> = row.iter().map(|(_, word)| *word).collect();
    Mnemonic::parse_in_normalized(Language::English, &words.join(" ")).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A phrase of so many bytes of entropy.
    fn phrase(entropy: &[u8]) -> Vec<&'static str> {
        let phrase = Mnemonic::from_entropy(entropy).expect("a length of the proposal");
        phrase.words().collect()
    }

    #[test]
    fn every_word_of_the_list_is_known() {
        for word in Language::English.word_list() {
            assert_eq!(of_the_list(&word.to_uppercase()), Some(*word));
        }
        assert_eq!(of_the_list("abandons"), None);
    }

    /// Vectors of BIP-39.
    #[test]
    fn phrases_of_the_proposal_are_found() {
        let abandon = format!("{} about", ["abandon"; 11].join(" "));
        for phrase in [
            abandon.as_str(),
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic avoid letter always",
            "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
        ] {
            let text = format!("# kept: {phrase}.\n");
            let found = seed_phrases(&text);
            let [place] = found.as_slice() else {
                panic!("{phrase}: {found:?}");
            };
            assert_eq!(place.clone(), 8..8 + phrase.len());
        }
        assert!(seed_phrases(&["abandon"; 11].join(" ")).is_empty());
        let unchecked = ["abandon"; 12].join(" ");
        assert!(seed_phrases(&unchecked).is_empty(), "no checksum");
        let parts = format!("{}\" about", ["abandon"; 11].join(" "));
        assert!(seed_phrases(&parts).is_empty(), "in two texts");
        let row = ["abandon"; LONGEST_ROW].join(" ");
        assert!(seed_phrases(&row).is_empty());
        let longer = format!("{row} path");
        assert_eq!(seed_phrases(&longer), vec![0..longer.len()]);
        assert!(seed_phrases(&"[[path]]\n".repeat(20)).is_empty());
    }

    #[test]
    fn phrases_are_found_however_they_are_written_down() {
        let words = phrase(&[7; 16]);
        let numbered: Vec<String> = (1..)
            .zip(&words)
            .map(|(n, word)| format!("{n}. {word}"))
            .collect();
        for text in [
            words.join("\n# "),
            words.join(", ").to_uppercase(),
            numbered.join("\n    // "),
            format!("secret seed words {} never tell", words.join("-")),
        ] {
            assert_eq!(seed_phrases(&text).len(), 1, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_phrase_is_found(entropy in prop::collection::vec(any::<u8>(), 32), length in 4_usize..=8) {
            let words = phrase(&entropy[..4 * length]);
            prop_assert_eq!(words.len(), 3 * length);
            let text = words.join(" ");
            prop_assert_eq!(seed_phrases(&text), vec![0..text.len()]);
        }

        #[test]
        fn any_text_is_answered(text in "([a-z]{3,8}|abandon|zoo|\\PC){0,40}") {
            for place in seed_phrases(&text) {
                prop_assert!(text.get(place).is_some());
            }
        }
    }
}
