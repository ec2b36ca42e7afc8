//! `trapline review` as a browser, a rival page or an attacker sees it: requests written byte by byte.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A server that is killed in the end.
pub struct Server {
    child: Child,
    pub port: u16,
    pub token: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    /// Serves the step `qc` of a project, at a free port.
    pub fn start(project: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.args(["review", "qc", "--port", "0", "--format", "json"]).args(more).current_dir(project);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let Some(Ok(said)) = serde_json::Deserializer::from_reader(out).into_iter::<Value>().next() else {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            let _ = child.wait();
            panic!("no server: {said}");
        };
        // Nobody reads what it says from now on, and nothing it says may stop it.
        let mut err = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut err, &mut std::io::sink()));
        let port = u16::try_from(said["port"].as_u64().unwrap()).unwrap();
        let token = said["token"].as_str().unwrap().to_owned();
        assert_eq!(said["url"], format!("http://127.0.0.1:{port}/#{token}"));
        Self { child, port, token }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A request as the page sends it.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        let headers = vec![
            ("Host".to_owned(), format!("127.0.0.1:{}", self.port)),
            ("Authorization".to_owned(), format!("Bearer {}", self.token)),
        ];
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        Ask { address, start: format!("{method} {path} HTTP/1.1"), headers, body: Vec::new(), chunk: None }
    }

    /// What the page posts.
    pub fn posting(&self, path: &str, body: impl AsRef<[u8]>) -> Ask {
        let origin = format!("http://127.0.0.1:{}", self.port);
        let mut ask = self.ask("POST", path).with("Content-Type", "application/json").with("Origin", &origin);
        ask.body = body.as_ref().to_vec();
        ask.with("Sec-Fetch-Site", "same-origin")
    }

    /// The JSON at a path.
    pub fn get(&self, path: &str) -> Value {
        let reply = self.ask("GET", path).send();
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }

    /// What answers come to; `None` takes back.
    pub fn answer(&self, reviewer: &str, answers: &[(&str, Option<&str>)]) -> Value {
        let reply = self.posting("/api/answers", answering(reviewer, answers)).send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    /// The whole queue of a reviewer.
    pub fn queue(&self, reviewer: &str) -> Vec<Value> {
        let part = self.get(&format!("/api/queue?reviewer={reviewer}&count=1000"));
        part["items"].as_array().unwrap().clone()
    }

    /// The names of the images in a queue.
    pub fn images(&self, reviewer: &str) -> Vec<String> {
        self.queue(reviewer).iter().map(|item| item["image"].as_str().unwrap().to_owned()).collect()
    }
}

/// The body that gives answers.
pub fn answering(reviewer: &str, answers: &[(&str, Option<&str>)]) -> String {
    let answers: Vec<Value> = answers.iter().map(|(image, class)| json!({ "image": image, "class": class })).collect();
    json!({ "reviewer": reviewer, "answers": answers }).to_string()
}

/// A request to be sent.
#[derive(Clone)]
pub struct Ask {
    address: SocketAddr,
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunk: Option<usize>,
}

impl Ask {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self
    }

    /// With this header instead of its own.
    pub fn instead(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    /// Sends the body in chunks of this length, without saying how long it is.
    pub fn chunked(mut self, length: usize) -> Self {
        self.chunk = Some(length);
        self
    }

    /// With this JSON as its body.
    pub fn carrying(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }

    /// To another address of this machine.
    pub fn to(mut self, ip: IpAddr) -> Self {
        self.address.set_ip(ip);
        self
    }

    fn head(&self) -> String {
        let mut head = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.chunk.is_some() {
            head.push_str("Transfer-Encoding: chunked\r\n");
        } else if !self.body.is_empty() || self.start.starts_with('P') {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head + "Connection: close\r\n\r\n"
    }

    /// Sends it; an error where nothing came back.
    pub fn try_send(&self) -> std::io::Result<Reply> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut bytes = self.head().into_bytes();
        match self.chunk {
            None => bytes.extend(&self.body),
            Some(length) => {
                for chunk in self.body.chunks(length) {
                    bytes.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()).chain(*b"\r\n"));
                }
                bytes.extend(b"0\r\n\r\n");
            }
        }
        let mut reading = stream.try_clone()?;
        // Who refuses a body answers before all of it is there, and then hears no more.
        let writer = std::thread::spawn(move || stream.write_all(&bytes));
        let mut said = Vec::new();
        let read = reading.read_to_end(&mut said);
        let _ = writer.join();
        match Reply::of(&said) {
            Some(reply) => Ok(reply),
            None => Err(read.err().unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into())),
        }
    }

    pub fn send(&self) -> Reply {
        self.try_send().unwrap()
    }

    /// Sends it and expects a refusal: this status, a JSON error with this code, and everything that each response carries.
    pub fn refused(&self, status: u16, code: &str) {
        let reply = self.send();
        assert_eq!(reply.status, status, "{}: {}", self.start, reply.text());
        let error = &reply.json()["error"];
        assert_eq!(error["code"], code, "{}", self.start);
        assert!(error["message"].as_str().unwrap().len() > 10, "{error}");
        reply.assert_sealed();
    }
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// A whole reply: one that was cut off acknowledges nothing.
    fn of(said: &[u8]) -> Option<Self> {
        let end = said.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&said[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let reply = Self { status, headers, body: said[end + 4..].to_vec() };
        let length = reply.header("content-length").map(|length| length.parse::<usize>().unwrap());
        length.is_none_or(|length| length == reply.body.len()).then_some(reply)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The headers that keep page and answers to themselves.
    pub fn assert_sealed(&self) {
        let policy = self.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(self.header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(self.header("cache-control").is_some_and(|value| value == "no-store" || value.starts_with("private")));
        assert!(self.headers.iter().all(|(name, _)| !name.starts_with("access-control")), "{:?}", self.headers);
    }
}
