//! Numbers and times as operators read them.

use offshoot_contract::Timestamp;

/// Seconds of a minute, an hour and a day.
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A count with commas: `12,294`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage with two significant digits or more: `0.89 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let text = match percent {
        10.0.. => format!("{percent:.1}"),
        0.1.. => format!("{percent:.2}"),
        _ => format!("{percent:.3}"),
    };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{} %", if text.is_empty() { "0" } else { text })
}

/// Microseconds as milliseconds: `1.2 ms`. Empty for zero: there was no call.
pub(super) fn latency(micros: u64) -> String {
    match micros {
        0 => String::new(),
        1..1_000 => format!("0.{:02} ms", micros / 10),
        1_000..100_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{} ms", micros / 1_000),
    }
}

/// A duration as a person says it: `45 s`, `12 min`, `3 h 10 min`, `5 d`.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds.div_ceil(MINUTE)),
        HOUR..DAY => {
            let (hours, minutes) = (seconds / HOUR, seconds % HOUR / MINUTE);
            if minutes == 0 {
                format!("{hours} h")
            } else {
                format!("{hours} h {minutes} min")
            }
        }
        _ => format!("{} d", seconds.div_ceil(DAY)),
    }
}

/// The moment `seconds` after `now`: `in 45 s`, `at 14:20 UTC tomorrow`, `on 2026-12-24`.
pub(super) fn moment(now: Timestamp, seconds: u64) -> String {
    if seconds < 2 * MINUTE {
        return format!("in {}", duration(seconds));
    }
    let then = now.plus(std::time::Duration::from_secs(seconds)).date_time();
    let days = (then.date() - now.date_time().date()).whole_days();
    let clock = format!("{:02}:{:02} UTC", then.hour(), then.minute());
    match days {
        0 => format!("at {clock}"),
        1 => format!("at {clock} tomorrow"),
        _ => format!("on {}", then.date()),
    }
}

/// When a gate with too few observations is decided, at the rate of the state so far.
pub(super) fn expected(now: Timestamp, seconds: Option<u64>) -> String {
    match seconds {
        Some(seconds) => format!("{} at this rate", moment(now, seconds)),
        None => "no call so far".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_what_a_person_compares() {
        assert_eq!(
            [0, 999, 1_000, 12_294, 1_234_567].map(count),
            ["0", "999", "1,000", "12,294", "1,234,567"]
        );
        assert_eq!(
            [0.0, 0.000_3, 0.008_912, 0.01, 0.312, 1.0].map(percent),
            ["0 %", "0.03 %", "0.89 %", "1 %", "31.2 %", "100 %"]
        );
        assert_eq!(
            [0, 90, 1_250, 340_000].map(latency),
            ["", "0.09 ms", "1.2 ms", "340 ms"]
        );
        assert_eq!(
            [45, 61, 3_600, 11_400, 100_000].map(duration),
            ["45 s", "2 min", "1 h", "3 h 10 min", "2 d"]
        );
    }

    #[test]
    fn a_moment_is_as_near_as_its_words() {
        let now: Timestamp = "2026-11-26T22:00:00Z".parse().expect("valid");
        for (seconds, text) in [
            (45, "in 45 s"),
            (3_600, "at 23:00 UTC"),
            (58_800, "at 14:20 UTC tomorrow"),
            (2_419_200, "on 2026-12-24"),
        ] {
            assert_eq!(moment(now, seconds), text);
        }
        assert_eq!(expected(now, Some(58_800)), "at 14:20 UTC tomorrow at this rate");
        assert_eq!(expected(now, None), "no call so far");
    }
}
