//! Who greets otherwise than MySQL does. A server of it speaks first, and at once; many others do so as well.

use roadstead_core::{Error, port::Link, port::layout::Endpoint};
use tokio::{io::AsyncReadExt as _, net::TcpStream};

use super::session::no_server;

/// Length and number of a packet, and the first byte of what it holds.
const BEGINNING: usize = 5;
/// The version of the protocol, the same since MySQL 3.21.
const PROTOCOL: u8 = 10;
/// What begins an error in place of a greeting.
const ERROR: u8 = 0xff;

/// What answers there, when what it says first is no greeting; `None`: it greets, says nothing, or is not there. One
/// more connection, for at most a quarter of the deadline.
pub(super) async fn stranger(link: &Link) -> Option<Error> {
    let Endpoint::Tcp(host, port) = &link.endpoint else { return None };
    let first = async {
        let mut said = [0; BEGINNING];
        TcpStream::connect((host.as_str(), *port)).await?.read_exact(&mut said).await?;
        Ok::<_, std::io::Error>(said)
    };
    let said = tokio::time::timeout(link.deadline.duration() / 4, first).await.ok()?.ok()?;
    let words = || std::io::Error::new(std::io::ErrorKind::InvalidData, said.escape_ascii().to_string());
    (!is_greeting(said)).then(|| no_server(&words()))
}

/// The same when half of the deadline is over, and no end where there is no stranger: what the driver takes for a long
/// packet never ends.
pub(super) async fn stranger_in_time(link: &Link) -> Error {
    tokio::time::sleep(link.deadline.duration() / 2).await;
    match stranger(link).await {
        Some(error) => error,
        None => std::future::pending().await,
    }
}

fn is_greeting([_, _, _, number, first]: [u8; BEGINNING]) -> bool {
    number == 0 && (first == PROTOCOL || first == ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_are_told_from_other_words() {
        assert!(is_greeting(*b"\x4a\0\0\0\x0a"));
        assert!(is_greeting(*b"\x17\0\0\0\xff"), "an error, as to a host that is shut out");
        for other in [b"SSH-2", b"HTTP/", b"220 m", b"-ERR ", b"\x4a\0\0\x01\x0a"] {
            assert!(!is_greeting(*other), "{other:?}");
        }
    }
}
