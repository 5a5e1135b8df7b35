//! The fleet file: text in, findings out.

use roadstead_core::{
    SecretRef,
    finding::any_error,
    fleet::{self, FILE_BYTES_MAX, FINDINGS_MAX, SecretFile, Starter, StarterMember, schema, starter},
    model::{Runtime, TlsMode},
};

use crate::harbour::{World, read, told};

const BROKEN: &[u8] = include_bytes!("../../../../examples/broken.yaml");
const HARBOUR: &[u8] = include_bytes!("../../../../examples/harbour.yaml");
const SIX_LINES: &[u8] = include_bytes!("../../../../examples/six-lines.yaml");
const DOCS: &str = include_str!("../../../../docs/fleet-file.md");

/// Sound text around the clusters that a test is about.
fn fleet_of(clusters: &str) -> String {
    let indented = clusters.lines().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat();
    format!(
        "fleet: test\nvaults: {{ local: {{ url: ./vault, key: \"${{file:key}}\" }} }}\nclusters:\n{indented}"
    )
}

fn world() -> World {
    let fine = ["key", "a"].map(|name| (format!("/srv/fleet/{name}"), SecretFile::Fine));
    World { files: fine.into_iter().collect(), variables: vec!["SET"], root: false }
}

/// Reads the text and compares what is found with `expected`, one finding a line.
#[track_caller]
fn check(text: &str, expected: &str) {
    let found = told(&read(text.as_bytes(), &world()));
    assert_eq!(found.trim(), expected.trim(), "\n{found}");
}

/// As [`check`], for clusters in a sound file: they begin on line 4, two columns to the right.
#[track_caller]
fn check_clusters(clusters: &str, expected: &str) {
    check(&fleet_of(clusters), expected);
}

#[test]
fn the_broken_example_tells_everything_at_once() {
    let reading = read(BROKEN, &World::default());
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/broken.txt");
    let found = told(&reading);
    if std::env::var_os("ROADSTEAD_BLESS").is_some() {
        std::fs::write(golden, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(golden).unwrap());
    assert!(reading.findings.len() >= 25 && reading.fleet.is_none());
    let whole = format!("{:?}", reading.findings);
    for secret in ["correct-horse", "hunter2"] {
        assert!(!whole.contains(secret), "{secret} is told");
    }
}

#[test]
fn the_harbour_example_is_sound_in_a_fresh_clone() {
    let reading = read(HARBOUR, &World { root: true, ..World::default() });
    assert!(!any_error(&reading.findings), "{}", told(&reading));
    let fleet = reading.fleet.unwrap();
    assert_eq!(fleet.clusters.len(), 3);
    assert_eq!(fleet.hosts["local"].data, "/var/lib/roadstead");
    assert_eq!(fleet.vaults["local"].url, "/srv/fleet/vault");
    assert_eq!(
        reading.generate,
        [
            "secrets/billing_app",
            "secrets/orders_app",
            "secrets/orders_report",
            "secrets/sessions_app",
            "vault.key"
        ]
        .map(|path| format!("/srv/fleet/{path}"))
    );
    assert_eq!(fleet.clusters["orders"].settings["max_connections"], "120");
    assert_eq!(reading.digest.len(), 64);
}

#[test]
fn six_lines_are_a_fleet() {
    assert_eq!(String::from_utf8_lossy(SIX_LINES).lines().count(), 6);
    let world = World { variables: vec!["PASSWORD"], ..World::default() };
    let reading = read(SIX_LINES, &world);
    let fleet = reading.fleet.unwrap();
    let Runtime::Managed { address, port, user, password, tls } = &fleet.clusters["orders"].first().runtime
    else {
        panic!("reached by address")
    };
    assert_eq!((address.as_str(), *port, user.as_str()), ("127.0.0.1", 5432, "postgres"));
    assert_eq!(*password, Some(SecretRef::Env("PASSWORD".into())));
    assert_eq!(tls.mode, TlsMode::Auto);
}

#[test]
fn a_file_that_is_no_text_is_told_where() {
    check("", "1:1+1 error fleet-empty -> fleet-empty-cure");
    check("\n# nothing\n", "1:1+1 error fleet-empty -> fleet-empty-cure");
    let reading = read(b"fleet: x\n  \xc3\xa4\xff", &world());
    assert_eq!(told(&reading).trim(), "2:4+0 error fleet-not-utf8(byte=0xff) -> fleet-not-utf8-cure");
    check(
        "fleet: a\0b\n",
        "1:9+1 error fleet-control-character(code=U+0000) -> fleet-control-character-cure",
    );
    check(
        "fleet: a\u{202e}b\n",
        "1:9+1 error fleet-control-character(code=U+202E) -> fleet-control-character-cure",
    );
    let reading = read(&vec![b'#'; FILE_BYTES_MAX + 1], &world());
    assert_eq!(
        told(&reading).trim(),
        "1:1+0 error fleet-file-too-big(limit=1024) -> fleet-file-too-big-cure"
    );
    assert!(read(&[b"\xef\xbb\xbf", HARBOUR].concat(), &World::default()).fleet.is_some());
    let windows = String::from_utf8(HARBOUR.to_vec()).unwrap().replace('\n', "\r\n");
    assert!(read(windows.as_bytes(), &World::default()).fleet.is_some());
}

#[test]
fn what_a_plan_finds_has_its_place_too() {
    let text = b"fleet: harbour\nclusters:\n  orders:\n    settings:\n      work_mem: 1kB\n";
    let finding = |subject: &str| roadstead_core::Finding::error(subject, roadstead_core::Text::new("x"));
    let asked = ["clusters.orders.settings.work_mem", "clusters.orders.version", "orders-1"].map(finding);
    let found = roadstead_core::fleet::placed("fleet.yaml", text, asked.to_vec());
    let places: Vec<_> =
        found.iter().map(|found| found.place.as_ref().map(|place| (place.line, place.column))).collect();
    assert_eq!(places, [None, Some((3, 3)), Some((5, 7))], "in the order of the file");
    let again = roadstead_core::fleet::placed("other.yaml", b"", found.clone());
    assert_eq!(again, found, "what has a place keeps it");
}

#[test]
fn what_is_no_yaml_stops_at_its_place() {
    check(
        "fleet: [",
        "1:9+1 error fleet-syntax(what=while parsing a node, did not find expected node content) -> fleet-syntax-cure",
    );
    check("fleet: x\nclusters:\n\ta: b\n", "3:2+1 error fleet-tab -> fleet-tab-cure");
    check("fleet: x\n---\nfleet: y\n", "2:1+3 error fleet-documents -> fleet-documents-cure");
    check(
        "? [a]\n: b\nfleet: x\nclusters: {a: 1}\n",
        "1:3+1 error fleet-key-not-text -> fleet-key-not-text-cure\n\
        4:15+1 error fleet-wrong-type(found=fleet-type-text, wanted=fleet-type-map, where=clusters.a) -> fleet-wrong-type-cure(wanted=fleet-type-map)",
    );
    let deep = "[".repeat(65) + &"]".repeat(65);
    check(&deep, "1:65+1 error fleet-too-deep(limit=64) -> fleet-too-deep-cure");
    let many = format!("fleet: [{}]", "1,".repeat(100_001));
    check(&many, "1:200007+1 error fleet-too-many-values(limit=100000) -> fleet-too-many-values-cure");
}

#[test]
fn machinery_of_yaml_is_refused_and_never_followed() {
    let mut bomb = "a: &a [x, x]\n".to_owned();
    for (one, other) in ('b'..='z').zip('a'..) {
        let line = format!("{one}: &{one} [{}]\n", vec![format!("*{other}"); 20].join(", "));
        bomb.push_str(&line);
    }
    let reading = read(bomb.as_bytes(), &world());
    assert!(told(&reading).contains("error fleet-alias -> fleet-alias-cure"));
    assert!(reading.fleet.is_none() && reading.findings.len() <= FINDINGS_MAX + 1);
    check(
        "fleet: !!str test\nclusters: {}\n",
        "1:8+10 error fleet-tag -> fleet-tag-cure\n\
        2:1+8 warning fleet-no-clusters -> fleet-no-clusters-cure",
    );
}

#[test]
fn keys_and_types_are_checked() {
    check_clusters(
        "a:\n  engin: redis\n  engine: redis\n  memory: [1]\n  members: [ 3, { name: a-1, tls: { mode: offf } } ]\n  settings:\n  databases: x\n  backup:",
        "2:11+5 note fleet-unused-vault(vault=local) -> fleet-unused-cure
5:5+5 error fleet-unknown-key(key=engin) -> fleet-unknown-key-near(keys=engine, version, memory, members, databases, roles, settings, backup, near=engine)
7:5+6 error fleet-wrong-type(found=fleet-type-list, wanted=fleet-type-text, where=clusters.a.memory) -> fleet-wrong-type-cure(wanted=fleet-type-text)
8:5+7 error fleet-many-members(count=2) -> fleet-many-members-cure
8:16+1 error fleet-wrong-type(found=fleet-type-text, wanted=fleet-type-map, where=clusters.a.members.0) -> fleet-wrong-type-cure(wanted=fleet-type-map)
8:32+3 error fleet-key-needs-address(key=tls) -> fleet-key-needs-address-cure(key=tls)
8:45+4 error fleet-bad-choice(key=mode, value=offf) -> fleet-bad-choice-near(choices=auto, verify-full, off, near=off)
10:16+1 error fleet-wrong-type(found=fleet-type-text, wanted=fleet-type-list, where=clusters.a.databases) -> fleet-wrong-type-cure(wanted=fleet-type-list)
11:5+6 error fleet-missing-key(key=vault, where=clusters.a.backup) -> fleet-missing-key-cure(example=vault: local)",
    );
    check(
        "- a\n",
        "1:1+1 error fleet-wrong-type(found=fleet-type-list, wanted=fleet-type-map, where=fleet.yaml) -> fleet-wrong-type-cure(wanted=fleet-type-map)",
    );
}

#[test]
fn secrets_are_references_that_can_be_had() {
    let world = World {
        files: [
            ("key", SecretFile::Fine),
            ("open", SecretFile::TooOpen(0o100_644)),
            ("locked", SecretFile::Unreadable("permission denied".into())),
            ("empty", SecretFile::Empty),
            ("big", SecretFile::TooBig),
        ]
        .map(|(name, file)| (format!("/srv/fleet/{name}"), file))
        .into(),
        ..world()
    };
    let roles = ["open", "locked", "empty", "big", "absent", "~/x"]
        .map(|path| format!("    r{path}: {{ may: read, password: \"${{file:{path}}}\" }}\n"))
        .concat();
    let others = [
        ("env-set", "${env:SET}"),
        ("env-unset", "${env:UNSET}"),
        ("env-odd", "${env:A-B}"),
        ("age-good", "${age:good}"),
        ("age-bad", "${age:bad}"),
        ("host", "${host:/x}"),
        ("scheme", "${flie:x}"),
        ("half", "${env:}"),
        ("text", "hunter2"),
        ("mixed", "x${env:SET}"),
    ]
    .map(|(name, text)| format!("    {name}: {{ may: read, password: \"{text}\" }}\n"))
    .concat();
    let text = fleet_of(&format!(
        "a:\n  engine: redis\n  members: [ {{ name: a-1 }} ]\n  backup: {{ vault: local }}\n  roles:\n{roles}{others}"
    ));
    let reading = read(text.as_bytes(), &world);
    let found = told(&reading);
    let keys: Vec<&str> =
        found.lines().map(|line| line.split(' ').nth(2).unwrap().split('(').next().unwrap()).collect();
    assert_eq!(
        keys,
        [
            "fleet-secret-open",
            "fleet-secret-unreadable",
            "fleet-secret-empty",
            "fleet-secret-big",
            "fleet-secret-generated",
            "fleet-bad-path",
            "fleet-env-unset",
            "fleet-env-name",
            "fleet-secret-age",
            "fleet-secret-host",
            "fleet-secret-scheme",
            "fleet-secret-malformed",
            "fleet-secret-literal",
            "fleet-secret-literal",
        ]
    );
    assert!(found.contains("mode=0644"));
    assert_eq!(reading.generate, ["/srv/fleet/absent"]);
}

#[test]
fn no_finding_shows_a_secret() {
    let planted = [
        "a: { engine: redis, members: [ { name: A, port: x, password: hunter2 } ] }",
        "a: { engine: redis, passwrod: hunter2, members: [ { name: a-1 } ] }",
        "a: { engine: redis, members: [ { name: a-1, address: \"redis://me:hunter2@host:1\" } ] }",
        "a: { engine: redis, members: [ { name: a-1 } ], settings: { requirepass: hunter2, nonsense: 1 } }",
        "a:\n  engine: redis\n  members: [ { name: a-1 } ]\n  roles: { r: { may: al, password: [ hunter2 ] } }",
        "a:\n  engine: redis\n  members: [ { name: a-1 } ]\n  roles: { r: { may: al, password: { hunter2: x } } }",
        "a:\n  roles:\n    r:\n      password: |\n        hunter2\n  nonsense: [",
        "a:\n  roles:\n    r: { password: hunter2, [ }",
        "a:\n  roles: { r: { password: !!str hunter2, may: read } }",
        "a:\n  roles: { r: { password: \"${hunter2}\", may: read } }",
    ];
    for clusters in planted {
        let reading = read(fleet_of(clusters).as_bytes(), &world());
        assert!(any_error(&reading.findings), "{clusters}");
        assert!(!format!("{reading:?}").contains("hunter2"), "{clusters}\n{:#?}", reading.findings);
    }
    let whole =
        "fleet: x\nvaults: { v: { url: \"sftp://me:hunter2@host/x\", key: \"${env:SET}\" } }\nclusters: {}\n";
    assert!(!format!("{:?}", read(whole.as_bytes(), &world())).contains("hunter2"));
}

#[test]
fn an_account_in_an_address_is_told_with_the_right_shape_and_never_shown() {
    for (address, cure) in [
        ("me:hunter2@host:5432", "fleet-address-account-cure"),
        ("redis://me:hunter2@host:5432", "fleet-address-account-cure"),
        ("me:hunter2@more@host", "fleet-address-account-cure"),
        ("hunter2@host", "fleet-address-account-cure"),
        ("me:hunter2@[::1]:5432", "fleet-address-account-brackets"),
        ("me:hunter2@::1:5432", "fleet-address-account-brackets"),
        ("::1:5432", "fleet-bad-address-brackets"),
    ] {
        let member = format!("{{ name: a-1, address: \"{address}\", user: me, password: \"${{env:SET}}\" }}");
        let cluster = format!("a: {{ engine: redis, backup: {{ vault: local }}, members: [ {member} ] }}");
        let reading = read(fleet_of(&cluster).as_bytes(), &world());
        let found = told(&reading);
        assert!(found.trim().ends_with(cure) && found.trim().lines().count() == 1, "{address}\n{found}");
        assert!(!format!("{reading:?}").contains("hunter2"), "{address}\n{:#?}", reading.findings);
    }
}

#[test]
fn servers_are_declared_once() {
    let cluster = |name: &str, member: &str| {
        format!("{name}: {{ engine: redis, backup: {{ vault: local }}, members: [ {{ {member} }} ] }}\n")
    };
    let managed = |name: &str, address: &str| {
        cluster(name, &format!("name: {name}, address: \"{address}\", user: x, password: \"${{env:SET}}\""))
    };
    let twice = |one: String, other: String| {
        let found = told(&read(fleet_of(&(one + &other)).as_bytes(), &world()));
        found.lines().next().map(|line| line.split(' ').nth(2).unwrap().split('(').next().unwrap().to_owned())
    };
    let process = |name: &str, rest: &str| cluster(name, &format!("name: {name}, {rest}"));
    let port = Some("fleet-port-twice".to_owned());
    let same = Some("fleet-address-twice".to_owned());
    let wide = Some("fleet-listens-beyond".to_owned());
    assert_eq!(twice(process("z", "port: 7000"), process("b", "port: 7000")), port);
    assert_eq!(twice(process("z", "port: 7000"), process("b", "port: 7001")), None);
    assert_eq!(twice(process("z", "port: 7000"), process("b", "port: 7000, listen: 127.0.0.2")), None);
    assert_eq!(twice(process("z", "port: 7000, listen: 0.0.0.0"), process("b", "port: 7001")), wide);
    assert_eq!(twice(process("z", "port: 7000"), managed("b", "localhost:7000")), same);
    assert_eq!(twice(managed("z", "127.0.0.1"), process("b", "listen: \"::1\"")), None);
    assert_eq!(twice(managed("z", "DB.example.net"), managed("b", "db.example.net:6379")), same);
    assert_eq!(twice(managed("z", "db.example.net:11"), managed("b", "db.example.net:12")), None);
    // The later one in the file is told, and names the earlier one's line.
    check_clusters(
        &(process("z", "port: 7000") + &process("b", "port: 7000, listen: \"::\"")),
        "5:77+4 error fleet-port-twice(first=z, line=4, port=7000) -> fleet-port-twice-cure
5:83+6 warning fleet-listens-beyond(listen=::) -> fleet-listens-beyond-cure",
    );
}

#[test]
fn a_port_that_is_wrong_is_told_once() {
    for (port, key) in
        [("0", "fleet-out-of-range"), ("70000", "fleet-out-of-range"), ("text", "fleet-not-a-number")]
    {
        let cluster = |name: &str, rest: &str| {
            format!(
                "{name}: {{ engine: redis, backup: {{ vault: local }}, members: [ {{ name: {name}{rest} }} ] }}\n"
            )
        };
        let found = told(&read(
            fleet_of(&(cluster("a", "") + &cluster("b", &format!(", port: {port}")))).as_bytes(),
            &world(),
        ));
        assert_eq!(found.trim().lines().count(), 1, "{found}");
        assert!(found.contains(key), "{found}");
    }
}

#[test]
fn findings_of_an_engine_find_their_place() {
    check_clusters(
        "a:\n  engine: postgresql\n  members: [ { name: a-1, port: 1 } ]\n  backup: { vault: local }\n  settings: { a.b: lots, x.y: 1 }",
        "4:3+1 warning test-port
8:17+9 error test-value
8:28+6 error test-setting",
    );
}

#[test]
fn what_an_address_leaves_unused_is_told() {
    check_clusters(
        "a:\n  engine: mysql\n  memory: 1KiB\n  databases: [x]\n  settings: { work_mem: 1 }\n  backup: { vault: local }\n  members: [ { name: a-1, address: \"db:9\", listen: \"::1\", tls: { mode: \"off\", ca: ca.pem } } ]",
        "6:5+6 warning fleet-not-reconciled(key=memory) -> fleet-not-reconciled-cure(key=memory)
7:5+9 warning fleet-not-reconciled(key=databases) -> fleet-not-reconciled-cure(key=databases)
8:5+8 warning fleet-not-reconciled(key=settings) -> fleet-not-reconciled-cure(key=settings)
10:16+1 error fleet-missing-user -> fleet-missing-user-cure
10:46+6 error fleet-key-with-address(key=listen) -> fleet-key-with-address-cure(key=listen)
10:61+3 warning fleet-plaintext(address=db:9) -> fleet-plaintext-cure
10:81+2 warning fleet-ca-without-tls -> fleet-ca-without-tls-cure",
    );
}

#[test]
fn a_thousand_mistakes_are_counted_and_an_error_among_them_counts() {
    let notes = (0..1000)
        .map(|n| format!("  v{n}: {{ url: v{n}, key: \"${{env:SET}}\" }}\n"))
        .collect::<Vec<_>>()
        .concat();
    let sound = "{ a: { engine: redis, members: [ { name: a } ], backup: { vault: v1 } } }";
    let text = format!("fleet: x\nvaults:\n{notes}clusters: {sound}\n");
    let reading = read(text.as_bytes(), &world());
    assert_eq!(reading.findings.len(), FINDINGS_MAX + 1);
    assert!(reading.fleet.is_some(), "notes alone forbid nothing");
    // The port that is given twice is found last, when only counting is left.
    let twice =
        "{ a: { engine: redis, members: [ { name: a } ] }, b: { engine: redis, members: [ { name: b } ] } }";
    let reading = read(text.replace(sound, twice).as_bytes(), &world());
    assert!(reading.fleet.is_none(), "an error hides among the untold");
    assert!(told(&reading).ends_with("error fleet-more-findings(count=503) -> fleet-more-findings-cure\n"));
}

#[test]
fn the_starter_reads_back_without_errors() {
    let ask = Starter {
        fleet: "mine",
        schema: "./fleet.schema.json",
        vault: "./vault",
        key: "vault.key",
        members: Vec::new(),
    };
    let say = |text: &roadstead_core::Text| format!("{text}\nsecond line");
    let text = starter(&ask, &say);
    assert!(text.starts_with("# yaml-language-server: $schema=./fleet.schema.json\n"));
    let reading = read(text.as_bytes(), &World::default());
    assert!(reading.fleet.is_some(), "{}", told(&reading));

    // Uncommenting what it shows gives a sound file as well.
    let shown = text.replace("#  ", "  ").replace("ENGINE", "mysql");
    let world = World { variables: vec!["ORDERS_PASSWORD"], ..World::default() };
    let reading = read(shown.as_bytes(), &world);
    assert_eq!(
        reading.fleet.as_ref().map(|fleet| fleet.clusters.len()),
        Some(2),
        "{shown}{}",
        told(&reading)
    );

    let member = StarterMember {
        cluster: "on",
        engine: "mysql",
        address: "[::1]:3306",
        user: "a \"b\"",
        password: "SET",
    };
    let text = starter(&Starter { members: vec![member], ..ask }, &say);
    let world = World { variables: vec!["SET"], ..World::default() };
    let reading = read(text.as_bytes(), &world);
    let fleet = reading.fleet.as_ref().unwrap_or_else(|| panic!("{text}{}", told(&reading)));
    let Runtime::Managed { user, .. } = &fleet.clusters["on"].first().runtime else { panic!("managed") };
    assert_eq!(user, "a \"b\"");
}

#[test]
fn the_schema_speaks_only_words_that_the_reader_heeds() {
    const HEEDED: &[&str] = &[
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "enum",
        "items",
        "maximum",
        "minimum",
        "oneOf",
        "properties",
        "required",
        "type",
    ];
    // These the reader leaves to where the model is built, or they are for people.
    const OTHERS: &[&str] =
        &["$defs", "$schema", "default", "description", "examples", "format", "pattern", "title"];
    fn walk(shape: &serde_json::Value, keys: &mut Vec<String>) {
        let Some(object) = shape.as_object() else { return };
        for (word, value) in object {
            assert!(HEEDED.contains(&word.as_str()) || OTHERS.contains(&word.as_str()), "{word}");
            match word.as_str() {
                "properties" | "$defs" => {
                    for (key, below) in value.as_object().unwrap() {
                        if word == "properties" {
                            keys.push(key.clone());
                        }
                        walk(below, keys);
                    }
                }
                "anyOf" | "oneOf" => value.as_array().unwrap().iter().for_each(|below| walk(below, keys)),
                "items" | "additionalProperties" => walk(value, keys),
                "type" => assert_ne!(*value, "null"),
                _ => {}
            }
        }
    }
    let mut keys = Vec::new();
    walk(&schema(), &mut keys);
    assert!(keys.len() > 25, "{keys:?}");
    for key in keys {
        assert!(DOCS.contains(&format!("`{key}`")), "docs/fleet-file.md does not explain `{key}`");
    }
    assert_eq!(fleet::schema()["$defs"]["Cluster"]["required"], serde_json::json!(["engine", "members"]));
}
