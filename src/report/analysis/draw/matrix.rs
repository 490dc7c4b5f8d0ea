//! What is kept where, drawn: whatever is in one domain has one letter and one colour.

use super::canvas::{Canvas, MARGIN, width_of};
use crate::report::analysis::matrix::{Cell, Line, Mark, Matrix, Value};

/// Width of the names.
const NAMES: usize = 210;

/// Width of a cell.
const CELL: usize = 180;

/// Height of a row.
const ROW: usize = 28;

/// How many colours there are.
const COLOURS: usize = 8;

pub(super) fn draw(matrix: &Matrix) -> Canvas {
    let width = 2 * MARGIN + NAMES + matrix.kinds.len() * CELL;
    let mut canvas = Canvas::new(width);
    for (column, kind) in matrix.kinds.iter().enumerate() {
        canvas.text(left(column) + 8, 18, "b", kind.as_str());
    }
    let mut y = 26;
    let mut quorum = None;
    for line in &matrix.lines {
        if quorum != Some(&line.quorum) {
            quorum = Some(&line.quorum);
            let title = line.quorum.as_deref().unwrap_or("in no quorum");
            canvas.line("rule", (MARGIN, y + 4), (width - MARGIN, y + 4));
            canvas.clipped(MARGIN, y + 22, "s", title, width - 2 * MARGIN);
            y += 28;
        }
        row(&mut canvas, line, y);
        y += ROW;
    }
    legend(&mut canvas, y + 10);
    canvas
}

const fn left(column: usize) -> usize {
    MARGIN + NAMES + column * CELL
}

fn row(canvas: &mut Canvas, line: &Line, y: usize) {
    let (x, class) = match line.item {
        Some(_) => (MARGIN + 14, ""),
        None => (MARGIN, "b"),
    };
    let name = match &line.item {
        Some(item) => format!("{} ({item})", line.name),
        None => line.name.clone(),
    };
    canvas.clipped(x, y + 18, class, &name, NAMES - (x - MARGIN) - 6);
    for (column, cell) in line.cells.iter().enumerate() {
        square(canvas, cell, left(column), y);
    }
}

fn square(canvas: &mut Canvas, cell: &Cell, x: usize, y: usize) {
    let colour = cell
        .shared
        .map_or("cell".to_owned(), |number| format!("d{}", number % COLOURS));
    canvas.rect(&colour, (x, y), (CELL - 4, ROW - 4));
    mark(canvas, cell.mark, (x + 13, y + 12));
    let mut at = x + 26;
    if let Some(letter) = cell.letter() {
        canvas.text(at, y + 17, "b", &letter);
        at += 12 + width_of(&letter) / 2;
    }
    let (class, words) = match &cell.value {
        Value::Unknown => ("s", "unknown"),
        Value::None => ("s", "none"),
        Value::Named(name) => ("", name.as_str()),
    };
    canvas.clipped(at, y + 17, class, words, x + CELL - 6 - at);
}

/// What stands behind a fact, by its shape.
fn mark(canvas: &mut Canvas, mark: Mark, (x, y): (usize, usize)) {
    let (left, top) = (x - 5, y - 5);
    match mark {
        Mark::Attested => canvas.element(format_args!(
            "<rect class=\"ink\" x=\"{left}\" y=\"{top}\" width=\"10\" height=\"10\"/>"
        )),
        Mark::Claimed => canvas.circle("ring", (x, y), 5),
        Mark::Stale => canvas.element(format_args!(
            "<path class=\"ring\" d=\"M{x} {top}l6 10h-12z\"/>"
        )),
        Mark::Unknown => canvas.text(x, y + 5, "b m", "?"),
    }
}

fn legend(canvas: &mut Canvas, y: usize) {
    let mut x = MARGIN + 8;
    for (kind, words) in Mark::ALL {
        mark(canvas, kind, (x, y + 10));
        canvas.text(x + 14, y + 14, "s", words);
        x += 14 + width_of(words) + 26;
    }
    canvas.text(
        x,
        y + 14,
        "s",
        "One letter and one colour in a column: in one domain, A the largest.",
    );
    canvas.reach(y + 28);
}

pub(super) fn description(matrix: &Matrix) -> String {
    let mut parts = Vec::new();
    for (column, kind) in matrix.kinds.iter().enumerate() {
        let cells = matrix.lines.iter().filter_map(|line| {
            let cell = line.cells.get(column)?;
            let Value::Named(name) = &cell.value else {
                return None;
            };
            Some((cell.shared?, name.as_str(), line.name.as_str()))
        });
        let cells: Vec<(usize, &str, &str)> = cells.collect();
        let most = cells.iter().map(|(number, ..)| *number + 1).max();
        for number in 0..most.unwrap_or(0) {
            let members: Vec<&(usize, &str, &str)> =
                cells.iter().filter(|(of, ..)| *of == number).collect();
            let name = members.first().map_or("", |(_, name, _)| name);
            let members: Vec<&str> = members.iter().map(|(_, _, member)| *member).collect();
            parts.push(format!("{kind} {name}: {}.", members.join(", ")));
        }
    }
    if parts.is_empty() {
        return "Nothing is said to be in one domain.".to_owned();
    }
    parts.join(" ")
}
