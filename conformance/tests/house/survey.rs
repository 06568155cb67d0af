//! Reads the real house: `cargo metadata`, the lock file and the source tree.

use crate::rules::{Dependency, House, Room, Source};
use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn house() -> House {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the room stands in a repository");
    let rooms = rooms(top);
    let mut sources = Vec::new();
    for room in &rooms {
        for place in ["src", "tests", "benches", "examples"] {
            rust_files(top, &top.join(&room.name).join(place), &mut sources);
        }
    }
    let text = fs::read_to_string(top.join("Cargo.lock")).expect("the lock file is committed");
    House { rooms, sources, top: names(top), tracked: tracked(top), locked: locked(&text) }
}

fn rooms(top: &Path) -> Vec<Room> {
    let mut command = MetadataCommand::new();
    command.manifest_path(top.join("Cargo.toml")).no_deps();
    command.other_options(["--locked".to_owned(), "--offline".to_owned()]);
    let metadata = command.exec().expect("cargo metadata answers");
    let rooms = metadata.workspace_packages().into_iter().map(|package| {
        let manifest = fs::read_to_string(&package.manifest_path).expect("a manifest can be read");
        let leans_on = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            for_tests: dependency.kind == DependencyKind::Development,
            features: dependency.features.clone(),
        });
        Room {
            name: package.name.to_string(),
            leans_on: leans_on.collect(),
            inherits_lints: manifest.contains("[lints]\nworkspace = true"),
        }
    });
    rooms.collect()
}

fn rust_files(top: &Path, place: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(place) else { return };
    let mut entries: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(top, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file is text");
            let path = path.strip_prefix(top).expect("it lies below the top").display().to_string();
            found.push(Source { path, text });
        }
    }
}

fn names(top: &Path) -> Vec<String> {
    let entries = fs::read_dir(top).expect("the top can be read");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.')).collect()
}

/// What git keeps. An archive of the sources has no `.git`, and a build image may have no git: neither can commit.
fn tracked(top: &Path) -> Vec<String> {
    if !top.join(".git").exists() {
        return Vec::new();
    }
    // CI often runs as another user than the owner of the checkout, which git refuses unless it is told that it may.
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z"]).current_dir(top);
    // A hook of git names its own repository, which need not be this one.
    git.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").env_remove("GIT_WORK_TREE");
    let listed = match git.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        listed => listed.expect("git starts"),
    };
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let paths = listed.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect()
}

/// Reads from a lock file which package depends on which, by name alone.
pub(crate) fn locked(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for block in text.split("[[package]]").skip(1) {
        let Some(name) = block.lines().find_map(|line| line.strip_prefix("name = ")) else { continue };
        let needs = found.entry(name.trim_matches('"').to_owned()).or_default();
        let quoted = block.lines().filter_map(|line| line.trim().strip_prefix('"'));
        let words = quoted.filter_map(|line| line.trim_end_matches(['"', ',']).split(' ').next());
        needs.extend(words.map(str::to_owned));
    }
    found
}
