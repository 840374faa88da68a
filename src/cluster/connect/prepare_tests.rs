use super::super::proxy::ProxyEnv;
use super::*;

fn proxied(except: &str, server: &str) -> Option<String> {
    let proxy = ProxyEnv {
        https: Some("http://proxy:3128".into()),
        http: None,
        except: except.into(),
    };
    let env = Environment {
        proxy,
        ..Environment::default()
    };
    let connection = Connection {
        server: Some(server.into()),
        ..Connection::default()
    };
    prepare(&connection, &env)
        .unwrap()
        .config
        .proxy_url
        .map(|proxy| proxy.to_string())
}

#[test]
fn the_environments_proxy_is_used_unless_the_server_is_excepted() {
    assert_eq!(
        proxied("", "https://10.0.0.1:6443").as_deref(),
        Some("http://proxy:3128/")
    );
    assert_eq!(proxied("10.0.0.0/8", "https://10.0.0.1:6443"), None);
    // An exception for the proxy itself says nothing about the server.
    assert_eq!(
        proxied("proxy", "https://10.0.0.1:6443").as_deref(),
        Some("http://proxy:3128/")
    );
}

#[test]
fn a_proxy_of_the_kubeconfig_goes_before_all_exceptions() {
    let files = tempfile::TempDir::new().unwrap();
    let path = files.path().join("config");
    let config = "current-context: a\ncontexts:\n- {name: a, context: {cluster: a}}\n\
        clusters:\n- {name: a, cluster: {server: 'https://10.0.0.1', proxy-url: 'socks5://inner:1080'}}\n";
    std::fs::write(&path, config).unwrap();
    let proxy = ProxyEnv {
        https: Some("http://proxy:3128".into()),
        http: None,
        except: "*".into(),
    };
    let env = Environment {
        proxy,
        ..Environment::default()
    };
    let connection = Connection {
        kubeconfig: Some(path),
        ..Connection::default()
    };
    let prepared = prepare(&connection, &env).unwrap();
    assert_eq!(prepared.config.proxy_url.unwrap().to_string(), "socks5://inner:1080/");
}

#[test]
fn certificates_beside_the_insecure_flag_are_refused_as_kubectl_does() {
    // `FILE`, the cluster's trust in it, and the flags beside it; as kubectl 1.32 answers.
    let refused = |trust: &str, flags: Connection| {
        let files = tempfile::TempDir::new().unwrap();
        let path = files.path().join("config");
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
        let ca = files.path().join("ca.pem");
        std::fs::write(&ca, pem).unwrap();
        let trust = trust.replace("CA", &ca.display().to_string());
        let config = format!(
            "current-context: a\ncontexts:\n- {{name: a, context: {{cluster: a}}}}\n\
             clusters:\n- {{name: a, cluster: {{server: 'https://10.0.0.1'{trust}}}}}\n"
        );
        std::fs::write(&path, config).unwrap();
        let connection = Connection {
            kubeconfig: Some(path),
            certificate_authority: flags.certificate_authority.as_ref().map(|_| ca),
            ..flags
        };
        match prepare(&connection, &Environment::default()) {
            Ok(_) => false,
            Err(error) => {
                let words = "specifying a root certificates file with the insecure flag is not allowed";
                assert_eq!(error.message, words);
                true
            }
        }
    };
    let (file, both) = (
        ", certificate-authority: CA",
        ", certificate-authority: CA, insecure-skip-tls-verify: true",
    );
    let none = Connection::default;
    let insecure = || Connection {
        insecure_skip_tls_verify: true,
        ..Connection::default()
    };
    let authority = |flags: Connection| Connection {
        certificate_authority: Some("ca".into()),
        ..flags
    };
    assert!(refused(both, none()));
    assert!(refused("", authority(insecure())));
    assert!(refused(file, authority(insecure())));
    assert!(!refused(file, none()));
    assert!(!refused(file, insecure()), "trust of the file is laid aside");
    assert!(!refused(both, insecure()));
    assert!(!refused(both, authority(none())));
}

#[test]
fn a_connection_attempt_is_limited_and_nothing_is_repeated_below_us() {
    let connection = Connection {
        server: Some("https://10.0.0.1".into()),
        ..Connection::default()
    };
    let config = prepare(&connection, &Environment::default()).unwrap().config;
    assert!(!config.default_retry);
    assert_eq!(config.connect_timeout, Some(Duration::from_secs(10)));
}
