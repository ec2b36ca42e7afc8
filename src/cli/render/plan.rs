//! A plan as an aligned table, or as JSON.

use std::collections::BTreeSet;

use clap::builder::styling::Style;
use serde::Serialize;
use serde_json::{Value, json};

use super::columns::{Align, Text, columns, columns_within};
use super::style::{BUSY, ERROR, FAINT, GOOD, STRONG, WARNING};
use super::words::{count, counted, gone_words, grounds, list, reason, short};
use crate::plan::decision::{Decision, Plan, StepPlan};
use crate::step::kind;

/// `plan --format json`. `format` is raised when a field changes its meaning; new fields may come at any time.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Answer<'a> {
    format: u32,
    pipeline: &'a str,
    steps: Vec<StepAnswer<'a>>,
}

#[derive(Debug, Serialize)]
struct StepAnswer<'a> {
    name: &'a str,
    uses: &'a str,
    stage: Option<&'a str>,
    decision: &'static str,
    reasons: Vec<Value>,
    total: Option<u64>,
    cached: Option<u64>,
    to_compute: Option<u64>,
    unhashed: u64,
    missing_labels: u64,
}

/// The plan for programs.
pub(in crate::cli) fn answer<'a>(pipeline: &'a str, plan: &'a Plan) -> Answer<'a> {
    let step = |step: &'a StepPlan| StepAnswer {
        name: &step.name,
        uses: step.uses,
        stage: step.stage.as_deref(),
        decision: step.decision.word(),
        reasons: reasons(&step.decision),
        total: step.total,
        cached: step.cached,
        to_compute: step.to_compute,
        unhashed: step.unhashed,
        missing_labels: step.missing_labels,
    };
    Answer { format: 1, pipeline, steps: plan.steps.iter().map(step).collect() }
}

/// What a decision rests on, each an object with a `reason`.
pub(in crate::cli) fn reasons(decision: &Decision) -> Vec<Value> {
    match decision {
        Decision::Reuse => Vec::new(),
        Decision::Run(reasons) => reasons.iter().map(|r| json!(r)).collect(),
        Decision::Wait { labels } => vec![json!({ "reason": "labels_missing", "labels": labels })],
        Decision::Blocked { root, images, gone: None } => {
            vec![json!({ "reason": "root_absent", "root": root, "images": images })]
        }
        Decision::Blocked { root, images, gone } => {
            vec![json!({ "reason": "images_gone", "root": root, "images": images, "gone": gone })]
        }
        Decision::Unknown { upstream } => vec![json!({ "reason": "upstream", "step": upstream })],
    }
}

/// The colour of a decision.
pub(in crate::cli) fn style(decision: &Decision) -> Style {
    match decision {
        Decision::Reuse => GOOD,
        Decision::Run(_) => BUSY,
        Decision::Wait { .. } => WARNING,
        Decision::Blocked { .. } => ERROR,
        Decision::Unknown { .. } => FAINT,
    }
}

/// The plan for people.
pub(in crate::cli) fn render(plan: &Plan, width: usize) -> String {
    const HEADER: [(&str, Align); 7] = [
        ("step", Align::Left),
        ("decision", Align::Left),
        ("images", Align::Right),
        ("cached", Align::Right),
        ("to compute", Align::Right),
        ("not hashed", Align::Right),
        ("why", Align::Left),
    ];
    let number = |n: Option<u64>| n.map_or_else(|| Text::styled("-", FAINT), |n| count(n).into());
    let mut rows = Vec::new();
    for step in &plan.steps {
        let mut why = grounds(&step.decision).into_iter();
        rows.push(vec![
            Text::from(&step.name),
            Text::styled(step.decision.word(), style(&step.decision)),
            number(step.total),
            number(step.cached),
            number(step.to_compute),
            number((step.unhashed > 0).then_some(step.unhashed)),
            why.next().unwrap_or_default().into(),
        ]);
        rows.extend(why.map(|line| {
            let mut row = vec![Text::from(""); HEADER.len() - 1];
            row.push(line.into());
            row
        }));
    }
    format!("{}\n{}{}", columns_within(&HEADER, &rows, STRONG, width), closing(plan), gone_pages(plan))
}

/// What is gone from each root, with the two ways on.
pub(in crate::cli) fn gone_pages(plan: &Plan) -> String {
    let mut told = BTreeSet::new();
    let mut page = String::new();
    for step in &plan.steps {
        if let Decision::Blocked { root, gone: Some(gone), .. } = &step.decision
            && told.insert(root)
        {
            page.push_str(&format!("\n{}", gone_words(root, gone, "`trapline run`")));
        }
    }
    page
}

/// One sentence that says what a run would do.
pub(in crate::cli) fn closing(plan: &Plan) -> String {
    let of = |word: &str| plan.steps.iter().filter(|step| step.decision.word() == word).count() as u64;
    let parts: Vec<_> = [
        ("reuse", "to reuse"),
        ("run", "to run"),
        ("wait", "waiting for people"),
        ("blocked", "blocked"),
        ("unknown", "not known yet"),
    ]
    .into_iter()
    .filter(|(word, _)| of(word) > 0)
    .map(|(word, words)| format!("{} {words}", of(word)))
    .collect();
    let mut text = format!("{}: {}", counted(plan.steps.len() as u64, "step"), list(&parts));
    let rows: u64 = plan.steps.iter().filter_map(|step| step.to_compute).sum();
    // Steps behind a source count its files again.
    let is_source = |step: &&StepPlan| kind(step.uses).is_some_and(|kind| kind.inputs.is_empty());
    let files: u64 = plan.steps.iter().filter(is_source).map(|step| step.unhashed).sum();
    if rows > 0 {
        text.push_str(&format!("; {} to compute", counted(rows, "row")));
    }
    if files > 0 {
        text.push_str(&format!("; {} not seen before", counted(files, "file")));
    }
    text + "\n"
}

/// Why a step would run or not, and what its key is made of.
pub(in crate::cli) fn render_why(step: &StepPlan) -> String {
    let mut page = format!("{STRONG}{}{STRONG:#} (", step.name);
    let style = style(&step.decision);
    page.push_str(&format!("{}): {style}{}{style:#}\n", step.uses, step.decision.word()));
    for line in grounds_whole(&step.decision) {
        page.push_str(&format!("  {line}\n"));
    }
    if let (Some(total), Some(cached)) = (step.total, step.cached) {
        page.push_str(&format!("  {} of {} rows are cached\n", count(cached), count(total)));
    }
    if step.ingredients.is_empty() {
        page.push_str("\nIts key cannot be known before the steps before it have run.\n");
        return page;
    }
    let rows: Vec<_> = step.ingredients.iter().map(|part| vec![Text::from(&part.name), Text::from(&part.value)]).collect();
    page.push_str("\nThe key is made of:\n");
    for line in columns(&[("ingredient", Align::Left), ("value", Align::Left)], &rows, STRONG).lines() {
        page.push_str(&format!("  {line}\n"));
    }
    if let Some(key) = step.key {
        page.push_str(&format!("  = {key}\n"));
    }
    page
}

/// Like [`grounds`], with long values whole: `why` is asked for details.
fn grounds_whole(decision: &Decision) -> Vec<String> {
    use crate::plan::decision::Reason;
    let Decision::Run(reasons) = decision else { return grounds(decision) };
    let whole = |r: &Reason| match r {
        Reason::Param { name, old: Some(old), new: Some(new) } => format!("parameter {name}: {old} -> {new}"),
        Reason::Input { name, old: Some(old), new: Some(new) } => format!("{name}: {} -> {}", short(old), short(new)),
        other => reason(other),
    };
    reasons.iter().map(whole).collect()
}

/// `why --format json`.
pub(in crate::cli) fn why_answer(step: &StepPlan) -> Value {
    json!({
        "format": 1,
        "step": step.name,
        "uses": step.uses,
        "decision": step.decision.word(),
        "reasons": reasons(&step.decision),
        "key": step.key.map(|key| key.to_string()),
        "ingredients": step.ingredients,
        "total": step.total,
        "cached": step.cached,
        "to_compute": step.to_compute,
    })
}

#[cfg(test)]
pub(in crate::cli) mod tests {
    use super::*;
    use crate::id::ContentId;
    use crate::plan::decision::Reason;
    use crate::recipe::{Ingredient, Recipe};

    pub(in crate::cli) fn step(name: &str, uses: &'static str, decision: Decision) -> StepPlan {
        StepPlan {
            name: name.into(),
            uses,
            stage: None,
            decision,
            total: None,
            cached: None,
            to_compute: None,
            unhashed: 0,
            missing_labels: 0,
            ingredients: Vec::new(),
            key: None,
        }
    }

    pub(in crate::cli) fn plan() -> Plan {
        let images = Decision::Run(vec![Reason::Images { added: 20_000, removed: 3, changed: 0 }]);
        let changed = Decision::Run(vec![
            Reason::Param { name: "corrections".into(), old: None, new: Some("\"clock.csv\"".into()) },
            Reason::Input {
                name: "input images".into(),
                old: Some(ContentId([1; 32]).to_string()),
                new: Some(ContentId([2; 32]).to_string()),
            },
        ]);
        Plan {
            steps: vec![
                StepPlan { total: Some(440_000), unhashed: 20_000, ..step("images", "images", images) },
                StepPlan {
                    total: Some(440_000),
                    cached: Some(420_000),
                    to_compute: Some(20_000),
                    ..step("metadata", "metadata", changed)
                },
                StepPlan { total: Some(0), cached: Some(0), to_compute: Some(0), ..step("names", "rename", Decision::Reuse) },
                step("qc_labels", "review", Decision::Wait { labels: 40 }),
                step("old", "images", Decision::Blocked { root: "archive".into(), images: 1200, gone: None }),
                step("table", "export", Decision::Unknown { upstream: "metadata".into() }),
            ],
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_plan_is_a_table_with_reasons() {
        insta::assert_snapshot!(plain(&render(&plan(), 140)), @r#"
        step       decision   images   cached  to compute  not hashed  why
        images     run       440 000        -           -      20 000  20 000 images added and 3 images gone
        metadata   run       440 000  420 000      20 000           -  parameter corrections: new, "clock.csv"
                                                                       input images: b3:010101010101 -> b3:020202020202
        names      reuse           0        0           0           -
        qc_labels  wait            -        -           -           -  40 labels are missing
        old        blocked         -        -           -           -  root `archive` is absent (1 200 images last seen there)
        table      unknown         -        -           -           -  depends on what `metadata` yields

        6 steps: 1 to reuse, 2 to run, 1 waiting for people, 1 blocked and 1 not known yet; 20 000 rows to compute; 20 000 files not seen before
        "#);
    }

    #[test]
    fn programs_get_every_reason_as_an_object() {
        let answer = serde_json::to_value(answer("voles", &plan())).unwrap();
        insta::assert_snapshot!(serde_json::to_string(&answer["steps"][1]["reasons"][0]).unwrap(), @r#"{"name":"corrections","new":"\"clock.csv\"","old":null,"reason":"param"}"#);
        insta::assert_snapshot!(serde_json::to_string(&answer["steps"][3]).unwrap(), @r#"{"cached":null,"decision":"wait","missing_labels":0,"name":"qc_labels","reasons":[{"labels":40,"reason":"labels_missing"}],"stage":null,"to_compute":null,"total":null,"unhashed":0,"uses":"review"}"#);
        insta::assert_snapshot!(serde_json::to_string(&answer["steps"][4]["reasons"]).unwrap(), @r#"[{"images":1200,"reason":"root_absent","root":"archive"}]"#);
        assert_eq!((&answer["format"], answer["steps"].as_array().unwrap().len()), (&json!(1), 6));
    }

    #[test]
    fn why_lists_the_ingredients_of_the_key() {
        let recipe = Recipe {
            kind: "rename",
            revision: 1,
            params: vec![("name".into(), "\"x\"".into())],
            model: None,
            numerics: None,
            rows: Vec::new(),
        };
        let inputs = [Ingredient { name: "input images".into(), value: ContentId([2; 32]).to_string() }];
        let mut ingredients = recipe.explain();
        ingredients.extend(inputs.clone());
        let reasons = vec![Reason::Param { name: "name".into(), old: Some("\"y\"".into()), new: Some("\"x\"".into()) }];
        let step =
            StepPlan { ingredients, key: Some(recipe.result_key(&inputs)), ..step("names", "rename", Decision::Run(reasons)) };
        insta::assert_snapshot!(plain(&render_why(&step)), @r#"
        names (rename): run
          parameter name: "y" -> "x"

        The key is made of:
          ingredient    value
          format        1
          kind          rename
          revision      1
          param name    "x"
          input images  b3:0202020202020202020202020202020202020202020202020202020202020202
          = b3:1eb25c5dcc8358484791fe03979e1f13bf1b93233c4b2cc05b920b33dc25901a
        "#);
    }
}
