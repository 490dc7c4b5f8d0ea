//! The digests of files in the form of `sha256sum`.

use std::collections::BTreeMap;

use super::{Files, SUMS};
use crate::governance::Digest;
use crate::policy::quote;

/// The digests of all files but their own: `DIGEST  NAME`, one to a line, in the order of the
/// names.
pub(super) fn write(files: &Files) -> String {
    files
        .iter()
        .filter(|(name, _)| *name != SUMS)
        .map(|(name, bytes)| format!("{}  {name}\n", Digest::sha256(bytes)))
        .collect()
}

/// Everything in which the files differ from what is written of them.
pub(super) fn compare(files: &Files) -> Vec<(Option<String>, String)> {
    let Some(text) = files.get(SUMS) else {
        return vec![(Some(SUMS.to_owned()), "it is missing".to_owned())];
    };
    let text = String::from_utf8_lossy(text);
    let mut problems = Vec::new();
    let mut named = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let row = line
            .split_once("  ")
            .and_then(|(digest, name)| Some((Digest::of_text(digest)?, name)));
        match row {
            Some((digest, name)) => {
                named.insert(name, digest);
            }
            None => problems.push((
                Some(SUMS.to_owned()),
                format!("line {} is no digest and name: {}", number + 1, quote(line)),
            )),
        }
    }
    for (name, bytes) in files.iter().filter(|(name, _)| *name != SUMS) {
        match named.remove(name) {
            None => problems.push((
                Some(name.to_owned()),
                "it is there, and not among the sums".to_owned(),
            )),
            Some(digest) if digest != Digest::sha256(bytes) => problems.push((
                Some(name.to_owned()),
                "it was changed: its digest is another one".to_owned(),
            )),
            Some(_) => {}
        }
    }
    for name in named.into_keys() {
        problems.push((
            Some(name.to_owned()),
            "it is missing, and among the sums".to_owned(),
        ));
    }
    if problems.is_empty() && text != write(files) {
        problems.push((
            Some(SUMS.to_owned()),
            "it is not in its one form".to_owned(),
        ));
    }
    problems
}
