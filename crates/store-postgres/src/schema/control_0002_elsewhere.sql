-- This store's own id, by which another one says where an environment is kept.
CREATE TABLE store (
    one smallint PRIMARY KEY CHECK (one = 1),
    id  bytea    NOT NULL
);
INSERT INTO store (one, id) VALUES (1, uuid_send(gen_random_uuid()));
-- The store that keeps it, when that is not this one. It has no schema and no role here then, or those of before.
ALTER TABLE environment ADD COLUMN elsewhere bytea;
