//! What a Rust user expects of a value with a type of its own, once for all generated types.
//!
//! Macros, since generated code is read: the type and one line say it all. Paths are absolute, for
//! the names of the crate in which they are expanded are not known.
//!
//! No type derefs to what is inside: an id is no text to be cut, and a call that takes one should not
//! be mistaken for one that takes any text.

/// A struct around a text.
#[doc(hidden)]
#[macro_export]
macro_rules! __text_newtype {
    ($name:ident) => {
        impl $name {
            /// Makes one of a text.
            #[must_use]
            pub fn new(text: impl ::core::convert::Into<::std::string::String>) -> Self {
                Self(::core::convert::Into::into(text))
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Returns the text without a copy.
            #[must_use]
            pub fn into_string(self) -> ::std::string::String {
                self.0
            }
        }

        impl ::core::convert::From<::std::string::String> for $name {
            fn from(text: ::std::string::String) -> Self {
                Self(text)
            }
        }

        impl ::core::convert::From<$name> for ::std::string::String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl ::core::convert::From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(::std::borrow::ToOwned::to_owned(text))
            }
        }

        impl ::std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        $crate::__of_a_text!($name);
    };
}

/// An enum of known texts, which has `as_str` and `From<&str>`.
#[doc(hidden)]
#[macro_export]
macro_rules! __text_enum {
    ($name:ident) => {
        impl ::core::convert::From<::std::string::String> for $name {
            fn from(text: ::std::string::String) -> Self {
                ::core::convert::From::from(text.as_str())
            }
        }

        impl ::core::convert::From<$name> for ::std::string::String {
            fn from(value: $name) -> Self {
                ::std::borrow::ToOwned::to_owned(value.as_str())
            }
        }

        $crate::__of_a_text!($name);
    };
}

/// What both have, by their `as_str`.
#[doc(hidden)]
#[macro_export]
macro_rules! __of_a_text {
    ($name:ident) => {
        impl ::core::convert::From<&::std::string::String> for $name {
            fn from(text: &::std::string::String) -> Self {
                ::core::convert::From::from(text.as_str())
            }
        }

        impl ::core::convert::From<&$name> for $name {
            fn from(value: &$name) -> Self {
                ::core::clone::Clone::clone(value)
            }
        }

        impl ::core::convert::From<&$name> for ::std::string::String {
            fn from(value: &$name) -> Self {
                ::std::borrow::ToOwned::to_owned(value.as_str())
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = ::core::convert::Infallible;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                ::core::result::Result::Ok(::core::convert::From::from(text))
            }
        }

        impl ::core::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        $crate::__equal!($name, str, |text| text);
        $crate::__equal!($name, &str, |text| *text);
        $crate::__equal!($name, ::std::string::String, |text| text.as_str());

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(self.as_str(), f)
            }
        }

        impl $crate::generated_code::serde::Serialize for $name {
            fn serialize<S: $crate::generated_code::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::generated_code::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::generated_code::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                let text: ::std::string::String =
                    $crate::generated_code::serde::Deserialize::deserialize(deserializer)?;
                ::core::result::Result::Ok(::core::convert::From::from(text))
            }
        }
    };
}

/// Equality with a kind of text, both ways.
#[doc(hidden)]
#[macro_export]
macro_rules! __equal {
    ($name:ident, $text:ty, |$given:ident| $str:expr) => {
        impl ::core::cmp::PartialEq<$text> for $name {
            fn eq(&self, $given: &$text) -> bool {
                self.as_str() == $str
            }
        }

        impl ::core::cmp::PartialEq<$name> for $text {
            fn eq(&self, value: &$name) -> bool {
                let $given = self;
                value.as_str() == $str
            }
        }
    };
}

/// A struct around a number or a truth value.
#[doc(hidden)]
#[macro_export]
macro_rules! __number_newtype {
    ($name:ident, $inner:ty, $read:path) => {
        impl $name {
            /// Returns the value inside.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl ::core::convert::From<$name> for $inner {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl ::core::convert::From<&$name> for $name {
            fn from(value: &$name) -> Self {
                *value
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = <$inner as ::core::str::FromStr>::Err;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl ::core::cmp::PartialEq<$inner> for $name {
            fn eq(&self, value: &$inner) -> bool {
                ::core::cmp::PartialEq::eq(&self.0, value)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.0, f)
            }
        }

        $crate::__newtype!($name, $inner, $read);
    };
}

/// A struct around a list, a map or any value.
#[doc(hidden)]
#[macro_export]
macro_rules! __other_newtype {
    ($name:ident, $inner:ty, $read:path) => {
        impl $name {
            /// Returns the value inside.
            #[must_use]
            pub const fn get(&self) -> &$inner {
                &self.0
            }

            /// Returns the value inside without a copy.
            #[must_use]
            pub fn into_inner(self) -> $inner {
                self.0
            }
        }

        impl ::core::convert::From<&$name> for $name {
            fn from(value: &$name) -> Self {
                ::core::clone::Clone::clone(value)
            }
        }

        $crate::__newtype!($name, $inner, $read);
    };
}

/// What both have.
#[doc(hidden)]
#[macro_export]
macro_rules! __newtype {
    ($name:ident, $inner:ty, $read:path) => {
        impl $name {
            /// Wraps a value.
            #[must_use]
            pub fn new(value: impl ::core::convert::Into<$inner>) -> Self {
                Self(::core::convert::Into::into(value))
            }
        }

        impl ::core::convert::From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }

        impl $crate::generated_code::serde::Serialize for $name {
            fn serialize<S: $crate::generated_code::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                $crate::generated_code::serde::Serialize::serialize(&self.0, serializer)
            }
        }

        impl<'de> $crate::generated_code::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::generated_code::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $read(deserializer).map(Self)
            }
        }
    };
}
