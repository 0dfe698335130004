-- Every row carries a checksum over all that it says (`crc`), verified whenever it is read; what is added up
-- in place carries its amount mirrored against a salt of its key instead (`mirror`), which SQL can keep up.
-- Times are microseconds since 1970. Hashes and ids are raw bytes, and so is text from outside that may hold
-- a zero byte. Wide columns come first, so that rows need little padding. Unique keys hold the column that a
-- table would be distributed by.

-- Who this is.
CREATE TABLE identity (
    one           smallint PRIMARY KEY CHECK (one = 1),
    live          boolean  NOT NULL,
    id            bytea    NOT NULL,
    name          text     NOT NULL,
    directory_key bytea    NOT NULL,
    crc           bigint   NOT NULL
);
-- What every batch reads first, under the lock of this table: shared by batches, exclusive for control
-- changes. (See `writing`.)
CREATE TABLE head (
    one         smallint PRIMARY KEY CHECK (one = 1),
    epoch       bigint   NOT NULL, -- the control stream's last position
    incarnation bigint   NOT NULL,
    crc         bigint   NOT NULL
);
-- One number a batch, in the order of their beginning: what feeds are sorted by. It has been called once, so
-- that its last value is always below those that are still to be given out.
CREATE SEQUENCE feed_no;
SELECT nextval('feed_no');
-- How many records of profiles there are, in shards.
CREATE TABLE tally (
    shard   smallint PRIMARY KEY,
    records bigint NOT NULL,
    mirror  bigint NOT NULL
);

-- ---- the journal ---------------------------------------------------------------------------------------

-- Append-only but for erased bodies. `feed`: the batch's number, then the record's place in it.
CREATE TABLE journal (
    n        bigint   NOT NULL,
    feed     bigint   NOT NULL,
    at       bigint   NOT NULL,
    crc      bigint   NOT NULL,
    body_crc bigint,
    bucket   smallint NOT NULL,
    stream   bytea    NOT NULL,
    header   bytea    NOT NULL,
    body     bytea,
    PRIMARY KEY (bucket, stream, n)
-- However large it is: dead rows in it are erased bodies, and batches that were rolled back.
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- It grows at its right end only.
CREATE INDEX journal_feed ON journal (feed);
-- The control stream: small, and never distributed.
CREATE TABLE control (
    n        bigint PRIMARY KEY,
    at       bigint NOT NULL,
    crc      bigint NOT NULL,
    body_crc bigint,
    header   bytea  NOT NULL,
    body     bytea
);
-- The tails of quarantine streams, and whose events they hold.
CREATE TABLE quarantine_stream (
    n        bigint   NOT NULL,
    crc      bigint   NOT NULL,
    bucket   smallint NOT NULL,
    message  bytea    NOT NULL,
    identity bytea,
    PRIMARY KEY (bucket, message)
);
CREATE INDEX quarantine_stream_identity ON quarantine_stream (identity) WHERE identity IS NOT NULL;
-- Streams whose bodies are gone for good. `pending`: brought back by a restore, to be erased again.
CREATE TABLE erasure (
    at      bigint  NOT NULL,
    crc     bigint  NOT NULL,
    pending boolean NOT NULL,
    stream  bytea   PRIMARY KEY
);

-- ---- views ---------------------------------------------------------------------------------------------

CREATE TABLE directory (
    key   bytea PRIMARY KEY, -- kind, then the hash
    entry bytea NOT NULL     -- packed, with its checksum
);
-- `prior`: how the `tail` of the row begins that this one was written over, -1 for none. A write names it, and
-- does nothing when another has come between. Room is left in each page, so that most updates stay in it and
-- leave the indexes alone.
CREATE TABLE profile (
    n        bigint   NOT NULL,
    due_at   bigint,
    crc      bigint   NOT NULL,
    prior    bigint   NOT NULL,
    bucket   smallint NOT NULL,
    id       bytea    NOT NULL,
    tail     bytea    NOT NULL,
    manifest bytea    NOT NULL,
    state    bytea    NOT NULL,
    PRIMARY KEY (bucket, id)
) WITH (fillfactor = 70);
CREATE INDEX profile_due ON profile (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX profile_manifest ON profile (manifest);
-- How many profiles stand at which manifest, in shards.
CREATE TABLE manifest (
    profiles bigint   NOT NULL,
    mirror   bigint   NOT NULL,
    shard    smallint NOT NULL,
    hash     bytea    NOT NULL,
    PRIMARY KEY (hash, shard)
);
CREATE TABLE membership (
    since    bigint   NOT NULL,
    crc      bigint   NOT NULL,
    bucket   smallint NOT NULL,
    profile  bytea    NOT NULL,
    audience text     NOT NULL COLLATE "C",
    PRIMARY KEY (bucket, profile, audience)
);
CREATE INDEX membership_audience ON membership (audience, profile);
-- How many members audiences have, in shards.
CREATE TABLE audience (
    members bigint   NOT NULL,
    mirror  bigint   NOT NULL,
    shard   smallint NOT NULL,
    key     text     NOT NULL COLLATE "C",
    PRIMARY KEY (key, shard)
);
-- `term`: a hash of trait and value, since an index takes no value of any length.
CREATE TABLE search (
    crc     bigint   NOT NULL,
    bucket  smallint NOT NULL,
    profile bytea    NOT NULL,
    term    bytea    NOT NULL,
    trait   text     NOT NULL COLLATE "C",
    value   bytea    NOT NULL,
    PRIMARY KEY (bucket, profile, term)
);
CREATE INDEX search_term ON search (term, profile);
-- Sums of the ledger's accounts, in shards.
CREATE TABLE account_sum (
    amount   bigint   NOT NULL,
    mirror   bigint   NOT NULL,
    account  smallint NOT NULL,
    shard    smallint NOT NULL,
    currency text     NOT NULL COLLATE "C",
    PRIMARY KEY (currency, account, shard)
);
CREATE TABLE counter (
    used bigint NOT NULL,
    n    bigint NOT NULL,
    crc  bigint NOT NULL,
    key  text   PRIMARY KEY COLLATE "C"
);
CREATE TABLE quarantine (
    at       bigint   NOT NULL,
    crc      bigint   NOT NULL,
    bucket   smallint NOT NULL,
    message  bytea    NOT NULL,
    identity bytea,
    name     bytea,
    code     text     NOT NULL,
    errors   text     NOT NULL,
    PRIMARY KEY (bucket, message)
);
CREATE INDEX quarantine_at ON quarantine (at, message);

-- ---- configuration -------------------------------------------------------------------------------------

CREATE TABLE object (
    crc       bigint NOT NULL,
    hash      bytea  PRIMARY KEY,
    canonical text   NOT NULL
);
CREATE TABLE revision (
    no        bigint PRIMARY KEY,
    made_at   bigint NOT NULL,
    crc       bigint NOT NULL,
    id        bytea  NOT NULL UNIQUE,
    manifest  bytea  NOT NULL,
    canonical text   NOT NULL
);
CREATE TABLE promotion (
    no              bigint PRIMARY KEY,
    epoch           bigint NOT NULL,
    at              bigint NOT NULL,
    crc             bigint NOT NULL,
    source          text   NOT NULL,
    source_manifest bytea  NOT NULL,
    source_revision bytea,
    digest          text   NOT NULL,
    plan            text   NOT NULL,
    actor           text   NOT NULL
);
-- The environment's own due work: schedules that begin or end.
CREATE TABLE schedule (
    at      bigint NOT NULL,
    crc     bigint NOT NULL,
    address text   NOT NULL COLLATE "C",
    PRIMARY KEY (at, address)
);

-- ---- outside state -------------------------------------------------------------------------------------

-- `feed`: of the record that made it.
CREATE TABLE outbox (
    n           bigint   NOT NULL,
    feed        bigint   NOT NULL,
    at          bigint   NOT NULL,
    incarnation bigint   NOT NULL,
    crc         bigint   NOT NULL,
    place       integer  NOT NULL,
    bucket      smallint NOT NULL,
    profile     bytea    NOT NULL,
    channel     text     NOT NULL,
    status      text     NOT NULL,
    payload     text     NOT NULL,
    PRIMARY KEY (bucket, profile, n, place)
);
CREATE INDEX outbox_feed ON outbox (feed, place);
CREATE TABLE key (
    made_at    bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    crc        bigint NOT NULL,
    id         text   PRIMARY KEY COLLATE "C",
    hash       bytea  NOT NULL,
    prefix     text   NOT NULL,
    name       text   NOT NULL,
    scopes     text   NOT NULL, -- JSON array
    hint       text   NOT NULL
);
CREATE TABLE secret (
    set_at bigint NOT NULL,
    crc    bigint NOT NULL,
    key    text   PRIMARY KEY COLLATE "C",
    sealed bytea  NOT NULL,
    actor  text   NOT NULL
);
CREATE TABLE checkpoint (
    crc      bigint NOT NULL,
    name     text   PRIMARY KEY COLLATE "C",
    position text   NOT NULL
);
