//! A difference for people: in a terminal, in a pull request, at the lines of a file.

use std::{collections::BTreeMap, fmt::Write};

use anstyle::{AnsiColor, Style};

use super::{Change, Diff, Rule, Rust, Verdict, Wire};
use crate::{
    diagnostic::Place,
    text::{Shown, Visible, code_span},
};

/// How wide a line for a terminal is.
const WIDTH: usize = 80;

/// The longest text for a pull request, in bytes: a comment of the usual forges holds 65,536
/// characters.
const LONGEST_MARKDOWN: usize = 60_000;

/// So many breaking changes stand without a mark that folds them.
const MOST_UNFOLDED: usize = 20;

/// So many annotations are written; forges show ten of a kind.
const MOST_ANNOTATIONS: usize = 50;

/// So many lines an entry of a changelog has, and so many names one of them.
const MOST_LINES: usize = 100;
const MOST_NAMES: usize = 30;

/// So many Rust items of one change are named.
const MOST_ITEMS: usize = 8;

const VERDICTS: [Verdict; 3] = [Verdict::Breaking, Verdict::Compatible, Verdict::Documentation];

impl Change {
    /// What changed, in a line of Markdown, without the name of the action.
    fn what(&self) -> String {
        let before = || shown(self.before.as_deref());
        let after = || shown(self.after.as_deref());
        match self.rule {
            Rule::ActionAdded => format!("new; {}", after()),
            Rule::ActionRemoved => "gone".to_owned(),
            Rule::ActionRenamed | Rule::ParameterRenamed => format!("is now {}", after()),
            Rule::ActionBecameCloudOnly => "only the vendor's cloud may call it now".to_owned(),
            Rule::ActionNoLongerCloudOnly => "clients may call it now".to_owned(),
            Rule::RequiredParameterAdded | Rule::OptionalParameterAdded => {
                format!("new; {}", after())
            }
            Rule::RequiredParameterRemoved | Rule::OptionalParameterRemoved => {
                format!("gone; was {}", before())
            }
            Rule::ParameterBecameOptional => "may be left out now".to_owned(),
            Rule::ParameterBecameRequired => "is required now".to_owned(),
            Rule::TypesAppeared => "tells the types of parameters now".to_owned(),
            Rule::TypesDisappeared => "tells no types of parameters any more".to_owned(),
            _ => {
                let topic = self.rule.topic();
                match (&self.before, &self.after) {
                    (None, _) => format!("{topic}: {}, was nothing", after()),
                    (_, None) => format!("{topic}: nothing, was {}", before()),
                    _ => format!("{topic}: {}, was {}", after(), before()),
                }
            }
        }
    }

    /// The parameter if there is one, and what changed.
    fn statement(&self) -> String {
        match &self.parameter {
            Some(parameter) => format!("{} {}", shown(Some(parameter)), self.what()),
            None => self.what(),
        }
    }

    /// The change in a line of Markdown.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}: {}", self.subject(), self.statement())
    }

    fn subject(&self) -> String {
        match &self.action {
            Some(action) => shown(Some(action)),
            None if self.rule.is_of_overlay() => "the overlay".to_owned(),
            None => "the catalogue".to_owned(),
        }
    }

    /// What breaks by it, and why it is taken for what it is; empty if nothing does.
    fn consequences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match self.wire {
            Wire::Works => {}
            Wire::Partly => lines.push("on the wire: works in part".to_owned()),
            Wire::Breaks => lines.push("on the wire: breaks".to_owned()),
        }
        if self.rust == Rust::Breaks {
            let items = self.items.iter().take(MOST_ITEMS).map(String::as_str);
            let mut items = items.collect::<Vec<_>>().join(", ");
            let more = self.items.len().saturating_sub(MOST_ITEMS);
            if more > 0 {
                // A string cannot fail to be written, here and below.
                let _ = write!(items, " … and {more} more");
            }
            lines.push(format!("in Rust: breaks {items}"));
        }
        lines.extend(self.evidence.as_ref().map(|evidence| format!("since {evidence}")));
        lines
    }
}

impl Rule {
    /// What a change is about that is described by before and after.
    fn topic(self) -> &'static str {
        match self {
            Self::ActionDescriptionChanged
            | Self::ParameterDescriptionChanged
            | Self::OverlayDescriptionChanged => "description",
            Self::ActionMetadataChanged
            | Self::CatalogueMetadataChanged
            | Self::ParameterMetadataChanged => "says beside it",
            Self::TypeWidened => "takes more values",
            Self::TypeNarrowed => "takes fewer values",
            Self::TypeBecameKnown => "type is known now",
            Self::TypeBecameUnknown => "type is no longer told",
            Self::TypeChanged => "takes other values",
            Self::TypeWordChanged => "word for the same type",
            Self::ValuesAdded => "more values",
            Self::ValuesRemoved => "fewer values",
            Self::ValuesChanged => "other values",
            Self::RustNameChanged => "name in Rust",
            Self::RustTypeChanged => "type in Rust",
            Self::SubjectChanged => "argument of `new`",
            Self::ReplyTyped | Self::ReplyUntyped | Self::ReplyChanged => "schema of the reply",
            Self::TimeoutChanged => "time for a call",
            Self::ReadsChanged => "effect",
            Self::DeprecationChanged => "deprecation",
            Self::SecrecyChanged => "secrecy",
            _ => "type",
        }
    }

    /// Returns whether a change of no action is one of the overlay.
    fn is_of_overlay(self) -> bool {
        matches!(
            self,
            Self::SubjectChanged
                | Self::DeclaredTypeAdded
                | Self::DeclaredTypeRemoved
                | Self::DeclaredTypeChanged
        )
    }
}

/// A foreign text as a code span, on one line and cut.
fn shown(text: Option<&str>) -> String {
    code_span(&Shown(text.unwrap_or_default()).to_string())
}

impl Diff {
    /// What came out, in one sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |verdict| self.changes.iter().filter(|it| it.verdict() == verdict).count();
        let [breaking, compatible, documentation] = VERDICTS.map(count);
        let changes = |count| match count {
            1 => "1 change".to_owned(),
            count => format!("{count} changes"),
        };
        let elsewhere = match self.elsewhere {
            0 => String::new(),
            count => format!("; {} of other actions", changes(count)),
        };
        let step = self.verdict().version_step();
        match self.verdict() {
            Verdict::None => format!("no changes{elsewhere}"),
            Verdict::Breaking => format!(
                "breaking: {}; {compatible} compatible, {documentation} of documentation \
                 alone{elsewhere}; version step: {step}",
                changes(breaking),
            ),
            _ => format!(
                "{}, none breaking{elsewhere}; version step: {step}",
                changes(self.changes.len())
            ),
        }
    }

    /// For a terminal: by action, breaking ones first, at most 80 columns wide where no name is
    /// longer; with colours if asked for.
    #[must_use]
    pub fn draw(&self, colours: bool) -> String {
        let mut text = String::new();
        for verdict in VERDICTS {
            let changes: Vec<_> = self.of(verdict).collect();
            if changes.is_empty() {
                continue;
            }
            let style = if colours { style(verdict) } else { Style::new() };
            let mut subject = String::new();
            push(&mut text, 0, &format!("{style}{}{style:#}", heading(verdict)));
            for change in changes {
                if subject != change.subject() {
                    subject = change.subject();
                    push(&mut text, 2, &subject);
                }
                push(&mut text, 4, &change.statement());
                for line in change.consequences() {
                    push(&mut text, 8, &line);
                }
            }
            text.push('\n');
        }
        push(&mut text, 0, &self.summary());
        text
    }

    /// For a pull request: breaking changes first, the others folded, short enough for one comment.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("**{}**\n", capitalised(&self.summary()));
        for verdict in VERDICTS {
            let changes: Vec<_> = self.of(verdict).collect();
            if changes.is_empty() {
                continue;
            }
            let is_breaking = verdict == Verdict::Breaking;
            let folded = !is_breaking || changes.len() > MOST_UNFOLDED;
            let heading = format!("{} ({})", heading(verdict), changes.len());
            // What breaks is seen at once, however much it is; a reader may fold it.
            let open = if is_breaking { " open" } else { "" };
            let _ = if folded {
                write!(text, "\n<details{open}><summary>{heading}</summary>\n\n")
            } else {
                write!(text, "\n### {heading}\n\n")
            };
            for (index, change) in changes.iter().enumerate() {
                let consequences = change.consequences();
                let because = match consequences.as_slice() {
                    [] => String::new(),
                    lines => format!(" — {}", lines.join("; ")),
                };
                let line = format!("- {}{because}\n", change.line());
                if text.len() + line.len() > LONGEST_MARKDOWN {
                    let _ = writeln!(text, "- … and {} more", changes.len() - index);
                    break;
                }
                text += &line;
            }
            if folded {
                text += "\n</details>\n";
            }
        }
        text
    }

    /// For the lines of a file in a forge: workflow commands, one for each change.
    #[must_use]
    pub fn annotations(&self) -> String {
        let mut text = String::new();
        for change in self.changes.iter().take(MOST_ANNOTATIONS) {
            let level = match change.verdict() {
                Verdict::Breaking => "error",
                Verdict::Compatible => "warning",
                _ => "notice",
            };
            let consequences = change.consequences().join("; ");
            let message = match consequences.as_str() {
                "" => change.line(),
                consequences => format!("{} ({consequences})", change.line()),
            };
            let place = change.new.as_ref().or(change.old.as_ref()).map(properties);
            let place = place.unwrap_or_default();
            let (rule, message) = (change.rule.id(), escaped(&message));
            let _ = writeln!(text, "::{level} {place}title={rule}::{message}");
        }
        let more = self.changes.len().saturating_sub(MOST_ANNOTATIONS);
        let more =
            if more > 0 { format!("; {more} more are not shown here") } else { String::new() };
        let _ = writeln!(text, "::notice title=diff::{}{more}", escaped(&self.summary()));
        text
    }

    /// For a changelog: what the agent changed, as a list of sentences; empty if it is nothing.
    #[must_use]
    pub fn changelog(&self) -> String {
        let of = |rule| self.changes.iter().filter(move |change| change.rule == rule);
        let names = |rule| of(rule).map(Change::subject).collect::<Vec<_>>();
        let mut lines = Vec::new();
        for (rule, verb) in [(Rule::ActionAdded, "Added"), (Rule::ActionRemoved, "Removed")] {
            lines.extend(listed(&names(rule)).map(|names| format!("{verb} {names}.")));
        }
        let renamed = of(Rule::ActionRenamed);
        lines.extend(renamed.map(|it| format!("{} {}.", it.subject(), it.what())));
        let told: [&[Rule]; 2] = [
            &[Rule::ActionAdded, Rule::ActionRemoved, Rule::ActionRenamed],
            &[Rule::ActionDescriptionChanged, Rule::ParameterDescriptionChanged],
        ];
        let rest = self.changes.iter().filter(|it| !told.concat().contains(&it.rule));
        let mut by_action: BTreeMap<_, Vec<_>> = BTreeMap::new();
        rest.for_each(|it| by_action.entry(it.subject()).or_default().push(it.statement()));
        let changed = by_action.into_iter();
        lines.extend(changed.map(|(subject, all)| format!("{}: {}.", subject, all.join("; "))));
        let mut described = names(Rule::ActionDescriptionChanged);
        described.extend(names(Rule::ParameterDescriptionChanged));
        described.dedup();
        lines.extend(listed(&described).map(|names| format!("Described {names} in other words.")));
        let mut text = String::new();
        for line in lines.iter().take(MOST_LINES) {
            let _ = writeln!(text, "- {}", capitalised(line));
        }
        match lines.len().saturating_sub(MOST_LINES) {
            0 => {}
            more => _ = writeln!(text, "- … and {more} more changes."),
        }
        text
    }

    fn of(&self, verdict: Verdict) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.verdict() == verdict)
    }
}

/// Names with commas, and a word before the last one; nothing if there is none.
fn listed(names: &[String]) -> Option<String> {
    let more = names.len().saturating_sub(MOST_NAMES);
    if more > 0 {
        let names = names.iter().take(MOST_NAMES).map(String::as_str);
        return Some(format!("{} and {more} more", names.collect::<Vec<_>>().join(", ")));
    }
    match names {
        [] => None,
        [one] => Some(one.clone()),
        [all @ .., last] => Some(format!("{} and {last}", all.join(", "))),
    }
}

fn heading(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Breaking => "Breaking",
        Verdict::Compatible => "Compatible",
        Verdict::Documentation => "Documentation",
        Verdict::None => "None",
    }
}

fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Breaking => AnsiColor::Red,
        Verdict::Compatible => AnsiColor::Yellow,
        _ => AnsiColor::Cyan,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str()
}

/// Adds a paragraph, its lines indented, and those after the first one a bit more.
fn push(text: &mut String, indent: usize, paragraph: &str) {
    let mut line = " ".repeat(indent);
    let mut width = indent;
    for (index, word) in paragraph.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && width + 1 + length > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(indent + 2);
            width = indent + 2;
        } else if index > 0 {
            line.push(' ');
            width += 1;
        }
        line.push_str(word);
        width += length;
    }
    text.push_str(&line);
    text.push('\n');
}

/// The place as properties of a workflow command.
fn properties(place: &Place) -> String {
    let (line, column) = place.position();
    let file = Visible(place.file()).to_string();
    let file = escaped(&file).replace(':', "%3A").replace(',', "%2C");
    format!("file={file},line={line},col={column},")
}

/// A text that ends neither a workflow command nor a property of one.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_eighty_columns_is_whole_and_a_longer_one_is_broken() {
        for (indent, words, lines) in [
            (0, &[39, 40][..], 1),
            (0, &[39, 41], 2),
            (4, &[39, 36], 1),
            (4, &[39, 37], 2),
            // The second line begins further to the right.
            (0, &[70, 70, 7], 2),
            (0, &[70, 70, 8], 3),
        ] {
            let paragraph: Vec<_> = words.iter().map(|length| "ö".repeat(*length)).collect();
            let mut text = String::new();
            push(&mut text, indent, &paragraph.join(" "));
            assert_eq!(text.lines().count(), lines, "{words:?} after {indent}");
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        }
        let mut text = String::new();
        push(&mut text, 0, &"ö".repeat(WIDTH + 1));
        assert_eq!(text.lines().count(), 1, "no line is empty before a long word");
    }
}
