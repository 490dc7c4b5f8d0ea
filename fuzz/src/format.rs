//! Any text as something to be formatted.

use longstop::policy::{Document, FormatError, format};

use super::keys::fill;
use super::said::assert_presentable;

/// The laws: what is TOML is formatted, formatting it again changes nothing, and it reads as the
/// same document.
pub fn laws(bytes: &[u8]) {
    let text = fill(&String::from_utf8_lossy(bytes));
    let formatted = match format(&text) {
        Ok(formatted) => formatted,
        Err(error) => {
            assert_presentable(&error.to_string());
            assert!(matches!(error, FormatError::NotToml(_)), "{error}");
            return;
        }
    };
    assert_eq!(
        format(&formatted).as_deref(),
        Ok(formatted.as_str()),
        "formatting twice is formatting once"
    );
    let [before, after] = [&text, &formatted].map(|text| Document::parse(text).check());
    let [was, is] = [&before, &after].map(|checked| checked.document.canonical());
    assert_eq!(was, is, "the same document");
    assert_eq!(before.policy.is_some(), after.policy.is_some());
    let comments = |text: &str| text.matches('#').count();
    assert!(
        comments(&formatted) >= comments(&text),
        "no comment is lost"
    );
}
