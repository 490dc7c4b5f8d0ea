//! Values: in one line, or a list with an element on each line.

use toml_edit::{Array, InlineTable, Value};

use super::super::language::Place;
use super::{Gap, comment, gaps, key_text, text};

/// Most characters of a line with a list, as far as breaking the list up helps.
pub(super) const WIDTH: usize = 100;

const INDENT: &str = "  ";

/// An element of a list or a field of an inline table, with its comments.
#[derive(Default)]
struct Piece {
    rank: Vec<usize>,
    above: Vec<String>,
    text: String,
    beside: Option<String>,
}

/// The inside of something in brackets.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    /// The comment after the opening bracket.
    opening: Option<String>,
    /// Comments before the closing bracket.
    tail: Vec<String>,
    /// Comments that belong before the next piece.
    waiting: Vec<String>,
    /// Whether the author put the first piece on a line of its own.
    broken: bool,
}

/// Writes a value whose first line is indented so far.  A list that does not fit into `room`
/// characters is broken up; without a limit it stays as the author has it.
pub(super) fn render(value: &Value, place: Place, depth: usize, room: Option<usize>) -> String {
    match value {
        Value::String(value) => value.display_repr().into_owned(),
        Value::Integer(value) => value.display_repr().into_owned(),
        Value::Float(value) => value.display_repr().into_owned(),
        Value::Boolean(value) => value.display_repr().into_owned(),
        Value::Datetime(value) => value.display_repr().into_owned(),
        Value::Array(array) => list(array, place, depth, room),
        Value::InlineTable(table) => inline(table, place, depth),
    }
}

fn list(array: &Array, place: Place, depth: usize, room: Option<usize>) -> String {
    let inside = |write: &mut dyn FnMut(&Value) -> String| {
        let mut pieces = Pieces::default();
        for value in array {
            pieces.before(text(value.decor().prefix()));
            pieces.push(Vec::new(), write(value));
            pieces.after(text(value.decor().suffix()));
        }
        pieces.close(array.trailing().as_str().unwrap_or_default());
        pieces
    };
    if !inside(&mut unwritten).must_break() {
        let pieces = inside(&mut |value| render(value, place, depth, None));
        let line = pieces.in_line("[", "]", "");
        let first = line.lines().next().unwrap_or_default();
        let fits = room.is_none_or(|room| first.chars().count() <= room);
        if fits || array.is_empty() {
            return line;
        }
    }
    let pieces = inside(&mut |value| render(value, place, depth + 1, None));
    pieces.on_lines("[", "]", depth)
}

fn inline(table: &InlineTable, place: Place, depth: usize) -> String {
    let inside = |write: &mut dyn FnMut(&Value, Place) -> String| {
        let mut pieces = Pieces::default();
        for (keys, value) in table.get_values() {
            let prefix = keys.last().and_then(|key| key.leaf_decor().prefix());
            pieces.before(text(prefix));
            let mut place = place;
            let mut rank = Vec::new();
            for key in &keys {
                rank.push(place.rank(key.get()));
                place = place.under(key.get());
            }
            let names: Vec<String> = keys.iter().map(|key| key_text(key)).collect();
            let written = write(value, place);
            pieces.push(rank, format!("{} = {written}", names.join(".")));
            pieces.after(text(value.decor().suffix()));
        }
        pieces.close(table.trailing().as_str().unwrap_or_default());
        pieces.pieces.sort_by(|a, b| a.rank.cmp(&b.rank));
        pieces
    };
    if inside(&mut |value, _| unwritten(value)).must_break() {
        inside(&mut |value, place| render(value, place, depth + 1, None)).on_lines("{", "}", depth)
    } else {
        inside(&mut |value, place| render(value, place, depth, None)).in_line("{", "}", " ")
    }
}

/// In place of a value, to see only what stands around it: if each list were written twice to see
/// whether it fits, one inside another would take twice as long with each step down.
const fn unwritten(_: &Value) -> String {
    String::new()
}

impl Pieces {
    /// What stands before the next piece, from the comma or the bracket on.
    fn before(&mut self, text: &str) {
        let (first, rest) = first_line(text);
        match (self.pieces.last_mut(), first) {
            (None, opening) => {
                self.broken = text.contains('\n');
                self.opening = opening;
            }
            (Some(last), Some(comment)) if last.beside.is_none() => last.beside = Some(comment),
            (Some(_), comment) => self.waiting.extend(comment),
        }
        self.waiting.extend(rest);
    }

    fn push(&mut self, rank: Vec<usize>, text: String) {
        self.pieces.push(Piece {
            rank,
            above: std::mem::take(&mut self.waiting),
            text,
            beside: None,
        });
    }

    /// What stands between a piece and its comma.
    fn after(&mut self, text: &str) {
        let (first, rest) = first_line(text);
        if let Some(last) = self.pieces.last_mut() {
            last.beside = first;
        }
        self.waiting.extend(rest);
    }

    /// What stands before the closing bracket.
    fn close(&mut self, text: &str) {
        self.before(text);
        self.tail = std::mem::take(&mut self.waiting);
        if self.pieces.is_empty() {
            self.broken = false;
        }
    }

    fn must_break(&self) -> bool {
        let commented = |piece: &Piece| !piece.above.is_empty() || piece.beside.is_some();
        self.broken
            || self.opening.is_some()
            || !self.tail.is_empty()
            || self.pieces.iter().any(commented)
    }

    fn in_line(&self, open: &str, close: &str, space: &str) -> String {
        if self.pieces.is_empty() {
            return format!("{open}{close}");
        }
        let texts: Vec<&str> = self
            .pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        format!("{open}{space}{}{space}{close}", texts.join(", "))
    }

    fn on_lines(&self, open: &str, close: &str, depth: usize) -> String {
        let outer = INDENT.repeat(depth);
        let inner = INDENT.repeat(depth + 1);
        let mut out = open.to_owned();
        let end = |out: &mut String, comment: Option<&String>| {
            if let Some(comment) = comment {
                out.push(' ');
                out.push_str(comment);
            }
            out.push('\n');
        };
        end(&mut out, self.opening.as_ref());
        for piece in &self.pieces {
            for comment in &piece.above {
                out.push_str(&format!("{inner}{comment}\n"));
            }
            out.push_str(&format!("{inner}{},", piece.text));
            end(&mut out, piece.beside.as_ref());
        }
        for comment in &self.tail {
            out.push_str(&format!("{inner}{comment}\n"));
        }
        out.push_str(&outer);
        out.push_str(close);
        out
    }
}

/// The comment at the end of the line, and the comments on the lines after it.
fn first_line(text: &str) -> (Option<String>, Vec<String>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let comments = gaps(rest).into_iter().filter_map(|gap| match gap {
        Gap::Comment(comment) => Some(comment),
        Gap::Blank => None,
    });
    (comment(first), comments.collect())
}
