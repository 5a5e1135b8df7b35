//! What a backup through this account would lack, by name: rights that are missing, data that no dump holds, and
//! what the vendor's tools are known to lose. Read-only.

use roadstead_core::{Error, Finding, Kind, Result, Severity, Text, port::Link};

use super::{
    globals::{self, Database, Globals},
    link::{Row, STEADY, Session},
    observe::{fixed, in_clear_beyond_host},
    search_path,
    sql::shown,
};

/// How many names a finding lists.
const NAMES_SHOWN: usize = 20;

/// One question to a database; its rows are names, and each name is a defect of this kind.
struct Question {
    severity: Severity,
    key: &'static str,
    cure: Option<&'static str>,
    /// One column: the names.
    names: &'static str,
}

impl Question {
    /// The same, of no more names than a finding lists; each with their number.
    fn limited(&self) -> String {
        let names = self.names.replace("{relation}", USER_RELATION);
        format!(
            "SELECT count(*) OVER (), x.name FROM ({names}) x(name) ORDER BY x.name COLLATE \"C\" LIMIT {NAMES_SHOWN}"
        )
    }

    /// The finding, where the question has an answer.
    fn answered(&self, rows: Vec<Row>, database: &str) -> Result<Option<Finding>> {
        let mut listed = Vec::new();
        let mut count = 0_u64;
        for row in rows {
            let [total, name] = fixed::<2>(row)?;
            count = total.and_then(|text| text.parse().ok()).unwrap_or(count);
            listed.push(shown(&name.unwrap_or_default()));
        }
        Ok((count > 0).then(|| self.finding(database, &listed, count)))
    }

    fn finding(&self, database: &str, listed: &[String], count: u64) -> Finding {
        let more = count.saturating_sub(NAMES_SHOWN as u64);
        let mut names = listed.join(", ");
        if more > 0 {
            names = format!("{names} (+{more})");
        }
        let what =
            Text::new(self.key).with("database", shown(database)).with("names", names).with("count", count);
        let finding = Finding::new(self.severity, shown(database), what);
        match self.cure {
            Some(cure) => finding.cure(Text::new(cure)),
            None => finding,
        }
    }
}

const USER_RELATION: &str = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'";

const QUESTIONS: &[Question] = &[
    Question {
        severity: Severity::Error,
        key: "postgresql-lacks-select",
        cure: Some("postgresql-grant-read-all"),
        names: "SELECT format('%I.%I', n.nspname, c.relname) {relation} AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT \
            (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))",
    },
    Question {
        severity: Severity::Error,
        key: "postgresql-row-security",
        cure: Some("postgresql-row-security-cure"),
        names: "SELECT format('%I.%I', n.nspname, c.relname) {relation} AND c.relrowsecurity AND row_security_active(c.oid)",
    },
    Question {
        severity: Severity::Error,
        key: "postgresql-large-objects",
        cure: Some("postgresql-large-objects-cure"),
        names: "SELECT m.oid::text FROM pg_largeobject_metadata m WHERE NOT (SELECT rolsuper FROM pg_roles \
            WHERE rolname = current_user) AND NOT pg_has_role(m.lomowner, 'USAGE') AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) e \
            WHERE e.privilege_type = 'SELECT' AND CASE WHEN e.grantee = 0 THEN true ELSE pg_has_role(e.grantee, 'USAGE') END)",
    },
    Question {
        severity: Severity::Warning,
        key: "postgresql-many-tables",
        cure: Some("postgresql-many-tables-cure"),
        names: "SELECT x.n::text FROM (SELECT count(*) AS n {relation} AND c.relkind IN ('r', 'p')) x WHERE x.n > \
            current_setting('max_locks_per_transaction')::bigint * (current_setting('max_connections')::bigint \
            + current_setting('max_prepared_transactions')::bigint)",
    },
    Question {
        severity: Severity::Warning,
        key: "postgresql-unlogged",
        cure: Some("postgresql-unlogged-cure"),
        names: "SELECT format('%I.%I', n.nspname, c.relname) {relation} AND c.relkind IN ('r', 'p') AND c.relpersistence = 'u'",
    },
    // What the tools take for the server's own: objects in its schemas, and its text search configurations, of which
    // each has a mapping to one of its own dictionaries for 19 kinds of tokens, and what was added to a family of
    // operators of the server's.
    Question {
        severity: Severity::Warning,
        key: "postgresql-strays",
        cure: Some("postgresql-strays-cure"),
        names: "SELECT format('%I.%I', n.nspname, s.name) FROM (SELECT relnamespace, relname, 'pg_class'::regclass, oid FROM pg_class \
            WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') UNION ALL SELECT pronamespace, proname, 'pg_proc'::regclass, oid FROM pg_proc) \
            s(place, name, class, oid) JOIN pg_namespace n ON n.oid = s.place WHERE s.oid >= 16384 \
            AND n.nspname IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = s.class \
            AND d.objid = s.oid AND d.deptype = 'e') \
            UNION ALL SELECT format('pg_catalog.%I', c.cfgname) FROM pg_ts_config c WHERE c.oid < 16384 AND (SELECT count(*) <> 19 \
            OR bool_or(m.mapseqno <> 1 OR m.mapdict >= 16384) FROM pg_ts_config_map m WHERE m.mapcfg = c.oid) \
            UNION ALL SELECT (pg_identify_object(a.class, a.oid, 0)).identity FROM (SELECT 'pg_amop'::regclass, oid, amopfamily, \
            'pg_operator'::regclass, amopopr FROM pg_amop UNION ALL SELECT 'pg_amproc'::regclass, oid, amprocfamily, \
            'pg_proc'::regclass, amproc::oid FROM pg_amproc) a(class, oid, family, of, does) WHERE a.oid >= 16384 AND a.family < 16384 \
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = a.class AND d.objid = a.oid AND d.refclassid = 'pg_opclass'::regclass \
            OR d.classid = a.of AND d.objid = a.does AND d.deptype = 'e')",
    },
    Question {
        severity: Severity::Note,
        key: "postgresql-extension-rows",
        cure: Some("postgresql-extension-rows-cure"),
        names: "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
            JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' \
            JOIN pg_extension x ON x.oid = d.refobjid WHERE c.relkind = 'r' AND pg_relation_size(c.oid) > 0 \
            AND NOT c.oid = ANY (coalesce(x.extconfig, '{}'))",
    },
    Question {
        severity: Severity::Warning,
        key: "postgresql-foreign-tables",
        cure: None,
        names: "SELECT format('%I.%I', n.nspname, c.relname) {relation} AND c.relkind = 'f'",
    },
    Question {
        severity: Severity::Warning,
        key: "postgresql-user-mappings",
        cure: Some("postgresql-user-mappings-cure"),
        names: "SELECT format('%s @ %s', usename, srvname) FROM pg_user_mappings WHERE umoptions IS NULL AND NOT \
            (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
    },
    Question {
        severity: Severity::Warning,
        key: "postgresql-subscriptions",
        cure: None,
        names: "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database() \
            WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
    },
    Question {
        severity: Severity::Warning,
        key: "postgresql-invalid-indexes",
        cure: Some("postgresql-invalid-indexes-cure"),
        names: "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
            WHERE NOT i.indisvalid AND c.relkind = 'i'",
    },
    Question {
        severity: Severity::Warning,
        key: "postgresql-column-order",
        cure: None,
        names: "SELECT format('%I.%I', n.nspname, c.relname) {relation} AND c.relispartition AND c.relkind IN ('r', 'p') AND \
            (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 \
            AND NOT a.attisdropped) IS DISTINCT FROM (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a \
            WHERE a.attrelid = (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid) AND a.attnum > 0 AND NOT a.attisdropped)",
    },
    Question {
        severity: Severity::Note,
        key: "postgresql-extension-versions",
        cure: Some("postgresql-extension-versions-cure"),
        names: "SELECT format('%s %s', x.extname, x.extversion) FROM pg_extension x JOIN pg_available_extensions a ON a.name = x.extname \
            WHERE a.default_version IS DISTINCT FROM x.extversion",
    },
];

/// What no database holds, and no backup: asked once. Only the names of settings are told, for a value may be a secret;
/// who may not read files of settings is told what is in force (`pg_read_all_settings`), or nothing.
const OF_SERVER: &[Question] = &[
    Question {
        severity: Severity::Warning,
        key: "postgresql-prepared",
        cure: Some("postgresql-prepared-cure"),
        names: "SELECT format('%s (%s)', gid, database) FROM pg_prepared_xacts",
    },
    Question {
        severity: Severity::Note,
        key: "postgresql-slots",
        cure: Some("postgresql-slots-cure"),
        names: "SELECT slot_name FROM pg_replication_slots WHERE NOT temporary",
    },
];

/// Settings made by `ALTER SYSTEM`, as they stand in the file: one may wait for a restart.
const IN_FILE: &str =
    "SELECT DISTINCT name FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'";
/// Those in force.
const IN_FORCE: &str = "SELECT name FROM pg_settings WHERE sourcefile LIKE '%postgresql.auto.conf'";

/// What [`search_path::unlendable`] finds, which no single question could.
const BY_PATH: Question = Question {
    severity: Severity::Warning,
    key: "postgresql-search-path",
    cure: Some("postgresql-search-path-cure"),
    names: "",
};

/// Everything that is lacking, in all databases.
pub(super) async fn survey(link: &Link) -> Result<Vec<Finding>> {
    let home = Session::home(link).await?;
    home.run(STEADY).await?;
    let globals = globals::read(&home, "", "").await?;
    let mut findings = of_server(link, &home, &globals);
    findings.extend(outside(&home).await?);
    for database in globals.databases.iter().filter(|database| database.is_dumped()) {
        match Session::open(link, &database.name).await {
            Ok(session) => {
                let work = async {
                    session.run(STEADY).await?;
                    of_database(&session, &database.name).await
                };
                findings.extend(home.alive_while(work).await?);
            }
            Err(error) if error.kind == Kind::Denied => {
                let what = Text::new("postgresql-no-connect").with("database", shown(&database.name));
                let finding = Finding::error(shown(&database.name), what);
                findings
                    .push(finding.cure(Text::new("postgresql-no-connect-cure").with("account", &link.user)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

/// What concerns the whole server.
pub(super) fn of_server(link: &Link, home: &Session, globals: &Globals) -> Vec<Finding> {
    let mut findings = Vec::new();
    if in_clear_beyond_host(link, home.protection) {
        let what = Text::new("postgresql-in-clear").with("endpoint", link.endpoint.to_string());
        findings.push(
            Finding::warning(link.endpoint.to_string(), what).cure(Text::new("postgresql-in-clear-cure")),
        );
    }
    if !globals.passwords {
        let what = Text::new("postgresql-no-verifiers").with("account", &link.user);
        findings.push(
            Finding::warning(&link.user, what)
                .cure(Text::new("postgresql-grant-read-all").with("account", &link.user)),
        );
    }
    let refused: Vec<&Database> = globals.databases.iter().filter(|database| !database.is_dumped()).collect();
    for database in refused {
        let what = Text::new("postgresql-refuses-connections").with("database", shown(&database.name));
        let cure = Text::new("postgresql-refuses-connections-cure");
        findings.push(Finding::warning(shown(&database.name), what).cure(cure));
    }
    for tablespace in &globals.tablespaces {
        let what = Text::new("postgresql-tablespace").with("tablespace", shown(&tablespace.name));
        findings
            .push(Finding::note(shown(&tablespace.name), what.with("location", shown(&tablespace.location))));
    }
    findings
}

/// What the server holds that belongs to no database, and that no backup takes.
async fn outside(home: &Session) -> Result<Vec<Finding>> {
    let may = "SELECT 1 WHERE has_function_privilege('pg_show_all_file_settings()', 'EXECUTE') \
               AND has_table_privilege('pg_file_settings', 'SELECT')";
    let names = if home.value(may).await?.is_some() { IN_FILE } else { IN_FORCE };
    let (key, cure) = ("postgresql-altered", Some("postgresql-altered-cure"));
    let altered = Question { severity: Severity::Warning, key, cure, names };
    let mut findings = Vec::new();
    for question in OF_SERVER.iter().chain([&altered]) {
        findings.extend(question.answered(home.rows(&question.limited()).await?, "")?);
    }
    Ok(findings)
}

/// What concerns one database. The questions look at all that it has, and may take their time.
async fn of_database(session: &Session, database: &str) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for question in QUESTIONS {
        let rows = session.rows_at_length(&question.limited()).await?;
        findings.extend(question.answered(rows, database)?);
    }
    let functions = search_path::unlendable(session).await?;
    if !functions.is_empty() {
        let listed: Vec<_> = functions.iter().take(NAMES_SHOWN).map(|name| shown(name)).collect();
        findings.push(BY_PATH.finding(database, &listed, functions.len() as u64));
    }
    Ok(findings)
}

/// An error out of the findings that forbid a backup; the first is its sentence, all are its context.
pub(super) fn refusal(findings: &[Finding]) -> Option<Error> {
    let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let first = errors.next()?;
    let mut error = Error::new(Kind::Denied, first.what.clone());
    error.cure.clone_from(&first.cure);
    error.context = errors.map(|finding| finding.what.clone()).collect();
    Some(error)
}
