//! Who may do what. The one who rehearses may do everything until a test says otherwise, a tenant only what he was given.
//! Requests are refused in RBAC's words, and access reviews say the same.

use std::collections::BTreeMap;

use super::{
    resources::Resource,
    status_error::{ApiError, ApiResult},
};

/// One permission, given or taken. `*` stands for all; resources and subresources are named as in a role (`pods`,
/// `pods/attach`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub verb: String,
    pub group: String,
    pub resource: String,
    pub namespace: String,
}

impl Grant {
    /// A permission for one verb on a resource (or `resource/subresource`) in a namespace; namespace `*` = everywhere.
    pub fn new(verb: &str, group: &str, resource: &str, namespace: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    fn names(&self, asked: &Asked<'_>) -> bool {
        let is = |mine: &str, asked: &str| mine == "*" || mine == asked;
        is(&self.verb, asked.verb)
            && is(&self.group, asked.group)
            && (is(&self.resource, asked.resource) || self.resource == "*")
    }
}

/// What somebody wants to do; `resource` with its subresource after a slash, `namespace` empty for all namespaces and
/// for what has none.
pub(crate) struct Asked<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
}

/// The permissions in force.
#[derive(Default)]
pub(crate) struct Access {
    taken: Vec<Grant>,
    only: Option<Vec<Grant>>,
    /// What tenants have, by the name of the user.
    tenants: BTreeMap<String, Vec<Grant>>,
}

impl Access {
    pub(crate) fn forbid(&mut self, grant: Grant) {
        self.taken.push(grant);
    }

    pub(crate) fn allow_only(&mut self, grants: Vec<Grant>) {
        self.only = Some(grants);
    }

    /// Gives a tenant permissions beside those he has.
    pub(crate) fn give(&mut self, tenant: &str, grants: Vec<Grant>) {
        self.tenants.entry(tenant.to_owned()).or_default().extend(grants);
    }

    /// Gives everybody but the tenants all permissions back.
    pub(crate) fn clear(&mut self) {
        self.taken.clear();
        self.only = None;
    }

    /// RBAC only gives. A permission missing in one namespace is also missing for all of them at once; one given in a
    /// namespace does not cover all.
    pub(crate) fn allows(&self, user: &str, asked: &Asked<'_>) -> bool {
        let given = |grants: &Vec<Grant>| {
            grants
                .iter()
                .any(|grant| grant.names(asked) && (grant.namespace == "*" || grant.namespace == asked.namespace))
        };
        if let Some(grants) = self.tenants.get(user) {
            return given(grants);
        }
        let taken = self.taken.iter().any(|grant| {
            grant.names(asked)
                && (grant.namespace == "*" || grant.namespace == asked.namespace || asked.namespace.is_empty())
        });
        self.only.as_ref().is_none_or(given) && !taken
    }
}

/// The 403 of a request, worded as Kubernetes words it.
pub(crate) fn refusal(resource: &Resource, sub: &str, name: &str, user: &str, verb: &str, namespace: &str) -> ApiError {
    let what = if sub.is_empty() {
        resource.plural.to_owned()
    } else {
        format!("{}/{sub}", resource.plural)
    };
    let place = if namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{namespace}\"")
    };
    ApiError::forbidden(
        resource,
        name,
        &format!(
            "User \"{user}\" cannot {verb} resource \"{what}\" in API group \"{}\" {place}",
            resource.group
        ),
    )
}

/// Checks a request against the permissions.
pub(crate) fn check(
    access: &Access,
    resource: &Resource,
    sub: &str,
    name: &str,
    user: &str,
    verb: &str,
    namespace: &str,
) -> ApiResult<()> {
    let what = if sub.is_empty() {
        resource.plural.to_owned()
    } else {
        format!("{}/{sub}", resource.plural)
    };
    let asked = Asked {
        verb,
        group: resource.group,
        resource: &what,
        namespace,
    };
    if access.allows(user, &asked) {
        return Ok(());
    }
    Err(refusal(resource, sub, name, user, verb, namespace))
}

#[cfg(test)]
mod tests {
    use super::{super::resources::PODS, *};

    #[test]
    fn a_permission_missing_in_one_namespace_is_missing_for_all_at_once() {
        let mut access = Access::default();
        access.forbid(Grant::new("list", "", "pods", "shop"));
        let asked = |namespace| Asked {
            verb: "list",
            group: "",
            resource: "pods",
            namespace,
        };
        assert!(!access.allows("jane", &asked("shop")));
        assert!(!access.allows("jane", &asked("")));
        assert!(access.allows("jane", &asked("default")));
    }

    #[test]
    fn a_subresource_is_a_permission_of_its_own() {
        let mut access = Access::default();
        access.forbid(Grant::new("*", "", "pods/attach", "*"));
        let error = check(&access, &PODS, "attach", "p", "jane", "create", "default").unwrap_err();
        assert_eq!(
            error.message(),
            "pods \"p\" is forbidden: User \"jane\" cannot create resource \"pods/attach\" in API group \"\" in the namespace \"default\""
        );
        assert!(check(&access, &PODS, "", "p", "jane", "create", "default").is_ok());
    }

    #[test]
    fn only_what_is_given_is_allowed() {
        let mut access = Access::default();
        access.allow_only(vec![Grant::new("get", "", "pods", "default")]);
        assert!(access.allows(
            "jane",
            &Asked {
                verb: "get",
                group: "",
                resource: "pods",
                namespace: "default"
            }
        ));
        assert!(!access.allows(
            "jane",
            &Asked {
                verb: "get",
                group: "",
                resource: "pods",
                namespace: ""
            }
        ));
        assert!(!access.allows(
            "jane",
            &Asked {
                verb: "list",
                group: "",
                resource: "pods",
                namespace: "default"
            }
        ));
    }

    #[test]
    fn a_tenant_has_what_he_was_given_whatever_others_may() {
        let mut access = Access::default();
        access.give("tenant", vec![Grant::new("list", "", "pods", "shop")]);
        let asked = |namespace| Asked {
            verb: "list",
            group: "",
            resource: "pods",
            namespace,
        };
        access.forbid(Grant::new("*", "*", "*", "*"));
        assert!(access.allows("tenant", &asked("shop")) && !access.allows("jane", &asked("shop")));
        access.clear();
        assert!(!access.allows("tenant", &asked("default")) && access.allows("jane", &asked("default")));
        assert!(!access.allows("tenant", &asked("")));
    }
}
