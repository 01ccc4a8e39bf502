//! In which order the nodes of the pool are tried (design section 4): the file's where it has one
//! service; otherwise a rendezvous hash of service and node, which spreads the services apart and
//! stays as it is when a node comes or goes. Pure.

use cluster::config::Cluster;

/// The indices of `cluster.nodes` in the order in which `service` tries them.
pub fn of_nodes(cluster: &Cluster, service: &str) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cluster.nodes.len()).collect();
    if cluster.services.len() > 1 {
        order.sort_by_key(|&index| std::cmp::Reverse(weight(service, &cluster.nodes[index].name)));
    }
    order
}

/// FNV-1a over both names, mixed at the end (Thaler and Ravishankar 1998 ask for any good hash of
/// the pair; the finalizer is the one of MurmurHash3, since FNV alone leaves the high bits alike).
fn weight(service: &str, node: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in service.bytes().chain([0]).chain(node.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn services_begin_with_different_nodes() {
        let nodes: Vec<String> = (0..20).map(|index| format!("c{index}")).collect();
        let first = |service: &str| nodes.iter().max_by_key(|node| weight(service, node)).unwrap().clone();
        let firsts: std::collections::HashSet<_> =
            (0..20).map(|index| first(&format!("shop{index}"))).collect();
        assert!(firsts.len() > 8, "{firsts:?}");
    }

    #[test]
    fn a_node_that_leaves_changes_nothing_between_the_others() {
        let order = |nodes: &[&str]| {
            let mut nodes = nodes.to_vec();
            nodes.sort_by_key(|node| std::cmp::Reverse(weight("shop", node)));
            nodes.into_iter().filter(|node| *node != "c2").map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(order(&["c1", "c2", "c3", "c4"]), order(&["c1", "c3", "c4"]));
    }
}
