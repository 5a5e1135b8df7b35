//! Searching a host for the programs that engines need, and asking each for its version.
//!
//! A program is known by what it prints, never by its name or folder alone.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use roadstead_core::{
    Version,
    model::HostSpec,
    port::{Engine, Engines, engine::ToolNeed},
    seen::{Tool, Tools},
};
use tokio::{io::AsyncReadExt, process::Command, sync::Semaphore, task::JoinSet};

/// Folders to search before the usual ones, separated by colons.
const PROGRAMS_VARIABLE: &str = "ROADSTEAD_PROGRAMS";
const ASK_DEADLINE: Duration = Duration::from_secs(5);
/// After how long one that did not answer twice is asked again.
const SILENT_FOR: Duration = Duration::from_secs(30);
const PRINTED_BYTES_MAX: u64 = 64 << 10;
/// How many programs are asked at once.
const ASKED_AT_ONCE: usize = 8;
/// Folders that one pattern may stand for.
const FOLDERS_MAX: usize = 256;

/// What a program answered, and the file it was when it did.
#[derive(Clone, Debug)]
struct Answer {
    changed: Option<SystemTime>,
    length: u64,
    told: Option<(Version, String)>,
    /// How often in a row nothing was heard of it, and when last: a machine that has much to do may be the reason.
    silent: Option<(u32, Instant)>,
}

impl Answer {
    fn holds_for(&self, changed: Option<SystemTime>, length: u64) -> bool {
        let is_over = self.silent.is_some_and(|(times, at)| times == 1 || at.elapsed() > SILENT_FOR);
        self.changed == changed && self.length == length && !is_over
    }
}

/// Engine, role, file.
type Key = (String, &'static str, PathBuf);

fn tool((engine, name, path): &Key, (version, flavour): (Version, String)) -> Option<Tool> {
    let path = path.to_str()?.to_owned();
    Some(Tool { engine: engine.clone(), name: (*name).to_owned(), path, version, flavour })
}

/// The search, which asks a program again only when its file has changed.
#[derive(Debug, Default)]
pub(crate) struct Search {
    answers: Mutex<HashMap<Key, Answer>>,
}

impl Search {
    /// All programs of all these engines.
    pub(crate) async fn all(self: &Arc<Self>, engines: &dyn Engines, host: &HostSpec) -> Tools {
        let turns = Arc::new(Semaphore::new(ASKED_AT_ONCE));
        let mut asked = JoinSet::new();
        for engine in engines.all() {
            self.begin(&engine, host, &turns, &mut asked);
        }
        collect(asked).await
    }

    /// The programs of one engine.
    pub(crate) async fn of(self: &Arc<Self>, engine: &Arc<dyn Engine>, host: &HostSpec) -> Tools {
        let turns = Arc::new(Semaphore::new(ASKED_AT_ONCE));
        let mut asked = JoinSet::new();
        self.begin(engine, host, &turns, &mut asked);
        collect(asked).await
    }

    /// The programs of one engine that were found before; nothing is searched or run.
    pub(crate) fn known(&self, engine: &dyn Engine) -> Tools {
        let name = engine.profile().name;
        let answers = self.answers();
        let mut found: Vec<Tool> = answers
            .iter()
            .filter(|((engine, _, _), _)| engine == name)
            .filter_map(|(key, answer)| tool(key, answer.told.clone()?))
            .collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Tools(found)
    }

    fn begin(
        self: &Arc<Self>,
        engine: &Arc<dyn Engine>,
        host: &HostSpec,
        turns: &Arc<Semaphore>,
        asked: &mut JoinSet<(usize, Option<Tool>)>,
    ) {
        for need in engine.profile().tools {
            for path in candidates(need, host) {
                let (search, engine, turns) = (self.clone(), engine.clone(), turns.clone());
                let order = asked.len();
                asked.spawn(async move {
                    let _turn = turns.acquire().await.expect("this semaphore is never closed");
                    (order, search.ask(engine.as_ref(), need, path).await)
                });
            }
        }
    }

    async fn ask(&self, engine: &dyn Engine, need: &'static ToolNeed, path: PathBuf) -> Option<Tool> {
        let found = std::fs::metadata(&path).ok()?;
        let (changed, length) = (found.modified().ok(), found.len());
        let name = engine.profile().name;
        let key = (name.to_owned(), need.name, path.clone());
        let known = self.answers().get(&key).cloned();
        let told = match known {
            Some(answer) if answer.holds_for(changed, length) => answer.told,
            known => {
                let printed = print(&path, need.version_args).await;
                let times = known.and_then(|before| before.silent).map_or(1, |(times, _)| times + 1);
                let silent = printed.is_none().then(|| (times, Instant::now()));
                let told = printed.and_then(|printed| engine.tool_version(need.name, &printed));
                self.answers().insert(key.clone(), Answer { changed, length, told: told.clone(), silent });
                told
            }
        };
        tool(&key, told?)
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Answer>> {
        self.answers.lock().expect("no holder of this lock panics")
    }
}

async fn collect(mut asked: JoinSet<(usize, Option<Tool>)>) -> Tools {
    let mut found = Vec::new();
    while let Some(answer) = asked.join_next().await {
        // A panic in an engine's reading of a version costs that program alone.
        if let Ok((order, Some(tool))) = answer {
            found.push((order, tool));
        }
    }
    found.sort_by_key(|(order, _)| *order);
    Tools(found.into_iter().map(|(_, tool)| tool).collect())
}

/// The files that may be this program, best place first, each file once.
fn candidates(need: &ToolNeed, host: &HostSpec) -> Vec<PathBuf> {
    let from_list = |variable: &str| -> Vec<PathBuf> {
        std::env::var_os(variable).map(|list| std::env::split_paths(&list).collect()).unwrap_or_default()
    };
    let mut folders: Vec<PathBuf> = host.programs.iter().map(PathBuf::from).collect();
    folders.extend(from_list(PROGRAMS_VARIABLE));
    folders.extend(need.directories.iter().flat_map(|pattern| expand(pattern)));
    folders.extend(from_list("PATH"));
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for folder in folders.into_iter().filter(|folder| folder.is_absolute()) {
        for file in need.files {
            let path = folder.join(file);
            if is_program(&path)
                && let Ok(real) = std::fs::canonicalize(&path)
                && seen.insert(real)
            {
                found.push(path);
            }
        }
    }
    found
}

fn is_program(path: &Path) -> bool {
    let runs = rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    runs && std::fs::metadata(path).is_ok_and(|found| found.is_file())
}

/// The folders that a pattern stands for; `*` is any one path element.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("/")];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if part == "*" {
            let below = |folder: &PathBuf| -> Vec<PathBuf> {
                let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
                entries.unwrap_or_default().into_iter().map(|entry| entry.path()).collect()
            };
            folders = folders.iter().flat_map(below).filter(|path| path.is_dir()).collect();
            folders.sort();
            folders.truncate(FOLDERS_MAX);
        } else {
            for folder in &mut folders {
                folder.push(part);
            }
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

/// What a program prints when it is asked for its version; `None`: it did not answer in time or could not be run.
async fn print(path: &Path, args: &[&str]) -> Option<String> {
    let mut child = Command::new(path)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let (stdout, stderr) = (child.stdout.take()?, child.stderr.take()?);
    let (mut printed, mut complained) = (Vec::new(), Vec::new());
    let reading = async {
        // Each pipe is closed once enough was read: whoever floods one learns it and ends.
        let out = async { stdout.take(PRINTED_BYTES_MAX).read_to_end(&mut printed).await.is_ok() };
        let err = async { stderr.take(PRINTED_BYTES_MAX).read_to_end(&mut complained).await.is_ok() };
        let both = tokio::join!(out, err);
        (both, child.wait().await)
    };
    let (_, ended) = tokio::time::timeout(ASK_DEADLINE, reading).await.ok()?;
    ended.ok()?;
    printed.extend_from_slice(&complained);
    Some(String::from_utf8_lossy(&printed).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_path_element() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["15/bin", "18/bin", "18/lib"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("made");
        }
        let found = expand(&format!("{}/*/bin", folder.path().display()));
        assert_eq!(found, [folder.path().join("15/bin"), folder.path().join("18/bin")]);
        assert!(expand(&format!("{}/*/none", folder.path().display())).is_empty());
    }

    #[tokio::test]
    async fn a_program_that_floods_or_hangs_is_bounded() {
        // No script of our own: another test's child may still have it open for writing, and it would not be run.
        let script = "head -c 1000000 /dev/zero | tr '\\0' x";
        let printed = print(Path::new("/bin/sh"), &["-c", script]).await.expect("an answer");
        assert_eq!(printed.len() as u64, PRINTED_BYTES_MAX);
        assert_eq!(print(Path::new("/no/such/program"), &[]).await, None);
    }
}
