//! The types of replies that somebody described.
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

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    Home, docs,
    imports::Imports,
    rust_types::{self, field},
    tokens::ident,
};
use crate::{
    model::{
        Model,
        reply::{Field, ReplyType, Shape},
    },
    text::code_span,
    types::ParamType,
};

pub(super) fn emit(home: &Home, model: &Model) -> Vec<TokenStream> {
    let mut imports = Imports::new(home);
    imports.prelude();
    imports.sdk(["Error", "FromReply", "Reply"]);
    imports.library("serde", ["Deserialize", "Serialize"]);
    let types = model.replies.iter().flat_map(|reply| match &reply.shape {
        Shape::Struct(fields) => fields.iter().map(|field| &field.param_type).collect(),
        Shape::Transparent(param_type) => vec![param_type],
    });
    rust_types::import(&mut imports, types);
    let replies = model.replies.iter().map(|reply| declare(home, reply));
    let docs = quote! {
        //! The replies that are described.
    };
    [docs].into_iter().chain(imports.blocks()).chain(replies.flatten()).collect()
}

fn declare(home: &Home, reply: &ReplyType) -> Vec<TokenStream> {
    let name = ident(&reply.name);
    let docs = description(reply);
    // Serde's derive has to be told where serde is if the crate does not depend on it.
    let place = (!home.is_sdk()).then(|| {
        let serde = home.library("serde");
        quote!(#[serde(crate = #serde)])
    });
    let (transparent, body) = match &reply.shape {
        Shape::Struct(fields) => {
            let fields = fields.iter().map(member);
            (None, quote!({ #(#fields,)* }))
        }
        Shape::Transparent(param_type) => {
            let inner = field(param_type);
            (Some(quote!(#[serde(transparent)])), quote!((/** The reply itself. */ pub #inner);))
        }
    };
    let decode = reply.answers.as_ref().map(|_| {
        quote! {
            impl FromReply for #name {
                fn from_reply(reply: Reply) -> Result<Self, Error> {
                    reply.decode()
                }
            }
        }
    });
    let structure = quote! {
        #docs
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #place
        #transparent
        #[non_exhaustive]
        pub struct #name #body
    };
    [structure].into_iter().chain(decode).collect()
}

fn description(reply: &ReplyType) -> TokenStream {
    let answers = reply.answers.as_ref();
    let answers = answers.map(|wire| format!("The reply to {}.", code_span(wire)));
    match (reply.docs.as_str(), answers) {
        ("", Some(answers)) => docs::lines([answers.as_str()]),
        ("", None) => docs::lines(["A part of a reply."]),
        (text, Some(answers)) => docs::lines([text, "", &answers]),
        (text, None) => docs::lines([text]),
    }
}

fn member(member: &Field) -> TokenStream {
    let name = ident(&member.name);
    let docs = docs::parameter(&member.wire, &member.docs);
    let wire = &member.wire;
    let rename = (member.name != *wire).then(|| quote!(#[serde(rename = #wire)]));
    let optional = !member.required || matches!(member.param_type, ParamType::Nullable(_));
    let value = match &member.param_type {
        ParamType::Nullable(inner) => field(inner),
        other => field(other),
    };
    let value = if member.recursive { quote!(Box<#value>) } else { value };
    if optional {
        // An agent that has nothing to say may leave it out, or say `null`.
        let skip = quote!(#[serde(default, skip_serializing_if = "Option::is_none")]);
        quote!(#docs #rename #skip pub #name: Option<#value>)
    } else {
        quote!(#docs #rename pub #name: #value)
    }
}
