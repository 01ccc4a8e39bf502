//! `accordion ca`: the cluster's own certificate authority in a directory, and the certificates of its
//! machines. Nothing is ever overwritten, and no key leaves the directory by itself.

mod store;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, value_parser};
use cluster::config::Cluster;
use cluster::daemon::DaemonArgs;
use cluster::tls::{Authority, Identity, Places, Tls, Validity};

use crate::answer;
use store::{KEY_FILE, Store};

/// Where `ca init` puts its files, and `ca issue` looks for them.
const DIRECTORY: &str = "accordion-ca";

/// How long a CA is good: longer than the machines.
const CA_DAYS: u32 = 3650;

/// `accordion ca`'s command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the cluster's CA: ca.pem, which every machine gets, and ca.key, which stays where it is
    Init(Init),
    /// Make a certificate and its key
    Issue(Issue),
}

#[derive(Debug, clap::Args)]
struct Init {
    /// A directory for it, best on a machine that is none of the cluster
    #[arg(value_name = "DIR", default_value = DIRECTORY)]
    directory: PathBuf,
    #[command(flatten)]
    which: Config,
}

#[derive(Debug, clap::Args)]
struct Issue {
    #[command(subcommand)]
    whose: Whose,
    /// The directory of the CA; the new files are put there too
    #[arg(long, value_name = "DIR", default_value = DIRECTORY, global = true)]
    ca: PathBuf,
    /// How long it is good
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = value_parser!(u32).range(1..=3650), global = true)]
    days: u32,
    #[command(flatten)]
    which: Config,
}

/// Whose certificate it is to be.
#[derive(Debug, Subcommand)]
enum Whose {
    /// A node's, by which front ends know it
    Node {
        /// Its name in cluster.toml
        name: String,
    },
    /// A service's front end's, by which nodes know it: good for that service only
    FrontEnd {
        /// The service's name in cluster.toml
        service: String,
    },
    /// The one for `accordion drain`, `undrain` and `status`
    Operator,
}

/// Which cluster is meant.
#[derive(Debug, clap::Args)]
struct Config {
    /// The cluster's configuration [default: ./cluster.toml, else /etc/accordion/cluster.toml]
    #[arg(long, value_name = "FILE", env = "ACCORDION_CONFIG", global = true)]
    config: Option<PathBuf>,
}

/// 78 for a bad cluster.toml, 1 for anything else.
pub(crate) fn main(args: &Args) -> ExitCode {
    let which = match &args.command {
        Command::Init(init) => &init.which,
        Command::Issue(issue) => &issue.which,
    };
    let args_of_daemon = DaemonArgs { config: which.config.clone(), ..DaemonArgs::default() };
    let cluster = match args_of_daemon.cluster() {
        Ok(cluster) => cluster,
        Err(code) => return code,
    };
    let done = match &args.command {
        Command::Init(asked) => init(&cluster, &asked.directory),
        Command::Issue(asked) => issue(&cluster, asked),
    };
    match done {
        Ok(text) => answer::give_last(text, ExitCode::SUCCESS),
        Err(sentence) => {
            eprintln!("accordion: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn init(cluster: &Cluster, directory: &Path) -> Result<String, String> {
    let store = Store::make(directory)?;
    let authority =
        Authority::new(&cluster.name, Validity::days(CA_DAYS)).map_err(|fault| fault.to_string())?;
    store.keep_authority(&authority)?;
    let directory = directory.display();
    Ok(format!(
        "{directory}/ca.pem      goes to every machine of {}, into {}\n\
         {directory}/{KEY_FILE}      stays here: whoever has it can make himself a front end or a node\n\n\
         Next: accordion ca issue node NAME, front-end SERVICE and operator.\n",
        cluster.name,
        target(cluster).display(),
    ))
}

fn issue(cluster: &Cluster, asked: &Issue) -> Result<String, String> {
    let identity = asked.whose.identity(cluster)?;
    let store = Store::at(&asked.ca);
    let authority = store.authority(&cluster.name)?;
    let issued = authority.issue(&identity, Validity::days(asked.days)).map_err(|fault| fault.to_string())?;
    let places = store.keep(&identity, &issued)?;
    // As its owner will read it, so that nothing is found out on another machine.
    if let Err(fault) = Tls::load_from(&cluster.name, places.clone(), identity.clone()) {
        store.forget(&places);
        return Err(format!("{fault}; was the CA made for another cluster?"));
    }
    Ok(told(cluster, &identity, &places, asked.days))
}

/// Where each file goes.
fn told(cluster: &Cluster, identity: &Identity, places: &Places, days: u32) -> String {
    let whither = match identity {
        Identity::Node(name) => {
            let address = cluster.node(name).map(|node| node.address.to_string()).unwrap_or_default();
            format!("to node {name} ({address})")
        }
        Identity::FrontEnd(name) => {
            let service = cluster.service(name);
            let address = service.map(|service| service.front_end.to_string()).unwrap_or_default();
            format!("to the front end of {name} ({address})")
        }
        Identity::Operator => "to wherever nodes are drained from".to_owned(),
    };
    let target = target(cluster);
    let mut text = String::new();
    // Writing into a String cannot fail.
    for (file, note) in [(&places.ca, ""), (&places.certificate, ""), (&places.key, ", mode 0600")] {
        let _ = writeln!(text, "{}  {whither}, into {}{note}", file.display(), target.display());
    }
    let _ = writeln!(text, "\nGood for {days} days; a daemon that runs reads new files on SIGHUP.");
    if cluster.tls.is_none() {
        let _ = writeln!(text, "They are used once cluster.toml has a table [tls].");
    }
    text
}

/// Where the daemons look for them.
fn target(cluster: &Cluster) -> PathBuf {
    cluster.tls.as_ref().map_or_else(|| "/etc/accordion/tls".into(), |tls| tls.directory.clone())
}

impl Whose {
    /// Only who is in cluster.toml gets one.
    fn identity(&self, cluster: &Cluster) -> Result<Identity, String> {
        let unknown = |kind: &str, name: &str, names: Vec<&str>| {
            Err(format!("cluster.toml has no {kind} {name:?}; it has: {}", names.join(", ")))
        };
        match self {
            Self::Operator => Ok(Identity::Operator),
            Self::Node { name } if cluster.node(name).is_some() => Ok(Identity::Node(name.clone())),
            Self::Node { name } => {
                unknown("node", name, cluster.nodes.iter().map(|node| node.name.as_str()).collect())
            }
            Self::FrontEnd { service } if cluster.service(service).is_some() => {
                Ok(Identity::FrontEnd(service.clone()))
            }
            Self::FrontEnd { service } => {
                let names = cluster.services.iter().map(|service| service.name.as_str()).collect();
                unknown("service", service, names)
            }
        }
    }
}
