//! The definitions of classes of which most databases have few or none: operators, text search, foreign data,
//! replication, and the rights that somebody gave on what belongs to an extension.

use super::catalog::{hidden, own, rights};

/// One class of objects: its word, catalogue, and what of it is compared besides identity.
fn identified(kind: &str, class: &str, piece: &str) -> String {
    format!(
        "SELECT '{kind}', json_build_array((pg_identify_object('{class}'::regclass, o.oid, 0)).identity), concat_ws('|', {piece}) \
         FROM {class} o WHERE o.oid >= 16384 AND {}",
        own(class, "o.oid")
    )
}

fn owner(column: &str) -> String {
    format!("pg_get_userbyid(o.{column})")
}

/// A list's entries in an order of their own.
fn sorted(list: &str) -> String {
    format!("(SELECT array_agg(entry ORDER BY entry COLLATE \"C\") FROM unnest({list}) entry)")
}

/// A value of a column that not every version has.
fn later(alias: &str, column: &str) -> String {
    format!("to_jsonb({alias}) ->> '{column}'")
}

/// All but what replication is made of.
pub(super) fn objects() -> Vec<String> {
    let mut all = operators();
    all.extend(texts());
    all.extend(languages_and_foreign_data());
    all
}

fn operators() -> Vec<String> {
    vec![
        identified("cast", "pg_cast", "o.castfunc::regprocedure, o.castcontext, o.castmethod"),
        // One that is only named as another's commutator has no function.
        identified(
            "operator",
            "pg_operator",
            &format!(
                "{}, o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash",
                owner("oprowner")
            ),
        ) + " AND o.oprcode <> 0",
        identified(
            "operator-class",
            "pg_opclass",
            &format!(
                "{}, o.opcdefault, o.opcintype::regtype, o.opckeytype::regtype, (pg_identify_object('pg_opfamily'::regclass, \
                 o.opcfamily, 0)).identity, {}",
                owner("opcowner"),
                members("pg_opclass")
            ),
        ),
        identified(
            "operator-family",
            "pg_opfamily",
            &format!("{}, {}", owner("opfowner"), members("pg_opfamily")),
        ),
    ]
}

/// The operators and functions of a family: all of one of the user's own, and of a class those that belong to it, for
/// its family may be the server's own. What was added to such a family alone is in no dump.
fn members(class: &str) -> String {
    let of = |table: &str, family: &str| match class {
        "pg_opfamily" => format!("m.{family} = o.oid"),
        class => format!(
            "EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{table}'::regclass AND d.objid = m.oid \
             AND d.refclassid = '{class}'::regclass AND d.refobjid = o.oid)"
        ),
    };
    let listed = |words: &str, from: &str| {
        format!(
            "(SELECT string_agg(x.word, ',' ORDER BY x.word COLLATE \"C\") FROM (SELECT concat_ws(' ', {words}) AS word {from}) x)"
        )
    };
    let operators = listed(
        "m.amopstrategy, m.amoplefttype::regtype, m.amoprighttype::regtype, m.amopopr::regoperator, m.amoppurpose, \
         (pg_identify_object('pg_opfamily'::regclass, nullif(m.amopsortfamily, 0), 0)).identity",
        &format!("FROM pg_amop m WHERE {}", of("pg_amop", "amopfamily")),
    );
    let functions = listed(
        "m.amprocnum, m.amproclefttype::regtype, m.amprocrighttype::regtype, m.amproc::regprocedure",
        &format!("FROM pg_amproc m WHERE {}", of("pg_amproc", "amprocfamily")),
    );
    format!("{operators}, {functions}")
}

fn texts() -> Vec<String> {
    vec![
        identified(
            "collation",
            "pg_collation",
            &format!(
                "{}, o.collprovider, o.collisdeterministic, o.collcollate, o.collctype, coalesce({}, {}), {}",
                owner("collowner"),
                later("o", "colllocale"),
                later("o", "colliculocale"),
                later("o", "collicurules")
            ),
        ),
        identified("conversion", "pg_conversion", &format!("{}, o.conproc, o.condefault", owner("conowner"))),
        identified(
            "text-search-dictionary",
            "pg_ts_dict",
            &format!(
                "{}, (pg_identify_object('pg_ts_template'::regclass, o.dicttemplate, 0)).identity, o.dictinitoption",
                owner("dictowner")
            ),
        ),
        identified(
            "text-search-configuration",
            "pg_ts_config",
            &format!(
                "{}, (pg_identify_object('pg_ts_parser'::regclass, o.cfgparser, 0)).identity, \
                 (SELECT string_agg(concat_ws(' ', m.maptokentype, m.mapseqno, m.mapdict::regdictionary), ',' \
                 ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = o.oid)",
                owner("cfgowner")
            ),
        ),
        identified("text-search-parser", "pg_ts_parser", "o.prsstart, o.prstoken, o.prsend"),
        identified("text-search-template", "pg_ts_template", "o.tmplinit, o.tmpllexize"),
    ]
}

fn languages_and_foreign_data() -> Vec<String> {
    vec![
        identified(
            "language",
            "pg_language",
            &format!(
                "o.lanpltrusted, o.lanplcallfoid::regproc, {}, {}",
                owner("lanowner"),
                rights("o.lanacl", "l", "o.lanowner")
            ),
        ),
        identified("access-method", "pg_am", "o.amhandler, o.amtype"),
        identified("transform", "pg_transform", "o.trffromsql, o.trftosql"),
        identified(
            "foreign-data-wrapper",
            "pg_foreign_data_wrapper",
            &format!(
                "o.fdwhandler::regproc, o.fdwvalidator::regproc, {}, {}, {}",
                sorted("o.fdwoptions"),
                owner("fdwowner"),
                rights("o.fdwacl", "F", "o.fdwowner")
            ),
        ),
        identified(
            "foreign-server",
            "pg_foreign_server",
            &format!(
                "(SELECT fdwname FROM pg_foreign_data_wrapper w WHERE w.oid = o.srvfdw), o.srvtype, o.srvversion, {}, {}, {}",
                sorted("o.srvoptions"),
                owner("srvowner"),
                rights("o.srvacl", "S", "o.srvowner")
            ),
        ),
        identified(
            "event-trigger",
            "pg_event_trigger",
            &format!(
                "o.evtevent, o.evtfoid::regproc, o.evtenabled, {}, {}",
                sorted("o.evttags"),
                owner("evtowner")
            ),
        ),
    ]
}

/// What a server sends to others.
pub(super) fn publications() -> String {
    identified(
        "publication",
        "pg_publication",
        &format!(
            "{}, o.puballtables, o.pubinsert, o.pubupdate, o.pubdelete, o.pubtruncate, o.pubviaroot, {}, \
             (SELECT string_agg(concat_ws(' ', r.prrelid::regclass, \
             (SELECT string_agg(a.attname, ' ' ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = r.prrelid \
             AND a.attnum = ANY (r.prattrs)), pg_get_expr(r.prqual, r.prrelid)), ',' \
             ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel r WHERE r.prpubid = o.oid), \
             (SELECT string_agg(s.pnnspid::regnamespace::text, ',' ORDER BY s.pnnspid::regnamespace::text) \
             FROM pg_publication_namespace s WHERE s.pnpubid = o.oid)",
            owner("pubowner"),
            later("o", "pubgencols"),
        ),
    )
}

/// What it receives, but not whether it does so now: a restored one is off, and waits for its tables to be copied.
pub(super) fn subscriptions() -> String {
    format!(
        "SELECT 'subscription', json_build_array(s.subname), concat_ws('|', pg_get_userbyid(s.subowner), {publications}, \
         {conninfo}, s.subslotname, s.subsynccommit, s.subbinary, s.substream, s.subtwophasestate <> 'd', s.subdisableonerr, \
         {later}) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()",
        publications = sorted("s.subpublications"),
        conninfo = hidden("s.subconninfo"),
        later = ["subpasswordrequired", "subrunasowner", "suborigin", "subfailover"]
            .map(|column| later("s", column))
            .join(", "),
    )
}

/// The kind of the objects that say which rights were given on what belongs to an extension.
pub(super) const EXTENSION_RIGHTS: &str = "extension-rights";

/// Rights on what belongs to an extension, where they are not those that it came with; the tools keep these by name.
/// Who made the extension owns it: its owner, and what it or a superuser may do, is not kept, and left out. So is what
/// got another owner since, for the tools take the owner's rights for given ones.
pub(super) fn extension_rights() -> String {
    let classes = [
        (
            "pg_class",
            "relowner",
            "relacl",
            "CASE o.relkind WHEN 'S' THEN 's' ELSE 'r' END",
            "o.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')",
        ),
        ("pg_proc", "proowner", "proacl", "'f'", "true"),
        (
            "pg_type",
            "typowner",
            "typacl",
            "'T'",
            "o.typtype IN ('b', 'd', 'e', 'r') AND o.typcategory <> 'A'",
        ),
        ("pg_namespace", "nspowner", "nspacl", "'n'", "true"),
        ("pg_language", "lanowner", "lanacl", "'l'", "true"),
        ("pg_foreign_data_wrapper", "fdwowner", "fdwacl", "'F'", "true"),
        ("pg_foreign_server", "srvowner", "srvacl", "'S'", "true"),
    ];
    let mut all: Vec<String> = classes
        .iter()
        .map(|(class, owner, acl, kind, and)| {
            format!("SELECT '{class}'::regclass, o.oid, 0, o.{owner}, o.{acl}, ({kind})::\"char\" FROM {class} o WHERE {and}")
        })
        .collect();
    all.push(
        "SELECT 'pg_class'::regclass, c.oid, a.attnum::int, c.relowner, a.attacl, 'c' FROM pg_class c JOIN pg_attribute a \
         ON a.attrelid = c.oid WHERE a.attacl IS NOT NULL AND NOT a.attisdropped"
            .to_owned(),
    );
    let words = |acl: &str| {
        format!(
            "coalesce((SELECT string_agg(x.word, ',' ORDER BY x.word COLLATE \"C\") FROM (SELECT DISTINCT concat_ws('/', \
             coalesce(g.rolname, '*'), e.privilege_type, e.is_grantable) AS word FROM aclexplode(coalesce({acl}, \
             acldefault(m.kind, m.owner))) e LEFT JOIN pg_roles g ON g.oid = e.grantee WHERE e.grantee = 0 \
             OR NOT (g.rolsuper OR g.oid = m.owner)) x), '')"
        )
    };
    format!(
        "SELECT '{EXTENSION_RIGHTS}', json_build_array(i.type, i.identity), {is} FROM ({all}) m(class, oid, part, owner, acl, kind) \
         JOIN pg_depend d ON d.classid = m.class AND d.objid = m.oid AND d.deptype = 'e' \
         LEFT JOIN pg_init_privs p ON p.classoid = m.class AND p.objoid = m.oid AND p.objsubid = m.part, \
         pg_identify_object(m.class, m.oid, m.part) i WHERE {is} <> {was} \
         AND NOT EXISTS (SELECT FROM aclexplode(p.initprivs) e WHERE e.grantor <> m.owner)",
        is = words("m.acl"),
        was = words("p.initprivs"),
        all = all.join(" UNION ALL "),
    )
}
