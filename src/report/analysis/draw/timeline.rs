//! The time lines drawn: a bar for each power, from the moment at which it opens.

use super::canvas::{Canvas, MARGIN, width_of};
use crate::report::analysis::timeline::{Bar, BarKind, Scale, Timeline, Track};

const WIDTH: usize = 1000;

/// Where the axis begins and ends.
const AXIS: [usize; 2] = [210, WIDTH - MARGIN];

/// Height of the heading of a stage, with the axis.
const HEADING: usize = 48;

/// Height of a bar with its words.
const ROW: usize = 40;

pub(super) fn draw(timeline: &Timeline) -> Canvas {
    let mut canvas = Canvas::new(WIDTH);
    let mut y = 0;
    for track in &timeline.tracks {
        y = stage(&mut canvas, &timeline.scale, track, y) + 22;
    }
    legend(&mut canvas, y);
    canvas
}

fn x(place: u32) -> usize {
    let [start, end] = AXIS;
    let place = usize::try_from(place).unwrap_or(0);
    start + place * (end - start) / Scale::LENGTH as usize
}

fn stage(canvas: &mut Canvas, scale: &Scale, track: &Track, y: usize) -> usize {
    let [start, end] = AXIS;
    let bottom = y + HEADING + track.bars.len() * ROW;
    canvas.clipped(MARGIN, y + 32, "h2", &track.title, start - MARGIN - 50);
    let ticks = scale.ticks(|tick| {
        let words = width_of(&tick.time).max(width_of(&tick.blocks));
        let at = x(tick.place);
        // Words stand in the middle of their mark, unless they would leave the picture.
        let from = at.saturating_sub(words / 2).min(end.saturating_sub(words));
        (from, from + words + 10)
    });
    for (tick, (_, to)) in ticks {
        let at = x(tick.place);
        canvas.line("grid", (at, y + HEADING - 6), (at, bottom));
        let (class, at) = match at {
            at if at == start => ("s", at),
            _ if to >= end + 10 => ("s e", end),
            at => ("s m", at),
        };
        if tick.time.is_empty() {
            canvas.text(at, y + 34, class, &tick.blocks);
        } else {
            canvas.text(at, y + 20, class, &tick.blocks);
            canvas.text(at, y + 34, class, &tick.time);
        }
    }
    let at = y + HEADING - 6;
    canvas.line("rule", (MARGIN, at), (end, at));
    if let Some(place) = scale.broken_at() {
        let at = x(place);
        canvas.element(format_args!(
            "<path class=\"ring\" d=\"M{} {}l6 -14m6 0l-6 14\"/>",
            at - 6,
            y + HEADING + 1
        ));
    }
    for (number, bar) in track.bars.iter().enumerate() {
        row(canvas, bar, y + HEADING + number * ROW);
    }
    canvas.reach(bottom);
    bottom
}

fn row(canvas: &mut Canvas, bar: &Bar, y: usize) {
    let [start, end] = AXIS;
    let at = x(bar.place);
    canvas.clipped(MARGIN, y + 29, "b", &bar.name, start - MARGIN - 20);
    let words = format!("{}: {}", bar.from, bar.who);
    let length = width_of(&words);
    // Beside the beginning of the bar, or as far to the left as it needs to fit.
    let place = at.min(end.saturating_sub(length)).max(start);
    canvas.clipped(place, y + 14, "halo", &words, end - place + 6);
    let class = class(bar.kind);
    let open = if bar.anywhere { "" } else { " open" };
    canvas.element(format_args!(
        "<path class=\"bar {class}{open}\" d=\"M{at} {}H{}l8 6l-8 6H{at}z\"/>",
        y + 20,
        end - 9
    ));
}

const fn class(kind: BarKind) -> &'static str {
    match kind {
        BarKind::Root => "root",
        BarKind::Path => "path",
        BarKind::Veto => "veto",
    }
}

fn legend(canvas: &mut Canvas, y: usize) {
    let entries = [
        (BarKind::Root, true, "root"),
        (BarKind::Path, true, "those who act on a path"),
        (BarKind::Veto, false, "an objection"),
    ];
    let mut at = MARGIN;
    for (kind, anywhere, words) in entries {
        let open = if anywhere { "" } else { " open" };
        canvas.element(format_args!(
            "<path class=\"bar {}{open}\" d=\"M{at} {}h26l6 5l-6 5h-26z\"/>",
            class(kind),
            y + 4
        ));
        canvas.text(at + 42, y + 14, "s", words);
        at += 42 + width_of(words) + 30;
    }
    canvas.text(
        MARGIN,
        y + 36,
        "s",
        "Filled: the coin goes wherever those who sign want. Outlined: only into the next stage, as it was signed in advance.",
    );
    canvas.text(
        MARGIN,
        y + 54,
        "s",
        "Counted from the confirmation of the coin in the stage. Upper figures are blocks; ten minutes to a block.",
    );
    canvas.reach(y + 66);
}

pub(super) fn description(timeline: &Timeline) -> String {
    let track = |track: &Track| {
        let bars = track.bars.iter();
        let bars = bars.map(|bar| format!("{} from {} by {}", bar.name, bar.from, bar.who));
        format!("{}: {}.", track.title, bars.collect::<Vec<_>>().join("; "))
    };
    let tracks: Vec<String> = timeline.tracks.iter().map(track).collect();
    tracks.join(" ")
}
