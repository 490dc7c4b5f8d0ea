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

fn is_comment(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with('#')
}

fn parse(text: &str) -> Result<Entry, Syntax> {
    let (keyword, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    match keyword {
        "block" => Ok(Entry::Block(hex(one(rest, "block HEX")?)?)),
        "tip" => {
            let hash = one(rest, "tip HASH")?;
            if hex(hash)?.len() == 32 {
                Ok(Entry::Tip(hash.to_ascii_lowercase()))
            } else {
                Err(Syntax::Shape("tip HASH"))
            }
        }
        "refused" => {
            let (class, block) = two(rest, "refused CLASS HEX")?;
            Ok(Entry::Refused(class, block))
        }
        "relay" => {
            let (class, block) = two(rest, "relay CLASS HEX")?;
            Ok(Entry::Relay(class, block))
        }
        other => Err(Syntax::Keyword(other.to_owned())),
    }
}

fn one<'a>(rest: &'a str, shape: &'static str) -> Result<&'a str, Syntax> {
    if rest.is_empty() || rest.contains(' ') {
        Err(Syntax::Shape(shape))
    } else {
        Ok(rest)
    }
}

fn two(rest: &str, shape: &'static str) -> Result<(Class, Vec<u8>), Syntax> {
    let (class, block) = rest.rsplit_once(' ').ok_or(Syntax::Shape(shape))?;
    Ok((Class::new(class.trim()), hex(block)?))
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
        let class = Class::new("block-script-verify-flag-failed (Some text)");
        let line = "refused block-script-verify-flag-failed (Some text) 01";
        assert_eq!(parse(line), Ok(Entry::Refused(class, vec![1])));
        let class = Class::new("min relay fee not met");
        assert_eq!(
            parse("relay min relay fee not met 02"),
            Ok(Entry::Relay(class, vec![2]))
        );
        assert!(is_comment("  # a word") && is_comment("") && !is_comment("tip"));
    }

    #[test]
    fn malformed_lines_are_not() {
        assert_eq!(parse("block"), Err(Syntax::Shape("block HEX")));
        assert_eq!(parse("block 00 00"), Err(Syntax::Shape("block HEX")));
        assert_eq!(parse("block 0"), Err(Syntax::Hex));
        assert_eq!(parse("block 0g"), Err(Syntax::Hex));
        assert_eq!(parse("tip 00"), Err(Syntax::Shape("tip HASH")));
        assert_eq!(parse("relay 00"), Err(Syntax::Shape("relay CLASS HEX")));
        assert_eq!(parse("Block 00"), Err(Syntax::Keyword("Block".to_owned())));
    }
}
