-- The log, how far each room has come, and the records beside it.

-- Log entries in commit order: ``pos`` rises by one per entry, over all rooms. A row is
-- a stretch of a room's log, of one entry or of some that one session said in one go:
-- they have their seqs, ``seq`` to ``last``, and their places one behind the other, and
-- all else in common. Not clustered by room: a batch touches few pages then.
CREATE TABLE log (
    pos      INTEGER PRIMARY KEY,
    last     INTEGER NOT NULL,
    room     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    -- One body behind the other; ``sizes`` says where each ends, as a JSON array of
    -- bytes, and is empty for one.
    body     BLOB NOT NULL,
    sizes    TEXT NOT NULL DEFAULT '',
    chain    BLOB NOT NULL,
    origin   INTEGER,
    cid      INTEGER,
    cid_hash INTEGER,
    ref      INTEGER,
    -- Of the first bodies, where one was blanked since: 16 bytes for each entry, zeros
    -- for one that was not.
    digest   BLOB
);

-- Where each room's entries are in the log. It is filled behind the commits, thousands
-- of rows at a time: every room has pages of its own here, and a batch over many rooms
-- would touch all of them. Of what is behind ``placed``, below, there is nothing here.
CREATE TABLE place (
    room INTEGER NOT NULL,
    last INTEGER NOT NULL,
    pos  INTEGER NOT NULL,
    PRIMARY KEY (room, last)
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

-- Stretches as reads see them, found by room and last seq.
CREATE VIEW stretch AS
    SELECT place.room, place.last, log.pos, seq, at, body, sizes, chain, origin, digest
    FROM place CROSS JOIN log ON log.pos = place.pos
    UNION ALL
    SELECT room, last, pos, seq, at, body, sizes, chain, origin, digest
    FROM log WHERE pos > (SELECT value FROM meta WHERE name = 'placed');
