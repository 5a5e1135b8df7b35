//! Where members answer, and where they are declared to.

use std::net::{IpAddr, SocketAddr};

use super::Condition;
use crate::{
    Text,
    model::{MemberSpec, Runtime},
    port::layout::Endpoint,
};

/// Where a server that somebody else runs answers, this machine under one name.
pub fn place_of(member: &MemberSpec) -> String {
    let (host, port) = member.endpoint();
    let host = host.trim_end_matches('.').to_lowercase();
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    format!("{}:{port}", if is_here { "localhost" } else { &host })
}

/// That a member listens where it is declared to; `None`: somebody else runs it.
pub(super) fn answers(member: &MemberSpec) -> Option<Condition> {
    let Runtime::Process { port, listen, .. } = &member.runtime else { return None };
    Some(Condition::Answers { member: member.name.clone(), listen: *listen, port: *port })
}

/// From where it answers to where it is declared to.
pub(super) fn moves(member: &MemberSpec, there: &[SocketAddr]) -> Text {
    let there: Vec<_> = there.iter().map(ToString::to_string).collect();
    Text::new("core-step-because-elsewhere")
        .with("there", if there.is_empty() { "-".into() } else { there.join(", ") })
        .with("wanted", declared_at(member))
}

/// The address and port that a member is declared to listen at.
pub fn declared_at(member: &MemberSpec) -> String {
    match &member.runtime {
        Runtime::Process { port, listen, .. } => SocketAddr::new(*listen, *port).to_string(),
        Runtime::Managed { address, port, .. } => Endpoint::Tcp(address.clone(), *port).to_string(),
    }
}
