//! A compiled policy: tables of leaves and branches, addresses, descriptors.

use bitcoin::Amount;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::{BOLD, DIM, hanging, paint, policy, shown, words};
use crate::cli::compile::{Shown, ShownGroup, ShownLeaf, ShownStage};
use crate::compile::{BranchUse, LeafKind, Role};
use crate::report::btc;

/// A line under the header, and no other.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Said of the key path of a stage whose internal key is computed and not held.
const UNSPENDABLE: &str = "key path: nobody can sign (BIP-341's point; chain code from the keys)\n";

pub(in crate::cli) fn compiled(result: &Shown<'_>, width: usize) -> String {
    let mut text = format!(
        "{} ({}, {})\npolicy id {}\n\n",
        paint(BOLD, &shown(result.policy)),
        result.network,
        result.script,
        result.id
    );
    text.push_str(&policy::outline(result.compiled, width));
    for stage in &result.stages {
        text.push_str(&heading(&stage.stage.to_string()));
        text.push_str(&leaves(stage, width));
        for (index, address) in stage.deposit_addresses.iter().flatten().enumerate() {
            text.push_str(&format!("deposit address {index}: {address}\n"));
        }
        if stage.unspendable_internal_key.is_some() {
            text.push_str(&paint(DIM, UNSPENDABLE));
        }
        if stage.deposit_addresses.is_none() {
            text.push_str(&paint(
                DIM,
                "never deposit here: coins come by pre-signed files only\n",
            ));
        }
    }
    let policy = result.compiled.policy();
    let has_anchor = policy.version().has_anchor();
    let rungs = policy.rungs().iter();
    let rungs: Vec<String> = rungs
        .map(|rung| rung.to_sat_per_vb_ceil().to_string())
        .collect();
    let (outputs, advance) = match has_anchor {
        true => (
            "one output and a 240-sat anchor",
            "pays the base fee of the policy, and a fee child what is missing".to_owned(),
        ),
        false => (
            "and one output",
            format!(
                "pays one of the rungs, {} sat/vB, and nobody can add to that: for each coin there are {} triggers, {} cancels, and {} settles where root signs them",
                rungs.join(", "),
                rungs.len(),
                rungs.len() * rungs.len(),
                rungs.len() * rungs.len()
            ),
        ),
    };
    let costs = format!(
        "WU is the weight of the witness; vB and sat are the size and the fee at {} sat/vB of a transaction with one such input, {outputs}. A transaction that is signed in advance {advance}.",
        result.feerate_sat_per_vb
    );
    text.push('\n');
    text.push_str(&hanging("", DIM, &costs, width));
    if let Some(given_up) = &result.gives_up {
        text.push_str(&hanging(
            "layout `cheapest` gives something up: ",
            BOLD,
            given_up,
            width,
        ));
    }
    for (path, sats) in &result.smallest_armable_sats {
        let smallest = format!(
            "the smallest coin that can be armed has {sats} sat ({}) at the {}",
            btc(Amount::from_sat(*sats)),
            if has_anchor {
                "base fee"
            } else {
                "highest rung"
            }
        );
        text.push_str(&hanging(
            &format!("{}: ", shown(path)),
            BOLD,
            &smallest,
            width,
        ));
    }
    // A descriptor from elsewhere has branches of its own making.
    if !result.branches.is_empty() {
        text.push_str(&heading("branch table"));
        text.push_str(&branches(result.branches, width));
    }
    text.push_str(&heading("descriptors"));
    for stage in &result.stages {
        text.push_str(&format!(
            "{}\n{}\n",
            shown(&stage.stage.to_string()),
            stage.descriptor
        ));
    }
    text
}

pub(super) fn heading(title: &str) -> String {
    format!("\n{}\n", paint(BOLD, &shown(title).to_uppercase()))
}

pub(super) fn table(width: usize, header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(header);
    table
}

/// The table without the spaces at the ends of its lines.
pub(super) fn drawn(table: &mut Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn leaves(stage: &ShownStage<'_>, width: usize) -> String {
    let header = [
        "leaf",
        "who signs",
        "branches",
        "lock",
        "file",
        "WU",
        "vB",
        "sat",
    ];
    let mut table = table(width, &header);
    for leaf in &stage.leaves {
        let fee = leaf.fee_sats.map(|sats| sats.to_string());
        table.add_row([
            name(leaf),
            signers(leaf),
            pairs(&leaf.pairs),
            words::locks(leaf.relative_lock, leaf.absolute_lock).join("\n"),
            file(leaf).to_owned(),
            weight(leaf),
            leaf.cost.vbytes.to_string(),
            fee.unwrap_or_else(|| "too high".to_owned()),
        ]);
    }
    for column in table.column_iter_mut().skip(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    drawn(&mut table)
}

fn name(leaf: &ShownLeaf<'_>) -> String {
    let name = shown(&leaf.kind.to_string());
    match leaf.scripts {
        Some(scripts) => format!("{name}\n({scripts} scripts)"),
        None => name,
    }
}

/// The most, and the average where the layout is chosen by it.
fn weight(leaf: &ShownLeaf<'_>) -> String {
    let most = leaf.cost.witness_weight;
    match leaf.expected_witness_weight {
        Some(expected) => format!("{most}\n(ø {expected:.0})"),
        None => most.to_string(),
    }
}

/// What the layout `cheapest` gives up for its weights.
pub(in crate::cli) fn given_up(stages: &[ShownStage<'_>], uses: &[BranchUse]) -> String {
    let leaves = stages.iter().flat_map(|stage| &stage.leaves);
    let scripts: usize = leaves.clone().map(|leaf| leaf.scripts.unwrap_or(1)).sum();
    let split = leaves.filter(|leaf| leaf.scripts.is_some()).count();
    let size: usize = stages.iter().map(|stage| stage.descriptor.len()).sum();
    let text = match split {
        0 => format!(
            "No leaf is split here, so every device that can register the layout `device` may try this one; but the scripts are written for weight and not as devices know them. The descriptors have {size} characters."
        ),
        1 => format!(
            "One leaf is split, which makes {scripts} scripts in all. Its keys stand in several of them: wallet policies (BIP-388) cannot say that, so most signing devices will not register it. Who will sign must be known beforehand, or everybody signs every script his key stands in. The descriptors have {size} characters."
        ),
        split => format!(
            "{split} leaves are split, which makes {scripts} scripts in all. Their keys stand in several of them: wallet policies (BIP-388) cannot say that, so most signing devices will not register it. Who will sign must be known beforehand, or everybody signs every script his key stands in. The descriptors have {size} characters."
        ),
    };
    text + &joint(uses)
}

/// Which leaves are written as one, which shows in the pairs that they have in common.
fn joint(uses: &[BranchUse]) -> String {
    let mut found: Vec<(&LeafKind, &LeafKind)> = Vec::new();
    for (number, row) in uses.iter().enumerate() {
        let mut before = uses.iter().take(number);
        let same = before.find(|other| other.party == row.party && other.pair == row.pair);
        if let Some(other) = same
            && !found.contains(&(&other.leaf, &row.leaf))
        {
            found.push((&other.leaf, &row.leaf));
        }
    }
    let sentences = found.into_iter().map(|(one, other)| {
        let (one, other) = (shown(&one.to_string()), shown(&other.to_string()));
        format!(
            " The leaves `{one}` and `{other}` are written as one: the keys they have in common stand once, and a signature of one of these counts for whichever of the two its transaction has waited for."
        )
    });
    sentences.collect()
}

fn signers(leaf: &ShownLeaf<'_>) -> String {
    let groups: Vec<String> = leaf.signers.iter().map(group).collect();
    groups.join("\n")
}

fn group(group: &ShownGroup<'_>) -> String {
    let name = shown(group.quorum);
    let of = format!("{} of {}", group.threshold, group.of.len());
    match group.role {
        Role::Arming => format!("{name} {of}, in advance"),
        Role::Root | Role::Path | Role::Veto | Role::Lockup => format!("{name} {of}"),
    }
}

const fn file(leaf: &ShownLeaf<'_>) -> &'static str {
    match leaf.kind {
        LeafKind::Trigger(_) if leaf.file_needed => "trigger",
        LeafKind::Cancel if leaf.file_needed => "cancel",
        LeafKind::Settle if leaf.file_needed => "settle",
        _ => "none",
    }
}

fn pairs(pairs: &[u32]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|pair| branch_pair(*pair)).collect();
    pairs.join("\n")
}

fn branch_pair(pair: u32) -> String {
    let first = u64::from(pair) * 2;
    format!("<{first};{}>", first + 1)
}

/// One row for all who use the same pair in the same leaf in the same role.
fn branches(uses: &[BranchUse], width: usize) -> String {
    let mut table = table(width, &["pair", "stage", "leaf", "role", "parties"]);
    let same = |a: &BranchUse, b: &BranchUse| {
        (a.pair, &a.stage, &a.leaf, a.role) == (b.pair, &b.stage, &b.leaf, b.role)
    };
    for group in uses.chunk_by(same) {
        let Some(first) = group.first() else {
            continue;
        };
        let parties: Vec<String> = group.iter().map(|used| shown(&used.party)).collect();
        table.add_row([
            branch_pair(first.pair),
            shown(&first.stage.to_string()),
            shown(&first.leaf.to_string()),
            first.role.to_string(),
            parties.join(", "),
        ]);
    }
    drawn(&mut table)
}
