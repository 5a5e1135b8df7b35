//! Running members: the layout, what a running one still needs, and the acts that give it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use roadstead_core::{
    Bytes, Error, Finding, Kind, Millis, Result, SecretRef, Text, Version,
    model::{ClusterSpec, MemberHome, Name, Runtime},
    plan::{Condition, Risk},
    port::{
        Deploy, Secrets,
        engine::{Change, EngineAct, How, Link, Purpose, RenderAsk},
        layout::{Directory, Endpoint, File, Layout, Piece, Program, SettingWhy, Signal, Stop},
    },
    secret::SecretForm,
    seen::{Effect, Facts, Tool},
};

use super::{
    Redis, accounts,
    connection::Connection,
    databases,
    profile::{ADMIN, MEMORY, PROFILE, SERVER, can_load},
    rights, scratch, settings,
};

/// The act that changes settings of a running server.
const APPLY: &str = "apply-settings";
/// The dump's name in the data directory.
pub(super) const DUMP: &str = "dump.rdb";
/// Saving everything once more at the end may take this long.
const STOP_DEADLINE: Millis = Millis::seconds(60);

#[async_trait]
impl Deploy for Redis {
    fn render(&self, ask: &RenderAsk<'_>) -> Result<Layout, Vec<Finding>> {
        let server = server(ask).map_err(|finding| vec![finding])?;
        let newer: Vec<_> = ask
            .cluster
            .settings
            .keys()
            .filter_map(|name| {
                let subject = format!("clusters.{}.settings.{name}", ask.cluster.name);
                settings::not_in(name, &server.version, &subject)
            })
            .collect();
        if !newer.is_empty() {
            return Err(newer);
        }
        let lines = Lines::of(ask);
        let home = ask.home;
        let directory = |path| Directory { path, mode: 0o700 };
        let conf = format!("{}/redis.conf", home.conf());
        let program = |path: &str, args: Vec<String>, deadline| Program {
            path: path.to_owned(),
            args,
            env: BTreeMap::new(),
            directory: home.data(),
            deadline,
        };
        let users =
            vec!["-m".to_owned(), "600".to_owned(), first_users(home), format!("{}/users.acl", home.data())];
        Ok(Layout {
            user: ask.host.user.clone().unwrap_or_else(|| PROFILE.user.to_owned()),
            flavour: server.flavour.clone(),
            version: server.version.clone(),
            directories: [home.data(), home.conf(), home.run(), home.log()].map(directory).into(),
            files: vec![File::plain(conf.clone(), 0o600, lines.text()), users_file(home)],
            create: vec![program("/usr/bin/install", users, Some(Millis::seconds(10)))],
            server: program(&server.path, vec![conf], None),
            endpoint: lines.endpoint.clone(),
            admin: ADMIN.to_owned(),
            stop: Stop { signal: Signal::Term, deadline: STOP_DEADLINE },
            reload: None,
            settings: lines.settings,
        })
    }

    fn changes(&self, cluster: &ClusterSpec, layout: &Layout, facts: &Facts) -> (Vec<Change>, Vec<Finding>) {
        let member = member_of(cluster, layout);
        let mut changes = setting_changes(&member, layout, facts);
        changes.extend(account_changes(&member, cluster, facts));
        (changes, Vec::new())
    }

    fn settings_of_interest(&self, cluster: &ClusterSpec) -> Vec<String> {
        let defaults = DEFAULTS.iter().map(|(name, ..)| (*name).to_owned());
        let mut names: Vec<_> = defaults.chain(cluster.settings.keys().cloned()).collect();
        names.push("maxmemory".into());
        names.sort();
        names.dedup();
        names
    }

    async fn perform(&self, link: &Link, act: &EngineAct, secrets: &dyn Secrets) -> Result<()> {
        let unreadable = |error| Error::internal(format!("payload of {}: {error}", act.name));
        let payload = act.payload.clone();
        match act.name.as_str() {
            accounts::RECONCILE => {
                let wanted: accounts::Wanted = serde_json::from_value(payload).map_err(unreadable)?;
                let mut connection = Connection::open(link).await?;
                accounts::reconcile(&mut connection, &wanted, secrets).await
            }
            APPLY => {
                let values: BTreeMap<String, String> = serde_json::from_value(payload).map_err(unreadable)?;
                let mut connection = Connection::open(link).await?;
                let mut command = vec!["CONFIG", "SET"];
                command.extend(values.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
                connection.ask(&command).await.map(|_| ())
            }
            name => Err(Error::new(Kind::Unsupported, Text::new("redis-act-unknown").with("act", name))),
        }
    }

    /// `SIGTERM` makes the server save by itself; there is nothing to say before.
    async fn before_stop(&self, _link: &Link) -> Result<()> {
        Ok(())
    }
}

/// Settings of a member where the fleet file does not say otherwise, each with its reason.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("appendonly", "yes", "redis-why-appendonly"),
    ("appendfsync", "everysec", "redis-why-appendfsync"),
    ("save", "3600 1 300 100 60 10000", "redis-why-save"),
    ("maxmemory-policy", "noeviction", "redis-why-noeviction"),
    ("repl-diskless-sync-delay", "0", "redis-why-no-delay"),
];

/// The rendered configuration.
struct Lines {
    /// Names and values in the file's order.
    all: Vec<(String, String)>,
    /// Those that a user may want to understand, or change.
    settings: Vec<SettingWhy>,
    endpoint: Endpoint,
}

impl Lines {
    fn of(ask: &RenderAsk<'_>) -> Self {
        let socket = format!("{}/redis.sock", ask.home.run());
        let socket = (socket.len() <= scratch::SOCKET_BYTES_MAX).then_some(socket);
        let mut lines = Self::place(ask, socket.as_deref());
        lines.add_settings(ask);
        lines
    }

    /// Where it lives and where it answers. A server that is loaded answers at its socket alone where the path allows.
    fn place(ask: &RenderAsk<'_>, socket: Option<&str>) -> Self {
        let (host, port) = ask.member.endpoint();
        let private = ask.purpose != Purpose::Member;
        let listen = match &ask.member.runtime {
            Runtime::Process { listen, .. } if !private => listen.to_string(),
            _ => "127.0.0.1".to_owned(),
        };
        let endpoint = match socket {
            Some(path) if private => Endpoint::Socket(path.to_owned()),
            _ if private => Endpoint::Tcp("127.0.0.1".into(), port),
            _ => Endpoint::Tcp(host, port),
        };
        let served = if matches!(endpoint, Endpoint::Socket(_)) { 0 } else { port };
        let mut all: Vec<(String, String)> = Vec::new();
        let mut put = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
        put("bind", &listen);
        put("port", &served.to_string());
        if let Some(path) = socket {
            put("unixsocket", path);
            put("unixsocketperm", "700");
        }
        put("dir", &ask.home.data());
        put("dbfilename", DUMP);
        put("aclfile", &format!("{}/users.acl", ask.home.data()));
        put("pidfile", &format!("{}/redis.pid", ask.home.run()));
        put("daemonize", "no");
        put("supervised", "no");
        // The process keeps the arguments it was started with, so that it can be told from others.
        put("set-proc-title", "no");
        put("protected-mode", "yes");
        if ask.purpose == Purpose::Member {
            put("enable-debug-command", "no");
        }
        // By its name alone: in a pattern the path's own characters would have a meaning. What is declared follows it.
        put("include", databases::FILES);
        Self { all, settings: Vec::new(), endpoint }
    }

    fn add_settings(&mut self, ask: &RenderAsk<'_>) {
        let declared = &ask.cluster.settings;
        let memory = ask.cluster.memory.unwrap_or(MEMORY);
        let limit = Bytes(memory.0 / 4 * 3).0.to_string();
        let because = Text::new("redis-why-maxmemory").with("memory", memory.to_string());
        let mut values: BTreeMap<String, (String, Text)> = DEFAULTS
            .iter()
            .map(|(name, value, why)| ((*name).to_owned(), ((*value).to_owned(), Text::new(why))))
            .collect();
        values.insert("maxmemory".into(), (limit, because));
        for (name, value) in declared {
            // A proof asks whether the backup is good, not whether the file still has room for it.
            if ask.purpose == Purpose::Scratch && name == databases::NAME {
                continue;
            }
            values.insert(name.clone(), (value.clone(), Text::new("redis-why-declared")));
        }
        for (name, (value, why)) in values {
            let value = settings::normalised(&name, &value);
            self.settings.push(SettingWhy { effect: settings::effect(&name), name, value, why });
        }
        let overrides = overrides(ask, &self.settings);
        for setting in &self.settings {
            if !overrides.iter().any(|(name, _)| *name == setting.name) {
                self.all.push((setting.name.clone(), setting.value.clone()));
            }
        }
        self.all.extend(overrides.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }

    fn text(&self) -> String {
        let mut text = String::from("# Written by Roadstead; changes are lost at the next start.\n");
        for (name, value) in &self.all {
            text.push_str(name);
            match name.as_str() {
                // These take several words; every other setting takes one, which may hold spaces.
                "replicaof"
                | "bind"
                | "save"
                | "client-output-buffer-limit"
                | "oom-score-adj-values"
                | "latency-tracking-info-percentiles"
                | "shutdown-on-sigterm"
                    if !value.is_empty() =>
                {
                    text.push(' ');
                    text.push_str(value);
                }
                _ => {
                    text.push_str(" \"");
                    text.push_str(&value.replace('\\', "\\\\").replace('"', "\\\""));
                    text.push('"');
                }
            }
            text.push('\n');
        }
        text
    }
}

/// What a server that is loaded has instead. Points at which it would save tell the load that its data will stay.
fn overrides(ask: &RenderAsk<'_>, settings: &[SettingWhy]) -> Vec<(&'static str, String)> {
    let value =
        |name: &str| settings.iter().find(|setting| setting.name == name).map(|setting| &setting.value);
    let stays = ask.purpose == Purpose::Loading && value("appendonly").is_some_and(|on| on == "yes");
    match ask.purpose {
        Purpose::Member => Vec::new(),
        Purpose::Loading | Purpose::Scratch => {
            let keeps = scratch::KEEPS_EVERYTHING.iter().map(|(name, value)| (*name, (*value).to_owned()));
            // A file of changes that is on is read instead of the dump: it is turned on when the load is done.
            let save = if stays { "3600 1" } else { "" };
            keeps.chain([("appendonly", "no".to_owned()), ("save", save.to_owned())]).collect()
        }
    }
}

fn first_users(home: &MemberHome) -> String {
    format!("{}/first-users.acl", home.conf())
}

/// The accounts of a new member: the administrator, and a default account that lets nobody in. From then on the server
/// keeps its accounts itself, in its data directory.
fn users_file(home: &MemberHome) -> File {
    let secret: SecretRef = home.admin_password();
    let body = vec![
        Piece::Text(format!("user default {}\nuser {ADMIN} on #", accounts::SHUT_DEFAULT)),
        Piece::Secret(secret, SecretForm::Sha256Hex),
        Piece::Text(" ~* &* +@all\n".to_owned()),
    ];
    File { path: first_users(home), mode: 0o600, body, only_for_create: true }
}

/// The server program: for existing data the oldest that can load it, within its own major version if there is one;
/// else the newest that the cluster's wish names.
fn server<'a>(ask: &'a RenderAsk<'_>) -> Result<&'a Tool, Finding> {
    let found = ask.seen.tools.as_ref().map(|tools| tools.of(PROFILE.name, SERVER)).unwrap_or_default();
    let subject = format!("clusters.{}", ask.cluster.name);
    let (chosen, wanted) = if let Some((version, flavour)) = &ask.version {
        (oldest_able(&found, version, flavour), format!("{flavour} {version}"))
    } else {
        let wish = ask.cluster.version.as_ref();
        let suits = |tool: &&&Tool| wish.map_or(tool.version.major() >= 7, |wish| tool.version.is_of(wish));
        (found.iter().find(suits).copied(), wish.map_or_else(|| "7".to_owned(), ToString::to_string))
    };
    chosen.ok_or_else(|| {
        let what = Text::new("redis-no-server").with("wanted", wanted);
        Finding::error(subject, what).cure(Text::new("redis-no-server-cure"))
    })
}

fn oldest_able<'a>(found: &[&'a Tool], version: &Version, flavour: &str) -> Option<&'a Tool> {
    let able = found.iter().filter(|tool| can_load((version, flavour), (&tool.version, &tool.flavour)));
    able.min_by_key(|tool| {
        let other_flavour = !flavour.is_empty() && tool.flavour != flavour;
        (other_flavour, tool.version.major() != version.major(), tool.version.clone())
    })
    .copied()
}

fn member_of(cluster: &ClusterSpec, layout: &Layout) -> Name {
    let here = |endpoint: (String, u16)| layout.endpoint == Endpoint::Tcp(endpoint.0, endpoint.1);
    let member = cluster.members.iter().find(|member| here(member.endpoint()));
    member.unwrap_or_else(|| cluster.first()).name.clone()
}

fn setting_changes(member: &Name, layout: &Layout, facts: &Facts) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut live = BTreeMap::new();
    let mut proves = Vec::new();
    for wanted in &layout.settings {
        let Some(seen) = facts.settings.get(&wanted.name).filter(|seen| seen.value != wanted.value) else {
            continue;
        };
        let proof = Condition::Setting {
            member: member.clone(),
            name: wanted.name.clone(),
            value: wanted.value.clone(),
        };
        if wanted.effect == Effect::Reload {
            live.insert(wanted.name.clone(), wanted.value.clone());
            proves.push(proof);
            continue;
        }
        let title = Text::new("redis-change-setting")
            .with("setting", &wanted.name)
            .with("from", &seen.value)
            .with("to", &wanted.value);
        changes.push(Change { title, risk: Some(Risk::Restart), how: How::Restart, proves: vec![proof] });
    }
    if !live.is_empty() {
        let told: Vec<_> = live.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let title =
            Text::new("redis-change-settings").with("member", member).with("settings", told.join(", "));
        let payload = serde_json::json!(live);
        let how = How::Own(EngineAct { name: APPLY.into(), payload });
        changes.push(Change { title, risk: Some(Risk::Reload), how, proves });
    }
    changes
}

fn account_changes(member: &Name, cluster: &ClusterSpec, facts: &Facts) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, role) in &cluster.roles {
        let pointer = format!("/accounts/{}/rights", name.replace('~', "~0").replace('/', "~1"));
        let wanted = serde_json::json!(rights::word(role.may));
        let seen = facts.own.pointer(&pointer);
        let is_shut_out = facts.shut_out.contains(name);
        if seen == Some(&wanted) && !is_shut_out {
            continue;
        }
        // A role without a password was refused when the file was checked.
        let Some(act) = accounts::act(name, role) else { continue };
        let (key, risk) = match seen {
            None => ("redis-create-account", Risk::Create),
            Some(seen) if *seen == wanted => ("redis-change-password", Risk::Reload),
            Some(_) => ("redis-change-account", Risk::Reload),
        };
        let title = Text::new(key).with("account", name).with("member", member);
        let proves = vec![
            Condition::Own { member: member.clone(), pointer, value: wanted },
            Condition::Admitted { member: member.clone(), account: name.clone() },
        ];
        changes.push(Change { title, risk: Some(risk), how: How::Own(act), proves });
    }
    changes
}
