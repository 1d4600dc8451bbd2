//! Converts UK local time to UTC. Summer time runs from the last Sunday of March to the last Sunday of October, both at
//! 01:00 UTC.
//!
//! This rule has been law since 1996; earlier years are refused. The repeated hour in October counts as its first occurrence,
//! and the missing hour in March as winter time.

use time::{Date, Duration, Month, PrimitiveDateTime, Time};

use offshoot_contract::Timestamp;

const FIRST_YEAR: i32 = 1996;

/// Parses `YYYY-MM-DD HH:MM:SS`; `None` for anything else.
pub(super) fn parse(text: &[u8]) -> Option<Timestamp> {
    let [date, clock] = [text.get(..10)?, text.get(11..)?];
    if text.len() != 19
        || text[10] != b' '
        || date[4] != b'-'
        || date[7] != b'-'
        || clock[2] != b':'
        || clock[5] != b':'
    {
        return None;
    }
    let month = Month::try_from(two_digits(&date[5..7])?).ok()?;
    let year = i32::from(two_digits(&date[..2])?) * 100 + i32::from(two_digits(&date[2..4])?);
    let date = Date::from_calendar_date(year, month, two_digits(&date[8..])?).ok()?;
    let clock = Time::from_hms(
        two_digits(&clock[..2])?,
        two_digits(&clock[3..5])?,
        two_digits(&clock[6..])?,
    )
    .ok()?;
    to_utc(PrimitiveDateTime::new(date, clock))
}

fn to_utc(local: PrimitiveDateTime) -> Option<Timestamp> {
    if local.year() < FIRST_YEAR {
        return None;
    }
    // Local clocks change when they show 02:00.
    let change = |month| last_sunday(local.year(), month)?.with_hms(2, 0, 0).ok();
    let summer = change(Month::March)? <= local && local < change(Month::October)?;
    let utc = if summer { local - Duration::HOUR } else { local };
    Some(utc.assume_utc().into())
}

/// The last Sunday of a month with 31 days.
fn last_sunday(year: i32, month: Month) -> Option<Date> {
    let last = Date::from_calendar_date(year, month, 31).ok()?;
    Some(last - Duration::days(i64::from(last.weekday().number_days_from_sunday())))
}

fn two_digits(text: &[u8]) -> Option<u8> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn summer_time_is_one_hour_ahead_of_utc() {
        for (local, utc) in [
            ("2010-12-01 08:26:00", "2010-12-01T08:26:00Z"),
            ("2011-03-27 00:59:00", "2011-03-27T00:59:00Z"),
            ("2011-03-27 02:00:00", "2011-03-27T01:00:00Z"),
            ("2011-07-01 12:00:00", "2011-07-01T11:00:00Z"),
            ("2011-10-30 00:59:00", "2011-10-29T23:59:00Z"),
            ("2011-10-30 01:30:00", "2011-10-30T00:30:00Z"),
            ("2011-10-30 02:00:00", "2011-10-30T02:00:00Z"),
            ("2026-03-29 02:00:00", "2026-03-29T01:00:00Z"),
        ] {
            assert_eq!(
                parse(local.as_bytes()).map(|time| time.to_string()).as_deref(),
                Some(utc),
                "{local}"
            );
        }
    }

    #[test]
    fn malformed_times_and_years_before_1996_are_refused() {
        for text in [
            "",
            "2010-12-01",
            "2010-12-01T08:26:00",
            "2010-13-01 08:26:00",
            "2011-02-29 08:26:00",
            "2010-12-01 24:00:00",
            "2010-12-01 8:26:00",
            "1995-12-01 08:26:00",
            "2010-12-01 08:26:00Z",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
