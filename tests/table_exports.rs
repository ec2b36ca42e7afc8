//! Tables as CSV, JSON, text and Parquet, and what people's CSV files look like.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use trapline::id::ContentId;
use trapline::table::{Cell, Column, ColumnBuilder, Reading, Schema, Table, Type, csv, json, text};

fn column(ty: Type, cells: &[Cell]) -> Arc<Column> {
    let mut builder = ColumnBuilder::new(ty);
    for cell in cells {
        builder.push(cell.as_ref());
    }
    Arc::new(builder.finish().unwrap())
}

fn of(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// One column of every type, with missing and awkward values.
fn every_type() -> Table {
    let schema = Schema::of(&[
        ("class", Type::Text),
        ("event", Type::Int),
        ("confidence", Type::Float32),
        ("lat", Type::Float64),
        ("empty", Type::Bool),
        ("content", Type::Content),
        ("time", Type::DateTime),
    ]);
    let columns = vec![
        column(Type::Text, &[of("vole, \"red\""), Cell::Null, of(""), of("=1+1")]),
        column(Type::Int, &[Cell::Int(-3), Cell::Int(i64::MAX), Cell::Null, Cell::Int(0)]),
        column(Type::Float32, &[Cell::Float32(0.1), Cell::Float32(1.0), Cell::Float32(1e-7), Cell::Null]),
        column(Type::Float64, &[Cell::Float64(70.123_456_789), Cell::Float64(1e300), Cell::Null, Cell::Float64(f64::INFINITY)]),
        column(Type::Bool, &[Cell::Bool(true), Cell::Null, Cell::Bool(false), Cell::Bool(true)]),
        column(Type::Content, &[Cell::Content(ContentId::of(b"a")), Cell::Null, Cell::Null, Cell::Null]),
        column(Type::DateTime, &[Cell::DateTime(1_562_572_800), Cell::Null, Cell::DateTime(0), Cell::DateTime(-1)]),
    ];
    Table::from_columns(schema, columns).unwrap()
}

fn written(table: &Table, write: impl Fn(&Table, &mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(table, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn csv_is_tidy() {
    insta::assert_snapshot!(written(&every_type(), csv::write), @r#"
class,event,confidence,lat,empty,content,time
"vole, ""red""",-3,0.1,70.123456789,true,b3:17762fddd969a453925d65717ac3eea21320b66b54342fde15128d6caf21215f,2019-07-08T08:00:00
,9223372036854775807,1,1e300,,,
"",,1e-7,,false,,1970-01-01T00:00:00
=1+1,0,,Inf,true,,1969-12-31T23:59:59
"#);
}

#[test]
fn json_keeps_types() {
    insta::assert_snapshot!(written(&every_type(), json::write_lines), @r#"
{"class":"vole, \"red\"","event":-3,"confidence":0.1,"lat":70.123456789,"empty":true,"content":"b3:17762fddd969a453925d65717ac3eea21320b66b54342fde15128d6caf21215f","time":"2019-07-08T08:00:00"}
{"class":null,"event":9223372036854775807,"confidence":1,"lat":1e300,"empty":null,"content":null,"time":null}
{"class":"","event":null,"confidence":1e-7,"lat":null,"empty":false,"content":null,"time":"1970-01-01T00:00:00"}
{"class":"=1+1","event":0,"confidence":null,"lat":"Inf","empty":true,"content":null,"time":"1969-12-31T23:59:59"}
"#);
    let array = written(&every_type(), json::write_array);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&array).unwrap();
    assert_eq!((rows.len(), &rows[0]["class"]), (4, &serde_json::Value::from("vole, \"red\"")));
    assert_eq!(written(&Table::empty(every_type().schema), json::write_array), "[]\n");
}

#[test]
fn a_terminal_sees_aligned_columns() {
    let table = every_type().select(&["class", "event", "confidence", "content", "time"]).unwrap();
    insta::assert_snapshot!(written(&table, |table, out| text::write(table, 3, out)), @r#"
class                      event  confidence  content          time
-----------  -------------------  ----------  ---------------  -------------------
vole, "red"                   -3         0.1  b3:17762fddd969  2019-07-08T08:00:00
-            9223372036854775807           1  -                -
                               -        1e-7  -                1970-01-01T00:00:00
... 1 more row
"#);
}

fn any_text() -> impl Strategy<Value = Cell> {
    prop_oneof![Just(Cell::Null), "[a,;\"\n\r\t =é]{0,6}".prop_map(Cell::Text), Just(of("NA"))]
}

fn any_table() -> impl Strategy<Value = Table> {
    let row = (any_text(), any::<Option<i64>>(), any::<Option<f32>>(), any::<Option<f64>>(), any::<Option<bool>>(), any_text());
    prop::collection::vec(row, 0..20).prop_map(|rows| {
        let number = |value: Option<f64>| value.filter(|v| !v.is_nan()).map_or(Cell::Null, Cell::Float64);
        let confidence = |value: Option<f32>| value.filter(|v| !v.is_nan()).map_or(Cell::Null, Cell::Float32);
        let schema = Schema::of(&[
            ("a", Type::Text),
            ("b", Type::Int),
            ("c", Type::Float32),
            ("d", Type::Float64),
            ("e", Type::Bool),
            ("f", Type::Text),
        ]);
        let columns = vec![
            column(Type::Text, &rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>()),
            column(Type::Int, &rows.iter().map(|row| row.1.map_or(Cell::Null, Cell::Int)).collect::<Vec<_>>()),
            column(Type::Float32, &rows.iter().map(|row| confidence(row.2)).collect::<Vec<_>>()),
            column(Type::Float64, &rows.iter().map(|row| number(row.3)).collect::<Vec<_>>()),
            column(Type::Bool, &rows.iter().map(|row| row.4.map_or(Cell::Null, Cell::Bool)).collect::<Vec<_>>()),
            column(Type::Text, &rows.iter().map(|row| row.5.clone()).collect::<Vec<_>>()),
        ];
        Table::from_columns(schema, columns).unwrap()
    })
}

proptest! {
    #[test]
    fn csv_reads_back_to_the_same_table(table in any_table()) {
        let text = written(&table, csv::write);
        let read = csv::read_typed(text.as_bytes(), &table.schema, &Reading::strict("t.csv")).unwrap();
        prop_assert_eq!(read.id(), table.id());
    }

    #[test]
    fn a_single_column_keeps_its_missing_values(cells in prop::collection::vec(any_text(), 0..10)) {
        let table = Table::from_columns(Schema::of(&[("a", Type::Text)]), vec![column(Type::Text, &cells)]).unwrap();
        let text = written(&table, csv::write);
        prop_assert_eq!(csv::read(text.as_bytes(), &Reading::strict("t.csv")).unwrap().id(), table.id());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'\\'), any::<u8>()], 0..80)) {
        let _ = csv::read(&bytes, &Reading::tolerant("t.csv"));
        let _ = csv::read_typed(&bytes, &every_type().schema, &Reading::strict("t.csv"));
    }
}

#[test]
fn the_separator_and_the_habits_of_tools_are_seen() {
    let expected = Table::from_columns(
        Schema::of(&[("site", Type::Text), ("note", Type::Text)]),
        vec![column(Type::Text, &[of("ko_1"), of("ko_2")]), column(Type::Text, &[of("a \"b\""), Cell::Null])],
    )
    .unwrap();
    for text in [
        "site,note\nko_1,\"a \"\"b\"\"\"\nko_2,NA\n",
        "\u{FEFF}site;note\r\nko_1;\"a \"\"b\"\"\"\r\nko_2;\r\n",
        "site\tnote\rko_1\ta \"b\"\rko_2\t\r",
        "\"site\" \"note\"\n\"ko_1\" \"a \\\"b\\\"\"\n\n\"ko_2\"   NA  \n",
    ] {
        assert_eq!(csv::read(text.as_bytes(), &Reading::tolerant("t.txt")).unwrap(), expected, "{text:?}");
    }
    let quoted_na = csv::read(b"a,b\n\"NA\",\"\"\n", &Reading::tolerant("t.csv")).unwrap();
    assert_eq!((quoted_na.columns[0].text(0), quoted_na.columns[1].text(0)), (Some("NA"), Some("")));
}

#[test]
fn mistakes_name_file_line_column_and_the_way_out() {
    let schema = Schema::of(&[("site", Type::Text), ("lat", Type::Float64)]);
    let read = |text: &[u8]| csv::read_typed(text, &schema, &Reading::tolerant("deployments.csv")).unwrap_err().to_string();
    let all = [
        read(b""),
        read(b"site;lat\nko_1;70,1\n"),
        read(b"site,latitude\n"),
        read(b"site,lat\n\nko_1,1,2\n"),
        read(b"site,lat,site\n"),
        read(b"site,lat,\n"),
        read(b"site,lat\nko_1,\"1\nko_2,1\n"),
        read(b"site,lat\nko_1,\"1\"0\n"),
        read(b"site,lat\nk\xF8_1,1\n"),
        read(b"\xFF\xFEs\0i\0"),
        read(b"site,lat\nko_1,NaN\n"),
    ]
    .into_iter()
    .fold(String::new(), |mut all, message| {
        writeln!(all, "{message}").unwrap();
        all
    });
    insta::assert_snapshot!(all, @r#"
`deployments.csv`: the file is empty; its first line must name the columns
`deployments.csv`, line 2, column `lat`: `70,1` is not a number; write a decimal point, and leave a missing value empty
`deployments.csv`, line 1, column `lat`: the column is missing; the header has `site`, `latitude`
`deployments.csv`, line 3: 3 fields under a header of 2; quote a field that holds a separator
`deployments.csv`, line 1, column `site`: two columns of one name; name each once
`deployments.csv`, line 1: a column without a name; name each once
`deployments.csv`, line 2: a quote opens here and is never closed
`deployments.csv`, line 2: text behind a closing quote; write a quote inside a field twice
`deployments.csv`, line 2: letters that are not UTF-8; save the file as `CSV UTF-8`
`deployments.csv`: the file is UTF-16; save it as `CSV UTF-8`
`deployments.csv`, line 2, column `lat`: `NaN` is not a number; write a decimal point, and leave a missing value empty
"#);
}

#[cfg(feature = "parquet")]
mod parquet {
    use std::io::Write as _;

    use super::*;
    use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
    use ::parquet::record::Field;
    use trapline::table::parquet;

    fn reader_of(bytes: &[u8]) -> SerializedFileReader<std::fs::File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        SerializedFileReader::new(file).unwrap()
    }

    #[test]
    fn parquet_reads_back_and_equal_tables_are_equal_files() {
        let table = every_type();
        let mut bytes = Vec::new();
        parquet::write(&table, &mut bytes).unwrap();
        let mut again = Vec::new();
        let rebuilt = Table::concat(&[table.take(&[0, 1]), table.take(&[2, 3])]).unwrap();
        parquet::write(&rebuilt, &mut again).unwrap();
        assert_eq!(bytes, again);
        let reader = reader_of(&bytes);
        assert_eq!(reader.metadata().file_metadata().created_by(), Some("trapline"));
        let rows: Vec<Vec<(String, Field)>> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().into_columns()).collect();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[0][0].1, Field::Str("vole, \"red\"".into()));
        assert_eq!(rows[1][0].1, Field::Null);
        assert_eq!(rows[2][0].1, Field::Str(String::new()));
        assert_eq!(rows[1][1].1, Field::Long(i64::MAX));
        assert_eq!(rows[0][2].1, Field::Float(0.1));
        assert_eq!(rows[1][3].1, Field::Double(1e300));
        assert_eq!(rows[2][4].1, Field::Bool(false));
        assert_eq!(rows[0][5].1, Field::Str(ContentId::of(b"a").to_string()));
        assert_eq!(rows[3][6].1, Field::TimestampMillis(-1000));
    }

    #[test]
    fn groups_of_rows_keep_all_of_them() {
        let mut builder = ColumnBuilder::new(Type::Int);
        (0..150_000).for_each(|value| builder.push_int(value));
        let column = Arc::new(builder.finish().unwrap());
        let table = Table::from_columns(Schema::of(&[("n", Type::Int)]), vec![column]).unwrap();
        let mut bytes = Vec::new();
        parquet::write(&table, &mut bytes).unwrap();
        let reader = reader_of(&bytes);
        assert_eq!(reader.num_row_groups(), 3);
        let sum: i64 = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| match row.unwrap().into_columns().pop() {
                Some((_, Field::Long(value))) => value,
                other => panic!("{other:?}"),
            })
            .sum();
        assert_eq!(sum, 150_000 * 149_999 / 2);
    }
}

#[test]
#[ignore = "prints figures; run in release: cargo test --release --test table_exports -- --ignored --nocapture"]
fn figures_at_a_million_rows() {
    const ROWS: i64 = 1_000_000;
    let (mut path, mut class) = (ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Text));
    let (mut time, mut confidence) = (ColumnBuilder::new(Type::DateTime), ColumnBuilder::new(Type::Float32));
    for row in 0..ROWS {
        path.push_text(&format!("vestre_jakobselv/site_{}/2020/IMG_{row:07}.JPG", row / 6100));
        class.push_text(["vole", "empty", "stoat"][usize::try_from(row % 3).unwrap()]);
        time.push_datetime(1_562_572_800 + row * 600);
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        confidence.push_float32(row as f32 / ROWS as f32);
    }
    let schema =
        Schema::of(&[("path", Type::Text), ("class", Type::Text), ("time", Type::DateTime), ("confidence", Type::Float32)]);
    let table = Table::from_builders(schema.clone(), vec![path, class, time, confidence]).unwrap();
    let time = |what: &str, start: std::time::Instant, bytes: usize| {
        eprintln!("{what:<20} {:>8.0} ms, {} MB", start.elapsed().as_secs_f64() * 1e3, bytes / 1_000_000);
    };
    let start = std::time::Instant::now();
    let text = written(&table, csv::write);
    time("write CSV", start, text.len());
    let start = std::time::Instant::now();
    let read = csv::read_typed(text.as_bytes(), &schema, &Reading::strict("t.csv")).unwrap();
    time("read CSV", start, text.len());
    assert_eq!(read, table);
    let start = std::time::Instant::now();
    let text = written(&table, json::write_lines);
    time("write JSON lines", start, text.len());
    #[cfg(feature = "parquet")]
    {
        let start = std::time::Instant::now();
        let mut bytes = Vec::new();
        trapline::table::parquet::write(&table, &mut bytes).unwrap();
        time("write Parquet", start, bytes.len());
        if let Ok(folder) = std::env::var("TRAPLINE_KEEP") {
            std::fs::write(std::path::Path::new(&folder).join("million.parquet"), &bytes).unwrap();
        }
    }
}
