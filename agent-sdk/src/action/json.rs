//! Values as JSON, without those that JSON does not have.

use serde::{
    Serialize, Serializer,
    ser::{
        Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
        SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
    },
};
use serde_json::{Error, Result};

/// Writes a value at the end of a buffer.
///
/// # Errors
///
/// The value has no form in JSON; a number that is not finite is none, wherever it is in it.
pub(crate) fn write<T: Serialize + ?Sized>(buffer: &mut Vec<u8>, value: &T) -> Result<()> {
    let start = buffer.len();
    serde_json::to_writer(&mut *buffer, value)?;
    // `serde_json` writes such a number as `null`. Most values have none, and cost no second look.
    let written = buffer.get(start..).unwrap_or_default();
    if written.windows(4).any(|word| word == b"null") { value.serialize(Finite) } else { Ok(()) }
}

/// Looks for numbers that are not finite, and writes nothing.
struct Finite;

/// Functions of [`Serializer`] for values that hold no other value.
macro_rules! plain {
    ($($function:ident($type:ty))*) => {
        $(fn $function(self, _: $type) -> Result<()> {
            Ok(())
        })*
    };
}

/// The functions of a trait for values that hold others.
macro_rules! compound {
    ($($trait:ident $function:ident($($name:ty)?))*) => {
        $(impl $trait for Finite {
            type Ok = ();
            type Error = Error;

            fn $function<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<()> {
                value.serialize(Finite)
            }

            fn end(self) -> Result<()> {
                Ok(())
            }
        })*
    };
}

impl Serializer for Finite {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    plain! {
        serialize_bool(bool)
        serialize_i8(i8)
        serialize_i16(i16)
        serialize_i32(i32)
        serialize_i64(i64)
        serialize_i128(i128)
        serialize_u8(u8)
        serialize_u16(u16)
        serialize_u32(u32)
        serialize_u64(u64)
        serialize_u128(u128)
        serialize_char(char)
        serialize_str(&str)
        serialize_bytes(&[u8])
        serialize_unit_struct(&'static str)
    }

    fn serialize_f32(self, value: f32) -> Result<()> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        Err(Error::custom(format_args!("{value} is a number that JSON does not have")))
    }

    fn serialize_none(self) -> Result<()> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<()> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<()> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self> {
        Ok(self)
    }
}

compound! {
    SerializeSeq serialize_element()
    SerializeTuple serialize_element()
    SerializeTupleStruct serialize_field()
    SerializeTupleVariant serialize_field()
    SerializeStruct serialize_field(&'static str)
    SerializeStructVariant serialize_field(&'static str)
}

impl SerializeMap for Finite {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<()> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(Self)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn written(value: &impl Serialize) -> std::result::Result<String, String> {
        let mut buffer = Vec::new();
        write(&mut buffer, value).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(buffer).expect("JSON is a text"))
    }

    /// They were sent as `null`.
    #[test]
    fn a_number_that_is_not_finite_is_an_error_wherever_it_is() {
        #[derive(Serialize)]
        struct Inner(f32);
        #[derive(Serialize)]
        enum Variant {
            Named { x: f64 },
            Tuple(u8, f64),
        }

        for (text, value) in [("NaN", f64::NAN), ("inf", f64::INFINITY), ("-inf", -f64::INFINITY)] {
            let expected = Err(format!("{text} is a number that JSON does not have"));
            assert_eq!(written(&value), expected);
            assert_eq!(written(&Some(value)), expected);
            assert_eq!(written(&vec![1.0, value]), expected);
            assert_eq!(written(&BTreeMap::from([("x", vec![Some(value)])])), expected);
            assert_eq!(written(&(1, Variant::Named { x: value })), expected);
            assert_eq!(written(&Variant::Tuple(1, value)), expected);
        }
        assert!(written(&Inner(f32::NAN)).is_err());
    }

    #[test]
    fn null_is_written_where_it_is_meant() {
        let value = (None::<f64>, (), "null", u128::MAX, 'x', BTreeMap::from([(1, 0.5)]));
        let text = r#"[null,null,"null",340282366920938463463374607431768211455,"x",{"1":0.5}]"#;
        assert_eq!(written(&value), Ok(text.to_owned()));
    }
}
