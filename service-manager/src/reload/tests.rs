//! What a front door makes of a file: what cannot be had changes nothing, and what is listened on is what systemd
//! and a successor get.

use std::net::TcpStream;

use cluster::config::{parse, sample};
use cluster::daemon::{Program, Reload, Reloader, Report, listener};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::admin::Admin;
use crate::succession::successor::Given;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// What is changed, and what is said of it.
type Edit<'a> = (&'a dyn Fn(&mut Service), &'a str);

/// A door that is open, and its file.
struct Site {
    reloader: Reloader,
    reload: Reload,
    follower: Follower,
    upgrade: Arc<Upgrade>,
}

impl Site {
    fn open() -> Self {
        let cluster = parse("cluster.toml", &sample(1, "")).unwrap();
        let service = cluster.services[0].clone();
        let (door, _lost) = Door::new(&service);
        let http = listener(ANY_PORT).unwrap();
        let bound = http.local_addr().unwrap();
        let copies = vec![http.try_clone().unwrap()];
        let dispatch = Arc::clone(&door) as Arc<dyn relay::Dispatch>;
        let relay = Relay::start(vec![http], 1, dispatch, settings::of(&service, None)).unwrap();
        let file = || std::fs::File::open("/dev/null").unwrap().into();
        let upgrade = Arc::new(Upgrade {
            program: Program::of_this_process().unwrap(),
            given: Some(Given {
                http: copies,
                https: Vec::new(),
                admin: None,
                control: file(),
                lock: file(),
                is_fixed: false,
            })
            .into(),
            door: Arc::clone(&door),
            setting: Arc::default(),
            start_timeout: ArcSwap::from_pointee(service.start_timeout),
            successors: mpsc::channel(1).0,
            one_at_a_time: Mutex::default(),
            end: CancellationToken::new(),
        });
        let parts = Parts {
            local: LocalCopy::new(Arc::clone(&door), &service),
            door,
            relay: Arc::new(relay),
            access_log: Arc::default(),
            gate: Gate::new(Admin::new(String::new, || false)),
            upgrade: Arc::clone(&upgrade),
            address: Arc::default(),
            tick: watch::channel(service.scaling.tick).0,
        };
        let (reloader, reload) = Reload::manual();
        let follower = Follower::new(cluster, service, Place { bound, is_fixed: false }, parts);
        Self { reloader, reload, follower, upgrade }
    }

    /// Has it read the file with its service changed so; answers also how often systemd was told.
    async fn reload(&mut self, change: impl FnOnce(&mut Service)) -> (Report, usize) {
        let mut cluster = parse("cluster.toml", &sample(1, "")).unwrap();
        change(&mut cluster.services[0]);
        let reloader = self.reloader.clone();
        let put = tokio::spawn(async move { reloader.put(cluster).await });
        let (mut stores, old) = (0, self.follower.place.bound);
        let keep = |_| {
            assert!(is_open(old), "it is told before the old sockets are closed");
            stores += 1;
        };
        self.follower.follow(self.reload.next().await, keep).await;
        (put.await.unwrap(), stores)
    }

    fn queue_max(&self) -> usize {
        self.follower.parts.door.queue_max()
    }

    /// What a successor would be given: for clients and for metrics.
    fn given(&self) -> (Vec<SocketAddr>, Option<SocketAddr>) {
        let given = self.upgrade.given.lock().unwrap();
        let given = given.as_ref().unwrap();
        let address = |listener: &TcpListener| listener.local_addr().unwrap();
        (given.http.iter().map(address).collect(), given.admin.as_ref().map(address))
    }
}

fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// A process that another test has just forked may have the socket until it runs its program.
async fn until_closed(address: SocketAddr) {
    let closed = async {
        while is_open(address) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed).await.expect("it is not listened on any more");
}

#[tokio::test]
async fn what_cannot_be_had_is_said_and_nothing_of_the_file_is_taken() {
    let mut site = Site::open();
    let before = (site.queue_max(), site.given());
    let taken = listener(ANY_PORT).unwrap();
    let in_use = taken.local_addr().unwrap();
    let faults: [Edit<'_>; 3] = [
        (&|service| service.listen = in_use, "service shop: listen: cannot listen on"),
        (&|service| service.admin = Some(in_use), "service shop: admin: cannot listen on"),
        (
            &|service| {
                service.access_log = cluster::config::AccessLog::Json;
                service.access_log_file = Some("/nowhere/a.log".into());
            },
            "service shop: access_log_file: cannot open /nowhere/a.log",
        ),
    ];
    for (change, words) in faults {
        let both = |service: &mut Service| {
            service.queue_max = 7;
            change(service);
        };
        let (report, stores) = site.reload(both).await;
        assert!(report.faults.len() == 1 && report.faults[0].starts_with(words), "{report:?}");
        assert_eq!((report.applied.len(), report.needs_restart.len(), stores), (0, 0, 0));
        assert_eq!((site.queue_max(), site.given()), before, "{words}");
        assert!(site.reloader.last().words().contains(words));
    }
    // Nor while a successor is started, which reads the file by itself.
    let upgrade = Arc::clone(&site.upgrade);
    let turn = upgrade.pause().unwrap();
    let (report, _) = site.reload(|service| service.queue_max = 7).await;
    assert_eq!((report.faults, site.queue_max()), (vec![UNDER_WAY.to_owned()], before.0));
    drop(turn);
    let (report, _) = site.reload(|service| service.queue_max = 7).await;
    assert_eq!((report.applied.len(), report.faults.len(), site.queue_max()), (1, 0, 7));
    let spec = site.follower.parts.local.spec();
    site.reload(|service| service.start_timeout = spec.start_timeout * 2).await;
    let next = site.follower.parts.local.spec();
    assert_eq!(next.start_timeout, spec.start_timeout * 2, "of the next start");
    assert_eq!(site.reloader.last().words(), "");
}

#[tokio::test]
async fn where_it_listens_anew_is_what_systemd_keeps_and_a_successor_gets() {
    let mut site = Site::open();
    let (first, _) = site.given();
    assert!(is_open(first[0]));
    let (report, stores) = site.reload(|service| service.listen = ANY_PORT).await;
    assert_eq!((report.applied.len(), report.faults.len(), stores), (1, 0, 1));
    let (second, _) = site.given();
    assert_ne!(second[0], first[0]);
    assert!(is_open(second[0]), "{second:?}");
    until_closed(first[0]).await;

    let with_admin = |service: &mut Service| {
        (service.listen, service.admin) = (ANY_PORT, Some(ANY_PORT));
    };
    let (report, stores) = site.reload(with_admin).await;
    assert_eq!((report.applied.len(), stores), (1, 1), "{report:?}");
    let admin = site.given().1.unwrap();
    assert!(is_open(admin));
    let (report, stores) = site.reload(|service| service.listen = ANY_PORT).await;
    assert_eq!((report.applied.len(), stores, site.given().1), (1, 1, None), "{report:?}");
    let (_, gate) = site.follower.end();
    gate.end().await;
    until_closed(admin).await;
}
