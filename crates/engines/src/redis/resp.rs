//! RESP2, the protocol's words: commands out, replies in. Pure bytes; knows no socket.
//!
//! Never allocates what a length in a reply claims: what was announced is only believed as it arrives.

use bytes::BytesMut;

/// The longest text line that a server sends us.
const LINE_BYTES_MAX: usize = 64 << 10;
/// The longest single reply that any of our questions has.
const BULK_BYTES_MAX: usize = 64 << 20;
/// The most that one reply may take in all before it is whole.
const REPLY_BYTES_MAX: usize = BULK_BYTES_MAX + (1 << 20);
/// The most elements of one reply, in all its lists.
const ELEMENTS_MAX: usize = 1 << 20;
/// How deep replies may nest.
const DEPTH_MAX: usize = 8;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+OK`.
    Simple(String),
    /// `-ERR …`, as the server wrote it.
    Error(String),
    /// `:1`.
    Integer(i64),
    /// A string of bytes.
    Bulk(Vec<u8>),
    /// Nothing.
    Null,
    /// A list.
    Array(Vec<Reply>),
}

/// What a reader finds that is no RESP2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbled;

/// A command in the server's form.
pub(super) fn command<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_command(&mut bytes, parts);
    bytes
}

/// Appends a command, for a pipeline.
pub(super) fn push_command<P: AsRef<[u8]>>(bytes: &mut Vec<u8>, parts: &[P]) {
    bytes.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
    for part in parts {
        let part = part.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
}

impl Reply {
    /// As text, when it is some.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Simple(text) => Some(text.clone()),
            Self::Bulk(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Error(_) | Self::Null | Self::Array(_) => None,
        }
    }

    /// As a list; anything else is an empty one.
    pub(super) fn list(self) -> Vec<Self> {
        match self {
            Self::Array(all) => all,
            _ => Vec::new(),
        }
    }
}

/// Takes one whole reply off the front of the buffer; `None`: more bytes are needed.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Reply>, Garbled> {
    let (mut at, mut room) = (0, ELEMENTS_MAX);
    let reply = parse(buffer, &mut at, &mut room, 0)?;
    if reply.is_some() {
        let _ = buffer.split_to(at);
    } else if buffer.len() > REPLY_BYTES_MAX {
        return Err(Garbled);
    }
    Ok(reply)
}

/// Takes one line off the front of the buffer, without its end; `None`: more bytes are needed.
pub(super) fn take_line(buffer: &mut BytesMut) -> Result<Option<Vec<u8>>, Garbled> {
    let mut at = 0;
    let Some(line) = line(buffer, &mut at)? else { return Ok(None) };
    let line = line.to_vec();
    let _ = buffer.split_to(at);
    Ok(Some(line))
}

fn line<'a>(bytes: &'a [u8], at: &mut usize) -> Result<Option<&'a [u8]>, Garbled> {
    let rest = &bytes[*at..];
    let Some(end) = rest.iter().take(LINE_BYTES_MAX).position(|&byte| byte == b'\n') else {
        return if rest.len() >= LINE_BYTES_MAX { Err(Garbled) } else { Ok(None) };
    };
    *at += end + 1;
    Ok(Some(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end])))
}

fn number(text: &[u8]) -> Result<i64, Garbled> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Garbled)
}

/// `room` is how many elements there may still be.
fn parse(bytes: &[u8], at: &mut usize, room: &mut usize, depth: usize) -> Result<Option<Reply>, Garbled> {
    let Some(head) = line(bytes, at)? else { return Ok(None) };
    let Some((&kind, rest)) = head.split_first() else { return Err(Garbled) };
    let text = || String::from_utf8_lossy(rest).into_owned();
    match kind {
        b'+' => Ok(Some(Reply::Simple(text()))),
        b'-' => Ok(Some(Reply::Error(text()))),
        b':' => Ok(Some(Reply::Integer(number(rest)?))),
        b'$' => bulk(bytes, at, number(rest)?),
        b'*' => array(bytes, at, number(rest)?, room, depth),
        _ => Err(Garbled),
    }
}

fn bulk(bytes: &[u8], at: &mut usize, length: i64) -> Result<Option<Reply>, Garbled> {
    if length == -1 {
        return Ok(Some(Reply::Null));
    }
    let length = usize::try_from(length).map_err(|_| Garbled)?;
    if length > BULK_BYTES_MAX {
        return Err(Garbled);
    }
    let Some(body) = bytes.get(*at..*at + length + 2) else { return Ok(None) };
    if !body.ends_with(b"\r\n") {
        return Err(Garbled);
    }
    *at += length + 2;
    Ok(Some(Reply::Bulk(body[..length].to_vec())))
}

fn array(
    bytes: &[u8],
    at: &mut usize,
    length: i64,
    room: &mut usize,
    depth: usize,
) -> Result<Option<Reply>, Garbled> {
    if length == -1 {
        return Ok(Some(Reply::Null));
    }
    let length = usize::try_from(length).map_err(|_| Garbled)?;
    if depth >= DEPTH_MAX {
        return Err(Garbled);
    }
    *room = room.checked_sub(length).ok_or(Garbled)?;
    let mut all = Vec::new();
    for _ in 0..length {
        match parse(bytes, at, room, depth + 1)? {
            Some(reply) => all.push(reply),
            None => return Ok(None),
        }
    }
    Ok(Some(Reply::Array(all)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Result<Option<Reply>, Garbled> {
        take(&mut BytesMut::from(text))
    }

    #[test]
    fn replies_are_read_whole_or_not_at_all() {
        let text: &[u8] = b"*3\r\n$2\r\na\n\r\n:-7\r\n*1\r\n$-1\r\nrest";
        let whole = text.len() - 4;
        for cut in 0..whole {
            assert_eq!(all(&text[..cut]), Ok(None), "cut at {cut}");
        }
        let mut buffer = BytesMut::from(text);
        let reply = take(&mut buffer).expect("read").expect("whole");
        let inner = Reply::Array(vec![Reply::Null]);
        assert_eq!(reply, Reply::Array(vec![Reply::Bulk(b"a\n".to_vec()), Reply::Integer(-7), inner]));
        assert_eq!(&buffer[..], b"rest");
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let deep = b"*1\r\n".repeat(20);
        for wrong in
            [&b"HTTP/1.1 400\r\n"[..], b"$99999999999\r\n", b"$1\r\nabc\r\n", b"*-3\r\n", b"\r\n", &deep]
        {
            assert_eq!(all(wrong), Err(Garbled), "{}", String::from_utf8_lossy(wrong));
        }
        assert_eq!(all(&vec![b'+'; LINE_BYTES_MAX]), Err(Garbled));
        let wide = b"*600000\r\n".iter().chain(&b"$-1\r\n".repeat(500_000)).copied().collect::<Vec<_>>();
        assert_eq!(all(&wide), Ok(None), "it may still become whole");
        assert_eq!(
            all(&[b"*2\r\n*600000\r\n", &b"$-1\r\n".repeat(600_000)[..], b"*600000\r\n"].concat()),
            Err(Garbled)
        );
        let strings = format!("${BULK_BYTES_MAX}\r\n{}\r\n", "x".repeat(BULK_BYTES_MAX));
        let long = format!("*9\r\n{strings}{}", &strings[..2 << 20]);
        assert_eq!(all(long.as_bytes()), Err(Garbled), "each is as long as one may be, and all are too long");
    }

    #[test]
    fn commands_carry_any_bytes() {
        assert_eq!(command(&[&b"SET"[..], b"a\r\n", b""]), b"*3\r\n$3\r\nSET\r\n$3\r\na\r\n\r\n$0\r\n\r\n");
    }
}
