//! An analysis as one page of HTML that needs nothing else.
//!
//! A policy of the page forbids everything but its own rules of style, by their digest: even if a
//! foreign text came through as markup, it could neither run nor reach anything.

use std::fmt;

use askama::Template;
use askama::filters::Escaper;
use bitcoin::base64::Engine;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::hashes::{Hash, sha256};

use super::Dossier;
use super::draw::{self, Picture};
use super::matrix::{Line, Mark};
use crate::policy::in_markup;

/// How foreign texts go into a page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: fmt::Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        dest.write_str(&in_markup(string))
    }
}

#[derive(Template)]
#[template(path = "analysis.html")]
struct Page<'a> {
    dossier: &'a Dossier,
    style: String,
    /// The digest of the style, as a content security policy names it.
    digest: String,
    timeline: String,
    map: String,
    groups: Vec<Group<'a>>,
    marks: [(Mark, &'static str); 4],
}

/// The parties of a quorum, with their items.
struct Group<'a> {
    title: &'a str,
    lines: Vec<&'a Line>,
}

pub(super) fn html(dossier: &Dossier) -> String {
    let style = format!(
        "\n{}{}",
        include_str!("../../../templates/page.css"),
        draw::STYLE
    );
    let digest = sha256::Hash::hash(style.as_bytes());
    let page = Page {
        dossier,
        digest: BASE64_STANDARD.encode(digest.to_byte_array()),
        style,
        timeline: draw::inline(dossier, Picture::Timeline),
        map: draw::inline(dossier, Picture::Map),
        groups: groups(&dossier.matrix.lines),
        marks: Mark::ALL,
    };
    page.render()
        .expect("a template of texts and numbers, written to a string, never fails")
}

fn groups(lines: &[Line]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for line in lines {
        let title = line.quorum.as_deref().unwrap_or("in no quorum");
        match groups.last_mut() {
            Some(group) if group.title == title => group.lines.push(line),
            _ => groups.push(Group {
                title,
                lines: vec![line],
            }),
        }
    }
    groups
}
