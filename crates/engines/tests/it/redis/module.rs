//! Values of a module's own type: named when they are backed up, and never loaded into a server without modules.
//!
//! The module is a real one, made here by the C compiler that every Rust toolchain links with, and does the least that
//! a module can: no other can be had by package.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use roadstead_core::{Kind, manifest::Strength, port::engine::Purpose};
use roadstead_testkit::stage::Place;

use super::server::Redis;
use crate::{
    server::{Server, cluster, engine, layout},
    subject::with_lines,
};

/// One type with a number in each value, data beside the keys, and the command `probe.set KEY`.
const SOURCE: &str = r#"
#include <stddef.h>
#include <stdint.h>
typedef struct {
    uint64_t version;
    void *(*load)(void *, int);
    void (*save)(void *, void *);
    void *rewrite, *memory, *digest;
    void (*release)(void *);
    int (*load_beside)(void *, int, int);
    void (*save_beside)(void *, int);
    int when_beside;
} Methods;
static int (*get)(const char *, void *);
static void (*put_number)(void *, uint64_t);
static uint64_t (*take_number)(void *);
static void *(*open_key)(void *, void *, int);
static int (*set_value)(void *, void *, void *);
static void (*close_key)(void *);
static int (*reply)(void *, const char *);
static void *(*make_type)(void *, const char *, int, Methods *);
static int (*make_command)(void *, const char *, int (*)(void *, void **, int), const char *, int, int, int);
static void (*name)(void *, const char *, int, int);
static void *type;
static void *load(void *io, int version) { return (void *)(uintptr_t)take_number(io); }
static void save(void *io, void *value) { put_number(io, (uintptr_t)value); }
static void release(void *value) {}
static int load_beside(void *io, int version, int when) { take_number(io); return 0; }
static void save_beside(void *io, int when) { put_number(io, 7); }
static int set(void *ctx, void **argv, int argc) {
    void *key = open_key(ctx, argv[1], 2);
    set_value(key, type, (void *)42);
    close_key(key);
    return reply(ctx, "OK");
}
int RedisModule_OnLoad(void *ctx, void **argv, int argc) {
    get = ((void **)ctx)[0];
    get("RedisModule_SetModuleAttribs", &name);
    get("RedisModule_SaveUnsigned", &put_number);
    get("RedisModule_LoadUnsigned", &take_number);
    get("RedisModule_OpenKey", &open_key);
    get("RedisModule_CloseKey", &close_key);
    get("RedisModule_ModuleTypeSetValue", &set_value);
    get("RedisModule_ReplyWithSimpleString", &reply);
    get("RedisModule_CreateDataType", &make_type);
    get("RedisModule_CreateCommand", &make_command);
    name(ctx, "probe", 1, 1);
    Methods methods = {2, load, save, NULL, NULL, NULL, release, load_beside, save_beside, 1};
    type = make_type(ctx, "probetype", 0, &methods);
    return type && make_command(ctx, "probe.set", set, "write", 1, 1, 1) == 0 ? 0 : 1;
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn values_of_modules_are_named_and_not_half_loaded() {
    let (cluster, place) = (cluster(Redis), Place::new());
    let (source, module) = (place.path().join("probe.c"), place.path().join("probe.so"));
    std::fs::write(&source, SOURCE).expect("a file");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-w", "-o"]).arg(&module).arg(&source).output();
    let built = built.expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    std::fs::set_permissions(&module, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let layout = layout::<Redis>(&cluster, &place, Purpose::Member);
    let layout = with_lines(layout, "redis.conf", &format!("loadmodule {}", module.display()));
    let mut original = Server::begin(Redis, place, &layout, cluster).await;
    original.ready().await;
    original.lines("SET plain 1\nprobe.set odd\nSELECT 3\nprobe.set odd\nprobe.set even\n");

    let link = original.link_to_read();
    let surveyed = engine::<Redis>().observe().expect("a facet").survey(&link, &original.cluster).await;
    let told: Vec<_> = surveyed.expect("a survey").iter().map(|one| one.what.to_string()).collect();
    assert_eq!(told, ["redis-modules(modules=probe)"]);
    let (dumped, source) = original.dump().await;
    let told: Vec<_> = dumped.findings.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(
        told,
        [
            "redis-module-keys(count=1, database=0, module=probetype)",
            "redis-module-keys(count=2, database=3, module=probetype)",
            "redis-module-data(module=probetype)",
        ]
    );
    let counted =
        dumped.manifest.objects.iter().filter(|object| object.name.last().is_some_and(|n| n == "probetype"));
    let counted: Vec<_> =
        counted.map(|object| (object.count, object.digest.is_some(), object.strength)).collect();
    assert_eq!(
        counted,
        [(Some(1), false, Strength::CountSnapshot), (Some(2), false, Strength::CountSnapshot)]
    );

    // A server without modules takes none of it, and not half of it.
    let target = Server::member(Redis).await;
    let error = target.load_by_address(&dumped, &source).await.expect_err("no modules");
    assert_eq!(error.kind, Kind::Unsupported);
    let place = &target.link.endpoint;
    assert_eq!(error.what.to_string(), format!("redis-target-modules(endpoint={place}, modules=probetype)"));
    assert_eq!(target.cli(&["DBSIZE"]), "0");
    // The very server takes them again.
    original.cli(&["FLUSHALL"]);
    original.load_by_address(&dumped, &source).await.expect("a load");
    assert_eq!(original.differences(&dumped).await, [""; 0]);
}
