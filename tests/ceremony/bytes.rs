//! Files in every form, and files that are none.

use bitcoin::Psbt;
use longstop::ceremony::{MAX_FILE, PsbtFile};

use super::table::{Base, Desk, words_of};
use crate::vault::SCRIPTS;

#[test]
fn a_file_is_read_in_every_form() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let psbt = desk.file(Base::Spend);
        let bytes = psbt.serialize();
        let broken: String = psbt
            .to_string()
            .as_bytes()
            .chunks(64)
            .map(|line| format!("{}\r\n", String::from_utf8_lossy(line)))
            .collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        for form in [
            bytes.clone(),
            psbt.to_string().into_bytes(),
            broken.into_bytes(),
            hex.into_bytes(),
        ] {
            let read = PsbtFile::read(&form).expect("it is one");
            assert_eq!(read.psbt, psbt);
            assert!(read.remarks.is_empty());
        }
    }
}

#[test]
fn what_is_none_is_told() {
    let code = |file: &[u8]| PsbtFile::read(file).expect_err("it is none").code.word();
    for none in [
        &b""[..],
        b"\n",
        b"hello",
        b"cHNid",
        b"\xff\xfe",
        b"70736274",
        b"{}",
        b"cHNidP0=",
    ] {
        assert_eq!(code(none), "not-a-psbt", "{none:?}");
    }
    assert_eq!(code(b"psbt\xff"), "malformed");
    assert_eq!(code(b"psbt\xff\x00"), "malformed");
    assert_eq!(code(&vec![b'A'; 2 * MAX_FILE + 1]), "too-large");
}

/// A file that ends anywhere but at its end is none, and neither is one that goes on.
#[test]
fn a_file_ends_where_it_should() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let bytes = desk.file(Base::Cancel).serialize();
        assert_eq!(desk.words(&bytes), [""; 0]);
        for end in 5..bytes.len() {
            assert_eq!(desk.words(&bytes[..end]), ["malformed"], "{end}");
        }
        for end in 0..5 {
            assert_eq!(desk.words(&bytes[..end]), ["not-a-psbt"], "{end}");
        }
        for more in [&[0][..], &[1, 2, 0, 0], &[0xfd]] {
            let longer = [&bytes[..], more].concat();
            assert_eq!(desk.words(&longer), ["malformed"], "{more:?}");
        }
    }
}

/// A field of a map: key and value with their lengths.
fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![1, kind];
    if value.len() < 0xfd {
        field.push(value.len() as u8);
    } else {
        field.push(0xfe);
        field.extend((value.len() as u32).to_le_bytes());
    }
    field.extend(value);
    field
}

/// A file with fields put in front of the first map.
fn with_fields(psbt: &Psbt, fields: &[Vec<u8>]) -> Vec<u8> {
    let bytes = psbt.serialize();
    [&bytes[..5], &fields.concat(), &bytes[5..]].concat()
}

#[test]
fn fields_stand_once_and_within_limits() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let psbt = desk.file(Base::Cancel);
        let mut reader = desk.reader();
        let mut said = |fields: &[Vec<u8>]| words_of(&mut reader, &with_fields(&psbt, fields));
        assert_eq!(said(&[]), [""; 0]);
        assert_eq!(said(&[field(0xee, b"1")]), ["unknown-field"]);
        // The very same field twice, and one with another value.
        assert_eq!(
            said(&[field(0xee, b"1"), field(0xee, b"1")]),
            ["duplicate-field"]
        );
        assert_eq!(
            said(&[field(0xee, b"1"), field(0xee, b"2")]),
            ["duplicate-field"]
        );
        let transaction = bitcoin::consensus::serialize(&psbt.unsigned_tx);
        assert_eq!(said(&[field(0x00, &transaction)]), ["duplicate-field"]);
        assert_eq!(said(&[field(0xfb, &[0; 4])]), [""; 0]);
        assert_eq!(said(&[field(0xfb, &[2, 0, 0, 0])]), ["psbt-version"]);
        assert_eq!(said(&[field(0xfb, &[1, 0, 0, 0])]), ["psbt-version"]);
        assert_eq!(said(&[field(0xfb, &[0])]), ["psbt-version"]);
        assert_eq!(said(&[field(0xee, &vec![0; 1 << 20])]), ["unknown-field"]);
        assert_eq!(said(&[field(0xee, &vec![0; (1 << 20) + 1])]), ["too-large"]);
        let many: Vec<Vec<u8>> = (0..20_001_u32)
            .map(|number| {
                let key = [&[0xee][..], &number.to_le_bytes()].concat();
                [&[5][..], &key, &[0]].concat()
            })
            .collect();
        assert_eq!(said(&many), ["too-large"]);
        assert_eq!(said(&many[..19_000]), ["unknown-field"]);
    }
    // Maps without end.
    let endless = [&b"psbt\xff"[..], &[0; 3_000]].concat();
    assert_eq!(
        PsbtFile::read(&endless).expect_err("too many").code.word(),
        "too-large"
    );
}

/// A file of version 2 from the vectors of BIP-370.
#[test]
fn version_2_is_named() {
    let text = include_str!("../vectors/bips/bip-0370-test-vectors.txt");
    let version_2 = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)))
        .filter(|word| word.starts_with("cHNidP"));
    let mut named = 0;
    for word in version_2 {
        if let Err(fault) = PsbtFile::read(word.as_bytes()) {
            named += usize::from(fault.code.word() == "psbt-version");
        }
    }
    assert!(named >= 20, "{named}");
}
