//! Real connections over loopback, and a clock that the test alone moves.

use super::*;
use crate::serve::connection::Guard;
use crate::serve::runner::{server, tuned};
use crate::serve::tests::{pass, stopped_clock};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum_server::accept::DefaultAcceptor;
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{RecvStream, SendStream};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(30);
const LENGTH: usize = 1 << 20;

/// Bytes that say whether they are still in memory: they count as long as they are.
struct Held {
    bytes: Vec<u8>,
    _counted: Arc<()>,
}

fn held(counted: Arc<()>) -> Bytes {
    Bytes::from_owner(Held { bytes: vec![0; LENGTH], _counted: counted })
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A content in two pieces, so that it lives on when its first one waits.
struct Twice(Arc<()>, u8);

impl axum::body::HttpBody for Twice {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.1 += 1;
        let piece = held(Arc::clone(&self.0));
        Poll::Ready((self.1 <= 2).then_some(Ok(Frame::data(piece))))
    }
}

/// A service that answers `/large` and `/stream`, and what it holds of the answers.
fn serve() -> (SocketAddr, Arc<()>) {
    let counted = Arc::new(());
    let (one, many) = (Arc::clone(&counted), Arc::clone(&counted));
    let app = Router::new()
        .route("/", get(async || "hello"))
        .route("/large", get(async move || Body::from(held(one))))
        .route("/stream", get(async move || Body::new(Twice(many, 0))));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let guard = Guard::new(DefaultAcceptor, 2, PATIENCE);
    let server = tuned(server(listener).unwrap(), PATIENCE, 20_480).acceptor(guard);
    tokio::spawn(server.serve(app.into_make_service()));
    (address, counted)
}

type Ended = JoinHandle<Result<(), h2::Error>>;

/// A client of HTTP/2 that grants each answer so much room at first, and answers pings.
async fn client(address: SocketAddr, window: u32) -> (SendRequest<Bytes>, Ended) {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (client, connection) =
        Builder::new().initial_window_size(window).handshake::<_, Bytes>(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

async fn ask(client: &mut SendRequest<Bytes>, path: &str) -> Result<RecvStream, h2::Error> {
    let request = Request::get(format!("http://stele.example{path}")).body(()).unwrap();
    let mut ready = client.clone().ready().await?;
    let (answer, _): (_, SendStream<Bytes>) = ready.send_request(request, true)?;
    let answer = answer.await?;
    assert_eq!(answer.status(), StatusCode::OK);
    Ok(answer.into_body())
}

/// Takes what comes, and lets `pause` pass after each piece.
async fn take(answer: &mut RecvStream, pause: Duration) -> Result<usize, h2::Error> {
    let mut taken = 0;
    while let Some(piece) = answer.data().await {
        let length = piece?.len();
        taken += length;
        pass(pause, pause.min(PATIENCE / 2)).await;
        answer.flow_control().release_capacity(length)?;
    }
    Ok(taken)
}

/// Lets other tasks run until this holds. A stuck test is a failed one.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to hold");
}

#[tokio::test(start_paused = true)]
async fn answers_that_a_client_of_http_2_grants_no_room_are_let_go_with_its_connection() {
    let _clock = stopped_clock();
    for path in ["/large", "/stream"] {
        let (address, held) = serve();
        let handlers = Arc::strong_count(&held);
        let (mut idle, ended) = client(address, 0).await;
        let mut answers = Vec::new();
        for _ in 0..26 {
            answers.push(ask(&mut idle, path).await.unwrap());
        }
        until(|| Arc::strong_count(&held) >= handlers + 26).await;
        // The others are served meanwhile.
        let (mut other, _) = client(address, 65_535).await;
        assert_eq!(take(&mut ask(&mut other, "/").await.unwrap(), Duration::ZERO).await.unwrap(), 5);

        let allowed = PATIENCE + Duration::from_secs(LENGTH.try_into().unwrap()) / SLOWEST;
        let second = Duration::from_secs(1);
        pass(allowed - second, second).await;
        assert!(!ended.is_finished());
        assert!(Arc::strong_count(&held) >= handlers + 26);
        pass(second, second).await;
        until(|| ended.is_finished()).await;
        for answer in &mut answers {
            assert!(answer.data().await.unwrap().is_err());
        }
        until(|| Arc::strong_count(&held) == handlers).await;
        assert_eq!(take(&mut ask(&mut other, "/").await.unwrap(), Duration::ZERO).await.unwrap(), 5);
        let (mut again, _) = client(address, 65_535).await;
        let taken = take(&mut ask(&mut again, "/large").await.unwrap(), Duration::ZERO).await;
        assert_eq!(taken.unwrap(), LENGTH, "its place is free");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_a_byte_now_and_then_is_given_up_too() {
    let _clock = stopped_clock();
    let (address, held) = serve();
    let handlers = Arc::strong_count(&held);
    let (mut slow, ended) = client(address, 1).await;
    let mut answer = ask(&mut slow, "/large").await.unwrap();
    let mut taken = 0;
    while let Some(Ok(piece)) = answer.data().await {
        taken += piece.len();
        assert!(taken < 100);
        pass(PATIENCE / 2, PATIENCE / 2).await;
        answer.flow_control().release_capacity(piece.len()).ok();
    }
    assert!(taken > 2, "each byte is a step forward");
    until(|| ended.is_finished()).await;
    until(|| Arc::strong_count(&held) == handlers).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_that_takes_all_of_it_keeps_its_connection() {
    let _clock = stopped_clock();
    let (address, _) = serve();
    let (mut slow, ended) = client(address, 16_384).await;
    for path in ["/large", "/stream"] {
        let mut answer = ask(&mut slow, path).await.unwrap();
        // 16 KiB a second.
        let taken = take(&mut answer, Duration::from_secs(1)).await.unwrap();
        assert!(taken > 0 && taken.is_multiple_of(LENGTH), "{taken}");
        // Nothing is owed to a client that asks for nothing.
        pass(PATIENCE * 10, PATIENCE / 2).await;
    }
    assert!(!ended.is_finished());
}
