//! Whole numbers as JSON has them: `1.0` is one, and so is `1e3`.
//!
//! JSON Schema takes every number without a fraction for an integer, and `serde_json` only those
//! that are written without a point. Generated replies read their integers by this.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde_json::value::RawValue;

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

from_integer!(i64 u64);

macro_rules! from_long_integer {
    ($($integer:ty)*) => {$(
        impl FromInteger for $integer {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // By its digits, since JSON tells what 64 bits do not hold as a rounded fraction.
                let text = Box::<RawValue>::deserialize(deserializer)?;
                let exact = || text.get().parse().ok();
                let value = exact().or_else(|| fraction(text.get())?.try_into().ok());
                value.ok_or_else(|| {
                    D::Error::custom(format_args!(
                        "this is not a whole number, or too large for {}",
                        stringify!($integer)
                    ))
                })
            }
        }
    )*};
}

from_long_integer!(i128 u128);

/// The value of a number that is written with a point or an exponent.
fn fraction(text: &str) -> Option<i128> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_f64(Number(PhantomData)).ok()
}

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

    /// It was rounded to 53 bits without a word.
    #[test]
    fn an_integer_beyond_64_bits_is_read_to_its_last_digit() {
        for value in [u64::MAX.into(), 18_446_744_073_709_551_617, i128::MAX, i128::MIN, -1, 0] {
            assert_eq!(read(&value.to_string()), Ok(value));
        }
        assert_eq!(read(&u128::MAX.to_string()), Ok(u128::MAX));
        assert_eq!(read::<i128>("2.0"), Ok(2));
        assert_eq!(read::<u128>("-0"), Ok(0));
        assert_eq!(read::<Option<i128>>("null"), Ok(None));
        let value = serde_json::json!([u64::MAX]);
        let Integer(list) = serde_json::from_value::<Integer<Vec<u128>>>(value).unwrap();
        assert_eq!(list, [u64::MAX.into()]);
        for json in ["null", "1.5", "\"1\"", "170141183460469231731687303715884105728", "1e300"] {
            let error = read::<i128>(json).expect_err(json);
            assert!(error.contains("not a whole number"), "{error}");
        }
    }

    #[test]
    fn anything_else_is_an_error_that_says_what_is_expected() {
        for json in ["1.5", "\"1\"", "true", "9223372036854775808", "1e19", "1e300", "null"] {
            let error = read::<i64>(json).expect_err(json);
            assert!(error.contains("a whole number"), "{error}");
        }
        assert!(read::<u64>("-1").is_err());
        assert!(read::<u64>("-1.0").is_err());
    }
}
