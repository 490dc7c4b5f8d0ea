//! A small regtest miner.  Every coinbase pays one coin that anybody can spend and one that nobody
//! can, so nothing is ever signed.

use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::blockdata::opcodes::OP_TRUE;
use bitcoin::consensus::serialize;
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, Block, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut,
    Witness, transaction,
};

/// What follows the lowest byte of the amount in an empty block: seven bytes of amount, the script
/// with its length, and the lock time.
pub const BYTES_AFTER_AMOUNT: usize = 8 + 2 + 4;

/// A chain from regtest's genesis block on.
pub struct Chain {
    genesis: Block,
    blocks: Vec<Block>,
}

impl Chain {
    /// The genesis block alone.
    pub fn new() -> Self {
        let genesis = genesis_block(Network::Regtest);
        let blocks = Vec::new();
        Self { genesis, blocks }
    }

    /// All blocks but the genesis block.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The last block.
    pub fn tip(&self) -> &Block {
        self.blocks.last().unwrap_or(&self.genesis)
    }

    /// Mines and appends blocks that hold a coinbase alone.
    pub fn mine_empty(&mut self, count: usize) -> Vec<Block> {
        let from = self.blocks.len();
        for _ in 0..count {
            self.push(self.with(Vec::new()));
        }
        self.blocks[from..].to_vec()
    }

    /// Mines and appends an empty block that differs from the one [`Chain::mine_empty`] would mine.
    pub fn mine_other(&mut self) -> Vec<Block> {
        let mut block = self.with(Vec::new());
        block.header.time += 1;
        self.push(grind(block));
        vec![self.tip().clone()]
    }

    /// Appends a block.
    pub fn push(&mut self, block: Block) {
        self.blocks.push(block);
    }

    /// Removes the last block.
    pub fn pop(&mut self) {
        self.blocks.pop();
    }

    /// A block on the tip with these transactions, not appended.
    pub fn with(&self, transactions: Vec<Transaction>) -> Block {
        let height = self.blocks.len() + 1;
        let mut txdata = vec![coinbase(i64::try_from(height).unwrap())];
        txdata.extend(transactions);
        let previous = self.tip();
        let header = Header {
            version: Version::from_consensus(0x2000_0000),
            prev_blockhash: previous.block_hash(),
            merkle_root: TxMerkleNode::all_zeros(),
            time: previous.header.time + 600,
            bits: previous.header.bits,
            nonce: 0,
        };
        let mut block = Block { header, txdata };
        block.header.merkle_root = block.compute_merkle_root().unwrap();
        grind(block)
    }

    /// Spends the coinbase of a height, with a sequence number, to a dust output.
    pub fn spend(&self, height: usize, sequence: Sequence) -> Transaction {
        let previous = OutPoint::new(self.blocks[height - 1].txdata[0].compute_txid(), 0);
        transaction(previous, sequence, ScriptBuf::new())
    }

    /// Like [`Chain::spend`], but what the script leaves on the stack is false.
    pub fn spend_unlockable(&self, height: usize) -> Transaction {
        let mut transaction = self.spend(height, Sequence::MAX);
        let previous = &mut transaction.input[0].previous_output;
        previous.vout = 1;
        transaction
    }
}

fn coinbase(height: i64) -> Transaction {
    let signature = Builder::new().push_int(height).push_int(0).into_script();
    let mut transaction = transaction(OutPoint::null(), Sequence::MAX, signature);
    let never = Builder::new().push_int(0).into_script();
    let always = Builder::new().push_opcode(OP_TRUE).into_script();
    transaction.output = vec![output(1_000, always), output(1_000, never)];
    transaction
}

fn transaction(
    previous_output: OutPoint,
    sequence: Sequence,
    script_sig: ScriptBuf,
) -> Transaction {
    let input = TxIn {
        previous_output,
        script_sig,
        sequence,
        witness: Witness::new(),
    };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![output(1, Builder::new().push_opcode(OP_TRUE).into_script())],
    }
}

fn output(satoshis: u64, script_pubkey: ScriptBuf) -> TxOut {
    let value = Amount::from_sat(satoshis);
    TxOut {
        value,
        script_pubkey,
    }
}

/// Counts the nonce up to regtest's difficulty, which every second hash meets.
fn grind(mut block: Block) -> Block {
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce += 1;
    }
    block
}

/// A block in the hexadecimal of its consensus bytes.
pub fn hex(block: &Block) -> String {
    hex_bytes(&serialize(block))
}

/// Bytes in hexadecimal.
pub fn hex_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
