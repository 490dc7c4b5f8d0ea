//! Chain time as a calendar date, always in UTC.

use chrono::DateTime;

use super::UnixTime;

/// The day, such as `2031-01-01`.
#[must_use]
pub fn format_date(time: UnixTime) -> String {
    format(time, "%Y-%m-%d")
}

/// The day and the minute, such as `2031-01-01 00:00`.
#[must_use]
pub fn format_date_time(time: UnixTime) -> String {
    format(time, "%Y-%m-%d %H:%M")
}

fn format(time: UnixTime, pattern: &str) -> String {
    DateTime::from_timestamp(i64::from(time.0), 0)
        .map_or_else(String::new, |date| date.format(pattern).to_string())
}
