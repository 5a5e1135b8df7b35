//! The file that `roadstead init` writes: commented, and sound when it is read back.

use super::build::LOCAL;
use crate::Text;

/// What a new fleet file is made of.
#[derive(Clone, Debug)]
pub struct Starter<'a> {
    /// The fleet's name; a sound one.
    pub fleet: &'a str,
    /// The schema file beside the fleet file, as editors are told of it: `./fleet.schema.json`.
    pub schema: &'a str,
    /// The vault's directory.
    pub vault: &'a str,
    /// The file with the vault's key.
    pub key: &'a str,
    /// Servers that run already; none: the file shows how one would be declared.
    pub members: Vec<StarterMember<'a>>,
}

/// A server that runs already.
#[derive(Clone, Debug)]
pub struct StarterMember<'a> {
    /// The cluster's name; its member is called so with `-1`.
    pub cluster: &'a str,
    /// The engine's name.
    pub engine: &'a str,
    /// `host:port`.
    pub address: &'a str,
    /// The account.
    pub user: &'a str,
    /// The environment variable with its password.
    pub password: &'a str,
}

/// The text of the file. `say` turns a sentence into words; each becomes a comment.
pub fn starter(ask: &Starter<'_>, say: &dyn Fn(&Text) -> String) -> String {
    let key = quoted(&format!("${{file:{}}}", ask.key));
    let mut lines = vec![format!("# yaml-language-server: $schema={}", one_line(ask.schema))];
    lines.extend(comment(&say(&Text::new("fleet-starter-head"))));
    lines.extend([format!("fleet: {}", quoted(ask.fleet)), String::new()]);
    lines.extend(comment(&say(&Text::new("fleet-starter-vaults"))));
    lines.extend(["vaults:".to_owned(), format!("  {LOCAL}: {{ url: {}, key: {key} }}", quoted(ask.vault))]);
    lines.push(String::new());
    lines.extend(comment(&say(&Text::new("fleet-starter-clusters"))));
    // What follows in comments stands where it works once it is uncommented.
    lines.push("clusters:".to_owned());
    lines.extend(ask.members.iter().flat_map(cluster));
    lines.extend(comment(&say(&Text::new("fleet-starter-managed"))));
    lines.extend(MANAGED.iter().map(|line| format!("#{line}")));
    lines.extend(comment(&say(&Text::new("fleet-starter-supervised"))));
    lines.extend(SUPERVISED.iter().map(|line| format!("#{line}")));
    lines.join("\n") + "\n"
}

const MANAGED: [&str; 5] = [
    "  orders:",
    "    engine: ENGINE",
    "    members:",
    "      - { name: orders-1, address: \"db.example.net:5432\", user: roadstead, password: \"${env:ORDERS_PASSWORD}\" }",
    "    backup: { vault: local }",
];

const SUPERVISED: [&str; 8] = [
    "  billing:",
    "    engine: ENGINE",
    "    memory: 1GiB",
    "    members: [ { name: billing-1, port: 5434 } ]",
    "    databases: [ billing ]",
    "    roles:",
    "      billing_app: { password: \"${file:secrets/billing}\", may: write }",
    "    backup: { vault: local }",
];

fn cluster(member: &StarterMember<'_>) -> [String; 7] {
    [
        format!("  {}:", quoted(member.cluster)),
        format!("    engine: {}", quoted(member.engine)),
        format!("    members:\n      - name: {}", quoted(&format!("{}-1", member.cluster))),
        format!("        address: {}", quoted(member.address)),
        format!("        user: {}", quoted(member.user)),
        format!("        password: {}", quoted(&format!("${{env:{}}}", member.password))),
        format!("    backup: {{ vault: {LOCAL} }}"),
    ]
}

fn comment(words: &str) -> Vec<String> {
    words.lines().map(|line| format!("# {}", one_line(line)).trim_end().to_owned()).collect()
}

/// A scalar as YAML reads it back: plain where that is safe, else in double quotes.
fn quoted(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b'.');
    let word =
        text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'/'));
    if word
        && text.bytes().all(safe)
        && !matches!(text, "null" | "true" | "false" | "yes" | "no" | "on" | "off" | ".")
    {
        return text.to_owned();
    }
    format!("\"{}\"", one_line(text).replace('\\', "\\\\").replace('"', "\\\""))
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
