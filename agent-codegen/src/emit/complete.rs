//! What only an action with all that is required can do.
//!
//! ```text
//! impl Clone for WriteFile {
//!     fn clone(&self) -> Self {
//!         Self { server: self.server.clone(), content: self.content.clone() }
//!     }
//! }
//! impl PartialEq for WriteFile {
//!     fn eq(&self, other: &Self) -> bool {
//!         self.server == other.server && self.content == other.content
//!     }
//! }
//! impl fmt::Debug for WriteFile {
//!     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
//!         debug(self, f)
//!     }
//! }
//! impl Action for WriteFile {
//!     const NAME: &'static str = "write_file";
//!     type Output = Reply;
//!     #[inline]
//!     fn write_parameters(&self, parameters: &mut Parameters) {
//!         parameters.add("server", &self.server);
//!         parameters.add("content", &self.content);
//!     }
//! }
//! ```
//!
//! A derive on a struct with type parameters costs as much to compile as all the rest of it, so these
//! are for the one type that is complete.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{
    rust_types::{is_copied, output},
    tokens::ident,
};
use crate::model::{Action, Parameter};

/// The implementations of traits for the complete struct of an action.
pub(super) fn implementations(action: &Action) -> Vec<TokenStream> {
    let by_hand =
        if has_slots(action) { vec![clone(action), equality(action)] } else { Vec::new() };
    by_hand.into_iter().chain([debug(action), implementation(action)]).collect()
}

/// The traits that a derive brings to an action of only one type.
pub(super) fn derive(action: &Action) -> Option<TokenStream> {
    let default = (!action.demands_anything()).then(|| quote!(Default,));
    (!has_slots(action)).then(|| quote!(#[derive(Clone, #default PartialEq)]))
}

fn has_slots(action: &Action) -> bool {
    action.required().next().is_some()
}

fn clone(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let fields = action.parameters.iter().map(|parameter| {
        let field = ident(&parameter.field);
        let value = if is_copied(parameter.value_type()) {
            quote!(self.#field)
        } else {
            quote!(self.#field.clone())
        };
        quote!(#field: #value)
    });
    quote! {
        impl Clone for #name {
            fn clone(&self) -> Self {
                Self { #(#fields),* }
            }
        }
    }
}

fn equality(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let fields = action.parameters.iter().map(|parameter| {
        let field = ident(&parameter.field);
        quote!(self.#field == other.#field)
    });
    quote! {
        impl PartialEq for #name {
            fn eq(&self, other: &Self) -> bool {
                #(#fields)&&*
            }
        }
    }
}

fn debug(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    quote! {
        impl fmt::Debug for #name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                debug(self, f)
            }
        }
    }
}

fn implementation(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let wire = &action.wire;
    let entries = action.parameters.iter().map(entry);
    let write = (!action.parameters.is_empty()).then(|| {
        quote! {
            #[inline]
            fn write_parameters(&self, parameters: &mut Parameters) {
                #(#entries)*
            }
        }
    });
    let timeout = action.timeout.map(Literal::u64_unsuffixed).map(
        |seconds| quote!(const TIMEOUT: Option<Duration> = Some(Duration::from_secs(#seconds));),
    );
    let reads = action.reads.then(|| {
        quote!(
            const READS: bool = true;
        )
    });
    let output = output(action);
    quote! {
        impl Action for #name {
            const NAME: &'static str = #wire;
            #timeout
            #reads
            type Output = #output;
            #write
        }
    }
}

/// `parameters.add("content", &self.content);`
fn entry(parameter: &Parameter) -> TokenStream {
    let field = ident(&parameter.field);
    let wire = &parameter.wire;
    let parameters =
        if parameter.secret { quote!(parameters.secret()) } else { quote!(parameters) };
    if parameter.required {
        quote!(#parameters.add(#wire, &self.#field);)
    } else {
        quote!(#parameters.add_optional(#wire, self.#field.as_ref());)
    }
}
