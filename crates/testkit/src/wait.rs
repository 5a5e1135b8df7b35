//! Waiting for a condition with a deadline. Tests never just sleep.

use std::time::{Duration, Instant};

/// Asks again and again until the answer is there, and panics with `what` when the deadline passes.
#[track_caller]
pub fn until<T>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {deadline:?} in vain for: {what}");
        pause();
    }
}

/// The pause between two questions.
fn pause() {
    std::thread::park_timeout(Duration::from_millis(20));
}

/// The same for a question that itself waits.
pub async fn until_answered<T, F: Future<Output = Option<T>>>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "waited {deadline:?} in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
