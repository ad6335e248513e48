//! The socket, with or without TLS.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connected socket.
pub(crate) enum Transport {
    Plain(TcpStream),
    /// Boxed: it is twenty times the size of the other.
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
    /// A stream in memory, so that a test can pause the clock.
    #[cfg(test)]
    Memory(Box<dyn Stream>),
}

/// A stream of a test.
#[cfg(test)]
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

/// Does the same with whichever stream it is.
macro_rules! each {
    ($transport:expr, $stream:ident => $work:expr) => {
        match $transport.get_mut() {
            Transport::Plain($stream) => $work,
            #[cfg(feature = "tls")]
            Transport::Tls($stream) => $work,
            #[cfg(test)]
            Transport::Memory($stream) => $work,
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
