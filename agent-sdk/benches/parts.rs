//! The parts that each call passes, one by one.
//!
//! ```text
//! cargo bench -p agent-sdk-benches --bench parts
//! ```

use agent_sdk::parts::{FrameReader, TokenSource, read_envelope, write_frame, write_token};
use divan::{
    Bencher, black_box,
    counter::{BytesCount, ItemsCount},
};

fn main() {
    divan::main();
}

const TOKEN: &str = r#""idempotence":"2f1c0a5e00000000b00100000000002a""#;
const STATUS: &str = r#""status":"ok""#;
const PARAMETERS: &str = r#""parameters":{"agent":"alpha","processors":8,"players":42}"#;
/// A mebibyte.
const LARGE: usize = 1 << 20;
/// Messages in one piece that was received.
const BATCH: usize = 64;

fn message(fields: &[&str]) -> String {
    format!("{{{}}}", fields.join(","))
}

/// A reply of the usual size with its fields in every order.
#[divan::bench(args = ["token status parameters", "token parameters status",
    "status token parameters", "status parameters token",
    "parameters token status", "parameters status token"])]
fn envelope(bencher: Bencher<'_, '_>, order: &str) {
    let fields = order.split(' ').map(|name| match name {
        "token" => TOKEN,
        "status" => STATUS,
        _ => PARAMETERS,
    });
    let message = message(&fields.collect::<Vec<_>>());
    bencher.bench(|| read_envelope(black_box(message.as_bytes())));
}

/// A token behind a mebibyte.
#[divan::bench(args = ["one text", "lines of text", "short texts", "numbers", "objects"])]
fn envelope_behind(bencher: Bencher<'_, '_>, kind: &str) {
    let value = match kind {
        "one text" => format!("\"{}\"", "x".repeat(LARGE)),
        "lines of text" => {
            format!("\"{}\"", "a line of a log, as servers write them\\n".repeat(LARGE / 40))
        }
        "short texts" => format!("[{}]", vec![r#""x""#; LARGE / 4].join(",")),
        "numbers" => format!("[{}]", vec!["12345.6"; LARGE / 8].join(",")),
        _ => format!("[{}]", vec![r#"{"name":"survival","players":42}"#; LARGE / 34].join(",")),
    };
    let message = message(&[&format!(r#""parameters":{value}"#), STATUS, TOKEN]);
    bencher
        .counter(BytesCount::of_str(&message))
        .bench(|| read_envelope(black_box(message.as_bytes())));
}

#[divan::bench]
fn make_token(bencher: Bencher<'_, '_>) {
    let mut tokens = TokenSource::default();
    bencher.bench_local(|| write_token(&mut tokens));
}

/// With its mask, as every frame of a client.
#[divan::bench(args = [120, 64 * 1024])]
fn masked_frame(bencher: Bencher<'_, '_>, size: usize) {
    let payload = vec![b'x'; size];
    let mut out = Vec::with_capacity(size + 16);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        out.clear();
        write_frame(&mut out, black_box(&payload));
    });
}

#[divan::bench]
fn read_frames(bencher: Bencher<'_, '_>) {
    let payload = message(&[TOKEN, STATUS, PARAMETERS]);
    let mut received = Vec::new();
    for _ in 0..BATCH {
        received.extend([0x81, u8::try_from(payload.len()).unwrap_or(0)]);
        received.extend(payload.as_bytes());
    }
    let mut reader = FrameReader::new(LARGE);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| reader.read(black_box(&received)));
}
