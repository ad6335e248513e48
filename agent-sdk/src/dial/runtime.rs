//! The runtime that connecting needs.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::Poll,
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::JoinSet,
};

use crate::error::ConnectError;

/// Connects on the runtime of `handle`, or else on the current one. Where Tokio would panic for
/// want of a runtime, or of its sockets or timers, this ends with an error. The work is on the heap,
/// so that it does not make its caller's future large.
///
/// # Cancel safety
///
/// Dropping the future drops the work, on whichever runtime.
pub(crate) async fn on_runtime<T: Send + 'static>(
    handle: Option<Handle>,
    work: Pin<Box<impl Future<Output = Result<T, ConnectError>> + Send + 'static>>,
) -> Result<T, ConnectError> {
    let Some(handle) = handle else { return without_panic(work).await };
    if handle.runtime_flavor() != RuntimeFlavor::MultiThread {
        let reason = "the one that was named has one thread, which runs only inside of `block_on`";
        return Err(ConnectError::NoRuntime { reason: reason.to_owned() });
    }
    // Dropping the set aborts the task.
    let mut task = JoinSet::new();
    task.spawn_on(without_panic(work), &handle);
    match task.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
        _ => Err(ConnectError::NoRuntime { reason: "the one that was named has ended".to_owned() }),
    }
}

async fn without_panic<T>(
    mut work: Pin<Box<impl Future<Output = Result<T, ConnectError>>>>,
) -> Result<T, ConnectError> {
    if Handle::try_current().is_err() {
        return Err(ConnectError::NoRuntime { reason: "there is none".to_owned() });
    }
    // Whether a runtime has sockets and timers cannot be asked; Tokio panics for want of them.
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => polled,
        Err(panic) => match missing_part(&*panic) {
            Some(reason) => Poll::Ready(Err(ConnectError::NoRuntime { reason })),
            None => resume_unwind(panic),
        },
    })
    .await
}

/// Returns what the runtime lacks, if that is what a panic is about.
fn missing_part(panic: &(dyn Any + Send)) -> Option<String> {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())?;
    let missing = text.strip_prefix("A Tokio 1.x context was found, but ")?;
    Some(missing.split('.').next().unwrap_or(missing).to_owned())
}
