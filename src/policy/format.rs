//! One layout for all policies, with every comment in its place.
//!
//! Tables and fields stand in the order of the canonical form; what the author names (parties,
//! quorums, silenced codes) and lists (paths, members) keeps the author's order.  A comment
//! belongs to what follows it, unless a blank line separates the two and none stands before it:
//! then it belongs to what it follows.  The book states all rules, under "Layout".

mod value;

use thiserror::Error;
use toml_edit::{DocumentMut, Item, Key, RawString, Table};

use super::document::Document;
use super::language::{POLICY, Place};

/// The same document in the one layout.
///
/// Formatting a formatted text changes nothing.  Documents with errors are formatted as well, as
/// long as they are TOML.
///
/// # Errors
///
/// If the text is not TOML.
pub fn format(text: &str) -> Result<String, FormatError> {
    let document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| FormatError::NotToml(error.message().to_owned()))?;
    let mut sheet = Sheet::new(&document);
    sheet.give_comments_to_their_owners(&document);
    let formatted = sheet.write();
    // Whoever formats a policy does not want to read it again from the beginning.
    let before = Document::parse(text);
    let after = Document::parse(&formatted);
    let same =
        before.canonical() == after.canonical() && before.problems.len() == after.problems.len();
    if !same {
        return Err(FormatError::ChangedMeaning);
    }
    Ok(formatted)
}

/// Why a text was not formatted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// It is not TOML.
    #[error("the text is not TOML: {0}")]
    NotToml(String),
    /// The formatted text would not be the same policy: a fault of the formatter.
    #[error("the formatter would change what the policy says; please report this")]
    ChangedMeaning,
}

/// What stands between two lines with content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Gap {
    /// One or more blank lines.
    Blank,
    /// A comment on a line of its own.
    Comment(String),
}

/// A document in pieces, in the order of the text.
struct Sheet<'d> {
    /// Comments about the file as a whole.
    head: Vec<Gap>,
    sections: Vec<Section<'d>>,
    /// Comments after everything.
    foot: Vec<Gap>,
}

/// A table with its header; the first is the document itself, which has none.
struct Section<'d> {
    /// Where it belongs: for each step down, the rank in the table above, then the order of the
    /// text.
    order: Vec<[usize; 2]>,
    position: isize,
    above: Vec<Gap>,
    header: Option<String>,
    beside: Option<String>,
    /// Comments that belong to the header.
    below_header: Vec<Gap>,
    lines: Vec<Line<'d>>,
}

/// A field with its value.
struct Line<'d> {
    rank: Vec<usize>,
    above: Vec<Gap>,
    key: String,
    value: &'d toml_edit::Value,
    place: Place,
    beside: Option<String>,
    below: Vec<Gap>,
}

impl<'d> Sheet<'d> {
    fn new(document: &'d DocumentMut) -> Self {
        let mut sheet = Self {
            head: Vec::new(),
            sections: Vec::new(),
            foot: Vec::new(),
        };
        sheet.visit(
            document.as_table(),
            &mut Vec::new(),
            Vec::new(),
            Place::Table(&POLICY),
            false,
        );
        sheet.sections.sort_by_key(|section| section.position);
        sheet
    }

    fn visit(
        &mut self,
        table: &'d Table,
        path: &mut Vec<String>,
        order: Vec<[usize; 2]>,
        place: Place,
        in_list: bool,
    ) {
        let lines = lines(table, place);
        let shown = path.is_empty() || !table.is_implicit() || in_list;
        if !table.is_dotted() && (shown || !lines.is_empty()) {
            let name = path.join(".");
            let header = match (path.is_empty(), in_list) {
                (true, _) => None,
                (false, true) => Some(format!("[[{name}]]")),
                (false, false) => Some(format!("[{name}]")),
            };
            self.sections.push(Section {
                order: order.clone(),
                position: match header {
                    Some(_) => table.position().unwrap_or(isize::MAX),
                    None => isize::MIN,
                },
                above: gaps(text(table.decor().prefix())),
                header,
                beside: comment(text(table.decor().suffix())),
                below_header: Vec::new(),
                lines,
            });
        }
        for (number, (name, item)) in table.iter().enumerate() {
            let Some(key) = table.key(name) else { continue };
            let below = place.under(name);
            let mut order = order.clone();
            order.push([place.rank(name), number]);
            path.push(key_text(key));
            match item {
                Item::Table(inner) => self.visit(inner, path, order, below, false),
                Item::ArrayOfTables(list) => {
                    for (number, inner) in list.iter().enumerate() {
                        let mut order = order.clone();
                        order.push([0, number]);
                        self.visit(inner, path, order, below, true);
                    }
                }
                Item::None | Item::Value(_) => {}
            }
            path.pop();
        }
    }

    /// In the order of the text, so that each comment stays with its neighbour when these move.
    fn give_comments_to_their_owners(&mut self, document: &DocumentMut) {
        let mut first = true;
        // The comments after the last line so far.
        let mut before: &mut Vec<Gap> = &mut Vec::new();
        for section in &mut self.sections {
            if section.header.is_some() {
                if first {
                    (self.head, section.above) = split_head(std::mem::take(&mut section.above));
                } else {
                    (*before, section.above) = split_tail(std::mem::take(&mut section.above));
                }
                first = false;
                before = &mut section.below_header;
            }
            for line in &mut section.lines {
                if first {
                    (self.head, line.above) = split_head(std::mem::take(&mut line.above));
                } else {
                    (*before, line.above) = split_tail(std::mem::take(&mut line.above));
                }
                first = false;
                before = &mut line.below;
            }
        }
        let mut rest = gaps(document.trailing().as_str().unwrap_or_default());
        if !first && !rest.contains(&Gap::Blank) {
            *before = std::mem::take(&mut rest);
        } else if !first {
            (*before, rest) = split_tail(rest);
        }
        self.foot = rest;
    }

    fn write(mut self) -> String {
        self.sections.sort_by(|a, b| a.order.cmp(&b.order));
        let mut out = String::new();
        write_gaps(&mut out, &self.head);
        for section in &mut self.sections {
            section.lines.sort_by(|a, b| a.rank.cmp(&b.rank));
            section.write(&mut out);
        }
        if !self.foot.is_empty() {
            blank_line(&mut out);
            write_gaps(&mut out, &self.foot);
        }
        let length = out.trim_end().len();
        out.truncate(length);
        if !out.is_empty() {
            out.push('\n');
        }
        out
    }
}

impl Section<'_> {
    fn write(&self, out: &mut String) {
        if let Some(header) = &self.header {
            blank_line(out);
            write_gaps(out, &self.above);
            out.push_str(header);
            end_line(out, self.beside.as_deref());
            write_gaps(out, &self.below_header);
            if !self.below_header.is_empty() && !self.lines.is_empty() {
                blank_line(out);
            }
        } else if !self.lines.is_empty() {
            blank_line(out);
        }
        let mut start = 0;
        while start < self.lines.len() {
            let rest = self.lines.get(start..).unwrap_or_default();
            let block = block_length(rest);
            let block = rest.get(..block).unwrap_or_default();
            let widest = block.iter().map(|line| line.key.chars().count()).max();
            for (number, line) in block.iter().enumerate() {
                let top = start + number == 0 && self.below_header.is_empty();
                let leads_with_blank = line.above.first() == Some(&Gap::Blank);
                let above = match line.above.split_first() {
                    Some((_, rest)) if top && leads_with_blank => rest,
                    _ => &line.above,
                };
                write_gaps(out, above);
                line.write(out, widest.unwrap_or_default());
            }
            start += block.len();
        }
    }
}

impl Line<'_> {
    fn write(&self, out: &mut String, width: usize) {
        let start = format!("{:width$} = ", self.key);
        let room = value::WIDTH.saturating_sub(start.chars().count());
        let text = value::render(self.value, self.place, 0, Some(room));
        out.push_str(&start);
        out.push_str(&text);
        end_line(out, self.beside.as_deref());
        if !self.below.is_empty() {
            write_gaps(out, &self.below);
            blank_line(out);
        }
    }
}

/// How many lines from the first on stand together, without a blank line or a comment between.
fn block_length(lines: &[Line<'_>]) -> usize {
    let mut length = 0;
    for line in lines {
        if length > 0 && !line.above.is_empty() {
            break;
        }
        length += 1;
        if !line.below.is_empty() {
            break;
        }
    }
    length
}

fn lines(table: &Table, place: Place) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (keys, value) in table.get_values() {
        let Some(last) = keys.last() else { continue };
        let mut place = place;
        let mut rank = Vec::new();
        for key in &keys {
            rank.push(place.rank(key.get()));
            place = place.under(key.get());
        }
        let names: Vec<String> = keys.iter().map(|key| key_text(key)).collect();
        lines.push(Line {
            rank,
            above: gaps(text(last.leaf_decor().prefix())),
            key: names.join("."),
            value,
            place,
            beside: comment(text(value.decor().suffix())),
            below: Vec::new(),
        });
    }
    lines
}

/// A key without quotes where TOML allows it, and as it was typed otherwise.
fn key_text(key: &Key) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let name = key.get();
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        key.display_repr().into_owned()
    }
}

fn text(raw: Option<&RawString>) -> &str {
    raw.and_then(RawString::as_str).unwrap_or_default()
}

/// The comment at the end of a line, if there is one.
fn comment(text: &str) -> Option<String> {
    let text = text.trim();
    text.starts_with('#').then(|| text.to_owned())
}

/// What stands on whole lines, which is white space and comments only.
fn gaps(text: &str) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.starts_with('#') {
            gaps.push(Gap::Comment(line.to_owned()));
        } else if lines.peek().is_some() && gaps.last() != Some(&Gap::Blank) {
            // The last piece is what stands before the next word on its own line.
            gaps.push(Gap::Blank);
        }
    }
    gaps
}

/// What belongs to the line before, and what to the line after.
fn split_tail(mut gaps: Vec<Gap>) -> (Vec<Gap>, Vec<Gap>) {
    match gaps.iter().position(|gap| *gap == Gap::Blank) {
        Some(at) => {
            let rest = gaps.split_off(at);
            (gaps, rest)
        }
        None => (Vec::new(), gaps),
    }
}

/// What belongs to the file as a whole, and what to its first line.
fn split_head(mut gaps: Vec<Gap>) -> (Vec<Gap>, Vec<Gap>) {
    let schema = |gap: &Gap| matches!(gap, Gap::Comment(text) if text.starts_with("#:schema"));
    let from = match gaps.iter().rposition(|gap| *gap == Gap::Blank) {
        Some(at) => at + 1,
        None => usize::from(gaps.first().is_some_and(schema)),
    };
    let rest = gaps.split_off(from.min(gaps.len()));
    (gaps, rest)
}

fn write_gaps(out: &mut String, gaps: &[Gap]) {
    for gap in gaps {
        match gap {
            Gap::Blank => blank_line(out),
            Gap::Comment(text) => {
                out.push_str(text);
                out.push('\n');
            }
        }
    }
}

/// A blank line, unless there is one or nothing stands before it.
fn blank_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with("\n\n") {
        out.push('\n');
    }
}

fn end_line(out: &mut String, beside: Option<&str>) {
    if let Some(comment) = beside {
        out.push(' ');
        out.push_str(comment);
    }
    out.push('\n');
}
