//! What strace wrote, read: how often which system call was made between the first and the last request
//! that counts.

use std::collections::BTreeMap;

use crate::client::{BEGIN, END};

/// System calls by their names.
pub(crate) struct Calls(BTreeMap<String, u64>);

impl Calls {
    /// Those from the line that shows the first request that counts up to the one that shows the first that
    /// does not. A line begins with the thread's id; a call that another thread interrupts has two of them.
    pub(crate) fn of(trace: &str) -> Calls {
        let [begin, end] = [BEGIN, END].map(|target| format!(" {target} "));
        let mut lines = trace.lines().skip_while(|line| !line.contains(&begin)).peekable();
        assert!(lines.peek().is_some(), "the trace does not show the request for {BEGIN}");
        let mut calls = BTreeMap::new();
        let mut has_end = false;
        for line in lines {
            has_end = line.contains(&end);
            if has_end {
                break;
            }
            if let Some(name) = name(line) {
                *calls.entry(name.to_owned()).or_default() += 1;
            }
        }
        assert!(has_end, "the trace does not show the request for {END}");
        Calls(calls)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// What each of so many requests needs, the most frequent first.
    pub(crate) fn per(&self, requests: u32) -> String {
        let mut calls: Vec<_> = self.0.iter().collect();
        calls.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let each = |count: u64| count as f64 / f64::from(requests);
        let words = calls.into_iter().map(|(name, count)| format!("{name} {:.3}", each(*count)));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// The call that begins in this line, if one does that counts.
fn name(line: &str) -> Option<&str> {
    let (_, call) = line.split_once(' ')?;
    let (name, words) = call.trim_start().split_once('(')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let counts = match name {
        // It is no call where the machine's clock can be read without the kernel.
        "clock_gettime" => false,
        // Rust's library and tokio look at the flags of descriptors, in builds with debug assertions only.
        "fcntl" => !words.contains("F_GETFD") && !words.contains("F_GETFL"),
        _ => true,
    };
    (is_name && counts).then_some(name)
}

#[test]
fn a_trace_counts_each_call_once_between_the_two_requests() {
    let trace = r#"
101 recvfrom(9, "GET /warm-up HTTP/1.1\r\nHost: sho"..., 16384, 0, NULL, NULL) = 80
101   recvfrom(9, "GET /begin HTTP/1.1\r\nHost: shop."..., 16384, 0, NULL, NULL) = 80
101 sendto(11, "GET /begin HTTP/1.1\r\nHost: shop."..., 300, MSG_NOSIGNAL, NULL, 0) = 300
101 epoll_wait(5,  <unfinished ...>
102 write(3, "127.0.0.1 - - ", 14) = 14
101 <... epoll_wait resumed>[{events=EPOLLIN, data=0x1}], 1024, -1) = 1
101 fcntl(4, F_GETFD) = 0x1 (flags FD_CLOEXEC)
101 clock_gettime(CLOCK_MONOTONIC, {tv_sec=1, tv_nsec=2}) = 0
102 exit(0) = ?
102 +++ exited with 0 +++
101 recvfrom(9, "GET /end HTTP/1.1\r\nHost: shop.e"..., 16384, 0, NULL, NULL) = 80
101 sendto(11, "GET /end HTTP/1.1\r\nHost: shop.e"..., 300, MSG_NOSIGNAL, NULL, 0) = 300
"#;
    let calls = Calls::of(trace);
    assert_eq!(calls.count(), 5);
    assert_eq!(calls.per(1), "epoll_wait 1.000, exit 1.000, recvfrom 1.000, sendto 1.000, write 1.000");
}
