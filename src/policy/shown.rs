//! What of a foreign text may be shown: no secret, and nothing that a terminal would act on.

mod seed_words;

use super::Span;

/// Longest piece of foreign text that a message repeats, in characters.
const QUOTE_MAX: usize = 80;

/// Length of a private key in wallet import format, in characters.
const WIF_LENGTHS: [usize; 2] = [51, 52];

/// A foreign text for a message, in backticks: shortened, without secrets or control characters.
pub(crate) fn quote(text: &str) -> String {
    format!("`{}`", shortened(text, QUOTE_MAX))
}

/// A foreign text without secrets or control characters, cut short behind so many characters.
pub(in crate::policy) fn shortened(text: &str, most: usize) -> String {
    let shown = presentable(text, []);
    if shown.chars().count() <= most {
        return shown;
    }
    let head: String = shown.chars().take(most).collect();
    // What is cut short can have the form of a key that the whole has not.
    format!("{}…", presentable(&head, []))
}

/// Several foreign texts as a list in words.
pub(in crate::policy) fn quote_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(quote).collect();
    list(&quoted, "and")
}

/// A list in words: `a, b and c`.
pub(crate) fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., tail] => format!("{} {last} {tail}", head.join(", ")),
    }
}

/// A text with every secret and every control character replaced, byte for byte, so that spans
/// into the original hold for it too.
pub(in crate::policy) fn presentable(
    text: &str,
    concealed: impl IntoIterator<Item = Span>,
) -> String {
    let mut secret = vec![false; text.len()];
    let spans = concealed.into_iter().chain(secrets(text));
    for span in spans {
        let end = span.end.min(text.len());
        if let Some(marked) = secret.get_mut(span.start.min(end)..end) {
            marked.fill(true);
        }
    }
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == '\n' || c == '\t' || (c == '\r' && text.as_bytes().get(at + 1) == Some(&b'\n')) {
            shown.push(c);
        } else if secret.get(at).copied().unwrap_or(false) {
            shown.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else if is_invisible(c) {
            shown.push_str(replacement(c.len_utf8()));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A text as it may stand between tags, or in a quoted attribute, of HTML and SVG.
///
/// Characters that are not drawn, or that act on the text around them, are replaced: in a drawing
/// there is nothing to tell what stands there.
#[must_use]
pub fn in_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_invisible(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Whether a character is not drawn by itself, or acts on the text around it.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The characters that change the order in which a text is drawn, or hide something in it, so that
/// those who review it see another text than the program reads.
///
/// These are refused in comments too: the direction of what follows them (embeddings, overrides and
/// isolates), spaces without width, and the tags that spell a text nobody sees.  What joins emoji and
/// letters, and the marks of direction that have no effect beyond their neighbours, may stand there.
pub(crate) fn hidden(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().filter(|(at, c)| match c {
        // A mark of the encoding may begin a file.
        '\u{feff}' => *at > 0,
        '\u{200b}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    })
}

/// Whether a text that should be a key is a private key or a seed phrase.
pub(in crate::policy) fn is_secret(text: &str) -> bool {
    !secrets(text).is_empty() || is_seed_phrase(text)
}

fn is_seed_phrase(text: &str) -> bool {
    let words = text.split_whitespace();
    words.clone().count() >= 12
        && words
            .clone()
            .all(|word| word.len() <= 8 && word.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// The places of everything that has the form of a private key, and of seed phrases.
#[must_use]
pub fn secrets(text: &str) -> Vec<Span> {
    let mut found: Vec<Span> = seed_words::seed_phrases(text)
        .into_iter()
        .map(Span::from)
        .collect();
    let mut start = 0;
    for run in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        if let Some(at) = extended_private_key(run) {
            found.push(Span::from(start + at..start + run.len()));
        } else if WIF_LENGTHS.contains(&run.len())
            && run.starts_with(['5', 'K', 'L', '9', 'c'])
            && run.bytes().all(is_base58)
        {
            found.push(Span::from(start..start + run.len()));
        }
        start += run.len();
        start += text
            .get(start..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8);
    }
    found
}

/// Where an extended private key begins, which is blotted out from there on, even where it is
/// incomplete or runs into other text.
fn extended_private_key(run: &str) -> Option<usize> {
    let letter = |at: usize| {
        run.as_bytes()
            .get(at)
            .is_some_and(|b| b"xtyzuvYZUV".contains(b))
    };
    // An extended public key can have these three letters somewhere in it.
    if run.len() < 12 || (letter(0) && run.get(1..4) == Some("pub")) {
        return None;
    }
    run.match_indices("prv")
        .filter_map(|(at, _)| at.checked_sub(1))
        .find(|at| letter(*at))
}

const fn is_base58(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l')
}

/// Something visible of the same length in bytes.
const fn replacement(bytes: usize) -> &'static str {
    match bytes {
        1 => "?",
        2 => "¿",
        3 => "\u{fffd}",
        _ => "\u{fffd}?",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn private_keys_are_blotted_out() {
        let key = "tprv8ZgxMBicQKsPd";
        let stars = "*".repeat(key.len());
        assert_eq!(
            presentable(&format!("key = \"[73c5da0a/48h]{key}/0\" # {key}"), []),
            format!("key = \"[73c5da0a/48h]{stars}/0\" # {stars}")
        );
        let wif = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn";
        assert!(!presentable(wif, []).contains("KwDi"));
        assert!(is_secret(wif));
    }

    #[test]
    fn what_is_cut_short_has_not_the_form_of_a_key_either() {
        let longer = format!("{}{}", "-".repeat(QUOTE_MAX - 51), "5a".repeat(40));
        assert_eq!(secrets(&longer), []);
        for start in 0..40 {
            let text = longer.get(start..).unwrap_or_default();
            assert_eq!(secrets(&quote(text)), [], "{start}");
        }
    }

    #[test]
    fn public_keys_and_prose_stay() {
        let text = "[73c5da0a/48h/1h]tpubDC5FSnBiZDMmhiuCmWAYsLwgLYrrT9rAqvTySfuCCrgsWz8wxMXUS9Tb9iVMvcRbvFcAHGkMD5Kx8koh4GquNGNTfohfk7pgjhaPCdXpoba";
        assert_eq!(presentable(text, []), text);
        assert_eq!(presentable("improv theatre", []), "improv theatre");
        let unlucky = "tpubDC5FSnBiZDMmhiuCmWAYsLwgLtprvT9rAqvTySfuCCrgsWz8wxMXUS9Tb9iVMvcRb";
        assert_eq!(presentable(unlucky, []), unlucky);
    }

    #[test]
    fn seed_phrases_are_secrets() {
        let words = ["abandon"; 12].join(" ");
        assert!(is_secret(&words));
        assert!(!is_secret(&["abandon"; 11].join(" ")));
    }

    #[test]
    fn terminals_get_nothing_to_act_on() {
        let shown = presentable("a\u{1b}[31m\u{202e}b\u{9b}c\u{e0041}d\te\r\nf\r", []);
        assert_eq!(shown, "a?[31m\u{fffd}b¿c\u{fffd}?d\te\r\nf?");
    }

    proptest! {
        #[test]
        fn spans_hold_for_the_shown_text(text in "\\PC{0,40}[\u{1b}\u{202e}\u{9b}]?\\PC{0,40}") {
            prop_assert_eq!(presentable(&text, []).len(), text.len());
        }

        #[test]
        fn whatever_stands_around_a_key_it_is_not_shown(
            before in "\\PC{0,20}", after in "\\PC{0,20}"
        ) {
            let key = "prv8ZgxMBicQKsPdWn5Xy3";
            let shown = presentable(&format!("{before}t{key}{after}"), []);
            prop_assert!(!shown.contains(key));
        }
    }
}
