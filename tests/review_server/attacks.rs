//! Requests that must not come through, each refused with a status, a code and a sentence, and nothing written.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use serde_json::json;

use crate::support::TestSpace;
use crate::support::http::{Ask, Server, answering};
use crate::{serve, space};

/// A server, an image of its queue, and the body that answers it.
fn target(space: &TestSpace) -> (Server, String, String) {
    let server = serve(space, &[]);
    let image = server.images("anna").swap_remove(0);
    let body = answering("anna", &[(&image, Some("vole"))]);
    (server, image, body)
}

fn assert_untouched(space: &TestSpace, server: &Server) {
    assert!(!space.path("labels").exists());
    assert_eq!(server.get("/api/changes?reviewer=anna")["counts"]["mine"], 0);
}

#[test]
fn another_name_of_this_machine_is_refused_before_anything_else() {
    let space = space();
    let (server, _, body) = target(&space);
    let port = server.port;
    // Names that somebody points at this machine later, and names that look like its own.
    let foreign = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("127.0.0.1:{port}@evil.example"),
        format!("evil.example#127.0.0.1:{port}"),
        format!("localhost.:{port}"),
        format!("127.0.0.2:{port}"),
        format!("0.0.0.0:{port}"),
        format!("2130706433:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        String::new(),
    ];
    for host in &foreign {
        for path in ["/", "/app.js", "/api/session"] {
            server.ask("GET", path).instead("Host", host).refused(403, "host");
        }
        server.posting("/api/answers", &body).instead("Host", host).refused(403, "host");
    }
    let own = format!("127.0.0.1:{port}");
    server.posting("/api/answers", &body).with("Host", "evil.example").refused(403, "host");
    server.posting("/api/answers", &body).with("Host", &own).refused(403, "host");
    server.posting("/api/answers", &body).without("Host").refused(403, "host");
    for host in ["localhost", "LOCALHOST:1", "[::1]:9", "127.0.0.1:443"] {
        assert_eq!(server.ask("GET", "/api/session").instead("Host", host).send().status, 200, "{host}");
    }
    assert_untouched(&space, &server);
}

#[test]
fn a_host_is_another_name_only_where_it_was_allowed() {
    let space = space();
    let server = serve(&space, &["--allow-host", "Camera-Lab"]);
    assert_eq!(server.ask("GET", "/api/session").instead("Host", "camera-lab:80").send().status, 200);
    server.ask("GET", "/api/session").instead("Host", "camera-lab.evil.example").refused(403, "host");
}

#[test]
fn without_the_token_nothing_is_told_and_nothing_taken() {
    let space = space();
    let (server, image, body) = target(&space);
    let bearer = format!("Bearer {}", server.token);
    let paths = ["session", "queue?reviewer=anna", "changes?reviewer=anna", "progress?reviewer=anna", "nothing"];
    let mut asks: Vec<Ask> = paths.iter().map(|path| server.ask("GET", &format!("/api/{path}"))).collect();
    asks.extend(["frames", "image"].map(|path| server.ask("GET", &format!("/api/{path}/{image}"))));
    asks.push(server.posting("/api/answers", &body));
    asks.push(server.posting("/api/classes", json!({ "reviewer": "anna", "name": "mink" }).to_string()));
    for ask in asks {
        ask.clone().without("Authorization").refused(401, "token");
        for wrong in ["", "Bearer ", "Bearer 0", &server.token, &bearer[..bearer.len() - 1], &format!("{bearer}0")] {
            ask.clone().instead("Authorization", wrong).refused(401, "token");
        }
        ask.clone().with("Authorization", &bearer).refused(401, "token");
        ask.clone().with("Authorization", "Bearer 0").refused(401, "token");
    }
    for key in ["token", "access_token", "Authorization"] {
        let path = format!("/api/session?{key}={}", server.token);
        server.ask("GET", &path).without("Authorization").refused(401, "token");
    }
    server
        .ask("GET", "/api/session")
        .without("Authorization")
        .with("Cookie", &format!("token={}", server.token))
        .refused(401, "token");
    assert_eq!(serve(&space, &[]).token.len(), 32);
    assert_ne!(serve(&space, &["--new-token"]).token, server.token);
    assert_untouched(&space, &server);
}

#[test]
fn another_page_in_the_same_browser_is_refused() {
    let space = space();
    let (server, _, body) = target(&space);
    let port = server.port;
    let foreign = [
        "http://evil.example".to_owned(),
        "null".to_owned(),
        String::new(),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}.evil.example"),
        "file://".to_owned(),
    ];
    for origin in &foreign {
        server.posting("/api/answers", &body).instead("Origin", origin).refused(403, "origin");
        server.ask("GET", "/api/session").with("Origin", origin).refused(403, "origin");
    }
    server.posting("/api/answers", &body).with("Origin", "http://evil.example").refused(403, "origin");
    for site in ["cross-site", "same-site", "nonsense"] {
        server.posting("/api/answers", &body).instead("Sec-Fetch-Site", site).refused(403, "origin");
        server.ask("GET", "/api/session").with("Sec-Fetch-Site", site).refused(403, "origin");
        server.ask("GET", "/app.js").with("Sec-Fetch-Site", site).refused(403, "origin");
        // A form of another page is a navigation too.
        server
            .posting("/api/answers", &body)
            .instead("Sec-Fetch-Site", site)
            .with("Sec-Fetch-Mode", "navigate")
            .refused(403, "origin");
    }
    // A link from elsewhere opens the page, which then lacks its token.
    let link =
        server.ask("GET", "/").without("Authorization").with("Sec-Fetch-Site", "cross-site").with("Sec-Fetch-Mode", "navigate");
    assert_eq!(link.send().status, 200);
    assert_untouched(&space, &server);
    // A command line sends neither.
    let plain = server.posting("/api/answers", &body).without("Origin").without("Sec-Fetch-Site");
    assert_eq!(plain.send().status, 200);
}

#[test]
fn answers_come_as_json_alone() {
    let space = space();
    let (server, _, body) = target(&space);
    let forms = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/jsonx", ""];
    for kind in forms {
        server.posting("/api/answers", &body).instead("Content-Type", kind).refused(415, "content_type");
    }
    server.posting("/api/answers", &body).without("Content-Type").refused(415, "content_type");
    server.posting("/api/answers", &body).with("Content-Type", "text/plain").refused(415, "content_type");
    assert_untouched(&space, &server);
    let usual = server.posting("/api/answers", &body).instead("Content-Type", "Application/JSON; charset=utf-8");
    assert_eq!(usual.send().status, 200);
}

#[test]
fn a_body_over_the_limit_is_refused_however_it_comes() {
    let space = space();
    let (server, image, _) = target(&space);
    let long = json!({ "reviewer": "anna", "answers": [{ "image": image, "class": "vole", "comment": "x".repeat(600_000) }] });
    server.posting("/api/answers", long.to_string()).refused(413, "too_large");
    server.posting("/api/answers", long.to_string()).chunked(8192).refused(413, "too_large");
    server.posting("/api/classes", long.to_string()).chunked(100_000).refused(413, "too_large");
    let spaces = format!("{}{}", " ".repeat(512 * 1024), answering("anna", &[(&image, Some("vole"))]));
    server.posting("/api/answers", spaces).refused(413, "too_large");
    assert_untouched(&space, &server);
}

#[test]
fn json_that_is_not_what_the_page_sends_is_refused() {
    let space = space();
    let (server, image, body) = target(&space);
    let deep = |close: &str| format!("{{\"reviewer\":\"anna\",\"answers\":{}{close}}}", "[".repeat(100_000));
    let one = |more: serde_json::Value| json!({ "reviewer": "anna", "answers": [more] }).to_string();
    let bodies = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        deep(""),
        deep(&"]".repeat(100_000)),
        one(json!("x")),
        one(json!({ "class": "vole" })),
        one(json!({ "image": image, "class": "vole", "path": "/etc/passwd" })),
        one(json!({ "image": image, "class": "vole", "supersedes": "lb:0" })),
        one(json!({ "image": image, "class": ["vole"] })),
        one(json!({ "image": image, "class": "vole", "comment": null })),
        body.replace("\"answers\"", "\"time\":\"2000-01-01\",\"answers\""),
        body.replace("\"anna\"", "7"),
        body.replace("vole", "\\ud800"),
    ];
    for body in bodies {
        server.posting("/api/answers", &body).refused(400, "bad_request");
    }
    server.posting("/api/answers", b"{\"reviewer\":\"\xff\"}").refused(400, "bad_request");
    let none: [(&str, Option<&str>); 0] = [];
    server.posting("/api/answers", answering("anna", &none)).refused(400, "bad_request");
    server.posting("/api/answers", answering("anna", &vec![(&image[..], Some("vole")); 1001])).refused(400, "bad_request");
    let twice = [(&image[..], Some("vole")), (&image[..], Some("empty"))];
    server.posting("/api/answers", answering("anna", &twice)).refused(400, "bad_request");
    // In capitals it is the same image.
    let capital = image.to_uppercase();
    server.posting("/api/answers", answering("anna", &[twice[0], (&capital, None)])).refused(400, "bad_request");
    for query in ["", "?from=1", "?reviewer=anna&from=-1", "?reviewer=anna&count=x", "?reviewer=anna&from=99999999999999999999"] {
        server.ask("GET", &format!("/api/queue{query}")).refused(400, "bad_request");
    }
    assert_untouched(&space, &server);
}

#[test]
fn a_batch_with_one_bad_answer_is_refused_whole() {
    let space = space();
    let (server, image, _) = target(&space);
    let nowhere = "0".repeat(64);
    server
        .posting("/api/answers", answering("anna", &[(&image, Some("vole")), (&nowhere, Some("vole"))]))
        .refused(404, "no_image");
    let other = server.images("anna").swap_remove(1);
    server
        .posting("/api/answers", answering("anna", &[(&image, Some("vole")), (&other, Some("wolf"))]))
        .refused(400, "bad_request");
    assert_untouched(&space, &server);
}

#[test]
fn other_methods_are_refused_and_nobody_elsewhere_is_allowed_anything() {
    let space = space();
    let (server, image, body) = target(&space);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["/", "/api/session", "/api/answers", "/api/classes", &format!("/api/image/{image}")] {
            server.ask(method, path).refused(405, "method");
        }
    }
    server.ask("GET", "/api/answers").refused(405, "method");
    server.posting("/api/session", &body).refused(405, "method");
    // What a browser sends before another page may ask.
    let asked = server.ask("OPTIONS", "/api/answers").without("Authorization").with("Access-Control-Request-Method", "POST");
    asked.clone().with("Origin", "http://evil.example").refused(403, "origin");
    asked.refused(401, "token");
    assert_untouched(&space, &server);
}

#[test]
fn a_name_that_could_mean_another_file_is_no_reviewer() {
    let space = space();
    let (server, image, _) = target(&space);
    let long = "x".repeat(61);
    let names =
        ["", " ", "../anna", "a/b", "..\\anna", "C:\\x", "anna+ben", "an\nna", "an\u{0}na", "an\u{85}na", "\u{1b}[31m", &long];
    for name in names {
        server.posting("/api/answers", answering(name, &[(&image, Some("vole"))])).refused(400, "bad_request");
        let class = json!({ "reviewer": name, "name": "mink" }).to_string();
        server.posting("/api/classes", class).refused(400, "bad_request");
        let query: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in ["queue", "changes", "progress"] {
            server.ask("GET", &format!("/api/{path}?reviewer={query}")).refused(400, "bad_request");
        }
    }
    assert_untouched(&space, &server);
    // Every other name stays in the folder.
    for name in ["..", ".hidden", "CON", "a:b*?\"<>|", "Åse Ørjan", "-rf", &long[1..]] {
        server.answer(name, &[(&image, Some("vole"))]);
    }
    let files: Vec<_> = std::fs::read_dir(space.path("labels/qc")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 7, "{files:?}");
    assert!(files.iter().all(|file| file.is_file() && !file.file_name().unwrap().to_str().unwrap().starts_with('.')));
    assert_eq!(std::fs::read_dir(space.path("labels")).unwrap().count(), 1);
}

#[test]
fn a_page_for_one_reviewer_is_for_no_other() {
    let space = space();
    let server = serve(&space, &["--reviewer", "anna"]);
    let image = server.images("anna").swap_remove(0);
    server.posting("/api/answers", answering("ben", &[(&image, Some("vole"))])).refused(400, "bad_request");
    server.ask("GET", "/api/queue?reviewer=ben").refused(400, "bad_request");
    assert_untouched(&space, &server);
}

#[test]
fn a_class_that_nobody_declared_or_added_is_refused() {
    let space = space();
    let (server, image, _) = target(&space);
    for class in ["mink", "=1+1", "vole,anna", "vole\nlb:0", "../vole", "voles"] {
        server.posting("/api/answers", answering("anna", &[(&image, Some(class))])).refused(400, "bad_request");
    }
    for class in ["", "=cmd", "a b;c", "a,b", "a\"b", "a\nb", "1x", "-x", "../x", &"x".repeat(41)] {
        let body = json!({ "reviewer": "anna", "name": class }).to_string();
        server.posting("/api/classes", body).refused(400, "bad_request");
    }
    assert_untouched(&space, &server);
}

#[test]
fn every_response_keeps_page_and_answers_to_themselves() {
    let space = space();
    let (server, image, body) = target(&space);
    let good = ["/", "/app.js", "/style.css", "/api/session", "/api/queue?reviewer=anna", "/api/progress?reviewer=anna"];
    for path in good.iter().map(|path| (*path).to_owned()).chain(["frames", "image"].map(|path| format!("/api/{path}/{image}"))) {
        let reply = server.ask("GET", &path).send();
        assert_eq!(reply.status, 200, "{path}");
        reply.assert_sealed();
    }
    server.posting("/api/answers", body).send().assert_sealed();
    let cached = server.ask("GET", &format!("/api/image/{image}")).with("If-None-Match", &format!("\"{image}\"")).send();
    assert_eq!((cached.status, cached.body.len()), (304, 0));
    cached.assert_sealed();
    for path in
        ["/labels/qc/anna.csv", "/pipeline.yaml", "/../pipeline.yaml", "/%2e%2e/pipeline.yaml", "//etc/passwd", "/api", "/api/x"]
    {
        server.ask("GET", path).refused(404, "no_page");
    }
    // The page itself says nothing of the review: it is there for everybody on this machine.
    for path in ["/", "/app.js", "/style.css"] {
        let page = server.ask("GET", path).without("Authorization").send().text();
        assert!(!page.contains(&server.token) && !page.contains(&image), "{path}");
    }
}

#[test]
fn only_this_machine_is_listened_to_unless_told_otherwise() {
    let space = space();
    let server = serve(&space, &[]);
    // Which address of this machine would reach another one; nothing is sent.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let own = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()).map(|address| address.ip());
    let elsewhere = own.ok().filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    if let Some(ip) = elsewhere {
        assert!(server.ask("GET", "/").to(ip).try_send().is_err(), "{ip}");
    }
    if let Ok(table) = std::fs::read_to_string("/proc/net/tcp") {
        let port = format!(":{:04X}", server.port);
        let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let listening: Vec<String> = (table.lines().map(fields))
            .filter(|fields| fields.len() > 3 && fields[1].ends_with(&port) && fields[3] == "0A")
            .map(|fields| fields[1].clone())
            .collect();
        assert_eq!(listening, [format!("0100007F{port}")]);
    }
    let open = serve(&space, &["--listen", "0.0.0.0"]);
    if let Some(ip) = elsewhere {
        // Others reach it then, and still need its name and its token.
        open.ask("GET", "/").to(ip).instead("Host", &format!("{ip}:{}", open.port)).refused(403, "host");
        assert_eq!(open.ask("GET", "/").to(ip).send().status, 200);
        open.ask("GET", "/api/session").to(ip).without("Authorization").refused(401, "token");
    }
    assert_eq!(open.ask("GET", "/").to(IpAddr::V4(Ipv4Addr::LOCALHOST)).send().status, 200);
}
