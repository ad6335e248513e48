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
//! `#[inline]` leaves a method to the crate that calls it, so that methods that are not called are not
//! compiled. It halves the release build of 1,000 actions.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    Home, docs,
    imports::Imports,
    rust_types::output,
    tokens::{ident, path},
};
use crate::model::{Action, Model, groups::Group};

pub(super) fn emit(home: &Home, model: &Model) -> Vec<TokenStream> {
    let mut imports = Imports::new(home);
    imports.sdk(["Call"]);
    imports.sibling("parameters", model.callable().map(|action| action.name.camel.as_str()));
    imports.sibling("replies", model.callable().filter_map(|action| action.output.as_deref()));
    if model.callable().any(|action| action.output.is_none()) {
        imports.sdk(["Reply"]);
    }
    let handle = match home {
        Home::Sdk => {
            imports.sdk(["Agent"]);
            Vec::new()
        }
        Home::OtherCrate(_) => {
            imports.prelude();
            handle(home, model)
        }
    };
    let docs = quote! {
        //! A method of the agent for each action.
    };
    let groups = model.groups.iter().map(|it| group(home, it, model.members(it)));
    [docs].into_iter().chain(imports.blocks()).chain(handle).chain(groups).collect()
}

/// ```text
/// /// # Servers
/// ///
/// /// What runs, and how it is started and stopped.
/// impl Agent {
///     …
/// }
/// ```
fn group<'a>(home: &Home, group: &Group, actions: impl Iterator<Item = &'a Action>) -> TokenStream {
    let docs = (!group.title.is_empty()).then(|| {
        let title = format!("# {}", group.title);
        match group.docs.as_str() {
            "" => docs::lines([title.as_str()]),
            text => docs::lines([&title, "", text]),
        }
    });
    let methods = actions.map(|action| method(home, action));
    quote!(#docs impl Agent { #(#methods)* })
}

/// ```text
/// /// Starts a server
/// ///
/// /// Action `server_start`.
/// #[inline]
/// pub fn server_start(&self, parameters: ServerStart) -> Call<'_, Reply> {
///     self.call(parameters)
/// }
/// ```
fn method(home: &Home, action: &Action) -> TokenStream {
    let docs = docs(action);
    let name = ident(&action.name.snake);
    let parameters = ident(&action.name.camel);
    let output = output(action);
    // An action that demands nothing has a method without an argument, so that a new optional
    // parameter breaks nothing: `agent.call(Servers::new().limit(5))` sets it.
    let (argument, given) = if action.demands_anything() {
        (Some(quote!(, parameters: #parameters)), quote!(parameters))
    } else {
        (None, quote!(#parameters::new()))
    };
    let agent = if home.is_sdk() { quote!(self) } else { quote!(self.0) };
    quote! {
        #docs
        #[inline]
        pub fn #name(&self #argument) -> Call<'_, #output> {
            #agent.call(#given)
        }
    }
}

/// The agent of another crate: its methods come before those of the SDK's, which another crate in
/// the same build may have enabled.
///
/// ```text
/// /// An agent with a method for each action of this catalogue.
/// #[derive(Clone, Debug)]
/// pub struct Agent(::agent_sdk::Agent);
///
/// impl From<::agent_sdk::Agent> for Agent;
/// impl Deref for Agent { type Target = ::agent_sdk::Agent; }
/// ```
fn handle(home: &Home, model: &Model) -> Vec<TokenStream> {
    let sdk = path(home.sdk());
    let std = path(home.std());
    let docs = docs::lines([
        "An agent with a method for each action of this catalogue.",
        "",
        &format!(
            "It is made of the SDK's [`Agent`]({}::Agent), and has all of its methods, too:",
            home.sdk()
        ),
        "`Agent::from(agent)`.",
    ]);
    let index = docs::lines(docs::index(model, "Agent").iter().map(String::as_str));
    vec![
        quote! {
            #docs
            #index
            #[derive(Clone, Debug)]
            pub struct Agent(#sdk::Agent);
        },
        quote! {
            impl From<#sdk::Agent> for Agent {
                fn from(agent: #sdk::Agent) -> Self {
                    Self(agent)
                }
            }
        },
        quote! {
            impl From<&#sdk::Agent> for Agent {
                fn from(agent: &#sdk::Agent) -> Self {
                    Self(agent.clone())
                }
            }
        },
        quote! {
            impl #std::ops::Deref for Agent {
                type Target = #sdk::Agent;

                fn deref(&self) -> &Self::Target {
                    &self.0
                }
            }
        },
    ]
}

fn docs(action: &Action) -> TokenStream {
    let docs = docs::action(action);
    let hint = hint(action);
    let alias = docs::alias(&action.wire, &action.name.snake);
    let deprecated = docs::deprecated(action);
    let related = docs::related(action);
    quote!(#docs #hint #related #alias #deprecated)
}

/// How to set optional parameters, where the method takes no argument.
fn hint(action: &Action) -> Option<TokenStream> {
    let option = action.options().next().filter(|_| !action.demands_anything())?;
    let (camel, field) = (&action.name.camel, &option.field);
    let text = format!("With optional parameters: `agent.call({camel}::new().{field}(…))`.");
    Some(docs::lines(["", &text]))
}
