-- Keys claimed lately, a commit's in one row: key, length of the entry, entry as above, and so on. They are carried
-- over into the directory sorted, many at a time. What stands here counts before what stands there.
CREATE TABLE claimed (
    no      INTEGER PRIMARY KEY,
    entries BLOB    NOT NULL,
    crc     INTEGER NOT NULL
) STRICT;
