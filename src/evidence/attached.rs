//! Files beside the ledger: PSBTs, transactions with the blocks that hold them, and reports.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use bitcoin::block::Header;
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{BlockHash, MerkleBlock, Psbt, Target, Transaction, TxOut, Txid};

use super::places::{FIRST, Places};
use super::verify::{Checks, Subject};
use super::{BLOCK_PROOFS, Files, HEADERS, PSBTS, REPORTS, TRANSACTIONS};
use crate::compile::Compiled;
use crate::policy::Network;

/// Bytes of a transaction that could be taken for two hashes of a block's tree.
const TWO_HASHES: usize = 64;

/// What is attached to evidence, each with its name for messages.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    /// PSBTs, in bytes or in base64.
    pub psbts: Vec<(String, Vec<u8>)>,
    /// Transactions in hexadecimal.
    pub transactions: Vec<(String, Vec<u8>)>,
    /// Proofs that transactions are in a block, in hexadecimal, as Bitcoin Core's `gettxoutproof`
    /// gives them: the header of the block and a part of its Merkle tree.
    pub block_proofs: Vec<(String, Vec<u8>)>,
    /// Anything else, under its own name.
    pub reports: Vec<(String, Vec<u8>)>,
}

/// A file that cannot be attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAttached {
    /// Its name.
    pub file: String,
    /// Why.
    pub why: String,
}

impl Attached {
    /// Adds everything to files, each under the name that it has in evidence.
    ///
    /// # Errors
    ///
    /// Everything that is not what it should be.
    pub(super) fn add_to(&self, files: &mut Files) -> Result<(), Vec<NotAttached>> {
        let mut problems = Vec::new();
        let mut named: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut psbts: BTreeMap<Txid, BTreeSet<Vec<u8>>> = BTreeMap::new();
        let mut problem = |file: &str, why: String| {
            let file = file.to_owned();
            problems.push(NotAttached { file, why });
        };
        for (name, bytes) in &self.psbts {
            match psbt(bytes) {
                Some(psbt) => {
                    let same = psbts.entry(psbt.unsigned_tx.compute_txid()).or_default();
                    same.insert(psbt.serialize());
                }
                None => problem(name, "it is no PSBT".to_owned()),
            }
        }
        for (txid, same) in psbts {
            for (number, bytes) in (1..).zip(same) {
                let number = match number {
                    1 => String::new(),
                    more => format!("-{more}"),
                };
                named.insert(format!("{PSBTS}/{txid}{number}.psbt"), bytes);
            }
        }
        for (name, bytes) in &self.transactions {
            match hex::<Transaction>(bytes) {
                // The same transaction with other signatures has the same name.
                Some(transaction) => {
                    let txid = transaction.compute_txid();
                    let file = format!("{TRANSACTIONS}/{txid}.hex");
                    let text = line(serialize_hex(&transaction));
                    let before = named.insert(file, text.clone());
                    if before.is_some_and(|before| before != text) {
                        let why = format!("{txid} is given twice, with other signatures");
                        problem(name, why);
                    }
                }
                None => problem(name, "it is no transaction in hexadecimal".to_owned()),
            }
        }
        for (name, bytes) in &self.block_proofs {
            match hex::<MerkleBlock>(bytes) {
                Some(proof) => {
                    let hash = proof.header.block_hash();
                    let text = line(serialize_hex(&proof));
                    let file = format!("{BLOCK_PROOFS}/{hash}.hex");
                    let before = named.insert(file, text.clone());
                    if before.is_some_and(|before| before != text) {
                        let why = format!(
                            "block {hash} has another proof; ask `gettxoutproof` for all its transactions at once"
                        );
                        problem(name, why);
                    }
                    let header = line(serialize_hex(&proof.header));
                    named.insert(format!("{HEADERS}/{hash}.hex"), header);
                }
                None => problem(
                    name,
                    "it is no proof in hexadecimal as `gettxoutproof` gives it".to_owned(),
                ),
            }
        }
        for (name, bytes) in &self.reports {
            let file = format!("{REPORTS}/{name}");
            if let Err(error) = files.insert(&file, bytes.clone()) {
                problem(name, error.to_string());
            }
        }
        for (name, bytes) in named {
            if let Err(error) = files.insert(&name, bytes) {
                problem(&name, error.to_string());
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems),
        }
    }
}

/// A PSBT in bytes or in base64.
fn psbt(bytes: &[u8]) -> Option<Psbt> {
    let text = str::from_utf8(bytes).ok();
    let text = text.and_then(|text| Psbt::from_str(text.trim()).ok());
    text.or_else(|| Psbt::deserialize(bytes).ok())
}

/// Something in hexadecimal and nothing behind it.
fn hex<T: bitcoin::consensus::Decodable>(bytes: &[u8]) -> Option<T> {
    deserialize_hex(str::from_utf8(bytes).ok()?.trim()).ok()
}

fn line(mut text: String) -> Vec<u8> {
    text.push('\n');
    text.into_bytes()
}

/// Checks all that is attached, of a policy that compiles to this.
pub(super) fn check(files: &Files, compiled: &Compiled, checks: &mut Checks) {
    let network = compiled.policy().network();
    let transactions = transactions(files, checks);
    let blocks = blocks(files, network, &transactions, checks);
    let psbts = psbts(files, checks);
    if !transactions.is_empty() || !psbts.is_empty() {
        let places = Places::new(compiled, psbts.values());
        for (name, psbt) in &psbts {
            check_psbt(name, psbt, &places, &transactions, checks);
        }
        for (txid, transaction) in &transactions {
            check_transaction(*txid, transaction, &places, &transactions, &blocks, checks);
        }
    }
    for (name, bytes) in files.inside(REPORTS) {
        let says = format!("{} bytes; nothing but its sum is checked", bytes.len());
        checks.pass_file(Subject::Report, &format!("{REPORTS}/{name}"), says);
    }
}

/// The transactions that are what their names say.
fn transactions(files: &Files, checks: &mut Checks) -> BTreeMap<Txid, Transaction> {
    let mut found = BTreeMap::new();
    for (name, bytes) in files.inside(TRANSACTIONS) {
        let file = format!("{TRANSACTIONS}/{name}");
        let transaction = hex::<Transaction>(bytes);
        let exact = transaction.filter(|own| line(serialize_hex(own)) == bytes);
        let Some(transaction) = exact else {
            checks.fail(
                Subject::Transaction,
                &file,
                "it is no line with a transaction in hexadecimal",
            );
            continue;
        };
        let txid = transaction.compute_txid();
        if name != format!("{txid}.hex") {
            checks.fail(
                Subject::Transaction,
                &file,
                format!("it is transaction {txid}"),
            );
            continue;
        }
        if transaction.base_size() == TWO_HASHES {
            checks.fail(
                Subject::Transaction,
                &file,
                "it has 64 bytes, and could be two hashes of a block's tree",
            );
            continue;
        }
        found.insert(txid, transaction);
    }
    found
}

/// In which block each transaction is, by the proofs that hold.
fn blocks(
    files: &Files,
    network: Network,
    transactions: &BTreeMap<Txid, Transaction>,
    checks: &mut Checks,
) -> BTreeMap<Txid, BlockHash> {
    let mut found = BTreeMap::new();
    let mut headers: BTreeMap<&str, &[u8]> = files.inside(HEADERS).collect();
    for (name, bytes) in files.inside(BLOCK_PROOFS) {
        let file = format!("{BLOCK_PROOFS}/{name}");
        let header = headers.remove(name);
        match block(name, bytes, header, network) {
            Ok((header, txids)) => {
                let hash = header.block_hash();
                for txid in &txids {
                    if !transactions.contains_key(txid) {
                        let says = format!("it proves {txid}, which is not here");
                        checks.fail(Subject::Block, &file, says);
                    }
                }
                found.extend(txids.iter().map(|txid| (*txid, hash)));
                let says = format!(
                    "holds {} of these transactions; mined at {} by its own word, its work meets the target that it names; a node says whether it is on the best chain",
                    txids.len(),
                    crate::units::format_date_time(crate::units::UnixTime(header.time)),
                );
                checks.pass_file(Subject::Block, &file, says);
            }
            Err(problem) => checks.fail(Subject::Block, &file, problem),
        }
    }
    for name in headers.into_keys() {
        let file = format!("{HEADERS}/{name}");
        checks.fail(Subject::Block, &file, "no proof goes with it");
    }
    found
}

/// The header and the transactions of a proof, if it is one.
fn block(
    name: &str,
    bytes: &[u8],
    header: Option<&[u8]>,
    network: Network,
) -> Result<(Header, Vec<Txid>), String> {
    let proof = hex::<MerkleBlock>(bytes);
    let exact = proof.filter(|own| line(serialize_hex(own)) == bytes);
    let proof = exact.ok_or("it is no line with a proof of `gettxoutproof` in hexadecimal")?;
    let hash = proof.header.block_hash();
    if name != format!("{hash}.hex") {
        return Err(format!("it is of block {hash}"));
    }
    if header != Some(line(serialize_hex(&proof.header)).as_slice()) {
        return Err(format!("`{HEADERS}/{name}` is missing, or another header"));
    }
    let target = proof.header.target();
    if target > easiest(network) {
        return Err(format!("its target is easier than {network} allows"));
    }
    if proof.header.validate_pow(target).is_err() {
        return Err("its work does not meet the target that it names".to_owned());
    }
    let (mut txids, mut indexes) = (Vec::new(), Vec::new());
    proof
        .extract_matches(&mut txids, &mut indexes)
        .map_err(|error| format!("its tree does not lead to its header: {error}"))?;
    if txids.is_empty() {
        return Err("it proves nothing".to_owned());
    }
    Ok((proof.header, txids))
}

/// The easiest target that a network allows.
const fn easiest(network: Network) -> Target {
    match network {
        Network::Bitcoin => Target::MAX_ATTAINABLE_MAINNET,
        Network::Testnet4 => Target::MAX_ATTAINABLE_TESTNET,
        Network::Signet => Target::MAX_ATTAINABLE_SIGNET,
        Network::Regtest => Target::MAX_ATTAINABLE_REGTEST,
    }
}

/// The PSBTs that are some, by their files.
fn psbts(files: &Files, checks: &mut Checks) -> BTreeMap<String, Psbt> {
    let mut found = BTreeMap::new();
    for (name, bytes) in files.inside(PSBTS) {
        let file = format!("{PSBTS}/{name}");
        let Ok(psbt) = Psbt::deserialize(bytes) else {
            checks.fail(Subject::Psbt, &file, "it is no PSBT");
            continue;
        };
        let txid = psbt.unsigned_tx.compute_txid();
        let rest = name.strip_prefix(&txid.to_string());
        let number = rest.and_then(|rest| rest.strip_suffix(".psbt"));
        if !number.is_some_and(is_numbered) {
            checks.fail(Subject::Psbt, &file, format!("it is of transaction {txid}"));
        } else if psbt.serialize() != bytes {
            checks.fail(
                Subject::Psbt,
                &file,
                "it is not in the form in which it is written",
            );
        } else {
            found.insert(file, psbt);
        }
    }
    found
}

/// Nothing, or `-2` and on.
fn is_numbered(text: &str) -> bool {
    let number = text
        .strip_prefix('-')
        .and_then(|number| number.parse().ok());
    text.is_empty() || number.is_some_and(|number: u32| number > 1 && text == format!("-{number}"))
}

fn check_psbt(
    file: &str,
    psbt: &Psbt,
    places: &Places<'_>,
    transactions: &BTreeMap<Txid, Transaction>,
    checks: &mut Checks,
) {
    let mut is_ours = false;
    let mut signatures = 0;
    for (input, own) in psbt.unsigned_tx.input.iter().zip(&psbt.inputs) {
        signatures += own.partial_sigs.len() + own.tap_script_sigs.len();
        signatures += usize::from(own.tap_key_sig.is_some());
        let said = spent_by(own, input);
        let outpoint = input.previous_output;
        let real = transactions.get(&outpoint.txid);
        let real = real.and_then(|own| own.output.get(usize::try_from(outpoint.vout).ok()?));
        if let Some(real) = real
            && said.as_ref().is_some_and(|said| said != real)
        {
            let says = format!("of {outpoint} it says something else than that transaction");
            checks.fail(Subject::Psbt, file, says);
        }
        let output = real.cloned().or(said);
        is_ours |= output.is_some_and(|output| places.of(&output.script_pubkey).is_some());
    }
    if !is_ours {
        checks.fail(
            Subject::Psbt,
            file,
            "it spends no coin of this policy that could be recognised",
        );
        return;
    }
    let told = places.told(&psbt.unsigned_tx, |number| {
        let own = psbt.inputs.get(number)?;
        spent_by(own, psbt.unsigned_tx.input.get(number)?)
    });
    let says = format!("{told}; signatures in it: {signatures}, which are not judged here");
    checks.pass_file(Subject::Psbt, file, says);
}

/// The output that an input of a PSBT says it spends.
fn spent_by(own: &bitcoin::psbt::Input, input: &bitcoin::TxIn) -> Option<TxOut> {
    let outpoint = input.previous_output;
    let whole = own.non_witness_utxo.as_ref();
    let whole = whole.filter(|own| own.compute_txid() == outpoint.txid);
    let whole = whole.and_then(|own| own.output.get(usize::try_from(outpoint.vout).ok()?));
    whole.cloned().or_else(|| own.witness_utxo.clone())
}

fn check_transaction(
    txid: Txid,
    transaction: &Transaction,
    places: &Places<'_>,
    transactions: &BTreeMap<Txid, Transaction>,
    blocks: &BTreeMap<Txid, BlockHash>,
    checks: &mut Checks,
) {
    let told = places.told(transaction, |number| {
        let outpoint = transaction.input.get(number)?.previous_output;
        let spent = transactions.get(&outpoint.txid)?;
        spent
            .output
            .get(usize::try_from(outpoint.vout).ok()?)
            .cloned()
    });
    let place = match blocks.get(&txid) {
        Some(hash) => format!("in block {hash}"),
        None => "in no block that is shown here".to_owned(),
    };
    let is_ours = transaction
        .output
        .iter()
        .any(|output| places.of(&output.script_pubkey).is_some());
    let spends_known = transaction
        .input
        .iter()
        .any(|input| transactions.contains_key(&input.previous_output.txid));
    let stranger = match is_ours || spends_known {
        true => String::new(),
        false => format!(
            "; it pays to none of the first {FIRST} addresses of a stage, and spends nothing that is shown here"
        ),
    };
    let file = format!("{TRANSACTIONS}/{txid}.hex");
    let says = format!("{told}; {place}{stranger}");
    checks.pass_file(Subject::Transaction, &file, says);
}
