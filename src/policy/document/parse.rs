//! TOML to document.

use std::sync::Arc;

use bitcoin::FeeRate;
use toml::de::{DeTable, DeValue};

use super::super::script::Imported;
use super::super::shown::quote;
use super::super::{
    Code, Diagnostic, Domain, ItemKind, Layout, Network, ScriptType, Span, TransactionVersion,
};
use super::fields::{Fields, spanned_key, wrong_type};
use super::{
    CustodyEntry, Document, ItemEntry, LintEntry, MAX_BYTES, MAX_ITEMS, MAX_PARTIES, MAX_PATHS,
    MAX_QUORUMS, PartyEntry, RootEntry, Settings, Spanned, Typed,
};
use super::{path, quorum};

/// Feerates a policy can choose for its pre-signed transactions, in sat/vB: below one they would
/// not be relayed, and above three they would pay more than a fee child does.
const BASE_FEES: std::ops::RangeInclusive<u64> = 1..=3;

/// The highest feerate at which transactions can be signed in advance, in sat/vB: what Bitcoin Core
/// takes for a mistake.
pub(crate) const MAX_RUNG: u64 = 10_000;

/// Feerates at which transactions can be signed in advance, in sat/vB, from what nodes pass on.
const RUNGS: std::ops::RangeInclusive<u64> = 1..=MAX_RUNG;

/// Most rungs: what is signed for each coin grows with their square.
const MAX_RUNGS: usize = 3;

/// Most keys given twice of which the first is looked for: each takes another reading.
const SEARCHES_MAX: usize = 20;

/// A key that stands for another.
const STAND_IN: &str = "longstop--stands-here";

/// A document of which nothing has been read yet.
fn blank(source: Arc<str>) -> Document {
    Document {
        source,
        imported: Vec::new(),
        scripted: false,
        stopped: false,
        problems: Vec::new(),
        settings: Settings::default(),
        unread: Vec::new(),
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
    document.scripted = true;
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
    let table = toml_table(text, "path", &mut document.problems);
    let mut problems = Vec::new();
    root_table(&mut document, &table, &mut problems);
    document.problems.append(&mut problems);
    document
}

/// A text as TOML, with what stands in the way of reading all of it.  `each` is the list of tables
/// that it consists of mostly.
pub(in crate::policy) fn toml_table<'i>(
    text: &'i str,
    each: &str,
    problems: &mut Vec<Diagnostic>,
) -> DeTable<'i> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut searches = 0;
    for error in errors {
        let span = error.span().unwrap_or_default();
        let span = Span::from(span.start.min(text.len())..span.end.min(text.len()));
        let mut problem = syntax(text, error.message(), each, span);
        if problem.code() == Code::DuplicateField && searches < SEARCHES_MAX {
            searches += 1;
            if let Some(first) = first_place(text, span) {
                problem = problem.beside(first, "given first here");
            }
        }
        problems.push(problem);
    }
    table.into_inner()
}

fn syntax(text: &str, message: &str, each: &str, span: Span) -> Diagnostic {
    if message == "duplicate key" {
        let key = text.get(span.start..span.end).unwrap_or_default();
        let before = text.get(..span.start).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let help = match line.trim_start().starts_with('[') {
            true if key == each => format!("begin each {each} with `[[{each}]]`"),
            true => "put what is under both into one table, or correct the name of one".to_owned(),
            false => "remove one of the two, or correct its name".to_owned(),
        };
        return Diagnostic::new(
            Code::DuplicateField,
            format!("{} is given twice", quote(key)),
        )
        .at(span, "given again")
        .help(help);
    }
    Diagnostic::new(Code::Syntax, format!("this is not TOML: {message}"))
        .at(span, "cannot be read")
        .help(format!("strings need straight quotes, as do names with other letters than a to z, and each {each} starts with `[[{each}]]`"))
}

/// Where a key that is given again was given first.
///
/// The reader merges tables that are given twice and forgets where the first was.  So what stands
/// before the second is read once more, with another key in its place: beside that one stands the
/// first.
fn first_place(text: &str, again: Span) -> Option<Span> {
    let before = text.get(..again.start)?;
    let key = text.get(again.start..again.end)?;
    let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
    let ending = match line {
        line if line.starts_with("[[") => "]]",
        line if line.starts_with('[') => "]",
        _ => " = 0",
    };
    if before.contains(STAND_IN) {
        return None;
    }
    // The key may be written in quotes, once or both times.
    let written = format!("{key} = 0");
    let (written, _) = DeTable::parse_recoverable(&written);
    let name = written.get_ref().keys().next()?.get_ref();
    // A line can begin with a bracket and be no header.
    [ending, " = 0"].into_iter().find_map(|ending| {
        let other = format!("{before}{STAND_IN}{ending}\n");
        let (table, _) = DeTable::parse_recoverable(&other);
        let mut keys = with_stand_in(table.get_ref())?.keys();
        let first = keys.find(|key| key.get_ref() == name)?;
        Some(first.span().into())
    })
}

/// The table in which the stand-in stands.
fn with_stand_in<'t, 'i>(table: &'t DeTable<'i>) -> Option<&'t DeTable<'i>> {
    if table.contains_key(STAND_IN) {
        return Some(table);
    }
    table
        .values()
        .find_map(|value| with_stand_in_inside(value.get_ref()))
}

fn with_stand_in_inside<'t, 'i>(value: &'t DeValue<'i>) -> Option<&'t DeTable<'i>> {
    match value {
        DeValue::Table(table) => with_stand_in(table),
        DeValue::Array(values) => {
            let mut values = values.iter();
            values.find_map(|value| with_stand_in_inside(value.get_ref()))
        }
        _ => None,
    }
}

fn root_table(document: &mut Document, table: &DeTable<'_>, problems: &mut Vec<Diagnostic>) {
    let scripted = document.scripted;
    let title = if scripted {
        "the script"
    } else {
        "the document"
    };
    let mut fields = Fields::new(table, Span::default(), title, problems);
    if scripted {
        fields.require_as(&[
            ("policy", "policy(…)"),
            ("parties", "party(…)"),
            ("quorums", "quorum(…)"),
            ("root", "root(…)"),
        ]);
    } else {
        fields.require(&["policy", "parties", "quorums", "root"]);
    }
    if let Some((table, span)) = fields.table("policy") {
        let title = if scripted {
            "`policy(…)`"
        } else {
            "`[policy]`"
        };
        document.settings = settings(table, span, title, fields.problems);
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
    document.unread = std::mem::take(&mut fields.unread);
    if let Some((table, span)) = fields.table("root") {
        let title = if scripted { "`root(…)`" } else { "`[root]`" };
        document.root = root(table, span, title, fields.problems);
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

fn settings(
    table: &DeTable<'_>,
    span: Span,
    title: &str,
    problems: &mut Vec<Diagnostic>,
) -> Settings {
    let mut fields = Fields::new(table, span, title, problems);
    fields.require(&["name", "network", "script"]);
    let settings = Settings {
        name: fields.text("name"),
        network: fields.word("network", &Network::ALL),
        script: fields.word("script", &ScriptType::ALL),
        layout: fields.word("layout", &Layout::ALL),
        base_fee: base_fee(&mut fields),
        descriptor: fields.text("descriptor"),
        accept_total_loss: reason(&mut fields, "accept_total_loss"),
        version: version(&mut fields),
        rungs: rungs(&mut fields),
    };
    exclude(&settings, fields.problems);
    fields.finish();
    settings
}

fn version(fields: &mut Fields<'_, '_, '_>) -> Typed<TransactionVersion> {
    let typed = fields.number("transaction_version")?;
    let mut all = TransactionVersion::ALL.into_iter();
    let version = all.find(|version| u64::from(version.number()) == typed.value);
    if version.is_none() {
        fields.problems.push(
            Diagnostic::new(
                Code::OutOfRange,
                format!(
                    "`transaction_version` is {}, and can be 2 or 3",
                    typed.value
                ),
            )
            .at(typed.span, "only 2 and 3 are possible")
            .help(
                "write `transaction_version = 3`, or leave it out; 2 is for signers that refuse 3",
            ),
        );
    }
    version.map(|version| Spanned::new(version, typed.span))
}

/// The rungs, if they are one to three, each above the one before.
fn rungs(fields: &mut Fields<'_, '_, '_>) -> Typed<Vec<Spanned<u64>>> {
    let typed = fields.numbers("rungs")?;
    let before = fields.problems.len();
    let help = "write `rungs = [2, 20, 100]`, in sat/vB, the lowest first";
    let count = typed.value.len();
    if !(1..=MAX_RUNGS).contains(&count) {
        fields.problems.push(
            Diagnostic::new(
                Code::RungsUnfit,
                format!("there are {count} rungs, and there can be 1 to {MAX_RUNGS}"),
            )
            .at(typed.span, "too few or too many")
            .help(format!(
                "{help}; for each coin, n rungs take n triggers, n² cancels and n² settles"
            )),
        );
    }
    for rung in &typed.value {
        if !RUNGS.contains(&rung.value) {
            fields.problems.push(
                Diagnostic::new(
                    Code::OutOfRange,
                    format!(
                        "a rung is {} sat/vB, and can be {} to {}",
                        rung.value,
                        RUNGS.start(),
                        RUNGS.end()
                    ),
                )
                .at(rung.span, "out of range")
                .help("below 1 sat/vB nodes would not pass it on, and above 10,000 nobody would mean it"),
            );
        }
    }
    for pair in typed.value.windows(2) {
        if let [lower, higher] = pair
            && higher.value <= lower.value
        {
            fields.problems.push(
                Diagnostic::new(
                    Code::RungsUnfit,
                    format!(
                        "a rung of {} sat/vB follows one of {}",
                        higher.value, lower.value
                    ),
                )
                .at(higher.span, "not above the one before")
                .beside(lower.span, "the one before")
                .help(help),
            );
        }
    }
    (fields.problems.len() == before).then_some(typed)
}

/// Reports the feerates of the version that was not chosen.
fn exclude(settings: &Settings, problems: &mut Vec<Diagnostic>) {
    let version = settings.version.as_ref();
    let is_two = version.is_some_and(|version| version.value == TransactionVersion::Two);
    if let (true, Some(version), Some(base_fee)) = (is_two, version, &settings.base_fee) {
        problems.push(
            Diagnostic::new(
                Code::FieldConflict,
                "the policy has a `base_fee`, and transactions of version 2",
            )
            .at(base_fee.span, "nobody could add to it")
            .beside(version.span, "no fee child with this version")
            .help("remove `base_fee`: with version 2, `rungs` say what is paid"),
        );
    }
    if let (false, Some(rungs)) = (is_two, &settings.rungs) {
        let problem = Diagnostic::new(
            Code::FieldConflict,
            "the policy has `rungs`, and transactions of version 3",
        )
        .at(rungs.span, "only version 2 has them")
        .help("add `transaction_version = 2`, or remove `rungs`: with version 3 a fee child pays what is missing");
        problems.push(match version {
            Some(version) => problem.beside(version.span, "version 3"),
            None => problem,
        });
    }
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

fn root(table: &DeTable<'_>, span: Span, title: &str, problems: &mut Vec<Diagnostic>) -> RootEntry {
    let before = problems.len();
    let mut fields = Fields::new(table, span, title, problems);
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
