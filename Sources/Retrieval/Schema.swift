import GRDB

/// The tables, as named steps: a released step is never changed, a later one is added behind it.
enum Schema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 models, collections, items, thumbnails") { db in try db.execute(sql: first) }
    migrator.registerMigration("2 precision of a collection") { db in try db.execute(sql: second) }
    return migrator
  }

  /// `STRICT`, so that a column holds what its declaration says whoever writes it.
  ///
  /// - `collection.revision` grows with every transaction that changes the collection; the device's copy knows the
  ///   revision that it reflects.
  /// - `item.row` is the insertion order, never used twice.
  /// - `item.embedding` (little-endian f32) comes last, so that reading what stands before it does not touch its pages.
  private static let first = """
    CREATE TABLE model (
      key INTEGER PRIMARY KEY,
      fingerprint TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      dimension INTEGER NOT NULL,
      header TEXT NOT NULL
    ) STRICT;

    CREATE TABLE collection (
      key INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE,
      model INTEGER NOT NULL REFERENCES model (key),
      dimension INTEGER NOT NULL CHECK (dimension > 0),
      count INTEGER NOT NULL DEFAULT 0 CHECK (count >= 0),
      bytes INTEGER NOT NULL DEFAULT 0,
      revision INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    CREATE TABLE item (
      row INTEGER PRIMARY KEY AUTOINCREMENT,
      collection INTEGER NOT NULL REFERENCES collection (key) ON DELETE CASCADE,
      id TEXT NOT NULL,
      label TEXT,
      slide TEXT,
      patient TEXT,
      site TEXT,
      region_x INTEGER,
      region_y INTEGER,
      region_width INTEGER,
      region_height INTEGER,
      level INTEGER,
      mpp REAL,
      source TEXT,
      image_sha256 BLOB CHECK (length(image_sha256) = 32),
      time REAL NOT NULL,
      encoder_variant TEXT,
      encoder_precision TEXT,
      encoder_version TEXT,
      metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
      embedding BLOB NOT NULL,
      UNIQUE (collection, id)
    ) STRICT;
    CREATE INDEX item_by_collection ON item (collection);
    CREATE INDEX item_by_label ON item (collection, label);
    CREATE INDEX item_by_slide ON item (collection, slide);
    CREATE INDEX item_by_patient ON item (collection, patient);
    CREATE INDEX item_by_site ON item (collection, site);

    CREATE TABLE thumbnail (
      row INTEGER PRIMARY KEY REFERENCES item (row) ON DELETE CASCADE,
      jpeg BLOB NOT NULL
    ) STRICT;
    """

  /// The precision at which a collection's images are encoded, queries too. Before this step there was only f32.
  private static let second = "ALTER TABLE collection ADD COLUMN precision TEXT NOT NULL DEFAULT 'f32'"
}
