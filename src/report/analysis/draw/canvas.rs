//! Elements of a drawing, one in each line.

use std::fmt::Write;

use super::super::timeline::shortened;
use crate::policy::in_markup;

/// Space at the edges.
pub(super) const MARGIN: usize = 20;

/// How wide a character of running text is taken to be, in tenths.
const CHARACTER: usize = 76;

/// How many characters fit into a width.
pub(super) const fn characters(width: usize) -> usize {
    width * 10 / CHARACTER
}

/// How wide a text is taken to be.
pub(super) fn width_of(text: &str) -> usize {
    text.chars().count() * CHARACTER / 10
}

/// A drawing that grows downwards.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    body: String,
}

impl Canvas {
    pub(super) const fn new(width: usize) -> Self {
        Self {
            width,
            height: 0,
            body: String::new(),
        }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) const fn height(&self) -> usize {
        self.height
    }

    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// Makes the drawing reach down to here.
    pub(super) fn reach(&mut self, y: usize) {
        self.height = self.height.max(y);
    }

    /// Adds an element, of which no part is a foreign text.
    pub(super) fn element(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("writing to a string never fails");
    }

    pub(super) fn text(&mut self, x: usize, y: usize, class: &str, text: &str) {
        self.clipped(x, y, class, text, usize::MAX);
    }

    /// A text that is cut where there is no more room; whoever points at it reads all of it.
    pub(super) fn clipped(&mut self, x: usize, y: usize, class: &str, text: &str, width: usize) {
        let short = shortened(text, characters(width.min(1 << 20)));
        let title = if short == text {
            String::new()
        } else {
            format!("<title>{}</title>", in_markup(text))
        };
        let short = in_markup(&short);
        self.element(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{title}{short}</text>"
        ));
    }

    pub(super) fn line(&mut self, class: &str, from: (usize, usize), to: (usize, usize)) {
        self.element(format_args!(
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    pub(super) fn rect(&mut self, class: &str, at: (usize, usize), size: (usize, usize)) {
        self.element(format_args!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\"/>",
            at.0, at.1, size.0, size.1
        ));
    }

    pub(super) fn circle(&mut self, class: &str, center: (usize, usize), radius: usize) {
        self.element(format_args!(
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>",
            center.0, center.1
        ));
    }
}

/// Text in lines of at most so many characters; longer words are cut.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(4);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = shortened(word, width);
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
    }
    lines
}
