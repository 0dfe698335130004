-- This store's own id, by which another one says where an environment is kept.
CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  BLOB    NOT NULL
) STRICT;
INSERT INTO store (one, id) VALUES (1, randomblob(16));
-- The store that keeps it, when that is not this one.
ALTER TABLE environment ADD COLUMN elsewhere BLOB;
