-- The control store: what environments there are, with the role that serves each, and who administers the
-- install. Nothing of members. Only the installing role can read it.

CREATE TABLE environment (
    made_at  bigint  NOT NULL,
    crc      bigint  NOT NULL,
    live     boolean NOT NULL,
    making   boolean NOT NULL,
    id       bytea   PRIMARY KEY,
    name     text    NOT NULL UNIQUE COLLATE "C",
    schema   text    NOT NULL,
    role     text    NOT NULL,
    password text    NOT NULL
);
CREATE TABLE administrator (
    made_at    bigint NOT NULL,
    revoked_at bigint,
    crc        bigint NOT NULL,
    id         text   PRIMARY KEY COLLATE "C",
    name       text   NOT NULL,
    token_hash bytea  NOT NULL,
    hint       text   NOT NULL
);
