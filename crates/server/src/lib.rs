//! HTTP: collector, admin API, health.
