//! Reads a datum by its plan.

use uuid::Uuid;

use super::cursor::{Cursor, Malformed};
use super::layout::Layout;
use super::resolve::{Number, Plan, RecordPlan, Step};
use super::skip::skip;
use super::value::Value;

const UUID_BYTES: usize = 16;

/// Why a datum could not be read.
#[derive(Debug)]
pub enum ReadError {
    Malformed(Malformed),
    /// Reading stopped here: the rest may still be malformed.
    Incompatible(String),
}

impl From<Malformed> for ReadError {
    fn from(malformed: Malformed) -> ReadError {
        ReadError::Malformed(malformed)
    }
}

/// `writer` is the layout that the plan was made with.
pub fn read<'a>(writer: &Layout, plan: &Plan, cursor: &mut Cursor<'a>) -> Result<Value<'a>, ReadError> {
    Ok(match plan {
        Plan::Null => Value::Null,
        Plan::Int => Value::Number(i64::from(cursor.int()?)),
        Plan::Long => Value::Number(cursor.long()?),
        Plan::Time { unit_micros } => Value::Number(cursor.long()?.saturating_mul(*unit_micros)),
        Plan::Double(number) => Value::Double(read_double(*number, cursor)?),
        Plan::Text => Value::Text(cursor.text()?),
        Plan::TextFromBytes => Value::Text(text_from(cursor.bytes()?)?),
        Plan::Uuid => Value::Uuid(Uuid::from_slice(cursor.take(UUID_BYTES)?).unwrap_or_default()),
        Plan::Decimal { scale } => Value::Decimal { unscaled: cursor.bytes()?, scale: *scale },
        Plan::Symbol(symbols) => match &symbols[cursor.index(symbols.len())?] {
            Ok(symbol) => Value::Symbol(*symbol),
            Err(failure) => return Err(ReadError::Incompatible(failure.detail.clone())),
        },
        Plan::Items(plan) => read_items(writer, plan, cursor)?,
        Plan::Entries(plan) => read_entries(writer, plan, cursor)?,
        Plan::Fields(record) => read_fields(writer, record, cursor)?,
        Plan::Union(branches) => read(writer, &branches[cursor.index(branches.len())?], cursor)?,
        Plan::Branch(index, plan) => Value::Branch(*index, Box::new(read(writer, plan, cursor)?)),
        Plan::Fail(failure) => return Err(ReadError::Incompatible(failure.detail.clone())),
    })
}

fn read_double(number: Number, cursor: &mut Cursor<'_>) -> Result<f64, Malformed> {
    Ok(match number {
        Number::Int => f64::from(cursor.int()?),
        Number::Long => cursor.long()? as f64,
        Number::Float => f64::from(cursor.float()?),
        Number::Double => cursor.double()?,
    })
}

fn text_from(bytes: &[u8]) -> Result<&str, ReadError> {
    let error = |_| ReadError::Incompatible("the writer's bytes, which we read as a string, are not UTF-8".to_owned());
    std::str::from_utf8(bytes).map_err(error)
}

fn read_items<'a>(writer: &Layout, plan: &Plan, cursor: &mut Cursor<'a>) -> Result<Value<'a>, ReadError> {
    let mut items = Vec::new();
    loop {
        let count = cursor.block()?;
        if count == 0 {
            return Ok(Value::Items(items));
        }
        for _ in 0..count {
            cursor.count_item()?;
            items.push(read(writer, plan, cursor)?);
        }
    }
}

fn read_entries<'a>(writer: &Layout, plan: &Plan, cursor: &mut Cursor<'a>) -> Result<Value<'a>, ReadError> {
    let mut entries = Vec::new();
    loop {
        let count = cursor.block()?;
        if count == 0 {
            return Ok(Value::Entries(entries));
        }
        for _ in 0..count {
            cursor.count_item()?;
            let key = cursor.text()?;
            entries.push((key, read(writer, plan, cursor)?));
        }
    }
}

fn read_fields<'a>(writer: &Layout, record: &RecordPlan, cursor: &mut Cursor<'a>) -> Result<Value<'a>, ReadError> {
    let mut fields: Vec<Value<'a>> = record.blank.clone();
    for step in &record.steps {
        match step {
            Step::Skip(part) => cursor.count_if_empty(|cursor| skip(writer, *part, cursor))?,
            Step::Read { target, plan } => fields[*target] = read(writer, plan, cursor)?,
        }
    }
    Ok(Value::Fields(fields))
}
