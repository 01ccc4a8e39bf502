//! What the access log says of an exchange.

use std::fs;

use relay::Settings;
use relay::access_log::{AccessLog, Format};
use serde_json::Value;

use crate::rig::{GET, Origin, Rig};
use crate::scratch::Scratch;

/// An answer after which the service's connection serves no other request.
const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

/// An access log of one relay, of one test.
struct Log {
    file: Scratch,
    log: AccessLog,
}

impl Log {
    fn new() -> Log {
        let file = Scratch::new();
        let log = AccessLog::to_file(Format::Json, file.path()).unwrap();
        Log { file, log }
    }

    fn settings(&self) -> Settings {
        Settings { access_log: Some(self.log.clone()), ..Settings::default() }
    }

    /// All lines, once the relay that wrote them is gone.
    fn lines(self, rig: Rig) -> Vec<Value> {
        drop(rig);
        drop(self.log);
        let text = fs::read_to_string(self.file.path()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn a_relay_that_ends_at_once_leaves_a_line_of_each_request() {
    let log = Log::new();
    let origin = Origin::start();
    let rig = Rig::front_with(&origin, log.settings());
    for _ in 0..20 {
        let (mut client, mut service) = rig.asked(&origin, GET);
        service.send(LAST);
        client.message();
    }
    assert_eq!(log.lines(rig).len(), 20);
}
