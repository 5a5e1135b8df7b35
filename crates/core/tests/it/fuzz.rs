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

/// As large as a file may be, and made to cost: none may take more than a multiple of its length.
#[test]
fn the_worst_files_are_read_soon() {
    let size = roadstead_core::fleet::FILE_BYTES_MAX;
    let fill = |piece: &str| piece.repeat(size / piece.len());
    let lines = |line: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        for number in 0.. {
            let next = line(number);
            if text.len() + next.len() > size {
                break;
            }
            text += &next;
        }
        text
    };
    let files = [
        ("brackets", fill("[")),
        ("dashes", fill("- ")),
        ("braces", fill("{a: ")),
        ("colons", fill("a:")),
        ("passwords", fill("password:x ")),
        ("keys", lines(&|n| format!("k{n}: 1\n"))),
        ("same keys", lines(&|_| "k: 1\n".into())),
        ("keys on one line", format!("{{{}}}", fill("a: 1,").get(..size - 5).unwrap_or_default())),
        (
            "unknown keys on one line",
            format!("{{ {} }}", (0..40_000).map(|n| format!("k{n}: 1, ")).collect::<Vec<_>>().concat()),
        ),
        ("anchors", lines(&|n| format!("k{n}: &a {n}\n"))),
        ("aliases", "a: &a 1\n".to_owned() + &lines(&|n| format!("k{n}: *a\n"))[..size - 100]),
        ("a long word", format!("fleet: {}", fill("x")).chars().take(size).collect()),
        ("an open quote", format!("fleet: \"{}", fill("x ")).chars().take(size).collect()),
        ("clusters", {
            let cluster =
                |n| format!(" c{n}: {{engine: redis, members: [{{name: m}}], backup: {{vault: v{n}}}}}\n");
            "fleet: x\nclusters:\n".to_owned() + &(0..7_000).map(cluster).collect::<Vec<_>>().concat()
        }),
        ("vaults", {
            let vaults = (0..8_000)
                .map(|n| format!(" v{n}: {{url: v, key: \"${{env:X}}\"}}\n"))
                .collect::<Vec<_>>()
                .concat();
            let clusters = (0..8_000)
                .map(|n| format!(" c{n}: {{backup: {{vault: w{n}}}}}\n"))
                .collect::<Vec<_>>()
                .concat();
            format!("fleet: x\nvaults:\n{vaults}clusters:\n{clusters}")
        }),
        ("databases", {
            let inner = lines(&|n| format!("d{}, ", n % 50_000));
            format!(
                "fleet: x\nclusters: {{ c: {{ engine: mysql, members: [], databases: [{}] }} }}\n",
                &inner[..size / 2]
            )
        }),
        ("planted", lines(&|n| format!("password{n}: hunter2\n"))),
    ];
    let shallow =
        ["brackets", "dashes", "braces", "colons", "passwords", "keys", "a long word", "an open quote"];
    for (name, text) in files {
        let least = if shallow.contains(&name) { 1 } else { roadstead_core::fleet::FINDINGS_MAX };
        assert!(text.len() <= size, "{name}");
        let began = std::time::Instant::now();
        let reading = read(text.as_bytes(), &World::default());
        let took = began.elapsed();
        let count = reading.findings.len();
        println!("{name}: {count} findings, {took:?}");
        assert!(count >= least && took.as_secs() < 120, "{name}: {count} findings, {took:?}");
    }
}
