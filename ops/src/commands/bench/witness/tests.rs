use super::chains::{Chains, verify};
use crate::commands::bench::engine::{Requests, Tally};
use crate::commands::bench::wire::Answer;
use ledger::{Clock, CosigningKey, SystemClock};
use proofs::checkpoint::Checkpoint;
use proofs::cosignature::cosign;
use proofs::witness::AddCheckpoint;
use proofs::{CosignatureKind, Cosigner, SignedNote, TlogPolicy, TreeSize};
use std::collections::BTreeMap;

fn body(request: &[u8]) -> AddCheckpoint {
    let at = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    AddCheckpoint::parse(&request[at..]).unwrap()
}

/// A log never has two requests on their way, and each continues the one before.
#[test]
fn each_log_waits_for_its_answer_and_proves_that_it_grew() {
    let mut chains = Chains::generate(3, 10).unwrap();
    let policy = TlogPolicy::parse(chains.policy().unwrap().as_bytes()).unwrap();
    assert_eq!(policy.logs().len(), 3);
    let url = "http://127.0.0.1:1/".parse().unwrap();
    let mut heads = BTreeMap::new();
    for repetition in 0..2 {
        let job = chains.job(&url, 6, 1000).unwrap();
        let mut tally = Tally::new().unwrap();
        let mut request = Vec::new();
        for n in 0..3 {
            assert!(job.write(n, &mut request));
            let AddCheckpoint { old, proof, note } = body(&request);
            let checkpoint = Checkpoint::parse(note.text()).unwrap();
            let before = heads.insert(checkpoint.origin.as_str().to_owned(), checkpoint.head);
            match before {
                None => assert_eq!((old, checkpoint.head.size.get(), proof.len()), (TreeSize::EMPTY, 10, 0)),
                Some(before) => {
                    let proof = proofs::ConsistencyProof { old, new: checkpoint.head.size, path: proof };
                    proof.verify(&before.root, &checkpoint.head.root).unwrap();
                }
            }
        }
        assert_eq!(heads.len(), 3, "in turn");
        assert!(!job.write(3, &mut request), "every log waits for an answer");
        job.read(1, &Answer { status: 200, body: b"lines" }, &mut tally);
        assert!(job.write(3, &mut request));
        let again = Checkpoint::parse(body(&request).note.text()).unwrap();
        heads.insert(again.origin.as_str().to_owned(), again.head);
        job.read(0, &Answer { status: 409, body: b"9\n" }, &mut tally);
        assert!(!job.write(4, &mut request), "a log that was refused does not go on");
        assert_eq!((tally.done, tally.errors.len()), (1, 1));
        // What is not a cosignature is noticed afterwards.
        let checked = chains.take_back(&job, &[]);
        assert_eq!((checked.verified, checked.wrong), (0, 1), "{repetition}");
    }
}

#[test]
fn an_answer_has_the_cosignature_of_every_key() {
    let mut chains = Chains::generate(1, 1).unwrap();
    let job = chains.job(&"http://127.0.0.1:1/".parse().unwrap(), 1, 1).unwrap();
    let mut request = Vec::new();
    assert!(job.write(0, &mut request));
    let note: SignedNote = body(&request).note;
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let keys = [CosignatureKind::Ed25519, CosignatureKind::MlDsa44]
        .map(|kind| CosigningKey::generate(kind, "w.example/w").unwrap());
    let line =
        |key: &CosigningKey| cosign(note.text(), &checkpoint, SystemClock.now(), key).unwrap().to_string();
    let own = keys.iter().map(|key| key.key().clone()).collect::<Vec<_>>();
    let (one, two) = (line(&keys[0]), line(&keys[1]));
    let text = note.to_string();
    verify(text.as_bytes(), format!("{one}{two}").as_bytes(), &own).unwrap();
    for wrong in [one.clone(), format!("{one}{one}"), String::new()] {
        assert!(verify(text.as_bytes(), wrong.as_bytes(), &own).is_err());
    }
}
