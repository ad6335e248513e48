//! The table of known type words.

use super::ParamType;

/// How many types a generic word takes, and what it makes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    List,
    Map,
    Nullable,
    Union,
    /// The type inside: a pointer that is never empty.
    Transparent,
}

/// The type of a single word in lower case.
pub(super) fn plain(word: &str) -> Option<ParamType> {
    Some(match word {
        // Text: also what JSON has no type for, and every library writes as text. Go writes
        // `time.Time` as RFC 3339 and `[]byte` as base64.
        "string"
        | "str"
        | "text"
        | "char"
        | "character"
        | "varchar"
        | "unicode"
        | "uuid"
        | "uuid4"
        | "uuid.uuid"
        | "guid"
        | "date"
        | "datetime"
        | "date-time"
        | "datetime.datetime"
        | "datetime.date"
        | "time.time"
        | "bytes"
        | "bytearray"
        | "blob"
        | "base64"
        | "byte[]"
        | "[]byte"
        | "[]uint8"
        | "url"
        | "uri"
        | "email"
        | "hostname"
        | "ip"
        | "ipv4"
        | "ipv6"
        | "net.ip"
        | "path"
        | "pathbuf"
        | "pathlib.path"
        | "&str"
        | "&'static str"
        | "std::string::string" => ParamType::String,

        "bool" | "boolean" => ParamType::Boolean,

        // Go's `time.Duration` is a count of nanoseconds.
        "int" | "integer" | "int8" | "int16" | "int32" | "int64" | "i8" | "i16" | "i32" | "i64"
        | "isize" | "long" | "short" | "rune" | "time.duration" | "sint32" | "sint64" => {
            ParamType::Integer
        }
        "uint" | "uint8" | "uint16" | "uint32" | "uint64" | "u8" | "u16" | "u32" | "u64"
        | "usize" | "byte" | "unsigned" | "uintptr" | "ulong" | "ushort" => ParamType::Unsigned,
        "int128" | "i128" | "bigint" | "big.int" => ParamType::LongInteger,
        "uint128" | "u128" => ParamType::LongUnsigned,
        "float" | "float32" | "float64" | "f32" | "f64" | "double" | "real" => ParamType::Float,
        // JSON Schema's `number` may be whole, and a whole one must not be sent as `2.0`.
        "number" | "numeric" | "json.number" => ParamType::Number,

        "list" | "array" | "slice" | "tuple" | "set" | "frozenset" | "sequence" | "vec"
        | "iterable" | "[]" => ParamType::any_list(),
        "map" | "dict" | "object" | "struct" | "hash" | "record" | "mapping" | "dictionary"
        | "hashmap" | "btreemap" | "indexmap" | "{}" => ParamType::any_map(),

        "any" | "interface" | "interface{}" | "typing.any" | "json" | "value"
        | "serde_json::value" | "json.rawmessage" | "mixed" | "unknown" | "variant" | "ptr"
        | "pointer" | "unsafepointer" => ParamType::Any,

        _ => return None,
    })
}

/// Returns whether a word means `null`.
pub(super) fn is_null(word: &str) -> bool {
    matches!(word, "null" | "none" | "nil" | "nonetype" | "undefined" | "()")
}

/// What a word with types in brackets makes of them.
pub(super) fn generic(word: &str) -> Option<Shape> {
    Some(match word {
        "list" | "array" | "slice" | "tuple" | "set" | "frozenset" | "sequence" | "vec"
        | "iterable" | "hashset" | "btreeset" | "vecdeque" => Shape::List,
        "map" | "dict" | "object" | "hash" | "record" | "mapping" | "dictionary" | "hashmap"
        | "btreemap" | "indexmap" => Shape::Map,
        "optional" | "option" | "nullable" | "maybe" => Shape::Nullable,
        "union" | "oneof" | "anyof" => Shape::Union,
        "box" | "arc" | "rc" | "cow" | "required" | "annotated" => Shape::Transparent,
        _ => return None,
    })
}

/// The type of one of Go's kind numbers, as `reflect.Kind` counts them.
pub(super) fn go_kind(number: u64) -> Option<ParamType> {
    Some(match number {
        1 => ParamType::Boolean,
        2..=6 => ParamType::Integer,
        7..=12 => ParamType::Unsigned,
        13 | 14 => ParamType::Float,
        17 | 23 => ParamType::any_list(),
        20 | 22 => ParamType::Any,
        21 | 25 => ParamType::any_map(),
        24 => ParamType::String,
        _ => return None,
    })
}
