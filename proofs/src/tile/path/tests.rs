use super::*;

fn width(width: u8) -> Option<NonZeroU8> {
    NonZeroU8::new(width)
}

#[test]
fn tile_04_spelling_in_both_directions() {
    let cases = [
        (0, 0, None, "tile/0/000"),
        (0, 0, width(9), "tile/0/000.p/9"),
        (0, 255, None, "tile/0/255"),
        (1, 7, width(1), "tile/1/007.p/1"),
        (0, 999, None, "tile/0/999"),
        (0, 1000, None, "tile/0/x001/000"),
        (63, 1_234_067, None, "tile/63/x001/x234/067"),
        (0, 1_234_067, width(8), "tile/0/x001/x234/067.p/8"),
        (7, 1_000_000, width(255), "tile/7/x001/x000/000.p/255"),
        (10, u64::MAX, None, "tile/10/x018/x446/x744/x073/x709/x551/615"),
    ];
    for (level, index, width, text) in cases {
        let id = TileId { level, index };
        assert_eq!(tile(id, width), text);
        assert_eq!(parse_tile(text), Some((id, width)));
    }
}

#[test]
fn tile_08_spelling_of_bundles_in_both_directions() {
    let cases = [
        (0, None, "tile/entries/000"),
        (0, width(9), "tile/entries/000.p/9"),
        (1000, width(255), "tile/entries/x001/000.p/255"),
        (1_234_067, None, "tile/entries/x001/x234/067"),
    ];
    for (index, width, text) in cases {
        assert_eq!(entries(index, width), text);
        assert_eq!(parse_entries(text), Some((index, width)));
    }
}

#[test]
fn tile_04_every_index_has_one_spelling_that_reads_back() {
    let mut indices: Vec<u64> = (0..2100).collect();
    indices.extend((0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, u64::MAX >> bit]));
    for index in indices {
        for width in [None, width(1), width(255)] {
            let id = TileId { level: 3, index };
            assert_eq!(parse_tile(&tile(id, width)), Some((id, width)));
            assert_eq!(parse_entries(&entries(index, width)), Some((index, width)));
        }
    }
}

/// What may stand behind `tile/<L>/` and `tile/entries/`, spelled wrongly.
const WRONG: [&str; 49] = [
    "",
    "/",
    "0",
    "00",
    "0000",
    "1000",
    "1",
    "+01",
    "-01",
    " 01",
    "00a",
    "0x1",
    "x00",
    "x000",
    "x001",
    "x001/",
    "x001/00",
    "x001/0000",
    "x001/x000",
    "x001000",
    "001/000",
    "/000",
    "//000",
    "000/",
    "000/000",
    "x000/000",
    "x000/x001/000",
    "x000/x000/000",
    "x001//000",
    "x001/234/067",
    "x1/000",
    "x0001/000",
    "xx01/000",
    "X001/000",
    "x001/x234/x067",
    "000.p",
    "000.p/",
    "000.p/0",
    "000.p/00",
    "000.p/01",
    "000.p/+1",
    "000.p/256",
    "000.p/999999999999999999999999",
    "000.p/1/",
    "000.p/1.p/1",
    "000.P/1",
    "000/.p/1",
    // 2^64, and twenty groups.
    "x018/x446/x744/x073/x709/x551/616",
    "x001/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/x000/000",
];

#[test]
fn tile_04_any_other_spelling_is_the_path_of_nothing() {
    for place in WRONG {
        assert_eq!(parse_tile(&format!("tile/0/{place}")), None, "{place}");
        assert_eq!(parse_entries(&format!("tile/entries/{place}")), None, "{place}");
    }
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile//000",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/255/000",
        "tile/256/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/a/000",
        "tiles/0/000",
        "Tile/0/000",
        "tile/0/000 ",
        "tile/0/000?",
        "tile/0//000",
        "tile/entries/000",
        "tile/0/٠٠٠",
        "tile/٠/000",
    ] {
        assert_eq!(parse_tile(path), None, "{path}");
    }
    for path in
        ["tile/entries", "tile/entries/", "/tile/entries/000", "tile/data/000", "tile/0/000", "entries/000"]
    {
        assert_eq!(parse_entries(path), None, "{path}");
    }
}
