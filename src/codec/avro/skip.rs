//! Walks a datum by its writer's layout alone.

use super::cursor::{Cursor, Malformed};
use super::layout::{Layout, Part, PartId};

/// Deeper than any schema of ours; a recursive schema could overflow the stack.
const DEPTH_MAX: usize = 64;

/// Reads over one datum of the part, checking all of it.
pub fn skip(layout: &Layout, id: PartId, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    skip_within(layout, id, cursor, DEPTH_MAX)
}

fn skip_within(layout: &Layout, id: PartId, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Malformed> {
    let deeper = depth.checked_sub(1).ok_or_else(|| cursor.malformed("the datum is nested too deeply"))?;
    match layout.part(id) {
        Part::Null => {}
        Part::Boolean => drop(cursor.boolean()?),
        Part::Int => drop(cursor.int()?),
        Part::Long => drop(cursor.long()?),
        Part::Float => drop(cursor.float()?),
        Part::Double => drop(cursor.double()?),
        Part::Bytes => drop(cursor.bytes()?),
        Part::Text => drop(cursor.text()?),
        Part::Fixed(size) => drop(cursor.take(*size)?),
        Part::Symbol(count) => drop(cursor.index(*count)?),
        Part::Items(items) => skip_blocks(cursor, |cursor| skip_within(layout, *items, cursor, deeper))?,
        Part::Entries(values) => skip_blocks(cursor, |cursor| {
            cursor.text()?;
            skip_within(layout, *values, cursor, deeper)
        })?,
        Part::OneOf(branches) => {
            let branch = cursor.index(branches.len())?;
            skip_within(layout, branches[branch], cursor, deeper)?;
        }
        Part::Fields(fields) => {
            cursor.count_item()?;
            for field in fields {
                cursor.count_if_empty(|cursor| skip_within(layout, *field, cursor, deeper))?;
            }
        }
    }
    Ok(())
}

fn skip_blocks<'a>(
    cursor: &mut Cursor<'a>,
    mut item: impl FnMut(&mut Cursor<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    loop {
        let count = cursor.block()?;
        if count == 0 {
            return Ok(());
        }
        for _ in 0..count {
            cursor.count_item()?;
            item(cursor)?;
        }
    }
}
