-- The control store: what environments there are, and who administers the install. Nothing of members.

CREATE TABLE environment (
    id      BLOB    PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    live    INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    making  INTEGER NOT NULL,
    crc     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE administrator (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    token_hash BLOB    NOT NULL,
    hint       TEXT    NOT NULL,
    made_at    INTEGER NOT NULL,
    revoked_at INTEGER,
    crc        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
