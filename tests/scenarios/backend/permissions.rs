//! What the operator may do.

use serde_json::json;

use super::{Backend, Place};

/// The permissions of the operator on a real cluster: the roles that ship.
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const SHIPPED: &str = "?labelSelector=app.kubernetes.io%2Fpart-of%3Dkubectl-vmchaos";

impl Backend {
    /// Takes a permission away from the operator until the scenario ends.
    pub(crate) fn forbid(&mut self, verb: &str, group: &str, resource: &str, subresource: &str) {
        if let Place::Practice(practice) = &self.place {
            return practice.forbid(verb, group, resource, subresource, "*");
        }
        let whole = [resource, subresource].join("/").trim_end_matches('/').to_owned();
        for role in self.items(&format!("{ROLES}{SHIPPED}")) {
            let mut rules = role["rules"].clone();
            for rule in rules.as_array_mut().unwrap() {
                if rule["apiGroups"] == json!([group]) && rule["resources"] == json!([whole]) {
                    // A rule without verbs is not allowed.
                    let verbs = rule["verbs"].as_array_mut().unwrap();
                    verbs
                        .iter_mut()
                        .filter(|one| *one == verb)
                        .for_each(|one| *one = json!("none"));
                }
            }
            if rules != role["rules"] {
                let path = format!("{ROLES}/{}", role["metadata"]["name"].as_str().unwrap());
                self.patch(&path, &json!({"rules": rules}));
                self.taken.push((path, role["rules"].clone()));
            }
        }
        assert!(!self.taken.is_empty(), "no role permits {verb} {whole}");
        // Where the roles are bound: the VMs' namespace, the debug pods', the whole cluster.
        self.until("the permission is gone", |backend| {
            ["default", "kubevirt", ""].iter().all(|namespace| {
                let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": "operator",
                    "resourceAttributes": {"namespace": namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource}}});
                let answer = backend.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", &review);
                answer.unwrap()["status"]["allowed"] == false
            })
        });
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // One that was changed twice was whole before the first time.
        while let Some((path, rules)) = self.taken.pop() {
            let _ = self.ask("PATCH", &path, &json!({"rules": rules}));
        }
    }
}
