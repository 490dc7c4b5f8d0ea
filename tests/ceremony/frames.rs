//! Frames: out and in again in any order, as others write them, and everything that can be wrong.

use bitcoin::hex::FromHex;
use longstop::ceremony::{
    CodeVersion, FaultCode, FrameFormat, Frames, FramesError, MAX_FILE, MAX_FRAMES, PsbtFile, join,
};
use minicbor::Encoder;
use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use ur::bytewords::{self, Style};

use super::table::{Base, Desk};
use crate::vault::SCRIPTS;

const FORMATS: [FrameFormat; 2] = [FrameFormat::Bbqr, FrameFormat::Ur];

fn version(number: u8) -> CodeVersion {
    CodeVersion::new(number).expect("there is one")
}

fn vector(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/vectors/frames/{name}")).expect("a vector")
}

fn text(name: &str) -> String {
    String::from_utf8(vector(name)).expect("a text")
}

fn joined(lines: &[impl AsRef<str>]) -> Vec<u8> {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    join(&lines.join("\n"))
        .expect("frames")
        .expect("all of them")
}

/// What is said of frames that are not all right, by its code.
#[track_caller]
fn wrong(lines: &[impl AsRef<str>], code: FaultCode, says: &str) {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    let fault = PsbtFile::read(lines.join("\n").as_bytes()).expect_err("it is not read");
    let first = lines.first();
    assert_eq!(fault.code, code, "{first:?}: {fault}");
    assert!(fault.message.contains(says), "{first:?}: {fault}");
}

/// A frame of UR around the CBOR of a part, with the checksum of a frame.
fn part(kind: &str, numbers: [u32; 4], piece: &[u8]) -> String {
    let [sequence, count, length, checksum] = numbers;
    let mut cbor = Vec::new();
    let mut encoder = Encoder::new(&mut cbor);
    let whole = encoder.array(5).and_then(|encoder| {
        let numbers = encoder.u32(sequence)?.u32(count)?.u32(length)?;
        numbers.u32(checksum)?.bytes(piece)
    });
    whole.expect("a vector takes everything");
    let words = bytewords::encode(&cbor, Style::Minimal);
    format!("ur:{kind}/{sequence}-{count}/{words}")
}

fn bbqr_z(bytes: &[u8]) -> String {
    let packed = compress_to_vec(bytes, 9);
    format!("B$ZP0100{}", data_encoding::BASE32_NOPAD.encode(&packed))
}

#[test]
fn every_file_goes_through_codes() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        for base in [Base::Trigger, Base::Cancel, Base::Spend] {
            let psbt = desk.file(base);
            let bytes = psbt.serialize();
            for format in FORMATS {
                for number in [5, 16, 27, 40] {
                    let frames = Frames::new(&bytes, format, version(number)).expect("it fits");
                    assert!(frames.version() <= version(number));
                    let mut lines = frames.texts().to_vec();
                    lines.reverse();
                    let text = format!("\r\n{}\r\n\r\n", lines.join("\r\n"));
                    let read = PsbtFile::read(text.as_bytes()).expect("it is one");
                    assert_eq!(read.psbt, psbt);
                    assert!(read.remarks.is_empty());
                }
            }
        }
    }
}

/// As few codes as their version allows, and of those as small ones as that many take.
#[test]
fn codes_are_no_larger_than_they_have_to_be() {
    for format in FORMATS {
        let frames = Frames::new(&[7; 40], format, version(40)).expect("it fits");
        assert_eq!(frames.texts().len(), 1);
        let text = &frames.texts()[0];
        let smaller = (1..40).map(version).find(|v| v.capacity() >= text.len());
        assert_eq!(Some(frames.version()), smaller);
        for length in [1, 500, 5_000] {
            let bytes = vec![7; length];
            for number in [4, 10, 25] {
                let frames = Frames::new(&bytes, format, version(number)).expect("it fits");
                let longest = frames.texts().iter().map(String::len).max();
                assert!(longest.is_some_and(|most| most <= frames.version().capacity()));
                if let Some(smaller) = longest.and_then(|_| before(frames.version())) {
                    let other = Frames::new(&bytes, format, smaller);
                    assert!(
                        other.is_err()
                            || other.expect("frames").texts().len() > frames.texts().len()
                    );
                }
            }
        }
    }
}

fn before(version: CodeVersion) -> Option<CodeVersion> {
    let mut all = (1..=40).filter_map(CodeVersion::new);
    let at = all.position(|other| other == version)?;
    CodeVersion::new(u8::try_from(at).ok()?)
}

/// A series has at most 1,295 frames: one byte more is too many.
#[test]
fn a_series_has_an_end() {
    // A code of version 5 has 154 characters, of which 144 are 90 bytes in Base32.
    let most = MAX_FRAMES * 90;
    let frames = Frames::new(&vec![1; most], FrameFormat::Bbqr, version(5)).expect("it fits");
    assert_eq!(frames.texts().len(), MAX_FRAMES);
    assert_eq!(joined(frames.texts()), vec![1; most]);
    for format in FORMATS {
        let error = Frames::new(&vec![1; most + 1], format, version(5)).expect_err("too many");
        let version = version(5);
        assert_eq!(error, FramesError::TooSmall { format, version });
    }
    // A code of version 1 has no room for any part of UR.
    assert!(Frames::new(&[1; 100], FrameFormat::Ur, version(1)).is_err());
    assert!(Frames::new(&[], FrameFormat::Bbqr, version(40)).is_err());
}

/// What others have published, and what others have written.
#[test]
fn frames_of_others_are_read() {
    let psbt = vector("1in10out.psbt");
    for encoding in ["H", "2", "Z"] {
        let frames = text(&format!("1in10out-{encoding}.txt"));
        assert_eq!(
            joined(&frames.lines().collect::<Vec<_>>()),
            psbt,
            "{encoding}"
        );
        let read = PsbtFile::read(frames.as_bytes()).expect("it is one");
        assert_eq!(read.psbt.serialize(), psbt);
    }
    // What we write is what their program writes in Base32, from the same places on.
    let ours = Frames::new(&psbt, FrameFormat::Bbqr, version(9)).expect("it fits");
    let theirs = text("1in10out-2.txt");
    let theirs: Vec<&str> = theirs.lines().collect();
    assert_eq!(ours.texts().len(), theirs.len());
    assert_eq!(ours.texts()[0][..8], theirs[0][..8]);

    let scan = text("real-scan.txt");
    let lines: Vec<&str> = scan.lines().collect();
    wrong(&lines, FaultCode::FramesType, "a text");
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.replacen("B$ZU", "B$ZP", 1))
        .collect();
    let read = String::from_utf8(joined(&lines)).expect("a text");
    assert!(read.starts_with("# The BBQr Protocol"), "{}", &read[..40]);

    let hex = Vec::from_hex(text("psbt.hex").trim()).expect("hexadecimal");
    let one = text("psbt.ur");
    assert_eq!(joined(&[&one]), hex);
    assert_eq!(joined(&[one.to_ascii_uppercase()]), hex);
    let ours = Frames::new(&hex, FrameFormat::Ur, version(40)).expect("it fits");
    let under_its_older_name = one.trim().replacen("psbt", "crypto-psbt", 1);
    assert_eq!(ours.texts(), [under_its_older_name.to_ascii_uppercase()]);

    // Twenty parts of nine pieces: any that are enough make up for those that are missing.
    let wolf = text("wolf.ur");
    let parts: Vec<&str> = wolf.lines().collect();
    let message = joined(&parts);
    assert_eq!(message.len(), 256);
    assert_eq!(joined(&parts[..9]), message);
    // The tenth is the first piece once more.
    assert_eq!(joined(&parts[1..]), message);
    let fault = join(&parts[..8].join("\n"))
        .expect("frames")
        .expect_err("one is missing");
    assert_eq!(fault.code, FaultCode::FramesMissing);
    assert_eq!(
        fault.message,
        "frame 9 of 9 is missing; further ones will do as well"
    );
}

#[test]
fn what_is_wrong_with_frames_is_told() {
    let bytes = Desk::new("tr").file(Base::Spend).serialize();
    let other = Desk::new("tr").file(Base::Cancel).serialize();
    let bbqr = Frames::new(&bytes, FrameFormat::Bbqr, version(6)).expect("it fits");
    let bbqr = bbqr.texts();
    let ur = Frames::new(&bytes, FrameFormat::Ur, version(10)).expect("it fits");
    let ur = ur.texts();
    let needed = ur.iter().filter(|text| !text.is_empty()).count() * 2 / 3;

    // Missing.
    assert!(bbqr.len() > 4 && needed > 4, "{} {needed}", bbqr.len());
    let lacking = [&bbqr[..1], &bbqr[2..]].concat();
    let said = format!("frame 2 of {} is missing", bbqr.len());
    wrong(&lacking, FaultCode::FramesMissing, &said);
    wrong(&bbqr[2..], FaultCode::FramesMissing, "frames 1, 2 of ");
    wrong(
        &ur[..needed - 1],
        FaultCode::FramesMissing,
        " is missing; further ones",
    );

    // Of different files, formats or kinds.
    let of_other = Frames::new(&other, FrameFormat::Bbqr, version(6)).expect("it fits");
    let mixed = [&bbqr[..3], of_other.texts()].concat();
    wrong(&mixed, FaultCode::FramesMixed, "");
    wrong(
        &[&bbqr[0], &ur[0]],
        FaultCode::FramesMixed,
        "line 2 is a UR frame",
    );
    let of_other = Frames::new(&other, FrameFormat::Ur, version(10)).expect("it fits");
    let mixed = [&ur[..3], of_other.texts()].concat();
    wrong(&mixed, FaultCode::FramesMixed, "another series");
    let wolf = text("wolf.ur");
    let first = wolf.lines().next().expect("a line").to_owned();
    wrong(
        &[ur[0].clone(), first.clone()],
        FaultCode::FramesMixed,
        "of type `bytes`",
    );
    wrong(
        &[first, text("psbt.ur").replacen("psbt", "bytes", 1)],
        FaultCode::FramesMixed,
        "",
    );
    let mut twice = bbqr.to_vec();
    twice.push(format!("{}AAAAAAAA", &bbqr[0][..bbqr[0].len() - 8]));
    wrong(
        &twice,
        FaultCode::FramesMixed,
        "frame 1 stands in line 1 and",
    );

    let one = part("bytes", [1, 2, 10, 77], &[1; 5]);
    let other = part("bytes", [1, 2, 10, 77], &[2; 5]);
    wrong(
        &[one, other],
        FaultCode::FramesMixed,
        "with other contents, in line 2",
    );

    // Of another type.
    let seed = "ur:crypto-seed/oyadgdaawzwplrbdhdpabgrnvokorolnrtemksayyadmut";
    wrong(&[seed], FaultCode::FramesType, "`crypto-seed`");
    wrong(
        &["B$HT0100AA"],
        FaultCode::FramesType,
        "a finished transaction",
    );
    wrong(&["B$HQ0100AA"], FaultCode::FramesType, "an unknown kind");
    wrong(
        &["ur:bytes/aeadaolazmjendeoti"],
        FaultCode::FramesType,
        "one string of bytes",
    );
    wrong(&["B$HP0100AA"], FaultCode::NotAPsbt, "what the frames hold");
    let none = wolf.lines().collect::<Vec<_>>();
    wrong(&none, FaultCode::NotAPsbt, "what the frames hold");

    // Damaged.
    for (frame, says) in [
        ("B$", "its header is too short"),
        ("B$HP010", "its header is too short"),
        ("B$HP0100", "it holds nothing"),
        ("B$HP0100A", "a character was lost"),
        ("B$HP0100aa", "a character was lost"),
        ("b$HP0100AA", "a character was lost"),
        ("B$2P0100AB", "a character was lost"),
        ("B$2P0100A=", "a character was lost"),
        ("B$9P0100AA", "an unknown way"),
        ("B$HP0101AA", "not below that of all"),
        ("B$HP0000AA", "not below that of all"),
        ("B$HP0z00AA", "the numbers in its header"),
        ("B$HP0é0AA", "its header is too short"),
        ("B$ZP0100AAAA", "cannot be decompressed"),
        ("ur:", "it names no type"),
        ("ur:crypto-psbt", "it names no type"),
        ("ur:crypto-psbt/", "a character was lost"),
        ("ur:crypto-psbt/aeadaolazmjendeotx", "a character was lost"),
        ("ur:crypto-psbt/1/aeadaolazmjendeoti", "it names no type"),
        ("ur:crypto-psbt/1-2/aeadaolazmjendeoti", "no part of a file"),
        (
            "ur:crypto-psbt/1-2/3-4/aeadaolazmjendeoti",
            "not as they should be",
        ),
        (
            "ur:crypto-psbt/99999999999-2/aeadaolazmjendeoti",
            "it names no type",
        ),
    ] {
        if frame.starts_with('b') {
            // Letters are large in BBQr.
            wrong(&[frame], FaultCode::NotAPsbt, "");
            continue;
        }
        wrong(&[frame], FaultCode::FrameDamaged, says);
    }
    let uneven = ["B$HP0300AABB", "B$HP0301AA", "B$HP0302AA"];
    wrong(&uneven, FaultCode::FrameDamaged, "another length");
    let uneven = ["B$HP0300AA", "B$HP0301AA", "B$HP0302AABB"];
    wrong(
        &uneven,
        FaultCode::FrameDamaged,
        "line 3: it is of another length",
    );
    wrong(
        &[bbqr[0].as_str(), "hello"],
        FaultCode::FrameDamaged,
        "line 2: it begins as no frame does",
    );
    let kind = "crypto-psbt";
    for (numbers, piece, says) in [
        ([0, 2, 10, 1], 5, "not as they should be"),
        ([1, 0, 10, 1], 5, "not as they should be"),
        ([1, 2, 0, 1], 5, "no part of a file"),
        ([1, 2, 10, 1], 0, "no part of a file"),
        ([1, 2, 11, 1], 5, "does not fit its numbers"),
        ([1, 2, 5, 1], 5, "does not fit its numbers"),
    ] {
        let frame = part(kind, numbers, &vec![0; piece]);
        wrong(&[frame], FaultCode::FrameDamaged, says);
    }
    let frame = part(kind, [1, 2, 10, 1], &[0; 5]);
    let renumbered = frame.replacen("1-2", "2-2", 1);
    wrong(
        &[renumbered],
        FaultCode::FrameDamaged,
        "two numbers of itself",
    );

    // The whole has another checksum than all of its parts say.
    let halves = [
        part(kind, [1, 2, 10, 77], &[1; 5]),
        part(kind, [2, 2, 10, 77], &[2; 5]),
    ];
    wrong(&halves, FaultCode::FramesChecksum, "another checksum");
}

/// What is small and becomes large is not read further than a file may be long.
#[test]
fn what_is_too_large_is_not_unpacked() {
    let mut file = b"psbt\xff".to_vec();
    file.resize(MAX_FILE, 0);
    assert_eq!(joined(&[bbqr_z(&file)]).len(), MAX_FILE);
    file.push(0);
    wrong(
        &[bbqr_z(&file)],
        FaultCode::TooLarge,
        "more than 4194304 bytes",
    );
    file.resize(8 * MAX_FILE, 0);
    wrong(
        &[bbqr_z(&file)],
        FaultCode::TooLarge,
        "more than 4194304 bytes",
    );
    // What follows the end of what is compressed is no part of it.
    let more = format!("{}AAAAAAAA", bbqr_z(b"psbt\xff and then some more!"));
    let short = join(&more).expect("frames").expect_err("it goes on");
    assert_eq!(short.code, FaultCode::FrameDamaged);

    for numbers in [
        [1, u32::MAX, u32::MAX, 0],
        [1, 1_296, 1_296, 0],
        [1, 1, MAX_FILE as u32 + 6, 0],
    ] {
        let frame = part("bytes", numbers, &[1]);
        wrong(&[frame], FaultCode::TooLarge, "parts hold");
    }
    let many = vec!["B$HP0200AA"; 4_001];
    wrong(&many, FaultCode::TooLarge, "more than 4000 frames");
    wrong(&many[..4_000], FaultCode::FramesMissing, "frame 2 of 2");
}

/// A code is drawn as it will be seen, and read by somebody else's reader.
#[test]
fn codes_are_read_by_another_reader() {
    const SCALE: usize = 3;
    let bytes = Desk::new("wsh").file(Base::Cancel).serialize();
    for format in FORMATS {
        for number in [4, 16, 27] {
            let frames = Frames::new(&bytes, format, version(number)).expect("it fits");
            let codes = frames.codes().zip(frames.texts());
            for (code, text) in codes.take(3) {
                let side = (code.modules() + 8) * SCALE;
                let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
                    let of = |at: usize| (at / SCALE).checked_sub(4);
                    let is_dark = of(x).zip(of(y)).is_some_and(|(x, y)| code.is_dark(x, y));
                    if is_dark { 0 } else { 255 }
                });
                let found = image.detect_grids();
                assert_eq!(found.len(), 1, "{format} in version {number}");
                let (meta, read) = found[0].decode().expect("it is read");
                assert_eq!(&read, text);
                assert_eq!(4 * meta.version.0 + 17, code.modules());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever goes out comes in again: in any order, with any frame more than once.
    #[test]
    fn frames_in_any_order_are_the_file(
        bytes in prop::collection::vec(any::<u8>(), 1..6_000),
        number in 4_u8..=40,
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        seed in any::<u64>(),
    ) {
        for format in FORMATS {
            let frames = Frames::new(&bytes, format, version(number)).expect("it fits");
            let mut lines = frames.texts().to_vec();
            lines.extend(again.iter().map(|index| index.get(frames.texts()).clone()));
            shuffle(&mut lines, seed);
            prop_assert_eq!(&joined(&lines), &bytes);
        }
    }

    /// Of UR any frames that are enough will do; where they are not, it is said.
    #[test]
    fn frames_that_are_lost_are_made_up_for_or_named(
        bytes in prop::collection::vec(any::<u8>(), 900..1_500),
        kept in subsequence((0..200).collect::<Vec<usize>>(), 100..200),
    ) {
        let frames = Frames::new(&bytes, FrameFormat::Ur, version(5)).expect("it fits");
        let texts = frames.texts();
        let lines: Vec<&String> = kept.iter().filter_map(|at| texts.get(*at)).collect();
        prop_assume!(!lines.is_empty());
        match join(&lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n")) {
            Some(Ok(read)) => prop_assert_eq!(read, bytes),
            Some(Err(fault)) => prop_assert_eq!(fault.code, FaultCode::FramesMissing),
            None => prop_assert!(false, "these are frames"),
        }
    }

    /// One changed character is noticed, or makes the same bytes.
    #[test]
    fn a_changed_character_is_noticed(
        bytes in prop::collection::vec(any::<u8>(), 100..800),
        line in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        to in "[A-Z0-9$/:-]",
    ) {
        let frames = Frames::new(&bytes, FrameFormat::Ur, version(8)).expect("it fits");
        let mut texts = frames.texts().to_vec();
        let line = line.index(texts.len());
        let at = at.index(texts[line].len());
        texts[line].replace_range(at..=at, &to);
        if let Some(Ok(read)) = join(&texts.join("\n")) {
            prop_assert_eq!(read, bytes);
        }
    }

    /// No text is a panic.
    #[test]
    fn any_text_is_told(mark in "(B\\$|ur:|UR:bytes/|B\\$2P0200|ur:crypto-psbt/1-3/)", rest in "(?s).{0,80}") {
        let _ = join(&format!("{mark}{rest}"));
    }
}

fn shuffle(lines: &mut [String], mut seed: u64) {
    for last in (1..lines.len()).rev() {
        // The constants are those of Knuth's MMIX.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        lines.swap(last, (seed >> 33) as usize % (last + 1));
    }
}
