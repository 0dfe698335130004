-- Who serves the environment at the moment. Nothing of this outlives the server's own fall, nor needs to: it is
-- said again twice a second, without waiting for a disk.
CREATE UNLOGGED TABLE node (
    id           bytea       PRIMARY KEY,
    name         text        NOT NULL,
    started_at   bigint      NOT NULL,
    seen_at      timestamptz NOT NULL, -- by the server's clock, so that nodes' clocks may differ
    lasts_until  timestamptz NOT NULL,
    epoch        bigint      NOT NULL,
    holds_timers boolean     NOT NULL
) WITH (fillfactor = 50);
-- What only one of them does.
CREATE UNLOGGED TABLE duty (
    name        text        PRIMARY KEY,
    node        bytea       NOT NULL,
    lasts_until timestamptz NOT NULL
) WITH (fillfactor = 50);
