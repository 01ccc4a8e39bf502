//! Mistakes in the keys of `[service.NAME]` that say how requests are relayed, limited and logged.

use crate::cases::Case;

pub(crate) const CASES: &[Case] = &[
    (
        13,
        r#"capacity = 8
upstream = "http2""#,
        &[r#"14:12: service.upstream = "http2", did you mean "http1"?"#],
    ),
    (
        13,
        r#"capacity = 8
upstream = "grpc""#,
        &[r#"14:12: service.upstream = "grpc", must be "http1" or "h2c""#],
    ),
    (
        13,
        r#"capacity = 8
path = "straight""#,
        &[r#"14:8: service.path = "straight", must be "relayed" or "direct""#],
    ),
    (
        13,
        r#"capacity = 8
path = "direct""#,
        &[
            r#"14:8: service.path = "direct", must have {address} in command: the service is to listen on the node's own address"#,
        ],
    ),
    (
        12,
        r#"command = ["x", "{port}", "${address}"]
path = "direct""#,
        &[
            r#"13:8: service.path = "direct", must have {address} in command: the service is to listen on the node's own address"#,
        ],
    ),
    (
        12,
        r#"command = ["x", "{address}:{port}"]
path = "direct""#,
        &[],
    ),
    (
        13,
        r#"capacity = 8
access_log = "common""#,
        &[r#"14:14: service.access_log = "common", must be "off" or "combined" or "json""#],
    ),
    (
        13,
        r#"capacity = 8
slow_start = "2h""#,
        &[r#"14:14: service.slow_start = "2h", must be a duration from 0s to 1h"#],
    ),
    (
        13,
        r#"capacity = 8
eject_5xx = 0"#,
        &[r#"14:13: service.eject_5xx = 0, must be a number above 0 and at most 1, or "off""#],
    ),
    (
        13,
        r#"capacity = 8
eject_5xx = 50"#,
        &[r#"14:13: service.eject_5xx = 50, must be a number above 0 and at most 1, or "off""#],
    ),
    (
        13,
        r#"capacity = 8
eject_5xx = "never""#,
        &[r#"14:13: service.eject_5xx = "never", must be a number above 0 and at most 1, or "off""#],
    ),
    (
        13,
        r#"capacity = 8
eject_5xx = false"#,
        &[r#"14:13: service.eject_5xx = false, must be a number above 0 and at most 1, or "off""#],
    ),
    (
        13,
        r#"capacity = 8
eject_time = "999ms""#,
        &[r#"14:14: service.eject_time = "999ms", must be a duration from 1s to 1h"#],
    ),
    (
        13,
        r#"capacity = 8
body_idle_timeout = "0s""#,
        &[r#"14:21: service.body_idle_timeout = "0s", must be a duration from 1ms to 1day"#],
    ),
    (
        13,
        r#"capacity = 8
keep_alive_timeout = "25h""#,
        &[r#"14:22: service.keep_alive_timeout = "25h", must be a duration from 1ms to 1day"#],
    ),
    (
        13,
        r#"capacity = 8
tunnel_idle_timeout = 3600"#,
        &[
            r#"14:23: service.tunnel_idle_timeout = 3600, must be a duration from 1ms to 1day, with its unit and in quotes, like "10s""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
response_idle_timeout = "2days""#,
        &[r#"14:25: service.response_idle_timeout = "2days", must be a duration from 1ms to 1day"#],
    ),
    (
        13,
        r#"capacity = 8
upstream_idle_timeout = "61m""#,
        &[r#"14:25: service.upstream_idle_timeout = "61m", must be a duration from 1ms to 1h"#],
    ),
    (
        13,
        r#"capacity = 8
connections_max = 0"#,
        &[r#"14:19: service.connections_max = 0, must be a whole number from 1 to 1000000"#],
    ),
    (
        13,
        r#"capacity = 8
connections_max = 1000001"#,
        &[r#"14:19: service.connections_max = 1000001, must be a whole number from 1 to 1000000"#],
    ),
    (
        13,
        r#"capacity = 8
headers_max = 0"#,
        &[r#"14:15: service.headers_max = 0, must be a whole number from 1 to 128"#],
    ),
    (
        13,
        r#"capacity = 8
headers_max = 129"#,
        &[r#"14:15: service.headers_max = 129, must be a whole number from 1 to 128"#],
    ),
    (
        13,
        r#"capacity = 8
head_max = "1023B""#,
        &[r#"14:12: service.head_max = "1023B", must be a size from 1KiB to 16KiB"#],
    ),
    (
        13,
        r#"capacity = 8
head_max = "17KiB""#,
        &[r#"14:12: service.head_max = "17KiB", must be a size from 1KiB to 16KiB"#],
    ),
    (
        13,
        r#"capacity = 8
head_max = 8192"#,
        &[
            r#"14:12: service.head_max = 8192, must be a size from 1KiB to 16KiB, with its unit (B, KiB, MiB, GiB or TiB) and in quotes, like "16KiB""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
head_max = "8192""#,
        &[
            r#"14:12: service.head_max = "8192", must be a size from 1KiB to 16KiB, with its unit (B, KiB, MiB, GiB or TiB) and in quotes, like "16KiB""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
body_max = "10MB""#,
        &[
            r#"14:12: service.body_max = "10MB", must be a size from 1B to 1TiB, with its unit (B, KiB, MiB, GiB or TiB) and in quotes, like "16KiB""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
body_max = "1.5MiB""#,
        &[
            r#"14:12: service.body_max = "1.5MiB", must be a size from 1B to 1TiB, with its unit (B, KiB, MiB, GiB or TiB) and in quotes, like "16KiB""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
body_max = "+1MiB""#,
        &[
            r#"14:12: service.body_max = "+1MiB", must be a size from 1B to 1TiB, with its unit (B, KiB, MiB, GiB or TiB) and in quotes, like "16KiB""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
body_max = "MiB""#,
        &[
            r#"14:12: service.body_max = "MiB", must be a size from 1B to 1TiB, with its unit (B, KiB, MiB, GiB or TiB) and in quotes, like "16KiB""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
body_max = "0B""#,
        &[r#"14:12: service.body_max = "0B", must be a size from 1B to 1TiB"#],
    ),
    (
        13,
        r#"capacity = 8
body_max = "1025GiB""#,
        &[r#"14:12: service.body_max = "1025GiB", must be a size from 1B to 1TiB"#],
    ),
    (
        13,
        r#"capacity = 8
body_max = "99999999999999999999TiB""#,
        &[r#"14:12: service.body_max = "99999999999999999999TiB", must be a size from 1B to 1TiB"#],
    ),
    (
        13,
        r#"capacity = 8
body_max = "18446744073709551615TiB""#,
        &[r#"14:12: service.body_max = "18446744073709551615TiB", must be a size from 1B to 1TiB"#],
    ),
    (
        13,
        r#"capacity = 8
proxy_protocol = "v2""#,
        &[r#"14:18: service.proxy_protocol = "v2", must be true or false"#],
    ),
    (
        13,
        r#"capacity = 8
access_log_file = "access.log""#,
        &[r#"14:19: service.access_log_file = "access.log", must be an absolute path"#],
    ),
    (
        13,
        r#"capacity = 8
access_log_file = 7"#,
        &[r#"14:19: service.access_log_file = 7, must be an absolute path, in quotes"#],
    ),
    (
        13,
        r#"capacity = 8
admin = 9100"#,
        &[r#"14:9: service.admin = 9100, must be an IP address and a port, like "0.0.0.0:8080""#],
    ),
    (
        13,
        r#"capacity = 8
admin = "localhost:9100""#,
        &[r#"14:9: service.admin = "localhost:9100", must be an IP address and a port, like "0.0.0.0:8080""#],
    ),
    (
        13,
        r#"capacity = 8
trusted_proxies = "10.0.0.0/8""#,
        &[
            r#"14:19: service.trusted_proxies = "10.0.0.0/8", must be a list, each element a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
forwarding = "via""#,
        &[
            r#"14:14: service.forwarding = "via", must be a list, each element "x-forwarded-for" or "x-forwarded-host" or "x-forwarded-proto" or "forwarded" or "via""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
trusted_proxies = ["10.1.2.3/8", "10.0.0.0/8", "2001:db8::1/32"]"#,
        &[
            r#"14:20: service.trusted_proxies = "10.1.2.3/8", must be "10.0.0.0/8", or "10.1.2.3" for that address alone"#,
            r#"14:48: service.trusted_proxies = "2001:db8::1/32", must be "2001:db8::/32", or "2001:db8::1" for that address alone"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
trusted_proxies = ["::ffff:10.1.2.3/104"]"#,
        &[
            r#"14:20: service.trusted_proxies = "::ffff:10.1.2.3/104", must be "10.0.0.0/8", or "::ffff:10.1.2.3" for that address alone"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
trusted_proxies = ["10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/", "10.0.0/8", "/8", "10.0.0.0/255.0.0.0", "proxy.example", 10]"#,
        &[
            r#"14:20: service.trusted_proxies = "10.0.0.0/33", must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
            r#"14:35: service.trusted_proxies = "::/129", must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
            r#"14:45: service.trusted_proxies = "10.0.0.0/+8", must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
            r#"14:60: service.trusted_proxies = "10.0.0.0/", must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
            r#"14:73: service.trusted_proxies = "10.0.0/8", must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
            r#"14:85: service.trusted_proxies = "/8", must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
            r#"14:91: service.trusted_proxies = "10.0.0.0/255.0.0.0", must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
            r#"14:113: service.trusted_proxies = "proxy.example", must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
            r#"14:130: service.trusted_proxies = 10, must be a network like "10.0.0.0/8" or "2001:db8::/32" or an IP address"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
forwarding = ["via", "x-forwarded-fro", "X-Forwarded-Host"]"#,
        &[
            r#"14:22: service.forwarding = "x-forwarded-fro", did you mean "x-forwarded-for"?"#,
            r#"14:41: service.forwarding = "X-Forwarded-Host", did you mean "x-forwarded-host"?"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
forwarding = ["x-real-ip", 7]"#,
        &[
            r#"14:15: service.forwarding = "x-real-ip", must be "x-forwarded-for" or "x-forwarded-host" or "x-forwarded-proto" or "forwarded" or "via""#,
            r#"14:28: service.forwarding = 7, must be "x-forwarded-for" or "x-forwarded-host" or "x-forwarded-proto" or "forwarded" or "via""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
forwarding = ["via", "forwarded", "via"]"#,
        &[r#"14:35: service.forwarding lists this field twice, must list it only once"#],
    ),
    (
        13,
        r#"capacity = 8
keepalive_timeout = "5s""#,
        &[r#"14:1: unknown key "keepalive_timeout", did you mean "keep_alive_timeout"?"#],
    ),
    (
        13,
        r#"capacity = 8
trusted_proxy = []"#,
        &[r#"14:1: unknown key "trusted_proxy", did you mean "trusted_proxies"?"#],
    ),
    (
        13,
        r#"capacity = 8
admin = "127.0.0.1:8080""#,
        &[r#"14:9: service.admin = "127.0.0.1:8080", must differ from listen"#],
    ),
    (
        13,
        r#"capacity = 8
admin = "0.0.0.0:8080""#,
        &[r#"14:9: service.admin = "0.0.0.0:8080", must differ from listen"#],
    ),
    (
        13,
        r#"capacity = 8
admin = "127.0.0.2:8080""#,
        &[],
    ),
    (
        13,
        r#"capacity = 8
admin = "127.0.0.11:7401""#,
        &[
            r#"14:9: service.admin = "127.0.0.11:7401", must differ from data_port of node n1, which is on 127.0.0.11 too"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
admin = "127.0.0.1:9100"
[service.b]
front_end = "127.0.0.1"
listen = "127.0.0.1:9100"
command = ["x", "{port}"]
capacity = 8
admin = "127.0.0.1:8080""#,
        &[
            r#"17:10: service.listen = "127.0.0.1:9100", must differ from admin of service a, which has the same front end"#,
            r#"20:9: service.admin = "127.0.0.1:8080", must differ from listen of service a, which has the same front end"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
admin = "127.0.0.1:9100"
[service.b]
front_end = "127.0.0.1"
listen = "127.0.0.1:8081"
command = ["x", "{port}"]
capacity = 8
admin = "0.0.0.0:9100""#,
        &[
            r#"20:9: service.admin = "0.0.0.0:9100", must differ from admin of service a, which has the same front end"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
admin = "127.0.0.1:9100"
[service.b]
front_end = "127.0.0.99"
listen = "127.0.0.99:8080"
command = ["x", "{port}"]
capacity = 8
admin = "127.0.0.1:9100""#,
        &[],
    ),
    (
        13,
        r#"capacity = 8
[service.a.tls]
listen = "127.0.0.1:8443"
certificates = [{ certificate = "/a/b.pem", key = "/a/b.key" }]"#,
        &[],
    ),
    (
        13,
        r#"capacity = 8
[service.a.tls]
listen = "0.0.0.0:8080"
certificates = []"#,
        &[
            r#"15:10: service.tls.listen = "0.0.0.0:8080", must differ from listen"#,
            r#"16:16: tls.certificates = [], must be a list, each element a certificate and its key, PEM files by their absolute paths, like { certificate = "/etc/a/fullchain.pem", key = "/etc/a/privkey.pem" }, and not empty"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
[service.a.tls]
listen = "127.0.0.1:8443"
certificates = ["/a/b.pem"]"#,
        &[
            r#"16:17: tls.certificates = "/a/b.pem", must be a certificate and its key, PEM files by their absolute paths, like { certificate = "/etc/a/fullchain.pem", key = "/etc/a/privkey.pem" }"#,
        ],
    ),
    (
        13,
        r#"capacity = 8
[service.a.tls]
certificats = []"#,
        &[
            r#"14:1: tls.listen is missing, must be an IP address and a port, like "0.0.0.0:8080""#,
            r#"15:1: unknown key "certificats", did you mean "certificates"?"#,
        ],
    ),
    (
        12,
        r#"command = ["x", "{address}:{port}"]
path = "direct"
capacity = 8
[tls]
data = true
[service.b]
front_end = "127.0.0.2"
listen = "127.0.0.2:8080"
command = ["x", "{port}"]"#,
        &[
            r#"13:8: service.path = "direct", must be "relayed" beside tls.data = true: direct cannot be encrypted by Accordion, for there is nothing of it before the service"#,
        ],
    ),
];
