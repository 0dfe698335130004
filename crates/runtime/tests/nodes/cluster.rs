//! Nodes over one database.

use std::{future::Future, sync::Arc, time::Duration};

use runtime::{Environment, Greenroom, Result, environment::Options};
use testing::Store;

use crate::ground::{self, ada, apply};

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Arc<Greenroom>>,
    _store: Store,
}

/// Nodes whose `live` and `staging` have this program. The first makes it all; the others find it there.
pub(crate) async fn cluster(count: usize, program: &str) -> Cluster {
    let store = Store::postgres().await;
    let first = ground::open(&store, Options::default()).await;
    first.create_environment("staging", ada()).await.expect("it is made");
    for environment in first.environments() {
        apply(&environment, program).await;
    }
    let mut nodes = vec![first];
    while nodes.len() < count {
        nodes.push(ground::open(&store, Options::default()).await);
    }
    Cluster { nodes, _store: store }
}

impl Cluster {
    /// `live` as a node serves it; there are as many numbers as you like for each.
    pub(crate) fn live(&self, no: usize) -> Arc<Environment> {
        self.at(no, "live")
    }

    pub(crate) fn at(&self, no: usize, environment: &str) -> Arc<Environment> {
        self.nodes[no % self.nodes.len()].environment(environment).expect("it was there when the node began")
    }
}

/// As a client does: asks again when it is told to come again.
pub(crate) async fn patiently<T, F: Future<Output = Result<T>>>(mut ask: impl FnMut() -> F) -> Result<T> {
    for _ in 0..200 {
        match ask().await {
            Err(error) if error.is_transient() => tokio::time::sleep(Duration::from_millis(5)).await,
            answer => return answer,
        }
    }
    panic!("told to come again 200 times")
}
