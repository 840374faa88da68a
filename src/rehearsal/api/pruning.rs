//! The fields an API server keeps of custom resources: what their schema does not name is dropped on every write, without a word.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::resources::Resource;

/// The fields of custom resources by kind. A kind it does not have keeps all of its fields.
#[derive(Debug, Clone, Default)]
pub struct Schema(BTreeMap<String, Field>);

/// What may be in a field that is an object, or a list of such.
#[derive(Debug, Clone, Default)]
struct Field {
    named: BTreeMap<String, Field>,
    /// Of a map: what each of its values may hold.
    values: Option<Box<Field>>,
    /// `x-kubernetes-preserve-unknown-fields`
    keeps_unknown: bool,
}

// === impl Schema ===

impl Schema {
    /// Reads one kind or field a line, a blank deeper than what it is in: `*` stands for every key of a map, `...` for whatever a
    /// client may write.
    pub fn parse(text: &str) -> Self {
        let mut root = Field::default();
        let mut path: Vec<&str> = Vec::new();
        for line in text.lines() {
            let name = line.trim_start();
            path.truncate(line.len() - name.len());
            let parent = path.iter().fold(&mut root, |field, step| field.child(step));
            match name {
                "" => continue,
                "..." => parent.keeps_unknown = true,
                name => drop(parent.child(name)),
            }
            path.push(name);
        }
        Self(root.named)
    }

    /// Drops what an API server would not keep. Metadata is not the schema's affair.
    pub(crate) fn prune(&self, resource: &Resource, object: &mut Value) {
        let Some(kind) = self.0.get(resource.kind).filter(|_| resource.custom) else {
            return;
        };
        let Some(fields) = object.as_object_mut() else { return };
        fields.retain(|name, value| {
            let known = kind.named.get(name);
            if let Some(field) = known.filter(|_| name != "metadata") {
                field.prune(value);
            }
            known.is_some()
        });
    }
}

// === impl Field ===

impl Field {
    fn child(&mut self, name: &str) -> &mut Self {
        if name == "*" {
            return self.values.get_or_insert_default();
        }
        self.named.entry(name.to_owned()).or_default()
    }

    fn prune(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.prune(item)),
            Value::Object(fields) => self.prune_object(fields),
            _ => {}
        }
    }

    fn prune_object(&self, fields: &mut Map<String, Value>) {
        fields.retain(|name, value| {
            let known = self.named.get(name).or(self.values.as_deref());
            if let Some(field) = known {
                field.prune(value);
            }
            known.is_some() || self.keeps_unknown
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::resources::{PODS, VMIS},
        *,
    };

    const FIELDS: &str = "VirtualMachineInstance\n kind\n metadata\n spec\n  domain\n   bridge\n   disks\n    name\n  selector\n   *\n  template\n   ...\n";

    #[test]
    fn what_the_schema_does_not_name_is_dropped() {
        let mut vmi = json!({
            "kind": "VirtualMachineInstance", "metadata": {"name": "a", "labels": {"b": "c"}}, "status": {"phase": "Running"},
            "spec": {
                "domain": {"bridge": {"new": 1}, "disks": [{"name": "x", "new": 1}, {"new": 2}], "new": []},
                "selector": {"any": "key"}, "template": {"any": {"thing": 1}}, "new": null,
            },
        });
        Schema::parse(FIELDS).prune(&VMIS, &mut vmi);
        let expected = json!({
            "kind": "VirtualMachineInstance", "metadata": {"name": "a", "labels": {"b": "c"}},
            "spec": {
                "domain": {"bridge": {}, "disks": [{"name": "x"}, {}]},
                "selector": {"any": "key"}, "template": {"any": {"thing": 1}},
            },
        });
        assert_eq!(vmi, expected);
    }

    #[test]
    fn another_kind_keeps_all() {
        let mut pod = json!({"kind": "Pod", "spec": {"anything": 1}});
        let before = pod.clone();
        Schema::parse(FIELDS).prune(&PODS, &mut pod);
        assert_eq!(pod, before);
    }
}
