//! What a database's definitions are, as the server itself writes them: one digest an object, over pieces whose
//! order does not matter and in which no oid stands.

use std::collections::BTreeMap;

use roadstead_core::{
    Error, Result,
    manifest::{Object, Strength},
};

use super::{
    link::{Row, Session},
    manifest::fetch_rows,
    observe::fixed,
    rare,
};
use crate::digest::Multiset;

/// Fetches by a cursor, so that neither side holds more than a part. Inside a transaction only.
pub(super) async fn fetch(session: &Session, question: &str) -> Result<Vec<Row>> {
    let mut all = Vec::new();
    each(session, question, |row| {
        all.push(row);
        Ok(())
    })
    .await?;
    Ok(all)
}

async fn each(session: &Session, question: &str, mut take: impl FnMut(Row) -> Result<()>) -> Result<()> {
    let fetch = format!("FETCH {} FROM roadstead_rows", fetch_rows());
    let mut rows = session
        .rows_at_length(&format!("DECLARE roadstead_rows NO SCROLL CURSOR FOR {question}; {fetch}"))
        .await?;
    loop {
        let count = rows.len();
        rows.into_iter().try_for_each(&mut take)?;
        if count < fetch_rows() {
            return session.run("CLOSE roadstead_rows").await;
        }
        rows = session.rows_at_length(&fetch).await?;
    }
}

/// The kind of the objects that say in which version a database has each extension: `[database, extension, version]`.
/// A load tells where they differ; a comparison leaves them out, for the tools make extensions in the version that the
/// target has by default, and most that runs for years has older ones.
pub(super) const EXTENSION_VERSION: &str = "extension-version";

/// Every definition of the database. Inside a transaction only.
pub(super) async fn definitions(session: &Session, database: &str) -> Result<Vec<Object>> {
    let mut found: BTreeMap<(String, Vec<String>), Multiset> = BTreeMap::new();
    let is_superuser = "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user";
    let is_superuser = session.value(is_superuser).await?.as_deref() == Some("t");
    for question in questions(is_superuser) {
        each(session, &question, |row| {
            let [Some(kind), Some(name), piece] = fixed::<3>(row)? else {
                return Err(Error::internal("a definition without a name"));
            };
            let mut name: Vec<String> = serde_json::from_str(&name).map_err(Error::internal)?;
            name.insert(0, database.to_owned());
            found.entry((kind, name)).or_default().add(piece.unwrap_or_default().as_bytes());
            Ok(())
        })
        .await?;
    }
    let object = |((kind, name), pieces): ((String, Vec<String>), Multiset)| Object {
        kind,
        name,
        count: None,
        digest: Some(pieces.digest()),
        strength: Strength::ContentSnapshot,
    };
    Ok(found.into_iter().map(object).collect())
}

/// Rights as sorted words, the defaults spelt out. `kind` is `acldefault`'s letter; empty: there are no defaults.
pub(super) fn rights(column: &str, kind: &str, owner: &str) -> String {
    let all = if kind.is_empty() {
        column.to_owned()
    } else {
        format!("coalesce({column}, acldefault('{kind}', {owner}))")
    };
    format!(
        "coalesce((SELECT string_agg(x.word, ',' ORDER BY x.word COLLATE \"C\") FROM (SELECT concat_ws('/', \
         coalesce(g.rolname, '*'), e.privilege_type, e.is_grantable, o.rolname) AS word FROM aclexplode({all}) e \
         LEFT JOIN pg_roles g ON g.oid = e.grantee LEFT JOIN pg_roles o ON o.oid = e.grantor) x), '')"
    )
}

/// A text that may hold a password, as its hash.
pub(super) fn hidden(text: &str) -> String {
    format!("encode(sha256(convert_to({text}, getdatabaseencoding())), 'hex')")
}

/// That an object is no extension's own.
pub(super) fn own(class: &str, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend xd WHERE xd.classid = '{class}'::regclass AND xd.objid = {oid} AND xd.deptype = 'e')"
    )
}

const SCHEMA: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// The word for each kind of relation.
const RELATION: &str = "CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized-view' WHEN 'f' THEN 'foreign-table' \
    WHEN 'S' THEN 'sequence-definition' WHEN 'c' THEN 'composite-type' ELSE 'table-definition' END, \
    json_build_array(n.nspname, c.relname)";

fn of_relations(piece: &str, from: &str) -> String {
    format!(
        "SELECT {RELATION}, {piece} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace {from} \
         AND {SCHEMA} AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND {}",
        own("pg_class", "c.oid")
    )
}

fn questions(is_superuser: bool) -> Vec<String> {
    let mut all = relations();
    all.extend(parts_of_relations());
    all.extend(routines_and_types());
    all.extend(rare::objects());
    all.push(rare::publications());
    // Only a superuser's dump holds subscriptions, and only then can a copy be asked for them.
    all.extend(is_superuser.then(rare::subscriptions));
    all.extend(rights_and_words());
    all.push(rare::extension_rights());
    all
}

fn relations() -> Vec<String> {
    let (of_sequence, of_table) =
        (rights("c.relacl", "s", "c.relowner"), rights("c.relacl", "r", "c.relowner"));
    let header = format!(
        "concat_ws('|', c.relkind, c.relpersistence, pg_get_userbyid(c.relowner), \
         CASE WHEN c.relkind = 'S' THEN {of_sequence} WHEN c.relkind <> 'c' THEN {of_table} END, \
         (SELECT string_agg(o, ',' ORDER BY o COLLATE \"C\") FROM unnest(c.reloptions) o), c.relrowsecurity, c.relforcerowsecurity, \
         CASE WHEN c.relkind IN ('r', 'm', 'p') THEN c.relreplident END, \
         CASE WHEN c.relkind = 'm' THEN c.relispopulated END, (SELECT amname FROM pg_am a WHERE a.oid = c.relam), \
         (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace), \
         CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype END, pg_get_expr(c.relpartbound, c.oid), \
         CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, \
         (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid), \
         CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, \
         (SELECT concat_ws(' ', s.srvname, (SELECT array_agg(entry ORDER BY entry) FROM unnest(f.ftoptions) entry)) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver \
         WHERE f.ftrelid = c.oid), \
         (SELECT concat_ws(' ', q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle) \
         FROM pg_sequence q WHERE q.seqrelid = c.oid), \
         (SELECT concat_ws('.', d.refobjid::regclass, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = d.refobjid \
         AND a.attnum = d.refobjsubid)) FROM pg_depend d WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass \
         AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0))",
    );
    // The order of a partition's columns is its own affair, and tools do not keep it.
    let column = format!(
        "concat_ws('|', a.attname, CASE WHEN NOT c.relispartition THEN (SELECT count(*) FROM pg_attribute b \
         WHERE b.attrelid = c.oid AND b.attnum > 0 AND b.attnum <= a.attnum AND NOT b.attisdropped) END, \
         format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, \
         pg_get_expr(d.adbin, d.adrelid), CASE WHEN a.attcollation <> 0 THEN a.attcollation::regcollation END, a.attstorage, \
         a.attcompression, nullif(to_jsonb(a) ->> 'attstattarget', '-1'), a.attoptions, (SELECT array_agg(entry ORDER BY entry) FROM unnest(a.attfdwoptions) entry), {})",
        rights("a.attacl", "", "")
    );
    vec![
        of_relations(&header, "WHERE true"),
        of_relations(
            &column,
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE c.relkind <> 'S'",
        ),
    ]
}

fn parts_of_relations() -> Vec<String> {
    vec![
        of_relations(
            "concat_ws('|', 'constraint', k.conname, pg_get_constraintdef(k.oid), k.condeferrable, k.condeferred, k.convalidated)",
            "JOIN pg_constraint k ON k.conrelid = c.oid WHERE k.contype <> 't'",
        ),
        of_relations(
            "concat_ws('|', 'index', pg_get_indexdef(i.indexrelid), i.indisclustered, i.indisreplident, \
             (SELECT spcname FROM pg_tablespace s WHERE s.oid = x.reltablespace))",
            "JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid \
             WHERE (i.indisvalid OR c.relkind = 'p')",
        ),
        of_relations(
            "concat_ws('|', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled)",
            "JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal",
        ),
        of_relations(
            "concat_ws('|', 'policy', p.polname, p.polcmd, p.polpermissive, (SELECT string_agg(coalesce(r.rolname, '*'), ',' \
             ORDER BY r.rolname) FROM unnest(p.polroles) o LEFT JOIN pg_roles r ON r.oid = o), \
             pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))",
            "JOIN pg_policy p ON p.polrelid = c.oid WHERE true",
        ),
        of_relations(
            "concat_ws('|', 'rule', pg_get_ruledef(w.oid), w.ev_enabled)",
            "JOIN pg_rewrite w ON w.ev_class = c.oid WHERE w.rulename <> '_RETURN'",
        ),
    ]
}

fn routines_and_types() -> Vec<String> {
    vec![
        format!(
            "SELECT 'function', json_build_array(n.nspname, format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid))), \
             concat_ws('|', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE (SELECT concat_ws(' ', a.aggkind, \
             a.aggnumdirectargs, a.aggtransfn::regprocedure, a.aggfinalfn::regproc, a.aggcombinefn::regproc, a.aggserialfn::regproc, \
             a.aggdeserialfn::regproc, a.aggmtransfn::regproc, a.aggminvtransfn::regproc, a.aggmfinalfn::regproc, a.aggsortop::regoperator, \
             a.aggtranstype::regtype, a.agginitval, a.aggminitval, a.aggfinalextra, a.aggfinalmodify) FROM pg_aggregate a \
             WHERE a.aggfnoid = p.oid) END, pg_get_userbyid(p.proowner), {rights}) \
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {SCHEMA} AND {own}",
            rights = rights("p.proacl", "f", "p.proowner"),
            own = own("pg_proc", "p.oid"),
        ),
        format!(
            "SELECT 'type', json_build_array(n.nspname, t.typname), concat_ws('|', t.typtype, pg_get_userbyid(t.typowner), {rights}, \
             (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), \
             CASE WHEN t.typtype = 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault, \
             t.typcollation::regcollation) END, \
             (SELECT string_agg(concat_ws(' ', k.conname, pg_get_constraintdef(k.oid)), ',' ORDER BY k.conname) \
             FROM pg_constraint k WHERE k.contypid = t.oid), \
             (SELECT concat_ws(' ', r.rngsubtype::regtype, r.rngcollation::regcollation, r.rngcanonical::regproc, r.rngsubdiff::regproc, \
             r.rngmultitypid::regtype) FROM pg_range r WHERE r.rngtypid = t.oid), \
             CASE WHEN t.typtype = 'b' THEN concat_ws(' ', t.typinput, t.typoutput, t.typreceive, t.typsend, t.typlen, t.typalign, \
             t.typstorage, t.typcategory, t.typispreferred, t.typdelim) END) \
             FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {SCHEMA} AND t.typtype IN ('d', 'e', 'r', 'b') \
             AND (t.typelem = 0 OR t.typlen <> -1 OR t.typinput::text <> 'array_in') AND {own}",
            rights = rights("t.typacl", "T", "t.typowner"),
            own = own("pg_type", "t.oid"),
        ),
        format!(
            "SELECT 'schema', json_build_array(n.nspname), concat_ws('|', pg_get_userbyid(n.nspowner), {}) \
             FROM pg_namespace n WHERE {SCHEMA} AND {}",
            rights("n.nspacl", "n", "n.nspowner"),
            own("pg_namespace", "n.oid")
        ),
        "SELECT 'extension', json_build_array(x.extname), n.nspname FROM pg_extension x \
         JOIN pg_namespace n ON n.oid = x.extnamespace"
            .to_owned(),
        format!(
            "SELECT '{EXTENSION_VERSION}', json_build_array(x.extname, x.extversion), '' FROM pg_extension x"
        ),
        format!(
            "SELECT 'statistics', json_build_array(n.nspname, s.stxname), concat_ws('|', pg_get_statisticsobjdef(s.oid), \
             pg_get_userbyid(s.stxowner), coalesce(s.stxstattarget, -1)) \
             FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {SCHEMA} AND {}",
            own("pg_statistic_ext", "s.oid")
        ),
        format!(
            "SELECT 'large-object-rights', json_build_array(l.oid::text), concat_ws('|', pg_get_userbyid(l.lomowner), {}) \
             FROM pg_largeobject_metadata l",
            rights("l.lomacl", "L", "l.lomowner")
        ),
    ]
}

/// User mappings, default rights, comments and labels.
fn rights_and_words() -> Vec<String> {
    let mut all = Vec::new();
    // Options that the account may not read are in its dump neither, and then not in a copy.
    all.push(format!(
        "SELECT 'user-mapping', json_build_array(s.srvname, coalesce(r.rolname, '*')), {} FROM pg_user_mappings u \
         JOIN pg_foreign_server s ON s.oid = u.srvid LEFT JOIN pg_roles r ON r.oid = u.umuser",
        hidden("(SELECT array_agg(entry ORDER BY entry) FROM unnest(u.umoptions) entry)::text")
    ));
    all.push(format!(
        "SELECT 'default-rights', json_build_array(r.rolname, coalesce(n.nspname, '*'), d.defaclobjtype), {} \
         FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace",
        rights("d.defaclacl", "", "")
    ));
    for (kind, table, text) in
        [("comment", "pg_description", "description"), ("security-label", "pg_seclabel", "label")]
    {
        all.push(format!(
            "SELECT '{kind}', json_build_array(i.type, i.identity), o.{text} FROM {table} o, \
             pg_identify_object(o.classoid, o.objoid, o.objsubid) i WHERE o.objoid >= 16384 AND i.identity IS NOT NULL \
             AND NOT EXISTS (SELECT FROM pg_depend xd WHERE xd.classid = o.classoid AND xd.objid = o.objoid AND xd.deptype = 'e')"
        ));
    }
    all
}
