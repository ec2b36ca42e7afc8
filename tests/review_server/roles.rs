//! What each role sees, and how answers add up.

use serde_json::{Value, json};

use crate::support::TestSpace;
use crate::support::http::{Reply, Server};
use crate::{answered, ask, asking, label, rows, serve, space, status, trapline};

/// Six images that the demo's model labelled, some of them drawn by its labels, and a review of those.
pub fn predicted(with: &str) -> TestSpace {
    let space = TestSpace::with_model();
    for seed in 1..=6 {
        space.image(&format!("raw/a/2024/{seed}.jpg"), seed);
    }
    let drawn = "  drawn:\n    uses: sample\n    from: predictions\n    \
                 with: { by: [site], random_per_group: 2, per_class: 2, per_confidence_bin: 1, seed: 1 }\n";
    space.write("pipeline.yaml", space.read("pipeline.yaml") + drawn);
    ask(&space, "drawn", with);
    space
}

/// Every response that a page gets, from opening to the last answer.
fn everything(server: &Server) -> Vec<(String, Reply)> {
    let images = server.images("anna");
    let classes = ["vole", "stoat", "empty", "unknown"];
    let mut replies = Vec::new();
    for (turn, image) in images.iter().enumerate() {
        let body =
            json!({ "reviewer": "anna", "answers": [{ "image": image, "class": classes[turn % 4], "comment": "[difficult]" }] });
        replies.push(("answers".to_owned(), server.posting("/api/answers", body.to_string()).send()));
        for path in
            ["session", "queue?reviewer=anna", "changes?reviewer=anna&since=0", "progress?reviewer=anna", "queue?reviewer=ben"]
        {
            replies.push((path.to_owned(), server.ask("GET", &format!("/api/{path}")).send()));
        }
        for path in [format!("frames/{image}?reviewer=anna"), format!("image/{image}"), format!("image/{image}?width=24")] {
            replies.push((path.clone(), server.ask("GET", &format!("/api/{path}")).send()));
        }
    }
    let class = json!({ "reviewer": "anna", "name": "mink" }).to_string();
    replies.push(("classes".to_owned(), server.posting("/api/classes", class).send()));
    let wrong = json!({ "reviewer": "anna", "answers": [{ "image": images[0], "class": "nonsense" }] }).to_string();
    let refused = server.posting("/api/answers", wrong).send();
    assert_eq!(refused.status, 400);
    assert!(replies.iter().all(|(path, reply)| reply.status == 200 || panic!("{path}: {}", reply.text())));
    replies.push(("refused".to_owned(), refused));
    replies
}

/// What would tell what the model said: words, its name, and each of its confidences.
pub fn telltales(space: &TestSpace) -> Vec<String> {
    let table = space.table("predictions");
    let confidences = table.column("confidence").unwrap();
    let digits = (0..table.rows).filter_map(|row| confidences.float32(row)).map(|confidence| format!("{confidence:.4}"));
    let digits: Vec<String> = digits.filter(|digits| digits != "1.0000").collect();
    assert!(!digits.is_empty());
    let words = ["confidence", "predicted", "stratum", "demo_mammals", "\"label_", "\"p_", "\"why\"", "rank", "model"];
    words.into_iter().map(str::to_owned).chain(digits).collect()
}

#[test]
fn a_blind_review_tells_nothing_of_what_the_model_said() {
    let space = predicted("blind: true");
    let server = serve(&space, &[]);
    let telltales = telltales(&space);
    let replies = everything(&server);
    assert!(replies.len() > 20);
    for (path, reply) in &replies {
        let head: String = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let body = if reply.header("content-type").is_some_and(|kind| kind.starts_with("image/")) {
            String::new()
        } else {
            reply.text()
        };
        for word in &telltales {
            assert!(!body.contains(word) && !head.contains(word), "{path} tells `{word}`: {head}{body}");
        }
    }
    let progress = server.get("/api/progress?reviewer=anna");
    assert_eq!((&progress["precision"], &progress["strata"][0]["name"]), (&Value::Null, &json!("2024 · a")));
    assert!(rows(&space).0.iter().all(|row| row.shown == "blind"));
    assert_eq!(server.get("/api/session")["blind"], true);
}

#[test]
fn a_review_that_is_not_blind_shows_the_model_s_answer_and_says_so_in_each_row() {
    let space = predicted("blind: false");
    let server = serve(&space, &[]);
    let predictions = space.table("predictions");
    for item in server.queue("anna") {
        let row = (0..predictions.rows)
            .find(|row| predictions.column("content").unwrap().content(*row).unwrap().hex() == item["image"].as_str().unwrap())
            .unwrap();
        assert_eq!(item["predicted"]["class"].as_str(), predictions.column("label").unwrap().text(row));
        assert!(item["predicted"]["confidence"].as_f64().unwrap() > 0.0);
    }
    let queue = server.queue("anna");
    let (first, second) = (&queue[0], &queue[1]);
    let class = |item: &Value| item["predicted"]["class"].as_str().unwrap().to_owned();
    let other = |item: &Value| if class(item) == "stoat" { "vole" } else { "stoat" };
    server.answer("anna", &[(first["image"].as_str().unwrap(), Some(&class(first)))]);
    server.answer("anna", &[(second["image"].as_str().unwrap(), Some(other(second)))]);
    assert!(rows(&space).0.iter().all(|row| row.shown == "model"));
    let progress = server.get("/api/progress?reviewer=anna");
    let precision = progress["precision"].as_array().unwrap();
    let sum = |name: &str| precision.iter().map(|one| one[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("n"), sum("right")), (2, 1), "{progress}");
    for one in precision {
        let bound = |name: &str| one[name].as_f64().unwrap();
        assert!(
            bound("low") <= bound("p") && bound("p") <= bound("high") && one["population"].as_u64() >= one["n"].as_u64(),
            "{one}"
        );
    }
}

#[test]
fn two_reviewers_have_queues_of_their_own_and_an_arbiter_settles_where_they_disagree() {
    let space = asking("blind: true, reviewers_per_image: 2");
    let server = serve(&space, &[]);
    let images = server.images("anna");
    let counts = |server: &Server, name: &str| server.get(&format!("/api/changes?reviewer={name}"))["counts"].clone();
    let said = |reviewer: &str, image: &str, class: &str, comment: &str| {
        let answer = json!({ "image": image, "class": class, "comment": comment });
        let body = json!({ "reviewer": reviewer, "answers": [answer] }).to_string();
        assert_eq!(server.posting("/api/answers", body).send().status, 200);
    };
    let all = |class: [&'static str; 3]| images.iter().map(String::as_str).zip(class.map(Some)).collect::<Vec<_>>();
    server.answer("anna", &all(["vole", "vole", "empty"]));
    let expect = |server: &Server, name: &str, answered: u64, mine: u64, to_do: u64, disagreements: u64| {
        let expected = json!({ "asked": 3, "answered": answered, "mine": mine, "to_do": to_do, "disagreements": disagreements });
        assert_eq!(counts(server, name), expected, "{name}");
    };
    expect(&server, "anna", 0, 3, 0, 0);
    expect(&server, "ben", 0, 0, 3, 0);
    // Nobody sees what the other said.
    assert!(answered(&server, "ben").values().all(String::is_empty));
    assert!(server.queue("ben").iter().all(|item| item["answers"].is_null() && item["done_by_others"] == false));
    let bens = server.answer("ben", &all(["vole", "empty", "empty"]));
    assert_eq!(bens["counts"]["disagreements"], 1);
    expect(&server, "ben", 2, 3, 0, 1);
    assert!(server.queue("carla").iter().all(|item| item["done_by_others"] == true));
    expect(&server, "carla", 2, 0, 0, 1);
    assert_eq!(status(&space)["missing_by_status"], json!({ "disagreement": 1 }));
    // Two of three agree; of the people's own first answers, whatever becomes of them later.
    let agreement = server.get("/api/progress?reviewer=anna")["agreement"].clone();
    assert_eq!((&agreement["images"], &agreement["reviewers"]), (&json!(3), &json!(["anna", "ben"])));
    let close = |value: &Value, expected: f64| assert!((value.as_f64().unwrap() - expected).abs() < 1e-9, "{agreement}");
    close(&agreement["percent"]["value"], 2.0 / 3.0);
    // Anna says vole twice of three, Ben once: chance alone gives 2/9 + 2/9.
    close(&agreement["kappa"]["value"], (2.0 / 3.0 - 4.0 / 9.0) / (1.0 - 4.0 / 9.0));
    assert_eq!(agreement["kappa"]["kind"], "cohen");
    let within = |one: &Value| one["low"].as_f64() < one["value"].as_f64() && one["value"].as_f64() < one["high"].as_f64();
    assert!(within(&agreement["percent"]) && within(&agreement["kappa"]), "{agreement}");

    // The arbiter sees their words too.
    said("ben", &images[1], "empty", "[difficult] only grass");
    let judge = serve(&space, &["--adjudicate", "--reviewer", "carla"]);
    let queue = judge.queue("carla");
    assert_eq!((queue.len(), &queue[0]["image"]), (1, &json!(images[1])));
    let others = json!([
        { "reviewer": "anna", "class": "vole", "comment": "" },
        { "reviewer": "ben", "class": "empty", "comment": "[difficult] only grass" },
    ]);
    assert_eq!(queue[0]["answers"], others);
    // Each has a key, in one order for all images.
    assert_eq!(judge.get("/api/session")["reviewers"], json!(["anna", "ben"]));
    assert_eq!(server.get("/api/session")["reviewers"], json!([]));
    let settled = judge.answer("carla", &[(&images[1], Some("empty"))]);
    assert_eq!((&settled["counts"]["disagreements"], &settled["counts"]["answered"]), (&json!(0), &json!(3)));
    assert_eq!(status(&space)["missing"], 0);
    // What they said is still seen beside the decision.
    assert_eq!(judge.queue("carla")[0]["answers"], others);
    // Sent again because its acknowledgement was lost, it is the same answer; nobody is asked again about what is settled.
    let again = judge.answer("carla", &[(&images[1], Some("empty"))]);
    assert_eq!(label(&again), label(&settled));
    for name in ["anna", "ben", "dora"] {
        assert_eq!(counts(&server, name)["to_do"], 0, "{name}");
        let queue = server.queue(name);
        assert!(queue.iter().all(|item| !item["answer"].is_null() || item["done_by_others"] == true), "{name}: {queue:?}");
    }
    // Taken back, the two stand against each other again.
    let open = judge.answer("carla", &[(&images[1], None)]);
    assert_eq!((&open["counts"]["disagreements"], &open["counts"]["answered"]), (&json!(1), &json!(2)));
    assert_eq!(status(&space)["missing_by_status"], json!({ "disagreement": 1 }));
    expect(&server, "anna", 2, 3, 0, 1);
    judge.answer("carla", &[(&images[1], Some("vole"))]);
    // An arbiter who decides otherwise decides alone again.
    let last = judge.answer("carla", &[(&images[1], Some("unknown"))]);
    assert_eq!(last["counts"]["answered"], 3);
    let carla = rows(&space).0.into_iter().filter(|row| row.reviewer == "carla").count();
    assert_eq!(carla, 4);
    // The arbiter knew what the others said: that is no agreement of people who did not.
    assert_eq!(server.get("/api/progress?reviewer=anna")["agreement"], agreement);
    let (code, _, err) = trapline(&space, &["run"]);
    assert_eq!(code, 0, "{err}");
    let mut methods: Vec<(String, String)> = space.column("qc", "class").into_iter().zip(space.column("qc", "method")).collect();
    methods.sort();
    let expected = [("empty", "unanimous"), ("unknown", "adjudicated"), ("vole", "unanimous")];
    assert_eq!(methods, expected.map(|(class, method)| (class.to_owned(), method.to_owned())));
}

#[test]
fn three_reviewers_agree_by_fleiss_and_nobody_agrees_alone() {
    let space = asking("blind: true, reviewers_per_image: 3");
    let server = serve(&space, &[]);
    let images = server.images("anna");
    let agreement = || server.get("/api/progress?reviewer=anna")["agreement"].clone();
    for (reviewer, classes) in
        [("anna", ["vole", "vole", "empty"]), ("ben", ["vole", "empty", "empty"]), ("carla", ["vole", "vole", "empty"])]
    {
        assert_eq!(agreement().is_null(), reviewer != "carla");
        for (image, class) in images.iter().zip(classes) {
            server.answer(reviewer, &[(image, Some(class))]);
        }
    }
    let agreed = agreement();
    assert_eq!((&agreed["kappa"]["kind"], &agreed["images"]), (&json!("fleiss"), &json!(3)));
    // Pairs that agree: 1, 1/3 and 1 of the images; five voles and four empties.
    let (observed, chance) = (7.0 / 9.0, (25.0 + 16.0) / 81.0);
    let value = agreed["kappa"]["value"].as_f64().unwrap();
    assert!((value - (observed - chance) / (1.0 - chance)).abs() < 1e-9, "{agreed}");
    assert!((agreed["percent"]["value"].as_f64().unwrap() - observed).abs() < 1e-9, "{agreed}");
    // Two of three are a majority; the third is not asked to agree.
    assert_eq!(server.get("/api/changes?reviewer=anna")["counts"]["answered"], 3);
}

#[test]
fn a_class_that_is_added_arrives_in_the_file_and_counts_once_it_is_declared() {
    let space = space();
    let server = serve(&space, &[]);
    let images = server.images("anna");
    let added =
        server.posting("/api/classes", json!({ "reviewer": "anna", "name": " American Mink " }).to_string()).send().json();
    assert_eq!((&added["class"]["name"], &added["class"]["extra"]), (&json!("american_mink"), &json!(true)));
    assert!(added["class"]["key"].is_string() && added["class"]["color"].is_string());
    let way_out = "extra_classes: [american_mink]";
    assert!(added["note"].as_str().unwrap().contains(way_out));
    let all = [(&images[0][..], Some("american_mink")), (&images[1][..], Some("vole")), (&images[2][..], Some("empty"))];
    let taken = server.answer("anna", &all);
    assert!(space.read("labels/qc/anna.csv").contains(",american_mink,anna,"));
    assert!(label(&taken).starts_with("lb:"));
    let told = |server: &Server| server.get("/api/changes?reviewer=anna")["notes"].to_string();
    assert!(told(&server).contains(way_out) && told(&server).contains("`qc`"), "{}", told(&server));
    drop(server);
    // A server that starts later knows it too.
    let server = serve(&space, &[]);
    assert!(told(&server).contains(way_out), "{}", told(&server));
    let session = server.get("/api/session");
    assert!(session["classes"].as_array().unwrap().iter().any(|class| class["name"] == "american_mink"));
    assert_eq!((&status(&space)["missing"], &status(&space)["metrics"]["unknown_labels"]), (&json!(1), &json!(1.0)));
    drop(server);
    space.edit("pipeline.yaml", "blind: true", "blind: true, extra_classes: [american_mink]");
    assert_eq!(status(&space)["missing"], 0);
    let server = serve(&space, &[]);
    assert_eq!(told(&server), "[]");
    assert_eq!(trapline(&space, &["run"]).0, 0);
    assert!(space.column("qc", "class").contains(&"american_mink".to_owned()));
}

#[test]
fn status_counts_what_is_missing_and_the_run_goes_on_after_the_last_label() {
    let space = space();
    let table = "  table: { uses: export, from: qc, with: { into: published/labels.csv } }\n";
    space.write("pipeline.yaml", space.read("pipeline.yaml") + table);
    assert_eq!(trapline(&space, &["run"]).0, 4);
    let server = serve(&space, &[]);
    let images = server.images("anna");
    for (answered, image) in images.iter().enumerate() {
        let missing = images.len() - answered;
        let (_, out, _) = trapline(&space, &["status", "--format", "json"]);
        let said: Value = serde_json::from_str(&out).unwrap();
        let step = said["steps"].as_array().unwrap().iter().find(|step| step["name"] == "qc").unwrap();
        assert!(step.to_string().contains(&format!(":{missing}")), "{missing}: {step}");
        server.answer("anna", &[(image, Some("vole"))]);
        std::thread::sleep(std::time::Duration::from_millis(30));
        let code = trapline(&space, &["run"]).0;
        assert_eq!(code, if missing > 1 { 4 } else { 0 });
    }
    assert_eq!(space.read("published/labels.csv").lines().count(), 4);
    assert_eq!(server.get("/api/changes?reviewer=anna")["counts"]["to_do"], 0);
}
