//! What is read of KubeVirt's objects and asked of its subresources is in the oldest version too, or in a table with the version
//! that brought it and why its absence does no harm.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;

use kube::Resource;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::kubevirt::KubeVirt;
use super::lifecycle::Action;
use super::migration::VirtualMachineInstanceMigration;
use super::vm::VirtualMachine;
use super::vmi::VirtualMachineInstance;

const FIELDS: &str = include_str!("../../tests/fixtures/kubevirt-1.0/fields.txt");
const SUBRESOURCES: &str = include_str!("../../tests/fixtures/kubevirt-1.0/subresources.txt");

/// Fields that are read and that 1.0 does not have, by their last names: the version that brought them, and what is done without.
const NEWER: &[(&str, &str, &str)] = &[
    ("interfaces.binding", "1.1", "there are no binding plugins before"),
    (
        "*.domainAttachmentType",
        "1.2",
        "plugins of KubeVirt 1.1 wire a VM in their own way, and are refused",
    ),
    ("network.binding", "1.1", "there are no binding plugins before"),
    (
        "migrationState.failureReason",
        "1.3",
        "a failed migration is told without a reason",
    ),
    ("migrationState.sourcePod", "1.3", "the pods are found by their labels"),
    (
        "interfaces.podInterfaceName",
        "1.4",
        "computed from the network's name, or read off the pod's network-status",
    ),
    (
        "spec.addedNodeSelector",
        "1.6",
        "--to-node and --node-selector are refused",
    ),
    ("interfaces.passtBinding", "1.8", "the binding is called passt before"),
];

/// Subresources that are asked for and that 1.0 does not serve.
const NEWER_SUBRESOURCES: &[(&str, &str)] = &[("virtualmachineinstances/reset", "1.5")];

#[test]
fn every_field_that_is_read_is_in_kubevirt_1_0_or_in_the_table() {
    let known = paths(FIELDS);
    let mut read = BTreeSet::new();
    read.extend(fields_of::<KubeVirt>());
    read.extend(fields_of::<VirtualMachine>());
    read.extend(fields_of::<VirtualMachineInstance>());
    read.extend(fields_of::<VirtualMachineInstanceMigration>());
    assert!(read.contains("VirtualMachineInstance.status.migrationState.migrationUid"));
    let missing = |path: &&String| !is_kept(&known, path);
    let newer = |path: &str| NEWER.iter().position(|(name, ..)| has_step(path, name));
    let unexplained: Vec<_> = read
        .iter()
        .filter(missing)
        .filter(|path| newer(path).is_none())
        .collect();
    assert_eq!(unexplained, Vec::<&String>::new());
    let explained: BTreeSet<_> = read.iter().filter(missing).filter_map(|path| newer(path)).collect();
    assert_eq!(
        explained.len(),
        NEWER.len(),
        "a row of the table is not needed: {explained:?}"
    );
}

#[test]
fn every_subresource_that_is_asked_for_is_in_kubevirt_1_0_or_in_the_table() {
    let served: Vec<&str> = SUBRESOURCES.lines().collect();
    let all = [
        Action::Start,
        Action::Stop,
        Action::Pause,
        Action::Unpause,
        Action::Reset,
    ];
    let missing: Vec<_> = all
        .iter()
        .map(|action| action.resource())
        .filter(|name| !served.contains(name))
        .collect();
    assert_eq!(
        missing,
        NEWER_SUBRESOURCES.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
}

/// The paths of a file with one field a line, a blank deeper than what it is in.
fn paths(text: &str) -> BTreeSet<String> {
    let mut path: Vec<&str> = Vec::new();
    let lines = text.lines().map(|line| {
        path.truncate(line.len() - line.trim_start().len());
        path.push(line.trim_start());
        path.join(".")
    });
    lines.collect()
}

/// Whether an API server keeps the field: it is known, or in something that keeps whatever a client writes.
fn is_kept(known: &BTreeSet<String>, path: &str) -> bool {
    let mut above = path;
    while let Some((parent, _)) = above.rsplit_once('.') {
        if known.contains(&format!("{parent}....")) {
            return true;
        }
        above = parent;
    }
    known.contains(path)
}

/// Whether a path goes through these two steps.
fn has_step(path: &str, steps: &str) -> bool {
    format!("{path}.").contains(&format!(".{steps}."))
}

/// The paths of the fields that a type reads, below its kind; metadata is the API server's affair.
fn fields_of<T: for<'de> Deserialize<'de> + Resource<DynamicType = ()>>() -> BTreeSet<String> {
    let found = RefCell::default();
    let tracer = Tracer {
        path: T::kind(&()).into_owned(),
        found: &found,
    };
    T::deserialize(tracer).map(drop).unwrap();
    found.into_inner()
}

/// Gives every field something to read, and notes which are asked for.
struct Tracer<'a> {
    path: String,
    found: &'a RefCell<BTreeSet<String>>,
}

impl Tracer<'_> {
    fn below(&self, step: impl Display) -> Self {
        let path = format!("{}.{step}", self.path);
        Self {
            path,
            found: self.found,
        }
    }
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Error;

    /// A text that is a time, too.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str("2023-07-06T12:00:00Z")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(false)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i32(0)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(0)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u32(0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Once(Some(self)))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Fields {
            of: &self,
            names: &["*"],
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        // Of affinities only the one to nodes is looked at.
        let names = match name {
            "ObjectMeta" | "PodAffinity" | "PodAntiAffinity" => &[],
            _ => names,
        };
        visitor.visit_map(Fields { of: &self, names })
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

/// A list of one.
struct Once<'a>(Option<Tracer<'a>>);

impl<'de> SeqAccess<'de> for Once<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.take().map(|item| seed.deserialize(item)).transpose()
    }
}

/// An object that has every field.
struct Fields<'a> {
    of: &'a Tracer<'a>,
    names: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(name) = self.names.first() else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, rest) = self.names.split_first().unwrap();
        self.names = rest;
        let field = self.of.below(name);
        self.of.found.borrow_mut().insert(field.path.clone());
        seed.deserialize(field)
    }
}
