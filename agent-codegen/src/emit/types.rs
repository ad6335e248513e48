//! The types that the overlay declares, and texts with known values in replies.
//!
//! ```text
//! /// The id of a server.
//! #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
//! pub struct ServerId(String);
//! impl ServerId {
//!     pub fn new(value: impl Into<String>) -> Self;
//!     pub fn as_str(&self) -> &str;
//! }
//! impl From<&str> for ServerId;
//! impl From<String> for ServerId;
//! impl From<&ServerId> for ServerId;
//! impl FromStr for ServerId;
//! impl From<ServerId> for String;
//! impl From<&ServerId> for String;
//! impl AsRef<str> for ServerId;
//! impl Borrow<str> for ServerId;
//! impl PartialEq<str> for ServerId;
//! impl PartialEq<&str> for ServerId;
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

fn newtype(home: &Home, declared: &Declared) -> TokenStream {
    let name = ident(&declared.name);
    let docs = description(declared);
    let inner = field(&declared.inner);
    let order = is_ordered(&declared.inner).then(|| quote!(Eq, PartialOrd, Ord, Hash,));
    let is_text = declared.inner == ParamType::String;
    let text = is_text.then(|| text_like(home, &name, &quote!(value.0)));
    let borrow = is_text.then(|| {
        let std = path(home.std());
        quote! {
            impl #std::borrow::Borrow<str> for #name {
                fn borrow(&self) -> &str {
                    &self.0
                }
            }
        }
    });
    let get = if is_text {
        quote! {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    } else {
        quote! {
            /// The value inside.
            #[must_use]
            pub fn get(&self) -> &#inner {
                &self.0
            }
        }
    };
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
            #get
        }
        #hidden
        #text
        #borrow
        impl From<#inner> for #name {
            fn from(value: #inner) -> Self {
                Self(value)
            }
        }
        #display
        #serde
    }
}

/// What people expect of a text by another name: it is made of texts, compares with them, is found
/// by them in a map, and becomes one.
///
/// Not `Deref`: every method of `str` on an identifier would be one more by which two kinds of them
/// are mixed up.
fn text_like(home: &Home, name: &Ident, into_text: &TokenStream) -> TokenStream {
    let std = path(home.std());
    quote! {
        impl From<&str> for #name {
            fn from(value: &str) -> Self {
                Self::from(value.to_owned())
            }
        }
        impl From<&Self> for #name {
            fn from(value: &Self) -> Self {
                value.clone()
            }
        }
        impl #std::str::FromStr for #name {
            type Err = #std::convert::Infallible;
            fn from_str(value: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(value))
            }
        }
        impl From<#name> for String {
            fn from(value: #name) -> Self {
                #into_text
            }
        }
        impl From<&#name> for String {
            fn from(value: &#name) -> Self {
                value.as_str().to_owned()
            }
        }
        impl AsRef<str> for #name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
        impl PartialEq<str> for #name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }
        impl PartialEq<&str> for #name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
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
fn enumeration(home: &Home, declared: &Declared) -> TokenStream {
    let name = ident(&declared.name);
    let docs = description(declared);
    let (values, variants): (Vec<_>, Vec<_>) =
        declared.values.iter().map(|(value, variant)| (value, ident(variant))).unzip();
    let text = text_like(home, &name, &quote!(value.as_str().to_owned()));
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
        impl From<String> for #name {
            fn from(value: String) -> Self {
                match value.as_str() {
                    #(#values => Self::#variants,)*
                    _ => Self::Other(value),
                }
            }
        }
        #text
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
