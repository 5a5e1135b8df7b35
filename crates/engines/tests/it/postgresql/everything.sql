-- Every type, every kind of object and many an odd name. Run in a database of its own.
CREATE SCHEMA "odd ""schema""";
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TABLE types (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b boolean, i2 smallint, i4 int, i8 bigint, n numeric, n2 numeric(12, 2),
  f4 real, f8 float8, m money, c char(5), v varchar(20), t text, n1 name, ch "char", by bytea, d date, ti time, tz timetz,
  ts timestamp, tt timestamptz, iv interval, u uuid, j json, jb jsonb, x xml, ip inet, ci cidr, ma macaddr, m8 macaddr8,
  bi bit(3), vb bit varying(9), pt point, li line, ls lseg, bx box, pa path, po polygon, ce circle, tv tsvector, tq tsquery,
  r4 int4range, mr int4multirange, rc regclass, l pg_lsn, a int[], ta text[][], e mood, p pair, dp positive, fr floatrange, en mood[],
  g int GENERATED ALWAYS AS (i4 * 2) STORED, o oid
);
INSERT INTO types (b, i2, i4, i8, n, n2, f4, f8, m, c, v, t, n1, ch, by, d, ti, tz, ts, tt, iv, u, j, jb, x, ip, ci, ma, m8, bi, vb, pt, li,
  ls, bx, pa, po, ce, tv, tq, r4, mr, rc, l, a, ta, e, p, dp, fr, en, o)
VALUES (true, 1, 2, 3, 1.50, 1.5, 1.1, -0.0, 12.34, 'ab', 'é', E'line\nbreak\t\\ 日本語 \u0001', 'n', 'x', '\x00ff0a5c', '2024-02-29', '23:59:59.999999',
  '12:00+05:30', 'infinity', '2024-01-01 00:00+00', '1 mon -2 days 3:04:05.6', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": 1.0,  "a": 2}',
  '{"b": [1.10, null]}', '<a b="c">é</a>', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'101', B'1', '(1,2)',
  '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '((0,0),(1,1))', '((0,0),(1,1),(1,0))', '<(0,0),1>', 'a:1 b', 'a & b', '[1,5)', '{[1,2),[4,5)}',
  'types', '0/16B3748', '{1,NULL,3}', '{{a,"b,c"},{NULL,"NULL"}}', 'happy', '(1,"x,y")', 7, '[1.5,2.5)', '{ok,sad}', 4294967295),
  (NULL, NULL, NULL, NULL, 'NaN', NULL, 'NaN', 'Infinity', NULL, NULL, '', NULL, NULL, NULL, '', '-infinity', NULL, NULL, NULL, 'infinity', NULL, NULL,
  'null', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'empty', '{}', NULL, NULL, '{}', NULL,
  NULL, '(,)', NULL, 'empty', NULL, 0);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE empty_one (a int, t text);
CREATE TABLE "odd ""schema"""."ta'ble %s \ é" ("co""l" text, r text, t text);
INSERT INTO "odd ""schema"""."ta'ble %s \ é" SELECT i::text, 'r' || i, repeat('x', i) FROM generate_series(1, 500) i;
DO $$ BEGIN EXECUTE 'CREATE TABLE wide (' || (SELECT string_agg(format('c%s text', i), ',') FROM generate_series(1, 1500) i) || ')'; END $$;
INSERT INTO wide (c1, c1500) VALUES ('first', 'last');
CREATE TABLE parent (a int, v text NOT NULL);
CREATE TABLE child (extra text) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (2, 'c', 'x');
CREATE TABLE measured (at date NOT NULL, v int, note text) PARTITION BY RANGE (at);
CREATE TABLE measured_2023 PARTITION OF measured FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE measured_late (note text, v int, at date NOT NULL);
ALTER TABLE measured ATTACH PARTITION measured_late FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE measured_rest PARTITION OF measured DEFAULT PARTITION BY LIST (v);
CREATE TABLE measured_rest_all PARTITION OF measured_rest DEFAULT;
CREATE INDEX measured_at ON measured (at);
INSERT INTO measured SELECT '2023-06-01'::date + i, i, 'n' || i FROM generate_series(0, 900) i;
CREATE TABLE moods (m mood, n int) PARTITION BY HASH (m);
CREATE TABLE moods_0 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE moods_1 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO moods SELECT (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, i FROM generate_series(1, 99) i;
CREATE TABLE looked_up (id int PRIMARY KEY);
INSERT INTO looked_up VALUES (1), (2);
CREATE FUNCTION is_known(i int) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.looked_up WHERE id = i)';
CREATE TABLE a_checker (id int CONSTRAINT known CHECK (is_known(id)));
COMMENT ON CONSTRAINT known ON a_checker IS 'looks elsewhere';
INSERT INTO a_checker VALUES (1), (2);
CREATE TABLE a_liar (id int);
INSERT INTO a_liar VALUES (99);
ALTER TABLE a_liar ADD CONSTRAINT known CHECK (is_known(id)) NOT VALID;
CREATE SEQUENCE called START 5;
SELECT nextval('called');
CREATE SEQUENCE uncalled;
SELECT setval('uncalled', 77, false);
CREATE TABLE secrets (owner name DEFAULT current_user, v text);
INSERT INTO secrets VALUES ('a', 'x'), ('b', 'y');
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON secrets USING (owner = current_user);
CREATE TABLE audit (what text, at timestamptz DEFAULT now());
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (TG_OP || ' ' || TG_TABLE_NAME); RETURN NEW; END $$;
CREATE TRIGGER noted AFTER INSERT ON looked_up FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE looked_up ENABLE ALWAYS TRIGGER noted;
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES ('ddl ' || TG_TAG); END $$;
CREATE EVENT TRIGGER noted_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl();
COMMENT ON EVENT TRIGGER noted_ddl IS 'an event';
CREATE EVENT TRIGGER second_ddl ON ddl_command_start EXECUTE FUNCTION note_ddl();
CREATE VIEW happy AS SELECT * FROM moods WHERE m = 'happy' WITH CHECK OPTION;
CREATE MATERIALIZED VIEW counted AS SELECT m, count(*) FROM moods GROUP BY m;
CREATE MATERIALIZED VIEW never_filled AS SELECT 1 AS a WITH NO DATA;
CREATE UNIQUE INDEX counted_m ON counted (m);
CREATE RULE no_delete AS ON DELETE TO empty_one DO INSTEAD NOTHING;
CREATE STATISTICS both_columns ON a, t FROM empty_one;
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE PROCEDURE done() LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = ===);
CREATE COLLATION german (provider = libc, locale = 'C.UTF-8');
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
CREATE CAST (pair AS text) WITH INOUT AS ASSIGNMENT;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing OPTIONS (host 'h');
CREATE USER MAPPING FOR PUBLIC SERVER nowhere OPTIONS (password 'hidden');
CREATE FOREIGN TABLE far (a int) SERVER nowhere;
CREATE UNLOGGED TABLE passing (a int);
INSERT INTO passing VALUES (1);
CREATE TABLE shrunk (gone int, kept int, other text);
INSERT INTO shrunk VALUES (1, 2, 'x');
ALTER TABLE shrunk DROP COLUMN gone;
CREATE PUBLICATION news FOR TABLE types, empty_one, shrunk (kept);
SELECT lo_from_bytea(0, '\x00ff'), lo_from_bytea(0, decode(repeat('61', 5000000), 'hex')), lo_create(0);
COMMENT ON TABLE types IS E'a comment\nwith ''quotes''';
COMMENT ON COLUMN types.t IS 'text';
GRANT SELECT (t), UPDATE (v) ON types TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
CREATE TABLE exclusive (during tsrange, EXCLUDE USING gist (during WITH &&));
CREATE TABLE deferred (id int PRIMARY KEY, up int REFERENCES deferred DEFERRABLE INITIALLY DEFERRED);
INSERT INTO deferred VALUES (1, 2), (2, 1);
CREATE INDEX half ON types (lower(t)) INCLUDE (i4) WHERE b;
-- pg_dump writes options sorted by their names; the order in which they were given is no part of the content.
CREATE FOREIGN DATA WRAPPER nowhere OPTIONS (zone '1', area '2');
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere OPTIONS (port '1', host 'h', dbname 'x');
