//! Frames: a PSBT as a series of short texts, each of which a QR code can hold.
//!
//! A signer without any cable shows a file as codes, one after another, and reads one so from the
//! screen of somebody else.  Two forms of frames are common, [BBQr] and [UR]; both are written and
//! read here.  What is read may come in any order and more than once, and nothing in it is
//! believed: the result is bytes, which are then read as those of any other file.
//!
//! [BBQr]: https://github.com/coinkite/BBQr/blob/master/BBQr.md
//! [UR]: https://github.com/BlockchainCommons/Research/blob/master/papers/bcr-2020-005-ur.md

mod bbqr;
mod code;
mod ur;

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use super::fault::{Fault, FaultCode, Place};

pub use self::code::{Code, CodeVersion};

/// Most frames of a series, which is what two digits of base 36 can count.
pub const MAX_FRAMES: usize = 36 * 36 - 1;

/// Most frames that are read from one file.  A camera reads the same ones again and again.
const MAX_LINES: usize = 4_000;

/// How many missing frames are named one by one.
const NAMED: usize = 12;

/// The form of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FrameFormat {
    /// BBQr, file type `P`.
    Bbqr,
    /// Uniform resources, type `crypto-psbt`.
    Ur,
}

impl FrameFormat {
    /// The form that a text is in, by how it begins.
    fn of(text: &str) -> Option<Self> {
        let begins = |with: &str| {
            let start = text.get(..with.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        if begins(bbqr::MARK) {
            Some(Self::Bbqr)
        } else if begins(ur::MARK) {
            Some(Self::Ur)
        } else {
            None
        }
    }
}

impl fmt::Display for FrameFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bbqr => "BBQr",
            Self::Ur => "UR",
        })
    }
}

/// A series of frames, all of which are shown as codes of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames {
    format: FrameFormat,
    version: CodeVersion,
    texts: Vec<String>,
}

impl Frames {
    /// The bytes of a PSBT as frames, as few as codes of a version allow, and in codes as small as
    /// that many take.
    ///
    /// UR frames are half as many again as are needed, and any that are enough will do; of BBQr
    /// frames each one is needed.
    ///
    /// # Errors
    ///
    /// If codes of this version are too small, so that one would hold nothing or there would be
    /// more than [`MAX_FRAMES`].
    pub fn new(
        psbt: &[u8],
        format: FrameFormat,
        version: CodeVersion,
    ) -> Result<Self, FramesError> {
        let error = FramesError::TooSmall { format, version };
        let needed = needed(psbt.len(), format, version).ok_or(error)?;
        // Codes that are no larger than they have to be are easier to read.
        let smaller = (1..).map_while(CodeVersion::new);
        let mut smaller = smaller.take_while(|smaller| *smaller < version);
        let found =
            smaller.find(|smaller| self::needed(psbt.len(), format, *smaller) == Some(needed));
        let version = found.unwrap_or(version);
        let texts = match format {
            FrameFormat::Bbqr => bbqr::split(psbt, version.capacity()),
            FrameFormat::Ur => ur::split(psbt, version.capacity()),
        };
        Ok(Self {
            format,
            version,
            texts: texts.ok_or(error)?,
        })
    }

    /// Their form.
    #[must_use]
    pub const fn format(&self) -> FrameFormat {
        self.format
    }

    /// The version of their codes.
    #[must_use]
    pub const fn version(&self) -> CodeVersion {
        self.version
    }

    /// What the codes say, in the order in which they are shown.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The codes, in the same order.
    pub fn codes(&self) -> impl Iterator<Item = Code> + '_ {
        let texts = self.texts.iter();
        texts.map(|text| Code::new(text, self.version))
    }
}

/// How many frames so many bytes take; none if there would be too many, or nothing in them.
fn needed(bytes: usize, format: FrameFormat, version: CodeVersion) -> Option<usize> {
    let plan = match format {
        FrameFormat::Bbqr => bbqr::plan(bytes, version.capacity()),
        FrameFormat::Ur => ur::plan(bytes, version.capacity()),
    };
    let needed = plan?.count;
    (needed <= MAX_FRAMES).then_some(needed)
}

/// Why a file cannot be written as frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramesError {
    /// There would be too many, or nothing in them.
    #[error(
        "the file is too large for {MAX_FRAMES} {format} frames in codes of version {version}; take larger codes"
    )]
    TooSmall {
        /// The form.
        format: FrameFormat,
        /// The version.
        version: CodeVersion,
    },
}

/// The bytes that a text of frames holds, one frame in a line; none if it is no text of frames.
///
/// Frames may come in any order and more than once.
///
/// # Errors
///
/// If a frame is missing or damaged, or does not belong to the others, or what they hold is none
/// of a PSBT.
#[must_use]
pub fn join(text: &str) -> Option<Result<Vec<u8>, Fault>> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let mut lines = lines.filter(|(_, line)| !line.is_empty()).peekable();
    let format = FrameFormat::of(lines.peek()?.1)?;
    let mut all = Vec::new();
    for (line, text) in lines {
        if all.len() == MAX_LINES {
            let message = format!("it has more than {MAX_LINES} frames");
            return Some(Err(Fault::new(FaultCode::TooLarge, Place::File, message)));
        }
        match FrameFormat::of(text) {
            Some(other) if other == format => all.push(Line { line, text }),
            Some(other) => {
                let message = format!("line {line} is a {other} frame, and the first a {format}");
                return Some(Err(mixed(message)));
            }
            None => return Some(Err(damaged(line, "it begins as no frame does"))),
        }
    }
    Some(match format {
        FrameFormat::Bbqr => bbqr::join(&all),
        FrameFormat::Ur => ur::join(&all),
    })
}

/// How a file is divided.
struct Plan {
    /// The bytes in each frame but the last one.
    each: usize,
    /// How many frames it takes.
    count: usize,
}

/// A frame in a file.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// In which line it stands, counted from 1.
    line: usize,
    text: &'a str,
}

fn damaged(line: usize, why: &str) -> Fault {
    let message = format!("the frame in line {line}: {why}");
    Fault::new(FaultCode::FrameDamaged, Place::File, message)
}

fn mixed(message: String) -> Fault {
    Fault::new(FaultCode::FramesMixed, Place::File, message)
}

fn other_type(what: &str) -> Fault {
    let message = format!("the frames hold {what}, and no PSBT");
    Fault::new(FaultCode::FramesType, Place::File, message)
}

/// Which of so many frames are missing; they are counted from 1.
fn missing(numbers: &[usize], total: usize) -> String {
    let named = numbers.iter().take(NAMED).map(ToString::to_string);
    let mut named = named.collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = numbers.len().checked_sub(NAMED) {
        named += &format!(" and {more} more");
    }
    match numbers {
        [_] => format!("frame {named} of {total} is missing"),
        _ => format!("frames {named} of {total} are missing"),
    }
}
