//! What the values of `[service.NAME]` mean: sizes, ranges, words, and networks of trusted proxies.

// Also the functions around the tests are tests: an unwrap is the assertion.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use cluster::config::{
    self, AccessLog, Capacity, DataPath, Forwarding, ProcessLimits, Service, Sharing, UpstreamProtocol,
    Weekday,
};

/// The service of a file that sets nothing beyond what is required and these lines.
fn service(lines: &str) -> Service {
    let text = format!(
        "[cluster]\nname = \"t\"\n[service.a]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:8080\"\n\
         command = [\"x\", \"{{port}}\"]\ncapacity = 8\n{lines}\n"
    );
    let cluster = config::parse("cluster.toml", &text).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
    cluster.services.into_iter().next().unwrap()
}

#[test]
fn what_is_not_set_has_no_limit_and_trusts_nobody() {
    let service = service("");
    assert_eq!((service.connections_max, service.body_max), (None, None));
    assert_eq!((service.head_max, service.headers_max), (16 * 1024, 100));
    assert_eq!((service.trusted_proxies, service.proxy_protocol), (Vec::new(), false));
    assert_eq!(service.forwarding, Forwarding::ALL);
    assert_eq!((service.access_log, service.access_log_file, service.admin), (AccessLog::Off, None, None));
    assert_eq!((service.upstream, service.eject_5xx), (UpstreamProtocol::Http1, Some(0.5)));
    assert_eq!(service.path, DataPath::Relayed);
}

#[test]
fn the_local_copy_handles_as_much_as_any_unless_it_is_written_and_is_learned_with_the_others() {
    let read = |capacity: &str, lines: &str| {
        let text = config::sample(1, lines).replace("capacity = 8", &format!("capacity = {capacity}"));
        let service = config::parse("cluster.toml", &text).unwrap().services.remove(0);
        (service.capacity, service.local_capacity)
    };
    let (eight, two) = (Capacity::Requests(8), Capacity::Requests(2));
    assert_eq!(read("8", ""), (eight, eight));
    assert_eq!(read("8", "local_capacity = 2"), (eight, two));
    assert_eq!(read("\"auto\"", ""), (Capacity::Auto, Capacity::Auto));
    assert_eq!(read("\"auto\"", "local_capacity = 2"), (Capacity::Auto, two));
}

#[test]
fn a_service_runs_as_nobody_in_particular_and_without_limits_unless_it_is_written() {
    let plain = service("");
    assert_eq!((plain.user, plain.limits), (None, ProcessLimits::default()));
    let written = service("user = \"shop\"\n[service.a.limits]\ncpu = 0.5\nmemory = \"512MiB\"\ntasks = 200");
    assert_eq!(written.user.as_deref(), Some("shop"));
    assert_eq!(written.limits, ProcessLimits { cpu: Some(0.5), memory: Some(512 << 20), tasks: Some(200) });
    assert_eq!(service("user = \"root\"").user.as_deref(), Some("root"));
}

#[test]
fn no_service_runs_as_the_daemons_own_user_or_as_what_is_no_user() {
    for user in ["accordion", "", "0", "1000", "-x", "a b", "a:b", "a\\u0000", &"u".repeat(32)] {
        let text = format!(
            "[cluster]\nname = \"t\"\n[service.a]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:8080\"\n\
             command = [\"x\", \"{{port}}\"]\ncapacity = 8\nuser = \"{user}\"\n"
        );
        let faults = config::parse("cluster.toml", &text).unwrap_err().to_string();
        assert!(faults.contains("must be the name of a user other than \"accordion\""), "{user}: {faults}");
    }
}

#[test]
fn each_unit_of_a_size_counts_its_bytes() {
    let body_max = |size: &str| service(&format!("body_max = \"{size}\"")).body_max.unwrap();
    let sizes = ["1B", "1023B", "1024B", "3KiB", "10MiB", "2GiB", "1024GiB", "1TiB"];
    let bytes = [1, 1023, 1 << 10, 3 << 10, 10 << 20, 2 << 30, 1 << 40, 1 << 40];
    assert_eq!(sizes.map(body_max), bytes);
}

#[test]
fn both_ends_of_each_range_are_within_it() {
    let first = service(
        "body_idle_timeout = \"1ms\"\nupstream_idle_timeout = \"1ms\"\nhead_max = \"1KiB\"\nheaders_max = 1\n\
         connections_max = 1\nslow_start = \"0s\"\neject_time = \"1s\"\neject_5xx = 0.001",
    );
    assert_eq!((first.body_idle_timeout, first.head_max), (Duration::from_millis(1), 1024));
    assert_eq!((first.headers_max, first.connections_max), (1, Some(1)));
    assert_eq!((first.slow_start, first.eject_5xx), (Duration::ZERO, Some(0.001)));
    let last = service(
        "body_idle_timeout = \"1day\"\nupstream_idle_timeout = \"1h\"\nhead_max = \"16384B\"\nheaders_max = 128\n\
         connections_max = 1000000\nslow_start = \"1h\"\neject_time = \"1h\"\neject_5xx = 1",
    );
    assert_eq!((last.body_idle_timeout, last.head_max), (Duration::from_secs(86400), 16384));
    assert_eq!((last.headers_max, last.connections_max), (128, Some(1_000_000)));
    assert_eq!((last.slow_start, last.eject_5xx), (Duration::from_secs(3600), Some(1.0)));
}

#[test]
fn exactly_the_listed_fields_are_written() {
    assert_eq!(service("forwarding = []").forwarding, Forwarding::NONE);
    let one = |word: &str| service(&format!("forwarding = [\"{word}\"]")).forwarding;
    let none = Forwarding::NONE;
    assert_eq!(one("x-forwarded-for"), Forwarding { x_forwarded_for: true, ..none });
    assert_eq!(one("x-forwarded-host"), Forwarding { x_forwarded_host: true, ..none });
    assert_eq!(one("x-forwarded-proto"), Forwarding { x_forwarded_proto: true, ..none });
    assert_eq!(one("forwarded"), Forwarding { forwarded: true, ..none });
    assert_eq!(one("via"), Forwarding { via: true, ..none });
    let all = r#"["via", "forwarded", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-for"]"#;
    assert_eq!(service(&format!("forwarding = {all}")).forwarding, Forwarding::ALL);
}

#[test]
fn the_words_of_a_choice_are_what_they_say() {
    let access_log = |word: &str| service(&format!("access_log = \"{word}\"")).access_log;
    let logs = [AccessLog::Off, AccessLog::Combined, AccessLog::Json];
    assert_eq!(["off", "combined", "json"].map(access_log), logs);
    let upstream = |word: &str| service(&format!("upstream = \"{word}\"")).upstream;
    assert_eq!(["http1", "h2c"].map(upstream), [UpstreamProtocol::Http1, UpstreamProtocol::H2c]);
    assert_eq!(service("eject_5xx = \"off\"").eject_5xx, None);
}

/// Whether the one trusted network holds the address.
fn trusts(network: &str, address: &str) -> bool {
    let service = service(&format!("trusted_proxies = [{network:?}]"));
    let [network] = &service.trusted_proxies[..] else { panic!("one network") };
    network.contains(address.parse().unwrap())
}

#[test]
fn a_network_holds_its_first_and_last_address_and_not_their_neighbours() {
    for (network, before, first, last, after) in [
        ("10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
        ("192.168.4.0/22", "192.168.3.255", "192.168.4.0", "192.168.7.255", "192.168.8.0"),
        ("10.0.0.2/31", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"),
        ("10.0.0.2/32", "10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"),
        ("10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"),
        ("2001:db8::/32", "2001:db7:ffff::", "2001:db8::", "2001:db8:ffff:ffff:ffff::1", "2001:db9::"),
        ("fe80::/10", "fe7f::", "fe80::", "febf::1", "fec0::"),
        ("::1", "::", "::1", "::1", "::2"),
    ] {
        let held = [before, first, last, after].map(|address| trusts(network, address));
        assert_eq!(held, [false, true, true, false], "{network}");
    }
}

#[test]
fn the_whole_of_one_family_holds_none_of_the_other() {
    let held =
        |network: &str| ["0.0.0.0", "255.255.255.255", "::", "2001:db8::1"].map(|a| trusts(network, a));
    assert_eq!(held("0.0.0.0/0"), [true, true, false, false]);
    assert_eq!(held("::/0"), [false, false, true, true]);
}

#[test]
fn an_ipv4_mapped_address_counts_as_the_ipv4_address() {
    assert!(trusts("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert!(!trusts("10.0.0.0/8", "::ffff:11.0.0.0"));
    assert!(trusts("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert!(!trusts("::ffff:10.0.0.0/104", "11.0.0.0"));
    assert!(trusts("::ffff:10.0.0.1", "10.0.0.1"));
    assert!(!trusts("::/0", "::ffff:10.0.0.1"));
}

#[test]
fn services_are_due_the_same_unless_that_is_written() {
    let of = |service: Service| (service.weight, service.priority, service.standby, service.floors.len());
    assert_eq!(of(service("")), (1.0, 0, 0, 0));
    assert_eq!(of(service("weight = 0.01\npriority = 100\nstandby = 100000")), (0.01, 100, 100_000, 0));
}

#[test]
fn each_floor_is_read_with_its_days_in_order_or_every_day() {
    let pool: String =
        (1..=3).map(|n| format!("[[node]]\nname=\"n{n}\"\naddress=\"127.0.0.1{n}\"\n")).collect();
    let floors = "[[service.a.floor]]\ndays = [\"sun\", \"fri\"]\nfrom = \"22:15\"\nto = \"24:00\"\nnodes = 2\n\
                  [[service.a.floor]]\nfrom = \"00:00\"\nto = \"00:00\"\nnodes = 3\n";
    let service = service(&format!("{pool}{floors}"));
    let [weekend, always] = &service.floors[..] else { panic!("{:?}", service.floors) };
    assert_eq!(weekend.days, [Weekday::Fri, Weekday::Sun]);
    assert_eq!((weekend.from.minute(), weekend.to.minute(), weekend.nodes), (22 * 60 + 15, 24 * 60, 2));
    assert!(Weekday::ALL.iter().all(|day| always.nodes_at(*day, 0) == 3 && always.nodes_at(*day, 1439) == 3));
}

#[test]
fn what_the_services_share_is_known_by_default() {
    let text = "[cluster]\nname = \"t\"\n[cluster.sharing]\nperiod = \"100ms\"\n[[node]]\nname = \"n1\"\n\
                address = \"127.0.0.11\"\nslots = 3\n[[node]]\nname = \"n2\"\naddress = \"127.0.0.12\"\n\
                [service.a]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:8080\"\n\
                command = [\"x\", \"{port}\"]\ncapacity = 8\n";
    let cluster = config::parse("cluster.toml", text).unwrap();
    let expected = Sharing { period: Duration::from_millis(100), ..Sharing::default() };
    assert_eq!((cluster.sharing.clone(), cluster.slots()), (expected, 4));
    assert_eq!((cluster.sharing.starved_after, cluster.sharing.period_share), (Duration::from_secs(30), 0.1));
}
