//! What is left of an erased statement (D20).

use axum::http::StatusCode;
use ledger::control::{Erasure, erasure_statement};
use proofs::page::{PageCollateral, read_page};
use proofs::{LeafIndex, Receipt, sha256};

use crate::support::{PROBLEM_JSON, World, id_of};

#[tokio::test]
async fn d20_what_was_erased_is_gone_and_says_by_which_entry() {
    let world = World::open().await;
    let service = world.serve();
    let statement = world.statement(1);
    let id = id_of(&statement);
    let receipt = service.must(statement.clone()).await.body;
    let record = service.get(&format!("/statements/{id}/collateral")).await.body;
    let erasure = Erasure { entry: id, reason: "asked for by the person".into() };
    let erasure = erasure_statement(&service.ledger.identity(), &erasure, &world.operator).unwrap();
    service.must(erasure.clone()).await;

    let document = service.get("/openapi.json").await.json();
    for (door, path) in [
        (format!("/entries/{id}"), "/entries/{entry_id}"),
        (format!("/statements/{id}"), "/statements/{entry_id}"),
        (format!("/statements/{id}/transparent"), "/statements/{entry_id}/transparent"),
        (format!("/statements/{id}/collateral"), "/statements/{entry_id}/collateral"),
        (format!("/reports/aigp/{id}"), "/reports/aigp/{entry_id}"),
    ] {
        let gone = service.get(&door).await;
        let detail = if gone.header("content-type") == PROBLEM_JSON {
            assert_eq!((gone.status, gone.header("cache-control")), (StatusCode::GONE, "no-store"), "{door}");
            gone.json()["detail"].as_str().unwrap().to_owned()
        } else {
            gone.refused(410, "Gone")
        };
        assert!(detail.contains(&id_of(&erasure).to_string()), "{door}: {detail}");
        let described = &document["paths"][path]["get"]["responses"]["410"]["$ref"];
        assert_eq!(described, "#/components/responses/Erased", "{path}");
    }
    // It does not come back, and who has its receipt keeps a proof.
    let again = service.post(statement).await.refused(400, "Rejected");
    assert!(again.contains(&id_of(&erasure).to_string()), "{again}");
    let receipt = Receipt::parse(&receipt).unwrap();
    receipt.verify_inclusion(id.as_bytes(), world.keys.receipts.public_key()).unwrap();

    // The entry stays on the log; in a page the digest of its collateral stands for it (D12).
    let row = loop {
        let page = service.get("/statements?from=5&to=6").await;
        if page.status == StatusCode::OK {
            break page;
        }
        tokio::task::yield_now().await;
    };
    let page = read_page(&row.body, LeafIndex::new(5), LeafIndex::new(6)).unwrap();
    assert_eq!((page.rows[0].entry, page.rows[0].statement), (id, None));
    assert_eq!(page.rows[0].collateral, PageCollateral::Digest(sha256(&record)));
}
