//! A parameter's value as it is typed: `levels=2`, `enabled=true`, `roles=["admin"]`.

use std::fmt;

use serde_json::Value;

use super::ParamType;

/// A text that is no value of the type. It does not repeat the text, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not {expected}")]
pub struct NotThatType {
    expected: String,
}

impl ParamType {
    /// Reads a value that was typed as text: a string literally, everything else as JSON.
    ///
    /// # Errors
    ///
    /// The text is no value of this type.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_codegen::types::ParamType;
    ///
    /// assert_eq!(ParamType::Integer.value("2")?, 2);
    /// assert_eq!(ParamType::String.value("2")?, "2");
    /// let error = ParamType::Integer.value("two").unwrap_err();
    /// assert_eq!(error.to_string(), "this is not a whole number");
    /// # Ok::<(), agent_codegen::types::NotThatType>(())
    /// ```
    pub fn value(&self, text: &str) -> Result<Value, NotThatType> {
        match self {
            Self::String => return Ok(text.into()),
            Self::Nullable(_) if text == "null" => return Ok(Value::Null),
            Self::Nullable(inner) | Self::Named(_, inner) => return inner.value(text),
            // A value of unknown type is a text unless it reads as JSON.
            Self::Any => return Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
            _ => {}
        }
        serde_json::from_str(text)
            .ok()
            .filter(|value| self.admits(value))
            .ok_or_else(|| NotThatType { expected: self.to_string() })
    }

    /// Returns whether a JSON value is of this type.
    #[must_use]
    pub fn admits(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64(),
            Self::Unsigned | Self::LongUnsigned => value.is_u64(),
            Self::LongInteger => value.is_i64() || value.is_u64(),
            Self::Float | Self::Number => value.is_number(),
            Self::String => value.is_string(),
            Self::List(inner) => {
                value.as_array().is_some_and(|items| items.iter().all(|item| inner.admits(item)))
            }
            Self::Map(inner) => {
                value.as_object().is_some_and(|map| map.values().all(|item| inner.admits(item)))
            }
            Self::Nullable(inner) => value.is_null() || inner.admits(value),
            Self::Named(_, inner) => inner.admits(value),
        }
    }
}

/// The type in words, with an article: `a list of whole numbers`.
impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("a JSON value"),
            Self::Boolean => f.write_str("`true` or `false`"),
            Self::Integer | Self::LongInteger => f.write_str("a whole number"),
            Self::Unsigned | Self::LongUnsigned => f.write_str("a whole number from 0"),
            Self::Float | Self::Number => f.write_str("a number"),
            Self::String => f.write_str("a text"),
            Self::List(inner) if **inner == Self::Any => f.write_str("a list in JSON"),
            Self::List(inner) => write!(f, "a list in JSON, each item {inner}"),
            Self::Map(inner) if **inner == Self::Any => f.write_str("a map in JSON"),
            Self::Map(inner) => write!(f, "a map in JSON, each value {inner}"),
            Self::Nullable(inner) => write!(f, "{inner}, or `null`"),
            Self::Named(_, inner) => inner.fmt(f),
        }
    }
}
