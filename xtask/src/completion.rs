//! The words that a shell may complete: actions and parameters. Nothing is connected to.

use std::{env, ffi::OsStr};

use agent_codegen::{KnownParameter, types::ParamType};
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
            candidate(action.name, help)
        })
        .collect()
}

/// The parameters of the action earlier in the line, or the values of one whose name is there.
pub fn parameters(begun: &OsStr) -> Vec<CompletionCandidate> {
    let Some(begun) = begun.to_str() else { return Vec::new() };
    let known = action().zip(Known::embedded());
    let action = known.and_then(|(action, known)| known.action(&action));
    let parameters = action.map(|action| action.parameters).unwrap_or_default();
    match begun.split_once('=') {
        None => parameters
            .into_iter()
            .filter(|parameter| parameter.name.starts_with(begun))
            .map(|it| candidate(format!("{}=", it.name), it.param_type.to_string()))
            .collect(),
        Some((name, value)) => {
            let parameter = parameters.into_iter().find(|parameter| parameter.name == name);
            let values = parameter.map(values).unwrap_or_default().into_iter();
            let values = values.filter(|known| known.starts_with(value));
            values.map(|value| CompletionCandidate::new(format!("{name}={value}"))).collect()
        }
    }
}

/// The values of a parameter as they are typed, where they are few and known.
fn values(parameter: KnownParameter) -> Vec<String> {
    let mut param_type = &parameter.param_type;
    while let ParamType::Nullable(inner) | ParamType::Named(_, inner) = param_type {
        param_type = inner;
    }
    match param_type {
        ParamType::Boolean => ["true", "false"].map(str::to_owned).into(),
        _ => parameter.values,
    }
}

fn candidate(word: String, help: String) -> CompletionCandidate {
    CompletionCandidate::new(word).help(Some(help.into()))
}

/// The action that the line calls.
fn action() -> Option<String> {
    let known = Known::embedded()?;
    let is_action = |word: &String| known.snapshot.actions().contains_key(word);
    // Not simply the next word: it may be the value of an option.
    line().skip_while(|word| word != "call").skip(1).find(is_action)
}

/// The value of an option in the line, if it is there.
pub fn value_of(option: &str) -> Option<String> {
    let words: Vec<_> = line().collect();
    let apart = words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1].clone());
    let joined = || {
        let value = |word: &String| Some(word.strip_prefix(option)?.strip_prefix('=')?.to_owned());
        words.iter().find_map(value)
    };
    apart.or_else(joined)
}

/// The words of the line that is completed: what a shell passes on after `--`.
fn line() -> impl Iterator<Item = String> {
    let words = env::args_os().skip_while(|word| word != "--").skip(1);
    words.map(|word| word.to_string_lossy().into_owned())
}

/// Returns whether a word is one that begins with what was typed.
pub fn is_begun(word: &str, begun: &OsStr) -> bool {
    begun.to_str().is_some_and(|begun| word.starts_with(begun))
}
