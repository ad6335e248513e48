//! Names that Rust, its prelude or the SDK's runtime has already.

use super::Scope;

/// Rust's keywords, of all editions, strict and reserved.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "Self", "static", "struct", "super", "trait", "true", "try", "type",
    "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Methods that every value has by the prelude's traits, or those that every type implements: one
/// of the same name would be called in their place.
const OF_EVERY_VALUE: &[&str] = &[
    "as_mut",
    "as_ref",
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "clone_into",
    "cmp",
    "drop",
    "eq",
    "fmt",
    "from",
    "ge",
    "gt",
    "hash",
    "into",
    "into_future",
    "le",
    "lt",
    "ne",
    "partial_cmp",
    "serialize",
    "to_owned",
    "to_string",
    "try_from",
    "try_into",
    "type_id",
];

/// Methods of `Agent` that are no actions, and those that it may get.
const OF_THE_AGENT: &[&str] = &[
    "builder",
    "call",
    "call_raw",
    "close",
    "closed",
    "default",
    "events",
    "health",
    "is_closed",
    "last_heard",
    "last_heard_of",
    "new",
    "reconnect",
    "state",
    "statistics",
    "subscriptions",
    "upload",
    "download",
    "url",
    "door",
    "shared",
];

/// Functions of a struct of parameters that are no setters.
const OF_PARAMETERS: &[&str] = &["default", "new", "to_json", "write_parameters"];

/// Types and traits of the prelude, and everything that generated code names.
const TYPES: &[&str] = &[
    // The prelude.
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
    // The SDK's own, so that an application can import both.
    "Action",
    "ActionInfo",
    "Actions",
    "Agent",
    "Builder",
    "Call",
    "Certificate",
    "CloseReason",
    "ConnectError",
    "ConnectStage",
    "DecodeError",
    "DisconnectReason",
    "Error",
    "Event",
    "Events",
    "Fingerprint",
    "FromReply",
    "Health",
    "InvalidFingerprint",
    "Known",
    "KnownEvent",
    "Message",
    "NotSent",
    "Outcome",
    "Pace",
    "ParameterInfo",
    "Parameters",
    "ReconnectPolicy",
    "Rejected",
    "Reply",
    "RetryingCall",
    "State",
    "Subscription",
    "RetryingCall",
    "Uses",
    "ServerState",
    "MessageError",
    "KnownState",
    "Fit",
    "Compatibility",
    "CatalogueCheck",
    "ActionCompatibility",
    "ActionChange",
    "Statistics",
    "Tls",
    "Unanswered",
    // What generated code imports.
    "BTreeMap",
    "Deserialize",
    "Deserializer",
    "Display",
    "Duration",
    "Formatter",
    "FromStr",
    "Map",
    "Number",
    "Serialize",
    "Serializer",
    "Value",
];

/// Whether a function or a field cannot have this name.
pub(super) fn is_taken(scope: Scope, snake: &str) -> bool {
    let own = match scope {
        Scope::Action => OF_THE_AGENT,
        Scope::Parameter => OF_PARAMETERS,
        // Type parameters see to it themselves, and the other types have a prefix.
        Scope::Slot => return false,
    };
    [KEYWORDS, OF_EVERY_VALUE, own].iter().any(|names| names.contains(&snake))
}

/// Whether a type cannot have this name.
pub(super) fn is_taken_type(camel: &str) -> bool {
    TYPES.contains(&camel)
}
