//! Building blocks: coinbase transaction, commitments, proof of work.

use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Target, Transaction, TxIn,
    TxMerkleNode, TxOut, Witness, WitnessMerkleNode, transaction,
};

use crate::chain::ChainTip;
use crate::units::{BlockHeight, UnixTime};

/// Blocks between two halvings of the subsidy on regtest.
const HALVING_INTERVAL: u32 = 150;

/// The subsidy before the first halving.
const FIRST_SUBSIDY: Amount = Amount::from_sat(50 * 100_000_000);

/// No rule changes are signalled (BIP-9).
const BLOCK_VERSION: i32 = 0x2000_0000;

/// The target of every regtest block, as headers write it.
const REGTEST_BITS: u32 = 0x207f_ffff;

/// What marks the output with the witness commitment (BIP-141).
const WITNESS_COMMITMENT_MARK: [u8; 4] = [0xaa, 0x21, 0xa9, 0xed];

/// The coinbase witness, which the witness commitment commits to (BIP-141).
const WITNESS_RESERVED_VALUE: [u8; 32] = [0; 32];

/// What is new in a block, and where it goes.
#[derive(Debug)]
pub struct BlockPlan<'a> {
    /// The block before it.
    pub before: ChainTip,
    /// Its timestamp.
    pub time: UnixTime,
    /// Its transactions without the coinbase transaction, parents first.
    pub transactions: Vec<Transaction>,
    /// The sum of their fees.
    pub fees: Amount,
    /// The script that gets the reward.
    pub reward_script: &'a ScriptBuf,
    /// A number that makes the coinbase transaction differ from others of its height.
    pub extra_nonce: u32,
}

/// Builds the block and finds its proof of work.
pub fn build_block(plan: BlockPlan<'_>) -> Block {
    let height = plan.before.time.height.next();
    let reward = subsidy(height) + plan.fees;
    let coinbase = coinbase_transaction(height, reward, plan.reward_script, plan.extra_nonce);
    let mut block = Block {
        header: Header {
            version: Version::from_consensus(BLOCK_VERSION),
            prev_blockhash: plan.before.hash,
            merkle_root: TxMerkleNode::all_zeros(),
            time: plan.time.0,
            bits: CompactTarget::from_consensus(REGTEST_BITS),
            nonce: 0,
        },
        txdata: [vec![coinbase], plan.transactions].concat(),
    };
    commit_to_witnesses(&mut block);
    if let Some(root) = block.compute_merkle_root() {
        block.header.merkle_root = root;
    }
    mine(&mut block.header);
    block
}

/// The subsidy of a block.
pub fn subsidy(height: BlockHeight) -> Amount {
    let halvings = height.0 / HALVING_INTERVAL;
    Amount::from_sat(FIRST_SUBSIDY.to_sat().checked_shr(halvings).unwrap_or(0))
}

fn coinbase_transaction(
    height: BlockHeight,
    reward: Amount,
    reward_script: &ScriptBuf,
    extra_nonce: u32,
) -> Transaction {
    // The height comes first (BIP-34).
    let script_sig = Builder::new()
        .push_int(i64::from(height.0))
        .push_int(i64::from(extra_nonce))
        .into_script();
    let rewarded = (reward > Amount::ZERO).then(|| TxOut {
        value: reward,
        script_pubkey: reward_script.clone(),
    });
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig,
            sequence: Sequence::MAX,
            witness: Witness::from_slice(&[WITNESS_RESERVED_VALUE]),
        }],
        output: rewarded.into_iter().collect(),
    }
}

/// Adds the output that commits to all witnesses (BIP-141).
fn commit_to_witnesses(block: &mut Block) {
    let root = block
        .witness_root()
        .unwrap_or_else(WitnessMerkleNode::all_zeros);
    let commitment = Block::compute_witness_commitment(&root, &WITNESS_RESERVED_VALUE);
    let mut mark = PushBytesBuf::from(WITNESS_COMMITMENT_MARK);
    let appended = mark.extend_from_slice(commitment.as_byte_array());
    debug_assert!(appended.is_ok(), "36 bytes can be pushed");
    if let Some(coinbase) = block.txdata.first_mut() {
        coinbase.output.push(TxOut {
            value: Amount::ZERO,
            script_pubkey: ScriptBuf::new_op_return(mark),
        });
    }
}

/// Counts the nonce up to the first that gives proof of work, which every second one does.
fn mine(header: &mut Header) {
    let target = Target::from_compact(header.bits);
    while !target.is_met_by(header.block_hash()) {
        header.nonce = header.nonce.wrapping_add(1);
    }
}
