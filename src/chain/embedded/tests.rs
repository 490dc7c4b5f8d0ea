//! The embedded chain against the rules it promises to keep.

mod fees;
mod finality;
mod forms;
mod mining;
mod records;
mod reorgs;
mod scripts;
mod support;
mod truc;
mod vectors;
