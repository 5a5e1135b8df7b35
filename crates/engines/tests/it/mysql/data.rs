//! Data that holds every type, odd names, and everything that others lose.

use super::server::Which;
use crate::server::Server;

const BOTH: &[&str] = &[
    "SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'",
    "SET SESSION time_zone = '+00:00'",
    "SET NAMES utf8mb4",
    "CREATE DATABASE shop CHARACTER SET utf8mb4",
    "CREATE DATABASE `größe-1 ``x.y` CHARACTER SET latin1 COLLATE latin1_german1_ci",
    "CREATE DATABASE empty_one",
    // Numbers.
    "CREATE TABLE shop.numbers (id BIGINT UNSIGNED PRIMARY KEY, t TINYINT, s SMALLINT UNSIGNED, m MEDIUMINT, \
     i INT(5) ZEROFILL, d DECIMAL(65,30), f FLOAT, f2 FLOAT(7,3), g DOUBLE, b BIT(10), b64 BIT(64))",
    "INSERT INTO shop.numbers VALUES \
     (0, -128, 65535, -8388608, 42, -12345678901234567890123456789012345.123456789012345678901234567891, \
      1.1e-5, 123.4567, -0e0, b'1010101010', 0xffffffffffffffff), \
     (18446744073709551615, 127, 0, 8388607, 0, 0, 16777217, -1.5, 1.7976931348623157e308, 0, 0), \
     (2, NULL, NULL, NULL, NULL, NULL, 3.4028235e38, NULL, 2.2250738585072014e-308, NULL, 1), \
     (3, 0, 0, 0, 0, 0.1, 0.1, 0.1, 0.1, 1, 2), (4, 0, 0, 0, 0, 1e30, -0e0, 0, 123456789012345680000, 1, 2)",
    // Texts and bytes.
    "CREATE TABLE shop.texts (id INT PRIMARY KEY AUTO_INCREMENT, c CHAR(10), v VARCHAR(200), \
     l VARCHAR(50) CHARACTER SET latin1, u VARCHAR(50) CHARACTER SET utf16, j VARCHAR(50) CHARACTER SET sjis, \
     g VARCHAR(50) CHARACTER SET gbk, bi BINARY(4), vb VARBINARY(300), lb LONGBLOB, lt LONGTEXT, \
     e ENUM('a','b,c','d''e',''), s SET('x','y','z'), KEY (v), UNIQUE (l)) AUTO_INCREMENT=1000",
    "INSERT INTO shop.texts VALUES (1, 'tail  ', 'line\\nnext\\r\\t\\0\\\\ \\'q\\' \\\"d\\\" \\Z; -- /* */ 😀', 'größe', '漢字', \
     '表示', '汉字啊', 0x00ff0a27, 0x00010203090a0d1a22275c80ff, x'', '', 1, 3), \
     (2, '', '', '', '', '', '', x'', x'', NULL, NULL, 0, 0), \
     (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 4, 7), \
     (4, '$$', ';;\\n-- >{}\\nDELIMITER ;\\n\\\\! id', 'x', 'y', 'z', 'w', 'abcd', '', 'b', 't', 'd''e', 'x,z'), \
     (0, 'zero', 'the id is 0', 'a0', '', '', '', x'', x'', x'', '', 2, 0)",
    // Times.
    "CREATE TABLE shop.times (id INT PRIMARY KEY, d DATE, t TIME(6), dt DATETIME(6), ts TIMESTAMP(3) NULL, y YEAR)",
    "INSERT INTO shop.times VALUES (1, '0000-00-00', '-838:59:59', '0000-00-00', '0000-00-00', '0000'), \
     (2, '2020-02-31', '838:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07.999', '2155'), \
     (3, '2020-00-00', '00:00:00.000001', '1000-01-01', '1970-01-01 00:00:01', '1901'), (4, NULL, NULL, NULL, NULL, NULL)",
    // Shapes.
    "CREATE TABLE shop.shapes (id INT PRIMARY KEY, g GEOMETRY, p POINT NOT NULL, SPATIAL KEY (p))",
    "INSERT INTO shop.shapes VALUES (1, ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0))'), ST_GeomFromText('POINT(1 2)')), \
     (2, ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))', 0), ST_GeomFromText('POINT(-1.5 2e10)')), \
     (3, NULL, ST_GeomFromText('POINT(0 0)'))",
    // Computed and hidden columns, checks, foreign keys, partitions, no key, nothing in it.
    "CREATE TABLE shop.computed (a INT, b INT AS (a * 2) VIRTUAL, c INT AS (a + 1) STORED, h INT DEFAULT 7 INVISIBLE, \
     CHECK (a > 0), CONSTRAINT `named check` CHECK (a < 1000))",
    "INSERT INTO shop.computed (a, h) VALUES (1, 1), (2, 2), (2, 2), (999, NULL)",
    "SET SESSION foreign_key_checks = 0",
    "CREATE TABLE shop.child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES shop.zparent (id) ON DELETE CASCADE)",
    "CREATE TABLE shop.zparent (id INT PRIMARY KEY)",
    "SET SESSION foreign_key_checks = 1",
    "INSERT INTO shop.zparent VALUES (1), (2)",
    "INSERT INTO shop.child VALUES (10, 1), (20, NULL)",
    "CREATE TABLE shop.parts (id INT, y INT, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) \
     (PARTITION p0 VALUES LESS THAN (2000), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "INSERT INTO shop.parts VALUES (1, 1999), (2, 2001), (3, 2999)",
    "CREATE TABLE shop.hashed (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4",
    "INSERT INTO shop.hashed VALUES (1), (2), (3), (4), (5)",
    "CREATE TABLE shop.nothing (id INT PRIMARY KEY, full_of_air TEXT)",
    "CREATE TABLE shop.`  lead`` 'q' \"d\" 漢 -- #` (`a``b` INT, `c d` INT, `;` INT)",
    "INSERT INTO shop.`  lead`` 'q' \"d\" 漢 -- #` VALUES (1, 2, 3)",
    "CREATE TABLE `größe-1 ``x.y`.`ta.ble` (`spalte ß` VARCHAR(20) DEFAULT 'ä' COMMENT 'Kömmentar \\'\\\\') COMMENT 'ü;'",
    "INSERT INTO `größe-1 ``x.y`.`ta.ble` VALUES ('wört')",
    "CREATE TABLE shop.isam (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT, FULLTEXT (t)) ENGINE=MyISAM",
    "INSERT INTO shop.isam VALUES (1, 'one'), (7, 'seven')",
    "CREATE TABLE shop.compressed (id INT PRIMARY KEY, t TEXT) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8",
    "INSERT INTO shop.compressed VALUES (1, REPEAT('x', 5000))",
    "CREATE TABLE shop.stamped (id INT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, \
     plain TIMESTAMP NULL)",
    "INSERT INTO shop.stamped VALUES (1, '2001-01-01 01:01:01', NULL)",
    "CREATE TABLE shop.log (what VARCHAR(100))",
    // Views, one on a later one, one broken.
    "CREATE VIEW shop.a_view AS SELECT 1 AS one",
    "CREATE VIEW shop.z_view AS SELECT id, v AS `wert ß` FROM shop.texts WHERE v <> 'ä'",
    "CREATE OR REPLACE VIEW shop.a_view AS SELECT id FROM shop.z_view WITH CHECK OPTION",
    "CREATE TABLE shop.gone (q INT)",
    "CREATE VIEW shop.broken_view AS SELECT q FROM shop.gone",
    "DROP TABLE shop.gone",
    // Routines with odd names and circumstances.
    "USE shop",
    "SET SESSION sql_mode = 'ANSI_QUOTES,NO_AUTO_VALUE_ON_ZERO'",
    "CREATE PROCEDURE \"prozedür ;;\"(IN x INT) COMMENT 'ß' BEGIN SELECT \"id\" FROM shop.texts WHERE v = 'ä;;' ; SELECT x; END",
    "SET SESSION sql_mode = ''",
    "CREATE FUNCTION taxed(x DECIMAL(10,2)) RETURNS DECIMAL(10,2) DETERMINISTIC RETURN x * 1.19",
    "ALTER DATABASE shop COLLATE utf8mb4_bin",
    "CREATE FUNCTION later() RETURNS VARCHAR(20) CHARSET utf8mb4 NO SQL RETURN 'x'",
    "SET NAMES latin1",
    "CREATE PROCEDURE shop.old() SELECT 'größe in latin1'",
    "SET NAMES utf8mb4",
    // Programs of another client's character set before the names and words of others, in every stream.
    "CREATE DATABASE `zé`",
    "CREATE TABLE `zé`.`tablé` (id INT PRIMARY KEY)",
    "SET NAMES latin1",
    "CREATE PROCEDURE shop.zz_old() SELECT 1",
    "CREATE VIEW shop.zz_old AS SELECT 1 AS x",
    "CREATE TRIGGER shop.old AFTER DELETE ON shop.log FOR EACH ROW SET @x = 1",
    "CREATE EVENT shop.zz_old ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO SET @x = 1",
    "SET NAMES utf8mb4",
    "CREATE PROCEDURE `zé`.`p é`() SELECT 'é'",
    "CREATE VIEW `zé`.`v é` AS SELECT id AS `é` FROM `zé`.`tablé`",
    "CREATE TRIGGER `zé`.`t é` BEFORE INSERT ON `zé`.`tablé` FOR EACH ROW SET @x = 'é'",
    "CREATE EVENT `zé`.`e é` ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO SET @x = 'é'",
    // Triggers that would fire on load, in their order; one disables nothing, one has a client's words in it.
    "CREATE TRIGGER shop.second BEFORE INSERT ON shop.texts FOR EACH ROW INSERT INTO shop.log VALUES (CONCAT('fired ;; ', NEW.id))",
    "CREATE TRIGGER shop.first BEFORE INSERT ON shop.texts FOR EACH ROW PRECEDES second \
     BEGIN /* $$ \\! id */ SET NEW.v = CONCAT(NEW.v, '!'); SET @x = ';;'; END",
    // Events: one with the words that make others hang, one switched off, one in a database with an odd name.
    "SET SESSION time_zone = '+05:30'",
    "CREATE EVENT shop.nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' COMMENT 'x;;y' DO BEGIN SET @a = ';;'; SET @b = 1; END",
    "SET SESSION time_zone = '+00:00'",
    "INSERT INTO mysql.time_zone (Time_zone_id, Use_leap_seconds) VALUES (1, 'N')",
    "INSERT INTO mysql.time_zone_name (Name, Time_zone_id) VALUES ('Own/Harbour', 1)",
    "INSERT INTO mysql.time_zone_transition_type (Time_zone_id, Transition_type_id, `Offset`, Is_DST, Abbreviation) VALUES (1, 0, 5400, 0, 'HBR')",
    "SET SESSION time_zone = 'Own/Harbour'",
    "CREATE EVENT shop.in_a_zone ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO SET @b = 1",
    "SET SESSION time_zone = '+00:00'",
    "SET GLOBAL event_scheduler = OFF",
    "CREATE EVENT shop.once ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 1 SECOND DO SET @b = 1",
    "CREATE EVENT shop.off_one ON SCHEDULE EVERY 1 HOUR STARTS '2037-01-01 00:00:00' DISABLE DO DELETE FROM shop.log",
    "CREATE EVENT shop.ends ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' ENDS '2037-12-31 00:00:00' DO SET @x = 1",
    "CREATE EVENT `größe-1 ``x.y`.`ereignis ü` ON SCHEDULE EVERY 1 MONTH STARTS '2037-01-01 00:00:00' DO SET @x = 1",
    "CREATE DEFINER=`no one`@`nowhere` SQL SECURITY DEFINER VIEW shop.orphan_view AS SELECT 1 AS x",
    // Accounts.
    "CREATE USER 'app'@'%' IDENTIFIED BY 'app''s \\\\ password'",
    "CREATE USER 'öd\\'e %'@'10.%' IDENTIFIED BY 'x' REQUIRE SSL WITH MAX_USER_CONNECTIONS 5",
    "CREATE ROLE reader",
    "GRANT SELECT ON shop.* TO reader",
    "GRANT reader TO 'app'@'%'",
    "GRANT SELECT (id, v), UPDATE (v) ON shop.texts TO 'app'@'%'",
    "GRANT EXECUTE ON PROCEDURE shop.`prozedür ;;` TO 'app'@'%'",
    "GRANT RELOAD, PROCESS ON *.* TO 'öd\\'e %'@'10.%' WITH GRANT OPTION",
    "GRANT ALL ON `größe-1 ``x.y`.* TO 'öd\\'e %'@'10.%'",
    "CREATE TABLE shop.gone (q INT)",
    "GRANT SELECT ON shop.gone TO 'app'@'%'",
    "DROP TABLE shop.gone",
];

const MYSQL: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET DEFAULT ROLE reader TO 'app'@'%'",
    "CREATE TABLE shop.documents (id INT PRIMARY KEY, j JSON)",
    "INSERT INTO shop.documents VALUES (1, '{\"a\": [1, 2.5, \"x\\\\n\", null, true]}'), (2, NULL), (3, 'null'), (4, '\"ü😀\"'), \
     (5, CAST(CAST('2020-01-01 10:11:12.123456' AS DATETIME(6)) AS JSON)), (6, CAST(CAST(5 AS UNSIGNED) AS JSON)), \
     (7, CAST(CAST('1.50' AS DECIMAL(3,2)) AS JSON)), (8, CAST(CAST('-12:00:00' AS TIME(6)) AS JSON)), \
     (9, CAST(CAST('2020-01-01' AS DATE) AS JSON)), (10, '1.0'), (11, '18446744073709551615'), (12, '1e300'), (13, 'true')",
    "CREATE TABLE shop.typed_inside (id INT PRIMARY KEY, j JSON)",
    "INSERT INTO shop.typed_inside VALUES (1, JSON_OBJECT('d', CAST('2020-01-01' AS DATE))), (2, JSON_ARRAY(1))",
    "CREATE TABLE shop.hole (id INT) ENGINE=BLACKHOLE",
    "CREATE TABLE shop.vectors (id INT PRIMARY KEY, v VECTOR(3))",
    "INSERT INTO shop.vectors VALUES (1, TO_VECTOR('[1,-0.5,3e10]')), (2, NULL)",
    "CREATE TABLE shop.places (id INT PRIMARY KEY, g GEOMETRY NOT NULL SRID 4326)",
    "INSERT INTO shop.places VALUES (1, ST_GeomFromText('POINT(50 8)', 4326))",
    "SET SESSION sql_generate_invisible_primary_key = 1",
    "CREATE TABLE shop.keyless (a INT)",
    "INSERT INTO shop.keyless VALUES (5), (5)",
    "SET SESSION sql_generate_invisible_primary_key = 0",
    "CREATE TABLESPACE `räum 1` ADD DATAFILE 'room.ibd'",
    "CREATE TABLE shop.in_room (id INT PRIMARY KEY) TABLESPACE `räum 1`",
    "INSERT INTO shop.in_room VALUES (1)",
    "CREATE SPATIAL REFERENCE SYSTEM 990001 NAME 'own \\' one' DEFINITION \
     'GEOGCS[\"x\",DATUM[\"y\",SPHEROID[\"z\",6378137,298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.017453292519943278],AXIS[\"Lat\",NORTH],AXIS[\"Lon\",EAST]]'",
    "ANALYZE TABLE shop.parts UPDATE HISTOGRAM ON y WITH 4 BUCKETS",
    "CREATE TABLE `zé`.`wörter é` (id INT PRIMARY KEY, `ß` VARCHAR(9))",
    "INSERT INTO `zé`.`wörter é` VALUES (1, 'é''\\\\'), (2, '\"')",
    "ANALYZE TABLE `zé`.`wörter é` UPDATE HISTOGRAM ON `ß` WITH 4 BUCKETS",
    "CREATE TABLE shop.defaults (id INT PRIMARY KEY, u VARCHAR(36) DEFAULT (CONCAT('x', 'ü')), KEY ((id + 1)), j JSON, \
     KEY mv ((CAST(j->'$.a' AS UNSIGNED ARRAY))))",
    "INSERT INTO shop.defaults VALUES (1, DEFAULT, '{\"a\": [1, 2]}')",
    "CREATE USER 'locked'@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE ACCOUNT LOCK COMMENT 'Kömmentar'",
    "ALTER USER 'app'@'%' ATTRIBUTE '{\"team\": \"ü\"}'",
    "GRANT BACKUP_ADMIN ON *.* TO 'locked'@'%'",
    "CREATE SERVER far FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1', USER 'x', PASSWORD 'y''z', PORT 1)",
    "CREATE DATABASE frozen",
    "CREATE TABLE frozen.t (id INT PRIMARY KEY)",
    "INSERT INTO frozen.t VALUES (1)",
    "ALTER DATABASE frozen READ ONLY = 1",
];

const MARIADB: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00'",
    "SET DEFAULT ROLE reader FOR 'app'@'%'",
    "CREATE TABLE shop.documents (id INT PRIMARY KEY, j JSON)",
    "INSERT INTO shop.documents VALUES (1, '{\"a\":  [1, 2.50]}'), (2, NULL)",
    "CREATE TABLE shop.addresses (id UUID PRIMARY KEY, a INET6, b INET4)",
    "INSERT INTO shop.addresses VALUES ('123e4567-e89b-12d3-a456-426655440000', '2001:db8::ff00:42:8329', '127.0.0.1'), \
     ('00000000-0000-0000-0000-000000000000', '::', NULL)",
    "CREATE SEQUENCE shop.numbers_of_things START WITH 100 INCREMENT BY 7 MAXVALUE 100000 CYCLE CACHE 5",
    "DO NEXTVAL(shop.numbers_of_things)",
    "CREATE TABLE shop.by_sequence (id INT PRIMARY KEY DEFAULT NEXTVAL(shop.numbers_of_things), t INT)",
    "INSERT INTO shop.by_sequence (t) VALUES (1), (2)",
    "CREATE TABLE shop.kept (id INT PRIMARY KEY, t VARCHAR(20)) WITH SYSTEM VERSIONING",
    "INSERT INTO shop.kept VALUES (1, 'before'), (2, 'deleted')",
    "UPDATE shop.kept SET t = 'after' WHERE id = 1",
    "DELETE FROM shop.kept WHERE id = 2",
    "CREATE TABLE shop.kept_explicitly (id INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, \
     PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING",
    "INSERT INTO shop.kept_explicitly (id) VALUES (1), (2)",
    "DELETE FROM shop.kept_explicitly WHERE id = 2",
    "CREATE TABLE shop.aria (id INT PRIMARY KEY, t TEXT) ENGINE=Aria",
    "INSERT INTO shop.aria VALUES (1, 'x')",
    "CREATE USER 'twofold'@'localhost' IDENTIFIED VIA mysql_native_password USING PASSWORD('a') OR unix_socket",
    "CREATE ROLE writer",
    "GRANT reader TO writer",
    "GRANT INSERT ON shop.* TO writer",
    "ALTER DATABASE empty_one COMMENT 'ä'",
];

pub(crate) async fn fill(server: &Server<Which>) {
    server.run(BOTH).await;
    server.run(if server.subject == Which::Mysql { MYSQL } else { MARIADB }).await;
    let wide: Vec<_> = (2..1000).map(|n| format!("c{n} SMALLINT")).collect();
    server
        .run(&[
            &format!("CREATE TABLE shop.wide (c1 VARCHAR(20), {}, c1000 VARCHAR(20))", wide.join(", ")),
            "INSERT INTO shop.wide (c1, c1000) VALUES ('first', 'last ß'), (NULL, '')",
            "CREATE TABLE shop.never_filled (id INT PRIMARY KEY, t TEXT)",
            "CREATE TABLE shop.big (id INT PRIMARY KEY, b LONGBLOB)",
            "INSERT INTO shop.big VALUES (1, REPEAT(0x00275c0aff, 4194304)), (2, x'')",
            "CREATE TABLE shop.many (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(100), n DOUBLE)",
            "INSERT INTO shop.many (v, n) VALUES ('a', 0.1), ('b', 2)",
        ])
        .await;
    for _ in 0..14 {
        server
            .run(&["INSERT INTO shop.many (v, n) SELECT CONCAT(v, id), n * 1.1 FROM shop.many LIMIT 20000"])
            .await;
    }
}

/// Questions whose answers must be the same on the copy: asked of the server itself, not of our reader.
pub(crate) fn questions(which: Which) -> Vec<&'static str> {
    let mut all = vec![
        "SELECT id, HEX(c), HEX(v), HEX(l), HEX(u), HEX(j), HEX(g), HEX(bi), HEX(vb), HEX(lb), e + 0, s + 0 FROM shop.texts ORDER BY id",
        "SELECT id, t, s, m, i, d, CAST(f AS DOUBLE), CAST(f2 AS DOUBLE), g, ATAN2(g, -1), HEX(b), HEX(b64) FROM shop.numbers ORDER BY id",
        "SELECT * FROM shop.times ORDER BY id",
        "SELECT id, HEX(g), HEX(p) FROM shop.shapes ORDER BY id",
        "SELECT a, b, c, h FROM shop.computed ORDER BY a",
        "SELECT COUNT(*), SUM(id), BIT_XOR(CRC32(v)), SUM(n) FROM shop.many",
        "SELECT id, SHA2(b, 256) FROM shop.big ORDER BY id",
        "SELECT * FROM shop.log",
        "SELECT c1, c1000 FROM shop.wide ORDER BY c1000",
        "SELECT taxed_at, x FROM (SELECT shop.taxed(100) AS taxed_at, 1 AS x) q",
        "SELECT EVENT_SCHEMA, EVENT_NAME, STATUS, TIME_ZONE, STARTS FROM information_schema.EVENTS WHERE EVENT_NAME <> 'once' ORDER BY 1, 2",
        "SELECT TRIGGER_NAME, ACTION_ORDER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop' ORDER BY 1",
        "SELECT ROUTINE_NAME, SQL_MODE, CHARACTER_SET_CLIENT, DATABASE_COLLATION FROM information_schema.ROUTINES \
         WHERE ROUTINE_SCHEMA NOT IN ('sys', 'mysql') ORDER BY 1",
        "SHOW GRANTS FOR 'öd\\'e %'@'10.%'",
    ];
    all.extend(match which {
        Which::Mysql => vec![
            "SELECT id, j, JSON_TYPE(j) FROM shop.documents ORDER BY id",
            "SELECT id, HEX(v) FROM shop.vectors ORDER BY id",
        ],
        Which::Mariadb => vec![
            "SELECT id, t, ROW_START, ROW_END FROM shop.kept FOR SYSTEM_TIME ALL ORDER BY id, ROW_START",
            "SELECT id, s, e FROM shop.kept_explicitly FOR SYSTEM_TIME ALL ORDER BY id",
            "SELECT next_not_cached_value, cycle_count FROM shop.numbers_of_things",
            "SELECT * FROM shop.addresses ORDER BY id",
        ],
    });
    all
}
