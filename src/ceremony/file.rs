//! From the bytes of a file to a PSBT: in any of its forms, within limits, and nothing twice.
//!
//! The fields are walked once by hand before the library reads them.  The library keeps the first
//! of two unknown fields, takes no notice of what follows the last map, and says of a file of
//! version 2 only that a transaction is missing.

use std::collections::HashSet;
use std::str::FromStr;

use bitcoin::Psbt;
use bitcoin::hex::FromHex;

use super::fault::{Fault, FaultCode, Place};
use super::frames;
use crate::policy::quote;

/// Most bytes of a PSBT.
pub const MAX_FILE: usize = 4 << 20;

/// Most inputs, and most outputs.
const MAX_MAPS: usize = 1_000;

/// Most fields of all maps.
const MAX_FIELDS: usize = 20_000;

/// Most bytes of one field.
const MAX_FIELD: usize = 1 << 20;

/// How every PSBT begins.
const MAGIC: &[u8] = b"psbt\xff";

/// The fields of BIP-174 and BIP-371 that are read.
const GLOBAL: &[u8] = &[0x00, 0x01, MESSAGE, VERSION, PROPRIETARY];
const INPUT: &[u8] = &[
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
];
const OUTPUT: &[u8] = &[0x00, 0x01, 0x02, 0x05, 0x06, 0x07];

/// The message of a file that is a challenge (BIP-322).
const MESSAGE: u8 = 0x09;

/// The version of the format.
const VERSION: u8 = 0xfb;

/// Fields of other programs.
const PROPRIETARY: u8 = 0xfc;

/// A PSBT that was read.
#[derive(Clone, Debug)]
pub struct PsbtFile {
    /// The PSBT.
    pub psbt: Psbt,
    /// What is remarkable about its fields.
    pub remarks: Vec<Fault>,
}

/// The bytes of a PSBT in a file of any form: bytes, base64, hexadecimal, or what QR codes say.
///
/// # Errors
///
/// If the file is too large, or is none of this, or lacks a frame.
pub fn bytes_of(file: &[u8]) -> Result<Vec<u8>, Fault> {
    if file.len() > 2 * MAX_FILE {
        return Err(too_large(format!("it has {} bytes", file.len())));
    }
    if file.starts_with(MAGIC) {
        return Ok(file.to_vec());
    }
    let none = || Fault::new(FaultCode::NotAPsbt, Place::File, "this is no PSBT");
    let text = str::from_utf8(file).map_err(|_| none())?;
    if let Some(joined) = frames::join(text) {
        let bytes = joined?;
        return match bytes.starts_with(MAGIC) {
            true => Ok(bytes),
            false => {
                let message = "what the frames hold is no PSBT";
                Err(Fault::new(FaultCode::NotAPsbt, Place::File, message))
            }
        };
    }
    // Mail and terminals break long lines.
    let text: String = text.split_whitespace().collect();
    let bytes = match Vec::from_hex(&text) {
        Ok(bytes) => bytes,
        Err(_) => base64(&text).ok_or_else(none)?,
    };
    if bytes.starts_with(MAGIC) {
        Ok(bytes)
    } else {
        Err(none())
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    use bitcoin::base64::Engine as _;
    use bitcoin::base64::engine::general_purpose::STANDARD;
    STANDARD.decode(text).ok()
}

impl PsbtFile {
    /// Reads a file of any form.
    ///
    /// # Errors
    ///
    /// If it is none that can be judged any further.
    pub fn read(file: &[u8]) -> Result<Self, Fault> {
        let bytes = bytes_of(file)?;
        if bytes.len() > MAX_FILE {
            return Err(too_large(format!("it has {} bytes", bytes.len())));
        }
        let maps = walk(&bytes)?;
        let psbt = Psbt::deserialize(&bytes).map_err(|error| {
            let said = error.to_string();
            malformed(format!("it cannot be read: {}", quote(&said)))
        })?;
        let expected = 1 + psbt.inputs.len() + psbt.outputs.len();
        if maps.len() != expected {
            return Err(malformed(format!(
                "it has {} maps, and its transaction has {expected}",
                maps.len()
            )));
        }
        let mut remarks = Vec::new();
        for (number, types) in maps.iter().enumerate() {
            let (place, known) = match number.checked_sub(1) {
                None => (Place::File, GLOBAL),
                Some(input) if input < psbt.inputs.len() => (Place::Input(input), INPUT),
                Some(other) => (Place::Output(other - psbt.inputs.len()), OUTPUT),
            };
            if number == 0 && types.contains(&MESSAGE) {
                remarks.push(Fault::new(
                    FaultCode::KeyChallenge,
                    Place::File,
                    "it carries a message to be signed, and moves no coins",
                ));
            }
            let mut unknown: Vec<u8> = types.clone();
            unknown.retain(|kind| !known.contains(kind));
            if number == 0 && super::stamp::has_foreign(&psbt) {
                unknown.push(PROPRIETARY);
            }
            unknown.dedup();
            remarks.extend(unknown.into_iter().map(|kind| {
                let message = format!("the field 0x{kind:02x} is passed over");
                Fault::new(FaultCode::UnknownField, place, message)
            }));
        }
        Ok(Self { psbt, remarks })
    }
}

impl FromStr for PsbtFile {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::read(text.as_bytes())
    }
}

/// The types of the fields of every map.
fn walk(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut rest = bytes.get(MAGIC.len()..).unwrap_or_default();
    let mut maps = Vec::new();
    let mut fields = 0;
    while !rest.is_empty() {
        if maps.len() > 1 + 2 * MAX_MAPS {
            return Err(too_large("it has too many inputs or outputs"));
        }
        let mut types = Vec::new();
        let mut keys = HashSet::new();
        loop {
            let key = take(&mut rest)?;
            let Some(kind) = key.first() else {
                break;
            };
            fields += 1;
            if fields > MAX_FIELDS {
                return Err(too_large("it has too many fields"));
            }
            if !keys.insert(key) {
                return Err(Fault::new(
                    FaultCode::DuplicateField,
                    Place::File,
                    format!("the field 0x{kind:02x} of map {} stands twice", maps.len()),
                ));
            }
            let value = take(&mut rest)?;
            if maps.is_empty() && *kind == VERSION && key.len() == 1 && value != [0; 4] {
                return Err(Fault::new(
                    FaultCode::PsbtVersion,
                    Place::File,
                    match value.first() {
                        Some(2) => "it is a PSBT of version 2 (BIP-370); version 0 is taken",
                        _ => "it is a PSBT of an unknown version; version 0 is taken",
                    },
                ));
            }
            types.push(*kind);
        }
        types.sort_unstable();
        maps.push(types);
    }
    Ok(maps)
}

/// What stands behind a length.
fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let ends = || malformed("it ends too early");
    let (first, after) = rest.split_first().ok_or_else(ends)?;
    let width = match first {
        0xfd => 2,
        0xfe => 4,
        0xff => 8,
        _ => 0,
    };
    let (digits, after) = after.split_at_checked(width).ok_or_else(ends)?;
    let length = match width {
        0 => u64::from(*first),
        _ => digits
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    };
    let length = usize::try_from(length).map_err(|_| ends())?;
    if length > MAX_FIELD {
        return Err(too_large(format!("a field has {length} bytes")));
    }
    let (taken, after) = after.split_at_checked(length).ok_or_else(ends)?;
    *rest = after;
    Ok(taken)
}

fn malformed(message: impl Into<String>) -> Fault {
    Fault::new(FaultCode::Malformed, Place::File, message)
}

fn too_large(message: impl Into<String>) -> Fault {
    Fault::new(FaultCode::TooLarge, Place::File, message)
}
