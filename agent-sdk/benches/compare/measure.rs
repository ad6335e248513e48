//! What is measured of a client, and for how long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    process::{process_time, thread_time},
    work::Metrics,
};

/// What a client is to do.
#[derive(Clone, Copy)]
pub enum Load {
    /// To keep so many calls in flight for a time.
    InFlight(usize, Duration),
    /// To make one call after the other for a time.
    Alternately(Duration),
}

/// What a client achieved.
#[derive(Clone, Copy, Default)]
pub struct Measured {
    /// Calls per second.
    pub rate: f64,
    /// CPU time per call, in microseconds.
    pub cpu: f64,
    /// How long half of the calls took at most, in microseconds.
    pub median: f64,
    /// How long 99 of 100 calls took at most, in microseconds.
    pub slow: f64,
}

impl Measured {
    /// Of each second, how much the client was at work.
    pub fn busy(&self) -> f64 {
        self.rate * self.cpu / 1e6
    }

    pub fn with(self, latencies: Latencies) -> Self {
        let (median, slow) = latencies.percentiles();
        Self { median, slow, ..self }
    }
}

/// A client that tasks share.
pub trait Caller: Clone + Send + 'static {
    /// Makes the call that all clients make.
    fn call(&self) -> impl Future<Output = Metrics> + Send;
}

/// Keeps so many calls in flight, each by a task of its own.
pub async fn keep_in_flight(
    caller: &impl Caller,
    in_flight: usize,
    time: Duration,
    watch: fn() -> Watch,
) -> Measured {
    let stop = Stop::after(time);
    let watch = watch();
    let mut lanes = JoinSet::new();
    for _ in 0..in_flight {
        let (caller, stop) = (caller.clone(), stop.clone());
        lanes.spawn(async move {
            let mut calls = 0;
            while !stop.is_set() {
                caller.call().await.check();
                calls += 1;
            }
            calls
        });
    }
    let calls = lanes.join_all().await.into_iter().sum();
    watch.measured(calls)
}

/// A flag that sets itself: clients look at it after each call, which is cheaper than the clock.
#[derive(Clone)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn after(time: Duration) -> Self {
        let stop = Self(Arc::default());
        let flag = stop.clone();
        thread::spawn(move || {
            thread::sleep(time);
            flag.0.store(true, Ordering::Relaxed);
        });
        stop
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The clock and the CPU time, from when the client begins.
pub struct Watch {
    began: Instant,
    cpu_time: fn() -> Duration,
    cpu: Duration,
}

impl Watch {
    pub fn of_this_thread() -> Self {
        Self::new(thread_time)
    }

    pub fn of_all_threads() -> Self {
        Self::new(process_time)
    }

    fn new(cpu_time: fn() -> Duration) -> Self {
        Self { began: Instant::now(), cpu_time, cpu: cpu_time() }
    }

    /// What the client has achieved since.
    pub fn measured(&self, calls: usize) -> Measured {
        let (elapsed, cpu) = (self.began.elapsed(), (self.cpu_time)().saturating_sub(self.cpu));
        let calls = calls as u64;
        Measured {
            rate: per_second(calls, elapsed),
            cpu: 1e6 / per_second(calls, cpu),
            median: f64::NAN,
            slow: f64::NAN,
        }
    }
}

/// How many of something there were in a second.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^52 calls")]
pub fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// How long each call took.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn new() -> Self {
        // More than one second of calls: it must not grow in between.
        Self(Vec::with_capacity(100_000))
    }

    pub fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// The median and the 99th percentile, in microseconds.
    fn percentiles(mut self) -> (f64, f64) {
        self.0.sort_unstable();
        let at = |part: usize| {
            let latency = self.0.get(self.0.len() * part / 100);
            latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
        };
        (at(50), at(99))
    }
}
