//! Rights: the rules for each step of privilege, and which step an account's rules amount to.
//!
//! A server tells the rights of an account in words of its own: Redis 7.0 describes what is allowed as shortly as it can,
//! later versions repeat what they were told. So rules are compared by the commands that they allow.

use std::collections::{BTreeMap, BTreeSet};

use roadstead_core::{Result, model::May};

use super::connection::Connection;

/// Every step, as the fleet file calls it.
const STEPS: [(May, &str); 4] =
    [(May::Read, "read"), (May::Write, "write"), (May::Migrate, "migrate"), (May::Owner, "owner")];

/// The rules of one step of privilege.
pub(super) fn rules(may: May) -> Vec<String> {
    let (scope, commands) = match may {
        May::Read => ("%R~*", "-@all +@read +@connection -@dangerous -@scripting -@blocking"),
        May::Write => (
            "~* &*",
            "-@all +@read +@write +@connection +@transaction +@pubsub +@scripting +@blocking -@dangerous \
             -function|delete -function|flush -function|load -function|restore",
        ),
        May::Migrate => (
            "~* &*",
            "-@all +@read +@write +@connection +@transaction +@pubsub +@scripting +@blocking -@dangerous \
             +flushall +flushdb +info +keys +restore +sort +sort_ro +swapdb",
        ),
        May::Owner => ("~* &*", "+@all -@admin"),
    };
    let words = scope.split(' ').chain(commands.split_whitespace()).map(str::to_owned);
    std::iter::once("on".to_owned()).chain(words).collect()
}

/// The word for a step.
pub(super) fn word(may: May) -> &'static str {
    STEPS.iter().find(|(step, _)| *step == may).map_or("", |(_, word)| word)
}

/// The commands of a server by category.
#[derive(Clone, Debug, Default)]
pub(super) struct Commands(BTreeMap<String, Vec<String>>);

impl Commands {
    /// Asks the server.
    pub(super) async fn ask(connection: &mut Connection) -> Result<Self> {
        let texts = |reply: super::resp::Reply| -> Vec<String> {
            reply.list().iter().filter_map(super::resp::Reply::text).collect()
        };
        let mut all = BTreeMap::new();
        for category in texts(connection.ask(&["ACL", "CAT"]).await?) {
            let commands = texts(connection.ask(&["ACL", "CAT", &category]).await?);
            all.insert(category, commands);
        }
        Ok(Self(all))
    }

    /// The step that these rights are; `None`: none of them.
    pub(super) fn step(&self, rights: &[String]) -> Option<&'static str> {
        let (scope, allowed) = (scope(rights), self.allowed(rights));
        let same = |(may, _): &&(May, &str)| {
            let rules = rules(*may);
            self::scope(&rules) == scope && self.allowed(&rules) == allowed
        };
        STEPS.iter().find(same).map(|(_, word)| *word)
    }

    fn allowed(&self, rules: &[String]) -> BTreeSet<&str> {
        let mut allowed = BTreeSet::new();
        for rule in rules {
            let (gives, what) = match (rule.strip_prefix('+'), rule.strip_prefix('-')) {
                (Some(what), _) => (true, what),
                (_, Some(what)) => (false, what),
                _ => continue,
            };
            for command in self.named(what) {
                if gives {
                    allowed.insert(command);
                } else {
                    allowed.remove(command);
                }
            }
        }
        allowed
    }

    /// The commands that one rule is about: a category's, a command with all its parts, or one part.
    fn named<'a>(&'a self, what: &str) -> Vec<&'a str> {
        let all = self.0.values().flatten().map(String::as_str);
        match what.strip_prefix('@') {
            Some("all") => all.collect(),
            Some(category) => self.0.get(category).into_iter().flatten().map(String::as_str).collect(),
            None => {
                let part_of =
                    |command: &str| command.strip_prefix(what).is_some_and(|rest| rest.starts_with('|'));
                all.filter(|command| *command == what || part_of(command)).collect()
            }
        }
    }
}

/// All that does not name commands: whether it is on, keys, channels, selectors.
fn scope(rules: &[String]) -> BTreeSet<&str> {
    rules.iter().map(String::as_str).filter(|rule| !rule.starts_with(['+', '-'])).collect()
}

/// Rules in one order: a server may tell single commands in any, and there it means nothing.
pub(super) fn ordered(mut rules: Vec<String>) -> Vec<String> {
    let is_single = |rule: &String| rule.starts_with(['+', '-']) && rule.as_bytes().get(1) != Some(&b'@');
    for rule in &mut rules {
        if let Some(inner) = rule.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            let words = inner.split(' ').filter(|word| *word != "resetchannels").map(str::to_owned).collect();
            *rule = format!("({})", ordered(words).join(" "));
        }
    }
    for run in rules.chunk_by_mut(|left, right| is_single(left) == is_single(right)) {
        if run.first().is_some_and(is_single) {
            run.sort();
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_step_is_known_by_what_it_allows() {
        let lists = [
            ("read", "get keys memory|usage"),
            ("connection", "ping client|id client|kill"),
            ("dangerous", "keys client|kill config|get eval"),
            ("scripting", "eval"),
            ("blocking", "blpop"),
            ("admin", "config|get"),
        ];
        let commands = Commands(lists.map(|(name, list)| (name.to_owned(), words(list))).into());
        let read = "on %R~* -@all +client|id +get +ping +memory";
        assert_eq!(commands.step(&words(read)), Some("read"));
        assert_eq!(commands.step(&words("on ~* -@all +client|id +get +ping +memory")), None);
        assert_eq!(commands.step(&words("on %R~* -@all +client +get +ping +memory")), None);
        assert_eq!(commands.step(&words("on ~* &* +@all -config")), Some("owner"));
    }

    #[test]
    fn the_order_of_single_commands_means_nothing() {
        let left = ordered(words("on ~* -@all +set +get +@read -keys -info"));
        let right = ordered(words("on ~* -@all +get +set +@read -info -keys"));
        assert_eq!(left, right);
        assert_ne!(ordered(words("+@read -@write")), ordered(words("-@write +@read")));
        assert_eq!(ordered(vec!["(~a -@all +b +a)".into()]), ["(~a -@all +a +b)"]);
    }
}
