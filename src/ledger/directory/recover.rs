//! Opening: from what was found to a store that can be written.

use std::path::Path;
use std::sync::Arc;

use super::super::disk::{Access, Disk, DiskFile};
use super::super::error::StoreError;
use super::super::examine::{Found, LOCK, Look, TIP, TORN, Torn, check_modes, examine};
use super::super::pin::{Pin, Remark};
use super::super::snapshot::{SEGMENTS, Verified, segment_name, segment_path};
use super::lock::hold;
use super::{Directory, Lookup, SEGMENT_LENGTH, open_tip};

impl Directory {
    /// Reads everything, cuts off what is torn, and makes hashes, mark and index anew; returns the
    /// store with what it holds.
    ///
    /// It never gives up a record that was acknowledged: where one is damaged, it says so and
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if any record is damaged.
    pub fn repair(
        path: &Path,
        pin: Option<&Pin>,
        holder: &str,
    ) -> Result<(Self, Verified), StoreError> {
        Self::repair_on(Arc::new(super::super::disk::System), path, pin, holder)
    }

    /// The same on another file system.
    ///
    /// # Errors
    ///
    /// As [`repair`](Self::repair).
    pub fn repair_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        pin: Option<&Pin>,
        holder: &str,
    ) -> Result<(Self, Verified), StoreError> {
        let mut store = Self::start(disk, path, pin, holder, Look::Repair)?;
        store.drop_index()?;
        store.is_dirty = true;
        let verified = store.snapshot().verify(|_, _| Ok::<_, StoreError>(()))?;
        store.with_index(|_| Ok(()))?;
        Ok((store, verified))
    }

    pub(super) fn start(
        disk: Arc<dyn Disk>,
        path: &Path,
        pin: Option<&Pin>,
        holder: &str,
        look: Look,
    ) -> Result<Self, StoreError> {
        check_modes(&*disk, path)?;
        let lock_path = path.join(LOCK);
        let lock = if disk.status(&lock_path).is_ok() {
            disk.open(&lock_path, Access::Write)
        } else {
            disk.create(&lock_path)
        };
        let lock = hold(lock.map_err(StoreError::system("open", LOCK))?, holder)?;
        let found = examine(&*disk, path, look)?;
        if let Some(pin) = pin {
            found.check(pin)?;
        }
        Self::take(disk, path, lock, found)
    }

    /// Makes a store that can be written of what was found.
    fn take(
        disk: Arc<dyn Disk>,
        path: &Path,
        lock: Box<dyn DiskFile>,
        mut found: Found,
    ) -> Result<Self, StoreError> {
        if let Some(torn) = &found.torn {
            let remark = cut(&*disk, path, torn)?;
            found.remarks.push(remark);
        }
        let newest = found.segments.len().saturating_sub(1);
        let name = segment_path(newest);
        let mut writer = disk
            .open(
                &path.join(SEGMENTS).join(segment_name(newest)),
                Access::Write,
            )
            .map_err(StoreError::system("open", name.clone()))?;
        let allocated = writer
            .length()
            .map_err(StoreError::system("look at", name.clone()))?;
        // What is missing or damaged and can be made anew, is.
        let is_changed = found.was_read || !found.remarks.is_empty();
        let mut store = Self {
            tip: open_tip(&*disk, path)?,
            disk,
            path: path.to_owned(),
            genesis: found.genesis,
            genesis_digest: found.genesis_digest,
            _lock: lock,
            segments: Arc::new(found.segments),
            writer,
            allocated,
            lookup: Lookup::new(found.edge.size()),
            edge: found.edge,
            hashes: found.hashes,
            stopped: None,
            is_dirty: is_changed,
            is_closed: false,
            since_mark: 0,
            segment_length: SEGMENT_LENGTH,
            buffer: Vec::new(),
            remarks: std::cell::RefCell::new(found.remarks),
        };
        if is_changed {
            // What was read may have been written and not synced; from here on it is
            // acknowledged, and the next one who opens the store need not read it again.
            store
                .writer
                .sync()
                .map_err(StoreError::system("sync", name))?;
            store
                .tip
                .truncate(0)
                .map_err(StoreError::system("truncate", TIP))?;
            store.write_tip()?;
            store.hashes.write()?;
            store.write_mark(false)?;
        }
        Ok(store)
    }
}

/// Moves what is torn to a file of its own.
fn cut(disk: &dyn Disk, path: &Path, torn: &Torn) -> Result<Remark, StoreError> {
    let system = |operation| StoreError::system(operation, TORN);
    let folder = path.join(TORN);
    if disk.status(&folder).is_err() {
        disk.create_directory(&folder).map_err(system("create"))?;
        disk.sync_directory(path).map_err(system("sync"))?;
    }
    let mut kept = format!("{:08}-{}", torn.segment, torn.offset);
    let mut copy = 1;
    while disk.status(&folder.join(&kept)).is_ok() {
        copy += 1;
        kept = format!("{:08}-{}-{copy}", torn.segment, torn.offset);
    }
    let name = segment_path(torn.segment);
    let source = path.join(SEGMENTS).join(segment_name(torn.segment));
    let of_segment = |operation| StoreError::system(operation, name.clone());
    let mut file = disk
        .open(&source, Access::Write)
        .map_err(of_segment("open"))?;
    let length = file.length().map_err(of_segment("look at"))?;
    let remark = |bytes| Remark::Cut {
        file: name.clone(),
        offset: torn.offset,
        bytes,
        what: torn.what.clone(),
        kept: format!("{TORN}/{kept}"),
    };
    if torn.offset == 0 {
        disk.rename(&source, &folder.join(&kept))
            .map_err(system("rename"))?;
        disk.sync_directory(&folder).map_err(system("sync"))?;
        disk.sync_directory(&path.join(SEGMENTS))
            .map_err(of_segment("sync"))?;
        return Ok(remark(length));
    }
    let mut bytes = vec![0; usize::try_from(length - torn.offset).unwrap_or(0)];
    let read = file
        .read_at(torn.offset, &mut bytes)
        .map_err(of_segment("read"))?;
    bytes.truncate(read);
    // Room behind it is nothing that was written.
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    bytes.truncate(end);
    let mut side = disk.create(&folder.join(&kept)).map_err(system("create"))?;
    side.write_at(0, &bytes).map_err(system("write"))?;
    side.sync().map_err(system("sync"))?;
    disk.sync_directory(&folder).map_err(system("sync"))?;
    file.truncate(torn.offset).map_err(of_segment("truncate"))?;
    file.sync().map_err(of_segment("sync"))?;
    Ok(remark(bytes.len() as u64))
}
