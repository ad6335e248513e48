//! The table of all actions.
//!
//! ```text
//! pub const AGENT_VERSION: &str = "1.1.34";
//!
//! pub const ACTIONS: &[ActionInfo] = &[
//!     ActionInfo::new(
//!         "server_start",
//!         "Starts a server",
//!         &[ParameterInfo::new("server", "str", true)],
//!         false,
//!     ),
//! ];
//! ```

use proc_macro2::TokenStream;
use quote::quote;

use super::{Home, docs, imports::Imports};
use crate::{
    model::{Action, Model},
    snapshot::Availability,
};

pub(super) fn emit(home: &Home, model: &Model) -> Vec<TokenStream> {
    let rows = model.actions.iter().map(row);
    let has_parameters = model.actions.iter().any(|action| !action.parameters.is_empty());
    let mut imports = Imports::new(home);
    imports.sdk(["ActionInfo"]);
    if has_parameters {
        imports.sdk(["ParameterInfo"]);
    }
    let header = quote! {
        //! The table of all actions.
    };
    let version = model.version.as_ref().map(|version| {
        quote! {
            /// The version of the agent whose catalogue this is.
            pub const AGENT_VERSION: &str = #version;
        }
    });
    let compared = model.compared.as_ref().map(|(oldest, newest)| {
        let sentence =
            format!("What names no version is in every known catalogue from {oldest} to {newest}.");
        docs::lines(["", &sentence])
    });
    let table = quote! {
        /// Every action of the catalogue by its name on the wire, those included that only the
        /// vendor's cloud may call.
        #compared
        pub const ACTIONS: &[ActionInfo] = &[#(#rows),*];
    };
    [header].into_iter().chain(imports.blocks()).chain(version).chain([table]).collect()
}

fn row(action: &Action) -> TokenStream {
    let Action { wire, description, cloud_controller_only, availability, .. } = action;
    let parameters = action.parameters.iter().map(|parameter| {
        let (wire, word, required) = (&parameter.wire, &parameter.word, parameter.required);
        let versions = versions(&parameter.availability);
        let by_some = parameter.requiring.varies().then(|| quote!(.required_by_some()));
        quote!(ParameterInfo::new(#wire, #word, #required)#versions #by_some)
    });
    let versions = versions(availability);
    quote! {
        ActionInfo::new(#wire, #description, &[#(#parameters),*], #cloud_controller_only)#versions
    }
}

/// `.since("1.2.0").until("1.3.0")`, as far as it is not there in all versions.
fn versions(of: &Availability) -> TokenStream {
    let since = of.since().map(|version| quote!(.since(#version)));
    let until = of.until().map(|version| quote!(.until(#version)));
    quote!(#since #until)
}
