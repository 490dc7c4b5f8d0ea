//! Bitcoin Core's validation as a node without a network: blocks go in, verdicts come out.

use std::sync::{Arc, Mutex, PoisonError};

use bitcoinkernel::prelude::*;
use bitcoinkernel::{
    Block, BlockValidationStateRef, ChainType, ChainstateManager, Context, KernelError, Log,
    Logger, ProcessBlockResult, ValidationMode,
};
use tempfile::TempDir;

use crate::error::{Problem, Syntax};

/// What Core made of one block.
pub(crate) struct Verdict {
    /// The block's hash, in display order.
    pub(crate) hash: String,
    /// Whether Core stored it now for the first time.
    pub(crate) new: bool,
    /// Whether it is in the active chain afterwards.
    pub(crate) active: bool,
    /// Core's words, where this block, or another it brought into play, turned out invalid.
    pub(crate) refusal: Option<String>,
}

/// A regtest node that starts at the genesis block, with its state in memory and its block files in
/// a directory that goes away with it.
pub(crate) struct Node {
    // Dropped in this order: the chain state still writes to its directory when it closes.
    chain: ChainstateManager,
    _context: Context,
    _directory: TempDir,
    invalid: Arc<Mutex<bool>>,
    reason: Arc<Mutex<Option<Reason>>>,
}

/// Core's reasons for refusals.
///
/// The kernel's interface says that a block is invalid but not why.  The words are in Core's log
/// only.
pub(crate) struct Reasons {
    _logger: Logger,
    last: Arc<Mutex<Option<Reason>>>,
}

/// Why a block is invalid.
struct Reason {
    /// The hash of the block, in display order; without it, the block that was submitted.
    block: Option<String>,
    /// Core's words.
    words: String,
}

struct Listener {
    last: Arc<Mutex<Option<Reason>>>,
}

impl Reasons {
    /// Starts to read Core's log.
    ///
    /// # Errors
    ///
    /// [`Problem::Node`] where Core will not hand out its log.
    pub(crate) fn listen() -> Result<Self, Problem> {
        let last = Arc::new(Mutex::new(None));
        let listener = Listener { last: last.clone() };
        let logger = Logger::new(listener).map_err(|e| node_failed(&e))?;
        Ok(Self {
            _logger: logger,
            last,
        })
    }
}

impl Log for Listener {
    fn log(&self, message: &str) {
        if let Some(reason) = reason_in(message) {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            last.get_or_insert(reason);
        }
    }
}

/// Reads the two log lines that give a reason: for a block that fails by itself or in its context,
/// and for a block that fails when it is connected.
fn reason_in(message: &str) -> Option<Reason> {
    let message = message.trim_end();
    if let Some((_, rest)) = message.split_once("AcceptBlock FAILED (") {
        let words = rest.strip_suffix(')')?.to_owned();
        return Some(Reason { block: None, words });
    }
    let (_, rest) = message.split_once("ConnectBlock ")?;
    let (block, words) = rest.split_once(" failed, ")?;
    Some(Reason {
        block: Some(block.to_owned()),
        words: words.to_owned(),
    })
}

impl Reason {
    /// The words, and which block they are about where it is not the one that was submitted.
    fn about(self, submitted: &str) -> String {
        let words = self.words;
        match self.block {
            Some(block) if block != submitted => format!("block {block} below it: {words}"),
            _ => words,
        }
    }
}

impl Node {
    /// Starts a node at regtest's genesis block.
    ///
    /// # Errors
    ///
    /// [`Problem::Node`] where Core cannot start, for example for want of a writable directory.
    pub(crate) fn new(reasons: &Reasons) -> Result<Self, Problem> {
        let directory = TempDir::new().map_err(|e| Problem::Node(e.to_string()))?;
        let data = directory.path().join("data");
        let blocks = directory.path().join("blocks");
        let (Some(data), Some(blocks)) = (data.to_str(), blocks.to_str()) else {
            let text = "the directory for temporary files is not UTF-8";
            return Err(Problem::Node(text.to_owned()));
        };
        let invalid = Arc::new(Mutex::new(false));
        let seen = invalid.clone();
        let on_checked = move |_: Block, state: BlockValidationStateRef<'_>| {
            if state.mode() != ValidationMode::Valid {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = true;
            }
        };
        let context = Context::builder()
            .chain_type(ChainType::Regtest)
            .with_block_checked_validation(on_checked)
            .build()
            .map_err(|e| node_failed(&e))?;
        let chain = ChainstateManager::builder(&context, data, blocks)
            .map_err(|e| node_failed(&e))?
            .block_tree_db_in_memory(true)
            .chainstate_db_in_memory(true)
            .build()
            .map_err(|e| node_failed(&e))?;
        // Without this call the genesis block is known but not yet connected.
        chain.import_blocks().map_err(|e| node_failed(&e))?;
        Ok(Self {
            chain,
            _context: context,
            _directory: directory,
            invalid,
            reason: reasons.last.clone(),
        })
    }

    /// Hands a block to Core and asks what became of it.
    ///
    /// # Errors
    ///
    /// [`Syntax::NotABlock`] where the bytes are none.
    pub(crate) fn submit(&self, bytes: &[u8]) -> Result<Verdict, Problem> {
        let block = Block::new(bytes).map_err(|_| Syntax::NotABlock)?;
        let own = block.hash();
        let hash = own.to_string();
        take(&self.invalid);
        take(&self.reason);
        let result = self.chain.process_block(&block);
        // Core reports a stored block as new even when it could not be connected.
        let entry = self.chain.get_block_tree_entry(&own);
        let active = entry.is_some_and(|entry| self.chain.active_chain().contains(&entry));
        let invalid = take(&self.invalid) || result == ProcessBlockResult::Rejected;
        let reason = take(&self.reason).map(|reason| reason.about(&hash));
        let refusal = invalid.then(|| reason.unwrap_or_else(|| "no reason in its log".to_owned()));
        Ok(Verdict {
            hash,
            new: result == ProcessBlockResult::NewBlock,
            active,
            refusal,
        })
    }

    /// Whether Core would try to connect a block: it stands on a known one and would make its branch
    /// longer than the active one.
    ///
    /// # Errors
    ///
    /// [`Syntax::NotABlock`] where the bytes are none.
    pub(crate) fn would_connect(&self, bytes: &[u8]) -> Result<bool, Problem> {
        let block = Block::new(bytes).map_err(|_| Syntax::NotABlock)?;
        let header = block.header();
        let parent = self
            .chain
            .get_block_tree_entry(&header.prev_hash().to_owned());
        let tip = self.chain.active_chain().height();
        Ok(parent.is_some_and(|parent| parent.height() >= tip))
    }

    /// The hash of the active tip, in display order.
    pub(crate) fn tip(&self) -> String {
        self.chain.active_chain().tip().block_hash().to_string()
    }
}

fn take<T: Default>(value: &Mutex<T>) -> T {
    std::mem::take(&mut *value.lock().unwrap_or_else(PoisonError::into_inner))
}

fn node_failed(error: &KernelError) -> Problem {
    Problem::Node(error.to_string())
}
