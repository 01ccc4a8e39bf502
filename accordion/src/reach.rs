//! How the command finds and reaches the daemons: the sockets of this machine's front ends, and the
//! nodes by their addresses in cluster.toml.

mod here;
mod nodes;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use cluster::config::Cluster;
use cluster::daemon::{DaemonArgs, Directories};
use proto::load_manager::load_manager_client::LoadManagerClient;
use proto::service_manager::service_manager_client::ServiceManagerClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

pub(crate) use here::DaemonHere;
pub(crate) use nodes::Nodes;

/// How long a daemon may take for an answer before a person is told that there is none.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Which cluster is meant.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Which {
    /// The cluster's configuration [default: ./cluster.toml, else /etc/accordion/cluster.toml]
    #[arg(long, value_name = "FILE", env = "ACCORDION_CONFIG")]
    config: Option<PathBuf>,
    /// Where its Unix sockets are, if not at the default place
    #[arg(long, value_name = "DIR")]
    runtime_dir: Option<PathBuf>,
}

/// A cluster and where its sockets are.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// Its cluster.toml.
    pub(crate) cluster: Cluster,
    directories: Directories,
}

impl Which {
    /// What a daemon would be told that goes by the same.
    pub(crate) fn daemon_args(&self) -> DaemonArgs {
        DaemonArgs {
            config: self.config.clone(),
            runtime_dir: self.runtime_dir.clone(),
            ..DaemonArgs::default()
        }
    }

    /// Reads the file and finds the sockets; on a fault, says it and answers the exit status.
    pub(crate) fn reach(&self) -> Result<Reach, ExitCode> {
        let args = self.daemon_args();
        let cluster = args.cluster()?;
        let directories = args.places(&cluster).map_err(|fault| {
            eprintln!("accordion: {fault}");
            ExitCode::FAILURE
        })?;
        Ok(Reach { cluster, directories })
    }
}

impl Reach {
    /// Of what was read and found already.
    pub(crate) fn of(cluster: Cluster, directories: Directories) -> Self {
        Self { cluster, directories }
    }

    /// Where the sockets are.
    pub(crate) fn directories(&self) -> &Directories {
        &self.directories
    }

    /// That of the service-manager of `service`.
    pub(crate) fn service_manager_socket(&self, service: &str) -> PathBuf {
        self.directories.service_manager_socket(service)
    }

    /// That of the load-manager of `service`.
    pub(crate) fn load_manager_socket(&self, service: &str) -> PathBuf {
        self.directories.load_manager_socket(service)
    }

    /// The service-manager of `service` on this machine.
    pub(crate) async fn service_manager(
        &self,
        service: &str,
    ) -> Result<ServiceManagerClient<Channel>, String> {
        let channel = self.socket("service-manager", &self.service_manager_socket(service)).await?;
        Ok(ServiceManagerClient::new(channel))
    }

    /// The load-manager of `service` on this machine.
    pub(crate) async fn load_manager(&self, service: &str) -> Result<LoadManagerClient<Channel>, String> {
        let channel = self.socket("load-manager", &self.load_manager_socket(service)).await?;
        Ok(LoadManagerClient::new(channel))
    }

    async fn socket(&self, daemon: &str, path: &Path) -> Result<Channel, String> {
        let nobody = || {
            format!(
                "no {daemon} answers on {}; is the cluster {:?} running here (`accordion up`), as the same user and \
                 with the same --runtime-dir?",
                path.display(),
                self.cluster.name
            )
        };
        let endpoint =
            Endpoint::from_shared(format!("unix://{}", path.display())).map_err(|fault| fault.to_string())?;
        endpoint.connect_timeout(ANSWER_TIMEOUT).connect().await.map_err(|_| nobody())
    }
}

/// A question with its deadline.
pub(crate) fn question<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER_TIMEOUT);
    request
}

/// What went wrong with a question to `whom`, for a person.
pub(crate) fn words(whom: &str, status: &Status) -> String {
    let did = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => "did not answer",
        _ => "refused",
    };
    let why = if status.message().is_empty() { status.code().description() } else { status.message() };
    format!("{whom} {did}: {why}")
}

/// Runs `work` on a small runtime of its own; its sentence goes to stderr, with exit status 1.
pub(crate) fn block_on(work: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(work),
        Err(fault) => Err(format!("no runtime: {fault}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("accordion: {sentence}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_says_no_is_not_called_silence() {
        let silence = Status::deadline_exceeded("");
        assert_eq!(
            words("the load-manager", &silence),
            "the load-manager did not answer: Deadline expired before operation could complete"
        );
        let no = Status::not_found("no node \"c9\"");
        assert_eq!(words("the load-manager", &no), "the load-manager refused: no node \"c9\"");
    }
}
