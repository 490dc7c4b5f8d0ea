//! BBQr: a header of eight characters, and a part of the file.
//!
//! `B$`, how the file is written (`H` hexadecimal, `2` Base32, `Z` compressed and then Base32), what
//! it is (`P` for a PSBT), and in two digits of base 36 each how many frames there are and which one
//! this is, counted from 0.

use std::collections::BTreeMap;

use data_encoding::{BASE32_NOPAD, Encoding, HEXUPPER};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::{Line, Plan, damaged, missing, mixed, other_type};
use crate::ceremony::MAX_FILE;
use crate::ceremony::fault::{Fault, FaultCode, Place};

/// How every frame begins.
pub(super) const MARK: &str = "B$";

/// The characters before the part of the file.
const HEADER: usize = 8;

/// So many bytes are so many characters of Base32; frames end at such places.
const STEP: (usize, usize) = (5, 8);

/// The base of the numbers.
const BASE: usize = 36;

/// How so many bytes are divided into frames of at most so many characters; none if a frame has no
/// room for any.
pub(super) fn plan(bytes: usize, capacity: usize) -> Option<Plan> {
    let (step, characters) = STEP;
    let most = capacity.saturating_sub(HEADER) / characters * step;
    if most == 0 || bytes == 0 {
        return None;
    }
    // All of about the same size, so that no code is harder to read than it has to be.
    let count = bytes.div_ceil(most);
    let each = bytes.div_ceil(count).next_multiple_of(step);
    let count = bytes.div_ceil(each);
    Some(Plan { each, count })
}

/// Bytes as frames of at most so many characters.
///
/// They are written in Base32 and not compressed: the format wants a window of 1,024 bytes, with
/// which PSBTs shrink by a third at best, and most of what stands in one cannot be compressed.
pub(super) fn split(bytes: &[u8], capacity: usize) -> Option<Vec<String>> {
    let parts = bytes.chunks(plan(bytes.len(), capacity)?.each);
    let total = parts.len();
    let frames = parts.enumerate().map(|(number, part)| {
        let (total, number) = (digits(total), digits(number));
        format!("{MARK}2P{total}{number}{}", BASE32_NOPAD.encode(part))
    });
    Some(frames.collect())
}

/// Two digits of base 36.
fn digits(number: usize) -> String {
    let digit = |value: usize| {
        let value = u32::try_from(value % BASE).unwrap_or(0);
        let digit = char::from_digit(value, 36).unwrap_or('0');
        digit.to_ascii_uppercase()
    };
    [digit(number / BASE), digit(number)].iter().collect()
}

/// One frame, read.
struct Frame<'a> {
    /// Encoding, type and total, which are the same in all frames of a series.
    series: &'a str,
    encoding: u8,
    kind: u8,
    total: usize,
    number: usize,
    part: Vec<u8>,
}

/// The bytes that frames hold.
pub(super) fn join(lines: &[Line<'_>]) -> Result<Vec<u8>, Fault> {
    let mut first: Option<Frame<'_>> = None;
    let mut parts: BTreeMap<usize, (usize, Vec<u8>)> = BTreeMap::new();
    for Line { line, text } in lines {
        let mut frame = Frame::read(*line, text)?;
        let part = std::mem::take(&mut frame.part);
        let number = frame.number;
        let first = first.get_or_insert(frame);
        if Some(first.series) != text.get(MARK.len()..6) {
            return Err(mixed(format!(
                "the frame in line {line} belongs to another series than the first"
            )));
        }
        match parts.get(&number) {
            Some((other, known)) if *known != part => {
                return Err(mixed(format!(
                    "frame {} stands in line {other} and, with other contents, in line {line}",
                    number + 1
                )));
            }
            Some(_) => {}
            None => drop(parts.insert(number, (*line, part))),
        }
    }
    let Some(Frame {
        encoding,
        kind,
        total,
        ..
    }) = first
    else {
        return Ok(Vec::new());
    };
    if kind != b'P' {
        return Err(other_type(named(kind)));
    }
    let absent = (0..total).filter(|number| !parts.contains_key(number));
    let absent: Vec<usize> = absent.map(|number| number + 1).collect();
    if !absent.is_empty() {
        return Err(Fault::new(
            FaultCode::FramesMissing,
            Place::File,
            missing(&absent, total),
        ));
    }
    same_lengths(&parts)?;
    let parts = parts.into_values().flat_map(|(_, part)| part);
    let bytes: Vec<u8> = parts.collect();
    match encoding {
        b'Z' => inflate(&bytes),
        _ => Ok(bytes),
    }
}

impl<'a> Frame<'a> {
    fn read(line: usize, text: &'a str) -> Result<Self, Fault> {
        let damaged = |why: &str| damaged(line, why);
        let short = || damaged("its header is too short");
        let header = text.get(MARK.len()..HEADER).ok_or_else(short)?;
        let &[encoding, kind, t1, t0, n1, n0] = header.as_bytes() else {
            return Err(short());
        };
        let series = text.get(MARK.len()..6).ok_or_else(short)?;
        let number = |high: u8, low: u8| Some(digit(high)? * BASE + digit(low)?);
        let (Some(total), Some(number)) = (number(t1, t0), number(n1, n0)) else {
            return Err(damaged("the numbers in its header are none"));
        };
        if number >= total {
            return Err(damaged("its number is not below that of all frames"));
        }
        let by: &Encoding = match encoding {
            b'H' => &HEXUPPER,
            b'2' | b'Z' => &BASE32_NOPAD,
            _ => return Err(damaged("it is written in an unknown way")),
        };
        let part = text.get(HEADER..).unwrap_or_default();
        let part = by.decode(part.as_bytes());
        let part = part.map_err(|_| damaged("a character was lost or changed"))?;
        if part.is_empty() {
            return Err(damaged("it holds nothing"));
        }
        Ok(Self {
            series,
            encoding,
            kind,
            total,
            number,
            part,
        })
    }
}

/// A digit, of which letters are large.
fn digit(character: u8) -> Option<usize> {
    let value = char::from(character).to_digit(36)?;
    let is_large = !character.is_ascii_lowercase();
    is_large.then_some(value as usize)
}

/// All frames are of one length, but for the last one, which may be shorter.
fn same_lengths(parts: &BTreeMap<usize, (usize, Vec<u8>)>) -> Result<(), Fault> {
    let whole = parts.first_key_value();
    let whole = whole.map_or(0, |(_, (_, part))| part.len());
    let last = parts.len().saturating_sub(1);
    for (number, (line, part)) in parts {
        let fits = match *number == last {
            true => part.len() <= whole,
            false => part.len() == whole,
        };
        if !fits {
            return Err(damaged(
                *line,
                "it is of another length than the first of its series",
            ));
        }
    }
    Ok(())
}

/// What was compressed, up to the size of the largest file that is read.
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let broken = || {
        let message = "what the frames hold cannot be decompressed";
        Fault::new(FaultCode::FrameDamaged, Place::File, message)
    };
    let mut out = vec![0; MAX_FILE];
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut state = Box::<DecompressorOxide>::default();
    let (status, read, written) = decompress(&mut state, bytes, &mut out, 0, flags);
    match status {
        TINFLStatus::Done if read == bytes.len() => {
            out.truncate(written);
            Ok(out)
        }
        TINFLStatus::HasMoreOutput => {
            let message = format!("decompressed it has more than {MAX_FILE} bytes");
            Err(Fault::new(FaultCode::TooLarge, Place::File, message))
        }
        _ => Err(broken()),
    }
}

/// What a file is, by the letter for it.
const fn named(kind: u8) -> &'static str {
    match kind {
        b'T' => "a finished transaction",
        b'J' => "JSON",
        b'C' => "CBOR",
        b'U' => "a text",
        b'B' => "bytes of no stated kind",
        b'X' => "a program",
        _ => "something of an unknown kind",
    }
}
