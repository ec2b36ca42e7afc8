//! The server is killed while answers come in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::TestSpace;
use crate::support::http::{Ask, Server};
use crate::{answered, ask, rows, serve, status, trapline};

/// Numbers without pattern that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What one page knows: by image, what it sent last and whether that was acknowledged.
#[derive(Default)]
struct Page {
    acknowledged: Vec<String>,
    /// By image: classes that may stand, the acknowledged one first.
    said: BTreeMap<String, Vec<String>>,
    sent: Vec<String>,
}

/// A page that answers until its server is gone.
fn answer_on(page: &mut Page, reviewer: &str, own: &[String], trial: u64, ask: &Ask, heard: &AtomicU64) {
    let mut dice = Dice(trial ^ (own[0].len() as u64) << 7 ^ u64::from(own[0].as_bytes()[0]) << 20);
    for turn in 0.. {
        // Most often one image, at times all of them, as a whole event or sheet is answered.
        let some = if dice.below(4) == 0 {
            own
        } else {
            std::slice::from_ref(&own[usize::try_from(dice.below(own.len() as u64)).unwrap()])
        };
        let answers: Vec<(String, Option<&str>, String)> = some
            .iter()
            .enumerate()
            .map(|(at, image)| {
                let class = [Some("vole"), Some("empty"), Some("unknown"), None][usize::try_from(dice.below(4)).unwrap()];
                (image.clone(), class, format!("{reviewer} {trial} {turn} {at} {}", &image[..6]))
            })
            .collect();
        let body: Vec<Value> =
            answers.iter().map(|(image, class, comment)| json!({ "image": image, "class": class, "comment": comment })).collect();
        for (image, class, comment) in &answers {
            page.said.entry(image.clone()).or_insert_with(|| vec![String::new()]).push(class.unwrap_or_default().to_owned());
            page.sent.push(comment.clone());
        }
        let Ok(reply) = ask.clone().carrying(&json!({ "reviewer": reviewer, "answers": body })).try_send() else { break };
        assert_eq!(reply.status, 200, "{}", reply.text());
        for ((image, class, comment), taken) in answers.iter().zip(reply.json()["answers"].as_array().unwrap()) {
            assert_eq!((taken["image"].as_str(), taken["answer"]["class"].as_str()), (Some(&image[..]), *class));
            if class.is_some() {
                assert_eq!(taken["answer"]["comment"].as_str(), Some(&comment[..]));
                page.acknowledged.push(taken["answer"]["label"].as_str().unwrap().to_owned());
            }
            page.said.insert(image.clone(), vec![class.unwrap_or_default().to_owned()]);
        }
        heard.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn no_kill_loses_or_doubles_an_acknowledged_answer() {
    let trials: u64 = std::env::var("TRAPLINE_TRIALS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let space = TestSpace::new();
    space.write("pipeline.yaml", crate::support::PIPELINE);
    (1..=12).for_each(|seed| space.image(&format!("raw/a/2024/{seed}.jpg"), seed));
    ask(&space, "metadata", "blind: true");
    let mut server = serve(&space, &[]);
    let images = server.images("anna");
    // Two tabs of one reviewer and a second reviewer, each with images of their own.
    let people = [("anna", &images[..4]), ("anna", &images[4..8]), ("ben", &images[8..])];
    let mut pages: Vec<Page> = people.iter().map(|_| Page::default()).collect();
    let (mut midway, mut torn) = (0, 0);
    for trial in 0..trials {
        let ask = server.posting("/api/answers", "");
        let heard = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for (page, (reviewer, own)) in pages.iter_mut().zip(people) {
                let (ask, heard) = (&ask, &heard);
                scope.spawn(move || answer_on(page, reviewer, own, trial, ask, heard));
            }
            // In the stream of answers, at a moment without pattern.
            let mut dice = Dice(trial);
            let (wanted, began) = (1 + dice.below(30), Instant::now());
            while heard.load(Ordering::Relaxed) < wanted && began.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(Duration::from_micros(dice.below(12_000)));
            server.kill();
            midway += u32::from(heard.load(Ordering::Relaxed) >= wanted);
        });
        let (rows, faults) = rows(&space);
        let mut by_id: BTreeMap<&str, u32> = BTreeMap::new();
        let mut by_comment: BTreeMap<&str, u32> = BTreeMap::new();
        for row in &rows {
            *by_id.entry(&row.id).or_default() += 1;
            *by_comment.entry(&row.comment).or_default() += 1;
        }
        for (page, id) in pages.iter().flat_map(|page| page.acknowledged.iter().map(move |id| (page, id))) {
            assert_eq!(by_id.get(&id[..]), Some(&1), "trial {trial}: {id} of {} sent", page.sent.len());
        }
        let sent: std::collections::BTreeSet<&str> = pages.iter().flat_map(|page| &page.sent).map(String::as_str).collect();
        for (comment, count) in by_comment {
            assert!(count == 1 && sent.contains(comment), "trial {trial}: {count} times {comment}");
        }
        // A batch of rows may have been cut; no more than one for each file and kill, and none that was acknowledged.
        assert!(faults <= torn + 2, "trial {trial}");
        torn = faults;
        server = serve(&space, &[]);
        for (page, (reviewer, own)) in pages.iter_mut().zip(people) {
            let stands = answered(&server, reviewer);
            for image in own {
                let Some(said) = page.said.get(image) else { continue };
                assert!(said.contains(&stands[image]), "trial {trial}: {image} is `{}`, said was {said:?}", stands[image]);
                page.said.insert(image.clone(), vec![stands[image].clone()]);
            }
        }
    }
    let acknowledged: usize = pages.iter().map(|page| page.acknowledged.len()).sum();
    println!("{midway} of {trials} killed in the stream, {acknowledged} answers acknowledged, {torn} rows torn");
    assert!(u64::from(midway) * 10 > trials * 9);
    assert_eq!(status(&space)["metrics"]["conflicts"], 0.0);
    let (anna, ben) = (answered(&server, "anna"), answered(&server, "ben"));
    let left: Vec<&String> = images.iter().filter(|image| anna[*image].is_empty() && ben[*image].is_empty()).collect();
    let all: Vec<(&str, Option<&str>)> = left.iter().map(|image| (&image[..], Some("vole"))).collect();
    if !all.is_empty() {
        server.answer("anna", &all);
    }
    let (code, _, err) = trapline(&space, &["run"]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn an_answer_that_is_sent_again_because_its_acknowledgement_was_lost_is_not_doubled() {
    let space = crate::space();
    let mut server = serve(&space, &[]);
    let image = server.images("anna").swap_remove(0);
    let body =
        json!({ "reviewer": "anna", "answers": [{ "image": image, "class": "vole", "comment": " [difficult] a\nb\t\"c\" " }] });
    let once = server.posting("/api/answers", "").carrying(&body).send().json();
    let before = space.read("labels/qc/anna.csv");
    let again = server.posting("/api/answers", "").carrying(&body).send().json();
    assert_eq!(again["answers"], once["answers"]);
    // Also by a server that knows of it from the file alone.
    server.kill();
    let server: Server = serve(&space, &[]);
    let again = server.posting("/api/answers", "").carrying(&body).send().json();
    assert_eq!(again["answers"], once["answers"]);
    assert_eq!(again["answers"][0]["answer"]["comment"], "[difficult] a b \"c\"");
    assert_eq!(space.read("labels/qc/anna.csv"), before);
    // So is taking back what nobody said.
    server.answer("ben", &[(&image, None)]);
    assert!(!space.path("labels/qc/ben.csv").exists());
}
