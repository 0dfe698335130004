-- Every row ends in a checksum over all that it says (`crc`), verified whenever it is read. Times are
-- microseconds since 1970. Hashes and ids are raw bytes.

-- Who this is, and how far it has come. One row each.
CREATE TABLE identity (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    id            BLOB    NOT NULL,
    name          TEXT    NOT NULL,
    live          INTEGER NOT NULL,
    incarnation   INTEGER NOT NULL,
    directory_key BLOB    NOT NULL,
    crc           INTEGER NOT NULL
) STRICT;
CREATE TABLE position (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    changes INTEGER NOT NULL, -- transactions so far, of any kind
    seq     INTEGER NOT NULL, -- the journal's last row
    records INTEGER NOT NULL, -- how many of its rows belong to profiles
    epoch   INTEGER NOT NULL, -- the control stream's last position
    crc     INTEGER NOT NULL
) STRICT;

-- ---- the journal ---------------------------------------------------------------------------------------

-- Append-only but for erased bodies. `prev` is the `seq` of the same stream's previous record: a stream is
-- read by walking back from its tail, so that no index with random keys is needed.
CREATE TABLE journal (
    seq      INTEGER PRIMARY KEY,
    stream   BLOB    NOT NULL,
    n        INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    prev     INTEGER NOT NULL,
    crc      INTEGER NOT NULL,
    body_crc INTEGER,
    header   BLOB    NOT NULL,
    body     BLOB
) STRICT;
-- Where the control stream's records stand.
CREATE TABLE control (
    n   INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;
-- The tails of quarantine streams, and whose events they hold.
CREATE TABLE quarantine_stream (
    message  BLOB    PRIMARY KEY,
    n        INTEGER NOT NULL,
    tail_seq INTEGER NOT NULL,
    identity BLOB,
    crc      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_stream_identity ON quarantine_stream (identity) WHERE identity IS NOT NULL;
-- Streams whose bodies are gone for good. `pending`: brought back by a restore, to be erased again.
CREATE TABLE erasure (
    stream  BLOB    PRIMARY KEY,
    at      INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    crc     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- ---- views ---------------------------------------------------------------------------------------------

CREATE TABLE directory (
    key   BLOB PRIMARY KEY, -- kind, then the hash
    entry BLOB NOT NULL     -- packed, with its checksum
) STRICT, WITHOUT ROWID;
-- Manifests that profiles were decided under, numbered, with how many profiles stand at each.
CREATE TABLE manifest (
    no       INTEGER PRIMARY KEY,
    hash     BLOB    NOT NULL UNIQUE,
    profiles INTEGER NOT NULL,
    crc      INTEGER NOT NULL
) STRICT;
CREATE TABLE profile (
    no          INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    n           INTEGER NOT NULL,
    tail_seq    INTEGER NOT NULL,
    manifest_no INTEGER NOT NULL,
    due_at      INTEGER,
    crc         INTEGER NOT NULL,
    tail        BLOB    NOT NULL,
    state       BLOB    NOT NULL
) STRICT;
CREATE INDEX profile_due ON profile (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX profile_manifest ON profile (manifest_no);
CREATE TABLE audience (
    no      INTEGER PRIMARY KEY,
    key     TEXT    NOT NULL UNIQUE,
    members INTEGER NOT NULL,
    crc     INTEGER NOT NULL
) STRICT;
CREATE TABLE membership (
    audience_no INTEGER NOT NULL,
    profile     BLOB    NOT NULL,
    since       INTEGER NOT NULL,
    crc         INTEGER NOT NULL,
    PRIMARY KEY (audience_no, profile)
) STRICT, WITHOUT ROWID;
CREATE TABLE search (
    trait   TEXT    NOT NULL,
    value   TEXT    NOT NULL,
    profile BLOB    NOT NULL,
    crc     INTEGER NOT NULL,
    PRIMARY KEY (trait, value, profile)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_profile ON search (profile);
CREATE TABLE sum (
    currency TEXT    NOT NULL,
    account  INTEGER NOT NULL,
    amount   INTEGER NOT NULL,
    crc      INTEGER NOT NULL,
    PRIMARY KEY (currency, account)
) STRICT, WITHOUT ROWID;
CREATE TABLE counter (
    key  TEXT    PRIMARY KEY,
    used INTEGER NOT NULL,
    n    INTEGER NOT NULL,
    crc  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
    message  BLOB    PRIMARY KEY,
    identity BLOB,
    at       INTEGER NOT NULL,
    name     TEXT,
    code     TEXT    NOT NULL,
    errors   TEXT    NOT NULL,
    crc      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_at ON quarantine (at, message);

-- ---- configuration -------------------------------------------------------------------------------------

CREATE TABLE object (
    hash      BLOB    PRIMARY KEY,
    canonical TEXT    NOT NULL,
    crc       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE revision (
    no        INTEGER PRIMARY KEY,
    id        BLOB    NOT NULL UNIQUE,
    manifest  BLOB    NOT NULL,
    canonical TEXT    NOT NULL,
    made_at   INTEGER NOT NULL,
    crc       INTEGER NOT NULL
) STRICT;
CREATE TABLE promotion (
    no              INTEGER PRIMARY KEY,
    epoch           INTEGER NOT NULL,
    source          TEXT    NOT NULL,
    source_manifest BLOB    NOT NULL,
    source_revision BLOB,
    digest          TEXT    NOT NULL,
    plan            TEXT    NOT NULL,
    actor           TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    crc             INTEGER NOT NULL
) STRICT;
-- The environment's own due work: schedules that begin or end.
CREATE TABLE schedule (
    address TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    crc     INTEGER NOT NULL,
    PRIMARY KEY (at, address)
) STRICT, WITHOUT ROWID;

-- ---- outside state -------------------------------------------------------------------------------------

-- Named by the journal row that made it, so that a profile's rows are found by walking its stream.
CREATE TABLE outbox (
    seq         INTEGER NOT NULL,
    place       INTEGER NOT NULL,
    profile     BLOB    NOT NULL,
    n           INTEGER NOT NULL,
    channel     TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    payload     TEXT    NOT NULL,
    crc         INTEGER NOT NULL,
    PRIMARY KEY (seq, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE key (
    id         TEXT    PRIMARY KEY,
    hash       BLOB    NOT NULL,
    prefix     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    scopes     TEXT    NOT NULL, -- JSON array
    made_at    INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    hint       TEXT    NOT NULL,
    crc        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE secret (
    key    TEXT    PRIMARY KEY,
    sealed BLOB    NOT NULL,
    set_at INTEGER NOT NULL,
    actor  TEXT    NOT NULL,
    crc    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
    name     TEXT    PRIMARY KEY,
    position TEXT    NOT NULL,
    crc      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
