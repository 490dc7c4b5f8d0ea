//! What of a text is code, and comments that are never closed.
//!
//! To the interpreter the rest of a text is comment then, and nothing is said about it: a line of
//! the script would be gone as if nobody had written it.

use rhai::Engine;

/// Where a comment begins that is never closed, if that is so.
///
/// The interpreter itself says whether it is: after a text that it reads, only a comment swallows a
/// quotation mark.
pub(super) fn unclosed(engine: &Engine, text: &str) -> Option<usize> {
    let swallows = engine.compile(format!("{text}\n\"")).is_ok();
    swallows.then(|| open_comment(text).unwrap_or_default())
}

/// Where a comment begins that is never closed, in a text that is well formed otherwise.
pub(super) fn open_comment(text: &str) -> Option<usize> {
    let mut pieces = Pieces::of(text);
    pieces.find_map(|(at, _, kind)| matches!(kind, Kind::OpenComment).then_some(at))
}

/// The code of a text, which need not be a script: a blank in place of each string and comment.
#[must_use]
pub fn code_alone(text: &str) -> String {
    let pieces = Pieces::of(text).map(|(_, piece, kind)| match kind {
        Kind::Code => piece,
        Kind::Quoted | Kind::Comment | Kind::OpenComment => " ",
    });
    pieces.collect()
}

/// What a piece of a text is.
#[derive(Clone, Copy)]
enum Kind {
    Code,
    /// Of a string or a character.
    Quoted,
    Comment,
    /// One that is never closed.
    OpenComment,
}

/// What a text is in.
#[derive(Clone, Copy)]
enum Inside {
    /// Braces, so many of them, in a `${…}` of a string or in none.
    Code(usize),
    /// A string in backticks, which can hold code.
    Template,
}

/// The pieces of a text, with where they begin.
///
/// Comments stand in one another, and begin neither in strings nor in comments up to the end of a
/// line.
struct Pieces<'a> {
    text: &'a str,
    at: usize,
    inside: Vec<Inside>,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            inside: vec![Inside::Code(0)],
        }
    }

    /// How long the piece is that begins what is left, and what it is.
    fn piece(&mut self, rest: &str) -> (usize, Kind) {
        let first = rest.chars().next().map_or(1, char::len_utf8);
        match (self.inside.last().copied(), rest) {
            (Some(Inside::Template), _) if rest.starts_with("\\${") => (3, Kind::Quoted),
            (Some(Inside::Template), _) if rest.starts_with("${") => {
                self.inside.push(Inside::Code(0));
                (2, Kind::Quoted)
            }
            (Some(Inside::Template), _) => {
                if rest.starts_with('`') {
                    self.inside.pop();
                }
                (first, Kind::Quoted)
            }
            (_, code) if code.starts_with("//") => {
                (code.find('\n').unwrap_or(code.len()), Kind::Comment)
            }
            (_, code) if code.starts_with("/*") => match comment(code) {
                Some(length) => (length, Kind::Comment),
                None => (code.len(), Kind::OpenComment),
            },
            (_, code) if code.starts_with(['"', '\'']) => (quoted(code), Kind::Quoted),
            (_, code) if code.starts_with('#') => match raw(code) {
                Some(length) => (length, Kind::Quoted),
                None => (1, Kind::Code),
            },
            (_, code) if code.starts_with('`') => {
                self.inside.push(Inside::Template);
                (1, Kind::Quoted)
            }
            (Some(Inside::Code(depth)), code) if code.starts_with(['{', '}']) => {
                self.inside.pop();
                match (code.starts_with('{'), depth) {
                    (true, _) => self.inside.push(Inside::Code(depth + 1)),
                    // Back in the string, if there is one around.
                    (false, 0) if !self.inside.is_empty() => {}
                    (false, _) => self.inside.push(Inside::Code(depth.saturating_sub(1))),
                }
                (1, Kind::Code)
            }
            _ => (first, Kind::Code),
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (usize, &'a str, Kind);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (length, kind) = self.piece(rest);
        let at = self.at;
        self.at += length;
        Some((at, rest.get(..length)?, kind))
    }
}

/// The length of a comment that begins a text, if it is closed.
fn comment(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth = depth.saturating_sub(1),
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The length of a string or character that begins a text.
fn quoted(text: &str) -> usize {
    let quote = text.chars().next();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if Some(c) == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a string such as `#"…"#`, if one begins a text.
fn raw(text: &str) -> Option<usize> {
    let quote = text.find(|c| c != '#')?;
    let marks = text.get(..quote)?;
    let string = text.get(quote..)?.strip_prefix('"')?;
    let end = string.find(&format!("\"{marks}"));
    Some(end.map_or(text.len(), |end| quote + 1 + end + 1 + marks.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn swallows(text: &str) -> bool {
        unclosed(&Engine::new_raw(), text).is_some()
    }

    #[test]
    fn a_comment_that_is_never_closed_is_found() {
        for (before, comment) in [
            ("", "/*"),
            ("", "/* all of it\n1;"),
            ("1;\n", "/* a /* b */ 2;"),
            ("1; /* a /* b */ */ // /* no\n", "/* a"),
            ("\"/* \\\" /*\"; ", "/**"),
            ("'\"'; '\\''; ", "/*/"),
            ("#\"/*\"#; ##\"\"# /*\"##; ", "/* \""),
            ("`/* ${ `/*` + #{a: \"}\"}.a } /* \\${ /*`; ", "/* `"),
            ("{ { 1 } } ", "/***"),
        ] {
            let text = format!("{before}{comment}");
            assert_eq!(open_comment(&text), Some(before.len()), "{text}");
            assert!(swallows(&text), "{text}");
            let closed = format!("{before}/* */ // /*");
            assert_eq!(open_comment(&closed), None, "{closed}");
            assert!(!swallows(&closed), "{closed}");
        }
    }

    proptest! {
        /// Whatever the interpreter reads, it is in a comment at the end where this says so.
        #[test]
        fn the_interpreter_agrees(
            parts in prop::collection::vec(prop::sample::select(vec![
                "1;", "\"a\";", "\"/*\";", "\"*/\";", "\"\\\"/*\";", "\"\"\"/*\";", "'/';", "'\\'';", "'\"';",
                "`/*`;", "`*/`;", "`\\`;", "`a``/*`;", "`${1}/*`;", "`\\${/*`;", "`\\\\${1}`;", "`$ {/*`;",
                "`${\"}/*\"}`;", "`${`/*${#{a: 1}.a}`}/*`;", "`${{ 1 }}*/`;",
                "#\"/*\"#;", "##\"\"#/*\"##;", "#{ a: \"/*\" };", "{ 1 }", "4 / 2;", "4 /* */ * 2;",
                "/*", "*/", "/**/", "/* /* */ */", "/*/", "/**", "**/", "//", "// /*", "// */", "/// `", "\n", " ", "é;",
            ]), 0..12),
        ) {
            let text = parts.concat();
            if Engine::new_raw().compile(&text).is_ok() {
                prop_assert_eq!(open_comment(&text).is_some(), swallows(&text), "{}", text);
            }
        }

        #[test]
        fn any_text_is_answered(text in "([/*`\"'#${}\\\\\n]|\\PC){0,40}") {
            if let Some(at) = open_comment(&text) {
                prop_assert!(text.get(at..).is_some_and(|rest| rest.starts_with("/*")));
            }
        }
    }
}
