"""Plain SQLite as the patient of the power-cut harness.

    sqlite_rows.py write FILE SYNCHRONOUS ROWS LOG   commits rows one by one; after each, prints the log's length
    sqlite_rows.py read FILE                         prints how many rows are there; fails when they have gaps
"""

import os
import sqlite3
import sys


def write(file, synchronous, rows, log):
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint = 40")
    connection.execute("CREATE TABLE row (n INTEGER PRIMARY KEY, filler BLOB NOT NULL)")
    for n in range(1, int(rows) + 1):
        connection.execute("INSERT INTO row VALUES (?, randomblob(700))", (n,))
        print(os.stat(log).st_size, flush=True)
    os._exit(0)  # without closing: no last checkpoint


def read(file):
    connection = sqlite3.connect(file)
    verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        sys.exit(f"integrity_check: {verdict}")
    has_table = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'row'").fetchone()[0]
    count, last = connection.execute("SELECT count(*), coalesce(max(n), 0) FROM row").fetchone() if has_table else (0, 0)
    if count != last:
        sys.exit(f"{count} rows, but the last is {last}")
    print(count)


{"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])
