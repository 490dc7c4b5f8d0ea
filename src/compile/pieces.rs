//! The key expressions in the text of a descriptor.

use std::str::FromStr;

use miniscript::descriptor::DescriptorPublicKey;

/// A piece of a descriptor's text.
pub enum Piece<'a> {
    /// A key expression, as it stands and as it is read.
    Key(&'a str, Box<DescriptorPublicKey>),
    /// Anything else.
    Other(&'a str),
}

/// Cuts the text of a descriptor, without its checksum, into key expressions and what is between.
///
/// No key expression has any of the characters by which the language is punctuated, and no number
/// or name of a fragment reads as a key.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for run in text.split_inclusive(['(', ')', ',', '{', '}']) {
        let end = run
            .char_indices()
            .last()
            .filter(|(_, last)| matches!(last, '(' | ')' | ',' | '{' | '}'))
            .map_or(run.len(), |(at, _)| at);
        let (word, mark) = run.split_at(end);
        match DescriptorPublicKey::from_str(word) {
            Ok(key) => pieces.push(Piece::Key(word, Box::new(key))),
            Err(_) => pieces.push(Piece::Other(word)),
        }
        pieces.push(Piece::Other(mark));
    }
    pieces
}
