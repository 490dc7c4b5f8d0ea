//! Wallet policies (BIP-388): template and keys, put together to a descriptor.

use std::collections::BTreeSet;

use serde_json::Value;

use super::family::Family;
use super::source::{Found, Source, shown};
use super::{ImportError, MAX_DESCRIPTOR_BYTES, MAX_KEYS};

/// What wallets call the template and the keys.
const NAMES: [(&str, &str); 4] = [
    ("descriptor_template", "keys_info"),
    ("descriptorTemplate", "keysInfo"),
    ("description_template", "keys_info"),
    ("policy", "keys"),
];

/// The descriptor, if the value is a wallet policy.
pub(super) fn found(value: &Value) -> Result<Option<Found>, ImportError> {
    let fields = NAMES.iter().find_map(|(template, keys)| {
        let template = value.get(template)?.as_str()?;
        let keys = value.get(keys)?.as_array()?;
        Some((template, keys))
    });
    let Some((template, keys)) = fields else {
        return Ok(None);
    };
    let keys: Option<Vec<&str>> = keys.iter().map(Value::as_str).collect();
    let keys = keys.ok_or_else(|| bad("a key is no text"))?;
    let text = expand(template, &keys)?;
    let mut found = Found::parse(&text, Source::WalletPolicy)?;
    let name = value.get("name").and_then(Value::as_str);
    found.name = name.map(str::to_owned);
    Ok(Some(found))
}

fn bad(reason: impl Into<String>) -> ImportError {
    ImportError::BadForm {
        form: Source::WalletPolicy.name(),
        reason: reason.into(),
    }
}

/// The descriptor of a template and its keys, which keep the rules of the BIP.
///
/// # Errors
///
/// If a placeholder is out of order, skipped, unknown or followed by anything but one pair of
/// branches and a wildcard; if a branch stands twice; or if a key is not named, or named twice.
pub(super) fn expand(template: &str, keys: &[&str]) -> Result<String, ImportError> {
    if template.len() > MAX_DESCRIPTOR_BYTES || keys.len() > MAX_KEYS {
        return Err(ImportError::TooLarge {
            what: "the size of the wallet policy",
            limit: MAX_DESCRIPTOR_BYTES,
        });
    }
    let distinct: BTreeSet<&&str> = keys.iter().collect();
    if distinct.len() < keys.len() {
        return Err(bad("a key stands twice among its keys"));
    }
    if template.contains("pub") {
        return Err(bad("its template has a key that is no placeholder"));
    }
    let mut text = String::new();
    let mut known = 0;
    let mut branches = BTreeSet::new();
    let mut parts = template.split('@');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        if text.ends_with("musig(") {
            return Err(Family::Musig.refuse("`musig(…)`").into());
        }
        let end = part.find(['(', ')', ',', '{', '}']).unwrap_or(part.len());
        let (placeholder, rest) = part.split_at(end);
        let (number, steps) = placeholder.split_once('/').unwrap_or((placeholder, ""));
        let number = canonical_number(number)
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| bad(format!("`@{}` is no placeholder", shown(placeholder))))?;
        if number > known {
            return Err(bad(format!(
                "`@{number}` stands before `@{known}`, and placeholders come in order"
            )));
        }
        known = known.max(number + 1);
        let pair = branch_pair(steps).ok_or_else(|| {
            bad(format!(
                "`@{}` needs `/**` or two branches and a wildcard, such as `/<0;1>/*`",
                shown(placeholder)
            ))
        })?;
        for branch in pair {
            if !branches.insert((number, branch)) {
                return Err(bad(format!("branch {branch} of `@{number}` stands twice")));
            }
        }
        let key = keys
            .get(number)
            .ok_or_else(|| bad(format!("`@{number}` is not among its keys")))?;
        let [first, second] = pair;
        text.push_str(&format!("{key}/<{first};{second}>/*"));
        text.push_str(rest);
        if text.len() > MAX_DESCRIPTOR_BYTES {
            return Err(ImportError::TooLarge {
                what: "the size of the wallet policy",
                limit: MAX_DESCRIPTOR_BYTES,
            });
        }
    }
    if known < keys.len() {
        return Err(bad(format!("its template does not name key `@{known}`")));
    }
    Ok(text)
}

/// The branches of the steps after a placeholder.
fn branch_pair(steps: &str) -> Option<[u32; 2]> {
    if steps == "**" {
        return Some([0, 1]);
    }
    let pair = steps.strip_prefix('<')?.strip_suffix(">/*")?;
    let (first, second) = pair.split_once(';')?;
    let unhardened = |text: &str| canonical_number(text).filter(|number| *number < 1 << 31);
    Some([unhardened(first)?, unhardened(second)?])
}

/// A number without sign and without zeros in front.
fn canonical_number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}
