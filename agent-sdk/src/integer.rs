//! Whole numbers as JSON has them: `1.0` is one, and so is `1e3`.
//!
//! JSON Schema takes every number without a fraction for an integer, and `serde_json` only those
//! that are written without a point. Generated replies read their integers by this.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Reads an integer, or an option, list or map of integers.
///
/// # Errors
///
/// It is something else, has a fraction, or is too large for the type.
pub fn integer<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromInteger,
{
    Integer::deserialize(deserializer).map(|Integer(value)| value)
}

/// What is read as [`integer`] does.
pub struct Integer<T>(pub T);

impl<'de, T: FromInteger> Deserialize<'de> for Integer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

/// An integer, or what holds integers.
pub trait FromInteger: Sized {
    /// Reads the value.
    ///
    /// # Errors
    ///
    /// As [`integer`].
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<T: FromInteger> FromInteger for Option<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<Integer<T>>::deserialize(deserializer)?;
        Ok(value.map(|Integer(value)| value))
    }
}

impl<T: FromInteger> FromInteger for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<Integer<T>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|Integer(value)| value).collect())
    }
}

impl<T: FromInteger> FromInteger for BTreeMap<String, T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<String, Integer<T>>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|(key, Integer(value))| (key, value)).collect())
    }
}

/// Reads a number of whatever form as `T`.
struct Number<T>(PhantomData<T>);

impl<T> Visitor<'_> for Number<T>
where
    T: TryFrom<i128>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        T::try_from(value.into()).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        T::try_from(value.into()).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<T, E> {
        T::try_from(value).map_err(|_| E::custom(format_args!("{value} is too large")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        // Beyond this, no `i128` has the value; and a NaN is within nothing.
        const LARGEST: f64 = 1e38;
        let refuse = || E::invalid_value(Unexpected::Float(value), &self);
        if value.fract() != 0.0 || !(-LARGEST..=LARGEST).contains(&value) {
            return Err(refuse());
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        let whole = value as i128;
        T::try_from(whole).map_err(|_| refuse())
    }
}

macro_rules! from_integer {
    ($($integer:ty)*) => {$(
        impl FromInteger for $integer {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // JSON tells what kind of number it has.
                deserializer.deserialize_any(Number(PhantomData))
            }
        }
    )*};
}

from_integer!(i64 u64 i128);

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromInteger>(json: &str) -> Result<T, String> {
        let Integer(value) = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(value)
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer_however_it_is_written() {
        assert_eq!(read::<i64>("1.0"), Ok(1));
        assert_eq!(read::<i64>("-1e3"), Ok(-1000));
        assert_eq!(read::<i64>("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(read::<u64>("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(read::<i128>("18446744073709551615"), Ok(u64::MAX.into()));
        assert_eq!(read::<Option<u64>>("null"), Ok(None));
        assert_eq!(read::<Vec<Option<i64>>>("[1.0, null]"), Ok(vec![Some(1), None]));
        let map = BTreeMap::from([("a".to_owned(), vec![2])]);
        assert_eq!(read::<BTreeMap<String, Vec<u64>>>(r#"{"a": [2.0]}"#), Ok(map));
    }

    #[test]
    fn anything_else_is_an_error_that_says_what_is_expected() {
        for json in ["1.5", "\"1\"", "true", "9223372036854775808", "1e19", "1e300", "null"] {
            let error = read::<i64>(json).expect_err(json);
            assert!(error.contains("a whole number") || error.contains("too large"), "{error}");
        }
        assert!(read::<u64>("-1").is_err());
        assert!(read::<u64>("-1.0").is_err());
    }
}
