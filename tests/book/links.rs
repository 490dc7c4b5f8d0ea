//! Links, included pieces, and chapters.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{documents, page, root};

/// The text without what stands between fences.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Every link with its words.
fn links(text: &str) -> Vec<(String, String)> {
    let text = prose(text);
    let mut links = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("](") {
        let words = before.rsplit('[').next().unwrap_or_default();
        let target = after.split(')').next().unwrap_or_default();
        links.push((words.to_owned(), target.to_owned()));
        rest = after;
    }
    links
}

/// What a heading is called in a link, in this book as on the usual code hosts.
fn fragment(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

pub fn fragments(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| fragment(line.trim_start_matches('#')))
        .collect()
}

/// Every link inside the project leads to a file and a heading that exist, and the name of a test
/// to a source with that test.
#[test]
fn links_lead_somewhere() {
    let mut tests = 0;
    for (path, text) in documents() {
        let folder = path.parent().expect("a file is in a folder");
        for (words, target) in links(&text) {
            if target.starts_with("https://") {
                continue;
            }
            let what = format!("{}: [{words}]({target})", path.display());
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() {
                path.clone()
            } else {
                folder.join(file)
            };
            assert!(file.is_file(), "{what} leads nowhere");
            let linked = fs::read_to_string(&file).expect("text");
            if !heading.is_empty() {
                assert!(
                    fragments(&linked).contains(heading),
                    "{what}: no such heading"
                );
            }
            let name = words.trim_matches('`');
            let is_name = name.contains('_') && !name.contains(['.', '/']);
            if file.extension().is_some_and(|end| end == "rs") && is_name {
                assert!(
                    linked.contains(&format!("fn {name}(")),
                    "{what}: no such test"
                );
                tests += 1;
            }
        }
    }
    assert!(tests > 0, "documents name tests");
}

/// Every `{{#include FILE:ANCHOR}}` finds its file and its anchor.
#[test]
fn included_pieces_exist() {
    let mut pieces = 0;
    for (path, text) in documents() {
        for piece in text.split("{{#include ").skip(1) {
            let piece = piece.split("}}").next().unwrap_or_default();
            let (file, anchor) = piece.split_once(':').unwrap_or((piece, ""));
            let file = path.parent().expect("a folder").join(file);
            let what = format!("{} includes {piece}", path.display());
            let included =
                fs::read_to_string(&file).unwrap_or_else(|error| panic!("{what}: {error}"));
            if !anchor.is_empty() {
                let ends = |line: &str, mark: &str| {
                    let end = line.split_once(mark).map(|(_, end)| end.trim());
                    end.is_some_and(|end| end.split(' ').next() == Some(anchor))
                };
                for mark in ["ANCHOR:", "ANCHOR_END:"] {
                    assert!(
                        included.lines().any(|line| ends(line, mark)),
                        "{what}: no {mark}"
                    );
                }
            }
            pieces += 1;
        }
    }
    assert!(pieces > 0, "the book includes pieces of files");
}

#[test]
fn every_chapter_is_in_the_summary() {
    let mut listed = BTreeSet::new();
    for (title, target) in links(&page("SUMMARY.md")) {
        assert!(listed.insert(target.clone()), "{title} is listed twice");
    }
    let book = root().join("book/src");
    let chapters: BTreeSet<String> = documents()
        .iter()
        .filter_map(|(path, _)| path.strip_prefix(&book).ok().map(Path::to_owned))
        .map(|path| path.to_string_lossy().into_owned())
        .filter(|name| name != "SUMMARY.md")
        .collect();
    assert_eq!(chapters, listed);
}

/// What one machine or one moment knows has no place in a document.
#[test]
fn documents_name_no_place_of_a_machine() {
    for (path, text) in documents() {
        for place in ["/home/", "/tmp", "/usr/local"] {
            assert!(!text.contains(place), "{} names {place}", path.display());
        }
    }
}

#[test]
fn the_reader_of_links_sees_what_it_should() {
    let text = "a [b](c.md#d) and [`e_f`](g.rs)\n```text\n[no](no)\n```\n### LS01: it's *so*";
    let link = |words: &str, target: &str| (words.to_owned(), target.to_owned());
    assert_eq!(links(text), [link("b", "c.md#d"), link("`e_f`", "g.rs")]);
    assert!(fragments(text).contains("ls01-its-so"));
}
