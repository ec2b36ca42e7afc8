//! Scripts of the shell that every Unix has; what they show of R and Python is the same.
#![cfg(unix)]

use super::*;
use crate::diagnostic::Spanned;
use crate::step::testing::{NOWHERE, Project, step, table, text};
use crate::table::Cell;

fn texts(words: &[&str]) -> ParamValue {
    ParamValue::List(words.iter().map(|word| Spanned { value: ParamValue::Text((*word).to_owned()), span: NOWHERE }).collect())
}

fn map(entries: &[(&str, &str)]) -> ParamValue {
    let spanned = |text: &str| Spanned { value: text.to_owned(), span: NOWHERE };
    let value = |text: &str| Spanned { value: ParamValue::Text(text.to_owned()), span: NOWHERE };
    ParamValue::Map(entries.iter().map(|(key, text)| (spanned(key), value(text))).collect())
}

fn images() -> Table {
    let rows = ["a", "a", "b"].map(|site| vec![text(site), Cell::Int(1)]);
    table(&[("site", Type::Text), ("n", Type::Int)], &rows)
}

/// Runs `script` as `scripts/own.sh`.
fn ran(project: &Project, script: &str, more: &[(&'static str, ParamValue)]) -> Result<Outputs, StepError> {
    project.write("scripts/own.sh", script);
    let mut given = vec![
        ("run", texts(&["sh", "scripts/own.sh"])),
        ("files", texts(&["scripts/own.sh"])),
        ("columns", map(&[("site", "text"), ("images", "integer")])),
    ];
    given.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    given.extend(more.iter().cloned());
    project.run(&*step(&KIND, &given), &images())
}

fn refused(script: &str, more: &[(&'static str, ParamValue)]) -> String {
    ran(&Project::new(), script, more).unwrap_err().to_string()
}

const COUNT: &str = "echo counting; (echo images,site; tail -n +2 inputs/1.csv | cut -d, -f1 | sort | uniq -c | awk '{print $1 \",\" $2}') > outputs/table.csv";

#[test]
fn a_script_reads_its_inputs_and_its_table_comes_back_as_declared() {
    let outputs = ran(&Project::new(), COUNT, &[]).unwrap();
    let rows =
        table(&[("site", Type::Text), ("images", Type::Int)], &[vec![text("a"), Cell::Int(2)], vec![text("b"), Cell::Int(1)]]);
    assert_eq!(outputs.tables, [rows]);
    assert_eq!((outputs.findings[0].kind.as_str(), &outputs.findings[0].examples[..]), ("said", &["counting".to_owned()][..]));
}

#[test]
fn nothing_of_the_project_is_there_but_what_is_declared() {
    let project = Project::new();
    project.write("secret.csv", "x\n");
    let script = "ls; [ ! -e secret.csv ] && ls scripts && printf 'site,images\\n' > outputs/table.csv";
    let outputs = ran(&project, script, &[]).unwrap();
    assert_eq!(outputs.findings[0].examples, ["inputs", "outputs", "scripts", "own.sh"]);
    assert_eq!(outputs.tables[0].rows, 0);
}

#[test]
fn a_script_that_fails_says_how_and_what_it_said_last() {
    let words = refused("echo first; echo 'no package unmarked' >&2; exit 3", &[]);
    assert!(
        words.contains("sh scripts/own.sh") && words.contains("exit status: 3") && words.contains("no package unmarked"),
        "{words}"
    );
    let words = refused("true", &[]);
    assert!(words.contains("wrote no `outputs/table.csv`") && words.contains("said nothing"), "{words}");
    let words = refused("", &[("run", texts(&["no_such_program"]))]);
    assert!(words.contains("cannot start `no_such_program`"), "{words}");
}

#[test]
fn a_table_that_is_not_the_declared_one_is_refused_with_its_place() {
    for (table, part) in [
        ("site,images\\na,2\\nb,", "line 3: the last row breaks off"),
        ("site,images\\na,many\\n", "line 2, column `images`: `many` is not a whole number"),
        ("site\\na\\n", "column `images`: the column is missing"),
        ("site,images,more\\na,1,2\\n", "has a column `more`, which `columns` does not declare"),
        ("site,images\\na\\n", "line 2: 1 field under a header of 2"),
        ("", "empty"),
    ] {
        let words = refused(&format!("printf '{table}' > outputs/table.csv"), &[]);
        assert!(words.contains("outputs/table.csv") && words.contains(part), "{words}");
    }
}

#[test]
fn a_script_that_takes_too_long_is_ended_with_all_that_it_started() {
    let began = std::time::Instant::now();
    let words = refused("echo waiting; sleep 60 & sleep 60", &[("timeout_s", ParamValue::Int(1))]);
    assert!(words.contains("took longer than 1 s") && words.contains("waiting"), "{words}");
    assert!(began.elapsed().as_secs() < 30, "what it started was waited for");
}

#[test]
fn a_person_who_stops_the_run_stops_the_script() {
    let project = Project::new();
    project.cancel.cancel();
    assert!(matches!(ran(&project, "sleep 60", &[]), Err(StepError::Interrupted)));
}

#[test]
fn a_pinned_version_that_is_not_there_is_said_before_the_script_runs() {
    let words = refused("touch outputs/table.csv", &[("pin", map(&[("echo version 4.4.1", "4.5")]))]);
    assert!(words.contains("`echo version 4.4.1` prints `version 4.4.1`, and `pin` wants `4.5`"), "{words}");
    assert!(ran(&Project::new(), COUNT, &[("pin", map(&[("echo version 4.5.1", "4.5")]))]).is_ok());
}

#[test]
fn other_files_come_to_the_project_and_variables_to_the_script() {
    let project = Project::new();
    let script = "printf '%s %s' \"$MODEL\" \"$TZ\" > outputs/figure.txt; printf 'site,images\\n' > outputs/table.csv";
    let more = [("into", ParamValue::Text("published/own".into())), ("environment", map(&[("MODEL", "psi ~ 1")]))];
    let outputs = ran(&project, script, &more).unwrap();
    assert_eq!(outputs.files, [PathBuf::from("published/own/figure.txt")]);
    assert_eq!(project.read("published/own/figure.txt"), "psi ~ 1 UTC");
}

#[test]
fn a_script_that_is_run_and_not_declared_is_a_mistake() {
    let project = Project::new();
    project.write("scripts/own.sh", COUNT);
    let given = [("run", texts(&["sh", "scripts/own.sh"])), ("columns", map(&[("site", "text")]))];
    let (schemas, words) = project.columns(&*step(&KIND, &given), &images().schema);
    assert!(schemas.is_none() && words[0].contains("names `scripts/own.sh`, which `files` does not"), "{words:?}");
}
