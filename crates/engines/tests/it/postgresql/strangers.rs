//! Peers that are no PostgreSQL. They are fakes (see `peers.rs`): a server that lies cannot be had.

use roadstead_core::{
    Millis,
    port::{Link, engine::Depth},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::server::{Postgresql, majors};
use crate::{
    peers::{Spoil, are_no_servers, at, is_spoilt, noise},
    server::{Server, look},
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

/// Lets one in, hears its question, and answers that without end; until nobody listens.
async fn answers_without_end(listener: &TcpListener) {
    let lets_in = [message(b'R', &[0; 4]), message(b'Z', b"I")].concat();
    let column = [&b"\0\x01v\0"[..], &[0; 6], &[0, 0, 0, 25], &[0xff; 6], &[0; 2]].concat();
    let row = message(b'D', &[&b"\0\x01\0\0\0\xfa"[..], &[b'x'; 250]].concat());
    let (mut stream, _) = listener.accept().await.expect("a client");
    let mut heard = [0; 4096];
    for word in [lets_in, message(b'T', &column)] {
        assert!(stream.read(&mut heard).await.expect("it speaks") > 0, "it left");
        stream.write_all(&word).await.expect("it listens");
    }
    let rows = row.repeat(256);
    while stream.write_all(&rows).await.is_ok() {}
}

/// An answer that never ends is given up at a limit, not at a deadline, and the peer is left at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_end_is_not_held() {
    let server = Server::member(majors()[0]).await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let link = Link { deadline: Millis::seconds(100), ..at(&server, port) };
    let looking = look::<Postgresql>(&link, &server.cluster, Depth::Brief);
    let (looked, ()) = tokio::join!(looking, answers_without_end(&listener));
    let error = looked.expect_err("no end");
    assert_eq!(error.what.key, "postgresql-answer-endless", "{error:?}");
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
