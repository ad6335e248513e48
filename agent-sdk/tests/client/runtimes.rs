//! Connections whose runtime does not run, or is not what they need.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use agent_sdk::{Agent, CloseReason, ConnectError, Error, NotSent, Outcome, mock::Fault};
use futures_util::poll;
use serde_json::json;
use tokio::runtime::{self, Runtime};

use crate::common::{LIMIT, client, is_closed, mock, soon, until_requests};

const TIMEOUT: Duration = Duration::from_millis(200);

fn one_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn always_running() -> Runtime {
    runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Runs a future without Tokio.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let began = Instant::now();
    let mut work = pin!(work);
    loop {
        if let Poll::Ready(output) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park_timeout(LIMIT);
        assert!(began.elapsed() < LIMIT, "it hangs");
    }
}

/// A call with a timeout of 1 s had not ended after 6.
#[test]
fn a_call_ends_in_time_while_the_runtime_of_its_connection_does_not_run() {
    let server = always_running();
    let mock = server.block_on(mock().start()).unwrap();
    let home = one_thread();
    let agent = home.block_on(client(&mock).connect()).unwrap();
    let call = || agent.call_raw("echo", ()).timeout(TIMEOUT);
    let began = Instant::now();
    for error in [
        one_thread().block_on(soon(call())).unwrap_err(),
        // Has the home's context, and does not make it run.
        home.handle().block_on(call()).unwrap_err(),
        block_on(call()).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotSent { reason: NotSent::TimedOut(_), .. }), "{error}");
    }
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    assert_eq!(mock.request_count(), 0);
    // It goes on as soon as it may.
    home.block_on(call()).unwrap();
    let figures = agent.statistics();
    assert_eq!((figures.calls, figures.timed_out, figures.succeeded), (4, 3, 1));
}

#[test]
fn a_call_that_was_sent_ends_as_unknown_when_its_runtime_ceases_to_run() {
    let server = always_running();
    let mock = server.block_on(mock().start()).unwrap();
    mock.inject(Fault::lose());
    let home = one_thread();
    let agent = home.block_on(client(&mock).connect()).unwrap();
    let mut call = agent.call_raw("echo", ()).timeout(TIMEOUT);
    home.block_on(async {
        assert!(poll!(&mut call).is_pending());
        until_requests(&mock, 1).await;
    });
    assert_eq!(block_on(call).unwrap_err().outcome(), Outcome::Unknown);
}

/// `close` hung.
#[test]
fn closing_ends_in_time_while_the_runtime_of_its_connection_does_not_run() {
    let server = always_running();
    let mock = server.block_on(mock().start()).unwrap();
    mock.inject(Fault::lose());
    let home = one_thread();
    let builder = client(&mock).close_timeout(TIMEOUT);
    let agent = home.block_on(builder.connect()).unwrap();
    let mut call = agent.call_raw("echo", ()).timeout(Duration::from_secs(3600));
    home.block_on(async {
        assert!(poll!(&mut call).is_pending());
        until_requests(&mock, 1).await;
    });
    block_on(agent.close());
    assert_eq!(block_on(call).unwrap_err().outcome(), Outcome::Unknown);
    assert!(is_closed(&agent.state().borrow()));
    // The task says goodbye once it runs again.
    home.block_on(async {
        while mock.connections() > 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_call_ends_in_time_while_the_runtime_of_its_connection_is_blocked() {
    let server = always_running();
    let mock = server.block_on(mock().start()).unwrap();
    let home = always_running();
    let agent = home.block_on(client(&mock).close_timeout(TIMEOUT).connect()).unwrap();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let (began, begins) = std::sync::mpsc::channel();
    home.spawn(async move {
        began.send(()).unwrap();
        let _ = blocked.recv_timeout(LIMIT);
    });
    begins.recv_timeout(LIMIT).unwrap();
    let error = block_on(agent.call_raw("echo", ()).timeout(TIMEOUT)).unwrap_err();
    assert!(matches!(error, Error::NotSent { reason: NotSent::TimedOut(_), .. }), "{error}");
    block_on(agent.close());
    drop(release);
}

#[test]
fn calls_end_with_the_runtime_of_their_connection() {
    let server = always_running();
    let mock = server.block_on(mock().start()).unwrap();
    let home = one_thread();
    let agent = home.block_on(client(&mock).connect()).unwrap();
    drop(home);
    let error = block_on(agent.call_raw("echo", ())).unwrap_err();
    let Error::Closed { why, .. } = error else { panic!("{error}") };
    assert!(matches!(*why, CloseReason::RuntimeEnded), "{why}");
    block_on(agent.close());
}

#[test]
fn a_connection_with_a_runtime_of_its_own_serves_calls_from_everywhere() {
    let home = always_running();
    let mock = home.block_on(mock().start()).unwrap();
    let agent = block_on(client(&mock).runtime(home.handle().clone()).connect()).unwrap();
    let call = || agent.call_raw("echo", json!({"x": 1}));
    for reply in [block_on(call()), one_thread().block_on(call())] {
        assert_eq!(reply.unwrap().parameters().unwrap(), json!({"x": 1}));
    }
    block_on(agent.close());
}

/// It was a panic.
#[test]
fn connecting_without_a_runtime_or_a_part_of_it_is_an_error_that_says_so() {
    let builder = || Agent::builder("ws://127.0.0.1:1").credentials("root", "x");
    let bare = runtime::Builder::new_current_thread().build().unwrap();
    let no_sockets = runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let no_timers = runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let bare_worker = runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    for (result, missing) in [
        (block_on(builder().connect()), "there is none"),
        (bare.block_on(builder().connect()), "timers are disabled"),
        (no_sockets.block_on(builder().connect()), "IO is disabled"),
        (no_timers.block_on(builder().connect()), "timers are disabled"),
        (block_on(builder().runtime(bare.handle().clone()).connect()), "has one thread"),
        (
            block_on(builder().runtime(bare_worker.handle().clone()).connect()),
            "timers are disabled",
        ),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, ConnectError::NoRuntime { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(missing) && text.contains("enable_all"), "{text}");
    }
    for error in [
        block_on(builder().health()).unwrap_err(),
        block_on(Agent::builder("wss://127.0.0.1:1").certificate()).unwrap_err(),
    ] {
        assert!(matches!(error, ConnectError::NoRuntime { .. }), "{error}");
    }
}
