//! Every option of RocksDB that is not its default, and why.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompactionStyle,
    DBCompressionType, DBRecoveryMode, Options, WriteOptions,
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
/// - `max_manifest_*`: the manifest is written anew with every change of the tables, so that it does not keep the first
///   and last keys of tables that are gone, which may be of something erased. It has a line for each table, and the
///   tables change once for tens of MiB.
const BY_NAME: &str = "track_and_verify_wals=true;max_bgerror_resume_count=0;\
     max_manifest_file_size=1;max_manifest_space_amp_pct=0";

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
pub(super) fn families(settings: &Settings) -> Result<Vec<ColumnFamilyDescriptor>, StoreError> {
    // Without locks, sized by itself: a lookup asks it for one part of a filter in each run (measured with the merging
    // below, two million entries: a key that is not there 2.7 µs, with the default cache 4.2 µs).
    let cache = Cache::new_hyper_clock_cache(settings.cache_mib.saturating_mul(MIB), 0);
    let describe = |name: &&str| Ok(ColumnFamilyDescriptor::new(*name, family(name, settings, &cache)?));
    schema::FAMILIES.iter().map(describe).collect()
}

fn family(name: &str, settings: &Settings, cache: &Cache) -> Result<Options, StoreError> {
    let mut options = match name {
        schema::ROWS | schema::LISTS | schema::TILES | schema::HEADS => merge_seldom(name)?,
        _ => Options::default(),
    };
    // The buffer of the database as a whole decides when to write out, not that of one family.
    options.set_write_buffer_size(settings.write_buffer_mib.max(1).saturating_mul(MIB));
    // Nothing expires, so nothing is rewritten because of its age.
    options.set_ttl(0);
    options.set_periodic_compaction_seconds(0);
    // One kind of compression on every level: keys that only rise are then moved from level to level as whole files,
    // and never rewritten. Hashes do not compress, and rows, keyed by them, are merged again and again; what is between
    // hashes does.
    options.set_compression_type(match name {
        schema::TILES | schema::ROWS | schema::LISTS => DBCompressionType::None,
        _ => DBCompressionType::Lz4,
    });
    if name == schema::ROWS {
        // Nearly every key that is asked for is new: a filter says so without a search through the buffer.
        options.set_memtable_whole_key_filtering(true);
        options.set_memtable_prefix_bloom_ratio(0.02);
    }
    if name == schema::STATEMENTS {
        // A large statement is written once and never moved by compaction. A small one costs less in a table, where
        // it is compressed together with its neighbours.
        options.set_enable_blob_files(true);
        options.set_min_blob_size(16 * 1024);
        options.set_blob_compression_type(DBCompressionType::Lz4);
    }
    options.set_block_based_table_factory(&table(name, cache));
    Ok(options)
}

/// The options to begin with of families where every buffer that is written out overlaps all that is there: digests as keys, or one key that is
/// written again by every commit.
///
/// With levels, four small files are merged with all of the first level, up to 256 MiB, each time. Sorted runs of
/// similar size are merged with each other instead, so that a row is rewritten about log2(size of the log) times
/// (measured over the first two million entries in rounds of 250, with the filters and the cache here: 8.1 µs of
/// processor time an entry, merging included; before, with levels, 9.5 µs and rising to 16 µs in the third million).
fn merge_seldom(name: &str) -> Result<Options, StoreError> {
    // Of these two the binding has no function for the first.
    //
    // - `max_read_amp`: as many runs as a log of a thousand million entries has. The default is the trigger of four: once
    //   there are four large runs, every buffer that is written out is merged with a large one at once (measured from 11
    //   to 13.5 million entries: 10.3 µs of processor time an entry for all merging, with this 3.7 µs).
    // - `size_ratio`: where keys are looked up, a run is also merged with the next that is up to twice as large: more is
    //   written, and fewer runs are asked (measured over the first 2.5 million entries: 1.0 µs an entry, and 4 or 5 runs
    //   nearly always; with the default 0.8 µs, and often 6 or 7).
    let ratio = if name == schema::ROWS { 100 } else { 1 };
    let merging = format!("compaction_options_universal={{max_read_amp=16;size_ratio={ratio}}}");
    let mut options =
        Options::default().get_options_from_string(&merging).map_err(|error| failure::opening(&error))?;
    options.set_compaction_style(DBCompactionStyle::Universal);
    // The default, and we rely on it: with fewer runs there is nothing to merge yet.
    options.set_level_zero_file_num_compaction_trigger(4);
    // A merge of everything must not hold up commits: the default would slow them down at 20 runs.
    options.set_level_zero_slowdown_writes_trigger(48);
    options.set_level_zero_stop_writes_trigger(96);
    Ok(options)
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
        schema::TILES => {
            table.set_block_size(4 * 1024);
            // One key for 256 entries: the filter is small, and spares the runs that a tile is not in.
            table.set_bloom_filter(10.0, false);
        }
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
