//! The table of all actions.
//!
//! ```text
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

use super::Home;
use crate::model::{Action, Model};

pub(super) fn emit(home: Home, model: &Model) -> TokenStream {
    let (sdk, lints) = (home.sdk(), home.lints());
    let rows = model.actions.iter().map(row);
    let has_parameters = model.actions.iter().any(|action| !action.parameters.is_empty());
    let parameter_info = has_parameters.then(|| quote!(, ParameterInfo));
    quote! {
        //! The table of all actions.
        #lints

        use #sdk::{ActionInfo #parameter_info};

        /// Every action of the catalogue by its name on the wire, those included that only the
        /// vendor's cloud may call.
        pub const ACTIONS: &[ActionInfo] = &[#(#rows),*];
    }
}

fn row(action: &Action) -> TokenStream {
    let Action { wire, description, cloud_controller_only, .. } = action;
    let parameters = action.parameters.iter().map(|parameter| {
        let (wire, word, required) = (&parameter.wire, &parameter.word, parameter.required);
        quote!(ParameterInfo::new(#wire, #word, #required))
    });
    quote!(ActionInfo::new(#wire, #description, &[#(#parameters),*], #cloud_controller_only))
}
