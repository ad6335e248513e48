//! What a struct of parameters holds in place of a required one that is not set.
//!
//! ```text
//! /// The parameter `path` is not set.
//! #[derive(Clone, Copy, Debug)]
//! pub struct MissingPath;
//! ```
//!
//! One type for each wire name, so that the compiler's message names what is missing.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use super::{Home, docs, imports::Imports, tokens::ident};
use crate::{model::Model, text::code_span};

pub(super) fn emit(home: &Home, model: &Model) -> Vec<TokenStream> {
    let mut imports = Imports::new(home);
    imports.prelude();
    let types = by_name(model).into_iter().map(|(name, wire)| {
        let name = ident(name);
        let docs = docs::lines([format!("The parameter {} is not set.", code_span(wire)).as_str()]);
        quote! {
            #docs
            #[derive(Clone, Copy, Debug)]
            pub struct #name;
        }
    });
    let docs = quote! {
        //! Required parameters that are not set, as types: a struct whose type names one of them is
        //! no action yet.
    };
    [docs].into_iter().chain(imports.blocks()).chain(types).collect()
}

/// The wire name of each type, by the type's name.
pub(super) fn by_name(model: &Model) -> BTreeMap<&str, &str> {
    let required = model.callable().flat_map(crate::model::Action::required);
    required.map(|(parameter, slot)| (slot.missing.as_str(), parameter.wire.as_str())).collect()
}
