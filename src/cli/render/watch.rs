//! Notices, as lines and as a view that stays.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Table};
use ratatui::{DefaultTerminal, Frame};
use serde::Serialize;

use super::{BOLD, DIM, RED, Screen, YELLOW, paint, print, safe_json, shown};
use crate::chain::ChainTip;
use crate::cli::Failure;
use crate::cli::failure::WatchFailure;
use crate::units::format_date_time;
use crate::watch::{Countdown, Facts, Notice, Severity, countdowns};

/// How many notices a view keeps.
const KEPT: usize = 200;

/// A value as one line of JSON.
pub(in crate::cli) fn json_line<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text =
        serde_json::to_string(value).map_err(|error| Failure::Output(io::Error::other(error)))?;
    Ok(safe_json(&text))
}

impl Screen {
    /// A notice: a line of text, or the line of JSON that is given.
    pub(in crate::cli) fn notice(&self, notice: &Notice, json: &str) -> Result<(), Failure> {
        let printed = match self.is_json() {
            true => print(json),
            false => print(&line(notice)),
        };
        match printed {
            // Nobody reads it any more; hooks and the log go on.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::Output(error)),
            Ok(()) => Ok(()),
        }
    }
}

/// A notice as a line of text.
fn line(notice: &Notice) -> String {
    let style = match notice.severity {
        Severity::Alarm => RED,
        Severity::Warning => YELLOW,
        Severity::Note => BOLD,
    };
    let at = notice.at.map_or_else(String::new, |at| format!("{at}: "));
    let mut text = format!(
        "{} {at}{}",
        paint(style, &format!("{}[{}]", notice.severity, notice.kind)),
        shown(&notice.text)
    );
    if let Some(due) = notice.due {
        let about = format_date_time(due.about);
        text += &format!("; due {}, about {about} UTC", due.at);
    }
    if notice.missed {
        text += &paint(RED, " (too late to act on the window)");
    }
    if notice.first_look {
        text += &paint(DIM, " (may have been told before)");
    }
    text.push('\n');
    text
}

/// A view of the coins with their countdowns, and of the last notices.
pub(in crate::cli) struct Live {
    terminal: DefaultTerminal,
    view: View,
}

/// What is shown.
#[derive(Default)]
struct View {
    tip: Option<ChainTip>,
    trouble: Vec<String>,
    coins: Vec<Countdown>,
    notices: VecDeque<Notice>,
}

impl Live {
    /// How long it waits for a key at a time.
    pub(in crate::cli) const PAUSE: Duration = Duration::from_millis(200);

    /// Takes the terminal, if the output is one.
    pub(in crate::cli) fn begin() -> Result<Option<Self>, Failure> {
        if !io::stdout().is_terminal() {
            return Ok(None);
        }
        let terminal = ratatui::try_init().map_err(WatchFailure::Terminal)?;
        let mut live = Self {
            terminal,
            view: View::default(),
        };
        live.draw()?;
        Ok(Some(live))
    }

    /// Shows what a look has brought.
    pub(in crate::cli) fn take(
        &mut self,
        facts: &Facts,
        notices: &[Notice],
    ) -> Result<(), Failure> {
        self.view.take(facts);
        self.add(notices)
    }

    /// Shows more notices.
    pub(in crate::cli) fn add(&mut self, notices: &[Notice]) -> Result<(), Failure> {
        self.view.add(notices);
        self.draw()
    }

    /// Waits a moment for a key; whether it asks for the end.
    pub(in crate::cli) fn wants_to_end(&mut self) -> Result<bool, Failure> {
        if !event::poll(Self::PAUSE).map_err(WatchFailure::Terminal)? {
            return Ok(false);
        }
        match event::read().map_err(WatchFailure::Terminal)? {
            Event::Key(key) => {
                let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
                Ok(match key.code {
                    KeyCode::Char('q') | KeyCode::Esc => true,
                    KeyCode::Char('c') => is_control,
                    _ => false,
                })
            }
            Event::Resize(..) => {
                self.draw()?;
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let view = &self.view;
        let drawn = self.terminal.draw(|frame| view.draw(frame));
        drawn.map_err(WatchFailure::Terminal)?;
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // If the terminal cannot be given back, nobody can be told.
        let _ = ratatui::try_restore();
    }
}

impl View {
    fn take(&mut self, facts: &Facts) {
        let trouble = facts.trouble.iter();
        self.trouble = trouble.map(|trouble| trouble.text.clone()).collect();
        if let Some(chain) = &facts.chain {
            self.tip = Some(chain.tip);
            self.coins = countdowns(chain);
        }
    }

    fn add(&mut self, notices: &[Notice]) {
        self.notices.extend(notices.iter().cloned());
        let too_many = self.notices.len().saturating_sub(KEPT);
        self.notices.drain(..too_many);
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let parts = [
            Constraint::Length(1),
            Constraint::Fill(1),
            Constraint::Fill(1),
        ];
        let [head, coins, notices] = Layout::vertical(parts).areas(frame.area());
        frame.render_widget(self.head(), head);
        frame.render_widget(self.table(), coins);
        let rows = usize::from(notices.height.saturating_sub(2));
        let last = self.notices.iter().rev().take(rows).map(told);
        let list = Paragraph::new(last.collect::<Vec<_>>());
        frame.render_widget(
            list.block(Block::bordered().title(" Told, the last first ")),
            notices,
        );
    }

    fn head(&self) -> Line<'_> {
        if let Some(trouble) = self.trouble.first() {
            return Line::styled(shown(trouble), of(Severity::Alarm));
        }
        Line::raw(self.tip.map_or_else(
            || "no chain yet".to_owned(),
            |tip| {
                let time = format_date_time(tip.time.median_time_past);
                format!("block {}, median time {time} UTC; q ends", tip.time.height)
            },
        ))
    }

    fn table(&self) -> Table<'_> {
        let rows = self.coins.iter().map(|coin| {
            let next = coin.next.as_ref();
            let opens = next.map_or_else(String::new, |next| match next.remaining.0 {
                0 => format!("{} is open", next.leaf),
                _ => format!("{} in {}", next.leaf, next.remaining),
            });
            let about = next.map_or_else(String::new, |next| format_date_time(next.about));
            [
                coin.coin.to_string(),
                coin.stage.to_string(),
                coin.amount.to_sat().to_string(),
                opens,
                about,
            ]
        });
        let rows: Vec<[String; 5]> = rows.collect();
        let head = ["Coin", "Stage", "Satoshis", "Opens next", "About (UTC)"];
        // The first digits tell coins apart, and what opens when is what somebody looks for.
        let widths = head.iter().enumerate().map(|(column, title)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            let width = longest.max(title.len());
            match column {
                0 => Constraint::Fill(1),
                _ => Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX)),
            }
        });
        let widths: Vec<Constraint> = widths.collect();
        let head = Row::new(head);
        Table::new(rows.into_iter().map(Row::new), widths)
            .header(head.style(Style::new().add_modifier(Modifier::BOLD)))
            .block(Block::bordered().title(format!(" {} coins ", self.coins.len())))
    }
}

fn of(severity: Severity) -> Style {
    match severity {
        Severity::Alarm => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Severity::Warning => Style::new().fg(Color::Yellow),
        Severity::Note => Style::new(),
    }
}

fn told(notice: &Notice) -> Line<'static> {
    let at = notice.at.map_or_else(String::new, |at| format!("{at}: "));
    Line::from(vec![
        Span::styled(format!("{} ", notice.kind), of(notice.severity)),
        Span::raw(format!("{at}{}", shown(&notice.text))),
    ])
}

#[cfg(test)]
mod tests {
    use bitcoin::{Amount, OutPoint};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::compile::{LeafKind, Stage};
    use crate::governance::ChainPoint;
    use crate::units::{BlockHeight, Blocks, UnixTime};
    use crate::watch::{Kind, Next};

    fn notice(text: &str) -> Notice {
        Notice {
            kind: Kind::Trigger,
            severity: Severity::Alarm,
            coin: None,
            txid: None,
            path: None,
            text: text.to_owned(),
            at: Some(ChainPoint::Height(BlockHeight(120))),
            due: None,
            first_look: false,
            missed: false,
            key: String::new(),
        }
    }

    #[test]
    fn a_view_shows_countdowns_and_what_was_told() {
        let mut view = View::default();
        view.coins.push(Countdown {
            coin: OutPoint::null(),
            stage: Stage::Escrow("sos".to_owned()),
            amount: Amount::from_sat(54_321),
            next: Some(Next {
                leaf: LeafKind::Settle,
                at: ChainPoint::Height(BlockHeight(140)),
                remaining: Blocks(17),
                about: UnixTime(1_767_225_600),
            }),
        });
        view.add(&[notice("the coin goes\u{1b}[2J to the escrow")]);
        let mut terminal = Terminal::new(TestBackend::new(120, 16)).expect("in memory");
        terminal.draw(|frame| view.draw(frame)).expect("in memory");
        let drawn = terminal.backend().to_string();
        for part in [
            "1 coins",
            "54321",
            "settle in 17 blocks",
            "2026-01-01 00:00",
            "trigger block 120",
        ] {
            assert!(drawn.contains(part), "{part} is not in\n{drawn}");
        }
        assert!(!drawn.contains('\u{1b}'));
    }

    #[test]
    fn a_view_keeps_so_many_notices() {
        let mut view = View::default();
        for number in 0..=KEPT {
            view.add(&[notice(&number.to_string())]);
        }
        assert_eq!(view.notices.len(), KEPT);
        assert_eq!(
            view.notices.front().map(|notice| notice.text.as_str()),
            Some("1")
        );
    }
}
