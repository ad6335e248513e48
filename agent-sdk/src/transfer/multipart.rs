//! A form with a token and a file, streamed (RFC 7578).

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::io::{AsyncRead, ReadBuf};

use super::Options;

/// How much of the file is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The body of an upload.
pub(super) struct Form<R> {
    boundary: String,
    head: Option<Bytes>,
    file: R,
    size: u64,
    tail: Option<Bytes>,
    sent: Sent,
    options: Options,
}

/// How many bytes of the file have been handed over, for those who watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent(Arc<AtomicU64>);

impl Sent {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl<R> Form<R> {
    pub(super) fn new(token: &str, file: R, size: u64, options: Options) -> Self {
        let boundary =
            uuid::Builder::from_random_bytes(rand::random()).into_uuid().simple().to_string();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{token}\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let (head, tail) = (Some(Bytes::from(head)), Some(Bytes::from(tail)));
        Self { boundary, head, file, size, tail, sent: Sent::default(), options }
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The size of the whole body, in bytes.
    pub(super) fn content_length(&self) -> u64 {
        let around = [&self.head, &self.tail].into_iter().flatten().map(Bytes::len).sum::<usize>();
        self.size + around as u64
    }

    pub(super) fn sent(&self) -> Sent {
        self.sent.clone()
    }
}

impl<R: AsyncRead + Unpin> Body for Form<R> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let form = self.get_mut();
        if let Some(head) = form.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        let left = form.size - form.sent.bytes();
        if left == 0 {
            return Poll::Ready(form.tail.take().map(|tail| Ok(Frame::data(tail))));
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut form.file).poll_read(cx, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            let error = io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was sent",
            );
            return Poll::Ready(Some(Err(error)));
        }
        piece.truncate(read);
        let sent = form.sent.0.fetch_add(read as u64, Relaxed) + read as u64;
        form.options.report(sent, Some(form.size));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
    }
}
