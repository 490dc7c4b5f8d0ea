//! UR: a type, and bytes in syllables with a checksum; for larger files in parts, of which any that
//! are enough will do.
//!
//! The parts come from a fountain code: the first ones are the pieces of the file in their order, and
//! each further one is the sum of some pieces, so that a camera that missed one needs not wait for
//! just that one.

use std::collections::BTreeSet;

use minicbor::{Decoder, Encoder};
use ur::fountain::{Decoder as Fountain, Error, Part};
use ur::ur::{Kind, Type, decode, try_encode};

use super::{Line, MAX_FRAMES, Plan, damaged, missing, mixed, other_type};
use crate::ceremony::MAX_FILE;
use crate::ceremony::fault::{Fault, FaultCode, Place};
use crate::policy::quote;

/// How every frame begins.
pub(super) const MARK: &str = "ur:";

/// The type that is written, of BCR-2020-006, which signers with cameras read.
const TYPE: &str = "crypto-psbt";

/// The types that are read: that one, its successor, and bytes of any kind.
const TYPES: [&str; 3] = [TYPE, "psbt", "bytes"];

/// The most characters of `1943-1295/`.
const SEQUENCE: usize = 10;

/// What a part takes beside its piece of the file: five numbers and heads of CBOR.
const OVERHEAD: usize = 1 + 3 + 3 + 5 + 5 + 3;

/// The checksum of a frame.
const CHECKSUM: usize = 4;

/// The head of a byte string of up to 4 GiB.
const HEAD: usize = 5;

/// How so many bytes are divided into frames of at most so many characters; none if a frame has no
/// room for any.
pub(super) fn plan(bytes: usize, capacity: usize) -> Option<Plan> {
    if bytes == 0 || bytes > MAX_FILE {
        return None;
    }
    let message = bytes + head(bytes);
    let name = MARK.len() + TYPE.len() + 1;
    if name + 2 * (message + CHECKSUM) <= capacity {
        return Some(Plan {
            each: message,
            count: 1,
        });
    }
    let most = capacity.checked_sub(name + SEQUENCE)? / 2;
    let most = most.checked_sub(OVERHEAD + CHECKSUM)?;
    if most == 0 {
        return None;
    }
    let each = message.div_ceil(message.div_ceil(most));
    let count = message.div_ceil(each);
    Some(Plan { each, count })
}

/// How long the head of a byte string is.
const fn head(bytes: usize) -> usize {
    match bytes {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => HEAD,
    }
}

/// Bytes as frames of at most so many characters.
pub(super) fn split(bytes: &[u8], capacity: usize) -> Option<Vec<String>> {
    let mut message = Vec::with_capacity(bytes.len() + HEAD);
    Encoder::new(&mut message).bytes(bytes).ok()?;
    let plan = plan(bytes.len(), capacity)?;
    if plan.count == 1 {
        let whole = try_encode(&message, &Type::Custom(TYPE)).ok()?;
        return Some(vec![whole.to_ascii_uppercase()]);
    }
    let mut parts = ur::Encoder::new(&message, plan.each, TYPE).ok()?;
    let needed = parts.fragment_count();
    let frames = (0..needed + needed.div_ceil(2)).map(|_| {
        let frame = parts.next_part().ok()?;
        // Codes hold more large letters than small ones, and nobody tells them apart.
        Some(frame.to_ascii_uppercase())
    });
    frames.collect()
}

/// What stands in the head of a part.
struct Head {
    sequence: u32,
    count: u32,
    length: u32,
    checksum: u32,
    piece: usize,
}

/// One frame, read.
struct Frame {
    line: usize,
    head: Head,
    part: Part,
}

/// The bytes that frames hold.
pub(super) fn join(lines: &[Line<'_>]) -> Result<Vec<u8>, Fault> {
    let mut kind: Option<String> = None;
    let mut whole: Option<(usize, Vec<u8>)> = None;
    let mut frames = Vec::new();
    for Line { line, text } in lines {
        let (of, sequence) = named(text).ok_or_else(|| damaged(*line, "it names no type"))?;
        match &kind {
            Some(known) if *known != of => {
                return Err(mixed(format!(
                    "line {line} is of type {}, and the first of {}",
                    quote(&of),
                    quote(known)
                )));
            }
            _ => kind = Some(of),
        }
        let (form, bytes) = decode(text).map_err(|error| match error {
            ur::ur::Error::Bytewords(_) => damaged(
                *line,
                "a character was lost or changed; its checksum is another",
            ),
            _ => damaged(*line, "its parts are not as they should be"),
        })?;
        match (form, sequence) {
            (Kind::SinglePart, None) => match &whole {
                Some((other, known)) if *known != bytes => {
                    return Err(mixed(format!("lines {other} and {line} hold two files")));
                }
                _ => whole = Some((*line, bytes)),
            },
            (Kind::MultiPart, Some(sequence)) => frames.push(Frame::read(*line, sequence, &bytes)?),
            _ => return Err(damaged(*line, "its parts are not as they should be")),
        }
    }
    match &kind {
        Some(kind) if !TYPES.contains(&&**kind) => return Err(other_type(&quote(kind))),
        _ => {}
    }
    let message = match (whole, frames.is_empty()) {
        (Some((_, bytes)), true) => bytes,
        (Some((line, _)), false) => {
            return Err(mixed(format!(
                "line {line} is a whole file, and others are parts"
            )));
        }
        (None, _) => put_together(frames)?,
    };
    payload(&message)
}

/// The type of a frame, and which of how many it says it is.
fn named(text: &str) -> Option<(String, Option<(u32, u32)>)> {
    let mut pieces = text.get(MARK.len()..)?.split('/');
    let kind = pieces.next()?.to_ascii_lowercase();
    let (second, third) = (pieces.next()?, pieces.next());
    if third.is_none() {
        return Some((kind, None));
    }
    let (number, of) = second.split_once('-')?;
    Some((kind, Some((number.parse().ok()?, of.parse().ok()?))))
}

impl Frame {
    /// Reads a part, and looks at its numbers before anybody counts with them.
    fn read(line: usize, said: (u32, u32), bytes: &[u8]) -> Result<Self, Fault> {
        let none = || damaged(line, "it holds no part of a file");
        let head = Head::read(bytes).ok_or_else(none)?;
        let part: Part = minicbor::decode(bytes).map_err(|_| none())?;
        if said != (head.sequence, head.count) {
            return Err(damaged(line, "it says two numbers of itself"));
        }
        if head.sequence == 0 || head.count == 0 || head.length == 0 || head.piece == 0 {
            return Err(none());
        }
        let (count, length) = (head.count as usize, head.length as usize);
        if count > MAX_FRAMES || length > MAX_FILE + HEAD {
            let message = format!("its {count} parts hold {length} bytes");
            return Err(Fault::new(FaultCode::TooLarge, Place::File, message));
        }
        // The last piece is filled up, and no other is.
        if head.piece * count < length || head.piece * (count - 1) >= length {
            return Err(damaged(line, "its length does not fit its numbers"));
        }
        Ok(Self { line, head, part })
    }

    fn is_of(&self, first: &Self) -> bool {
        let of = |head: &Head| (head.count, head.length, head.checksum, head.piece);
        of(&self.head) == of(&first.head)
    }
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut cbor = Decoder::new(bytes);
        if cbor.array().ok()? != Some(5) {
            return None;
        }
        let head = Self {
            sequence: cbor.u32().ok()?,
            count: cbor.u32().ok()?,
            length: cbor.u32().ok()?,
            checksum: cbor.u32().ok()?,
            piece: cbor.bytes().ok()?.len(),
        };
        (cbor.position() == bytes.len()).then_some(head)
    }
}

/// The message that parts come to, if they are enough.
fn put_together(mut frames: Vec<Frame>) -> Result<Vec<u8>, Fault> {
    let Some(first) = frames.first() else {
        return Ok(Vec::new());
    };
    if let Some(other) = frames.iter().find(|frame| !frame.is_of(first)) {
        return Err(mixed(format!(
            "the frame in line {} belongs to another series than the one in line {}",
            other.line, first.line
        )));
    }
    let (count, line) = (first.head.count as usize, first.line);
    let mut read = BTreeSet::new();
    // Pieces first: what is a sum of them is then taken apart at once.
    frames.sort_by_key(|frame| frame.head.sequence);
    let same = |one: &Frame, other: &Frame| one.head.sequence == other.head.sequence;
    for (one, other) in frames.iter().zip(frames.iter().skip(1)) {
        if same(one, other) && one.part != other.part {
            return Err(mixed(format!(
                "frame {} stands in line {} and, with other contents, in line {}",
                one.head.sequence, one.line, other.line
            )));
        }
    }
    let mut fountain = Fountain::default();
    for frame in frames {
        read.insert(frame.head.sequence as usize);
        fountain
            .receive(frame.part)
            .map_err(|_| damaged(frame.line, "it does not fit the others"))?;
    }
    match fountain.message() {
        Ok(Some(message)) => Ok(message),
        Ok(None) => {
            let known = fountain.resolved_fragment_count().unwrap_or(0);
            let absent = (1..=count).filter(|number| !read.contains(number));
            let absent: Vec<usize> = absent.collect();
            let mut message = missing(&absent, count);
            let lacking = count - known;
            if lacking < absent.len() {
                message += &format!("; others make up for all but {lacking} of them");
            }
            message += "; further ones will do as well";
            Err(Fault::new(FaultCode::FramesMissing, Place::File, message))
        }
        Err(Error::InvalidChecksum | Error::InvalidPadding) => Err(Fault::new(
            FaultCode::FramesChecksum,
            Place::File,
            "put together, the frames have another checksum than they say",
        )),
        Err(_) => Err(damaged(line, "it does not fit the others")),
    }
}

/// The bytes in a message, which is one CBOR byte string.
fn payload(message: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut cbor = Decoder::new(message);
    let bytes = cbor.bytes().map(<[u8]>::to_vec);
    match bytes {
        Ok(bytes) if cbor.position() == message.len() => Ok(bytes),
        _ => Err(other_type("something else than one string of bytes")),
    }
}
