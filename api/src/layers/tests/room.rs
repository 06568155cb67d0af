//! The room for answers to reads.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;

use super::*;

impl Bench {
    /// An answer of so many bytes, as a client at `address` asks for it.
    async fn read(&self, length: usize, address: Option<&str>) -> Response {
        let mut request = Request::get(format!("/statements/{length}")).body(Body::empty()).unwrap();
        if let Some(address) = address {
            let address: SocketAddr = address.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(address));
        }
        self.send(request).await
    }

    fn answers_held(&self) -> f64 {
        self.sample("stele_http_answer_bytes_in_flight")
    }
}

fn assert_no_room(response: &Response) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn answers_to_reads_have_a_bounded_room_until_the_last_of_them_has_left() {
    let bench = Bench::new(Limits { answer_bytes_in_flight: 40_000, ..Limits::default() });
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(bench.read(10_000, None).await);
    }
    assert!(held.iter().all(|answer| answer.status() == StatusCode::OK));
    assert_eq!(bench.answers_held(), 40_000.0);
    assert_no_room(&bench.read(answers::SMALL + 1, None).await);
    assert_eq!(bench.read(answers::SMALL, None).await.status(), StatusCode::OK, "small ones pass");
    assert_eq!(bench.upload(Body::from("1")).await.status(), StatusCode::OK);
    assert_eq!(bench.get("/healthz").await.status(), StatusCode::OK);

    // The library may be done with the content long before the last of its bytes has left.
    let bytes = to_bytes(held.pop().unwrap().into_body(), usize::MAX).await.unwrap();
    assert_eq!(bytes, vec![0; 10_000]);
    let slice = bytes.slice(9_999..);
    drop(bytes);
    assert_no_room(&bench.read(10_000, None).await);
    drop(slice);
    assert_eq!(bench.read(10_000, None).await.status(), StatusCode::OK);
    drop(held);
    assert_eq!(bench.answers_held(), 0.0);
    assert_eq!(text(bench.read(50_000, None).await).await.len(), 50_000, "more than all room passes alone");
}

#[tokio::test]
async fn one_client_has_a_quarter_of_the_room_for_answers_and_leaves_the_rest_to_others() {
    let bench = Bench::new(Limits { answer_bytes_in_flight: 40_000, ..Limits::default() });
    let (one, same, other) = ("192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1");
    let held = bench.read(5_000, Some(one)).await;
    assert_eq!(held.status(), StatusCode::OK);
    let second = bench.read(5_000, Some(same)).await;
    assert_eq!(second.status(), StatusCode::OK, "a quarter, whatever the number of connections");
    assert_no_room(&bench.read(5_000, Some(same)).await);
    assert_eq!(text(bench.read(10_000, Some(other)).await).await.len(), 10_000);
    drop(second);
    assert_eq!(bench.read(5_000, Some(one)).await.status(), StatusCode::OK);
    drop(held);
    let large = bench.read(20_000, Some(one)).await;
    assert_eq!(large.status(), StatusCode::OK, "more than a share passes alone");
    assert_no_room(&bench.read(5_000, Some(one)).await);
    drop(large);
    assert_eq!(bench.answers_held(), 0.0);
}
