//! The JSON Schema of our own file: made from its types, and of a fault's step from its flags.

use serde_json::{Map, Value, json};

use super::game_day::File;

/// A flag as a key of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// In camelCase.
    pub key: String,
    pub help: String,
    /// The words it can be; empty where it is any text.
    pub words: Vec<String>,
    /// It may have several values.
    pub is_list: bool,
    /// It has no value: `true` and `false`.
    pub is_switch: bool,
}

/// A fault as a step: its command, what it is, and its flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultKeys {
    pub command: &'static str,
    pub about: String,
    pub flags: Vec<Flag>,
}

/// The JSON Schema (draft 2020-12) of `kind: GameDay`.
pub fn schema(faults: &[FaultKeys]) -> Value {
    let mut schema = schemars::schema_for!(File).to_value();
    if let Some(all) = schema.as_object_mut() {
        all.insert("title".to_owned(), json!("Game day of kubectl vmchaos"));
        let defs = all.entry("$defs").or_insert_with(|| json!({}));
        if let Some(defs) = defs.as_object_mut() {
            defs.insert("Step".to_owned(), step(faults));
            defs.insert("Changing".to_owned(), changing());
            for fault in faults {
                defs.insert(fault.command.to_owned(), of_fault(fault));
            }
        }
    }
    schema
}

fn step(faults: &[FaultKeys]) -> Value {
    let span = json!({"$ref": "#/$defs/Span"});
    let steps = json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Step"}});
    let mut does: Vec<(&str, Value)> = vec![
        ("wait", described(span.clone(), "Nothing, for so long")),
        ("serial", described(steps.clone(), "Steps, one after the other")),
        (
            "parallel",
            described(steps, "Steps, all at once; it ends with the last of them"),
        ),
    ];
    does.extend(
        faults
            .iter()
            .map(|fault| (fault.command, json!({"$ref": format!("#/$defs/{}", fault.command)}))),
    );
    let one_of: Vec<Value> = does.iter().map(|(key, _)| json!({"required": [key]})).collect();
    let mut properties: Map<String, Value> = does.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    properties.insert(
        "name".to_owned(),
        json!({"type": "string", "description": "What it is called in reports; unlike every other step"}),
    );
    properties.insert(
        "repeat".to_owned(),
        json!({"type": "integer", "minimum": 1, "maximum": 1000, "description": "How many times it is done"}),
    );
    properties.insert(
        "every".to_owned(),
        described(span, "From the begin of one to the begin of the next"),
    );
    json!({
        "type": "object",
        "description": "Something that is done",
        "additionalProperties": false,
        "properties": properties,
        "oneOf": one_of,
    })
}

fn of_fault(fault: &FaultKeys) -> Value {
    let properties: Map<String, Value> = fault
        .flags
        .iter()
        .map(|flag| (flag.key.clone(), of_flag(flag)))
        .collect();
    json!({
        "type": "object",
        "description": fault.about,
        "additionalProperties": false,
        "properties": properties,
    })
}

fn of_flag(flag: &Flag) -> Value {
    if flag.is_switch {
        return json!({"type": "boolean", "description": flag.help});
    }
    let word = if flag.words.is_empty() {
        json!({"type": ["string", "number", "boolean"]})
    } else if flag.words == ["true", "false"] {
        json!({"type": "boolean"})
    } else {
        json!({"enum": flag.words})
    };
    let mut schema = match (flag.is_list, flag.words.is_empty()) {
        (true, _) => json!({"anyOf": [word, {"type": "array", "items": word}]}),
        // Where it is a number with a unit, or without.
        (false, true) => json!({"anyOf": [word, {"$ref": "#/$defs/Changing"}]}),
        (false, false) => word,
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(flag.help));
    }
    schema
}

/// A value that goes from here to there.
fn changing() -> Value {
    let end = json!({"type": ["string", "number"]});
    json!({
        "type": "object",
        "description": "A value that changes in so many steps; each has its share of `duration`",
        "additionalProperties": false,
        "properties": {"from": end, "to": end, "steps": {"type": "integer", "minimum": 2, "maximum": 100}},
        "required": ["from", "to", "steps"],
    })
}

fn described(mut schema: Value, description: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(description));
    }
    schema
}
