//! Running members: what lies where, which program runs it, and what a running one still needs.
//!
//! All but `perform` is pure. The layout's programs decide the flavour.

use async_trait::async_trait;
use roadstead_core::{
    Bytes, Error, Finding, Kind, Millis, Result, SecretRef, Text, Version,
    model::{ClusterSpec, Runtime},
    plan::{Condition, Risk},
    port::{
        Deploy, Layout, Link, Secrets,
        engine::{Change, EngineAct, How, Purpose, RenderAsk},
        layout::{Directory, Endpoint, File, Piece, Program, SettingWhy, Signal, Stop},
    },
    secret::SecretForm,
    seen::{Effect, Facts, Tool},
};
use serde_json::json;

use super::{
    Mysql, accounts,
    flavour::{self, Flavour},
    given,
    profile::PROFILE,
    session::{ADMIN, Session},
    settings::{self, Given},
};

/// The longest path of a Unix socket that every system takes.
const SOCKET_LENGTH_MAX: usize = 100;
/// Memory for a member whose cluster says nothing.
const MEMORY_DEFAULT: Bytes = Bytes::mib(512);
/// Creating a data directory takes seconds; on a slow disk, minutes.
const CREATE_DEADLINE: Millis = Millis::seconds(300);

#[async_trait]
impl Deploy for Mysql {
    fn render(&self, ask: &RenderAsk<'_>) -> Result<Layout, Vec<Finding>> {
        render(ask)
    }

    fn changes(&self, cluster: &ClusterSpec, layout: &Layout, facts: &Facts) -> (Vec<Change>, Vec<Finding>) {
        let (mut changes, mut findings) = setting_changes(cluster, layout, facts);
        changes.extend(database_changes(cluster, facts));
        let (accounts, more) = account_changes(cluster, facts);
        changes.extend(accounts);
        findings.extend(more);
        (changes, findings)
    }

    fn settings_of_interest(&self, cluster: &ClusterSpec) -> Vec<String> {
        let memory = cluster.memory.unwrap_or(MEMORY_DEFAULT);
        let mut names: Vec<_> = [Flavour::Mysql, Flavour::Mariadb]
            .into_iter()
            .flat_map(|flavour| settings::derived(flavour, memory))
            .map(|given| given.name)
            .chain(cluster.settings.keys().map(|name| settings::canonical(name)))
            .chain(["collation_server".into(), "innodb_io_capacity_max".into()])
            .collect();
        names.sort();
        names.dedup();
        names
    }

    async fn perform(&self, link: &Link, act: &EngineAct, secrets: &dyn Secrets) -> Result<()> {
        let mut session = Session::open(link).await?;
        let done = perform(&mut session, act, secrets).await;
        session.close().await;
        done
    }

    async fn before_stop(&self, _: &Link) -> Result<()> {
        // A signal alone makes the server write everything and end; it needs no word by its protocol.
        Ok(())
    }
}

fn render(ask: &RenderAsk<'_>) -> Result<Layout, Vec<Finding>> {
    let program = program(ask).map_err(|finding| vec![finding])?;
    let flavour = Flavour::from_word(&program.flavour);
    let mut findings = Vec::new();
    let creator = match flavour {
        Flavour::Mysql => None,
        Flavour::Mariadb => creator(ask, program).map_err(|finding| findings.push(finding)).ok(),
    };
    let given = given::of_member(ask, flavour, MEMORY_DEFAULT, &mut findings);
    if !findings.is_empty() {
        return Err(findings);
    }
    let (endpoint, place) = place(ask, program);
    let conf = format!("{}/my.cnf", ask.home.conf());
    let init = format!("{}/init.sql", ask.home.secrets());
    let run = |path: &str, conf: &str, mut args: Vec<String>, deadline| {
        args.insert(0, format!("--defaults-file={conf}"));
        let directory = ask.home.root.clone();
        Program { path: path.into(), args, env: std::collections::BTreeMap::new(), directory, deadline }
    };
    let create = match creator {
        None => {
            let args = vec!["--initialize-insecure".into(), format!("--init-file={init}")];
            run(&program.path, &conf, args, Some(CREATE_DEADLINE))
        }
        Some(script) => {
            let (conf, args) = script_arguments(ask, program, &conf, &init);
            run(&script.path, &conf, args, Some(CREATE_DEADLINE))
        }
    };
    let directory = |path: String, mode| Directory { path, mode };
    let home = ask.home;
    Ok(Layout {
        user: ask.host.user.clone().unwrap_or_else(|| PROFILE.user.into()),
        flavour: program.flavour.clone(),
        version: program.version.clone(),
        directories: vec![
            directory(home.root.clone(), 0o750),
            directory(home.conf(), 0o750),
            directory(home.run(), 0o750),
            directory(home.log(), 0o750),
            directory(home.secrets(), 0o700),
            directory(format!("{}/tmp", home.root), 0o700),
            directory(home.data(), 0o750),
        ],
        files: vec![
            File::plain(&conf, 0o640, configuration(&place, &given)),
            File {
                path: init,
                mode: 0o600,
                body: first_statements(flavour, &home.admin_password()),
                only_for_create: true,
            },
        ],
        create: vec![create],
        server: run(&program.path, &conf, Vec::new(), None),
        endpoint,
        admin: ADMIN.into(),
        stop: Stop { signal: Signal::Term, deadline: Millis::seconds(120) },
        reload: None,
        settings: given.into_iter().map(|given| why(given, flavour)).collect(),
    })
}

/// The configuration and the arguments of the script that makes the data. Their paths are those within the home, where
/// it runs: a shell script, it takes spaces and backslashes in its arguments apart.
fn script_arguments(ask: &RenderAsk<'_>, program: &Tool, conf: &str, init: &str) -> (String, Vec<String>) {
    let within = |path: &str| path.strip_prefix(&format!("{}/", ask.home.root)).unwrap_or(path).to_owned();
    let args = vec![
        format!("--basedir={}", base(&program.path)),
        format!("--datadir=./{}", within(&ask.home.data())),
        "--skip-test-db".into(),
        "--skip-name-resolve".into(),
        "--auth-root-authentication-method=normal".into(),
        format!("--extra-file={}", within(init)),
    ];
    (within(conf), args)
}

fn why(given: Given, flavour: Flavour) -> SettingWhy {
    let effect = settings::effect(&given.name, flavour);
    SettingWhy { name: given.name, value: given.value, why: given.why, effect }
}

/// The server program: of the version that data or the file want, else the newest; of two flavours the first.
fn program<'a>(ask: &RenderAsk<'a>) -> Result<&'a Tool, Finding> {
    let fits = |tool: &Tool| match (&ask.version, &ask.cluster.version) {
        (Some((version, flavour)), _) => {
            &tool.flavour == flavour && can_open(&tool.version, version, flavour)
        }
        (None, Some(wish)) => {
            tool.version.is_of(wish) && Flavour::from_word(&tool.flavour) == Flavour::of_version(wish)
        }
        (None, None) => true,
    };
    let tools = ask.seen.tools.as_ref();
    let all = tools.map(|tools| tools.of(PROFILE.name, "server")).unwrap_or_default();
    let mut fitting: Vec<_> = all.into_iter().filter(|tool| fits(tool)).collect();
    // Without a wish, MySQL comes before MariaDB: the engine's name is a promise.
    fitting.sort_by_key(|tool| tool.flavour != Flavour::Mysql.word());
    let wanted = match (&ask.version, &ask.cluster.version) {
        (Some((version, flavour)), _) => format!("{flavour} {version}"),
        (None, Some(version)) => format!("{} {version}", Flavour::of_version(version).word()),
        (None, None) => "mysql, mariadb".into(),
    };
    let subject = format!("clusters.{}", ask.cluster.name);
    fitting.first().copied().ok_or_else(|| missing(subject, "mysqld", &wanted))
}

fn missing(subject: String, program: &str, wanted: &str) -> Finding {
    let packages = if wanted.starts_with("mysql ") { "mysql-server-core" } else { "mariadb-server" };
    Finding::error(
        subject,
        Text::new("mysql-program-missing").with("program", program).with("wanted", wanted),
    )
    .cure(Text::new("mysql-program-missing-cure").with("packages", packages))
}

/// Data is opened by the release series that wrote it, at the same or a later patch.
fn can_open(program: &Version, data: &Version, flavour: &str) -> bool {
    let innovation = flavour == Flavour::Mysql.word() && data.major() >= 9;
    let series = data.parts.len().min(if innovation { 1 } else { 2 });
    program.parts.starts_with(&data.parts[..series]) && (program >= data || program.is_of(data))
}

fn creator<'a>(ask: &RenderAsk<'a>, program: &Tool) -> Result<&'a Tool, Finding> {
    let scripts = ask.seen.tools.as_ref().map(|tools| tools.of(PROFILE.name, "create")).unwrap_or_default();
    let base = base(&program.path);
    let near = scripts.iter().find(|tool| tool.path.starts_with(&format!("{base}/")));
    let subject = format!("clusters.{}", ask.cluster.name);
    near.or_else(|| scripts.first()).copied().ok_or_else(|| missing(subject, "mariadb-install-db", "mariadb"))
}

/// The folder above the program's own.
fn base(path: &str) -> String {
    path.rsplitn(3, '/').nth(2).filter(|base| !base.is_empty()).unwrap_or("/usr").to_owned()
}

/// Where it answers, and the lines of its configuration that say where it lives.
fn place(ask: &RenderAsk<'_>, program: &Tool) -> (Endpoint, Vec<(String, String)>) {
    let socket = format!("{}/mysql.sock", ask.home.run());
    let has_socket = socket.len() <= SOCKET_LENGTH_MAX;
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: String| lines.push((name.into(), value));
    let (base, flavour) = (base(&program.path), Flavour::from_word(&program.flavour));
    put("basedir", base.clone());
    if base != "/usr" && program.path.contains("/sbin/") {
        // A distribution's tree that was unpacked elsewhere: its compiled-in folders are wrong.
        put("lc_messages_dir", format!("{base}/share/mysql"));
        put("character_sets_dir", format!("{base}/share/mysql/charsets"));
        put("plugin_dir", format!("{base}/lib/mysql/plugin"));
    }
    put("datadir", ask.home.data());
    put("tmpdir", format!("{}/tmp", ask.home.root));
    put("pid_file", format!("{}/mysqld.pid", ask.home.run()));
    // A path that is too long to bind becomes one relative to the data directory, where the server stands.
    put("socket", if has_socket { socket.clone() } else { "mysql.sock".into() });
    if flavour == Flavour::Mysql {
        put("mysqlx", "OFF".into());
        put("secure_file_priv", "NULL".into());
    }
    let (port, listen) = match &ask.member.runtime {
        Runtime::Process { port, listen, .. } => (*port, listen.to_string()),
        Runtime::Managed { port, .. } => (*port, "127.0.0.1".into()),
    };
    let serves = ask.purpose == Purpose::Member;
    put("port", port.to_string());
    put("bind_address", if serves { listen } else { "127.0.0.1".into() });
    if !serves && has_socket {
        put("skip_networking", "ON".into());
    }
    let endpoint =
        if has_socket { Endpoint::Socket(socket) } else { Endpoint::Tcp("127.0.0.1".into(), port) };
    (endpoint, lines)
}

fn configuration(place: &[(String, String)], given: &[Given]) -> String {
    let mut text = String::from(
        "# Written by roadstead; changes are overwritten. Settings belong into the fleet file.\n[mysqld]\n",
    );
    let mut line = |name: &str, value: &str| {
        let (name, value) = match (name, value) {
            ("log_bin", "ON") => ("log_bin", "binlog"),
            ("log_bin", _) => ("skip_log_bin", ""),
            ("time_zone", zone) => ("default_time_zone", zone),
            other => other,
        };
        text.push_str(name);
        if !value.is_empty() || name != "skip_log_bin" {
            text.push_str(" = ");
            text.push_str(&option_value(value));
        }
        text.push('\n');
    };
    for (name, value) in place {
        line(name, value);
    }
    for given in given {
        line(&given.name, &given.value);
    }
    text
}

/// A value as an option file wants it: quoted, so that `#` begins no comment, with backslashes doubled.
fn option_value(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.,:/+-@%".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let quote = if value.contains('"') { '\'' } else { '"' };
    format!("{quote}{}{quote}", value.replace('\\', "\\\\"))
}

/// What runs once when the data directory is made: one administrator, no root, no anonymous accounts.
fn first_statements(flavour: Flavour, password: &SecretRef) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let root = match flavour {
        Flavour::Mysql => "DROP USER 'root'@'localhost';\n",
        // Made for several hosts, by names that are not known here; the grant tables are not in force yet.
        Flavour::Mariadb => {
            "DELETE FROM mysql.global_priv WHERE User IN ('root', '');\n\
             DELETE FROM mysql.proxies_priv;\nFLUSH PRIVILEGES;\n"
        }
    };
    pieces.push(Piece::Text(root.into()));
    for host in ["localhost", "127.0.0.1"] {
        let account = format!("'{ADMIN}'@'{host}'");
        pieces.push(Piece::Text(format!("CREATE USER {account} IDENTIFIED BY ")));
        pieces.push(Piece::Secret(password.clone(), SecretForm::SqlQuoted));
        pieces.push(Piece::Text(format!(";\nGRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;\n")));
        // "All" does not hold this one, which every vendor's root has; only who has it can give it to a restored root.
        // While the data is made there is nobody who could give it, so it goes straight into its table.
        pieces.push(Piece::Text(format!(
            "INSERT INTO mysql.proxies_priv (Host, User, Proxied_host, Proxied_user, With_grant, Grantor) \
             VALUES ('{host}', '{ADMIN}', '', '', 1, '');\n"
        )));
    }
    pieces
}

fn act(name: &str, payload: serde_json::Value) -> How {
    How::Own(EngineAct { name: name.into(), payload })
}

fn setting_changes(cluster: &ClusterSpec, layout: &Layout, facts: &Facts) -> (Vec<Change>, Vec<Finding>) {
    let (mut changes, mut findings) = (Vec::new(), Vec::new());
    let member = &cluster.first().name;
    for setting in in_order(layout, facts) {
        let Some(found) = facts.settings.get(&setting.name) else { continue };
        if settings::is_as_wanted(&setting.name, &setting.value, &found.value) {
            continue;
        }
        let title = Text::new("mysql-change-setting")
            .with("setting", &setting.name)
            .with("from", &found.value)
            .with("to", &setting.value);
        // What keeps its scheduler from ever running, a server decides when it starts.
        let is_barred = setting.name == "event_scheduler"
            && [&setting.value, &found.value].into_iter().any(|value| value == "DISABLED");
        let (how, risk) = match setting.effect {
            Effect::Reload if is_barred => (How::Restart, Risk::Restart),
            Effect::Reload => {
                let payload = json!({ "name": setting.name, "value": setting.value });
                (act("set-variable", payload), Risk::Reload)
            }
            Effect::Restart => (How::Restart, Risk::Restart),
            Effect::Fixed => {
                findings.push(settled(cluster, &setting.name, &setting.value, &found.value));
                continue;
            }
        };
        let is_rounded = ["innodb_buffer_pool_size", "innodb_log_write_ahead_size"].contains(&&*setting.name);
        let proves = if is_rounded {
            // The server rounds it, so its value in force is no proof.
            vec![Condition::Running(member.clone())]
        } else {
            vec![Condition::Setting {
                member: member.clone(),
                name: setting.name.clone(),
                value: setting.value.clone(),
            }]
        };
        changes.push(Change { title, risk: Some(risk), how, proves });
    }
    (changes, findings)
}

/// The settings in an order in which a running server takes them: the greatest capacity first where it grows.
fn in_order<'a>(layout: &'a Layout, facts: &Facts) -> Vec<&'a SettingWhy> {
    let mut all: Vec<_> = layout.settings.iter().collect();
    let find = |name: &str| all.iter().position(|setting| setting.name == name);
    let (Some(one), Some(most)) = (find("innodb_io_capacity"), find("innodb_io_capacity_max")) else {
        return all;
    };
    let in_force = facts.settings.get("innodb_io_capacity").and_then(|seen| seen.value.parse::<u64>().ok());
    let grows = all[most].value.parse::<u64>().ok() >= in_force;
    if (most < one) != grows {
        all.swap(one, most);
    }
    all
}

/// What the data directory was made with, and another value in the fleet file: no server starts with both.
fn settled(cluster: &ClusterSpec, setting: &str, wanted: &str, found: &str) -> Finding {
    // As it is written there.
    let written = cluster.settings.keys().find(|name| settings::canonical(name) == setting);
    let written = written.map_or(setting, String::as_str);
    let subject = format!("clusters.{}.settings.{written}", cluster.name);
    let what = Text::new("mysql-setting-fixed").with("setting", written).with("value", found);
    let cure = Text::new("mysql-setting-fixed-cure").with("setting", written).with("value", found);
    Finding::error(subject, what.with("member", &cluster.first().name).with("wanted", wanted)).cure(cure)
}

fn database_changes(cluster: &ClusterSpec, facts: &Facts) -> Vec<Change> {
    let found = facts.databases.clone().unwrap_or_default();
    let missing = cluster.databases.iter().filter(|database| !found.contains(database));
    let change = |database: &String| Change {
        title: Text::new("mysql-change-database").with("database", database),
        risk: Some(Risk::Create),
        how: act("create-database", json!({ "name": database })),
        proves: vec![Condition::Database { member: cluster.first().name.clone(), name: database.clone() }],
    };
    missing.map(change).collect()
}

fn account_changes(cluster: &ClusterSpec, facts: &Facts) -> (Vec<Change>, Vec<Finding>) {
    let (mut changes, mut findings) = (Vec::new(), Vec::new());
    for (name, role) in &cluster.roles {
        let wanted = accounts::wanted(cluster, role);
        let pointer = format!("/accounts/{}", name.replace('~', "~0").replace('/', "~1"));
        let found = facts.own.pointer(&pointer);
        let found = found.and_then(|value| serde_json::from_value::<accounts::Account>(value.clone()).ok());
        if let Some(found) = &found {
            for line in &found.beyond {
                let subject = format!("clusters.{}.roles.{name}", cluster.name);
                let what = Text::new("mysql-account-beyond").with("account", name).with("grant", line);
                findings.push(Finding::warning(subject, what).cure(Text::new("mysql-account-beyond-cure")));
            }
        }
        let title = match &found {
            None => "mysql-change-account",
            Some(found) if found.databases != wanted.databases => "mysql-change-grants",
            Some(_) if facts.shut_out.contains(name) => "mysql-change-password",
            Some(_) => continue,
        };
        let password = role.password.as_ref().map(ToString::to_string);
        let payload = json!({ "account": name, "password": password, "databases": wanted.databases });
        changes.push(Change {
            title: Text::new(title).with("account", name),
            risk: match &found {
                None => Some(Risk::Create),
                Some(_) => facts.shut_out.contains(name).then_some(Risk::Reload),
            },
            how: act("reconcile-account", payload),
            proves: vec![
                Condition::Own {
                    member: cluster.first().name.clone(),
                    pointer: format!("{pointer}/databases"),
                    value: json!(wanted.databases),
                },
                Condition::Admitted { member: cluster.first().name.clone(), account: name.clone() },
            ],
        });
    }
    (changes, findings)
}

async fn perform(session: &mut Session, act: &EngineAct, secrets: &dyn Secrets) -> Result<()> {
    let word = |key: &str| act.payload.get(key).and_then(serde_json::Value::as_str);
    let unknown = || Error::new(Kind::Unsupported, Text::new("mysql-act-unknown").with("act", &act.name));
    match act.name.as_str() {
        "set-variable" => {
            let (name, value) = (word("name").ok_or_else(unknown)?, word("value").ok_or_else(unknown)?);
            settings::variable(name, session.flavour).ok_or_else(unknown)?;
            let value = if value.parse::<f64>().is_ok() { value.to_owned() } else { flavour::text(value) };
            Ok(session.run(format!("SET GLOBAL {} = {value}", flavour::name(name))).await?)
        }
        "create-database" => {
            let name = flavour::name(word("name").ok_or_else(unknown)?);
            Ok(session.run(format!("CREATE DATABASE IF NOT EXISTS {name}")).await?)
        }
        "reconcile-account" => {
            let name = word("account").ok_or_else(unknown)?;
            let reference =
                word("password").map(|text| SecretRef::parse(text).ok_or_else(unknown)).transpose()?;
            let password = reference.map(|reference| secrets.resolve(&reference)).transpose()?;
            let databases = act.payload.get("databases").cloned().unwrap_or_default();
            let databases = serde_json::from_value(databases).map_err(|_| unknown())?;
            let wanted = accounts::Account { databases, beyond: Vec::new() };
            accounts::reconcile(session, name, password.as_ref(), &wanted).await
        }
        _ => Err(unknown()),
    }
}
