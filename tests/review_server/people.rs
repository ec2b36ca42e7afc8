//! Several people, several tabs, several servers at once.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::http::Server;
use crate::{answered, ids, label, rows, serve, space, status};

#[test]
fn two_tabs_of_one_reviewer_hear_of_each_other() {
    let space = space();
    let server = serve(&space, &[]);
    let images = server.images("anna");
    let opened = server.get("/api/queue?reviewer=anna")["revision"].as_u64().unwrap();
    let first = server.answer("anna", &[(&images[0], Some("vole"))]);
    let news = |since: u64| server.get(&format!("/api/changes?reviewer=anna&since={since}"));
    let changed = |news: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        news["items"].as_array().unwrap().iter().map(|item| (text(&item["image"]), text(&item["answer"]["class"]))).collect()
    };
    let heard = news(opened);
    assert_eq!(changed(&heard), [(images[0].clone(), "vole".to_owned())]);
    assert_eq!(heard["revision"], first["revision"]);
    assert_eq!(changed(&news(heard["revision"].as_u64().unwrap())), []);
    // The other tab says something else of the same image: the later stands, and supersedes.
    let second = server.answer("anna", &[(&images[0], Some("empty")), (&images[1], Some("vole"))]);
    let heard = news(heard["revision"].as_u64().unwrap());
    assert_eq!(changed(&heard).len(), 2);
    let rows = rows(&space).0;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].supersedes, label(&first));
    assert_eq!(heard["counts"], second["counts"]);
    assert_eq!(
        (&heard["counts"]["mine"], &heard["counts"]["to_do"], &heard["counts"]["answered"]),
        (&2.into(), &1.into(), &2.into())
    );
    // And a third time what was said first: that is another answer, not the first one.
    let third = server.answer("anna", &[(&images[0], Some("vole"))]);
    assert_ne!(label(&third), label(&first));
    assert_eq!(answered(&server, "anna")[&images[0]], "vole");
    assert_eq!(ids(&space).len(), 4);
}

#[test]
fn what_was_answered_changed_taken_back_and_answered_again_reads_the_same_from_the_file_at_every_moment() {
    let space = space();
    let mut server = serve(&space, &[]);
    let images = server.images("anna");
    let turns = [
        Some("vole"),
        Some("empty"),
        None,
        Some("vole"),
        None,
        None,
        Some("vole"),
        Some("unknown"),
        Some("vole"),
        None,
        Some("vole"),
    ];
    for (turn, class) in turns.into_iter().enumerate() {
        let reply = server.answer("anna", &[(&images[0], class)]);
        assert_eq!(reply["answers"][0]["answer"]["class"].as_str(), class);
        let said = u64::from(class.is_some());
        assert_eq!((&reply["counts"]["mine"], &reply["counts"]["answered"]), (&said.into(), &said.into()), "turn {turn}");
        assert_eq!(status(&space)["answered"], said, "turn {turn}");
        if turn % 3 == 0 {
            server.kill();
            server = serve(&space, &[]);
        }
        assert_eq!(answered(&server, "anna")[&images[0]], class.unwrap_or_default(), "turn {turn}");
    }
    // One row for each turn but the one that took back nothing; no identity twice.
    let ids = ids(&space);
    assert_eq!((ids.len(), ids.values().max()), (10, Some(&1)));
    assert_eq!(rows(&space).1, 0);
}

/// Answers of several clients at once: each request's label, as acknowledged.
fn at_once(clients: &[(&Server, &str)], images: &[String], turns: usize) -> Vec<String> {
    let run = |(at, (server, reviewer)): (usize, &(&Server, &str))| -> Vec<String> {
        let class = |turn: usize| ["vole", "empty", "unknown"][(turn + at) % 3];
        let image = |turn: usize| &images[(turn * 7 + at) % images.len()];
        (0..turns).map(|turn| label(&server.answer(reviewer, &[(image(turn), Some(class(turn)))]))).collect()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = clients.iter().enumerate().map(|client| scope.spawn(move || run(client))).collect();
        running.into_iter().flat_map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn two_reviewers_at_once_lose_and_double_nothing() {
    let space = space();
    let server = serve(&space, &[]);
    let images = server.images("anna");
    let labels = at_once(&[(&server, "anna"), (&server, "ben"), (&server, "anna")], &images, 25);
    let ids = ids(&space);
    assert!(labels.iter().all(|label| ids[label] == 1));
    assert!(ids.values().all(|count| *count == 1) && rows(&space).1 == 0);
    let anna = rows(&space).0.into_iter().filter(|row| row.reviewer == "anna").count();
    assert_eq!(space.read("labels/qc/anna.csv").lines().count(), anna + 1);
    assert!(answered(&server, "anna").values().all(|class| !class.is_empty()));
    drop(server);
    let server = serve(&space, &[]);
    assert!(answered(&server, "ben").values().all(|class| !class.is_empty()));
}

#[test]
fn two_servers_on_one_folder_lose_and_double_nothing_and_agree_in_the_end() {
    let space = space();
    let (one, two) = (serve(&space, &[]), serve(&space, &[]));
    let images = one.images("anna");
    // Each hears of the other within one request.
    let said = one.answer("anna", &[(&images[0], Some("vole"))]);
    assert_eq!(answered(&two, "anna")[&images[0]], "vole");
    assert_eq!(label(&two.answer("anna", &[(&images[0], Some("vole"))])), label(&said));
    two.answer("anna", &[(&images[0], None)]);
    assert_eq!(one.get("/api/changes?reviewer=anna")["counts"]["mine"], 0);
    for round in 0..3 {
        let labels = at_once(&[(&one, "anna"), (&two, "anna"), (&one, "ben"), (&two, "ben")], &images, 12);
        let ids = ids(&space);
        assert!(labels.iter().all(|label| ids.contains_key(label)), "round {round}");
        assert_eq!(rows(&space).1, 0);
        let views = ["anna", "ben"].map(|name| [answered(&one, name), answered(&two, name)]);
        assert!(views.iter().all(|[one, two]| one == two), "round {round}: {views:?}");
        // What a server that starts now reads is the same.
        let fresh = serve(&space, &[]);
        assert_eq!(answered(&fresh, "anna"), views[0][0], "round {round}");
    }
    let ids: BTreeMap<String, u32> = ids(&space);
    assert!(ids.values().all(|count| *count == 1));
}
