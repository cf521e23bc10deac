"""The schema, as the steps that led to it. A step that has been released is never changed."""

MIGRATIONS = (
    """
    CREATE TABLE pictures (
        sha256 TEXT PRIMARY KEY,
        width_px INTEGER NOT NULL,
        height_px INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE events (
        id TEXT PRIMARY KEY,               -- UUIDv7: sorts by time of making
        revision INTEGER NOT NULL,
        camera TEXT NOT NULL,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        box_left REAL NOT NULL, box_top REAL NOT NULL, box_right REAL NOT NULL, box_bottom REAL NOT NULL,
        started_wall_s REAL NOT NULL, started_boot_s REAL NOT NULL,
        seen_wall_s REAL NOT NULL, seen_boot_s REAL NOT NULL,
        boot_id TEXT NOT NULL,             -- the boot that the *_boot_s count from
        end_reason TEXT,                   -- NULL: still there
        source TEXT,
        picture TEXT REFERENCES pictures (sha256)
    ) WITHOUT ROWID;
    CREATE INDEX events_open ON events (id) WHERE end_reason IS NULL;

    CREATE TABLE event_pictures (          -- every picture that was announced for an event, not only the best
        event TEXT NOT NULL REFERENCES events (id),
        picture TEXT NOT NULL REFERENCES pictures (sha256),
        PRIMARY KEY (event, picture)
    ) WITHOUT ROWID;

    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        payload BLOB NOT NULL
    );

    CREATE TABLE stills (                  -- stored pictures that are done
        camera TEXT NOT NULL,
        path TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        problem TEXT,                      -- why it could not be read
        PRIMARY KEY (camera, path)
    ) WITHOUT ROWID;
    """,
    """
    -- What a second look found; key points as JSON: [[name, x, y, score], ...]
    ALTER TABLE events ADD COLUMN sub_label TEXT;
    ALTER TABLE events ADD COLUMN sub_score REAL;
    ALTER TABLE events ADD COLUMN keypoints TEXT;
    """,
    """
    CREATE TABLE requests (                -- what was asked for already; the newest thousand
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        action TEXT NOT NULL,
        begun_wall_s REAL NOT NULL,
        answer BLOB                        -- NULL: begun, and cut off before its end
    );
    """,
    """
    -- Everything that belongs to an event lies beside it in the file, in the order of keeping: writing and deleting touch few pages,
    -- however many are kept. So pictures are rows of their event, and only those that several rows name are also in shared_pictures.
    CREATE TABLE new_events (
        number INTEGER PRIMARY KEY,        -- in the order of keeping
        id TEXT NOT NULL UNIQUE,           -- UUIDv7: sorts by time of making
        revision INTEGER NOT NULL,
        camera TEXT NOT NULL,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        box_left REAL NOT NULL, box_top REAL NOT NULL, box_right REAL NOT NULL, box_bottom REAL NOT NULL,
        started_wall_s REAL NOT NULL, started_boot_s REAL NOT NULL,
        seen_wall_s REAL NOT NULL, seen_boot_s REAL NOT NULL,
        boot_id TEXT NOT NULL,             -- the boot that the *_boot_s count from
        end_reason TEXT,                   -- NULL: still there
        source TEXT,
        picture TEXT,                      -- sha256 of one of its event_pictures
        sub_label TEXT,
        sub_score REAL,
        keypoints TEXT,                    -- as JSON: [[name, x, y, score], ...]
        day INTEGER NOT NULL,              -- of started_wall_s in local time, counted from 1970-01-01
        clock TEXT NOT NULL DEFAULT 'synchronised',
        kept INTEGER NOT NULL DEFAULT 0    -- 1: a favourite, never deleted
    );
    INSERT INTO new_events
        SELECT NULL, id, revision, camera, label, score, box_left, box_top, box_right, box_bottom, started_wall_s, started_boot_s,
            seen_wall_s, seen_boot_s, boot_id, end_reason, source, picture, sub_label, sub_score, keypoints,
            CAST(strftime('%s', started_wall_s, 'unixepoch', 'localtime', 'start of day') AS INTEGER) / 86400, 'synchronised', 0
        FROM events ORDER BY id;
    CREATE TABLE new_event_pictures (      -- every picture that was announced for an event, not only the best
        event TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        width_px INTEGER NOT NULL,
        height_px INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        secured INTEGER NOT NULL DEFAULT 0,   -- 1: in a backup
        PRIMARY KEY (event, sha256)
    ) WITHOUT ROWID;
    INSERT INTO new_event_pictures
        SELECT l.event, p.sha256, p.width_px, p.height_px, p.size_bytes, 0 FROM event_pictures l JOIN pictures p ON p.sha256 = l.picture;
    CREATE TABLE shared_pictures (         -- files that more than one row of event_pictures names
        sha256 TEXT PRIMARY KEY,
        uses INTEGER NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO shared_pictures SELECT sha256, count(*) FROM new_event_pictures GROUP BY sha256 HAVING count(*) > 1;
    CREATE TABLE totals (                  -- of the files on the card, each counted once
        what TEXT PRIMARY KEY,
        bytes INTEGER NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO totals SELECT 'pictures', coalesce(sum(size_bytes), 0) FROM pictures;
    CREATE TABLE to_unlink (               -- files that no row names any more and that are still to be removed
        path TEXT PRIMARY KEY              -- below the data folder
    ) WITHOUT ROWID;

    DROP TABLE event_pictures;
    DROP TABLE events;
    DROP TABLE pictures;
    ALTER TABLE new_events RENAME TO events;
    ALTER TABLE new_event_pictures RENAME TO event_pictures;
    CREATE INDEX events_open ON events (id) WHERE end_reason IS NULL;
    CREATE INDEX events_unsynchronised ON events (boot_id) WHERE clock = 'unsynchronised';
    CREATE INDEX events_by_day ON events (day);
    CREATE INDEX events_by_label ON events (label, day);
    CREATE INDEX events_by_camera ON events (camera, day);

    CREATE TABLE day_counts (              -- kept right by the triggers below
        day INTEGER NOT NULL,
        camera TEXT NOT NULL,
        label TEXT NOT NULL,
        events INTEGER NOT NULL,
        PRIMARY KEY (day, camera, label)
    ) WITHOUT ROWID;
    INSERT INTO day_counts SELECT day, camera, label, count(*) FROM events GROUP BY day, camera, label;
    CREATE TRIGGER events_counted AFTER INSERT ON events BEGIN
        INSERT INTO day_counts VALUES (NEW.day, NEW.camera, NEW.label, 1) ON CONFLICT DO UPDATE SET events = events + 1; END;
    CREATE TRIGGER events_uncounted AFTER DELETE ON events BEGIN
        UPDATE day_counts SET events = events - 1 WHERE day = OLD.day AND camera = OLD.camera AND label = OLD.label; END;
    CREATE TRIGGER events_recounted AFTER UPDATE OF day ON events WHEN OLD.day <> NEW.day BEGIN
        UPDATE day_counts SET events = events - 1 WHERE day = OLD.day AND camera = OLD.camera AND label = OLD.label; \
        INSERT INTO day_counts VALUES (NEW.day, NEW.camera, NEW.label, 1) ON CONFLICT DO UPDATE SET events = events + 1; END;
    CREATE TRIGGER day_counts_ended AFTER UPDATE ON day_counts WHEN NEW.events = 0 BEGIN
        DELETE FROM day_counts WHERE day = NEW.day AND camera = NEW.camera AND label = NEW.label; END;
    """,
    """
    CREATE TABLE works (                   -- background work; times are work time, see edge/work/clock.py
        id TEXT PRIMARY KEY,
        name TEXT,
        worker TEXT NOT NULL,
        state TEXT NOT NULL,
        expedited INTEGER NOT NULL,
        request TEXT NOT NULL,             -- JSON, as it was asked for
        needs TEXT NOT NULL,               -- JSON of its constraints: works with the same are judged together
        calendar INTEGER NOT NULL,
        content INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        runs INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        periods INTEGER NOT NULL,
        first_enqueued_s REAL NOT NULL,
        enqueued_s REAL NOT NULL,
        started_s REAL,
        due_s REAL NOT NULL,
        finished_s REAL,
        added_wall_s REAL NOT NULL,
        changed_first_s REAL, changed_last_s REAL,
        signature TEXT NOT NULL,
        output TEXT NOT NULL,
        progress TEXT NOT NULL,
        stop_reason TEXT NOT NULL,
        message TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX works_due ON works (due_s) WHERE state = 'enqueued';
    CREATE INDEX works_needs ON works (needs, due_s) WHERE state = 'enqueued';
    CREATE INDEX works_running ON works (id) WHERE state = 'running';
    CREATE INDEX works_calendar ON works (id) WHERE calendar AND state = 'enqueued';
    CREATE INDEX works_content ON works (id) WHERE content AND state = 'enqueued';
    CREATE INDEX works_expedited ON works (first_enqueued_s) WHERE expedited;
    CREATE INDEX works_finished ON works (finished_s) WHERE finished_s IS NOT NULL;
    CREATE INDEX works_name ON works (name);

    CREATE TABLE work_tags (
        tag TEXT NOT NULL,
        work TEXT NOT NULL REFERENCES works (id) ON DELETE CASCADE,
        PRIMARY KEY (tag, work)
    ) WITHOUT ROWID;
    CREATE INDEX work_tags_work ON work_tags (work);

    CREATE TABLE work_parents (
        work TEXT NOT NULL REFERENCES works (id) ON DELETE CASCADE,
        parent TEXT NOT NULL REFERENCES works (id) ON DELETE CASCADE,
        PRIMARY KEY (work, parent)
    ) WITHOUT ROWID;
    CREATE INDEX work_parents_parent ON work_parents (parent);

    CREATE TABLE work_clock (              -- one row: where work time stood when the clocks were last read
        one INTEGER PRIMARY KEY CHECK (one = 1),
        t_s REAL NOT NULL,
        boot_s REAL NOT NULL,
        boot_id TEXT NOT NULL,
        sure_t_s REAL NOT NULL,
        sure_wall_s REAL NOT NULL,
        sure_boot_id TEXT NOT NULL,
        offset_s REAL NOT NULL
    );    """,
    """
    CREATE TABLE retained (                -- topics that the broker keeps for us
        topic TEXT PRIMARY KEY,
        gone_wall_s REAL                   -- since when it is empty; NULL: it is not
    ) WITHOUT ROWID;
    CREATE TABLE labels_seen (
        number INTEGER PRIMARY KEY,        -- in the order of the first time
        camera TEXT NOT NULL,
        label TEXT NOT NULL,
        event TEXT NOT NULL,               -- a late one, if not the last: written now and then
        UNIQUE (camera, label)
    );
    INSERT INTO labels_seen SELECT NULL, camera, label, max(id) FROM events GROUP BY camera, label ORDER BY min(id);
    """,
    """
    CREATE TABLE written_days (            -- what the program wrote to the card
        day INTEGER PRIMARY KEY,
        bytes INTEGER NOT NULL
    );
    """,
    """
    CREATE TABLE clips (
        id TEXT PRIMARY KEY,               -- UUIDv7: sorts by time of making
        camera TEXT NOT NULL,
        trigger TEXT NOT NULL,             -- track, button, command
        started_wall_s REAL NOT NULL, started_boot_s REAL NOT NULL,
        boot_id TEXT NOT NULL,
        duration_s REAL NOT NULL,
        size_bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        secured INTEGER NOT NULL DEFAULT 0    -- 1: in a backup
    ) WITHOUT ROWID;

    CREATE TABLE event_clips (
        event TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
        clip TEXT NOT NULL REFERENCES clips (id) ON DELETE CASCADE,
        PRIMARY KEY (event, clip)
    ) WITHOUT ROWID;
    CREATE INDEX event_clips_clip ON event_clips (clip);
    """,
    """
    -- Where a thing was; zones as JSON: [name, ...], path as JSON: [[x, y, seconds], ...]
    ALTER TABLE events ADD COLUMN zones TEXT;
    ALTER TABLE events ADD COLUMN current_zones TEXT;
    ALTER TABLE events ADD COLUMN stationary INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE events ADD COLUMN path TEXT;

    CREATE TABLE switches (                -- what a person has set by hand
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        at_wall_s REAL NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE counts (                  -- who crossed the counting lines
        line TEXT NOT NULL,
        day INTEGER NOT NULL,              -- as in events
        label TEXT NOT NULL,
        way TEXT NOT NULL,
        crossings INTEGER NOT NULL,
        PRIMARY KEY (line, day, label, way)
    ) WITHOUT ROWID;
    """,
    """
    -- What goes first when the outbox is full, and how many went.
    ALTER TABLE outbox ADD COLUMN importance INTEGER NOT NULL DEFAULT 1;
    CREATE TABLE outbox_dropped (
        importance INTEGER PRIMARY KEY,
        messages INTEGER NOT NULL
    );
    """,
    """
    -- What a backup has still to take, and what it has taken; triggers that fill the first are made when a backup is set up.
    CREATE TABLE backup_changes (
        seq INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,                -- event, clip
        id TEXT NOT NULL
    );
    CREATE TABLE backup_packs (
        number INTEGER PRIMARY KEY,        -- as in the column secured of event_pictures and clips
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        files INTEGER NOT NULL,
        live INTEGER NOT NULL              -- rows that name it
    );
    CREATE TABLE backup_layers (           -- of the database, as the last snapshot has it
        number INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,                -- copy, rows
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL
    );
    CREATE TABLE backup_state (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE switches_undated (        -- those that were set while the clock was not, until their time is put right
        name TEXT PRIMARY KEY,             -- as in switches
        boot_id TEXT NOT NULL,             -- the boot that at_boot_s counts from
        at_boot_s REAL NOT NULL
    ) WITHOUT ROWID;
    """,
)

HARMLESS: frozenset[int] = frozenset({12})
"""Steps, counted from 1, that a program which does not know them does not notice: a new table or index, and nothing else.

Behind any other step an older program cannot use the database: before it a copy is kept (`database.go_back`)."""
