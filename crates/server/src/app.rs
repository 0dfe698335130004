//! What a listener answers: its routes, and what all of them share.

use std::{ops::Deref, path::PathBuf, sync::Arc};

use axum::{Router, middleware};
use runtime::Greenroom;
use tokio::sync::watch;

use crate::{
    admin::{self, imports::Leases},
    collector, health,
    listener::{ListenerConfig, around},
    metrics::{self, Traffic},
};

/// What every handler has at hand. Cloned several times for each request, so it is one pointer.
#[derive(Clone)]
pub struct Here(Arc<Hand>);

/// What is at hand.
#[derive(Clone)]
pub struct Hand {
    pub(crate) greenroom: Arc<Greenroom>,
    pub(crate) listener: ListenerConfig,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) backups: Option<PathBuf>,
    pub(crate) end: watch::Receiver<bool>,
    pub(crate) leases: Leases,
}

impl Here {
    /// For one listener. `traffic` is shared by all of them; `end` is what [`crate::serve`] ends by, and ends
    /// answers that would go on for ever.
    pub fn new(
        greenroom: Arc<Greenroom>,
        listener: ListenerConfig,
        traffic: Arc<Traffic>,
        end: watch::Receiver<bool>,
    ) -> Self {
        let leases = Leases::default();
        Self(Arc::new(Hand { greenroom, listener, traffic, backups: None, end, leases }))
    }

    /// With a folder that backups are put into. Without one they are refused.
    #[must_use]
    pub fn with_backups(mut self, folder: PathBuf) -> Self {
        Arc::make_mut(&mut self.0).backups = Some(folder);
        self
    }
}

impl Deref for Here {
    type Target = Hand;

    fn deref(&self) -> &Hand {
        &self.0
    }
}

/// The routes of a listener.
pub fn app(here: Here) -> Router {
    let mut router = Router::new().merge(health::routes());
    if here.listener.serves.collector {
        router = router.merge(collector::routes());
    }
    if here.listener.serves.admin {
        router = router.merge(metrics::routes()).merge(admin::routes());
    }
    router
        .fallback(|| async { axum::http::StatusCode::NOT_FOUND })
        .layer(middleware::from_fn(around))
        .with_state(here)
}
