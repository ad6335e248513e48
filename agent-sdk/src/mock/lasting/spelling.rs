//! How lasting faults are spelt.

use std::{str::FromStr, time::Duration};

use super::{LastingFault, MAX_TIME, UnknownFault};
use crate::mock::fault::MAX_PADDING;

impl FromStr for LastingFault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, argument) = match text.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        read(name, argument).ok_or_else(|| unknown(text, name))
    }
}

fn read(name: &str, argument: Option<&str>) -> Option<LastingFault> {
    match (name, argument) {
        ("delay", Some(time)) => Some(LastingFault::Delay(milliseconds(time)?)),
        ("reorder", None) => Some(LastingFault::Reorder),
        ("drop-after", Some(argument)) => drop_after(argument),
        ("half-open-after", Some(requests)) => {
            Some(LastingFault::HalfOpenAfter(requests.parse().ok()?))
        }
        ("restart-after", Some(argument)) => {
            let (requests, down) = argument.split_once(',')?;
            let (requests, down) = (requests.parse().ok()?, seconds(down)?);
            Some(LastingFault::RestartAfter { requests, down })
        }
        ("wrong-token", None) => Some(LastingFault::WrongToken),
        ("duplicate-reply", None) => Some(LastingFault::DuplicateReply),
        ("garbage", None) => Some(LastingFault::Garbage),
        ("error-status", None) => Some(LastingFault::ErrorStatus),
        ("no-status", None) => Some(LastingFault::NoStatus),
        ("huge", Some(bytes)) => {
            Some(LastingFault::Huge(bytes.parse().ok().filter(|bytes| *bytes <= MAX_PADDING)?))
        }
        ("fragment", None) => Some(LastingFault::Fragment(3)),
        ("fragment", Some(frames)) => {
            Some(LastingFault::Fragment(frames.parse().ok().filter(|frames| *frames > 0)?))
        }
        ("slow-handshake", Some(time)) => Some(LastingFault::SlowHandshake(milliseconds(time)?)),
        ("refuse-upgrade", Some(code)) => Some(LastingFault::RefuseUpgrade(http_status(code)?)),
        ("close-code", Some(code)) => Some(LastingFault::CloseCode(close_code(code)?)),
        ("event-flood", Some(events)) => Some(LastingFault::EventFlood(
            events.parse().ok().filter(|events| *events <= MAX_FLOOD)?,
        )),
        ("ban", None) => Some(LastingFault::Ban),
        ("gateway", Some(code)) => Some(LastingFault::Gateway(http_status(code)?)),
        ("freeze", Some(time)) => Some(LastingFault::Freeze(seconds(time)?)),
        ("forget-subscriptions", None) => Some(LastingFault::ForgetSubscriptions),
        ("reject-resubscribe", None) => Some(LastingFault::RejectResubscribe),
        _ => None,
    }
}

/// The most events that a session begins with: seconds of reading.
const MAX_FLOOD: u64 = 1_000_000;

fn drop_after(argument: &str) -> Option<LastingFault> {
    let mut parts = argument.split(':');
    let requests = parts.next()?.parse().ok()?;
    let (mut reset, mut once) = (false, false);
    for part in parts {
        match part {
            "rst" if !reset => reset = true,
            "once" if !once => once = true,
            _ => return None,
        }
    }
    Some(LastingFault::DropAfter { requests, reset, once })
}

fn milliseconds(text: &str) -> Option<Duration> {
    Some(Duration::from_millis(text.parse().ok()?)).filter(|time| *time <= MAX_TIME)
}

fn seconds(text: &str) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    Some(time).filter(|time| *time <= MAX_TIME)
}

fn http_status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (200..600).contains(code))
}

fn close_code(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (1000..5000).contains(code))
}

/// What the words in capital letters of a form stand for.
fn bounds(name: &str) -> &'static str {
    match name {
        "delay" | "slow-handshake" => ", with MS from 0 to 86400000",
        "drop-after" | "half-open-after" => ", with N from 0 on",
        "restart-after" => ", with N from 0 on and SECONDS from 0 to 86400",
        "huge" => ", with BYTES from 0 to 1073741824",
        "fragment" => ", with FRAMES from 1 on",
        "refuse-upgrade" | "gateway" => ", with CODE from 200 to 599",
        "close-code" => ", with CODE from 1000 to 4999",
        "event-flood" => ", with N from 0 to 1000000",
        "freeze" => ", with SECONDS from 0 to 86400",
        _ => "",
    }
}

/// Says what would have been right.
fn unknown(text: &str, name: &str) -> UnknownFault {
    let name_of = |form: &&&str| form.split(['=', '[']).next() == Some(name);
    UnknownFault(match LastingFault::FORMS.iter().find(name_of) {
        Some(form) => {
            format!("`{text}` is not a fault: it is written `{form}`{}", bounds(name))
        }
        None => {
            format!("`{text}` is not a fault: there are `{}`", LastingFault::FORMS.join("`, `"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An argument in place of each that a form names.
    fn example(form: &str) -> String {
        let example = form.replace("[=FRAMES]", "=7").replace("[:rst][:once]", ":rst:once");
        let example = example.replace("N,SECONDS", "3,0.5").replace("SECONDS", "0.5");
        example.replace("BYTES", "9").replace("CODE", "1001").replace("MS", "20").replace('N', "3")
    }

    #[test]
    fn each_form_is_understood_and_written_alike() {
        for form in LastingFault::FORMS {
            let text = example(form);
            let text = if text.contains("upgrade") || text.contains("gateway") {
                text.replace("1001", "503")
            } else {
                text
            };
            let fault: LastingFault = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(fault.to_string(), text);
        }
        let mut names: Vec<_> = LastingFault::FORMS.iter().map(|form| example(form)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), LastingFault::FORMS.len());
    }

    #[test]
    fn a_wrong_argument_says_how_the_fault_is_written() {
        for text in [
            "delay",
            "delay=",
            "delay=86400001",
            "delay= 1",
            "slow-handshake=0.5",
            "half-open-after",
            "half-open-after=1:once",
            "drop-after=1:",
            "drop-after=1:rst:rst",
            "drop-after=:rst",
            "drop-after=18446744073709551616",
            "restart-after=1,",
            "restart-after=,1",
            "restart-after=1,2,3",
            "restart-after=1,86401",
            "event-flood=1000001",
            "event-flood=18446744073709551615",
            "gateway=101",
            "gateway",
            "refuse-upgrade=600",
            "close-code=999",
            "close-code=5000",
            "fragment=",
            "freeze=nan",
            "freeze=-0.1",
            "huge=1073741825",
            "ban=1",
            "wrong-token=",
            "delay=-1",
            "delay=1e9",
            "reorder=1",
            "drop-after=x",
            "drop-after=1:soon",
            "restart-after=1",
            "restart-after=1,-1",
            "refuse-upgrade=99",
            "close-code=70000",
            "fragment=0",
            "freeze=inf",
            "huge=99999999999999",
        ] {
            let error = text.parse::<LastingFault>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{text}` is not a fault: it is written `")),
                "{error}"
            );
        }
        for text in ["nonsense", "", "=", "Delay=1", "drop_after=1", "delay:1", "delay =1"] {
            let error = text.parse::<LastingFault>().unwrap_err().to_string();
            assert!(error.contains("there are `delay=MS`, "), "{error}");
            assert!(error.contains("`half-open-after=N`"), "{error}");
        }
    }

    /// `delay=100000000` was told to be written `delay=MS`, which it was.
    #[test]
    fn a_form_with_an_argument_says_what_it_may_be() {
        for form in LastingFault::FORMS {
            let name = form.split(['=', '[']).next().unwrap();
            let words = form[name.len()..].split(|c: char| !c.is_ascii_uppercase());
            for word in words.filter(|word| !word.is_empty()) {
                assert!(bounds(name).contains(&format!("{word} from ")), "{form}");
            }
            assert_eq!(bounds(name).is_empty(), name == form, "{form}");
        }
        let error = "gateway=700".parse::<LastingFault>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`gateway=700` is not a fault: it is written `gateway=CODE`, with CODE from 200 to 599"
        );
    }

    #[test]
    fn the_marks_of_a_drop_come_in_any_order() {
        for (text, reset, once) in [
            ("drop-after=0", false, false),
            ("drop-after=0:rst", true, false),
            ("drop-after=0:once", false, true),
            ("drop-after=0:rst:once", true, true),
            ("drop-after=0:once:rst", true, true),
        ] {
            let fault = LastingFault::DropAfter { requests: 0, reset, once };
            assert_eq!(text.parse(), Ok(fault), "{text}");
        }
    }
}
