use super::*;

#[test]
fn a_thousand_synced_writes_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let summary = measure(folder.path()).unwrap();
    assert_eq!(summary.count, 1000);
    assert!(summary.p50 > std::time::Duration::ZERO && summary.p50 <= summary.max);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let failure = measure(&folder.path().join("absent")).unwrap_err();
    assert!(failure.message.starts_with("cannot write"), "{}", failure.message);
}
