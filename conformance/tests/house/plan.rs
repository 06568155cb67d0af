//! The plan itself: floors, arrows and names no room may know. Each line carries its reason.

/// The six rooms, from the lowest floor up.
pub(crate) const ROOMS: [&str; 6] = ["proofs", "storage", "ledger", "api", "conformance", "ops"];

/// Which rooms a room may lean on in what it ships.
pub(crate) const ARROWS: [(&str, &[&str]); 6] = [
    ("proofs", &[]),
    ("storage", &["proofs"]),
    ("ledger", &["proofs", "storage"]),
    ("api", &["proofs", "ledger"]),
    ("conformance", &["proofs"]),
    ("ops", &["proofs", "storage", "ledger", "api", "conformance"]),
];

/// Arrows that only tests may draw: `(from, to, why)`.
pub(crate) const TEST_ARROWS: [(&str, &str, &str); 1] = [(
    "api",
    "storage",
    "the router is tested on a real ledger, and a fake stands only at the outer edge: the store",
)];

/// Where a name may not appear.
pub(crate) struct Ban {
    /// The room, or `*` for all of them.
    pub(crate) room: &'static str,
    /// What is banned there.
    pub(crate) names: &'static [Name],
    /// Files of the room where it may appear after all.
    pub(crate) except: &'static [&'static str],
    /// Whether tests must keep the ban too.
    pub(crate) in_tests: bool,
    /// The reason given to whoever breaks it.
    pub(crate) why: &'static str,
}

/// How a banned name is recognised.
pub(crate) enum Name {
    /// A path that begins with these segments.
    Path(&'static str),
    /// A path that ends with these segments.
    Ends(&'static str),
    /// A path that has this segment anywhere.
    Word(&'static str),
}

use Name::{Ends, Path, Word};

pub(crate) const BANS: &[Ban] = &[
    Ban {
        room: "proofs",
        names: &[
            Path("tokio"),
            Path("std::fs"),
            Path("std::net"),
            Path("std::env"),
            Path("std::process"),
            Path("std::thread"),
            Word("SystemTime"),
            Word("Instant"),
            Word("SystemRandom"),
            Word("OsRng"),
            Word("rand"),
            Word("rand_core"),
            Word("getrandom"),
        ],
        except: &[],
        in_tests: false,
        why: "proofs performs no I/O, reads no clock, draws no randomness and spawns nothing (invariant 1)",
    },
    Ban {
        room: "storage",
        names: &[
            Path("ciborium"),
            Path("ciborium_ll"),
            Path("coset"),
            Path("x509_parser"),
            Path("proofs::statement"),
            Path("proofs::receipt"),
            Path("proofs::cose"),
            Path("proofs::cbor"),
            Word("SignedStatement"),
            Word("VerifiedStatement"),
            Word("StatementHeader"),
        ],
        except: &[],
        in_tests: true,
        why: "storage knows one act and one view; it does not know statements (invariant 8)",
    },
    Ban {
        room: "ledger",
        names: &[
            Path("axum"),
            Path("http"),
            Path("hyper"),
            Path("hyper_util"),
            Path("tower"),
            Path("tower_http"),
            Path("ureq"),
            Word("StatusCode"),
        ],
        except: &[],
        in_tests: true,
        why: "ledger decides and does not know HTTP (invariant 8)",
    },
    Ban {
        room: "ledger",
        names: &[Path("std::fs"), Path("std::net"), Path("std::process"), Path("rocksdb")],
        except: &[],
        in_tests: false,
        why: "a decision is a pure function of the log: files belong to ops and to the store (invariants 6 and 10)",
    },
    Ban {
        room: "api",
        names: &[Path("storage"), Path("rocksdb"), Path("std::fs"), Path("std::process")],
        except: &[],
        in_tests: false,
        why: "api translates between HTTP and the ledger; it meets no store and no file (design §2)",
    },
    Ban {
        room: "conformance",
        names: &[Path("storage"), Path("ledger"), Path("api"), Path("axum"), Path("rocksdb")],
        except: &[],
        in_tests: true,
        why: "conformance meets a service only over HTTP and does not know us (invariant 8)",
    },
    Ban {
        room: "*",
        names: &[Word("SystemTime")],
        except: &["ledger/src/clock.rs"],
        in_tests: true,
        why: "wall-clock time is read in ledger/src/clock.rs only, so that a decision can be replayed (invariant 10)",
    },
    Ban {
        room: "*",
        names: &[Path("std::env"), Path("tokio::signal"), Word("signal_hook")],
        except: &["ops/src/"],
        in_tests: false,
        why: "environment and signals are touched in ops only (invariant 10)",
    },
    Ban {
        room: "api",
        names: &[
            Ends("StatusCode::from_u16"),
            Ends("StatusCode::BAD_REQUEST"),
            Ends("StatusCode::UNAUTHORIZED"),
            Ends("StatusCode::FORBIDDEN"),
            Ends("StatusCode::NOT_FOUND"),
            Ends("StatusCode::METHOD_NOT_ALLOWED"),
            Ends("StatusCode::NOT_ACCEPTABLE"),
            Ends("StatusCode::REQUEST_TIMEOUT"),
            Ends("StatusCode::CONFLICT"),
            Ends("StatusCode::GONE"),
            Ends("StatusCode::LENGTH_REQUIRED"),
            Ends("StatusCode::PAYLOAD_TOO_LARGE"),
            Ends("StatusCode::URI_TOO_LONG"),
            Ends("StatusCode::UNSUPPORTED_MEDIA_TYPE"),
            Ends("StatusCode::UNPROCESSABLE_ENTITY"),
            Ends("StatusCode::TOO_MANY_REQUESTS"),
            Ends("StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE"),
            Ends("StatusCode::INTERNAL_SERVER_ERROR"),
            Ends("StatusCode::NOT_IMPLEMENTED"),
            Ends("StatusCode::SERVICE_UNAVAILABLE"),
            Ends("StatusCode::GATEWAY_TIMEOUT"),
        ],
        except: &["api/src/problem.rs", "api/src/problem/"],
        in_tests: false,
        why: "api/src/problem.rs is the only home of failure status codes, so that one match shows them all (design §8)",
    },
];

/// Crates that nothing proofs ships with may bring along, however deep.
pub(crate) const NEVER_BELOW_PROOFS: [&str; 7] =
    ["hyper", "librocksdb-sys", "mio", "rocksdb", "socket2", "tokio", "ureq"];

/// What may stand at the top of the repository.
pub(crate) const TOP: [&str; 18] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "DECISIONS.md",
    "LICENSE",
    "README.md",
    "api",
    "clippy.toml",
    "conformance",
    "deny.toml",
    "ledger",
    "ops",
    "proofs",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "storage",
    "stele-data",
    "target",
];

/// Functions that a `lib.rs` may hold although it should hold none: `(file, function, why)`.
pub(crate) const LIB_FUNCTIONS: [(&str, &str, &str); 1] =
    [("api/src/lib.rs", "router", "the route table, readable as a list")];

/// A source file stays under this many lines.
pub(crate) const FILE_LINES: usize = 400;
/// A function stays under this many lines of code.
pub(crate) const FUNCTION_LINES: usize = 70;
/// Tests longer than this move to a sibling file. The plan says about 80.
pub(crate) const INLINE_TEST_LINES: usize = 90;
