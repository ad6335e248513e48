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

use super::{Home, imports::Imports};
use crate::model::{Action, Model};

pub(super) fn emit(home: &Home, model: &Model) -> Vec<TokenStream> {
    let rows = model.actions.iter().map(row);
    let has_parameters = model.actions.iter().any(|action| !action.parameters.is_empty());
    let mut imports = Imports::new(home);
    imports.sdk(["ActionInfo"]);
    if has_parameters {
        imports.sdk(["ParameterInfo"]);
    }
    let docs = quote! {
        //! The table of all actions.
    };
    let version = model.version.as_ref().map(|version| {
        quote! {
            /// The version of the agent whose catalogue this is.
            pub const AGENT_VERSION: &str = #version;
        }
    });
    let table = quote! {
        /// Every action of the catalogue by its name on the wire, those included that only the
        /// vendor's cloud may call.
        pub const ACTIONS: &[ActionInfo] = &[#(#rows),*];
    };
    [docs].into_iter().chain(imports.blocks()).chain(version).chain([table]).collect()
}

fn row(action: &Action) -> TokenStream {
    let Action { wire, description, cloud_controller_only, .. } = action;
    let parameters = action.parameters.iter().map(|parameter| {
        let (wire, word, required) = (&parameter.wire, &parameter.word, parameter.required);
        quote!(ParameterInfo::new(#wire, #word, #required))
    });
    quote!(ActionInfo::new(#wire, #description, &[#(#parameters),*], #cloud_controller_only))
}
