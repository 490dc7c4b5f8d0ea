//! Places: from lines and columns of the interpreter to bytes of the text.

use std::ops::Range;
use std::sync::Arc;

use rhai::Position;

use super::super::{Span, position};

/// A file that a script imported.
#[derive(Clone)]
pub(in crate::policy) struct Imported {
    /// Its path, from the folder of the script.
    pub path: String,
    pub text: Arc<str>,
    /// Where it begins in the row of all texts.
    pub base: usize,
    /// The import that named it, in the row of all texts.
    pub at: Span,
}

/// The texts of a script and of what it imported, in a row: a span beyond the end of the first
/// lies in an imported one.
pub(in crate::policy) struct Sources {
    main: Arc<str>,
    /// Where the lines of each text begin, the script's own first.
    lines: Vec<Vec<usize>>,
    /// The functions that the script is given, each with how it is called.
    functions: &'static [(&'static str, &'static str)],
    imported: Vec<Imported>,
}

impl Sources {
    pub fn new(main: Arc<str>, functions: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            lines: vec![line_starts(&main)],
            main,
            functions,
            imported: Vec::new(),
        }
    }

    pub fn imported(&self) -> &[Imported] {
        &self.imported
    }

    /// How a function is called that the script is given.
    pub fn usage(&self, name: &str) -> Option<&'static str> {
        let found = self
            .functions
            .iter()
            .find(|(function, _)| *function == name);
        found.map(|(_, usage)| *usage)
    }

    /// The names of the functions that the script is given.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|(name, _)| *name)
    }

    pub fn add(&mut self, path: &str, text: &str, at: Span) {
        let base = self
            .imported
            .last()
            .map_or(self.main.len(), |last| last.base + last.text.len());
        self.lines.push(line_starts(text));
        self.imported.push(Imported {
            path: path.to_owned(),
            text: Arc::from(text),
            base: base + 1,
            at,
        });
    }

    /// Which text has this name, the script itself having none.
    fn number(&self, source: Option<&str>) -> usize {
        let source = source.filter(|source| !source.is_empty());
        let imported = source.and_then(|source| {
            let mut files = self.imported.iter();
            files.position(|file| file.path == source)
        });
        imported.map_or(0, |position| position + 1)
    }

    /// The text of this name, and where it begins.
    fn text(&self, source: Option<&str>) -> (&str, usize) {
        let imported = self.number(source).checked_sub(1);
        let imported = imported.and_then(|position| self.imported.get(position));
        imported.map_or((&self.main, 0), |file| (&file.text, file.base))
    }

    /// The bytes before a line and column, both counted from one, columns in characters.
    fn offset(&self, source: Option<&str>, position: Position) -> usize {
        let (text, _) = self.text(source);
        let Some(line) = position.line() else {
            return 0;
        };
        let lines = self.lines.get(self.number(source));
        let start = lines.and_then(|lines| lines.get(line.saturating_sub(1)));
        let start = start.copied().unwrap_or(text.len());
        let rest = text.get(start..).unwrap_or_default();
        let column = position.position().unwrap_or(1).saturating_sub(1);
        let within = rest.char_indices().nth(column);
        start + within.map_or(rest.len(), |(at, _)| at)
    }

    /// What stands at a position: a call up to its closing bracket, a word, a string, or else one
    /// character.
    pub fn span(&self, source: Option<&str>, position: Position) -> Span {
        let (text, base) = self.text(source);
        let range = marked(text, self.offset(source, position));
        Span::from(base + range.start..base + range.end)
    }

    /// The text before a position on its line.
    pub fn before(&self, source: Option<&str>, position: Position) -> &str {
        let (text, _) = self.text(source);
        let before = text
            .get(..self.offset(source, position))
            .unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default()
    }

    /// The number that stands at a position, with its sign, as it is written.
    pub fn written(&self, source: Option<&str>, position: Position) -> &str {
        let (text, _) = self.text(source);
        let rest = text
            .get(self.offset(source, position)..)
            .unwrap_or_default();
        let digits = rest.trim_start_matches('-');
        let end = digits.find(|c| !is_word(c)).unwrap_or(digits.len());
        let signs = rest.len() - digits.len();
        rest.get(..signs + end).unwrap_or_default()
    }

    /// All words of the script that could be names, for suggestions.
    pub fn words(&self, source: Option<&str>) -> impl Iterator<Item = &str> {
        let (text, _) = self.text(source);
        let words = text.split(|c| !is_word(c));
        words.filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
    }

    /// Which of these functions the script calls with this text as the first argument.
    pub fn maker(
        &self,
        source: Option<&str>,
        functions: &'static [&'static str],
        name: &str,
    ) -> Option<&'static str> {
        let (text, _) = self.text(source);
        let argument = format!("\"{name}\"");
        text.match_indices(&argument).find_map(|(at, _)| {
            let call = text.get(..at)?.trim_end().strip_suffix('(')?;
            let called = call.rsplit(|c| !is_word(c)).next()?;
            functions.iter().copied().find(|own| *own == called)
        })
    }

    /// Where a script defines a function.
    pub fn definition(&self, source: Option<&str>, name: &str) -> Position {
        let (text, _) = self.text(source);
        let found = text.match_indices("fn").find_map(|(at, word)| {
            let rest = text.get(at + word.len()..)?;
            let trimmed = rest.trim_start();
            let follows = trimmed.strip_prefix(name)?;
            let is_whole = !follows.starts_with(is_word) && trimmed.len() < rest.len();
            is_whole.then_some(text.len() - trimmed.len())
        });
        self.position(source, found.unwrap_or_default())
    }

    /// The line and column of a byte.
    pub fn position(&self, source: Option<&str>, at: usize) -> Position {
        let (text, _) = self.text(source);
        let (line, column) = position(text, at);
        match (u16::try_from(line), u16::try_from(column)) {
            (Ok(line), Ok(column)) => Position::new(line, column),
            _ => Position::NONE,
        }
    }
}

/// Where the lines of a text begin.
fn line_starts(text: &str) -> Vec<usize> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What to mark of the text that begins somewhere, never beyond the end of the line.
fn marked(text: &str, start: usize) -> Range<usize> {
    let rest = text.get(start..).unwrap_or_default();
    if rest.trim_start().is_empty() {
        // At the end the last character there is, or nothing would be seen.
        let end = text.trim_end().len();
        let last = text.get(..end).and_then(|text| text.chars().next_back());
        return end - last.map_or(0, char::len_utf8)..end;
    }
    let line = rest.split('\n').next().unwrap_or_default().trim_end();
    let length = match line.chars().next() {
        None => 0,
        Some(c) if is_word(c) => {
            let word = line.find(|c| !is_word(c)).unwrap_or(line.len());
            let after = line.get(word..).unwrap_or_default();
            if after.trim_start().starts_with('(') {
                call(line)
            } else {
                word
            }
        }
        Some(quote @ ('"' | '`')) => string(line, quote),
        Some(c) => c.len_utf8(),
    };
    start..start + length
}

/// The length of a call that begins a line: up to the bracket that closes it, or all of the line.
fn call(line: &str) -> usize {
    let mut depth = 0_usize;
    let mut skip = 0;
    for (at, c) in line.char_indices() {
        if at < skip {
            continue;
        }
        match c {
            '(' => depth += 1,
            ')' if depth <= 1 => return at + 1,
            ')' => depth -= 1,
            '"' | '`' => skip = at + string(line.get(at..).unwrap_or_default(), c),
            _ => {}
        }
    }
    line.len()
}

/// The length of a string that begins a line, with its quotes.
fn string(line: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in line.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: u16, column: u16) -> &str {
        let sources = Sources::new(Arc::from(text), &[]);
        let span = sources.span(None, Position::new(line, column));
        text.get(span.start..span.end).expect("inside the text")
    }

    #[test]
    fn calls_are_marked_to_their_closing_bracket_and_not_beyond_the_line() {
        let text = "let é = 1;\n  party(\"a)\", f(2)) + 1\npath(\"x\", #{\n  y: 1 })";
        assert_eq!(shown(text, 1, 5), "é");
        assert_eq!(shown(text, 1, 9), "1");
        assert_eq!(shown(text, 2, 3), "party(\"a)\", f(2))");
        assert_eq!(shown(text, 2, 9), "\"a)\"");
        assert_eq!(shown(text, 3, 1), "path(\"x\", #{");
        assert_eq!(shown(text, 2, 21), "+");
    }

    #[test]
    fn places_beyond_the_text_are_its_last_character() {
        assert_eq!(shown("abc", 9, 9), "c");
        assert_eq!(shown("", 1, 1), "");
        assert_eq!(shown("abé\n\n", 2, 1), "é");
    }

    #[test]
    fn imported_texts_stand_behind_the_script() {
        let mut sources = Sources::new(Arc::from("import \"a\" as a;"), &[]);
        sources.add("a.rhai", "party(1)", Span::from(7..10));
        let span = sources.span(Some("a.rhai"), Position::new(1, 1));
        assert_eq!((span.start, span.end), (17, 25));
    }
}
