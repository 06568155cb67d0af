//! Tiles and bundles over HTTP (C2SP tlog-tiles).

use std::io::Read;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use flate2::read::GzDecoder;
use proofs::tile::entry_bundle;
use proofs::{Checkpoint, SignedNote, leaf_hash};

use crate::support::{CONCISE, PROBLEM_JSON, Service, World, request};

const YEAR: &str = "public, max-age=31536000, immutable";

/// A log of `size` entries under a checkpoint.
async fn grown(world: &World, size: u64) -> Service {
    let service = world.serve();
    for n in 1.. {
        if service.size() == size {
            break;
        }
        service.must(world.statement(n)).await;
    }
    service.stop().await;
    // Stopping publishes the last head, so the next process begins with it.
    let service = world.serve();
    let checkpoint = service.get("/checkpoint").await;
    let note = SignedNote::parse(checkpoint.text()).unwrap();
    assert_eq!(Checkpoint::parse(note.text()).unwrap().head.size.get(), size);
    service
}

#[tokio::test]
async fn tile_03_tile_08_tiles_and_bundles_are_bytes_that_never_change() {
    let world = World::open().await;
    let service = grown(&world, 9).await;
    let tile = service.get("/tile/0/000.p/9").await;
    let bundle = service.get("/tile/entries/000.p/9").await;
    for answer in [&tile, &bundle] {
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (StatusCode::OK, "application/octet-stream")
        );
        assert_eq!(answer.header("cache-control"), YEAR);
        assert_eq!(answer.header("content-encoding"), "");
    }
    assert_eq!(tile.header("vary"), "", "a cache may give one answer to everybody");
    assert_eq!(bundle.header("vary"), "accept-encoding");
    assert_eq!(tile.body.len(), 9 * 32);
    for (hash, entry) in tile.body.chunks(32).zip(entry_bundle::decode(&bundle.body).unwrap()) {
        assert_eq!(leaf_hash(entry).as_bytes(), hash);
    }
    for width in 1..9_usize {
        assert_eq!(service.get(&format!("/tile/0/000.p/{width}")).await.body, tile.body[..width * 32]);
        assert_eq!(
            service.get(&format!("/tile/entries/000.p/{width}")).await.body,
            bundle.body[..width * 34]
        );
    }
    // The second answer comes from memory and is the same.
    let again = service.get("/tile/0/000.p/9").await;
    assert_eq!((again.body, again.headers["etag"].clone()), (tile.body, tile.headers["etag"].clone()));
}

#[tokio::test]
async fn tile_03_a_tag_tells_contents_apart_and_spares_sending_them_again() {
    let world = World::open().await;
    let service = grown(&world, 9).await;
    let mut tags = Vec::new();
    for (path, coding) in [
        ("/tile/0/000.p/9", "identity"),
        ("/tile/0/000.p/8", "identity"),
        ("/tile/entries/000.p/9", "identity"),
        ("/tile/entries/000.p/9", "gzip"),
    ] {
        let accept = ("accept-encoding", coding);
        let first = service.get_with(path, &[accept]).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for held in [tag.as_str(), "*", &format!("\"other\", W/{tag}")] {
            let unchanged = service.get_with(path, &[accept, ("if-none-match", held)]).await;
            assert_eq!(
                (unchanged.status, unchanged.header("etag")),
                (StatusCode::NOT_MODIFIED, tag.as_str())
            );
            assert_eq!(unchanged.header("cache-control"), YEAR);
            assert_eq!(unchanged.header("vary"), first.header("vary"));
            assert!(unchanged.body.is_empty());
        }
        assert_eq!(
            service.get_with(path, &[accept, ("if-none-match", "\"x\"")]).await.status,
            StatusCode::OK
        );
        tags.push(tag);
    }
    tags.dedup();
    assert_eq!(tags.len(), 4, "{tags:?}");
}

#[tokio::test]
async fn tile_08_bundles_are_zipped_for_those_who_can_unzip() {
    let world = World::open().await;
    let service = grown(&world, 9).await;
    let path = "/tile/entries/000.p/9";
    let plain = service.get(path).await;
    for accept in ["gzip", "x-gzip", "deflate, gzip;q=0.5", "*", "GZIP", "identity;q=0.5, gzip"] {
        let zipped = service.get_with(path, &[("accept-encoding", accept)]).await;
        assert_eq!((zipped.status, zipped.header("content-encoding")), (StatusCode::OK, "gzip"), "{accept}");
        assert_eq!(zipped.header("vary"), "accept-encoding");
        let mut unzipped = Vec::new();
        GzDecoder::new(&zipped.body[..]).read_to_end(&mut unzipped).unwrap();
        assert_eq!(unzipped, plain.body);
    }
    for accept in ["", "br", "gzip;q=0", "*;q=0", "gzip;q=0, *", "identity, gzip;q=0.5", "gzip;level=9"] {
        let answer = service.get_with(path, &[("accept-encoding", accept)]).await;
        assert_eq!(
            (answer.body, answer.headers.get("content-encoding")),
            (plain.body.clone(), None),
            "{accept}"
        );
    }
    // A tile of hashes would not get smaller.
    let tile = service.get_with("/tile/0/000.p/9", &[("accept-encoding", "gzip")]).await;
    assert_eq!((tile.header("content-encoding"), tile.body.len()), ("", 9 * 32));
}

#[tokio::test]
async fn tile_04_any_other_spelling_is_404_and_never_a_redirect() {
    let world = World::open().await;
    let service = grown(&world, 9).await;
    for good in ["/tile/0/000.p/9", "/tile/0/000.p/9?query=is-passed-over", "/tile/entries/000.p/1"] {
        assert_eq!(service.get(good).await.status, StatusCode::OK, "{good}");
    }
    for bad in [
        "/tile/00/000.p/9",
        "/tile/+0/000.p/9",
        "/tile/64/000.p/1",
        "/tile/-1/000.p/1",
        "/tile/0/0.p/9",
        "/tile/0/0000.p/9",
        "/tile/0/x000/000.p/9",
        "/tile/0/000.p/09",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/000.p/",
        "/tile/0/000.p",
        "/tile/0/000/",
        "/tile/0/000.p/9/",
        "/tile//000.p/9",
        "/tile/0/",
        "/tile/0",
        "/tile/0/%30%30%30.p/9",
        "/tile/%30/000.p/9",
        "/tile/0/000%2Ep/9",
        "/tile/0/000.P/9",
        "/tile/0/X001/000",
        "/tile/entries/00.p/9",
        "/tile/entries/000.p/09",
        "/tile/entries/%3000.p/9",
        "/tile/Entries/000.p/9",
        "/tile/data/000.p/9",
        "/tile/0/99999999999999999999",
        "/tile/entries/",
        "/tile",
        "/tile/0/x999/x999/x999/x999/x999/x999/999",
        "//tile/0/000.p/9",
        "/tile/0/000.p/9%00",
    ] {
        let answer = service.get(bad).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::NOT_FOUND, ""), "{bad}");
    }
}

#[tokio::test]
async fn tile_06_what_the_checkpoint_does_not_cover_is_404_that_no_cache_keeps() {
    let world = World::open().await;
    let service = grown(&world, 9).await;
    for path in ["/tile/0/000.p/10", "/tile/0/000", "/tile/0/001.p/1", "/tile/1/000.p/1", "/tile/entries/000"]
    {
        let detail = service.get(path).await.refused(404, "No Such Tile");
        assert!(detail.contains("checkpoint"), "{detail}");
        let json = service.get_with(path, &[("accept", "application/json")]).await;
        assert_eq!((json.status, json.header("content-type")), (StatusCode::NOT_FOUND, PROBLEM_JSON));
        assert_eq!(json.header("cache-control"), "no-store");
    }
    assert_eq!(service.get("/tile/0/00").await.header("content-type"), CONCISE);
    // What was 404 is there once the log has grown.
    let missed = service.get("/tile/0/000.p/10").await;
    service.stop().await;
    let service = grown(&world, 10).await;
    let there = service.get("/tile/0/000.p/10").await;
    assert_eq!((missed.status, there.status), (StatusCode::NOT_FOUND, StatusCode::OK));
}

#[tokio::test]
async fn head_tells_what_get_would_send_and_nothing_else_is_allowed() {
    let world = World::open().await;
    let service = grown(&world, 9).await;
    for path in ["/tile/0/000.p/9", "/tile/entries/000.p/9"] {
        let get = service.get(path).await;
        let head = service.send(request(Method::HEAD, path, &[], Body::empty())).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("content-length"), get.body.len().to_string());
        for name in ["content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name}");
        }
        let post = service.send(request(Method::POST, path, &[], Body::empty())).await;
        assert_eq!((post.status, post.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
    }
}

#[tokio::test]
async fn a_service_without_memory_for_tiles_serves_them_all_the_same() {
    let mut world = World::open().await;
    world.read.tile_cache_mib = 0;
    let service = grown(&world, 9).await;
    for _ in 0..2 {
        assert_eq!(service.get("/tile/0/000.p/9").await.body.len(), 9 * 32);
        assert_eq!(service.get("/tile/entries/000.p/9").await.body.len(), 9 * 34);
    }
}
