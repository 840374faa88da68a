//! What people may find on a node, by either kind of node: others' rules on a device, and a kernel that lacks something.

use vmchaos_rehearsal::{
    AgentKind, Options,
    host::{Feature, Foreign, Presence},
};

use super::support::cluster_with;

#[tokio::test]
async fn others_may_have_put_something_on_a_device() {
    for agent in [AgentKind::Script, AgentKind::Double] {
        let options = Options {
            agent,
            ..Options::default()
        };
        let (practice, _) = cluster_with(options).await;
        let put = |vmi: &str, what| practice.put_foreign("default", vmi, "tap0", what);
        let filters = |vmi: &str| practice.filters("default", vmi);
        assert_eq!(filters("web-1"), [""; 0]);
        put("web-1", Foreign::NftTable).unwrap();
        assert_eq!(filters("web-1"), ["nft foreign"]);
        put("web-1", Foreign::NftTable).expect_err("a table is there once");
        put("web-2", Foreign::Clsact).unwrap();
        assert_eq!(filters("web-2"), ["tap0 clsact"]);
        put("web-3", Foreign::Flower).unwrap();
        assert_eq!(filters("web-3"), ["tap0 clsact", "tap0 ingress flower 1 0x1"]);
        put("db-1", Foreign::Qdisc).unwrap();
        let (_, root) = &practice
            .qdiscs("default", "db-1")
            .into_iter()
            .find(|(device, _)| device == "tap0")
            .unwrap();
        assert!(root.starts_with("qdisc htb 1: root"), "{root}");
        practice
            .put_foreign("default", "web-1", "tap7", Foreign::Clsact)
            .expect_err("no such device");
        practice
            .put_foreign("default", "nobody", "tap0", Foreign::Clsact)
            .expect_err("no such VM");
        practice
            .set_feature("node-1", Feature::Flower, Presence::Absent)
            .unwrap();
        practice
            .set_feature("node-9", Feature::Flower, Presence::Absent)
            .expect_err("no such node");
    }
}
