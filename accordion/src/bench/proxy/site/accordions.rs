//! The Accordions: a service-manager with an origin as its local copy, or a whole cluster of one node.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;

use super::probe::{node_serves, serves};
use super::{Running, Site};
use crate::bench::proxy::config::{self, ClientTimeout, Kind, ORIGIN_PORT};
use crate::bench::proxy::load::pinned;
use crate::bench::proxy::meter;
use crate::bench::proxy::rows::Contestant;
use crate::bench::tools;

impl Site {
    /// A service-manager alone, with an origin as its local copy.
    pub(super) async fn accordion(
        &mut self,
        contestant: Contestant,
        kind: Kind,
        time: ClientTimeout,
    ) -> anyhow::Result<()> {
        let target = self.target();
        let file = self.accordion_files(&Self::name_of(contestant, time), kind, target, None, time)?;
        let words = [self.program(), "service-manager".into(), "--config".into(), file];
        let instance = self.instance("accordion", target, &words).await?;
        serves(target).await?;
        self.origin.get_or_insert(SocketAddr::new(target.ip(), ORIGIN_PORT));
        let pids = vec![instance.pid()];
        self.running.push(Running { contestant, target, pids, node: None, instances: vec![instance] });
        Ok(())
    }

    /// A whole cluster of one node, which holds the service whatever the load is.
    pub(super) async fn accordion_with_node(&mut self) -> anyhow::Result<()> {
        let contestant = Contestant::AccordionNode;
        let target = self.target();
        let node = IpAddr::from(self.address());
        let file = self.accordion_files(contestant.key(), Kind::SameWork, target, Some(node), None)?;
        let words = [self.program(), "up".into(), "--config".into(), file.clone()];
        let instance = self.instance("accordion", target, &words).await?;
        serves(target).await?;
        let config = PathBuf::from(file);
        node_serves(target, &self.program, &config).await?;
        let daemons = meter::children(instance.pid());
        let counted = ["service-manager", "task-processor"].map(|daemon| {
            let of =
                |(pid, words): &(u32, Vec<String>)| words.iter().any(|word| word == daemon).then_some(*pid);
            daemons.iter().find_map(of).with_context(|| format!("no {daemon} runs"))
        });
        let pids = counted.into_iter().collect::<anyhow::Result<_>>()?;
        self.running.push(Running {
            contestant,
            target,
            pids,
            node: Some(config),
            instances: vec![instance],
        });
        Ok(())
    }

    /// Writes a cluster.toml and the nginx.conf of each origin that it will start; answers its path.
    fn accordion_files(
        &mut self,
        name: &str,
        kind: Kind,
        target: SocketAddr,
        node: Option<IpAddr>,
        client_timeout: ClientTimeout,
    ) -> anyhow::Result<String> {
        let directory = self.scratch.directory_of(name, target)?;
        let origins = self.scratch.path().to_owned();
        for ip in [target.ip()].into_iter().chain(node) {
            let listen = SocketAddr::new(ip, ORIGIN_PORT);
            let place = origins.join(config::origin_name(listen));
            fs::create_dir(&place)?;
            let text = config::origin(&place, listen, &origins.join("files"), self.connections);
            self.scratch.write(&place.join("nginx.conf"), "origin", text)?;
        }
        let mut nginx = pinned(self.cores.load);
        nginx.push(tools::program("nginx"));
        let front = target.ip();
        let text = config::cluster(&config::Accordion {
            directory: &directory,
            origins: &origins,
            kind,
            front,
            node,
            nginx: &nginx,
            client_timeout,
        });
        Ok(self.scratch.write(&directory.join("cluster.toml"), name, text)?)
    }
}
