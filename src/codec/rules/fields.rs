//! Takes a record's fields one by one, in our schema's order, and checks each by its type's rule.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::orders::event::{Guardrails, ServiceRule};
use crate::domain::orders::money::{Currency, Decimal, Money};
use crate::domain::timestamp::Timestamp;

use super::{Invalid, decimal::decimal};
use crate::codec::avro::value::Value;

const LIMIT_PERCENT_MAX: f64 = 1e6;

/// A record's remaining fields, taken in the order of our schema.
pub struct Fields<'a> {
    values: std::vec::IntoIter<Value<'a>>,
}

type Taken<T> = Result<T, Invalid>;

fn broken<T>(name: &str, rule: &str) -> Taken<T> {
    Err(Invalid(format!("{name} {rule}")))
}

impl<'a> Fields<'a> {
    pub fn of(value: Value<'a>, name: &str) -> Taken<Fields<'a>> {
        match value {
            Value::Fields(values) => Ok(Fields { values: values.into_iter() }),
            _ => broken(name, "is not a record"),
        }
    }

    pub fn next(&mut self) -> Value<'a> {
        self.values.next().unwrap_or(Value::Null)
    }

    pub fn number(&mut self, name: &str) -> Taken<i64> {
        number(self.next(), name)
    }

    pub fn int(&mut self, name: &str) -> Taken<i32> {
        int(self.next(), name)
    }

    pub fn symbol<T: Copy>(&mut self, name: &str, symbols: &[T]) -> Taken<T> {
        match self.next() {
            Value::Symbol(index) if index < symbols.len() => Ok(symbols[index]),
            _ => broken(name, "is not a symbol of its enum"),
        }
    }

    pub fn uuid(&mut self, name: &str) -> Taken<Uuid> {
        uuid(self.next(), name)
    }

    pub fn text(&mut self, name: &str) -> Taken<&'a str> {
        text(self.next(), name)
    }

    /// Text of `min` to `max` characters.
    pub fn bounded(&mut self, name: &str, min: usize, max: usize) -> Taken<String> {
        bounded(self.next(), name, min, max)
    }

    pub fn time(&mut self, name: &str) -> Taken<Timestamp> {
        time(self.next(), name)
    }

    pub fn money(&mut self, name: &str) -> Taken<Money> {
        money(self.next(), name)
    }

    pub fn string(&mut self, name: &str) -> Taken<String> {
        string(self.next(), name)
    }

    /// A nullable field.
    pub fn optional<T>(&mut self, name: &str, take: impl FnOnce(Value<'a>, &str) -> Taken<T>) -> Taken<Option<T>> {
        match self.next() {
            Value::Null => Ok(None),
            value => take(value, name).map(Some),
        }
    }

    pub fn rule_ids(&mut self) -> Taken<Vec<String>> {
        list(self.next(), "rule_ids", |item, name| bounded(item, name, 0, 256))
    }

    pub fn rule_metadata(&mut self) -> Taken<BTreeMap<String, String>> {
        let Value::Entries(entries) = self.next() else { return broken("rule_metadata", "is not a map") };
        let entry = |(key, value)| {
            Ok((string(Value::Text(key), "a key of rule_metadata")?, string(value, "a value of rule_metadata")?))
        };
        entries.into_iter().map(entry).collect()
    }
}

pub fn number(value: Value<'_>, name: &str) -> Taken<i64> {
    match value {
        Value::Number(number) => Ok(number),
        _ => broken(name, "is not a number"),
    }
}

pub fn int(value: Value<'_>, name: &str) -> Taken<i32> {
    let number = number(value, name)?;
    i32::try_from(number).or_else(|_| broken(name, "exceeds 32 bits"))
}

pub fn text<'a>(value: Value<'a>, name: &str) -> Taken<&'a str> {
    match value {
        Value::Text(text) if text.as_bytes().contains(&0) => {
            broken(name, "contains U+0000, which Postgres cannot store")
        }
        Value::Text(text) => Ok(text),
        _ => broken(name, "is not a string"),
    }
}

pub fn string(value: Value<'_>, name: &str) -> Taken<String> {
    text(value, name).map(str::to_owned)
}

pub fn bounded(value: Value<'_>, name: &str, min: usize, max: usize) -> Taken<String> {
    let text = text(value, name)?;
    // A text has at least as many bytes as characters.
    let fits = text.len() >= min && (text.len() <= max || text.chars().count() <= max);
    if fits { Ok(text.to_owned()) } else { Err(Invalid(format!("{name} is not {min} to {max} characters long"))) }
}

pub fn uuid(value: Value<'_>, name: &str) -> Taken<Uuid> {
    if let Value::Uuid(uuid) = value {
        return Ok(uuid);
    }
    let text = text(value, name)?;
    // Only the hyphenated form has 36 characters.
    let parsed = Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
    parsed.map_or_else(|| broken(name, "is not a hyphenated UUID"), Ok)
}

pub fn time(value: Value<'_>, name: &str) -> Taken<Timestamp> {
    let time = Timestamp::from_micros(number(value, name)?);
    time.map_or_else(|| broken(name, "is outside the years 1 to 9999"), Ok)
}

pub fn money(value: Value<'_>, name: &str) -> Taken<Money> {
    let mut fields = Fields::of(value, name)?;
    let units = amount(fields.next(), name)?;
    let currency = Currency::parse(fields.text(name)?);
    match currency {
        Some(currency) => Ok(Money { units, currency }),
        None => broken(name, "has a currency that is not three uppercase letters"),
    }
}

fn amount(value: Value<'_>, name: &str) -> Taken<Decimal> {
    let Value::Decimal { unscaled, scale } = value else { return broken(name, "is not a decimal") };
    let value = decimal(unscaled, scale);
    value.map_or_else(|| broken(name, "is not a decimal of 18 digits, 4 of them after the point"), Ok)
}

fn percent(value: Value<'_>, name: &str) -> Taken<f64> {
    match value {
        // The bounds exclude NaN too; adding zero turns -0 into 0.
        Value::Double(limit) if limit.abs() <= LIMIT_PERCENT_MAX => Ok(limit + 0.0),
        Value::Double(_) => broken(name, "is not a percentage between -1e6 and 1e6"),
        _ => broken(name, "is not a double"),
    }
}

pub fn guardrails(value: Value<'_>, name: &str) -> Taken<Guardrails> {
    let mut fields = Fields::of(value, name)?;
    Ok(Guardrails {
        minimum_margin_absolute: fields.optional("guardrails.minimum_margin_absolute", amount)?,
        minimum_margin_percent: fields.optional("guardrails.minimum_margin_percent", percent)?,
        warning_margin_percent: fields.optional("guardrails.warning_margin_percent", percent)?,
    })
}

pub fn service_rules(value: Value<'_>, name: &str) -> Taken<Vec<ServiceRule>> {
    list(value, name, |item, name| {
        let mut fields = Fields::of(item, name)?;
        Ok(ServiceRule {
            id: fields.bounded("service_rules.id", 0, 256)?,
            label: fields.optional("service_rules.label", |value, name| bounded(value, name, 0, 256))?,
            priority: fields.optional("service_rules.priority", int)?,
        })
    })
}

fn list<'a, T>(value: Value<'a>, name: &str, take: impl Fn(Value<'a>, &str) -> Taken<T>) -> Taken<Vec<T>> {
    match value {
        Value::Items(items) => items.into_iter().map(|item| take(item, name)).collect(),
        _ => broken(name, "is not an array"),
    }
}
