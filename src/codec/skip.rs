//! Skips over a datum, using the writer's schema alone.

use super::cursor::{Cursor, Malformed};
use super::schema::{Node, NodeId, Schema};

/// Deeper than any schema of ours; a recursive schema could overflow the stack.
const DEPTH_MAX: usize = 64;

/// Skips one datum of the node, validating all of it.
pub fn skip(schema: &Schema, id: NodeId, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    skip_within(schema, id, cursor, DEPTH_MAX)
}

fn skip_within(schema: &Schema, id: NodeId, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Malformed> {
    let deeper = depth.checked_sub(1).ok_or_else(|| cursor.malformed("the datum is nested too deeply"))?;
    match schema.node(id) {
        Node::Null => {}
        Node::Boolean => drop(cursor.boolean()?),
        Node::Int => drop(cursor.int()?),
        Node::Long(_) => drop(cursor.long()?),
        Node::Float => drop(cursor.float()?),
        Node::Double => drop(cursor.double()?),
        Node::Bytes(_) => drop(cursor.bytes()?),
        Node::String => drop(cursor.text()?),
        Node::Fixed { size, .. } => drop(cursor.take(*size)?),
        Node::Enum { symbols, .. } => drop(cursor.index(symbols.len())?),
        Node::Array(items) => {
            skip_blocks(cursor, |cursor| skip_within(schema, *items, cursor, deeper))?;
        }
        Node::Map(values) => skip_blocks(cursor, |cursor| {
            cursor.text()?;
            skip_within(schema, *values, cursor, deeper)
        })?,
        Node::Union(branches) => {
            let branch = cursor.index(branches.len())?;
            skip_within(schema, branches[branch], cursor, deeper)?;
        }
        Node::Record { fields, .. } => {
            cursor.count_item()?;
            for field in fields {
                skip_within(schema, field.node, cursor, deeper)?;
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
