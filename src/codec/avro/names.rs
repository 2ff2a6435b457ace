//! Which names a schema may have: those that Java's library takes, since that is what registries check by.
//!
//! apache-avro's own rule is the specification's, ASCII letters alone. Java takes letters of any script, and
//! anything in a namespace (its reflection writes `Outer$`).

use std::sync::Once;

use apache_avro::AvroResult;
use apache_avro::error::Details;
use apache_avro::validator::{
    EnumSymbolNameValidator, RecordFieldNameValidator, SchemaNameValidator, set_enum_symbol_name_validator,
    set_record_field_name_validator, set_schema_name_validator,
};

const RULE: &str = "a letter or `_`, then letters, digits and `_`";

struct JavaNames;

impl SchemaNameValidator for JavaNames {
    /// Where the name begins behind its namespace.
    fn validate(&self, name: &str) -> AvroResult<usize> {
        let start = name.rfind('.').map_or(0, |dot| dot + 1);
        let quoted = name[..start].contains(['"', '\\']) || name[..start].contains(char::is_control);
        if !quoted && is_name(&name[start..]) {
            return Ok(start);
        }
        Err(Details::InvalidSchemaName(name.to_owned(), RULE).into())
    }
}

impl RecordFieldNameValidator for JavaNames {
    fn validate(&self, name: &str) -> AvroResult<()> {
        if is_name(name) { Ok(()) } else { Err(Details::FieldName(name.to_owned()).into()) }
    }
}

impl EnumSymbolNameValidator for JavaNames {
    fn validate(&self, symbol: &str) -> AvroResult<()> {
        if is_name(symbol) { Ok(()) } else { Err(Details::EnumSymbolName(symbol.to_owned()).into()) }
    }
}

fn is_name(name: &str) -> bool {
    let letter = |char: char| char.is_alphabetic() || char == '_';
    name.starts_with(letter) && name.chars().all(|char| letter(char) || char.is_numeric())
}

/// Must run before the process parses its first schema: apache-avro keeps the first rule it is given or makes.
pub fn use_java_names() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Each fails only where a rule is set already, and then that one stays.
        let _ = set_schema_name_validator(Box::new(JavaNames));
        let _ = set_record_field_name_validator(Box::new(JavaNames));
        let _ = set_enum_symbol_name_validator(Box::new(JavaNames));
    });
}
