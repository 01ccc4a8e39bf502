//! Both ends of a connection between machines of a cluster: with the right certificates it is encrypted and
//! both are known, with any other it is refused in words.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "tls/certificates.rs"]
mod certificates;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use certificates::{Certificates, past};
use cluster::tls::{Identity, Places, Refused, Tls, Validity, days_left, peer_expires};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

fn node() -> Identity {
    Identity::Node("c1".into())
}

fn front_end() -> Identity {
    Identity::FrontEnd("shop".into())
}

/// What both ends say of a call to the node c1.
struct Met {
    /// Whom the node sees, and what it reads.
    node: Result<(String, String), Refused>,
    caller: Result<(), String>,
}

/// The one calls the other, and says "hi" when it gets through.
async fn meet(node: &Tls, caller: &Tls) -> Met {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let taking = async {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut stream, peer) = node.accept(stream).await?;
        stream.write_all(b"!").await.unwrap();
        let mut read = String::new();
        // A caller that does not like us goes away without a farewell.
        stream.read_to_string(&mut read).await.ok();
        Ok((peer.to_string(), read))
    };
    let calling = async {
        let mut stream = caller.dial("c1", address).await.map_err(|fault| fault.to_string())?;
        assert!(peer_expires(&stream).is_some());
        stream.write_all(b"hi").await.unwrap();
        stream.shutdown().await.unwrap();
        Ok(())
    };
    let both = async { tokio::join!(taking, calling) };
    let (node, caller) = timeout(DEADLINE, both).await.unwrap();
    let caller = caller.map_err(|said: String| said.replace(&address.to_string(), "ADDRESS"));
    Met { node, caller }
}

fn refusal(words: &str, claims: &str) -> Refused {
    Refused { words: words.to_owned(), claims: claims.to_owned(), is_silent: false }
}

#[tokio::test]
async fn a_node_and_a_front_end_of_one_cluster_know_each_other() {
    let files = Certificates::new("demo");
    files.issue(&node());
    files.issue(&front_end());
    let met = meet(&files.load(node()), &files.load(front_end())).await;
    assert_eq!(met.node, Ok(("the front end of shop".to_owned(), "hi".to_owned())));
    assert_eq!(met.caller, Ok(()));
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused_by_either_end() {
    let (ours, others) = (Certificates::new("demo"), Certificates::new("demo"));
    for files in [&ours, &others] {
        files.issue(&node());
        files.issue(&front_end());
    }
    let met = meet(&ours.load(node()), &others.load(front_end())).await;
    assert_eq!(
        met.caller,
        Err("no TLS with node c1 on ADDRESS: its certificate is of another CA than ours".into())
    );
    // The caller alone is of the other CA: it believes ours, and shows one of its own.
    let mixed = Certificates::new("demo");
    mixed.take(&others, &front_end());
    mixed.believe_also(&ours);
    mixed.believe_also(&others);
    let met = meet(&ours.load(node()), &mixed.load(front_end())).await;
    let claims = "shop.front-end.demo.accordion.internal";
    assert_eq!(met.node.unwrap_err(), refusal("its certificate is of another CA than ours", claims));
    assert_eq!(
        met.caller,
        Err("no TLS with node c1 on ADDRESS: our certificate is of another CA than its own".into())
    );
}

#[tokio::test]
async fn a_certificate_that_expired_while_in_force_is_refused_by_the_other_end() {
    let files = Certificates::new("demo");
    files.issue(&front_end());
    let from = SystemTime::now() - Duration::from_secs(3600);
    // A certificate knows whole seconds.
    let until = SystemTime::now() + Duration::from_secs(2);
    files.issue_with(&node(), Validity { from, until });
    let (node, front) = (files.load(node()), files.load(front_end()));
    while SystemTime::now() < until + Duration::from_secs(1) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let met = meet(&node, &front).await;
    assert_eq!(met.caller, Err("no TLS with node c1 on ADDRESS: its certificate has expired".into()));
    assert!(days_left(node.expires(), SystemTime::now()) < 0);
    assert!(met.node.is_err());
}

#[tokio::test]
async fn a_caller_whose_certificate_expired_is_told_so() {
    let files = Certificates::new("demo");
    files.issue(&node());
    let from = SystemTime::now() - Duration::from_secs(3600);
    let until = SystemTime::now() + Duration::from_secs(2);
    files.issue_with(&front_end(), Validity { from, until });
    let (node, front) = (files.load(node()), files.load(front_end()));
    while SystemTime::now() < until + Duration::from_secs(1) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let met = meet(&node, &front).await;
    let claims = "shop.front-end.demo.accordion.internal";
    assert_eq!(met.node.unwrap_err(), refusal("its certificate has expired", claims));
    assert_eq!(met.caller, Err("no TLS with node c1 on ADDRESS: it finds our certificate expired".into()));
}

#[tokio::test]
async fn whoever_answers_in_a_nodes_place_is_found_out() {
    let files = Certificates::new("demo");
    let other = Identity::Node("c2".into());
    files.issue(&other);
    files.issue(&front_end());
    let met = meet(&files.load(other), &files.load(front_end())).await;
    let said = met.caller.unwrap_err();
    assert!(said.contains("it is somebody else, by its certificate: "), "{said}");
    assert!(said.contains("c2.node.demo.accordion.internal"), "{said}");
    // Nor can a front end pass for a node: its certificate is for calling.
    files.issue(&node());
    files.swap(&node(), &front_end());
    let fault = Tls::load_from("demo", Places::in_directory(files.path(), &node()), node()).unwrap_err();
    assert!(fault.to_string().contains("node-c1.pem"), "{fault}");
}

#[tokio::test]
async fn who_shows_no_certificate_or_speaks_no_tls_is_refused() {
    let files = Certificates::new("demo");
    files.issue(&node());
    let node = files.load(node());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = async {
        let (stream, _) = listener.accept().await.unwrap();
        node.accept(stream).await.map(drop).unwrap_err()
    };
    let plain = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    };
    let (refused, ()) = timeout(DEADLINE, async { tokio::join!(taken, plain) }).await.unwrap();
    assert_eq!(refused, refusal("it does not speak TLS", ""));

    let taken = async {
        let (stream, _) = listener.accept().await.unwrap();
        node.accept(stream).await.map(drop).unwrap_err()
    };
    let (refused, ()) =
        timeout(DEADLINE, async { tokio::join!(taken, certificates::call_without(&files, address)) })
            .await
            .unwrap();
    assert_eq!(refused, refusal("it shows no certificate", ""));

    let taken = async {
        let (stream, _) = listener.accept().await.unwrap();
        node.accept(stream).await.map(drop).unwrap_err()
    };
    let probe = async { drop(TcpStream::connect(address).await.unwrap()) };
    let (refused, ()) = timeout(DEADLINE, async { tokio::join!(taken, probe) }).await.unwrap();
    assert!(refused.is_silent, "{refused:?}");
}

#[tokio::test]
async fn new_files_are_for_new_connections_and_a_bad_one_changes_nothing() {
    let files = Certificates::new("demo");
    files.issue(&front_end());
    files.issue_with(&node(), Validity::days(3));
    let (node, front) = (files.load(node()), files.load(front_end()));
    let first = node.expires();

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let taken = async { node.accept(listener.accept().await.unwrap().0).await.unwrap() };
    let calling = async { front.dial("c1", address).await };
    let mut opened = Box::pin(async {
        let (mut taken, called) = tokio::join!(
            async {
                let (mut stream, _) = taken.await;
                stream.write_all(b"!").await.unwrap();
                stream
            },
            calling
        );
        let called = called.unwrap();
        taken.write_all(b"?").await.unwrap();
        (taken, called)
    });
    let (mut old_taken, mut old_called) = timeout(DEADLINE, &mut opened).await.unwrap();

    files.issue_with(&self::node(), Validity::days(300));
    node.reload().unwrap();
    assert!(days_left(node.expires(), first) > 290);
    // What was open goes on.
    old_called.write_all(b"still here").await.unwrap();
    old_called.flush().await.unwrap();
    let mut read = [0; 10];
    timeout(DEADLINE, old_taken.read_exact(&mut read)).await.unwrap().unwrap();
    assert_eq!(&read, b"still here");
    assert_eq!(meet(&node, &front).await.caller, Ok(()));

    let before = node.expires();
    std::fs::write(files.path().join("node-c1.pem"), "no certificate").unwrap();
    assert!(node.reload().unwrap_err().to_string().contains("node-c1.pem"));
    assert_eq!(node.expires(), before);
    assert_eq!(meet(&node, &front).await.caller, Ok(()));
}

#[test]
fn every_fault_of_a_file_names_it_and_what_to_do() {
    let files = Certificates::new("demo");
    let fault = || {
        let places = Places::in_directory(files.path(), &node());
        let fault = Tls::load_from("demo", places, node()).unwrap_err().to_string();
        fault.replace(&files.path().display().to_string(), "DIR")
    };
    assert_eq!(
        fault(),
        "DIR/node-c1.pem is missing: make it with `accordion ca issue node c1` and copy it there"
    );
    files.issue(&node());
    let key = std::fs::read_to_string(files.path().join("node-c1.key")).unwrap();
    std::fs::write(files.path().join("node-c1.key"), "PRIVATE KEY").unwrap();
    assert_eq!(
        fault(),
        "DIR/node-c1.key holds no private key as PEM (-----BEGIN PRIVATE KEY-----): make it again with \
         accordion ca"
    );
    files.issue(&node());
    std::fs::write(files.path().join("node-c1.key"), &key).unwrap();
    assert_eq!(
        fault(),
        "DIR/node-c1.key does not fit DIR/node-c1.pem: they are of two different issues; copy both files of one"
    );
    files.issue_with(&node(), past());
    let expired = fault();
    assert!(expired.starts_with("DIR/node-c1.pem has expired on 20"), "{expired}");
    assert!(expired.ends_with(": accordion ca issue node c1, and copy both files"), "{expired}");
    files.issue(&Identity::Node("c2".into()));
    files.swap(&node(), &Identity::Node("c2".into()));
    let other = fault();
    assert!(other.starts_with("DIR/node-c1.pem is for c2.node.demo.accordion.internal and must"), "{other}");
    let blog = Identity::FrontEnd("blog".into());
    files.issue(&blog);
    files.swap(&front_end(), &blog);
    let places = Places::in_directory(files.path(), &front_end());
    let other = Tls::load_from("demo", places, front_end()).unwrap_err().to_string();
    assert!(
        other.contains("front-end-shop.pem is for blog.front-end.demo.accordion.internal and"),
        "{other}"
    );
    assert!(other.ends_with(": accordion ca issue front-end shop"), "{other}");
    files.issue(&node());
    files.believe_only(&Certificates::new("demo"));
    assert_eq!(fault(), "DIR/node-c1.pem is not signed by the CA of DIR/ca.pem: copy both from one CA");
    std::fs::remove_file(files.path().join("ca.pem")).unwrap();
    assert_eq!(fault(), "DIR/ca.pem is missing: copy it from where `accordion ca init` made it");
}

#[test]
fn no_key_is_in_what_is_printed_of_it() {
    let files = Certificates::new("demo");
    files.issue(&node());
    let key = std::fs::read_to_string(files.path().join("node-c1.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let issued = files.authority().issue(&node(), Validity::days(1)).unwrap();
    let printed = format!("{:?} {:?} {issued:?}", files.load(node()), files.authority());
    assert!(!printed.contains(secret) && !printed.contains("PRIVATE KEY"), "{printed}");
    let mode = |file: &str| files.path().join(file).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("node-c1.key"), mode("node-c1.pem")), (0o600, 0o644));
}
