//! A small cluster.toml for tests, all crates' alike. A test says in it what it is about, and nothing else.

use std::fmt::Write;

/// A cluster.toml with the nodes c1, c2 and so on from 127.0.0.11 up, at most 200 of them, and the service
/// `shop`, whose K is 8, at the defaults. Its table comes last, so that `lines` are of the service, or
/// begin tables of their own.
pub fn sample(nodes: u8, lines: &str) -> String {
    let mut text = String::from("[cluster]\nname = \"test\"\n");
    for node in 1..=nodes {
        // Writing into a String cannot fail.
        let _ = write!(text, "[[node]]\nname = \"c{node}\"\naddress = \"127.0.0.{}\"\n", 10 + node);
    }
    text += "[service.shop]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:8080\"\n";
    text += "command = [\"shopd\", \"{port}\"]\ncapacity = 8\n";
    text + lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sound_and_has_what_was_asked_for() {
        let text = sample(200, "max = 7\n[service.shop.scaling]\npolicy = \"classic\"\n");
        let cluster = crate::config::parse("cluster.toml", &text).unwrap();
        assert_eq!((cluster.nodes.len(), cluster.services[0].max), (200, 7));
        assert_eq!(
            (cluster.nodes[2].name.as_str(), cluster.nodes[2].address.to_string()),
            ("c3", "127.0.0.13".into())
        );
    }
}
