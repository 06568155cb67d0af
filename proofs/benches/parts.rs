//! What the parts cost: `cargo bench -p proofs`. A registration is a statement read and verified, a leaf appended, a
//! proof read out of tiles, and a receipt signed; a verifier reads a receipt and folds and checks it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark ends at the first thing that is wrong"
)]

#[expect(dead_code, clippy::panic, reason = "shared with the tests, which use all of it")]
#[path = "../tests/it/support.rs"]
mod support;

use std::collections::HashMap;
use std::convert::Infallible;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use proofs::receipt::{ReceiptClaims, issue_inclusion};
use proofs::tile::{ExpandedTile, TILE_WIDTH, TileHashes};
use proofs::{
    Algorithm, CompactRange, ContentType, Hash, InclusionProof, LeafIndex, NodeReader, Receipt,
    SignedStatement, Signer, StatementBuilder, TileId, TiledNodes, TreeHead, UnixTime, leaf_hash, sha256,
};
use support::{MAX, TestSigner};

/// Three levels of tiles, and a right edge that is full at none of them.
const LEAVES: u64 = 150_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    statements(&mut criterion);
    growth(&mut criterion);
    proofs_from_tiles(&mut criterion);
    receipts(&mut criterion);
    criterion.final_summary();
}

/// A statement of about 650 bytes.
fn statement(signer: &TestSigner) -> Vec<u8> {
    StatementBuilder::new("https://issuer.example", "urn:example:bench:0123456789abcdef:000000000001")
        .content_type(ContentType::Text("application/octet-stream".to_owned()))
        .sign(&[0x5a; 400], signer)
        .unwrap()
}

fn statements(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("statement");
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let signer = TestSigner::new(algorithm, [7; 32]);
        let bytes = statement(&signer);
        let key = signer.public_key();
        let parsed = SignedStatement::parse(&bytes, MAX).unwrap();
        group.bench_function(format!("sign/{}", algorithm.name()), |bench| bench.iter(|| statement(&signer)));
        group.bench_function(format!("parse/{}", algorithm.name()), |bench| {
            bench.iter(|| SignedStatement::parse(black_box(&bytes), MAX).unwrap());
        });
        group.bench_function(format!("verify/{}", algorithm.name()), |bench| {
            bench.iter(|| black_box(&parsed).check_signature(key).unwrap());
        });
    }
    group.finish();
}

fn growth(criterion: &mut Criterion) {
    const ROUND: u64 = 1024;
    let leaves: Vec<Hash> = (0..ROUND).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(ROUND));
    group.bench_function("append a round of 1024", |bench| {
        let tree = Tree::new();
        bench.iter_batched_ref(
            || tree.range.clone(),
            |range| {
                for leaf in &leaves {
                    range
                        .append(*leaf, &mut |node, hash| {
                            black_box((node, hash));
                        })
                        .unwrap();
                }
                range.root()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// A tree and its tiles.
struct Tree {
    range: CompactRange,
    head: TreeHead,
    raw: HashMap<TileId, Vec<u8>>,
    expanded: HashMap<TileId, ExpandedTile>,
}

impl Tree {
    fn new() -> Self {
        let mut range = CompactRange::empty();
        let mut raw: HashMap<TileId, Vec<u8>> = HashMap::new();
        for n in 0..LEAVES {
            range
                .append(leaf(n), &mut |node, hash| {
                    let run = TileId::for_node(node);
                    if run.len == 1 {
                        raw.entry(run.tile).or_default().extend_from_slice(hash.as_bytes());
                    }
                })
                .unwrap();
        }
        assert!(raw.values().all(|tile| tile.len() <= TILE_WIDTH * Hash::LEN));
        let expanded = raw.iter().map(|(id, tile)| (*id, ExpandedTile::new(tile).unwrap())).collect();
        Self { head: range.head(), range, raw, expanded }
    }
}

fn leaf(n: u64) -> Hash {
    leaf_hash(sha256(&n.to_be_bytes()).as_bytes())
}

/// Gives tiles without a store beneath them.
fn fetch<T: Clone>(tiles: &HashMap<TileId, T>, ids: &[TileId]) -> Result<Vec<Option<T>>, Infallible> {
    Ok(ids.iter().map(|id| tiles.get(id).cloned()).collect())
}

/// Proofs all over the tree, one after the other.
fn prove<R: NodeReader<Error: std::fmt::Debug>>(n: &mut u64, nodes: &R, head: &TreeHead) -> InclusionProof {
    *n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    InclusionProof::prove(LeafIndex::new(*n % LEAVES), head.size, nodes).unwrap()
}

fn from_tiles<T: TileHashes + Clone>(
    tree: &Tree,
    tiles: &HashMap<TileId, T>,
    bench: &mut criterion::Bencher<'_>,
) {
    let nodes = TiledNodes::open(tree.head, |ids: &[TileId]| fetch(tiles, ids));
    let mut n = 1;
    bench.iter(|| prove(&mut n, &nodes, &tree.head));
}

fn proofs_from_tiles(criterion: &mut Criterion) {
    let tree = Tree::new();
    let mut group = criterion.benchmark_group("proof from tiles");
    group.bench_function("raw", |bench| from_tiles(&tree, &tree.raw, bench));
    group.bench_function("expanded", |bench| from_tiles(&tree, &tree.expanded, bench));
    group.bench_function("expand a full tile", |bench| {
        let full = tree.raw.values().find(|tile| tile.len() == TILE_WIDTH * Hash::LEN).unwrap();
        bench.iter(|| ExpandedTile::new(black_box(full)).unwrap());
    });
    group.finish();
}

fn receipts(criterion: &mut Criterion) {
    let tree = Tree::new();
    let nodes = TiledNodes::open(tree.head, |ids: &[TileId]| fetch(&tree.expanded, ids));
    let proof = InclusionProof::prove(LeafIndex::new(77_777), tree.head.size, &nodes).unwrap();
    let entry = sha256(&77_777_u64.to_be_bytes());
    let leaf = leaf_hash(entry.as_bytes());
    let claims = ReceiptClaims {
        issuer: "https://ts.example".to_owned(),
        subject: "urn:example:bench:0123456789abcdef:000000077777".to_owned(),
        issued_at: Some(UnixTime::from_secs(1_800_000_000)),
    };
    let mut group = criterion.benchmark_group("receipt");
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let signer = TestSigner::new(algorithm, [9; 32]);
        let issue = || issue_inclusion(&claims, &proof, &leaf, &tree.head.root, &signer).unwrap();
        let bytes = issue();
        let issuer = TestSigner::new(algorithm, [7; 32]);
        let statement = SignedStatement::parse(&statement(&issuer), MAX).unwrap();
        group.bench_function(format!("issue/{}", algorithm.name()), |bench| bench.iter(issue));
        group.bench_function(format!("parse/{}", algorithm.name()), |bench| {
            bench.iter(|| Receipt::parse(black_box(&bytes)).unwrap());
        });
        let alone = || {
            let receipt = Receipt::parse(black_box(&bytes)).unwrap();
            receipt.verify_inclusion(entry.as_bytes(), signer.public_key()).unwrap()
        };
        group.bench_function(format!("verify/{}", algorithm.name()), |bench| bench.iter(alone));
        group.bench_function(format!("verify with the issuer's signature/{}", algorithm.name()), |bench| {
            bench.iter(|| {
                statement.check_signature(issuer.public_key()).unwrap();
                alone()
            });
        });
    }
    group.finish();
}
