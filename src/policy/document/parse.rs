//! TOML to document.

use std::sync::Arc;

use bitcoin::FeeRate;
use toml::de::{DeTable, DeValue};

use super::super::script::Imported;
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Domain, ItemKind, Layout, Network, ScriptType, Span};
use super::fields::{Fields, spanned_key, wrong_type};
use super::{
    CustodyEntry, Document, ItemEntry, LintEntry, MAX_BYTES, MAX_ITEMS, MAX_PARTIES, MAX_PATHS,
    MAX_QUORUMS, PartyEntry, RootEntry, Settings, Spanned, Typed,
};
use super::{path, quorum};

/// Feerates a policy can choose for its pre-signed transactions, in sat/vB: below one they would
/// not be relayed, and above three they would pay more than a fee child does.
const BASE_FEES: std::ops::RangeInclusive<u64> = 1..=3;

/// A document of which nothing has been read yet.
fn blank(source: Arc<str>) -> Document {
    Document {
        source,
        imported: Vec::new(),
        stopped: false,
        problems: Vec::new(),
        settings: Settings::default(),
        parties: Vec::new(),
        quorums: Vec::new(),
        root: RootEntry::default(),
        paths: Vec::new(),
        paths_broken: false,
        items: Vec::new(),
        lints: Vec::new(),
    }
}

/// The document of a script: what it built, unless it stopped before its end.
pub(super) fn scripted(
    source: Arc<str>,
    imported: Vec<Imported>,
    table: &DeTable<'_>,
    problems: Vec<Diagnostic>,
    stopped: bool,
) -> Document {
    let mut document = blank(source);
    document.imported = imported;
    document.stopped = stopped;
    document.problems = problems;
    if !stopped {
        let mut problems = Vec::new();
        root_table(&mut document, table, &mut problems);
        document.problems.append(&mut problems);
    }
    document
}

pub(super) fn document(text: &str) -> Document {
    let mut document = blank(Arc::from(text));
    if text.len() > MAX_BYTES {
        document.source = Arc::from("");
        document.problems.push(
            Diagnostic::new(
                Code::TooLarge,
                format!(
                    "the document has {} bytes, and may have {MAX_BYTES}",
                    text.len()
                ),
            )
            .help("is this the right file?"),
        );
        return document;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or_default();
        let span = Span::from(span.start.min(text.len())..span.end.min(text.len()));
        document.problems.push(syntax(text, error.message(), span));
    }
    let mut problems = Vec::new();
    root_table(&mut document, table.get_ref(), &mut problems);
    document.problems.append(&mut problems);
    document
}

fn syntax(text: &str, message: &str, span: Span) -> Diagnostic {
    if message == "duplicate key" {
        let key = text.get(span.start..span.end).unwrap_or_default();
        return Diagnostic::new(
            Code::DuplicateField,
            format!("{} is given twice", quote(key)),
        )
        .at(span, "given before")
        .help("remove one of the two, or correct its name");
    }
    Diagnostic::new(Code::Syntax, format!("this is not TOML: {message}"))
        .at(span, "cannot be read")
        .help("strings need straight quotes, as do names with other letters than a to z, and each path starts with `[[path]]`")
}

fn root_table(document: &mut Document, table: &DeTable<'_>, problems: &mut Vec<Diagnostic>) {
    let mut fields = Fields::new(table, Span::default(), "the document", problems);
    fields.require(&["policy", "parties", "quorums", "root"]);
    if let Some((table, span)) = fields.table("policy") {
        document.settings = settings(table, span, fields.problems);
    }
    for party in limited(
        fields.named_tables("parties", "{ key = \"…\" }"),
        MAX_PARTIES,
        "parties",
        &mut fields,
    ) {
        document
            .parties
            .push(self::party(party.name, party.fields, fields.problems));
    }
    for quorum in limited(
        fields.named_tables("quorums", "{ threshold = 1, of = [\"…\"] }"),
        MAX_QUORUMS,
        "quorums",
        &mut fields,
    ) {
        document
            .quorums
            .push(quorum::read(quorum.name, quorum.fields, fields.problems));
    }
    if let Some((table, span)) = fields.table("root") {
        document.root = root(table, span, fields.problems);
    }
    let before = fields.problems.len();
    let paths = fields.tables("path");
    document.paths_broken = fields.problems.len() > before;
    for (table, span) in limited(paths, MAX_PATHS, "paths", &mut fields) {
        document
            .paths
            .push(path::read(table, span, fields.problems));
    }
    for item in limited(
        fields.named_tables("items", "{ kind = \"files\", of = \"…\" }"),
        MAX_ITEMS,
        "items",
        &mut fields,
    ) {
        document
            .items
            .push(self::item(item.name, item.fields, fields.problems));
    }
    if let Some((table, _)) = fields.table("lints") {
        document.lints = lints(table, fields.problems);
    }
    fields.finish();
}

/// The first so many, with a problem if there are more.
fn limited<T>(
    mut items: Vec<T>,
    max: usize,
    what: &str,
    fields: &mut Fields<'_, '_, '_>,
) -> Vec<T> {
    if items.len() > max {
        fields.problems.push(
            Diagnostic::new(
                Code::TooLarge,
                format!("there are {} {what}, and there can be {max}", items.len()),
            )
            .help("split the policy into several"),
        );
        items.truncate(max);
    }
    items
}

fn settings(table: &DeTable<'_>, span: Span, problems: &mut Vec<Diagnostic>) -> Settings {
    let mut fields = Fields::new(table, span, "`[policy]`", problems);
    fields.require(&["name", "network", "script"]);
    let settings = Settings {
        name: fields.text("name"),
        network: fields.word("network", &Network::ALL),
        script: fields.word("script", &ScriptType::ALL),
        layout: fields.word("layout", &Layout::ALL),
        base_fee: base_fee(&mut fields),
        descriptor: fields.text("descriptor"),
        accept_total_loss: reason(&mut fields, "accept_total_loss"),
    };
    if let Some(version) = fields.number("transaction_version")
        && version.value != 3
    {
        let (code, help) = match version.value {
            2 => (
                Code::NotAvailable,
                "write `transaction_version = 3`, or leave it out; version 2 with its feerate rungs is not available yet",
            ),
            _ => (
                Code::OutOfRange,
                "write `transaction_version = 3`, or leave it out",
            ),
        };
        fields.problems.push(
            Diagnostic::new(
                code,
                format!(
                    "pre-signed transactions cannot have version {}",
                    version.value
                ),
            )
            .at(version.span, "only 3 is possible")
            .help(help),
        );
    }
    fields.finish();
    settings
}

fn base_fee(fields: &mut Fields<'_, '_, '_>) -> Typed<FeeRate> {
    let help = "write `base_fee = \"2 sat/vB\"`, or 1 or 3";
    if let Some((value @ (DeValue::Integer(_) | DeValue::Float(_)), span)) =
        fields.value("base_fee")
    {
        fields.problems.push(wrong_type(
            "base_fee",
            value,
            span,
            "a feerate such as `\"2 sat/vB\"`",
        ));
        return None;
    }
    let typed = fields.text("base_fee")?;
    let number = typed.value.trim().strip_suffix("sat/vB").map(str::trim_end);
    let Some(Ok(rate)) = number.map(str::parse::<u64>) else {
        fields.problems.push(
            Diagnostic::new(
                Code::WrongType,
                format!(
                    "`base_fee` is {}, which is no whole feerate in sat/vB",
                    quote(&typed.value)
                ),
            )
            .at(typed.span, "not a feerate")
            .help(help),
        );
        return None;
    };
    let in_range = BASE_FEES
        .contains(&rate)
        .then(|| FeeRate::from_sat_per_vb(rate))
        .flatten();
    if in_range.is_none() {
        fields.problems.push(
            Diagnostic::new(
                Code::OutOfRange,
                format!("`base_fee` is {rate} sat/vB, and can be 1 to 3"),
            )
            .at(typed.span, "out of range")
            .help(format!(
                "{help}; what is missing in a fee spike is paid by a fee child"
            )),
        );
    }
    in_range.map(|rate| Spanned::new(rate, typed.span))
}

fn reason(fields: &mut Fields<'_, '_, '_>, name: &'static str) -> Typed<String> {
    let typed = fields.text(name)?;
    if typed.value.trim().is_empty() {
        fields.problems.push(empty_reason(name, typed.span));
    }
    Some(typed)
}

fn empty_reason(name: &str, span: Span) -> Diagnostic {
    let name = quote(name);
    Diagnostic::new(Code::EmptyReason, format!("{name} gives no reason"))
        .at(span, "empty")
        .help("say why, for whoever reads the policy next")
}

fn party(name: Spanned<String>, table: &DeTable<'_>, problems: &mut Vec<Diagnostic>) -> PartyEntry {
    let title = format!("party {}", quote(&name.value));
    let mut fields = Fields::new(table, name.span, title.clone(), problems);
    fields.require(&["key"]);
    let party = PartyEntry {
        key: fields.text("key"),
        identity: fields.text("identity"),
        veto: fields.text("veto"),
        fees: fields.text("fees"),
        custody: custody(&mut fields, &title),
        name,
    };
    fields.finish();
    party
}

fn custody(fields: &mut Fields<'_, '_, '_>, title: &str) -> CustodyEntry {
    let mut custody = CustodyEntry::default();
    let Some((table, span)) = fields.table("custody") else {
        return custody;
    };
    let title = format!("the custody of {title}");
    let mut facts = Fields::new(table, span, title, fields.problems);
    for (word, domain) in Domain::ALL {
        if let Some(typed) = facts.text(word) {
            custody.0.push((domain, typed));
        }
    }
    facts.finish();
    custody
}

fn item(name: Spanned<String>, table: &DeTable<'_>, problems: &mut Vec<Diagnostic>) -> ItemEntry {
    let before = problems.len();
    let title = format!("item {}", quote(&name.value));
    let mut fields = Fields::new(table, name.span, title.clone(), problems);
    fields.require(&["kind", "of"]);
    let kind = fields.word("kind", &ItemKind::ALL);
    let of = fields.text("of");
    let paths = fields.texts("paths");
    let custody = custody(&mut fields, &title);
    fields.finish();
    ItemEntry {
        name,
        kind,
        of,
        paths,
        custody,
        broken: problems.len() > before,
    }
}

fn root(table: &DeTable<'_>, span: Span, problems: &mut Vec<Diagnostic>) -> RootEntry {
    let before = problems.len();
    let mut fields = Fields::new(table, span, "`[root]`", problems);
    fields.require(&["quorum"]);
    let quorum = fields.text("quorum");
    let refresh = fields.duration("refresh");
    let likelihood = fields.likelihood();
    fields.finish();
    RootEntry {
        span,
        quorum,
        refresh,
        likelihood,
        broken: problems.len() > before,
    }
}

fn lints(table: &DeTable<'_>, problems: &mut Vec<Diagnostic>) -> Vec<LintEntry> {
    let mut lints = Vec::new();
    for (key, value) in table {
        let code = spanned_key(key);
        let span = value.span().into();
        match value.get_ref() {
            DeValue::String(text) => {
                if text.trim().is_empty() {
                    problems.push(empty_reason(&code.value, span));
                }
                let reason = Spanned::new(text.to_string(), span);
                lints.push(LintEntry { code, reason });
            }
            other => problems.push(wrong_type(&code.value, other, span, "a reason in quotes")),
        }
    }
    lints
}
