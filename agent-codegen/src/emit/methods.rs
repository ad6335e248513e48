//! One method of the agent for each action.
//!
//! ```text
//! impl Agent {
//!     /// Starts a server
//!     ///
//!     /// Action `server_start`.
//!     #[inline]
//!     pub fn server_start(&self, parameters: ServerStart) -> Call<'_, Reply> {
//!         self.call(parameters)
//!     }
//! }
//! ```
//!
//! `#[inline]` leaves a method to the crate that calls it: nobody waits for the compilation of those
//! that are not called. It halves the release build of 1,000 actions.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    Home, docs,
    rust_types::{ident, output},
};
use crate::model::{Action, Model};

pub(super) fn emit(home: Home, model: &Model) -> TokenStream {
    let (sdk, lints) = (home.sdk(), home.lints());
    let types = model.callable().map(|action| ident(&action.name.camel));
    let replies = model.callable().filter_map(|action| action.output.as_ref()).map(|it| ident(it));
    let replies: Vec<_> = replies.collect();
    let replies = (!replies.is_empty()).then(|| quote!(use super::replies::{#(#replies),*};));
    let reply = model.callable().any(|action| action.output.is_none()).then(|| quote!(Reply,));
    let methods = match home {
        Home::Sdk => inherent(model),
        Home::OtherCrate => extension(model),
    };
    quote! {
        //! A method of the agent for each action.
        #lints

        #replies
        use super::parameters::{#(#types),*};
        use #sdk::{Agent, Call, #reply};

        #methods
    }
}

fn inherent(model: &Model) -> TokenStream {
    let methods = model.callable().map(|action| {
        let (docs, signature, body) = (docs(action), signature(action), body(action));
        quote!(#docs #[inline] pub #signature { #body })
    });
    quote!(impl Agent { #(#methods)* })
}

/// ```text
/// pub trait AgentActions {
///     /// Starts a server
///     fn server_start(&self, parameters: ServerStart) -> Call<'_, Reply>;
/// }
/// impl AgentActions for Agent {
///     #[inline]
///     fn server_start(&self, parameters: ServerStart) -> Call<'_, Reply> {
///         self.call(parameters)
///     }
/// }
/// ```
fn extension(model: &Model) -> TokenStream {
    let declarations = model.callable().map(|action| {
        let (docs, signature) = (docs(action), signature(action));
        quote!(#docs #signature;)
    });
    let methods = model.callable().map(|action| {
        let (signature, body) = (signature(action), body(action));
        quote!(#[inline] #signature { #body })
    });
    quote! {
        /// A method of the agent for each action.
        pub trait AgentActions {
            #(#declarations)*
        }
        impl AgentActions for Agent {
            #(#methods)*
        }
    }
}

fn docs(action: &Action) -> TokenStream {
    let docs = docs::action(action);
    let hint = hint(action);
    let alias = docs::alias(&action.wire, &action.name.snake);
    let why = crate::text::Visible(&action.deprecated).to_string();
    let deprecated = (!why.is_empty()).then(|| quote!(#[deprecated = #why]));
    quote!(#docs #hint #alias #deprecated)
}

/// An action that demands nothing has a method without an argument, so that a new optional
/// parameter breaks nobody: `agent.call(Servers::new().limit(5))` sets it.
fn signature(action: &Action) -> TokenStream {
    let method = ident(&action.name.snake);
    let parameters = ident(&action.name.camel);
    let output = output(action);
    let argument = action.demands_anything().then(|| quote!(, parameters: #parameters));
    quote!(fn #method(&self #argument) -> Call<'_, #output>)
}

fn body(action: &Action) -> TokenStream {
    let parameters = ident(&action.name.camel);
    if action.demands_anything() {
        quote!(self.call(parameters))
    } else {
        quote!(self.call(#parameters::new()))
    }
}

/// How to set optional parameters, where the method takes no argument.
fn hint(action: &Action) -> Option<TokenStream> {
    let option = action.options().next().filter(|_| !action.demands_anything())?;
    let (camel, field) = (&action.name.camel, &option.field);
    let text = format!("With optional parameters: `agent.call({camel}::new().{field}(…))`.");
    Some(docs::lines(["", &text]))
}
