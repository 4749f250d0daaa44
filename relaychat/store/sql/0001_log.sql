-- The log, how far each room has come, and the records beside it.

-- One row per log entry, in commit order: ``pos`` rises by one per row, over all rooms.
-- Not clustered by room: a batch touches few pages then.
CREATE TABLE log (
    pos      INTEGER PRIMARY KEY,
    room     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    body     BLOB NOT NULL,
    chain    BLOB NOT NULL,
    origin   INTEGER,
    cid      INTEGER,
    cid_hash INTEGER,
    ref      INTEGER,
    -- Of the first body, where it was blanked since.
    digest   BLOB
);

CREATE UNIQUE INDEX log_room_seq ON log (room, seq);

CREATE UNIQUE INDEX log_origin_cid ON log (origin, cid) WHERE cid IS NOT NULL;

CREATE INDEX log_room_ref ON log (room, ref) WHERE ref IS NOT NULL;

-- The last entry of each room's log.
CREATE TABLE head (
    room   INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    chain  BLOB NOT NULL,
    sealed INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE record (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- Counters that outlive what they counted.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('last_device', 0);
