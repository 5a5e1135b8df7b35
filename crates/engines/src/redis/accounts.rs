//! Accounts: ACL lines read and written, and the rules for each step of privilege.
//!
//! Passwords appear as SHA-256 only, and even those never in facts, manifests or messages.

use std::collections::BTreeMap;

use roadstead_core::{
    Error, Finding, Kind, Result, Secret, SecretRef, Text,
    model::{ClusterSpec, RoleSpec},
    port::{ambient::Secrets, engine::EngineAct},
    secret::SecretForm,
};
use serde::{Deserialize, Serialize};

use super::{
    connection::Connection,
    profile::ADMIN,
    resp::Reply,
    rights::{self, Commands},
};

/// The act that makes one account as declared.
pub(super) const RECONCILE: &str = "reconcile-account";

/// The rules of a default account that lets nobody in. It keeps every right, because Redis 7.0 replays its append-only
/// file as this account: without rights each `MULTI … EXEC` in the file is refused at the next start, and lost.
pub(super) const SHUT_DEFAULT: &str = "off resetpass ~* &* +@all";

/// One account as the server lists it: its name, and its rules one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// Its name, as bytes: the server allows any but spaces.
    pub(super) name: Vec<u8>,
    /// Its rules in order; a selector in parentheses is one rule. Holds hashes of passwords.
    pub(super) rules: Vec<Vec<u8>>,
}

/// What `RECONCILE` carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// The account.
    pub(super) name: String,
    /// Where its password is.
    pub(super) password: SecretRef,
    /// Its rules.
    pub(super) rules: Vec<String>,
}

impl Account {
    /// Reads one line of `ACL LIST`: `user NAME RULE …`.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        if words.next()? != b"user" {
            return None;
        }
        let name = words.next()?.to_vec();
        let mut rules: Vec<Vec<u8>> = Vec::new();
        for word in words {
            match rules.last_mut() {
                Some(open) if open.starts_with(b"(") && !open.ends_with(b")") => {
                    open.push(b' ');
                    open.extend_from_slice(word);
                }
                _ => rules.push(word.to_vec()),
            }
        }
        Some(Self { name, rules })
    }

    /// The name for people.
    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// Whether it is the default account, shut: nobody can log in by it, whatever else its rules say.
    pub(super) fn is_shut_default(&self) -> bool {
        self.name == b"default" && self.rules.iter().any(|rule| rule == b"off")
    }

    /// Its rules as they are restored: see [`SHUT_DEFAULT`].
    pub(super) fn rules_to_restore(&self) -> Vec<&[u8]> {
        if self.is_shut_default() {
            return SHUT_DEFAULT.split(' ').map(str::as_bytes).collect();
        }
        self.rules.iter().map(Vec::as_slice).collect()
    }

    /// The hashes of its passwords.
    pub(super) fn hashes(&self) -> Vec<&[u8]> {
        if self.is_shut_default() {
            return Vec::new();
        }
        self.rules.iter().filter(|rule| rule.starts_with(b"#")).map(Vec::as_slice).collect()
    }

    /// What it may do, without its passwords, and without the words that some versions add and others leave out.
    pub(super) fn rights(&self) -> Vec<String> {
        if self.is_shut_default() {
            return vec!["off".to_owned()];
        }
        let told = |rule: &String| {
            !rule.starts_with('#')
                && !matches!(rule.as_str(), "sanitize-payload" | "resetchannels" | "alldbs")
        };
        let rules = self.rules.iter().map(|rule| String::from_utf8_lossy(rule).into_owned());
        rights::ordered(rules.filter(told).collect())
    }
}

/// The names of all accounts; `None`: they may not be listed.
pub(super) async fn names(connection: &mut Connection) -> Result<Option<Vec<Vec<u8>>>> {
    match list(connection).await {
        Ok(all) => Ok(Some(all.into_iter().map(|account| account.name).collect())),
        Err(error) if error.kind == Kind::Denied => Ok(None),
        Err(error) => Err(error),
    }
}

/// The server's accounts.
pub(super) async fn list(connection: &mut Connection) -> Result<Vec<Account>> {
    let reply = connection.ask(&["ACL", "LIST"]).await?;
    let lines = reply.list().into_iter().map(|line| match line {
        Reply::Bulk(line) => Account::parse(&line),
        _ => None,
    });
    lines.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::new(Kind::Failed, Text::new("redis-acl-unreadable").with("endpoint", connection.place()))
    })
}

/// What plans see of the accounts: by name the step of privilege, or the rights as they are where they are none, and how
/// many passwords each has.
pub(super) fn facts(accounts: &[Account], commands: &Commands) -> serde_json::Value {
    let all: BTreeMap<_, _> = accounts
        .iter()
        .map(|account| {
            let told = account.rights();
            let rights = commands.step(&told).map_or_else(|| told.join(" "), str::to_owned);
            let about = serde_json::json!({ "rights": rights, "passwords": account.hashes().len() });
            (account.shown(), about)
        })
        .collect();
    serde_json::json!({ "accounts": all })
}

/// The act for one declared account; `None` when it has no password.
pub(super) fn act(name: &str, role: &RoleSpec) -> Option<EngineAct> {
    let wanted =
        Wanted { name: name.to_owned(), password: role.password.clone()?, rules: rights::rules(role.may) };
    Some(EngineAct { name: RECONCILE.into(), payload: serde_json::to_value(wanted).ok()? })
}

/// Makes one account as declared, and keeps it over a restart.
pub(super) async fn reconcile(
    connection: &mut Connection,
    wanted: &Wanted,
    secrets: &dyn Secrets,
) -> Result<()> {
    let password = secrets.resolve(&wanted.password)?;
    let hash = Secret::new(format!("#{}", SecretForm::Sha256Hex.write(&password).expose()));
    let mut command = vec!["ACL", "SETUSER", &wanted.name, "reset", hash.expose()];
    command.extend(wanted.rules.iter().map(String::as_str));
    connection.ask(&command).await?;
    connection.ask(&["ACL", "SAVE"]).await?;
    Ok(())
}

/// Mistakes in the declared accounts.
pub(super) fn check(cluster: &ClusterSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, role) in &cluster.roles {
        let subject = format!("clusters.{}.roles.{name}", cluster.name);
        let what = |key: &str| Text::new(key).with("role", name);
        let bad = |c: char| c.is_whitespace() || c.is_control();
        if name.is_empty() || name.contains(bad) {
            let cure = Text::new("redis-role-name-cure");
            findings.push(Finding::error(subject.clone(), what("redis-role-name")).cure(cure));
        }
        if name == ADMIN || name == "default" {
            let cure = Text::new("redis-role-reserved-cure");
            findings.push(Finding::error(subject.clone(), what("redis-role-reserved")).cure(cure));
        }
        if role.password.is_none() {
            let cure = Text::new("redis-role-open-cure");
            findings.push(Finding::error(subject.clone(), what("redis-role-open")).cure(cure));
        }
        if !role.on.is_empty() {
            let cure = Text::new("redis-role-on-cure");
            findings.push(Finding::error(subject, what("redis-role-on")).cure(cure));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_selectors() {
        let line = b"user al on #0a0a %R~a* resetchannels -@all +get (~b* &x -@all +set) (%W~c -@all)";
        let account = Account::parse(line).expect("an account");
        assert_eq!(account.shown(), "al");
        assert_eq!(account.rules[6], b"(~b* &x -@all +set)");
        assert_eq!(account.hashes(), [b"#0a0a"]);
        assert_eq!(account.rights().join(" "), "on %R~a* -@all +get (~b* &x -@all +set) (%W~c -@all)");
        assert_eq!(Account::parse(b"nonsense"), None);
    }

    #[test]
    fn facts_hold_no_hash() {
        let account = Account::parse(b"user al on #0a0a ~* +@all").expect("an account");
        let facts = facts(&[account], &Commands::default());
        assert!(!facts.to_string().contains("0a0a"), "{facts}");
        assert_eq!(facts.pointer("/accounts/al/passwords"), Some(&serde_json::json!(1)));
    }
}
