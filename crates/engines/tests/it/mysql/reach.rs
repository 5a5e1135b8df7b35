//! What a look can see, and what it says where it sees nothing.

use roadstead_core::{Kind, finding::Severity, port::engine::Depth, seen::Role};

use super::server::Which;
use crate::{
    peers::{Peer, at},
    server::{Server, engine, look},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_greet_as_mysql_does_is_told_from_nobody() {
    let server = Server::member(Which::Mysql).await;
    let told = async |port| {
        let looked = look::<Which>(&at(&server, port), &server.cluster, Depth::Brief).await;
        let error = looked.expect_err("no MySQL");
        assert!(error.cure.is_some(), "{error:?}");
        (error.kind, error.what.to_string())
    };
    let others: [&[u8]; 3] =
        [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 408 Timeout\r\n\r\n"];
    for first in others {
        let peer = Peer::new(first, b"").await;
        let what = format!("mysql-protocol(endpoint=127.0.0.1:{})", peer.port);
        assert_eq!(told(peer.port).await, (Kind::Failed, what));
    }
    let port = roadstead_testkit::place::free_port();
    let what = format!("mysql-nobody-listens(endpoint=127.0.0.1:{port})");
    assert_eq!(told(port).await, (Kind::Unreachable, what));
}

/// The right to see the log's position shows no role on MariaDB: that is said, with the right that does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_cannot_be_seen_is_told_with_the_right_that_shows_it() {
    let server = Server::member(Which::Mariadb).await;
    let rights = "SELECT, RELOAD, PROCESS, BINLOG MONITOR, SHOW VIEW, TRIGGER, EVENT";
    let grant = format!("GRANT {rights} ON *.* TO backup@localhost");
    server.run(&["CREATE USER backup@localhost IDENTIFIED BY 'b'", &grant]).await;
    let link = server.link_as("backup", "b");
    let seen = async || {
        let facts = look::<Which>(&link, &server.cluster, Depth::Brief).await.expect("a look");
        let survey = engine::<Which>().observe().unwrap().survey(&link, &server.cluster).await.unwrap();
        let told = survey.into_iter().find(|finding| finding.what.key == "mysql-survey-role");
        (facts.role, told.map(|finding| (finding.severity, finding.what.to_string())))
    };
    let told = (Severity::Note, "mysql-survey-role(right=REPLICA MONITOR)".to_owned());
    assert_eq!(seen().await, (None, Some(told)));
    server.run(&["GRANT REPLICA MONITOR ON *.* TO backup@localhost"]).await;
    assert_eq!(seen().await, (Some(Role::Primary), None));
}
