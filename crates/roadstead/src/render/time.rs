//! Ages and durations as people read them. Instants: `Timestamp::for_people`.

use roadstead_core::{Millis, Text, Timestamp};

use super::Words;

/// How long ago; an instant that lies ahead (a clock went back) says so.
pub(crate) fn age(words: &Words, then: Timestamp, now: Timestamp) -> String {
    match now.since(then) {
        None => words.word("cli-age-ahead"),
        Some(age) => {
            let (count, unit) = span(age);
            words.say(&Text::new("cli-age").with("count", count).with("unit", unit))
        }
    }
}

/// A duration in the biggest unit that matters: `45 s`, `12 min`, `3 h`, `5 d`.
const fn span(duration: Millis) -> (u64, &'static str) {
    let seconds = duration.0 / 1_000;
    match seconds {
        0..=59 => (seconds, "s"),
        60..=3_599 => (seconds / 60, "min"),
        3_600..=172_799 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "d"),
    }
}

/// How long something took: `0.4 s`, `12.3 s`, `4 min 5 s`.
pub(crate) fn took(duration: Millis) -> String {
    let tenths = duration.0 / 100;
    if tenths < 1_200 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = duration.0 / 1_000;
    format!("{} min {} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_units_that_fit() {
        for (millis, text) in [
            (999, (0, "s")),
            (59_999, (59, "s")),
            (60_000, (1, "min")),
            (7_200_000, (2, "h")),
            (172_800_000, (2, "d")),
        ] {
            assert_eq!(span(Millis(millis)), text);
        }
        assert_eq!(took(Millis(430)), "0.4 s");
        assert_eq!(took(Millis(245_000)), "4 min 5 s");
    }
}
