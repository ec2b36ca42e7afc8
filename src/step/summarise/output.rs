//! The tables of days and gaps.

use std::sync::Arc;

use super::Class;
use super::counts::{Grid, Status};
use super::gaps::Gap;
use super::sites::Place;
use super::weeks;
use crate::observation::CAMERA;
use crate::step::StepError;
use crate::table::{CellRef, Column, ColumnBuilder, Schema, Table, TableError, Type, civil};

/// The schemas of the outputs.
pub(super) fn schemas(events: &Schema, cameras: bool) -> Vec<Schema> {
    let levels = Levels {
        seasonal: events.field("season").is_some(),
        by_camera: cameras && events.field(CAMERA).is_some_and(|field| field.ty == Type::Text),
    };
    vec![days_schema(levels), gaps_schema(levels), weeks::schema()]
}

/// What places have beside a site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    /// Seasons.
    pub seasonal: bool,
    /// Cameras, which stand behind all other columns.
    pub by_camera: bool,
}

fn of_places(levels: Levels, more: &[(&str, Type)]) -> Schema {
    let place = [("site", Type::Text), ("season", Type::Text)];
    let place = place.iter().take(if levels.seasonal { 2 } else { 1 });
    let camera = [(CAMERA, Type::Text)];
    let camera = camera.iter().take(usize::from(levels.by_camera));
    Schema::of(&place.chain(more).chain(camera).copied().collect::<Vec<_>>())
}

fn days_schema(levels: Levels) -> Schema {
    let more =
        [("date", Type::Text), ("class", Type::Text), ("events", Type::Int), ("present", Type::Bool), ("status", Type::Text)];
    of_places(levels, &more)
}

fn gaps_schema(levels: Levels) -> Schema {
    of_places(levels, &[("from", Type::Text), ("to", Type::Text), ("days", Type::Int), ("why", Type::Text)])
}

/// A column of few texts; the rows of a table are then taken from it by number.
pub(super) fn texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Result<Column, TableError> {
    let mut builder = ColumnBuilder::new(Type::Text);
    texts.for_each(|text| builder.push_optional_text(text));
    builder.finish()
}

fn camera_column(places: &[Place], of_row: &[u32]) -> Result<Arc<Column>, TableError> {
    Ok(Arc::new(texts(places.iter().map(|place| place.camera.as_deref()))?.take(of_row)))
}

fn place_columns(places: &[Place], of_row: &[u32], seasonal: bool) -> Result<Vec<Arc<Column>>, TableError> {
    let mut columns = vec![texts(places.iter().map(|place| Some(place.site.as_str())))?];
    if seasonal {
        columns.push(texts(places.iter().map(|place| place.season.as_deref()))?);
    }
    Ok(columns.into_iter().map(|column| Arc::new(column.take(of_row))).collect())
}

/// One row per site-day and class.
pub(super) fn days(grid: &Grid, classes: &[Class], levels: Levels) -> Result<Table, StepError> {
    let rows = grid.days.len() * classes.len();
    // Row by row, the number of something of its day.
    let of_days = |number: &dyn Fn(usize) -> u32| {
        (0..grid.days.len()).flat_map(|day| std::iter::repeat_n(number(day), classes.len())).collect::<Vec<u32>>()
    };
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut columns = place_columns(&grid.places, &of_days(&|day| grid.days[day].place), levels.seasonal)?;
    let mut dates: Vec<i64> = grid.days.iter().map(|day| day.date).collect();
    dates.sort_unstable();
    dates.dedup();
    let words: Vec<String> = dates.iter().map(|date| civil::format_day(*date)).collect();
    let date = |day: usize| small(dates.partition_point(|date| *date < grid.days[day].date));
    columns.push(Arc::new(texts(words.iter().map(|word| Some(word.as_str())))?.take(&of_days(&date))));
    let names = texts(classes.iter().map(|class| Some(class.name.as_str())))?;
    let of_class: Vec<u32> = (0..grid.days.len()).flat_map(|_| 0..small(classes.len())).collect();
    columns.push(Arc::new(names.take(&of_class)));
    let (mut events, mut present) =
        (ColumnBuilder::with_capacity(Type::Int, rows), ColumnBuilder::with_capacity(Type::Bool, rows));
    for day in 0..grid.days.len() {
        for (at, class) in classes.iter().enumerate() {
            let count = grid.events(day, at, class.bad);
            events.push(count.map_or(CellRef::Null, |count| CellRef::Int(count.into())));
            present.push(count.map_or(CellRef::Null, |count| CellRef::Bool(count > 0)));
        }
    }
    columns.extend([Arc::new(events.finish()?), Arc::new(present.finish()?)]);
    let statuses = texts(Status::ALL.iter().map(|status| Some(status.word())))?;
    let status = |day: usize| {
        let status = grid.days[day].status();
        small(Status::ALL.iter().position(|known| *known == status).unwrap_or_default())
    };
    columns.push(Arc::new(statuses.take(&of_days(&status))));
    if levels.by_camera {
        columns.push(camera_column(&grid.places, &of_days(&|day| grid.days[day].place))?);
    }
    Ok(Table::from_columns(days_schema(levels), columns)?)
}

/// One row per gap.
pub(super) fn gaps(gaps: &[Gap], levels: Levels) -> Result<Table, StepError> {
    let places: Vec<Place> = gaps.iter().map(|gap| gap.place.clone()).collect();
    let every: Vec<u32> = (0..u32::try_from(gaps.len()).unwrap_or(u32::MAX)).collect();
    let mut columns = place_columns(&places, &every, levels.seasonal)?;
    let schema = gaps_schema(levels);
    let start = columns.len();
    let own = &schema.fields[start..schema.fields.len() - usize::from(levels.by_camera)];
    let mut made: Vec<ColumnBuilder> = own.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    for gap in gaps {
        let [from, to, days, why] = &mut made[..] else { break };
        from.push_text(&civil::format_day(gap.from));
        to.push_text(&civil::format_day(gap.to));
        days.push_int(gap.to - gap.from + 1);
        why.push_text(gap.why.word());
    }
    for builder in made {
        columns.push(Arc::new(builder.finish()?));
    }
    if levels.by_camera {
        columns.push(camera_column(&places, &every)?);
    }
    Ok(Table::from_columns(schema, columns)?)
}
