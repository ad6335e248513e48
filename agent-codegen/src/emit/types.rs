//! The types that the overlay declares, and texts with known values in replies.
//!
//! ```text
//! /// The id of a server.
//! #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
//! pub struct ServerId(String);
//! impl ServerId {
//!     pub fn new(value: impl Into<String>) -> Self;
//!     pub fn get(&self) -> &String;
//! }
//! impl From<&str> for ServerId;
//! impl From<String> for ServerId;
//! impl Display for ServerId;
//! impl Serialize for ServerId;
//! impl<'de> Deserialize<'de> for ServerId;
//! ```

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{
    Home, debug, docs,
    imports::Imports,
    rust_types::{self, field, integer, is_integer},
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
    imports.library("serde", ["Deserialize", "Deserializer", "Serialize", "Serializer"]);
    rust_types::import(&mut imports, model.types.iter().map(|declared| &declared.inner));
    if model.types.iter().any(|declared| is_shown(&declared.inner) || declared.secret) {
        imports.std("fmt");
    }
    let types = model.types.iter().map(|declared| {
        if declared.values.is_empty() { newtype(home, declared) } else { enumeration(declared) }
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

fn newtype(home: &Home, declared: &Declared) -> TokenStream {
    let name = ident(&declared.name);
    let docs = description(declared);
    let inner = field(&declared.inner);
    let order = is_ordered(&declared.inner).then(|| quote!(Eq, PartialOrd, Ord, Hash,));
    let text = (declared.inner == ParamType::String).then(|| from_text(&name));
    let display = is_shown(&declared.inner).then(|| {
        quote! {
            impl fmt::Display for #name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        }
    });
    let read = if is_integer(&declared.inner) {
        path(&integer(home, "integer"))
    } else {
        quote!(Deserialize::deserialize)
    };
    let serde = serde(&name, &quote!(self.0), &quote!(#read(deserializer).map(Self)));
    let debug = (!declared.secret).then(|| quote!(Debug,));
    let hidden = declared.secret.then(|| debug::wrapper(&declared.name));
    quote! {
        #docs
        #[derive(Clone, #debug PartialEq, #order)]
        pub struct #name(#inner);
        impl #name {
            /// Wraps a value.
            #[must_use]
            pub fn new(value: impl Into<#inner>) -> Self {
                Self(value.into())
            }
            /// The value inside.
            #[must_use]
            pub fn get(&self) -> &#inner {
                &self.0
            }
        }
        #hidden
        #text
        impl From<#inner> for #name {
            fn from(value: #inner) -> Self {
                Self(value)
            }
        }
        #display
        #serde
    }
}

fn from_text(name: &Ident) -> TokenStream {
    quote! {
        impl From<&str> for #name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }
        impl AsRef<str> for #name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    }
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
fn enumeration(declared: &Declared) -> TokenStream {
    let name = ident(&declared.name);
    let docs = description(declared);
    let (values, variants): (Vec<_>, Vec<_>) =
        declared.values.iter().map(|(value, variant)| (value, ident(variant))).unzip();
    let value_docs = values.iter().map(|value| docs::lines([code_span(value).as_str()]));
    let read = quote!(String::deserialize(deserializer).map(Self::from));
    let serde = serde(&name, &quote!(self.as_str()), &read);
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum #name {
            #(#value_docs #variants,)*
            /// Any other value.
            Other(String),
        }
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
        impl From<&str> for #name {
            fn from(value: &str) -> Self {
                match value {
                    #(#values => Self::#variants,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }
        impl From<String> for #name {
            fn from(value: String) -> Self {
                Self::from(value.as_str())
            }
        }
        impl fmt::Display for #name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        #serde
    }
}

fn serde(name: &Ident, write: &TokenStream, read: &TokenStream) -> TokenStream {
    quote! {
        impl Serialize for #name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #write.serialize(serializer)
            }
        }
        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #read
            }
        }
    }
}

/// Whether values can be sorted and hashed.
fn is_ordered(inner: &ParamType) -> bool {
    match inner {
        ParamType::List(item) => is_ordered(item),
        _ => is_shown(inner) && *inner != ParamType::Float,
    }
}

/// Whether values can be shown as they are.
fn is_shown(inner: &ParamType) -> bool {
    matches!(
        inner,
        ParamType::Boolean
            | ParamType::Integer
            | ParamType::Unsigned
            | ParamType::LongInteger
            | ParamType::LongUnsigned
            | ParamType::Float
            | ParamType::String
    )
}
