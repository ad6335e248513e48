//! The kinds of changes.

use serde::{Serialize, Serializer};

/// ```text
/// rules! {
///     /// An action is new.
///     ActionAdded = "action-added", mirror ActionRemoved, documentation false;
/// }
/// ```
macro_rules! rules {
    ($(
        #[doc = $meaning:literal]
        $name:ident = $id:literal, mirror $mirror:ident, documentation $documentation:literal;
    )*) => {
        /// The kind of a change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $meaning] $name,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable name, in words with hyphens.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// The rule of the same change the other way round.
            #[must_use]
            pub fn mirror(self) -> Self {
                match self { $(Self::$name => Self::$mirror),* }
            }

            /// What it means, as a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning.trim_ascii()),* }
            }

            /// Returns whether it concerns only what people read.
            pub(super) fn is_documentation(self) -> bool {
                match self { $(Self::$name => $documentation),* }
            }
        }
    };
}

rules! {
    /// An action is new.
    ActionAdded = "action-added", mirror ActionRemoved, documentation false;
    /// An action is gone.
    ActionRemoved = "action-removed", mirror ActionAdded, documentation false;
    /// An action has another name, as far as that is evident.
    ActionRenamed = "action-renamed", mirror ActionRenamed, documentation false;
    /// From now on, only the vendor's cloud may call an action.
    ActionBecameCloudOnly = "action-became-cloud-only", mirror ActionNoLongerCloudOnly, documentation false;
    /// Clients may call an action that only the vendor's cloud could.
    ActionNoLongerCloudOnly = "action-no-longer-cloud-only", mirror ActionBecameCloudOnly, documentation false;
    /// The agent describes an action in other words.
    ActionDescriptionChanged = "action-description-changed", mirror ActionDescriptionChanged, documentation true;
    /// The catalogue says something else of an action whose meaning is not known.
    ActionMetadataChanged = "action-metadata-changed", mirror ActionMetadataChanged, documentation false;
    /// An action requires one more parameter.
    RequiredParameterAdded = "required-parameter-added", mirror RequiredParameterRemoved, documentation false;
    /// A parameter that an action required is gone.
    RequiredParameterRemoved = "required-parameter-removed", mirror RequiredParameterAdded, documentation false;
    /// An action takes one more parameter.
    OptionalParameterAdded = "optional-parameter-added", mirror OptionalParameterRemoved, documentation false;
    /// A parameter that an action could take is gone.
    OptionalParameterRemoved = "optional-parameter-removed", mirror OptionalParameterAdded, documentation false;
    /// A parameter has another name, as far as that is evident.
    ParameterRenamed = "parameter-renamed", mirror ParameterRenamed, documentation false;
    /// A parameter may be left out.
    ParameterBecameOptional = "parameter-became-optional", mirror ParameterBecameRequired, documentation false;
    /// A parameter may no longer be left out.
    ParameterBecameRequired = "parameter-became-required", mirror ParameterBecameOptional, documentation false;
    /// A parameter takes all values that it took, and more.
    TypeWidened = "type-widened", mirror TypeNarrowed, documentation false;
    /// A parameter takes only some of the values that it took.
    TypeNarrowed = "type-narrowed", mirror TypeWidened, documentation false;
    /// The catalogue tells the type of a parameter for the first time.
    TypeBecameKnown = "type-became-known", mirror TypeBecameUnknown, documentation false;
    /// The catalogue no longer tells the type of a parameter.
    TypeBecameUnknown = "type-became-unknown", mirror TypeBecameKnown, documentation false;
    /// A parameter takes other values.
    TypeChanged = "type-changed", mirror TypeChanged, documentation false;
    /// The catalogue lists parameters with their types in place of their names alone.
    TypesAppeared = "types-appeared", mirror TypesDisappeared, documentation false;
    /// The catalogue lists the names of parameters alone.
    TypesDisappeared = "types-disappeared", mirror TypesAppeared, documentation false;
    /// The catalogue lists more values of a parameter.
    ValuesAdded = "values-added", mirror ValuesRemoved, documentation false;
    /// The catalogue lists fewer values of a parameter.
    ValuesRemoved = "values-removed", mirror ValuesAdded, documentation false;
    /// The catalogue lists other values of a parameter.
    ValuesChanged = "values-changed", mirror ValuesChanged, documentation false;
    /// The agent describes a parameter in other words.
    ParameterDescriptionChanged = "parameter-description-changed", mirror ParameterDescriptionChanged, documentation true;
    /// The catalogue says something else of a parameter whose meaning is not known, or its default.
    ParameterMetadataChanged = "parameter-metadata-changed", mirror ParameterMetadataChanged, documentation false;
    /// The catalogue writes the type of a parameter in another word of the same meaning.
    TypeWordChanged = "type-word-changed", mirror TypeWordChanged, documentation true;
    /// The catalogue says something else beside the actions.
    CatalogueMetadataChanged = "catalogue-metadata-changed", mirror CatalogueMetadataChanged, documentation true;
    /// The overlay gives an action or a parameter another name in Rust.
    RustNameChanged = "rust-name-changed", mirror RustNameChanged, documentation false;
    /// The overlay gives a parameter another type in Rust.
    RustTypeChanged = "rust-type-changed", mirror RustTypeChanged, documentation false;
    /// The overlay names another parameter that `new` takes.
    SubjectChanged = "subject-changed", mirror SubjectChanged, documentation false;
    /// The overlay declares one more type.
    DeclaredTypeAdded = "declared-type-added", mirror DeclaredTypeRemoved, documentation false;
    /// The overlay no longer declares a type.
    DeclaredTypeRemoved = "declared-type-removed", mirror DeclaredTypeAdded, documentation false;
    /// The overlay declares a type otherwise.
    DeclaredTypeChanged = "declared-type-changed", mirror DeclaredTypeChanged, documentation false;
    /// The overlay describes the reply of an action for the first time.
    ReplyTyped = "reply-typed", mirror ReplyUntyped, documentation false;
    /// The overlay no longer describes the reply of an action.
    ReplyUntyped = "reply-untyped", mirror ReplyTyped, documentation false;
    /// The overlay describes the reply of an action otherwise.
    ReplyChanged = "reply-changed", mirror ReplyChanged, documentation false;
    /// The overlay lets a call of an action take another time.
    TimeoutChanged = "timeout-changed", mirror TimeoutChanged, documentation false;
    /// The overlay says otherwise whether an action only reads.
    ReadsChanged = "reads-changed", mirror ReadsChanged, documentation false;
    /// The overlay says otherwise why an action should not be used.
    DeprecationChanged = "deprecation-changed", mirror DeprecationChanged, documentation false;
    /// A parameter is, or is no longer, hidden where parameters are shown.
    SecrecyChanged = "secrecy-changed", mirror SecrecyChanged, documentation false;
    /// The overlay describes an action or a parameter in other words.
    OverlayDescriptionChanged = "overlay-description-changed", mirror OverlayDescriptionChanged, documentation true;
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests;
