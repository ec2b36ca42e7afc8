//! Connections to the page: so many at once, and none that is silent for long.
//!
//! A browser keeps connections open after it has got what it asked for, and a program that went wrong may open thousands and say
//! nothing. Either would use up the files that this process may have open, and the next label file could not be opened.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// How many connections there may be, and how long they may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at once; further ones wait until one of them is closed.
    pub at_once: usize,
    /// Without a byte in either direction for so long, a connection is closed. The page gives up a request sooner.
    pub idle: Duration,
}

/// A browser opens six connections to one host: these are for twenty reviewers.
pub(super) const LIMITS: Limits = Limits { at_once: 128, idle: Duration::from_mins(1) };

/// A listener that keeps to [`Limits`].
pub(super) struct Guarded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    idle: Duration,
}

impl Guarded {
    pub fn new(listener: TcpListener, limits: Limits) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(limits.at_once)), idle: limits.idle }
    }
}

impl Listener for Guarded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Nobody closes the semaphore; without a place the connection would not be counted, and is counted by none.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let deadline = Box::pin(tokio::time::sleep(self.idle));
        (Connection { stream, idle: self.idle, deadline, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails when nothing passed through it for too long.
pub(super) struct Connection {
    stream: TcpStream,
    idle: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Given back when the connection is dropped.
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Passes on what the stream says; where it has nothing to say, whether the time is up.
    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            let deadline = Instant::now() + self.idle;
            self.deadline.as_mut().reset(deadline);
            return polled;
        }
        self.deadline.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(context, polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpStream};

    use axum::Router;
    use axum::routing::get;

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);

    /// A server in a thread of its own, for as long as the tests run.
    fn served(limits: Limits) -> SocketAddr {
        let (tell, hear) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let page = Router::new().route("/", get(|| async { "here" }));
                axum::serve(Guarded::new(listener, limits), page).await.unwrap();
            });
        });
        hear.recv().unwrap()
    }

    fn connected(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn ask(mut stream: &TcpStream) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }

    /// Reads until the answer is complete.
    fn answer(mut stream: &TcpStream) -> String {
        let (mut said, mut some) = (String::new(), [0; 512]);
        while !said.ends_with("here") {
            let count = stream.read(&mut some).unwrap();
            assert!(count > 0, "closed after `{said}`");
            said.push_str(std::str::from_utf8(&some[..count]).unwrap());
        }
        said
    }

    /// Reads to the end; a connection that is cut off ends too.
    fn ended(mut stream: &TcpStream) {
        let mut rest = Vec::new();
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }

    #[test]
    fn a_connection_that_is_silent_is_closed_whether_it_asked_before_or_half_or_not_at_all() {
        let address = served(Limits { at_once: 8, idle: SHORT });
        let (silent, half, done) = (connected(address), connected(address), connected(address));
        (&half).write_all(b"GET / HT").unwrap();
        ask(&done);
        assert!(answer(&done).starts_with("HTTP/1.1 200"));
        for stream in [&silent, &half, &done] {
            ended(stream);
        }
    }

    #[test]
    fn beyond_the_number_a_connection_waits_until_another_is_closed() {
        let address = served(Limits { at_once: 1, idle: SHORT });
        let first = connected(address);
        ask(&first);
        answer(&first);
        let second = connected(address);
        ask(&second);
        answer(&second);
        // It was answered in the place of the first, which the server has closed by now.
        first.set_nonblocking(true).unwrap();
        match (&first).read(&mut [0; 8]) {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
        // A crowd of silent ones keeps nobody out for good.
        let crowd: Vec<TcpStream> = (0..5).map(|_| connected(address)).collect();
        let last = connected(address);
        ask(&last);
        answer(&last);
        drop(crowd);
    }
}
