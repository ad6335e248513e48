use super::*;

/// A type in short: `[i64]` is a list, `{str}` a map, `i64?` may be null.
fn short(param_type: &ParamType) -> String {
    match param_type {
        ParamType::Any => "any".to_owned(),
        ParamType::Boolean => "bool".to_owned(),
        ParamType::Integer => "i64".to_owned(),
        ParamType::Unsigned => "u64".to_owned(),
        ParamType::LongInteger => "i128".to_owned(),
        ParamType::LongUnsigned => "u128".to_owned(),
        ParamType::Float => "f64".to_owned(),
        ParamType::Number => "number".to_owned(),
        ParamType::String => "str".to_owned(),
        ParamType::List(inner) => format!("[{}]", short(inner)),
        ParamType::Map(inner) => format!("{{{}}}", short(inner)),
        ParamType::Nullable(inner) => format!("{}?", short(inner)),
        ParamType::Named(name, _) => name.clone(),
    }
}

#[test]
fn every_known_word_has_its_type() {
    for (words, expected) in [
        ("str|string|STRING|Text|uuid|&str|time.Time|[]byte|bytes|<str>|  str |24", "str"),
        ("int|Integer|int8|int64|i32|long|rune|time.Duration|2|6", "i64"),
        ("uint|uint64|u8|usize|byte|uintptr|7|11", "u64"),
        ("i128|bigint|Int128", "i128"),
        ("u128|uint128", "u128"),
        ("float|float32|f64|double|13|14", "f64"),
        ("number|json.Number", "number"),
        ("bool|Boolean|<bool>|1", "bool"),
        ("list|array|slice|tuple|[]interface{}|[]any|List[Any]|any[]|Vec<Value>|[]|17|23", "[any]"),
        ("map|dict|object|struct|<map>|map[string]interface{}|Dict[str, Any]|21|25", "{any}"),
        ("any|interface{}|interface|ptr|json|serde_json::Value|20|22", "any"),
        (
            "[]string|list<str>|List[str]|list[string]|str[]|Vec<String>|[3]string|[...]string",
            "[str]",
        ),
        ("std::vec::Vec<std::string::String>|typing.List[str]|Set<str>|array of", "[str]"),
        ("map[string]string|Dict[str,str]|HashMap<String, String>|Record<string, string>", "{str}"),
        ("map[string][]int|dict[str, list[int]]|Map<string, int[]>", "{[i64]}"),
        ("[][]int|int[][]|list<list<int>>", "[[i64]]"),
        ("map[string]map[string]bool", "{{bool}}"),
        ("*string|Option<String>|Optional[str]|Union[str, None]|Nullable<string>", "str?"),
        ("[]*int|list<int?>|List[Optional[int]]", "[i64?]"),
    ] {
        for word in words.split('|') {
            // Not a word of any language; it stands here so that the table proves that it is told.
            if word == "array of" {
                assert!(!Word::read(word).unknown.is_empty());
                continue;
            }
            let read = Word::read(word);
            assert_eq!(short(&read.param_type), expected, "{word}");
            assert!(read.unknown.is_empty() && !read.optional, "{word}: {read:?}");
        }
    }
}

#[test]
fn alternatives_have_what_they_have_in_common() {
    for (word, expected) in [
        ("string | null", "str?"),
        ("null|int", "i64?"),
        ("str|string", "str"),
        ("string|int", "any"),
        ("[]string | None", "[str]?"),
        ("null", "any"),
        ("Tuple[int, int]", "[i64]"),
        ("Tuple[int, str]", "[any]"),
    ] {
        let read = Word::read(word);
        assert_eq!(short(&read.param_type), expected, "{word}");
        assert!(read.unknown.is_empty(), "{word}: {read:?}");
    }
}

#[test]
fn marks_make_a_parameter_optional() {
    for word in ["str?", "str ?", "optional str", "str optional", "str, optional", "str (optional)"]
    {
        let read = Word::read(word);
        assert_eq!(short(&read.param_type), "str", "{word}");
        assert!(read.optional && read.unknown.is_empty(), "{word}: {read:?}");
    }
}

#[test]
fn what_is_not_known_is_any_value_and_is_told() {
    for (word, expected, unknown) in [
        ("gadget", "any", "gadget"),
        ("list<gadget>", "[any]", "gadget"),
        ("map[string]gadget", "{any}", "gadget"),
        ("((((", "any", "(((("),
        ("list<str", "any", "list<str"),
        ("str; drop", "any", "str; drop"),
        ("🚀", "any", "🚀"),
    ] {
        let read = Word::read(word);
        assert_eq!(short(&read.param_type), expected, "{word}");
        assert_eq!(read.unknown, [unknown], "{word}");
    }
}

#[test]
fn a_word_that_is_endless_or_bottomless_is_told() {
    for word in ["x".repeat(10_000), "list<".repeat(90), "[]".repeat(10_000), "*".repeat(400)] {
        assert_eq!(Word::read(&word).param_type, ParamType::Any);
        assert_eq!(Word::read(&word).unknown.len(), 1);
    }
}

#[test]
fn a_value_is_read_by_its_type() {
    let read = |word: &str, text: &str| Word::read(word).param_type.value(text);
    for (word, text, value) in [
        ("int", "2", serde_json::json!(2)),
        ("str", "2", serde_json::json!("2")),
        ("bool", "true", serde_json::json!(true)),
        ("float", "2", serde_json::json!(2)),
        ("list", "[1, \"a\"]", serde_json::json!([1, "a"])),
        ("map", "{\"a\": 1}", serde_json::json!({ "a": 1 })),
        ("any", "free text", serde_json::json!("free text")),
        ("any", "[1]", serde_json::json!([1])),
        ("str | null", "null", serde_json::json!(null)),
    ] {
        assert_eq!(read(word, text), Ok(value), "{word} {text}");
    }
    for (word, text, message) in [
        ("int", "two", "this is not a whole number"),
        ("int", "2.5", "this is not a whole number"),
        ("uint", "-1", "this is not a whole number from 0"),
        ("bool", "yes", "this is not `true` or `false`"),
        ("list<int>", "[\"a\"]", "this is not a list in JSON, each item a whole number"),
        ("map", "[]", "this is not a map in JSON"),
    ] {
        let error = read(word, text).expect_err(word);
        assert_eq!(error.to_string(), message, "{word} {text}");
    }
}
