//! Step kinds in which people take part, as small as can be: images are drawn by a list, and labelled by a file.

use trapline::diagnostic::Report;
use trapline::observation::{Key, words};
use trapline::step::{
    Context, FileInput, Finding, IMAGE_COLUMNS, Job, LABEL_FILE, MISSING_LABELS, Metric, Outputs, Params, Port, Step, StepError,
    StepKind,
};
use trapline::table::{ColumnBuilder, Schema, Table, Type};

/// `draw.txt` and `labels/qc.csv` draw and label images of `metadata`; what follows needs the labels.
pub const DRAW_AND_LABEL: &str = "  drawn:
    uses: draw
    from: metadata
  labelled:
    uses: label
    from: drawn
  table:
    uses: export
    from: labelled
    with: { into: published/labels.csv }
";

/// Draws the images that `draw.txt` lists as `PATH TYPE`.
pub static DRAW: StepKind = StepKind {
    name: "draw",
    revision: 1,
    summary: "draws what a list says",
    docs: "",
    inputs: &[Port::table("images", IMAGE_COLUMNS, "what to draw from")],
    outputs: &[Port::table("sample", IMAGE_COLUMNS, "what was drawn")],
    params: &[],
    metrics: &[],
    keeps_rows: false,
    pins: Some("type"),
    read: |_: &Params, _: &mut Report| Some(Box::new(Draw)),
};

struct Draw;

impl Step for Draw {
    fn columns(&self, inputs: &[Vec<Schema>], _: &Context<'_>, _: &mut Report) -> Option<Vec<Schema>> {
        let mut schema = inputs[0][0].clone();
        schema.set("type", Type::Text);
        Some(vec![schema])
    }

    fn files(&self, _: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        Ok(vec![FileInput { name: "list".into(), path: "draw.txt".into(), optional: false, rewritten: false }])
    }

    fn changes(&self, before: &Table, after: &Table) -> Vec<Finding> {
        let key = Key::shared(&[&before.schema, &after.schema]).unwrap();
        let (old, new) = (key.of(before).unwrap(), key.of(after).unwrap());
        let finding = |kind: &str, table: &Table, rows: Vec<usize>| Finding {
            kind: kind.into(),
            message: format!("{} images {}", rows.len(), kind.replace('_', " the ")),
            count: rows.len() as u64,
            examples: rows.iter().map(|row| words(table, *row)).collect(),
        };
        let only = |own: &trapline::observation::Keys, other: &trapline::observation::Keys| {
            let other = other.index();
            (0..own.rows.len()).filter(|row| other.row(own.rows[*row]).is_none()).collect::<Vec<_>>()
        };
        let findings = [("left_sample", before, only(&old, &new)), ("entered_sample", after, only(&new, &old))];
        findings.into_iter().filter(|(.., rows)| !rows.is_empty()).map(|(kind, table, rows)| finding(kind, table, rows)).collect()
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        let list = String::from_utf8_lossy(&job.files["list"]).into_owned();
        let (mut rows, mut types) = (Vec::new(), ColumnBuilder::new(Type::Text));
        for row in 0..images.rows {
            let path = images.column("path").unwrap().text(row).unwrap();
            let drawn = list.lines().find_map(|line| line.strip_prefix(path)?.strip_prefix(' '));
            if let Some(drawn) = drawn {
                rows.push(u32::try_from(row).unwrap());
                types.push_text(drawn);
            }
        }
        let sample = images.take(&rows).with_column("type", std::sync::Arc::new(types.finish()?))?;
        Ok(Outputs { tables: vec![sample], ..Outputs::default() })
    }
}

const LABELS: &[(&str, Type)] =
    &[("site", Type::Text), ("season", Type::Text), ("content", Type::Content), ("class", Type::Text)];

/// Labels the images that it is given as `labels/qc.csv` says: `PATH,CLASS`.
pub static LABEL: StepKind = StepKind {
    name: "label",
    revision: 1,
    summary: "labels what a file says",
    docs: "",
    inputs: &[Port::table("images", IMAGE_COLUMNS, "what to label")],
    outputs: &[Port::table("labels", LABELS, "one row per label")],
    params: &[],
    metrics: &[Metric { name: MISSING_LABELS, doc: "labels that are missing" }],
    keeps_rows: false,
    pins: Some("class"),
    read: |_: &Params, _: &mut Report| Some(Box::new(Label)),
};

struct Label;

impl Step for Label {
    fn columns(&self, _: &[Vec<Schema>], _: &Context<'_>, _: &mut Report) -> Option<Vec<Schema>> {
        Some(vec![Schema::of(LABELS)])
    }

    fn files(&self, context: &Context<'_>) -> Result<Vec<FileInput>, StepError> {
        let folder = std::fs::read_dir(context.project.join("labels"));
        let mut names: Vec<_> =
            folder.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let file = |name: String| FileInput {
            path: std::path::Path::new("labels").join(&name),
            name: format!("{LABEL_FILE}{name}"),
            optional: true,
            rewritten: false,
        };
        Ok(names.into_iter().map(file).collect())
    }

    fn run(&self, job: &mut Job<'_>) -> Result<Outputs, StepError> {
        let images = job.input(0)?.read(None)?;
        let text: String = job.files.values().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
        let mut columns: Vec<_> = LABELS.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
        let mut missing = 0.0;
        for row in 0..images.rows {
            let path = images.column("path").unwrap().text(row).unwrap();
            let Some(class) = text.lines().rev().find_map(|line| line.strip_prefix(path)?.strip_prefix(',')) else {
                missing += 1.0;
                continue;
            };
            for (column, (name, _)) in columns.iter_mut().zip(&LABELS[..3]) {
                column.push(images.cell(row, name));
            }
            columns[3].push_text(class);
        }
        let labels = Table::from_builders(Schema::of(LABELS), columns)?;
        Ok(Outputs { tables: vec![labels], metrics: [(MISSING_LABELS.to_owned(), missing)].into(), ..Outputs::default() })
    }
}

impl super::TestSpace {
    /// Four images, two of each season; three are drawn and labelled.
    pub fn with_labels() -> Self {
        let mut space = Self::new();
        space.kinds = vec![&DRAW, &LABEL];
        space.write("pipeline.yaml", format!("{}{DRAW_AND_LABEL}", super::PIPELINE));
        for (path, seed) in [("a/2023/1.jpg", 1), ("b/2023/2.jpg", 2), ("a/2024/3.jpg", 3), ("a/2024/4.jpg", 4)] {
            space.image(&format!("raw/{path}"), seed);
        }
        space.write("draw.txt", "a/2023/1.jpg random\nb/2023/2.jpg class\na/2024/3.jpg random\n");
        space.write("labels/qc.csv", "a/2023/1.jpg,vole\nb/2023/2.jpg,empty\na/2024/3.jpg,vole\n");
        space
    }
}
