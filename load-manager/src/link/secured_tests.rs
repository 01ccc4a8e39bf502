//! What a link makes of a node whose certificate does not hold, or that does not have its own.

use std::path::Path;

use cluster::tls::{Authority, Identity as Name, Places, Validity};
use tokio::net::TcpListener;

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

/// What `whose` shows, by the CA of the `own` one, believing those in `believed`.
fn tls(own: &Authority, whose: &Name, believed: &[&Authority], validity: Validity) -> Tls {
    let directory = tempfile::tempdir().unwrap();
    let believed: String = believed.iter().map(|authority| authority.certificate()).collect();
    std::fs::write(directory.path().join("ca.pem"), believed).unwrap();
    let issued = own.issue(whose, validity).unwrap();
    let places = Places::in_directory(directory.path(), whose);
    let put = |file: &Path, text: &str| std::fs::write(file, text).unwrap();
    put(&places.certificate, &issued.certificate);
    put(&places.key, &issued.key);
    Tls::load_from("test", places, whose.clone()).unwrap()
}

fn link(address: SocketAddr, tls: Tls) -> Link {
    let (_, leases) = watch::channel(Vec::new());
    let (_, claim) = watch::channel(None);
    let (events, _) = mpsc::channel(1);
    Link {
        node: 0,
        name: "c1".into(),
        address,
        tls: Some(tls),
        identity: Identity { service: "shop".into(), front_end: "127.0.0.1".into(), incarnation: 1 },
        renew: Duration::from_secs(3),
        born: Instant::now(),
        leases,
        claim,
        events,
        adopted: false,
    }
}

/// What the link says of a node that shows this; every call is taken or refused by it.
async fn said_of(node: Tls, front_end: Tls) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let taking = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A node's first word, in the place of HTTP/2's.
            if let Ok((mut stream, _)) = node.accept(stream).await {
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"!").await.ok();
            }
        }
    });
    let told = tokio::time::timeout(DEADLINE, link(address, front_end).connect()).await.unwrap();
    taking.abort();
    match told.unwrap_err() {
        Event::Heard(Heard::LinkSilent { node: 0, words }) => words.replace(&address.to_string(), "ADDRESS"),
        _ => panic!("a node that is there and is not to be talked to is silent"),
    }
}

#[tokio::test]
async fn a_handshake_that_fails_is_a_silence_with_one_sentence() {
    let (ours, other) = [(); 2].map(|()| Authority::new("test", Validity::days(9)).unwrap()).into();
    let (node, front) = (Name::Node("c1".into()), Name::FrontEnd("shop".into()));
    let year = Validity::days(365);
    let both = [&ours, &other];
    let own = || tls(&ours, &front, &[&ours], year);
    let cases = [
        (tls(&other, &node, &both, year), own(), "its certificate is of another CA than ours"),
        (
            tls(&ours, &node, &[&ours], year),
            tls(&other, &front, &both, year),
            "our certificate is of another CA",
        ),
    ];
    for (node, front_end, words) in cases {
        let said = said_of(node, front_end).await;
        assert!(said.starts_with(&format!("no TLS with node c1 on ADDRESS: {words}")), "{said}");
    }
    let impostor = tls(&ours, &Name::Node("c2".into()), &[&ours], year);
    let said = said_of(impostor, own()).await;
    assert!(said.contains("it is somebody else, by its certificate: "), "{said}");
}

#[tokio::test]
async fn a_machine_that_refuses_the_connection_is_told_apart_with_certificates_too() {
    let ours = Authority::new("test", Validity::days(9)).unwrap();
    let own = tls(&ours, &Name::FrontEnd("shop".into()), &[&ours], Validity::days(9));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let told = link(address, own).connect().await.unwrap_err();
    assert!(matches!(told, Event::Heard(Heard::LinkRefused { node: 0, .. })));
}
