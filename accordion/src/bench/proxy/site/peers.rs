//! Who is measured beside Accordion: the origin itself, nginx, and one HAProxy or two.

use cluster::process::Instance;

use super::probe::serves;
use super::{Running, Site};
use crate::bench::proxy::config::{self, ClientTimeout};
use crate::bench::proxy::meter;
use crate::bench::proxy::rows::Contestant;
use crate::bench::tools;

impl Site {
    pub(super) fn direct(&mut self) -> anyhow::Result<()> {
        let target = self.origin()?;
        self.running.push(Running {
            contestant: Contestant::Direct,
            target,
            pids: Vec::new(),
            node: None,
            instances: Vec::new(),
        });
        Ok(())
    }

    pub(super) async fn nginx(&mut self, time: ClientTimeout) -> anyhow::Result<()> {
        let (target, name) = (self.target(), Self::name_of(Contestant::Nginx, time));
        let directory = self.scratch.directory_of(&name, target)?;
        let text = config::nginx(&directory, target, self.origin()?, self.connections, time);
        let file = self.scratch.write(&directory.join("nginx.conf"), &name, text)?;
        let words = [tools::program("nginx"), "-e".into(), "stderr".into(), "-c".into(), file];
        let instance = self.instance("nginx", target, &words).await?;
        serves(target).await?;
        let workers = meter::children(instance.pid()).into_iter().map(|(pid, _)| pid);
        let pids = workers.chain([instance.pid()]).collect();
        self.running.push(Running {
            contestant: Contestant::Nginx,
            target,
            pids,
            node: None,
            instances: vec![instance],
        });
        Ok(())
    }

    /// One HAProxy, or one before another.
    pub(super) async fn haproxies(&mut self, count: usize, time: ClientTimeout) -> anyhow::Result<()> {
        let contestant = if count == 1 { Contestant::Haproxy } else { Contestant::TwoHaproxies };
        let name = Self::name_of(contestant, time);
        let (mut upstream, mut instances) = (self.origin()?, Vec::new());
        for index in 1..=count {
            let target = self.target();
            let directory = self.scratch.directory_of(&name, target)?;
            let text = config::haproxy(target, upstream, self.connections, index == count, time);
            let file = self.scratch.write(&directory.join("haproxy.cfg"), &name, text)?;
            let words = [tools::program("haproxy"), "-db".into(), "-f".into(), file];
            instances.push(self.instance("haproxy", target, &words).await?);
            serves(target).await?;
            upstream = target;
        }
        let pids = instances.iter().map(Instance::pid).collect();
        self.running.push(Running { contestant, target: upstream, pids, node: None, instances });
        Ok(())
    }
}
