//! What RocksDB was told, as it writes it down itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::create;

/// The value of every option of every family, by `family/option`; options of tables are `family/table/option`.
fn told(database: &Path) -> BTreeMap<String, String> {
    let newest = fs::read_dir(database)
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("OPTIONS-"))
        .max()
        .expect("RocksDB writes its options down");
    let (mut section, mut found) = (String::new(), BTreeMap::new());
    for line in fs::read_to_string(newest).unwrap().lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            let part = if name.starts_with("TableOptions") { "/table" } else { "" };
            section = format!("{}{part}", name.split('"').nth(1).unwrap_or_default());
        } else if let Some((name, value)) = line.split_once('=') {
            found.insert(format!("{section}/{name}"), value.into());
        }
    }
    found
}

#[test]
fn runs_are_merged_with_runs_of_their_size() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder.path().join("store"));
    let told = told(&folder.path().join("store/db"));
    for family in ["rows", "lists", "tiles", "heads"] {
        let of = |name: &str| told[&format!("{family}/{name}")].as_str();
        assert_eq!(of("compaction_style"), "kCompactionStyleUniversal", "{family}");
        // With RocksDB's default a buffer is merged with a large run at once when there are four.
        assert!(of("compaction_options_universal").contains("max_read_amp=16;"), "{family}");
        let ratio = if family == "rows" { "size_ratio=100;" } else { "size_ratio=1;" };
        assert!(of("compaction_options_universal").contains(ratio), "{family}");
        assert_eq!(of("level0_file_num_compaction_trigger"), "4", "{family}");
        // A commit is not held up while everything is merged.
        assert_eq!(of("level0_slowdown_writes_trigger"), "48", "{family}");
        assert_eq!(of("level0_stop_writes_trigger"), "96", "{family}");
    }
    drop(store);
}

#[test]
fn what_is_looked_up_has_filters_and_what_is_listed_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder.path().join("store"));
    let told = told(&folder.path().join("store/db"));
    assert_eq!(told["rows/table/filter_policy"], "bloomfilter");
    assert_eq!(told["rows/table/partition_filters"], "true");
    assert_eq!(told["lists/table/filter_policy"], "nullptr");
    drop(store);
}

#[test]
fn every_family_is_merged_because_of_its_size_and_never_of_its_age() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder.path().join("store"));
    let told = told(&folder.path().join("store/db"));
    for family in ["heads", "entries", "statements", "collateral", "tiles", "rows", "lists"] {
        for name in ["ttl", "periodic_compaction_seconds"] {
            assert_eq!(told[&format!("{family}/{name}")], "0", "{family} {name}");
        }
    }
    drop(store);
}
