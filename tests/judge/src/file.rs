//! The lines of a block file.

use std::io::BufRead;

use crate::class::Class;
use crate::error::{JudgeError, Syntax};

/// One line that is not a comment.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// A block the chain produced, in consensus bytes.
    Block(Vec<u8>),
    /// The hash of the tip, in display order and lower case.
    Tip(String),
    /// A block on the tip that a full node refuses.
    Refused(Class, Vec<u8>),
    /// A block on the tip that a full node accepts and relay policy does not.
    Relay(Class, Vec<u8>),
}

/// Reads entries with their line numbers, counted from 1, one line at a time.
pub struct Lines<R> {
    lines: std::iter::Enumerate<std::io::Lines<R>>,
}

impl<R: BufRead> Lines<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self {
            lines: reader.lines().enumerate(),
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<(usize, Entry), JudgeError>;

    fn next(&mut self) -> Option<Self::Item> {
        for (index, text) in self.lines.by_ref() {
            let line = index + 1;
            let entry = match text {
                Ok(text) if is_comment(&text) => continue,
                Ok(text) => parse(text.trim()),
                Err(error) => Err(Syntax::Read(error.to_string())),
            };
            let entry = entry.map(|entry| (line, entry));
            return Some(entry.map_err(|syntax| JudgeError::Line {
                line,
                problem: syntax.into(),
            }));
        }
        None
    }
}

/// What this judge leaves out: comments, and the lines for a node with a mempool.
fn is_comment(text: &str) -> bool {
    const FOR_MEMPOOLS: [&str; 4] = ["offer", "floor", "reorg", "waits"];
    let first = text.split_whitespace().next();
    first.is_none_or(|word| word.starts_with('#') || FOR_MEMPOOLS.contains(&word))
}

fn parse(text: &str) -> Result<Entry, Syntax> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match *words.as_slice() {
        ["block", block] => Ok(Entry::Block(hex(block)?)),
        ["tip", hash] if hex(hash)?.len() == 32 => Ok(Entry::Tip(hash.to_ascii_lowercase())),
        ["refused", class, block] => Ok(Entry::Refused(Class::new(class), hex(block)?)),
        ["relay", class, block] => Ok(Entry::Relay(Class::new(class), hex(block)?)),
        ["block", ..] => Err(Syntax::Shape("block HEX")),
        ["tip", ..] => Err(Syntax::Shape("tip HASH")),
        ["refused", ..] => Err(Syntax::Shape("refused CLASS HEX")),
        ["relay", ..] => Err(Syntax::Shape("relay CLASS HEX")),
        [other, ..] => Err(Syntax::Keyword(other.to_owned())),
        [] => Err(Syntax::Keyword(String::new())),
    }
}

fn hex(text: &str) -> Result<Vec<u8>, Syntax> {
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    bytes.ok_or(Syntax::Hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        assert_eq!(parse("block 00fF"), Ok(Entry::Block(vec![0, 255])));
        let hash = "aB".repeat(32);
        let tip = Entry::Tip("ab".repeat(32));
        assert_eq!(parse(&format!("tip {hash}")), Ok(tip));
        let refused = Entry::Refused(Class::new("non-BIP68-final"), vec![1]);
        assert_eq!(parse("refused non-BIP68-final 01"), Ok(refused));
        let relay = Entry::Relay(Class::new("dust+version"), vec![2]);
        assert_eq!(parse("relay dust+version 02"), Ok(relay));
        assert!(is_comment("  # a word") && is_comment("") && !is_comment("tip"));
        assert!(is_comment("offer accepted 00") && is_comment("waits") && !is_comment("offers 00"));
    }

    #[test]
    fn malformed_lines_are_not() {
        assert_eq!(parse("block"), Err(Syntax::Shape("block HEX")));
        assert_eq!(parse("block 00 00"), Err(Syntax::Shape("block HEX")));
        assert_eq!(parse("block 0"), Err(Syntax::Hex));
        assert_eq!(parse("block 0g"), Err(Syntax::Hex));
        assert_eq!(parse("tip 00"), Err(Syntax::Shape("tip HASH")));
        assert_eq!(parse("relay 00"), Err(Syntax::Shape("relay CLASS HEX")));
        let shape = Err(Syntax::Shape("refused CLASS HEX"));
        assert_eq!(parse("refused two words 00"), shape);
        assert_eq!(parse("Block 00"), Err(Syntax::Keyword("Block".to_owned())));
    }
}
