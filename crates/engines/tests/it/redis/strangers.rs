//! Peers that are no Redis. They are fakes (see `peers.rs`): a server that lies cannot be had.

use super::server::Redis;
use crate::{
    peers::{Spoil, are_no_servers, is_spoilt, noise},
    server::Server,
};

/// What is taken of a peer that never ends, in all: nine times what one answer may hold, and what lies in sockets.
const TAKEN_MAX: u64 = 9 * (80 << 20);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_redis_is_told_in_time_and_taken_little_of() {
    let server = Server::member(Redis).await;
    let http = b"HTTP/1.1 400 Bad Request\r\nServer: fake\r\n\r\n";
    let longest = [&b"$67108864\r\n"[..], &vec![b'x'; 64 << 20], b"\r\n"].concat();
    let lets_in = b"+PONG\r\n+OK\r\n";
    let peers: &[(&str, &[u8], &[u8])] = &[
        ("a peer that says nothing", &b""[..], &b""[..]),
        ("a server of web pages", http, b""),
        ("a server of web pages without end", http, &[b'x'; 4096]),
        ("a greeting of another server", b"\x4a\0\0\0\x0a8.4.0\0", b""),
        ("a string of many bytes that never come", b"$9223372036854775807\r\n", b""),
        ("a list of many that never come", b"*9223372036854775807\r\n", b""),
        ("a list of lists", b"", b"*2\r\n"),
        ("a line without end", b"+", &[b'x'; 4096]),
        ("a list of numbers without end", b"*1048576\r\n", b":1\r\n*1048576\r\n"),
        ("a list of the longest strings without end", b"*1048576\r\n", &longest),
        ("a server that lets in and stops", lets_in, b""),
        ("a server that lets in and agrees without end", lets_in, &b"+OK\r\n".repeat(999)),
        ("a server that lets in and sends empty lines without end", lets_in, &[b'\n'; 4096]),
        ("a server that lets in and stops in a string", &[&lets_in[..], b"$100\r\nredis_ver"].concat(), b""),
    ];
    are_no_servers(&server, peers, lets_in, TAKEN_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_words_are_spoilt_is_given_up_in_time() {
    let server = Server::member(Redis).await;
    server.lines("SET a 1\nRPUSH b 1 2 3\nXADD c 1-1 d e\n");
    for at in [0, 1, 3, 5, 20, 90, 300, 1000, 4000] {
        is_spoilt(&server, Spoil::Stop(at)).await;
        is_spoilt(&server, Spoil::Hang(at)).await;
    }
    for (index, with) in noise(7, 300).into_iter().enumerate() {
        is_spoilt(&server, Spoil::Alter(index as u64 * 2, with)).await;
    }
}
