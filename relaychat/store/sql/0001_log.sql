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

-- Where each room's entries are in the log. It is filled behind the commits, thousands
-- of rows at a time: every room has pages of its own here, and a batch over many rooms
-- would touch all of them. Of what is behind ``placed``, below, there is nothing here.
CREATE TABLE place (
    room INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    pos  INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
) WITHOUT ROWID;

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

INSERT INTO meta (name, value) VALUES ('last_device', 0), ('placed', 0);

-- Entries as reads see them, found by room and seq.
CREATE VIEW entry AS
    SELECT place.room, place.seq, log.pos, at, body, chain, origin, digest
    FROM place CROSS JOIN log ON log.pos = place.pos
    UNION ALL
    SELECT room, seq, pos, at, body, chain, origin, digest
    FROM log WHERE pos > (SELECT value FROM meta WHERE name = 'placed');
