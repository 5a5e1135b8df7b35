//! Odd things that a server lets its users make: each comes back as it was, or is named when it is backed up.

use roadstead_core::{
    Finding,
    port::{ambient::Unwatched, engine::Purpose},
};

use super::server::Which;
use crate::{
    server::{Server, cluster, engine, layout},
    subject::with_lines,
};
use roadstead_testkit::stage::{self, Place};

/// Statements, one after the other, each ended by a semicolon at a line's end.
const MYSQL: &str = r#"
SET NAMES utf8mb4;
SET GLOBAL log_bin_trust_function_creators = 1;
SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
CREATE DATABASE h CHARACTER SET utf8mb4;
CREATE DATABASE sealed ENCRYPTION = 'Y';
CREATE TABLE sealed.t (a INT) ENCRYPTION = 'N';
CREATE DATABASE `select`;
CREATE DATABASE `H`;
USE h;
CREATE TABLE gen1 (a INT, b INT AS (a+1) VIRTUAL, c INT AS (b*2) STORED, d INT AS (c+b) VIRTUAL, e VARCHAR(20) AS (CONCAT(a,'ä')) VIRTUAL INVISIBLE, INDEX(d), UNIQUE KEY k (e));
INSERT INTO gen1 (a) VALUES (1),(2),(NULL);
CREATE TABLE inv (id INT PRIMARY KEY INVISIBLE, x INT, KEY kx (x) INVISIBLE, KEY fx ((x*2)) , KEY fd ((x+1) DESC), KEY lw ((LOWER(CONCAT(x,'A')))));
INSERT INTO inv (id, x) VALUES (1, 5);
CREATE TABLE chk (a INT, CONSTRAINT c1 CHECK (a > 0) NOT ENFORCED, CONSTRAINT c2 CHECK (a < 100));
INSERT INTO chk VALUES (-5),(5);
CREATE TABLE prange (id INT, d DATE) PARTITION BY RANGE COLUMNS(d) SUBPARTITION BY HASH(id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN ('2000-01-01') COMMENT = 'ä''', PARTITION `p 1` VALUES LESS THAN (MAXVALUE));
INSERT INTO prange VALUES (1,'1999-01-01'),(2,'2010-01-01'),(3,NULL);
CREATE TABLE plist (id INT, s VARCHAR(10) CHARACTER SET utf8mb4) PARTITION BY LIST COLUMNS(s) (PARTITION a VALUES IN ('ä','b'), PARTITION n VALUES IN (NULL,''''));
INSERT INTO plist VALUES (1,'ä'),(2,NULL),(3,'''');
CREATE TABLE pkey (id INT PRIMARY KEY) PARTITION BY LINEAR KEY ALGORITHM=1 (id) PARTITIONS 3;
INSERT INTO pkey VALUES (1),(2),(3);
CREATE TABLE plin (id INT) PARTITION BY LINEAR HASH(id+1) PARTITIONS 3;
INSERT INTO plin VALUES (1),(2);
CREATE TABLE prange2 (id INT, ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) PARTITION BY RANGE (UNIX_TIMESTAMP(ts)) (PARTITION p0 VALUES LESS THAN (UNIX_TIMESTAMP('2020-01-01 00:00:00')), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO prange2 VALUES (1,'2019-12-31 23:59:59'),(2,'2020-01-01 00:00:00');
CREATE TABLE rfc (id INT PRIMARY KEY, t TEXT) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=4;
CREATE TABLE rfd (id INT PRIMARY KEY, t TEXT) ROW_FORMAT=REDUNDANT;
CREATE TABLE pagecomp (id INT PRIMARY KEY, t TEXT) COMPRESSION='zlib';
INSERT INTO pagecomp VALUES (1, REPEAT('x', 100));
CREATE TABLE sp (id INT PRIMARY KEY, g GEOMETRY NOT NULL SRID 0, p POINT SRID 4326, SPATIAL INDEX(g));
INSERT INTO sp VALUES (1, ST_GeomFromText('LINESTRING(0 0,1 1)',0), ST_GeomFromText('POINT(10 20)',4326));
CREATE TABLE js (id INT PRIMARY KEY, j JSON, k JSON DEFAULT (JSON_OBJECT('a', 1)), CHECK (JSON_SCHEMA_VALID('{"type":"object"}', j)));
INSERT INTO js (id, j) VALUES (1, '{"a": {"b": [1, {"c": "d\\u0000e"}]}}');
INSERT INTO js (id, j) SELECT 2, JSON_OBJECT('x', CAST(CONCAT(REPEAT('[', 90), REPEAT(']', 90)) AS JSON), 'big', REPEAT('ü', 8000000));
CREATE TABLE bits (id INT PRIMARY KEY, b BIT(64), b1 BIT(1), s SET('a','','q''x','Ä'), e ENUM('','it''s','"','ß\\','a b'), sl SET('x','y') CHARACTER SET latin1 DEFAULT 'x,y');
INSERT INTO bits VALUES (1, b'1', b'1', '', '', ''),(2, 0xFFFFFFFFFFFFFFFF, 0, 'a,q''x,Ä', 'it''s', 'x'),(3,NULL,NULL,NULL,NULL,NULL),(4,0,0,2,4,3);
CREATE TABLE zd (id INT PRIMARY KEY, d DATE NOT NULL DEFAULT '0000-00-00', dt DATETIME DEFAULT '0000-00-00 00:00:00', ts TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00');
INSERT INTO zd (id) VALUES (1);
SET time_zone = '+09:00';
CREATE TABLE tz (id INT PRIMARY KEY, ts TIMESTAMP(6) NOT NULL DEFAULT '2000-01-01 00:00:00', t2 TIMESTAMP NULL DEFAULT '1970-01-01 09:00:01');
INSERT INTO tz VALUES (1, '2020-06-01 12:00:00.123456', NULL),(2,DEFAULT,DEFAULT);
SET time_zone = '+00:00';
CREATE TABLE `order` (`select` INT, `from` INT, `key` INT, KEY `primary key` (`key`), `a b` INT);
INSERT INTO `order` VALUES (1,2,3,4);
CREATE TABLE `Case` (a INT);
CREATE TABLE `case` (a INT);
CREATE TABLE `CASE` (A INT);
INSERT INTO `Case` VALUES (1);
INSERT INTO `case` VALUES (2);
INSERT INTO `CASE` VALUES (3);
CREATE TABLE `数据 表` (`列 1` INT COMMENT '注释', `ñ` VARCHAR(5) CHARACTER SET gbk DEFAULT '汉');
INSERT INTO `数据 表` VALUES (1, DEFAULT);
SET foreign_key_checks = 0;
CREATE TABLE fka (id INT PRIMARY KEY, b INT, CONSTRAINT fk_ab FOREIGN KEY (b) REFERENCES fkb (id));
CREATE TABLE fkb (id INT PRIMARY KEY, a INT, CONSTRAINT fk_ba FOREIGN KEY (a) REFERENCES fka (id) ON UPDATE CASCADE ON DELETE SET NULL);
INSERT INTO fka VALUES (1, 99), (2, 1);
INSERT INTO fkb VALUES (1, 77);
CREATE TABLE fkx (id INT PRIMARY KEY, b INT, FOREIGN KEY (b) REFERENCES `select`.target (id));
CREATE TABLE `select`.target (id INT PRIMARY KEY, x INT, FOREIGN KEY (x) REFERENCES h.fkx (id));
INSERT INTO fkx VALUES (1, 5);
SET SESSION restrict_fk_on_non_standard_key = 0;
CREATE TABLE fkp (id INT, v INT, KEY (v));
CREATE TABLE fkns (id INT PRIMARY KEY, v INT, FOREIGN KEY (v) REFERENCES fkp (v));
INSERT INTO fkns VALUES (1, 1);
CREATE TABLE fkmissing (id INT PRIMARY KEY, v INT, FOREIGN KEY (v) REFERENCES not_there (id));
SET foreign_key_checks = 1;
CREATE TABLE chkv (a INT, b INT, CONSTRAINT cv CHECK (a < b) NOT ENFORCED);
INSERT INTO chkv VALUES (5, 1);
CREATE TABLE ai (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT=500;
INSERT INTO ai VALUES (0, 1), (NULL, 2), (7, 3);
CREATE TABLE ainot0 (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY);
INSERT INTO ainot0 VALUES (18446744073709551614);
CREATE TABLE aiempty (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT=12345;
CREATE TABLE def (id INT PRIMARY KEY DEFAULT (1+2), u BINARY(16) DEFAULT (UUID_TO_BIN(UUID())), t TEXT DEFAULT ('a''b\\'), r DOUBLE DEFAULT (RAND()), d DATE DEFAULT (CURRENT_DATE + INTERVAL 1 YEAR), b BLOB DEFAULT (0xff00), x VARCHAR(10) DEFAULT '\\''"\0');
INSERT INTO def (id) VALUES (1);
CREATE TABLE divz (a INT, b INT AS (10 / a) VIRTUAL, c INT);
INSERT INTO divz (a) VALUES (0), (5);
SET SESSION sql_mode = '';
CREATE TABLE gidx (a VARCHAR(10), b INT AS (a) VIRTUAL, KEY (b));
INSERT IGNORE INTO gidx (a) VALUES ('abc'), ('12x');
CREATE TABLE pipes (a VARCHAR(10), b VARCHAR(30) AS (a || 'x') STORED);
INSERT INTO pipes (a) VALUES ('1'), ('0');
SET SESSION sql_mode = 'PIPES_AS_CONCAT,ANSI_QUOTES,NO_BACKSLASH_ESCAPES';
SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
CREATE VIEW a1 AS SELECT 1 AS x;
CREATE VIEW z3 AS SELECT a FROM gen1;
CREATE VIEW y2 AS SELECT a FROM z3;
CREATE OR REPLACE VIEW a1 AS SELECT a FROM y2;
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `v ``ö` AS SELECT `列 1` AS `ä'"` FROM `数据 表` WITH CASCADED CHECK OPTION;
CREATE USER gone@localhost;
CREATE DEFINER=gone@localhost VIEW vgone AS SELECT id FROM ai;
CREATE DEFINER=gone@localhost PROCEDURE pgone() SELECT 1;
CREATE DEFINER=gone@localhost TRIGGER tgone BEFORE INSERT ON ai FOR EACH ROW SET @x=1;
DROP USER IF EXISTS gone@localhost;
CREATE FUNCTION fn(a INT) RETURNS INT DETERMINISTIC RETURN a;
CREATE VIEW vfun AS SELECT h.fn(1) AS x;
CREATE FUNCTION fview() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM z3);
CREATE VIEW vfview AS SELECT h.fview() AS x;
CREATE PROCEDURE hostile(IN a INT, OUT b VARCHAR(10) CHARACTER SET latin1) COMMENT 'DELIMITER ;\n$$ ;; -- >{"x"}' LANGUAGE SQL NOT DETERMINISTIC MODIFIES SQL DATA SQL SECURITY INVOKER BEGIN /* $$ // ;; DELIMITER $$ */ -- comment '
 # another "
 DECLARE x INT DEFAULT 5; DECLARE CONTINUE HANDLER FOR SQLSTATE '45000' BEGIN END; SELECT ';;', '$$', `列 1` FROM `数据 表`; SET b = 'ü'; /*!80000 SET @z = 1; */ END;
CREATE PROCEDURE `p``q`() BEGIN END;
CREATE EVENT ev1 ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE ON REPLICA COMMENT 'x' DO SET @a = 1;
CREATE EVENT ev2 ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2037-01-01 00:00:00' DO SET @a = 1;
CREATE EVENT ev3 ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' ENDS '2037-02-01 00:00:00' DO SET @a = 1;
CREATE TABLE opts (id INT) ENGINE=InnoDB AVG_ROW_LENGTH=100 MAX_ROWS=1000 MIN_ROWS=10 PACK_KEYS=1 CHECKSUM=1 DELAY_KEY_WRITE=1 STATS_PERSISTENT=0 STATS_AUTO_RECALC=1 STATS_SAMPLE_PAGES=10 COMMENT='x' AUTOEXTEND_SIZE=4M;
CREATE TABLE sec_eng (id INT PRIMARY KEY) SECONDARY_ENGINE=foo;
CREATE TABLE coldesc (id INT, a INT, PRIMARY KEY (id DESC), KEY x (a DESC, id ASC) USING BTREE COMMENT 'idx', FULLTEXT KEY ft (t) WITH PARSER ngram, t TEXT);
CREATE TABLE ftx (id INT PRIMARY KEY, FTS_DOC_ID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, t TEXT, UNIQUE KEY FTS_DOC_ID_INDEX (FTS_DOC_ID), FULLTEXT KEY ft (t) WITH PARSER ngram);
INSERT INTO ftx (id, t) VALUES (1, 'hello 世界');
CREATE LIBRARY lib COMMENT 'it''s\\' LANGUAGE JAVASCRIPT AS $$ export function f(n) { return n + ' ü`;; $' } $$;
CREATE LIBRARY bin LANGUAGE WASM AS 0x0061736d00;
CREATE LIBRARY `select`.lib LANGUAGE JAVASCRIPT AS 'export function s() { return "it''s" }';
CREATE FUNCTION uses(n INT) RETURNS INT DETERMINISTIC LANGUAGE JAVASCRIPT USING (`select`.lib AS l) AS $$ return n $$;
CREATE USER reader@localhost IDENTIFIED BY 'x';
GRANT EXECUTE ON LIBRARY h.lib TO reader@localhost WITH GRANT OPTION;
CREATE TABLE keyed (a INT PRIMARY KEY, b TEXT);
INSERT INTO keyed VALUES (1, 'x');
CREATE JSON RELATIONAL DUALITY VIEW vdual AS SELECT JSON_DUALITY_OBJECT('_id': a, 'b': b) FROM keyed;
CREATE MATERIALIZED VIEW vmat AS SELECT a FROM keyed;
CREATE TABLE mem (id INT PRIMARY KEY, v VARCHAR(10), KEY (v) USING HASH) ENGINE=MEMORY;
INSERT INTO mem VALUES (1, 'x');
CREATE TABLE csvt (id INT NOT NULL, v VARCHAR(10) NOT NULL) ENGINE=CSV;
INSERT INTO csvt VALUES (1, 'a"b,c'), (1, 'a"b,c');
CREATE TABLE arch (id INT, v TEXT) ENGINE=ARCHIVE;
INSERT INTO arch VALUES (1, 'x');
CREATE TABLE mrg1 (id INT) ENGINE=MyISAM;
CREATE TABLE mrg (id INT) ENGINE=MERGE UNION=(mrg1);
CREATE TABLE yr (y YEAR, t TIME(3), f FLOAT(5,2) UNSIGNED, d DECIMAL(10,3) ZEROFILL, i TINYINT(1), m MEDIUMINT(8) UNSIGNED ZEROFILL);
INSERT INTO yr VALUES (2000, '-00:00:00.001', 1.5, 12.345, 1, 5);
CREATE TABLE colls (a VARCHAR(20) COLLATE utf8mb4_0900_as_cs, b VARCHAR(20) CHARACTER SET utf8mb3, c CHAR(5) CHARACTER SET binary, d VARCHAR(20) CHARACTER SET ucs2 COLLATE ucs2_bin, e VARCHAR(20) CHARACTER SET big5, n NCHAR(5), u VARCHAR(20) CHARACTER SET eucjpms, g VARCHAR(20) CHARACTER SET gb18030, x TEXT CHARACTER SET ascii, lt LONGTEXT CHARACTER SET latin1 COLLATE latin1_bin) CHARACTER SET cp1251;
INSERT INTO colls VALUES ('äÄ','ß','ab','漢','中','ä','①','㐀','ascii', 'é');
ALTER TABLE opts RENAME TO `opts ren`;
CREATE TABLE inst (a INT, b INT);
INSERT INTO inst VALUES (1,2);
ALTER TABLE inst ADD COLUMN c INT DEFAULT 7, ALGORITHM=INSTANT;
ALTER TABLE inst DROP COLUMN b, ALGORITHM=INSTANT;
ALTER TABLE inst ADD COLUMN b TEXT FIRST, ALGORITHM=INSTANT;
INSERT INTO inst VALUES ('x', 2, 3);
CREATE TABLE ongen (id INT PRIMARY KEY, j JSON, v VARCHAR(20) GENERATED ALWAYS AS (JSON_UNQUOTE(j->'$.a')) STORED NOT NULL, n INT AS (JSON_LENGTH(j)) VIRTUAL, UNIQUE KEY (v));
INSERT INTO ongen (id, j) VALUES (1, '{"a": "x''y\\\\z"}');
CREATE TABLE ts_on (id INT PRIMARY KEY, a TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), b DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6));
INSERT INTO ts_on (id) VALUES (1);
CREATE TABLE blobs (a TINYBLOB, b BLOB, c MEDIUMBLOB, d LONGBLOB, k VARBINARY(10), KEY (a(5), d(10)), KEY (k));
INSERT INTO blobs VALUES (0x00, 0xff, 0x27, 0x5c, 0x1a);
CREATE TABLE gcfk (id INT PRIMARY KEY, p INT, s INT AS (p) STORED, FOREIGN KEY (s) REFERENCES ai (id));
CREATE TABLE unq (a INT, UNIQUE KEY (a));
INSERT INTO unq VALUES (NULL), (NULL);
CREATE FUNCTION nodet() RETURNS INT RETURN 5;
CREATE TRIGGER tr1 AFTER UPDATE ON unq FOR EACH ROW BEGIN IF NEW.a <> OLD.a THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'x;;y'; END IF; END;
CREATE VIEW vdiv AS SELECT 18446744073709551615 + 1 AS x;
"#;

const MARIADB: &str = r#"
SET NAMES utf8mb4;
SET GLOBAL log_bin_trust_function_creators = 1;
SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
CREATE DATABASE h CHARACTER SET utf8mb4;
CREATE DATABASE `select`;
CREATE DATABASE `H`;
USE h;
CREATE TABLE gen1 (a INT, b INT AS (a+1) VIRTUAL, c INT AS (b*2) STORED, d INT AS (c+b) VIRTUAL, e VARCHAR(20) AS (CONCAT(a,'ä')) VIRTUAL INVISIBLE, INDEX(d), UNIQUE KEY k (e));
INSERT INTO gen1 (a) VALUES (1),(2),(NULL);
CREATE TABLE inv (id INT PRIMARY KEY INVISIBLE DEFAULT 5, x INT, KEY kx (x) IGNORED);
INSERT INTO inv (id, x) VALUES (1, 5);
CREATE TABLE chk (a INT CHECK (a > 0), b INT, CONSTRAINT c2 CHECK (a < b));
SET check_constraint_checks = 0;
INSERT INTO chk VALUES (-5,-9),(5,1);
SET check_constraint_checks = 1;
CREATE TABLE prange (id INT, d DATE) PARTITION BY RANGE COLUMNS(d) SUBPARTITION BY HASH(id) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN ('2000-01-01') COMMENT = 'ä''', PARTITION `p 1` VALUES LESS THAN (MAXVALUE));
INSERT INTO prange VALUES (1,'1999-01-01'),(2,'2010-01-01'),(3,NULL);
CREATE TABLE plist (id INT, s VARCHAR(10)) PARTITION BY LIST COLUMNS(s) (PARTITION a VALUES IN ('ä','b'), PARTITION n VALUES IN (NULL,''''), PARTITION d DEFAULT);
INSERT INTO plist VALUES (1,'ä'),(2,NULL),(3,''''),(4,'zz');
CREATE TABLE pkey (id INT PRIMARY KEY) PARTITION BY LINEAR KEY ALGORITHM=1 (id) PARTITIONS 3;
INSERT INTO pkey VALUES (1),(2),(3);
CREATE TABLE prange2 (id INT, ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) PARTITION BY RANGE (UNIX_TIMESTAMP(ts)) (PARTITION p0 VALUES LESS THAN (UNIX_TIMESTAMP('2020-01-01 00:00:00')), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO prange2 VALUES (1,'2019-12-31 23:59:59'),(2,'2020-01-01 00:00:00');
CREATE TABLE psys (id INT PRIMARY KEY, t INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 2 (PARTITION p0 HISTORY, PARTITION p1 HISTORY, PARTITION pn CURRENT);
INSERT INTO psys VALUES (1,1),(2,2);
UPDATE psys SET t = t + 10;
UPDATE psys SET t = t + 10;
DELETE FROM psys WHERE id = 2;
CREATE TABLE psysi (id INT PRIMARY KEY, t INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL 1 DAY STARTS '2026-01-01 00:00:00' AUTO PARTITIONS 3;
INSERT INTO psysi VALUES (1,1);
UPDATE psysi SET t = 2;
CREATE TABLE vcols (id INT PRIMARY KEY, a INT WITH SYSTEM VERSIONING, b INT);
CREATE TABLE vwo (id INT PRIMARY KEY, a INT, b INT WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING;
INSERT INTO vwo VALUES (1,1,1);
UPDATE vwo SET b = 5;
UPDATE vwo SET a = 5;
CREATE TABLE vgen (id INT PRIMARY KEY, a INT, g INT AS (a*2) STORED, ts TIMESTAMP NULL, d DATE AS (DATE(ts)) STORED) WITH SYSTEM VERSIONING;
INSERT INTO vgen (id, a, ts) VALUES (1, 1, '2020-01-01 00:00:00');
UPDATE vgen SET a = 5;
CREATE TABLE app (id INT, s DATE, e DATE, PERIOD FOR app_time (s, e), PRIMARY KEY (id, app_time WITHOUT OVERLAPS));
INSERT INTO app VALUES (1,'2020-01-01','2020-02-01'),(1,'2020-02-01','2020-03-01');
CREATE TABLE app2 (id INT, s DATE, e DATE, PERIOD FOR `p ``q` (s, e));
CREATE TABLE bit2 (id INT, s DATE, e DATE, rs TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE, re TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME(rs, re), PERIOD FOR app_time (s, e)) WITH SYSTEM VERSIONING;
INSERT INTO bit2 (id, s, e) VALUES (1,'2020-01-01','2020-02-01');
DELETE FROM bit2 FOR PORTION OF app_time FROM '2020-01-10' TO '2020-01-15';
CREATE TABLE rfc (id INT PRIMARY KEY, t TEXT) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=4;
CREATE TABLE rfd (id INT PRIMARY KEY, t TEXT) ROW_FORMAT=REDUNDANT;
CREATE TABLE pagecomp (id INT PRIMARY KEY, t TEXT) PAGE_COMPRESSED=1 PAGE_COMPRESSION_LEVEL=5;
INSERT INTO pagecomp VALUES (1, REPEAT('x', 100));
CREATE TABLE ccomp (id INT PRIMARY KEY, t TEXT COMPRESSED, v VARCHAR(500) COMPRESSED=zlib DEFAULT 'x', b LONGBLOB COMPRESSED);
INSERT INTO ccomp VALUES (1, REPEAT('x', 1000), DEFAULT, REPEAT('\0', 10000));
CREATE TABLE sp (id INT PRIMARY KEY, g GEOMETRY NOT NULL, p POINT REF_SYSTEM_ID=4326, SPATIAL INDEX(g));
INSERT INTO sp VALUES (1, ST_GeomFromText('LINESTRING(0 0,1 1)',0), ST_GeomFromText('POINT(10 20)',4326));
CREATE TABLE js (id INT PRIMARY KEY, j JSON, k JSON DEFAULT (JSON_OBJECT('a', 1)), CHECK (JSON_VALID(k)));
INSERT INTO js (id, j) VALUES (1, '{"a": {"b": [1, {"c": "d\\u0000e"}]}}');
CREATE TABLE bits (id INT PRIMARY KEY, b BIT(64), b1 BIT(1), s SET('a','','q''x','Ä'), e ENUM('','it''s','"','ß\\','a b'), sl SET('x','y') CHARACTER SET latin1 DEFAULT 'x,y');
INSERT INTO bits VALUES (1, b'1', b'1', '', '', ''),(2, 0xFFFFFFFFFFFFFFFF, 0, 'a,q''x,Ä', 'it''s', 'x'),(3,NULL,NULL,NULL,NULL,NULL),(4,0,0,2,4,3);
CREATE TABLE zd (id INT PRIMARY KEY, d DATE NOT NULL DEFAULT '0000-00-00', dt DATETIME DEFAULT '0000-00-00 00:00:00', ts TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00');
INSERT INTO zd (id) VALUES (1);
SET time_zone = '+09:00';
CREATE TABLE tz (id INT PRIMARY KEY, ts TIMESTAMP(6) NOT NULL DEFAULT '2000-01-01 00:00:00', t2 TIMESTAMP NULL DEFAULT '1970-01-01 09:00:01');
INSERT INTO tz VALUES (1, '2020-06-01 12:00:00.123456', NULL),(2,DEFAULT,DEFAULT);
SET time_zone = '+00:00';
CREATE TABLE `order` (`select` INT, `from` INT, `key` INT, KEY `primary key` (`key`), `a b` INT);
INSERT INTO `order` VALUES (1,2,3,4);
CREATE TABLE `Case` (a INT);
CREATE TABLE `case` (a INT);
INSERT INTO `Case` VALUES (1);
INSERT INTO `case` VALUES (2);
CREATE TABLE `数据 表` (`列 1` INT COMMENT '注释', `ñ` VARCHAR(5) CHARACTER SET gbk DEFAULT '汉');
INSERT INTO `数据 表` VALUES (1, DEFAULT);
SET foreign_key_checks = 0;
CREATE TABLE fka (id INT PRIMARY KEY, b INT, CONSTRAINT fk_ab FOREIGN KEY (b) REFERENCES fkb (id));
CREATE TABLE fkb (id INT PRIMARY KEY, a INT, CONSTRAINT fk_ba FOREIGN KEY (a) REFERENCES fka (id) ON UPDATE CASCADE ON DELETE SET NULL);
INSERT INTO fka VALUES (1, 99), (2, 1);
INSERT INTO fkb VALUES (1, 77);
CREATE TABLE fkx (id INT PRIMARY KEY, b INT, FOREIGN KEY (b) REFERENCES `select`.target (id));
CREATE TABLE `select`.target (id INT PRIMARY KEY, x INT, FOREIGN KEY (x) REFERENCES h.fkx (id));
CREATE TABLE fkp (id INT, v INT, KEY (v));
CREATE TABLE fkns (id INT PRIMARY KEY, v INT, FOREIGN KEY (v) REFERENCES fkp (v));
CREATE TABLE fkmissing (id INT PRIMARY KEY, v INT, FOREIGN KEY (v) REFERENCES not_there (id));
SET foreign_key_checks = 1;
CREATE TABLE ai (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT=500;
INSERT INTO ai VALUES (0, 1), (NULL, 2), (7, 3);
CREATE TABLE ainot0 (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY);
INSERT INTO ainot0 VALUES (18446744073709551614);
CREATE TABLE aiempty (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT=12345;
CREATE TABLE def (id INT PRIMARY KEY DEFAULT (1+2), u BINARY(16) DEFAULT (UNHEX(REPLACE(UUID(),'-',''))), t TEXT DEFAULT 'a''b\\', r DOUBLE DEFAULT (RAND()), d DATE DEFAULT (CURRENT_DATE + INTERVAL 1 YEAR), b BLOB DEFAULT 0xff00, x VARCHAR(10) DEFAULT '\\''"\0', usr VARCHAR(100) DEFAULT CURRENT_USER());
INSERT INTO def (id) VALUES (1);
CREATE TABLE divz (a INT, b INT AS (10 / a) VIRTUAL, c INT);
INSERT INTO divz (a) VALUES (0), (5);
SET SESSION sql_mode = '';
CREATE TABLE pipes (a VARCHAR(10), b VARCHAR(30) AS (a || 'x') STORED);
INSERT INTO pipes (a) VALUES ('1'), ('0');
SET SESSION sql_mode = 'PIPES_AS_CONCAT,ANSI_QUOTES,NO_BACKSLASH_ESCAPES';
CREATE PROCEDURE ansi("a b" INT) BEGIN SELECT "a b", 'x\' || 'y'; END;
SET SESSION sql_mode = 'ORACLE';
CREATE PROCEDURE ora(a IN NUMBER) AS v VARCHAR2(10) := 'x;;y'; BEGIN NULL; END;
CREATE FUNCTION oraf(a NUMBER) RETURN NUMBER AS BEGIN RETURN a; END;
CREATE PACKAGE pk AS FUNCTION f RETURN INT; PROCEDURE p; END;
CREATE PACKAGE BODY pk AS x INT := 1; FUNCTION f RETURN INT AS BEGIN RETURN x; END; PROCEDURE p AS BEGIN SELECT 1; END; END;
CREATE TABLE orat (a VARCHAR2(10), b NUMBER(10,2), c CLOB, d DATE, e RAW(10));
INSERT INTO orat VALUES ('x', 1.5, 'y', '2020-01-01', 0x00);
SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
CREATE FUNCTION callspk() RETURNS INT RETURN h.pk.f();
CREATE SEQUENCE sq1 START WITH -5 INCREMENT BY -3 MINVALUE -100 NOCACHE;
DO NEXTVAL(sq1);
CREATE SEQUENCE sq2 MAXVALUE 3 CYCLE CACHE 1;
SELECT NEXTVAL(sq2), NEXTVAL(sq2), NEXTVAL(sq2), NEXTVAL(sq2);
CREATE SEQUENCE sq3 MAXVALUE 2 NOCACHE;
SELECT NEXTVAL(sq3), NEXTVAL(sq3);
CREATE TABLE useseq (id INT DEFAULT (NEXT VALUE FOR sq1), a INT);
INSERT INTO useseq (a) VALUES (1);
CREATE VIEW a1 AS SELECT 1 AS x;
CREATE VIEW z3 AS SELECT a FROM gen1;
CREATE VIEW y2 AS SELECT a FROM z3;
CREATE OR REPLACE VIEW a1 AS SELECT a FROM y2;
CREATE VIEW vseq AS SELECT NEXTVAL(sq1) AS x;
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `v ``ö` AS SELECT `列 1` AS `ä'"` FROM `数据 表` WITH CASCADED CHECK OPTION;
CREATE USER gone@localhost;
CREATE DEFINER=gone@localhost VIEW vgone AS SELECT id FROM ai;
CREATE DEFINER=gone@localhost PROCEDURE pgone() SELECT 1;
CREATE DEFINER=gone@localhost TRIGGER tgone BEFORE INSERT ON ai FOR EACH ROW SET @x=1;
DROP USER IF EXISTS gone@localhost;
CREATE FUNCTION fn(a INT) RETURNS INT DETERMINISTIC RETURN a;
CREATE VIEW vfun AS SELECT h.fn(1) AS x;
CREATE AGGREGATE FUNCTION agg(x INT) RETURNS INT BEGIN DECLARE s INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + x; END LOOP; END;
CREATE PROCEDURE hostile(IN a INT, OUT b VARCHAR(10) CHARACTER SET latin1) COMMENT 'DELIMITER ;\n$$ ;; -- >{"x"}' BEGIN /* $$ // ;; DELIMITER $$ */ -- comment '
 # another "
 DECLARE x INT DEFAULT 5; SELECT ';;', '$$', `列 1` FROM `数据 表`; SET b = 'ü'; /*M!100000 SET @z = 1; */ END;
CREATE PROCEDURE `p``q`() BEGIN END;
CREATE EVENT ev1 ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' ON COMPLETION PRESERVE DISABLE ON SLAVE COMMENT 'x' DO SET @a = 1;
CREATE EVENT ev2 ON SCHEDULE EVERY '1:30' HOUR_MINUTE STARTS '2037-01-01 00:00:00' DO SET @a = 1;
CREATE EVENT ev3 ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' ENDS '2037-02-01 00:00:00' DO SET @a = 1;
CREATE TABLE opts (id INT) ENGINE=InnoDB AVG_ROW_LENGTH=100 MAX_ROWS=1000 MIN_ROWS=10 PACK_KEYS=1 CHECKSUM=1 DELAY_KEY_WRITE=1 STATS_PERSISTENT=0 STATS_AUTO_RECALC=1 STATS_SAMPLE_PAGES=10 COMMENT='x' WITH SYSTEM VERSIONING;
CREATE TABLE coldesc (id INT, a INT, t TEXT, PRIMARY KEY (id DESC), KEY x (a DESC, id ASC) USING BTREE COMMENT 'idx', FULLTEXT KEY ft (t), UNIQUE KEY lu (t));
INSERT INTO coldesc VALUES (1, 2, REPEAT('ä', 5000));
CREATE TABLE mem (id INT PRIMARY KEY, v VARCHAR(10), KEY (v) USING HASH) ENGINE=MEMORY;
INSERT INTO mem VALUES (1, 'x');
CREATE TABLE csvt (id INT NOT NULL, v VARCHAR(10) NOT NULL) ENGINE=CSV;
INSERT INTO csvt VALUES (1, 'a"b,c'), (1, 'a"b,c');
CREATE TABLE ariat (id INT, v TEXT) ENGINE=Aria TRANSACTIONAL=0 ROW_FORMAT=PAGE PAGE_CHECKSUM=1;
INSERT INTO ariat VALUES (1, 'x');
CREATE TABLE mrg1 (id INT) ENGINE=MyISAM;
CREATE TABLE mrg (id INT) ENGINE=MERGE UNION=(mrg1);
CREATE TABLE yr (y YEAR, t TIME(3), f FLOAT(5,2) UNSIGNED, d DECIMAL(10,3) ZEROFILL, i TINYINT(1), m MEDIUMINT(8) UNSIGNED ZEROFILL, bo BOOLEAN, v VARCHAR(10) BINARY);
INSERT INTO yr VALUES (2000, '-00:00:00.001', 1.5, 12.345, 1, 5, TRUE, 'x');
CREATE TABLE colls (a VARCHAR(20) COLLATE utf8mb4_uca1400_ai_ci, b VARCHAR(20) CHARACTER SET utf8mb3, c CHAR(5) CHARACTER SET binary, d VARCHAR(20) CHARACTER SET ucs2 COLLATE ucs2_bin, e VARCHAR(20) CHARACTER SET big5, n NCHAR(5), u VARCHAR(20) CHARACTER SET eucjpms, x TEXT CHARACTER SET ascii, lt LONGTEXT CHARACTER SET latin1 COLLATE latin1_bin) CHARACTER SET cp1251;
INSERT INTO colls VALUES ('äÄ','ß','ab','漢','中','ä','①','ascii', 'é');
CREATE TABLE inst (a INT, b INT);
INSERT INTO inst VALUES (1,2);
ALTER TABLE inst ADD COLUMN c INT DEFAULT 7, ALGORITHM=INSTANT;
ALTER TABLE inst DROP COLUMN b, ALGORITHM=INSTANT;
CREATE TABLE ts_on (id INT PRIMARY KEY, a TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), b DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6), c TIMESTAMP);
INSERT INTO ts_on (id) VALUES (1);
CREATE TABLE blobs (a TINYBLOB, b BLOB, c MEDIUMBLOB, d LONGBLOB, k VARBINARY(10), KEY (a(5), d(10)), KEY (k));
INSERT INTO blobs VALUES (0x00, 0xff, 0x27, 0x5c, 0x1a);
CREATE TABLE dyn (id INT, d BLOB);
INSERT INTO dyn VALUES (1, COLUMN_CREATE('a', 1, 'b', 'x' AS CHAR CHARSET latin1));
CREATE TABLE inet (a INET6 DEFAULT '::1', b INET4, u UUID DEFAULT UUID());
INSERT INTO inet VALUES (DEFAULT, '1.2.3.4', DEFAULT), ('::ffff:1.2.3.4', NULL, NULL);
CREATE TABLE unq (a INT, UNIQUE KEY (a));
CREATE TRIGGER tr1 AFTER UPDATE ON unq FOR EACH ROW BEGIN IF NEW.a <> OLD.a THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'x;;y'; END IF; END;
CREATE TRIGGER tr2 AFTER UPDATE ON unq FOR EACH ROW PRECEDES tr1 SET @x = 1;
CREATE VIEW vdiv AS SELECT 18446744073709551615 + 1 AS x;
"#;

/// Questions whose answers must be the same on the copy.
const QUESTIONS: &[&str] = &[
    "SELECT a, b, c, d, e FROM h.gen1 ORDER BY a",
    "SELECT *, s + 0, e + 0 FROM h.bits ORDER BY id",
    "SELECT * FROM h.zd",
    "SELECT * FROM h.tz ORDER BY id",
    "SELECT * FROM h.ai ORDER BY id",
    "SELECT * FROM h.def",
    "SELECT * FROM h.fka ORDER BY id",
    "SELECT * FROM h.vfun",
    "SELECT * FROM h.plist PARTITION (n) ORDER BY id",
    "SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES WHERE AUTO_INCREMENT > 5 ORDER BY 1",
    "SHOW CREATE PROCEDURE h.hostile",
    "SHOW CREATE PROCEDURE `H`.hostile",
    "SELECT EVENT_SCHEMA, EVENT_NAME, STATUS, INTERVAL_VALUE, INTERVAL_FIELD FROM information_schema.EVENTS \
     ORDER BY HEX(EVENT_SCHEMA), 2",
];

async fn come_back(which: Which) {
    let original = Server::member(which).await;
    let all = if which == Which::Mysql { MYSQL } else { MARIADB };
    let all: Vec<_> = all.split(";\n").map(str::trim).filter(|sql| !sql.is_empty()).collect();
    original.run(&all).await;
    // The same names in a database whose name differs by case alone.
    original
        .run(&[
            "SET NAMES utf8mb4",
            "CREATE TABLE `H`.ai (id INT PRIMARY KEY, other INT)",
            "INSERT INTO `H`.ai VALUES (1, 2)",
            "CREATE FUNCTION `H`.fn(a INT) RETURNS INT DETERMINISTIC RETURN a + 1",
            "CREATE PROCEDURE `H`.hostile() SELECT 'another'",
            "CREATE TRIGGER `H`.tgone BEFORE INSERT ON `H`.ai FOR EACH ROW SET @y = 1",
            "CREATE EVENT `H`.ev1 ON SCHEDULE EVERY 2 DAY STARTS '2037-01-01 00:00:00' DISABLE DO SET @a = 2",
        ])
        .await;
    // And in a server whose mode gives quotes and backslashes another meaning.
    original
        .run(&[
            "CREATE DATABASE `o'b\\ \"c`",
            "CREATE TABLE `o'b\\ \"c`.`t'\\` (a INT)",
            "CREATE VIEW `o'b\\ \"c`.v AS SELECT a FROM `o'b\\ \"c`.`t'\\`",
            "CREATE PROCEDURE `o'b\\ \"c`.`p'\\`() SELECT 'x\\'y'",
            "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH'",
        ])
        .await;
    let engine = engine::<Which>();
    let surveyed =
        engine.observe().expect("the facet").survey(&original.link_to_read(), &original.cluster).await;
    let told = |findings: &[Finding]| -> Vec<_> {
        findings.iter().map(|finding| finding.what.key.clone()).collect()
    };
    assert_eq!(
        told(&surveyed.expect("a survey")),
        ["mysql-not-transactional", "mysql-in-memory", "mysql-holds-nothing"]
    );
    let (dumped, source) = original.dump().await;
    original.run(&["SET GLOBAL sql_mode = DEFAULT"]).await;
    let told: Vec<_> = dumped.findings.iter().map(|finding| finding.what.key.as_str()).collect();
    assert_eq!(
        told,
        ["mysql-not-transactional", "mysql-in-memory", "mysql-holds-nothing"],
        "{:#?}",
        dumped.findings
    );
    let made = Server::restored(which, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
    let (copy, told) = made.unwrap_or_else(|error| panic!("{error:?}"));
    let told: Vec<_> = told.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(told, ["mysql-memory-emptied(count=1, tables=h.mem)"]);
    assert_eq!(copy.differences(&dumped).await, [""; 0]);
    for question in QUESTIONS {
        assert_eq!(original.ask(question).await, copy.ask(question).await, "{question}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_things_of_a_mysql_come_back() {
    come_back(Which::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_things_of_a_mariadb_come_back() {
    come_back(Which::Mariadb).await;
}

/// What is computed from moments and kept was computed in a zone: it comes back where that is the server's own, and is
/// a difference by name where it was somebody's alone.
async fn computed_by_zone(which: Which) {
    let original = Server::member(which).await;
    original.run(&["SET GLOBAL time_zone = '+08:00'"]).await;
    original
        .run(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.kept (id INT PRIMARY KEY, at TIMESTAMP(3) NULL, day DATE AS (DATE(at)) STORED)",
            "CREATE TABLE shop.searched (id INT PRIMARY KEY, at TIMESTAMP NULL, day DATE AS (DATE(at)) VIRTUAL, KEY (day))",
            "INSERT INTO shop.kept (id, at) VALUES (1, '2020-06-01 03:00:00.125'), (2, NULL)",
            "INSERT INTO shop.searched (id, at) VALUES (1, '2020-06-01 03:00:00')",
        ])
        .await;
    let questions = [
        "SELECT id, UNIX_TIMESTAMP(at), day FROM shop.kept ORDER BY id",
        "SELECT UNIX_TIMESTAMP(at) FROM shop.searched FORCE INDEX (day) WHERE day = '2020-06-01'",
    ];
    let restored = async || {
        let (dumped, source) = original.dump().await;
        let made = Server::restored(which, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, told) = made.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(told, []);
        (copy.differences(&dumped).await, copy)
    };
    let (differs, copy) = restored().await;
    assert_eq!(differs, [""; 0]);
    for question in questions {
        let answer = original.ask(question).await;
        assert!(answer.contains("1590951600"), "{answer}");
        assert_eq!(answer, copy.ask(question).await, "{question}");
    }
    original
        .run(&[
            "SET SESSION time_zone = '-08:00'",
            "INSERT INTO shop.kept (id, at) VALUES (3, '2020-06-01 23:00:00')",
        ])
        .await;
    assert_eq!(restored().await.0, ["Content table shop.kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mysql_computed_in_its_zone_comes_back() {
    computed_by_zone(Which::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mariadb_computed_in_its_zone_comes_back() {
    computed_by_zone(Which::Mariadb).await;
}

/// Keys are the server's and in no backup: tables that need them are named when they are backed up, and by the load of a
/// server that has none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_need_keys_are_named() {
    let (cluster, place) = (cluster(Which::Mariadb), Place::new());
    let layout = layout::<Which>(&cluster, &place, Purpose::Member);
    let keys = place.path().join("keys");
    stage::put(&keys, 0o600, &format!("1;{}\n", "5f".repeat(32)), &layout.user);
    let lines = format!(
        "[mysqld]\nplugin_load_add=file_key_management\nfile_key_management_filename={}",
        keys.display()
    );
    let layout = with_lines(layout, "my.cnf", &lines);
    let mut original = Server::begin(Which::Mariadb, place, &layout, cluster).await;
    original.ready().await;
    original
        .run(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.sealed (a INT) ENCRYPTED=YES",
            "CREATE TABLE shop.open (a INT) ENCRYPTED=NO",
            "INSERT INTO shop.sealed VALUES (1)",
        ])
        .await;
    let (dumped, source) = original.dump().await;
    let told: Vec<_> = dumped.findings.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(told, ["mysql-encrypted(count=1, tables=shop.sealed (InnoDB))"]);
    let made = Server::restored(Which::Mariadb, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
    let error = made.map(drop).expect_err("no keys");
    assert_eq!(error.context[0].args["name"].to_string(), "shop.sealed", "{error:?}");
    assert_eq!(error.cure.expect("a cure").key, "mysql-encrypted-cure");
}
