//! The rules: pure functions from a description of the house to what is wrong with it.

use crate::lexer::{self, Path};
use crate::plan::{self, Ban, Name};
use crate::shape;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What the rules look at.
#[derive(Clone, Default)]
pub(crate) struct House {
    /// The rooms, which are the members of the workspace.
    pub(crate) rooms: Vec<Room>,
    /// The Rust files of all rooms.
    pub(crate) sources: Vec<Source>,
    /// The names at the top of the repository, hidden ones left out.
    pub(crate) top: Vec<String>,
    /// Every path that git keeps, written with `/` from the top; nothing where there is no git to ask.
    pub(crate) tracked: Vec<String>,
    /// Which package brings which along, as the lock file has it.
    pub(crate) locked: BTreeMap<String, BTreeSet<String>>,
}

/// One member of the workspace.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) name: String,
    pub(crate) leans_on: Vec<Dependency>,
    pub(crate) inherits_lints: bool,
}

/// One declared dependency.
#[derive(Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) for_tests: bool,
    pub(crate) features: Vec<String>,
}

/// One Rust file, its path written with `/` from the top of the repository.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn room(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// Whether the whole file exists for tests only.
    pub(crate) fn is_test(&self) -> bool {
        let path = &self.path;
        path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/benches/")
    }
}

/// A broken rule.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) place: String,
    pub(crate) found: String,
    pub(crate) why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}: {} [{}], because {}", self.place, self.found, self.rule, self.why)
    }
}

impl Violation {
    pub(crate) fn new(rule: &'static str, place: &str, found: String, why: &str) -> Self {
        Self { rule, place: place.to_owned(), found, why: why.to_owned() }
    }
}

/// Everything that is wrong with the house.
pub(crate) fn check(house: &House) -> Vec<Violation> {
    let mut found = rooms(house);
    found.extend(house.rooms.iter().flat_map(arrows));
    found.extend(below_proofs(house));
    found.extend(house.sources.iter().flat_map(banned_names));
    found.extend(house.sources.iter().flat_map(shape::check));
    found.extend(top(house));
    found.extend(built(house));
    found
}

fn rooms(house: &House) -> Vec<Violation> {
    let names: BTreeSet<&str> = house.rooms.iter().map(|room| room.name.as_str()).collect();
    let planned = BTreeSet::from(plan::ROOMS);
    let missing = planned.difference(&names).map(|name| {
        Violation::new("rooms", name, "the room is missing".to_owned(), "the house has six rooms (design §2)")
    });
    let extra = names.difference(&planned).map(|name| {
        let why = "a new room is a change of the plan, which comes first (design §2)";
        Violation::new("rooms", name, "the plan has no such room".to_owned(), why)
    });
    let bare = house.rooms.iter().filter(|room| !room.inherits_lints).map(|room| {
        let found = "Cargo.toml lacks `[lints] workspace = true`".to_owned();
        Violation::new("lints", &room.name, found, "one set of lints holds for every room (design §8)")
    });
    missing.chain(extra).chain(bare).collect()
}

fn arrows(room: &Room) -> Vec<Violation> {
    let place = format!("{}/Cargo.toml", room.name);
    let mut found = Vec::new();
    for to in room.leans_on.iter().filter(|to| plan::ROOMS.contains(&to.name.as_str())) {
        let shipped =
            plan::ARROWS.iter().any(|(from, may)| *from == room.name && may.contains(&to.name.as_str()));
        let tested = plan::TEST_ARROWS.iter().any(|(from, may, _)| *from == room.name && *may == to.name);
        if !(shipped || to.for_tests && tested) {
            let kind = if to.for_tests { "leans, in its tests, on" } else { "leans on" };
            let why = format!("design §2 lets {} know only {}", room.name, allowed(&room.name));
            found.push(Violation::new("arrows", &place, format!("{} {kind} {}", room.name, to.name), &why));
        }
        if to.name == "storage" && room.name != "ops" && to.features.iter().any(|f| f == "rocks") {
            let why = "only ops switches the embedded store on, so that other rooms build without C++ (D21)";
            found.push(Violation::new("rocks", &place, format!("{} asks for storage/rocks", room.name), why));
        }
    }
    for to in room.leans_on.iter().filter(|to| !to.for_tests) {
        let banned = plan::BANS.iter().filter(|ban| ban.room == room.name);
        let hits = banned.filter(|ban| ban.names.iter().any(|name| names_package(name, &to.name)));
        found.extend(hits.map(|ban| {
            Violation::new("dependencies", &place, format!("{} depends on {}", room.name, to.name), ban.why)
        }));
    }
    found
}

fn allowed(room: &str) -> String {
    let found = plan::ARROWS.iter().find(|(from, _)| *from == room).map(|(_, may)| *may);
    match found {
        None | Some([]) => "itself".to_owned(),
        Some(may) => may.join(", "),
    }
}

/// Whether a banned name is, as a whole, the crate name of this package.
fn names_package(name: &Name, package: &str) -> bool {
    let (Name::Path(name) | Name::Ends(name) | Name::Word(name)) = name;
    *name == package.replace('-', "_") && !plan::ROOMS.contains(&package)
}

fn below_proofs(house: &House) -> Vec<Violation> {
    let Some(proofs) = house.rooms.iter().find(|room| room.name == "proofs") else { return Vec::new() };
    let mut waiting: Vec<&str> =
        proofs.leans_on.iter().filter(|d| !d.for_tests).map(|d| d.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    while let Some(package) = waiting.pop() {
        if seen.insert(package) {
            waiting.extend(house.locked.get(package).into_iter().flatten().map(String::as_str));
        }
    }
    let hits = plan::NEVER_BELOW_PROOFS.iter().filter(|package| seen.contains(*package));
    let why = "whatever an offline verifier does not need is not in proofs (design §2)";
    hits.map(|package| {
        Violation::new("below proofs", "proofs/Cargo.toml", format!("proofs brings {package} along"), why)
    })
    .collect()
}

fn banned_names(source: &Source) -> Vec<Violation> {
    let tokens = lexer::lex(&source.text);
    let shipped = if source.is_test() { Vec::new() } else { lexer::without_tests(&tokens) };
    let (everywhere, shipped) = (lexer::paths(&tokens), lexer::paths(&shipped));
    let bans = plan::BANS.iter().filter(|ban| ban.room == "*" || ban.room == source.room());
    let bans = bans.filter(|ban| !ban.except.iter().any(|place| source.path.starts_with(place)));
    bans.flat_map(|ban| {
        let paths = if ban.in_tests { &everywhere } else { &shipped };
        paths.iter().filter(|path| is_banned(ban, path)).map(|path| {
            let place = format!("{}:{}", source.path, path.line);
            Violation::new("names", &place, format!("`{}`", path.segments.join("::")), ban.why)
        })
    })
    .collect()
}

fn is_banned(ban: &Ban, path: &Path) -> bool {
    ban.names.iter().any(|name| match name {
        Name::Path(banned) => {
            let wanted: Vec<&str> = banned.split("::").collect();
            let whole = path.imported || path.segments.len() > 1;
            whole && path.segments.iter().map(String::as_str).take(wanted.len()).eq(wanted.iter().copied())
        }
        Name::Ends(banned) => format!("::{}", path.segments.join("::")).ends_with(&format!("::{banned}")),
        // A lower-case word alone is a variable or a method; as part of a path it is a crate or a module.
        Name::Word(word) => {
            let named = word.starts_with(char::is_uppercase) || path.imported || path.segments.len() > 1;
            named && path.segments.iter().any(|segment| segment == word)
        }
    })
}

fn top(house: &House) -> Vec<Violation> {
    let strange = house.top.iter().filter(|name| !plan::TOP.contains(&name.as_str()));
    let strange = strange.filter(|name| !name.starts_with("mutants.out"));
    let why = "the top level holds the six rooms and what tools insist on finding there (design §2)";
    strange.map(|name| Violation::new("top", name, "does not belong at the top".to_owned(), why)).collect()
}

/// What cargo made is made again, and differs with every machine.
fn built(house: &House) -> Vec<Violation> {
    let below = |path: &String| path.split('/').rev().skip(1).any(|folder| folder == "target");
    let built = house.tracked.iter().filter(|path| below(path));
    let why = "a folder `target` is what a build leaves behind: it is ignored, never committed";
    built.map(|path| Violation::new("built", path, "git keeps it".to_owned(), why)).collect()
}
