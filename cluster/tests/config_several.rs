//! One service made into several: what differs, what stays, and what cannot be done.

// Also the functions around the tests are tests: an unwrap is the assertion.
#![allow(clippy::unwrap_used)]

use cluster::config::{self, SeveralFault};

const FILE: &str = r#"
[cluster]
name = "t"
runtime_dir = "/run/x"
[[node]]
name = "n2"
address = "127.0.0.12"
slots = 2
[[node]]
name = "n1"
address = "127.0.0.11"
[service.shop] # the only one
front_end = "127.0.0.1"
listen = "127.0.0.1:8080"
admin = "127.0.0.1:9100"
command = ["x", "{port}"]
capacity = 8
max = 2
[service.shop.scaling]
low = 0.3
[[service.shop.floor]]
from = "08:00"
to = "18:00"
nodes = 1
"#;

fn several(file: &str, count: u8) -> Result<String, SeveralFault> {
    config::several(&config::parse("cluster.toml", file).unwrap(), file, count)
}

#[test]
fn each_has_a_name_and_a_front_end_of_its_own_and_all_else_is_as_it_was() {
    let one = config::parse("cluster.toml", FILE).unwrap();
    let three = config::parse("cluster.toml", &several(FILE, 3).unwrap()).unwrap();
    assert_eq!(three.nodes, one.nodes, "in their order");
    assert_eq!((&three.name, &three.runtime_dir), (&one.name, &one.runtime_dir));
    let names: Vec<_> = three.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["shop-a", "shop-b", "shop-c"]);
    for (service, ip) in three.services.iter().zip(["127.0.0.1", "127.0.0.2", "127.0.0.3"]) {
        assert_eq!(service.front_end.to_string(), ip);
        assert_eq!(service.listen.to_string(), format!("{ip}:8080"));
        assert_eq!(service.admin.unwrap().to_string(), format!("{ip}:9100"));
        let like_the_one = config::Service {
            name: one.services[0].name.clone(),
            front_end: one.services[0].front_end,
            listen: one.services[0].listen,
            admin: one.services[0].admin,
            ..service.clone()
        };
        assert_eq!(like_the_one, one.services[0]);
    }
}

#[test]
fn only_a_loopback_address_is_counted_up_and_each_key_is_looked_at() {
    let elsewhere = [
        ("front_end", FILE.replace("front_end = \"127.0.0.1\"", "front_end = \"10.0.0.1\"")),
        ("listen", FILE.replace("127.0.0.1:8080", "0.0.0.0:8080")),
        ("listen", FILE.replace("127.0.0.1:8080", "[::1]:8080")),
        ("admin", FILE.replace("127.0.0.1:9100", "0.0.0.0:9100")),
    ];
    for (wrong, file) in elsewhere {
        let fault = several(&file, 2).unwrap_err();
        assert!(matches!(fault, SeveralFault::NotLoopback { key, .. } if key == wrong), "{wrong}: {fault}");
    }
    let high = FILE.replace("127.0.0.1:8080", "127.0.0.250:8080");
    assert!(several(&high, 6).is_ok());
    let words = several(&high, 7).unwrap_err().to_string();
    assert_eq!(words, "listen of service shop is 127.0.0.250, and its last octet cannot be counted up by 6");
}

#[test]
fn several_do_not_become_more() {
    let two = several(FILE, 2).unwrap();
    let words = several(&two, 2).unwrap_err().to_string();
    assert_eq!(
        words,
        "the file has several services already (shop-a, shop-b), and only one can become several"
    );
}
