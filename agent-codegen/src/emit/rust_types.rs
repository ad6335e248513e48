//! The types of the catalogue as types of Rust.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{home::Home, imports::Imports, tokens::ident};
use crate::{model::Action, types::ParamType};

/// The type of a field.
pub(super) fn field(param_type: &ParamType) -> TokenStream {
    match param_type {
        ParamType::Any => quote!(Value),
        ParamType::Boolean => quote!(bool),
        ParamType::Integer => quote!(i64),
        ParamType::Unsigned => quote!(u64),
        ParamType::LongInteger => quote!(i128),
        ParamType::LongUnsigned => quote!(u128),
        ParamType::Float => quote!(f64),
        ParamType::Number => quote!(Number),
        ParamType::String => quote!(String),
        ParamType::List(inner) => {
            let inner = field(inner);
            quote!(Vec<#inner>)
        }
        ParamType::Map(inner) if **inner == ParamType::Any => quote!(Map<String, Value>),
        ParamType::Map(inner) => {
            let inner = field(inner);
            quote!(BTreeMap<String, #inner>)
        }
        ParamType::Nullable(inner) => {
            let inner = field(inner);
            quote!(Option<#inner>)
        }
        ParamType::Named(name, _) => {
            let name = ident(name);
            quote!(#name)
        }
    }
}

/// The type of an action's reply.
pub(super) fn output(action: &Action) -> Ident {
    ident(action.output.as_deref().unwrap_or("Reply"))
}

/// The type of an argument, and how a field is made of it.
pub(super) fn argument(param_type: &ParamType, name: &Ident) -> (TokenStream, TokenStream) {
    let rust_type = field(param_type);
    if is_converted(param_type) {
        (quote!(impl Into<#rust_type>), quote!(#name.into()))
    } else {
        (rust_type, quote!(#name))
    }
}

/// Returns whether other types than the field's own are usefully accepted: `"text"` for a string.
fn is_converted(param_type: &ParamType) -> bool {
    matches!(
        param_type,
        ParamType::String | ParamType::Any | ParamType::Number | ParamType::Named(..)
    )
}

/// Returns whether a type is made of integers alone, which JSON may write with a point.
pub(super) fn is_integer(param_type: &ParamType) -> bool {
    matches!(
        param_type.leaf(),
        ParamType::Integer | ParamType::Unsigned | ParamType::LongInteger | ParamType::LongUnsigned
    )
}

/// Returns whether values are small, have a text and are read from one.
pub(super) fn is_scalar(inner: &ParamType) -> bool {
    matches!(
        inner,
        ParamType::Boolean
            | ParamType::Integer
            | ParamType::Unsigned
            | ParamType::LongInteger
            | ParamType::LongUnsigned
            | ParamType::Float
    )
}

/// Returns whether a value of this type is copied where others are cloned.
pub(super) fn is_copied(param_type: &ParamType) -> bool {
    match param_type {
        ParamType::Nullable(inner) => is_copied(inner),
        ParamType::Named(_, inner) => is_scalar(inner),
        other => is_scalar(other),
    }
}

/// The path of what reads integers.
pub(super) fn integer(home: &Home, name: &str) -> String {
    format!("{}::generated_code::{name}", home.sdk())
}

/// Imports what types need.
pub(super) fn import<'a>(imports: &mut Imports, types: impl IntoIterator<Item = &'a ParamType>) {
    let types: Vec<_> = types.into_iter().collect();
    let any = |test: &dyn Fn(&ParamType) -> bool| types.iter().any(|it| holds(it, &test));
    let is_any_map = |it: &ParamType| *it == ParamType::any_map();
    if any(&is_any_map) {
        imports.library("serde_json", ["Map"]);
    }
    if any(&|it| *it == ParamType::Number) {
        imports.library("serde_json", ["Number"]);
    }
    if any(&|it| *it == ParamType::Any) {
        imports.library("serde_json", ["Value"]);
    }
    if any(&|it| matches!(it, ParamType::Map(_)) && !is_any_map(it)) {
        imports.std("collections::BTreeMap");
    }
}

/// Returns whether a type is or holds one that the test finds.
fn holds(param_type: &ParamType, test: &impl Fn(&ParamType) -> bool) -> bool {
    test(param_type)
        || match param_type {
            ParamType::List(inner) | ParamType::Map(inner) | ParamType::Nullable(inner) => {
                holds(inner, test)
            }
            _ => false,
        }
}
