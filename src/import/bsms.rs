//! BSMS (BIP-129): descriptor records.

use super::family::Family;
use super::source::{Checksum, Found, Source, shown};
use super::{ImportError, MAX_DESCRIPTORS};

/// The version of records that is read.
const VERSION: &str = "BSMS 1.0";

/// What stands in the third line where there are no restrictions.
const NO_RESTRICTIONS: &str = "No path restrictions";

/// Most path restrictions that one template is expanded by: receive and change.
const MAX_PATHS: usize = 2;

fn bad(reason: impl Into<String>) -> ImportError {
    ImportError::BadForm {
        form: Source::Bsms.name(),
        reason: reason.into(),
    }
}

/// The descriptors of one record, or of several one after the other.
pub(super) fn records(text: &str) -> Result<Vec<Found>, ImportError> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let records = lines.chunk_by(|_, next| !next.starts_with("BSMS"));
    records.take(MAX_DESCRIPTORS + 1).map(record).collect()
}

fn record(lines: &[&str]) -> Result<Found, ImportError> {
    let [version, descriptor, paths, address] = lines else {
        if lines.len() == 5 {
            return Err(bad(
                "it is the key record of one signer (round 1); give the descriptor record (round 2)",
            ));
        }
        return Err(bad(format!(
            "it has {} lines, and a descriptor record has 4: version, descriptor, path restrictions, first address",
            lines.len()
        )));
    };
    if *version != VERSION {
        return Err(bad(format!(
            "its version is `{}`, and `{VERSION}` is the one that is read",
            shown(version)
        )));
    }
    let text = expand(descriptor, paths)?;
    let mut found = Found::parse(&text, Source::Bsms)?;
    // A template cannot have a checksum; the first address stands for it.
    if matches!(found.checksum, Checksum::Missing { .. }) {
        found.checksum = Checksum::Right;
    }
    found.address = Some((*address).to_owned());
    Ok(found)
}

/// A template with its path restrictions, as one descriptor.
fn expand(descriptor: &str, paths: &str) -> Result<String, ImportError> {
    if paths == NO_RESTRICTIONS {
        if descriptor.contains("/**") {
            return Err(bad("its template has no path restrictions"));
        }
        return Ok(descriptor.to_owned());
    }
    let paths: Vec<&str> = paths.split(',').map(str::trim).collect();
    for path in &paths {
        let steps = path.strip_prefix('/').ok_or_else(|| {
            bad(format!(
                "`{}` is no path restriction such as `/0/*`",
                shown(path)
            ))
        })?;
        let number = |step: &str| step == "*" || step.parse::<u32>().is_ok_and(|n| n < 1 << 31);
        if !steps.split('/').all(number) {
            return Err(bad(format!(
                "`{}` is no path restriction of unhardened steps",
                shown(path)
            )));
        }
    }
    if !descriptor.contains("/**") {
        return Err(bad(
            "it has path restrictions, and its descriptor is no template",
        ));
    }
    let steps = match paths.as_slice() {
        [only] => (*only).to_owned(),
        [one, two] => joined(one, two).ok_or_else(|| {
            Family::Branches.refuse("path restrictions that differ in more than one step")
        })?,
        _ => {
            return Err(Family::Branches
                .refuse(format!(
                    "{} path restrictions, and {MAX_PATHS} are receive and change",
                    paths.len()
                ))
                .into());
        }
    };
    let body = descriptor.split('#').next().unwrap_or_default();
    Ok(body.replace("/**", &steps))
}

/// Two paths that differ in one step, as one with both branches.
fn joined(one: &str, two: &str) -> Option<String> {
    let (one, two): (Vec<&str>, Vec<&str>) = (one.split('/').collect(), two.split('/').collect());
    if one.len() != two.len() {
        return None;
    }
    let mut different = 0;
    let steps: Vec<String> = one
        .iter()
        .zip(&two)
        .map(|(one, two)| {
            if one == two {
                return (*one).to_owned();
            }
            different += 1;
            format!("<{one};{two}>")
        })
        .collect();
    (different == 1).then(|| steps.join("/"))
}
