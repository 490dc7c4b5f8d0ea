//! Policies with placeholders for keys, so that no test contains one.
//!
//! `{alice}` is the account of a stand-in called alice, and a dot chooses something else of hers:
//! `veto` and `fees` for those roles, `coin0` and `coin0-fees` with the main network's coin type,
//! `old` an account whose path has none, `xpub` without origin, `fp` her fingerprint, `master` and
//! `first` her keys at depths 0 and 1 without origin, `main` her account for the main network,
//! `vpub` as some wallets write it, `single` a single public key, `identity` an ed25519 key, and
//! `tprv`, `wif` and `words` for secrets.

use std::ops::Range;
use std::sync::Arc;

use bitcoin::bip32::{DerivationPath, Xpriv, Xpub};
use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{NetworkKind, PrivateKey, base58};
use ed25519_dalek::SigningKey;
use longstop::compile::compile;
use longstop::policy::{Checked, Diagnostic, Label, Span, check};
use longstop::signer::SoftwareSigner;

/// A policy text made from a template, which knows what of it came from where.
pub struct Filled {
    template: String,
    pub text: String,
    /// Placeholders: where they stand in the template, and where their values stand in the text.
    segments: Vec<(Range<usize>, Range<usize>)>,
}

impl Filled {
    pub fn new(template: &str) -> Self {
        let secp = Secp256k1::new();
        let mut text = String::new();
        let mut segments = Vec::new();
        let mut at = 0;
        while let Some(found) = placeholder(template, at) {
            text.push_str(&template[at..found.start]);
            let start = text.len();
            text.push_str(&value(&template[found.start + 1..found.end - 1], &secp));
            segments.push((found.clone(), start..text.len()));
            at = found.end;
        }
        text.push_str(&template[at..]);
        Self {
            template: template.to_owned(),
            text,
            segments,
        }
    }

    /// The text as it may be shown, with the placeholders back where the keys are.
    pub fn shown(&self, checked: &Checked) -> String {
        let source = checked.source();
        assert_eq!(
            source.len(),
            self.text.len(),
            "spans hold for the shown text"
        );
        let mut shown = String::new();
        let mut at = 0;
        for (placeholder, value) in &self.segments {
            shown.push_str(&source[at..value.start]);
            let original = &self.text[value.clone()];
            let kept = source[value.clone()] == *original;
            let length = placeholder.len();
            if kept {
                shown.push_str(&self.template[placeholder.clone()]);
            } else {
                shown.extend(std::iter::repeat_n('*', length));
            }
            at = value.end;
        }
        shown.push_str(&source[at..]);
        shown
    }

    /// The diagnostic with places in the shown text, and placeholders for keys.
    pub fn in_template(&self, diagnostic: &Diagnostic) -> InTemplate {
        let labels = diagnostic.labels().iter().map(|label| Label {
            span: self.span(label.span),
            text: self.redact(&label.text),
            primary: label.primary,
        });
        InTemplate {
            code: diagnostic.code().to_string(),
            severity: miette::Diagnostic::severity(diagnostic),
            message: self.redact(diagnostic.message()),
            help: diagnostic.advice().map(|help| self.redact(help)),
            labels: labels.collect(),
        }
    }

    fn span(&self, span: Span) -> Span {
        Span {
            start: self.offset(span.start, |placeholder| placeholder.start),
            end: self.offset(span.end, |placeholder| placeholder.end),
        }
    }

    fn offset(&self, at: usize, inside: fn(&Range<usize>) -> usize) -> usize {
        let mut shift: isize = 0;
        for (placeholder, value) in &self.segments {
            if at <= value.start {
                break;
            }
            if at < value.end {
                return inside(placeholder);
            }
            shift = placeholder.end.cast_signed() - value.end.cast_signed();
        }
        at.checked_add_signed(shift).expect("inside the template")
    }

    /// Placeholders for the keys of the text, and `tpub…` for what was computed from them.
    fn redact(&self, message: &str) -> String {
        let mut message = message.to_owned();
        for (placeholder, value) in &self.segments {
            let value = &self.text[value.clone()];
            if value.len() > 8 {
                message = message.replace(value, &self.template[placeholder.clone()]);
            }
        }
        let mut out = String::new();
        for word in message.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            if word.len() > 100 {
                out.push_str(&word[..4]);
                out.push('…');
                out.push_str(word.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
            } else {
                out.push_str(word);
            }
        }
        out
    }
}

/// The check of a filled template.
pub fn check_template(template: &str) -> Checked {
    check(&Filled::new(template).text)
}

/// What `longstop check` says of a text: what the compiler refuses is an error as well.
pub fn judged(text: &str) -> Checked {
    let mut checked = check(text);
    if let Some(policy) = checked.policy.clone()
        && let Err(error) = compile(Arc::new(policy))
    {
        checked.refuse(&error.refusal().expect("the policy is to blame"));
    }
    checked
}

/// The codes a filled template produces, each once.
pub fn codes(template: &str) -> Vec<&'static str> {
    let mut codes: Vec<_> = judged(&Filled::new(template).text)
        .diagnostics
        .iter()
        .map(|problem| problem.code().as_str())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// A diagnostic for a snapshot.
#[derive(Debug)]
pub struct InTemplate {
    code: String,
    severity: Option<miette::Severity>,
    message: String,
    help: Option<String>,
    labels: Vec<Label>,
}

impl std::fmt::Display for InTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for InTemplate {}

impl miette::Diagnostic for InTemplate {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        self.severity
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        if self.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.labels.iter().map(|label| {
            let text = Some(label.text.clone());
            if label.primary {
                miette::LabeledSpan::new_primary_with_span(text, label.span)
            } else {
                miette::LabeledSpan::new_with_span(text, label.span)
            }
        })))
    }
}

/// As the command line shows it on a terminal without colours.
pub fn render(diagnostic: impl miette::Diagnostic + Send + Sync + 'static, source: &str) -> String {
    let report = miette::Report::new(diagnostic)
        .with_source_code(miette::NamedSource::new("policy.toml", source.to_owned()));
    let handler =
        miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
            .with_width(100);
    let mut out = String::new();
    handler
        .render_report(&mut out, report.as_ref())
        .expect("a diagnostic has its labels inside the source");
    out
}

/// The next `{name}` or `{name.what}` in a text.
fn placeholder(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    while let Some(open) = text[at..].find('{').map(|open| at + open) {
        let inner = &text[open + 1..];
        let length = inner
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'))
            .unwrap_or(inner.len());
        if length > 0 && inner[length..].starts_with('}') {
            return Some(open..open + length + 2);
        }
        at = open + 1;
    }
    None
}

fn value(placeholder: &str, secp: &Secp256k1<All>) -> String {
    let (name, what) = placeholder.split_once('.').unwrap_or((placeholder, "key"));
    let signer = SoftwareSigner::stand_in(0, name, secp);
    let account = |path: &str| {
        let path: DerivationPath = path.parse().expect("a path");
        signer.account(&path, secp)
    };
    let key = account("48h/1h/0h/3h");
    match what {
        "key" => key.to_string(),
        "veto" => account("48h/1h/2h/3h").to_string(),
        "fees" => format!("wpkh({}/<0;1>/*)", account("84h/1h/9h")),
        "coin0" => account("48h/0h/0h/3h").to_string(),
        "coin0-fees" => format!("wpkh({}/<0;1>/*)", account("84h/0h/9h")),
        "old" => account("45h/0h").to_string(),
        "xpub" => key.xpub().to_string(),
        "fp" => signer.fingerprint().to_string(),
        "master" => account("m").xpub().to_string(),
        "first" => account("7h").xpub().to_string(),
        "main" => {
            let xpub = Xpub {
                network: NetworkKind::Main,
                ..*key.xpub()
            };
            format!("[{}/48h/1h/0h/3h]{xpub}", signer.fingerprint())
        }
        "vpub" => {
            let mut bytes = key.xpub().encode();
            bytes[..4].copy_from_slice(&[0x04, 0x5f, 0x1c, 0xf6]);
            format!(
                "[{}/48h/1h/0h/3h]{}",
                signer.fingerprint(),
                base58::encode_check(&bytes)
            )
        }
        "single" => format!("[{}/0h]{}", signer.fingerprint(), key.xpub().public_key),
        "identity" => {
            let public = SigningKey::from_bytes(&seed(name)).verifying_key();
            public
                .as_bytes()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        }
        "tprv" => secret(name).to_string(),
        "wif" => PrivateKey::new(secret(name).private_key, bitcoin::Network::Regtest).to_wif(),
        "words" => ["abandon"; 12].join(" "),
        other => unreachable!("no fixture has a placeholder {other}"),
    }
}

fn secret(name: &str) -> Xpriv {
    Xpriv::new_master(NetworkKind::Test, &seed(name)).expect("a good seed")
}

fn seed(name: &str) -> [u8; 32] {
    let mut engine = sha256::Hash::engine();
    engine.input(name.as_bytes());
    sha256::Hash::from_engine(engine).to_byte_array()
}
