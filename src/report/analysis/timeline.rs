//! What opens when, stage by stage, on one scale that shows a block and a year.

use serde::Serialize;

use super::told;
use crate::analysis::{Analysis, Leads, Opening, Power, PowerLine, StageLine};
use crate::units::SECONDS_PER_BLOCK;

/// Where the first block is on a scale; left of it is what is open at once.
const ONE_BLOCK: u32 = 700;

/// Where the longest wait is, if no date stands beside it.
const LONGEST: u32 = 9_200;

/// Where the longest wait is, if there are dates behind it.
const LONGEST_BEFORE_DATES: u32 = 7_200;

/// Where the axis is broken, with dates behind.
const BREAK: u32 = 7_600;

/// Where the last date is.
const LAST_DATE: u32 = 9_300;

/// The time lines of all stages.
#[derive(Clone, Debug, Serialize)]
pub struct Timeline {
    /// Where each moment stands.
    pub scale: Scale,
    /// The stages in their order.
    pub tracks: Vec<Track>,
}

/// The time line of one stage.
#[derive(Clone, Debug, Serialize)]
pub struct Track {
    /// The stage.
    pub title: String,
    /// What opens there, the first first.
    pub bars: Vec<Bar>,
}

/// A power, open from a moment on.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// What it is called, with its path in the vault, where there are several.
    pub name: String,
    /// Whose it is.
    pub kind: BarKind,
    /// Whether the coin goes where those who sign want, rather than into the next stage.
    pub anywhere: bool,
    /// From when on.
    pub opens: Opening,
    /// From when on, in words.
    pub from: String,
    /// Who can.
    pub who: String,
    /// Where it begins on the scale.
    pub place: u32,
}

/// Whose a power is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BarKind {
    /// Root's own.
    Root,
    /// That of those who act on a path.
    Path,
    /// An objection.
    Veto,
}

/// Where moments stand on an axis of [`Scale::LENGTH`].
///
/// Waits stand by their logarithm, so that one block and a year are both to be seen.  Heights and
/// dates are of another kind than waits: they stand behind a break, in their order.
#[derive(Clone, Debug, Serialize)]
pub struct Scale {
    /// The longest wait in seconds.
    longest: u64,
    /// The dates in their order, each with its words.
    dates: Vec<(u64, String)>,
}

/// A mark on the axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Where.
    pub place: u32,
    /// In blocks, or the height or date.
    pub blocks: String,
    /// In days or a part of one; empty for heights and dates.
    pub time: String,
}

impl Tick {
    /// The mark in one word, where there is no room for two lines.
    fn in_a_word(&self) -> &str {
        if self.time.is_empty() {
            &self.blocks
        } else {
            &self.time
        }
    }
}

impl Timeline {
    /// The time line of an analysis.
    #[must_use]
    pub fn of(analysis: &Analysis) -> Self {
        let moments = analysis.stages.iter().flat_map(|line| &line.moments);
        let scale = Scale::over(moments.map(|moment| &moment.at));
        let track = |line: &StageLine| {
            let mut bars = Vec::new();
            for moment in &line.moments {
                let opened = moment.powers.iter().filter(|power| power.opens);
                bars.extend(opened.map(|power| bar(power, &moment.at, line, &scale)));
            }
            Track {
                title: line.stage.to_string(),
                bars,
            }
        };
        Self {
            tracks: analysis.stages.iter().map(track).collect(),
            scale,
        }
    }

    /// A stage drawn with characters: the scale, and a line for each power.
    #[must_use]
    pub fn text(&self, track: &Track, width: usize) -> Vec<String> {
        // One scale stands at one place in all stages.
        let bars = self.tracks.iter().flat_map(|track| &track.bars);
        let longest = bars.map(|bar| bar.name.chars().count()).max();
        let label = longest.unwrap_or(0).min(width / 3);
        let axis = width.saturating_sub(label + 2).max(20);
        let column = |place: u32| {
            usize::try_from(place).unwrap_or(usize::MAX) * (axis - 1) / Scale::LENGTH as usize
        };
        let mut head = vec![' '; axis];
        let ticks = self.scale.ticks(|tick| {
            let words = tick.in_a_word();
            let at = column(tick.place);
            // A word stands at its place or, at the end, before it.
            let length = words.chars().count();
            let start = at.min(axis.saturating_sub(length));
            (start, start + length + 1)
        });
        for (tick, (start, _)) in ticks {
            let words = tick.in_a_word();
            for (cell, c) in head.iter_mut().skip(start).zip(words.chars()) {
                *cell = c;
            }
        }
        let head: String = head.into_iter().collect();
        let mut lines = vec![format!("{:label$}  {}", "", head.trim_end())];
        lines.extend(track.bars.iter().map(|bar| {
            let name = shortened(&bar.name, label);
            let at = column(bar.place);
            let (open, fill) = if bar.anywhere {
                ('┝', '━')
            } else {
                ('├', '─')
            };
            let length = axis.saturating_sub(at + 2);
            let line: String = std::iter::repeat_n(fill, length).collect();
            format!("{name:label$}  {}{open}{line}▶", " ".repeat(at))
        }));
        lines
    }
}

fn bar(power: &PowerLine, at: &Opening, line: &StageLine, scale: &Scale) -> Bar {
    let word = power.power.words().0;
    let name = match (&power.path, line.stage.path()) {
        (Some(path), None) => format!("{word} ({path})"),
        _ => word.to_owned(),
    };
    let kind = match power.power {
        Power::Spend | Power::Override | Power::Clawback => BarKind::Root,
        Power::Cancel => BarKind::Veto,
        Power::Trigger | Power::Recover | Power::Settle | Power::SkipLockup | Power::Release => {
            BarKind::Path
        }
    };
    Bar {
        name,
        kind,
        anywhere: power.leads == Leads::Anywhere,
        from: told::opening(at).replace('\n', " "),
        who: told::who(&power.who),
        place: scale.place(at),
        opens: at.clone(),
    }
}

/// A text of at most so many characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

impl Scale {
    /// How long the axis is.
    pub const LENGTH: u32 = 10_000;

    /// The scale on which all of these have their places.
    fn over<'a>(openings: impl Iterator<Item = &'a Opening>) -> Self {
        let mut longest = 86_400;
        let mut dates: Vec<(u64, String)> = Vec::new();
        for opening in openings {
            longest = longest.max(opening.seconds());
            if let Some(unlock) = opening.unlock {
                let date = (opening.unlock_seconds(), unlock.to_string());
                if !dates.contains(&date) {
                    dates.push(date);
                }
            }
        }
        dates.sort();
        Self { longest, dates }
    }

    /// Whether there are dates behind a break, and where the axis is broken.
    #[must_use]
    pub fn broken_at(&self) -> Option<u32> {
        (!self.dates.is_empty()).then_some(BREAK)
    }

    /// Where a moment stands.
    #[must_use]
    pub fn place(&self, opening: &Opening) -> u32 {
        if let Some(unlock) = opening.unlock {
            let words = unlock.to_string();
            let number = self.dates.iter().position(|(_, known)| *known == words);
            return self.date(number.unwrap_or(0));
        }
        self.wait(opening.seconds())
    }

    fn date(&self, number: usize) -> u32 {
        let room = u64::from(LAST_DATE - BREAK);
        let (number, all) = (number as u64 + 1, self.dates.len().max(1) as u64);
        BREAK + u32::try_from(room * number / all).unwrap_or(0)
    }

    /// Where a wait stands.
    fn wait(&self, seconds: u64) -> u32 {
        if seconds == 0 {
            return 0;
        }
        let end = if self.dates.is_empty() {
            LONGEST
        } else {
            LONGEST_BEFORE_DATES
        };
        let block = u64::from(SECONDS_PER_BLOCK);
        let octaves = |seconds: u64| logarithm(seconds.max(block)) - logarithm(block);
        let place = octaves(seconds) * u64::from(end - ONE_BLOCK) / octaves(self.longest).max(1);
        ONE_BLOCK + u32::try_from(place).unwrap_or(0)
    }

    /// The marks for which there is room, from left to right.  `extent` says from where to where
    /// the words of a mark reach; the marks that matter most are placed first.
    pub(super) fn ticks(
        &self,
        extent: impl Fn(&Tick) -> (usize, usize),
    ) -> Vec<(Tick, (usize, usize))> {
        /// Marks in seconds, with their words, the weightiest first.
        const MARKS: [(u64, &str, &str); 9] = [
            (0, "0", ""),
            (600, "1", "1 block"),
            (31_536_000, "52,560", "365 days"),
            (2_592_000, "4,320", "30 days"),
            (86_400, "144", "1 day"),
            (604_800, "1,008", "7 days"),
            (7_776_000, "12,960", "90 days"),
            (3_600, "6", "1 hour"),
            (21_600, "36", "6 hours"),
        ];
        let waits = MARKS
            .iter()
            .filter(|(seconds, ..)| *seconds <= self.longest);
        let waits = waits.map(|(seconds, blocks, time)| Tick {
            place: self.wait(*seconds),
            blocks: (*blocks).to_owned(),
            time: (*time).to_owned(),
        });
        let dates = self.dates.iter().enumerate();
        let dates = dates.map(|(number, (_, words))| Tick {
            place: self.date(number),
            blocks: words.clone(),
            time: String::new(),
        });
        let mut placed: Vec<(Tick, (usize, usize))> = Vec::new();
        for tick in waits.chain(dates) {
            let (start, end) = extent(&tick);
            if placed
                .iter()
                .all(|(_, (from, to))| end <= *from || start >= *to)
            {
                placed.push((tick, (start, end)));
            }
        }
        placed.sort_by_key(|(tick, _)| tick.place);
        placed
    }
}

/// The binary logarithm in 1/256, between powers of two in a straight line: never less for more,
/// and the same on every machine.
fn logarithm(number: u64) -> u64 {
    let number = number.max(1);
    let whole = u64::from(number.ilog2());
    let power = 1_u128 << whole;
    let rest = (u128::from(number) - power) * 256 / power;
    whole * 256 + u64::try_from(rest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{AbsoluteLock, BlockHeight, RelativeLock};

    fn blocks(count: u32) -> Opening {
        let lock = RelativeLock::from_blocks(crate::units::Blocks(count)).expect("a lock");
        Opening::after(lock)
    }

    fn scale(openings: &[Opening]) -> Scale {
        Scale::over(openings.iter())
    }

    #[test]
    fn one_block_and_a_year_are_both_to_be_seen() {
        let scale = scale(&[blocks(52_560)]);
        assert_eq!(scale.place(&Opening::at_once()), 0);
        assert_eq!(scale.place(&blocks(1)), ONE_BLOCK);
        assert_eq!(scale.place(&blocks(52_560)), LONGEST);
        assert!(scale.place(&blocks(4_320)) + 500 < LONGEST);
    }

    #[test]
    fn what_opens_later_never_stands_before() {
        let scale = scale(&[blocks(65_535)]);
        let mut last = 0;
        for count in 1..=65_535 {
            let place = scale.place(&blocks(count));
            assert!(place >= last, "{count}");
            last = place;
        }
        assert_eq!(last, LONGEST);
    }

    #[test]
    fn dates_stand_behind_the_break() {
        let date = |height| Opening {
            age: Some(RelativeLock::ONE_BLOCK),
            unlock: Some(AbsoluteLock::Height(BlockHeight(height))),
        };
        let scale = scale(&[date(900_000), blocks(4_320), date(800_000)]);
        assert_eq!(scale.broken_at(), Some(BREAK));
        assert!(scale.place(&blocks(4_320)) < BREAK);
        assert!(BREAK < scale.place(&date(800_000)));
        assert!(scale.place(&date(800_000)) < scale.place(&date(900_000)));
        assert!(scale.place(&date(900_000)) < Scale::LENGTH);
    }

    #[test]
    fn words_of_marks_never_overlap() {
        for longest in [144, 4_320, 52_560, 65_535] {
            let scale = scale(&[blocks(longest)]);
            for width in [10, 40, 400] {
                let ticks = scale.ticks(|tick| {
                    let at = tick.place as usize * width / 10_000;
                    (at, at + tick.time.len() + 1)
                });
                for pair in ticks.windows(2) {
                    let [(_, (_, end)), (_, (start, _))] = pair else {
                        continue;
                    };
                    assert!(end <= start, "{ticks:?}");
                }
            }
        }
    }
}
