//! Peers that are no MySQL. They are fakes (see `peers.rs`): a server that lies cannot be had.

use roadstead_core::{
    Millis,
    port::{Link, engine::Depth},
};

use super::server::Which;
use crate::{
    peers::{Peer, Spoil, are_no_servers, at, is_spoilt, noise},
    server::{Server, look},
};

/// What is taken of a peer that never ends, in all: nine times what one answer may hold, and what lies in sockets.
const TAKEN_MAX: u64 = 9 * (300 << 20);

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
    [&length[..3], &[number], payload].concat()
}

/// The words of a server that lets everybody in and can do nothing, up to and with its version, and the beginning of
/// its answer to the next question.
fn welcome() -> Vec<u8> {
    // Protocol 4.1, secure connections, plugins; no TLS, and answers with marks at their ends.
    let capabilities = 0x0008_8200_u32.to_le_bytes();
    let greeting = [
        &b"\x0a8.4.0\0\x01\0\0\0saltsalt\0"[..],
        &capabilities[..2],
        b"\x2d\x02\0",
        &capabilities[2..],
        b"\x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0mysql_native_password\0",
    ];
    let ok = b"\0\0\0\x02\0\0\0";
    let column = b"\x03def\0\0\0\x01v\x01v\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0";
    let end = b"\xfe\0\0\x02\0";
    [
        packet(0, &greeting.concat()),
        packet(2, ok),
        packet(1, ok),
        packet(1, ok),
        packet(1, b"\x01"),
        packet(2, column),
        packet(3, end),
        packet(4, b"\x058.4.0"),
        packet(5, end),
        packet(1, b"\x01"),
        packet(2, column),
        packet(3, end),
    ]
    .concat()
}

/// Rows without end, their packets numbered on from the answer's beginning.
fn rows() -> Vec<u8> {
    let text = [b"\xfa" as &[u8], &[b'x'; 250]].concat();
    (4..=255).chain(0..4).flat_map(|number| packet(number, &text)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_mysql_is_told_in_time_and_taken_little_of() {
    let server = Server::member(Which::Mysql).await;
    let http = b"HTTP/1.1 400 Bad Request\r\nServer: fake\r\n\r\n";
    let greets_and_stops = &welcome()[..60];
    let peers: &[(&str, &[u8], &[u8])] = &[
        ("a peer that says nothing", &b""[..], &b""[..]),
        ("a server of web pages", http, b""),
        ("a server of web pages without end", http, &[b'x'; 4096]),
        ("a server of keys", b"-ERR unknown command\r\n", b""),
        ("a length of 16 MiB", b"\xff\xff\xff\x00\x0a", b""),
        ("lengths of 16 MiB without end", b"", &[0xff; 4096]),
        ("empty packets without end", b"", &[0; 4096]),
        ("half a greeting", greets_and_stops, b""),
        ("a server that lets in and stops", &welcome(), b""),
        ("a server whose answer never ends", &welcome(), &rows()),
    ];
    are_no_servers(&server, peers, &welcome(), TAKEN_MAX).await;
}

/// An answer that never ends is given up at a limit, not at a deadline, and the peer is left at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_end_is_not_held() {
    let server = Server::member(Which::Mysql).await;
    let peer = Peer::new(&welcome(), &rows()).await;
    let link = Link { deadline: Millis::seconds(100), ..at(&server, peer.port) };
    let error = look::<Which>(&link, &server.cluster, Depth::Brief).await.expect_err("no end");
    assert_eq!(error.what.key, "mysql-answer-endless", "{error:?}");
    peer.is_left().await;
}

async fn spoilt(which: Which) {
    let server = Server::member(which).await;
    server.run(&["CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "INSERT INTO d.t VALUES (1)"]).await;
    for at in [0, 1, 3, 4, 20, 90, 120, 300, 1000, 4000] {
        is_spoilt(&server, Spoil::Stop(at)).await;
        is_spoilt(&server, Spoil::Hang(at)).await;
    }
    for (index, with) in noise(7, 150).into_iter().enumerate() {
        let index = index as u64;
        is_spoilt(&server, Spoil::Alter(if index < 100 { index } else { index * 17 }, with)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mysql_whose_words_are_spoilt_is_given_up_in_time() {
    spoilt(Which::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_whose_words_are_spoilt_is_given_up_in_time() {
    spoilt(Which::Mariadb).await;
}
