//! `longstop psbt show` and `longstop psbt check`.

use std::path::PathBuf;

use bitcoin::secp256k1::Secp256k1;
use clap::Args;
use serde::Serialize;

use super::{ReaderArgs, not_sound, recognise};
use crate::ceremony::Recognised;
use crate::cli::frames::{Caption, FramesArgs, ShownFrames};
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure, input};

/// Say what the transaction of a PSBT does, and who has signed it
///
/// With --qr it is then shown as QR codes for the camera of a signer, unless something speaks against
/// signing it. A file can itself be what the codes of a signer said, one in a line.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: file, sound, what, txid, leaf, inputs, outputs, fee_sats, vbytes, seats [role, party, signed],\nmet (the roles whose quorum has signed) and faults [code, gravity, place, message]; with --qr also qr\n[format, version, frames, written]."
)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    reader: ReaderArgs,
    /// The file: bytes, base64, hexadecimal or what QR codes say; - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    frames: FramesArgs,
}

/// Judge PSBTs before they are signed
///
/// Everything that is wrong is told, each with a word that never changes its meaning. Exit code 1
/// says that something speaks against signing one of them; payments to somebody outside the policy
/// do not, and have to be confirmed by whoever signs.
#[derive(Debug, Args)]
#[command(after_help = "With --json: files, each as `psbt show` has it.")]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    reader: ReaderArgs,
    /// The files; - for the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// A file that was looked at.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Looked {
    pub file: String,
    pub sound: bool,
    #[serde(flatten)]
    pub recognised: Recognised,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr: Option<ShownFrames>,
}

/// Several of them.
#[derive(Debug, Serialize)]
struct Checked {
    files: Vec<Looked>,
}

impl Looked {
    fn new(file: String, recognised: Recognised) -> Self {
        Self {
            file,
            sound: recognised.is_sound(),
            recognised,
            qr: None,
        }
    }
}

impl Show {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        self.frames.refuse_taken()?;
        let policy = self.reader.compiled(screen)?;
        let secp = Secp256k1::new();
        let mut reader = self.reader.reader(&policy.compiled, &secp);
        let recognised = recognise(&mut reader, &self.file)?;
        let file = input::file_name(&self.file);
        let mut looked = Looked::new(file.clone(), recognised);
        // Whoever holds a signer in front of codes is about to sign them.
        if self.frames.is_asked() && !looked.sound {
            screen.aside(&render::psbt(&looked, render::ASIDE));
            return Err(not_sound(&looked.recognised, file));
        }
        let psbt = looked.recognised.psbt().serialize();
        let caption = Caption::of(&looked.recognised);
        let mut show = None;
        if let Some((shown, codes)) = self.frames.make(screen, &psbt, &caption, &file)? {
            looked.qr = Some(shown);
            show = codes;
        }
        screen.show(&looked, |width| render::psbt(&looked, width))?;
        if let Some(show) = show {
            show.run()?;
        }
        Ok(Exit::Ok)
    }
}

impl Check {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let policy = self.reader.compiled(screen)?;
        let secp = Secp256k1::new();
        let mut reader = self.reader.reader(&policy.compiled, &secp);
        let mut files = Vec::new();
        for path in &self.files {
            let recognised = recognise(&mut reader, path)?;
            files.push(Looked::new(input::file_name(path), recognised));
        }
        let checked = Checked { files };
        screen.show(&checked, |width| {
            let files = checked.files.iter();
            files.map(|file| render::psbt_judged(file, width)).collect()
        })?;
        Ok(if checked.files.iter().all(|file| file.sound) {
            Exit::Ok
        } else {
            Exit::Unmet
        })
    }
}
