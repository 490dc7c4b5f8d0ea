//! Archives that somebody made to do harm, or with another program.

use std::io::{Cursor, Write};

use longstop::evidence::{ArchiveError, FilesError, MAX_FILES, of_zip, to_zip};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::sample::SAMPLE;

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(0o644)
}

/// An archive as another program could write it.
fn archive(write: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    write(&mut writer);
    writer.finish().expect("it is written").into_inner()
}

fn holding(name: &str) -> Vec<u8> {
    archive(|writer| {
        writer.start_file(name, options()).expect("a file");
        writer.write_all(b"text").expect("a file");
    })
}

#[test]
fn an_archive_comes_back_as_it_was() {
    let bytes = to_zip(&SAMPLE.files);
    assert_eq!(of_zip(&bytes).as_ref(), Ok(&SAMPLE.files));
    assert!(of_zip(&holding("name.txt")).is_ok());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "../../etc/cron",
        "/etc/passwd",
        "a/../../b",
        "C:\\windows",
        "..\\up",
        "a/b/c",
        ".profile",
        "line\nbreak",
        "",
    ] {
        let refused = of_zip(&holding(name));
        assert!(
            matches!(
                refused,
                Err(ArchiveError::Files(FilesError::BadName(_)) | ArchiveError::OtherForm(_))
            ),
            "{name:?}: {refused:?}"
        );
    }
}

#[test]
fn links_and_folders_are_refused() {
    let link = archive(|writer| {
        let link = writer.add_symlink("README.txt", "/etc/passwd", options());
        link.expect("a link");
    });
    assert!(matches!(of_zip(&link), Err(ArchiveError::OtherForm(_))));
    let folder = archive(|writer| {
        writer.add_directory("proofs", options()).expect("a folder");
    });
    assert!(of_zip(&folder).is_err());
}

/// The bytes of an archive with a part replaced wherever it stands.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn names_that_stand_twice_are_refused() {
    let two = archive(|writer| {
        for (name, text) in [("aaaa.txt", b"one"), ("aaab.txt", b"two")] {
            writer.start_file(name, options()).expect("a file");
            writer.write_all(text).expect("a file");
        }
    });
    assert!(of_zip(&two).is_ok());
    let twice = replaced(&two, b"aaab", b"aaaa");
    assert!(of_zip(&twice).is_err());
    let folded = replaced(&two, b"aaab", b"AAAA");
    assert!(of_zip(&folded).is_err());
}

#[test]
fn nothing_hides_around_the_files() {
    let good = holding("name.txt");
    let other_order = archive(|writer| {
        for name in ["b.txt", "a.txt"] {
            writer.start_file(name, options()).expect("a file");
        }
    });
    let dated = archive(|writer| {
        let date = DateTime::from_date_and_time(2020, 1, 1, 0, 0, 0).expect("a date");
        let options = options().last_modified_time(date);
        writer.start_file("name.txt", options).expect("a file");
    });
    let said = archive(|writer| {
        writer.start_file("name.txt", options()).expect("a file");
        writer.set_comment("and more").expect("a comment");
    });
    let hidden = [
        [b"more".as_slice(), &good].concat(),
        [&good, b"more".as_slice()].concat(),
        [&good[..], &good[..]].concat(),
        other_order,
        dated,
        said,
        good[..good.len() - 1].to_vec(),
        good[1..].to_vec(),
    ];
    for (number, bytes) in hidden.iter().enumerate() {
        assert!(of_zip(bytes).is_err(), "{number}");
    }
    assert_eq!(of_zip(b""), Err(ArchiveError::NotOne));
    assert_eq!(
        of_zip(b"no archive, and long enough for one"),
        Err(ArchiveError::NotOne)
    );
}

/// The count at the end is believed of nobody, but for refusing what has too many.
#[test]
fn counts_that_are_too_high_are_refused_first() {
    let good = holding("name.txt");
    let end = good.len() - 22;
    let with_count = |count: u16| {
        let mut bytes = good.clone();
        bytes[end + 8..end + 10].copy_from_slice(&count.to_le_bytes());
        bytes[end + 10..end + 12].copy_from_slice(&count.to_le_bytes());
        bytes
    };
    let most = u16::try_from(MAX_FILES).expect("it fits");
    assert_eq!(
        of_zip(&with_count(most + 1)),
        Err(FilesError::TooMany.into())
    );
    assert_eq!(
        of_zip(&with_count(u16::MAX)),
        Err(FilesError::TooMany.into())
    );
    assert_ne!(of_zip(&with_count(most)), Err(FilesError::TooMany.into()));
    assert!(of_zip(&with_count(most)).is_err());
    assert!(of_zip(&with_count(0)).is_err());
    // The record of archives with more files than the count can say.
    let mut large = good.clone();
    let mut locator = vec![0; 20];
    locator[..4].copy_from_slice(b"PK\x06\x07");
    large.splice(end..end, locator);
    assert_eq!(of_zip(&large), Err(FilesError::TooMany.into()));
}

/// Sizes that an archive only claims make nobody allocate anything.
#[test]
fn sizes_that_are_claimed_are_not_believed() {
    let good = holding("name.txt");
    let length = 4_u32.to_le_bytes();
    let both = [length, length].concat();
    for claimed in [0_u32, 3, 5, 1 << 20, u32::MAX - 1, u32::MAX] {
        let claimed = [claimed.to_le_bytes(), claimed.to_le_bytes()].concat();
        assert!(of_zip(&replaced(&good, &both, &claimed)).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// There is one form: whatever is read is what would be written.
    #[test]
    fn what_is_read_is_what_would_be_written(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = archive(|writer| {
            for name in ["a.txt", "proofs/b.txt"] {
                writer.start_file(name, options()).expect("a file");
                writer.write_all(name.as_bytes()).expect("a file");
            }
        });
        let position = at.index(bytes.len());
        bytes[position] = byte;
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(files) = of_zip(&bytes) {
            prop_assert_eq!(to_zip(&files), bytes);
        }
    }
}
