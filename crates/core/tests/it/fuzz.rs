//! Bytes that nobody would write: reading them ends, tells places that exist, and tells the same twice.

use proptest::{prelude::*, test_runner::Config};

use crate::harbour::{World, read, told};

const SEEDS: [&str; 3] = [
    include_str!("../../../../examples/broken.yaml"),
    include_str!("../../../../examples/harbour.yaml"),
    include_str!("../../../../examples/six-lines.yaml"),
];

fn cases(count: u32) -> Config {
    let count = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(count);
    Config { cases: count, failure_persistence: None, ..Config::default() }
}

fn holds(bytes: &[u8]) {
    let world = World { variables: vec!["PASSWORD"], ..World::default() };
    let reading = read(bytes, &world);
    let text = String::from_utf8_lossy(bytes).into_owned();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    for finding in &reading.findings {
        let place = finding.place.as_ref().expect("a place");
        assert!((1..=lines.len()).contains(&place.line), "{finding:?}");
        let width = lines[place.line - 1].chars().count();
        assert!((1..=width + 1).contains(&place.column), "{finding:?}");
        assert!(place.column + place.length <= width + 2, "{finding:?}");
    }
    assert_eq!(reading.fleet.is_none(), roadstead_core::finding::any_error(&reading.findings));
    let again = read(bytes, &world);
    assert_eq!((told(&reading), reading.fleet), (told(&again), again.fleet));
}

/// Pieces of YAML in any order: more often near a file than arbitrary bytes are.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "fleet", "clusters", "members", "name", "password", "tls", ":", ": ", " ", "  ", "\n", "\n  ",
        "\n    ", "- ", "? ", "[", "]", "{", "}", ",", "\"", "'", "|", ">", "|2-\n", "&a ", "*a", "!",
        "!!str ", "#", "%", "---", "...", "~", "null", "x", "\t", "\r", "\\", "${env:A}", "ä", "漢",
        "\u{85}", "<<", "0", "@", "`",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

const INSERTED: &[u8] = b" \n:[]{}\"'&*!|>-#%\t,?";

/// A valid file with some of its bytes changed, taken out or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..4_u8, any::<u8>());
    (0..SEEDS.len(), prop::collection::vec(change, 1..8)).prop_map(|(seed, changes)| {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (at, kind, byte) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, INSERTED[usize::from(byte) % INSERTED.len()]),
                _ => {
                    let to = bytes.len().min(at + usize::from(byte));
                    let part = bytes[at..to].to_vec();
                    bytes.splice(at..at, part);
                }
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        holds(&bytes);
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        holds(text.as_bytes());
    }

    #[test]
    fn any_pieces(text in pieces()) {
        holds(text.as_bytes());
    }

    #[test]
    fn any_mutation(bytes in mutated()) {
        holds(&bytes);
    }
}
