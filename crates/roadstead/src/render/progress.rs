//! The course of an operation on a terminal: a bar for each step that lasts, a line for each that ended.
//!
//! Off a terminal nothing is drawn. Also carries the wish to stop, since it hears the signal's first word.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use roadstead_control::Audience;
use roadstead_core::{
    Error, Millis,
    plan::Step,
    port::{Outcome, Progress, Watch},
};

use super::{Paint, Tone, Words, time};

/// Steps that end sooner are told, not drawn.
const DRAWN_AFTER: Duration = Duration::from_secs(1);

/// Draws an operation's course.
pub(crate) struct Course {
    words: Arc<Words>,
    paint: Paint,
    drawn: Option<MultiProgress>,
    active: Mutex<BTreeMap<String, Active>>,
    took: Mutex<BTreeMap<String, Millis>>,
    cancelled: AtomicBool,
}

struct Active {
    began: Instant,
    title: String,
    progress: Option<Progress>,
    bar: Option<ProgressBar>,
}

impl Course {
    /// Draws on standard error, if that is a terminal and drawing is wanted.
    pub(crate) fn new(words: Arc<Words>, paint: Paint, wanted: bool) -> Self {
        let drawn = (wanted && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Self {
            words,
            paint,
            drawn,
            active: Mutex::default(),
            took: Mutex::default(),
            cancelled: AtomicBool::new(false),
        }
    }

    /// Whether steps are told as they end.
    pub(crate) const fn is_drawn(&self) -> bool {
        self.drawn.is_some()
    }

    /// How long a step took; `None` for one that did not end here.
    pub(crate) fn took(&self, step: &str) -> Option<Millis> {
        lock(&self.took).get(step).copied()
    }

    /// Asks for a stop at the next safe point; `false` when that was asked before.
    pub(crate) fn cancel(&self) -> bool {
        !self.cancelled.swap(true, Ordering::SeqCst)
    }

    /// Says a line above the bars.
    pub(crate) fn say(&self, line: &str) {
        match &self.drawn {
            Some(drawn) => drawn.suspend(|| crate::write_err(&format!("{line}\n"))),
            None => crate::write_err(&format!("{line}\n")),
        }
    }

    /// Called a few times a second: begins to draw what has lasted a while.
    pub(crate) fn tick(&self) {
        let Some(drawn) = &self.drawn else { return };
        for active in lock(&self.active).values_mut().filter(|active| active.began.elapsed() > DRAWN_AFTER) {
            let bar = active.bar.get_or_insert_with(|| {
                drawn.add(ProgressBar::no_length().with_elapsed(active.began.elapsed()))
            });
            show(&self.words, bar, &active.title, active.progress.as_ref());
            bar.tick();
        }
    }

    fn begin(&self, id: &str, title: String) {
        let active = Active { began: Instant::now(), title, progress: None, bar: None };
        lock(&self.active).insert(id.to_owned(), active);
    }

    fn advance(&self, id: &str, progress: Progress) {
        if let Some(active) = lock(&self.active).get_mut(id) {
            active.progress = Some(progress);
        }
    }

    fn end(&self, id: &str, well: bool) {
        let Some(active) = lock(&self.active).remove(id) else { return };
        let took = Millis::from(active.began.elapsed());
        lock(&self.took).insert(id.to_owned(), took);
        if let Some(bar) = active.bar {
            bar.finish_and_clear();
        }
        if self.is_drawn() {
            self.say(&step_line(self.paint, well, &active.title, Some(took)));
        }
    }

    /// A watch over one piece of work that is not a step of a plan.
    pub(crate) fn watch(self: &Arc<Self>, title: String) -> Work {
        let id = format!("work {title}");
        self.begin(&id, title);
        Work { course: Arc::clone(self), id }
    }
}

/// One line about a step that ended: a mark, its title, its time.
pub(crate) fn step_line(paint: Paint, well: bool, title: &str, took: Option<Millis>) -> String {
    let mark = if well { paint.tone(Tone::Good, "✓") } else { paint.tone(Tone::Bad, "✗") };
    let took =
        took.map(|took| paint.tone(Tone::Faint, &format!("  {}", time::took(took)))).unwrap_or_default();
    format!("  {mark} {title}{took}")
}

fn show(words: &Words, bar: &ProgressBar, title: &str, progress: Option<&Progress>) {
    let Some(progress) = progress else {
        bar.set_style(style("  {spinner} {msg}  {elapsed}"));
        bar.set_message(title.to_owned());
        return;
    };
    bar.set_message(format!("{title}: {}", words.say(&progress.phase)));
    if progress.total.is_some() {
        bar.set_style(style("  {spinner} {msg}  {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta}"));
    } else if progress.done > 0 {
        bar.set_style(style("  {spinner} {msg}  {bytes} {bytes_per_sec} {elapsed}"));
    } else {
        bar.set_style(style("  {spinner} {msg}  {elapsed}"));
    }
    match progress.total {
        Some(total) => bar.set_length(total),
        None => bar.unset_length(),
    }
    bar.set_position(progress.done);
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates stand in this file and are sound")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Audience for Course {
    fn begins(&self, step: &Step) {
        self.begin(&step.id, self.words.say(&step.title));
    }

    fn progresses(&self, step: &Step, progress: Progress) {
        self.advance(&step.id, progress);
    }

    fn ends(&self, step: &Step, outcome: &Result<Outcome, Error>) {
        self.end(&step.id, outcome.is_ok());
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// One piece of work that is not a step of a plan; ends when dropped.
pub(crate) struct Work {
    course: Arc<Course>,
    id: String,
}

impl Watch for Work {
    fn progress(&self, progress: Progress) {
        self.course.advance(&self.id, progress);
    }

    fn is_cancelled(&self) -> bool {
        self.course.cancelled.load(Ordering::SeqCst)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let active = lock(&self.course.active).remove(&self.id);
        if let Some(bar) = active.and_then(|active| active.bar) {
            bar.finish_and_clear();
        }
    }
}
