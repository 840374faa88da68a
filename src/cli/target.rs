//! The grammar of TARGET: `NAME`, or `TYPE/NAME[/NAMESPACE]` with TYPE in any spelling kubectl takes.

use crate::cluster::selection::NamedTarget;
use crate::command_line::in_quotes;
use crate::fault::ValueError;
use crate::name::is_label;

/// What makes a text a pattern and not a name.
const PATTERN: &[char] = &['*', '+', '?', '[', ']', '(', ')', '{', '}', '|', '^', '$', '\\'];

/// A VMI by its name. A VM and its VMI share one.
pub(super) fn parse_target(text: &str) -> Result<NamedTarget, ValueError> {
    let parts: Vec<_> = text.split('/').collect();
    let target = |name: &str, namespace: Option<&str>| -> Result<NamedTarget, ValueError> {
        Ok(NamedTarget {
            name: exact_name(name)?,
            namespace: namespace.map(parse_namespace).transpose()?,
        })
    };
    match parts.as_slice() {
        [name] => target(name, None),
        [kind, name] if is_vm_type(kind) => target(name, None),
        [kind, name, namespace] if is_vm_type(kind) => target(name, Some(namespace)),
        [first, second] if exact_name(first).is_ok() && exact_name(second).is_ok() => Err(ValueError::new(
            format!(
                "as TYPE/NAME, `{first}` is not a type with a VM's network (write `vmi/{second}`); \
                 as NAMESPACE/NAME, the namespace goes last"
            ),
            format!("vmi/{second}/{first}"),
        )),
        _ => {
            // A pattern may hold slashes too.
            exact_name(text)?;
            Err(ValueError::new("not NAME or TYPE/NAME[/NAMESPACE]", "vmi/web-1/shop"))
        }
    }
}

/// Whether this is a spelling of `VirtualMachine` or `VirtualMachineInstance`: singular, plural or short, with or
/// without the group.
fn is_vm_type(text: &str) -> bool {
    let kind = text.to_ascii_lowercase();
    let (kind, group) = kind.split_once('.').unwrap_or((&kind, "kubevirt.io"));
    let names = [
        "vm",
        "vms",
        "virtualmachine",
        "virtualmachines",
        "vmi",
        "vmis",
        "virtualmachineinstance",
        "virtualmachineinstances",
    ];
    names.contains(&kind) && matches!(group, "kubevirt.io" | "v1.kubevirt.io" | "v1alpha3.kubevirt.io")
}

/// One namespace, for `-n`.
pub(super) fn parse_namespace(text: &str) -> Result<String, ValueError> {
    if text.contains(PATTERN) || text.contains('.') {
        return Err(ValueError::new(
            "a namespace is one exact name here; regular expressions go to --namespaces",
            format!("--namespaces {}", in_quotes(text)),
        ));
    }
    if !is_label(text) {
        return Err(ValueError::new("not a name a namespace can have", "default"));
    }
    Ok(text.to_owned())
}

fn exact_name(text: &str) -> Result<String, ValueError> {
    if text.contains(PATTERN) || text.ends_with('.') {
        return Err(ValueError::new(
            "a TARGET is one exact name; regular expressions go to --target",
            format!("--target {}", in_quotes(text)),
        ));
    }
    if text.is_empty() || text.len() > 253 || !text.split('.').all(is_label) {
        return Err(ValueError::new("not a name a VM can have", "web-1"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, namespace: Option<&str>) -> NamedTarget {
        NamedTarget {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    #[test]
    fn names_and_types_in_any_spelling_of_kubectl() {
        for text in [
            "web-1",
            "vm/web-1",
            "vms/web-1",
            "VMI/web-1",
            "virtualmachine/web-1",
            "virtualmachines.kubevirt.io/web-1",
            "virtualmachineinstance.kubevirt.io/web-1",
            "virtualmachineinstances.v1.kubevirt.io/web-1",
        ] {
            assert_eq!(parse_target(text), Ok(named("web-1", None)), "{text}");
        }
        assert_eq!(parse_target("vmi/web-1/shop"), Ok(named("web-1", Some("shop"))));
        assert_eq!(parse_target("web.example"), Ok(named("web.example", None)));
    }

    #[test]
    fn two_names_are_spelled_out_both_ways() {
        assert_eq!(
            parse_target("shop/web-1").unwrap_err().to_string(),
            "as TYPE/NAME, `shop` is not a type with a VM's network (write `vmi/web-1`); \
             as NAMESPACE/NAME, the namespace goes last; try `vmi/web-1/shop`"
        );
        for other in [
            "pod/virt-launcher-x",
            "virtualmachineinstancereplicasets/x",
            "vm.example.org/x",
        ] {
            assert!(
                parse_target(other).unwrap_err().problem.starts_with("as TYPE/NAME"),
                "{other}"
            );
        }
    }

    #[test]
    fn patterns_are_sent_where_they_belong() {
        for (text, instead) in [
            ("web-.*", "--target 'web-.*'"),
            ("web-[12]", "--target 'web-[12]'"),
            ("^web$", "--target '^web$'"),
            ("web.", "--target 'web.'"),
            ("it's*", r"--target 'it'\''s*'"),
            ("a/b/c/*", "--target 'a/b/c/*'"),
        ] {
            assert_eq!(parse_target(text).unwrap_err().instead, instead, "{text}");
        }
        assert_eq!(
            parse_namespace("prod-.*").unwrap_err().instead,
            "--namespaces 'prod-.*'"
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "Web-1",
            "web_1",
            "-web",
            "web-",
            "wéb",
            "vmi/",
            "/web",
            "vmi//shop",
            "a/b/c",
            "vmi/a/b/c",
            "vmi/a/UP",
            "web 1",
            "a..b",
        ] {
            assert!(parse_target(bad).is_err(), "{bad} passed");
        }
        assert!(parse_target(&"a".repeat(64)).is_err());
    }
}
