use super::*;

const REFERENCE: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn reference_entries() -> Vec<Vec<u8>> {
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
        .iter()
        .map(|text| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap())
        .collect()
}

fn numbered(count: u32) -> Oracle {
    Oracle::of((0..count).map(u32::to_be_bytes))
}

#[test]
fn the_reference_roots_are_met() {
    let mut oracle = Oracle::of(reference_entries());
    for (size, root) in (0..).zip(REFERENCE) {
        assert_eq!(oracle.root(size).unwrap().to_string(), root, "size {size}");
    }
    assert_eq!(oracle.root(9), None);
}

#[test]
fn rcpt_09_every_inclusion_path_leads_to_the_root_and_no_other_does() {
    let mut oracle = numbered(70);
    for size in 1..=70 {
        let root = oracle.root(size).unwrap();
        for index in 0..size {
            let leaf = oracle.leaf(index).unwrap();
            let mut path = oracle.inclusion(index, size).unwrap();
            assert_eq!(root_of_inclusion(&leaf, index, size, &path), Some(root), "{index} in {size}");
            assert_eq!(root_of_inclusion(&leaf, size, size, &path), None);
            if let Some(first) = path.first_mut() {
                *first = node(first, first);
                assert_ne!(root_of_inclusion(&leaf, index, size, &path), Some(root), "{index} in {size}");
            }
            path.push(leaf);
            assert_eq!(root_of_inclusion(&leaf, index, size, &path), None, "{index} in {size}, one too many");
        }
    }
}

#[test]
fn rcpt_10_every_consistency_path_leads_to_both_roots_and_no_other_does() {
    let mut oracle = numbered(70);
    for new in 2..=70 {
        for old in 1..new {
            let (old_root, new_root) = (oracle.root(old).unwrap(), oracle.root(new).unwrap());
            let mut path = oracle.consistency(old, new).unwrap();
            assert_eq!(roots_of_consistency(old, new, &path, &old_root), Some((old_root, new_root)));
            let last = path.last_mut().unwrap();
            *last = node(last, last);
            assert_ne!(
                roots_of_consistency(old, new, &path, &old_root),
                Some((old_root, new_root)),
                "{old} to {new}"
            );
            path.push(old_root);
            assert_eq!(
                roots_of_consistency(old, new, &path, &old_root),
                None,
                "{old} to {new}, one too many"
            );
        }
    }
}

#[test]
fn appending_later_changes_no_earlier_root() {
    let mut grown = numbered(3);
    let before: Vec<_> = (0..=3).map(|size| grown.root(size)).collect();
    grown.extend((3..40u32).map(u32::to_be_bytes));
    let after: Vec<_> = (0..=3).map(|size| grown.root(size)).collect();
    assert_eq!(before, after);
    assert_eq!(grown.root(40), numbered(40).root(40));
}
