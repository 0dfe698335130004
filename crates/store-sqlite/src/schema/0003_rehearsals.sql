-- Reports of rehearsals, the newest of them; and what they say of single members, which goes when those are erased.
-- The report has a checksum of its own, so that lists need not read it.
CREATE TABLE rehearsal (
    no         INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    at         INTEGER NOT NULL,
    actor_id   TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    current    BLOB,
    candidate  BLOB    NOT NULL,
    since      INTEGER,
    until      INTEGER,
    trusted    INTEGER NOT NULL,
    crc        INTEGER NOT NULL,
    report_crc INTEGER NOT NULL,
    report     TEXT    NOT NULL
) STRICT;
CREATE TABLE rehearsal_member (
    rehearsal INTEGER NOT NULL,
    place     INTEGER NOT NULL,
    profile   BLOB    NOT NULL,
    about     TEXT    NOT NULL,
    crc       INTEGER NOT NULL,
    PRIMARY KEY (rehearsal, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX rehearsal_member_profile ON rehearsal_member (profile);
