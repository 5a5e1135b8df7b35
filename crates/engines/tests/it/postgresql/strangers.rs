//! Peers that are no PostgreSQL. They are fakes (see `peers.rs`): a server that lies cannot be had.

use super::server::majors;
use crate::{
    peers::{Spoil, are_no_servers, is_spoilt, noise},
    server::Server,
};

/// What is taken of a peer that never ends, in all: what lies in sockets, nine times over.
const TAKEN_MAX: u64 = 9 * (16 << 20);

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    [&[kind], &length[..], body].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_postgresql_is_told_in_time_and_taken_little_of() {
    let server = Server::member(majors()[0]).await;
    let http = b"HTTP/1.1 400 Bad Request\r\nServer: fake\r\n\r\n";
    let lets_in = [message(b'R', &[0; 4]), message(b'Z', b"I")].concat();
    let parameter = message(b'S', b"name\0value\0");
    let peers: &[(&str, &[u8], &[u8])] = &[
        ("a peer that says nothing", &b""[..], &b""[..]),
        ("a server of web pages", http, b""),
        ("a server of web pages without end", http, &[b'x'; 4096]),
        ("a server of another protocol", b"\x4a\0\0\0\x0a8.4.0\0", b""),
        ("a message of 2 GiB", b"R\x7f\xff\xff\xff", &[0; 4096]),
        ("a refusal without its length", b"Ecould not fork new process for connection\0", b""),
        ("half a message", b"R\0\0", b""),
        ("a way in that nobody knows", &message(b'R', &[0, 0, 0, 99]), b""),
        ("a server that lets in and stops", &lets_in, b""),
        ("parameters without end", b"R\0\0\0\x08\0\0\0\0", &parameter),
    ];
    are_no_servers(&server, peers, &lets_in, TAKEN_MAX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_whose_words_are_spoilt_is_given_up_in_time() {
    let server = Server::member(majors()[0]).await;
    server.sql("postgres", "create table t as select 1 as a");
    for at in [0, 1, 3, 5, 20, 90, 300, 1000, 4000] {
        is_spoilt(&server, Spoil::Stop(at)).await;
        is_spoilt(&server, Spoil::Hang(at)).await;
    }
    for (index, with) in noise(7, 100).into_iter().enumerate() {
        is_spoilt(&server, Spoil::Alter(index as u64 * 5, with)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reason_why_tls_is_refused_is_told_with_its_cure() {
    crate::refusals::of_certificates(majors()[0]).await;
}
