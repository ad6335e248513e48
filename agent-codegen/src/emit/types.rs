//! The types that the overlay declares, and texts with known values in replies.
//!
//! ```text
//! /// The id of a server.
//! #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
//! pub struct ServerId(String);
//!
//! generated_code::text_newtype!(ServerId);
//! ```
//!
//! The SDK's macro brings what is the same for all of them: `as_str`, `From`, `FromStr`, `Display`,
//! equality with texts, serde.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    Home, debug, docs,
    imports::Imports,
    rust_types::{self, field, integer, is_integer, is_scalar},
    tokens::{ident, path},
};
use crate::{
    model::{Declared, Model},
    text::code_span,
    types::ParamType,
};

pub(super) fn emit(home: &Home, model: &Model) -> Vec<TokenStream> {
    let mut imports = Imports::new(home);
    imports.prelude();
    rust_types::import(&mut imports, model.types.iter().map(|declared| &declared.inner));
    if model.types.iter().any(|declared| declared.secret) {
        imports.std("fmt");
    }
    let types = model.types.iter().flat_map(|declared| {
        if declared.values.is_empty() {
            newtype(home, declared)
        } else {
            enumeration(home, declared)
        }
    });
    let docs = quote! {
        //! Types that are more than a text or a number.
    };
    [docs].into_iter().chain(imports.blocks()).chain(types).collect()
}

fn description(declared: &Declared) -> TokenStream {
    match declared.docs.as_str() {
        "" => docs::lines([format!("A parameter's {}.", code_span(&declared.name)).as_str()]),
        text => docs::lines([text]),
    }
}

fn newtype(home: &Home, declared: &Declared) -> Vec<TokenStream> {
    let name = ident(&declared.name);
    let docs = description(declared);
    let inner = field(&declared.inner);
    let debug = (!declared.secret).then(|| quote!(Debug,));
    let copy = is_scalar(&declared.inner).then(|| quote!(Copy,));
    let order = is_ordered(&declared.inner).then(|| quote!(Eq, PartialOrd, Ord, Hash,));
    let structure = quote! {
        #docs
        #[derive(Clone, #copy #debug PartialEq, #order)]
        pub struct #name(#inner);
    };
    // JSON may write an integer with a point.
    let read = if is_integer(&declared.inner) {
        path(&integer(home, "integer"))
    } else {
        path(&format!("{}::Deserialize::deserialize", home.library("serde")))
    };
    let rest = match &declared.inner {
        ParamType::String => expand(home, "text_newtype", &quote!(#name)),
        number if is_scalar(number) => {
            expand(home, "number_newtype", &quote!(#name, #inner, #read))
        }
        _ => expand(home, "other_newtype", &quote!(#name, #inner, #read)),
    };
    let hidden = declared.secret.then(|| debug::wrapper(&declared.name));
    [structure].into_iter().chain(hidden).chain([rest]).collect()
}

/// A use of one of the SDK's macros.
fn expand(home: &Home, name: &str, arguments: &TokenStream) -> TokenStream {
    let name = path(&format!("{}::generated_code::{name}", home.sdk()));
    quote!(#name!(#arguments);)
}

/// ```text
/// #[non_exhaustive]
/// pub enum WipeTarget {
///     /// `persistence`
///     Persistence,
///     /// Any other value.
///     Other(String),
/// }
/// ```
fn enumeration(home: &Home, declared: &Declared) -> Vec<TokenStream> {
    let name = ident(&declared.name);
    let docs = description(declared);
    let (values, variants): (Vec<_>, Vec<_>) =
        declared.values.iter().map(|(value, variant)| (value, ident(variant))).unzip();
    let value_docs = values.iter().map(|value| docs::lines([code_span(value).as_str()]));
    vec![
        quote! {
            #docs
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum #name {
                #(#value_docs #variants,)*
                /// Any other value.
                Other(String),
            }
        },
        quote! {
            impl #name {
                /// The value on the wire.
                #[must_use]
                pub fn as_str(&self) -> &str {
                    match self {
                        #(Self::#variants => #values,)*
                        Self::Other(value) => value,
                    }
                }
            }
        },
        quote! {
            impl From<&str> for #name {
                fn from(value: &str) -> Self {
                    match value {
                        #(#values => Self::#variants,)*
                        other => Self::Other(other.to_owned()),
                    }
                }
            }
        },
        expand(home, "text_enum", &quote!(#name)),
    ]
}

/// Returns whether values can be sorted and hashed.
fn is_ordered(inner: &ParamType) -> bool {
    match inner {
        ParamType::List(item) => is_ordered(item),
        ParamType::String => true,
        _ => is_scalar(inner) && *inner != ParamType::Float,
    }
}
