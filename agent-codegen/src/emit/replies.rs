//! The types of replies that are described.
//!
//! ```text
//! /// The reply to `whoami`.
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! #[non_exhaustive]
//! pub struct WhoamiReply {
//!     /// `username`
//!     pub username: String,
//! }
//! impl FromReply for WhoamiReply {
//!     fn from_reply(reply: Reply) -> Result<Self, Error> {
//!         reply.decode()
//!     }
//! }
//! ```

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{
    Home, debug, docs,
    imports::Imports,
    rust_types::{self, field, integer, is_integer},
    tokens::{ident, path},
};
use crate::{
    model::{
        Model,
        reply::{Field, ReplyType, Shape, Struct},
    },
    text::code_span,
    types::ParamType,
};

pub(super) fn emit(home: &Home, model: &Model) -> Vec<TokenStream> {
    let replies = model.replies.iter().map(|reply| declare(home, reply));
    let docs = quote! {
        //! The replies that are described.
    };
    [docs].into_iter().chain(imports(home, model).blocks()).chain(replies.flatten()).collect()
}

fn imports<'a>(home: &'a Home, model: &Model) -> Imports<'a> {
    let mut imports = Imports::new(home);
    imports.prelude();
    imports.sdk(["Error", "FromReply", "Reply"]);
    imports.library("serde", ["Deserialize", "Serialize"]);
    let types: Vec<_> = model.replies.iter().flat_map(ReplyType::types).collect();
    rust_types::import(&mut imports, types.iter().copied());
    let aliases = model.replies.iter().filter_map(|reply| match &reply.shape {
        Shape::Alias(name) => Some(name.as_str()),
        _ => None,
    });
    let named: BTreeSet<_> = types.iter().filter_map(|it| it.name()).chain(aliases).collect();
    let declared = model.types.iter().map(|declared| declared.name.as_str());
    imports.sibling("types", declared.filter(|name| named.contains(name)));
    let structs = || {
        model.replies.iter().filter_map(|reply| match &reply.shape {
            Shape::Struct(shape) => Some(shape),
            _ => None,
        })
    };
    let keeps = structs().any(|shape| shape.extras.is_some());
    if keeps {
        imports.library("serde", ["Deserializer"]);
    }
    if keeps || structs().any(|shape| shape.fields.iter().any(|field| field.secret)) {
        imports.std("fmt");
    }
    imports
}

fn declare(home: &Home, reply: &ReplyType) -> Vec<TokenStream> {
    let name = ident(&reply.name);
    let docs = description(reply);
    let mut blocks = match &reply.shape {
        Shape::Struct(shape) => structure(home, &reply.name, &docs, shape),
        Shape::Transparent(inner) => vec![transparent(home, &reply.name, &docs, inner)],
        Shape::Alias(of) => {
            let of = ident(of);
            vec![quote!(#docs pub type #name = #of;)]
        }
    };
    if !reply.answers.is_empty() {
        blocks.push(quote! {
            impl FromReply for #name {
                fn from_reply(reply: Reply) -> Result<Self, Error> {
                    reply.decode()
                }
            }
        });
    }
    blocks
}

fn description(reply: &ReplyType) -> TokenStream {
    let answers: Vec<_> = reply.answers.iter().map(|wire| code_span(wire)).collect();
    let answers = match answers.as_slice() {
        [] => None,
        [before @ .., last] if !before.is_empty() => {
            Some(format!("The reply to {} and {last}.", before.join(", ")))
        }
        all => Some(format!("The reply to {}.", all.concat())),
    };
    match (reply.docs.as_str(), answers) {
        ("", Some(answers)) => docs::lines([answers.as_str()]),
        ("", None) => docs::lines(["A part of a reply."]),
        (text, Some(answers)) => docs::lines([text, "", &answers]),
        (text, None) => docs::lines([text]),
    }
}

/// Where serde's derive finds serde if the crate does not depend on it.
fn place(home: &Home) -> Option<TokenStream> {
    (!home.is_sdk()).then(|| {
        let serde = home.library("serde");
        quote!(#[serde(crate = #serde)])
    })
}

/// ```text
/// #[serde(transparent)]
/// pub struct ServersReply(pub Vec<Server>);
/// ```
fn transparent(home: &Home, name: &str, docs: &TokenStream, inner: &ParamType) -> TokenStream {
    let (name, place) = (ident(name), place(home));
    let read = is_integer(inner).then(|| {
        let integer = integer(home, "integer");
        quote!(#[serde(deserialize_with = #integer)])
    });
    let inner = field(inner);
    quote! {
        #docs
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #place
        #[serde(transparent)]
        #[non_exhaustive]
        pub struct #name(
            /** The value itself. */
            #read
            pub #inner
        );
    }
}

fn structure(home: &Home, name: &str, docs: &TokenStream, shape: &Struct) -> Vec<TokenStream> {
    let Struct { fields, extras } = shape;
    let hides = fields.iter().any(|field| field.secret);
    let debug = (!hides).then(|| quote!(Debug,));
    let shown = hides.then(|| {
        let fields = fields.iter().map(|field| (field.name.as_str(), field.secret));
        let extras = extras.iter().map(|(name, _)| (name.as_str(), false));
        debug::structure(name, fields.chain(extras))
    });
    // Serde would read everything twice to sort out what is not among the fields, and would lose
    // the path of an error in it.
    let derived = extras.is_none().then(|| quote!(Deserialize));
    let read = extras.as_ref().map(|extras| read(home, name, fields, extras));
    let keep = extras.as_ref().map(|(name, values)| {
        let (name, values) = (ident(name), field(values));
        quote! {
            /** Everything else, by name. */
            #[serde(flatten)]
            pub #name: #values,
        }
    });
    let (name, place) = (ident(name), place(home));
    let members = fields.iter().map(|it| member(home, it, extras.is_none()));
    let structure = quote! {
        #docs
        #[derive(Clone, #debug PartialEq, Serialize, #derived)]
        #place
        #[non_exhaustive]
        pub struct #name {
            #(#members,)*
            #keep
        }
    };
    [structure].into_iter().chain(shown).chain(read).collect()
}

/// A field; `reads` tells whether serde derives how to read it.
fn member(home: &Home, member: &Field, reads: bool) -> TokenStream {
    let name = ident(&member.name);
    let docs = docs::member(&member.wire, &member.docs);
    let wire = &member.wire;
    let rename = (member.name != *wire).then(|| quote!(rename = #wire));
    let value = value(member);
    let optional = !member.required;
    // An agent that has nothing to say may leave it out, or say `null`.
    let default = (reads && optional).then(|| quote!(default));
    let skip = optional.then(|| quote!(skip_serializing_if = "Option::is_none"));
    let integer = integer(home, "integer");
    let with = match &member.param_type {
        _ if !reads => None,
        it if is_integer(it) => Some(quote!(deserialize_with = #integer)),
        // What takes `null` would be read where nothing is.
        it if member.required && takes_null(it) => {
            Some(quote!(deserialize_with = "Deserialize::deserialize"))
        }
        _ => None,
    };
    let attributes: Vec<_> = [rename, default, skip, with].into_iter().flatten().collect();
    let attributes = (!attributes.is_empty()).then(|| quote!(#[serde(#(#attributes),*)]));
    quote!(#docs #attributes pub #name: #value)
}

/// The type of a field.
fn value(member: &Field) -> TokenStream {
    let (inner, may_be_absent) = match &member.param_type {
        ParamType::Nullable(inner) => (field(inner), true),
        other => (field(other), !member.required),
    };
    let value = if member.recursive { quote!(Box<#inner>) } else { inner };
    if may_be_absent { quote!(Option<#value>) } else { value }
}

/// Returns whether `null` is a value of a type, and serde would take nothing at all for it.
fn takes_null(param_type: &ParamType) -> bool {
    match param_type {
        ParamType::Nullable(_) => true,
        ParamType::Named(_, inner) => takes_null(inner),
        _ => false,
    }
}

/// ```text
/// impl<'de> Deserialize<'de> for Server {
///     fn deserialize<D_: Deserializer<'de>>(deserializer: D_) -> Result<Self, D_::Error> {
///         struct Fields_;
///         impl<'de> de::Visitor<'de> for Fields_ {
///             fn visit_map<M_: de::MapAccess<'de>>(self, mut map_: M_) -> Result<Server, M_::Error> {
///                 let mut id = None;
///                 let mut additional_properties = BTreeMap::new();
///                 while let Some(key_) = map_.next_key::<String>()? {
///                     match key_.as_str() {
///                         "id" => id = Some(map_.next_value()?),
///                         _ => _ = additional_properties.insert(key_, map_.next_value()?),
///                     }
///                 }
///                 Ok(Server { id: id.ok_or_else(…)?, additional_properties })
///             }
///         }
///         deserializer.deserialize_map(Fields_)
///     }
/// }
/// ```
///
/// What is named here ends in `_`, which no type does and no field but one that Rust has a word for.
fn read(
    home: &Home,
    name: &str,
    fields: &[Field],
    (extras, values): &(String, ParamType),
) -> TokenStream {
    let (name, extras) = (ident(name), ident(extras));
    let integer = path(&integer(home, "Integer"));
    let de = path(&format!("{}::de", home.library("serde")));
    let next = |param_type: &ParamType| {
        if is_integer(param_type) {
            quote!(map_.next_value::<#integer<_>>()?.0)
        } else {
            quote!(map_.next_value()?)
        }
    };
    let variables: Vec<_> = (0..).zip(fields).map(|(index, it)| variable(index, it)).collect();
    let each = || fields.iter().zip(&variables);
    let begins = each().map(|(field, variable)| {
        let value = value(field);
        let begin = if field.required { quote!(Option<#value>) } else { value };
        quote!(let mut #variable: #begin = None;)
    });
    let arms = each().map(|(field, variable)| {
        let (wire, next) = (&field.wire, next(&field.param_type));
        if field.required {
            quote!(#wire => #variable = Some(#next),)
        } else {
            quote!(#wire => #variable = #next,)
        }
    });
    let ends = each().map(|(field, variable)| {
        let (name, wire) = (ident(&field.name), &field.wire);
        if field.required {
            quote!(#name: #variable.ok_or_else(|| #de::Error::missing_field(#wire))?)
        } else if name == *variable {
            quote!(#name)
        } else {
            quote!(#name: #variable)
        }
    });
    let map = match values {
        ParamType::Map(inner) if **inner == ParamType::Any => quote!(Map::new()),
        _ => quote!(BTreeMap::new()),
    };
    let value = match values {
        ParamType::Map(inner) => next(inner),
        other => next(other),
    };
    quote! {
        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D_: Deserializer<'de>>(deserializer: D_) -> Result<Self, D_::Error> {
                struct Fields_;
                impl<'de> #de::Visitor<'de> for Fields_ {
                    type Value = #name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a map")
                    }
                    fn visit_map<M_: #de::MapAccess<'de>>(
                        self,
                        mut map_: M_,
                    ) -> Result<#name, M_::Error> {
                        #(#begins)*
                        let mut #extras = #map;
                        while let Some(key_) = map_.next_key::<String>()? {
                            match key_.as_str() {
                                #(#arms)*
                                _ => _ = #extras.insert(key_, #value),
                            }
                        }
                        Ok(#name { #(#ends,)* #extras })
                    }
                }
                deserializer.deserialize_map(Fields_)
            }
        }
    }
}

/// The variable for a field; one with a capital could be a constant, such as `None`.
fn variable(index: usize, field: &Field) -> Ident {
    if field.name.contains(|c: char| c.is_ascii_uppercase()) {
        ident(&format!("field_{index}_"))
    } else {
        ident(&field.name)
    }
}
