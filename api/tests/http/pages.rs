//! Entries in bulk, and who may read them (D20).

use axum::body::Body;
use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use ledger::Collateral;
use proofs::page::{MAX_PAGE_LEN, PageCollateral, read_page};
use proofs::{LeafIndex, Page, StatementBuilder, sha256};
use tower::ServiceExt;

use crate::support::{Answer, ISSUER, Service, World, id_of, request};

fn read(answer: &Answer, from: u64, to: u64) -> Page<'_> {
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/cbor-seq"));
    assert!(answer.body.len() <= MAX_PAGE_LEN);
    read_page(&answer.body, LeafIndex::new(from), LeafIndex::new(to)).unwrap()
}

/// A log of eight entries under a checkpoint, the last three of them by the issuer: these.
async fn eight(world: &World) -> (Service, Vec<Vec<u8>>) {
    let service = world.serve();
    let statements: Vec<_> = (0..3).map(|n| world.statement(n)).collect();
    for statement in &statements {
        service.must(statement.clone()).await;
    }
    service.stop().await;
    (world.serve(), statements)
}

#[tokio::test]
async fn tile_11_a_page_has_statements_and_collateral_beside_the_entries() {
    let world = World::open().await;
    let (service, statements) = eight(&world).await;
    let answer = service.get("/statements?from=5&to=8").await;
    assert_eq!((answer.header("cache-control"), answer.header("vary")), ("no-cache", "accept"));
    let page = read(&answer, 5, 8);
    assert_eq!(page.next, LeafIndex::new(8));
    for (n, row) in page.rows.iter().enumerate() {
        let statement = &statements[n];
        let PageCollateral::Record(record) = row.collateral else { panic!("{row:?}") };
        assert_eq!((row.entry, row.statement), (id_of(statement), Some(&statement[..])));
        assert_eq!(Collateral::decode(record).unwrap().rule.as_deref(), Some("issuers"));
    }
    let all = service.get("/statements").await;
    assert_eq!(read(&all, 0, 8).rows.len(), 8, "everything under the newest checkpoint");
    assert_eq!(read(&service.get("/statements?from=7").await, 7, 8).rows.len(), 1);

    for bad in [
        "?from=8",
        "?from=3&to=3",
        "?to=9",
        "?from=5&to=4",
        "?to=0",
        "?from=x",
        "?from=1&from=2",
        "?to=",
        "?to=-1",
        "?to=18446744073709551616",
    ] {
        service.get(&format!("/statements{bad}")).await.refused(400, "Invalid Range");
    }
    assert!(service.get("/statements?to=9").await.concise().1.contains("covers 8 entries"));
    service.get_with("/statements", &[("accept", "application/cose")]).await.refused(406, "Not Acceptable");
}

#[tokio::test]
async fn a_page_is_asked_for_again_each_time_and_sent_only_when_it_changed() {
    let world = World::open().await;
    let (service, _) = eight(&world).await;
    let first = service.get("/statements?to=8").await;
    let tag = first.header("etag").to_owned();
    let again = service.get_with("/statements?to=8", &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.header("etag"), again.body.len()), (StatusCode::NOT_MODIFIED, &*tag, 0));
    assert_eq!(again.header("cache-control"), "no-cache");
    let other = service.get_with("/statements?to=7", &[("if-none-match", &tag)]).await;
    assert_eq!(other.status, StatusCode::OK);
    let head = service.send(request(Method::HEAD, "/statements?to=8", &[], Body::empty())).await;
    assert_eq!((head.status, head.header("etag"), head.body.len()), (StatusCode::OK, &*tag, 0));
}

#[tokio::test]
async fn a_page_ends_before_16_mib_and_says_where_to_go_on() {
    let world = World::open().await;
    let service = world.serve();
    let statements: Vec<_> = (0..18_u8)
        .map(|n| {
            let builder = StatementBuilder::new(ISSUER, "urn:example:large");
            builder.sign(&vec![n; 1_000_000], &world.issuer).unwrap()
        })
        .collect();
    for statement in &statements {
        service.must(statement.clone()).await;
    }
    service.stop().await;
    let service = world.serve();
    let first = service.get("/statements?to=23").await;
    let page = read(&first, 0, 23);
    assert!(first.body.len() > 15 << 20, "as much as fits");
    assert_eq!(page.next, LeafIndex::new(u64::try_from(page.rows.len()).unwrap()));
    assert!(page.next.get() > 16 && page.next.get() < 23);
    let rest = service.get(&format!("/statements?from={}&to=23", page.next)).await;
    let rest = read(&rest, page.next.get(), 23);
    assert_eq!(rest.next, LeafIndex::new(23));
    let found: Vec<_> = page.rows[5..].iter().chain(&rest.rows).map(|row| row.statement.unwrap()).collect();
    assert_eq!(found, statements);
}

#[tokio::test]
async fn only_so_many_pages_are_sent_at_once() {
    let mut world = World::open().await;
    world.read.pages_in_flight = 1;
    let (service, _) = eight(&world).await;
    let ask = || request(Method::GET, "/statements", &[], Body::empty());
    let first = service.router.clone().oneshot(ask()).await.unwrap();
    let busy = service.get("/statements").await;
    busy.refused(503, "Service Unavailable");
    assert!(!busy.header("retry-after").is_empty());
    assert_eq!(service.get("/tile/0/000.p/8").await.status, StatusCode::OK, "others are not disturbed");
    let body = first.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(service.get("/statements").await.body, body);
}

#[tokio::test]
async fn with_tokens_strangers_see_that_there_are_statements_and_no_more() {
    let mut world = World::open().await;
    world.read.statements = api::StatementReaders::Token;
    world.read.token_sha256 = ["first", "second"].map(api::TokenDigest::of).to_vec();
    let (service, statements) = eight(&world).await;
    let statement = &statements[0];
    let path = format!("/statements/{}", id_of(statement));
    let doors = ["", "/transparent", "/collateral"].map(|end| format!("{path}{end}"));

    let answer = service.get("/statements?from=5&to=8").await;
    for (n, row) in read(&answer, 5, 8).rows.iter().enumerate() {
        assert_eq!((row.entry, row.statement), (id_of(&statements[n]), None));
        assert!(matches!(row.collateral, PageCollateral::Digest(_)));
    }
    assert_eq!(
        (answer.header("cache-control"), answer.header("vary")),
        ("no-cache", "accept, authorization")
    );
    for door in doors.iter().chain([&format!("/statements/{}", "00".repeat(32))]) {
        let refused = service.get(door).await;
        refused.refused(401, "Unauthorized");
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"statements\"");
    }
    for wrong in ["Bearer third", "Bearer ", "Basic first", "first", "Bearer first second", "Bearer FIRST"] {
        for door in doors.iter().map(String::as_str).chain(["/statements"]) {
            let refused = service.get_with(door, &[("authorization", wrong)]).await;
            refused.refused(401, "Unauthorized");
            let challenge = "Bearer realm=\"statements\", error=\"invalid_token\"";
            assert_eq!(refused.header("www-authenticate"), challenge, "{wrong}");
        }
    }
    let twice = [("authorization", "Bearer first"), ("authorization", "Bearer second")];
    assert_eq!(service.get_with(&path, &twice).await.status, StatusCode::UNAUTHORIZED);

    for token in ["Bearer first", "bearer  second"] {
        let asked = [("authorization", token)];
        let whole = service.get_with("/statements?from=5&to=8", &asked).await;
        assert_ne!(whole.header("etag"), answer.header("etag"));
        assert_eq!(read(&whole, 5, 8).rows[0].statement, Some(&statement[..]));
        let PageCollateral::Record(record) = read(&whole, 5, 8).rows[0].collateral else { panic!() };
        let PageCollateral::Digest(digest) = read(&answer, 5, 8).rows[0].collateral else { panic!() };
        assert_eq!(sha256(record), digest, "the digest a stranger sees is the record's");
        for door in &doors {
            let open = service.get_with(door, &asked).await;
            assert_eq!(open.status, StatusCode::OK, "{door}");
            assert_eq!(open.header("cache-control"), "private, no-cache", "{door}");
            assert_eq!(open.header("vary"), "accept, authorization");
        }
    }
    // What proves that a statement is there stays open to everybody.
    for open in ["/checkpoint", "/tile/0/000.p/8", "/tile/entries/000.p/8", "/consistency?from=3&to=8"] {
        assert_eq!(service.get(open).await.status, StatusCode::OK, "{open}");
    }
    assert_eq!(service.get(&format!("/entries/{}", id_of(statement))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_tokens_an_authorization_is_passed_over() {
    let world = World::open().await;
    let (service, statements) = eight(&world).await;
    let path = format!("/statements/{}", id_of(&statements[0]));
    for door in [&path, "/statements"] {
        let answer = service.get_with(door, &[("authorization", "Bearer anything")]).await;
        assert_eq!((answer.status, answer.header("vary")), (StatusCode::OK, "accept"));
    }
}
