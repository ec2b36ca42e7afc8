//! Which images of a queue are found.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::roles::predicted;
use crate::support::http::Server;
use crate::{serve, space};

/// The images at the places that a selection yields.
fn selected(server: &Server, wanted: &str) -> BTreeSet<String> {
    let queue = server.queue("anna");
    let places = server.get(&format!("/api/select?reviewer=anna&{wanted}"))["places"].as_array().unwrap().clone();
    assert!(places.iter().map(Value::as_u64).is_sorted(), "{places:?}");
    places.iter().map(|at| queue[usize::try_from(at.as_u64().unwrap()).unwrap()]["image"].as_str().unwrap().to_owned()).collect()
}

fn set(images: &[&String]) -> BTreeSet<String> {
    images.iter().map(|image| (*image).clone()).collect()
}

#[test]
fn images_are_found_by_what_was_said_where_they_lie_and_how_they_are_called() {
    let space = space();
    let server = serve(&space, &[]);
    let images = server.images("anna");
    let all = images.iter().cloned().collect::<BTreeSet<_>>();
    let answer = |image: &str, class: &str, comment: &str| {
        let answer = json!({ "image": image, "class": class, "comment": comment });
        let body = json!({ "reviewer": "anna", "answers": [answer] }).to_string();
        assert_eq!(server.posting("/api/answers", body).send().status, 200);
    };
    answer(&images[0], "vole", "[difficult] behind a stone");
    answer(&images[1], "empty", "fast");
    // What somebody else says is nobody's business in a review.
    server.answer("ben", &[(&images[2], Some("vole"))]);
    assert_eq!(selected(&server, ""), all);
    assert_eq!(selected(&server, "state=mine"), set(&[&images[0], &images[1]]));
    assert_eq!(selected(&server, "state=open"), set(&[]));
    assert_eq!(selected(&server, "difficult=true"), set(&[&images[0]]));
    assert_eq!(selected(&server, "commented=true"), set(&[&images[0], &images[1]]));
    assert_eq!(selected(&server, "class=vole"), set(&[&images[0]]));
    assert_eq!(selected(&server, "class=empty&difficult=true"), set(&[]));
    let queue = server.queue("anna");
    let at_a: BTreeSet<String> =
        queue.iter().filter(|item| item["site"] == "a").map(|item| item["image"].as_str().unwrap().to_owned()).collect();
    assert!(!at_a.is_empty() && at_a.len() < all.len());
    assert_eq!(selected(&server, "site=a"), at_a);
    assert_eq!(server.get("/api/session")["sites"], json!(["a", "b"]));
    let file = queue[0]["file"].as_str().unwrap().to_uppercase();
    assert!(selected(&server, &format!("name={file}")).contains(queue[0]["image"].as_str().unwrap()));
    assert_eq!(selected(&server, "name=nothing_like_it"), set(&[]));
    server.ask("GET", "/api/select?reviewer=anna&state=nonsense").refused(400, "bad_request");
}

#[test]
fn the_model_s_class_and_confidence_select_where_it_may_be_seen_and_never_in_a_blind_review() {
    let shown = predicted("blind: false");
    let server = serve(&shown, &[]);
    for item in server.queue("anna") {
        let (image, sure) = (item["image"].as_str().unwrap().to_owned(), item["predicted"]["confidence"].as_f64().unwrap());
        let class = item["predicted"]["class"].as_str().unwrap();
        assert!(selected(&server, &format!("predicted={class}")).contains(&image));
        assert!(selected(&server, &format!("low={}&high={}", sure - 1e-6, sure + 1e-6)).contains(&image));
        assert!(!selected(&server, &format!("high={}", sure - 1e-3)).contains(&image));
    }
    drop(server);
    let blind = serve(&predicted("blind: true"), &[]);
    for wanted in ["predicted=vole", "low=0.5", "high=0.5", "low=0"] {
        blind.ask("GET", &format!("/api/select?reviewer=anna&{wanted}")).refused(400, "bad_request");
    }
    let reviewer = blind.get("/api/select?reviewer=anna&state=open");
    assert_eq!(reviewer["places"].as_array().unwrap().len(), blind.images("anna").len());
}
