//! `GET /.well-known/scitt-keys` and one key of it.

use ciborium::Value;
use data_encoding::BASE64URL_NOPAD;
use proofs::sha256;

use super::{Check, list};
use crate::{
    cose,
    problem::Problem,
    session::{Doubt, KEYS, Session, Verdict, ensure},
};

pub(super) const CHECKS: &[Check] = list![
    scr_08_keys_are_a_cose_key_set,
    scr_08_keys_need_no_accept_header_and_refuse_what_excludes_them,
    scr_09_scr_17_kids_are_thumbprints_as_byte_strings,
    scr_11_keys_say_how_long_they_stay_fresh,
    scr_14_keys_are_found_by_base64url_kid,
    scr_15_keys_are_found_by_raw_kid_where_that_is_safe,
    scr_18_unknown_kids_are_no_such_key,
    scr_19_keys_hold_public_parameters_and_their_algorithm,
];

const ACCEPT: &[(&str, &str)] = &[("accept", "application/cbor")];
const KID: i64 = 2;
const KEY_TYPE: i64 = 1;

type Key = Vec<(Value, Value)>;

fn key_maps(session: &Session<'_>) -> Verdict<Vec<Key>> {
    let answer = session.target.get(KEYS, ACCEPT)?;
    ensure!(answer.status == 200, "GET {KEYS} answered {}", answer.status);
    let media = answer.media_type();
    ensure!(media.as_deref() == Some("application/cbor"), "the keys came as {media:?}");
    let keys = cose::decode(&answer.body)?.into_array().map_err(|_| "the key set is no array")?;
    ensure!(!keys.is_empty(), "the key set is empty");
    let maps: Result<Vec<_>, _> = keys.into_iter().map(Value::into_map).collect();
    Ok(maps.map_err(|_| "an element of the key set is no map")?)
}

fn kid(key: &Key) -> Verdict<Vec<u8>> {
    let kid = cose::get(key, KID).ok_or("SCR-09: a key has no kid")?;
    Ok(kid.as_bytes().ok_or("SCR-09: a kid is no byte string")?.clone())
}

fn number(key: &Key, label: i64) -> Option<i128> {
    cose::get(key, label)?.as_integer().map(i128::from)
}

fn scr_08_keys_are_a_cose_key_set(session: &mut Session<'_>) -> Verdict {
    key_maps(session)?;
    session.keys()?;
    Ok(())
}

fn scr_08_keys_need_no_accept_header_and_refuse_what_excludes_them(session: &mut Session<'_>) -> Verdict {
    for headers in
        [&[][..], &[("accept", "*/*")], &[("accept", "text/html"), ("accept", "application/*;q=0.1")]]
    {
        let answer = session.target.get(KEYS, headers)?;
        ensure!(answer.status == 200, "GET {KEYS} with {headers:?} answered {}", answer.status);
    }
    let answer = session.target.get(KEYS, &[("accept", "application/cbor;q=0, text/html")])?;
    ensure!(answer.status == 406, "keys that are not acceptable came with {}", answer.status);
    Problem::read(&answer)?;
    Ok(())
}

/// RFC 9679: SHA-256 over the deterministic encoding of the required parameters.
fn scr_09_scr_17_kids_are_thumbprints_as_byte_strings(session: &mut Session<'_>) -> Verdict {
    for key in key_maps(session)? {
        let labels: &[i64] = match number(&key, KEY_TYPE) {
            Some(1) => &[KEY_TYPE, -1, -2],
            Some(2) => &[KEY_TYPE, -1, -2, -3],
            other => return Err(Doubt::NotChecked(format!("a key of type {other:?}"))),
        };
        let required =
            labels.iter().filter_map(|label| Some((Value::from(*label), cose::get(&key, *label)?.clone())));
        let thumbprint = sha256(&cose::encode(&Value::Map(required.collect())));
        ensure!(kid(&key)? == thumbprint.as_bytes(), "SCR-17: a kid is not the thumbprint {thumbprint}");
    }
    Ok(())
}

fn scr_11_keys_say_how_long_they_stay_fresh(session: &mut Session<'_>) -> Verdict {
    let answer = session.target.get(KEYS, ACCEPT)?;
    let caching = answer.header("cache-control").unwrap_or_default();
    if answer.header("expires").is_none() && !caching.contains("max-age=") {
        return Err(Doubt::NotChecked("the service does not say, and need not".into()));
    }
    ensure!(!caching.contains("immutable"), "a key set changes: {caching:?}");
    Ok(())
}

fn scr_14_keys_are_found_by_base64url_kid(session: &mut Session<'_>) -> Verdict {
    for key in key_maps(session)? {
        let path = format!("{KEYS}/{}", BASE64URL_NOPAD.encode(&kid(&key)?));
        let answer = session.target.get(&path, ACCEPT)?;
        ensure!(answer.status == 200, "GET {path} answered {}", answer.status);
        let media = answer.media_type();
        ensure!(media.as_deref() == Some("application/cbor"), "a key came as {media:?}");
        ensure!(
            cose::decode(&answer.body)? == Value::Map(key),
            "GET {path} answered with another key than the set has under this kid"
        );
    }
    Ok(())
}

fn scr_15_keys_are_found_by_raw_kid_where_that_is_safe(session: &mut Session<'_>) -> Verdict {
    let mut seen = false;
    for key in key_maps(session)? {
        let kid = kid(&key)?;
        let safe = kid.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte));
        let Some(raw) = String::from_utf8(kid).ok().filter(|_| safe) else { continue };
        seen = true;
        let answer = session.target.get(&format!("{KEYS}/{raw}"), ACCEPT)?;
        ensure!(answer.status == 200, "a key under its raw kid {raw} answered {}", answer.status);
        ensure!(cose::decode(&answer.body)? == Value::Map(key), "another key under the raw kid {raw}");
    }
    if seen { Ok(()) } else { Err(Doubt::NotChecked("no kid is safe in a path".into())) }
}

fn scr_18_unknown_kids_are_no_such_key(session: &mut Session<'_>) -> Verdict {
    for unknown in [BASE64URL_NOPAD.encode(&[7; 32]), "AA".into(), "no%20base64".into()] {
        let answer = session.target.get(&format!("{KEYS}/{unknown}"), ACCEPT)?;
        ensure!(answer.status == 404, "an unknown kid answered {}", answer.status);
        let problem = Problem::read(&answer)?;
        ensure!(
            (problem.title.as_str(), problem.detail.as_str())
                == ("No such key", "No key could be found for this kid value"),
            "an unknown kid got {problem:?}"
        );
    }
    Ok(())
}

fn scr_19_keys_hold_public_parameters_and_their_algorithm(session: &mut Session<'_>) -> Verdict {
    for key in key_maps(session)? {
        let private = match number(&key, KEY_TYPE) {
            Some(7) => -2,
            _ => -4,
        };
        ensure!(cose::get(&key, private).is_none(), "a published key holds a private parameter");
        ensure!(number(&key, 3).is_some(), "a published key has no alg");
        if let Some(operations) = cose::get(&key, 4) {
            ensure!(*operations == Value::Array(vec![Value::from(2)]), "key_ops is {operations:?}");
        }
    }
    Ok(())
}
