//! Data of every type in every encoding, with odd names, in several databases.

use std::fmt::Write as _;

use super::server::Redis;
use crate::server::Server;

/// Fills a server; returns how many keys there are.
pub(crate) fn fill(server: &Server<Redis>) -> u64 {
    let mut lines = String::new();
    strings(&mut lines);
    collections(&mut lines);
    streams(&mut lines);
    lines.push_str("SELECT 3\nSET elsewhere 1\nSADD elsewhere:set a b\nSELECT 15\nSET last \"\"\n");
    server.lines(&lines);
    // Long values that compress and values that do not; a key of binary bytes.
    let long: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    assert_eq!(server.cli_with(&["SET", "long:compressible"], &long), "OK");
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    let noise: Vec<u8> = noise.take(2_000_000).collect();
    assert_eq!(server.cli_with(&["SET", "long:noise"], &noise), "OK");
    assert_eq!(server.cli_with(&["RPUSH", "list:long"], &noise[..100_000]), "1");
    let library = "#!lua name=lib\nredis.register_function('answer', function() return 42 end)\n";
    assert_eq!(server.cli_with(&["FUNCTION", "LOAD"], library.as_bytes()), "lib");
    keys(server)
}

/// How many keys the server itself counts.
pub(crate) fn keys(server: &Server<Redis>) -> u64 {
    let printed = server.cli(&["INFO", "keyspace"]);
    let keys =
        printed.lines().filter_map(|line| line.split_once("keys=")?.1.split(',').next()?.parse::<u64>().ok());
    keys.sum()
}

fn strings(lines: &mut String) {
    lines.push_str(
        "SET text \"hello\\r\\nworld\"\nSET empty \"\"\nSET tiny 7\nSET byte -100\nSET short 30000\nSET wide 2000000000\n\
         SET wider 9000000000000000000\nSET float 3.14159\nSET \"odd \\x00\\xff key\" v\nSET 键 值\nSETBIT bits 100000 1\n\
         PFADD hyper a b c d e\nSET due soon PX 86400000\nSET \"due later\" x EXAT 4102444800\nAPPEND text more\n",
    );
    for n in 0..500 {
        writeln!(lines, "SET many:{n} \"{}\"", "ab".repeat(n % 60)).expect("text");
    }
}

fn collections(lines: &mut String) {
    lines.push_str("RPUSH list:small a 1 -1 300 70000 5000000000 \"\" \"\\x00\"\nSADD set:ints 1 2 3\nSADD set:wide 1 9000000000000\n");
    lines.push_str("SADD set:words one two\nZADD zset:small 1 a 2.5 b -inf c inf d 1e300 e 0.1 f -0.0 g\nHSET hash:small f v 1 2 long \"");
    lines.push_str(&"x".repeat(50));
    lines.push_str("\"\n");
    for n in 0..700 {
        let long = "y".repeat(n % 90);
        writeln!(lines, "RPUSH list:big {n} item:{n}:{long}").expect("text");
        writeln!(lines, "SADD set:big member:{n}").expect("text");
        writeln!(lines, "SADD set:bigints {}", n * 100_000).expect("text");
        writeln!(lines, "ZADD zset:big {n}.25 member:{n}").expect("text");
        writeln!(lines, "HSET hash:big field:{n} value:{long}").expect("text");
    }
    lines.push_str("EXPIREAT hash:big 4000000000\n");
}

fn streams(lines: &mut String) {
    for n in 1..400 {
        writeln!(lines, "XADD stream {n}-1 temperature {n} unit C").expect("text");
        writeln!(lines, "XADD stream {n}-2 other{n} {n} more x y z").expect("text");
    }
    lines.push_str(
        "XDEL stream 5-1 6-2 399-2\nXGROUP CREATE stream readers 10-1\nXGROUP CREATE stream idle $\n\
         XREADGROUP GROUP readers alice COUNT 5 STREAMS stream >\nXREADGROUP GROUP readers bob COUNT 3 STREAMS stream >\n\
         XGROUP CREATECONSUMER stream idle nobody\nXADD stream:gone 1-1 a b\nXDEL stream:gone 1-1\n",
    );
}
