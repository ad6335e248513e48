//! All parts side by side, since formatting takes nearly all of the time.

use std::thread::{self, Scope, ScopedJoinHandle};

use super::{Home, Part, format::format};
use crate::model::{Action, Model};

/// A text, or why it is no Rust.
type Text = Result<String, String>;

/// The text of each part, by name.
pub(super) fn write(home: &Home, model: &Model, parts: &[Part]) -> Vec<(&'static str, Text)> {
    let actions: Vec<_> = model.callable().collect();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let chunk = actions.len().div_ceil(processors).max(1);
    thread::scope(|scope| {
        let start = |part: &Part| {
            let emit = part.emit;
            let head =
                scope.spawn(move || format(emit(home, model)).map_err(|error| error.to_string()));
            let each = part.each.map_or(Vec::new(), |each| {
                actions.chunks(chunk).map(|chunk| start_each(scope, each, chunk)).collect()
            });
            (part.name, head, each)
        };
        let running: Vec<_> = parts.iter().map(start).collect();
        let join = |(name, head, each): (_, _, Vec<_>)| {
            let texts = std::iter::once(head).chain(each).map(join);
            (name, texts.collect::<Result<Vec<_>, _>>().map(|texts| texts.concat()))
        };
        running.into_iter().map(join).collect()
    })
}

/// Writes some actions, each by itself: small pieces are formatted faster than a large one.
fn start_each<'scope>(
    scope: &'scope Scope<'scope, '_>,
    each: fn(&Action) -> Vec<proc_macro2::TokenStream>,
    actions: &'scope [&Action],
) -> ScopedJoinHandle<'scope, Text> {
    let write = move |action: &&Action| {
        let text = format(each(action));
        text.map(|text| format!("\n{text}")).map_err(|error| format!("`{}`: {error}", action.wire))
    };
    scope.spawn(move || actions.iter().map(write).collect())
}

fn join(thread: ScopedJoinHandle<'_, Text>) -> Text {
    thread.join().unwrap_or_else(|_| Err("it panicked".to_owned()))
}
