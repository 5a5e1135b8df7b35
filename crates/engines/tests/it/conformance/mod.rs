//! One list of demands for every server of every engine. What a server has not is skipped, and that is printed.
//!
//! A demand is told by its name and its server, passed, skipped or failed; one that fails does not keep the others
//! from being tried.

mod copies;
mod faults;
mod looks;
mod places;

use std::{
    any::Any,
    future::poll_fn,
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

pub(crate) use copies::comes_back_as_it_was;
pub(crate) use faults::is_never_half_a_backup;
pub(crate) use looks::is_told_as_it_is;
pub(crate) use places::lives_anywhere;
use roadstead_core::port::engine::Purpose;
use roadstead_testkit::stage::Place;

use crate::{
    server::{cluster, rendered},
    subject::Subject,
};

/// No demand takes longer on two cores that others use too.
const DEMAND_MAX: Duration = Duration::from_mins(3);

/// The whole list for these servers: a module with its tests for each.
macro_rules! conformance {
    ($($server:ident: $subject:expr;)+) => { $(mod $server {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn is_told_as_it_is() {
            crate::conformance::is_told_as_it_is($subject).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn comes_back_as_it_was() {
            crate::conformance::comes_back_as_it_was($subject).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn lives_anywhere() {
            crate::conformance::lives_anywhere($subject).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn is_never_half_a_backup() {
            crate::conformance::is_never_half_a_backup($subject).await;
        }
    })+ };
}

#[cfg(feature = "mysql")]
conformance! {
    mariadb_10_11: crate::mysql::server::Which::Mariadb;
    mysql_9: crate::mysql::server::Which::Mysql;
}
#[cfg(feature = "postgresql")]
conformance! {
    postgresql_15: crate::postgresql::server::Postgresql { major: 15 };
    postgresql_18: crate::postgresql::server::Postgresql { major: 18 };
}
#[cfg(feature = "redis")]
conformance! {
    redis_7: crate::redis::server::Redis;
}

/// Prints what is not tried, past the capture of what passing tests print.
pub(crate) fn skipped(title: &str, what: &str, why: &str) {
    let line = format!("skipped on {title}: {what}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
}

/// The demands on one server, as they are tried.
struct Run {
    title: String,
    failed: Vec<String>,
}

impl Run {
    /// `None`, told as skipped, where this machine has no such server.
    fn of<S: Subject>(subject: S) -> Option<Self> {
        let title = subject.title();
        if rendered::<S>(&cluster(subject), &Place::new(), Purpose::Member).is_err() {
            skipped(&title, "everything", "it is not on this machine (cargo xtask servers)");
            return None;
        }
        Some(Self { title, failed: Vec::new() })
    }

    /// Tries one demand. `None`: it failed.
    async fn demand<T>(&mut self, name: &str, work: impl Future<Output = T>) -> Option<T> {
        let begun = Instant::now();
        let outcome = tokio::time::timeout(DEMAND_MAX, caught(work)).await;
        let took = begun.elapsed().as_secs_f64();
        let why = match outcome {
            Ok(Ok(made)) => {
                println!("{}: {name}: passed in {took:.1} s", self.title);
                return Some(made);
            }
            Ok(Err(panic)) => words(panic.as_ref()),
            Err(_) => format!("no end after {DEMAND_MAX:?}"),
        };
        println!("{}: {name}: FAILED in {took:.1} s", self.title);
        self.failed.push(format!("{}: {name}: {why}", self.title));
        None
    }

    fn skip(&self, name: &str, why: &str) {
        skipped(&self.title, name, why);
    }

    /// Fails when any demand did.
    fn end(self) {
        assert!(self.failed.is_empty(), "not met:\n{}", self.failed.join("\n"));
    }
}

/// The work's result, or what it panicked with.
async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(made)) => Poll::Ready(Ok(made)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into())
}

/// The suite's own promises: without them a failing demand would be a passing test.
#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_demand_that_fails_is_named_and_the_next_one_is_tried() {
        let mut run = Run { title: "server 1".into(), failed: Vec::new() };
        assert_eq!(run.demand("it answers", async { panic!("it did not") }).await, None::<()>);
        assert_eq!(run.demand("it counts", async { 2 }).await, Some(2));
        assert_eq!(run.failed, ["server 1: it answers: it did not"]);
        let ended = caught(async { run.end() }).await;
        assert!(words(ended.unwrap_err().as_ref()).contains("it answers"));
    }
}
