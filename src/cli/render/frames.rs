//! QR codes: on the terminal, and as a page that needs nothing else.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use anstream::ColorChoice;
use askama::Template;
use bitcoin::base64::Engine;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::hashes::{Hash, sha256};
use clap::builder::styling::{Color, RgbColor, Style};
use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::counted;
use crate::ceremony::{Code, CodeVersion, FrameFormat, Frames};
use crate::cli::Failure;
use crate::cli::frames::{Caption, ShownFrames};

/// Ink on paper, whatever colours the terminal has.
const INK: Style = Style::new()
    .fg_color(Some(Color::Rgb(RgbColor(0, 0, 0))))
    .bg_color(Some(Color::Rgb(RgbColor(255, 255, 255))));

/// How often all codes are shown where no key can end it.
const LOOPS: u32 = 40;

/// Rows that are no part of a code: the line below it, and the one in which the cursor is.
const ROWS: usize = 2;

/// What was made of a file.
pub(in crate::cli) fn codes_made(shown: &ShownFrames) -> String {
    let count = counted(
        shown.frames.len() as u64,
        &format!("{} frame", shown.format),
    );
    let written = shown.written.iter();
    let written = written.map(|file| {
        format!(
            "wrote {file}: {count}, for codes of version {}\n",
            shown.version
        )
    });
    written.collect()
}

/// The largest version whose codes the terminal has room for.
pub(in crate::cli) fn room_for_codes() -> Result<CodeVersion, Failure> {
    let stderr = io::stderr();
    let size = terminal_size::terminal_size_of(&stderr);
    let (width, height) = size
        .filter(|_| stderr.is_terminal())
        .ok_or(Failure::NoCodes)?;
    let rows = usize::from(height.0).saturating_sub(ROWS);
    // Two modules are one above the other in a character.
    let modules = usize::from(width.0).min(2 * rows);
    let modules = modules.saturating_sub(2 * Code::BORDER);
    CodeVersion::fitting(modules).ok_or(Failure::NoRoom)
}

/// How modules are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawing {
    /// Dark ones are drawn, in black on white.
    Inked,
    /// Light ones are drawn, as it looks right without colours where letters are bright.
    Lit,
}

/// A code as rows of characters, with its border.
fn drawn(code: &Code, drawing: Drawing) -> Vec<String> {
    let side = code.modules() + 2 * Code::BORDER;
    let is_drawn = |x: usize, y: usize| {
        let place = x.checked_sub(Code::BORDER).zip(y.checked_sub(Code::BORDER));
        let is_dark = place.is_some_and(|(x, y)| code.is_dark(x, y));
        is_dark == (drawing == Drawing::Inked)
    };
    let rows = (0..side).step_by(2).map(|y| {
        let cells = (0..side).map(|x| match (is_drawn(x, y), is_drawn(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        cells.collect()
    });
    rows.collect()
}

/// Codes that are shown one after another.
pub(in crate::cli) struct CodeShow {
    /// The rows of each.
    codes: Vec<Vec<String>>,
    format: FrameFormat,
    drawing: Drawing,
    interval: Duration,
    loops: Option<u32>,
}

impl CodeShow {
    pub(in crate::cli) fn new(frames: &Frames, interval: Duration, loops: Option<u32>) -> Self {
        let drawing = match anstream::AutoStream::choice(&io::stderr()) {
            ColorChoice::Never => Drawing::Lit,
            _ => Drawing::Inked,
        };
        Self {
            codes: frames.codes().map(|code| drawn(&code, drawing)).collect(),
            format: frames.format(),
            drawing,
            interval,
            loops,
        }
    }

    /// Shows them until a key is pressed, or as often as it was said.
    pub(in crate::cli) fn run(&self) -> Result<(), Failure> {
        let taken = Taken::take().map_err(Failure::Output)?;
        let shown = self.show();
        drop(taken);
        shown.map_err(Failure::Output)
    }

    fn show(&self) -> io::Result<()> {
        let mut loops = self.loops;
        let mut count = 0;
        while loops.is_none_or(|loops| count < loops) {
            for (number, code) in self.codes.iter().enumerate() {
                self.draw(number, code)?;
                match wait_for_key(self.interval) {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    // Nobody can end it, so it ends by itself.
                    Err(_) => {
                        loops = loops.or(Some(LOOPS));
                        thread::sleep(self.interval);
                    }
                }
            }
            count += 1;
        }
        Ok(())
    }

    fn draw(&self, number: usize, code: &[String]) -> io::Result<()> {
        let mut text = String::new();
        for row in code {
            let row = match self.drawing {
                Drawing::Inked => super::paint(INK, row),
                Drawing::Lit => row.clone(),
            };
            // A terminal that hands every key on does not go back to the first column by itself.
            let _ = write!(text, "{row}\r\n");
        }
        let (number, of, format) = (number + 1, self.codes.len(), self.format);
        let _ = write!(text, "{format} frame {number} of {of}; any key ends");
        let mut stderr = anstream::stderr().lock();
        execute!(stderr, MoveTo(0, 0))?;
        stderr.write_all(text.as_bytes())?;
        execute!(stderr, Clear(ClearType::FromCursorDown))
    }
}

/// Whether a key is pressed meanwhile.
fn wait_for_key(interval: Duration) -> io::Result<bool> {
    if !event::poll(interval)? {
        return Ok(false);
    }
    let event = event::read()?;
    Ok(matches!(event, Event::Key(key) if key.kind == KeyEventKind::Press))
}

/// The terminal, while codes are shown on it.
struct Taken;

impl Taken {
    fn take() -> io::Result<Self> {
        enable_raw_mode()?;
        let taken = Self;
        execute!(io::stderr(), EnterAlternateScreen, Hide)?;
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // If the terminal cannot be given back, nobody can be told.
        let _ = execute!(io::stderr(), Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

#[derive(Template)]
#[template(path = "codes.html")]
struct Page<'a> {
    caption: &'a Caption,
    style: String,
    /// The digest of the style, as a content security policy names it.
    digest: String,
    format: FrameFormat,
    side: usize,
    border: usize,
    /// The dark modules of each code, as lines.
    codes: Vec<String>,
}

/// A page that shows the codes one after another, by its style alone; printed, it has them all.
pub(in crate::cli) fn codes_page(frames: &Frames, caption: &Caption, interval: Duration) -> String {
    let codes: Vec<String> = frames.codes().map(|code| lines(&code)).collect();
    let style = page_style(codes.len(), interval);
    let digest = sha256::Hash::hash(style.as_bytes());
    let page = Page {
        caption,
        digest: BASE64_STANDARD.encode(digest.to_byte_array()),
        style,
        format: frames.format(),
        side: frames.version().modules() + 2 * Code::BORDER,
        border: Code::BORDER,
        codes,
    };
    page.render()
        .expect("a template of texts and numbers, written to a string, never fails")
}

/// The dark modules of a code as strokes of a drawing, each along a row.
fn lines(code: &Code) -> String {
    let mut lines = String::new();
    for y in 0..code.modules() {
        let mut x = 0;
        while x < code.modules() {
            let run = (x..).take_while(|x| code.is_dark(*x, y)).count();
            if run > 0 {
                let _ = write!(lines, "M{x} {y}h{run}");
            }
            x += run.max(1);
        }
    }
    lines
}

/// The style of the page: every code is seen for its share of each round.
fn page_style(count: usize, interval: Duration) -> String {
    let mut style = format!("\n{}", include_str!("../../../templates/codes.css"));
    if count > 1 {
        let round = interval.as_secs_f64() * count as f64;
        let share = 100.0 / count as f64;
        let _ = writeln!(
            style,
            "@media screen {{\n.codes svg {{ visibility: hidden; animation: turn {round:.3}s step-end infinite; }}\n@keyframes turn {{ 0% {{ visibility: visible; }} {share:.6}% {{ visibility: hidden; }} 100% {{ visibility: hidden; }} }}"
        );
        for number in 0..count {
            let delay = interval.as_secs_f64() * number as f64;
            let _ = writeln!(
                style,
                "#c{} {{ animation-delay: {delay:.3}s; }}",
                number + 1
            );
        }
        style.push_str("}\n");
    }
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(format: FrameFormat) -> Frames {
        let version = CodeVersion::new(6).expect("there is one");
        Frames::new(&[0x5a; 500], format, version).expect("it fits")
    }

    /// What is drawn is the code with its border: read back, it has the same modules.
    #[test]
    fn rows_are_the_modules() {
        let frames = frames(FrameFormat::Bbqr);
        for code in frames.codes() {
            let side = code.modules() + 2 * Code::BORDER;
            for drawing in [Drawing::Inked, Drawing::Lit] {
                let rows = drawn(&code, drawing);
                assert_eq!(rows.len(), side.div_ceil(2));
                for (number, row) in rows.iter().enumerate() {
                    assert_eq!(row.chars().count(), side);
                    for (x, cell) in row.chars().enumerate() {
                        for (below, y) in [(false, 2 * number), (true, 2 * number + 1)] {
                            let is_drawn = match cell {
                                '█' => true,
                                '▀' => !below,
                                '▄' => below,
                                _ => false,
                            };
                            let of = |at: usize| at.checked_sub(Code::BORDER);
                            let place = of(x).zip(of(y));
                            let is_dark = place.is_some_and(|(x, y)| code.is_dark(x, y));
                            assert_eq!(is_drawn == (drawing == Drawing::Inked), is_dark);
                        }
                    }
                }
            }
        }
    }

    /// Every code of a page is seen for its share, and none of them needs a script.
    #[test]
    fn a_page_shows_every_code_in_its_turn() {
        let caption = Caption {
            what: "cancel <b>".to_owned(),
            txid: "00ff".to_owned(),
        };
        for format in [FrameFormat::Bbqr, FrameFormat::Ur] {
            let frames = frames(format);
            let count = frames.texts().len();
            let page = codes_page(&frames, &caption, Duration::from_millis(500));
            assert_eq!(page.matches("<svg").count(), count);
            assert!(!page.contains("<script") && !page.contains("://"));
            assert!(page.contains("cancel &#60;b&#62;") || page.contains("cancel &lt;b&gt;"));
            let round = format!("turn {:.3}s", 0.5 * count as f64);
            assert!(page.contains(&round), "{round}");
            let last = format!(
                "#c{count} {{ animation-delay: {:.3}s; }}",
                0.5 * (count - 1) as f64
            );
            assert!(page.contains(&last), "{last}");
        }
    }
}
