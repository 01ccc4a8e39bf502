//! A task-processor that is killed and started again at once, as by systemd: a slot is granted again only
//! when its process is gone.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use proto::task_processor as pb;
use proto::task_processor::DenialReason;
use proto::task_processor::reserve_reply::Answer;
use proto::task_processor::task_processor_client::TaskProcessorClient;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;

type Client = TaskProcessorClient<Channel>;

/// More than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(10);

/// A node's daemon as a process, on an address that is this test program's alone.
struct Node {
    daemon: Child,
    directory: TempDir,
    address: Ipv4Addr,
}

impl Node {
    /// A service there ignores SIGTERM, so that its guard needs its whole time to end it.
    fn start(slots: u32, place: u8) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 96 + place, high, low);
        let text = format!(
            r#"
            [cluster]
            name = "test"
            [[node]]
            name = "n1"
            address = "{address}"
            slots = {slots}
            [service.shop]
            front_end = "127.0.0.1"
            listen = "127.0.0.1:8080"
            command = ["sh", "-c", "trap '' TERM; exec {} $0 $1", "{{address}}", "{{port}}"]
            ready = "/healthz"
            capacity = 8
            "#,
            tiny_service().display()
        );
        fs::write(directory.path().join("cluster.toml"), text).unwrap();
        let daemon = daemon(directory.path());
        Self { daemon, directory, address }
    }

    /// By SIGKILL, and at once up again.
    fn kill_and_restart(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
        self.daemon = daemon(self.directory.path());
    }

    async fn client(&self) -> Client {
        let control = format!("http://{}:7400", self.address);
        let connecting = async {
            loop {
                match Client::connect(control.clone()).await {
                    Ok(client) => return client,
                    Err(_) => sleep(PERIOD).await,
                }
            }
        };
        timeout(DEADLINE, connecting).await.expect("the daemon listens")
    }

    /// The services' own processes on this node, told from their guards by their first argument.
    fn services(&self) -> Vec<u32> {
        let program = tiny_service().display().to_string();
        let command = format!("{program}\0{}\0", self.address);
        let pids = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok());
        let is_ours = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(&command))
        };
        pids.filter(is_ours).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Its guards end what is left.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn daemon(directory: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_task-processor"))
        .args(["--node", "n1", "--config"])
        .arg(directory.join("cluster.toml"))
        .arg("--runtime-dir")
        .arg(directory.join("run"))
        .arg("--state-dir")
        .arg(directory.join("state"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Built by cargo with the tests.
fn tiny_service() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/tiny-service");
    assert!(program.exists(), "{} is missing: cargo build -p task-processor --examples", program.display());
    program
}

async fn ask(client: &Client, request_id: &str) -> Answer {
    let request = pb::ReserveRequest {
        service: "shop".to_owned(),
        front_end: "fe".to_owned(),
        incarnation: 1,
        request_id: request_id.to_owned(),
        reclaim: None,
    };
    let reply = timeout(DEADLINE, client.clone().reserve(request)).await.unwrap().unwrap();
    reply.into_inner().answer.unwrap()
}

async fn serve(client: &Client, request_id: &str) {
    let Answer::Grant(grant) = ask(client, request_id).await else { panic!("{request_id} is not granted") };
    start(client, grant).await;
}

async fn start(client: &Client, grant: pb::Grant) {
    let lease = pb::LeaseRef { lease_id: grant.lease_id, epoch: grant.epoch };
    timeout(DEADLINE, client.clone().start(lease)).await.unwrap().unwrap();
}

fn is_still_ending(denial: &pb::Denial) -> bool {
    denial.reason() == DenialReason::NoSlot
        && denial.detail == "a process of the daemon's previous life still ends"
}

#[tokio::test]
async fn a_slot_is_granted_after_a_restart_only_when_the_process_of_before_is_gone() {
    let mut node = Node::start(1, 0);
    serve(&node.client().await, "first").await;
    assert_eq!(node.services().len(), 1);

    node.kill_and_restart();
    let client = node.client().await;
    let began = Instant::now();
    let mut denials = 0;
    let grant = loop {
        match ask(&client, "second").await {
            Answer::Grant(grant) => break grant,
            Answer::Denial(denial) => {
                assert!(is_still_ending(&denial), "{denial:?}");
                assert!(denial.holders.is_empty() && denial.retry_after_ms == 1000, "{denial:?}");
                denials += 1;
            }
        }
        let status = timeout(DEADLINE, client.clone().status(pb::StatusRequest {})).await.unwrap().unwrap();
        let shown = status.into_inner();
        // Between the denial and this look the last process may have ended.
        assert!(shown.leases.is_empty() && shown.leftovers <= 1, "{shown:?}");
        assert!(node.services().len() <= 1);
        assert!(began.elapsed() < DEADLINE, "the slot never becomes free");
        sleep(PERIOD).await;
    };
    assert!(denials > 0, "the service outlived its daemon, and was not waited for");
    assert_eq!(node.services(), [0; 0], "a process of the daemon's previous life is left");
    start(&client, grant).await;
    assert_eq!(node.services().len(), 1);
}

#[tokio::test]
async fn a_slot_that_was_free_is_granted_at_once_and_the_other_waits_through_a_second_restart() {
    let mut node = Node::start(2, 1);
    serve(&node.client().await, "first").await;
    node.kill_and_restart();
    serve(&node.client().await, "second").await;
    // Now a copy of each life is there, and both are waited for.
    node.kill_and_restart();
    let client = node.client().await;
    let began = Instant::now();
    let mut most = 0;
    loop {
        let left = node.services().len();
        most = most.max(left);
        match ask(&client, "third").await {
            Answer::Grant(_) => break,
            Answer::Denial(denial) => assert!(is_still_ending(&denial), "{denial:?}"),
        }
        assert!(began.elapsed() < DEADLINE, "no slot becomes free");
        sleep(PERIOD).await;
    }
    assert_eq!(most, 2, "one of each life");
    assert!(node.services().len() <= 1, "one slot was granted, so one copy at most is left");
}

#[tokio::test]
async fn a_renewal_stream_hears_that_the_slot_has_become_free() {
    let mut node = Node::start(1, 2);
    serve(&node.client().await, "first").await;
    node.kill_and_restart();
    let client = node.client().await;
    let (messages, out) = tokio::sync::mpsc::channel(1);
    let out = tokio_stream::wrappers::ReceiverStream::new(out);
    let mut replies = timeout(DEADLINE, client.clone().renew(out)).await.unwrap().unwrap().into_inner();
    let renewal = pb::RenewRequest {
        service: "shop".to_owned(),
        front_end: "fe".to_owned(),
        incarnation: 1,
        sequence: 1,
        ..pb::RenewRequest::default()
    };
    messages.send(renewal).await.unwrap();
    let mut next = async || timeout(DEADLINE, replies.message()).await.unwrap().unwrap().unwrap();
    let answer = next().await;
    assert_eq!((answer.sequence, answer.slots_free), (1, 0));
    let told = next().await;
    assert_eq!((told.sequence, told.slots_free), (0, 1), "it was not told unasked");
    assert_eq!(node.services(), [0; 0]);
}
