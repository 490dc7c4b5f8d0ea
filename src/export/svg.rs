//! A picture as a drawing that stands alone: no script, no foreign font, light and dark.
//!
//! Places are columns and transactions are rows, one under the other and grouped by path, so that
//! no arrow crosses another and every word has a line of its own.

use std::fmt::Write;

use super::graph::{Move, Picture, PlaceKind};
use crate::policy::in_markup;

/// Width of the drawing.
const WIDTH: usize = 1000;

/// Space at its edges.
const MARGIN: usize = 20;

/// Where the rows begin, below title and names of places.
const TOP: usize = 120;

/// Height of the heading of a group.
const GROUP: usize = 34;

/// Height of a row: two lines of text and an arrow.
const ROW: usize = 58;

/// How wide a character is taken to be, in tenths.  Bold text is a little wider.
const CHARACTER: usize = 72;

/// Most characters of a line.
const LINE: usize = (WIDTH - 2 * MARGIN) * 10 / CHARACTER;

const STYLE: &str = "\
svg { background: #ffffff; }
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1b1f24; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
.title { font-size: 18px; font-weight: 700; }
.about, .when { font-size: 12px; fill: #57606a; }
.place { font-weight: 700; text-anchor: middle; stroke: none; }
.group, .name { font-weight: 700; }
.box { fill: #eef2f6; stroke: #57606a; }
.lane { stroke: #c4ccd4; stroke-dasharray: 2 4; }
.rule { stroke: #c4ccd4; }
.move { stroke: #1b1f24; stroke-width: 1.6; fill: none; }
.file { stroke-dasharray: 6 4; }
.head { fill: #1b1f24; }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117; }
text { fill: #e6edf3; stroke: #0d1117; }
.about, .when { fill: #9da7b3; }
.box { fill: #1c2430; stroke: #9da7b3; }
.lane, .rule { stroke: #3a434e; }
.move { stroke: #e6edf3; }
.head { fill: #e6edf3; }
}
";

pub(super) fn draw(picture: &Picture) -> String {
    let groups = groups(picture);
    let rows: usize = groups.iter().map(|(_, moves)| moves.len()).sum();
    let height = TOP + groups.len() * GROUP + rows * ROW + 2 * MARGIN;
    let mut out = Drawing(String::new());
    out.line(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title\">"
    ));
    out.line(format_args!(
        "<title id=\"title\">{}: stages and transactions</title>",
        in_markup(&picture.title)
    ));
    out.line(format_args!("<style>\n{STYLE}</style>"));
    out.line(format_args!(
        "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path class=\"head\" d=\"M0 0 8 4 0 8z\"/></marker></defs>"
    ));
    out.text(MARGIN, 34, "title", &picture.title);
    out.text(MARGIN, 56, "about", &picture.about);
    let columns = columns(picture);
    for (kind, x) in &columns {
        out.line(format_args!(
            "<line class=\"lane\" x1=\"{x}\" y1=\"104\" x2=\"{x}\" y2=\"{}\"/>",
            height - 2 * MARGIN
        ));
        out.line(format_args!(
            "<rect class=\"box\" x=\"{}\" y=\"74\" width=\"120\" height=\"30\" rx=\"6\"/>",
            x - 60
        ));
        out.text(*x, 94, "place", kind.name());
    }
    let column = |place: usize| -> usize {
        let kind = picture.places.get(place).map(|place| place.kind);
        let found = columns.iter().find(|(other, _)| Some(*other) == kind);
        found.map_or(MARGIN, |(_, x)| *x)
    };
    let mut y = TOP;
    for (title, moves) in groups {
        out.line(format_args!(
            "<line class=\"rule\" x1=\"{MARGIN}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>",
            WIDTH - MARGIN
        ));
        out.text(MARGIN, y + 22, "group", &title);
        y += GROUP;
        for step in moves {
            row(&mut out, y, step, column(step.from), column(step.to));
            y += ROW;
        }
    }
    out.text(
        MARGIN,
        height - MARGIN + 4,
        "about",
        "solid: signed when it is needed; dashed: root has signed in advance, and it takes a file",
    );
    out.line(format_args!("</svg>"));
    out.0
}

/// One transaction: who and when above an arrow.
fn row(out: &mut Drawing, y: usize, step: &Move, from: usize, to: usize) {
    let first = format!("{}: {}", step.name, step.who());
    let second = step.when();
    let longest = first.chars().count().max(second.chars().count());
    let width = longest.min(LINE) * CHARACTER / 10;
    // Beside the lane it starts from, as far to the left as it needs to fit.
    let x = (from.min(to) + 10)
        .min(WIDTH.saturating_sub(MARGIN + width))
        .max(MARGIN);
    out.text(x, y + 14, "name", &first);
    out.text(x, y + 30, "when", &second);
    let class = if step.presigned { "move file" } else { "move" };
    out.line(format_args!(
        "<path class=\"{class}\" marker-end=\"url(#head)\" d=\"M{from} {at}H{to}\"/>",
        at = y + 42
    ));
}

/// Root's own moves, and those of each path in the order in which it first appears.
fn groups(picture: &Picture) -> Vec<(String, Vec<&Move>)> {
    let mut groups: Vec<(Option<&str>, Vec<&Move>)> = Vec::new();
    for step in &picture.moves {
        let path = step.path.as_deref();
        match groups.iter_mut().find(|(known, _)| *known == path) {
            Some((_, moves)) => moves.push(step),
            None => groups.push((path, vec![step])),
        }
    }
    let title = |path: Option<&str>| path.map_or("root".to_owned(), |path| format!("path {path}"));
    groups
        .into_iter()
        .map(|(path, moves)| (title(path), moves))
        .collect()
}

/// The kinds of places there are, each with the middle of its column.
fn columns(picture: &Picture) -> Vec<(PlaceKind, usize)> {
    let mut kinds: Vec<PlaceKind> = picture.places.iter().map(|place| place.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let step = (WIDTH - 2 * MARGIN) / kinds.len().max(1);
    kinds
        .into_iter()
        .enumerate()
        .map(|(number, kind)| (kind, MARGIN + step / 2 + number * step))
        .collect()
}

struct Drawing(String);

impl Drawing {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing to a string never fails");
    }

    fn text(&mut self, x: usize, y: usize, class: &str, text: &str) {
        let mut shown: String = text.chars().take(LINE).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        self.line(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>",
            in_markup(&shown)
        ));
    }
}
