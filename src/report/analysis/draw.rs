//! Pictures of an analysis as drawings: no script, no foreign font, light and dark.

mod canvas;
mod map;
mod matrix;
mod timeline;

use serde::Serialize;

use self::canvas::Canvas;
use super::Dossier;
use crate::policy::in_markup;

/// The rules of colours and fonts, for drawings and for the page that holds them.
pub(super) const STYLE: &str = include_str!("../../../templates/pictures.css");

/// A picture of an analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Picture {
    /// What opens when.
    Timeline,
    /// Who can do what by when.
    Map,
    /// What is kept where.
    Custody,
}

impl Picture {
    /// All pictures with the words for them.
    pub const ALL: [(&'static str, Self); 3] = [
        ("timeline", Self::Timeline),
        ("map", Self::Map),
        ("custody", Self::Custody),
    ];

    /// What it shows, in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Timeline => "what opens when",
            Self::Map => "who can do what by when",
            Self::Custody => "what is kept where",
        }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Map => "map",
            Self::Custody => "custody",
        }
    }

    /// What it says, for those who do not see it.
    fn description(self, dossier: &Dossier) -> String {
        match self {
            Self::Timeline => timeline::description(&dossier.timeline),
            Self::Map => map::description(&dossier.map),
            Self::Custody => matrix::description(&dossier.matrix),
        }
    }

    fn canvas(self, dossier: &Dossier) -> Canvas {
        match self {
            Self::Timeline => timeline::draw(&dossier.timeline),
            Self::Map => map::draw(&dossier.map),
            Self::Custody => matrix::draw(&dossier.matrix),
        }
    }
}

/// A picture inside a page that brings [`STYLE`].
pub(super) fn inline(dossier: &Dossier, picture: Picture) -> String {
    let canvas = picture.canvas(dossier);
    let id = picture.id();
    format!(
        "<svg class=\"pic\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{left} 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{desc}</desc>\n{body}</svg>\n",
        // The page has margins of its own.
        left = canvas::MARGIN - 6,
        width = canvas.width() - 2 * (canvas::MARGIN - 6),
        height = canvas.height(),
        title = in_markup(picture.title()),
        desc = in_markup(&picture.description(dossier)),
        body = canvas.body(),
    )
}

/// A picture, or all of them one below the other, that stand alone.
pub(super) fn alone(dossier: &Dossier, picture: Option<Picture>) -> String {
    /// Height of the heading of a picture.
    const HEADING: usize = 60;
    let pictures: Vec<Picture> = match picture {
        Some(picture) => vec![picture],
        None => Picture::ALL.iter().map(|(_, picture)| *picture).collect(),
    };
    let mut whole = String::new();
    let (mut width, mut height) = (0, 0);
    let mut descriptions = Vec::new();
    for picture in pictures {
        let canvas = picture.canvas(dossier);
        let mut heading = Canvas::new(canvas.width());
        let title = format!("{}: {}", dossier.policy, picture.title());
        heading.text(canvas::MARGIN, 36, "h1", &title);
        whole.push_str(&format!(
            "<g transform=\"translate(0 {height})\">\n{}</g>\n<g transform=\"translate(0 {})\">\n{}</g>\n",
            heading.body(),
            height + HEADING,
            canvas.body()
        ));
        width = width.max(canvas.width());
        height += HEADING + canvas.height();
        descriptions.push(picture.description(dossier));
    }
    format!(
        "<svg class=\"pic\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{title}</title>\n<desc id=\"desc\">{desc}</desc>\n<style>\n{STYLE}</style>\n{whole}</svg>\n",
        title = in_markup(&format!(
            "{}: {}",
            dossier.policy,
            picture.map_or("analysis", Picture::title)
        )),
        desc = in_markup(&descriptions.join(" ")),
    )
}
