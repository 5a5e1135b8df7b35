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
    let mut text = format!("# yaml-language-server: $schema={}\n", one_line(ask.schema));
    comment(&mut text, "", &say(&Text::new("fleet-starter-head")));
    text += &format!("fleet: {}\n\n", quoted(ask.fleet));
    comment(&mut text, "", &say(&Text::new("fleet-starter-vaults")));
    let key = quoted(&format!("${{file:{}}}", ask.key));
    text += &format!("vaults:\n  {LOCAL}: {{ url: {}, key: {key} }}\n\n", quoted(ask.vault));
    comment(&mut text, "", &say(&Text::new("fleet-starter-clusters")));
    if ask.members.is_empty() {
        text += "clusters: {}\n";
    } else {
        text += "clusters:\n";
    }
    for member in &ask.members {
        let password = quoted(&format!("${{env:{}}}", member.password));
        text += &format!("  {}:\n    engine: {}\n", quoted(member.cluster), quoted(member.engine));
        text += &format!("    members:\n      - name: {}\n", quoted(&format!("{}-1", member.cluster)));
        text +=
            &format!("        address: {}\n        user: {}\n", quoted(member.address), quoted(member.user));
        text += &format!("        password: {password}\n");
        text += &format!("    backup: {{ vault: {LOCAL} }}\n");
    }
    text.push('\n');
    comment(&mut text, "", &say(&Text::new("fleet-starter-managed")));
    text += &commented(
        "  orders:\n    engine: ENGINE\n    members:\n      - { name: orders-1, address: \"db.example.net:5432\", \
         user: roadstead, password: \"${env:ORDERS_PASSWORD}\" }\n    backup: { vault: local }\n",
    );
    comment(&mut text, "", &say(&Text::new("fleet-starter-supervised")));
    text += &commented(
        "  billing:\n    engine: ENGINE\n    memory: 1GiB\n    members: [ { name: billing-1, port: 5434 } ]\n    \
         databases: [ billing ]\n    roles:\n      billing_app: { password: \"${file:secrets/billing}\", may: write }\n    \
         backup: { vault: local }\n",
    );
    text
}

fn comment(text: &mut String, indent: &str, words: &str) {
    for line in words.lines() {
        *text += format!("{indent}# {}", one_line(line)).trim_end();
        text.push('\n');
    }
}

fn commented(yaml: &str) -> String {
    yaml.lines().map(|line| format!("#{line}\n")).collect()
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
