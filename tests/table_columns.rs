//! Columns, tables and cached rows: round trips, identities that do not depend on the way, and bytes that are no table.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

use std::sync::Arc;

use proptest::prelude::*;
use trapline::id::ContentId;
use trapline::table::{
    Cell, CellRef, Column, ColumnBuilder, Schema, Table, TableError, TableHeader, Type, append_row, civil, decode_row, encode_row,
};

const TYPES: [Type; 7] = [Type::Text, Type::Int, Type::Float32, Type::Float64, Type::Bool, Type::Content, Type::DateTime];

fn a_value(ty: Type) -> BoxedStrategy<Cell> {
    match ty {
        Type::Text => prop_oneof!["[a-c]{0,2}", "\\PC{0,12}"].prop_map(Cell::Text).boxed(),
        Type::Int => any::<i64>().prop_map(Cell::Int).boxed(),
        Type::Float32 => any::<f32>().prop_filter("a number", |v| !v.is_nan()).prop_map(Cell::Float32).boxed(),
        Type::Float64 => any::<f64>().prop_filter("a number", |v| !v.is_nan()).prop_map(Cell::Float64).boxed(),
        Type::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
        Type::Content => any::<[u8; 32]>().prop_map(|bytes| Cell::Content(ContentId(bytes))).boxed(),
        Type::DateTime => (-377_705_116_800..=253_402_300_799_i64).prop_map(Cell::DateTime).boxed(),
    }
}

fn cells(ty: Type) -> impl Strategy<Value = Vec<Cell>> {
    prop::collection::vec(prop_oneof![1 => Just(Cell::Null), 4 => a_value(ty)], 0..80)
}

fn typed_cells() -> impl Strategy<Value = (Type, Vec<Cell>)> {
    prop::sample::select(TYPES.to_vec()).prop_flat_map(|ty| cells(ty).prop_map(move |cells| (ty, cells)))
}

fn column(ty: Type, cells: &[Cell]) -> Column {
    let mut builder = ColumnBuilder::new(ty);
    for cell in cells {
        builder.push(cell.as_ref());
    }
    builder.finish().unwrap()
}

/// -0 is stored as 0.
fn stored(cell: &Cell) -> Cell {
    match cell {
        Cell::Float32(value) => Cell::Float32(value + 0.0),
        Cell::Float64(value) => Cell::Float64(value + 0.0),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn a_column_keeps_its_values_through_its_bytes((ty, cells) in typed_cells()) {
        let built = column(ty, &cells);
        let read = Column::decode(&built.encode()).unwrap();
        prop_assert_eq!(&read, &built);
        prop_assert_eq!(read.encode(), built.encode());
        prop_assert_eq!(read.id(), ContentId::of(&built.encode()));
        prop_assert_eq!(read.null_count(), cells.iter().filter(|cell| **cell == Cell::Null).count());
        for (row, cell) in cells.iter().enumerate() {
            prop_assert_eq!(read.cell(row).to_cell(), stored(cell));
        }
    }

    #[test]
    fn the_identity_does_not_depend_on_the_way((ty, cells) in typed_cells(), seed in any::<u64>(), cut in 0_usize..80) {
        let straight = column(ty, &cells);
        // Taken out of a shuffled and doubled column.
        let mut order: Vec<u32> = (0..u32::try_from(cells.len()).unwrap()).collect();
        order.sort_by_key(|row| (u64::from(*row) + 1).wrapping_mul(seed | 1));
        let mut place = vec![0; order.len()];
        (0..).zip(&order).for_each(|(at, row)| place[*row as usize] = at);
        let shuffled = straight.take(&order);
        let doubled = Column::concat(&[&shuffled, &straight]).unwrap();
        prop_assert_eq!(shuffled.take(&place).id(), straight.id());
        prop_assert_eq!(doubled.take(&place).encode(), straight.encode());
        // Put together from two halves.
        let (head, tail) = cells.split_at(cut.min(cells.len()));
        let joined = Column::concat(&[&column(ty, head), &column(ty, tail)]).unwrap();
        prop_assert_eq!(joined.encode(), straight.encode());
    }

    #[test]
    fn garbage_is_refused_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), ty in 0_u8..9) {
        let _ = Column::decode(&bytes);
        let _ = TableHeader::decode(&bytes);
        let _ = decode_row(&bytes);
        let mut framed = b"TLC1".to_vec();
        framed.push(ty);
        framed.append(&mut bytes);
        if let Ok(read) = Column::decode(&framed) {
            prop_assert_eq!(read.encode(), framed, "whatever is read is canonical");
        }
    }

    #[test]
    fn a_flipped_bit_is_refused_or_another_column((ty, cells) in typed_cells(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let built = column(ty, &cells);
        let mut bytes = built.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(read) = Column::decode(&bytes) {
            prop_assert_ne!(read.id(), built.id());
            prop_assert_eq!(read.encode(), bytes);
        }
    }

    #[test]
    fn a_row_keeps_its_cells(rows in prop::collection::vec(typed_cells(), 1..6)) {
        let cells: Vec<Cell> = rows.iter().map(|(_, cells)| cells.first().cloned().unwrap_or(Cell::Null)).collect();
        let bytes = encode_row(&cells).unwrap();
        let expected: Vec<Cell> = cells.iter().map(stored).collect();
        prop_assert_eq!(decode_row(&bytes).unwrap(), expected.clone());
        let mut builders: Vec<_> = rows.iter().map(|(ty, _)| ColumnBuilder::new(*ty)).collect();
        append_row(&bytes, &mut builders).unwrap();
        for (builder, cell) in builders.into_iter().zip(expected) {
            prop_assert_eq!(builder.finish().unwrap().cell(0).to_cell(), cell);
        }
    }

    #[test]
    fn sorting_is_stable_and_complete((ty, cells) in typed_cells()) {
        let table = Table::from_columns(Schema::of(&[("value", ty)]), vec![Arc::new(column(ty, &cells))]).unwrap();
        let order = table.sort_by(&["value"]).unwrap();
        let sorted = table.take(&order);
        let nulls = sorted.columns[0].null_count();
        prop_assert!((0..nulls).all(|row| sorted.columns[0].is_null(row)), "missing values come first");
        for pair in order.windows(2) {
            if table.columns[0].cell(pair[0] as usize) == table.columns[0].cell(pair[1] as usize) {
                prop_assert!(pair[0] < pair[1]);
            }
        }
        if ty == Type::Text {
            let texts: Vec<_> = (nulls..cells.len()).map(|row| sorted.columns[0].text(row).unwrap()).collect();
            prop_assert!(texts.is_sorted());
        }
        let mut all = order;
        all.sort_unstable();
        prop_assert!(all.into_iter().eq(0..u32::try_from(cells.len()).unwrap()));
    }
}

#[test]
fn golden_bytes_stay() {
    let text = column(Type::Text, &[Cell::Text("vole".into()), Cell::Null, Cell::Text("vole".into()), Cell::Text(String::new())]);
    insta::assert_snapshot!(blake3::Hash::from_bytes(text.id().0).to_hex(), @"4a4db33265239217233934bddfb6753375a676d3f46ae3ca4a461bc5901c5a77");
    let numbers = column(Type::Float32, &[Cell::Float32(-0.0), Cell::Float32(0.25), Cell::Null]);
    insta::assert_snapshot!(format!("{:02x?}", numbers.encode()), @"[54, 4c, 43, 31, 03, 03, 00, 00, 00, 00, 00, 00, 00, 01, 00, 00, 00, 00, 00, 00, 00, 03, 00, 00, 00, 00, 00, 00, 80, 3e, 00, 00, 00, 00]");
    let schema = Schema::of(&[("class", Type::Text), ("confidence", Type::Float32)]);
    let table = Table::from_columns(schema, vec![Arc::new(text.take(&[0, 1, 2])), Arc::new(numbers)]).unwrap();
    insta::assert_snapshot!(table.id(), @"b3:a903a6a5b42aaee8fc7561f628c842c970e49b39ae399bfa539d8c4cede1bac7");
    assert_eq!(TableHeader::decode(&table.header().encode()).unwrap(), table.header());
}

#[test]
fn wrong_values_are_named() {
    let finish = |ty, cell: CellRef<'_>| {
        let mut builder = ColumnBuilder::new(ty);
        builder.push_null();
        builder.push(cell);
        builder.finish().unwrap_err().to_string()
    };
    insta::assert_snapshot!(finish(Type::Float32, CellRef::Float32(f32::NAN)), @"row 1: not a number (NaN) cannot be stored; mark it as missing");
    insta::assert_snapshot!(finish(Type::Float32, CellRef::Text("high")), @"row 1: a text in a column of confidences");
    insta::assert_snapshot!(finish(Type::DateTime, CellRef::DateTime(i64::MAX)), @"row 1: 9223372036854775807 s since 1970 lies outside the years -9999 to 9999");
    assert!(matches!(encode_row(&[Cell::Float64(f64::NAN)]), Err(TableError::NotANumber { row: 0 })));
}

#[test]
fn a_damaged_row_adds_nothing() {
    let bytes = encode_row(&[Cell::Int(7), Cell::Text("vole".into())]).unwrap();
    let mut builders = vec![ColumnBuilder::new(Type::Int), ColumnBuilder::new(Type::Float32)];
    assert!(matches!(append_row(&bytes, &mut builders), Err(TableError::CellType { .. })));
    assert!(append_row(&bytes[..bytes.len() - 1], &mut builders).is_err());
    assert!(builders.iter().all(ColumnBuilder::is_empty));
}

#[test]
fn tables_share_check_and_join_columns() {
    let site = Arc::new(column(Type::Text, &[Cell::Text("ko_ga_hu_1".into()), Cell::Text("ko_ga_hu_1b".into())]));
    let table = Table::from_columns(Schema::of(&[("site", Type::Text)]), vec![Arc::clone(&site)]).unwrap();
    let more = table.with_column("count", Arc::new(column(Type::Int, &[Cell::Int(1), Cell::Null]))).unwrap();
    assert!(Arc::ptr_eq(&more.columns[0], &site), "no copy");
    assert_eq!(more.select(&["count", "site"]).unwrap().schema, Schema::of(&[("count", Type::Int), ("site", Type::Text)]));
    assert_eq!(more.cell(0, "count"), CellRef::Int(1));
    insta::assert_snapshot!(more.require("seson").unwrap_err(), @"no column `seson`: there are `site`, `count`");
    insta::assert_snapshot!(Table::concat(&[table.clone(), more.clone()]).unwrap_err(), @"tables with different columns cannot be joined end to end: [site] against [site, count]");
    insta::assert_snapshot!(table.with_column("count", Arc::new(Column::nulls(Type::Int, 3))).unwrap_err(), @"column `count` has 3 rows, expected 2");
    let joined = site.take_optional(&[Some(1), None, Some(0)]);
    assert_eq!((joined.text(0), joined.text(1), joined.text(2)), (Some("ko_ga_hu_1b"), None, Some("ko_ga_hu_1")));
    let twice = Table::concat(&[more.clone(), more.clone()]).unwrap();
    assert_eq!((twice.rows, twice.cell(3, "site")), (4, CellRef::Text("ko_ga_hu_1b")));
    assert_eq!(twice.column("site").unwrap().distinct(), 2);
}

#[test]
#[ignore = "prints figures; run in release: cargo test --release --test table_columns -- --ignored --nocapture"]
fn figures_at_a_million_rows() {
    use std::time::Instant;
    const ROWS: u32 = 1_000_000;
    let time = |what: &str, start: Instant| eprintln!("{what:<40} {:>8.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let texts: Vec<String> = (0..ROWS).map(|i| format!("vestre_jakobselv/site_{}/2020/IMG_{i:07}.JPG", i / 6100)).collect();
    let start = Instant::now();
    let mut path = ColumnBuilder::new(Type::Text);
    for text in &texts {
        path.push_text(text);
    }
    let path = path.finish().unwrap();
    time("build 1M distinct paths", start);
    let start = Instant::now();
    let mut site = ColumnBuilder::new(Type::Text);
    (0..ROWS).for_each(|i| site.push_text(["a", "b", "c", "d"][i as usize % 4]));
    let site = site.finish().unwrap();
    time("build 1M texts of 4", start);
    let mut content = ColumnBuilder::new(Type::Content);
    (0..ROWS).for_each(|i| content.push_content(ContentId::of(&i.to_le_bytes())));
    let content = content.finish().unwrap();
    for (name, column) in [("paths", &path), ("sites", &site), ("contents", &content)] {
        let start = Instant::now();
        let bytes = column.encode();
        time(&format!("encode {name} ({} MB)", bytes.len() / 1_000_000), start);
        let start = Instant::now();
        let _ = column.id();
        time(&format!("encode and hash {name}"), start);
        let start = Instant::now();
        let read = Column::decode(&bytes).unwrap();
        time(&format!("decode {name}"), start);
        assert_eq!(&read, column);
    }
    let schema = Schema::of(&[("path", Type::Text), ("site", Type::Text), ("content", Type::Content)]);
    let table = Table::from_columns(schema, vec![Arc::new(path), Arc::new(site), Arc::new(content)]).unwrap();
    let start = Instant::now();
    let order = table.sort_by(&["site", "path"]).unwrap();
    time("sort by site, path", start);
    let start = Instant::now();
    let sorted = table.take(&order);
    time("take all columns", start);
    let start = Instant::now();
    let back = Table::concat(&[sorted.clone(), sorted]).unwrap();
    time("concat 2 x 1M", start);
    assert_eq!(back.rows, 2_000_000);
    let row =
        encode_row(&[Cell::DateTime(1_562_572_800), Cell::Text("RECONYX".into()), Cell::Int(12), Cell::Float32(0.5)]).unwrap();
    let start = Instant::now();
    let mut builders: Vec<_> =
        [Type::DateTime, Type::Text, Type::Int, Type::Float32].into_iter().map(ColumnBuilder::new).collect();
    (0..ROWS).for_each(|_| append_row(&row, &mut builders).unwrap());
    time("append 1M cached rows", start);
    assert_eq!(civil::format(builders.remove(0).finish().unwrap().datetime(0).unwrap()), "2019-07-08T08:00:00");
}
