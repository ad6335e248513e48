//! Variables in the place of options.

use std::{env, ffi::OsString, time::Duration};

use crate::failure::Failure;

/// The value of a variable; an empty one is how shells and CI systems write one that is not set.
pub fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The same as a text.
pub fn text(name: &str) -> Result<Option<String>, Failure> {
    let text = variable(name).map(OsString::into_string).transpose();
    text.map_err(|_| Failure::usage(format!("{name} is not UTF-8")))
}

/// The same as a time.
pub fn time(name: &str) -> Result<Option<Duration>, Failure> {
    let time = text(name)?.map(|text| seconds(&text)).transpose();
    time.map_err(|wrong| Failure::usage(format!("{name}: {wrong}")))
}

/// A time as people type it: `10`, `0.5`.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a number of seconds above 0, such as 10 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_numbers_above_zero() {
        assert_eq!(seconds("10"), Ok(Duration::from_secs(10)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["", "0", "-1", "ten", "NaN", "inf", "1e30"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
