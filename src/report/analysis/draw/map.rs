//! Coalitions against moments, drawn: a line for each coalition, from when on it can take coins.

use super::canvas::{Canvas, MARGIN, characters, width_of, wrapped};
use crate::report::analysis::map::{Ability, Map, Row};

/// The least width.
const WIDTH: usize = 1000;

/// Where the moments begin.
const MOMENTS: usize = 300;

/// Width of a moment.
const COLUMN: usize = 84;

/// Least width of what else a coalition can do.
const BESIDE: usize = 280;

/// Height of a line of text.
const LINE: usize = 17;

pub(super) fn draw(map: &Map) -> Canvas {
    let beside = MOMENTS + map.moments.len() * COLUMN + 20;
    let width = WIDTH.max(beside + BESIDE + MARGIN);
    let mut canvas = Canvas::new(width);
    let mut y = heading(&mut canvas, map, beside);
    for (number, row) in map.rows.iter().enumerate() {
        y = coalition(&mut canvas, map, row, (beside, y), number % 2 == 0);
    }
    if map.left_out > 0 {
        let words = format!("and {} other kinds of coalitions", map.left_out);
        canvas.text(MARGIN, y + 18, "s", &words);
        y += 24;
    }
    legend(&mut canvas, y + 8);
    canvas
}

fn middle(column: usize) -> usize {
    MOMENTS + column * COLUMN + COLUMN / 2
}

fn heading(canvas: &mut Canvas, map: &Map, beside: usize) -> usize {
    let moments = map.moments.iter();
    let moments: Vec<Vec<String>> = moments
        .map(|words| wrapped(words, characters(COLUMN - 4)))
        .collect();
    let lines = moments.iter().map(Vec::len).max().unwrap_or(1);
    let bottom = 8 + lines * LINE;
    canvas.text(MARGIN, bottom - 4, "b", "coalition");
    for (column, words) in moments.iter().enumerate() {
        let top = bottom - words.len() * LINE;
        for (line, word) in words.iter().enumerate() {
            let y = top + (line + 1) * LINE - 4;
            canvas.text(middle(column), y, "b m", word);
        }
    }
    canvas.text(beside, bottom - 4, "b", "and besides");
    let y = bottom + 4;
    canvas.line("rule", (MARGIN, y), (canvas.width() - MARGIN, y));
    y + 2
}

fn coalition(
    canvas: &mut Canvas,
    map: &Map,
    row: &Row,
    (beside, y): (usize, usize),
    shaded: bool,
) -> usize {
    let mut who = wrapped(&row.who, characters(MOMENTS - MARGIN - 10));
    if row.number > 1 {
        who.push(format!("{} coalitions", row.number));
    }
    let also = also(map, row);
    let also = if also.is_empty() {
        Vec::new()
    } else {
        wrapped(&also, characters(canvas.width() - MARGIN - beside))
    };
    let height = who.len().max(also.len()) * LINE + 14;
    if shaded {
        let width = canvas.width() - 2 * MARGIN + 12;
        canvas.rect("row", (MARGIN - 6, y), (width, height));
    }
    for (line, words) in who.iter().enumerate() {
        let is_count = row.number > 1 && line + 1 == who.len();
        let class = if is_count { "s" } else { "b" };
        canvas.text(MARGIN, y + 18 + line * LINE, class, words);
    }
    for (line, words) in also.iter().enumerate() {
        canvas.text(beside, y + 18 + line * LINE, "", words);
    }
    abilities(canvas, &row.takes, y + height / 2);
    y + height
}

fn abilities(canvas: &mut Canvas, takes: &[Ability], y: usize) {
    // From moment to moment a line, as strong as the ability at its beginning.
    for (column, ability) in takes.iter().enumerate().rev().skip(1).rev() {
        let (from, to) = ((middle(column), y), (middle(column + 1), y));
        match ability {
            Ability::No => {}
            Ability::Undefended => canvas.line("thin", from, to),
            Ability::Defended => canvas.line("thick", from, to),
        }
    }
    for (column, ability) in takes.iter().enumerate() {
        symbol(canvas, *ability, (middle(column), y));
    }
}

fn symbol(canvas: &mut Canvas, ability: Ability, center: (usize, usize)) {
    match ability {
        Ability::No => canvas.circle("dot", center, 2),
        Ability::Undefended => canvas.circle("ring", center, 7),
        Ability::Defended => canvas.circle("ink", center, 8),
    }
}

/// What else a coalition can do.
fn also(map: &Map, row: &Row) -> String {
    let does = map.deeds.iter().zip(&row.does);
    let does: Vec<&str> = does
        .filter(|(_, does)| **does)
        .map(|(deed, _)| deed.as_str())
        .collect();
    does.join(", ")
}

fn legend(canvas: &mut Canvas, y: usize) {
    let mut x = MARGIN + 8;
    for (ability, words) in [
        (
            Ability::Defended,
            "takes a coin whatever everybody else does",
        ),
        (Ability::Undefended, "takes a coin if nobody defends it"),
        (Ability::No, "cannot take a coin by then"),
    ] {
        symbol(canvas, ability, (x, y + 10));
        canvas.text(x + 16, y + 14, "s", words);
        x += 16 + width_of(words) + 26;
    }
    canvas.text(
        MARGIN,
        y + 36,
        "s",
        "Each row: what every such coalition can do. Counted from a coin that is armed and has just come into the vault. To freeze: to keep from everybody, for ever.",
    );
    canvas.reach(y + 48);
}

pub(super) fn description(map: &Map) -> String {
    let row = |row: &Row| {
        let first = |ability: Ability| {
            let found = row.takes.iter().position(|takes| *takes >= ability)?;
            map.moments.get(found)
        };
        let mut parts = Vec::new();
        if let Some(moment) = first(Ability::Undefended) {
            parts.push(format!("takes a coin if nobody defends it: {moment}"));
        }
        if let Some(moment) = first(Ability::Defended) {
            parts.push(format!("takes a coin whatever others do: {moment}"));
        }
        let also = also(map, row);
        if !also.is_empty() {
            parts.push(also);
        }
        format!("{}: {}.", row.who, parts.join("; "))
    };
    let rows: Vec<String> = map.rows.iter().map(row).collect();
    rows.join(" ")
}
