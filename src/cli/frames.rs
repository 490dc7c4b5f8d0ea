//! QR codes out of commands: on the terminal, as a page, and as the texts that a camera reads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::psbt::refuse_taken;
use super::render::{self, CodeShow, Screen};
use super::{Failure, input, output};
use crate::ceremony::{CodeVersion, FrameFormat, Frames, Recognised};

/// The form of the codes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "QR codes")]
pub(super) struct CodeArgs {
    /// Show the file as QR codes, one after another, for the camera of a signer
    #[arg(long, value_name = "FORMAT", value_enum)]
    qr: Option<FormatWord>,
    /// The largest version of the codes, from 1 (21 modules a side) to 40 (177) [default: 16, or what the terminal has room for]
    #[arg(long, value_name = "N", requires = "qr", value_parser = version)]
    qr_version: Option<CodeVersion>,
    /// How long each code is shown, in milliseconds
    #[arg(long, value_name = "MS", requires = "qr", default_value_t = 250, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    interval: u64,
}

/// Where the codes go.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "QR codes")]
pub(super) struct FramesArgs {
    #[command(flatten)]
    codes: CodeArgs,
    /// Write what the codes say to this file, one in a line, instead of showing them
    #[arg(long, value_name = "FILE", requires = "qr")]
    qr_out: Option<PathBuf>,
    /// Write a page that shows the codes to this file, instead of showing them here
    #[arg(long, value_name = "FILE", requires = "qr")]
    qr_page: Option<PathBuf>,
    /// End after all codes were shown so often; without it any key ends it
    #[arg(long, value_name = "N", requires = "qr", value_parser = clap::value_parser!(u32).range(1..))]
    loops: Option<u32>,
}

/// A form of frames on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatWord {
    /// BBQr
    Bbqr,
    /// Uniform resources (`crypto-psbt`)
    Ur,
}

impl From<FormatWord> for FrameFormat {
    fn from(word: FormatWord) -> Self {
        match word {
            FormatWord::Bbqr => Self::Bbqr,
            FormatWord::Ur => Self::Ur,
        }
    }
}

fn version(text: &str) -> Result<CodeVersion, String> {
    let number = text.parse().ok().and_then(CodeVersion::new);
    number.ok_or_else(|| "write a version from 1 to 40".to_owned())
}

/// Frames that were made.
#[derive(Debug, Serialize)]
pub(super) struct ShownFrames {
    pub format: FrameFormat,
    /// The version of the codes.
    pub version: CodeVersion,
    /// What the codes say.
    pub frames: Vec<String>,
    /// Files that were written.
    pub written: Vec<String>,
}

/// What a page of codes says beside them.
pub(super) struct Caption {
    /// What the transaction does.
    pub what: String,
    pub txid: String,
}

impl Caption {
    /// What is said of a file that was recognised.
    pub(super) fn of(recognised: &Recognised) -> Self {
        Self {
            what: render::psbt_word(recognised),
            txid: recognised.txid.to_string(),
        }
    }
}

impl CodeArgs {
    /// Whether codes are asked for.
    pub(super) const fn is_asked(&self) -> bool {
        self.qr.is_some()
    }

    /// A file as a series of codes, if codes are asked for.
    fn frames(
        &self,
        psbt: &[u8],
        room: Option<CodeVersion>,
        file: &str,
    ) -> Result<Option<Frames>, Failure> {
        let Some(format) = self.qr else {
            return Ok(None);
        };
        let version = match (self.qr_version, room) {
            (Some(version), Some(room)) if version > room => {
                return Err(Failure::CodesTooLarge { version, room });
            }
            (Some(version), _) => version,
            (None, Some(room)) => room.min(CodeVersion::USUAL),
            (None, None) => CodeVersion::USUAL,
        };
        let frames = Frames::new(psbt, format.into(), version);
        let frames = frames.map_err(|source| Failure::Frames {
            file: file.to_owned(),
            source,
        })?;
        Ok(Some(frames))
    }

    /// Writes a page that shows a file as codes, if codes are asked for; its name.
    pub(super) fn page(
        &self,
        psbt: &[u8],
        caption: &Caption,
        path: &Path,
    ) -> Result<Option<String>, Failure> {
        let file = input::file_name(path);
        let frames = self.frames(psbt, None, &file)?;
        let Some(frames) = frames else {
            return Ok(None);
        };
        self.write_page(&frames, caption, path)?;
        Ok(Some(file))
    }

    fn write_page(&self, frames: &Frames, caption: &Caption, path: &Path) -> Result<(), Failure> {
        let page = render::codes_page(frames, caption, self.interval());
        output::create(path, &page).map_err(|source| output::failure(path, source))
    }

    const fn interval(&self) -> Duration {
        Duration::from_millis(self.interval)
    }
}

impl FramesArgs {
    /// Whether codes are asked for.
    pub(super) const fn is_asked(&self) -> bool {
        self.codes.is_asked()
    }

    /// Refuses to write over a file, before anything is done for nothing.
    pub(super) fn refuse_taken(&self) -> Result<(), Failure> {
        let files = self.qr_out.iter().chain(&self.qr_page);
        files.map(PathBuf::as_path).try_for_each(refuse_taken)
    }

    /// A file as codes: written where a file is named, and else to be shown on the terminal.
    pub(super) fn make(
        &self,
        screen: &Screen,
        psbt: &[u8],
        caption: &Caption,
        file: &str,
    ) -> Result<Option<(ShownFrames, Option<CodeShow>)>, Failure> {
        let is_written = self.qr_out.is_some() || self.qr_page.is_some();
        let is_shown = self.is_asked() && !is_written && !screen.is_json();
        let room = match is_shown {
            true => Some(render::room_for_codes()?),
            false => None,
        };
        let Some(frames) = self.codes.frames(psbt, room, file)? else {
            return Ok(None);
        };
        let mut written = Vec::new();
        if let Some(path) = &self.qr_out {
            let mut text = frames.texts().join("\n");
            text.push('\n');
            output::create(path, &text).map_err(|source| output::failure(path, source))?;
            written.push(input::file_name(path));
        }
        if let Some(path) = &self.qr_page {
            self.codes.write_page(&frames, caption, path)?;
            written.push(input::file_name(path));
        }
        let shown = ShownFrames {
            format: frames.format(),
            version: frames.version(),
            frames: frames.texts().to_vec(),
            written,
        };
        let show = is_shown.then(|| CodeShow::new(&frames, self.codes.interval(), self.loops));
        Ok(Some((shown, show)))
    }
}
