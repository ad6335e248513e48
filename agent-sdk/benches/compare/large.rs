//! The rows about a large reply: its memory, and the calls beside it.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt, join};
use tokio::runtime::Builder;
use tungstenite::protocol::WebSocketConfig;

use crate::{
    Plan, floor,
    job::{Job, Kept, Ready, Service},
    memory, ours,
    process::Server,
    report::{Goal, OF_FLOOR, Row, median},
    server::LARGE,
    work::{self, Bulk, PARAMETERS},
};

/// The size of the text in the large reply.
const SIZE: usize = 32 << 20;

/// When the small replies came that the server sends right before and right behind a large one.
#[derive(Clone, Copy, Default)]
struct Delays {
    before: Duration,
    behind: Duration,
}

/// The server sleeps and stays on no processor: two threads of the client work at a time.
pub fn large(plan: &Plan) -> Vec<Row> {
    let service = Service { sleep: true, large: Some(SIZE), core: None, ..work::agent() };
    let server = Server::start(&service);
    let mut rows = if memory::peak().is_some() {
        vec![peak_row(plan, &server, Kept::Decoded, 2.2), peak_row(plan, &server, Kept::Whole, 1.1)]
    } else {
        vec![Row::left_out("32 MiB reply", memory::UNKNOWN)]
    };
    rows.push(behind(plan, &server));
    rows
}

fn peak_row(plan: &Plan, server: &Server, kept: Kept, limit: f64) -> Row {
    let name = match kept {
        Kept::Decoded => "32 MiB reply, decoded",
        Kept::Whole => "32 MiB reply, kept whole",
    };
    let job = Job::Large { kept, server: server.ready.clone() };
    let values = (0..plan.long_rounds).map(|_| job.by_process()).collect();
    Row::new(name, "peak memory", "times its size", values).goal(Goal::AtMost(limit)).room(1.1)
}

/// The most memory that a large reply takes in this process, in times its size.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
pub async fn peak(kept: Kept, server: &Ready) -> f64 {
    let agent = ours::connect(server).await;
    let before = memory::resident().expect("the kernel has told it before");
    let large = async {
        let reply = agent.call_raw(LARGE, PARAMETERS).await.expect("a good reply");
        match kept {
            Kept::Whole => assert!(reply.message().len() > SIZE),
            Kept::Decoded => {
                let bulk: Bulk = reply.decode().expect("a good reply");
                drop(reply);
                assert_eq!(bulk.text.len(), SIZE);
            }
        }
    };
    let small = async || ours::call(&agent).await.expect("a good reply").check();
    join!(small(), large, small());
    let peak = memory::peak().expect("the kernel has told it before");
    (peak - before) as f64 / SIZE as f64
}

/// Each on a runtime of two threads. The caller of the SDK decodes the large reply on one of them
/// while the other goes on reading; the loop of the floor decodes it before it reads on.
fn behind(plan: &Plan, server: &Server) -> Row {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let rounds = plan.rounds([&|| runtime.block_on(delays_of_floor(&server.ready)), &|| {
        runtime.block_on(delays_of_ours(&server.ready))
    }]);
    let millis = |figure: fn(&[Delays; 2]) -> Duration| {
        median(rounds.iter().map(|round| figure(round).as_secs_f64() * 1e3))
    };
    let ratio =
        |[floor, ours]: &[Delays; 2]| ours.behind.as_secs_f64() / floor.behind.as_secs_f64();
    let values = rounds.iter().map(ratio).collect();
    Row::new("behind a 32 MiB reply", "delay of a small one", OF_FLOOR, values)
        .goal(Goal::AtMost(1.1))
        .note(format!(
            "{:.1} of {:.1} ms; before it {:.1} of {:.1} ms",
            millis(|[_, ours]| ours.behind),
            millis(|[floor, _]| floor.behind),
            millis(|[_, ours]| ours.before),
            millis(|[floor, _]| floor.before),
        ))
}

async fn delays_of_ours(server: &Ready) -> Delays {
    let agent = ours::connect(server).await;
    let began = Instant::now();
    let large = tokio::spawn({
        let agent = agent.clone();
        async move {
            let reply = agent.call_raw(LARGE, PARAMETERS).await.expect("a good reply");
            let bulk: Bulk = reply.decode().expect("a good reply");
            assert_eq!(bulk.text.len(), SIZE);
        }
    });
    let small = tokio::spawn({
        let agent = agent.clone();
        async move {
            let small = async || {
                ours::call(&agent).await.expect("a good reply").check();
                began.elapsed()
            };
            join!(small(), small())
        }
    });
    let (before, behind) = small.await.expect("it does not panic");
    large.await.expect("it does not panic");
    agent.close().await;
    Delays { before, behind }
}

async fn delays_of_floor(server: &Ready) -> Delays {
    let most = Some(2 * SIZE);
    let config = WebSocketConfig::default().max_message_size(most).max_frame_size(most);
    let mut socket = floor::connect(server, Some(config)).await;
    let began = Instant::now();
    socket.feed(floor::request(0)).await.expect("the server reads");
    socket.feed(floor::request_for(LARGE, 1)).await.expect("the server reads");
    socket.feed(floor::request(2)).await.expect("the server reads");
    socket.flush().await.expect("the server reads");
    assert_eq!(floor::number(socket.next().await), 0);
    let before = began.elapsed();
    let (number, bulk) = floor::reply::<Bulk>(socket.next().await);
    assert_eq!((number, bulk.text.len()), (1, SIZE));
    assert_eq!(floor::number(socket.next().await), 2);
    Delays { before, behind: began.elapsed() }
}
