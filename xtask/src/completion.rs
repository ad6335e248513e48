//! The words that a shell may complete: actions and parameters. Nothing is connected to.

use std::{env, ffi::OsStr};

use clap::CommandFactory;
use clap_complete::{CompleteEnv, engine::CompletionCandidate};

use crate::known::Known;

/// The variable by which a shell asks for completions.
pub const VARIABLE: &str = "AGENTCTL_COMPLETE";

/// Answers a shell that asks for completions, and ends the process then.
pub fn answer<T: CommandFactory>() {
    CompleteEnv::with_factory(T::command).var(VARIABLE).complete();
}

/// Actions by the beginning of their names.
pub fn actions(begun: &OsStr) -> Vec<CompletionCandidate> {
    let actions = Known::embedded().map(|known| known.actions()).unwrap_or_default();
    let actions = actions.into_iter().filter(|action| is_begun(&action.name, begun));
    actions
        .map(|action| {
            let help = action.description.lines().next().unwrap_or_default().to_owned();
            CompletionCandidate::new(action.name).help(Some(help.into()))
        })
        .collect()
}

/// The parameters of the action that stands earlier in the line.
pub fn parameters(begun: &OsStr) -> Vec<CompletionCandidate> {
    let mut words = env::args().skip_while(|word| word != "call").skip(1);
    let known = words.find(|word| !word.starts_with('-')).zip(Known::embedded());
    let action = known.and_then(|(action, known)| known.action(&action));
    let parameters = action.map(|action| action.parameters).unwrap_or_default();
    let parameters = parameters.into_iter().map(|parameter| {
        let help = parameter.param_type.to_string();
        (format!("{}=", parameter.name), help)
    });
    parameters
        .filter(|(name, _)| is_begun(name, begun))
        .map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into())))
        .collect()
}

/// Whether a word is one that was begun so.
pub fn is_begun(word: &str, begun: &OsStr) -> bool {
    begun.to_str().is_some_and(|begun| word.starts_with(begun))
}
