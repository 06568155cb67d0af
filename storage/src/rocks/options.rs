//! Every option of RocksDB that is not its default, and why.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode,
    Options, WriteOptions,
};

use super::failure;
use super::{Durability, Settings, schema};
use crate::error::StoreError;

const MIB: usize = 1024 * 1024;

/// Options that the binding has no function for.
///
/// - `track_and_verify_wals`: each write-ahead log names its predecessor, and a database without any is refused.
/// - `max_bgerror_resume_count`: RocksDB would go on by itself when a full disk has room again. What was written
///   before is unknown then; only opening it again tells.
const BY_NAME: &str = "track_and_verify_wals=true;max_bgerror_resume_count=0";

/// The options of the database as a whole.
pub(super) fn database(settings: &Settings) -> Result<Options, StoreError> {
    let mut options =
        Options::default().get_options_from_string(BY_NAME).map_err(|error| failure::opening(&error))?;
    // A damaged record in the write-ahead log refuses to open. The default would drop everything after it, silently.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // A closed write-ahead log that is missing or too short is noticed.
    options.set_track_and_verify_wals_in_manifest(true);
    // A table file of the wrong size is noticed when the database opens. It is the default, and we rely on it.
    options.set_paranoid_checks(true);
    // All column families are written out together, so the write-ahead log never holds more than the buffer does,
    // and a start has a bounded amount to read.
    options.set_atomic_flush(true);
    options.set_db_write_buffer_size(settings.write_buffer_mib.max(1).saturating_mul(MIB));
    // Below the 1,024 open files that a process has by default, with room for connections.
    options.set_max_open_files(512);
    // Nothing reads RocksDB's own statistics; its log file stays small.
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options.set_max_log_file_size(4 * MIB);
    options.set_keep_log_file_num(4);
    Ok(options)
}

/// The options of each column family.
pub(super) fn families(settings: &Settings) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(settings.cache_mib.saturating_mul(MIB));
    let describe = |name: &&str| ColumnFamilyDescriptor::new(*name, family(name, settings, &cache));
    schema::FAMILIES.iter().map(describe).collect()
}

fn family(name: &str, settings: &Settings, cache: &Cache) -> Options {
    let mut options = Options::default();
    // The buffer of the database as a whole decides when to write out, not that of one family.
    options.set_write_buffer_size(settings.write_buffer_mib.max(1).saturating_mul(MIB));
    // Nothing expires, so nothing is rewritten because of its age.
    options.set_ttl(0);
    options.set_periodic_compaction_seconds(0);
    // One kind of compression on every level: keys that only rise are then moved from level to level as whole files,
    // and never rewritten. Hashes do not compress, what is between them does.
    options.set_compression_type(match name {
        schema::TILES => DBCompressionType::None,
        _ => DBCompressionType::Lz4,
    });
    if name == schema::STATEMENTS {
        // A large statement is written once and never moved by compaction. A small one costs less in a table, where
        // it is compressed together with its neighbours.
        options.set_enable_blob_files(true);
        options.set_min_blob_size(16 * 1024);
        options.set_blob_compression_type(DBCompressionType::Lz4);
    }
    options.set_block_based_table_factory(&table(name, cache));
    options
}

fn table(name: &str, cache: &Cache) -> BlockBasedOptions {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    // Memory is bounded by the cache, not by the size of the log.
    table.set_cache_index_and_filter_blocks(true);
    table.set_cache_index_and_filter_blocks_with_high_priority(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // In parts: whole, the filter of one file is larger than a shard of the cache, and every lookup reads it again
    // (measured at a million entries: 176 µs a lookup).
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_pin_top_level_index_and_filter(true);
    match name {
        // Every registration asks for keys that are not there: small blocks, and a filter that answers for most.
        schema::ROWS => {
            table.set_block_size(4 * 1024);
            table.set_bloom_filter(10.0, false);
            table.set_partition_filters(true);
        }
        // A full tile is 8 KiB and fills a block of its own.
        schema::TILES => table.set_block_size(4 * 1024),
        // Larger blocks compress better, and neighbours are often read together.
        _ => table.set_block_size(16 * 1024),
    }
    table
}

/// How a commit is written.
pub(super) fn write(durability: Durability) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(durability == Durability::Synced);
    options
}
