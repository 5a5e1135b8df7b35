//! Addresses of servers: `host`, `host:port`, `[IPv6]:port`.

use std::net::IpAddr;

/// Reads an address; the port is `None` when it names none. `None`: it is no address.
pub(super) fn parse(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
        (host, port)
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let port = match port {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port > 0)?)
        }
        Some(_) => return None,
        None => None,
    };
    (host.parse::<IpAddr>().is_ok() || is_host_name(host)).then(|| (host.to_lowercase(), port))
}

/// Whether a text is an IPv6 address that lacks its brackets.
pub(super) fn lacks_brackets(text: &str) -> bool {
    text.matches(':').count() > 1 && !text.starts_with('[')
}

/// Whether an address is this host and nobody else's.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Labels of letters, digits, hyphens and underscores. Digits and dots alone would be a misspelt IPv4 address.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(good)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    host.len() <= 253 && !numeric && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_others_refused() {
        for (text, host, port) in [
            ("db.example.net:5432", "db.example.net", Some(5432)),
            ("DB", "db", None),
            ("127.0.0.1:3306", "127.0.0.1", Some(3306)),
            ("[::1]:6379", "::1", Some(6379)),
            ("[::1]", "::1", None),
        ] {
            assert_eq!(parse(text), Some((host.to_owned(), port)), "{text}");
        }
        for wrong in [
            "",
            ":1",
            "a:0",
            "a:65536",
            "a:-1",
            "a:+1",
            "a b",
            "::1",
            "[::1",
            "[x]:1",
            "[::1]1",
            "1.2.3",
            "1.2.3.999",
            "-h:1",
            "a..b",
            "/run/socket",
            "a:",
            "me@host:1",
            "x://host:1",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn this_host_is_known() {
        assert!(is_loopback("localhost") && is_loopback("127.8.0.1") && is_loopback("::1"));
        assert!(is_loopback("::ffff:127.0.0.1") && !is_loopback("10.0.0.1") && !is_loopback("db"));
    }
}
