use std::net::{Ipv4Addr, Ipv6Addr};

use axum::body::Body;
use governor::clock::FakeRelativeClock;

use super::*;

fn limits(requests: u32, period: u32) -> Limits {
    Limits { rate_requests: requests, rate_period_s: period, ..Limits::default() }
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn scr_34_a_burst_then_a_wait_then_one_more() {
    let clock = FakeRelativeClock::default();
    let rate = Rate::with_clock(&limits(3, 60), clock.clone()).unwrap();
    let client = address("192.0.2.1");
    for _ in 0..3 {
        assert_eq!(rate.check_client(client), Ok(()));
    }
    assert_eq!(rate.check_client(client), Err(Duration::from_secs(20)));
    clock.advance(Duration::from_secs(19));
    assert_eq!(rate.check_client(client), Err(Duration::from_secs(1)));
    clock.advance(Duration::from_secs(1));
    assert_eq!(rate.check_client(client), Ok(()));
    assert!(rate.check_client(client).is_err());
}

#[test]
fn scr_34_each_statement_of_a_batch_counts_as_a_request() {
    let clock = FakeRelativeClock::default();
    let rate = Rate::with_clock(&limits(6, 60), clock.clone()).unwrap();
    let (parts, ()) = axum::http::Request::new(()).into_parts();
    assert_eq!(rate.check_more(&parts, 0), Ok(()));
    assert_eq!(rate.check_more(&parts, 4), Ok(()));
    assert_eq!(rate.check_more(&parts, 3), Err(Duration::from_secs(10)), "all or none");
    assert_eq!(rate.check_more(&parts, 2), Ok(()));
    assert_eq!(rate.check_more(&parts, 7), Err(Duration::MAX), "never, whatever the wait");
    assert_eq!(rate.check_more(&parts, usize::MAX), Err(Duration::MAX));
}

#[test]
fn scr_34_each_record_of_a_stream_counts_as_a_request_of_its_client() {
    let clock = FakeRelativeClock::default();
    let rate = Rate::with_clock(&limits(6, 60), clock.clone()).unwrap();
    let (parts, ()) = axum::http::Request::new(()).into_parts();
    let client = rate.client_of(&parts);
    assert_eq!(rate.at_once(), 6);
    assert_eq!(rate.check_many(client, 0), Ok(()));
    assert_eq!(rate.check_many(client, 6), Ok(()), "as many as may ever pass at once");
    assert_eq!(rate.check_many(client, 1), Err(Duration::from_secs(10)));
    assert_eq!(rate.check_more(&parts, 1), Err(Duration::from_secs(10)), "whichever way they are counted");
    clock.advance(Duration::from_secs(20));
    assert_eq!(rate.check_many(client, 2), Ok(()));
}

#[test]
fn clients_have_rates_of_their_own_and_memory_is_bounded() {
    let mut few = limits(1, 60);
    few.rate_cells = 16;
    let rate = Rate::with_clock(&few, FakeRelativeClock::default()).unwrap();
    for number in 0..10_000u32 {
        let _ = rate.check_client(Some(IpAddr::V4(Ipv4Addr::from_bits(number))));
    }
    assert_eq!(rate.limiter.len(), 16);

    let rate = Rate::with_clock(&limits(1, 60), FakeRelativeClock::default()).unwrap();
    let admitted = (0..100u32)
        .filter(|number| rate.check_client(Some(IpAddr::V4(Ipv4Addr::from_bits(*number)))).is_ok());
    // Two of a hundred strangers share one of 65,536 cells now and then.
    assert!(admitted.count() > 90);
}

#[test]
fn an_ipv6_network_is_one_client_and_a_mapped_address_is_its_ipv4() {
    assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::ffff:0:1".parse().unwrap()));
    assert_ne!(network("2001:db8::1".parse().unwrap()), network("2001:db8:0:1::1".parse().unwrap()));
    assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), network("192.0.2.1".parse().unwrap()));
    assert_ne!(network(Ipv4Addr::LOCALHOST.into()), network(Ipv6Addr::LOCALHOST.into()));
}

#[test]
fn the_text_of_scr_34_names_number_and_period() {
    for (requests, period, text) in [
        (100, 60, "Only 100 requests per minute are allowed."),
        (5, 1, "Only 5 requests per second are allowed."),
        (5, 3600, "Only 5 requests per hour are allowed."),
        (7, 90, "Only 7 requests per 90 seconds are allowed."),
    ] {
        assert_eq!(Rate::new(&limits(requests, period)).unwrap().text(), text);
    }
}

#[test]
fn zero_requests_switch_the_rate_off_and_extremes_do_not_panic() {
    assert!(Rate::new(&limits(0, 60)).is_none());
    assert!(Rate::new(&limits(u32::MAX, 1)).is_some());
    assert!(Rate::new(&limits(1, u32::MAX)).is_some());
    assert!(Rate::new(&limits(1, 0)).is_some());
}

#[test]
fn the_client_is_the_peer_or_the_hop_that_a_trusted_proxy_wrote() {
    let request = |lines: &[&str]| {
        let mut request = Request::new(Body::empty());
        let peer: SocketAddr = "198.51.100.7:4242".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        for line in lines {
            request.headers_mut().append("x-forwarded-for", line.parse().unwrap());
        }
        request
    };
    let client =
        |request: &Request, trusting| super::client(request.extensions(), request.headers(), trusting);
    let peer = address("198.51.100.7");
    assert_eq!(client(&request(&["203.0.113.9"]), false), peer);
    assert_eq!(client(&request(&["203.0.113.9"]), true), address("203.0.113.9"));
    assert_eq!(client(&request(&["10.0.0.1, 203.0.113.9"]), true), address("203.0.113.9"));
    assert_eq!(client(&request(&["10.0.0.1", "2001:db8::1"]), true), address("2001:db8::1"));
    assert_eq!(client(&request(&["nonsense"]), true), peer);
    assert_eq!(client(&request(&[]), true), peer);
    assert_eq!(client(&Request::new(Body::empty()), false), None);
}
