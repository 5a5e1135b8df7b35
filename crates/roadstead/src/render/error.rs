//! Errors for people: what happened, what was being done, what the other side said, and the cure.

use roadstead_core::Error;

use super::{Paint, Tone, Words, clean};

/// The error as lines; every line ends with a line break.
pub(crate) fn lines(words: &Words, paint: Paint, error: &Error) -> String {
    let mut out =
        format!("{} {}\n", paint.tone(Tone::Bad, &words.word("cli-label-error")), words.say(&error.what));
    for doing in &error.context {
        let label = paint.tone(Tone::Faint, &words.word("cli-label-during"));
        out.push_str(&format!("  {label} {}\n", words.say(doing)));
    }
    for cause in
        error.causes.iter().flat_map(|cause| clean::lines(cause)).filter(|line| !line.trim().is_empty())
    {
        let label = paint.tone(Tone::Faint, &words.word("cli-label-cause"));
        out.push_str(&format!("  {label} {}\n", cause.trim_end()));
    }
    if let Some(cure) = &error.cure {
        let label = paint.tone(Tone::Hint, &words.word("cli-label-cure"));
        out.push_str(&format!("  {label} {}\n", words.say(cure)));
    }
    out
}
