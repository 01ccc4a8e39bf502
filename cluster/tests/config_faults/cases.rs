//! Each kind of mistake with the lines that a person reads about it, in the order of the file.

/// The line that is replaced (counted from 1), what it becomes, and the faults that follow,
/// without the file's name.
pub(crate) type Case = (usize, &'static str, &'static [&'static str]);

pub(crate) const CASES: &[Case] = &[
    (2, r#"nme = "t""#, &[r#"2:1: unknown key "nme", did you mean "name"?"#]),
    (
        2,
        "",
        &[
            r#"1:1: cluster.name is missing, must be 1 to 63 of a-z, 0-9 and "-", beginning with a letter or digit, in quotes"#,
        ],
    ),
    (
        2,
        "name = 7",
        &[
            r#"2:8: cluster.name = 7, must be 1 to 63 of a-z, 0-9 and "-", beginning with a letter or digit, in quotes"#,
        ],
    ),
    (
        2,
        r#"name = "T""#,
        &[
            r#"2:8: cluster.name = "T", must be 1 to 63 of a-z, 0-9 and "-", beginning with a letter or digit"#,
        ],
    ),
    (
        2,
        r#"name = "t"
insecure = "yes""#,
        &[r#"3:12: cluster.insecure = "yes", must be true or false"#],
    ),
    (
        2,
        r#"name = "t"
runtime_dir = "run""#,
        &[r#"3:15: cluster.runtime_dir = "run", must be an absolute path"#],
    ),
    (
        2,
        r#"name = "t"
colour = "red""#,
        &[
            r#"3:1: unknown key "colour", must be one of name, insecure, runtime_dir, state_dir, lease, sharing"#,
        ],
    ),
    (
        2,
        r#"name = "t"
[cluster.lease]
ttl = 10"#,
        &[
            r#"4:7: lease.ttl = 10, must be a duration from 100ms to 1h, with its unit and in quotes, like "10s""#,
        ],
    ),
    (
        2,
        r#"name = "t"
[cluster.lease]
ttl = "10""#,
        &[
            r#"4:7: lease.ttl = "10", must be a duration from 100ms to 1h, with its unit and in quotes, like "10s""#,
        ],
    ),
    (
        2,
        r#"name = "t"
[cluster.lease]
ttl = "0s""#,
        &[r#"4:7: lease.ttl = "0s", must be a duration from 100ms to 1h"#],
    ),
    (
        2,
        r#"name = "t"
[cluster.lease]
ttl = "5s""#,
        &["4:7: lease.jeopardy = 6s (default), must be below 0.8 x ttl, where the holder gives up (4s)"],
    ),
    (
        2,
        r#"name = "t"
[cluster.lease]
renew = "6s""#,
        &[
            "4:9: lease.renew = 6s, must be below jeopardy (6s)",
            "4:9: scaling.node_data_timeout = 6s (default), must be above lease.renew, with which they come (6s)",
        ],
    ),
    (
        2,
        r#"name = "t"
[cluster.lease]
jeopardy = "8s""#,
        &["4:12: lease.jeopardy = 8s, must be below 0.8 x ttl, where the holder gives up (8s)"],
    ),
    (
        2,
        r#"name = "t"
[cluster.lease]
ttl = "1s"
renew = "6s"
jeopardy = "5s""#,
        &[
            "5:9: lease.renew = 6s, must be below jeopardy (5s)",
            "5:9: scaling.node_data_timeout = 6s (default), must be above lease.renew, with which they come (6s)",
            "6:12: lease.jeopardy = 5s, must be below 0.8 x ttl, where the holder gives up (800ms)",
        ],
    ),
    (
        2,
        r#"name = "t"
lease = "10s""#,
        &[r#"3:9: cluster.lease = "10s", must be a table, written [cluster.lease]"#],
    ),
    (
        3,
        "[node]",
        &[
            "3:1: node = [node], must be tables, each written [[node]]",
            r#"6:3: duplicate key "node", must be written only once"#,
        ],
    ),
    (3, "[[nodes]]", &[r#"3:3: unknown key "nodes", did you mean "node"?"#]),
    (4, r#"name = "n2""#, &[r#"7:8: node.name = "n2", must differ from the node on line 4"#]),
    (
        4,
        r#"name = "local""#,
        &[r#"4:8: node.name = "local", must be another name: the front end's own copy is called so"#],
    ),
    (
        4,
        r#"name = "n1"
name = "n3""#,
        &[r#"5:1: duplicate key "name", must be written only once"#],
    ),
    (
        4,
        "",
        &[
            r#"3:1: node.name is missing, must be 1 to 63 of a-z, 0-9 and "-", beginning with a letter or digit, in quotes"#,
        ],
    ),
    (5, r#"adress = "127.0.0.11""#, &[r#"5:1: unknown key "adress", did you mean "address"?"#]),
    (
        5,
        r#"address = "0.0.0.0""#,
        &[r#"5:11: node.address = "0.0.0.0", must be the IP address of one machine, like "10.0.0.11""#],
    ),
    (
        5,
        r#"address = "::""#,
        &[r#"5:11: node.address = "::", must be the IP address of one machine, like "10.0.0.11""#],
    ),
    (
        5,
        r#"address = "224.0.0.1""#,
        &[r#"5:11: node.address = "224.0.0.1", must be the IP address of one machine, like "10.0.0.11""#],
    ),
    (
        5,
        r#"address = "255.255.255.255""#,
        &[
            r#"5:11: node.address = "255.255.255.255", must be the IP address of one machine, like "10.0.0.11""#,
        ],
    ),
    (
        5,
        r#"address = "localhost""#,
        &[r#"5:11: node.address = "localhost", must be the IP address of one machine, like "10.0.0.11""#],
    ),
    (
        5,
        r#"address = "10.0.0.11""#,
        &[
            r#"5:11: node.address = "10.0.0.11", must be a loopback address (127.0.0.0/8 or ::1) because control calls are not encrypted; write [tls] and make certificates (accordion ca), or insecure = true under [cluster] allows it all the same"#,
        ],
    ),
    (
        5,
        "address = 127.0.0.11",
        &["5:11: unreadable value, must be a number, true, false, or text in quotes"],
    ),
    (
        5,
        r#"address = "127.0.0.12""#,
        &[
            "8:11: node.control_port = 7400 (default), must differ from control_port of node n1, which is on 127.0.0.12 too",
        ],
    ),
    (
        5,
        r#"address = "127.0.0.11"
control_port = 0"#,
        &["6:16: node.control_port = 0, must be a port from 1 to 65535"],
    ),
    (
        5,
        r#"address = "127.0.0.11"
control_port = 65536"#,
        &["6:16: node.control_port = 65536, must be a port from 1 to 65535"],
    ),
    (
        5,
        r#"address = "127.0.0.11"
control_port = 7401"#,
        &["6:16: node.data_port = 7401 (default), must differ from control_port"],
    ),
    (
        5,
        r#"address = "127.0.0.12"
control_port = 7401
data_port = 7000"#,
        &[
            "10:11: node.data_port = 7401 (default), must differ from control_port of node n1, which is on 127.0.0.12 too",
        ],
    ),
    (
        5,
        r#"address = "127.0.0.11"
slots = 0"#,
        &["6:9: node.slots = 0, must be a whole number from 1 to 1000"],
    ),
    (
        5,
        r#"address = "127.0.0.11"
slots = 1.5"#,
        &["6:9: node.slots = 1.5, must be a whole number from 1 to 1000"],
    ),
    (
        5,
        r#"address = "127.0.0.11"
speed = 0"#,
        &["6:9: node.speed = 0, must be a number from 0.01 to 100"],
    ),
    (
        5,
        r#"address = "127.0.0.11"
speed = nan"#,
        &["6:9: node.speed = nan, must be a number from 0.01 to 100"],
    ),
    (
        10,
        r#"front_end = "0.0.0.0""#,
        &[r#"10:13: service.front_end = "0.0.0.0", must be the IP address of one machine, like "10.0.0.11""#],
    ),
    (
        10,
        "",
        &[r#"9:1: service.front_end is missing, must be the IP address of one machine, like "10.0.0.11""#],
    ),
    (
        11,
        r#"listen = "127.0.0.1""#,
        &[r#"11:10: service.listen = "127.0.0.1", must be an IP address and a port, like "0.0.0.0:8080""#],
    ),
    (
        11,
        r#"listen = "127.0.0.1:0""#,
        &[r#"11:10: service.listen = "127.0.0.1:0", must be an IP address and a port, like "0.0.0.0:8080""#],
    ),
    (
        11,
        r#"listen = ":8080""#,
        &[r#"11:10: service.listen = ":8080", must be an IP address and a port, like "0.0.0.0:8080""#],
    ),
    (
        12,
        "command = []",
        &[
            r#"12:11: service.command = [], must be the program and its arguments, like ["/usr/bin/shopd", "--port", "{port}"]"#,
        ],
    ),
    (
        12,
        r#"command = "x {port}""#,
        &[
            r#"12:11: service.command = "x {port}", must be the program and its arguments, like ["/usr/bin/shopd", "--port", "{port}"]"#,
        ],
    ),
    (
        12,
        r#"command = ["", "{port}"]"#,
        &["12:12: the program of command is empty, must be its name or path"],
    ),
    (
        12,
        r#"command = ["x"]"#,
        &[r#"12:11: service.command = ["x"], must contain {port}, where it is to listen"#],
    ),
    (
        12,
        r#"command = ["x", "{prot}", "{port}"]"#,
        &["12:17: unknown placeholder {prot} in command, did you mean {port}?"],
    ),
    (
        12,
        r#"command = ["x", "{PORTS}", "{port}"]"#,
        &["12:17: unknown placeholder {PORTS} in command, did you mean {port}?"],
    ),
    (12, r#"command = ["sh", "-c", "exec shopd --dir ${HOME} --fmt '{name}' --port {port}"]"#, &[]),
    (12, r#"command = ["awk", "{print $1}", "${prot}", "{port}"]"#, &[]),
    (
        12,
        r#"command = ["sh", "-c", "exec shopd --port ${port}"]"#,
        &[
            r#"12:11: service.command = ["sh", "-c", "exec shopd --port ${port}"], must contain {port}, where it is to listen"#,
        ],
    ),
    (
        12,
        r#"command = ["x", 8080, "{port}"]"#,
        &["12:17: service.command = 8080, must be text in quotes, without a NUL byte"],
    ),
    (
        12,
        "",
        &[
            r#"9:1: service.command is missing, must be the program and its arguments, like ["/usr/bin/shopd", "--port", "{port}"]"#,
        ],
    ),
    (
        13,
        "capacity = 0",
        &[r#"13:12: service.capacity = 0, must be a whole number from 1 to 1000000, or "auto""#],
    ),
    (13, r#"capacity = "Auto""#, &[r#"13:12: service.capacity = "Auto", did you mean "auto"?"#]),
    (
        13,
        "capacity = \"auto\"\nlocal_capacity = \"auto\"",
        &[r#"14:18: service.local_capacity = "auto", must be a whole number from 1 to 1000000"#],
    ),
    (
        13,
        r#"capacity = "8""#,
        &[r#"13:12: service.capacity = "8", must be a whole number from 1 to 1000000, or "auto""#],
    ),
    (
        13,
        r#"capacity = 8
ready = "healthz""#,
        &[r#"14:9: service.ready = "healthz", must be a path of visible ASCII that begins with "/""#],
    ),
    (
        13,
        r#"capacity = 8
ports = "20000""#,
        &[
            r#"14:9: service.ports = "20000", must be two ports from 1 to 65535, the lower first, like "20000-29999""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
ports = "29999-20000""#,
        &[
            r#"14:9: service.ports = "29999-20000", must be two ports from 1 to 65535, the lower first, like "20000-29999""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
ports = "0-20000""#,
        &[
            r#"14:9: service.ports = "0-20000", must be two ports from 1 to 65535, the lower first, like "20000-29999""#,
        ],
    ),
    (
        13,
        "capacity = 8\nports = [20000, 29999]",
        &[
            r#"14:9: service.ports = [20000, 29999], must be two ports from 1 to 65535, the lower first, like "20000-29999""#,
        ],
    ),
    (13, "capacity = 8\nmin = 2\nmax = 1", &["14:7: service.min = 2, must be at most max (1)"]),
    (13, "capacity = 8\nmin = 3", &["14:7: service.min = 3, must be at most the number of nodes (2)"]),
    (13, "capacity = 8\nmin = -1", &["14:7: service.min = -1, must be a whole number from 0 to 100000"]),
    (
        13,
        r#"capacity = 8
min = 2
[service.b]
front_end = "127.0.0.1"
listen = "127.0.0.1:8081"
command = ["x", "{port}"]
capacity = 8
min = 1"#,
        &["20:7: service.min = 1, must leave enough slots of all nodes (2) for every service's min (3)"],
    ),
    (
        13,
        r#"capacity = 8
[service.b]
front_end = "127.0.0.1"
listen = "0.0.0.0:8080"
command = ["x", "{port}"]
capacity = 8"#,
        &[
            r#"16:10: service.listen = "0.0.0.0:8080", must differ from listen of service a, which has the same front end"#,
        ],
    ),
    (
        11,
        r#"listen = "127.0.0.12:7401""#,
        &[
            r#"11:10: service.listen = "127.0.0.12:7401", must differ from data_port of node n2, which is on 127.0.0.12 too"#,
        ],
    ),
    (
        11,
        r#"listen = "0.0.0.0:7400""#,
        &[
            r#"11:10: service.listen = "0.0.0.0:7400", must differ from control_port of node n1, which is on 127.0.0.11 too"#,
        ],
    ),
    (11, r#"listen = "127.0.0.1:7400""#, &[]),
    (13, "capacity = 8\n[service.a]\nmin = 1", &[r#"14:10: duplicate key "a", must be written only once"#]),
    (
        13,
        r#"capacity = 8
local = "never""#,
        &[r#"14:9: service.local = "never", must be "auto" or "always""#],
    ),
    (
        13,
        "capacity = 8\ndispatch = 2",
        &[r#"14:12: service.dispatch = 2, must be "fill" or "round-robin" or "least-in-flight" or "p2c""#],
    ),
    (13, "capacity = 8\nworkers = 0", &["14:11: service.workers = 0, must be a whole number from 1 to 1024"]),
    (
        13,
        r#"capacity = 8
queue_timeout = "0s""#,
        &[r#"14:17: service.queue_timeout = "0s", must be a duration from 1ms to 1h"#],
    ),
    (
        13,
        r#"capacity = 8
start_timeout = "2 fortnights""#,
        &[
            r#"14:17: service.start_timeout = "2 fortnights", must be a duration from 1ms to 1h, with its unit and in quotes, like "10s""#,
        ],
    ),
    (
        13,
        r#"capacity = 8
start_timeout = "2h""#,
        &[r#"14:17: service.start_timeout = "2h", must be a duration from 1ms to 1h"#],
    ),
    (13, "capacity = 8\nserved_by = 1", &["14:13: service.served_by = 1, must be true or false"]),
    (15, r#"policy = "clasic""#, &[r#"15:10: scaling.policy = "clasic", did you mean "classic"?"#]),
    (15, "low = 0.5", &["15:7: scaling.low = 0.5, must be below half of high (0.75 / 2 = 0.375)"]),
    (15, "high = 0.7", &["15:8: scaling.low = 0.35 (default), must be below half of high (0.7 / 2 = 0.35)"]),
    (
        15,
        "high = 0.6",
        &[
            "15:8: scaling.low = 0.35 (default), must be below half of high (0.6 / 2 = 0.3)",
            "15:8: scaling.target = 0.6 (default), must be below high (0.6)",
        ],
    ),
    (15, "high = 1.5", &["15:8: scaling.high = 1.5, must be a number above 0 and at most 1"]),
    (15, "high = 1\nlow = 0", &["16:7: scaling.low = 0, must be a number above 0 and at most 1"]),
    (
        15,
        r#"high = "0.5"
low = 0.4"#,
        &[r#"15:8: scaling.high = "0.5", must be a number above 0 and at most 1"#],
    ),
    (15, "target = 0.8", &["15:10: scaling.target = 0.8, must be below high (0.75)"]),
    (15, r#"tick = "4s""#, &["15:8: scaling.tick = 4s, must be at most fast_window (3s)"]),
    (15, r#"tick = "0s""#, &[r#"15:8: scaling.tick = "0s", must be a duration from 100ms to 1h"#]),
    (15, r#"fast_window = "31s""#, &["15:15: scaling.fast_window = 31s, must be at most slow_window (30s)"]),
    (15, "surge = 0.9", &["15:9: scaling.surge = 0.9, must be a number from 1 to 100"]),
    (15, "add_factor = 0.5", &["15:14: scaling.add_factor = 0.5, must be a number from 1 to 100"]),
    (15, "high_ticks = 0", &["15:14: scaling.high_ticks = 0, must be a whole number from 1 to 1000"]),
    (
        15,
        r#"node_data_timeout = "3s""#,
        &["15:21: scaling.node_data_timeout = 3s, must be above lease.renew, with which they come (3s)"],
    ),
    (15, "cpu_target = 70", &["15:14: scaling.cpu_target = 70, must be a number above 0 and at most 1"]),
    (15, r#"down_windw = "60s""#, &[r#"15:1: unknown key "down_windw", did you mean "down_window"?"#]),
    (
        15,
        r#"tick = "1s"
tick = "2s""#,
        &[r#"16:1: duplicate key "tick", must be written only once"#],
    ),
    (15, "tick = ", &["15:8: no value, must be a number, true, false, or text in quotes"]),
    (15, "tick", &["15:5: key with no value, must have `=`"]),
    (15, r#"= "1s""#, &["15:1: unquoted keys cannot be empty, must have letters, numbers, `-`, `_`"]),
    (15, r#"tick = "1s"#, &[r#"15:11: invalid basic string, must have `"`"#]),
    (15, "tick = 1s", &["15:8: unreadable value, must be a number, true, false, or text in quotes"]),
    (14, "[service.a.scaling", &["14:19: unclosed table, must have `]`"]),
    (
        12,
        r#"command = ["x", "{port}""#,
        &[r#"12:11: this value never ends, must end with what closes it: ], }, """ or '''"#],
    ),
    (
        12,
        r#"command = ["x",
  "{port}""#,
        &[r#"12:11: this value never ends, must end with what closes it: ], }, """ or '''"#],
    ),
    (
        10,
        r#"front_end = """127.0.0.1""#,
        &[r#"10:13: this value never ends, must end with what closes it: ], }, """ or '''"#],
    ),
    (9, "[service.a\nlow = 3", &["9:11: unclosed table, must have `]`"]),
    (2, r#"name = "t" name = "u""#, &["2:12: unexpected key or value, must have newline, `#`"]),
    (2, "name = '한국어', x = 3", &["2:13: unexpected key or value, must have newline, `#`"]),
    (2, r#"한국어 = "t"; name = "u""#, &["2:1: invalid unquoted key, must have letters, numbers, `-`, `_`"]),
];
