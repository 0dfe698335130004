-- Reports of rehearsals, the newest of them; and what they say of single members, which goes when those are erased.
-- The report has a checksum of its own, so that lists need not read it.
CREATE TABLE rehearsal (
    no         bigint  PRIMARY KEY,
    at         bigint  NOT NULL,
    since      bigint,
    until      bigint,
    crc        bigint  NOT NULL,
    report_crc bigint  NOT NULL,
    trusted    boolean NOT NULL,
    id         text    NOT NULL UNIQUE COLLATE "C",
    actor_id   text    NOT NULL,
    actor      text    NOT NULL,
    digest     text    NOT NULL,
    current    bytea,
    candidate  bytea   NOT NULL,
    report     text    NOT NULL
);
CREATE TABLE rehearsal_member (
    rehearsal bigint NOT NULL,
    place     bigint NOT NULL,
    crc       bigint NOT NULL,
    profile   bytea  NOT NULL,
    about     text   NOT NULL,
    PRIMARY KEY (rehearsal, place)
);
CREATE INDEX rehearsal_member_profile ON rehearsal_member (profile);
