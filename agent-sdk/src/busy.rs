//! Files that another process uses at the moment.

use std::{
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempPath;

/// How long work on a file is repeated: most who hold one let go of it within milliseconds, a virus
/// scanner takes longer. Go's own tools wait as long.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for one whose place is taken: every reader has to let go of it, one after the other.
const PATIENCE_TO_REPLACE: Duration = Duration::from_secs(10);
/// The wait before the first repetition; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(1);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// Repeats work on a file, for 2 s at most, while Windows refuses it because another process has the
/// file open, replaces it or removes it. Other systems let all of them go on; there it is done once.
///
/// # Errors
///
/// As the work ended last.
pub fn patiently<T>(work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    repeat_while(may_pass, PATIENCE, work)
}

/// Returns whether another process may be the reason, and let go.
fn may_pass(error: &io::Error) -> bool {
    cfg!(windows) && is_busy(error)
}

/// Puts a temporary file in the place of another one, as [`patiently`] does its work, for 10 s at most.
///
/// # Errors
///
/// It cannot be moved; then it is removed.
pub fn replace(file: TempPath, target: &Path) -> io::Result<()> {
    let mut file = Some(file);
    repeat_while(may_pass, PATIENCE_TO_REPLACE, || {
        let Some(moving) = file.take() else { return Ok(()) };
        moving.persist(target).map_err(|refused| {
            file = Some(refused.path);
            refused.error
        })
    })
}

fn repeat_while<T>(
    may_pass: impl Fn(&io::Error) -> bool,
    patience: Duration,
    mut work: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let deadline = Instant::now() + patience;
    let mut wait = FIRST_WAIT;
    loop {
        match work() {
            Err(error) if may_pass(&error) && Instant::now() < deadline => thread::sleep(wait),
            ended => return ended,
        }
        wait = (2 * wait).min(LONGEST_WAIT);
    }
}

/// Returns whether Windows may mean another process. A lasting refusal has the same number as that of a
/// file that is being replaced.
fn is_busy(error: &io::Error) -> bool {
    /// The system's numbers: sharing violation, lock violation, delete pending, user-mapped file.
    const BUSY: [i32; 4] = [32, 33, 303, 1224];
    error.kind() == io::ErrorKind::PermissionDenied
        || error.raw_os_error().is_some_and(|number| BUSY.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    fn attempts(refusals: usize, refusal: io::ErrorKind, patience: Duration) -> (usize, bool) {
        let mut attempts = 0;
        let ended = repeat_while(is_busy, patience, || {
            attempts += 1;
            if attempts > refusals { Ok(()) } else { Err(refusal.into()) }
        });
        (attempts, ended.is_ok())
    }

    #[test]
    fn work_is_repeated_until_the_other_process_lets_go_and_not_for_other_reasons() {
        assert_eq!(attempts(3, io::ErrorKind::PermissionDenied, PATIENCE), (4, true));
        assert_eq!(attempts(3, io::ErrorKind::NotFound, PATIENCE), (1, false));
    }

    #[test]
    fn a_refusal_that_lasts_is_the_end_after_a_while() {
        let began = Instant::now();
        let (attempts, ended) = attempts(usize::MAX, io::ErrorKind::PermissionDenied, SHORT);
        assert!(!ended, "after {attempts} attempts");
        assert!(began.elapsed() >= SHORT);
    }
}
