//! How a member is laid out, and what a running one still needs. Pure, but for `perform`.

use std::{collections::BTreeMap, net::IpAddr};

use roadstead_core::{
    Error, Finding, Kind, Millis, Result, SecretRef, Text, Version,
    model::{ClusterSpec, MemberHome, RoleSpec, Runtime},
    plan::{Condition, Risk},
    port::{
        Layout, Link, Secrets,
        engine::{Change, EngineAct, How, Purpose, RenderAsk},
        layout::{Directory, Endpoint, File, Piece, Program, SettingWhy, Signal, Stop},
    },
    secret::SecretForm,
    seen::{Effect, Facts, Tool},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    accounts::{self, Account},
    link::Session,
    parameters,
    profile::{self, ADMIN, MAJORS, NAME},
    scratch, settings,
    sql::{identifier, literal},
};

use crate::tool;

/// The longest path of a socket's file that systems take, with room to spare.
const SOCKET_BYTES_MAX: usize = 100;

/// The payload of the act that makes a database and its rights.
#[derive(Serialize, Deserialize)]
struct DatabaseAct {
    name: String,
}

/// The payload of the act that takes back an `ALTER SYSTEM`.
#[derive(Serialize, Deserialize)]
struct SettingAct {
    name: String,
}

/// The declared settings that a server of this major version does not have or take: of a member an error each, and left
/// out of a throw-away server, since an older snapshot is proven by an older server than what is declared is for.
fn unfit(ask: &RenderAsk<'_>, major: u32) -> (Vec<&'static str>, Vec<Finding>) {
    let (mut unfit, mut findings) = (Vec::new(), Vec::new());
    for (name, value) in &ask.cluster.settings {
        let Some(parameter) = parameters::find(name) else { continue };
        let subject = format!("clusters.{}.settings.{name}", ask.cluster.name);
        let finding = match parameter.refused_in(value, major) {
            _ if !parameter.is_in(major) => {
                let what = Text::new("postgresql-setting-not-in").with("name", name).with("version", major);
                Finding::error(subject, what).cure(Text::new("postgresql-setting-not-in-cure"))
            }
            Some(refused) => settings::refusal(subject, name, value, &refused),
            None => continue,
        };
        if ask.purpose == Purpose::Scratch {
            unfit.push(parameter.name);
        } else {
            findings.push(finding);
        }
    }
    (unfit, findings)
}

/// Lays a member out.
pub(super) fn render(ask: &RenderAsk<'_>) -> Result<Layout, Vec<Finding>> {
    let subject = ask.member.name.as_str();
    let server = pick_server(ask).map_err(|finding| vec![finding])?;
    let create = pick_create(ask, server).map_err(|finding| vec![finding])?;
    let major = server.version.major();
    let (unfit, mut findings) = unfit(ask, major);
    let (port, listen) = match &ask.member.runtime {
        Runtime::Process { port, listen, .. } => (*port, *listen),
        Runtime::Managed { .. } => {
            findings.push(Finding::error(subject, Text::new("postgresql-not-ours-to-run")));
            return Err(findings);
        }
    };
    if !findings.is_empty() {
        return Err(findings);
    }
    let place = place(ask, port, listen);
    let private = ask.purpose != Purpose::Member;
    let mut all = settings::of_member(ask.cluster, major);
    all.retain(|setting| !unfit.contains(&setting.name.as_str()));
    if private {
        scratch::adapt(&mut all, ask.cluster, &ask.purpose, major);
    }
    let files = files(ask.home, &all, &place.settings, !private && !listen.is_loopback());
    // Where it answers is part of what a restart must be planned for.
    for (name, value) in place.settings.iter().take(2) {
        settings::put(&mut all, settings::setting(name, value, Text::new("postgresql-why-place")));
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Layout {
        user: ask.host.user.clone().unwrap_or_else(|| profile::PROFILE.user.to_owned()),
        flavour: NAME.to_owned(),
        version: server.version.clone(),
        directories: directories(ask.home),
        files,
        create: vec![initdb(ask, create)],
        server: Program {
            path: server.path.clone(),
            args: vec![
                "-D".into(),
                ask.home.data(),
                "-c".into(),
                format!("config_file={}/postgresql.conf", ask.home.conf()),
            ],
            env: BTreeMap::new(),
            directory: ask.home.data(),
            deadline: None,
        },
        endpoint: place.endpoint,
        admin: ADMIN.to_owned(),
        stop: Stop { signal: Signal::Int, deadline: Millis::seconds(60) },
        reload: Some(Signal::Hup),
        settings: all,
    })
}

/// Where a member answers, and the settings that say so; port and addresses first.
struct Answers {
    endpoint: Endpoint,
    settings: [(&'static str, String); 6],
}

/// Members answer on their address, servers without clients on a socket of their own, where its path fits.
fn place(ask: &RenderAsk<'_>, port: u16, listen: IpAddr) -> Answers {
    let run = ask.home.run();
    let socket = format!("{run}/.s.PGSQL.{port}");
    let has_socket = socket.len() <= SOCKET_BYTES_MAX && !run.contains([',', '"', '\n']);
    let (endpoint, addresses) = match (&ask.purpose, has_socket) {
        (Purpose::Loading | Purpose::Scratch, true) => (Endpoint::Socket(socket), String::new()),
        (Purpose::Loading | Purpose::Scratch, false) => {
            (Endpoint::Tcp("127.0.0.1".into(), port), "127.0.0.1".to_owned())
        }
        (Purpose::Member, _) => {
            let (host, port) = ask.member.endpoint();
            let alone = listen.is_loopback() || listen.is_unspecified();
            // Tools on this host find it on loopback as well.
            let addresses = if alone { listen.to_string() } else { format!("{listen},127.0.0.1") };
            (Endpoint::Tcp(host, port), addresses)
        }
    };
    let settings = [
        ("port", port.to_string()),
        ("listen_addresses", addresses),
        ("unix_socket_directories", if has_socket { run } else { String::new() }),
        ("unix_socket_permissions", "0700".to_owned()),
        ("hba_file", format!("{}/pg_hba.conf", ask.home.conf())),
        ("ident_file", format!("{}/pg_ident.conf", ask.home.conf())),
    ];
    Answers { endpoint, settings }
}

/// The newest server program that suits: of the data's major version, else of the version wanted, else any we know.
fn pick_server<'a>(ask: &RenderAsk<'a>) -> Result<&'a Tool, Finding> {
    let found = ask.seen.tools.as_ref().map(|tools| tools.of(NAME, "server")).unwrap_or_default();
    let data = ask.version.as_ref().map(|(version, _)| version);
    let suits = |version: &Version| match (data, &ask.cluster.version) {
        (Some(data), _) => version.major() == data.major(),
        (None, Some(wish)) => version.is_of(wish),
        (None, None) => true,
    };
    let known = found.into_iter().filter(|tool| MAJORS.contains(&tool.version.major()));
    let mut suiting: Vec<_> = known.filter(|tool| suits(&tool.version)).collect();
    suiting.sort_by_key(|tool| std::cmp::Reverse((data == Some(&tool.version), tool.version.clone())));
    suiting.into_iter().next().ok_or_else(|| {
        let wish = data.or(ask.cluster.version.as_ref());
        missing(ask, "server", wish)
    })
}

/// The `initdb` that belongs to the server.
fn pick_create<'a>(ask: &RenderAsk<'a>, server: &Tool) -> Result<&'a Tool, Finding> {
    let folder = |tool: &Tool| tool.path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let found = ask.seen.tools.as_ref().map(|tools| tools.of(NAME, "create")).unwrap_or_default();
    let beside = found.iter().find(|tool| folder(tool) == folder(server) && tool.version == server.version);
    let same = || found.iter().find(|tool| tool.version == server.version);
    beside.or_else(same).copied().ok_or_else(|| missing(ask, "create", Some(&server.version)))
}

fn missing(ask: &RenderAsk<'_>, role: &str, wish: Option<&Version>) -> Finding {
    let major = wish.map_or(*MAJORS.start(), Version::major);
    let wanted = wish.map_or_else(|| "PostgreSQL".to_owned(), |version| format!("PostgreSQL {version}"));
    let what =
        Text::new("engines-tool-missing").with("tool", tool::program(NAME, role)).with("wanted", wanted);
    let cure = Text::new("engines-tool-missing-cure").with("packages", profile::package(role, major));
    Finding::error(ask.member.name.as_str(), what).cure(cure)
}

fn directories(home: &MemberHome) -> Vec<Directory> {
    let private = |path: String| Directory { path, mode: 0o700 };
    vec![
        Directory { path: home.root.clone(), mode: 0o755 },
        private(home.data()),
        private(home.conf()),
        private(home.run()),
        private(home.log()),
    ]
}

fn initdb(ask: &RenderAsk<'_>, create: &Tool) -> Program {
    let mut args: Vec<String> = vec![
        format!("--pgdata={}", ask.home.data()),
        format!("--username={ADMIN}"),
        format!("--pwfile={}", password_file(ask.home)),
        "--auth=scram-sha-256".into(),
        "--encoding=UTF8".into(),
        "--locale=C.UTF-8".into(),
        "--data-checksums".into(),
        "--no-instructions".into(),
    ];
    if create.version.major() >= 17 {
        args.extend(["--locale-provider=builtin".into(), "--builtin-locale=C.UTF-8".into()]);
    }
    if ask.purpose == Purpose::Scratch {
        args.push("--no-sync".into());
    }
    Program {
        path: create.path.clone(),
        args,
        env: BTreeMap::new(),
        directory: ask.home.root.clone(),
        deadline: Some(Millis::seconds(300)),
    }
}

fn password_file(home: &MemberHome) -> String {
    format!("{}/admin-password", home.conf())
}

fn files(home: &MemberHome, all: &[SettingWhy], own: &[(&str, String)], beyond: bool) -> Vec<File> {
    let mut text =
        vec!["# Written by Roadstead before every start. Change the fleet file instead.\n".to_owned()];
    text.extend(own.iter().map(|(name, value)| line(name, value)));
    text.extend(all.iter().map(|setting| line(&setting.name, &setting.value)));
    let mut access = String::from(
        "# Written by Roadstead before every start.\n\
         local all all scram-sha-256\n\
         host all all 127.0.0.1/32 scram-sha-256\n\
         host all all ::1/128 scram-sha-256\n",
    );
    if beyond {
        access += "host all all all scram-sha-256\n";
    }
    let mut password = File::plain(password_file(home), 0o600, "");
    password.body = vec![Piece::Secret(home.admin_password(), SecretForm::Raw), Piece::Text("\n".into())];
    password.only_for_create = true;
    vec![
        File::plain(format!("{}/postgresql.conf", home.conf()), 0o600, text.concat()),
        File::plain(format!("{}/pg_hba.conf", home.conf()), 0o600, access),
        File::plain(format!("{}/pg_ident.conf", home.conf()), 0o600, "# Written by Roadstead.\n"),
        password,
    ]
}

fn line(name: &str, value: &str) -> String {
    format!("{name} = '{}'\n", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// What a running member still needs.
pub(super) fn changes(cluster: &ClusterSpec, layout: &Layout, facts: &Facts) -> (Vec<Change>, Vec<Finding>) {
    let member = &cluster.first().name;
    let mut changes = Vec::new();
    let mut findings = Vec::new();
    change_settings(cluster, layout, facts, &mut changes, &mut findings);
    for name in &cluster.databases {
        let pointer = format!("/databases/{}/reconciled", pointed(name));
        if facts.own.pointer(&pointer) == Some(&json!(true)) {
            continue;
        }
        let exists = facts.databases.as_ref().is_some_and(|all| all.contains(name));
        let (title, risk) = if exists {
            ("postgresql-change-rights", None)
        } else {
            ("postgresql-change-create-database", Some(Risk::Create))
        };
        changes.push(Change {
            title: Text::new(title).with("database", name),
            risk,
            how: own("reconcile-database", &DatabaseAct { name: name.clone() }),
            proves: vec![
                Condition::Database { member: member.clone(), name: name.clone() },
                Condition::Own { member: member.clone(), pointer, value: json!(true) },
            ],
        });
    }
    let accounts = cluster.roles.iter();
    changes.extend(accounts.filter_map(|(name, role)| change_account(cluster, name, role, facts)));
    (changes, findings)
}

/// `None`: the account is as declared.
fn change_account(cluster: &ClusterSpec, name: &str, role: &RoleSpec, facts: &Facts) -> Option<Change> {
    let member = &cluster.first().name;
    let told = |what: &str| facts.own.pointer(&format!("/accounts/{}/{what}", pointed(name)));
    let is_reconciled = told("reconciled") == Some(&json!(true));
    let is_shut_out = facts.shut_out.iter().any(|account| account == name);
    if is_reconciled && !is_shut_out {
        return None;
    }
    let exists = told("exists") == Some(&json!(true));
    let stays_on = told("stays_on").and_then(|all| Vec::<String>::deserialize(all).ok()).unwrap_or_default();
    let title = match (exists, is_reconciled) {
        (true, true) => Text::new("postgresql-change-password"),
        (true, false) if !stays_on.is_empty() => {
            Text::new("postgresql-change-account-leaves").with("databases", stays_on.join(", "))
        }
        (true, false) => Text::new("postgresql-change-account"),
        (false, _) => Text::new("postgresql-change-create-account"),
    };
    let mut account = Account::declared(cluster, name, role);
    account.leave(stays_on);
    Some(Change {
        title: title.with("account", name),
        risk: match (exists, is_shut_out) {
            (false, _) => Some(Risk::Create),
            (true, true) => Some(Risk::Reload),
            (true, false) => None,
        },
        how: own("reconcile-account", &account),
        proves: vec![
            Condition::Own {
                member: member.clone(),
                pointer: format!("/accounts/{}/reconciled", pointed(name)),
                value: json!(true),
            },
            Condition::Admitted { member: member.clone(), account: name.to_owned() },
        ],
    })
}

fn change_settings(
    cluster: &ClusterSpec,
    layout: &Layout,
    facts: &Facts,
    changes: &mut Vec<Change>,
    findings: &mut Vec<Finding>,
) {
    let member = &cluster.first().name;
    let (mut names, mut proves, mut effect) = (Vec::new(), Vec::new(), Effect::Reload);
    for wanted in &layout.settings {
        let Some(seen) = facts.settings.get(&wanted.name) else {
            // A setting of an extension is unknown until its library is loaded.
            if !wanted.name.contains('.') {
                let what = Text::new("postgresql-setting-not-told").with("name", &wanted.name);
                findings.push(Finding::warning(member.as_str(), what));
            }
            continue;
        };
        if seen.value == wanted.value && !seen.pending {
            continue;
        }
        let pointer = format!("/overridden/{}", pointed(&wanted.name));
        if facts.own.pointer(&pointer) == Some(&json!(true)) {
            changes.push(Change {
                title: Text::new("postgresql-change-override").with("name", &wanted.name),
                risk: Some(Risk::Reload),
                how: own("reset-setting", &SettingAct { name: wanted.name.clone() }),
                proves: vec![Condition::Own { member: member.clone(), pointer, value: json!(false) }],
            });
        }
        if seen.effect == Effect::Fixed {
            let what = Text::new("postgresql-setting-fixed").with("name", &wanted.name);
            findings.push(Finding::error(member.as_str(), what));
            continue;
        }
        effect = effect.max(seen.effect);
        names.push(format!("{} {} → {}", wanted.name, seen.value, wanted.value));
        proves.push(Condition::Setting {
            member: member.clone(),
            name: wanted.name.clone(),
            value: wanted.value.clone(),
        });
    }
    if names.is_empty() {
        return;
    }
    let restart = effect == Effect::Restart;
    changes.push(Change {
        title: Text::new("postgresql-change-settings").with("settings", names.join(", ")),
        risk: Some(if restart { Risk::Restart } else { Risk::Reload }),
        how: if restart { How::Restart } else { How::Reload },
        proves,
    });
}

fn own(name: &str, payload: &impl Serialize) -> How {
    let payload = serde_json::to_value(payload).expect("these payloads are plain data");
    How::Own(EngineAct { name: name.to_owned(), payload })
}

/// A name as one part of a JSON pointer.
fn pointed(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The settings that a plan wants to see in force: all that any layout of this cluster names.
pub(super) fn settings_of_interest(cluster: &ClusterSpec) -> Vec<String> {
    let mut names: Vec<String> =
        MAJORS.flat_map(|major| settings::of_member(cluster, major)).map(|setting| setting.name).collect();
    names.extend(["port".to_owned(), "listen_addresses".to_owned()]);
    names.sort();
    names.dedup();
    names
}

/// Carries out one of the acts that `changes` asks for.
pub(super) async fn perform(link: &Link, act: &EngineAct, secrets: &dyn Secrets) -> Result<()> {
    match act.name.as_str() {
        "reconcile-database" => {
            let DatabaseAct { name } = accounts::payload(&act.payload)?;
            reconcile_database(link, &name).await
        }
        "reconcile-account" => {
            let account: Account = accounts::payload(&act.payload)?;
            reconcile_account(link, &account, secrets).await
        }
        "reset-setting" => {
            let SettingAct { name } = accounts::payload(&act.payload)?;
            let session = Session::home(link).await?;
            session.run(&format!("ALTER SYSTEM RESET {}", identifier(&name))).await?;
            session.run("SELECT pg_catalog.pg_reload_conf()").await
        }
        other => Err(Error::new(Kind::Unsupported, Text::new("postgresql-act-unknown").with("act", other))),
    }
}

/// Nothing of this may be found in a log, whatever the server is told to log.
const UNLOGGED: &str = "SET log_statement = 'none'; SET log_min_duration_statement = -1; \
    SET log_min_duration_sample = -1; SET log_min_error_statement = 'panic'; SET pg_stat_statements.track = 'none'; \
    SET pgaudit.log = 'none'; SET client_min_messages = 'error'; SET search_path = ''";

async fn reconcile_database(link: &Link, name: &str) -> Result<()> {
    let home = Session::home(link).await?;
    home.run("SET search_path = ''").await?;
    home.run(&accounts::make_groups(name)).await?;
    let exists = format!("SELECT 1 FROM pg_database WHERE datname = {}", literal(name));
    if home.value(&exists).await?.is_none() {
        let owner = identifier(&accounts::Groups::of(name).owner);
        let create = format!("CREATE DATABASE {} OWNER {owner}", identifier(name));
        // Copying the template takes as long as the disk needs.
        match home.run_at_length(link, &create).await {
            Err(error) if error.kind == Kind::Exists => {}
            other => other?,
        }
    }
    let inside = Session::open(link, name).await?;
    inside.run_at_length(link, &accounts::give_rights(name)).await
}

async fn reconcile_account(link: &Link, account: &Account, secrets: &dyn Secrets) -> Result<()> {
    let password =
        account.password.as_ref().map(|reference: &SecretRef| secrets.resolve(reference)).transpose()?;
    let session = Session::home(link).await?;
    session.run(UNLOGGED).await?;
    let question = format!("SELECT 1 FROM pg_roles WHERE rolname = {}", literal(&account.name));
    let exists = session.value(&question).await?.is_some();
    session.run(account.statements(exists, password.as_ref()).expose()).await
}
