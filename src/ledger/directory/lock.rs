//! The lock of a store that is open for writing.

use std::time::Duration;

use super::super::disk::DiskFile;
use super::super::error::StoreError;
use super::super::examine::LOCK;

/// How often a lock that somebody has is tried again, and after how long.
pub(in super::super) const LOCK_TRIES: u32 = 20;
pub(in super::super) const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Longest text that says who holds the lock, in bytes.
const MAX_HOLDER: usize = 500;

/// Locks a file, and writes into it by whom.
pub(super) fn hold(
    mut lock: Box<dyn DiskFile>,
    holder: &str,
) -> Result<Box<dyn DiskFile>, StoreError> {
    let system = |operation| StoreError::system(operation, LOCK);
    let mut is_held = lock.try_lock().map_err(system("lock"))?;
    // A child of its last holder has the lock as well, for the moment until it becomes another
    // program.
    for _ in 0..LOCK_TRIES {
        if is_held {
            break;
        }
        std::thread::sleep(LOCK_PAUSE);
        is_held = lock.try_lock().map_err(system("lock"))?;
    }
    if !is_held {
        let mut bytes = vec![0; MAX_HOLDER];
        let read = lock.read_at(0, &mut bytes).map_err(system("read"))?;
        bytes.truncate(read);
        let text: String = String::from_utf8_lossy(&bytes)
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        return Err(StoreError::Locked { holder: text });
    }
    let text: String = holder.chars().take(MAX_HOLDER / 4).collect();
    lock.truncate(0).map_err(system("write"))?;
    lock.write_at(0, text.as_bytes()).map_err(system("write"))?;
    Ok(lock)
}
