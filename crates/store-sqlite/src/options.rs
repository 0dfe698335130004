//! What can be chosen about the embedded store.

use std::time::Duration;

/// Choices for one data folder. The defaults suit a small machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// How large an environment's data file may grow, in bytes; beyond it commits answer
    /// [`store::Error::Full`]. `None`: as large as the disk. (The write-ahead log comes on top.)
    pub file_bytes_max: Option<u64>,
    /// Page cache of an environment's writer, in bytes. Filled as needed, never given back before closing.
    pub writer_cache_bytes: u32,
    /// Page cache of each reader, in bytes.
    pub reader_cache_bytes: u32,
    /// How many readers serve short reads. Two more serve long ones (scans, exports, checks, backups).
    pub readers: usize,
    /// How much is kept in the write-ahead log before it is carried over into the data file, in bytes. More
    /// is faster; it costs as much disk, and time to open after a crash.
    pub log_bytes: u64,
    /// How many batches are committed together at most.
    pub group_max: usize,
    /// How many directory keys are gathered before they are carried over into the directory. More is faster; each
    /// takes about 60 bytes of memory, and twice as many may be held.
    pub keys_gathered: usize,
    /// How far the anchor may lag behind what has been acknowledged.
    pub anchor_every: Duration,
    /// The folder must have been used before: nothing is made, and what is half made stays as it is.
    pub must_exist: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file_bytes_max: None,
            writer_cache_bytes: 64 << 20,
            reader_cache_bytes: 4 << 20,
            readers: 2,
            log_bytes: 80 << 20,
            group_max: 64,
            keys_gathered: 200_000,
            anchor_every: Duration::from_secs(1),
            must_exist: false,
        }
    }
}
