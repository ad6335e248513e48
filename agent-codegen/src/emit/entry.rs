//! The file that names all others, `mod.rs`.

use proc_macro2::TokenStream;
use quote::quote;

use super::{MOCK, Part, docs, home::Home, tokens::ident};
use crate::model::Model;

/// ```text
/// //! The actions of the agent: …
///
/// #![allow(…)]
///
/// mod catalogue;
/// mod methods;
/// mod parameters;
///
/// pub use catalogue::ACTIONS;
/// pub use parameters::*;
/// ```
///
/// Another crate may include the file, which then cannot have inner attributes: there, all is in a
/// module of its own.
pub(super) fn emit(home: &Home, allow: bool, model: &Model, parts: &[Part]) -> Vec<TokenStream> {
    let modules = parts.iter().map(|part| {
        let name = ident(part.name);
        let feature = (part.name == MOCK).then(|| quote!(#[cfg(feature = #MOCK)]));
        quote!(#feature mod #name;)
    });
    let exports = parts.iter().filter(|part| !part.exports.is_empty()).map(|part| {
        let module = ident(part.name);
        match part.exports {
            "*" => quote!(pub use self::#module::*;),
            name => {
                let name = ident(name);
                quote!(pub use self::#module::#name;)
            }
        }
    });
    let lints = home.lints(model.callable().any(|action| !action.deprecated.is_empty()));
    match home {
        Home::Sdk => {
            let docs = quote! {
                //! The actions of the agent: the parameters of each, and the table of all.
                //!
                //! Each action is also a method of [`Agent`](crate::Agent).
            };
            let index = docs::index(model, "crate::Agent");
            let index = index.iter().flat_map(|lines| lines.split('\n')).map(|line| {
                let line = if line.is_empty() { String::new() } else { format!(" {line}") };
                quote!(#![doc = #line])
            });
            let docs = quote!(#docs #(#index)*);
            let lints = allow.then(|| quote!(#![#lints]));
            let modules = quote!(#(#modules)*);
            let exports = quote!(#(#exports)*);
            [docs].into_iter().chain(lints).chain([modules, exports]).collect()
        }
        Home::OtherCrate(_) => {
            let of_module = allow.then(|| quote!(#[#lints]));
            let of_export = allow.then(|| {
                quote! {
                    #[allow(
                        clippy::allow_attributes,
                        clippy::pub_use,
                        unreachable_pub,
                        unused_imports,
                        reason = "as above"
                    )]
                }
            });
            // By `cfg_attr`, since a crate without a prelude does not know `rustfmt`.
            let module = quote! {
                #of_module
                #[cfg_attr(rustfmt, rustfmt::skip)]
                #[path = "."]
                mod generated {
                    #(#modules)*
                    #(#exports)*
                }
            };
            let export = quote! {
                #of_export
                pub use self::generated::*;
            };
            vec![module, export]
        }
    }
}
