-- What an environment's role may do, granted anew after every migration. It owns nothing: it can neither
-- change a table nor drop one. Of the journal it may take away bodies, and nothing else.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT INSERT ON journal, control TO {role};
GRANT UPDATE (body, body_crc, crc) ON journal TO {role};
-- The whole table, since that is what locking it asks for.
GRANT UPDATE ON head TO {role};
GRANT USAGE, SELECT ON SEQUENCE feed_no TO {role};
GRANT INSERT, UPDATE ON tally, quarantine_stream, erasure, object, revision, promotion, outbox, key, secret, checkpoint
    TO {role};
GRANT DELETE ON secret TO {role};
GRANT INSERT, UPDATE, DELETE ON directory, profile, manifest, membership, audience, search, account_sum, counter,
    quarantine, schedule, rehearsal, rehearsal_member, node, duty TO {role};
